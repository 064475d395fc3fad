//! What the contract's own parts promise: the apply channel, and the disk.

mod apply;
mod persister;
mod sync;
