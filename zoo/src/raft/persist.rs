//! What survives a crash: saved with every change, and read when a server begins (Figure 2,
//! "Persistent state on all servers: updated on stable storage before responding to RPCs").

use std::collections::BTreeSet;
use std::mem;
use std::time::Duration;

use bytes::Bytes;
use labgob::{Decoder, Encoder};
use raftapi::{Persister, Role, Term};
use tokio::time::{Instant, sleep};

use super::Raft;
use super::followers::Followers;
use super::log::Log;
use super::state::{State, first_timeout, seeded_by_clock};
use crate::bug::Bug;

/// How long [`Bug::SavesLate`] takes to save.
const SAVING: Duration = Duration::from_millis(20);

/// When what is saved has to be safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Safe {
    /// At once: who has it saved can't wait.
    Now,
    /// With the next [`Raft::sync`].
    WhenSynced,
}

impl Raft {
    /// Saves the term, the vote and the log, and with them the snapshot: an empty one would erase
    /// what is stored. What rests on it may be said after the next [`Raft::sync`].
    pub(super) fn persist(&self, state: &mut State) {
        self.store(state, Safe::WhenSynced);
    }

    /// Saves the same where there is no time for a [`Raft::sync`].
    pub(super) fn persist_at_once(&self, state: &mut State) {
        self.store(state, Safe::Now);
    }

    fn store(&self, state: &mut State, safe: Safe) {
        let term = if self.bug == Bug::NeverSavesTerm { 0 } else { state.current_term };
        let vote = match self.bug {
            Bug::NeverSavesVote => None,
            Bug::NeverSavesOwnVote => state.voted_for.filter(|&server| server != self.me),
            _ => state.voted_for,
        };
        let log = match self.bug {
            Bug::NeverSavesLog => state.log.without_entries().save(),
            Bug::NeverSavesSnapshotTerm => state.log.save().without_term(),
            _ => state.log.save(),
        };
        let snapshot = match self.bug {
            Bug::NeverSavesSnapshot => Bytes::new(),
            _ => state.snapshot.clone(),
        };
        let mut encoder = Encoder::new();
        encoder.encode(&term).encode(&vote).encode(&log);
        let raft_state = encoder.finish();
        if self.bug == Bug::SavesLate {
            let persister = self.persister.clone();
            tokio::spawn(async move {
                sleep(SAVING).await;
                persister.save(raft_state, snapshot);
            });
            return;
        }
        // Who is alone says nothing to anybody, and so never syncs.
        let is_now = safe == Safe::Now || self.peers.len() == 1;
        match self.bug {
            Bug::NeverSyncs => self.persister.write(raft_state, snapshot),
            _ if is_now => self.persister.save(raft_state, snapshot),
            _ => self.persister.write(raft_state, snapshot),
        }
    }

    /// Waits until what was written is safe: before anything is said that rests on it ("updated on
    /// stable storage before responding to RPCs", Figure 2).
    pub(super) async fn sync(&self) {
        if self.bug != Bug::NeverSyncs {
            self.persister.sync().await;
        }
    }

    /// Saves what a snapshot has changed: state and snapshot together (§7).
    pub(super) fn persist_snapshot(&self, state: &mut State) {
        match self.bug {
            // The other half is saved with the next change.
            Bug::SavesSnapshotBeforeState => {
                self.persister.save(self.persister.read_raft_state(), state.snapshot.clone());
            }
            Bug::SavesStateBeforeSnapshot => {
                let snapshot = mem::replace(&mut state.snapshot, self.persister.read_snapshot());
                self.persist(state);
                state.snapshot = snapshot;
            }
            _ => self.persist(state),
        }
    }
}

impl State {
    /// A server's state as it begins: new, or what an earlier life has saved.
    ///
    /// # Panics
    /// If what was saved isn't readable.
    pub(super) fn restore(persister: &Persister, bug: Bug) -> State {
        let saved = persister.read_raft_state();
        let (current_term, voted_for, mut log) = if saved.is_empty() {
            (0, None, Log::default())
        } else {
            decode(&saved).unwrap_or_else(|error| panic!("failed to read what was saved: {error}"))
        };
        let snapshot = match bug {
            Bug::NeverReadsSnapshot => Bytes::new(),
            Bug::ReadsStateForSnapshot => persister.read_raft_state(),
            _ => persister.read_snapshot(),
        };
        if bug == Bug::ForgetsSnapshotIndex {
            log.begin_at_one();
        }
        // The service begins with the snapshot, so all that it covers is applied (§7).
        let applied = match bug {
            Bug::TakesSavedForApplied => log.last_index(),
            Bug::AppliesFromOne => 0,
            _ => log.snapshot_index(),
        };
        let mut by_clock = seeded_by_clock(bug);
        let first_timeout = first_timeout(bug, by_clock.as_mut());
        State {
            current_term,
            voted_for,
            log,
            snapshot,
            commit_index: applied,
            last_applied: applied,
            role: Role::Follower,
            bug,
            first_timeout,
            election_deadline: Instant::now() + first_timeout,
            has_lost_timer: false,
            by_clock,
            votes: 0,
            led: None,
            answers: 0,
            asked: BTreeSet::new(),
            has_stopped: false,
            loops: 0,
            last_vote: None,
            last_append: None,
            installed: None,
            followers: Followers::default(),
        }
    }
}

fn decode(saved: &Bytes) -> Result<(Term, Option<usize>, Log), labgob::Error> {
    let mut decoder = Decoder::new(saved);
    let (current_term, voted_for) = (decoder.decode()?, decoder.decode()?);
    let log = Log::restore(decoder.decode()?)?;
    decoder.finish()?;
    Ok((current_term, voted_for, log))
}
