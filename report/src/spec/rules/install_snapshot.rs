//! InstallSnapshot RPC (Figure 13).

use super::persistence::SNAPSHOT_TERM;
use super::rules;
use crate::spec::breach::Breach;
use crate::spec::{Known, Rule, step};
use crate::story::{Applied, Call, HeldSnapshot, Moment, Snapshot};

rules! {
    COVERED_REFUSED: Liveness "covered-entry-refused" at [AppendEntries 2, Snapshots],
        "§5.4, §7",
        "what a snapshot covers is committed, and so the same in each leader's log: what follows an entry in it \
         follows the log",
        "the check of prevLogIndex where the log begins behind a snapshot";
    DROPPED_FOR_SNAPSHOT: Safety "log-dropped-for-snapshot" = "M7" at [InstallSnapshot 6],
        "Figure 13, InstallSnapshot 6; §7",
        "if an existing entry has the same index and term as the snapshot's last included entry, the entries \
         that follow it are kept; and a snapshot that is older than what is committed changes nothing",
        "what the handler of InstallSnapshot does with the log: a late or doubled request brings a snapshot \
         that the server is beyond";
    KEPT_OVER_SNAPSHOT: Safety "log-kept-over-snapshot" = "M7" at [InstallSnapshot 6, InstallSnapshot 7],
        "Figure 13, InstallSnapshot 6 and 7; §7",
        "a log is kept behind a snapshot only if it has an entry with the index and the term of the snapshot's \
         last one; else it is discarded as a whole",
        "the handler of InstallSnapshot: it compares the term at lastIncludedIndex, and not the index alone, \
         before it keeps what follows";
    GOES_BACK: Safety "snapshot-goes-back" = "M9" at [InstallSnapshot],
        "Figure 13, InstallSnapshot; §7",
        "a snapshot that covers no more than what is committed changes nothing: it may come late, or twice",
        "the handler of InstallSnapshot, and what sends to the apply channel: a snapshot is compared with what \
         has been applied, or is on its way, when it is handed on";
    NOT_DELIVERED: Liveness "snapshot-not-delivered" at [InstallSnapshot 8],
        "Figure 13, InstallSnapshot 8; §7",
        "reset state machine using snapshot contents",
        "where InstallSnapshot moves lastApplied: the snapshot goes to the apply channel before any later \
         command"
        => Takes installs_nothing;
    OF_OLD_LEADER: Safety "old-leader-s-snapshot" at [InstallSnapshot 1],
        "Figure 13, InstallSnapshot 1; §5.1",
        "a request whose term is lower than one's own is refused: its snapshot is left alone",
        "the beginning of the handler of InstallSnapshot: the request's term is compared with currentTerm before \
         anything is done with the snapshot"
        => Applies applies_of_old_leader;
    EMPTY: Liveness "snapshot-empty" at [InstallSnapshot 8],
        "Figure 13, InstallSnapshot 8; §7",
        "reset state machine using snapshot contents",
        "the way of the contents: what the leader puts into the request, what the handler keeps of it, and \
         what goes to the apply channel";
    OF_NOTHING: Safety "snapshot-of-nothing" at [InstallSnapshot 8],
        "Figure 13, InstallSnapshot 8; §7; rule 7 of the contract",
        "the service is handed a snapshot where one has come from a leader, or is there after a crash, and at no \
         other time: commands that are in the log are handed on one by one",
        "what sends to the apply channel: by which comparison it chooses between a snapshot and commands, and \
         whether that is right where the log has no snapshot yet";
    ANOTHER_INDEX: Safety "snapshot-of-another-index" at [InstallSnapshot, Snapshots],
        "Figure 13, InstallSnapshot; §7; rule 7 of the contract",
        "lastIncludedIndex is the index of the last entry that the snapshot replaces, and SnapshotIndex is that \
         same index",
        "where the index, the term and the contents of a snapshot are set: together, to what snapshot() was \
         given; and where the message for the service is made";
    NEEDED: Liveness "snapshot-not-sent" at [Snapshots, Leaders 3],
        "§7; Figure 13",
        "a follower that lacks entries which the leader has cut off is sent the leader's snapshot: there is \
         nothing else that can bring them",
        "where a leader chooses between AppendEntries and InstallSnapshot: by nextIndex against the first index \
         of its log, without moving nextIndex up to where the log begins",
        normal "a follower is sent a snapshot once, and then entries";
    ANSWER_MOVED_NOTHING: Liveness "snapshot-answer-ignored" at [Snapshots, Leaders 3],
        "Figure 13; §7",
        "who has answered InstallSnapshot has everything up to lastIncludedIndex: nextIndex is that plus 1, \
         and matchIndex at least that, also where the snapshot was older than what the follower had",
        "what a leader does with the reply to InstallSnapshot: nextIndex and matchIndex go up, whatever the \
         follower did with the snapshot",
        normal "a follower is sent a snapshot once, and then entries";
    IGNORED: Liveness "snapshot-ignored" = "M20" at [Snapshots],
        "§7; raftapi's snapshot()",
        "a snapshot replaces the log up to its last entry: that part is discarded",
        "snapshot(): it cuts the log, keeps the snapshot and saves both; and the condition under which it \
         returns at once";
    LOG_NOT_CUT: Liveness "log-not-cut" = "M20" at [Snapshots],
        "§7",
        "a snapshot replaces the log up to its last entry: that part is discarded",
        "where the log is cut: what is saved must begin behind the snapshot";
    TAKEN_HALF: Safety "snapshot-taken-half" at [InstallSnapshot 6, InstallSnapshot 7, Snapshots],
        "Figure 13, InstallSnapshot 6 and 7; §7",
        "who takes a snapshot has everything up to its last index: the log begins behind it, with \
         lastIncludedTerm as the term there, and commitIndex and lastApplied are no lower",
        "what the handler of InstallSnapshot moves together, under one lock: the log's beginning and the term \
         there, commitIndex, lastApplied, and what each place in the log means; and the line of the panic, if it \
         panicked";
    AGAIN: Liveness "snapshot-handed-on-again" at [AllServers 1, Snapshots],
        "Figure 2, All Servers 1; §7",
        "a snapshot is handed to the service once: from then on lastApplied is its last index, at least",
        "where lastApplied is compared with the snapshot's index: less, and not less or equal; and whether it moves when \
         the snapshot is handed on",
        normal "a server hands a snapshot on once, and then the entries behind it";
    OFFSET_IGNORED: Liveness "snapshot-offset-ignored" at [Snapshots],
        "§7",
        "a snapshot replaces all entries up to lastIncludedIndex: in what is left, the \
         entry at index i is entry number i - lastIncludedIndex",
        "every place where the log is indexed, or its length taken for an index, the line of a panic above all: one \
         function that knows the offset is enough; and how much snapshot() cuts: the entries up to its index, and no \
         more";
    CUTS_TOO_MUCH: Safety "snapshot-cuts-too-much" at [Snapshots],
        "§7",
        "a snapshot replaces the log up to its last entry: what follows that stays in the log",
        "how much snapshot() cuts, and which part it keeps: the entries behind its index, all of them";
    BELOW: Liveness "request-below-snapshot" at [AppendEntries 2, Snapshots],
        "§5.4, §7",
        "what a snapshot covers is committed, and so the same in each leader's log: a request may begin there, \
         if it comes late or if its leader has cut its log less far",
        "the check of prevLogIndex where the log begins behind a snapshot: what the snapshot covers matches, \
         and only the entries behind it are looked at";
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
        "server {} counts its entries otherwise since it has made a snapshot up to index {}",
        made.server.server, made.index
    )
}

/// A server answers in the term of a snapshot's leader, does nothing with the snapshot, and lacks what it covers.
fn installs_nothing(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let (story, number, server) = (known.story, call.to, known.server(call.to));
    let index = call.args.last_included_index?;
    let has = server.commit.max(server.applied.map_or(0, |(_, applied)| applied));
    if call.reply.term != call.args.term
        || call.is_rejected()
        || index <= has
        || story.hands_on(call)
    {
        return None;
    }
    // It may have it, and its service none.
    let life = server.life;
    let mut later = story.handled_by(number as usize);
    let refused = later.find(|later| {
        later.handled > Some(moment)
            && later.answered_in == Some(life)
            && later.is_rejected()
            && later.reply.term == later.args.term
            && later.args.prev_log_index == Some(index)
    });
    let mut ends = known.told_ends(number, step::later(moment, 0), step::later(moment, u64::MAX));
    let ended = ends.find(|&(at, _, last)| at > moment && last < index);
    let what = format!("server {number} answered a snapshot, and did not install it");
    let sent = format!(
        "server {number} answered server {}, which had sent it a snapshot up to index {index}; it handed on \
         neither that nor anything later",
        call.from.server
    );
    let breach = Breach::new(&NOT_DELIVERED, moment, number, what).seen(moment.at, sent, [call.id]);
    match (refused, ended) {
        (Some(refused), _) => {
            let text = format!("later it refused what follows index {index}");
            Some(breach.seen(refused.handled?.at, text, [refused.id]).sure_if(false))
        }
        (None, Some((at, _, last))) => {
            let text = format!("later it told that its log ends with index {last}");
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
    let what = format!("server {number} took the snapshot of a leader whose term was over for it");
    let text = "it handed that on to its service";
    Some(
        Breach::new(&OF_OLD_LEADER, moment, number, what)
            .seen(at.at, was, [proof.id])
            .seen(first.delivered?.at, sent, [first.id])
            .seen(moment.at, text, None),
    )
}
