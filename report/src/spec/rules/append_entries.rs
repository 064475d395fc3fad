//! AppendEntries RPC (Figure 2): which entries a follower takes, and what becomes of its log.

mod kept;
mod lost;

use std::time::Duration;

use kept::{accepted_before_crash, keeps_former};
pub(crate) use kept::{accepted_blindly, kept_suffix};
use lost::lost;

use super::persistence::{LOG_NOT_SAVED, had};
use super::{contract, rules};
use crate::spec::breach::{Basis, Breach};
use crate::spec::{Known, step};
use crate::story::{Call, Moment};

rules! {
    OLD_LEADER_OBEYED: Safety "old-leader-obeyed" = "M6" at [AppendEntries 1],
        "Figure 2, AppendEntries 1; §5.1",
        "a server refuses a request whose term is lower than its own",
        "the beginning of the AppendEntries handler. It must compare the request's term with currentTerm"
        => Answers obeys_old_leader within;
    MISMATCH_ACCEPTED: Safety "log-mismatch-accepted" at [AppendEntries 2],
        "Figure 2, AppendEntries 2; §5.3",
        "a follower refuses entries if its log has no entry at prevLogIndex whose term is prevLogTerm",
        "the consistency check in the AppendEntries handler. It must compare both the index and the term, for \
         heartbeats, too"
        => Answers accepts_mismatch;
    MATCH_REFUSED: Contract "fitting-entries-refused" at [AppendEntries 2],
        "Figure 2, AppendEntries 1 and 2; §5.3",
        "a follower refuses entries of the current term only if its log has no entry at prevLogIndex whose \
         term is prevLogTerm",
        "the consistency check in the AppendEntries handler: which index it looks at, and what it compares. \
         And check the comparison of terms before it"
        => Answers refuses_what_it_has;
    TERM_OF_REQUEST: Safety "entry-term-changed" at [AppendEntries 4],
        "Figure 2, AppendEntries 4; State: log[]; §5.3",
        "an entry keeps the term in which a leader received it, whoever brings it later",
        "where the AppendEntries handler appends entries: each has a term of its own, and the request's term is \
         another thing";
    TRUNCATED: Safety "log-truncated" = "M7" at [AppendEntries 3],
        "Figure 2, AppendEntries 3; §5.3",
        "a follower deletes an entry only if that entry conflicts with a new one (same index but different terms); \
         then it also deletes all that follow it",
        "where a follower cuts its log. It must not cut at prevLogIndex or at the end of the request's \
         entries, unless an entry conflicts"
        => Asks asks_with_less;
    NOT_APPENDED: Safety "confirmed-not-appended" = "M7" at [AppendEntries 4],
        "Figure 2, AppendEntries 4; §5.3",
        "append any new entries not already in the log: a follower that replies success has all entries of the \
         request",
        "where a follower appends the entries of a request. It must skip each entry that it already has, \
         without leaving the loop, and append the rest before it replies success";
    SUFFIX_KEPT: Safety "conflicting-suffix-kept" = "M7" at [AppendEntries 3],
        "Figure 2, AppendEntries 3; §5.3",
        "if an existing entry conflicts with a new one (same index but different terms), delete the existing \
         entry and all that follow it",
        "where a follower appends the entries of a request. At the first conflict it must cut its log, and \
         then append the rest"
        => Applies applies_replaced;
    COMMITS_BEYOND: Safety "commits-beyond-new-entries" = "M21" at [AppendEntries 5],
        "Figure 2, AppendEntries 5; §5.3",
        "commitIndex = min(leaderCommit, index of last new entry); the entries after that one may differ from \
         the leader's",
        "where a follower's commitIndex goes up. The index of the last new entry is prevLogIndex + the number \
         of entries, not the end of the log. After a restart, commitIndex must begin at 0, or at the \
         snapshot's last index"
        => Applies applies_unknown;
    COMMIT_OF_REFUSED: Safety "commit-of-refused-request" = "M21" at [AppendEntries 5, AppendEntries 2],
        "Figure 2, AppendEntries 1, 2 and 5; §5.3",
        "a refused request changes nothing: its leaderCommit is about the leader's log, and this server's log \
         doesn't match that log yet",
        "the order of the steps in the AppendEntries handler. commitIndex may go up only in the last step, \
         after every return that refuses";
    HEARTBEAT_COMMIT: Liveness "heartbeat-commit-ignored" at [AppendEntries 5],
        "Figure 2, AppendEntries 5; §5.3",
        "if leaderCommit > commitIndex, set commitIndex = min(leaderCommit, index of last new entry): this \
         holds for heartbeats, too",
        "the AppendEntries handler. It must do step 5 for every request that passes the consistency check; for \
         a heartbeat, the index of the last new entry is prevLogIndex";
}

/// A leader's requests are accepted in its own term only.
fn obeys_old_leader(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let (term, delivered) = call.args.term.zip(call.delivered)?;
    let server = call.to;
    if call.reply.success != Some(true) {
        return None;
    }
    // That the reply's own term is higher proves nothing: a handler that waits may have accepted the entries
    // before the term changed.
    let reached = known.story.reached_before(server, delivered).filter(|had| had.term > term)?;
    call.answered_in?;
    // Who has gone back to an earlier term obeys in it, and is told of that.
    if known.story.view_at(server as usize, delivered.at).is_some_and(|view| view.term <= term) {
        return None;
    }
    let proof = &known.story.calls[reached.proof];
    let (how, at) = match proof.to == server {
        true => ("answered", proof.handled.unwrap_or(proof.sent)),
        false => ("sent", proof.sent),
    };
    let was = format!("server {server} {how} {} in term {}", proof.method, reached.term);
    let text =
        format!("it accepted {} of term {term} from server {}", call.method, call.from.server);
    let what = format!("server {server} obeyed a leader whose term is lower than its own");
    let breach = Breach::new(&OLD_LEADER_OBEYED, moment, server, what);
    Some(breach.seen(at.at, was, [proof.id]).seen(moment.at, text, [call.id]))
}

/// Entries are accepted only behind one that both logs have.
fn accepts_mismatch(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let (prev, prev_term) = call.args.prev_log_index.zip(call.args.prev_log_term)?;
    let (number, server) = (call.to, known.server(call.to));
    if call.reply.success != Some(true) || !server.is_at_rest(call) {
        return None;
    }
    let log = &server.log;
    let has = match log.term(prev) {
        Some(term) if term != prev_term && prev <= log.last_shown_index() => {
            format!("its own entry at that index has term {term}")
        }
        None if prev > log.last_index() && !log.open => {
            format!("its own log ended at index {}", log.last_index())
        }
        _ => return None,
    };
    // The term at a snapshot's end may be said wrongly by who sends, too; what lies before is compared with
    // nothing.
    if server.snapshot.is_some_and(|held| held.index > prev || held.index == prev && prev_term == 0)
    {
        return None;
    }
    // What it has from a snapshot that it answered in a later term nobody knows.
    let is_sent = |other: &Call| {
        other.is_snapshot()
            && other.args.last_included_index >= Some(prev)
            && other.delivered > server.began
            && other.reply.term > other.args.term
    };
    if known
        .story
        .handled_by(number as usize)
        .any(|other| other.handled < Some(moment) && is_sent(other))
    {
        return None;
    }
    let text = format!(
        "server {number} accepted a request from server {} with prevLogIndex {prev} and prevLogTerm \
         {prev_term}; {has}",
        call.from.server
    );
    let what = format!("server {number} accepted a request that doesn't match its log");
    let breach = Breach::new(&MISMATCH_ACCEPTED, moment, number, what);
    // What it has may be its own word only, and what it is sent may be said wrongly.
    // Its log may have come to what it is by another mistake; that it ends before it has told itself.
    let (began, delivered) = server.began.zip(call.delivered)?;
    let ends_before = known.told_ends(number, began, delivered).last();
    let is_told = says_so_again(known, call, prev, prev_term)
        && ends_before.is_some_and(|(_, _, last)| last < prev);
    Some(match log.is_claimed {
        true => breach.concluded(moment.at, text, [call.id]),
        false => breach.seen(moment.at, text, [call.id]).sure_if(is_told),
    })
}

/// Whether a leader's own log has that entry, as far as is known: what it says of it isn't a slip.
fn says_so_again(known: &Known<'_>, call: &Call, prev: u64, prev_term: u64) -> bool {
    let leader = known.server(call.from.server);
    prev == 0 || leader.log.term(prev) == Some(prev_term) && !leader.log.is_claimed
}

fn refuses_what_it_has(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let (prev, prev_term) = call.args.prev_log_index.zip(call.args.prev_log_term)?;
    let server = known.server(call.to);
    let refuses = call.is_rejected() && call.is_answered_in_its_term();
    if prev == 0 && refuses {
        return refuses_from_the_beginning(known, moment, call);
    }
    // A candidate of that term may refuse its leader until it has followed it.
    let term = call.args.term?;
    let has_followed = || {
        let mut before = known.story.handled_by(call.to as usize).rev();
        before.any(|other| {
            other.handled < Some(moment)
                && other.is_accepted()
                && other.args.term == Some(term)
                && other.answered_in == Some(server.life)
        })
    };
    if prev == 0
        || !refuses
        || server.log.term(prev) != Some(prev_term)
        || server.log.confirmed(prev).is_none()
        || !server.is_at_rest(call)
        || server.stood.contains(&term) && !has_followed()
        || may_be_covered(known, call.to, prev, moment)
    {
        return None;
    }
    let text = format!(
        "it refused server {}'s request with prevLogIndex {prev}, as if it had no entry of term {prev_term} at \
         that index",
        call.from.server
    );
    lost(known, call.to, prev, (moment, text, call))
}

/// Whether a snapshot of a server may cover an entry, for all that can be told: where messages count other entries, too, the
/// index of a snapshot isn't theirs. What is committed it may cover.
fn may_be_covered(known: &Known<'_>, number: u32, index: u64, moment: Moment) -> bool {
    known.story.counts_other_entries
        && index <= known.server(number).knows()
        && known.story.has_held(number, moment)
}

/// A server with an empty log refuses what begins at the log's beginning, where there is nothing to compare.
fn refuses_from_the_beginning(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let (number, server) = (call.to, known.server(call.to));
    let is_empty = server.log.last_index() == 0 && !server.log.open && server.snapshot.is_none();
    let stood = call.args.term.is_some_and(|term| server.stood.contains(&term));
    if !is_empty || !server.is_at_rest(call) || stood {
        return None;
    }
    let what =
        format!("server {number} refused a request with prevLogIndex 0, which matches any log");
    let text = format!(
        "server {number}, whose log was empty, refused a request from server {} with prevLogIndex 0; both were \
         in the same term",
        call.from.server
    );
    let breach = Breach::new(&MATCH_REFUSED, moment, number, what);
    // What it compares may be the terms.
    Some(breach.seen(moment.at, text, [call.id]).sure_if(false))
}

/// A log that a candidate tells of must have all that the server has confirmed.
fn asks_with_less(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let (term, index) = call.args.term.zip(call.args.last_log_index)?;
    let last_term = call.args.last_log_term?;
    let (number, server) = (call.from.server, known.server(call.from.server));
    let log = &server.log;
    // A request that was built before the last change tells of the log as it was then; what came in an
    // earlier term came before the election. And a vote before the vote is for a term in which nobody is.
    if server.stood.contains(&term)
        || !known.stands(call, term)
        || log.changed.is_some_and(|(_, changed)| changed >= term)
        || !server.under_way.is_empty()
    {
        return None;
    }
    let last = log.last_shown_index();
    let text = format!("it asked for votes in term {term} with a log that ended at index {index}");
    if last < index && index <= log.last_index() {
        None
    } else if index < last {
        lost(known, number, index + 1, (moment, text, call))
    } else if index == last && log.term(index).is_some_and(|own| own != last_term) {
        let text = format!(
            "it asked for votes in term {term} and claimed that its last entry, at index {index}, has term \
             {last_term}"
        );
        if log.former.get(&index) == Some(&last_term) {
            return Some(keeps_former(known, (number, index, last_term), (moment, text, call)));
        }
        lost(known, number, index, (moment, text, call))
    } else if log.term(last).is_some_and(|own| own > last_term) {
        ends_with_earlier_term(known, (last, index, last_term), (moment, term, call))
    } else if known.story.counts_other_entries {
        None // What it has appended and not sent yet nobody knows: start() tells other indexes.
    } else if index > last && !log.open && known.reads.logs && !log.is_claimed {
        asks_with_more(known, (last, index), (moment, text, call))
    } else {
        None
    }
}

/// A candidate tells of more than its log is known to have.
fn asks_with_more(
    known: &Known<'_>,
    (last, index): (u64, u64),
    (moment, text, call): (Moment, String, &Call),
) -> Option<Breach> {
    let number = call.from.server;
    let mut told = known.told_ends(number, call.sent, step::later(call.sent, step::LOOKED_AT));
    if told.any(|(_, _, last)| last == index) {
        return None;
    }
    let what = format!("server {number} asked for votes and gave a wrong end of its log");
    let breach = Breach::new(&contract::CONTRADICTS_ITSELF, moment, number, what)
        .facts(had(known, number, last, moment));
    // It may hide entries of its own; what it sends first as the leader of that term shows them.
    let mut sent = known.story.sent_by(number as usize);
    let first = sent.find(|sent| {
        sent.from == call.from
            && sent.is_append()
            && sent.args.term == call.args.term
            && sent.up_to().is_some_and(|end| end < index)
    });
    Some(match first {
        Some(first) => {
            let then = format!(
                "its first request as the leader of that term, to server {}, ended at index {}",
                first.to,
                first.up_to()?
            );
            breach.seen(moment.at, text, [call.id]).seen(first.sent.at, then, [first.id])
        }
        None => breach.concluded(moment.at, text, [call.id]),
    })
}

/// A candidate's log goes on with an earlier term behind what it has confirmed.
fn ends_with_earlier_term(
    known: &Known<'_>,
    (last, index, last_term): (u64, u64, u64),
    (moment, term, call): (Moment, u64, &Call),
) -> Option<Breach> {
    let number = call.from.server;
    let server = known.server(number);
    let text = format!(
        "it asked for votes in term {term} with a log whose last entry had index {index} and term {last_term}"
    );
    let mut told = known.told_ends(number, call.sent, step::later(call.sent, step::LOOKED_AT));
    let is_told = told.any(|(_, term, last)| (term, last) == (last_term, index));
    if last_term == 0 && index > 0 {
        return contract::says_term_zero(known, (moment, call), index);
    }
    if server.is_as_saved() {
        let what = format!("server {number} lost the entry at index {last} in a crash");
        let breach = Breach::new(&LOG_NOT_SAVED, moment, number, what);
        let breach = breach.facts(had(known, number, last, moment));
        let text = format!("after a crash, {text}");
        let breach = breach.seen(moment.at, text, [call.id]);
        return Some(breach.sure_if(is_told && !server.log.is_claimed));
    }
    Some(kept_suffix(known, number, (moment, text, call)).sure_if(is_told))
}

/// What a server hands on reaches its service within this time, unless the service is slow.
const SENT_ON: Duration = Duration::from_millis(1);

/// A server applies a command that it had at an index before it accepted another leader's entry there.
fn applies_replaced(
    known: &Known<'_>,
    moment: Moment,
    applied: &crate::story::Applied,
) -> Option<Breach> {
    let (number, index) = (applied.server.server, applied.index);
    let command = applied.command.as_ref().filter(|_| !known.story.counts_other_entries)?;
    let server = known.server(number);
    // What a handler that is under way has changed nobody knows.
    let log = Some(&server.log).filter(|log| !log.is_claimed && server.under_way.is_empty())?;
    let term = log.term(index)?;
    let is_it = |own: &crate::story::Proposal| own.command.bytes() == command.bytes();
    let proposed = || known.proposed_at(index).filter(|own| own.moment < moment);
    let others = proposed().find(|own| own.term == term && !is_it(own))?;
    let earlier = proposed().find(|own| own.term < term && is_it(own))?;
    if proposed().any(|own| own.term == term && is_it(own)) {
        return None;
    }
    let confirmed = log.confirmed(index)?;
    // Who was told that it is committed, by an earlier leader or by a heartbeat of its own kind, may have had it on its way
    // to the service by then.
    let told = |call: &Call| {
        (call.is_mere_heartbeat() || call.args.term < Some(term))
            && call.args.leader_commit >= Some(index)
            && call.handled.is_some_and(|handled| handled.at <= confirmed.at)
    };
    let is_soon = moment.at.since(confirmed.at) < SENT_ON;
    if is_soon && known.story.handled_by(number as usize).any(told) {
        return None;
    }
    let text = format!("it applied {command:?} at index {index}");
    if let Some(breach) = accepted_blindly(known, number, index, moment) {
        return Some(breach.seen(moment.at, text, None));
    }
    let what = format!(
        "server {number} accepted the entry of term {term} at index {index}, but kept the old entry of term {} \
         there",
        earlier.term
    );
    let had = format!("server {number} confirmed its log up to index {}", confirmed.up_to);
    let gave = |own: &crate::story::Proposal| {
        format!(
            "server {}'s start() returned index {index} in term {} for {:?}",
            own.server.server, own.term, own.command
        )
    };
    let (rule, what) = match accepted_before_crash(known, number, index) {
        true => (
            &LOG_NOT_SAVED,
            format!("server {number} lost the entry of term {term} at index {index} in a crash"),
        ),
        false => (&SUFFIX_KEPT, what),
    };
    let breach = Breach::new(rule, moment, number, what)
        .seen(earlier.moment.at, gave(earlier), None)
        .seen(others.moment.at, gave(others), None)
        .seen(confirmed.at, had, [confirmed.call]);
    // It may have taken nothing over for another reason, or have another entry there by now.
    Some(breach.concluded(moment.at, text, None))
}

/// Whether the last that a server did about its log, in its present life, was to send requests as a leader,
/// whatever it says of itself.
fn acts_as_leader(known: &Known<'_>, number: u32, moment: Moment) -> bool {
    let (story, life) = (known.story, known.server(number).life);
    let mut sent = story.sent_by(number as usize).rev().filter(|call| call.is_leaders());
    let sent = sent.find(|call| call.from.incarnation == life && call.sent < moment);
    let mut followed = story.handled_by(number as usize).rev();
    let followed = followed
        .find(|call| call.is_leaders() && !call.is_rejected() && call.handled < Some(moment));
    sent.is_some_and(|sent| Some(sent.sent) > followed.and_then(|call| call.handled))
}

/// A follower applies what it couldn't know to be committed.
fn applies_unknown(
    known: &Known<'_>,
    moment: Moment,
    applied: &crate::story::Applied,
) -> Option<Breach> {
    let (number, index) = (applied.server.server, applied.index);
    let server = known.server(number);
    if applied.command.is_none() || index <= server.knows() || !known.reads.commits {
        return None;
    }
    if super::leaders::is_leading(known, number, moment).is_some() {
        return None; // as a leader it is judged by what it commits
    }
    let knows = server.commit;
    // A leader that it was has told it what a former life of it had confirmed.
    let refused = known.story.handled_by(number as usize).rev().find(|call| {
        call.is_append()
            && call.delivered < Some(moment)
            && call.delivered > server.began
            && (call.is_rejected() || call.reply.term > call.args.term)
            && call.args.leader_commit >= Some(index)
    });
    let text = format!(
        "server {number} applied index {index}, but by then it could only know that the entries up to index \
         {knows} are committed"
    );
    // A heartbeat of its own kind may tell of what the server's log needn't match.
    let told = known.story.handled_by(number as usize).rev().find(|call| {
        call.is_mere_heartbeat()
            && call.delivered < Some(moment)
            && call.delivered > server.began
            && call.args.leader_commit >= Some(index)
    });
    if let Some(refused) = refused.filter(|_| told.is_none()) {
        let what = format!("server {number} took its commit index from a request that it refused");
        let at = refused.delivered.map_or(moment.at, |delivered| delivered.at);
        let said = format!(
            "server {number} refused a request in which server {} says that index {} is committed",
            refused.from.server, refused.args.leader_commit?
        );
        let breach = Breach::new(&COMMIT_OF_REFUSED, moment, number, what);
        let breach = breach.seen(at, said, [refused.id]).seen(moment.at, text, None);
        return Some(breach.sure_if(!acts_as_leader(known, number, moment)));
    }
    let mut heard = known.story.handled_by(number as usize).rev();
    let mut has_heard = !server.under_way.is_empty();
    has_heard |= heard.any(|call| {
        call.is_leaders() && call.delivered > server.began && call.delivered < Some(moment)
    });
    let what = format!(
        "server {number} applied an entry before it could know that this entry was committed"
    );
    let began = server.began.filter(|_| server.life > 1 && !has_heard);
    let breach = match began {
        Some(began) => {
            let what = format!("{what}: no leader had sent it anything since its restart");
            let restarted = format!("server {number} was restarted");
            Breach::new(&super::persistence::SAVED_FOR_APPLIED, moment, number, what)
                .seen(began.at, restarted, None)
        }
        None => Breach::new(&COMMITS_BEYOND, moment, number, what),
    };
    let breach = match told.and_then(|call| Some((call, call.delivered?))) {
        Some((call, at)) => {
            let told = format!(
                "a heartbeat from server {} says that index {} is committed; it doesn't say whether server \
                 {number}'s log matches",
                call.from.server, call.args.leader_commit?
            );
            breach.seen(at.at, told, [call.id])
        }
        None => breach,
    };
    // The tester tells a restarted server nothing of what it had applied: what it knows may be saved, which
    // the wire doesn't show.
    let breach = breach.known(Basis::seen_if(server.life == 1), moment.at, text, None);
    Some(breach.sure_if(!acts_as_leader(known, number, moment)))
}
