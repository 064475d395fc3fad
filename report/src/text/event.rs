//! One event, in words.

use crate::event::{Caller, EventKind};
use crate::mark::Mark;

/// What happened, as a clause, such as "server 2 applied index 5".
#[must_use]
pub fn event(kind: &EventKind) -> String {
    let of = |server: &Caller| match server.incarnation {
        1 => format!("server {}", server.server),
        incarnation => format!("server {} (start {incarnation})", server.server),
    };
    match kind {
        EventKind::RpcSent { id, from, to, method, args } => format!(
            "{} sent call {}, {method} of {} bytes, to {}",
            from.as_ref().map_or("the tester".to_owned(), of),
            id.0,
            args.wire_len(),
            to.map_or("nobody".to_owned(), |to| format!("server {to}")),
        ),
        EventKind::RpcCopied { id, of } => {
            format!("call {} was made as a copy of call {}", id.0, of.0)
        }
        EventKind::RpcDelivered { id, .. } => format!("call {} arrived", id.0),
        EventKind::RpcHandled { id, reply } => {
            format!("call {} was answered with {} bytes", id.0, reply.wire_len())
        }
        EventKind::RpcReturned { id, outcome } => format!("call {} returned ({outcome})", id.0),
        EventKind::RpcDropped { id } => format!("the caller of call {} stopped waiting", id.0),
        EventKind::Started { server } => format!("{} was started", of(server)),
        EventKind::Crashed { server } => format!("{} was crashed", of(server)),
        EventKind::Connected { server } => format!("server {server} was connected"),
        EventKind::Disconnected { server } => format!("server {server} was cut off"),
        EventKind::Network { what, .. } => format!("the script's step on the network: {what}"),
        EventKind::Step { what, line, .. } => {
            format!("the script reached {what} in its line {line}")
        }
        EventKind::Looked { round, leader: Some(leader), .. } => {
            format!("the script's attempt {round} to find a leader found server {leader}")
        }
        EventKind::Looked { round, .. } => {
            format!("the script's attempt {round} to find a leader found none")
        }
        EventKind::Viewed { server, term, is_leader, .. } => {
            let role = if *is_leader { "and led it" } else { "and didn't lead it" };
            format!("{} was in term {term} {role}", of(server))
        }
        EventKind::Proposed { server, index, term, .. } => {
            format!("{} accepted a command at index {index} in term {term}", of(server))
        }
        EventKind::Refused { server } => format!("{} refused a command", of(server)),
        EventKind::TaskEnded { server, .. } => format!("a task of {} ended", of(server)),
        EventKind::Applied { server, index, .. } => format!("{} applied index {index}", of(server)),
        EventKind::AppliedSnapshot { server, index, bytes } => {
            format!("{} applied a snapshot up to index {index}, of {bytes} bytes", of(server))
        }
        EventKind::Snapshotted { server, index } => {
            format!("{} was given a snapshot up to index {index}", of(server))
        }
        EventKind::Saved { server, state, snapshot } => {
            format!("{} saved {state} bytes and a snapshot of {snapshot} bytes", of(server))
        }
        EventKind::Logged { .. } => "a server logged something".to_owned(),
        EventKind::Mark(mark) => match mark {
            Mark::Turn { task: 0 } => "the script continued".to_owned(),
            Mark::Turn { task } => format!("task {task} of script and network continued"),
            Mark::End => "the script ended".to_owned(),
            Mark::Waits { id } => format!("the handler of call {} waited", id.0),
            Mark::Answers { id } => format!("the handler of call {} had waited", id.0),
            Mark::Started { server, answer: Some((index, term)) } => {
                format!("{}'s start() returned index {index}, term {term}", of(server))
            }
            Mark::Started { server, .. } => format!("{}'s start() returned None", of(server)),
            Mark::Returned { server, .. } => format!("a call of {} returned", of(server)),
            Mark::State { server, term, is_leader, .. } => {
                format!("{}'s get_state() returned ({term}, {is_leader})", of(server))
            }
            Mark::Saves { server, .. } => format!("{} saved something", of(server)),
            Mark::Syncs { server } => format!("{} synced its disk", of(server)),
            Mark::Applies { server, .. } => format!("{} applied a snapshot", of(server)),
            Mark::Alone { why } => why.clone(),
        },
    }
}
