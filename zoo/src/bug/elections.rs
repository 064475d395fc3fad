//! Elections: the timer, and what it leads to.

use super::Kind::{Harmless, Liveness};
use super::Part::{A, B, C, D};
use super::rules::{
    CANDIDATE_GOES_ON, ELECTION_TIMEOUT, HEARTBEATS, LEADER_WITHIN_5_S, MAJORITY_OF_VOTES,
    NEW_ELECTION, NEW_TIMEOUT, NO_LOCK_WHILE_WAITING, ON_CONVERSION, RANDOM_TIMEOUTS,
    RETRIES_CALLS, RETRIES_INDEFINITELY, TIMING,
};
use super::{Bug, Row, bugs};

bugs! {
    /// The ticker itself collects the votes, until they are a majority or all replies are in,
    /// failures included. Meanwhile nobody hears the timer.
    BlocksOnVotes {
        part: A,
        kind: Liveness,
        breaks: "a candidate whose timer fires starts another election",
        rule: NEW_ELECTION,
        symptom: "`expected one leader, got none`, with candidates that have been in one term for \
            seconds. They asked for votes while they were cut off, and such calls fail after up to \
            7 s. Two of three have to wait for longer than the test does, so it is rare",
        causes: ["election-not-restarted"],
        source: "not recorded",
    }

    /// [`Bug::BlocksOnVotes`] at the pace of the student who had it: a ticker that looks every 150
    /// to 450 ms, for the first time at once, and starts an election if nobody was heard since its last look;
    /// heartbeats every 150 ms.
    TicksAndBlocksOnVotes {
        part: A,
        kind: Liveness,
        breaks: "a candidate whose timer fires starts another election, at a student's pace",
        rule: NEW_ELECTION,
        symptom: "that of `BlocksOnVotes`",
        causes: ["election-not-restarted"],
        source: "not recorded",
    }

    /// Like [`Bug::BlocksOnVotes`], but even a majority waits for the last reply.
    WaitsForAllVotes {
        part: A,
        kind: Liveness,
        breaks: "a majority is enough",
        rule: MAJORITY_OF_VOTES,
        symptom: "`expected one leader, got none`, since one server that can't be reached is \
            enough to hold up the winner",
        causes: ["waits-for-all-replies", "election-not-restarted"],
        source: "not recorded",
    }

    /// The ticker ends with its first election.
    StandsOnce {
        part: A,
        kind: Liveness,
        breaks: "the timer fires again and again",
        rule: NEW_ELECTION,
        symptom: "`expected one leader, got none`: a candidate whose votes don't come never asks \
            again",
        causes: ["election-timer-dead"],
        source: "Students' Guide to Raft",
    }

    /// The ticker ends when the timer fires of a server that has voted for another.
    StandsUntilItVotes {
        part: A,
        kind: Liveness,
        breaks: "a server that has voted still has a timer",
        rule: ELECTION_TIMEOUT,
        symptom: "`expected one leader, got none` as soon as the first leader is cut off",
        causes: ["election-timer-dead"],
        source: "constructed: a one-shot timer",
    }

    /// The ticker ends when a leader's timer fires, which a leader doesn't need.
    StandsUntilItLeads {
        part: A,
        kind: Liveness,
        breaks: "a deposed leader has a timer again",
        rule: ELECTION_TIMEOUT,
        symptom: "`expected one leader, got none`, once all servers that are left have led before",
        causes: ["election-timer-dead"],
        source: "constructed",
    }

    /// A candidate that hears of a higher term has no timer until it votes for another server or hears from
    /// a leader.
    LosesTimerToHigherTerm {
        part: A,
        kind: Liveness,
        breaks: "a candidate that becomes a follower keeps its timer",
        rule: ELECTION_TIMEOUT,
        symptom: "`one(…) failed to reach agreement`, nobody accepted it: the only server that could win \
            has refused a candidate of a higher term, and waits for ever",
        causes: ["election-timer-dead"],
        source: "deventlab/d-engine#31",
    }

    /// Holds a lock during each call, and takes it in each handler.
    HoldsLockDuringCalls {
        part: A,
        kind: Liveness,
        breaks: "no lock is held during a call",
        rule: NO_LOCK_WHILE_WAITING,
        symptom: "`expected one leader, got none`: a call to a server that is cut off lasts up to 7 s, and \
            two that call each other wait for ever. A leader that hears of no other term in time \
            is still there: `expected no leader among connected servers, but … claims to be \
            leader`. Later `one(…) failed to reach agreement`",
        causes: ["server-hangs", "sends-in-turn"],
        source: "students' repositories; MIT's advice about locking",
    }

    /// A leader that is deposed goes on with the heartbeats of its old term, and they reset the
    /// others' timers.
    HeedsFormerLeaders {
        part: A,
        kind: Liveness,
        breaks: "only the current leader resets the timer",
        rule: ELECTION_TIMEOUT,
        symptom: "`expected one leader, got none`: two that have led keep each other, and all \
            others, from standing. That heartbeats of an old term reset the timer shows only if \
            somebody sends them, hence both",
        causes: ["timer-reset-by-stale-leader"],
        source: "Students' Guide to Raft, and heartbeat loops that never end",
    }

    /// All servers have the same election timeout.
    NeverDrawsTimeout {
        part: A,
        kind: Liveness,
        breaks: "timeouts are random",
        rule: RANDOM_TIMEOUTS,
        symptom: "`expected one leader, got none`: all stand at once, and vote for themselves, \
            again and again",
        causes: ["votes-split", "timeout-always-the-same"],
        source: "students' repositories",
    }

    /// Each server seeds its generator by the clock, and draws its election timeouts from that.
    SeedsByClock {
        part: A,
        kind: Liveness,
        breaks: "servers draw their timeouts independently of each other",
        rule: RANDOM_TIMEOUTS,
        symptom: "`expected one leader, got none`: servers that begin in the same second draw the same \
            timeouts, and split the votes again and again",
        causes: ["same-seed-everywhere", "votes-split"],
        source: "goraft/raft#44",
    }

    /// Draws election timeouts from two that are 1 ms apart.
    DrawsCloseTimeouts {
        part: A,
        kind: Liveness,
        breaks: "timeouts are spread out",
        rule: RANDOM_TIMEOUTS,
        symptom: "`expected one leader, got none`, if votes are split a dozen times on end",
        causes: ["votes-split"],
        source: "constructed",
    }

    /// Draws its election timeout when it is made, and keeps it.
    DrawsTimeoutOnce {
        part: A,
        kind: Liveness,
        breaks: "timeouts are drawn anew",
        rule: NEW_TIMEOUT,
        symptom: "`expected one leader, got none`, if the two that are left have drawn the same: \
            they split each vote",
        causes: ["votes-split", "timeout-always-the-same"],
        source: "students' repositories",
    }

    /// Draws election timeouts of 3 to 6 s.
    TimesOutAfterSeconds {
        part: A,
        kind: Liveness,
        breaks: "an election takes less than 5 s",
        rule: LEADER_WITHIN_5_S,
        symptom: "`expected one leader, got none`; later `one(…) failed to reach agreement`, \
            nobody accepted it",
        causes: ["election-timeout-too-long"],
        source: "the lab's hints",
    }

    /// A heartbeat doesn't reset the election timer, so that no leader lasts.
    TimesOutDespiteHeartbeats {
        part: A,
        kind: Liveness,
        breaks: "heartbeats keep the leader",
        rule: ELECTION_TIMEOUT,
        symptom: "`warning: term changed even though there were no failures`. It fails nothing: \
            there is nearly always a leader, only never the same for long",
        causes: ["election-despite-leader"],
        source: "not recorded",
    }

    /// Draws election timeouts of 40 to 80 ms, and sends a heartbeat each 100 ms.
    TimesOutBetweenHeartbeats {
        part: A,
        kind: Liveness,
        breaks: "timeouts are longer than heartbeat intervals",
        rule: TIMING,
        symptom: "`warning: term changed even though there were no failures`, rarely `servers \
            disagree on term`; `too many or few RPCs (…) to elect initial leader`",
        causes: ["election-despite-leader"],
        source: "students' repositories",
    }

    /// Sends a heartbeat once a second.
    HeartbeatsTooSeldom {
        part: A,
        kind: Liveness,
        breaks: "heartbeats come before a timeout",
        rule: HEARTBEATS,
        symptom: "`warning: term changed even though there were no failures`; on an unreliable \
            network `one(…) failed to reach agreement`, and whoever accepted it `lost its \
            leadership`",
        causes: ["heartbeats-too-seldom"],
        source: "constructed",
    }

    /// A leader sends a follower nothing, heartbeats included, until the call before has returned.
    WaitsForEachReply {
        part: A,
        kind: Liveness,
        breaks: "heartbeats don't wait for replies",
        rule: HEARTBEATS,
        symptom: "`expected no leader among connected servers, but … claims to be leader`, and \
            `one(…) failed to reach agreement`: after a call that was lost, a follower hears nothing for \
            seconds, and starts an election",
        causes: ["one-call-at-a-time", "heartbeats-too-seldom"],
        source: "a student's notes of 2025: one loop for each peer",
    }

    /// Looks for a leader before it has waited, so that all servers stand as soon as they are made.
    StandsAtOnce {
        part: A,
        kind: Harmless { reason: "it costs one split vote at the beginning" },
        breaks: "a server waits for its first timeout",
        rule: ELECTION_TIMEOUT,
        symptom: "the first votes are split, and the next election has a leader",
        causes: [],
        source: "students' repositories: a ticker that looks before it first sleeps",
    }

    /// A candidate whose timer fires asks again in the same term.
    StandsAgainInSameTerm {
        part: A,
        kind: Liveness,
        breaks: "each election has a term of its own",
        rule: ON_CONVERSION,
        symptom: "`expected one leader, got none`: a server that has voted once has no vote for the next \
            attempt; later `one(…) failed to reach agreement`, nobody accepted it. If a late vote \
            comes, two may lead",
        causes: ["election-without-new-term"],
        source: "Students' Guide to Raft",
    }

    /// Two tasks look at the timer, and each starts an election when both have seen it fire.
    RunsTwoTickers {
        part: A,
        kind: Harmless {
            reason: "the second election takes the place of the first before there is a vote",
        },
        breaks: "there is one election timer",
        rule: ON_CONVERSION,
        symptom: "each election counts twice: terms go up by two",
        causes: [],
        source: "students' repositories: tickers that outlive their reason",
    }

    /// Doesn't reset its timer when it grants a vote.
    KeepsTimerWhenVoting {
        part: A,
        kind: Harmless { reason: "it costs an election now and then, and the next one ends it" },
        breaks: "a vote resets the timer",
        rule: ELECTION_TIMEOUT,
        symptom: "more elections than are needed",
        causes: [],
        source: "students' repositories",
    }

    /// [`Bug::RestartsTimerWhenRefusing`] with timeouts that are drawn anew each time.
    RestartsTimerForEveryCandidate {
        part: B,
        kind: Liveness,
        breaks: "a refusal doesn't reset the timer",
        rule: ELECTION_TIMEOUT,
        symptom: "a server with an old log, which can't win, delays those that could. New timeouts \
            soon end that",
        causes: ["timer-reset-by-refusal"],
        source: "Students' Guide to Raft; students' repositories",
    }

    /// [`Bug::RestartsTimerWithTerm`] with timeouts that are drawn anew each time.
    RestartsTimerForEveryTerm {
        part: B,
        kind: Harmless { reason: "Rafts in use do so; with new timeouts there is soon a leader" },
        breaks: "a higher term doesn't reset the timer",
        rule: ELECTION_TIMEOUT,
        symptom: "a server that can't win delays those that could, once a term. New timeouts soon \
            end that, and Rafts that are in use do the same: it is harmless",
        causes: ["timer-reset-by-refusal"],
        source: "students' repositories: a function that makes a follower also resets the timer",
    }

    /// Resets the timer with the AppendEntries of an earlier term, which it refuses.
    RestartsTimerForOldLeaders {
        part: A,
        kind: Liveness,
        breaks: "only the current leader resets the timer",
        rule: ELECTION_TIMEOUT,
        symptom: "a leader that comes back delays an election; it stops as soon as it is refused",
        causes: ["timer-reset-by-stale-leader"],
        source: "Students' Guide to Raft",
    }

    /// Sends its first heartbeat when an interval is over.
    SaysLateThatItLeads {
        part: A,
        kind: Harmless { reason: "timeouts are longer than a heartbeat interval" },
        breaks: "a new leader is heard at once",
        rule: HEARTBEATS,
        symptom: "nothing; with longer intervals, leaders that are replaced at once",
        causes: [],
        source: "students' repositories: a loop that sleeps first",
    }

    /// Resets the timer with every request for a vote, also with one that it refuses.
    RestartsTimerWhenRefusing {
        part: B,
        kind: Liveness,
        breaks: "a refusal doesn't reset the timer",
        rule: ELECTION_TIMEOUT,
        symptom: "`one(…) failed to reach agreement`: a server with an old log, which can't win, \
            always starts an election before those that could. New timeouts would soon end that, so this bug \
            keeps the first, as `DrawsTimeoutOnce` does",
        causes: ["timer-reset-by-refusal", "timeout-always-the-same"],
        source: "Students' Guide to Raft",
    }

    /// Resets the timer whenever it hears of a higher term.
    RestartsTimerWithTerm {
        part: B,
        kind: Liveness,
        breaks: "a higher term doesn't reset the timer",
        rule: ELECTION_TIMEOUT,
        symptom: "like that of `RestartsTimerWhenRefusing`, whose timeouts it has: each candidate \
            brings a higher term",
        causes: ["timer-reset-by-refusal", "timeout-always-the-same"],
        source: "students' repositories",
    }

    /// Restarts the election timer for an AppendEntries that it accepts, and not for one that it refuses.
    RestartsTimerOnSuccessOnly {
        part: C,
        kind: Liveness,
        breaks: "the current leader resets the timer, whether its entries fit or not",
        rule: ELECTION_TIMEOUT,
        symptom: "`one(…) failed to reach agreement`, with a leader that has lost its leadership: while it \
            backs up for a follower, the follower starts an election",
        causes: ["election-despite-leader"],
        source: "a student's blog of 2026",
    }

    /// A candidate becomes a follower when the first server refuses its vote, in its own term.
    GivesUpAtRefusal {
        part: A,
        kind: Liveness,
        breaks: "a candidate goes on until it has lost",
        rule: CANDIDATE_GOES_ON,
        symptom: "`expected one leader, got none`, and `one(…) failed to reach agreement`, nobody \
            accepted it: a server with a longer log or another candidate of the term is enough \
            to keep it from leading",
        causes: ["candidate-gives-up"],
        source: "students' repositories",
    }

    /// A candidate becomes a follower when the first of its calls fails.
    GivesUpAtFailedCall {
        part: A,
        kind: Liveness,
        breaks: "a candidate goes on until it has lost",
        rule: CANDIDATE_GOES_ON,
        symptom: "`expected one leader, got none`, where votes take longer than a call to a server \
            that is cut off; on a fast network nothing",
        causes: ["candidate-gives-up"],
        source: "students' repositories: the error branch of a call",
    }

    /// A candidate becomes a follower 50 ms after it has asked for votes.
    WaitsBrieflyForVotes {
        part: A,
        kind: Liveness,
        breaks: "a candidate goes on until its timer fires",
        rule: CANDIDATE_GOES_ON,
        symptom: "no leader where messages take longer than that; on a fast network nothing",
        causes: ["candidate-gives-up", "reply-not-taken"],
        source: "students' repositories: a timeout around the election",
    }

    /// Asks a server for its vote only when its call before, of whatever term, has returned.
    WaitsToAskAgain {
        part: A,
        kind: Liveness,
        breaks: "each election asks all",
        rule: RETRIES_CALLS,
        symptom: "`expected one leader, got none`: a call to a server that was cut off lasts up to \
            7 s, and until then that server isn't asked again",
        causes: ["election-not-restarted", "one-call-at-a-time"],
        source: "constructed: one call at a time to each peer",
    }

    /// A leader sends a follower no heartbeat while entries or a snapshot are under way to it.
    HeartbeatsWaitForEntries {
        part: B,
        kind: Liveness,
        breaks: "heartbeats don't wait for replies",
        rule: HEARTBEATS,
        symptom: "`one(…) failed to reach agreement`: after entries that were lost, a follower \
            hears nothing for seconds, and starts an election",
        causes: ["one-call-at-a-time", "heartbeats-too-seldom"],
        source: "students' repositories: one call at a time to each peer",
    }

    /// A leader sends a follower nothing more, for as long as it leads, once a call to it has
    /// failed.
    EndsLoopAtFailedCall {
        part: A,
        kind: Liveness,
        breaks: "a leader sends for as long as it leads",
        rule: RETRIES_INDEFINITELY,
        symptom: "`one(…) failed to reach agreement` and `term changed even though there were no \
            failures`: a follower that was cut off for a moment hears nothing of its leader, and \
            starts an election",
        causes: ["task-ended", "heartbeats-too-seldom"],
        source: "students' repositories: a loop for each peer, which returns on an error",
    }

    /// A leader sends nobody anything more once one of its calls has failed.
    StopsAllWhenOneFails {
        part: A,
        kind: Liveness,
        breaks: "a leader sends for as long as it leads",
        rule: RETRIES_INDEFINITELY,
        symptom: "`one(…) failed to reach agreement`, and leaders that change whenever a single \
            server is away",
        causes: ["task-ended", "heartbeats-too-seldom"],
        source: "students' repositories: tasks that are joined, and end with the first error",
    }

    /// Has no election timer if it begins with a snapshot.
    NeverStandsBehindSnapshot {
        part: D,
        kind: Liveness,
        breaks: "a restarted server does what every server does",
        rule: NEW_ELECTION,
        symptom: "`one(…) failed to reach agreement`, nobody accepted it, when all servers have \
            restarted",
        causes: ["silent-since-restart", "election-timer-dead"],
        source: "constructed",
    }
}
