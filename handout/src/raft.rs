//! One Raft server: what it knows, what it is asked, what it does by itself.
//!
//! Whoever knows the Go lab's `raft.go` finds the same functions here, in the same order.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use labrpc::{ClientEnd, Service};
use raftapi::{ApplyCh, Command, Index, Persister, Start, Term};
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

/// One server.
///
/// The fields here never change. What does change is in [`State`], behind the lock.
struct Raft {
    /// The ways to all servers: `peers[i]` leads to server i. The one at `me` leads to itself, and
    /// is not needed.
    peers: Vec<ClientEnd>,
    /// This server's number, from 0.
    me: usize,
    /// What survives a crash.
    persister: Arc<Persister>,
    /// Where committed commands go.
    apply_ch: ApplyCh,
    /// What changes in the course of a server's life.
    state: Mutex<State>,
    /// Set by `kill`.
    dead: AtomicBool,
}

/// What a server knows.
#[derive(Debug, Default)]
struct State {
    // Your data here (3A, 3B, 3C).
    //
    // Figure 2, "State", has the list, and says for each field when it changes. Two things that it
    // doesn't list are needed as well: the role (`raftapi::Role`), and when the server last heard
    // from a leader or gave its vote. `tokio::time::Instant` is the clock to use.
    //
    // Indexes of the log begin at 1 (rule 3), those of a Vec at 0. An entry at index 0 of term 0,
    // which is never sent or applied, makes the two agree, and spares you a special case for an
    // empty log. Put access to the log behind a few functions of its own: in 3D its beginning goes
    // away, and then only they need to know.
}

impl Raft {
    /// Locks the state.
    ///
    /// Read and change everything that belongs together under one guard; between two, anything may
    /// have happened. Never keep a guard over an `.await` (rules 8 and 9), nor ask for a second one
    /// while you have one: the server would wait for itself.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no task has panicked with the lock")
    }

    /// Saves what must survive a crash: Figure 2, "Persistent state on all servers".
    ///
    /// To be called by whoever changes any of that, before anybody can learn of the change (rule 5):
    /// before the lock is given back is a good time.
    fn persist(&self, state: &State) {
        // Your code here (3C). With `labgob::Encoder` it might look like this:
        //
        //     let mut encoder = Encoder::new();
        //     encoder.encode(&state.x).encode(&state.y);
        //     self.persister.save(encoder.finish(), Bytes::new());
        //
        // The second argument is the snapshot (3D). Empty bytes erase the one that was there.
        let _ = state;
    }

    /// Restores what was saved. At the first start nothing was, and `raft_state` is empty.
    fn read_persist(&self, raft_state: &Bytes) {
        // Your code here (3C), for when it isn't empty. With `labgob::Decoder`, in the order in which
        // `persist` encodes, it might look like this:
        //
        //     let mut decoder = Decoder::new(raft_state);
        //     state.x = decoder.decode().expect("x was saved");
        //     state.y = decoder.decode().expect("y was saved");
        //     decoder.finish().expect("nothing else was saved");
        let _ = raft_state;
    }
}

// --- An RPC from end to end, to be looked at and then deleted. It has nothing to do with Raft.

/// What the caller sends. Any type will do that serde can handle.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExampleArgs {
    /// A number.
    pub x: u64,
}

/// What it gets back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExampleReply {
    /// The number after it.
    pub y: u64,
}

impl Raft {
    /// The handler. `service`, further down, gives it its name, "Raft.Example".
    ///
    /// Each request gets a task of its own, so several may be here at the same time.
    async fn example(self: Arc<Self>, args: ExampleArgs) -> ExampleReply {
        ExampleReply { y: args.x + 1 }
    }

    /// The caller. The type of the reply must be the handler's.
    ///
    /// A call can take seconds, and `None` can mean anything: the server can't be reached, or has
    /// crashed; the request was lost, or only the reply. So one that waits here can do nothing else
    /// meanwhile. If others must be asked too, let each call be a task: `tokio::spawn`.
    async fn call_example(&self, server: usize) {
        let args = ExampleArgs { x: 99 };
        match self.peers[server].call::<_, ExampleReply>("Raft.Example", &args).await {
            Some(reply) => println!("server {}: 99 and 1 are {}", self.me, reply.y),
            None => println!("server {}: no answer from server {server}", self.me),
        }
    }
}

// --- RequestVote (Figure 2).

/// What a candidate asks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RequestVoteArgs {
    // Your data here (3A, 3B): Figure 2, "RequestVote RPC", "Arguments".
}

/// What it is answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RequestVoteReply {
    // Your data here (3A): Figure 2, "RequestVote RPC", "Results".
}

impl Raft {
    /// A candidate asks for this server's vote.
    async fn request_vote(self: Arc<Self>, args: RequestVoteArgs) -> RequestVoteReply {
        // Your code here (3A, 3B): Figure 2, "RequestVote RPC", "Receiver implementation", and what
        // "Rules for Servers", "All Servers", says of a request's term. That holds in every handler,
        // and for every reply.
        let RequestVoteArgs {} = args;
        RequestVoteReply {}
    }

    /// Asks server `server` for its vote. `None` if no answer came.
    async fn send_request_vote(
        &self,
        server: usize,
        args: &RequestVoteArgs,
    ) -> Option<RequestVoteReply> {
        self.peers[server].call("Raft.RequestVote", args).await
    }
}

// --- AppendEntries (3A: as a heartbeat; 3B: with entries) and InstallSnapshot (3D: Figure 13, but
// --- the whole snapshot in one piece). Your code here: types, a handler, its line in `service`.

// --- What the tester calls. None of it may wait.

impl raftapi::Raft for Raft {
    /// Takes a command, if this server leads: appends it to its log, says where it will stand, and
    /// leaves it to others to replicate it (rule 2).
    fn start(&self, command: Command) -> Option<Start> {
        // Your code here (3B).
        let _ = command;
        None
    }

    /// The current term, and whether this server believes that it leads (rule 4).
    fn get_state(&self) -> (Term, bool) {
        // Your code here (3A).
        (0, false)
    }

    /// The service has put everything up to `index` into a snapshot: the log up to there can go, and
    /// the snapshot is saved in its place (§7).
    fn snapshot(&self, index: Index, snapshot: Bytes) {
        // Your code here (3D).
        let _ = (index, snapshot);
    }

    /// Which handler answers to which name. One that isn't here can't be called.
    fn service(self: Arc<Self>) -> Service {
        Service::new("Raft", self)
            .method("Example", Raft::example)
            .method("RequestVote", Raft::request_vote)
    }

    /// The tester is done with this server. It doesn't stop your tasks: whatever loops has to ask
    /// `killed` now and then (rule 12).
    fn kill(&self) {
        self.dead.store(true, Ordering::Relaxed);
        // Your code here, if you want to do more.
    }
}

impl Raft {
    /// Whether the tester is done with this server.
    fn killed(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Stands for election when no leader has been heard of for too long.
    async fn ticker(self: Arc<Self>) {
        // Delete this line when you have begun. What a run prints is shown if it fails.
        println!("server {}: the skeleton never stands for election: begin with `ticker`", self.me);

        while !self.killed() {
            // Your code here (3A): is it time for an election? Then hold one (Figure 2, "Rules for
            // Servers", "Followers" and "Candidates"), without making this loop wait for votes.

            // How long to wait, at random, so that the servers don't all stand at once (§5.2). The
            // paper's 150 to 300 ms are too short here: a leader's heartbeats should be ten a second
            // at most, several of them may get lost, and yet the tests want a new leader within five
            // seconds.
            let pause = rand::rng().random_range(50..350);
            sleep(Duration::from_millis(pause)).await;
        }
    }

    /// Sends what is committed to the service, each command once, in order (rule 6).
    async fn applier(self: Arc<Self>) {
        // Your code here (3B): a loop that waits until there is something to apply (a
        // `tokio::sync::Notify` is good for that), takes it from the log under the lock, gives the
        // lock back, and sends (rule 8):
        //
        //     self.apply_ch.send(raftapi::ApplyMsg::Command { index, command }).await;
    }
}

/// Makes server `me`: `peers` leads to all servers, `persister` has what it saved before it crashed,
/// and what is committed goes to `apply_ch`.
///
/// Returns at once; whatever takes time is a task (rule 1).
#[must_use]
pub fn make(
    peers: Vec<ClientEnd>,
    me: usize,
    persister: Arc<Persister>,
    apply_ch: ApplyCh,
) -> Arc<dyn raftapi::Raft> {
    let saved = persister.read_raft_state();
    let raft = Arc::new(Raft {
        peers,
        me,
        persister,
        apply_ch,
        state: Mutex::new(State::default()),
        dead: AtomicBool::new(false),
    });

    // Your code here (3A, 3B, 3C): how a server begins.

    raft.read_persist(&saved);
    tokio::spawn(raft.clone().ticker());
    raft
}
