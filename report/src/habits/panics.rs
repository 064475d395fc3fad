//! What a server was at when it panicked.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Habit, leads};
use crate::check::{Activity, Check};
use crate::event::{Caller, Time};
use crate::explain::Case;
use crate::spec::Breach;
use crate::spec::rules::{all_servers, contract, install_snapshot, leaders, persistence};
use crate::story::{Call, HeldSnapshot, Life, Moment, Purpose};

pub(super) const HABITS: &[Habit] = &[
    Habit::new(not_restored, "the panic has nothing to do with the saved state"),
    Habit::new(
        counted_beyond,
        "it handled such an answer before without a panic, or it panicked over something else",
    ),
    Habit::new(
        began_before_snapshot,
        "it had applied something since its restart, or the panic has nothing to do with its snapshot",
    ),
    Habit::new(
        leads_at_higher_term,
        "the panic has nothing to do with the server's role, or the server had adopted the term",
    ),
    Habit::new(snapshot_beyond_log, "the server's log reaches the end of the snapshot"),
    Habit::new(request_below_snapshot, "the request begins after the server's snapshot"),
    Habit::new(
        late_reply_heeded,
        "no reply to a request of an earlier term arrived just before the panic",
    ),
    Habit::new(taken_half, "something else had reached the server since it installed the snapshot"),
    Habit::new(
        just_before_snapshot,
        "it went on to send that follower its snapshot, or panicked over something else",
    ),
    Habit::new(
        led_with_longer_log,
        "it sets nextIndex and matchIndex anew at each election, or it panicked over something else",
    ),
    Habit::new(
        hint_beyond_log,
        "the leader makes no index of that number, or it panicked over something else",
    ),
    Habit::new(offset_ignored, "the same happened again after the snapshot, without a panic"),
];

/// What is done with a reply is done by then.
const AT_ONCE: Duration = Duration::from_millis(2);

/// A server that panicked, and in what.
struct Panicked<'a> {
    server: usize,
    life: &'a Life,
    activity: &'a Activity,
    /// Whether it checked something itself, and was not at a loss.
    is_assertion: bool,
}

fn panicked<'a>(case: &Case<'a>) -> Option<Panicked<'a>> {
    let &Check::Panicked { server: Some(server), life, ref activity, is_assertion } =
        &case.failure.check
    else {
        return None;
    };
    let life = case.story.life(server, life)?;
    Some(Panicked { server: server as usize, life, activity, is_assertion })
}

/// The same, if it was in a task and at a loss there: it checked nothing itself.
fn panicked_at_a_loss<'a>(case: &Case<'a>) -> Option<Panicked<'a>> {
    panicked(case).filter(|it| *it.activity == Activity::Task && !it.is_assertion)
}

/// The last snapshot that a server has when it panics.
fn last_snapshot(case: &Case<'_>, server: usize) -> Option<HeldSnapshot> {
    let until = case.window.end();
    case.story.last_held(server as u32, until)
}

fn with_snapshot(breach: Breach, server: usize, held: &HeldSnapshot) -> Breach {
    breach.seen(held.moment.at, format!("server {server} {held}"), None)
}

/// A server with a snapshot panics, and until it had one none did: an index of Raft's is used in a log whose
/// beginning is gone.
fn offset_ignored(case: &Case<'_>) -> Option<Breach> {
    let Panicked { server, activity, is_assertion, .. } = panicked(case)?;
    if is_assertion {
        return None; // it is within its log
    }
    let held = match activity {
        Activity::Task | Activity::Handler { .. } => last_snapshot(case, server)?,
        // In snapshot() it is the one before that counts.
        Activity::Method { name } if name == "snapshot" => before_snapshot(case, server)?,
        _ => return None,
    };
    if went_well_since(case, (server, activity), held.moment) {
        return None;
    }
    let what = format!(
        "server {server} looked for an entry that its log doesn't have: the log was cut after a snapshot"
    );
    let breach = case.breach(&install_snapshot::OFFSET_IGNORED, server as u32, what);
    let text = format!(
        "it panicked; its log begins after index {}, so the entry with index i is entry number i - {} of its \
         log",
        held.index, held.index
    );
    Some(with_snapshot(breach, server, &held).concluded(case.window.until, text, None))
}

/// The snapshot that a server had when snapshot() was called, in which it panicked.
fn before_snapshot(case: &Case<'_>, server: usize) -> Option<HeldSnapshot> {
    let held = case.story.held_by(server as u32, case.window.end());
    let (installed, mut made): (Vec<_>, Vec<_>) = held.partition(|held| held.is_installed);
    made.pop()?;
    installed.into_iter().chain(made).max_by_key(|held| held.index)
}

/// A server installs a snapshot, and panics before anything else has come to it: what goes by the log's indexes doesn't
/// fit together.
fn taken_half(case: &Case<'_>) -> Option<Breach> {
    let Panicked { server, .. } = panicked(case)?;
    let (story, until) = (case.story, case.window.end());
    let held = last_snapshot(case, server).filter(|held| held.is_installed)?;
    let is_since = |at: Moment| held.moment < at && at < until;
    let came = story.calls.iter().any(|call| {
        call.to as usize == server && !call.is_snapshot() && call.delivered.is_some_and(is_since)
            || call.from.server as usize == server
                && call.returned.is_some_and(|(at, _)| is_since(at))
    });
    let mut asked = story.proposed_by(server as u32).map(|own| own.moment);
    if came || asked.any(is_since) {
        return None;
    }
    let what = format!("server {server} installed a snapshot, and panicked at once");
    let breach = case.breach(&install_snapshot::TAKEN_HALF, server as u32, what);
    let text = "nothing else had reached it before it panicked";
    Some(with_snapshot(breach, server, &held).concluded(case.window.until, text, None))
}

/// A leader panics that has a follower whose next entry is the very last that the leader's snapshot covers.
fn just_before_snapshot(case: &Case<'_>) -> Option<Breach> {
    let Panicked { server, .. } = panicked_at_a_loss(case)?;
    let (story, until) = (case.story, case.window.end());
    let held = last_snapshot(case, server)?;
    let led = leads(story, server, until.at)?;
    let sent = || story.sent_by(server).filter(|call| call.args.term == Some(led.term));
    let (at, call, up_to) = (0..story.servers as u32).find_map(|other| {
        let answered = sent().filter(|call| call.to == other && call.replied() <= Some(until.at));
        let confirmed = answered.filter_map(|call| Some((call.replied()?, call, call.confirms()?)));
        confirmed.max_by_key(|&(.., up_to)| up_to).filter(|&(.., up_to)| up_to + 1 == held.index)
    })?;
    let what = format!(
        "server {server} panicked as a leader; the next entry for one of its followers is the last entry in \
         its snapshot"
    );
    let confirmed = format!(
        "server {} had confirmed its log up to index {up_to} to server {server}, the leader",
        call.to
    );
    let text = format!(
        "it panicked; to send entries from index {} on, it needs the term at index {up_to}, which its log no \
         longer has: here it has to send its snapshot",
        held.index
    );
    let breach = case.breach(&install_snapshot::NEEDED, server as u32, what);
    let breach = breach.seen(at, confirmed, [call.id]);
    Some(with_snapshot(breach, server, &held).concluded(until.at, text, None))
}

/// A server that is restarted panics before anything has come to it: over what it had saved.
fn not_restored(case: &Case<'_>) -> Option<Breach> {
    let Panicked { server, life, activity, .. } = panicked(case)?;
    let (story, number) = (case.story, server as u32);
    let caller = Caller { server: number, incarnation: life.incarnation };
    let mut came = story.calls.iter().filter(|call| call.to == number);
    let began_at_once = case.window.until.since(life.from.at) <= AT_ONCE
        && !story.answered_by(caller).any(|call| call.handled > Some(life.from));
    let is_beginning = match activity {
        Activity::Make => true,
        // A task may panic over a message, too, or over what it has decided since.
        Activity::Task => {
            began_at_once
                || story.sent_by(server).all(|call| call.from != caller)
                    && !came.any(|call| call.delivered > Some(life.from))
        }
        _ => false,
    };
    let last = story.saved_by(number).rfind(|save| save.moment < life.from)?;
    if life.incarnation < 2 || !is_beginning {
        return None;
    }
    let what =
        format!("server {server} panicked over the state that it had saved before its restart");
    let snapshot = last.its_snapshot();
    let saved = format!(
        "server {server} saved {} bytes of state and {snapshot}; it was restarted with these",
        last.state
    );
    let text = match activity {
        Activity::Make => "it was restarted, and panicked in make()",
        _ if began_at_once => "it was restarted, and its task panicked at once",
        _ => "it was restarted, and panicked before it received any message",
    };
    // All that a task does before anything has come, and no timeout has passed, is to apply.
    let applies = *activity == Activity::Task && began_at_once && last.snapshot > 0;
    let rule =
        if applies { &persistence::SNAPSHOT_INDEX_FORGOTTEN } else { &persistence::NOT_RESTORED };
    let breach = case.breach(rule, number, what);
    let breach = breach.seen(last.moment.at, saved, None);
    Some(breach.concluded(case.window.until, text, None))
}

/// Whether a server has used its log since then in the way in which it panicked: by a handler that was brought
/// entries; or by its tasks, which send entries and apply them.
fn went_well_since(case: &Case<'_>, (server, activity): (usize, &Activity), since: Moment) -> bool {
    let (story, until) = (case.story, case.window.end());
    let is_since = |at: Moment| since < at && at < until;
    match activity {
        // A log that has been cut once may be cut wrongly the second time.
        Activity::Method { .. } => false,
        Activity::Handler { method } => story.handled_by(server).any(|call| {
            let is_such = call.method == *method && call.has_entries();
            is_such && call.handled.is_some_and(is_since)
        }),
        _ => {
            let mut applied = story.applied_by(server as u32);
            let applies = applied.any(|it| it.command.is_some() && is_since(it.moment));
            let mut sent = story.sent_by(server);
            applies && sent.any(|call| call.has_entries() && is_since(call.sent))
        }
    }
}

/// A server with a saved snapshot panics after a crash, before it has applied anything behind it.
fn began_before_snapshot(case: &Case<'_>) -> Option<Breach> {
    let Panicked { server, life, activity, .. } = panicked(case)?;
    let (story, until) = (case.story, case.window.until);
    let last = story.last_held(server as u32, life.from)?.index;
    let mut applied = story.applied_by(server as u32);
    let has_applied = applied.any(|applied| applied.moment > life.from);
    if *activity != Activity::Task || life.incarnation < 2 || has_applied {
        return None;
    }
    // It applies once it has heard of a commit, or has made one.
    let told = story.handled_by(server).rev().find(|call| {
        call.is_accepted() && call.args.leader_commit > Some(0) && call.delivered > Some(life.from)
    });
    let confirmed = || {
        story
            .sent_by(server)
            .rev()
            .find(|call| call.sent > life.from && call.is_accepted() && call.replied().is_some())
    };
    let (at, learned, call) = match told {
        Some(call) => {
            let text = format!(
                "server {} told it that everything up to index {} is committed",
                call.from.server, call.args.leader_commit?
            );
            (call.handled?.at, text, call.id)
        }
        None => {
            let call = confirmed()?;
            let text = format!("it led, and server {} confirmed its request", call.to);
            (call.replied()?, text, call.id)
        }
    };
    let began = format!(
        "server {server} was restarted with a snapshot that covers everything up to index {last}"
    );
    let what =
        format!("after a crash, server {server} looked for entries that its snapshot covers");
    Some(
        case.breach(&persistence::SNAPSHOT_INDEX_FORGOTTEN, server as u32, what)
            .seen(life.from.at, began, None)
            .seen(at, learned, [call])
            .concluded(until, "it panicked before it applied anything", None),
    )
}

/// The request whose handler has panicked, as far as is known: the last that was delivered and isn't answered.
fn request<'a>(case: &Case<'a>, server: usize, method: &str) -> Option<&'a Call> {
    let open = case.story.calls.iter().filter(|call| {
        call.to as usize == server
            && call.handled.is_none()
            && call.method == *method
            && call.delivered.is_some_and(|delivered| delivered.at <= case.window.until)
    });
    open.max_by_key(|call| call.delivered)
}

/// A leader's handler panics over the request of a leader of a later term, and the server leads still.
fn leads_at_higher_term(case: &Case<'_>) -> Option<Breach> {
    let Panicked { server, activity, life, .. } = panicked(case)?;
    let Activity::Handler { method } = activity else { return None };
    let call = request(case, server, method).filter(|call| call.is_leaders())?;
    let view = case.story.view_at(server, case.window.until)?;
    let (term, now) = (call.args.term?, view.term);
    if !view.is_leader || view.incarnation != life.incarnation || term <= now {
        return None;
    }
    let what = format!("server {server} heard of term {term} and stayed the leader of term {now}");
    let led = format!("server {server} led term {now}");
    let text = format!(
        "it got {} of term {term} from server {} while it was the leader, and panicked",
        call.method, call.from.server
    );
    let breach = case.breach(&all_servers::NOT_ADOPTED, server as u32, what);
    let breach = breach.seen(view.moment.at, led, None);
    Some(breach.concluded(call.delivered?.at, text, [call.id]))
}

/// A handler panics over a snapshot that ends behind the server's log.
fn snapshot_beyond_log(case: &Case<'_>) -> Option<Breach> {
    let Panicked { server, activity, life, .. } = panicked(case)?;
    let Activity::Handler { method } = activity else { return None };
    let call = request(case, server, method).filter(|call| call.is_snapshot())?;
    let index = call.args.last_included_index?;
    let views = case.story.views[server].iter().rev();
    let view = views
        .filter(|view| view.incarnation == life.incarnation)
        .find(|view| view.moment.at <= case.window.until && view.detail.is_some())?;
    let last = view.detail.as_ref()?.last_index;
    let ended = case.story.handled_by(server).filter_map(|call| {
        (call.is_accepted() && call.delivered > Some(life.from)).then(|| call.up_to())?
    });
    let last = ended.max().map_or(last, |ended| ended.max(last));
    if index <= last {
        return None;
    }
    let what =
        format!("server {server} panicked over a snapshot that ends after the end of its log");
    let text = format!(
        "it got a snapshot up to index {index} from server {}, and panicked",
        call.from.server
    );
    let breach = case.breach(&install_snapshot::KEPT_OVER_SNAPSHOT, server as u32, what);
    let breach =
        breach.seen(view.moment.at, format!("server {server}'s log ended at index {last}"), None);
    Some(breach.concluded(call.delivered?.at, text, [call.id]))
}

/// A handler panics over a request that begins with an entry that is in the snapshot, or just behind it.
fn request_below_snapshot(case: &Case<'_>) -> Option<Breach> {
    let Panicked { server, activity, .. } = panicked(case)?;
    let Activity::Handler { method } = activity else { return None };
    let call = request(case, server, method).filter(|call| call.is_append())?;
    let prev = call.args.prev_log_index?;
    let held = last_snapshot(case, server).filter(|held| prev <= held.index)?;
    let (rule, what) = match prev == held.index {
        true => {
            let (rule, snapshot) = install_snapshot::end_unknown(&held);
            (
                rule,
                format!(
                    "server {server} panicked over a request that begins right after {snapshot}"
                ),
            )
        }
        false => (
            &install_snapshot::BELOW,
            format!("server {server} panicked over entries that its snapshot already covers"),
        ),
    };
    let text = format!(
        "it got a request with prevLogIndex {prev} from server {}, and panicked",
        call.from.server
    );
    let breach = case.breach(rule, server as u32, what);
    let at = call.delivered?.at;
    Some(with_snapshot(breach, server, &held).concluded(at, text, [call.id]))
}

/// A follower confirms entries, and its leader panics: what it counts as the follower's may lie beyond its own log.
fn counted_beyond(case: &Case<'_>) -> Option<Breach> {
    let Panicked { server, life, .. } = panicked_at_a_loss(case)?;
    let (story, until) = (case.story, case.window.until);
    let accepted = story.sent_by(server).filter(|call| {
        let is_own = call.from.incarnation == life.incarnation;
        is_own && call.is_append() && call.is_accepted() && call.replied().is_some()
    });
    let accepted: Vec<&Call> = accepted.collect();
    let now = story.reached[server].last()?.term;
    let own = accepted.iter().copied().filter(|call| call.args.term == Some(now));
    let last =
        own.filter(|call| call.replied() <= Some(until)).max_by_key(|call| call.replied())?;
    overtaken(case, &accepted, last)
        .or_else(|| kept_from_former_term(case, &accepted, last))
        .or_else(|| confirmed_by_longer(case, &accepted, last))
}

/// A follower says yes whose log is longer than the leader's: what lies behind the request nobody has compared.
fn confirmed_by_longer(case: &Case<'_>, accepted: &[&Call], last: &Call) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    let (server, now) = (last.from.server, last.args.term?);
    let led = leads(story, server as usize, until).filter(|led| led.term == now)?;
    let sent = story.sent_by(server as usize);
    let sent = sent.filter(|own| own.is_append() && own.args.term == Some(now));
    let took = story.proposed_by(server).filter(|own| own.term == now).map(|own| own.index);
    let own_end = sent.filter_map(Call::up_to).chain(took).max()?;
    let (call, took) = accepted.iter().find_map(|&call| {
        let own = call.args.term == Some(now) && call.replied() <= Some(until);
        // What a leader has sent it since may have taken its place.
        let replaced = story.handled_by(call.to as usize).filter(|other| {
            other.is_accepted() && other.has_entries() && other.handled <= call.handled
        });
        let replaced = replaced.filter_map(|other| other.handled).max();
        let mut took = story.proposed_by(call.to).rev();
        let took = took.find(|took| Some(took.moment) < call.handled)?;
        (own && took.index > own_end && Some(took.moment) > replaced).then_some((call, took))
    })?;
    let follower = call.to;
    let what = format!(
        "server {server} panicked over answers from a follower whose log is longer than its own"
    );
    let longer = format!(
        "server {follower} accepted a command at index {} in term {}",
        took.index, took.term
    );
    let said = format!(
        "server {follower} confirmed a request from server {server} that ends at index {}",
        call.up_to()?
    );
    let then = format!(
        "server {server}, the leader of term {now}, panicked; its log ends at index {own_end}"
    );
    let breach = case.breach(&leaders::UNSENT_COUNTED, server, what);
    let breach = breach.seen(took.moment.at, longer, None);
    let breach = breach.seen(call.replied()?, said, [call.id]);
    Some(breach.concluded(until.max(led.since), then, None))
}

/// A leader panics just after a refusal that names an index beyond the end of its log.
fn hint_beyond_log(case: &Case<'_>) -> Option<Breach> {
    let Panicked { server, life, .. } = panicked_at_a_loss(case)?;
    let (story, until) = (case.story, case.window.until);
    let own = || story.sent_by(server).filter(|call| call.from.incarnation == life.incarnation);
    let refused = own().rev().find(|call| {
        let is_now = |at: Time| at <= until && until.since(at) <= AT_ONCE;
        call.is_append() && call.is_rejected() && call.replied().is_some_and(is_now)
    })?;
    let term = refused.args.term?;
    let stood = own().find(|call| call.is_vote() && call.args.term == Some(term))?;
    let took = story.proposed_by(server as u32).filter(|own| own.term == term);
    let end = took.map(|own| own.index).max().max(stood.args.last_log_index)?;
    let numbers = refused.numbers_besides();
    let is_beyond = |(name, number): &&(String, u64)| {
        *number > end + 1 && !name.to_ascii_lowercase().contains("term")
    };
    let (name, number) = numbers.iter().find(is_beyond)?;
    let what = format!(
        "server {server} panicked over a refusal that names an index beyond the end of its log"
    );
    let prev = match refused.args.prev_log_index {
        Some(prev) => format!(" with prevLogIndex {prev}"),
        None => String::new(),
    };
    let said = format!(
        "server {} refused server {server}'s request{prev}; its answer said {name} {number}",
        refused.to
    );
    let then = format!("server {server}'s own log ended at index {end}");
    let breach = case.breach(&leaders::BEYOND_LOG, server as u32, what);
    let breach = breach.seen(refused.replied()?, said, [refused.id]);
    Some(breach.concluded(until, then, None))
}

/// A server panics as soon as it is elected, and led before in an earlier term, with a log that was longer.
fn led_with_longer_log(case: &Case<'_>) -> Option<Breach> {
    let Panicked { server, life, .. } = panicked_at_a_loss(case)?;
    let (story, until) = (case.story, case.window.until);
    let own = |caller: Caller| caller.incarnation == life.incarnation;
    let is_now =
        |call: &&Call| call.replied().is_some_and(|at| at <= until && until.since(at) <= AT_ONCE);
    let votes = story.sent_by(server).filter(|call| call.is_vote() && own(call.from));
    let vote = votes.rev().filter(|call| call.is_granted()).find(is_now)?;
    let (now, end) = vote.args.term.zip(vote.args.last_log_index)?;
    // Who has found out what to send to all of them did that by right numbers.
    let sent =
        story.sent_by(server).filter(|call| call.is_leaders() && call.args.term == Some(now));
    let told: BTreeSet<u32> = sent.filter(|call| own(call.from)).map(|call| call.to).collect();
    if told.len() + 1 >= story.servers {
        return None;
    }
    let former = story.proposed_by(server as u32).filter(|it| own(it.server) && it.term < now);
    let former = former.max_by_key(|it| it.index).filter(|it| it.index > end)?;
    let what = format!(
        "server {server} panicked as soon as it was elected again; its log is shorter than when it led before"
    );
    let took = format!(
        "server {server}, the leader of term {}, accepted a command at index {}",
        former.term, former.index
    );
    let asked = format!(
        "server {server} asked for votes in term {now} with a log that ended at index {end}"
    );
    let came = format!("server {}'s vote arrived, and server {server} panicked", vote.to);
    let breach = case.breach(&leaders::MATCH_KEPT, server as u32, what);
    let breach = breach.seen(former.moment.at, took, None).seen(vote.sent.at, asked, [vote.id]);
    Some(breach.concluded(vote.replied()?, came, [vote.id]))
}

/// While it waited for its last answer another came from the same follower, so that what it asked for doesn't say how far
/// the follower goes by now. The panic may come only when it sends what follows.
fn overtaken(case: &Case<'_>, accepted: &[&Call], last: &Call) -> Option<Breach> {
    let other = accepted.iter().rev().find(|other| {
        let answered = other.replied();
        other.id != last.id
            && other.to == last.to
            && other.args.term == last.args.term
            && other.has_entries()
            && answered > Some(last.sent.at)
            && answered <= last.replied()
    })?;
    let (server, follower) = (last.from.server, last.to);
    let what = format!(
        "server {server} panicked; an answer from server {follower} had arrived while it waited for another \
         answer from that server"
    );
    let sent = format!(
        "server {server} sent server {follower} a request with prevLogIndex {}",
        last.args.prev_log_index?
    );
    let confirmed = format!("server {follower} confirmed its log up to index {}", other.up_to()?);
    let came = format!(
        "the answer to that request arrived; it confirms the log up to index {}",
        last.up_to()?
    );
    let breach = case.breach(&leaders::UNSENT_COUNTED, server, what);
    let breach = breach.seen(last.sent.at, sent, [last.id]);
    let breach = breach.seen(other.replied()?, confirmed, [other.id]);
    let breach = breach.seen(last.replied()?, came, [last.id]);
    Some(breach.concluded(case.window.until, "it panicked".to_owned(), None))
}

/// What a follower confirmed in an earlier term it may have lost since.
fn kept_from_former_term(case: &Case<'_>, accepted: &[&Call], last: &Call) -> Option<Breach> {
    let until = case.window.until;
    let replied = last.replied().filter(|&at| at <= until && until.since(at) <= AT_ONCE)?;
    let (server, now) = (last.from.server, last.args.term?);
    let sent = case.story.sent_by(server as usize);
    let sent = sent.filter(|own| own.is_append() && own.args.term == Some(now));
    let own_end = sent.filter_map(Call::up_to).max()?;
    let is_former = |other: &&&Call| other.args.term < Some(now) && other.up_to() > Some(own_end);
    let former = accepted.iter().find(is_former)?;
    let (follower, term) = (former.to, former.args.term?);
    let what = format!(
        "server {server} panicked over an answer; in term {term}, server {follower} had confirmed more entries \
         than server {server}'s log has now"
    );
    let confirmed = format!(
        "server {follower} confirmed its log up to index {} in term {term}",
        former.up_to()?
    );
    let came = format!(
        "server {}'s answer of term {now} arrived; the leader's log goes up to index {own_end}, and server \
         {server} panicked",
        last.to
    );
    let breach = case.breach(&leaders::MATCH_KEPT, server, what);
    let breach = breach.seen(former.replied()?, confirmed, [former.id]);
    Some(breach.concluded(replied, came, [last.id]))
}

/// The reply to a call of an earlier term arrives, and the server panics.
fn late_reply_heeded(case: &Case<'_>) -> Option<Breach> {
    let Panicked { server, life, activity, .. } = panicked(case)?;
    let (story, until) = (case.story, case.window.until);
    let now = story.reached[server].last()?.term;
    let is_now = |at: Time| at <= until && until.since(at) <= AT_ONCE;
    let replied = story.sent_by(server).filter(|call| call.replied().is_some_and(is_now));
    let mut own = replied
        .filter(|call| call.from.incarnation == life.incarnation && call.purpose != Purpose::Other);
    let call = own.find(|call| call.args.term.is_some_and(|term| term < now))?;
    if *activity != Activity::Task {
        return None;
    }
    let what = format!(
        "server {server} panicked over the reply to a request that it had sent in an earlier term"
    );
    let sent = format!(
        "server {server} sent {} of term {} to server {}",
        call.method, call.args.term?, call.to
    );
    let came = format!("the reply arrived when server {server} was in term {now}, and it panicked");
    let breach = case.breach(&contract::LATE_REPLY, server as u32, what);
    Some(breach.seen(call.sent.at, sent, [call.id]).concluded(call.replied()?, came, [call.id]))
}
