//! What servers hand to their services, and at which index.

use super::{
    APPLIED_TWICE, COMMIT_GOES_BACK, LEFT_OUT, MOVED, OF_NOBODY, START_INDEX, TWO_COMMANDS,
};
use crate::spec::Known;
use crate::spec::breach::{Basis, Breach};
use crate::spec::rules::install_snapshot::{GOES_BACK, NEEDED, NOT_DELIVERED, OFFSET_IGNORED};
use crate::spec::rules::leaders::NOBODY_ASKED;
use crate::spec::rules::request_vote::HANDLERS_OVERLAP;
use crate::story::{Applied, Call, Moment, Proposal, Snapshot, Story};

/// A server applies an index that isn't the one behind what it has applied.
pub(super) fn applies_in_order(
    known: &Known<'_>,
    moment: Moment,
    applied: &Applied,
) -> Option<Breach> {
    let (number, index) = (applied.server.server, applied.index);
    // A life may begin behind a snapshot.
    let (since, before) = known.server(number).applied?;
    let is_right = match applied.command {
        Some(_) => index == before + 1,
        None => index >= before,
    };
    if is_right {
        return None;
    }
    let was = format!("server {number} had applied everything up to index {before}");
    let (rule, what, text) = match applied.command {
        None => (
            &GOES_BACK,
            format!(
                "server {number} passed its service a snapshot that is older than the service's state"
            ),
            format!("it passed its service a snapshot that ends at index {index}"),
        ),
        // That it is another index's command says more.
        Some(_) if index <= before && applies_moved(known, moment, applied).is_some() => {
            return None;
        }
        Some(_) if index <= before => {
            let mut own = known.story.applied_by(number);
            let is_it = |own: &Applied| own.server == applied.server && own.index == index;
            let is_again =
                own.any(|own| is_it(own) && own.command.is_some() && own.moment < moment);
            if is_again && let Some(call) = lowered_by(known, number, (since, moment), index) {
                let what = format!(
                    "server {number}'s commitIndex went down, and it applied an index again"
                );
                let told = format!(
                    "then server {number} accepted a request from server {} with leaderCommit {}",
                    call.from.server,
                    index - 1
                );
                let breach = Breach::new(&COMMIT_GOES_BACK, moment, number, what);
                let breach =
                    breach.seen(since.at, was, None).seen(call.handled?.at, told, [call.id]);
                let text = format!("it applied index {index} again");
                // Something else may have moved lastApplied back to just there.
                return Some(breach.seen(moment.at, text, None).sure_if(false));
            }
            let mut held = known.story.all_held_by(number, moment);
            let is_covered = held.any(|held| held.index >= index);
            if !is_again && !is_covered {
                let what = format!("server {number} applied index {index} after index {before}");
                let before = format!("server {number} applied index {before}");
                let after = format!("it applied index {index} after that");
                let breach = Breach::new(&LEFT_OUT, moment, number, what);
                return Some(breach.seen(since.at, before, None).seen(moment.at, after, None));
            }
            let (what, again) = match is_again {
                true => ("the same index twice", " again"),
                false => ("an index that a snapshot had already covered", ""),
            };
            (
                &APPLIED_TWICE,
                format!("server {number} applied {what}"),
                format!("it applied index {index}{again}"),
            )
        }
        Some(_) => {
            // Who has gone back goes on from there.
            let mut own = known.story.applied_by(number);
            let had_more = own.any(|own| {
                own.server == applied.server && own.moment < moment && own.index + 1 >= index
            });
            if had_more {
                return None;
            }
            let left_out = indexes(before + 1, index - 1);
            let (began, until) = (known.server(number).began, (moment, index));
            let lost = not_delivered(known.story, number, began, (since, before), until);
            if lost.is_some() {
                return lost;
            }
            (
                &LEFT_OUT,
                applied_before(number, index, before),
                format!(
                    "the next index that it applied is {index}; {left_out} had not been applied"
                ),
            )
        }
    };
    let breach = Breach::new(rule, moment, number, what);
    Some(breach.seen(since.at, was, None).seen(moment.at, text, None))
}

/// The request by which a leader told a server that less is committed than it had applied: all before the index that the
/// server then applied again.
fn lowered_by<'a>(
    known: &Known<'a>,
    number: u32,
    (since, until): (Moment, Moment),
    index: u64,
) -> Option<&'a Call> {
    let handled = known.story.handled_since(number as usize, since);
    let mut handled = handled.take_while(|(at, _)| *at < until).filter(|(at, call)| {
        since.at < at.at && call.is_accepted() && call.args.leader_commit.is_some()
    });
    let told = |call: &Call| call.args.leader_commit.zip(call.up_to()).map(|(it, end)| it.min(end));
    let below = index.checked_sub(1)?;
    let (_, call) = handled.find(|(_, call)| told(call) == Some(below))?;
    (!known.story.counts_other_entries).then_some(call)
}

/// A snapshot was taken that ends between what was applied before and what is, and the service never got it.
pub(crate) fn not_delivered(
    story: &Story,
    number: u32,
    began: Option<Moment>,
    (since, before): (Moment, u64),
    (moment, index): (Moment, u64),
) -> Option<Breach> {
    if story.counts_other_entries {
        return None; // a message's index isn't the service's
    }
    // Who leaves out more than the snapshot covers doesn't go on behind it.
    let call = story.handled_by(number as usize).rev().find(|call| {
        call.args.last_included_index.is_some_and(|last| before < last && last + 1 == index)
            && call.handled.is_some_and(|at| at < moment)
            && call.delivered > began
    })?;
    let (handled, covers) = (call.handled?, call.args.last_included_index?);
    let what = format!("server {number} took a snapshot, but didn't pass it to its service");
    let taken = format!(
        "server {} sent server {number} a snapshot that covers everything up to index {covers}",
        call.from.server
    );
    let text = format!(
        "server {number} applied index {index}, but its service had everything only up to index {before}: it \
         never got the snapshot"
    );
    // It may have left the snapshot alone, and the entries out for another reason.
    let had = format!("server {number}'s service had everything up to index {before}");
    Some(
        Breach::new(&NOT_DELIVERED, moment, number, what)
            .seen(since.at, had, None)
            .seen(handled.at, taken, [call.id])
            .seen(moment.at, text, None),
    )
}

/// That a server applied an index while those between that and what it `had` applied were still missing.
pub(crate) fn applied_before(server: u32, index: u64, had: u64) -> String {
    format!("server {server} applied index {index} before {}", indexes(had + 1, index - 1))
}

pub(crate) fn indexes(first: u64, last: u64) -> String {
    if first == last { format!("index {first}") } else { format!("indexes {first} to {last}") }
}

/// Two servers apply different commands at one index.
pub(super) fn applies_another(
    known: &Known<'_>,
    moment: Moment,
    applied: &Applied,
) -> Option<Breach> {
    let command = applied.command.as_ref()?;
    let first = known.first_applied(applied.index)?;
    let other = first.command.as_ref().filter(|other| other.bytes() != command.bytes())?;
    let (one, two) = (first.server.server, applied.server.server);
    let what = match one == two {
        true => format!("server {one} applied two different commands at index {}", applied.index),
        false => {
            format!("servers {one} and {two} applied different commands at index {}", applied.index)
        }
    };
    let text =
        |who, command| format!("server {who} applied {command:?} at index {}", applied.index);
    let mut breach = Breach::new(&TWO_COMMANDS, moment, two, what)
        .seen(first.moment.at, text(one, other), None)
        .seen(moment.at, text(two, command), None);
    breach.servers = if one == two { vec![one] } else { vec![one, two] };
    // How it came to that says more.
    Some(breach.sure_if(false))
}

/// A server applies what no client has started.
pub(super) fn applies_of_nobody(
    known: &Known<'_>,
    moment: Moment,
    applied: &Applied,
) -> Option<Breach> {
    let (number, index) = (applied.server.server, applied.index);
    let command = applied.command.as_ref()?;
    let is_same = |own: &&Proposal| own.command.bytes() == command.bytes();
    if known.proposed_at(index).any(|own| is_same(&own)) {
        return None; // as nearly always
    }
    // A start() that hasn't returned may have started it.
    let own = known.proposed_at(index).find(|own| own.moment < moment)?;
    if known.story.proposals.iter().any(|own| is_same(&own)) {
        return None;
    }
    if let Some(breach) = sent_from_below_snapshot(known, moment, applied) {
        return Some(breach);
    }
    let what = format!("server {number} applied a command that no client submitted");
    let took = format!(
        "server {}'s start() returned index {index} in term {} for {:?}",
        own.server.server, own.term, own.command
    );
    let text = format!(
        "server {number} applied {command:?} at that index; no start() was given this command"
    );
    let breach = Breach::new(&OF_NOBODY, moment, number, what).seen(own.moment.at, took, None);
    // It may have come to the server like that.
    Some(breach.seen(moment.at, text, None).sure_if(false))
}

/// The entry that a server applies came from a leader whose own snapshot covers its index: what that sent in the place of
/// its entry is something else.
fn sent_from_below_snapshot(
    known: &Known<'_>,
    moment: Moment,
    applied: &Applied,
) -> Option<Breach> {
    let (number, index) = (applied.server.server, applied.index);
    let (call, held) = known.story.handled_by(number as usize).rev().find_map(|call| {
        let has_it = call.args.prev_log_index? < index && index <= call.up_to()?;
        let is_before = call.delivered.is_some_and(|delivered| delivered < moment);
        let held = known.story.last_held(call.from.server, call.sent)?;
        (has_it && is_before && held.index >= index).then_some((call, held))
    })?;
    let (leader, command) = (call.from.server, applied.command.as_ref()?);
    let what = format!(
        "server {leader} sent server {number} an entry in place of one that the sender's own snapshot covers"
    );
    let sent = format!(
        "server {leader} sent server {number} a request with prevLogIndex {}, with entries",
        call.args.prev_log_index?
    );
    let text = format!(
        "server {number} applied {command:?} at index {index}; no start() was given this command"
    );
    Some(
        Breach::new(&NEEDED, moment, leader, what)
            .seen(held.moment.at, format!("server {leader} {held}"), None)
            .seen(call.sent.at, sent, [call.id])
            .seen(moment.at, text, None),
    )
}

/// A server applies at one index the command that leaders have given another.
pub(super) fn applies_moved(
    known: &Known<'_>,
    moment: Moment,
    applied: &Applied,
) -> Option<Breach> {
    let (number, index) = (applied.server.server, applied.index);
    let command = applied.command.as_ref()?;
    if known.proposed_at(index).any(|own| own.command.bytes() == command.bytes()) {
        return None; // as nearly always
    }
    let mut elsewhere = known
        .story
        .proposals
        .iter()
        .filter(|own| own.moment < moment && own.command.bytes() == command.bytes());
    let own = elsewhere.next()?;
    if let Some(breach) = appends_overlap(known, moment, applied, own) {
        return Some(breach);
    }
    let given = |other: &&Proposal| (other.server, other.term) == (own.server, own.term);
    let is_its = known.proposed_at(own.index).filter(given).count() == 1;
    let is_one = is_its && elsewhere.all(|other| other.index == own.index);
    let before = known.story.applied.iter().take_while(|before| before.moment < moment);
    // Where another command has that index, entries have moved; else there is one too many.
    let is_free = known.proposed_at(index).next().is_none();
    if let Some(first) = before.filter(|_| is_free).find(|before| {
        before.server == applied.server
            && before.index == own.index
            && before.command.as_ref().is_some_and(|first| first.bytes() == command.bytes())
    }) {
        return Some(applies_copy(known.story, applied, own, first, is_one));
    }
    // A leader keeps its own entries where they are; without a snapshot, there is nothing from which to count anew.
    let server = known.server(number);
    let is_leader_s = own.server == applied.server && server.leads(Some(own.term)).is_some();
    let (rule, what) = if is_leader_s && server.snapshot.is_none() {
        let what =
            format!("server {number}'s start() returned an index that its command didn't get");
        (&START_INDEX, what)
    } else {
        let what = format!(
            "server {number} applied at index {index} a command that belongs to another index"
        );
        (&MOVED, what)
    };
    let given = format!(
        "server {}'s start() returned index {} in term {} for {command:?}",
        own.server.server, own.index, own.term
    );
    let text = format!("server {number} applied that command at index {index}");
    let breach = Breach::new(rule, moment, number, what).seen(own.moment.at, given, None);
    let is_certain = is_one && known.story.dropped == 0 && rule.id == MOVED.id;
    Some(breach.known(Basis::seen_if(is_certain), moment.at, text, None))
}

/// A server applies an entry at another index than its own, and two handlers that brought it had been under
/// way at the same time.
fn appends_overlap(
    known: &Known<'_>,
    moment: Moment,
    applied: &Applied,
    own: &Proposal,
) -> Option<Breach> {
    let (number, index) = (applied.server.server, applied.index);
    let brings = |call: &&Call| {
        let begins = call.args.prev_log_index.is_some_and(|prev| prev < own.index);
        call.is_append()
            && begins
            && call.up_to() >= Some(own.index)
            && call.delivered > known.server(number).began
    };
    let all: Vec<&Call> = known.story.handled_by(number as usize).filter(brings).collect();
    let (first, second) = all.iter().enumerate().find_map(|(place, first)| {
        let overlaps =
            |second: &&&Call| second.delivered < first.handled && first.delivered < second.handled;
        all[place + 1..].iter().find(overlaps).map(|second| (*first, *second))
    })?;
    let what = format!(
        "server {number} appended the same entry twice, in two handlers that ran at the same time"
    );
    let text = |call: &Call| {
        format!("server {number} began to handle {} from server {}", call.method, call.from.server)
    };
    let text_of = |call: &Call| call.delivered.map(|began| (began.at, text(call)));
    let ((one, first_text), (two, second_text)) = text_of(first).zip(text_of(second))?;
    let breach = Breach::new(&HANDLERS_OVERLAP, moment, number, what)
        .seen(one, first_text, [first.id])
        .seen(two, second_text, [second.id]);
    let text = format!("it applied the command of index {} at index {index}", own.index);
    // They may overlap without harm, and another mistake have put it there.
    Some(breach.concluded(moment.at, text, None))
}

/// A server applies once more what was applied at its own index before: somebody has appended it twice.
fn applies_copy(
    story: &Story,
    applied: &Applied,
    own: &Proposal,
    first: &Applied,
    is_one: bool,
) -> Breach {
    let (number, index) = (applied.server.server, applied.index);
    let what = format!(
        "the same command is in the log twice, at index {} and at index {index}",
        own.index
    );
    let took = format!(
        "server {}'s start() returned index {} in term {} for a command, and no other index",
        own.server.server, own.index, own.term
    );
    let applied_first =
        format!("server {} applied it at index {}", first.server.server, first.index);
    let again = format!("server {number} applied it at index {index}");
    let breach = |rule, what| {
        Breach::new(rule, applied.moment, number, what).seen(own.moment.at, took, None).seen(
            first.moment.at,
            applied_first,
            None,
        )
    };
    // Entries may have moved where a snapshot took the place of those before them.
    let is_of_either = |made: &&Snapshot| [number, own.server.server].contains(&made.server.server);
    let since = own.moment.min(first.moment);
    let mut made = story.snapshots_between(since, applied.moment);
    if let Some(made) = made.rfind(is_of_either) {
        let text = format!(
            "before it was applied again, server {} made a snapshot up to index {}",
            made.server.server, made.index
        );
        return breach(&OFFSET_IGNORED, what).seen(applied.moment.at, again, None).concluded(
            made.moment.at,
            text,
            None,
        );
    }
    let twice =
        breach(&NOBODY_ASKED, what).known(Basis::seen_if(is_one), applied.moment.at, again, None);
    // What comes after a snapshot may be counted otherwise ever since.
    let mut made = story.snapshots.iter().filter(|made| made.moment < applied.moment);
    match made.any(|made| is_of_either(&made)) {
        true => twice.or(&OFFSET_IGNORED),
        false => twice,
    }
}
