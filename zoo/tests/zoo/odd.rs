//! Rafts that are odd rather than wrong: a right one behind a wrapper that alters what it tells the
//! tester. They show the messages that no broken rule of the paper leads to.

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use config::{FailureKind, Value};
use labgob::Encoder;
use labrpc::{ClientEnd, Service};
use raftapi::{
    ApplyCh, ApplyMsg, Command, DebugState, Index, Persister, Raft, Start, Term, apply_channel,
};
use tokio::time::sleep;
use zoo::Bug;

use crate::child::{Expected, run_in};

/// The environment variable that names the oddity. It isn't one of the lab's.
const ODD_RAFT: &str = "ODD_RAFT";

/// What is odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Odd {
    /// Applies index 0.
    AppliesIndexZero,
    /// Applies words where numbers were started.
    AppliesWords,
    /// Applies a word at index 1, a second late, so that no client of the churn still waits for it.
    AppliesOneWordLate,
    /// Server 1 replaces its first command by a snapshot with another in it.
    InventsSnapshot,
    /// Applies a snapshot that isn't one of the service's.
    AppliesGarbledSnapshot,
    /// Saves a snapshot that isn't one of the service's.
    SavesGarbledSnapshot,
    /// Tells of its first command that it was taken in a later term.
    ReportsLaterTerm,
    /// Server 0 says that it leads, and nobody does anything.
    LeadsUnasked,
}

const ALL: [Odd; 8] = [
    Odd::AppliesIndexZero,
    Odd::AppliesWords,
    Odd::AppliesOneWordLate,
    Odd::InventsSnapshot,
    Odd::AppliesGarbledSnapshot,
    Odd::SavesGarbledSnapshot,
    Odd::ReportsLaterTerm,
    Odd::LeadsUnasked,
];

/// What MIT's scripts get as `raft::make`: the zoo's Raft, or the odd one that the environment
/// names.
pub(crate) fn make(
    peers: Vec<ClientEnd>,
    me: usize,
    persister: Arc<Persister>,
    apply_ch: ApplyCh,
) -> Arc<dyn Raft> {
    let Ok(name) = env::var(ODD_RAFT) else { return zoo::make(peers, me, persister, apply_ch) };
    let odd = ALL.into_iter().find(|odd| format!("{odd:?}") == name).expect("an oddity's name");
    if odd == Odd::SavesGarbledSnapshot {
        // A Raft saves the snapshot that it began with again and again.
        persister.save(persister.read_raft_state(), garbled());
    }
    let (inner_ch, mut messages) = apply_channel();
    tokio::spawn(async move {
        while let Some(message) = messages.recv().await {
            apply_ch.send(odd.alter(me, message).await).await;
        }
    });
    let inner = zoo::make_with(Bug::None)(peers, me, persister, inner_ch);
    if odd == Odd::LeadsUnasked {
        inner.kill();
    }
    Arc::new(Wrapper { inner, me, odd, has_started: AtomicBool::new(false) })
}

fn garbled() -> Bytes {
    Bytes::from_static(b"garbled")
}

fn word() -> Command {
    Value::from("word".to_owned()).encode()
}

impl Odd {
    /// What server `me` applies instead of `message`.
    async fn alter(self, me: usize, message: ApplyMsg) -> ApplyMsg {
        let ApplyMsg::Command { index, command } = message else { return message };
        match self {
            Odd::AppliesIndexZero => ApplyMsg::Command { index: index - 1, command },
            Odd::AppliesWords => ApplyMsg::Command { index, command: word() },
            Odd::AppliesOneWordLate if index == 1 => {
                sleep(Duration::from_secs(1)).await;
                ApplyMsg::Command { index, command: word() }
            }
            Odd::InventsSnapshot if me == 1 && index == 1 => {
                // Until then the others have applied what it should have.
                sleep(Duration::from_millis(100)).await;
                let mut encoder = Encoder::new();
                encoder.encode(&index).encode(&vec![word()]);
                ApplyMsg::Snapshot { index, term: 1, snapshot: encoder.finish() }
            }
            Odd::AppliesGarbledSnapshot => {
                ApplyMsg::Snapshot { index, term: 1, snapshot: garbled() }
            }
            _ => ApplyMsg::Command { index, command },
        }
    }
}

/// A right Raft behind an oddity.
struct Wrapper {
    inner: Arc<dyn Raft>,
    me: usize,
    odd: Odd,
    has_started: AtomicBool,
}

impl Raft for Wrapper {
    fn start(&self, command: Command) -> Option<Start> {
        let Start { index, term } = self.inner.start(command)?;
        let is_first = !self.has_started.swap(true, Ordering::Relaxed);
        let is_odd = self.odd == Odd::ReportsLaterTerm && is_first;
        Some(Start { index, term: term + Term::from(is_odd) })
    }

    fn get_state(&self) -> (Term, bool) {
        match self.odd {
            Odd::LeadsUnasked => (1, self.me == 0),
            _ => self.inner.get_state(),
        }
    }

    fn snapshot(&self, index: Index, snapshot: Bytes) {
        self.inner.snapshot(index, snapshot);
    }

    fn service(self: Arc<Self>) -> Service {
        self.inner.clone().service()
    }

    fn kill(&self) {
        self.inner.kill();
    }

    fn debug_state(&self) -> Option<DebugState> {
        self.inner.debug_state()
    }
}

/// Asserts that `test` fails with each of three seeds, by this message.
fn fails(test: &str, odd: Odd, message: &'static str) {
    fails_as(test, odd, Expected::anywhere(FailureKind::Safety, message));
}

fn fails_as(test: &str, odd: Odd, expected: Expected) {
    let runs = run_in(test, [(ODD_RAFT, format!("{odd:?}"))], 1..=3);
    assert_eq!(runs.assert_only([expected]), [3], "{test} with {odd:?}");
}

#[test]
fn there_is_no_index_zero() {
    let message = "apply error: server 0 apply out of order, expected index 1, got 0";
    fails("lab3::agreement_3b::TestBasicAgree3B", Odd::AppliesIndexZero, message);
}

#[test]
fn a_word_is_no_number() {
    let not_an_int = "value word is not an int";
    fails("lab3::agreement_3b::TestConcurrentStarts3B", Odd::AppliesWords, not_an_int);
    let wrong_type = "wrong command type";
    fails("lab3::persistence_3c::TestReliableChurn3C", Odd::AppliesWords, wrong_type);
    fails("lab3::persistence_3c::TestUnreliableChurn3C", Odd::AppliesWords, wrong_type);
}

#[test]
fn a_word_that_no_client_has_waited_for_is_no_number_either() {
    let message = "not an int";
    fails("lab3::persistence_3c::TestReliableChurn3C", Odd::AppliesOneWordLate, message);
}

#[test]
fn a_snapshot_that_nobody_has_made_is_noticed() {
    let message = "committed values do not match: index 1, 1, word";
    fails("lab3::snapshot_3d::TestSnapshotBasic3D", Odd::InventsSnapshot, message);
    let message =
        "apply error: server 1 applied a snapshot at index 1, but no snapshot was ever made";
    fails("lab3::agreement_3b::TestBasicAgree3B", Odd::InventsSnapshot, message);
}

#[test]
fn a_snapshot_has_to_be_the_service_s() {
    let applied = "apply error: server 0: snapshot decode error: ";
    fails("lab3::snapshot_3d::TestSnapshotBasic3D", Odd::AppliesGarbledSnapshot, applied);
    let saved = "server 0: snapshot decode error: ";
    fails("lab3::snapshot_3d::TestSnapshotInit3D", Odd::SavesGarbledSnapshot, saved);
}

#[test]
fn terms_go_up() {
    let message = "server 0's start() accepted in term 1 after it had in term 2";
    fails("lab3::agreement_3b::TestCount3B", Odd::ReportsLaterTerm, message);
}

#[test]
fn nobody_leads_without_an_rpc() {
    let few = "too many or few RPCs (0) to elect initial leader";
    let few = Expected::at(("TestCount3B", "fatal"), FailureKind::Budget, few);
    fails_as("lab3::agreement_3b::TestCount3B", Odd::LeadsUnasked, few);
}
