//! raft 0.7, as far as its messages differ from older versions.

use bytes::Bytes;
use tikv::eraftpb::{ConfState, Message};

/// A message's commit index and that entry's term: votes may bring them along.
pub(crate) fn commit(message: &Message) -> (u64, u64) {
    (message.commit, message.commit_term)
}

/// Sets the two.
pub(crate) fn set_commit(message: &mut Message, commit: (u64, u64)) {
    (message.commit, message.commit_term) = commit;
}

/// Bytes, in raft's form.
pub(crate) fn bytes(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

/// A cluster's members.
pub(crate) fn members(servers: u64) -> ConfState {
    let mut members = ConfState::default();
    members.set_voters((1..=servers).collect());
    members
}
