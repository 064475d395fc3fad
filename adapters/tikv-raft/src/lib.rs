//! raft, TiKV's, as a Raft of the lab.
//!
//! raft is a pure core: it does no input and output and keeps no time, and says by its `Ready` what is to be done.
//!
//! * `server.rs`: does it, with the lab's network, disk and clock.
//! * `store.rs`: the log, the vote and the snapshot, on the lab's disk.
//! * `version.rs`, `form.rs`: what differs between versions of raft, in its core and in its messages. The folder
//!   `tikv-raft-0.4` has an older version, and shares the rest.
//! * `rpc.rs`: what its messages are in the paper's terms.
//!
//! Its servers' numbers begin at 1, and the lab's at 0.

mod form;
mod rpc;
mod server;
mod store;
mod version;

pub use server::make;
