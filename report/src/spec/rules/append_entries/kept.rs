//! Entries that a server kept though it accepted others in their place.

use super::lost::replaced_by;
use super::{MISMATCH_ACCEPTED, SUFFIX_KEPT};
use crate::spec::Known;
use crate::spec::breach::Breach;
use crate::spec::rules::install_snapshot::KEPT_OVER_SNAPSHOT;
use crate::spec::rules::persistence::{LOG_NOT_SAVED, had};
use crate::story::{Call, Moment};

/// A server says that it has the entry at an index that it had before it accepted another leader's there.
pub(super) fn keeps_former(
    known: &Known<'_>,
    (number, index, term): (u32, u64, u64),
    (moment, text, call): (Moment, String, &Call),
) -> Breach {
    let (rule, what) = match accepted_before_crash(known, number, index) {
        true => (
            &LOG_NOT_SAVED,
            format!(
                "server {number} lost the entry at index {index} in a crash, and again has the older entry of \
                 term {term} there"
            ),
        ),
        false => (
            &SUFFIX_KEPT,
            format!(
                "server {number} accepted a new entry at index {index}, but kept the old entry of term {term} \
                 there"
            ),
        ),
    };
    let breach = Breach::new(rule, moment, number, what);
    // It may only say so.
    let breach = breach.facts(had(known, number, index, moment));
    breach.seen(moment.at, text, [call.id]).sure_if(false)
}

/// Whether a server accepted what it has at `index` before it crashed, and nothing there since.
pub(super) fn accepted_before_crash(known: &Known<'_>, number: u32, index: u64) -> bool {
    let server = known.server(number);
    server.log.confirmed(index).is_some_and(|confirmed| confirmed.life != server.life)
}

/// The term of another entry that a server had at `index` when it accepted the one that it should have there, if it has
/// accepted nothing behind that since: it may have it still.
pub(super) fn kept_former(
    known: &Known<'_>,
    number: u32,
    index: u64,
    moment: Moment,
) -> Option<u64> {
    let log = &known.server(number).log;
    let former = *log.former.get(&index)?;
    let term = log.term(index).filter(|&term| term != former)?;
    let accepted = known.story.handled_by(number as usize).filter(|call| call.is_accepted());
    let accepted = accepted.filter(|call| call.handled < Some(moment));
    let mut since = accepted.skip_while(|call| call.entry_term(index) != Some(term));
    since.next()?;
    let follows = since.any(|call| call.args.prev_log_index >= Some(index));
    (!follows).then_some(former)
}

/// A request that a server accepted behind an entry which nothing has brought to it, the entry that it should have had at
/// `index`: so it hasn't looked at what it has there.
pub(crate) fn accepted_blindly(
    known: &Known<'_>,
    number: u32,
    index: u64,
    moment: Moment,
) -> Option<Breach> {
    let story = known.story;
    let log = &known.server(number).log;
    let term = log.term(index).filter(|_| !story.counts_other_entries)?;
    let confirmed = log.confirmed(index)?;
    let mut handled = story.handled_by(number as usize);
    let call = handled.find(|call| call.id == confirmed.call)?;
    let (prev, prev_term) = call.args.prev_log_index.zip(call.args.prev_log_term)?;
    // In whatever life: what it had in a former one it may have saved.
    let may_have_it = |other: &Call| match (other.args.prev_log_index, &other.args.entries) {
        (Some(prev), Some(_)) => {
            let is_in_it = prev < index && other.up_to().is_some_and(|last| last >= index);
            is_in_it && other.entry_term(index).is_none_or(|brought| brought == term)
        }
        (None, Some(entries)) => !entries.is_empty(),
        (_, None) => !other.is_mere_heartbeat(),
    };
    let may_bring = |other: &Call| {
        let covers = || other.args.last_included_index.is_none_or(|last| last >= index);
        other.to == number
            && other.delivered.is_some_and(|delivered| delivered < moment)
            && (other.is_append() && !other.is_rejected() && may_have_it(other)
                || other.is_snapshot() && covers()
                || other.hides_what_it_brings())
    };
    let is_own =
        known.proposed_at(index).any(|own| own.server.server == number && own.term == term);
    let is_blind = prev >= index && !is_own && !story.calls.iter().any(may_bring);
    if !is_blind || story.held_by(number, moment).any(|held| held.index >= index) {
        return None;
    }
    let at = call.handled?;
    let what = format!("server {number} accepted a request that doesn't match its log");
    let accepted = format!(
        "server {number} accepted a request from server {} with prevLogIndex {prev} and prevLogTerm {prev_term}",
        call.from.server
    );
    let nothing = format!(
        "until then server {number} had accepted no request with the entry of term {term} at index {index}"
    );
    let breach = Breach::new(&MISMATCH_ACCEPTED, at, number, what);
    Some(breach.seen(at.at, accepted, [call.id]).concluded(at.at, nothing, None))
}

/// A server's log goes on with an earlier term behind the last entry that it has accepted.
pub(crate) fn kept_suffix(
    known: &Known<'_>,
    number: u32,
    (moment, text, call): (Moment, String, &Call),
) -> Breach {
    let log = &known.server(number).log;
    let last = log.last_index();
    let confirmed = log.confirmed(last);
    let mut handled = known.story.handled_by(number as usize);
    let confirming = handled.find(|call| confirmed.is_some_and(|own| own.call == call.id));
    let by_snapshot = confirming.is_some_and(Call::is_snapshot);
    let is_replaced = log.replaced.is_some_and(|replaced| replaced.index == last);
    if !is_replaced && let Some(breach) = accepted_blindly(known, number, last, moment) {
        return breach.seen(moment.at, format!("later {text}"), [call.id]);
    }
    let (rule, what) = if is_replaced || by_snapshot {
        let what = format!(
            "server {number} kept its log, though it conflicts with a snapshot that the server \
                            took"
        );
        (&KEPT_OVER_SNAPSHOT, what)
    } else if accepted_before_crash(known, number, last) {
        let what = format!(
            "server {number} lost the entry at index {last} in a crash, and again has the older entries that \
             this entry had replaced"
        );
        (&LOG_NOT_SAVED, what)
    } else {
        let what = format!(
            "server {number} replaced an entry but kept the old entries after it: the terms in its log go \
             down there"
        );
        (&SUFFIX_KEPT, what)
    };
    let mut breach =
        Breach::new(rule, moment, number, what).facts(had(known, number, last, moment));
    if let Some(replaced) = log.replaced.filter(|replaced| replaced.index == last) {
        breach = breach.fact(replaced_by(number, &replaced));
    } else if let Some(term) = log.term(last) {
        let at = breach.facts.last().map_or(moment.at, |had| had.at);
        breach = breach.seen(at, format!("that entry has term {term}"), None);
    }
    // What it calls committed it doesn't replace, whatever a leader sends that lacks it. And what a request only
    // follows it may have had otherwise.
    let brought = confirming.is_some_and(|call| call.args.prev_log_index < Some(last));
    let can_replace =
        known.server(number).commit <= last && (is_replaced || brought && !by_snapshot);
    let is_sure = can_replace && !log.is_claimed;
    breach.seen(moment.at, format!("later {text}"), [call.id]).sure_if(is_sure)
}
