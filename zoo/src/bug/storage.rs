//! Storage: what survives a crash.

use super::Kind::{Liveness, Safety, Service};
use super::Part::{C, D};
use super::rules::{COMMIT_INDEX, LAST_APPLIED, PERSISTENT_STATE};
use super::{Bug, Row, bugs};

bugs! {
    /// Is back in term 0 after a crash.
    NeverSavesTerm {
        part: C,
        kind: Safety,
        breaks: "currentTerm is saved",
        rule: PERSISTENT_STATE,
        symptom: "`apply error: commit index=…`: two leaders of one term, one before and one after \
            the crash",
        causes: ["term-not-saved"],
        source: "students' repositories",
    }

    /// Forgets in a crash for whom it has voted.
    NeverSavesVote {
        part: C,
        kind: Safety,
        breaks: "votedFor is saved",
        rule: PERSISTENT_STATE,
        symptom: "two leaders of one term, if a server crashes between two candidates' requests",
        causes: ["vote-not-saved"],
        source: "students' repositories; Students' Guide to Raft",
    }

    /// Forgets its log in a crash, but for the snapshot.
    NeverSavesLog {
        part: C,
        kind: Safety,
        breaks: "the log is saved",
        rule: PERSISTENT_STATE,
        symptom: "`apply error: commit index=…`, and with snapshots `index decreased from … to …`",
        causes: ["log-not-saved"],
        source: "students' repositories",
    }

    /// A leader doesn't save a command that it takes; the next change saves it, too.
    NeverSavesOwnCommands {
        part: C,
        kind: Safety,
        breaks: "a new command is saved",
        rule: PERSISTENT_STATE,
        symptom: "`apply error: commit index=…`: a leader has forgotten what it has committed",
        causes: ["log-not-saved"],
        source: "students' repositories",
    }

    /// Writes what must survive a crash, and answers without waiting until it is safe on the disk.
    NeverSyncs {
        part: C,
        kind: Safety,
        breaks: "what is written is made safe before it is answered",
        rule: PERSISTENT_STATE,
        symptom: "after a crash nothing is there: that of `NeverSavesTerm`, `NeverSavesVote` and \
            `NeverSavesLog` together",
        causes: ["log-not-saved", "vote-not-saved", "term-not-saved"],
        source: "constructed",
    }

    /// Takes all that it had saved for committed and applied.
    TakesSavedForApplied {
        part: C,
        kind: Service,
        breaks: "what is saved isn't yet committed",
        rule: COMMIT_INDEX,
        symptom: "`apply error: … apply out of order …`",
        causes: ["saved-taken-for-applied"],
        source: "constructed",
    }

    /// A follower doesn't save the entries that it accepts; the next change saves them, too.
    NeverSavesTheirEntries {
        part: C,
        kind: Safety,
        breaks: "accepted entries are saved",
        rule: PERSISTENT_STATE,
        symptom: "`apply error: commit index=…`, and with snapshots `index decreased from … to …`: \
            a follower has forgotten what it had confirmed",
        causes: ["log-not-saved"],
        source: "students' repositories",
    }

    /// Doesn't save a term that it has heard of; the next change saves it, too.
    NeverSavesNewTerm {
        part: C,
        kind: Safety,
        breaks: "a new term is saved",
        rule: PERSISTENT_STATE,
        symptom: "a term that goes back, if a server crashes before anything else changes",
        causes: ["term-not-saved"],
        source: "constructed",
    }

    /// Doesn't save a vote that it grants; the next change saves it, too.
    NeverSavesGrantedVote {
        part: C,
        kind: Safety,
        breaks: "a vote is saved",
        rule: PERSISTENT_STATE,
        symptom: "two leaders of one term, if a server crashes between two candidates' requests",
        causes: ["vote-not-saved"],
        source: "students' repositories: saved at the wrong place",
    }

    /// Saves the votes that it gives to others, and not the one for itself.
    NeverSavesOwnVote {
        part: C,
        kind: Safety,
        breaks: "a candidate's own vote is saved",
        rule: PERSISTENT_STATE,
        symptom: "a candidate crashes, comes back, and votes for another one of the same term",
        causes: ["vote-not-saved"],
        source: "constructed: saved at the wrong place",
    }

    /// Answers at once, and has saved 20 ms later.
    SavesLate {
        part: C,
        kind: Safety,
        breaks: "what changes is saved before a reply",
        rule: PERSISTENT_STATE,
        symptom: "`apply error: commit index=…`, and with snapshots `index decreased from … to …`: \
            what was just confirmed is gone",
        causes: ["log-not-saved", "vote-not-saved", "term-not-saved", "snapshot-not-saved"],
        source: "constructed: a task that saves",
    }

    /// Begins to apply at index 1 after a crash, though its log begins behind a snapshot.
    AppliesFromOne {
        part: D,
        kind: Liveness,
        breaks: "what a snapshot covers is applied",
        rule: LAST_APPLIED,
        symptom: "`server … panicked in a task …`: the log has no such entry",
        causes: ["snapshot-index-forgotten"],
        source: "students' repositories",
    }
}
