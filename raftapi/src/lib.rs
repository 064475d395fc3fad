//! What the tester and a Raft promise each other: the calls, the messages, the disk.
//!
//! # The idea
//!
//! The tester makes n servers, connects them by a network that it controls, and watches. A server
//! is whatever a [`Make`] function returns: a [`Raft`], which answers the tester's calls and, by
//! its [service](Raft::service), the other servers' RPCs. It sends what is committed through its
//! [`ApplyCh`] and keeps what must survive a crash in its [`Persister`]. Tester and Raft both depend
//! on this crate, and never on each other.
//!
//! # The rules that a Raft must keep
//!
//! The tester relies on these. Section numbers are those of the extended Raft paper.
//!
//! 1. `make` returns quickly. Long-running work goes into tasks (`tokio::spawn`).
//! 2. [`Raft::start`] returns at once, and waits neither for agreement nor for the disk. On a server that
//!    doesn't believe itself the leader it returns `None` and does nothing. What it takes is promised to
//!    nobody: a leader that crashes may forget it, as long as no majority has it.
//! 3. Indexes begin at 1 and leave nothing out: the n-th entry of the log has index n, whatever a
//!    snapshot has replaced (§5.3).
//! 4. [`Raft::get_state`] tells the term and the role that the server has at this moment, also while
//!    it is cut off: a leader that doesn't know of its successor says that it leads.
//! 5. A server saves its term, its vote and its log before another server, or its own count, rests on
//!    them (Figure 2, "Persistent state on all servers"): a follower before it answers an RPC, a
//!    candidate before it asks for votes, a leader before it counts itself among those that have an
//!    entry. A leader may send an entry while its own disk is still at it (thesis §10.2.1). A crash keeps
//!    what was saved and nothing else.
//! 6. Each server sends each committed command to its `ApplyCh` once in a life, in the order of
//!    their indexes and without a gap (§5.3). After a restart it begins again behind its snapshot,
//!    or at 1.
//! 7. A snapshot that came from another server is sent as [`ApplyMsg::Snapshot`], in its place among
//!    the commands; commands that it covers are not sent after it (§7).
//! 8. [`ApplyCh::send`] may take as long as the tester likes, and the tester may call
//!    [`Raft::snapshot`] meanwhile. So no lock is held while sending.
//! 9. No lock is held while waiting for an RPC either: the reply may take seconds, and the other
//!    server may be waiting for this one's.
//! 10. Handlers return soon. Several may be under way at once, also for one caller, and the caller
//!     may have stopped waiting.
//! 11. Waiting is done by `.await`: `tokio::time::sleep`, channels, `Notify`. A blocked OS thread
//!     blocks the whole simulated cluster.
//! 12. After [`Raft::kill`] the server's tasks end soon. What a killed server still sends, applies or
//!     saves reaches nobody.
//!
//! # What the rules leave open, and what holds
//!
//! * *May `start` answer before the entry is saved?* Yes. The tester doesn't expect a command to survive
//!   a crash of its leader until a majority has confirmed it.
//! * *Who restores the service after a restart?* The service itself, before `make` is called: it reads
//!   the snapshot that the persister has. A Raft goes on behind that snapshot. It may send it as
//!   [`ApplyMsg::Snapshot`] first, and needn't.
//! * *Does anybody look into a snapshot?* The service alone. A Raft saves the bytes as they are, hands
//!   them to other servers as they are, and gives them back as they are. The index and the term at which
//!   a snapshot ends belong to the Raft's own state.
//! * *What does a server report that asks for votes before the vote (PreVote, thesis §9.6)?* Its current
//!   term, and that it doesn't lead. The question raises no term: neither its own nor that of a server
//!   that is asked.
//! * *May answers be calls of their own?* Yes, MIT's tests don't care. Our own scenarios read replies, and
//!   skip where they tell nothing.
//!
//! # Example
//!
//! The least that is a Raft: it never leads, and refuses everything.
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

mod apply;
mod persister;

use std::sync::Arc;

use bytes::Bytes;
use labrpc::{ClientEnd, Service};

pub use apply::{ApplyCh, ApplyMsg, ApplyReceiver, apply_channel};
pub use persister::Persister;

/// The folder of this crate's sources, no line of which is the user's.
#[doc(hidden)]
pub const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

/// A term (§5.1). Servers begin in term 0; the first election is for term 1.
pub type Term = u64;

/// A log entry's index, from 1 (§5.3).
pub type Index = u64;

/// What a client wants replicated, encoded. Raft never looks inside.
pub type Command = Bytes;

/// Where a command that was [started](Raft::start) will stand if it is ever committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// The index that it will have.
    pub index: Index,
    /// The leader's current term.
    pub term: Term,
}

/// A server, as the tester sees it. The crate's doc has the rules.
///
/// All calls are short and don't wait. The tester makes them between the polls of the server's
/// tasks, so they may lock what those lock.
pub trait Raft: Send + Sync + 'static {
    /// Begins agreement on `command` and returns at once. `None` if this server isn't the leader.
    /// There is no promise that the command will ever be committed: the leader may fail or lose an
    /// election. Nor that it is saved: that may come later (rule 5).
    fn start(&self, command: Command) -> Option<Start>;

    /// The current term, and whether this server believes that it is the leader. A server that asks
    /// for votes before the vote (PreVote) is in the term in which it was before.
    fn get_state(&self) -> (Term, bool);

    /// The service has made a snapshot that covers everything up to and including `index`, so the
    /// log up to there may go (§7). Its bytes are the service's business.
    fn snapshot(&self, index: Index, snapshot: Bytes);

    /// The handlers of this server's RPCs.
    fn service(self: Arc<Self>) -> Service;

    /// The server is no longer needed; its tasks should end.
    fn kill(&self);

    /// What else is worth knowing of the server when a test fails. Optional; `None` says nothing.
    fn debug_state(&self) -> Option<DebugState> {
        None
    }
}

/// A server's role (§5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Answers requests, and waits for a leader's.
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

/// Makes one server: its ends to all servers (its own included, at `me`), its number, what it had
/// saved before a crash, and the channel for what is committed.
pub type Make =
    Arc<dyn Fn(Vec<ClientEnd>, usize, Arc<Persister>, ApplyCh) -> Arc<dyn Raft> + Send + Sync>;
