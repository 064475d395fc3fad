//! The indexes that `start` returns: they go up from one call to the next, which calls that overlap
//! are not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use config::{Config, FailureKind, Reliability, Snapshots, T, make_config};
use labrpc::Service;
use raftapi::{Command, Index, Raft, Start, Term};
use testkit::{Victim, victims};
use tokio::time::sleep;

use crate::child::{FAILED, PASSED, place, run};

pub(crate) const VICTIMS: &[Victim] = victims![two_calls_overlap, an_index_comes_again];

/// A server that takes every command.
struct Taker {
    next: AtomicU64,
    /// The index that the call after one of `index` gets.
    step: fn(Index) -> Index,
    /// Whether the call that gets index 1 may return.
    may_return: AtomicBool,
}

impl Taker {
    fn new(step: fn(Index) -> Index, may_return: bool) -> Arc<Taker> {
        let may_return = AtomicBool::new(may_return);
        Arc::new(Taker { next: AtomicU64::new(1), step, may_return })
    }

    fn next(&self) -> Index {
        self.next.load(Ordering::SeqCst)
    }
}

impl Raft for Taker {
    fn start(&self, _: Command) -> Option<Start> {
        let index = self.next();
        self.next.store((self.step)(index), Ordering::SeqCst);
        while index == 1 && !self.may_return.load(Ordering::SeqCst) {
            std::hint::spin_loop();
        }
        Some(Start { index, term: 1 })
    }

    fn get_state(&self) -> (Term, bool) {
        (1, true)
    }

    fn snapshot(&self, _: Index, _: Bytes) {}

    fn service(self: Arc<Self>) -> Service {
        Service::new("Raft", self)
    }

    fn kill(&self) {}
}

fn cluster_of(t: &T, taker: &Arc<Taker>) -> Config {
    let taker = taker.clone();
    let make = move |_, _, _, _| -> Arc<dyn Raft> { taker.clone() };
    let cfg = make_config(t, 1, Reliability::Reliable, Snapshots::Off, make);
    cfg.begin("Isolation: the indexes of start");
    cfg
}

/// The call that gets index 1 comes back behind the one that gets 2, as it may on several threads, so by the
/// real clock.
fn two_calls_overlap() {
    config::test(|t| async move {
        let taker = Taker::new(|index| index + 1, false);
        let cfg = cluster_of(&t, &taker);
        let first = {
            let cfg = cfg.clone();
            tokio::spawn(async move { cfg.start(0, 1) })
        };
        while taker.next() == 1 {
            sleep(Duration::from_millis(1)).await;
        }
        let second = cfg.start(0, 2);
        taker.may_return.store(true, Ordering::SeqCst);
        let first = first.await.expect("its failure ends the run");
        assert_eq!([first, second].map(|start| start.map(|start| start.index)), [Some(1), Some(2)]);
        // Whatever comes later is beyond both.
        assert_eq!(cfg.start(0, 3), Some(Start { index: 3, term: 1 }));
        cfg.end();
    });
}

#[test]
fn calls_that_overlap_may_return_in_any_order() {
    let ran = run(&["numbering::two_calls_overlap"], &[("LAB_CLOCK", "real")]);
    ran.assert_status(PASSED);
}

fn an_index_comes_again() {
    config::test(|t| async move {
        let cfg = cluster_of(&t, &Taker::new(|_| 7, true));
        for value in 1..=3 {
            cfg.start(0, value);
        }
        cfg.end();
    });
}

#[test]
fn an_index_that_does_not_go_up_is_a_failure() {
    let ran = run(&["numbering::an_index_comes_again"], &[]);
    ran.assert_status(FAILED);
    let failure = ran.results[0].failure().expect("it has failed");
    assert_eq!(failure.kind, FailureKind::Safety);
    assert_eq!(failure.message, "server 0's start() returned index 7 after 7 in the same term 1");
    let source = ("numbering.rs", include_str!("numbering.rs"));
    assert_eq!(failure.location, place(source, "an_index_comes_again", "cfg.start(").to_string());
}
