//! The contract between a Raft and its tester: `raftapi`'s numbered rules, and what a server says of itself.

mod applied;

pub(crate) use applied::{applied_before, indexes, not_delivered};
use applied::{applies_another, applies_in_order, applies_moved, applies_of_nobody};

use super::all_servers::{LASTING, ROLE_KEPT, tells_less};
use super::install_snapshot::CUTS_TOO_MUCH;
use super::leaders::BEYOND_LOG;
use super::{persistence, rules};
use crate::event::{Caller, Role};
use crate::spec::Known;
use crate::spec::breach::Breach;
use crate::spec::flow::{applies_unheard, applies_unsaved, sends_unheard, shows_unheard};
use crate::story::{Call, Moment, Proposal, Purpose, View};

rules! {
    CONTRADICTS_ITSELF: Contract "says-another-state" at [Candidates 1, RequestVote 2],
        "Figure 2, Arguments of RequestVote and AppendEntries; §5.3, §5.4.1",
        "a message gives its sender's state at the time when the message is made: its term, the end of its \
         log, its commitIndex",
        "where the request is filled in. Read each field from the current state, under one lock; the last \
         index and the last term must both come from the log's last entry";
    TERM_ZERO: Contract "entry-of-term-zero" at [Leaders 3, Snapshots, RequestVote 2],
        "Figure 2, State: log[]; §5.3, §7",
        "an entry has the term of the leader that appended it, and the first term of a leader is 1: only index \
         0, where there is no entry, has term 0",
        "the function that returns the term at an index: what it returns at the beginning of the log, at its \
         end, and at the snapshot's last index"
        => Asks asks_with_term_zero, Appends follows_term_zero;
    LEADER_ONLY_TOLD: Contract "leader-only-told" at [Contract 4, AllServers 2],
        "Figure 4; §5.1, §5.2; rule 4 of the contract",
        "a server leads from the moment when it has the votes of a majority until it learns of a higher term; \
         get_state reports that",
        "what get_state reads. It must be the current role, not a candidate's, and not the role of an earlier \
         term. Check that a leader becomes a follower when it learns of a higher term. And check how many \
         votes, including its own, a candidate needs to become the leader"
        => Views only_says_so;
    TERM_NOT_TOLD: Contract "term-not-told" at [Contract 4],
        "Figure 2, State: currentTerm; §5.1; rule 4 of the contract",
        "get_state reports the current term, which only goes up",
        "what get_state reads. It must be currentTerm itself, not a copy. If that is right, check the term in \
         the server's answers"
        => Views tells_less;
    LEADER_NOT_TOLD: Liveness "leader-not-told" at [Contract 4],
        "rule 4 of the contract",
        "get_state reports the term, and whether the server believes that it is the leader",
        "what get_state reads, and where the role becomes leader";
    APPLIED_TWICE: Safety "applied-twice" = "M9" at [AllServers 1],
        "Figure 2, All Servers 1; §5.3; rule 6 of the contract",
        "if commitIndex > lastApplied: increment lastApplied, apply log[lastApplied]: apply each index once, \
         and leave none out",
        "the code that sends to the apply channel. Only one task may send: it takes the entries after \
         lastApplied, and raises lastApplied before it releases the lock. And check whether something moves \
         lastApplied back, such as an older snapshot"
        => Applies applies_in_order within;
    LEFT_OUT: Safety "apply-left-out" = "M9" at [AllServers 1],
        APPLIED_TWICE.place,
        APPLIED_TWICE.says,
        "the code that sends to the apply channel. Only one task may send, because several tasks send in any \
         order. Check how far lastApplied moves when commitIndex has gone up by more than one. And check \
         whether a send fails or is given up, because that leaves a gap";
    COMMIT_GOES_BACK: Safety "commit-goes-back" = "M9" at [VolatileState],
        "Figure 2, Volatile state: commitIndex, increases monotonically",
        "commitIndex only goes up",
        "every place that sets commitIndex, above all from leaderCommit. It must never go down, even if a snapshot \
         or a leader knows less"
        => Views commit_goes_back within;
    TWO_COMMANDS: Safety "two-commands-at-an-index" = "M10" at [AppendEntries, Leaders],
        "§5.4.3, State Machine Safety",
        "no two servers apply different commands at the same index",
        "which candidates get votes; when an entry counts as committed; and what can change it in a log after that"
        => Applies applies_another within;
    OF_NOBODY: Contract "applied-what-nobody-started" at [AllServers 1],
        "Figure 2, All Servers 1; §5.3; rule 6 of the contract",
        "apply log[lastApplied]: the service gets the command that start() was given, byte for byte",
        "the path of a command from start() through the log to the apply channel: what happens to its bytes \
         when entries are made, saved, sent, and read for the service"
        => Applies applies_of_nobody;
    MOVED: Safety "applied-at-another-index" at [AppendEntries 4, Snapshots],
        "Figure 2, AppendEntries 4; §5.3, §7",
        "an entry keeps the index that its leader gave it, in every log, whatever a snapshot has replaced: the \
         first entry of a request has the index prevLogIndex + 1",
        "the code that turns indexes into positions in the log and back, above all where a request begins \
         before the end of the snapshot, and where the log is cut"
        => Applies applies_moved;
    INDEX_FROM_ZERO: Contract "index-from-zero" at [Leaders 2, Contract 3],
        "Figure 2, State: log[]; rule 3 of the contract",
        "the first index is 1",
        "what start() returns. It must be the index of the entry that it appended, not the length of the log \
         before that"
        => Proposes index_zero;
    START_TERM: Contract "start-term-wrong" at [Leaders 2, Contract 3],
        "Figure 2, Leaders 2; §5.3; rule 3 of the contract",
        "start() returns the term in which it appends its command: currentTerm, the term that the server leads",
        "what start() returns as the term. It must be currentTerm, not the term of another entry or of an \
         earlier leadership"
        => Proposes start_of_former_term;
    START_INDEX: Contract "start-index-wrong" at [Leaders 2, Contract 3],
        "Figure 2, Leaders 2; §5.3; rule 3 of the contract",
        "start() returns the index of its command in the log: the index of the last entry, once the command is \
         appended",
        "how start() finds the index that it returns. Read it from the log after the append, under the same \
         lock";
    NEVER_APPENDED: Contract "command-not-appended" at [Leaders 2, Contract 3],
        "Figure 2, Leaders 2; §5.3; rule 3 of the contract",
        "if command received from client: append entry to local log: once start() has returned an index, its \
         command stays at that index for as long as the server leads",
        "the path of a command from start() to the log: a full channel, a task that has ended, a condition \
         under which the command is dropped";
    INDEX_TWICE: Contract "index-given-twice" at [Leaders 2],
        "Figure 2, Leaders 2; §5.3; rule 3 of the contract",
        "a leader appends each command after the last entry of its log, whether that entry is committed or not",
        "how start() finds the index that it returns"
        => Proposes index_twice;
    REFUSES_COMMANDS: Liveness "leader-refuses-commands" at [Leaders 2],
        "Figure 2, Leaders 2; §5.3; rule 2 of the contract",
        "if command received from client: append entry to local log: start() returns at once, and refuses only \
         if the server isn't the leader",
        "under which condition start() returns that the server isn't the leader. get_state() must say the \
         same. Uncommitted entries or silent followers are no reason to refuse";
    ONE_COMMAND: Liveness "one-command-at-a-time" at [Leaders 2, Contract 2],
        REFUSES_COMMANDS.place,
        REFUSES_COMMANDS.says,
        "what start() waits for or depends on besides the role, such as commitIndex";
    START_WAITS: Liveness "start-waits" at [Contract 2],
        "rule 2 of the contract; §5.3",
        "start() returns at once: it appends the command, but doesn't wait for agreement or for the disk; the \
         service answers its client when the entry is applied",
        "what start() waits for: a reply, a channel, a commit, or a lock that start() or its caller already \
         holds";
    LOCK_WHILE_APPLYING: Liveness "lock-held-while-applying" at [Contract 8],
        "rule 8 of the contract",
        "no code holds a lock while it waits, above all not while it sends to the apply channel: the service \
         may call snapshot() before it takes the next message",
        "what snapshot() waits for: a lock that it already holds, a receive, or the task that sends to the \
         apply channel. That task must copy what it sends, release the lock, and only then send";
    KILLED_WAITS: Liveness "killed-server-waits" at [Contract 12],
        "rule 12 of the contract",
        "a killed server ends its work: kill() returns at once, leaves no lock taken, and the server's tasks \
         end",
        "which locks kill() takes, and whether it releases them. And check that the loops of the server's \
         tasks end after kill()";
    LATE_REPLY: Liveness "late-reply-heeded" at [Candidates 2, Leaders 3],
        "§5.1, §5.2",
        "a reply is about the term in which its request was sent: if currentTerm has changed since then, the \
         reply is out of date",
        "the first thing that is done with a reply. Compare the term of its request with currentTerm, and drop \
         the reply if they differ";
    REPLY_NOT_TAKEN: Liveness "reply-not-taken" at [Contract 10],
        "§5.1, §5.5; rule 10 of the contract",
        "a reply counts whenever it arrives: a call takes as long as the network takes, and code that stops \
         waiting for a reply loses it",
        "what ends the wait for a call: a timeout around it, a select! with a timer in it, a task that is \
         aborted. Await each call to its end, in a task of its own",
        normal "a reply takes up to 27 ms on an unreliable network, and up to 2.2 s if replies are reordered";
    TASK_ENDED: Liveness "task-ended" at [Contract 1],
        "rule 1 of the contract",
        "a task that is needed for as long as the server lives, or leads, runs until then",
        "the task's loop: what returns from it, breaks it or ends it by an error; and what aborts the task";
    NOT_INFORMED: Safety "knows-what-nothing-told" at [],
        "§5.1: servers communicate using RPCs",
        "a server knows only what it got from a message, from its own start(), or from its disk",
        "what the servers share besides the network: a static, a file, a pointer to another server's memory"
        => Applies applies_unheard, Applies applies_unsaved, Appends sends_unheard, Views shows_unheard;
}

fn asks_with_term_zero(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let index = call.args.last_log_index.filter(|&index| index > 0)?;
    // What its log doesn't have it says wrongly in another way.
    let log = &known.server(call.from.server).log;
    let has = log.open || index <= log.last_index();
    // That the log is that long may be its own word only.
    (has && call.args.last_log_term == Some(0))
        .then(|| says_term_zero(known, (moment, call), index))?
        .map(|breach| breach.sure_if(!log.is_claimed))
}

fn follows_term_zero(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let prev = call.args.prev_log_index.filter(|&prev| prev > 0)?;
    let (number, server) = (call.from.server, known.server(call.from.server));
    if call.args.prev_log_term != Some(0) || known.story.counts_other_entries {
        return None;
    }
    let last = server.log.last_index();
    if server.log.open || prev <= last {
        return says_term_zero(known, (moment, call), prev);
    }
    let what = format!("server {number} sent a prevLogIndex that its log doesn't have");
    let text = format!(
        "server {number} sent server {} a request with prevLogIndex {prev}; its own log ended at index {last}",
        call.to
    );
    let breach = Breach::new(&BEYOND_LOG, moment, number, what);
    Some(breach.seen(moment.at, text, [call.id]).sure_if(!server.log.is_claimed))
}

/// A request calls an entry one of term 0.
pub(super) fn says_term_zero(
    known: &Known<'_>,
    (moment, call): (Moment, &Call),
    index: u64,
) -> Option<Breach> {
    let number = call.from.server;
    // An entry that no leader has sent, such as the first members, is of no term.
    if known.story.counts_other_entries {
        return None;
    }
    let is_in_snapshot = known.server(number).snapshot.filter(|held| held.index == index);
    let (rule, what) = match is_in_snapshot {
        Some(_) => (
            &persistence::SNAPSHOT_TERM,
            format!("server {number} doesn't know the term of its snapshot's last entry"),
        ),
        None => {
            (&TERM_ZERO, format!("server {number} says that its entry at index {index} has term 0"))
        }
    };
    let mut breach = Breach::new(rule, moment, number, what);
    if let Some(held) = is_in_snapshot {
        breach = breach.seen(held.moment.at, format!("server {number} {held}"), None);
    }
    let text = format!(
        "it sent server {} {}, which says that the entry at index {index} has term 0",
        call.to, call.method
    );
    Some(breach.seen(moment.at, text, [call.id]))
}

/// After what silence a server that says that it leads has nothing to say as a leader, in µs: heartbeats go
/// out at once, and again at least ten times a second.
const SILENT: u64 = 150_000;

/// The same of a leader that has led before, in µs: some heartbeats' time.
const SILENT_FOR_LONG: u64 = 400_000;

/// How long a reply may take to make a leader, in µs.
const JUST: u64 = 20_000;

/// A server says that it leads without the votes for it, and sends nothing as a leader before it has them.
fn only_says_so(known: &Known<'_>, number: u32, view: &View) -> Option<Breach> {
    let (story, server) = (known.story, known.server(number));
    if !view.is_leader || !known.reads.votes || !known.reads.logs {
        return None;
    }
    let caller = Caller { server: number, incarnation: view.incarnation };
    let led = server.led.as_ref().is_some_and(|led| led.term >= view.term);
    if led || story.is_elected(caller, Some(view.term), view.moment) {
        return None;
    }
    let acts = |call: &&Call| {
        call.is_leaders() && call.from == caller && call.args.term >= Some(view.term)
    };
    let first = story.sent_by(number as usize).find(acts);
    if first.is_some_and(|first| !story.is_elected(caller, first.args.term, first.sent)) {
        return None;
    }
    // Until it had the votes, or said so no more; else it may have been about to send.
    let views = story.lasting_views(number as usize);
    let since = views.skip_while(|(other, _)| other.moment < view.moment);
    let told = since.take_while(|(other, _)| other.is_leader).last();
    let told = told.map_or(view.moment.at, |(_, until)| until);
    let until = first.map_or(told, |call| call.sent.at.min(told));
    let is_silent = until.0.saturating_sub(view.moment.at.0) >= SILENT;
    // Who has led may have come to a later term just now; not where another was elected in it, or where it
    // says itself that it is something else.
    let is_elected = |other: u32| {
        let life = known.server(other).life;
        let caller = Caller { server: other, incarnation: life };
        other != number && story.is_elected(caller, Some(view.term), view.moment)
    };
    let is_other = view.detail.as_ref().is_some_and(|detail| detail.role != Role::Leader);
    let has_led = server.led.is_some() && !is_other && !(0..story.servers as u32).any(is_elected);
    if has_led && until.0.saturating_sub(view.moment.at.0) < JUST {
        return None;
    }
    // Who hasn't even asked for votes has nothing to lead by.
    let has_stood = server.stood.contains(&view.term) || first.is_some();
    let is_known = server.led.is_some() && !has_led;
    if !is_known
        && !is_silent
        && has_stood
        && (first.is_none() || was_just_answered(known, view, number))
    {
        return None;
    }
    // Who leads on sends on; or it says itself that it leads.
    let says_so = view.detail.as_ref().is_some_and(|detail| detail.role == Role::Leader);
    if (says_so || until.0.saturating_sub(view.moment.at.0) < SILENT_FOR_LONG)
        && let Some(breach) = leads_on(known, number, view)
    {
        return Some(breach);
    }
    // What it sends as a leader may be what nobody recognises.
    let sent = story.sent_since(number as usize, view.moment);
    let mut sent = sent.take_while(|call| call.sent.at <= until);
    if sent.any(|call| call.purpose == Purpose::Other && !call.is_named_otherwise()) {
        return None;
    }
    let what = format!("server {number} reported itself as the leader when it was not");
    let says = format!(
        "server {number} reported itself as the leader of term {}, without the votes of a majority",
        view.term
    );
    let breach =
        Breach::new(&LEADER_ONLY_TOLD, view.moment, number, what).seen(view.moment.at, says, None);
    let breach = match first {
        Some(first) => {
            let text = "only now did it send something as the leader, with the votes of a majority";
            breach.seen(first.sent.at, text, [first.id])
        }
        None => {
            let text = "it never sent anything as the leader of that term";
            breach.seen(view.moment.at, text, None)
        }
    };
    // Who leads on in a later term than it was elected in is about to send.
    Some(breach.sure_if(server.led.is_none() || is_silent))
}

/// A leader comes to a later term, for which it never asked for a vote, and says that it leads still.
fn leads_on(known: &Known<'_>, number: u32, view: &View) -> Option<Breach> {
    let views = known.story.views[number as usize].iter().rev();
    let mut before = views.filter(|other| other.moment < view.moment);
    let before = before.next().filter(|before| {
        before.incarnation == view.incarnation && before.is_leader && before.term < view.term
    })?;
    let server = known.server(number);
    // Who says itself that it is something else, or follows a leader of that term, only says that it leads.
    let is_other = view.detail.as_ref().is_some_and(|detail| detail.role != Role::Leader);
    let mut handled = known.story.handled_by(number as usize);
    let follows = handled.any(|call| {
        call.handled > Some(view.moment)
            && call.args.term == Some(view.term)
            && call.is_accepted()
            && call.answered_in == Some(view.incarnation)
    });
    if server.led.is_none() || server.stood.contains(&view.term) || is_other || follows {
        return None;
    }
    let what = format!("server {number} entered term {} but did not become a follower", view.term);
    let led = format!("server {number} led term {}", before.term);
    let says = format!(
        "it reported itself as the leader of term {}, in which it never asked for a vote",
        view.term
    );
    let breach = Breach::new(&ROLE_KEPT, view.moment, number, what);
    // It may say only that, and be a follower.
    Some(breach.seen(before.moment.at, led, None).seen(view.moment.at, says, None).sure_if(false))
}

/// Whether a reply to a request for votes has come just before a view: that may have made a leader.
fn was_just_answered(known: &Known<'_>, view: &View, number: u32) -> bool {
    let asked = known.story.sent_by(number as usize).filter(|call| call.is_vote());
    let mut returned = asked.filter_map(|call| call.returned).map(|(returned, _)| returned);
    returned.any(|at| at < view.moment && view.moment.at.0 - at.at.0 < JUST)
}

/// A server tells of a lower commit index than before in the same life.
fn commit_goes_back(known: &Known<'_>, number: u32, view: &View) -> Option<Breach> {
    let detail = view.detail.as_ref()?;
    let views = known.story.views[number as usize].iter();
    let earlier = views.take_while(|other| other.moment < view.moment).filter(|other| {
        // Two looks at once may be noted in the wrong order.
        other.incarnation == view.incarnation && view.moment.at.since(other.moment.at) > LASTING
    });
    let told = earlier.filter_map(|other| Some((other.detail.as_ref()?.commit_index, other)));
    let (before, other) = told.max_by_key(|&(commit, _)| commit)?;
    if before <= detail.commit_index {
        return None;
    }
    let what = format!("server {number}'s commitIndex went down");
    let said = |commit| format!("server {number}'s commitIndex was {commit}");
    let breach = Breach::new(&COMMIT_GOES_BACK, view.moment, number, what);
    Some(breach.seen(other.moment.at, said(before), None).seen(
        view.moment.at,
        said(detail.commit_index),
        None,
    ))
}

fn index_zero(_: &Known<'_>, moment: Moment, own: &Proposal) -> Option<Breach> {
    if own.index > 0 {
        return None;
    }
    let (number, term) = (own.server.server, own.term);
    let what = format!("server {number}'s start() returned index 0, but the first index is 1");
    let text = format!("server {number}'s start() returned index 0 in term {term}");
    let breach = Breach::new(&INDEX_FROM_ZERO, moment, number, what);
    Some(breach.seen(moment.at, text, None))
}

fn start_of_former_term(known: &Known<'_>, moment: Moment, own: &Proposal) -> Option<Breach> {
    let number = own.server.server;
    let led = known.server(number).led.as_ref()?;
    // What happens at one instant may be told in another order.
    if led.term <= own.term || led.since.at >= moment.at {
        return None;
    }
    let (term, present) = (own.term, led.term);
    let what = format!(
        "server {number}'s start() returned term {term}, but the server led term {present}"
    );
    let text = format!("server {number}'s start() returned index {} in term {term}", own.index);
    Some(
        Breach::new(&START_TERM, moment, number, what)
            .seen(led.since.at, format!("server {number} led term {present}"), None)
            .seen(moment.at, text, None),
    )
}

fn index_twice(known: &Known<'_>, moment: Moment, proposal: &Proposal) -> Option<Breach> {
    let (number, index, term) = (proposal.server.server, proposal.index, proposal.term);
    if known.server(number).log.last_index() < index || index == 0 {
        return None; // as nearly always
    }
    let earlier = known.proposed_at(index).find(|other| {
        other.moment < moment && other.server == proposal.server && other.term == term
    })?;
    let text = |own: &Proposal| {
        format!("server {number}'s start() returned index {} in term {term}", own.index)
    };
    // What it had appended may have gone with the log's beginning.
    let own = |other: &&Proposal| other.server == proposal.server && other.term == term;
    let last = known.story.proposed_by(number).rev().filter(own).find(|it| it.moment < moment);
    let made = known.story.snapshots_between(last.unwrap_or(earlier).moment, moment);
    let made = made.filter(|made| made.server == earlier.server && made.index < index).last();
    if let (Some(made), Some(last)) = (made, last) {
        let what = format!(
            "server {number} gave index {index} to a second command after a snapshot, as if the first entry \
             there were gone"
        );
        let given = format!("it was given a snapshot up to index {}", made.index);
        let breach = Breach::new(&CUTS_TOO_MUCH, moment, number, what);
        let breach =
            breach.seen(last.moment.at, text(last), None).seen(made.moment.at, given, None);
        return Some(breach.seen(moment.at, text(proposal), None).sure_if(false));
    }
    let what = format!("server {number} gave two commands of term {term} the same index {index}");
    let breach = Breach::new(&INDEX_TWICE, moment, number, what);
    Some(breach.seen(earlier.moment.at, text(earlier), None).seen(moment.at, text(proposal), None))
}
