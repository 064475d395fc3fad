//! async-raft as a Raft of the lab.
//!
//! It is used as its guide says, with its default settings, but for when it makes snapshots. What the lab's contract asks
//! for and async-raft has otherwise is in [`seam`].
//!
//! * `server.rs`: the contract's calls, and the handlers of RPCs.
//! * `store.rs`: the log, the vote and the snapshot, on the lab's disk; the state machine, which is the apply channel.
//! * `rpc.rs`: what its messages are in the paper's terms, and the calls to other servers.

mod rpc;
mod server;
mod store;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use server::make;

/// A client's command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Request(Bytes);

impl async_raft::AppData for Request {}

/// What comes of a command, which nobody asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Response;

impl async_raft::AppDataResponse for Response {}

/// async-raft, with the adapter's parts.
type Raft = async_raft::Raft<Request, Response, rpc::Network, store::Store>;
