//! Which messages a script means.

use std::fmt;

use labrpc::Passing;
use report::{Check, Fields, Named, Purpose};

/// Which messages a script means. They are told by what they say, whatever they are called.
///
/// ```
/// use config::{Messages, Purpose};
///
/// // What server 0 asks server 2 in an election, and what server 2 answers.
/// let requests = Messages::requests(Purpose::Vote).from(0).to(2);
/// let replies = Messages::replies(Purpose::Vote).from(2).to(0);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Messages {
    leg: Leg,
    purpose: Option<Purpose>,
    from: Option<usize>,
    to: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leg {
    Request,
    Reply,
}

impl Messages {
    /// All requests of a kind.
    #[must_use]
    pub fn requests(purpose: Purpose) -> Messages {
        Messages { leg: Leg::Request, purpose: Some(purpose), from: None, to: None }
    }

    /// All replies to requests of a kind.
    #[must_use]
    pub fn replies(purpose: Purpose) -> Messages {
        Messages { leg: Leg::Reply, ..Messages::requests(purpose) }
    }

    /// All requests, of whatever kind. Where answers are calls of their own, these aren't among them.
    #[must_use]
    pub fn all_requests() -> Messages {
        Messages { leg: Leg::Request, purpose: None, from: None, to: None }
    }

    /// All replies, to requests of whatever kind.
    #[must_use]
    pub fn all_replies() -> Messages {
        Messages { leg: Leg::Reply, ..Messages::all_requests() }
    }

    /// Of these, those that `server` sends. The server that was asked sends the reply.
    #[must_use]
    pub fn from(self, server: usize) -> Messages {
        Messages { from: Some(server), ..self }
    }

    /// Of these, those that go to `server`.
    #[must_use]
    pub fn to(self, server: usize) -> Messages {
        Messages { to: Some(server), ..self }
    }

    /// What they are for; `None` if that doesn't matter.
    pub(crate) fn purpose(self) -> Option<Purpose> {
        self.purpose
    }

    /// What is demanded where they should come.
    pub(crate) fn demanded(self) -> Check {
        match (self.purpose, self.leg) {
            // A server that hears from nobody asks for votes.
            (Some(Purpose::Vote), _) | (None, Leg::Request) => Check::OneLeader,
            (Some(Purpose::Append), _) | (None, Leg::Reply) => Check::Replicated,
            // A leader sends its snapshot if it has cut its log.
            (Some(Purpose::Snapshot), Leg::Request) => {
                Check::LogCut { server: self.from.map(|server| server as u32) }
            }
            (Some(Purpose::Snapshot), Leg::Reply) => Check::Replicated,
            (Some(Purpose::Other), _) => Check::Script,
        }
    }

    /// Whether the requests that a server sends to another can be among them, or have replies that are. Of
    /// some it isn't known whom they are sent to.
    pub(crate) fn are_between(self, caller: usize, callee: Option<usize>) -> bool {
        let (from, to) = match self.leg {
            Leg::Request => (self.from, self.to),
            Leg::Reply => (self.to, self.from),
        };
        from.is_none_or(|from| from == caller)
            && to.is_none_or(|to| callee.is_none_or(|callee| callee == to))
    }

    pub(crate) fn has(self, passing: Passing<'_>) -> bool {
        let Passing { caller, callee, method, args, reply } = passing;
        let (leg, from, to) = match reply {
            None => (Leg::Request, caller, callee),
            Some(_) => (Leg::Reply, callee, caller),
        };
        leg == self.leg
            && self.from.is_none_or(|server| server == from)
            && self.to.is_none_or(|server| server == to)
            && match self.purpose {
                Some(purpose) => Purpose::of(method, &args.fields()) == purpose,
                None => reply.is_some() || !is_answer(method, &args.fields()),
            }
    }
}

impl fmt::Display for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.purpose {
            Some(Purpose::Vote) => "RequestVote ",
            Some(Purpose::Append) => "AppendEntries ",
            Some(Purpose::Snapshot) => "InstallSnapshot ",
            Some(Purpose::Other) => "other ",
            None => "",
        };
        f.write_str(kind)?;
        f.write_str(if self.leg == Leg::Request { "requests" } else { "replies" })?;
        self.from.map_or(Ok(()), |from| write!(f, " from server {from}"))?;
        self.to.map_or(Ok(()), |to| write!(f, " to server {to}"))
    }
}

/// Whether a call answers another: some Rafts send answers as calls of their own.
pub(crate) fn is_answer(method: &str, args: &Fields) -> bool {
    args.is_answer() || Named::of(method, args) == Some(Named::Answer)
}
