//! One call, from its sending to its return.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::event::{Caller, Event, EventKind, RpcId, Time};
use crate::payload::Payload;

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

/// What a history says of one call.
#[derive(Clone, Debug)]
pub struct Rpc {
    /// The call's number.
    pub id: RpcId,
    /// Who called; `None` for a caller that is no server.
    pub from: Option<Caller>,
    /// The server that the end was connected to.
    pub to: Option<u32>,
    /// Service and method, as in `Raft.RequestVote`.
    pub method: Cow<'static, str>,
    /// The arguments.
    pub args: Payload,
    /// When it was sent.
    pub sent: Time,
    /// When its handler began; `None` if it never did.
    pub delivered: Option<Time>,
    /// When its handler ended, and with what reply.
    pub handled: Option<(Time, Payload)>,
    /// When it returned, and how; `None` while it is outstanding.
    pub returned: Option<(Time, Outcome)>,
}

impl Rpc {
    /// All calls of `events`, in the order of sending.
    ///
    /// An event of a call whose sending is not among them is passed over.
    #[must_use]
    pub fn collect<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<Rpc> {
        let mut rpcs: Vec<Rpc> = Vec::new();
        for Event { at, kind } in events {
            let find = |rpcs: &[Rpc], id: RpcId| rpcs.binary_search_by_key(&id, |rpc| rpc.id).ok();
            match kind {
                EventKind::RpcSent { id, from, to, method, args } => rpcs.push(Rpc {
                    id: *id,
                    from: *from,
                    to: *to,
                    method: method.clone(),
                    args: args.clone(),
                    sent: *at,
                    delivered: None,
                    handled: None,
                    returned: None,
                }),
                EventKind::RpcDelivered { id } => {
                    if let Some(i) = find(&rpcs, *id) {
                        rpcs[i].delivered = Some(*at);
                    }
                }
                EventKind::RpcHandled { id, reply } => {
                    if let Some(i) = find(&rpcs, *id) {
                        rpcs[i].handled = Some((*at, reply.clone()));
                    }
                }
                EventKind::RpcReturned { id, outcome } => {
                    if let Some(i) = find(&rpcs, *id) {
                        rpcs[i].returned = Some((*at, *outcome));
                    }
                }
                _ => {}
            }
        }
        rpcs
    }
}
