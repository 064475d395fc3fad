//! What comes of a call.

use std::fmt;

use serde::{Deserialize, Serialize};

/// With what a call returned, and why: the outcomes of MIT's `processReq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// The reply arrived.
    Replied,
    /// The network lost the request: the handler never ran.
    RequestLost,
    /// The handler ran, and the network lost its reply.
    ReplyLost,
    /// The end was disabled or connected to no live server: false after a long wait.
    Unreachable,
    /// The server died, was replaced or was cut off while its handler ran.
    ServerDied,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Replied => "replied",
            Outcome::RequestLost => "request lost",
            Outcome::ReplyLost => "reply lost",
            Outcome::Unreachable => "unreachable",
            Outcome::ServerDied => "server died or was cut off",
        })
    }
}
