//! What survives a crash (Figure 2, "Persistent state"; Figure 13).

use bytes::Bytes;
use raftapi::{Persister, Term};
use serde::{Deserialize, Serialize};

use crate::log::Log;

/// A server's persistent state, without the snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Saved {
    pub(crate) current_term: Term,
    pub(crate) voted_for: Option<usize>,
    pub(crate) log: Log,
}

impl Saved {
    /// What `persister` has, and the snapshot; the beginning of all if it has nothing.
    ///
    /// # Panics
    /// If what it has is no server's state: a server without its past must not go on.
    pub(crate) fn read(persister: &Persister) -> (Saved, Bytes) {
        let (state, snapshot) = (persister.read_raft_state(), persister.read_snapshot());
        if state.is_empty() {
            return (Saved::default(), snapshot);
        }
        match labgob::decode(&state) {
            Ok(saved) => (saved, snapshot),
            Err(error) => panic!("failed to read the saved state: {error}"),
        }
    }
}
