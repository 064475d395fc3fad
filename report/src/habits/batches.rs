//! Few entries at a time: a leader that puts no more than so many into a request, and lets the next ones wait.

use super::Leader;
use super::replication::appends;
use crate::explain::Case;
use crate::spec::Breach;
use crate::spec::rules::contract::indexes;
use crate::spec::rules::leaders;
use crate::story::{Call, Proposal};
use crate::text::count;

/// How many requests in a row must have been full.
const FULL: usize = 3;

/// A follower gets its entries, no more than so many with each request, and the command isn't among them yet.
pub(super) fn few_a_request(
    case: &Case<'_>,
    led: &Leader,
    server: u32,
    own: &Proposal,
) -> Option<Breach> {
    let (story, leader) = (case.story, led.server);
    let len = |call: &Call| call.args.entries.as_ref().map_or(0, Vec::len);
    // The most that anybody sends, here as everywhere.
    let most = story.calls.iter().filter(|call| call.is_append()).map(len).max()?;
    let sent = appends(story, leader, server, led.term);
    let sent = sent.filter(|call| call.has_entries() && call.sent.at <= case.window.until);
    let sent: Vec<&Call> = sent.collect();
    let last: Vec<&Call> = sent.iter().rev().take(FULL).rev().copied().collect();
    let goes_on = last.windows(2).all(|pair| pair[0].up_to() == pair[1].args.prev_log_index);
    let is_full = |call: &&Call| len(call) == most && !call.is_rejected();
    let end = last.last()?.up_to()?;
    if last.len() < FULL || !goes_on || !last.iter().all(is_full) || end >= own.index {
        return None;
    }
    let what = format!(
        "server {leader} sends server {server} no more than {} with a request, and the next ones wait",
        count(most, "entry")
    );
    let mut breach = case.breach(&leaders::FEW_A_REQUEST, leader, what);
    for call in last {
        let brought = indexes(call.args.prev_log_index? + 1, call.up_to()?);
        let text = format!("server {leader} sent server {server} {brought} and no more");
        breach = breach.seen(call.sent.at, text, [call.id]);
    }
    let more = (own.index - end).div_ceil(most as u64);
    let text = format!(
        "the log of server {leader} goes up to index {} at least; that takes {}",
        own.index,
        count(usize::try_from(more).unwrap_or(usize::MAX), "more such request")
    );
    Some(breach.seen(case.window.until, text, None).sure_if(false))
}
