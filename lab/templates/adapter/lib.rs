//! The frame of an adapter: it makes a foreign Raft a Raft of the lab. docs/bring-your-own.md in the lab explains each
//! part.
//!
//! At first a server never leads, and the tests say so. Search for "Here" to see what to write.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use labrpc::{ClientEnd, Service};
use raftapi::{ApplyCh, Command, Index, Persister, Start, Term};
use seam::{Applies, Disk, Log, Starts};
use serde::{Deserialize, Serialize};

/// One server.
pub struct Server {
    /// `peers[i]` calls server i. The foreign Raft's network calls them.
    pub peers: Vec<ClientEnd>,
    /// The data on the disk. The foreign Raft's storage changes it, and saves it to the disk.
    pub saved: Mutex<Saved>,
    /// The disk. After a crash it refuses all writes.
    pub disk: Disk,
    /// Where the foreign Raft's state machine sends committed commands.
    pub applies: Applies,
    starts: Mutex<Starts>,
    // Here: the foreign Raft; a tokio::sync::SetOnce if it starts asynchronously.
}

/// The data that must survive a crash, in addition to the service's snapshot.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Saved {
    /// The current term.
    pub term: Term,
    /// The candidate that the server has voted for in this term.
    pub voted_for: Option<u64>,
    /// All entries, also those that aren't commands.
    pub log: Log,
}

/// A candidate asks for a vote. The rules read the fields by the paper's names. Add what the foreign Raft needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RequestVoteArgs {
    /// The candidate's term.
    pub term: Term,
    /// The candidate.
    pub candidate_id: u64,
    /// The index of the candidate's last entry.
    pub last_log_index: Index,
    /// The term of the candidate's last entry.
    pub last_log_term: Term,
}

/// The reply to a candidate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RequestVoteReply {
    /// The voter's term.
    pub term: Term,
    /// Whether it votes for the candidate.
    pub vote_granted: bool,
}

/// Makes server `me` of a cluster.
///
/// # Panics
/// If the bytes in `persister` weren't saved by a server of this adapter.
#[must_use]
pub fn make(
    peers: Vec<ClientEnd>,
    _me: usize,
    persister: Arc<Persister>,
    apply_ch: ApplyCh,
) -> Arc<dyn raftapi::Raft> {
    let disk = Disk::new(persister);
    // The bytes are the service's snapshot. Pass them to every save again.
    let (saved, _snapshot) = disk.read::<Saved>().unwrap_or_default();
    let (saved, starts) = (Mutex::new(saved), Mutex::default());
    let applies = Applies::new(apply_ch);
    // Here: start the foreign Raft, in a task if it takes time. Each server initializes a new cluster with the same
    // members, and starts an election if it hears from no leader.
    Arc::new(Server { peers, saved, disk, applies, starts })
}

impl Server {
    /// A request for a vote.
    async fn request_vote(self: Arc<Self>, args: RequestVoteArgs) -> RequestVoteReply {
        // Here: pass it to the foreign Raft, and return its reply. Do the same for AppendEntries and InstallSnapshot.
        RequestVoteReply { term: args.term, vote_granted: false }
    }
}

impl raftapi::Raft for Server {
    fn start(&self, _command: Command) -> Option<Start> {
        let (term, true) = self.get_state() else { return None };
        // Here: put the command into the foreign Raft's queue, and don't wait for the result.
        let commands = self.saved.lock().expect("no panic").log.commands();
        Some(self.starts.lock().expect("no panic").next(term, commands))
    }

    fn get_state(&self) -> (Term, bool) {
        // Here: the foreign Raft's current state, without waiting.
        (self.saved.lock().expect("no panic").term, false)
    }

    fn snapshot(&self, _index: Index, _snapshot: Bytes) {
        // Here: store the bytes, and let the foreign Raft shorten its log.
    }

    fn service(self: Arc<Self>) -> Service {
        Service::new("Raft", self).method("RequestVote", Server::request_vote)
    }

    fn kill(&self) {
        self.disk.pull();
        self.applies.end();
        // Here: end the foreign Raft, in a task.
    }
}
