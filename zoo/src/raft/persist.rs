//! What survives a crash: saved with every change, and read when a server begins (Figure 2,
//! "Persistent state on all servers: updated on stable storage before responding to RPCs").

use bytes::Bytes;
use labgob::{Decoder, Encoder};
use raftapi::{Persister, Role, Term};
use tokio::time::Instant;

use super::Raft;
use super::log::Log;
use super::state::{State, election_timeout};

impl Raft {
    /// Saves the term, the vote and the log, and with them the snapshot: an empty one would erase
    /// what is stored.
    pub(super) fn persist(&self, state: &mut State) {
        let mut encoder = Encoder::new();
        encoder.encode(&state.current_term).encode(&state.voted_for).encode(&state.log.save());
        self.persister.save(encoder.finish(), state.snapshot.clone());
    }
}

impl State {
    /// A server's state as it begins: new, or what an earlier life has saved.
    ///
    /// # Panics
    /// If what was saved isn't readable.
    pub(super) fn restore(persister: &Persister) -> State {
        let saved = persister.read_raft_state();
        let (current_term, voted_for, log) = if saved.is_empty() {
            (0, None, Log::default())
        } else {
            decode(&saved).unwrap_or_else(|error| panic!("failed to read what was saved: {error}"))
        };
        // The service begins with the snapshot, so all that it covers is applied (§7).
        let snapshot_index = log.snapshot_index();
        State {
            current_term,
            voted_for,
            log,
            snapshot: persister.read_snapshot(),
            commit_index: snapshot_index,
            last_applied: snapshot_index,
            role: Role::Follower,
            election_deadline: Instant::now() + election_timeout(),
            votes: 0,
            followers: Vec::new(),
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
