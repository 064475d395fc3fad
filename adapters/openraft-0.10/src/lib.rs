//! openraft 0.10 as a Raft of the lab. All but `version.rs` and `traits.rs` is the older version's adapter.

#[path = "../../openraft/src/network.rs"]
mod network;
#[path = "../../openraft/src/rpc.rs"]
mod rpc;
#[path = "../../openraft/src/server.rs"]
mod server;
#[path = "../../openraft/src/store.rs"]
mod store;
mod traits;
mod version;

pub use server::make;
