//! Commits: what counts as committed, and what is applied.

use super::Kind::{Harmless, Liveness, Safety, Service};
use super::Part::{B, C};
use super::rules::{APPLY, LEADER_COMMIT, MAJORITY_HAS_IT};
use super::{Bug, Row, bugs};

bugs! {
    /// Commits what half of the servers have, rounded down.
    CommitsWithHalf {
        part: B,
        kind: Safety,
        breaks: "a majority is needed to commit",
        rule: MAJORITY_HAS_IT,
        symptom: "`… committed but no majority`: of three, a leader alone commits",
        causes: ["commits-without-majority"],
        source: "constructed",
    }

    /// Commits what half of the servers have where their number is even.
    CommitsWithHalfOfEven {
        part: B,
        kind: Safety,
        breaks: "half is no majority",
        rule: MAJORITY_HAS_IT,
        symptom: "a leader commits what two of four servers have. MIT's clusters are all of odd \
            sizes",
        causes: ["commits-without-majority"],
        source: "constructed: the median of matchIndex",
    }

    /// Commits what all servers have.
    CommitsWhenAllHave {
        part: B,
        kind: Liveness,
        breaks: "a majority is enough to commit",
        rule: MAJORITY_HAS_IT,
        symptom: "`one(…) failed to reach agreement`, with a leader that still leads, as soon as \
            one server is cut off",
        causes: ["majority-not-committed"],
        source: "constructed",
    }

    /// Commits what a majority has beside the leader.
    CountsOnlyFollowers {
        part: B,
        kind: Liveness,
        breaks: "the leader counts for its majority",
        rule: MAJORITY_HAS_IT,
        symptom: "`one(…) failed to reach agreement`, with a leader that still leads, as soon as \
            one of three, or two of five, are cut off",
        causes: ["majority-not-committed"],
        source: "students' repositories",
    }

    /// Commits a command as it takes it.
    CommitsAtOnce {
        part: B,
        kind: Safety,
        breaks: "a majority is needed to commit",
        rule: MAJORITY_HAS_IT,
        symptom: "`… committed but no majority`; `apply error: commit index=…`, if the leader is \
            cut off",
        causes: ["commits-without-majority"],
        source: "constructed",
    }

    /// Looks for what a majority has only when it takes a command.
    CommitsOnlyOnStart {
        part: B,
        kind: Liveness,
        breaks: "replies advance the commit index",
        rule: MAJORITY_HAS_IT,
        symptom: "`one(…) failed to reach agreement`, with a leader that still leads; `only … \
            decided for index …; wanted …`: the last command waits for the next",
        causes: ["majority-not-committed"],
        source: "constructed",
    }

    /// Commits an entry of an earlier term as soon as a majority has it.
    CommitsOldTerms {
        part: C,
        kind: Safety,
        breaks: "only entries of its own term are counted",
        rule: MAJORITY_HAS_IT,
        symptom: "`apply error: commit index=…`, if all of Figure 8 happens",
        causes: ["old-term-committed"],
        source: "students' repositories; the paper's Figure 8",
    }

    /// Takes the leader's commit index as it is, though its own log may end before, or go on
    /// otherwise.
    CommitsBeyondNewEntries {
        part: B,
        kind: Harmless {
            reason: "requests of this Raft bring all that is due, so none says too much",
        },
        breaks: "a follower commits no further than it agrees",
        rule: LEADER_COMMIT,
        symptom: "`apply error: commit index=…`, in a Raft whose leader sends heartbeats without \
            entries while some are due. This crate's never does, so what it tells always covers \
            the commit index",
        causes: [],
        source: "Students' Guide to Raft",
    }

    /// A follower looks at the leader's commit index only if there are entries with it.
    CommitsOnlyWithEntries {
        part: B,
        kind: Liveness,
        breaks: "heartbeats tell the commit index, too",
        rule: LEADER_COMMIT,
        symptom: "`only … decided for index …; wanted …` and `one(…) failed to reach agreement`: \
            the last command stays with the leader until another comes",
        causes: ["heartbeat-commit-ignored"],
        source: "students' repositories",
    }

    /// Sends each message to the service twice.
    AppliesTwice {
        part: B,
        kind: Service,
        breaks: "each command is applied once",
        rule: APPLY,
        symptom: "`apply error: … apply out of order, expected index …, got …`",
        causes: ["applied-twice"],
        source: "Students' Guide to Raft: two tasks that apply",
    }

    /// Applies the entry at commitIndex and leaves out those before.
    AppliesOnlyTheLast {
        part: B,
        kind: Service,
        breaks: "nothing is left out",
        rule: APPLY,
        symptom: "`apply error: … apply out of order …` as soon as two commands are committed \
            together",
        causes: ["apply-left-out"],
        source: "constructed",
    }

    /// Applies one entry each time that it is told of a new commit index.
    AppliesOnePerNotice {
        part: B,
        kind: Liveness,
        breaks: "all that is committed is applied",
        rule: APPLY,
        symptom: "`only … decided for index …; wanted …` and `one(…) failed to reach agreement`: \
            a server that gets several at once falls behind",
        causes: ["one-command-each-time", "committed-not-applied"],
        source: "students' repositories: `if` for `while` beside a condition variable",
    }

    /// Looks for what is committed only every 1.3 s.
    PollsForCommits {
        part: B,
        kind: Liveness,
        breaks: "what is committed is applied at once",
        rule: APPLY,
        symptom: "`test took longer than 120 seconds`: all that a test wants happens, only late",
        causes: ["applies-late"],
        source: "students' repositories: a ticker that applies",
    }

    /// Applies at most one entry each 0.3 s.
    AppliesOnePerTick {
        part: B,
        kind: Liveness,
        breaks: "what is committed is applied at once",
        rule: APPLY,
        symptom: "`one(…) failed to reach agreement`, with a leader that still leads, where there \
            are many; with snapshots `test took longer than 120 seconds`",
        causes: ["applies-late", "committed-not-applied"],
        source: "students' repositories: a ticker that applies",
    }

    /// [`Bug::CommitsBeyondNewEntries`] with heartbeats that have no entries though some are due:
    /// the leader's commit index is beyond what they prove.
    CommitsWhatHeartbeatsTell {
        part: B,
        kind: Safety,
        breaks: "a follower commits no further than it agrees",
        rule: LEADER_COMMIT,
        symptom: "`apply error: commit index=…`, if the follower's log goes on otherwise; if it \
            ends before, it applies nothing until the next commit: `only … decided for index …; \
            wanted …`",
        causes: ["commits-beyond-new-entries"],
        source: "Students' Guide to Raft",
    }

    /// Commits up to the end of its log, if the leader has committed as much; heartbeats have no
    /// entries though some are due, so that its log may go on otherwise.
    CommitsWhatItHas {
        part: B,
        kind: Safety,
        breaks: "a follower commits no further than it agrees",
        rule: LEADER_COMMIT,
        symptom: "`apply error: commit index=…`, if the follower's log goes on otherwise behind \
            the last new entry",
        causes: ["commits-beyond-new-entries"],
        source: "Students' Guide to Raft; students' repositories",
    }

    /// Doesn't look further than the first entry that isn't committed, if that is of an earlier
    /// term.
    StopsAtOldTerms {
        part: B,
        kind: Liveness,
        breaks: "an entry of the current term commits earlier ones",
        rule: MAJORITY_HAS_IT,
        symptom: "`one(…) failed to reach agreement`, with a leader that still leads: after an \
            entry of an earlier term nothing is committed any more",
        causes: ["majority-not-committed"],
        source: "students' repositories: a loop that ends where it should go on",
    }

    /// Two tasks apply what is committed, and note what they have applied when the service has it.
    RunsTwoAppliers {
        part: B,
        kind: Service,
        breaks: "one task applies",
        rule: APPLY,
        symptom: "`apply error: … apply out of order, expected index …, got …`: both have sent the \
            same",
        causes: ["applied-twice"],
        source: "Students' Guide to Raft; MIT's hints",
    }

    /// Starts a task each time that something is committed, which applies it and then notes that it
    /// has.
    AppliesPerNotice {
        part: B,
        kind: Service,
        breaks: "one task applies",
        rule: APPLY,
        symptom: "`apply error: … apply out of order, expected index …, got …`, if the next commit \
            comes before the service has the last",
        causes: ["applied-twice"],
        source: "Students' Guide to Raft",
    }

    /// Doesn't hear what is committed while it applies: a notice wakes only a task that waits for
    /// it, and this one looks at the commit index before it begins and not when it ends.
    MissesNotices {
        part: B,
        kind: Liveness,
        breaks: "what is committed is applied at once",
        rule: APPLY,
        symptom: "the last command waits for the next: `one(…) failed to reach agreement`, if the \
            service is slow. The tester's takes each message at once",
        causes: ["committed-not-applied"],
        source: "students' repositories: a condition variable without a condition",
    }

    /// A follower takes over the leader's commit index, up to its own last entry, before it looks
    /// at term and log.
    CommitsBeforeItLooks {
        part: B,
        kind: Safety,
        breaks: "a follower commits no further than it agrees",
        rule: LEADER_COMMIT,
        symptom: "`apply error: commit index=…`, if its log is another than the leader's",
        causes: ["commits-beyond-new-entries", "commit-of-refused-request"],
        source: "students' repositories",
    }

    /// A follower that refuses entries because of its log takes over the commit index all the same,
    /// up to where they would end.
    CommitsWhatItRefuses {
        part: B,
        kind: Safety,
        breaks: "a refused request commits nothing",
        rule: LEADER_COMMIT,
        symptom: "`apply error: commit index=…`, if its log is another than the leader's",
        causes: ["commit-of-refused-request"],
        source: "students' repositories: the commit index is set on every path",
    }

    /// Drops a message for which the channel to the service has no room within 20 ms.
    DropsWhatServiceHasNoTimeFor {
        part: B,
        kind: Service,
        breaks: "nothing is left out",
        rule: APPLY,
        symptom: "`apply error: … apply out of order …`, if the service is slow",
        causes: ["apply-left-out"],
        source: "students' repositories: a send with a timeout, or `try_send`",
    }
}
