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
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::child::{Runs, run_in};

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
    /// Whether it waits until it has votes before it says that it leads.
    is_elected: AtomicBool,
    is_killed: AtomicBool,
}

/// What a Raft would send, so that the cheat looks like one.
#[derive(Serialize, Deserialize)]
struct RequestVoteArgs {
    term: Term,
    last_log_index: Index,
    last_log_term: Term,
}

#[derive(Serialize, Deserialize)]
struct RequestVoteReply {
    term: Term,
    vote_granted: bool,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    term: Term,
    /// Nothing that anybody reads.
    command: Bytes,
}

#[derive(Serialize, Deserialize)]
struct AppendEntriesArgs {
    term: Term,
    prev_log_index: Index,
    prev_log_term: Term,
    entries: Vec<Entry>,
    leader_commit: Index,
}

#[derive(Serialize, Deserialize)]
struct AppendEntriesReply {
    term: Term,
    success: bool,
}

impl Cheat {
    /// Sends what looks like Raft's messages, with so many zeros in the place of each command.
    async fn look_like_raft(self: Arc<Self>, peers: Vec<ClientEnd>, zeros: usize) {
        let others = || (0..peers.len()).filter(|&peer| peer != self.me);
        for peer in others() {
            let ask = RequestVoteArgs { term: TERM, last_log_index: 0, last_log_term: 0 };
            let _: Option<RequestVoteReply> = peers[peer].call("Raft.RequestVote", &ask).await;
        }
        self.is_elected.store(true, Ordering::Relaxed);
        let mut sent = 0;
        while !self.is_killed.load(Ordering::Relaxed) {
            let last = LOG.with_borrow(Vec::len);
            for peer in others() {
                let (prev_log_index, leader_commit) = (sent as Index, sent as Index);
                let entry = |_| Entry { term: TERM, command: vec![0; zeros].into() };
                let args = AppendEntriesArgs {
                    term: TERM,
                    prev_log_index,
                    prev_log_term: if sent == 0 { 0 } else { TERM },
                    entries: (sent..last).map(entry).collect(),
                    leader_commit,
                };
                let _: Option<AppendEntriesReply> =
                    peers[peer].call("Raft.AppendEntries", &args).await;
            }
            sent = last;
            if LOG.with_borrow(Vec::len) == sent {
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
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
    let sends = env::var(CHEAT).unwrap_or_default();
    let shams = sends.strip_prefix("shams ").and_then(|zeros| zeros.parse().ok());
    let is_elected = AtomicBool::new(me == LEADER && shams.is_none());
    let cheat = Arc::new(Cheat { me, is_elected, is_killed: AtomicBool::new(false) });
    let server = cheat.clone();
    tokio::spawn(async move {
        let mut applied = 0;
        while !server.is_killed.load(Ordering::Relaxed) {
            let next = LOG.with_borrow(|log| log.get(applied).cloned());
            match next {
                Some(command) => {
                    applied += 1;
                    let index = applied as Index;
                    if shams.is_some() {
                        // What the others are sent goes first.
                        sleep(Duration::from_millis(120)).await;
                    }
                    apply_ch.send(ApplyMsg::Command { index, command }).await;
                }
                None => sleep(Duration::from_millis(5)).await,
            }
        }
    });
    if let Some(zeros) = shams {
        if me == LEADER {
            tokio::spawn(cheat.clone().look_like_raft(peers, zeros));
        }
    } else if sends == "pings" {
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
        self.is_elected
            .load(Ordering::Relaxed)
            .then(|| LOG.with_borrow_mut(|log| log.push(command)))?;
        Some(Start { index: LOG.with_borrow(Vec::len) as Index, term: TERM })
    }

    fn get_state(&self) -> (Term, bool) {
        (TERM, self.is_elected.load(Ordering::Relaxed))
    }

    fn snapshot(&self, _: Index, _: Bytes) {}

    fn service(self: Arc<Self>) -> Service {
        Service::new("Raft", self)
            .method("Ping", |_: Arc<Cheat>, word: Bytes| async move { word })
            .method("RequestVote", |_: Arc<Cheat>, _: RequestVoteArgs| async move {
                RequestVoteReply { term: TERM, vote_granted: true }
            })
            .method("AppendEntries", |_: Arc<Cheat>, _: AppendEntriesArgs| async move {
                AppendEntriesReply { term: TERM, success: true }
            })
    }

    fn kill(&self) {
        self.is_killed.store(true, Ordering::Relaxed);
    }
}

fn runs(test: &str, sends: &str, strict: &str) -> Runs {
    let variables = [(CHEAT, sends.to_owned()), ("LAB_STRICT", strict.to_owned())];
    run_in(test, variables, 1..=3)
}

/// In a strict run the cheat fails by `rule`.
fn assert_caught(test: &str, sends: &str, rule: &str) {
    for result in &runs(test, sends, "1").results {
        let failure = result.failure().unwrap_or_else(|| panic!("{test}, {sends}: it passes"));
        assert_eq!(failure.kind, FailureKind::Safety, "{}", failure.message);
        let begins = format!("rule {rule}: server ");
        assert!(failure.message.starts_with(&begins), "{test}, {sends}: {}", failure.message);
    }
}

/// Asserts that MIT's tests pass the cheat, and yet tell that something is wrong: by a warning, or by the name of a
/// finding.
fn assert_warned_of(test: &str, sends: &str, warnings: &[&str]) {
    for result in &runs(test, sends, "0").results {
        assert_eq!(result.failure(), None, "{test}, {sends}");
        for &warning in warnings {
            let warns = result.warnings.iter().any(|text| text.contains(warning));
            let doubts = result.doubts.iter().any(|doubt| doubt.id == warning);
            assert!(warns || doubts, "{test}, {sends}, {warning}: {:?}", result.warnings);
        }
    }
}

#[test]
fn what_no_message_brought_fails_a_strict_run() {
    for sends in ["nothing", "pings"] {
        assert_warned_of("TestInitialElection3A", sends, &["leads-unelected"]);
        assert_caught("TestInitialElection3A", sends, "leads-unelected");
        for test in ["TestBasicAgree3B", "TestConcurrentStarts3B"] {
            assert_warned_of(test, sends, &["knows-what-nothing-told", "can't be watched"]);
        }
        assert_caught("TestBasicAgree3B", sends, "knows-what-nothing-told");
    }
}

#[test]
fn messages_that_only_look_like_raft_s_bring_nothing() {
    // No room for a command, then room with something else in it: that it came otherwise nobody can prove.
    assert_caught("TestBasicAgree3B", "shams 0", "knows-what-nothing-told");
    assert_warned_of("TestBasicAgree3B", "shams 0", &["knows-what-nothing-told"]);
    assert_warned_of("TestBasicAgree3B", "shams 60", &["can't be watched"]);
}
