//! Rafts that are odd rather than wrong: a right one behind a wrapper that alters what it tells the
//! tester. They show the messages that no broken rule of the paper leads to.

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use config::{FailureKind, Process, RunResult, Value};
use labgob::Encoder;
use labrpc::{ClientEnd, Service};
use raftapi::{
    ApplyCh, ApplyMsg, Command, DebugState, Index, Persister, Raft, Start, Term, apply_channel,
};
use tokio::time::sleep;
use zoo::Bug;

use crate::child::{Expected, run_in};
use crate::small;

/// The environment variable that names the oddity. It isn't one of the lab's.
pub(crate) const ODD_RAFT: &str = "ODD_RAFT";

/// What is odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Odd {
    /// Applies index 0.
    AppliesIndexZero,
    /// Applies everything at the highest index that there can be.
    AppliesFarAhead,
    /// Applies words where numbers were started.
    AppliesWords,
    /// Applies a word at index 1, a second late, so that no client of the churn still waits for it.
    AppliesOneWordLate,
    /// Server 1 replaces its first command by a snapshot with another in it.
    InventsSnapshot,
    /// Server 1 replaces its first command by a snapshot that has none.
    InventsSnapshotOfNothing,
    /// Server 1 replaces its first command by a snapshot that claims to have all that there can be.
    InventsSnapshotFarAhead,
    /// Server 1 replaces its first command by a snapshot with one more than anybody has applied.
    InventsSnapshotBeyond,
    /// Server 1 replaces its third command by a snapshot of the first.
    InventsSnapshotBehind,
    /// Applies a snapshot that isn't one of the service's.
    AppliesGarbledSnapshot,
    /// Saves a snapshot that isn't one of the service's.
    SavesGarbledSnapshot,
    /// Saves a snapshot that claims to have all that there can be.
    SavesSnapshotFarAhead,
    /// Begins with a state that isn't one that it has saved.
    SavesGarbledState,
    /// Tells of its first command that it was taken in a later term.
    ReportsLaterTerm,
    /// Tells of each command but the first two that it has the index of the last but one.
    ReportsEarlierIndex,
    /// Tells of each command that it has the highest index that there can be.
    ReportsFarIndex,
    /// Server 0 says that it leads, and nobody does anything.
    LeadsUnasked,
}

const ALL: [Odd; 17] = [
    Odd::AppliesIndexZero,
    Odd::AppliesFarAhead,
    Odd::AppliesWords,
    Odd::AppliesOneWordLate,
    Odd::InventsSnapshot,
    Odd::InventsSnapshotOfNothing,
    Odd::InventsSnapshotFarAhead,
    Odd::InventsSnapshotBeyond,
    Odd::InventsSnapshotBehind,
    Odd::AppliesGarbledSnapshot,
    Odd::SavesGarbledSnapshot,
    Odd::SavesSnapshotFarAhead,
    Odd::SavesGarbledState,
    Odd::ReportsLaterTerm,
    Odd::ReportsEarlierIndex,
    Odd::ReportsFarIndex,
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
    if let Some(style) = small::ALL.into_iter().find(|style| format!("{style:?}") == name) {
        return small::make(style, peers, me, persister, apply_ch);
    }
    let odd = ALL.into_iter().find(|odd| format!("{odd:?}") == name).expect("an oddity's name");
    // A Raft saves the snapshot that it began with again and again.
    let (state, snapshot) = (persister.read_raft_state(), persister.read_snapshot());
    match odd {
        Odd::SavesGarbledSnapshot => persister.save(state, garbled()),
        Odd::SavesSnapshotFarAhead => persister.save(state, encoded(Index::MAX, vec![word()])),
        Odd::SavesGarbledState => persister.save(garbled(), snapshot),
        _ => {}
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

/// A snapshot as the service's are: where it ends, and the commands up to there.
fn encoded(end: Index, commands: Vec<Command>) -> Bytes {
    let mut encoder = Encoder::new();
    encoder.encode(&end).encode(&commands);
    encoder.finish()
}

/// The message with this snapshot.
async fn invented(index: Index, commands: Vec<Command>) -> ApplyMsg {
    // Until then the others have applied what it should have.
    sleep(Duration::from_millis(100)).await;
    ApplyMsg::Snapshot { index, term: 1, snapshot: encoded(index, commands) }
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
            Odd::AppliesFarAhead => ApplyMsg::Command { index: Index::MAX, command },
            Odd::InventsSnapshot if me == 1 && index == 1 => invented(1, vec![word()]).await,
            Odd::InventsSnapshotOfNothing if me == 1 && index == 1 => invented(0, vec![]).await,
            Odd::InventsSnapshotFarAhead if me == 1 && index == 1 => {
                invented(Index::MAX, vec![word()]).await
            }
            Odd::InventsSnapshotBeyond if me == 1 && index == 1 => {
                invented(2, vec![command, word()]).await
            }
            Odd::InventsSnapshotBehind if me == 1 && index == 3 => invented(1, vec![word()]).await,
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
        Some(match self.odd {
            Odd::ReportsLaterTerm if is_first => Start { index, term: term + 1 },
            Odd::ReportsEarlierIndex if index > 2 => Start { index: index - 2, term },
            Odd::ReportsFarIndex => Start { index: Index::MAX, term },
            _ => Start { index, term },
        })
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

/// Asserts that `test` fails with each of three seeds, as is expected. That is all that happens:
/// the process goes on, the seed fails again, and the report says when it was.
fn fails_as(test: &str, odd: Odd, expected: Expected) {
    let runs = run_in(test, [(ODD_RAFT, format!("{odd:?}"))], 1..=3);
    assert_eq!(runs.assert_only([expected]), [3], "{test} with {odd:?}");
    for RunResult { process, note, .. } in &runs.results {
        assert_eq!((*process, note), (Process::Survived, &None), "{test} with {odd:?}");
    }
    assert!(runs.output.contains("\n  time      "), "{}", runs.output);
}

#[test]
fn there_is_no_index_zero() {
    let message = "apply error: server 0 apply out of order, expected index 1, got 0";
    fails("lab3::agreement_3b::TestBasicAgree3B", Odd::AppliesIndexZero, message);
}

#[test]
fn no_index_is_too_high_to_be_refused() {
    let message = "apply error: server 0 apply out of order 18446744073709551615";
    fails("lab3::agreement_3b::TestBasicAgree3B", Odd::AppliesFarAhead, message);
    let message =
        "apply error: server 0 apply out of order, expected index 1, got 18446744073709551615";
    fails("lab3::snapshot_3d::TestSnapshotBasic3D", Odd::AppliesFarAhead, message);
    let never = "one(100) failed to reach agreement\n  command   server 1 accepted it at index \
                 18446744073709551615 in term 1, and still leads";
    let never = Expected::at(("TestBasicAgree3B", "one"), FailureKind::Liveness, never);
    fails_as("lab3::agreement_3b::TestBasicAgree3B", Odd::ReportsFarIndex, never);
    let again = "server 1's start() returned index 18446744073709551615 after \
                 18446744073709551615 in the same term 1";
    fails("lab3::agreement_3b::TestCount3B", Odd::ReportsFarIndex, again);
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
    let applied = "apply error: server 0: snapshot decode error at index 1: ";
    fails("lab3::snapshot_3d::TestSnapshotBasic3D", Odd::AppliesGarbledSnapshot, applied);
    let saved = "server 0: snapshot decode error: ";
    fails("lab3::snapshot_3d::TestSnapshotInit3D", Odd::SavesGarbledSnapshot, saved);
}

#[test]
fn a_snapshot_has_what_it_claims_to_have() {
    let nothing = "apply error: server 1 snapshot at index 0 is none of the service's: it has 0 \
                   commands";
    fails("lab3::snapshot_3d::TestSnapshotBasic3D", Odd::InventsSnapshotOfNothing, nothing);
    let applied = "apply error: server 1 snapshot at index 18446744073709551615 is none of the \
                   service's: it has 1 commands";
    fails("lab3::snapshot_3d::TestSnapshotBasic3D", Odd::InventsSnapshotFarAhead, applied);
    let saved = "server 0 snapshot at index 18446744073709551615 is none of the service's: it has \
                 1 commands";
    fails("lab3::snapshot_3d::TestSnapshotInit3D", Odd::SavesSnapshotFarAhead, saved);
}

#[test]
fn a_snapshot_covers_what_was_applied() {
    let beyond = "apply error: server 1 snapshot at index 2 is beyond index 1, the last that \
                  anybody has applied";
    fails("lab3::snapshot_3d::TestSnapshotBasic3D", Odd::InventsSnapshotBeyond, beyond);
    let behind = "apply error: server 1 snapshot at index 1 goes back behind index 2, which it has \
                  applied";
    fails("lab3::snapshot_3d::TestSnapshotBasic3D", Odd::InventsSnapshotBehind, behind);
}

#[test]
fn a_state_that_cannot_be_read_is_the_server_s_panic() {
    let message = "server 0 panicked in make: failed to read what was saved: ";
    let panicked = Expected::anywhere(FailureKind::Panic, message);
    fails_as("lab3::persistence_3c::TestPersist13C", Odd::SavesGarbledState, panicked);
}

#[test]
fn terms_and_indexes_go_up() {
    let message = "server 0's start() accepted in term 1 after it had in term 2";
    fails("lab3::agreement_3b::TestCount3B", Odd::ReportsLaterTerm, message);
    let message = "server 0's start() returned index 1 after 2 in the same term 1";
    let expected = |function, call| Expected::at((function, call), FailureKind::Safety, message);
    let started = expected("count_agreement", "start");
    fails_as("lab3::agreement_3b::TestCount3B", Odd::ReportsEarlierIndex, started);
    let agreed = expected("TestBasicAgree3B", "one");
    fails_as("lab3::agreement_3b::TestBasicAgree3B", Odd::ReportsEarlierIndex, agreed);
}

#[test]
fn nobody_leads_without_an_rpc() {
    let few = "too many or few RPCs (0) to elect initial leader";
    let few = Expected::at(("TestCount3B", "fatal"), FailureKind::Budget, few);
    fails_as("lab3::agreement_3b::TestCount3B", Odd::LeadsUnasked, few);
}
