//! What it means that a server lacks an entry which it has had: which of the rules it broke.

use super::kept::{accepted_blindly, keeps_former, kept_former};
use super::{MATCH_REFUSED, NOT_APPENDED, TERM_OF_REQUEST, TRUNCATED};
use crate::event::Caller;
use crate::spec::breach::{Basis, Breach, Fact};
use crate::spec::rules::contract;
use crate::spec::rules::install_snapshot::{
    COVERED_REFUSED, DROPPED_FOR_SNAPSHOT, KEPT_OVER_SNAPSHOT, NOT_DELIVERED, OFFSET_IGNORED,
    end_unknown,
};
use crate::spec::rules::persistence::{
    LOG_NOT_SAVED, SNAPSHOT_INDEX_FORGOTTEN, came_after_last_save, cut_by, had, handled_it,
    handled_older_snapshot, handled_shorter, saved_snapshot, snapshot_index_forgotten, was_saved,
};
use crate::spec::rules::request_vote::HANDLERS_OVERLAP;
use crate::spec::server::Confirmation;
use crate::spec::{Known, step};
use crate::story::{Call, Happened, HeldSnapshot, Moment, Purpose};

pub(super) fn replaced_by(number: u32, replaced: &crate::spec::server::Replaced) -> Fact {
    let [now, had] = replaced.terms;
    let text = format!(
        "server {number} took a snapshot whose last entry, at index {}, has term {now}; the entry in its log \
         at that index had term {had}",
        replaced.index
    );
    Fact::new(Basis::Seen, replaced.at, text, [replaced.call])
}

/// How a server shows, after `moment` and before it can have got it again, that it has the entry at `index`:
/// what it `said` at `moment` is wrong then.
fn still_has(
    known: &Known<'_>,
    number: u32,
    index: u64,
    (moment, said): (Moment, &Call),
) -> Option<Fact> {
    let story = known.story;
    let life = known.server(number).life;
    let from = story.order.partition_point(|&(at, _)| at <= moment);
    let seen = |at: Moment, text: String, call: &Call| {
        Some(Fact::new(Basis::Seen, at.at, text, [call.id]))
    };
    for &(at, happened) in &story.order[from..] {
        match happened {
            Happened::Crashed(server, _) if server == number => return None,
            Happened::Viewed(server, place) if server == number => {
                let view = &story.views[server as usize][place];
                let is_late = at.at.0 > moment.at.0 + step::LOOKED_AT;
                let detail = view.detail.as_ref().filter(|_| !is_late);
                let end = detail.map(|it| (Some(it.last_term), Some(it.last_index)));
                // It has what its request says, and perhaps no more of what was there.
                if end.is_some_and(|end| end == (said.args.last_log_term, said.args.last_log_index))
                {
                    continue;
                }
                if let Some(detail) = detail.filter(|detail| detail.last_index >= index) {
                    let text = format!(
                        "server {number} reported that its log ends at index {}",
                        detail.last_index
                    );
                    return Some(Fact::new(Basis::Seen, at.at, text, None));
                }
            }
            Happened::Delivered(place) => {
                let call = &story.calls[place];
                let begins = call.args.prev_log_index.is_none_or(|prev| prev < index);
                if call.to == number && call.is_leaders() && begins {
                    return None; // it may get it again
                }
            }
            Happened::Handled(place) => {
                let call = &story.calls[place];
                let follows = call.args.prev_log_index.is_some_and(|prev| prev >= index);
                if call.to == number && call.is_accepted() && follows {
                    let text = format!(
                        "server {number} accepted a request with prevLogIndex {}, so it has that entry",
                        call.args.prev_log_index?
                    );
                    return seen(at, text, call);
                }
            }
            Happened::Sent(place) => {
                let call = &story.calls[place];
                if call.from.server != number || call.from.incarnation != life {
                    continue;
                }
                let sends = call.is_append()
                    && call
                        .args
                        .prev_log_index
                        .is_some_and(|prev| prev < index || !call.has_entries());
                // Of a later command the index tells nothing of what comes before.
                if sends && call.up_to().is_some_and(|last| last >= index) && call.sent > moment {
                    let own = known.story.proposals.iter().any(|own| {
                        own.server == call.from
                            && own.index == index
                            && moment < own.moment
                            && own.moment < call.sent
                    });
                    if own || is_of_own_term(call, index) {
                        return None;
                    }
                    let text = format!(
                        "server {number} sent server {} a request that ends at index {}, so it has that entry",
                        call.to,
                        call.up_to()?
                    );
                    return seen(at, text, call);
                }
            }
            _ => {}
        }
    }
    None
}

/// Whether what a leader sends has an entry of the leader's own term at `index`: one that it has appended since it was
/// elected, be it a command or a blank entry (§8).
fn is_of_own_term(call: &Call, index: u64) -> bool {
    let args = &call.args;
    let before = || args.prev_log_term.filter(|_| args.prev_log_index == Some(index));
    let term = call.entry_term(index).or_else(before);
    term.is_some() && term == args.term
}

/// A request behind index 0 of its own term's leader, which a server refuses after `moment` in the same life: its log
/// has no part in that answer, so its refusals tell nothing of its log.
fn refuses_the_beginning(known: &Known<'_>, number: u32, moment: Moment) -> Option<Fact> {
    let life = Caller { server: number, incarnation: known.server(number).life };
    let refused = known.story.answered_by(life).find(|call| {
        let is_refused = call.is_append() && call.is_rejected() && call.is_answered_in_its_term();
        is_refused && call.handled > Some(moment) && call.args.prev_log_index == Some(0)
    })?;
    let text = format!(
        "it also refused a request from server {} with prevLogIndex 0, which matches any log",
        refused.from.server
    );
    Some(Fact::new(Basis::Seen, refused.handled?.at, text, [refused.id]))
}

/// A server lacks the entry at `index`, which it has had: so it says.
/// The last request that brought a server the entry at `index`, the entry's term and the request's, if these differ and the
/// server says in `call` that the entry has the request's.
fn takes_request_s_term<'a>(
    known: &Known<'a>,
    number: u32,
    index: u64,
    moment: Moment,
    call: &Call,
) -> Option<(&'a Call, u64, u64)> {
    let brought = known.story.handled_by(number as usize).rev().find(|own| {
        let covers = own.args.prev_log_index < Some(index) && own.up_to() >= Some(index);
        own.is_append() && own.is_accepted() && covers && own.handled < Some(moment)
    })?;
    let own = brought.entry_term(index)?;
    let leaders = brought.args.term.filter(|&term| term > own)?;
    let says_so = if call.to == number && call.is_append() {
        call.numbers_besides().iter().any(|(name, term)| *term == leaders && name.contains("term"))
    } else {
        call.args.last_log_index == Some(index) && call.args.last_log_term == Some(leaders)
    };
    says_so.then_some((brought, own, leaders))
}

pub(super) fn lost(
    known: &Known<'_>,
    number: u32,
    index: u64,
    (moment, text, call): (Moment, String, &Call),
) -> Option<Breach> {
    let server = known.server(number);
    let term = server.log.term(index);
    let entry = match term {
        Some(term) => format!("the entry of term {term} at index {index}"),
        None => format!("the entry at index {index}"),
    };
    let refuses = call.to == number && call.is_append();
    let had = had(known, number, index, moment);
    let new = |rule, what: String| Breach::new(rule, moment, number, what).facts(had.clone());
    if let Some(breach) = refused_in_snapshot(known, number, index, (moment, &text, call), &entry) {
        return Some(breach.facts(had));
    }
    if let Some((brought, own, leaders)) = takes_request_s_term(known, number, index, moment, call)
    {
        let what = format!(
            "server {number} took the entry at index {index} with the term of the request, {leaders}, and not \
             with its own, {own}"
        );
        let came = format!(
            "server {}, which led term {leaders}, brought server {number} the entry of term {own} at index {index}",
            brought.from.server
        );
        let breach = Breach::new(&TERM_OF_REQUEST, moment, number, what);
        let breach = breach.seen(brought.handled?.at, came, [brought.id]);
        let says = match refuses {
            true => format!("{text}; its answer has term {leaders} for that entry"),
            false => text,
        };
        return Some(breach.seen(moment.at, says, [call.id]).sure_if(false));
    }
    if let Some(has) = still_has(known, number, index, (moment, call)) {
        let (rule, what) = match refuses {
            true => {
                (&MATCH_REFUSED, format!("server {number} refused a request that matches its log"))
            }
            false => (
                &contract::CONTRADICTS_ITSELF,
                format!("server {number} asked for votes and gave a wrong end of its log"),
            ),
        };
        // What it does later may be as wrong as what it says now; what it tells at the same time isn't.
        let is_told = has.calls.is_empty();
        return Some(new(rule, what).seen(moment.at, text, [call.id]).fact(has).sure_if(is_told));
    }
    if refuses && let Some(refused) = refuses_the_beginning(known, number, moment) {
        let what = format!("server {number} refused a request that matches its log");
        let breach = new(&MATCH_REFUSED, what).seen(moment.at, text, [call.id]);
        return Some(breach.fact(refused).sure_if(false));
    }
    if let Some(breach) = never_installed(known, number, index, (moment, &text, call)) {
        return Some(breach);
    }
    if !refuses && let Some(breach) = ends_before_snapshot(known, number, moment, call) {
        return Some(breach);
    }
    if !refuses && call.args.last_log_term == Some(0) && call.args.last_log_index > Some(0) {
        return contract::says_term_zero(known, (moment, call), call.args.last_log_index?);
    }
    let crashed = match server.log.confirmed(index) {
        Some(confirmed) => confirmed.life != server.life,
        None => {
            let mut own = known.story.proposed_by(number);
            let is_of_now = own.any(|own| {
                own.server.incarnation == server.life && own.index >= index && own.moment < moment
            });
            server.life > 1 && server.log.saved >= index && !is_of_now
        }
    };
    if crashed && let Some(snapshot) = saved_snapshot(known, number, index) {
        return Some(snapshot_index_forgotten(known, number, &snapshot, (moment, text, call)));
    }
    // A log that ends before the snapshot with which its server began is counted from there.
    let at_start = server.began.and_then(|began| known.story.last_held(number, began));
    if let Some(snapshot) = at_start
        .filter(|held| !refuses && server.life > 1 && call.args.last_log_index < Some(held.index))
        .filter(|held| was_saved(known, number, held))
    {
        return Some(snapshot_index_forgotten(known, number, &snapshot, (moment, text, call)));
    }
    // What it has done since: in this life, if there was a crash.
    let began = server.began.filter(|_| crashed);
    let is_of_now = |other: &&Call| other.handled > began;
    let cut = cut_by(known, number, index, moment);
    let (by, saved_less) = cut.unzip();
    let shorter = by.or_else(|| handled_shorter(known, number, index, moment));
    let older_snapshot = handled_older_snapshot(known, number, index, moment);
    // What a request took before the crash is gone from the disk, too.
    let short = shorter.filter(|short| is_of_now(short) || saved_less.is_some());
    let older = older_snapshot.filter(is_of_now);
    if older.is_none() && was_cut_at_prev(known, number, index, moment) {
        return None;
    }
    // What lies before its end a follower may refuse as old.
    let is_old = refuses && index < server.log.last_index();
    if refuses
        && !crashed
        && !is_old
        && !server.log.is_claimed
        && let Some(former) = kept_former(known, number, index, moment)
    {
        return Some(keeps_former(known, (number, index, former), (moment, text, call)));
    }
    let has_refused = has_refused(known, number, index, (moment, call));
    // Whether anything that came can have cut its log.
    let may_be_cut =
        crashed || shorter.is_some() || older_snapshot.is_some() || !is_old && has_refused;
    let never = shorter.is_none() && !has_refused && had_it_never(known, number, index, moment);
    let never = never || !crashed && was_never_saved(known, number, index, moment);
    if !crashed && let Some(held) = cut_for_snapshot(known, number, index, moment) {
        let what = format!("server {number} lost {entry}, the first behind its new snapshot");
        let made = format!("server {number} {held}");
        let breach = new(&OFFSET_IGNORED, what).seen(held.moment.at, made, None);
        return Some(breach.seen(moment.at, format!("later {text}"), [call.id]).sure_if(false));
    }
    if never && let Some(breach) = accepted_blindly(known, number, index, moment) {
        return Some(breach.seen(moment.at, format!("later {text}"), [call.id]));
    }
    // What came since its last save is gone with the crash, whatever has cut its log since.
    let unsaved = crashed.then(|| came_after_last_save(known, number, index)).flatten();
    let (short, older) = (short.filter(|_| unsaved.is_none()), older.filter(|_| unsaved.is_none()));
    let mut breach = if refuses && !may_be_cut && !never {
        new(&MATCH_REFUSED, format!("server {number} refused a request that matches its log"))
    } else if older.is_some() {
        let what =
            format!("server {number} deleted {entry} because of a snapshot that ends before it");
        new(&DROPPED_FOR_SNAPSHOT, what)
    } else if crashed && short.is_none() {
        new(&LOG_NOT_SAVED, format!("server {number} lost {entry} in a crash"))
    } else if never {
        // Nothing that came since can have cut it.
        let what = format!("server {number} confirmed {entry}, but its log doesn't have it");
        new(&NOT_APPENDED, what)
    } else if let Some(overlapping) =
        short.filter(|short| began_before(short, server.log.confirmed(index).as_ref()))
    {
        let what = format!(
            "server {number} deleted {entry}, which another handler had meanwhile accepted"
        );
        let text = format!(
            "server {number} began to handle a request from server {}",
            overlapping.from.server
        );
        let began = overlapping.delivered.map_or(moment.at, |delivered| delivered.at);
        new(&HANDLERS_OVERLAP, what).seen(began, text, [overlapping.id])
    } else {
        new(
            &TRUNCATED,
            format!("server {number} deleted {entry}, though no entry conflicted with it"),
        )
    };
    breach = breach.facts(unsaved).facts(short.and_then(handled_it)).facts(saved_less);
    if let Some((older, handled, last)) =
        older.and_then(|older| Some((older, older.handled?, older.args.last_included_index?)))
    {
        let text =
            format!("it then took a snapshot from server {} up to index {last}", older.from.server);
        breach = breach.seen(handled.at, text, [older.id]);
    }
    let last_known = breach.facts.last().map(|fact| fact.at);
    // What it told before it had the entry tells nothing of it.
    let from = began.map(|began| began.at).max(last_known).unwrap_or(moment.at);
    let from = Moment { place: 0, at: from };
    let mut told = known.told_ends(number, from, step::later(moment, step::LOOKED_AT));
    let gone = told.find(|&(_, _, last)| last < index);
    if let Some((at, term, last)) = gone {
        let text = match last {
            0 => "it reported that its log is empty".to_owned(),
            _ => format!("it reported that its log ends at index {last} with term {term}"),
        };
        breach = breach.seen(at.at.min(moment.at), text, None);
    }
    let since = if crashed { "after a crash, " } else { "later " };
    // Also what came before a crash can have taken it.
    let suspects = usize::from(crashed)
        + usize::from(shorter.is_some())
        + usize::from(older_snapshot.is_some());
    let text = format!("{since}{text}");
    let breach = breach.known(
        Basis::seen_if(!(server.log.is_claimed || is_old)),
        moment.at,
        text,
        [call.id],
    );
    // What it says may be wrong, or its comparison; or one of several took it.
    Some(breach.sure_if(gone.is_some() && suspects == 1 && !server.log.is_claimed))
}

/// A server asks for votes with a log that ends before a snapshot that it has made or taken in its present life.
fn ends_before_snapshot(
    known: &Known<'_>,
    number: u32,
    moment: Moment,
    call: &Call,
) -> Option<Breach> {
    let (term, last) = call.args.term.zip(call.args.last_log_index)?;
    let life = known.server(number).life;
    let own = known.story.held_by(number, moment).filter(|it| it.server.incarnation == life);
    let held = own.max_by_key(|held| held.index).filter(|held| last < held.index)?;
    let what = format!(
        "server {number} asked for votes with a log that ends before the end of its own snapshot"
    );
    let text = format!("it asked for votes in term {term} with a log that ended at index {last}");
    Some(
        Breach::new(&OFFSET_IGNORED, moment, number, what)
            .seen(held.moment.at, format!("server {number} {held}"), None)
            .seen(moment.at, text, [call.id])
            .sure_if(false),
    )
}

/// Whether nothing shows that a server has had the entry at `index`, which it confirmed: it has not told of a log that
/// goes so far.
fn had_it_never(known: &Known<'_>, number: u32, index: u64, moment: Moment) -> bool {
    let Some(confirmed) = known.server(number).log.confirmed(index) else {
        return false; // its log was seen to have it in another way
    };
    let from = Moment { place: 0, at: confirmed.at };
    !known.told_ends(number, from, moment).any(|(_, _, last)| last >= index)
}

/// A snapshot that a server made after it had confirmed the entry at `index`, and that ends right before this entry.
fn cut_for_snapshot(
    known: &Known<'_>,
    number: u32,
    index: u64,
    moment: Moment,
) -> Option<HeldSnapshot> {
    let server = known.server(number);
    let confirmed = server.log.confirmed(index)?;
    let mut made = known.story.held_by(number, moment).filter(|held| {
        let is_own = held.server.incarnation == server.life && !held.is_installed;
        is_own && held.index + 1 == index && held.moment.at >= confirmed.at
    });
    made.next()
}

/// Whether a server that saves what it takes before it confirms that has saved nothing whenever it confirmed the entry at
/// `index`.
fn was_never_saved(known: &Known<'_>, number: u32, index: u64, moment: Moment) -> bool {
    let story = known.story;
    let has_saved = |call: &&Call| {
        let mut at = story.saved_by(number).map(|save| Some(save.moment));
        at.any(|at| call.delivered <= at && at <= call.handled)
    };
    let covers = |call: &&Call| {
        call.args.prev_log_index < Some(index) && call.up_to().is_some_and(|last| last >= index)
    };
    let life = Caller { server: number, incarnation: known.server(number).life };
    let taken = story.answered_by(life).filter(|call| call.is_append() && call.is_accepted());
    let taken = taken.filter(|call| call.has_entries() && call.handled < Some(moment));
    let taken: Vec<&Call> = taken.collect();
    let Some(first) = taken.iter().position(covers) else { return false };
    let (before, since) = taken.split_at(first);
    before.iter().any(has_saved) && !since.iter().any(|call| covers(call) && has_saved(call))
}

/// Whether the handler of a request began before an entry was confirmed, and ended after that.
fn began_before(call: &Call, confirmed: Option<&Confirmation>) -> bool {
    confirmed.is_some_and(|confirmed| {
        let began = call.delivered.is_some_and(|at| at.at < confirmed.at);
        began && call.handled.is_some_and(|at| at.at > confirmed.at) && call.id != confirmed.call
    })
}

/// Whether a server has refused another request since it confirmed `index`: it might have cut its log there.
fn has_refused(known: &Known<'_>, number: u32, index: u64, (moment, now): (Moment, &Call)) -> bool {
    let from = known.server(number).log.confirmed(index).map(|confirmed| confirmed.at);
    known.story.handled_by(number as usize).any(|call| {
        let is_since = call.handled.is_some_and(|at| from <= Some(at.at) && at <= moment);
        is_since && call.id != now.id && call.is_append() && call.is_rejected()
    })
}

/// Whether a server has refused a request since it confirmed `index`, because it had another entry at `prevLogIndex`:
/// that entry isn't its leader's, nor is what follows it, so it may delete them at once.
fn was_cut_at_prev(known: &Known<'_>, number: u32, index: u64, moment: Moment) -> bool {
    let log = &known.server(number).log;
    let since = log.confirmed(index).map(|confirmed| confirmed.at);
    known.story.handled_by(number as usize).any(|call| {
        let differs = call.args.prev_log_index.zip(call.args.prev_log_term).is_some_and(|prev| {
            prev.0 <= index && log.term(prev.0).is_some_and(|term| term != prev.1)
        });
        let is_in_time =
            call.handled.is_some_and(|at| at <= moment && since.is_none_or(|since| since <= at.at));
        call.is_append()
            && call.is_rejected()
            && call.is_answered_in_its_term()
            && differs
            && is_in_time
    })
}

/// A server has answered that it took a snapshot, has handed none on, and lacks what that covers.
fn never_installed(
    known: &Known<'_>,
    number: u32,
    index: u64,
    (moment, text, call): (Moment, &str, &Call),
) -> Option<Breach> {
    let confirmed = known.server(number).log.confirmed(index)?;
    let mut handled = known.story.handled_by(number as usize);
    let took =
        handled.find(|took| took.id == confirmed.call && took.purpose == Purpose::Snapshot)?;
    let covers = took.args.last_included_index.filter(|_| !known.story.counts_other_entries)?;
    let mut applied = known.story.applied.iter().take_while(|applied| applied.moment < moment);
    if applied.any(|applied| applied.server.server == number && applied.index >= covers) {
        return None;
    }
    let what =
        format!("server {number} answered a request with a snapshot, but did not install it");
    let sent = format!(
        "server {number} answered server {}, which had sent it a snapshot up to index {covers}",
        took.from.server
    );
    let breach = Breach::new(&NOT_DELIVERED, moment, number, what);
    let breach = breach.seen(confirmed.at, sent, [took.id]);
    Some(breach.concluded(
        moment.at,
        format!("server {number} has passed no snapshot to its service since then, and {text}"),
        [call.id],
    ))
}

/// A server refuses what follows an entry that its snapshot covers.
fn refused_in_snapshot(
    known: &Known<'_>,
    number: u32,
    index: u64,
    (moment, text, call): (Moment, &str, &Call),
    entry: &str,
) -> Option<Breach> {
    let server = known.server(number);
    if call.to != number || call.purpose != Purpose::Append {
        return None;
    }
    // Only one that it knows of.
    let knows = |held: &HeldSnapshot| {
        let mut confirmed = server.log.confirmations.iter();
        held.server.incarnation == server.life
            || confirmed.any(|own| own.life == server.life && own.up_to >= held.index)
    };
    let covers = || known.story.held_by(number, moment).filter(|held| held.index >= index);
    let last = covers().max_by_key(|held| held.index)?;
    // One that a crash has left, if it was saved.
    let is_kept = last.index == index && saved_snapshot(known, number, index).is_some();
    let held = covers().filter(knows).max_by_key(|held| held.index).or(is_kept.then_some(last))?;
    let (rule, what) = if server.log.replaced.is_some_and(|replaced| replaced.index == index) {
        let what = format!(
            "server {number} kept its log, though it conflicts with a snapshot that the server \
                            took"
        );
        (&KEPT_OVER_SNAPSHOT, what)
    } else if !knows(&held) && !tells_snapshot(known, number, index) {
        let what = format!("server {number} forgot in a crash where its snapshot ends");
        (&SNAPSHOT_INDEX_FORGOTTEN, what)
    } else if held.index == index {
        let (rule, snapshot) = end_unknown(&held);
        (rule, format!("server {number} refused a request that begins right after {snapshot}"))
    } else {
        let what = format!(
            "server {number} refused a request that begins right after {entry}, though its snapshot \
                     covers that entry"
        );
        (&COVERED_REFUSED, what)
    };
    let had = format!("it had a snapshot up to index {}", held.index);
    let mut breach = Breach::new(rule, moment, number, what).seen(held.moment.at, had, None);
    if let Some(replaced) = server.log.replaced.filter(|replaced| replaced.index == index) {
        breach = breach.fact(replaced_by(number, &replaced));
    }
    // A server may take a request for old that begins within its snapshot, and tell where it is.
    Some(breach.concluded(moment.at, format!("later {text}"), [call.id]))
}

/// Whether a server has told in its present life that its snapshot ends at `index`.
fn tells_snapshot(known: &Known<'_>, number: u32, index: u64) -> bool {
    let life = known.server(number).life;
    known.story.views[number as usize].iter().any(|view| {
        let detail = view.detail.as_ref().filter(|_| view.incarnation == life);
        detail.is_some_and(|detail| detail.snapshot_index == index)
    })
}
