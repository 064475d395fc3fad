//! InstallSnapshot RPC (Figure 13).

use super::rules;

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
         command";
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
    OFFSET_IGNORED: Liveness "snapshot-offset-ignored" at [Snapshots],
        "§7",
        "a snapshot replaces all entries up to lastIncludedIndex: the entry at index i is at place i less that \
         in what is left",
        "the line of the panic, and every other place where the log is indexed: one function that knows the \
         offset is enough";
    BELOW: Liveness "request-below-snapshot" at [AppendEntries 2, Snapshots],
        "§5.4, §7",
        "what a snapshot covers is committed, and so the same in each leader's log: a request may begin there, \
         if it comes late or if its leader has cut its log less far",
        "the check of prevLogIndex where the log begins behind a snapshot: what the snapshot covers matches, \
         and only the entries behind it are looked at";
}
