//! InstallSnapshot RPC (Figure 13).

use super::persistence::SNAPSHOT_TERM;
use super::rules;
use crate::spec::breach::Breach;
use crate::spec::{Known, Rule, step};
use crate::story::{Applied, Call, HeldSnapshot, Moment, Snapshot};

rules! {
    COVERED_REFUSED: Liveness "covered-entry-refused" at [AppendEntries 2, Snapshots],
        "§5.4, §7",
        "the entries that a snapshot covers are committed, so they are the same in each leader's log: a \
         request whose prevLogIndex is covered matches the log",
        "the check of prevLogIndex if the log begins after a snapshot";
    DROPPED_FOR_SNAPSHOT: Safety "log-dropped-for-snapshot" = "M7" at [InstallSnapshot 6],
        "Figure 13, InstallSnapshot 6; §7",
        "if an existing entry has the same index and term as the snapshot's last included entry, keep the \
         entries that follow it; and a snapshot that ends before the last committed entry changes nothing",
        "what the InstallSnapshot handler does with the log. A late or duplicate request may bring a snapshot \
         that ends before the server's last committed entry";
    KEPT_OVER_SNAPSHOT: Safety "log-kept-over-snapshot" = "M7" at [InstallSnapshot 6, InstallSnapshot 7],
        "Figure 13, InstallSnapshot 6 and 7; §7",
        "a server keeps its log after a snapshot only if the log has an entry with the index and the term of \
         the snapshot's last entry; otherwise it discards the entire log",
        "the InstallSnapshot handler. It must compare the term at lastIncludedIndex, not the index alone, \
         before it keeps the entries that follow";
    GOES_BACK: Safety "snapshot-goes-back" = "M9" at [InstallSnapshot],
        "Figure 13, InstallSnapshot; §7",
        "a snapshot that covers only committed entries changes nothing: it may come late, or twice",
        "the InstallSnapshot handler, and the code that sends to the apply channel. Before a snapshot is sent \
         there, it must be compared with what has been applied or is on its way";
    NOT_DELIVERED: Liveness "snapshot-not-delivered" at [InstallSnapshot 8],
        "Figure 13, InstallSnapshot 8; §7",
        "reset state machine using snapshot contents",
        "where InstallSnapshot moves lastApplied. The snapshot must go to the apply channel before any later \
         command"
        => Takes installs_nothing;
    OF_OLD_LEADER: Safety "old-leader-s-snapshot" at [InstallSnapshot 1],
        "Figure 13, InstallSnapshot 1; §5.1",
        "a server refuses a request whose term is lower than its own, and doesn't use its snapshot",
        "the beginning of the InstallSnapshot handler. It must compare the request's term with currentTerm \
         before it does anything with the snapshot"
        => Applies applies_of_old_leader;
    EMPTY: Liveness "snapshot-empty" at [InstallSnapshot 8],
        "Figure 13, InstallSnapshot 8; §7",
        "reset state machine using snapshot contents",
        "the path of the snapshot's contents: what the leader puts into the request, what the handler keeps of \
         it, and what goes to the apply channel";
    OF_NOTHING: Safety "snapshot-of-nothing" at [InstallSnapshot 8],
        "Figure 13, InstallSnapshot 8; §7; rule 7 of the contract",
        "the service gets a snapshot only if one has come from a leader, or if there is one after a crash; \
         commands that are in the log are passed to the service one by one",
        "the code that sends to the apply channel: how it chooses between a snapshot and commands, and whether \
         that is right if the log has no snapshot yet";
    ANOTHER_INDEX: Safety "snapshot-of-another-index" at [InstallSnapshot, Snapshots],
        "Figure 13, InstallSnapshot; §7; rule 7 of the contract",
        "lastIncludedIndex is the index of the last entry that the snapshot replaces, and the \
         message for the service has the same index",
        "where the index, the term and the contents of a snapshot are set. Set them together, from \
         the index and the bytes that snapshot() gets. And check where the message for the service is made";
    NEEDED: Liveness "snapshot-not-sent" at [Snapshots, Leaders 3],
        "§7; Figure 13",
        "if a follower needs entries that its leader has discarded, the leader sends its snapshot: nothing \
         else can bring those entries",
        "where a leader chooses between AppendEntries and InstallSnapshot. It must compare nextIndex with the \
         first index of its log, and must not raise nextIndex to that index",
        normal "a leader sends a follower a snapshot once, and then entries";
    ANSWER_MOVED_NOTHING: Liveness "snapshot-answer-ignored" at [Snapshots, Leaders 3],
        "Figure 13; §7",
        "a follower that has answered InstallSnapshot has everything up to lastIncludedIndex: nextIndex is \
         lastIncludedIndex + 1, and matchIndex at least lastIncludedIndex, even if the follower had more than \
         the snapshot",
        "what a leader does with the reply to InstallSnapshot. nextIndex and matchIndex must go up, whatever \
         the follower did with the snapshot",
        normal "a leader sends a follower a snapshot once, and then entries";
    IGNORED: Liveness "snapshot-ignored" = "M20" at [Snapshots],
        "§7; raftapi's snapshot()",
        "a snapshot replaces the log up to its last entry: the server discards that part of the log",
        "snapshot(). It must cut the log, keep the snapshot and save both. And check under which condition it \
         returns early";
    LOG_NOT_CUT: Liveness "log-not-cut" = "M20" at [Snapshots],
        "§7",
        "a snapshot replaces the log up to its last entry: the server discards that part of the log",
        "where the log is cut. The saved log must begin after the snapshot";
    TAKEN_HALF: Safety "snapshot-taken-half" at [InstallSnapshot 6, InstallSnapshot 7, Snapshots],
        "Figure 13, InstallSnapshot 6 and 7; §7",
        "a server that takes a snapshot has everything up to its last index: its log begins after that index, \
         lastIncludedTerm is the term there, and commitIndex and lastApplied are at least that index",
        "what the InstallSnapshot handler changes together, under one lock: the beginning of the log and the \
         term there, commitIndex, lastApplied, and which index each position in the log has. And look at the \
         line of the panic, if there was one";
    AGAIN: Liveness "snapshot-handed-on-again" at [AllServers 1, Snapshots],
        "Figure 2, All Servers 1; §7",
        "the service gets a snapshot once: from then on, lastApplied is at least the snapshot's last index",
        "where lastApplied is compared with the snapshot's index. The comparison must be <, not <=. And \
         lastApplied must move when the snapshot is passed to the service",
        normal "a server passes a snapshot to its service once, and then the entries after it";
    OFFSET_IGNORED: Liveness "snapshot-offset-ignored" at [Snapshots],
        "§7",
        "a snapshot replaces all entries up to lastIncludedIndex: in the rest of the log, the entry at index i \
         is entry number i - lastIncludedIndex",
        "every place that uses an index to read the log, or the log's length as an index, above all the line \
         of a panic. It is enough if one function knows the offset. And check how much snapshot() cuts: it \
         must cut the entries up to its index, and no more";
    CUTS_TOO_MUCH: Safety "snapshot-cuts-too-much" at [Snapshots],
        "§7",
        "a snapshot replaces the log up to its last entry: the entries after that stay in the log",
        "how much snapshot() cuts, and which part it keeps. It must keep all entries after its index";
    BELOW: Liveness "request-below-snapshot" at [AppendEntries 2, Snapshots],
        "§5.4, §7",
        "the entries that a snapshot covers are committed, so they are the same in each leader's log: a \
         request may begin among them, if it is late or if its leader has discarded less of its log",
        "the check of prevLogIndex if the log begins after a snapshot. The entries that the snapshot covers \
         match; look only at the entries after it";
}

/// Which rule a server breaks that doesn't know the entry at its snapshot's end, and whose snapshot it is.
pub(crate) fn end_unknown(held: &HeldSnapshot) -> (&'static Rule, &'static str) {
    match held.is_installed {
        true => (&TAKEN_HALF, "the snapshot that it was sent"),
        false => (&SNAPSHOT_TERM, "its own snapshot"),
    }
}

/// What a leader does whose entries have moved since it made a snapshot.
pub(crate) fn counts_otherwise(made: &Snapshot) -> String {
    format!(
        "server {} uses other indexes for its entries since it made a snapshot up to index {}",
        made.server.server, made.index
    )
}

/// A server answers in the term of a snapshot's leader, does nothing with the snapshot, and lacks what it covers.
fn installs_nothing(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let (story, number, server) = (known.story, call.to, known.server(call.to));
    let index = call.args.last_included_index?;
    let has = server.commit.max(server.applied.map_or(0, |(_, applied)| applied));
    let is_due = call.is_answered_in_its_term() && !call.is_rejected() && index > has;
    if !is_due || story.counts_other_entries || story.hands_on(call) {
        return None;
    }
    // It may have it, and its service none.
    let life = server.life;
    let mut later = story.handled_by(number as usize);
    let refused = later.find(|later| {
        later.handled > Some(moment)
            && later.answered_in == Some(life)
            && later.is_rejected()
            && later.is_answered_in_its_term()
            && later.args.prev_log_index == Some(index)
    });
    let mut ends = known.told_ends(number, step::later(moment, 0), step::later(moment, u64::MAX));
    let ended = ends.find(|&(at, _, last)| at > moment && last < index);
    let what =
        format!("server {number} answered a request with a snapshot, but did not install it");
    let sent = format!(
        "server {number} answered server {}, which had sent it a snapshot up to index {index}; server {number} \
         passed neither that snapshot nor anything later to its service",
        call.from.server
    );
    let breach = Breach::new(&NOT_DELIVERED, moment, number, what).seen(moment.at, sent, [call.id]);
    match (refused, ended) {
        (Some(refused), _) => {
            let text = format!("later it refused a request with prevLogIndex {index}");
            Some(breach.seen(refused.handled?.at, text, [refused.id]).sure_if(false))
        }
        (None, Some((at, _, last))) => {
            let text = format!("later it reported that its log ends at index {last}");
            Some(breach.seen(at.at, text, None).sure_if(false))
        }
        (None, None) => None,
    }
}

/// A server hands on a snapshot that only leaders of terms have sent it that were over for it.
fn applies_of_old_leader(known: &Known<'_>, moment: Moment, applied: &Applied) -> Option<Breach> {
    let (story, number) = (known.story, applied.server.server);
    if applied.command.is_some() || applied.index <= known.server(number).commit {
        return None; // as nearly always
    }
    if story.counts_other_entries {
        return None; // messages have another index for it
    }
    // What can't be read, or is a part of it, may have brought it.
    let mut brought = story.calls.iter().filter(|call| {
        call.to == number
            && call.delivered.is_some_and(|at| at < moment)
            && (call.is_snapshot() || call.args.term.is_none())
            && call.args.last_included_index.is_none_or(|index| index == applied.index)
    });
    let first = brought.next()?;
    let is_over = |call: &Call| {
        let reached = call.delivered.and_then(|at| story.reached_before(number, at));
        // Who has gone back to an earlier term obeys in it, and is told of that.
        let view = call.delivered.and_then(|at| story.view_at(number as usize, at.at));
        call.args.last_included_index.is_some()
            && view.is_none_or(|view| Some(view.term) > call.args.term)
            && reached.is_some_and(|reached| Some(reached.term) > call.args.term)
    };
    if !is_over(first) || !brought.all(is_over) {
        return None;
    }
    let reached = story.reached_before(number, first.delivered?)?;
    let proof = &story.calls[reached.proof];
    let (at, how) = match proof.to == number {
        true => (proof.handled?, "answered"),
        false => (proof.sent, "sent"),
    };
    let was = format!("server {number} {how} {} in term {}", proof.method, reached.term);
    let sent = format!(
        "server {} sent it a snapshot up to index {}, in term {}",
        first.from.server, applied.index, first.args.term?
    );
    let what =
        format!("server {number} took the snapshot of a leader whose term is lower than its own");
    let text = "it passed that snapshot to its service";
    Some(
        Breach::new(&OF_OLD_LEADER, moment, number, what)
            .seen(at.at, was, [proof.id])
            .seen(first.delivered?.at, sent, [first.id])
            .seen(moment.at, text, None),
    )
}
