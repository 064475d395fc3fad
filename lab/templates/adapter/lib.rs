//! A foreign Raft as a Raft of the lab: the frame. docs/bring-your-own.md in the lab explains each part.
//!
//! As it is, a server never leads, and the tests say so. Search for "Here".

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
    /// What is on the disk. The foreign Raft's storage changes it, and saves it to the disk.
    pub saved: Mutex<Saved>,
    /// The disk. After a crash it refuses.
    pub disk: Disk,
    /// Where the foreign Raft's state machine sends what is committed.
    pub applies: Applies,
    starts: Mutex<Starts>,
    // Here: the foreign Raft. If it begins asynchronously, a tokio::sync::SetOnce.
}

/// What must survive a crash, beside the service's snapshot.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Saved {
    /// The current term.
    pub term: Term,
    /// Whom the server has voted for in it.
    pub voted_for: Option<u64>,
    /// The entries, those that are no commands among them.
    pub log: Log,
}

/// A candidate asks for a vote. The rules read the fields by the paper's names; what the foreign Raft needs more, add.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RequestVoteArgs {
    /// The candidate's term.
    pub term: Term,
    /// The candidate.
    pub candidate_id: u64,
    /// The index of its last entry.
    pub last_log_index: Index,
    /// The term of its last entry.
    pub last_log_term: Term,
}

/// The answer to a candidate.
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
/// If what `persister` has is not what a server saves.
#[must_use]
pub fn make(
    peers: Vec<ClientEnd>,
    _me: usize,
    persister: Arc<Persister>,
    apply_ch: ApplyCh,
) -> Arc<dyn raftapi::Raft> {
    let disk = Disk::new(persister);
    // The bytes are the service's snapshot, which every save must be given again.
    let (saved, _snapshot) = disk.read::<Saved>().unwrap_or_default();
    let (saved, starts) = (Mutex::new(saved), Mutex::default());
    let applies = Applies::new(apply_ch);
    // Here: begin the foreign Raft, in a task if it takes time. Server 0 initializes a new cluster.
    Arc::new(Server { peers, saved, disk, applies, starts })
}

impl Server {
    /// A request for a vote.
    async fn request_vote(self: Arc<Self>, args: RequestVoteArgs) -> RequestVoteReply {
        // Here: hand it to the foreign Raft, and return its answer. Do the same for AppendEntries and InstallSnapshot.
        RequestVoteReply { term: args.term, vote_granted: false }
    }
}

impl raftapi::Raft for Server {
    fn start(&self, _command: Command) -> Option<Start> {
        let (term, true) = self.get_state() else { return None };
        // Here: hand the command to the foreign Raft's queue, and don't wait for what comes of it.
        let commands = self.saved.lock().expect("no panic").log.commands();
        Some(self.starts.lock().expect("no panic").next(term, commands))
    }

    fn get_state(&self) -> (Term, bool) {
        // Here: what the foreign Raft says now, without waiting.
        (self.saved.lock().expect("no panic").term, false)
    }

    fn snapshot(&self, _index: Index, _snapshot: Bytes) {
        // Here: keep the bytes, and have the foreign Raft make its log shorter.
    }

    fn service(self: Arc<Self>) -> Service {
        Service::new("Raft", self).method("RequestVote", Server::request_vote)
    }

    fn kill(&self) {
        self.disk.pull();
        // Here: have the foreign Raft end, in a task.
    }
}
