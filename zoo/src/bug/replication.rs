//! Replication: how the logs become the same.

use super::Kind::{Harmless, Liveness, Safety};
use super::Part::{A, B, C};
use super::rules::{
    CONFLICT, CONSISTENCY_CHECK, FAST_BACKUP, FIRST_INDEX, HIGHER_TERM, IN_PARALLEL,
    INVOKED_BY_LEADER, MATCH_INDEX, NEXT_INDEX, OLD_TERM, PREV_TERM, REPLY_TERM,
    RETRIES_INDEFINITELY, RETRY, SEND_ENTRIES, SUCCESS, UPDATE_INDEXES,
};
use super::{Bug, Row, bugs};

bugs! {
    /// Accepts entries as soon as its log is long enough, whatever its last entry's term.
    SkipsConsistencyCheck {
        part: B,
        kind: Safety,
        breaks: "a follower's log must match before the new entries",
        rule: CONSISTENCY_CHECK,
        symptom: "`apply error: commit index=…`",
        causes: ["log-mismatch-accepted"],
        source: "Students' Guide to Raft",
    }

    /// Deletes whatever follows the entries that a leader has sent, also where they agree with its
    /// own.
    TruncatesAlways {
        part: B,
        kind: Safety,
        breaks: "only a conflict truncates the log",
        rule: CONFLICT,
        symptom: "`apply error: commit index=…` or `one(…) failed to reach agreement`: a late \
            request takes back what was acknowledged meanwhile",
        causes: ["log-truncated"],
        source: "Students' Guide to Raft",
    }

    /// A leader whose entries are refused gives up its leadership, whatever the reason.
    StepsDownWhenRefused {
        part: B,
        kind: Liveness,
        breaks: "a leader retries after a refusal",
        rule: RETRY,
        symptom: "`one(…) failed to reach agreement`, and whoever accepted it `lost its \
            leadership`: no leader outlives a follower that lacks something",
        causes: ["leader-gives-up"],
        source: "Students' Guide to Raft",
    }

    /// Sends a follower the same entries again after it has refused them.
    NeverBacksUp {
        part: B,
        kind: Liveness,
        breaks: "a refusal decrements nextIndex",
        rule: RETRY,
        symptom: "`one(…) failed to reach agreement`, with a leader that still leads: a \
            server that has missed something never gets it",
        causes: ["next-index-stays"],
        source: "constructed",
    }

    /// Goes back by one entry for each refusal, and at a heartbeat's pace.
    BacksUpOneByOne {
        part: C,
        kind: Liveness,
        breaks: "a leader goes back by a term at a time",
        rule: FAST_BACKUP,
        symptom: "`one(…) failed to reach agreement`, with a leader that still leads: followers \
            that have missed much take longer than the 10 s of `one`",
        causes: ["back-one-by-one"],
        source: "students' repositories",
    }

    /// After a refusal goes on behind the follower's last entry, wherever that is.
    BacksUpToTheirEnd {
        part: B,
        kind: Liveness,
        breaks: "nextIndex goes down",
        rule: RETRY,
        symptom: "`one(…) failed to reach agreement`, with a leader that still leads: with a \
            longer log than the leader's, the follower is asked for what isn't there",
        causes: ["next-index-stays", "next-index-beyond-log"],
        source: "students' repositories: the follower's length is trusted",
    }

    /// Takes a reply for a sign that the follower has all that is in the leader's log by then.
    CountsUnsentEntries {
        part: B,
        kind: Safety,
        breaks: "matchIndex is what a request has brought",
        rule: UPDATE_INDEXES,
        symptom: "`apply error: commit index=…`: an entry counts as replicated before it is sent",
        causes: ["unsent-entry-counted"],
        source: "Students' Guide to Raft",
    }

    /// A leader takes the follower's last index, which each reply says, for matchIndex.
    CountsTheirLength {
        part: B,
        kind: Safety,
        breaks: "matchIndex is what a request has brought",
        rule: UPDATE_INDEXES,
        symptom: "`apply error: commit index=…`: the end of the follower's log may be another leader's, \
            and counts all the same",
        causes: ["commits-without-majority", "unsent-entry-counted"],
        source: "apache/ratis RATIS-2605",
    }

    /// A leader takes the last index of a follower whose log is too short, which the refusal says, for
    /// matchIndex.
    TakesHintForMatch {
        part: B,
        kind: Safety,
        breaks: "a refusal confirms nothing",
        rule: MATCH_INDEX,
        symptom: "`one(…) failed to reach agreement`, with a leader that still leads: nextIndex can't go \
            back behind matchIndex",
        causes: ["next-index-stays", "commits-without-majority", "unsent-entry-counted"],
        source: "microsoft/CCF#5325",
    }

    /// Sends heartbeats only.
    NeverSendsEntries {
        part: B,
        kind: Liveness,
        breaks: "a leader sends what a follower lacks",
        rule: SEND_ENTRIES,
        symptom: "`one(…) failed to reach agreement`, with a leader that still leads; `only … \
            decided for index …; wanted …`",
        causes: ["entry-not-sent"],
        source: "constructed",
    }

    /// Sends a request when the one before, to another follower, has been answered.
    SendsInTurn {
        part: B,
        kind: Liveness,
        breaks: "requests go out in parallel",
        rule: IN_PARALLEL,
        symptom: "`one(…) failed to reach agreement`, and whoever accepted it `lost its \
            leadership`: a follower that is cut off keeps the others from hearing of their leader \
            for up to 7 s",
        causes: ["sends-in-turn"],
        source: "students' repositories",
    }

    /// A follower answers when it has applied the entries.
    AnswersOnceApplied {
        part: B,
        kind: Liveness,
        breaks: "a reply doesn't wait for the commit",
        rule: SUCCESS,
        symptom: "`one(…) failed to reach agreement`, with a leader that still leads: the follower \
            waits for the commit, and the leader for the reply",
        causes: ["server-hangs"],
        source: "constructed: a handler that waits for ever",
    }

    /// Takes over entries from whoever sends them, also from a leader of an earlier term. It stays
    /// in its own term.
    AcceptsEntriesOfOldTerms {
        part: B,
        kind: Safety,
        breaks: "entries of an earlier term are refused",
        rule: OLD_TERM,
        symptom: "`apply error: commit index=…`: a leader that was cut off overwrites what its \
            successor has committed",
        causes: ["old-leader-obeyed"],
        source: "Students' Guide to Raft",
    }

    /// A leader that is refused because of its term backs up, as if logs differed, and leads on.
    TakesHigherTermForConflict {
        part: B,
        kind: Liveness,
        breaks: "a refusal's term is looked at first",
        rule: HIGHER_TERM,
        symptom: "two servers say for a while that they lead, until the old leader is asked \
            something in the new term",
        causes: ["term-not-adopted"],
        source: "Students' Guide to Raft",
    }

    /// Confirms every request without entries, whatever precedes them.
    SkipsCheckForHeartbeats {
        part: B,
        kind: Safety,
        breaks: "heartbeats are checked as entries are",
        rule: CONSISTENCY_CHECK,
        symptom: "`apply error: commit index=…`, or `one(…) failed to reach agreement` with a \
            leader that still leads: it takes a follower's word for entries which it hasn't",
        causes: ["log-mismatch-accepted"],
        source: "Students' Guide to Raft; students' repositories",
    }

    /// Replaces the entries that conflict with new ones, and keeps those behind them.
    KeepsConflictingSuffix {
        part: B,
        kind: Safety,
        breaks: "what follows a conflict is deleted",
        rule: CONFLICT,
        symptom: "`apply error: commit index=…`: a log that is too long, with an old term at its \
            end, or a new one that is followed by old ones",
        causes: ["log-mismatch-accepted", "conflicting-suffix-kept"],
        source: "students' repositories",
    }

    /// [`Bug::TruncatesAlways`] with requests that have entries; heartbeats delete nothing.
    TruncatesWithEntries {
        part: B,
        kind: Safety,
        breaks: "only a conflict truncates the log",
        rule: CONFLICT,
        symptom: "that of `TruncatesAlways`, more rarely",
        causes: ["log-truncated"],
        source: "Students' Guide to Raft; students' repositories",
    }

    /// Backs up to the follower's last entry and not behind it: to 0, if there is none.
    BacksUpToZero {
        part: B,
        kind: Liveness,
        breaks: "the first index is 1",
        rule: FIRST_INDEX,
        symptom: "`server … panicked in a task …`, if a follower's log is empty and the leader's \
            isn't",
        causes: ["panic"],
        source: "students' repositories",
    }

    /// Backs up to its first entry of the follower's term, where it could to the last.
    BacksUpToTermsFirst {
        part: B,
        kind: Harmless { reason: "it sends more than it must, and nothing wrong" },
        breaks: "a leader goes back by a term at a time",
        rule: FAST_BACKUP,
        symptom: "more bytes than are needed",
        causes: [],
        source: "students' repositories: a search that begins at the wrong end",
    }

    /// Backs up for each refusal of its term, also of a request that was sent long before others
    /// which were accepted.
    HeedsLateRefusals {
        part: C,
        kind: Harmless {
            reason: "it never goes back behind matchIndex, so it only sends something twice",
        },
        breaks: "a late refusal says nothing of now",
        rule: RETRY,
        symptom: "entries are sent twice",
        causes: [],
        source: "students' repositories",
    }

    /// Takes a refusal of any of its terms for one of now, goes on behind the end of the follower's
    /// log, and takes its own log to reach as far.
    TrustsTheirLength {
        part: C,
        kind: Liveness,
        breaks: "nextIndex ends behind the log",
        rule: NEXT_INDEX,
        symptom: "`server … panicked in a task …`, if the refusal is of an earlier leadership with \
            a longer log",
        causes: ["late-reply-heeded"],
        source: "students' repositories",
    }

    /// Takes a follower's answer for one of now, whatever the term in which it was asked.
    CountsOldAnswers {
        part: C,
        kind: Safety,
        breaks: "an answer is for one term",
        rule: UPDATE_INDEXES,
        symptom: "`apply error: commit index=…`: an entry counts as replicated that nobody else \
            has",
        causes: ["former-reply-counted", "commits-without-majority", "unsent-entry-counted"],
        source: "Students' Guide to Raft",
    }

    /// Keeps what it knew of its followers when it led last.
    KeepsMatchIndexes {
        part: B,
        kind: Safety,
        breaks: "a new leader knows of no match",
        rule: MATCH_INDEX,
        symptom: "`apply error: commit index=…`, if the leader's log has lost entries since it led \
            last: it counts new ones as replicated that nobody else has",
        causes: ["match-index-kept", "commits-without-majority"],
        source: "students' repositories",
    }

    /// Believes when it begins to lead that every follower has its whole log.
    BeginsMatchAtEnd {
        part: B,
        kind: Harmless {
            reason: "a leader counts only entries of its own term, which come behind those",
        },
        breaks: "a new leader knows of no match",
        rule: MATCH_INDEX,
        symptom: "nothing",
        causes: [],
        source: "students' repositories",
    }

    /// Sets matchIndex to what the last reply says, also if an older one comes later.
    LetsMatchGoBack {
        part: C,
        kind: Harmless { reason: "it commits later than it could, and nothing wrong" },
        breaks: "matchIndex only goes up",
        rule: MATCH_INDEX,
        symptom: "commands are committed later than they could be",
        causes: [],
        source: "students' repositories",
    }

    /// Sets nextIndex to what the last reply says, also if an older one comes later.
    LetsNextGoBack {
        part: C,
        kind: Harmless { reason: "it sends something twice, and nothing wrong" },
        breaks: "a late success takes nothing back",
        rule: UPDATE_INDEXES,
        symptom: "entries are sent twice",
        causes: [],
        source: "students' repositories",
    }

    /// Sends a request that was lost or refused again as it was, every 0.1 s, until it is accepted.
    ResendsSameRequest {
        part: C,
        kind: Liveness,
        breaks: "a request is made anew for each try",
        rule: RETRY,
        symptom: "`one(…) failed to reach agreement`, with a leader that still leads: what a \
            follower has once refused it refuses again, and nothing else is sent to it but \
            heartbeats",
        causes: ["next-index-stays", "confirmed-sent-again"],
        source: "students' repositories: a loop around the call, with the arguments outside",
    }

    /// Takes the last reply that anybody has sent for that of a call which has failed.
    ReusesReply {
        part: C,
        kind: Safety,
        breaks: "a call that fails has no reply",
        rule: UPDATE_INDEXES,
        symptom: "`… committed but no majority` and `apply error: commit index=…`: a follower that \
            is cut off counts by another's reply",
        causes: ["commits-without-majority", "unsent-entry-counted", "leads-without-majority"],
        source: "students' repositories: one variable for the replies of several calls",
    }

    /// Sends entries, and what is committed, only with the next heartbeat.
    ReplicatesByHeartbeat {
        part: B,
        kind: Harmless { reason: "it is slow, which only lab 4 measures" },
        breaks: "a command is sent as it comes",
        rule: SEND_ENTRIES,
        symptom: "each command takes up to two intervals more",
        causes: [],
        source: "students' repositories",
    }

    /// Sends as prevLogTerm the term of its last entry, whatever prevLogIndex.
    SendsLastTermAsPrev {
        part: B,
        kind: Safety,
        breaks: "prevLogTerm is the term of the entry at prevLogIndex",
        rule: PREV_TERM,
        symptom: "`one(…) failed to reach agreement`, with a leader that still leads: what a \
            follower has in common with it is refused",
        causes: ["prev-log-term-wrong"],
        source: "students' repositories",
    }

    /// Refuses AppendEntries of an earlier term with a reply that has the request's term.
    RefusesInTheirTerm {
        part: A,
        kind: Liveness,
        breaks: "a reply has its sender's term",
        rule: REPLY_TERM,
        symptom: "a former leader doesn't learn that its term is over until the new one sends to \
            it",
        causes: ["answer-without-term", "says-another-state"],
        source: "students' repositories: the reply begins as a copy of the request",
    }

    /// Waits 50 ms for the reply to AppendEntries, and takes the call for failed then.
    GivesUpCallsSoon {
        part: B,
        kind: Liveness,
        breaks: "a late reply is a reply",
        rule: UPDATE_INDEXES,
        symptom: "`one(…) failed to reach agreement`, with a leader that still leads, where \
            messages take longer: followers confirm each request, and nothing is committed",
        causes: ["reply-not-taken"],
        source: "students' repositories: a timeout around the call",
    }

    /// Drops its call to a follower when it sends that follower something else.
    DropsCallsUnderWay {
        part: B,
        kind: Liveness,
        breaks: "a late reply is a reply",
        rule: UPDATE_INDEXES,
        symptom: "`one(…) failed to reach agreement`, with a leader that still leads, where \
            messages take longer than a heartbeat interval: followers confirm each request, and \
            nothing is committed",
        causes: ["reply-not-taken"],
        source: "students' repositories: `select!` of the call and the next tick",
    }

    /// Sends entries that were lost again until there is a reply: in the term that it is in by
    /// then, though it may lead no more.
    RetriesInNewTerm {
        part: B,
        kind: Safety,
        breaks: "only a leader sends entries",
        rule: INVOKED_BY_LEADER,
        symptom: "`apply error: commit index=…`: what a former leader took in vain overwrites what \
            is committed",
        causes: ["deposed-leader-sends"],
        source: "students' repositories: the request is made anew in the loop that sends it",
    }

    /// Moves nextIndex behind what it sends, and goes back by one for a refusal from wherever it is
    /// then.
    NeverTakesNextBack {
        part: B,
        kind: Liveness,
        breaks: "a refusal takes nextIndex back",
        rule: RETRY,
        symptom: "`one(…) failed to reach agreement`, with a leader that still leads: what a \
            follower refuses moves nextIndex to and fro",
        causes: ["next-index-moved-at-sending", "next-index-stays"],
        source: "students' repositories",
    }

    /// Moves nextIndex behind what it sends, and goes back for entries that are refused, but
    /// neither for a call that fails nor for a heartbeat.
    LosesWhatItSent {
        part: B,
        kind: Liveness,
        breaks: "what is lost is sent again",
        rule: RETRIES_INDEFINITELY,
        symptom: "`only … decided for index …; wanted …`: entries that were lost are sent again \
            only when there is another command",
        causes: ["next-index-moved-at-sending"],
        source: "students' repositories",
    }

    /// Looks which entries of a request it has, waits for 2 ms, and appends the others.
    AppendsInTwoSteps {
        part: B,
        kind: Safety,
        breaks: "handlers of one server don't overlap between look and act",
        rule: CONFLICT,
        symptom: "`apply error: commit index=…`: entries that come twice at the same time are \
            appended twice",
        causes: ["handlers-overlap", "applied-at-another-index"],
        source: "students' repositories: a lock that is released between check and act",
    }
}
