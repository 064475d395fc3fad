//! One thing that happened in a run, as plain data.
//!
//! What stands here is also the stored form of a history: a field's name is its name in the file.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::mark::Mark;
use crate::outcome::Outcome;
use crate::payload::Payload;

/// A point of a run's time, in microseconds since the run began; virtual where the clock is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Time(pub u64);

impl Time {
    /// The time from `earlier` to this one; zero if `earlier` is the later of the two.
    #[must_use]
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl From<Duration> for Time {
    fn from(since_start: Duration) -> Time {
        Time(u64::try_from(since_start.as_micros()).unwrap_or(u64::MAX))
    }
}

impl From<Time> for Duration {
    fn from(time: Time) -> Duration {
        Duration::from_micros(time.0)
    }
}

impl fmt::Display for Time {
    /// Seconds, to the hundredth unless the format asks for another precision.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = Duration::from(*self).as_secs_f64();
        write!(f, "{seconds:.*}", f.precision().unwrap_or(2))
    }
}

/// A call's number within its run, from 0 in the order of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RpcId(pub u64);

/// Who made a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Caller {
    /// The calling server's number, from 0.
    pub server: u32,
    /// Which of its lives made the call, from 1.
    pub incarnation: u32,
}

/// One thing that happened, and when.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// When it happened.
    pub at: Time,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// A call left its caller.
    RpcSent {
        /// The call.
        id: RpcId,
        /// Who called; `None` for a caller that is no server.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Caller>,
        /// The server that the end is connected to; `None` if it is connected to none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<u32>,
        /// Service and method, as in `Raft.RequestVote`.
        method: Cow<'static, str>,
        /// The encoded arguments.
        args: Payload,
    },
    /// The network made a copy of a call, which is to be delivered as well. Nobody waits for its reply.
    RpcCopied {
        /// The copy, which counts as a call.
        id: RpcId,
        /// The call.
        of: RpcId,
    },
    /// A call reached its server, whose handler begins.
    RpcDelivered {
        /// The call.
        id: RpcId,
        /// In which of its lives, if the network held or delayed the call beyond what MIT's does.
        /// Other calls are the life's that was there when they were sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        life: Option<u32>,
    },
    /// A call's handler ended.
    RpcHandled {
        /// The call.
        id: RpcId,
        /// The encoded reply.
        reply: Payload,
    },
    /// A call returned to its caller, who may have stopped waiting.
    RpcReturned {
        /// The call.
        id: RpcId,
        /// With what, and why.
        outcome: Outcome,
    },
    /// A caller dropped the future of a call before it gave its result: a timeout, a `select!` or an abort.
    /// If [`EventKind::RpcReturned`] came before, the result was there and nobody took it. Calls that are
    /// under way when the run ends aren't dropped in this sense.
    RpcDropped {
        /// The call.
        id: RpcId,
    },
    /// A server came to life.
    Started {
        /// The server, in its new incarnation.
        server: Caller,
    },
    /// A server was crashed.
    Crashed {
        /// The server, in the incarnation that ended.
        server: Caller,
    },
    /// A server's links were enabled, to every other connected server.
    Connected {
        /// The server.
        server: u32,
    },
    /// A server's links were disabled.
    Disconnected {
        /// The server.
        server: u32,
    },
    /// The script switched how the network behaves, towards all.
    Network {
        /// What it is from now on, in the tester's words: for whoever reads the history.
        what: Cow<'static, str>,
        /// The same as data, as far as more than a reader needs it.
        #[serde(default, skip_serializing_if = "NetworkChange::is_other")]
        change: NetworkChange,
    },
    /// The script reached a step: a checker, or a fault.
    Step {
        /// What the step does, in the tester's words.
        what: Cow<'static, str>,
        /// The script's file.
        file: Cow<'static, str>,
        /// The script's line.
        line: u32,
        /// Whether the step checks or changes something.
        #[serde(default, skip_serializing_if = "StepKind::is_check")]
        kind: StepKind,
    },
    /// A checker looked for a leader among the connected servers.
    Looked {
        /// Which of its looks this is, from 1.
        round: u32,
        /// How many it has.
        rounds: u32,
        /// Whom it found.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        leader: Option<u32>,
    },
    /// A server's state, seen to be another than before.
    Viewed {
        /// The server.
        server: Caller,
        /// Its current term.
        term: u64,
        /// Whether it believes that it is the leader.
        is_leader: bool,
        /// What else it tells of itself, if it does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<Box<Detail>>,
    },
    /// A server accepted a command.
    Proposed {
        /// The server.
        server: Caller,
        /// The index that the command is to have.
        index: u64,
        /// The server's term.
        term: u64,
        /// The command.
        command: Payload,
    },
    /// A server refused a command of the tester's: it said that it doesn't lead. Only the first refusal since
    /// the server last accepted a command, or since it was last seen to have changed, is recorded.
    Refused {
        /// The server.
        server: Caller,
    },
    /// A task ended that a server had spawned, and the server lives on. Only tasks that lasted for 100 ms are
    /// recorded, and at most 64 of each incarnation and spawning line; none by the real clock, and none
    /// without `tokio_unstable`.
    TaskEnded {
        /// The server.
        server: Caller,
        /// The file of the line that spawned it.
        file: Cow<'static, str>,
        /// That line.
        line: u32,
        /// When it was spawned.
        began: Time,
        /// How it ended.
        how: TaskEnding,
    },
    /// A server applied a command.
    Applied {
        /// The server.
        server: Caller,
        /// The command's index.
        index: u64,
        /// The command.
        command: Payload,
    },
    /// A server applied a snapshot.
    AppliedSnapshot {
        /// The server.
        server: Caller,
        /// The last index that it covers.
        index: u64,
        /// Its size, in bytes.
        bytes: u64,
    },
    /// The tester made a snapshot and gave it to a server.
    Snapshotted {
        /// The server.
        server: Caller,
        /// The last index that it covers.
        index: u64,
    },
    /// A server saved its state.
    Saved {
        /// The server.
        server: Caller,
        /// The state's size, in bytes.
        state: u64,
        /// The snapshot's size, in bytes.
        snapshot: u64,
    },
    /// The code under test logged something.
    Logged {
        /// On whose behalf; `None` if that isn't known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        server: Option<Caller>,
        /// How important it is: ERROR, WARN, INFO, DEBUG or TRACE.
        level: Cow<'static, str>,
        /// The module that logged it.
        target: Cow<'static, str>,
        /// What it says, fields included.
        text: String,
    },
    /// What whoever makes the run again must know besides.
    Mark(Mark),
}

/// How the script has switched the network, and the disks that go with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkChange {
    /// It neither loses nor delays anything.
    Reliable,
    /// It loses and delays messages.
    Unreliable,
    /// Replies come late, and so in another order.
    Reordered,
    /// Replies come in order again.
    NotReordered,
    /// A sync of a server's disk takes up to so many microseconds.
    SyncTime {
        /// How many; 0 if it takes no time.
        us: u64,
    },
    /// Something else.
    #[default]
    Other,
}

impl NetworkChange {
    fn is_other(&self) -> bool {
        *self == NetworkChange::Other
    }
}

/// What a script does in a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// It checks something, or waits for it.
    #[default]
    Check,
    /// It starts, crashes, connects or cuts off a server: the event behind it tells which.
    Change,
}

impl StepKind {
    fn is_check(&self) -> bool {
        *self == StepKind::Check
    }
}

/// The message that a kind of event has, borrowed as the kind is.
macro_rules! payload_of {
    ($kind:expr) => {
        match $kind {
            EventKind::RpcSent { args: payload, .. }
            | EventKind::RpcHandled { reply: payload, .. }
            | EventKind::Proposed { command: payload, .. }
            | EventKind::Applied { command: payload, .. }
            | EventKind::Mark(
                Mark::Saves { snapshot: Some(payload), .. }
                | Mark::Applies { snapshot: payload, .. },
            ) => Some(payload),
            _ => None,
        }
    };
}

impl Event {
    /// The same, with messages that are stored whole.
    #[must_use]
    pub fn whole(&self) -> Event {
        let mut event = self.clone();
        if let Some(payload) = payload_of!(&mut event.kind) {
            *payload = payload.whole();
        }
        event
    }
}

impl EventKind {
    /// What it takes beyond its own size, in bytes.
    pub(crate) fn heap_size(&self) -> usize {
        match self {
            EventKind::Viewed { detail: Some(_), .. } => size_of::<Detail>(),
            EventKind::Logged { text, .. } => text.len(),
            kind => payload_of!(kind).map_or(0, Payload::size),
        }
    }
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskEnding {
    /// Its code ran to its end.
    Returned,
    /// It panicked.
    Panicked,
    /// None of its code is seen to have run when it ended, as after `JoinHandle::abort`. A task looks the same
    /// if it returns as soon as a `tokio::sync::Notify`, or another crate's channel, wakes it.
    LikelyAborted,
}

impl fmt::Display for TaskEnding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TaskEnding::Returned => "returned",
            TaskEnding::Panicked => "panicked",
            TaskEnding::LikelyAborted => "ended without running again, as if it was aborted",
        })
    }
}

/// What a server tells of itself beyond its term and whether it leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// Its role.
    pub role: Role,
    /// Whom it has voted for in its term.
    pub voted_for: Option<u64>,
    /// The index of its log's last entry.
    pub last_index: u64,
    /// The term of that entry.
    pub last_term: u64,
    /// The highest index that it knows to be committed.
    pub commit_index: u64,
    /// The highest index that it has applied.
    pub last_applied: u64,
    /// The last index that its snapshot covers.
    pub snapshot_index: u64,
}

/// A server's role (Figure 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Follower.
    Follower,
    /// Candidate.
    Candidate,
    /// Leader.
    Leader,
}
