//! raftbare as a Raft of the lab.
//!
//! raftbare is a pure core: it does no input and output and keeps no time, and says what is to be done. `server.rs` does it,
//! with the lab's network, disk and clock. `rpc.rs` has what its messages are in the paper's terms.

mod rpc;
mod server;

pub use server::make;
