//! Watching the servers: what they are seen to be, between what they do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use harness::{T, caller, misused};
use labrpc::Observer;
use parking_lot::Mutex;
use raftapi::{DebugState, Raft, Term};
use report::{Asked, Detail, EventKind, FailureKind, Mark, Role, RpcId, TaskEnding, Time};
use sim::context::Owner;
use sim::{Ended, TaskEnd, enter_call};

/// How often servers are looked at by the real clock.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Sees what happens on the network, and looks at the servers that take part in it.
pub(crate) struct Recorder {
    t: T,
    servers: Mutex<Vec<Option<Watched>>>,
}

/// A server's present life.
#[derive(Clone)]
struct Watched {
    raft: Arc<dyn Raft>,
    incarnation: u32,
    /// What it was when it was looked at last.
    seen: Option<(Term, bool)>,
    /// The same without the looks that come of nothing but that its tasks have run: what the run's hash
    /// covers.
    covered: Option<(Term, bool)>,
    /// What it was when it last refused a command; `None` if it has accepted one since.
    refused_as: Option<Option<(Term, bool)>>,
}

impl Recorder {
    pub(crate) fn new(t: &T, servers: usize) -> Recorder {
        Recorder { t: t.clone(), servers: Mutex::new(vec![None; servers]) }
    }

    /// By the virtual clock, looks at each server whose tasks have run, before time goes on: also a server
    /// that has handled nothing and sends nothing may have become another.
    pub(crate) fn look_when_tasks_ran(self: &Arc<Self>) {
        // The run has it for as long as it lasts, and this has the run.
        let recorder = Arc::downgrade(self);
        self.t.sim().on_rest(move |server| {
            if let Some(recorder) = recorder.upgrade() {
                recorder.look_early(server, Asked::AtRest);
            }
        });
    }

    /// By the virtual clock, records the ends of tasks of servers that live on.
    pub(crate) fn record_tasks_ends(self: &Arc<Self>) {
        let recorder = Arc::downgrade(self);
        self.t.sim().on_task_end(move |end| {
            if let Some(recorder) = recorder.upgrade() {
                recorder.task_ended(end);
            }
        });
    }

    fn task_ended(&self, end: TaskEnd) {
        let TaskEnd { owner, spawned_at, began_us, how } = end;
        let is_alive = self.servers.lock()[owner.server as usize]
            .as_ref()
            .is_some_and(|watched| watched.incarnation == owner.incarnation);
        if is_alive {
            let (file, line) = (spawned_at.file().into(), spawned_at.line());
            let how = match how {
                Ended::Returned => TaskEnding::Returned,
                Ended::Panicked => TaskEnding::Panicked,
                Ended::LikelyAborted => TaskEnding::LikelyAborted,
            };
            let (server, began) = (caller(owner), Time(began_us));
            self.t.record(EventKind::TaskEnded { server, file, line, began, how });
        }
    }

    /// A server has refused a command. That is recorded if it is the first time since it accepted one or was
    /// seen to have changed: scripts ask all servers again and again.
    pub(crate) fn refused(&self, owner: Owner) {
        let mut servers = self.servers.lock();
        let Some(watched) = &mut servers[owner.server as usize] else { return };
        // What the hash covers, so that what is recorded doesn't depend on how soon somebody looks.
        let now = Some(watched.covered);
        if watched.incarnation != owner.incarnation || watched.refused_as == now {
            return;
        }
        watched.refused_as = now;
        drop(servers);
        self.t.record(EventKind::Refused { server: caller(owner) });
    }

    /// A server has accepted a command.
    pub(crate) fn accepted(&self, owner: Owner) {
        if let Some(watched) = &mut self.servers.lock()[owner.server as usize]
            && watched.incarnation == owner.incarnation
        {
            watched.refused_as = None;
        }
    }

    /// A server's life begins.
    pub(crate) fn begin(&self, owner: Owner, raft: Arc<dyn Raft>) {
        let incarnation = owner.incarnation;
        let (seen, covered, refused_as) = (None, None, None);
        let watched = Watched { raft, incarnation, seen, covered, refused_as };
        self.servers.lock()[owner.server as usize] = Some(watched);
    }

    /// A server's life has ended.
    pub(crate) fn end(&self, server: usize) {
        let ended = self.servers.lock()[server].take();
        drop(ended); // anybody's code, and so without the lock
    }

    /// The servers that are alive.
    pub(crate) fn alive(&self) -> Vec<Owner> {
        let servers = self.servers.lock();
        let alive = servers.iter().zip(0..).filter_map(|(watched, server)| {
            let incarnation = watched.as_ref()?.incarnation;
            Some(Owner { server, incarnation })
        });
        alive.collect()
    }

    /// A server has told what it is. If that is new, it is recorded, with all that it tells.
    pub(crate) fn saw(&self, owner: Owner, raft: &dyn Raft, term: Term, is_leader: bool) {
        let mut servers = self.servers.lock();
        let Some(watched) = &mut servers[owner.server as usize] else { return };
        if watched.incarnation != owner.incarnation {
            return;
        }
        let now = Some((term, is_leader));
        let is_noted = std::mem::replace(&mut watched.seen, now) == now;
        let is_covered = std::mem::replace(&mut watched.covered, now) == now;
        drop(servers);
        if is_noted && is_covered {
            return; // as nearly always
        }
        self.mark_state(owner, (term, is_leader), Asked::Due);
        let kind = view(owner, raft, term, is_leader);
        let (at, mut history) = (self.t.now(), self.t.history());
        match (is_noted, is_covered) {
            (true, _) => history.cover(at, &kind),
            (false, true) => history.note(at, kind),
            (false, false) => history.record(at, kind),
        }
    }

    /// A server's tasks have run. If it is new what it is, that is noted; the run's hash covers it when the
    /// server next has to do with others, as if it had been looked at only then.
    fn saw_early(
        &self,
        owner: Owner,
        raft: &dyn Raft,
        (term, is_leader): (Term, bool),
        asked: Asked,
    ) {
        let mut servers = self.servers.lock();
        let Some(watched) = &mut servers[owner.server as usize] else { return };
        let now = Some((term, is_leader));
        // What a life begins with is seen when it first has to do with others.
        let is_new = watched.seen.is_some() && watched.seen != now;
        if watched.incarnation != owner.incarnation || !is_new {
            return;
        }
        watched.seen = now;
        drop(servers);
        self.mark_state(owner, (term, is_leader), asked);
        let kind = view(owner, raft, term, is_leader);
        self.t.history().note(self.t.now(), kind);
    }

    fn mark_state(&self, owner: Owner, (term, is_leader): (Term, bool), asked: Asked) {
        self.t.mark(|| Mark::State { server: caller(owner), term, is_leader, asked });
    }

    /// Looks at a server because its tasks have run.
    pub(crate) fn look_early(&self, server: Owner, asked: Asked) {
        self.ask(server, |raft| self.saw_early(server, raft, raft.get_state(), asked));
    }

    /// Records what the servers are now, also if it isn't new.
    pub(crate) fn look_around(&self) {
        for owner in self.alive() {
            self.ask(owner, |raft| {
                let (term, is_leader) = raft.get_state();
                self.record_view(owner, raft, term, is_leader);
            });
        }
    }

    fn record_view(&self, owner: Owner, raft: &dyn Raft, term: Term, is_leader: bool) {
        self.t.record(view(owner, raft, term, is_leader));
    }

    /// Asks a server something. It may fail at that: then it has panicked, which is noted as any other
    /// panic is.
    fn ask(&self, owner: Owner, question: impl FnOnce(&dyn Raft)) {
        let watched = self.servers.lock()[owner.server as usize].clone();
        let Some(watched) = watched.filter(|watched| watched.incarnation == owner.incarnation)
        else {
            return;
        };
        let _entered = enter_call(owner, "get_state");
        let _ = catch_unwind(AssertUnwindSafe(|| question(&*watched.raft)));
    }
}

impl Observer for Recorder {
    fn record(&self, at: Time, kind: EventKind) {
        self.t.record_at(at, kind);
    }

    fn may_go_on(&self, network: &Waker) -> bool {
        self.t.may_go_on(network)
    }

    fn waits(&self, id: RpcId) {
        self.t.mark(|| Mark::Waits { id });
    }

    fn has_waited(&self, id: RpcId) {
        self.t.mark(|| Mark::Answers { id });
    }

    fn look_at(&self, server: Owner) {
        self.ask(server, |raft| {
            let (term, is_leader) = raft.get_state();
            self.saw(server, raft, term, is_leader);
        });
    }

    fn look_again(&self, server: Owner) {
        self.look_early(server, Asked::AtTurn);
    }

    fn fatal(&self, message: String) {
        // Whoever calls this has entered the context of the code that is at fault.
        self.t.fail((FailureKind::Misuse, misused()), message);
    }
}

/// Looks at all servers, again and again: by the real clock nobody can say when they are busy.
pub(crate) async fn look_now_and_then(recorder: Arc<Recorder>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        recorder.alive().into_iter().for_each(|server| recorder.look_at(server));
    }
}

/// What a server is, with all that it tells.
fn view(owner: Owner, raft: &dyn Raft, term: Term, is_leader: bool) -> EventKind {
    let detail = raft.debug_state().map(detail).map(Box::new);
    EventKind::Viewed { server: caller(owner), term, is_leader, detail }
}

fn detail(state: DebugState) -> Detail {
    Detail {
        role: match state.role {
            raftapi::Role::Follower => Role::Follower,
            raftapi::Role::Candidate => Role::Candidate,
            raftapi::Role::Leader => Role::Leader,
        },
        voted_for: state.voted_for.map(|server| server as u64),
        last_index: state.last_index,
        last_term: state.last_term,
        commit_index: state.commit_index,
        last_applied: state.last_applied,
        snapshot_index: state.snapshot_index,
    }
}
