//! Rules for servers: all servers (Figure 2).

use std::time::Duration;

use super::contract::TERM_NOT_TOLD;
use super::persistence::{TERM_NOT_SAVED, fell_in_crash, promised, went_back};
use super::rules;
use crate::event::Time;
use crate::spec::breach::{Basis, Breach};
use crate::spec::server::Shown;
use crate::spec::{Known, step};
use crate::story::{Call, Moment, Purpose, View};

rules! {
    WENT_BACK: Safety "term-went-back" = "M3" at [AllServers 2, AppendEntries 1],
        "Figure 2, All Servers 2, AppendEntries 1; §5.1",
        "terms only go up: a server adopts a term that is higher than its own, and refuses requests with a \
         lower term",
        "every place that sets currentTerm. It may only go up, whatever term a reply or a leader has"
        => Views view_goes_back within;
    NOT_ADOPTED: Contract "term-not-adopted" at [AllServers 2],
        "Figure 2, All Servers 2; §5.1",
        "if RPC request or response contains term T > currentTerm: set currentTerm = T, convert to follower",
        "the first lines of every handler, and the code that handles replies, above all refusals. It must \
         adopt a higher term before it does anything else"
        => Votes stays_below, Answers stays_below, Takes stays_below, Gets ignores_reply;
    ROLE_KEPT: Safety "role-kept-in-later-term" at [AllServers 2],
        "Figure 2, All Servers 2; §5.1",
        "if RPC request or response contains term T > currentTerm: set currentTerm = T, convert to follower",
        "every place that adopts a higher term: in each handler, and where replies are handled. It must also \
         make the server a follower; best one function does both";
    ANSWERS_LOWER: Safety "answer-without-term" = "M4" at [RequestVote 1, AppendEntries 1],
        "Figure 2, Results of RequestVote and AppendEntries; §5.1",
        "each reply has the current term of the server that answers, so that the server that asked can update \
         itself",
        "every return of a handler, also where it refuses. The reply's term must be currentTerm"
        => Votes answers_lower within, Answers answers_lower within, Takes answers_lower within;
    HANGS: Liveness "server-hangs" = "M16" at [Contract 10],
        "rule 10 of the contract; §5.1; §5.6",
        "a handler returns soon: it doesn't wait for a lock that is held across an RPC, or for a channel that \
         nobody reads",
        "what a handler waits for. Typical mistakes: an async mutex whose guard lives across the .await of a \
         call, one task that both answers requests and awaits its own calls, two locks that are taken in \
         different orders, a send on a full channel";
    NOT_APPLIED: Liveness "committed-not-applied" at [AllServers 1],
        "Figure 2, All Servers 1; §5.3",
        "if commitIndex > lastApplied: increment lastApplied, apply log[lastApplied]",
        "what wakes the task that applies, whether it then applies all that is committed, and what may block it: \
         a notification that was sent before the task waited for it, a lock, a full channel";
    ONE_EACH: Liveness "one-command-each-time" at [AllServers 1],
        NOT_APPLIED.place,
        "if commitIndex > lastApplied: increment lastApplied, apply log[lastApplied], until lastApplied is \
         commitIndex: commitIndex often goes up by more than one",
        "the loop that applies: it must apply all committed entries before it waits again. And check that \
         nothing ends it early";
    LAST_LEFT: Liveness "last-committed-not-applied" at [AllServers 1],
        NOT_APPLIED.place, NOT_APPLIED.says,
        "the bounds of the loop that applies: the entry at commitIndex is committed, too. And look at the \
         function that returns entries by their indexes: whether its end is among them";
    APPLIES_LATE: Liveness "applies-late" at [AllServers 1],
        "Figure 2, All Servers 1; §5.3",
        "if commitIndex > lastApplied: increment lastApplied, apply log[lastApplied], at once",
        "what wakes the task that applies. It must wake up for each new commitIndex, not at the next round of \
         a slow loop; and it must apply all committed entries before it waits again",
        normal "a command is applied within milliseconds after it is committed";
}

/// For how long a view must outlast what contradicts it: by the real clock, a server is looked at only every
/// 10 ms, and two looks at once may be noted in the wrong order.
pub(super) const LASTING: Duration = Duration::from_millis(50);

/// `get_state` tells a lower term than before.
fn view_goes_back(known: &Known<'_>, number: u32, view: &View) -> Option<Breach> {
    let shown = known.server(number).shown?;
    let before = match shown.life == view.incarnation {
        true => shown,
        // What was only seen before a crash may not have been saved yet.
        false => promised(known, number, view.moment)?,
    };
    let until = known.story.lasts_until(number as usize, view);
    // A run may end before that shows.
    let is_short = until.since(view.moment.at) < LASTING;
    if before.term <= view.term || is_short && until < known.story.end {
        return None;
    }
    if acts_in(known, number, (view.moment, until), |term| term > view.term) {
        return None; // what it tells is wrong, and it is told of that
    }
    let text = format!("later it was in term {}", view.term);
    if before.life != view.incarnation {
        let breach = went_back(number, &before, view.moment);
        return Some(breach.known(Basis::seen_if(!is_short), view.moment.at, text, None));
    }
    let what = format!("server {number} went back from term {} to term {}", before.term, view.term);
    let was = format!("server {number} was in term {}", before.term);
    let breach = Breach::new(&WENT_BACK, view.moment, number, what);
    let breach = breach.seen(before.moment.at, was, before.call).seen(view.moment.at, text, None);
    // What get_state alone tells may be wrong itself.
    let is_proven = acts_in(known, number, (view.moment, until), |term| term == view.term);
    let was_in = known.story.reached_before(number, view.moment);
    let was_in = was_in.is_some_and(|reached| reached.term >= before.term);
    Some(breach.sure_if(is_proven && was_in && !is_short))
}

/// Whether a server sends or answers something in such a term within a time of its present life.
fn acts_in(
    known: &Known<'_>,
    number: u32,
    (moment, until): (Moment, Time),
    is_such: impl Fn(u64) -> bool,
) -> bool {
    let (story, life) = (known.story, known.server(number).life);
    let is_raft_s = |call: &&Call| call.purpose != Purpose::Other;
    let mut sent = story.sent_by(number as usize).filter(is_raft_s);
    let mut answered = story.handled_by(number as usize).filter(is_raft_s);
    sent.any(|call| {
        call.from.incarnation == life
            && call.sent > moment
            && call.sent.at < until
            && call.args.term.is_some_and(&is_such)
    }) || answered.any(|call| {
        call.answered_in == Some(life)
            && call.delivered > Some(moment)
            && call.handled.is_some_and(|handled| handled.at < until)
            && call.reply.term.is_some_and(&is_such)
    })
}

/// A server answers with a lower term than it had reached before the request came.
fn answers_lower(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let (story, number) = (known.story, call.to);
    let (term, delivered) = call.reply.term.zip(call.delivered)?;
    let seen = story.view_at(number as usize, moment.at).map(|view| view.term);
    // It may say its term under another name.
    if seen.is_some_and(|seen| seen > term && call.says_number(seen)) {
        return None;
    }
    // Of two handlers that ran at the same time nobody knows which came first, so only what had ended before
    // this one began is held against it.
    let reached = story.reached_before(number, delivered).filter(|_| call.answered_in.is_some());
    let Some(reached) = reached.filter(|reached| reached.term > term) else {
        return leaves_term_out(known, moment, call);
    };
    let proof = &story.calls[reached.proof];
    let (at, life, how) = match proof.to == number {
        true => (proof.handled?, proof.answered_in?, "answered"),
        false => (proof.sent, proof.from.incarnation, "sent"),
    };
    let answer = format!(
        "server {number} answered {} from server {} with term {term}",
        call.method, call.from.server
    );
    let now = known.server(number).life;
    let before = if life < now { "before a crash, " } else { "" };
    let was = format!("{before}server {number} {how} {} in term {}", proof.method, reached.term);
    let is_below = seen.is_some_and(|seen| seen < reached.term);
    let shown = Shown { term: reached.term, life, moment: at, call: Some(proof.id) };
    let is_lost = life < now && is_below && fell_in_crash(known, number, &shown, moment);
    let (rule, what) = if is_lost {
        (&TERM_NOT_SAVED, format!("server {number} forgot its term in a crash"))
    } else if is_below && seen == Some(term) {
        let what = format!("server {number} went back from term {} to term {term}", reached.term);
        (&WENT_BACK, what)
    } else {
        (&ANSWERS_LOWER, format!("server {number} answered with a lower term than its own"))
    };
    let breach = Breach::new(rule, moment, number, what).seen(at.at, was, [proof.id]);
    // A reply that leaves its term at 0 tells none.
    Some(breach.known(Basis::seen_if(term != 0), moment.at, answer, [call.id]))
}

/// A server was seen to be in the request's term, or a higher one, before the request came, and answers in a
/// lower one.
fn leaves_term_out(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let (asked, term) = call.args.term.zip(call.reply.term).filter(|(asked, term)| term < asked)?;
    let mut views = known.story.views[call.to as usize].iter().rev();
    let before = views.find(|view| Some(view.moment) < call.delivered)?;
    if before.term < asked || known.story.holds_to_leader(call) {
        return None;
    }
    let what = format!("server {} answered with a lower term than its own", call.to);
    let text = format!(
        "server {} was in term {}, but answered {} of term {asked} from server {} with term {term}",
        call.to, before.term, call.method, call.from.server
    );
    Some(Breach::new(&ANSWERS_LOWER, moment, call.to, what).concluded(moment.at, text, [call.id]))
}

/// A server answers a request of a higher term, and stays in its own.
fn stays_below(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let (asked, term) = call.args.term.zip(call.reply.term).filter(|(asked, term)| term < asked)?;
    let (story, number) = (known.story, call.to);
    let seen = story.view_at(number as usize, moment.at).filter(|view| view.term == term)?;
    let is_raised = known.server(number).shown.is_some_and(|shown| shown.term > term);
    let may_stay = story.holds_to_leader(call) || refuses_outdated(known, call);
    if is_raised || may_stay || !known.came_to_this_life(call) {
        return None;
    }
    let what = format!("server {number} heard of term {asked} and stayed in term {}", seen.term);
    let text = format!(
        "server {number} answered {} of term {asked} from server {}; the answer has term {term}",
        call.method, call.from.server
    );
    let breach = Breach::new(&NOT_ADOPTED, moment, number, what);
    // It may be about to adopt it.
    Some(breach.known(
        Basis::seen_if(story.stays_below(number as usize, asked, moment)),
        moment.at,
        text,
        [call.id],
    ))
}

/// Whether a voter refuses a candidate whose log may be less up-to-date than its own. Some Rafts compare the logs first, and
/// then leave the term as it is: that candidate can't win (§5.4.1), and it refuses what comes with a lower term, by which
/// the others learn of its own.
fn refuses_outdated(known: &Known<'_>, call: &Call) -> bool {
    let offered = call.args.last_log_term.zip(call.args.last_log_index);
    let log = &known.server(call.to).log;
    let own = log.last_shown();
    // A log may go on unseen, by entries of no later term than the voter's own.
    let may_go_on = log.open && call.args.last_log_term <= call.reply.term;
    let may_be = || may_go_on || offered.zip(own).is_some_and(|(offered, own)| offered < own);
    call.is_denied() && (may_be() || has_accepted_since(known, call))
}

/// Whether a voter accepted commands, in a candidate's last term or later, of which its known log may have none: where
/// messages count other entries too, the log isn't known from what `start()` returned.
fn has_accepted_since(known: &Known<'_>, call: &Call) -> bool {
    let mut accepted = known.story.proposed_by(call.to);
    known.story.counts_other_entries
        && accepted.any(|own| {
            Some(own.moment) < call.delivered && Some(own.term) >= call.args.last_log_term
        })
}

/// A handler that runs this much longer hangs, in µs.
const HUNG: u64 = 300_000;

/// What a message says is dealt with by then, in µs.
const DEALT_WITH: u64 = 20_000;

/// A reply tells a server of a higher term, and it goes on in its own.
fn ignores_reply(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let (asked, term) = call.args.term.zip(call.reply.term).filter(|(asked, term)| term > asked)?;
    // What nobody waits for tells nobody.
    if call.purpose == Purpose::Other || call.arrived_unheard().is_some() {
        return None;
    }
    let (story, from) = (known.story, call.from);
    // Whoever isn't in the request's term any more may have stopped waiting for replies to it.
    if story.view_at(from.server as usize, moment.at).is_some_and(|view| view.term > asked) {
        return None;
    }
    let due = step::later(moment, DEALT_WITH);
    let mut later = story.sent_by(from.server as usize).filter(|later| later.sent.at > due.at);
    let later = later.find(|later| later.from == from && later.purpose != Purpose::Other);
    let later = later.filter(|later| later.args.term.is_some_and(|now| now < term));
    let view = story.view_at(from.server as usize, due.at);
    let stays = view.is_some_and(|view| {
        view.incarnation == from.incarnation
            && view.term < term
            && known.story.lasts_until(from.server as usize, view) > due.at
    });
    if !stays && later.is_none() {
        return None;
    }
    let server = from.server;
    // A server whose handlers hang doesn't adopt the term for another reason.
    let long_after = step::later(due, HUNG).at;
    let hangs = story.calls.iter().any(|own| {
        let is_late = |handled: Moment| handled.at > long_after;
        own.to == server
            && own.delivered.is_some_and(|at| at <= due)
            && own.handled.is_none_or(is_late)
            && known.came_to_this_life(own)
    });
    if hangs {
        return None;
    }
    // Who does nothing more may hang.
    let proposes = || {
        let mut proposed = story.proposed_by(server);
        proposed.any(|own| own.moment.at > due.at && own.server == from)
    };
    let sends = || {
        let mut sent = story.sent_by(server as usize);
        sent.any(|own| own.sent.at > due.at && own.from == from)
    };
    let answers = || {
        let mut handled = story.handled_by(server as usize);
        handled.any(|own| {
            let is_later = own.handled.is_some_and(|handled| handled.at > due.at);
            is_later && own.answered_in == Some(from.incarnation)
        })
    };
    if later.is_none() && !proposes() && !sends() && !answers() {
        return None;
    }
    let what = format!("server {server} heard of term {term} and stayed in term {asked}");
    let text = format!(
        "server {}'s reply to {} told server {server} of term {term}",
        call.to, call.method
    );
    let breach = Breach::new(&NOT_ADOPTED, due, server, what).seen(moment.at, text, [call.id]);
    Some(match later.filter(|_| stays) {
        Some(later) => {
            let text = format!(
                "server {server} still sent {} of term {}",
                later.method,
                later.args.term.unwrap_or(asked)
            );
            // What it sends may have waited for its disk.
            breach.concluded(later.sent.at, text, [later.id])
        }
        // It may have stopped waiting for that reply; and what it tells may be wrong.
        None => {
            breach.concluded(due.at, format!("server {server} was still in an earlier term"), None)
        }
    })
}

/// A server answers a leader in a higher term than it tells all the while.
pub(crate) fn tells_less(known: &Known<'_>, number: u32, view: &View) -> Option<Breach> {
    let story = known.story;
    let answers = &story.handled[number as usize];
    let handled = |place: usize| story.calls[place].handled;
    let first = answers.partition_point(|&place| handled(place) < Some(view.moment));
    if first == answers.len() {
        return None;
    }
    let until = known.story.lasts_until(number as usize, view);
    let later = answers[first..].iter().map(|&place| &story.calls[place]);
    let act = later
        .take_while(|call| call.handled.is_some_and(|at| until.since(at.at) >= LASTING))
        // At once: then it is looked at.
        .filter(|call| call.handled.map(|at| at.at) == call.delivered.map(|at| at.at))
        .find(|call| {
            call.is_leaders()
                && call.answered_in == Some(view.incarnation)
                && call.reply.term.is_some_and(|term| term > view.term)
        })?;
    let (handled, term) = (act.handled?, act.reply.term?);
    // Else one of the two is wrong, and nobody knows which.
    let mut sent = story.sent_by(number as usize).filter(|call| call.purpose != Purpose::Other);
    let sends = sent.any(|call| {
        view.moment.at <= call.sent.at && call.sent.at < until && call.args.term >= Some(term)
    });
    let what = format!("server {number}'s get_state and its answers have different terms");
    Some(
        Breach::new(&TERM_NOT_TOLD, view.moment, number, what)
            .seen(
                view.moment.at,
                format!("server {number}'s get_state reported term {}", view.term),
                None,
            )
            .seen(
                handled.at,
                format!("server {number}'s answer to a leader had term {term}"),
                [act.id],
            )
            .seen(until, format!("until then its get_state reported term {}", view.term), None)
            .sure_if(sends),
    )
}
