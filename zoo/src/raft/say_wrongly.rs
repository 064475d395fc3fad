//! What servers say of their logs in requests. Some bugs don't say what is so.

use raftapi::{Index, Term};

use super::Raft;
use super::state::State;
use crate::bug::Bug;

impl Raft {
    /// What a candidate tells of its log: the index and the term of its last entry (Figure 2, RequestVote).
    pub(super) fn last_entry_to_tell(&self, state: &State) -> (Index, Term) {
        let (last_index, last_term) = (state.log.last_index(), state.log.last_term());
        match self.bug {
            Bug::AsksWithCommitIndex => {
                let index = state.commit_index;
                (index, state.log.term(index).unwrap_or(0))
            }
            Bug::AsksWithNextIndex => (last_index + 1, last_term),
            Bug::AsksWithCurrentTerm => (last_index, state.current_term),
            _ => (last_index, last_term),
        }
    }

    /// What a leader tells of the entry at `prev_log_index`: its term (Figure 2, AppendEntries).
    pub(super) fn prev_term_to_tell(&self, state: &State, prev_log_index: Index) -> Option<Term> {
        let snapshot_index = state.log.snapshot_index();
        match self.bug {
            Bug::SendsLastTermAsPrev => Some(state.log.last_term()),
            Bug::SendsZeroForSnapshotTerm if prev_log_index == snapshot_index => Some(0),
            _ => state.log.term(prev_log_index),
        }
    }
}
