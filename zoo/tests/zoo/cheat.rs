//! No Raft at all: servers that share one log by a static, which is possible where all servers of a run are in
//! one process. MIT's tests pass them as long as nothing is cut off; the rule on what a server may know doesn't.

use std::cell::RefCell;
use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use config::FailureKind;
use labrpc::{ClientEnd, Service};
use raftapi::{ApplyCh, ApplyMsg, Command, Index, Persister, Raft, Start, Term};
use tokio::time::sleep;

use crate::child::run_in;

/// The environment variable that has the cheat take the place of a Raft, and says what it sends.
pub(crate) const CHEAT: &str = "ODD_CHEAT";

thread_local! {
    /// The commands of all servers of the run: each run has a thread of its own.
    static LOG: RefCell<Vec<Command>> = const { RefCell::new(Vec::new()) };
}

/// The leader, fixed.
const LEADER: usize = 0;

const TERM: Term = 1;

struct Cheat {
    me: usize,
    is_killed: AtomicBool,
}

pub(crate) fn make(
    peers: Vec<ClientEnd>,
    me: usize,
    persister: &Persister,
    apply_ch: ApplyCh,
) -> Arc<dyn Raft> {
    if me == 0 && persister.read_raft_state().is_empty() {
        LOG.with_borrow_mut(Vec::clear);
    }
    persister.save(Bytes::from_static(b"begun"), Bytes::new());
    let cheat = Arc::new(Cheat { me, is_killed: AtomicBool::new(false) });
    let server = cheat.clone();
    tokio::spawn(async move {
        let mut applied = 0;
        while !server.is_killed.load(Ordering::Relaxed) {
            let next = LOG.with_borrow(|log| log.get(applied).cloned());
            match next {
                Some(command) => {
                    applied += 1;
                    let index = applied as Index;
                    apply_ch.send(ApplyMsg::Command { index, command }).await;
                }
                None => sleep(Duration::from_millis(5)).await,
            }
        }
    });
    if env::var(CHEAT).is_ok_and(|sends| sends == "pings") {
        let server = cheat.clone();
        tokio::spawn(async move {
            while me == LEADER && !server.is_killed.load(Ordering::Relaxed) {
                for (peer, end) in peers.iter().enumerate().filter(|&(peer, _)| peer != me) {
                    let word = Bytes::from(format!("nothing is said to server {peer}"));
                    let call = end.call::<_, Bytes>("Raft.Ping", &word);
                    tokio::spawn(call);
                }
                sleep(Duration::from_millis(100)).await;
            }
        });
    }
    cheat
}

impl Raft for Cheat {
    fn start(&self, command: Command) -> Option<Start> {
        (self.me == LEADER).then(|| LOG.with_borrow_mut(|log| log.push(command)))?;
        Some(Start { index: LOG.with_borrow(Vec::len) as Index, term: TERM })
    }

    fn get_state(&self) -> (Term, bool) {
        (TERM, self.me == LEADER)
    }

    fn snapshot(&self, _: Index, _: Bytes) {}

    fn service(self: Arc<Self>) -> Service {
        Service::new("Raft", self).method("Ping", |_: Arc<Cheat>, word: Bytes| async move { word })
    }

    fn kill(&self) {
        self.is_killed.store(true, Ordering::Relaxed);
    }
}

#[test]
fn what_no_message_brought_fails_a_strict_run() {
    let run = |test, sends: &str, strict: &str| {
        let variables = [(CHEAT, sends.to_owned()), ("LAB_STRICT", strict.to_owned())];
        run_in(test, variables, 1..=3)
    };
    for sends in ["nothing", "pings"] {
        for test in ["TestInitialElection3A", "TestBasicAgree3B", "TestConcurrentStarts3B"] {
            let runs = run(test, sends, "0");
            for result in &runs.results {
                assert_eq!(result.failure(), None, "{test}, {sends}");
                if test.ends_with("3B") {
                    let warns = |id: &str| result.warnings.iter().any(|text| text.contains(id));
                    assert!(warns("knows-what-nothing-told"), "{:?}", result.warnings);
                    assert!(warns("can't be watched"), "{:?}", result.warnings);
                }
            }
        }
        let strict = run("TestBasicAgree3B", sends, "1");
        for result in &strict.results {
            let failure = result.failure().expect("the rule is broken");
            assert_eq!(failure.kind, FailureKind::Safety);
            let begins = "rule knows-what-nothing-told: server ";
            assert!(failure.message.starts_with(begins), "{}", failure.message);
        }
    }
}
