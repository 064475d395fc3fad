//! One Raft server: its state, its handlers, and its own tasks.
//!
//! The functions are those of the Go lab's `raft.go`, in the same order.

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
/// These fields never change. What changes is in [`State`], behind the lock.
struct Raft {
    /// `peers[i]` calls server i. `peers[me]` calls this server itself; you don't need it.
    peers: Vec<ClientEnd>,
    /// This server's number, from 0.
    me: usize,
    /// What survives a crash.
    persister: Arc<Persister>,
    /// Where committed commands go.
    apply_ch: ApplyCh,
    /// What changes while the server runs.
    state: Mutex<State>,
    /// Set by `kill`.
    dead: AtomicBool,
}

/// What a server knows, and what changes.
#[derive(Debug, Default)]
struct State {
    // Your data here (3A, 3B, 3C).
    //
    // Figure 2, "State", has the list, and says when each field changes. You need two more: the role
    // (`raftapi::Role`), and the time of the next election (`tokio::time::Instant`).
    //
    // Indexes of the log begin at 1 (rule 3), indexes of a Vec at 0. Put an entry of term 0 at index 0,
    // and never send or apply it. Then the two agree, and an empty log is no special case. Access the log
    // through a few functions of its own: in 3D its beginning goes away, and then only they change.
}

impl Raft {
    /// Locks the state.
    ///
    /// Read and change what belongs together under one guard: between two guards anything may happen.
    /// Never keep a guard over an `.await` (rules 8 and 9). Never lock while you have a guard: the server
    /// would wait for itself.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no task has panicked with the lock")
    }

    /// Saves what must survive a crash: Figure 2, "Persistent state on all servers".
    ///
    /// Call it wherever any of that changes, before another server can learn of the change (rule 5). A good
    /// moment is just before you give the lock back.
    fn persist(&self, state: &State) {
        // Your code here (3C). With `labgob::Encoder` it might look like this:
        //
        //     let mut encoder = Encoder::new();
        //     encoder.encode(&state.x).encode(&state.y);
        //     self.persister.save(encoder.finish(), Bytes::new());
        //
        // The second argument is the snapshot (3D). Empty bytes erase the stored snapshot.
        let _ = state;
    }

    /// Restores what was saved. At the first start `raft_state` is empty.
    fn read_persist(&self, raft_state: &Bytes) {
        // Your code here (3C), if it isn't empty. Decode in the order in which `persist` encodes. With
        // `labgob::Decoder` it might look like this:
        //
        //     let mut decoder = Decoder::new(raft_state);
        //     state.x = decoder.decode().expect("x was saved");
        //     state.y = decoder.decode().expect("y was saved");
        //     decoder.finish().expect("nothing else was saved");
        let _ = raft_state;
    }
}

// --- An RPC from end to end. Look at it, then delete it: it has nothing to do with Raft.

/// What the caller sends. It can be any type that derives serde's two traits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExampleArgs {
    /// A number.
    pub x: u64,
}

/// What the caller gets back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExampleReply {
    /// The number after it.
    pub y: u64,
}

impl Raft {
    /// The handler. `service`, further down, gives it the name "Raft.Example".
    ///
    /// Several requests may run it at the same time.
    async fn example(self: Arc<Self>, args: ExampleArgs) -> ExampleReply {
        ExampleReply { y: args.x + 1 }
    }

    /// The caller. The type of the reply must be the handler's.
    ///
    /// A call can take seconds. `None` can mean that the server can't be reached or has crashed, or that
    /// the request or the reply was lost. A task that waits here does nothing else meanwhile. So make each
    /// call in a task of its own: `tokio::spawn`.
    async fn call_example(&self, server: usize) {
        let args = ExampleArgs { x: 99 };
        match self.peers[server].call::<_, ExampleReply>("Raft.Example", &args).await {
            Some(reply) => println!("server {}: 99 and 1 are {}", self.me, reply.y),
            None => println!("server {}: no answer from server {server}", self.me),
        }
    }
}

// --- RequestVote (Figure 2).

/// A candidate's request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RequestVoteArgs {
    // Your data here (3A, 3B): Figure 2, "RequestVote RPC", "Arguments".
}

/// The reply to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RequestVoteReply {
    // Your data here (3A): Figure 2, "RequestVote RPC", "Results".
}

impl Raft {
    /// The handler: a candidate asks for this server's vote.
    async fn request_vote(self: Arc<Self>, args: RequestVoteArgs) -> RequestVoteReply {
        // Your code here (3A, 3B): Figure 2, "RequestVote RPC", "Receiver implementation". Look at the
        // request's term first: see "Rules for Servers", "All Servers". Do so in every handler, and with
        // every reply.
        let RequestVoteArgs {} = args;
        RequestVoteReply {}
    }

    /// Asks server `server` for its vote. Returns `None` if no reply came.
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

// --- What the tester calls. None of these functions may wait.

impl raftapi::Raft for Raft {
    /// Takes a command if this server leads: appends it to the log, and returns its index and the term.
    /// Other tasks replicate it (rule 2).
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

    /// The service has put everything up to `index` into a snapshot. Drop the log up to there, and save the
    /// snapshot in its place (§7).
    fn snapshot(&self, index: Index, snapshot: Bytes) {
        // Your code here (3D).
        let _ = (index, snapshot);
    }

    /// The handlers, by name. A handler that isn't here can't be called.
    fn service(self: Arc<Self>) -> Service {
        Service::new("Raft", self)
            .method("Example", Raft::example)
            .method("RequestVote", Raft::request_vote)
    }

    /// The tester is done with this server. It doesn't stop your tasks: every loop must ask `killed` now
    /// and then (rule 12).
    fn kill(&self) {
        self.dead.store(true, Ordering::Relaxed);
        // Your code here, if you want to do more.
    }

    // Optional, and worth it. With it, the report of a failed test shows each server's role, vote, end of
    // log, commit index, last applied index and snapshot, and the explanation becomes more precise.
    // Remove the comment signs when your state has these fields (3A: the first two; zeros for the rest).
    //
    // fn debug_state(&self) -> Option<raftapi::DebugState> {
    //     let state = self.state();
    //     Some(raftapi::DebugState {
    //         role: state.role,
    //         voted_for: state.voted_for,
    //         last_index: 0,
    //         last_term: 0,
    //         commit_index: 0,
    //         last_applied: 0,
    //         snapshot_index: 0,
    //     })
    // }
}

impl Raft {
    /// Whether the tester is done with this server.
    fn killed(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Starts an election if the server has heard from no leader for too long.
    async fn ticker(self: Arc<Self>) {
        // Delete this line when you have begun. The report of a failed run shows what the run printed.
        println!("server {}: the skeleton never starts an election: begin with `ticker`", self.me);

        while !self.killed() {
            // Your code here (3A): if it is time for an election, start one (Figure 2, "Rules for
            // Servers", "Followers" and "Candidates"). This loop must not wait for votes.

            // The pause is random, so that the servers don't all start an election at once (§5.2). The
            // paper's election timeouts, 150 to 300 ms, are too short here: a leader may send ten
            // heartbeats a second at most, and some of them get lost. The tests want a new leader within
            // five seconds.
            //
            // All servers start at the same instant, so don't seed a generator of your own by the clock:
            // all would draw the same numbers. `rand::rng()` is right.
            let pause = rand::rng().random_range(50..350);
            sleep(Duration::from_millis(pause)).await;
        }
    }

    /// Sends each committed command to the service, once and in order (rule 6).
    async fn applier(self: Arc<Self>) {
        // Your code here (3B): a loop that waits until there is something to apply, for instance by a
        // `tokio::sync::Notify`. It takes the commands from the log under the lock, gives the lock back,
        // and then sends (rule 8):
        //
        //     self.apply_ch.send(raftapi::ApplyMsg::Command { index, command }).await;
    }
}

/// Makes server `me`. `peers` calls the servers, `persister` has what this server saved before it crashed,
/// and committed commands go to `apply_ch`.
///
/// Returns at once; what takes time is a task (rule 1).
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
