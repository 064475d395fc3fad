//! raft 0.4, TiKV's, as a Raft of the lab. All but `version.rs` and `form.rs` is the newer version's adapter.

mod form;
#[path = "../../tikv-raft/src/rpc.rs"]
mod rpc;
#[path = "../../tikv-raft/src/server.rs"]
mod server;
#[path = "../../tikv-raft/src/store.rs"]
mod store;
mod version;

pub use server::make;
