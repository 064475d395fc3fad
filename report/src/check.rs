//! What a failed check demanded, as data: made where its sentence is made, so that nobody has to read it
//! out of the sentence.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What was demanded, and of whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "snake_case")]
pub enum Check {
    /// A leader is elected, by one of the connected servers; or some step on the way to it, such as a vote.
    OneLeader,
    /// Nobody leads where no majority is connected, and at most one server in each term.
    NoSecondLeader,
    /// Connected servers are in the same term.
    SameTerm,
    /// A term lasts for as long as a script needs one: its leader takes commands, and nobody starts an
    /// election.
    TermStays,
    /// A leader stays the leader while nothing fails.
    LeaderStays {
        /// The leader.
        server: u32,
    },
    /// A server adopts a higher term of which a message told it.
    TermAdopted {
        /// The server.
        server: u32,
    },
    /// A leader takes a command.
    Accepted {
        /// The server that was asked; `None` if whoever led was.
        server: Option<u32>,
        /// Whether `start()` was seen to refuse; else it is concluded from what is missing.
        is_seen: bool,
    },
    /// A command is applied by enough servers.
    Agreed {
        /// Where a leader accepted it; `None` if nobody did.
        accepted: Option<Accepted>,
    },
    /// The leader's entries get to its followers, and their answers to the leader.
    Replicated,
    /// `start()` promises the next index of the log.
    NextIndex {
        /// The server that was asked; `None` if whoever led was.
        server: Option<u32>,
    },
    /// Only what can't be replaced any more is applied: a majority has it.
    Committed {
        /// The index at which something is applied.
        index: u64,
    },
    /// Servers apply the same command at an index, the one that was proposed there.
    SameCommand {
        /// The index.
        index: u64,
        /// The servers that were seen to differ, or the one that applied something else; none if the script
        /// only knows what was applied.
        servers: Vec<u32>,
    },
    /// A server applies each index once, in order.
    InOrder {
        /// The server.
        server: u32,
        /// What it applied.
        index: u64,
        /// What was to come next, where the tester knows it.
        expected: Option<u64>,
    },
    /// A service is handed a snapshot that is whole, and that is the one of its index.
    Snapshot {
        /// The server that handed it on.
        server: u32,
        /// What is wrong with it.
        fault: SnapshotFault,
    },
    /// What snapshots cover is gone from the log: saved state stays small, and so do requests.
    LogCut {
        /// The server whose log it is, where one is meant.
        server: Option<u32>,
    },
    /// A server saves something before it acts on it.
    Saved {
        /// The server.
        server: u32,
        /// What.
        what: Saved,
    },
    /// A test takes no more than so many calls, or bytes.
    Budget {
        /// Of what there was too much.
        of: Budget,
    },
    /// Code doesn't panic.
    Panicked {
        /// Whose code; `None` if it was no server's.
        server: Option<u32>,
        /// In which life.
        life: Option<u32>,
        /// What it was at.
        activity: Activity,
        /// Whether it checked something itself, by `assert!` or one of its kind, as far as that is known.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_assertion: bool,
    },
    /// Code doesn't block the simulated thread.
    Blocked {
        /// Whose code; `None` if it was no server's.
        server: Option<u32>,
        /// In which life.
        life: Option<u32>,
        /// What it was at.
        activity: Activity,
    },
    /// Code does nothing else that a simulation can't bear, such as to start an OS thread or to call a method
    /// that nobody has.
    Misused {
        /// Whose code; `None` if it was no server's.
        server: Option<u32>,
        /// In which life.
        life: Option<u32>,
        /// What it was at.
        activity: Activity,
    },
    /// The run comes to its end within its time, and within its share of the machine's.
    InTime,
    /// The same seed is the same run again.
    Repeated,
    /// A rule of the specification.
    Rule {
        /// The rule's name.
        id: Cow<'static, str>,
    },
    /// Something that only the script knows.
    #[default]
    Script,
}

/// Where a leader accepted a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The index that it promised.
    pub index: u64,
    /// Its term, where the check knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<u64>,
}

/// What is wrong with a snapshot that a service is handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotFault {
    /// It is empty, or can't be decoded.
    Unreadable,
    /// It is older than what the service has applied.
    Older,
    /// It ends at another index than the one that goes with it, or than its own commands do.
    AnotherIndex,
    /// It ends where no service was when it made one.
    NeverMade,
}

/// What a server has to save.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "saved")]
pub enum Saved {
    /// A command that it has accepted.
    Command,
    /// A snapshot that it has acknowledged.
    Snapshot,
    /// A committed entry.
    Entry {
        /// Its index.
        index: u64,
    },
}

/// Of what a test took too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// Calls.
    Calls,
    /// Bytes.
    Bytes,
}

/// What a server's code was at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "at")]
pub enum Activity {
    /// The function that makes a server.
    Make,
    /// A method that the tester called: `start`, `snapshot`, `get_state`, `kill`.
    Method {
        /// Its name.
        name: Cow<'static, str>,
    },
    /// The handler of a call.
    Handler {
        /// Service and method.
        method: Cow<'static, str>,
    },
    /// A task that it had spawned.
    Task,
    /// Nothing of a server's: the script, or the tester.
    Elsewhere,
}
