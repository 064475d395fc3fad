//! Rafts that are odd rather than wrong: a right one behind a wrapper that alters what it tells the
//! tester. They show the messages that no broken rule of the paper leads to, as the table in `caught/odd_answers.rs`
//! says.

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use config::Value;
use labgob::Encoder;
use labrpc::{ClientEnd, Service};
use raftapi::{
    ApplyCh, ApplyMsg, Command, DebugState, Index, Persister, Raft, Start, Term, apply_channel,
};
use tokio::time::sleep;
use zoo::Bug;

use crate::cheat;

/// The environment variable that names the oddity. It isn't one of the lab's.
pub(crate) const ODD_RAFT: &str = "ODD_RAFT";

/// What is odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Odd {
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
    if env::var(cheat::CHEAT).is_ok() {
        return cheat::make(peers, me, &persister, apply_ch);
    }
    let Ok(name) = env::var(ODD_RAFT) else { return zoo::make(peers, me, persister, apply_ch) };
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
