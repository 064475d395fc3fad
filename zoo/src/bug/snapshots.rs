//! Snapshots: the service's own, and those that a leader sends.

use super::Kind::{Budget, Harmless, Liveness, Safety, Service};
use super::Part::D;
use super::rules::{
    ALL_CHUNKS, COMMIT_INDEX, DISCARD_LOG, EACH_TAKES_SNAPSHOTS, FIRST_INDEX, LAST_APPLIED,
    LAST_INCLUDED, LAST_INCLUDED_TERM, LEADER_COMPLETENESS, PREV_TERM, RESET_SERVICE,
    SAVE_SNAPSHOT, SEND_SNAPSHOT, TAKE_SNAPSHOT, UPDATE_INDEXES,
};
use super::{Bug, Row, bugs};

bugs! {
    /// Does nothing with the service's snapshots.
    IgnoresSnapshots {
        part: D,
        kind: Budget,
        breaks: "a snapshot replaces the log's beginning",
        rule: TAKE_SNAPSHOT,
        symptom: "`Log size too large`",
        causes: ["snapshot-ignored"],
        source: "students' repositories",
    }

    /// Takes the service's snapshots only as a leader.
    IgnoresSnapshotsAsFollower {
        part: D,
        kind: Budget,
        breaks: "every server takes snapshots",
        rule: EACH_TAKES_SNAPSHOTS,
        symptom: "`Log size too large`",
        causes: ["snapshot-ignored"],
        source: "constructed",
    }

    /// Lets its log begin behind the service's snapshot, and throws the snapshot away.
    DropsSnapshot {
        part: D,
        kind: Service,
        breaks: "the snapshot is kept",
        rule: TAKE_SNAPSHOT,
        symptom: "`apply error: …: nil snapshot`, where a follower needs it; after a crash `apply \
            error: … apply out of order`",
        causes: ["snapshot-not-saved"],
        source: "students' repositories",
    }

    /// Lets its log begin behind a leader's snapshot, and keeps its own.
    KeepsOwnSnapshot {
        part: D,
        kind: Service,
        breaks: "a leader's snapshot is taken over",
        rule: SAVE_SNAPSHOT,
        symptom: "`apply error: …: nil snapshot`, or `snapshot doesn't match m.SnapshotIndex` if \
            it had made one",
        causes: ["old-snapshot-kept", "snapshot-of-another-index", "snapshot-empty"],
        source: "students' repositories",
    }

    /// Sends the first half of a snapshot, and never the second.
    SendsHalfSnapshot {
        part: D,
        kind: Service,
        breaks: "a snapshot is sent to its end",
        rule: ALL_CHUNKS,
        symptom: "`apply error: … snapshot decode error: …`",
        causes: ["snapshot-of-another-index"],
        source: "constructed",
    }

    /// A leader sends no snapshot: for a follower that lacks what the snapshot covers, it begins with the
    /// first entry behind that.
    NeverSendsSnapshot {
        part: D,
        kind: Liveness,
        breaks: "a follower that lags behind gets the snapshot",
        rule: SEND_SNAPSHOT,
        symptom: "`one(…) failed to reach agreement`, with a leader that still leads: the follower refuses \
            each request",
        causes: ["snapshot-not-sent"],
        source: "a student's blog of 2026",
    }

    /// Saves an empty snapshot each time that it saves its state.
    NeverSavesSnapshot {
        part: D,
        kind: Service,
        breaks: "the snapshot is saved with the state",
        rule: TAKE_SNAPSHOT,
        symptom: "`apply error: … apply out of order, expected index 1, got …`: after a crash the \
            service begins with nothing, the Raft behind the snapshot",
        causes: ["snapshot-not-saved"],
        source: "students' repositories",
    }

    /// Doesn't read its snapshot after a crash, and then replaces the saved one by none.
    NeverReadsSnapshot {
        part: D,
        kind: Service,
        breaks: "a restarted server has its snapshot",
        rule: TAKE_SNAPSHOT,
        symptom: "`apply error: … apply out of order, expected index 1, got …`, after the second \
            crash",
        causes: ["snapshot-not-read-back"],
        source: "students' repositories",
    }

    /// After a crash takes the saved state for the snapshot, and saves it as one.
    ReadsStateForSnapshot {
        part: D,
        kind: Service,
        breaks: "state and snapshot are saved apart",
        rule: TAKE_SNAPSHOT,
        symptom: "`server …: snapshot decode error: …`, after the second crash",
        causes: ["state-saved-as-snapshot"],
        source: "constructed",
    }

    /// Keeps its first snapshot when the service makes another, though its log begins behind the
    /// new one.
    KeepsFirstSnapshot {
        part: D,
        kind: Service,
        breaks: "snapshot and log change together",
        rule: SAVE_SNAPSHOT,
        symptom: "`apply error: … snapshot doesn't match m.SnapshotIndex`",
        causes: ["old-snapshot-kept"],
        source: "students' repositories: state and snapshot saved apart",
    }

    /// Hands on a snapshot with an index that counts from 0.
    CountsSnapshotFromZero {
        part: D,
        kind: Service,
        breaks: "a snapshot has its last entry's index",
        rule: FIRST_INDEX,
        symptom: "`apply error: … snapshot doesn't match m.SnapshotIndex`",
        causes: ["snapshot-of-another-index"],
        source: "constructed",
    }

    /// Counts its log from 1 after a crash, as if there were no snapshot.
    ForgetsSnapshotIndex {
        part: D,
        kind: Service,
        breaks: "the last included index is saved",
        rule: LAST_INCLUDED,
        symptom: "`apply error: … apply out of order, expected index …, got 1`",
        causes: ["snapshot-index-forgotten"],
        source: "students' repositories",
    }

    /// Starts none of its tasks if it begins with a snapshot, as if its log weren't complete.
    IdlesBehindSnapshot {
        part: D,
        kind: Liveness,
        breaks: "a log that begins behind the snapshot is complete",
        rule: LAST_INCLUDED,
        symptom: "`one(…) failed to reach agreement`: a server that was restarted with a snapshot answers, \
            and applies nothing and starts no election",
        causes: ["silent-since-restart"],
        source: "CurvineIO/curvine#1602: the first index compared with the snapshot's",
    }

    /// Looks for the entry to apply at its index, as if the log began at 1.
    IgnoresSnapshotOffset {
        part: D,
        kind: Service,
        breaks: "an index counts from the snapshot",
        rule: LAST_INCLUDED,
        symptom: "`server … panicked in a task …: index out of bounds: …`",
        causes: ["snapshot-offset-ignored"],
        source: "students' repositories",
    }

    /// Doesn't hand on to the service a snapshot that the leader has sent.
    KeepsSnapshotToItself {
        part: D,
        kind: Service,
        breaks: "a snapshot resets the service",
        rule: RESET_SERVICE,
        symptom: "`apply error: … apply out of order, expected index …, got …`",
        causes: ["snapshot-not-delivered"],
        source: "students' repositories",
    }

    /// A leader doesn't note that a follower has installed its snapshot.
    NeverAdvancesAfterSnapshot {
        part: D,
        kind: Liveness,
        breaks: "a snapshot advances nextIndex",
        rule: UPDATE_INDEXES,
        symptom: "`one(…) failed to reach agreement`, with a leader that still leads, which sends \
            the snapshot again and again",
        causes: ["snapshot-answer-ignored"],
        source: "students' repositories",
    }

    /// Takes a snapshot's last index for the next one to send.
    CountsSnapshotOneShort {
        part: D,
        kind: Liveness,
        breaks: "entries follow the snapshot's last",
        rule: UPDATE_INDEXES,
        symptom: "like that of `NeverAdvancesAfterSnapshot`: the log doesn't have that entry, so \
            that the snapshot is sent again",
        causes: ["snapshot-answer-ignored"],
        source: "students' repositories",
    }

    /// Installs a snapshot that covers less than it has applied, and goes back with it.
    InstallsAnySnapshot {
        part: D,
        kind: Service,
        breaks: "a late snapshot is discarded",
        rule: SAVE_SNAPSHOT,
        symptom: "`apply error: … is older than index …`, if requests overtook each other",
        causes: ["snapshot-goes-back", "applied-twice", "log-dropped-for-snapshot"],
        source: "students' repositories",
    }

    /// Saves a snapshot at once, and the log that begins behind it with the next change.
    SavesSnapshotBeforeState {
        part: D,
        kind: Service,
        breaks: "snapshot and log are saved together",
        rule: LAST_INCLUDED,
        symptom: "`apply error: … apply out of order`, if a server crashes between the two: the \
            service begins behind the log's beginning",
        causes: ["snapshot-of-another-index", "snapshot-index-forgotten"],
        source: "students' repositories; Students' Guide to Raft",
    }

    /// Saves the log that begins behind a snapshot at once, and the snapshot with the next change.
    SavesStateBeforeSnapshot {
        part: D,
        kind: Service,
        breaks: "snapshot and log are saved together",
        rule: TAKE_SNAPSHOT,
        symptom: "`apply error: … apply out of order`, if a server crashes between the two: the \
            service begins before the log's beginning",
        causes: ["snapshot-not-saved", "old-snapshot-kept"],
        source: "students' repositories; Students' Guide to Raft",
    }

    /// Doesn't save a snapshot that the leader has sent; the next change saves it, too.
    NeverSavesInstalled {
        part: D,
        kind: Safety,
        breaks: "an installed snapshot is saved",
        rule: SAVE_SNAPSHOT,
        symptom: "a follower has forgotten in a crash what it had confirmed",
        causes: ["snapshot-not-saved", "log-not-saved"],
        source: "students' repositories",
    }

    /// Hands on something else in the place of a snapshot.
    DeliversGarbage {
        part: D,
        kind: Service,
        breaks: "the service gets its own snapshot",
        rule: RESET_SERVICE,
        symptom: "`apply error: … snapshot decode error …`",
        causes: ["snapshot-of-another-index"],
        source: "constructed",
    }

    /// Compares a snapshot from the leader with its own only, and goes back with it behind what it
    /// has applied.
    InstallsOverApplied {
        part: D,
        kind: Service,
        breaks: "a late snapshot is discarded",
        rule: SAVE_SNAPSHOT,
        symptom: "`apply error: … is older than index …`, if requests overtook each other",
        causes: ["snapshot-goes-back", "applied-twice"],
        source: "students' repositories",
    }

    /// Keeps its own entry at the end of a leader's snapshot, and what follows it, though that entry is of
    /// another term.
    KeepsLogOverSnapshot {
        part: D,
        kind: Safety,
        breaks: "a snapshot that conflicts with the log replaces it",
        rule: DISCARD_LOG,
        symptom: "`apply error: commit index=…`, if what is left is taken for the leader's",
        causes: ["log-kept-over-snapshot"],
        source: "hashicorp/raft#697; deventlab/d-engine#448",
    }

    /// Doesn't confirm an InstallSnapshot that covers no more than it has committed.
    NeverConfirmsLateSnapshots {
        part: D,
        kind: Liveness,
        breaks: "a snapshot that isn't needed is confirmed",
        rule: UPDATE_INDEXES,
        symptom: "`one(…) failed to reach agreement`, with a leader that still leads and sends its \
            snapshot again and again",
        causes: ["snapshot-answer-ignored"],
        source: "rabbitmq/ra#508",
    }

    /// Installs every snapshot that a leader sends, and sets the commit index to its last.
    CommitGoesBackWithSnapshot {
        part: D,
        kind: Liveness,
        breaks: "the commit index only goes up",
        rule: COMMIT_INDEX,
        symptom: "commands are applied late, if requests overtook each other",
        causes: ["commit-goes-back", "log-dropped-for-snapshot"],
        source: "students' repositories",
    }

    /// Sets nextIndex and matchIndex to a snapshot's end with each reply, whatever the term that it
    /// was sent in and what is known since.
    TakesAnySnapshotReply {
        part: D,
        kind: Harmless {
            reason: "a follower that has confirmed a snapshot keeps it, so a late reply only \
                causes something to be sent twice",
        },
        breaks: "a snapshot's late reply takes nothing back",
        rule: UPDATE_INDEXES,
        symptom: "`one(…) failed to reach agreement`, if the reply of an earlier leadership says \
            what the follower hasn't; else something is sent twice",
        causes: [],
        source: "students' repositories",
    }

    /// Takes a snapshot of the service that covers more than was applied.
    TakesSnapshotsBeyondApplied {
        part: D,
        kind: Harmless { reason: "no service makes such a snapshot" },
        breaks: "only what is applied is in a snapshot",
        rule: EACH_TAKES_SNAPSHOTS,
        symptom: "nothing",
        causes: [],
        source: "students' repositories",
    }

    /// Panics if a request follows an entry before the last that its snapshot covers.
    PanicsBelowSnapshot {
        part: D,
        kind: Liveness,
        breaks: "a snapshot covers entries that match",
        rule: LEADER_COMPLETENESS,
        symptom: "`server … panicked in the handler of Raft.AppendEntries …`, if a request comes \
            late",
        causes: ["request-below-snapshot"],
        source: "students' repositories: an index below 0",
    }

    /// Refuses a request that follows an entry before the last that its snapshot covers, as if its
    /// log were too short.
    TakesSnapshotForGap {
        part: D,
        kind: Harmless { reason: "the leader finds the place at the next attempt" },
        breaks: "a snapshot covers entries that match",
        rule: LEADER_COMPLETENESS,
        symptom: "a request more",
        causes: [],
        source: "students' repositories",
    }

    /// Refuses a request that follows an entry before the last that its snapshot covers, and asks
    /// for the same again.
    RefusesBelowSnapshot {
        part: D,
        kind: Liveness,
        breaks: "a snapshot covers entries that match",
        rule: LEADER_COMPLETENESS,
        symptom: "`one(…) failed to reach agreement`, with a leader that still leads, if it \
            doesn't get beyond the place",
        causes: ["covered-entry-refused", "next-index-stays"],
        source: "students' repositories",
    }

    /// Appends the entries of a request that begins below its snapshot behind the snapshot.
    ShiftsEntriesBehindSnapshot {
        part: D,
        kind: Safety,
        breaks: "an entry keeps its index",
        rule: LAST_INCLUDED,
        symptom: "`apply error: commit index=…`: the server applies at one index what the leader sent at \
            another",
        causes: ["applied-at-another-index"],
        source: "RedisLabs/raft#49",
    }

    /// Notes what it has applied when all that was committed at the beginning has gone to the
    /// service, though a snapshot may have been installed meanwhile.
    SetsAppliedBack {
        part: D,
        kind: Liveness,
        breaks: "lastApplied only goes up",
        rule: LAST_APPLIED,
        symptom: "`one(…) failed to reach agreement`: the next entry to apply is one that the \
            snapshot covers. It takes a service that is slow",
        causes: ["committed-not-applied", "applied-twice"],
        source: "students' repositories",
    }

    /// Hands on a snapshot by a task of its own, while the applier hands on entries.
    DeliversSnapshotsBeside {
        part: D,
        kind: Service,
        breaks: "one task applies",
        rule: RESET_SERVICE,
        symptom: "`apply error: … apply out of order`, if entries overtake the snapshot. It takes \
            a service that is slow",
        causes: ["snapshot-goes-back", "applied-twice", "apply-left-out"],
        source: "students' repositories: two ways to one channel",
    }

    /// Takes its current term for that of the last entry that the service's snapshot covers.
    CutsWithCurrentTerm {
        part: D,
        kind: Liveness,
        breaks: "a snapshot has its last entry's term",
        rule: LAST_INCLUDED_TERM,
        symptom: "`one(…) failed to reach agreement`, with a leader that still leads: leader and \
            follower disagree on the term at a snapshot's end, and neither gives way",
        causes: ["snapshot-term-wrong"],
        source: "students' repositories",
    }

    /// Takes a leader's term for that of the last entry that its snapshot covers.
    InstallsInLeadersTerm {
        part: D,
        kind: Liveness,
        breaks: "a snapshot has its last entry's term",
        rule: LAST_INCLUDED_TERM,
        symptom: "`one(…) failed to reach agreement`, with a leader that still leads: the follower \
            refuses what comes behind the snapshot",
        causes: ["snapshot-taken-half", "snapshot-term-wrong"],
        source: "students' repositories: `term` for `last_included_term`",
    }

    /// Saves 0 for the term of the last entry that its snapshot covers.
    NeverSavesSnapshotTerm {
        part: D,
        kind: Liveness,
        breaks: "a snapshot has its last entry's term, also after a crash",
        rule: LAST_INCLUDED_TERM,
        symptom: "`one(…) failed to reach agreement`: after a restart a server refuses what comes \
            behind its snapshot, and its log counts as the oldest",
        causes: ["snapshot-term-wrong", "snapshot-index-forgotten"],
        source: "students' repositories",
    }

    /// Sends 0 as prevLogTerm if prevLogIndex is the last index that its snapshot covers.
    SendsZeroForSnapshotTerm {
        part: D,
        kind: Liveness,
        breaks: "prevLogTerm is the term of the entry at prevLogIndex",
        rule: PREV_TERM,
        symptom: "`one(…) failed to reach agreement`, with a leader that still leads: a follower \
            refuses what comes behind the snapshot",
        causes: ["snapshot-term-wrong"],
        source: "students' repositories: the entry is looked for in what is left of the log",
    }

    /// Keeps the last entry that the service's snapshot covers, and counts it as the first behind
    /// the snapshot.
    CutsOneTooFew {
        part: D,
        kind: Safety,
        breaks: "an entry keeps its index",
        rule: LAST_INCLUDED,
        symptom: "`apply error: … apply out of order` and `apply error: commit index=…`: all \
            entries behind the snapshot have moved by one",
        causes: ["applied-at-another-index", "request-of-another-index"],
        source: "students' repositories: `>` for `>=`",
    }

    /// Leaves out the first entry behind its snapshot when it sends what follows the snapshot.
    SkipsFirstBehindSnapshot {
        part: D,
        kind: Safety,
        breaks: "an entry keeps its index",
        rule: LAST_INCLUDED,
        symptom: "`apply error: commit index=…`: a follower has at one index what the leader has \
            at the next",
        causes: ["applied-at-another-index", "request-of-another-index"],
        source: "students' repositories: an index that counts from the snapshot",
    }

    /// Counts the entry behind an installed snapshot as applied.
    AppliesNotFirstBehindSnapshot {
        part: D,
        kind: Service,
        breaks: "nothing is left out",
        rule: RESET_SERVICE,
        symptom: "`apply error: … apply out of order`: after a snapshot the first command is \
            missing",
        causes: ["apply-left-out"],
        source: "students' repositories",
    }
}
