//! Between the lab's contract and a Raft that wasn't written for it.
//!
//! An adapter makes a `raftapi::Raft` of a foreign one. docs/bring-your-own.md says what that takes. The parts that
//! every adapter needs are here:
//!
//! * [`Log`]: the entries, and the two ways to count them. A foreign Raft counts every entry; the lab counts
//!   commands, so a leader's blank entry and a change of membership have no index there.
//! * [`Starts`]: the index that `start` returns at once, before the foreign Raft has looked at the command.
//! * [`Disk`]: what is saved. A killed server saves no more.
//! * [`Applies`]: what is applied, in order, while the foreign Raft goes on.

mod applies;
mod disk;
mod log;
mod starts;

pub use applies::Applies;
pub use disk::Disk;
pub use log::{Base, Content, Entry, Log};
pub use starts::Starts;
