//! raft 0.4, as far as its messages differ from newer versions.

use tikv::eraftpb::{ConfState, Message};

/// A message's commit index and that entry's term. This version's votes don't bring them along.
pub(crate) fn commit(_: &Message) -> (u64, u64) {
    (0, 0)
}

/// Sets the two.
pub(crate) fn set_commit(_: &mut Message, _: (u64, u64)) {}

/// Bytes, in raft's form.
pub(crate) fn bytes(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}

/// A cluster's members.
pub(crate) fn members(servers: u64) -> ConfState {
    let mut members = ConfState::default();
    members.set_nodes((1..=servers).collect());
    members
}
