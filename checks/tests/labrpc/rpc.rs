//! One call, from its sending to its return.

use std::borrow::Cow;

use report::{Caller, Event, EventKind, Outcome, Payload, RpcId, Time};

/// What a history says of one call.
#[derive(Clone, Debug)]
pub(crate) struct Rpc {
    /// The call's number.
    pub(crate) id: RpcId,
    /// Who called; `None` for a caller that is no server.
    pub(crate) from: Option<Caller>,
    /// The server that the end was connected to.
    pub(crate) to: Option<u32>,
    /// Service and method, as in `Raft.RequestVote`.
    pub(crate) method: Cow<'static, str>,
    /// The arguments.
    pub(crate) args: Payload,
    /// When it was sent.
    pub(crate) sent: Time,
    /// When its handler began; `None` if it never did.
    pub(crate) delivered: Option<Time>,
    /// When its handler ended, and with what reply.
    pub(crate) handled: Option<(Time, Payload)>,
    /// When it returned, and how; `None` while it is outstanding.
    pub(crate) returned: Option<(Time, Outcome)>,
}

impl Rpc {
    /// All calls of `events`, in the order of sending.
    ///
    /// An event of a call whose sending is not among them is passed over.
    pub(crate) fn collect<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<Rpc> {
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
                EventKind::RpcDelivered { id, .. } => {
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
