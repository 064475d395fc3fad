//! What the cluster is like when a run has failed: a line for each server.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use report::Rpc;

use crate::cluster::{Config, View};
use crate::t::T;

/// How many outstanding calls of a server are listed one by one.
const CALLS_SHOWN: usize = 4;

/// The evidence that is printed below a failure: the script's step, and the servers. Asks the
/// servers, so it belongs between polls.
pub(crate) fn evidence(t: &T) -> String {
    let mut text = String::new();
    let story = t.notes.story();
    let (step, config) = (story.step, story.config.clone());
    drop(story);
    if let Some((what, location)) = step {
        line(&mut text, "script", format_args!("{location}, in {what}"));
    }
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
            let role = debug.map_or(String::new(), |debug| {
                let vote =
                    debug.voted_for.map_or("no vote".to_owned(), |who| format!("voted for {who}"));
                format!(" ({:?}, {vote})", debug.role)
            });
            format!("{link}, term {term}, {leads}{role}")
        }
        Err(_) => format!("{link}, get_state panics"),
    };
    let is_mine = |rpc: &&Rpc| {
        rpc.returned.is_none()
            && rpc
                .from
                .is_some_and(|from| from.server as usize == i && from.incarnation == incarnation)
    };
    let outstanding: Vec<&Rpc> = rpcs.iter().filter(is_mine).collect();
    match outstanding.len() {
        0 => text.push_str(", no call outstanding"),
        1 => text.push_str(", 1 call outstanding:"),
        n => write!(text, ", {n} calls outstanding:").expect("writing to a string can't fail"),
    }
    for (k, rpc) in outstanding.iter().take(CALLS_SHOWN).enumerate() {
        let to = rpc.to.map_or("nobody".to_owned(), |to| to.to_string());
        let age = t.now().since(rpc.sent).as_secs_f64();
        let comma = if k == 0 { "" } else { "," };
        write!(text, "{comma} {} to {to} for {age:.2} s", rpc.method)
            .expect("writing to a string can't fail");
    }
    if outstanding.len() > CALLS_SHOWN {
        text.push_str(", …");
    }
    text
}
