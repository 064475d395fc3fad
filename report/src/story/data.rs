//! The plain data of a story: what happened to servers, and what they did, one type for each kind.

use std::borrow::Cow;
use std::fmt;

use crate::event::{Caller, Detail, NetworkChange, TaskEnding, Time};
use crate::payload::Payload;

/// Something that happened to a server, as a place in one of the story's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// A call was sent.
    Sent(usize),
    /// Its handler began.
    Delivered(usize),
    /// Its handler ended.
    Handled(usize),
    /// It returned to its caller.
    Returned(usize),
    /// A server came to life: which, and its life's place.
    Started(u32, usize),
    /// It was crashed.
    Crashed(u32, usize),
    /// It was seen to be something: which, and the view's place.
    Viewed(u32, usize),
    /// It accepted a command.
    Proposed(usize),
    /// It applied something.
    Applied(usize),
    /// It was given a snapshot.
    Snapshotted(usize),
    /// It saved its state.
    Saved(usize),
}

/// A server is proven to have reached a term: whoever sends, votes, obeys or answers in a term has saved
/// it, and keeps it.
#[derive(Clone, Copy, Debug)]
pub struct Reached {
    /// Since when that is proven, as the place of a [`Moment`].
    pub place: usize,
    /// The term.
    pub term: u64,
    /// The call that proves it, as a place in `Story::calls`.
    pub proof: usize,
}

/// A point in a history: events at one time have an order, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// When it was.
    pub at: Time,
    /// The event's place in the history.
    pub place: usize,
}

/// One life of a server.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    /// Which, from 1.
    pub incarnation: u32,
    /// When it began.
    pub from: Moment,
    /// When it was crashed; `None` if it wasn't.
    pub until: Option<Moment>,
}

impl Life {
    /// Whether the server was in this life at `at`.
    #[must_use]
    pub fn covers(&self, at: Time) -> bool {
        self.from.at <= at && self.until.is_none_or(|until| at < until.at)
    }

    /// Whether something happened in this life, as far as it did happen.
    #[must_use]
    pub fn has(&self, moment: Option<Moment>) -> bool {
        let is_before_end = |moment| self.until.is_none_or(|until| moment < until);
        moment.is_some_and(|moment| self.from <= moment && is_before_end(moment))
    }
}

/// A server's link was switched.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// When.
    pub moment: Moment,
    /// Whether it has been connected since.
    pub is_up: bool,
}

/// What a server was seen to be.
#[derive(Clone, Debug)]
pub struct View {
    /// When.
    pub moment: Moment,
    /// In which life.
    pub incarnation: u32,
    /// Its term.
    pub term: u64,
    /// Whether it said that it leads.
    pub is_leader: bool,
    /// What else it told.
    pub detail: Option<Detail>,
}

/// What a script can do to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// Starts it again.
    Start,
    /// Crashes it.
    Crash,
    /// Connects it with all others that are connected.
    Connect,
    /// Cuts it off from all others.
    CutOff,
}

impl Act {
    /// As a request: `cut off`.
    #[must_use]
    pub fn verb(self) -> &'static str {
        match self {
            Act::Start => "start",
            Act::Crash => "crash",
            Act::Connect => "connect",
            Act::CutOff => "cut off",
        }
    }

    /// When it is over: `crashed`.
    #[must_use]
    pub fn past(self) -> &'static str {
        match self {
            Act::Start => "started",
            Act::Crash => "crashed",
            Act::Connect => "connected",
            Act::CutOff => "cut off",
        }
    }
}

/// What the script did.
#[derive(Clone, Debug)]
pub struct Step {
    /// When.
    pub moment: Moment,
    /// What, in the tester's words.
    pub what: Cow<'static, str>,
    /// The script's file and line, where it is known.
    pub line: Option<(Cow<'static, str>, u32)>,
    /// Whether it changed the cluster or the network; else it checked or waited.
    pub is_fault: bool,
    /// What it did to which server; `None` if it was something else that it did.
    pub server: Option<(Act, u32)>,
    /// How it changed the network; `None` if it was something else that it did.
    pub network: Option<NetworkChange>,
    /// Whether a change of the cluster is to follow that says more: that takes this step's place.
    pub(crate) announces: bool,
}

/// A look for a leader.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// When.
    pub moment: Moment,
    /// Which of the checker's looks, from 1.
    pub round: u32,
    /// How many it has.
    pub rounds: u32,
    /// Whom it found.
    pub leader: Option<u32>,
}

/// A command that a server accepted.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// When.
    pub moment: Moment,
    /// The server.
    pub server: Caller,
    /// The index that it promised.
    pub index: u64,
    /// Its term.
    pub term: u64,
    /// The command.
    pub command: Payload,
}

/// A server began to refuse the tester's commands.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// When.
    pub moment: Moment,
    /// The server.
    pub server: Caller,
}

/// A task of a server's ended, and the server lived on.
#[derive(Clone, Debug)]
pub struct TaskEnd {
    /// When it ended.
    pub moment: Moment,
    /// The server.
    pub server: Caller,
    /// The file and the line that spawned it.
    pub spawned: (Cow<'static, str>, u32),
    /// When it was spawned.
    pub began: Time,
    /// How it ended.
    pub how: TaskEnding,
}

impl TaskEnd {
    /// The line that spawned it.
    #[must_use]
    pub fn place(&self) -> String {
        let (file, line) = &self.spawned;
        format!("{file}:{line}")
    }
}

/// Something that a server applied.
#[derive(Clone, Debug)]
pub struct Applied {
    /// When.
    pub moment: Moment,
    /// The server.
    pub server: Caller,
    /// The index; of a snapshot the last that it covers.
    pub index: u64,
    /// The command; `None` for a snapshot.
    pub command: Option<Payload>,
    /// A snapshot's size, in bytes; 0 for a command.
    pub bytes: u64,
}

/// The tester had a server make a snapshot.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot {
    /// When.
    pub moment: Moment,
    /// The server.
    pub server: Caller,
    /// The last index that it covers.
    pub index: u64,
}

/// A snapshot that a server has, as far as is known: it was given it, or has applied one.
#[derive(Clone, Copy, Debug)]
pub struct HeldSnapshot {
    /// Since when.
    pub moment: Moment,
    /// In which life it came to it.
    pub server: Caller,
    /// The last index that it covers.
    pub index: u64,
    /// Whether a leader sent it; else the server's own service made it.
    pub is_installed: bool,
}

impl fmt::Display for HeldSnapshot {
    /// How its server came to it: `installed a snapshot up to index 3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.is_installed { "installed" } else { "was given" };
        write!(f, "{how} a snapshot up to index {}", self.index)
    }
}

/// A server saved its state.
#[derive(Clone, Copy, Debug)]
pub struct Save {
    /// When.
    pub moment: Moment,
    /// The server.
    pub server: Caller,
    /// The state's size, in bytes.
    pub state: u64,
    /// The snapshot's size, in bytes.
    pub snapshot: u64,
}

impl Save {
    /// The snapshot, for a reader.
    pub(crate) fn its_snapshot(&self) -> String {
        match self.snapshot {
            0 => "no snapshot".to_owned(),
            bytes => format!("a snapshot of {bytes} bytes"),
        }
    }
}

/// A line of a log.
#[derive(Clone, Debug)]
pub struct Logged {
    /// When.
    pub moment: Moment,
    /// Who logged it; `None` if that isn't known.
    pub server: Option<Caller>,
    /// How important it is.
    pub level: Cow<'static, str>,
    /// What it says.
    pub text: String,
}

/// One election of a candidate's: what it asked the others in one term.
#[derive(Clone, Debug)]
pub struct Election {
    /// The candidate.
    pub candidate: Caller,
    /// The term that it stands for.
    pub term: u64,
    /// When it first asked.
    pub at: Time,
    /// Its requests, as places in `Story::calls`.
    pub requests: Vec<usize>,
}
