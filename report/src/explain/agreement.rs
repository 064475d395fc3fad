//! Causes of `one(…) failed to reach agreement` and `only … decided for index …; wanted …`: a
//! command that was accepted, and isn't applied by enough servers.

use std::collections::BTreeMap;

use super::finding::{Confidence, Finding};
use super::numbers::number_after;
use super::{
    Case, Cause, applies_late, budget, certain, commands, evidence, no_leader, one_peer_at_a_time,
    referee, reply_terms, terms,
};
use crate::event::Time;
use crate::story::{Call, Proposal, Purpose};

pub(super) const CAUSES: &[Cause] = &[
    referee::broken_rule,
    no_leader::server_hangs,
    one_peer_at_a_time::sends_in_turn,
    back_one_by_one,
    same_prev_again,
    same_snapshot_again,
    not_sent,
    majority_not_committed,
    heartbeat_s_commit_ignored,
    applies_late::applies_late,
    not_applied,
    reply_terms::answer_without_term,
    terms::election_despite_leader,
    terms::heartbeats_too_seldom,
];

pub(super) const NOBODY_ACCEPTED: &[Cause] = commands::CAUSES;

/// In µs: what a right Raft does in a small part of this time.
const LONG: u64 = 1_000_000;

/// How often the same must have been tried in vain.
const FEW: usize = 4;

/// For how many refusals in a row an entry is looked for before that is slow.
const MANY: usize = 8;

/// The command that wasn't agreed upon, as its leader had accepted it.
fn target<'a>(case: &Case<'a>) -> Option<&'a Proposal> {
    let message = &case.failure.message;
    let until = case.window.until;
    let accepted = number_after(message, "accepted it at index");
    let index = accepted.or_else(|| number_after(message, "decided for index"))?;
    let term = number_after(message, &format!("at index {index} in term"));
    case.story.proposals.iter().rev().find(|proposal| {
        proposal.moment.at <= until
            && proposal.index == index
            && term.is_none_or(|term| term == proposal.term)
    })
}

/// The servers that could have it and don't, beside its leader.
fn lacking(case: &Case<'_>, proposal: &Proposal) -> Vec<u32> {
    let up = case.window.up.iter().map(|&server| server as u32);
    up.filter(|&server| {
        !case
            .story
            .applied
            .iter()
            .any(|applied| applied.server.server == server && applied.index >= proposal.index)
    })
    .collect()
}

fn appends<'a>(case: &Case<'a>, from: u32, to: u32, term: u64) -> impl Iterator<Item = &'a Call> {
    let story = case.story;
    story.sent_by(from as usize).filter(move |call| {
        call.purpose == Purpose::Append && call.to == to && call.args.term == Some(term)
    })
}

const RETRY: &str = "if AppendEntries fails because of log inconsistency: decrement nextIndex \
                     and retry (Figure 2, Leaders 3; §5.3)";

/// Calls that say the same, each sent when the answer to the one before was there.
#[derive(Clone, Copy)]
struct Row<'a> {
    first: &'a Call,
    last: &'a Call,
    count: usize,
}

impl<'a> Row<'a> {
    fn of(call: &'a Call) -> Row<'a> {
        Row { first: call, last: call, count: 1 }
    }

    /// The row with `call` in it, if its sender had the last one's answer.
    fn and(self, call: &'a Call) -> Option<Row<'a>> {
        let knew = self.last.returned.is_some_and(|(before, _)| before < call.sent);
        knew.then_some(Row { last: call, count: self.count + 1, ..self })
    }
}

/// A request says the same as one whose refusal its leader has had, again and again.
fn same_prev_again(case: &Case<'_>) -> Option<Finding> {
    let mut rows: BTreeMap<(u32, u32, u64), Row<'_>> = BTreeMap::new();
    let mut found: Option<Row<'_>> = None;
    for call in &case.story.calls {
        let (Purpose::Append, Some(term), Some(success), Some((returned, _))) =
            (call.purpose, call.args.term, call.reply.success, call.returned)
        else {
            continue;
        };
        if returned.at < case.window.from || returned.at > case.window.until {
            continue;
        }
        let key = (call.from.server, call.to, term);
        let same = |row: &&Row<'_>| row.last.args.prev_log_index == call.args.prev_log_index;
        if success || call.reply.term != Some(term) {
            rows.remove(&key);
        } else if let Some(&row) = rows.get(&key).filter(same) {
            let Some(row) = row.and(call) else { continue };
            rows.insert(key, row);
            let lasted = call.sent.at.0 - row.first.sent.at.0;
            let is_longest = found.is_none_or(|found| found.count < row.count);
            if row.count >= FEW && lasted > LONG / 4 && is_longest {
                found = Some(row);
            }
        } else {
            rows.insert(key, Row::of(call));
        }
    }
    let Row { first, last, count } = found?;
    let (leader, server, prev) = (first.from.server, first.to, first.args.prev_log_index?);
    let proof = vec![
        evidence(
            first.sent.at,
            format!(
                "server {leader} sent what follows index {prev}, and server {server} refused it"
            ),
            [first.id],
        ),
        evidence(
            last.sent.at,
            format!(
                "server {leader} had {} such refusals by then, and tried the same prevLogIndex \
                 again",
                count - 1
            ),
            [last.id],
        ),
    ];
    let what = format!("server {leader} tries the same prevLogIndex again and again");
    Some(Finding {
        id: "next-index-stays".to_owned(),
        confidence: Confidence::Likely,
        what,
        evidence: proof,
        rule: RETRY.to_owned(),
        look: "what a leader does with a refusal: nextIndex must go down".to_owned(),
        normal: Some("a leader finds the place after two or three refusals".to_owned()),
    })
}

/// A follower has a snapshot, and its leader, who has heard that, sends it once more, again and again.
fn same_snapshot_again(case: &Case<'_>) -> Option<Finding> {
    let mut rows: BTreeMap<(u32, u32, Option<u64>), Row<'_>> = BTreeMap::new();
    let mut longest: Option<Row<'_>> = None;
    let story = case.story;
    // Nobody waits for the reply to a copy.
    let calls =
        story.calls.iter().filter(|call| call.purpose == Purpose::Snapshot && !call.is_copy);
    for call in calls.filter(|call| call.sent.at <= case.window.until) {
        let key = (call.from.server, call.to, call.args.term);
        let index = call.args.last_included_index;
        let is_taken = call.replied().is_some() && call.reply.term == call.args.term;
        if !is_taken || index.is_none() {
            rows.remove(&key);
            continue;
        }
        let same = |row: &&Row<'_>| {
            (row.last.args.last_included_index, row.last.life) == (index, call.life)
        };
        let row = match rows.get(&key).filter(same) {
            Some(row) => row.and(call),
            None => Some(Row::of(call)),
        };
        let Some(row) = row else { continue };
        rows.insert(key, row);
        if longest.is_none_or(|longest| longest.count < row.count) {
            longest = Some(row);
        }
    }
    let Row { first, last, count } = longest?;
    let (leader, server) = (first.from.server, first.to);
    // After a crash it may need it again.
    let life = story.lives[server as usize].iter().find(|life| life.covers(first.sent.at))?;
    if count < FEW || !life.covers(last.sent.at) {
        return None;
    }
    let index = first.args.last_included_index?;
    let proof = vec![
        evidence(
            first.sent.at,
            format!(
                "server {leader} sent server {server} its snapshot up to index {index}, and got its answer"
            ),
            [first.id],
        ),
        evidence(
            last.sent.at,
            format!("it had sent the same one {count} times by then"),
            [last.id],
        ),
    ];
    Some(Finding {
        id: "next-index-stays".to_owned(),
        confidence: Confidence::Likely,
        what: format!("server {leader} sends the same snapshot again and again"),
        evidence: proof,
        rule: "who has a snapshot is sent what follows it: nextIndex is the snapshot's last index plus \
               1 then (Figure 13; §7)"
            .to_owned(),
        look: "what a leader does with the reply to InstallSnapshot: nextIndex and matchIndex go up"
            .to_owned(),
        normal: Some("a follower is sent a snapshot once, and then entries".to_owned()),
    })
}

/// Of two requests that a follower refused in a term, most follow indexes that are next to each
/// other.
fn back_one_by_one(case: &Case<'_>) -> Option<Finding> {
    let mut refused: BTreeMap<(u32, u32, u64), BTreeMap<u64, &Call>> = BTreeMap::new();
    for call in &case.story.calls {
        if let (Purpose::Append, Some(false), Some(term), Some(prev)) =
            (call.purpose, call.reply.success, call.args.term, call.args.prev_log_index)
            && call.reply.term == Some(term)
            && call.sent.at <= case.window.until
            && call.returned.is_some_and(|(returned, _)| returned.at >= case.window.settled)
        {
            refused
                .entry((call.from.server, call.to, term))
                .or_default()
                .entry(prev)
                .or_insert(call);
        }
    }
    let steps = |prevs: &BTreeMap<u64, &Call>| {
        let next = |prev: &&u64| prevs.contains_key(&(**prev + 1));
        prevs.keys().filter(next).count()
    };
    let (_, prevs) = refused.iter().max_by_key(|(_, prevs)| steps(prevs))?;
    let steps = steps(prevs);
    // A leap in between is the beginning of another search.
    if steps < MANY || steps * 4 < prevs.len() * 3 {
        return None;
    }
    let ((&to, last), (&from, first)) = (prevs.first_key_value()?, prevs.last_key_value()?);
    let (leader, server) = (first.from.server, first.to);
    let seconds = last.sent.at.0.abs_diff(first.sent.at.0) as f64 / 1e6;
    let proof = vec![
        evidence(
            first.sent.at,
            format!("server {server} refused what server {leader} sent to follow index {from}"),
            [first.id],
        ),
        evidence(
            last.sent.at,
            format!(
                "{seconds:.2} s later it was to follow index {to}, and was refused again; \
                 between lie {steps} steps by one"
            ),
            [last.id],
        ),
    ];
    Some(Finding {
        id: "back-one-by-one".to_owned(),
        confidence: Confidence::Likely,
        what: format!("server {leader} looked for the end of a follower's log entry by entry"),
        evidence: proof,
        rule: "the number of rejected AppendEntries can be reduced: a refusal tells the \
               conflicting entry's term and the first index of that term, and the leader goes \
               back by a term at a time (§5.3, last paragraphs); the lab asks for that"
            .to_owned(),
        look: "what a refusal tells, and where a leader sets nextIndex after it; and whether it \
               tries again at once or waits for the next heartbeat"
            .to_owned(),
        normal: Some("a leader finds the place after two or three refusals".to_owned()),
    })
}

/// Its leader never sent it to somebody.
fn not_sent(case: &Case<'_>) -> Option<Finding> {
    let proposal = target(case)?;
    let (leader, index) = (proposal.server.server, proposal.index);
    let until = case.window.until;
    let since = proposal.moment.at.max(case.window.settled);
    let led = commands::leads(case.story, leader as usize, until)?;
    if led.term != proposal.term
        || until.0 - since.0 < LONG
        || !case.window.up.contains(&(leader as usize))
        // Then it would have sent it later.
        || one_peer_at_a_time::sends_in_turn(case).is_some()
    {
        return None;
    }
    let server = lacking(case, proposal).into_iter().find(|&server| {
        // While it refuses, its leader looks for the place.
        let answered = appends(case, leader, server, led.term)
            .filter_map(|call| call.reply.success.filter(|_| call.returned.is_some()))
            .last();
        server != leader
            && answered != Some(false)
            && !appends(case, leader, server, led.term).any(|call| {
                call.args
                    .prev_log_index
                    .zip(call.args.entries.as_ref())
                    .is_some_and(|(prev, entries)| prev + entries.len() as u64 >= index)
            })
            && !case.story.sent[leader as usize].iter().any(|&place| {
                let call = &case.story.calls[place];
                call.to == server && call.purpose == Purpose::Snapshot && call.sent.at >= since
            })
    })?;
    // What can't be read may have brought it.
    let mut sent = case.story.sent_by(leader as usize).filter(|call| call.to == server);
    if sent.any(|call| {
        let says = call.args.prev_log_index.is_some() && call.args.entries.is_some();
        call.sent.at >= proposal.moment.at
            && (call.purpose == Purpose::Other || call.purpose == Purpose::Append && !says)
    }) {
        return None;
    }
    // Then its turn may not have come yet.
    if let Some(slow) = budget::one_at_a_time(case) {
        return Some(slow);
    }
    let last = appends(case, leader, server, led.term).last();
    let mut proof = vec![evidence(
        proposal.moment.at,
        format!("server {leader} accepted the command at index {index} in term {}", led.term),
        None,
    )];
    if let Some(last) = last {
        let text = format!(
            "the last that it sent server {server} follows index {} and has {}",
            last.args.prev_log_index.unwrap_or(0),
            crate::text::count(last.args.entries.as_ref().map_or(0, Vec::len), "entry")
        );
        proof.push(evidence(last.sent.at, text, [last.id]));
    }
    let text = format!("until now it has sent server {server} nothing with that index");
    proof.push(evidence(until, text, None));
    let what = format!("server {leader} never sent the command to server {server}");
    let rule = "if last log index ≥ nextIndex for a follower: send AppendEntries with the \
                entries starting at nextIndex (Figure 2, Leaders 3; §5.3)";
    let look = "what start() sets off, and whether a heartbeat brings the entries that are due";
    let finding = certain("entry-not-sent", what, proof, [rule, look]);
    // It may wait for an answer that the other server owes it.
    let waits = appends(case, leader, server, led.term).any(|call| call.is_outstanding(until));
    Some(if waits { finding.likely() } else { finding })
}

/// Confirmed by a majority for long, and the leader doesn't call it committed.
fn majority_not_committed(case: &Case<'_>) -> Option<Finding> {
    let proposal = target(case)?;
    let (leader, index, term) = (proposal.server.server, proposal.index, proposal.term);
    let until = case.window.until;
    let mut confirmed: Vec<(Time, &Call)> = Vec::new();
    for server in (0..case.story.servers as u32).filter(|&server| server != leader) {
        let first = appends(case, leader, server, term).find_map(|call| {
            let (returned, _) = call.returned?;
            let up_to = call.up_to()?;
            (call.reply.success == Some(true) && up_to >= index).then_some((returned.at, call))
        });
        confirmed.extend(first);
    }
    confirmed.sort_by_key(|&(at, _)| at);
    // The leader itself has it.
    confirmed.truncate(case.story.majority() - 1);
    let &(at, _) = confirmed.last().filter(|_| confirmed.len() + 1 == case.story.majority())?;
    let tells = || {
        let sent = case.story.sent_by(leader as usize).filter(|call| call.args.term == Some(term));
        sent.filter_map(|call| Some((call.sent.at, call.args.leader_commit?)))
    };
    let told = tells().any(|(_, commit)| commit >= index);
    let applied = case
        .story
        .applied
        .iter()
        .any(|applied| applied.server.server == leader && applied.index >= index);
    let led = commands::leads(case.story, leader as usize, until)?;
    if told || applied || led.term != term || until.0.saturating_sub(at.0) < LONG {
        return None;
    }
    let who = crate::text::list(confirmed.iter().map(|(_, call)| format!("server {}", call.to)));
    let proof = vec![
        evidence(
            at,
            format!(
                "{who} had confirmed index {index} to server {leader}, the leader: a majority \
                 with it"
            ),
            confirmed.iter().map(|(_, call)| call.id),
        ),
        evidence(
            until,
            format!("server {leader} hasn't applied it, and has told nobody that it is committed"),
            None,
        ),
    ];
    let what = format!("server {leader} doesn't commit what a majority has");
    let rule = "if a majority of matchIndex[i] ≥ N and log[N].term == currentTerm: set \
                commitIndex = N (Figure 2, Leaders 4; §5.3)";
    let look = "where commitIndex goes up: after each success, by a majority that counts the \
                leader itself";
    let finding = certain("majority-not-committed", what, proof, [rule, look]);
    // Else it may have stopped doing anything at all.
    let tells_less = tells().any(|(sent, _)| sent > at);
    Some(if tells_less { finding } else { finding.likely() })
}

/// The requests that told `server` that `index` is committed, and that its log has it.
fn told<'a>(case: &Case<'a>, server: u32, index: u64) -> Vec<&'a Call> {
    let story = case.story;
    let handled = story.handled_by(server as usize);
    handled
        .filter(|call| {
            let last = call.args.prev_log_index.unwrap_or(0)
                + call.args.entries.as_ref().map_or(0, Vec::len) as u64;
            call.reply.success == Some(true)
                && call.args.leader_commit >= Some(index)
                && last >= index
                && call.handled.is_some_and(|handled| handled.at <= case.window.until)
        })
        .collect()
}

/// Who was told only by heartbeats, and doesn't apply it.
fn heartbeat_s_commit_ignored(case: &Case<'_>) -> Option<Finding> {
    unapplied(case, true)
}

fn not_applied(case: &Case<'_>) -> Option<Finding> {
    unapplied(case, false)
}

fn has_entries(call: &Call) -> bool {
    call.args.entries.as_ref().is_some_and(|entries| !entries.is_empty())
}

/// Whether a server has applied something of which only heartbeats had told it that it is committed;
/// or lags behind what requests with entries have told it.
fn heeds_heartbeats(case: &Case<'_>, server: u32) -> bool {
    let life = case.story.lives[server as usize].last();
    let began = life.map_or(Time(0), |life| life.from.at);
    let applied = case.story.applied.iter().filter(|applied| {
        applied.server.server == server && applied.moment.at >= began && applied.command.is_some()
    });
    let told_by_entries = |index: u64, until: Time| {
        let calls = told(case, server, index);
        calls.iter().any(|call| {
            has_entries(call)
                && call.delivered.is_some_and(|came| came.at >= began && came.at <= until)
        })
    };
    let mut last = 0;
    for applied in applied {
        // As the leader it needs nobody to tell it.
        let leads = case.story.view_at(server as usize, applied.moment.at);
        if leads.is_some_and(|view| !view.is_leader)
            && !told_by_entries(applied.index, applied.moment.at)
        {
            return true;
        }
        last = last.max(applied.index);
    }
    told_by_entries(last + 1, case.window.until)
}

fn unapplied(case: &Case<'_>, by_heartbeats: bool) -> Option<Finding> {
    let proposal = target(case)?;
    let (index, until) = (proposal.index, case.window.until);
    let (server, calls) = lacking(case, proposal).into_iter().find_map(|server| {
        let calls = told(case, server, index);
        let since = calls.first()?.handled?.at;
        (until.0 - since.0 >= LONG / 2).then_some((server, calls))
    })?;
    let ignores = !calls.iter().any(|call| has_entries(call)) && !heeds_heartbeats(case, server);
    if by_heartbeats != ignores {
        return None;
    }
    let first = calls.first()?;
    let proof = vec![
        evidence(
            first.handled?.at,
            format!(
                "server {server} answered a request that says that index {} is committed; its \
                 log had index {index}",
                first.args.leader_commit?
            ),
            [first.id],
        ),
        evidence(
            until,
            format!(
                "it was told {} and hasn't applied it",
                match calls.len() {
                    1 => "once".to_owned(),
                    n => format!("{n} times"),
                }
            ),
            None,
        ),
    ];
    Some(if by_heartbeats {
        let what = format!("server {server} ignores the commit index of requests without entries");
        let rule = "if leaderCommit > commitIndex, set commitIndex = min(leaderCommit, index of \
                    last new entry) (Figure 2, AppendEntries 5; §5.3): heartbeats tell it, too";
        let look = "the handler of AppendEntries: step 5 comes after every consistent request; \
                    the last new entry of a heartbeat is prevLogIndex";
        // It may apply nothing at all.
        certain("heartbeat-commit-ignored", what, proof, [rule, look]).likely()
    } else {
        let what =
            format!("server {server} knows that the command is committed, and doesn't apply it");
        let rule = "if commitIndex > lastApplied: increment lastApplied, apply log[lastApplied] \
                    (Figure 2, All Servers 1; §5.3)";
        let look = "what wakes the task that applies, and what it may be waiting for: a notice \
                    that came before it waited, a lock, a full channel";
        let finding = certain("committed-not-applied", what, proof, [rule, look]);
        // Whether it has taken over what it was told only the server itself can tell.
        let last = case.story.views[server as usize].last();
        let detail = last.and_then(|view| view.detail.as_ref());
        let knows = detail.is_some_and(|detail| detail.commit_index >= index);
        if knows { finding } else { finding.likely() }
    })
}
