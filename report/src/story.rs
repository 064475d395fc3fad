//! A run put together from its events: who lived when, who was cut off, what each call came to.
//!
//! It is what rules and explanations read. It holds only what the events prove; of a run whose
//! beginning is missing it knows less, and nothing wrong.

mod build;
mod names;
mod when;

use std::borrow::Cow;
use std::time::Duration;

use crate::event::{Caller, Detail, NetworkChange, RpcId, TaskEnding, Time};
use crate::fields::{Fields, Named, Names};
use crate::outcome::Outcome;
use crate::payload::Payload;

/// A run, put together.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// How many servers there are.
    pub servers: usize,
    /// When the last thing happened.
    pub end: Time,
    /// All calls between servers, in the order of sending.
    pub calls: Vec<Call>,
    /// What the handlers of each server have answered, as places in `calls`, in order.
    pub handled: Vec<Vec<usize>>,
    /// All that happened to servers, in order.
    pub order: Vec<(Moment, Happened)>,
    /// When each server is proven to have reached a higher term, in order.
    pub reached: Vec<Vec<Reached>>,
    /// The requests for votes, as places in `calls`, in order.
    pub votes: Vec<usize>,
    /// What each server has sent, as places in `calls`, in order.
    pub sent: Vec<Vec<usize>>,
    /// Each server's lives, in order.
    pub lives: Vec<Vec<Life>>,
    /// When each server was connected and disconnected, in order.
    pub links: Vec<Vec<Link>>,
    /// What each server was seen to be, in order; each view differs from the one before.
    pub views: Vec<Vec<View>>,
    /// What the script did, in order.
    pub steps: Vec<Step>,
    /// The looks for a leader, in order.
    pub looks: Vec<Look>,
    /// The commands that servers accepted, in order.
    pub proposals: Vec<Proposal>,
    /// When servers began to refuse commands, in order: the first refusal since a server accepted a command or
    /// was seen to have changed.
    pub refusals: Vec<Refusal>,
    /// The ends of tasks that had lasted for some time, in order: see [`EventKind::TaskEnded`] for which.
    ///
    /// [`EventKind::TaskEnded`]: crate::EventKind::TaskEnded
    pub tasks: Vec<TaskEnd>,
    /// What servers applied, in order.
    pub applied: Vec<Applied>,
    /// The snapshots that the tester had servers make, in order.
    pub snapshots: Vec<Snapshot>,
    /// What servers saved, in order.
    pub saved: Vec<Save>,
    /// All elections, by the time at which they began.
    pub elections: Vec<Election>,
    /// What servers logged, in order.
    pub logged: Vec<Logged>,
    /// Whether a disk takes time to sync: what was written then may be lost in a crash.
    pub syncs_take_time: bool,
    /// How many of the oldest events are missing.
    pub dropped: u64,
    /// When what is known begins; 0 if nothing is missing.
    pub since: Time,
    /// The fields that were found by a name that isn't the paper's, and that the run doesn't confirm.
    pub guessed: Names,
}

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// RequestVote.
    Vote,
    /// AppendEntries, with entries or without.
    Append,
    /// InstallSnapshot.
    Snapshot,
    /// Something of the student's own.
    Other,
}

impl Purpose {
    /// What a call is for: by the name of its enum's variant, by what it says, or by its method's name.
    #[must_use]
    pub fn of(method: &str, args: &Fields) -> Purpose {
        let by_method = Named::by(method.rsplit('.').next().unwrap_or(method));
        match (args.named, by_method) {
            // A vote before the vote commits nobody to anything, and an answer isn't what it answers.
            (Some(Named::PreVote | Named::Answer), _)
            | (None, Some(Named::PreVote | Named::Answer)) => Purpose::Other,
            (Some(Named::Vote), _) => Purpose::Vote,
            (Some(Named::Append), _) => Purpose::Append,
            (Some(Named::Snapshot), _) => Purpose::Snapshot,
            (None, _) if args.is_answer() => Purpose::Other,
            (None, _) if args.last_included_index.is_some() => Purpose::Snapshot,
            (None, Some(Named::Snapshot)) => Purpose::Snapshot,
            (None, _) if args.prev_log_index.is_some() || args.entries.is_some() => Purpose::Append,
            (None, _) if args.last_log_index.is_some() => Purpose::Vote,
            (None, Some(Named::Vote)) => Purpose::Vote,
            (None, Some(Named::Append)) => Purpose::Append,
            (None, None) => Purpose::Other,
        }
    }
}

/// A call from one server to another. Calls that come from no server aren't among them.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its number.
    pub id: RpcId,
    /// Who sent it.
    pub from: Caller,
    /// To which server.
    pub to: u32,
    /// Service and method.
    pub method: Cow<'static, str>,
    /// What it is for.
    pub purpose: Purpose,
    /// Whether the network made it, as a copy of another call; nobody waits for its reply.
    pub is_copy: bool,
    /// What it says.
    pub args: Fields,
    /// The size of its arguments, in bytes.
    pub size: usize,
    /// When it was sent.
    pub sent: Moment,
    /// When its handler began.
    pub delivered: Option<Moment>,
    /// In which life of the server, if that isn't the one to which it was sent.
    pub life: Option<u32>,
    /// When its handler ended.
    pub handled: Option<Moment>,
    /// What the handler answered; nothing until then.
    pub reply: Answer,
    /// In which life the server answered, if that is certain: the call was sent, delivered and
    /// handled in it, and the server hadn't been taken down meanwhile.
    pub answered_in: Option<u32>,
    /// When it returned to its caller, and how.
    pub returned: Option<(Moment, Outcome)>,
    /// When its caller dropped the future without having taken its result. If it returned later, or at the
    /// same time but earlier, nobody saw that.
    pub dropped: Option<Moment>,
    /// Its arguments, if they may bring more than is read of them.
    pub(crate) brings: Option<Payload>,
    /// The same of its reply.
    pub(crate) brings_back: Option<Payload>,
}

impl Call {
    /// A copy of it that the network has made.
    fn copied(&self, id: RpcId) -> Call {
        Call {
            id,
            is_copy: true,
            delivered: None,
            life: None,
            handled: None,
            reply: Answer::default(),
            answered_in: None,
            returned: None,
            dropped: None,
            brings_back: None,
            ..self.clone()
        }
    }
}

/// What a handler answered, in Raft's terms: as far as it says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// `term`.
    pub term: Option<u64>,
    /// `voteGranted`.
    pub vote_granted: Option<bool>,
    /// `success`.
    pub success: Option<bool>,
    /// Which of these were found by a name that isn't the paper's.
    pub guessed: Names,
}

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
    /// The call that proves it, as a place in [`Story::calls`].
    pub proof: usize,
}

/// A point in a history: events at one time have an order, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// The event's place in the history.
    pub place: usize,
    /// When it was.
    pub at: Time,
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
pub struct Held {
    /// Since when.
    pub moment: Moment,
    /// In which life it came to it.
    pub server: Caller,
    /// The last index that it covers.
    pub index: u64,
    /// Whether a leader sent it; else the server's own service made it.
    pub is_installed: bool,
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
    /// Its requests, as places in [`Story::calls`].
    pub requests: Vec<usize>,
}

/// How long a server may hold to a leader that it has heard, whoever asks for its vote.
const HOLDS_TO_LEADER: Duration = Duration::from_secs(2);

/// What a message says is dealt with by then.
const DEALT_WITH: Duration = Duration::from_millis(20);

impl Story {
    /// How many servers are a majority.
    #[must_use]
    pub fn majority(&self) -> usize {
        self.servers / 2 + 1
    }

    /// What a server has sent, in order.
    pub fn sent_by(&self, server: usize) -> impl DoubleEndedIterator<Item = &Call> {
        self.sent[server].iter().map(|&place| &self.calls[place])
    }

    /// What a server's handlers have answered, in order.
    pub fn handled_by(&self, server: usize) -> impl DoubleEndedIterator<Item = &Call> {
        self.handled[server].iter().map(|&place| &self.calls[place])
    }

    /// The snapshots that a server has had before `until`, in no particular order.
    pub fn held_by(&self, server: u32, until: Moment) -> impl Iterator<Item = Held> {
        let made = self.snapshots.iter().map(|made| Held {
            moment: made.moment,
            server: made.server,
            index: made.index,
            is_installed: false,
        });
        let applied = self.applied.iter().filter(|applied| applied.command.is_none());
        let installed = applied.map(|applied| Held {
            moment: applied.moment,
            server: applied.server,
            index: applied.index,
            is_installed: true,
        });
        made.chain(installed)
            .filter(move |held| held.server.server == server && held.moment < until)
    }

    /// What a server was last seen to be at `at`.
    #[must_use]
    pub fn view_at(&self, server: usize, at: Time) -> Option<&View> {
        self.views[server].iter().rev().find(|view| view.moment.at <= at)
    }

    /// The highest term that a server is proven to have reached before `moment`.
    #[must_use]
    pub fn reached_before(&self, server: u32, moment: Moment) -> Option<Reached> {
        let reached = &self.reached[server as usize];
        let count = reached.partition_point(|reached| reached.place < moment.place);
        Some(reached[count.checked_sub(1)?])
    }

    /// Whether a server refuses its vote because there is a leader: "if a server receives a RequestVote
    /// RPC within the minimum election timeout of hearing from a current leader, it does not update its
    /// term or grant its vote" (§6).
    #[must_use]
    pub fn holds_to_leader(&self, call: &Call) -> bool {
        let Some(handled) = call.handled else { return false };
        if call.purpose != Purpose::Vote || call.reply.vote_granted != Some(false) {
            return false;
        }
        let is_recent = |at: Time| handled.at.since(at) < HOLDS_TO_LEADER;
        let heard = self
            .handled_by(call.to as usize)
            .rev()
            .take_while(|other| other.handled.is_some_and(|handled| is_recent(handled.at)));
        let mut heard = heard.filter(|other| other.handled < Some(handled));
        let leads = || {
            let sent = self.sent_by(call.to as usize).rev();
            let mut sent = sent.skip_while(|sent| sent.sent > handled);
            let last = sent.find(|sent| sent.purpose != Purpose::Vote);
            last.is_some_and(|sent| is_recent(sent.sent.at))
        };
        heard.any(|other| matches!(other.purpose, Purpose::Append | Purpose::Snapshot)) || leads()
    }

    /// Whether a server is seen to stay in a term lower than `term` for some time after `moment`.
    #[must_use]
    pub fn stays_below(&self, server: usize, term: u64, moment: Moment) -> bool {
        let mut seen = self.lasting_views(server).filter(|&(_, until)| until >= moment.at);
        // What it is at the same time may be seen a little before, or after.
        seen.any(|(view, until)| {
            view.term < term && until.since(view.moment.at.max(moment.at)) > DEALT_WITH
        })
    }

    /// Until when a candidate is known to have done no better than to stand: it started another
    /// election, was seen to lead or to be of another term, answered a leader of its term, was crashed,
    /// or the run ended. `elections` are all of the run's.
    #[must_use]
    pub fn stands_until(&self, elections: &[Election], election: &Election) -> Time {
        let Election { candidate, term, at, .. } = *election;
        let server = candidate.server as usize;
        let next = elections
            .iter()
            .filter(|other| other.candidate == candidate && (other.at, other.term) > (at, term))
            .map(|other| other.at);
        let views = self.views[server]
            .iter()
            .filter(|view| view.moment.at >= at && (view.is_leader || view.term > term))
            .map(|view| view.moment.at);
        // Whoever follows the term's leader has given way.
        let followed = self
            .handled_by(server)
            .filter(|call| call.is_leaders() && call.args.term >= Some(term))
            .filter_map(|call| call.handled)
            .map(|moment| moment.at)
            .filter(|&handled| handled >= at);
        let crashed = self.lives[server]
            .iter()
            .filter(|life| life.incarnation == candidate.incarnation)
            .filter_map(|life| life.until)
            .map(|moment| moment.at);
        next.chain(views).chain(followed).chain(crashed).chain([self.end]).min().unwrap_or(self.end)
    }

    /// The script's step that was under way at `at`: a checker, or whatever the script waited for. A time of 0
    /// isn't known, and stands for the end.
    #[must_use]
    pub fn step_at(&self, at: Time) -> Option<&Step> {
        let is_begun = |step: &&Step| at == Time(0) || step.moment.at <= at;
        self.steps.iter().rev().filter(|step| !step.is_fault).find(is_begun)
    }
}

impl Life {
    /// Whether the server was in this life at `at`.
    #[must_use]
    pub fn covers(&self, at: Time) -> bool {
        self.from.at <= at && self.until.is_none_or(|until| at < until.at)
    }
}

impl TaskEnd {
    /// The line that spawned it.
    #[must_use]
    pub fn place(&self) -> String {
        let (file, line) = &self.spawned;
        format!("{file}:{line}")
    }
}

impl Call {
    /// Whether it is a leader's.
    #[must_use]
    pub fn is_leaders(&self) -> bool {
        matches!(self.purpose, Purpose::Append | Purpose::Snapshot)
    }

    /// Whether its sender asks if it would get votes, before it stands.
    #[must_use]
    pub fn is_pre_vote(&self) -> bool {
        self.purpose == Purpose::Other
            && Named::of(&self.method, &self.args) == Some(Named::PreVote)
    }

    /// The index of the last entry that AppendEntries brings, or that it says comes before.
    #[must_use]
    pub fn up_to(&self) -> Option<u64> {
        let entries = self.args.entries.as_ref().map_or(0, Vec::len) as u64;
        Some(self.args.prev_log_index? + entries)
    }

    /// When a reply arrived; `None` if none has.
    #[must_use]
    pub fn replied(&self) -> Option<Time> {
        match self.returned {
            Some((moment, Outcome::Replied)) => Some(moment.at),
            _ => None,
        }
    }

    /// When a reply arrived that nobody took: its caller had dropped the call. `None` if the caller took it, or
    /// if no reply has arrived.
    #[must_use]
    pub fn arrived_unheard(&self) -> Option<Time> {
        self.replied().filter(|_| self.dropped.is_some())
    }

    /// Whether the network had not yet returned it at `at`. Its caller may have dropped it: see `dropped`.
    #[must_use]
    pub fn is_outstanding(&self, at: Time) -> bool {
        self.sent.at <= at && self.returned.is_none_or(|(returned, _)| returned.at > at)
    }

    /// Whether its receiver took the sender for its leader: it answered in the sender's own term.
    #[must_use]
    pub fn is_followed(&self) -> bool {
        self.is_leaders() && self.handled.is_some() && self.reply.term == self.args.term
    }
}
