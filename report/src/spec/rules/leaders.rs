//! Rules for servers: leaders (Figure 2).

mod commits;
mod gives_up;
mod indexes;
mod promises;

use std::collections::BTreeSet;

use commits::{leader_applies, tells_commit};
pub(crate) use gives_up::gives_up;
pub(crate) use indexes::name_the_request;
use promises::leaves_room;

use super::install_snapshot::{OFFSET_IGNORED, counts_otherwise};
use super::{contract, rules};
use crate::event::Caller;
use crate::spec::Known;
use crate::spec::breach::{Basis, Breach, Fact};
use crate::spec::server::Led;
use crate::story::{Call, Moment, View};

rules! {
    TWO: Safety "two-leaders" = "M1" at [RequestVote, Candidates],
        "§5.2, Election Safety",
        "at most one leader is elected in a term",
        "how votes are counted. A reply counts only while the server is still a candidate of the request's \
         term. And check whether a leader can change its term without giving up its leadership"
        => Appends second_leader within, Installs second_leader within;
    DEPOSED_SENDS: Safety "deposed-leader-sends" = "M17" at [AllServers 2],
        "Figure 2, All Servers 2; §5.1",
        "a leader that learns of a higher term becomes a follower, and sends nothing more as a leader: above \
         all not in that term, in which nobody has elected it",
        "where a leader's requests are built. Check the role and the term together, under one lock, just \
         before each request. And check that the tasks of a leadership end with it";
    GIVES_UP: Liveness "leader-gives-up" at [AllServers 2, Leaders 3],
        "Figure 4; §5.1; Figure 2, Leaders 3; §5.3",
        "a leader leads until it learns of a higher term; if a follower's log doesn't match, the leader \
         decrements nextIndex and retries",
        "where a leader becomes a follower. A refusal in its own term is no reason to give up"
        => Views gives_up;
    FORMER_TERM: Liveness "sends-in-former-term" at [AllServers 2, Leaders 1],
        "Figure 2, AppendEntries, Arguments: leader's term; §5.1",
        "a request has the term that its sender is in when it sends the request; code that sends for a term \
         must stop when the term ends, and a refusal from that term says nothing about a later one",
        "the task that sends during a leadership. It must end with that term, even if the server leads a later \
         one; and a reply counts only if the term of its request is still the current one";
    BEFORE_ANSWERS: Safety "committed-before-any-answer" = "M21" at [Leaders 4, VolatileState],
        "Figure 2, Leaders 4, Volatile state on leaders; §5.3",
        "an entry is committed once a majority has confirmed it to the leader; a new leader starts with every \
         matchIndex at 0, and keeps its commitIndex",
        "what moves a leader's commitIndex: only the replies of its term may. Look at what a server does when it \
         becomes the leader, above all at the first values of matchIndex, and at start()";
    WITHOUT_MAJORITY: Safety "commits-without-majority" = "M21" at [Leaders 4],
        "Figure 2, Leaders 4; §5.3",
        "an entry is committed once it is on a majority of all servers: a majority of matchIndex[i] ≥ N",
        "where commitIndex goes up: how many servers must have the entry, and whether the leader counts itself \
         once. And check whether leaderCommit in a request is commitIndex"
        => Appends tells_commit, Applies leader_applies;
    UNSENT_COUNTED: Safety "unsent-entry-counted" = "M21" at [Leaders 3],
        "Figure 2, Leaders 3; §5.3",
        "a reply says that a follower has the entries of the request: matchIndex is prevLogIndex + the number \
         of these entries",
        "how matchIndex is set. Compute it from the request's arguments: not from the log's length, not from \
         nextIndex at the time of the reply, and not from what the follower says about the end of its log";
    MATCH_KEPT: Safety "match-index-kept" = "M21" at [Leaders 3, VolatileState],
        "Figure 2, Volatile state on leaders: matchIndex[], reinitialized after election",
        "a new leader doesn't know which entries its followers have: matchIndex is 0, and nextIndex is the \
         last index of its own log plus 1",
        "what a server does when it becomes leader. It must set matchIndex and nextIndex of all followers anew";
    FORMER_COUNTED: Safety "former-reply-counted" = "M21" at [Leaders 3, AllServers 2],
        "Figure 2, Leaders 3; §5.1",
        "a reply counts only if the term of its request is still the current one: since then another leader may \
         have changed the follower's log",
        "where the reply to AppendEntries is handled. First compare the term of the request with the current \
         term; a leader that was elected again leads another term";
    REFUSAL_COUNTED: Safety "refusal-counted" = "M21" at [Leaders 3, Leaders 4],
        "Figure 2, Leaders 3 and 4; §5.3",
        "a reply confirms entries only if it says success: after a refusal, matchIndex stays the same",
        "what is done with a reply. Check success before matchIndex and nextIndex go up";
    OLD_TERM: Safety "old-term-committed" = "M8" at [Leaders 4],
        "Figure 2, Leaders 4; §5.4.2, Figure 8",
        "a leader counts replicas only for entries of its own term: log[N].term == currentTerm",
        "where commitIndex goes up. It must check the term of the entry";
    NOBODY_ASKED: Contract "entry-nobody-asked-for" at [Leaders 2],
        "Figure 2, Leaders 2; §5.3; rule 3 of the contract",
        "a leader appends each command once, when a client submits it, and appends nothing else. The lab's \
         indexes count only commands, so a leader must not append the no-op of §8",
        "where the log grows. It must grow in start(), by one entry, and not when a server becomes the leader"
        => Appends sends_unasked, Proposes leaves_room;
    OF_A_NEW_LEADER: Contract "entry-of-a-new-leader" at [Leaders 2], NOBODY_ASKED.place, NOBODY_ASKED.says, NOBODY_ASKED.look;
    LACKS_COMMITTED: Safety "leader-lacks-committed" = "M11" at [RequestVote 2],
        "§5.4, Leader Completeness; §5.4.1",
        "a leader's log has every entry that was committed in an earlier term",
        "which candidates get votes, and when an entry counts as committed. And check what a crash or a leader's \
         request can remove from a log"
        => Appends lacks_committed, Installs lacks_committed;
    SAYS_ANOTHER_TERM: Contract "prev-log-term-wrong" at [Leaders 3],
        "Figure 2, AppendEntries, Arguments; §5.3",
        "prevLogTerm is the term of the entry at prevLogIndex in the leader's own log",
        "how prevLogIndex and prevLogTerm are read. Both must come from the same entry, the one just before \
         nextIndex"
        => Appends says_another_term, Installs says_another_term;
    ENTRY_TERM: Contract "entry-in-another-term" at [Leaders 2],
        "Figure 2, Leaders 2; §5.3",
        "a new entry has the term of its leader: currentTerm, which start() also returns",
        "where start() appends an entry, and which term it gives that entry";
    ANOTHER_PLACE: Contract "request-of-another-index" at [Leaders 3, Snapshots],
        "Figure 2, AppendEntries, Arguments; Leaders 3; §5.3, §7",
        "the entries of a request are the entries of the leader's log from prevLogIndex + 1 on",
        "where a request is filled in. prevLogIndex and the entries must both come from nextIndex. And check \
         the function that turns an index into a position in the log";
    BEYOND_LOG: Contract "next-index-beyond-log" at [Leaders 3],
        "Figure 2, Volatile state on leaders: nextIndex; Leaders 3; §5.3",
        "nextIndex is at most the leader's last index plus 1, whatever a follower has",
        "where nextIndex is set. What a follower says about the end of its log may lie after the end of the \
         leader's log";
    ANSWER_IGNORED: Liveness "confirmation-ignored" at [Leaders 3],
        "Figure 2, Leaders 3; §5.3",
        "if a request is successful: update nextIndex and matchIndex for the follower",
        "what a leader does with a reply that says success. matchIndex must become the index of the request's \
         last entry, and nextIndex that index plus 1",
        normal "once a follower has confirmed an entry, the leader doesn't send it again";
    SENDS: Liveness "entry-not-sent" at [Leaders 3],
        "Figure 2, Leaders 3; §5.3",
        "if last log index ≥ nextIndex for a follower: send AppendEntries with the entries starting at \
         nextIndex",
        "what start() triggers, and whether a heartbeat brings the entries that the follower lacks";
    FEW_A_REQUEST: Liveness "few-entries-a-request" at [AppendEntries, Leaders 3],
        "Figure 2, AppendEntries, Arguments; Leaders 3; §5.3",
        "if last log index ≥ nextIndex for a follower: send AppendEntries with the entries starting at \
         nextIndex; a follower that was away for long lacks hundreds",
        "how many entries a request gets, and what a leader does when one is confirmed and more are left: it \
         should send them at once, and not with the next heartbeat",
        normal "a request brings all entries from nextIndex on";
    NEXT_INDEX_STAYS: Liveness "next-index-stays" at [Leaders 3],
        "Figure 2, Leaders 3; §5.3; Figure 13",
        "if AppendEntries fails because of log inconsistency: decrement nextIndex and retry; a follower that \
         has a snapshot gets the entries after it",
        "what a leader does with a refusal. nextIndex must go down. Something may keep it from that, such as a \
         matchIndex that the follower has not confirmed",
        normal "a leader finds the right nextIndex after two or three refusals";
    MOVED_AT_SENDING: Liveness "next-index-moved-at-sending" at [Leaders 3],
        "Figure 2, Leaders 3; §5.3, §5.5",
        "nextIndex goes up when a follower has confirmed the entries that it was sent; a request that is lost \
         or refused is sent again",
        "where nextIndex goes up. It should go up at the reply. If it goes up when a request is sent, it has \
         to go back when that request fails or is refused";
    ONE_BY_ONE: Liveness "back-one-by-one" at [FastBackup],
        "§5.3, last paragraphs; the lab's hand-out, 3C",
        "the number of rejected AppendEntries can be reduced: a refusal contains the conflicting entry's term \
         and the first index of that term, and the leader goes back one term at a time",
        "what a refusal contains, and where a leader sets nextIndex after it. And check whether the leader \
         tries again at once or waits for the next heartbeat",
        normal "a leader finds the right nextIndex after two or three refusals";
    IN_TURN: Liveness "sends-in-turn" = "M15" at [Leaders 1, Leaders 3, Candidates 1],
        "§5.1, last paragraph; §5.3",
        "a server issues its requests in parallel; in this network, a call to an unreachable server takes up \
         to 7 s to fail",
        "the code that sends requests. It must not wait for each reply before it sends the next request, and \
         must not hold a lock across a call. Make each call in a task of its own",
        normal "each follower hears from its leader ten times a second";
    ONE_CALL: Liveness "one-call-at-a-time" at [Leaders 1, Leaders 3],
        "Figure 2, Leaders 1; §5.2, §5.5",
        "a server sends heartbeats and requests for votes to each server, whatever happened to earlier calls: \
         in this network, a call may take seconds to fail",
        "the loop that sends to one server. It must not wait for the answer to a request before it sends the \
         next heartbeat. Make each call in a task of its own, or give it up after a heartbeat interval",
        normal "each follower hears from its leader ten times a second";
    SILENT: Liveness "heartbeats-too-seldom" at [Leaders 1],
        "Figure 2, Leaders 1; §5.2",
        "a leader sends heartbeats during idle periods to prevent election timeouts; the lab allows about ten \
         a second",
        "how often a leader sends heartbeats, and what may keep it from sending. An election timeout is \
         several heartbeat intervals long",
        normal "if nothing disturbs the leader, it leads until the end";
    SILENT_AGAIN: Liveness "silent-when-leading-again" at [Leaders 1],
        SILENT.place, SILENT.says,
        "what sends for a leader, and what becomes of it when the server steps down: a task that ends then must \
         be spawned again, and one that stays must learn that the server leads again";
    STOPS: Liveness "stops-at-failed-call" at [Leaders 1, Leaders 3],
        "Figure 2, Leaders 1; §5.3, §5.5",
        "if a follower crashes or runs slowly, or a message is lost, the leader continues to send to that \
         follower for as long as it is the leader",
        "what the loop that sends to one server does when a call fails. It has to go on, with the next \
         heartbeat at the latest: use continue, not break or return",
        normal "each follower hears from its leader ten times a second, even if messages are lost";
    COMMITS: Liveness "majority-not-committed" at [Leaders 4],
        "Figure 2, Leaders 4; §5.3",
        "if a majority of matchIndex[i] ≥ N and log[N].term == currentTerm: set commitIndex = N",
        "where commitIndex goes up. The leader must look for a new N after each success, and count itself. An \
         entry of an earlier term must not end the search: N can be a later index with the current term, and \
         then the older entry is committed, too";
    TELLS_COMMIT: Liveness "commit-not-told" at [Leaders 3, Leaders 4],
        "Figure 2, AppendEntries, Arguments: leaderCommit; §5.3",
        "a leader includes the highest index that it knows to be committed in each AppendEntries, so that the \
         other servers find out",
        "what is sent as leaderCommit. It must be commitIndex at the time when the request is sent, in \
         heartbeats, too";
    REPLACED: Liveness "leader-replaced-at-once" at [Leaders 1],
        "Figure 2, Leaders 1; §5.6",
        "upon election: send initial empty AppendEntries to each server, and repeat; the election timeout is \
         several heartbeat intervals long",
        "whether a new leader sends at once, and how long the heartbeat interval is compared with the election \
         timeout",
        normal "a leader leads until the test disconnects it";
}

/// What a follower confirmed to a leader in a term that is over, and need not have any more.
pub(crate) fn confirmed_before(call: &Call) -> Option<Fact> {
    let text = format!(
        "server {} had confirmed its log up to index {} in term {}, which server {} also led; since then \
         another leader may have changed that log",
        call.to,
        call.confirms()?,
        call.args.term?,
        call.from.server
    );
    Some(Fact::new(Basis::Seen, call.replied()?, text, [call.id]))
}

/// What a server leads at `moment`, by what it has done and what it says.
pub(crate) fn is_leading<'k>(known: &'k Known<'_>, number: u32, moment: Moment) -> Option<&'k Led> {
    let led = known.server(number).led.as_ref()?;
    let view = known.story.view_at(number as usize, moment.at)?;
    (view.is_leader && view.term == led.term).then_some(led)
}

fn second_leader(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let (number, term) = (call.from.server, call.args.term?);
    if known.server(number).leads(Some(term)).is_some_and(|led| led.since < moment) {
        return None; // judged when it began
    }
    let other =
        (0..known.story.servers as u32).filter(|&other| other != number).find(|&other| {
            let mut sent = known.story.sent_by(other as usize);
            sent.any(|sent| sent.is_leaders() && sent.args.term == Some(term) && sent.sent < moment)
        })?;
    let mut sent = known.story.sent_by(other as usize);
    let first = sent.find(|sent| sent.is_leaders() && sent.args.term == Some(term))?;
    let what = format!("servers {other} and {number} led the same term");
    let sends = |who: u32, call: &Call| {
        format!("server {who} sent {} as the leader of term {term}", call.method)
    };
    let mut breach = Breach::new(&TWO, moment, number, what)
        .seen(first.sent.at, sends(other, first), [first.id])
        .seen(moment.at, sends(number, call), [call.id]);
    breach.servers = vec![other, number];
    // How it came to that says more.
    Some(breach.sure_if(false))
}

fn sends_unasked(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let (number, term) = (call.from.server, call.args.term?);
    let (prev, entries) = (call.args.prev_log_index?, call.args.entries.as_ref()?);
    let server = known.server(number);
    let last = server.log.last_index();
    let is_known = prev + entries.len() as u64 <= last || server.log.open || !known.reads.logs;
    if is_known || known.story.counts_other_entries {
        return None; // as nearly always
    }
    let (index, _) = (prev + 1..).zip(entries).find(|&(index, entry)| {
        index > last && *entry == Some(term) && !known.promised.contains(&(number, term, index))
    })?;
    let mut own = known.story.proposals.iter().take_while(|own| own.moment < moment);
    let was_asked = own.any(|own| own.server == call.from && own.term == term);
    let made = known
        .story
        .snapshots
        .iter()
        .rfind(|made| made.server.server == number && made.moment < moment);
    // An index that was taken already when start() returned it. An entry may be sent before that returns.
    let proposed = known.story.proposals.iter().take_while(|own| own.moment.at <= moment.at);
    let mut proposed = proposed.filter(|own| own.server == call.from && own.term == term);
    let is_older = call.args.prev_log_term < Some(term);
    let misnumbered = proposed.find(|own| {
        let was_taken = own.index <= last && server.log.term(own.index) != Some(term);
        was_taken || own.index <= prev && is_older
    });
    if let Some(own) = misnumbered {
        let what =
            format!("server {number}'s start() returned an index that its command didn't get");
        let returned =
            format!("server {number}'s start() returned index {} in term {term}", own.index);
        let text = format!(
            "server {number} sent server {} an entry of term {term} at index {index}; before that entry its log \
             had reached index {}",
            call.to,
            index - 1
        );
        let breach = Breach::new(&contract::START_INDEX, moment, number, what);
        let breach = breach.seen(own.moment.at, returned, None);
        return Some(breach.concluded(moment.at, text, [call.id]));
    }
    let (rule, what, when) = if let Some(made) = made.filter(|_| was_asked) {
        // Until then it hasn't had too many.
        (&OFFSET_IGNORED, counts_otherwise(made), "")
    } else if was_asked {
        let what = format!("server {number}'s log has entries that no client submitted");
        (&NOBODY_ASKED, what, "")
    } else {
        let what = format!(
            "server {number} appended entries of its own when it became the leader of term {term}"
        );
        (&OF_A_NEW_LEADER, what, "before any client gave it a command, ")
    };
    let text = format!(
        "{when}server {number} sent server {} an entry of term {term} at index {index}; but \
         server {number}'s start() has never returned that index",
        call.to
    );
    // A Raft may hide entries of its own from the service, and count without them in start().
    Some(Breach::new(rule, moment, number, what).concluded(moment.at, text, [call.id]))
}

/// A leader lacks what a majority had confirmed in an earlier term.
fn lacks_committed(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let (number, term) = (call.from.server, call.args.term?);
    if known.server(number).leads(Some(term)).is_some() || !known.reads.logs {
        return None; // judged when it began to lead
    }
    let asked = known.story.sent_by(number as usize).find(|asked| {
        asked.is_vote() && asked.from == call.from && asked.args.term == Some(term)
    })?;
    let last = asked.args.last_log_term.zip(asked.args.last_log_index)?;
    let others = known.servers.iter().filter_map(|other| other.led.as_ref());
    let (earlier, index) = others
        .filter(|led| led.term < term)
        .filter_map(|led| Some((led.term, committed(known, led)?)))
        .max()?;
    if last >= (earlier, index) {
        return None;
    }
    let what = format!(
        "server {number} leads term {term} without the entry at index {index}, which a majority had confirmed \
         in term {earlier}"
    );
    let text = format!(
        "server {number} led term {term}; the last entry of its log had index {} and term {}",
        last.1, last.0
    );
    let breach = Breach::new(&LACKS_COMMITTED, moment, number, what);
    // How it came to that says more.
    Some(breach.seen(moment.at, text, [asked.id, call.id]).sure_if(false))
}

/// The last index of a leader's own term that a majority has confirmed to it; the leader itself is one of them
/// for what it has told to be committed: until then it may be saving its own entries still (thesis §10.2.1).
fn committed(known: &Known<'_>, led: &Led) -> Option<u64> {
    let answered = led.answered.iter().zip(&led.confirmed);
    // Who may have confirmed anything is no proof.
    let mut confirmed: Vec<u64> = answered
        .filter_map(|(answered, &up_to)| answered.map(|_| up_to))
        .filter(|&up_to| up_to < u64::MAX)
        .collect();
    confirmed.sort_unstable_by(|one, other| other.cmp(one));
    let majority = known.story.majority();
    let alone = confirmed.get(majority - 1).copied();
    let with_leader = majority.checked_sub(2).and_then(|last| confirmed.get(last).copied());
    let index = alone.max(with_leader.map(|index| index.min(led.told)))?;
    let is_own = led.own.is_some_and(|own| own <= index);
    (is_own && index < u64::MAX).then_some(index)
}

/// A request says another term of the entry before its own, or of its snapshot's last, than the leader's log has there.
fn says_another_term(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let args = &call.args;
    let is_snapshot = call.is_snapshot() && !known.story.counts_other_entries;
    let (prev, said) = match is_snapshot {
        true => args.last_included_index.zip(args.last_included_term)?,
        false => args.prev_log_index.zip(args.prev_log_term)?,
    };
    let (number, server) = (call.from.server, known.server(call.from.server));
    let own = server.log.term(prev).filter(|&own| own != said)?;
    let applied = server.applied.map_or(0, |(_, index)| index);
    let at_end = server.snapshot.filter(|held| held.index == prev);
    if is_snapshot && at_end.is_none() {
        return None; // it is a snapshot of something else, and that is told
    }
    // What it has applied it can't lose; of the rest another leader's word may have changed it.
    let is_own = server.leads(call.args.term).is_some_and(|led| own == led.term) || prev == 0;
    if prev > applied && !is_own && (said != 0 || server.log.is_claimed) {
        return None;
    }
    if !is_snapshot && let Some(entry) = sends_in_term(known, call.from, (prev, said), moment) {
        return Some(entry.facts(super::persistence::had(known, number, prev, moment)));
    }
    let (rule, what) = match at_end {
        Some(_) => (
            &super::persistence::SNAPSHOT_TERM,
            format!("server {number} sent a wrong term for the last entry of its snapshot"),
        ),
        None => (
            &SAYS_ANOTHER_TERM,
            format!("server {number} sent a wrong term for the entry at prevLogIndex"),
        ),
    };
    let mut breach = Breach::new(rule, moment, number, what);
    if !is_snapshot {
        breach = breach.facts(super::persistence::had(known, number, prev, moment));
    }
    if let Some(held) = at_end {
        breach = breach.seen(held.moment.at, format!("it {held}"), None);
    }
    let [index_name, term_name] = match is_snapshot {
        true => ["lastIncludedIndex", "lastIncludedTerm"],
        false => ["prevLogIndex", "prevLogTerm"],
    };
    let text = format!(
        "it sent server {} a request with {index_name} {prev} and {term_name} {said}; but its entry at that \
         index has term {own}",
        call.to
    );
    Some(breach.known(Basis::seen_if(!server.log.is_claimed), moment.at, text, [call.id]))
}

/// Among how many of its next requests a leader sends a new entry, be it to the last of many servers.
const SOON: usize = 64;

/// A leader sends the entry at `index` itself as one of the term that it also says before what follows: the entry has
/// another term than `start()` returned.
fn sends_in_term(
    known: &Known<'_>,
    leader: Caller,
    (index, said): (u64, u64),
    moment: Moment,
) -> Option<Breach> {
    let number = leader.server;
    let own = known
        .proposed_at(index)
        .find(|own| own.server == leader && own.term != said && own.moment < moment)?;
    let sent = known
        .story
        .sent_since(number as usize, own.moment)
        .take(SOON)
        .find(|call| call.from == leader && call.entry_term(index) == Some(said))?;
    let what = format!("server {number} gave a new entry another term than the one that it leads");
    let took = format!("server {number}'s start() returned index {index} in term {}", own.term);
    let text = format!("it sent server {} that entry with term {said}", sent.to);
    let breach = Breach::new(&ENTRY_TERM, moment, number, what);
    Some(breach.seen(own.moment.at, took, None).seen(sent.sent.at, text, [sent.id]).sure_if(false))
}

/// How a server came to act as the leader of a term for which it has no majority of votes.
pub(super) fn without_votes(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let (number, term) = (call.from.server, call.args.term?);
    let server = known.server(number);
    let led = server.led.as_ref().filter(|led| led.term < term)?;
    // A task that sends may be sooner than those that ask for votes.
    if known.story.stands(number, term) {
        return sends_as_candidate(known, moment, call, (led.since, led.term));
    }
    let told = known.story.calls.iter().find(|other| {
        let asked = other.to == number && other.delivered > Some(led.since);
        let answered = other.from.server == number && other.replied().is_some();
        let known_by = if asked { other.delivered } else { other.returned.map(|it| it.0) };
        known_by.is_some_and(|at| at < moment && at > led.since)
            && (asked && other.args.term >= Some(term)
                || answered && other.reply.term >= Some(term))
    })?;
    let what = format!(
        "server {number} continued to send as a leader in term {term}, in which nobody elected it"
    );
    let (at, how) = match told.to == number {
        true => (told.delivered?, format!("server {} told it of term {term}", told.from.server)),
        false => (told.returned?.0, format!("server {}'s reply told it of term {term}", told.to)),
    };
    let text = format!(
        "server {number} sent {} of term {term}, in which it never asked for a vote",
        call.method
    );
    Some(
        Breach::new(&DEPOSED_SENDS, moment, number, what)
            .seen(led.since.at, format!("server {number} led term {}", led.term), None)
            .seen(at.at, how, [told.id])
            .seen(moment.at, text, [call.id]),
    )
}

/// Whether a candidate had the votes of a majority before `moment`.
fn has_majority(known: &Known<'_>, candidate: Caller, term: u64, moment: Moment) -> bool {
    let story = known.story;
    let asked = story.requests_for_votes().filter(|call| {
        let is_its =
            call.from == candidate && call.args.term == Some(term) && call.to != candidate.server;
        is_its && call.is_granted() && call.replied().is_some_and(|at| at <= moment.at)
    });
    let voters: BTreeSet<u32> = asked.map(|call| call.to).collect();
    voters.len() + 1 >= story.majority()
}

/// A server led an earlier term and is a candidate now, and sends as a leader all the same: perhaps a task of its
/// former leadership hasn't ended.
fn sends_as_candidate(
    known: &Known<'_>,
    moment: Moment,
    call: &Call,
    (since, led): (Moment, u64),
) -> Option<Breach> {
    let (number, term) = (call.from.server, call.args.term?);
    let views = &known.story.views[number as usize];
    let own = |view: &&View| view.incarnation == call.from.incarnation && view.term == term;
    let mut views = views.iter().filter(own).peekable();
    views.peek()?;
    // Who leads only once it has the votes of a majority has counted no others.
    if let Some(leads) = views.find(|view| view.is_leader)
        && !has_majority(known, call.from, term, leads.moment)
    {
        return None;
    }
    let what = format!(
        "server {number} continued to send as a leader in term {term}, in which nobody elected it"
    );
    let text = format!(
        "server {number} sent {} of term {term} while it asked for votes in that term, and before its get_state \
         had reported that the server is the leader",
        call.method
    );
    let breach = Breach::new(&DEPOSED_SENDS, moment, number, what)
        .seen(since.at, format!("server {number} led term {led}"), None)
        .seen(moment.at, text, [call.id]);
    // It may have led between two questions.
    Some(breach.sure_if(false))
}
