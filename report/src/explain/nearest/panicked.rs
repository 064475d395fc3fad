//! What came to a server, and what it did, before it panicked.

use crate::event::{RpcId, Time};
use crate::explain::{Case, Evidence, Finding};
use crate::story::{Call, Life, Story};

use super::finding;

/// The last of each kind that a server's life tells until the panic.
pub(super) fn before(case: &Case<'_>, server: u32, life: Option<u32>) -> Option<Finding> {
    let story = case.story;
    let lives = story.lives.get(server as usize)?;
    let life = lives.iter().find(|it| Some(it.incarnation) == life).or(lives.last())?;
    let until = case.window.until;
    let is_its = |at: Time| life.from.at <= at && at <= until;
    let mut evidence: Vec<Evidence> = [
        began(story, server, life),
        request(story, server, life, is_its),
        answer(story, server, life, is_its),
        story.proposed_by(server).rfind(|it| is_its(it.moment.at)).map(|it| {
            let text = format!(
                "server {server}'s start() promised index {} in term {}",
                it.index, it.term
            );
            fact(it.moment.at, text, None)
        }),
        story
            .last_held(server, case.window.end())
            .map(|held| fact(held.moment.at, format!("server {server} {held}"), None)),
        story.applied_by(server).rfind(|it| is_its(it.moment.at)).map(|it| {
            fact(
                it.moment.at,
                format!("server {server} had applied up to index {}", it.index),
                None,
            )
        }),
    ]
    .into_iter()
    .flatten()
    .collect();
    if evidence.is_empty() {
        return None;
    }
    evidence.sort_by_key(|fact| fact.at);
    let what =
        format!("no known cause fits; this is what came last to server {server} before its panic");
    let look = "the line of the panic: which of its values can't be what it should be after what came last, and where \
                that value was set";
    Some(finding(what, evidence, look, None))
}

fn fact(at: Time, text: String, call: Option<RpcId>) -> Evidence {
    Evidence { text, at, calls: call.into_iter().collect() }
}

fn began(story: &Story, server: u32, life: &Life) -> Option<Evidence> {
    let saved = story.saved_by(server).rfind(|save| save.moment < life.from);
    let saved = saved.filter(|_| life.incarnation > 1)?;
    let with = match saved.snapshot {
        0 => format!("{} bytes of state and no snapshot", saved.state),
        bytes => format!("{} bytes of state and a snapshot of {bytes} bytes", saved.state),
    };
    Some(fact(life.from.at, format!("server {server} was restarted with {with}"), None))
}

/// The last request that came to it.
fn request(
    story: &Story,
    server: u32,
    life: &Life,
    is_its: impl Fn(Time) -> bool,
) -> Option<Evidence> {
    let came = story.calls.iter().filter(|call| {
        call.to == server && call.delivered.is_some_and(|at| at > life.from && is_its(at.at))
    });
    let call = came.max_by_key(|call| call.delivered)?;
    let open = if call.handled.is_none() { ", and hasn't answered it" } else { "" };
    let text = format!("server {server} got {}{open}", said(call));
    Some(fact(call.delivered?.at, text, Some(call.id)))
}

/// A call and what it says, in Raft's terms.
fn said(call: &Call) -> String {
    let (args, from) = (&call.args, call.from.server);
    let term = args.term.map_or(String::new(), |term| format!(" of term {term}"));
    let brings = match (&args.entries, args.prev_log_index, args.last_included_index) {
        (_, _, Some(index)) => format!(", a snapshot up to index {index}"),
        (Some(entries), Some(prev), None) => match entries.len() {
            0 => format!(", without entries, behind index {prev}"),
            1 => format!(", the entry behind index {prev}"),
            n => format!(", the {n} entries behind index {prev}"),
        },
        _ => String::new(),
    };
    format!("server {from}'s {}{term}{brings}", call.method)
}

/// The last answer that came to it.
fn answer(
    story: &Story,
    server: u32,
    life: &Life,
    is_its: impl Fn(Time) -> bool,
) -> Option<Evidence> {
    let own = story.sent_by(server as usize).filter(|call| {
        call.from.incarnation == life.incarnation && call.replied().is_some_and(&is_its)
    });
    let call = own.max_by_key(|call| call.replied())?;
    let says =
        match (call.is_accepted() || call.is_granted(), call.is_rejected() || call.is_denied()) {
            (true, _) => ", which is yes",
            (_, true) => ", which is no",
            _ => "",
        };
    let text = format!("server {}'s answer came to {}{says}", call.to, said(call));
    Some(fact(call.replied()?, text, Some(call.id)))
}
