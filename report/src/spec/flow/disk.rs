//! What a server remembers across a crash: what its disk had room for, and no more. Since all servers are in one
//! process, a static outlives them.

use std::collections::BTreeSet;

use super::super::Known;
use super::super::breach::Breach;
use super::super::rules::contract::NOT_INFORMED;
use crate::story::{Applied, Moment};
use crate::text::count;

/// How many commands a server must have applied that its disk can't have had.
const FEW: usize = 4;

/// The least that a command takes on a disk, in bytes, however the log is packed.
const LEAST: usize = 2;

/// A server that was restarted applies commands that nothing has brought it since, and for which its disk had no room.
pub(in super::super) fn applies_unsaved(
    known: &Known<'_>,
    moment: Moment,
    applied: &Applied,
) -> Option<Breach> {
    let (story, server) = (known.story, applied.server);
    let number = server.server;
    if server.incarnation < 2 {
        return None;
    }
    let lives = story.lives[number as usize].iter();
    let began = lives.rev().find(|life| life.incarnation == server.incarnation)?.from;
    let is_since = |at: Option<Moment>| at.is_some_and(|at| began < at && at < moment);
    let saved = story.saved_by(number).filter(|save| save.moment < began);
    let saved = saved.map(|save| save.state + save.snapshot).max().unwrap_or(0) as usize;
    let own =
        || story.applied_by(number).filter(|own| own.server == server && own.moment <= moment);
    if saved >= own().count() * LEAST {
        return None; // as nearly always
    }
    // What messages have brought since, by what they say, or in a form that isn't known.
    let (mut up_to, mut bytes) = (0, 0);
    for call in &story.calls {
        if call.to == number && is_since(call.delivered) {
            let index = call
                .args
                .last_included_index
                .or_else(|| call.up_to().filter(|_| call.has_entries()));
            up_to = up_to.max(index.unwrap_or(0));
            bytes += call.brings.as_ref().map_or(0, |message| message.wire_len());
        }
        if call.from == server && is_since(call.returned.map(|(at, _)| at)) {
            bytes += call.brings_back.as_ref().map_or(0, |message| message.wire_len());
        }
    }
    let proposed = |index: u64| {
        story.proposed_by(number).any(|own| own.server == server && own.index == index)
    };
    let remembered = own().filter(|own| own.index > up_to && !proposed(own.index));
    let remembered: BTreeSet<&[u8]> =
        remembered.filter_map(|own| Some(own.command.as_ref()?.bytes())).collect();
    let few = remembered.len() < FEW || saved + bytes >= remembered.len() * LEAST;
    if few {
        return None;
    }
    let what = format!("server {number} remembers across a crash what it had not saved");
    let began_text =
        format!("it was restarted; the most that it had saved was {}", count(saved, "byte"));
    let text = format!(
        "since then it had applied {} that no message had brought it, up to index {}",
        count(remembered.len(), "command"),
        applied.index
    );
    let breach = Breach::new(&NOT_INFORMED, moment, number, what);
    Some(breach.seen(began.at, began_text, None).seen(moment.at, text, None))
}
