//! What the cluster is like when a run has failed: a line for each server.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use raftapi::Role;
use report::{Rpc, Time};

use crate::cluster::{Config, View};
use crate::t::{T, place};

/// The evidence that is printed below a failure: the script's step, and the servers. Asks the
/// servers, so it belongs between polls.
pub(crate) fn evidence(t: &T) -> String {
    let mut text = script_line(t);
    let config = t.notes.story().config.clone();
    if let Some(config) = config {
        let rpcs = t.notes.history().rpcs();
        for i in 0..config.servers() {
            line(
                &mut text,
                &format!("server {i}"),
                format_args!("{}", server(t, &config, i, &rpcs)),
            );
        }
    }
    text
}

/// The script's step and its line.
pub(crate) fn script_line(t: &T) -> String {
    let mut text = String::new();
    if let Some((what, location)) = t.notes.story().step {
        line(&mut text, "script", format_args!("{}, in {what}", place(location)));
    }
    text
}

/// A line of a failure's text: a label, then what there is to say.
pub(crate) fn line(text: &mut String, label: &str, content: std::fmt::Arguments<'_>) {
    writeln!(text, "  {label:<9} {content}").expect("writing to a string can't fail");
}

fn server(t: &T, config: &Config, i: usize, rpcs: &[Rpc]) -> String {
    let View { raft, incarnation, connected } = config.view(i);
    let Some(raft) = raft else { return "crashed".to_owned() };
    let link = if connected { "connected" } else { "disconnected" };
    // Its code may be what failed; it mustn't take the report with it.
    let asked = catch_unwind(AssertUnwindSafe(|| (raft.get_state(), raft.debug_state())));
    let mut text = match asked {
        Ok(((term, is_leader), debug)) => {
            let leads = if is_leader { "leader" } else { "not leader" };
            let role = match debug {
                // What get_state says must stand, also where the two disagree.
                Some(debug) if (debug.role == Role::Leader) != is_leader => {
                    format!("{leads}, yet {:?}", debug.role)
                }
                Some(debug) if is_leader => format!("leader{}", vote(debug.voted_for)),
                Some(debug) => format!("not leader: {:?}{}", debug.role, vote(debug.voted_for)),
                None => leads.to_owned(),
            };
            format!("{link}, term {term}, {role}")
        }
        Err(_) => format!("{link}, get_state panics"),
    };
    let is_mine = |rpc: &&Rpc| {
        rpc.returned.is_none()
            && rpc
                .from
                .is_some_and(|from| from.server as usize == i && from.incarnation == incarnation)
    };
    // By target and method, each with the call that has been out for longest.
    let mut outstanding: BTreeMap<(Option<u32>, &str), (usize, Time)> = BTreeMap::new();
    for rpc in rpcs.iter().filter(is_mine) {
        outstanding.entry((rpc.to, rpc.method)).or_insert((0, rpc.sent)).0 += 1;
    }
    if outstanding.is_empty() {
        text.push_str(", no call outstanding");
    }
    for ((to, method), (count, oldest)) in outstanding {
        let to = to.map_or("nobody".to_owned(), |to| format!("server {to}"));
        let age = t.now().since(oldest).as_secs_f64();
        let calls = match count {
            1 => format!("{method} to {to} outstanding for {age:.2} s"),
            n => format!("{n} {method} to {to} outstanding, for up to {age:.2} s"),
        };
        write!(text, "\n  {:<9}   {calls}", "").expect("writing to a string can't fail");
    }
    text
}

fn vote(voted_for: Option<usize>) -> String {
    voted_for.map_or(", no vote given".to_owned(), |who| format!(", voted for {who}"))
}
