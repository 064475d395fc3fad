//! What a leader calls committed, and what it knows of that.

use super::{
    BEFORE_ANSWERS, FORMER_COUNTED, MATCH_KEPT, OLD_TERM, REFUSAL_COUNTED, UNSENT_COUNTED,
    WITHOUT_MAJORITY, confirmed_before, is_leading,
};
use crate::event::{Caller, RpcId, Time};
use crate::spec::Known;
use crate::spec::breach::{Basis, Breach};
use crate::spec::rules::persistence::SAVED_FOR_APPLIED;
use crate::story::{Applied, Call, Moment};
use crate::text::list;

/// A leader tells its followers what is committed.
pub(super) fn tells_commit(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let commit = call.args.leader_commit?;
    let server = call.from.server;
    let text =
        || format!("server {server} told server {} that index {commit} is committed", call.to);
    commits(known, (server, call.args.term?, commit), moment, (&text, Some(call.id)))
}

/// A leader applies what it calls committed.
pub(super) fn leader_applies(
    known: &Known<'_>,
    moment: Moment,
    applied: &Applied,
) -> Option<Breach> {
    let (server, index) = (applied.server.server, applied.index);
    applied.command.as_ref().filter(|_| !known.story.counts_other_entries)?;
    let term = is_leading(known, server, moment)?.term;
    let text = || format!("server {server}, the leader, applied index {index}");
    let breach = commits(known, (server, term, index), moment, (&text, None))?;
    // An entry of an earlier term is committed with those of its own that are applied at once.
    match last_at_once(known, applied) {
        last if breach.rule.id == OLD_TERM.id
            && known.server(server).log.term(last) == Some(term) =>
        {
            let text =
                || format!("server {server}, the leader, applied the entries up to index {last}");
            commits(known, (server, term, last), moment, (&text, None))
        }
        _ => Some(breach),
    }
}

/// Up to which index a server applies at the same instant what follows one another.
fn last_at_once(known: &Known<'_>, first: &Applied) -> u64 {
    let applied = &known.story.applied;
    let from = applied.partition_point(|other| other.moment < first.moment);
    let at_once = applied[from..].iter().take_while(|other| other.moment.at == first.moment.at);
    let own = at_once.filter(|other| other.server == first.server);
    own.map(|other| other.index).max().unwrap_or(first.index)
}

/// A server that leads `term` commits up to `index`.
fn commits(
    known: &Known<'_>,
    (number, term, index): (u32, u64, u64),
    moment: Moment,
    (text, call): (&dyn Fn() -> String, Option<RpcId>),
) -> Option<Breach> {
    let server = known.server(number);
    let led = server.leads(Some(term))?;
    if index <= server.knows() || !known.reads.commits {
        return None;
    }
    let majority = known.story.majority();
    let others = || (0..).zip(&led.confirmed).filter(|&(other, _)| other != number);
    let have: Vec<u32> = others().filter(|&(_, &up_to)| up_to >= index).map(|it| it.0).collect();
    // The answer that made the leader commit, if one did: it came just before, and behind the entry.
    let appended =
        known.proposed_at(index).find(|own| own.server.server == number && own.term == term);
    let appended = appended.map_or(led.since.at, |own| own.moment.at);
    let others_answered = led.answered.iter().flatten();
    let unsent = others_answered.filter(|&&(at, _, up_to)| at >= appended && up_to < index).count();
    // Or it had counted the entry before it had it: it sent what follows to a server that was never sent the entry.
    let ahead = others().filter(|&(other, &up_to)| {
        let sent = known.story.sent_by(number as usize).filter(|call| {
            let is_own = call.to == other && call.is_append() && call.args.term == Some(term);
            is_own && led.since <= call.sent && call.sent < moment && call.has_entries()
        });
        let [mut goes_on, mut was_sent] = [false; 2];
        for call in sent {
            let follows = call.args.prev_log_index >= Some(index);
            goes_on |= follows;
            was_sent |= !follows && call.up_to() >= Some(index);
        }
        up_to < index && goes_on && !was_sent
    });
    let ahead = ahead.count();
    let is_sure = unsent >= ahead;
    let unsent = unsent.max(ahead);
    let is_unsent = unsent > 0 && have.len() + unsent + 1 >= majority;
    let has_refused = |refused: &Option<(_, _, u64)>| {
        refused.is_some_and(|(at, _, up_to)| at >= appended && up_to >= index)
    };
    let refused = others()
        .filter(|&(other, &up_to)| up_to < index && has_refused(&led.refused[other as usize]));
    let refused: Vec<u32> = refused.map(|it| it.0).collect();
    // What came last made it commit.
    let last =
        |answers: &[Option<(Time, RpcId, u64)>]| answers.iter().flatten().map(|it| it.0).max();
    let is_refusal_last = !is_unsent || last(&led.refused) >= last(&led.answered);
    let leader = Caller { server: number, incarnation: server.life };
    let leadership = (leader, term, led.since);
    let kept: Vec<&Call> = others()
        .filter(|&(_, &up_to)| up_to < index)
        .filter_map(|(other, _)| known.story.confirmed_formerly(leadership, (other, index), moment))
        .collect();
    let is_kept = !kept.is_empty() && have.len() + kept.len() + 1 >= majority;
    let entry = server.log.term(index);
    let (rule, what) = if have.len() + 1 >= majority {
        let old = entry.filter(|&entry| entry < term)?;
        let what =
            format!("an entry of term {old} as committed before any entry of its own term {term}");
        (&OLD_TERM, what)
    } else if ended_before_crash(known, number) == Some(index) {
        let what = format!(
            "server {number} treated index {index} as committed; its log had ended there before a crash, and \
             no majority had confirmed it"
        );
        (&SAVED_FOR_APPLIED, what)
    } else if is_refusal_last && !refused.is_empty() && have.len() + refused.len() + 1 >= majority {
        let what =
            format!("index {index} as committed after a refusal; no majority had confirmed it");
        (&REFUSAL_COUNTED, what)
    } else if is_kept {
        let is_late = |call: &&Call| call.returned.is_some_and(|(at, _)| at >= led.since);
        let (rule, counted) = match kept.iter().any(is_late) {
            true => (&FORMER_COUNTED, "a reply to a request of an earlier term"),
            false => (&MATCH_KEPT, "confirmations from an earlier term"),
        };
        let what = format!(
            "index {index} as committed without a majority in this term: it counted {counted}"
        );
        (rule, what)
    } else if is_unsent {
        let what = format!(
            "index {index} as committed without a majority: it counted an answer to a request that didn't \
             contain that entry"
        );
        (&UNSENT_COUNTED, what)
    } else if led.answered.iter().chain(&led.refused).all(Option::is_none) {
        let what =
            format!("index {index} as committed before any server had answered it in term {term}");
        (&BEFORE_ANSWERS, what)
    } else {
        (&WITHOUT_MAJORITY, format!("index {index} as committed without a majority"))
    };
    let what = match rule.id == SAVED_FOR_APPLIED.id {
        true => what,
        false => format!("server {number} treated {what}"),
    };
    let mut breach = Breach::new(rule, moment, number, what);
    for other in refused.iter().filter(|_| rule.id == REFUSAL_COUNTED.id) {
        if let Some((at, id, up_to)) = led.refused[*other as usize] {
            let said = format!(
                "server {other} refused a request from server {number} that ends at index {up_to}"
            );
            breach = breach.seen(at, said, [id]);
        }
    }
    let counts_former = [MATCH_KEPT.id, FORMER_COUNTED.id].contains(&rule.id);
    if counts_former {
        breach = breach.facts(kept.into_iter().filter_map(confirmed_before));
    }
    for (other, _) in others().filter(|&(_, &up_to)| up_to < index) {
        // How far the last answer of each reached.
        if let Some((at, id, up_to)) =
            led.answered[other as usize].filter(|_| rule.id == UNSENT_COUNTED.id)
        {
            let said = format!(
                "server {other}'s last confirmation to server {number} in term {term} was for a request that \
                 ends at index {up_to}"
            );
            breach = breach.seen(at, said, [id]);
        }
    }
    let of_term = entry.map_or(String::new(), |term| format!("; that entry has term {term}"));
    let who = match have.is_empty() {
        true => "nobody".to_owned(),
        false if have.len() + 1 < majority => {
            format!("only {}", list(have.iter().map(|other| format!("server {other}"))))
        }
        false => list(have.iter().map(|other| format!("server {other}"))),
    };
    let text = format!(
        "{}{of_term}; a majority is {majority} servers, and besides server {number} itself, {who} had \
         confirmed that index",
        text()
    );
    // The term of an entry may be known by its server's own word only; and where every claim of a term's
    // leader rests on a leadership that nobody gave it, that comes first.
    let is_old = rule.id == OLD_TERM.id;
    let breach =
        breach.known(Basis::seen_if(!(is_old && server.log.is_claimed)), moment.at, text, call);
    // What is applied first may be of an earlier term, and more be committed with it. And a log may end there by
    // chance: what the server told before it led shows what it began with.
    Some(match rule.id {
        _ if is_old => breach.sure_if(call.is_some()),
        id if id == SAVED_FOR_APPLIED.id => {
            breach.sure_if(told_committed(known, number, (led.since, index)))
        }
        // Whoever has one too few counts wrongly, whatever it is that made it count.
        id if id == UNSENT_COUNTED.id && have.len() + 2 >= majority => breach.or(&WITHOUT_MAJORITY),
        id if id == UNSENT_COUNTED.id => breach.sure_if(is_sure),
        // What was refused, or confirmed in an earlier term, may be there by chance.
        id => breach.sure_if(id != REFUSAL_COUNTED.id && !counts_former),
    })
}

/// Whether a server told in its present life, before `until`, that `index` is committed.
fn told_committed(known: &Known<'_>, number: u32, (until, index): (Moment, u64)) -> bool {
    let life = known.server(number).life;
    known.story.views[number as usize].iter().any(|view| {
        let detail = view.detail.as_ref().filter(|_| view.incarnation == life);
        view.moment < until && detail.is_some_and(|detail| detail.commit_index >= index)
    })
}

/// Where the log of a server ended before its present life, if it isn't its first.
fn ended_before_crash(known: &Known<'_>, number: u32) -> Option<u64> {
    let server = known.server(number);
    let began = server.began.filter(|_| server.life > 1)?;
    let earlier = server.log.confirmations.iter().filter(|earlier| earlier.life < server.life);
    let proposed = known.story.proposed_by(number).filter(|own| own.moment < began);
    earlier.map(|earlier| earlier.up_to).chain(proposed.map(|own| own.index)).max()
}
