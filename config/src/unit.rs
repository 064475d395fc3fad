//! One server by itself: the script calls its handlers, and is all the other servers.
//!
//! A cluster's test shows that something is wrong; a test of one handler shows where. [`test()`] runs a script in
//! virtual time, as the tests of the lab are run: the same seed is the same run, a server that waits for ever or
//! blocks the thread fails with its line, and what went over the network is shown below a failure.
//!
//! [`Single`] is the server. Its messages are the student's own types, whatever they look like.
//!
//! ```no_run
//! use config::unit::{self, Single};
//! # use serde::{Deserialize, Serialize};
//! # mod raft {
//! #     pub fn make(
//! #         _: Vec<labrpc::ClientEnd>, _: usize,
//! #         _: std::sync::Arc<raftapi::Persister>, _: raftapi::ApplyCh,
//! #     ) -> std::sync::Arc<dyn raftapi::Raft> { unimplemented!() }
//! # }
//! # #[derive(Serialize, Deserialize)]
//! # struct RequestVoteArgs { term: u64, candidate_id: usize, last_log_index: u64, last_log_term: u64 }
//! # #[derive(Serialize, Deserialize)]
//! # struct RequestVoteReply { term: u64, vote_granted: bool }
//!
//! // #[test]
//! fn a_vote_survives_a_crash() {
//!     unit::test(|t| async move {
//!         let server = Single::new(&t, 3, raft::make);
//!         let ask = |candidate_id| RequestVoteArgs { term: 5, candidate_id, last_log_index: 0, last_log_term: 0 };
//!
//!         // candidate 1 gets the vote of term 5
//!         let reply: RequestVoteReply = server.call("Raft.RequestVote", &ask(1)).await;
//!         assert!(reply.vote_granted);
//!
//!         // after a crash, candidate 2 doesn't get another one
//!         server.restart();
//!         let reply: RequestVoteReply = server.call("Raft.RequestVote", &ask(2)).await;
//!         assert!(!reply.vote_granted);
//!     });
//! }
//! ```

mod observer;
mod request;

use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use harness::{Participants, T};
use labrpc::{ClientEnd, Hold, Message, Network, Server, Switch};
use parking_lot::{Mutex, MutexGuard};
use raftapi::{
    ApplyCh, ApplyMsg, Command, DebugState, Index, Make, Persister, Raft, Start, Term,
    apply_channel,
};
use report::FailureKind;
use sim::context::Owner;
use sim::enter_call;
use tokio::time::{Instant, sleep, timeout};

pub use request::Request;

use crate::test::leave_out_own_lines;
use observer::Printer;

/// How long the server may take for what the script waits for.
const WITHIN: Duration = Duration::from_secs(5);

/// How often the script looks whether it is there.
const LOOK: Duration = Duration::from_millis(1);

/// The server's number.
const ME: usize = 0;

/// Runs a script in virtual time, once for each seed that the [`Settings`](crate::Settings) ask for. Call it in a
/// `#[test]` function, as [`crate::test()`].
///
/// The script passes if it comes to its end, and then nothing is printed. It fails by a panic, such as that of an
/// `assert_eq!`, and for all the reasons for which a run of the lab's tests can fail.
///
/// # Panics
/// If a run fails, or if the environment's settings make no sense. That is how a test fails.
#[track_caller]
pub fn test<S, Fut>(script: S)
where
    S: Fn(T) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    leave_out_own_lines();
    harness::unit_test(script);
}

/// Server 0 of a cluster that has no other servers: the script is in their place. Clones are the same server.
///
/// The script calls the server's handlers by [`Single::call`]. What the server asks of the others waits until the
/// script takes it by [`Single::next`], and answers it or lets it be lost.
#[derive(Clone)]
pub struct Single {
    alone: Arc<Alone>,
}

struct Alone {
    t: T,
    servers: usize,
    make: Make,
    network: Network,
    /// Has what the server asks of others.
    requests: Hold,
    state: Mutex<State>,
}

struct State {
    /// `None` at the end of the run.
    raft: Option<Arc<dyn Raft>>,
    incarnation: u32,
    saved: Arc<Persister>,
    /// The names of the server's ends, and of the end that leads to it.
    ends: Vec<String>,
    /// What it has applied since it was started.
    applied: Arc<Mutex<Vec<ApplyMsg>>>,
    /// How much of that the script has taken.
    taken: usize,
}

impl Single {
    /// Makes server 0 of `servers`. It has saved nothing.
    ///
    /// # Panics
    /// If `make` does; the run has then failed.
    #[track_caller]
    #[must_use]
    pub fn new<F>(t: &T, servers: usize, make: F) -> Single
    where
        F: Fn(Vec<ClientEnd>, usize, Arc<Persister>, ApplyCh) -> Arc<dyn Raft>
            + Send
            + Sync
            + 'static,
    {
        Single::with_saved(t, servers, Persister::new(), make)
    }

    /// Makes server 0 of `servers`, which has saved before what `saved` has: in the server's own form.
    ///
    /// # Panics
    /// If `make` does; the run has then failed.
    #[track_caller]
    #[must_use]
    pub fn with_saved<F>(t: &T, servers: usize, saved: Persister, make: F) -> Single
    where
        F: Fn(Vec<ClientEnd>, usize, Arc<Persister>, ApplyCh) -> Arc<dyn Raft>
            + Send
            + Sync
            + 'static,
    {
        t.step("make", Location::caller());
        let network = Network::new(t.sim(), Arc::new(Printer::new(t)));
        let state = State {
            raft: None,
            incarnation: 0,
            saved: Arc::new(saved),
            ends: Vec::new(),
            applied: Arc::default(),
            taken: 0,
        };
        let alone = Arc::new(Alone {
            t: t.clone(),
            servers,
            make: Arc::new(make),
            requests: network.hold(|_| true),
            network,
            state: Mutex::new(state),
        });
        // The run lets it go in the end. It is no cluster, of which the rules of Raft's could be asked.
        t.attach(0, alone.clone());
        alone.start();
        Single { alone }
    }

    /// Calls the server's handler of `method` ("Raft.RequestVote") with `args`, as another server would, and returns
    /// its reply.
    ///
    /// Fails the run if there is no such handler, if its types are others, or if it hasn't ended within 5 s.
    #[track_caller]
    pub fn call<A: Message, R: Message>(
        &self,
        method: &'static str,
        args: &A,
    ) -> impl Future<Output = R> + Send + use<A, R> {
        let here = Location::caller();
        self.alone.t.step("call", here);
        let (end, t) = (self.alone.end(), self.alone.t.clone());
        let call = end.call::<A, R>(method, args);
        async move {
            let why = match timeout(WITHIN, call).await {
                Ok(Some(reply)) => return reply,
                Ok(None) => "was restarted before it had answered",
                Err(_) => "has not answered within 5 s",
            };
            t.fatal_at(here, FailureKind::Liveness, format!("server {ME} {why}: {method}"))
        }
    }

    /// The next request that the server sends to any other, if it is of this `method`; waits for it. Requests come in
    /// the order in which they were sent; those of other methods are left for later.
    ///
    /// Fails the run if none comes within 5 s, or if its arguments aren't of the type `A`.
    #[track_caller]
    pub fn next<A: Message>(
        &self,
        method: &'static str,
    ) -> impl Future<Output = Request<A>> + Send + use<A> {
        self.alone.clone().wait_for(Location::caller(), None, method)
    }

    /// The same of the requests to server `to`.
    #[track_caller]
    pub fn next_to<A: Message>(
        &self,
        to: usize,
        method: &'static str,
    ) -> impl Future<Output = Request<A>> + Send + use<A> {
        self.alone.clone().wait_for(Location::caller(), Some(to), method)
    }

    /// The next request as [`Single::next`] returns it, or `None` if the server has sent none so far.
    ///
    /// Fails the run if its arguments aren't of the type `A`.
    #[track_caller]
    #[must_use]
    pub fn try_next<A: Message>(&self, method: &'static str) -> Option<Request<A>> {
        self.alone.take(Location::caller(), None, method)
    }

    /// Loses all requests that the server has sent so far, and the script hasn't taken. It learns within milliseconds
    /// that there is no reply.
    pub fn lose_requests(&self) {
        self.alone.requests.lose_all();
    }

    /// The next message that the server has sent to its `ApplyCh`; waits for it.
    ///
    /// Fails the run if none comes within 5 s.
    #[track_caller]
    pub fn next_applied(&self) -> impl Future<Output = ApplyMsg> + Send + use<> {
        let here = Location::caller();
        self.alone.t.step("next_applied", here);
        let alone = self.alone.clone();
        async move {
            let begun = Instant::now();
            loop {
                if let Some(message) = alone.take_applied() {
                    return message;
                }
                if begun.elapsed() > WITHIN {
                    let message = format!("server {ME} has applied nothing more for 5 s");
                    alone.t.fatal_at(here, FailureKind::Liveness, message);
                }
                sleep(LOOK).await;
            }
        }
    }

    /// All that the server has sent to its `ApplyCh` since it was made or restarted.
    #[must_use]
    pub fn applied(&self) -> Vec<ApplyMsg> {
        self.alone.state().applied.lock().clone()
    }

    /// What a crash would leave now, in the server's own form: a copy.
    #[must_use]
    pub fn saved(&self) -> Persister {
        self.alone.state().saved.copy()
    }

    /// How often the server has saved since it was made or restarted.
    #[must_use]
    pub fn times_saved(&self) -> u64 {
        self.alone.state().saved.written()
    }

    /// Crashes the server, and makes it again with what it had saved. What it had asked of others is lost.
    #[track_caller]
    pub fn restart(&self) {
        self.alone.t.step("restart", Location::caller());
        self.alone.crash();
        self.alone.start();
    }

    /// The tester's call of that name: [`Raft::start`].
    #[track_caller]
    pub fn start(&self, command: impl Into<Command>) -> Option<Start> {
        let command = command.into();
        self.alone.with_raft("start", Location::caller(), |raft| raft.start(command))
    }

    /// The tester's call of that name: [`Raft::get_state`].
    #[track_caller]
    #[must_use]
    pub fn get_state(&self) -> (Term, bool) {
        self.alone.with_raft("get_state", Location::caller(), Raft::get_state)
    }

    /// The tester's call of that name: [`Raft::debug_state`].
    #[track_caller]
    #[must_use]
    pub fn debug_state(&self) -> Option<DebugState> {
        self.alone.with_raft("debug_state", Location::caller(), Raft::debug_state)
    }

    /// The tester's call of that name: [`Raft::snapshot`].
    #[track_caller]
    pub fn snapshot(&self, index: Index, snapshot: impl Into<Bytes>) {
        let snapshot = snapshot.into();
        self.alone.with_raft("snapshot", Location::caller(), |raft| raft.snapshot(index, snapshot));
    }
}

impl Alone {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Makes the server, in a new incarnation.
    fn start(&self) {
        let mut state = self.state();
        state.incarnation += 1;
        let owner = state.owner();
        let incarnation = state.incarnation;
        let name = |to: usize| format!("{ME}.{incarnation}->{to}");
        let make_end = |to: usize| {
            let end = self.network.make_end(name(to), Some(owner));
            self.network.connect(&name(to), to);
            self.network.enable(&name(to), Switch::On);
            end
        };
        let ends = (0..self.servers).map(make_end).collect();
        state.ends = (0..self.servers).map(name).collect();
        let saved = Arc::new(state.saved.copy());
        state.saved = saved.clone();
        let applied = Arc::new(Mutex::new(Vec::new()));
        (state.applied, state.taken) = (applied.clone(), 0);
        drop(state);

        let (apply_ch, mut receiver) = apply_channel();
        let entered = enter_call(owner, "make");
        let raft = (self.make)(ends, ME, saved, apply_ch);
        let service = raft.clone().service();
        drop(entered);
        let t = self.t.clone();
        tokio::spawn(async move {
            while let Some(message) = receiver.recv().await {
                observer::print(t.now(), &format!("server {ME} applies {message:?}"));
                applied.lock().push(message);
            }
        });
        self.network.add_server(ME, Server::new(Some(owner)).with(service));
        self.state().raft = Some(raft);
    }

    /// Takes the server down, which keeps what it has saved.
    fn crash(&self) {
        self.network.delete_server(ME);
        let mut state = self.state();
        state.ends.drain(..).for_each(|end| self.network.delete_end(&end));
        // What the old instance saves from now on is nobody's.
        state.saved = Arc::new(state.saved.copy());
        let (raft, owner) = (state.raft.take(), state.owner());
        drop(state);
        self.requests.lose_all();
        if let Some(raft) = raft {
            let _entered = enter_call(owner, "kill");
            raft.kill();
        }
    }

    /// A new end to the server, which is nobody's.
    fn end(&self) -> ClientEnd {
        let mut state = self.state();
        let name = format!("test.{}.{}", state.incarnation, state.ends.len());
        let end = self.network.make_end(&name, None);
        self.network.connect(&name, ME);
        self.network.enable(&name, Switch::On);
        state.ends.push(name);
        end
    }

    fn with_raft<R>(
        &self,
        call: &'static str,
        here: &'static Location<'static>,
        f: impl FnOnce(&dyn Raft) -> R,
    ) -> R {
        self.t.step(call, here);
        let state = self.state();
        let (raft, owner) = (state.raft.clone(), state.owner());
        drop(state);
        let raft = raft.expect("it is there while its script runs");
        let _entered = enter_call(owner, call);
        f(&*raft)
    }

    fn take_applied(&self) -> Option<ApplyMsg> {
        let mut state = self.state();
        let message = state.applied.lock().get(state.taken).cloned()?;
        state.taken += 1;
        Some(message)
    }
}

impl State {
    fn owner(&self) -> Owner {
        Owner { server: ME as u32, incarnation: self.incarnation }
    }
}

impl Participants for Alone {
    /// There is nothing to record: what a single server is, its script asks.
    fn look(&self) {}

    fn close(&self) {
        let mut state = self.state();
        let (raft, owner) = (state.raft.take(), state.owner());
        drop(state);
        if let Some(raft) = raft {
            let _entered = enter_call(owner, "kill");
            // A panic is noted as any other is; the run has no body left that it could end.
            let _ = catch_unwind(AssertUnwindSafe(move || raft.kill()));
        }
        self.network.close();
    }
}

impl fmt::Debug for Alone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alone").field("servers", &self.servers).finish_non_exhaustive()
    }
}

impl fmt::Debug for Single {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Single").field("servers", &self.alone.servers).finish_non_exhaustive()
    }
}
