//! openraft as a Raft of the lab.
//!
//! It is used as its guide says, with its default settings; `make` lists the two that differ. What the lab's contract
//! asks for and openraft has otherwise is in [`seam`], and docs/bring-your-own.md explains it by this crate.
//!
//! * `server.rs`: the contract's calls, and the handlers of RPCs.
//! * `store.rs`: the log, the vote and the snapshot, on the lab's disk; the state machine, which is the apply channel.
//! * `network.rs`: the calls to other servers.
//! * `rpc.rs`: what openraft's messages are in the paper's terms.
//! * `version.rs`, `traits.rs`: what differs between versions of openraft, in its types and in the traits that it asks
//!   for. The folder `openraft-0.10` has a newer version, and shares the rest.
//!
//! openraft counts entries from 0, and the paper from 1. So do [`seam::Log`] and the wire; `rpc.rs` and `traits.rs` add
//! or take one.

mod network;
mod rpc;
mod server;
mod store;
mod traits;
mod version;

pub use server::make;
