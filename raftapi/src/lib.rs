//! What the tester and a Raft promise each other: the calls, the messages, the disk.
//!
//! # What you write
//!
//! A function that makes one server, and a type that is a [`Raft`]. This is the least that compiles: it never leads, and
//! refuses every vote.
//!
//! ```
//! use std::sync::Arc;
//! use bytes::Bytes;
//! use labrpc::{ClientEnd, Service};
//! use raftapi::{ApplyCh, Command, Index, Persister, Raft, Start, Term};
//!
//! struct Recluse;
//!
//! impl Recluse {
//!     async fn request_vote(self: Arc<Self>, _term: Term) -> bool {
//!         false
//!     }
//! }
//!
//! impl Raft for Recluse {
//!     fn start(&self, _command: Command) -> Option<Start> {
//!         None
//!     }
//!     fn get_state(&self) -> (Term, bool) {
//!         (0, false)
//!     }
//!     fn snapshot(&self, _index: Index, _snapshot: Bytes) {}
//!     fn service(self: Arc<Self>) -> Service {
//!         Service::new("Raft", self).method("RequestVote", Recluse::request_vote)
//!     }
//!     fn kill(&self) {}
//! }
//!
//! fn make(_: Vec<ClientEnd>, _me: usize, _: Arc<Persister>, _: ApplyCh) -> Arc<dyn Raft> {
//!     Arc::new(Recluse)
//! }
//! # let _: raftapi::Make = Arc::new(make);
//! ```
//!
//! How to call another server, and how to answer a call, is on the page of [`labrpc`]:
//! [`ClientEnd::call`] and [`Service::method`].
//!
//! # How it fits together
//!
//! The tester makes some servers by [`Make`], connects them by a network that it controls, and watches. It calls the
//! methods of [`Raft`]. A server calls the other servers by its [`ClientEnd`]s, sends committed commands to its [`ApplyCh`],
//! and keeps in its [`Persister`] what must survive a crash. The tester and a Raft both depend on this crate, and never on
//! each other.
//!
//! # The rules that a Raft must keep
//!
//! The tester relies on these. Section numbers are those of the extended Raft paper.
//!
//! 1. `make` returns quickly. What takes time is a task (`tokio::spawn`).
//! 2. [`Raft::start`] returns at once: it waits neither for agreement nor for the disk. If the server doesn't believe that
//!    it leads, it returns `None` and does nothing. An accepted command may still be lost: until a majority has it, a
//!    leader that crashes may forget it.
//! 3. Indexes begin at 1 and leave no gap: the n-th entry of the log has index n, even if a snapshot has replaced it
//!    (§5.3).
//! 4. [`Raft::get_state`] reports the server's term and role at this moment, even while the server is cut off. A leader that
//!    doesn't know of its successor reports that it leads.
//! 5. A server saves its term, its vote and its log before another server, or its own count, relies on them (Figure 2,
//!    "Persistent state on all servers"). A follower saves before it answers an RPC, a candidate before it asks for votes,
//!    a leader before it counts itself among the servers that have an entry. A leader may send an entry while its own
//!    disk is still writing it (thesis §10.2.1). A crash keeps what was saved and nothing else.
//! 6. Each server sends each committed command to its `ApplyCh` once, in the order of the indexes, without a gap (§5.3).
//!    After a restart it begins again: after its snapshot, or at index 1.
//! 7. A snapshot that came from another server is sent as [`ApplyMsg::Snapshot`], at its point in the order of the
//!    commands. The commands that it covers are not sent after it (§7).
//! 8. [`ApplyCh::send`] may take as long as the tester likes, and meanwhile the tester may call [`Raft::snapshot`]. So hold
//!    no lock while you send.
//! 9. Hold no lock while you wait for an RPC: the reply may take seconds, and the other server may wait for yours.
//! 10. Handlers return soon. Several may run at the same time, even for the same caller, and the caller may have stopped
//!     waiting.
//! 11. Wait by `.await` only: `tokio::time::sleep`, channels, `Notify`. A blocked OS thread blocks the whole simulated
//!     cluster.
//! 12. After [`Raft::kill`] the server's tasks end soon. What a killed server still sends, applies or saves reaches nobody.
//!
//! The compiler helps with rules 8 and 9, if the lock is a [`std::sync::Mutex`]. A task that keeps the guard over an
//! `.await` doesn't compile:
//!
//! ```compile_fail
//! # use std::sync::{Arc, Mutex};
//! # use std::time::Duration;
//! # async fn task(term: Arc<Mutex<u64>>) {
//! tokio::spawn(async move {
//!     let mut term = term.lock().unwrap();
//!     tokio::time::sleep(Duration::from_millis(10)).await; // error: future cannot be sent between threads safely
//!     *term += 1;
//! });
//! # }
//! ```
//!
//! # Questions about the rules
//!
//! * *May `start` answer before the entry is saved?* Yes. The tester doesn't expect a command to survive a crash of its leader
//!   until a majority has confirmed it.
//! * *Who restores the service after a restart?* The service itself. Before `make` is called, it reads the snapshot that the
//!   persister has. A Raft continues after that snapshot. It may also send it as [`ApplyMsg::Snapshot`] first.
//! * *Does anybody look into a snapshot?* Only the service. A Raft saves the bytes, sends them to other servers, and returns
//!   them, all without a change. The index and the term of the snapshot's last entry belong to the Raft's own state.
//! * *What does a server report while it asks for votes before the vote (PreVote, thesis §9.6)?* Its current term, and that it
//!   doesn't lead. The question raises no server's term.
//! * *May an answer be a call of its own?* Yes. MIT's tests don't read messages. Our own scenarios read replies; where replies
//!   say nothing, they are skipped.

mod apply;
mod persister;

use std::sync::Arc;

use bytes::Bytes;
use labrpc::{ClientEnd, Service};

pub use apply::{ApplyCh, ApplyMsg, ApplyReceiver, apply_channel};
pub use persister::{Persister, Safe, Saving};

/// The folder of this crate's sources. None of its lines is the user's.
#[doc(hidden)]
pub const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

/// A term (§5.1). Servers begin in term 0; the first election is for term 1.
pub type Term = u64;

/// A log entry's index, from 1 (§5.3).
pub type Index = u64;

/// A client's command, encoded. Raft never looks inside.
pub type Command = Bytes;

/// Where a command that was [started](Raft::start) will be in the log, if it is ever committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// The index that it will have.
    pub index: Index,
    /// The leader's current term.
    pub term: Term,
}

/// A server, as the tester sees it. The page of this crate has the rules.
///
/// All methods are short and don't wait. The tester calls them between the polls of the server's tasks, so they may use
/// the same locks as the tasks.
pub trait Raft: Send + Sync + 'static {
    /// Begins agreement on `command` and returns at once. Returns `None` if this server doesn't lead.
    ///
    /// The command may never be committed, since the leader may crash or lose an election. It may be saved later
    /// (rule 5).
    fn start(&self, command: Command) -> Option<Start>;

    /// The current term, and whether this server believes that it leads. While a server asks for votes before the vote
    /// (PreVote), its term is the one from before.
    fn get_state(&self) -> (Term, bool);

    /// The service has made a snapshot of everything up to and including `index`. The log up to there may be dropped
    /// (§7). Save the bytes as they are.
    fn snapshot(&self, index: Index, snapshot: Bytes);

    /// The handlers of this server's RPCs.
    fn service(self: Arc<Self>) -> Service;

    /// The tester is done with this server. Its tasks should end soon (rule 12).
    fn kill(&self);

    /// The server's inner state, for the report of a failed test. Optional.
    ///
    /// With it, each server's line and the table also have the vote, the log's end, the commit index and more, and
    /// explanations are more precise. The default, `None`, leaves them out.
    fn debug_state(&self) -> Option<DebugState> {
        None
    }
}

/// A server's role (§5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Answers requests, and expects a leader's.
    Follower,
    /// Asks for votes.
    Candidate,
    /// Leads.
    Leader,
}

/// The inside of a server, for explanations (Figure 2, "State").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebugState {
    /// Its role.
    pub role: Role,
    /// The server that it voted for in its current term.
    pub voted_for: Option<usize>,
    /// The index of its last log entry; 0 if there was never one.
    pub last_index: Index,
    /// The term of its last log entry; 0 if there was never one.
    pub last_term: Term,
    /// The highest index that it knows to be committed.
    pub commit_index: Index,
    /// The highest index that it has sent to its `ApplyCh`.
    pub last_applied: Index,
    /// The last index that its snapshot covers; 0 without a snapshot.
    pub snapshot_index: Index,
}

/// Makes one server. The arguments are its ends to all servers (at `me` the end to itself), its number, what it saved
/// before a crash, and the channel for committed commands.
pub type Make =
    Arc<dyn Fn(Vec<ClientEnd>, usize, Arc<Persister>, ApplyCh) -> Arc<dyn Raft> + Send + Sync>;
