//! Whether `start()` promises the place that its command gets: what the log has is seen in what is sent and applied.

use memchr::memmem;

use super::NOBODY_ASKED;
use crate::payload::Payload;
use crate::spec::Known;
use crate::spec::breach::Breach;
use crate::spec::rules::contract::{NEVER_APPENDED, START_INDEX};
use crate::spec::rules::install_snapshot::{OFFSET_IGNORED, counts_otherwise};
use crate::story::{Applied, Call, Moment, Proposal, Snapshot, Story};

/// `start()` returns an index that leaves room behind the log's last entry. Either the log has more than was asked for,
/// or the index isn't the entry's, or there is no entry. Messages that count other entries have other indexes.
pub(super) fn leaves_room(known: &Known<'_>, moment: Moment, own: &Proposal) -> Option<Breach> {
    let (number, index, term) = (own.server.server, own.index, own.term);
    let log = &known.server(number).log;
    let last = log.last_index();
    if index <= last + 1 || log.open || !known.reads.logs || known.story.counts_other_entries {
        return None;
    }
    let breach = if let Some(made) = snapshot_between(known.story, own) {
        Breach::new(&OFFSET_IGNORED, moment, number, counts_otherwise(made))
    } else if let Some(applied) = applied_elsewhere(known.story, own) {
        let what =
            format!("server {number}'s start() returned an index that its command didn't get");
        let text = format!(
            "server {} applied that command at index {}",
            applied.server.server, applied.index
        );
        Breach::new(&START_INDEX, moment, number, what).seen(applied.moment.at, text, None)
    } else if let Some(end) = log_ends_before(known.story, own) {
        let what =
            format!("server {number}'s start() returned an index, but its log got no entry there");
        let text = format!(
            "server {number}, still the leader, sent server {} its whole log up to index {}, and had no more",
            end.to,
            end.up_to().unwrap_or(0)
        );
        Breach::new(&NEVER_APPENDED, moment, number, what).seen(end.sent.at, text, [end.id])
    } else if let Some(earlier) = promised_behind(known.story, own, last) {
        let what =
            format!("server {number}'s start() returned indexes, but its log got no entries there");
        let text = format!("in the same term its start() had returned index {}", earlier.index);
        Breach::new(&NEVER_APPENDED, moment, number, what).seen(earlier.moment.at, text, None)
    } else if let Some(former) = former_promise(known.story, own) {
        let what = format!(
            "server {number}'s start() continued from an index that it had returned in an earlier term"
        );
        let text = format!(
            "its start() had returned index {} in term {}; since then its log has lost the entries after index \
             {last}",
            former.index, former.term
        );
        Breach::new(&START_INDEX, moment, number, what).seen(former.moment.at, text, None)
    } else {
        let what = format!("server {number}'s log has entries that no client submitted");
        Breach::new(&NOBODY_ASKED, moment, number, what)
    };
    let text = format!(
        "server {number}'s start() returned index {index} in term {term}; but the last entry of its log was at \
         index {last}"
    );
    // What it has beyond those may have come to it in a way that isn't seen.
    Some(breach.concluded(moment.at, text, None))
}

/// What the same life of a server promised before, the last first.
fn earlier<'a>(story: &'a Story, own: &Proposal) -> impl Iterator<Item = &'a Proposal> {
    let (server, moment) = (own.server, own.moment);
    story.proposals.iter().rev().filter(move |it| it.moment < moment && it.server == server)
}

/// The snapshot that a leader made between its last command but one and this, if nothing else can have moved its entries.
fn snapshot_between<'a>(story: &'a Story, own: &Proposal) -> Option<&'a Snapshot> {
    let before = earlier(story, own).find(|it| it.term == own.term)?;
    story.snapshots_between(before.moment, own.moment).find(|made| made.server == own.server)
}

/// Where a command was first applied, if that is at another index than its leader promised, and if nobody else can have
/// put it there.
fn applied_elsewhere<'a>(story: &'a Story, own: &Proposal) -> Option<&'a Applied> {
    let is_it = |applied: &&Applied| {
        let is_later = applied.moment > own.moment;
        let same = |command: &Payload| command.bytes() == own.command.bytes();
        is_later && applied.command.as_ref().is_some_and(same)
    };
    let first = story.applied.iter().find(is_it).filter(|first| first.index != own.index)?;
    let same = |other: &&Proposal| other.command.bytes() == own.command.bytes();
    let until = story.proposals.iter().take_while(|other| other.moment < first.moment);
    (until.filter(same).count() == 1).then_some(first)
}

/// What the same life of a server promised last, if that was in an earlier term and the place just before this one.
fn former_promise<'a>(story: &'a Story, own: &Proposal) -> Option<&'a Proposal> {
    let last = earlier(story, own).next()?;
    (last.term < own.term && last.index + 1 == own.index).then_some(last)
}

/// An earlier promise of the same leader's, of a place behind the end that its log was seen to have since.
fn promised_behind<'a>(story: &'a Story, own: &Proposal, last: u64) -> Option<&'a Proposal> {
    earlier(story, own).find(|it| it.term == own.term && last < it.index && it.index < own.index)
}

/// The request by which a leader shows that its log ends before a place that it had promised, and a follower has all of
/// it: later than its last promise of the term, and in no request of the term is the command.
fn log_ends_before<'a>(story: &'a Story, own: &Proposal) -> Option<&'a Call> {
    let of_term = |other: &&Proposal| other.server == own.server && other.term == own.term;
    let latest = story.proposals.iter().rfind(of_term)?;
    let sent = || {
        story.sent_by(own.server.server as usize).filter(|call| {
            call.is_append() && call.from == own.server && call.args.term == Some(own.term)
        })
    };
    let has_it = |call: &Call| {
        let message = call.brings.as_ref().filter(|message| message.is_raw());
        message.is_none_or(|it| memmem::find(it.bytes(), own.command.bytes()).is_some())
    };
    let mut later = sent().filter(|call| call.has_entries() && call.sent > own.moment);
    if later.any(|call| !own.command.is_searchable() || has_it(call)) {
        return None;
    }
    let end = sent().filter(|call| call.sent > latest.moment).filter_map(Call::up_to).max()?;
    let mut all = sent().filter(|call| call.sent > latest.moment && call.is_accepted());
    let shows = |call: &&Call| call.up_to() == Some(end) && !call.has_entries();
    all.find(shows).filter(|_| end < own.index)
}
