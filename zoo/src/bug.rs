//! The known bugs, by name: which rule each breaks, what one sees of it, and what catches it.

mod facts;
mod name;

use strum::{Display, EnumIter, EnumString, IntoEnumIterator as _};

pub use facts::{Kind, Part};
pub use name::UnknownBug;

/// A known way to get Raft wrong. It is named in `LAB_BUG`, and displayed, as it is written here.
///
/// A variant's doc has the rule that it breaks, with its section in the extended Raft paper, what
/// one sees of it, and which test catches it. How often is measured with this crate's Raft; another
/// with the same bug has other timers and other rates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Display, EnumIter, EnumString)]
#[strum(parse_err_ty = UnknownBug, parse_err_fn = UnknownBug::new)]
pub enum Bug {
    /// No bug: the Raft is right, and passes every test with every seed.
    #[default]
    None,

    // ---- Who stands, votes, wins and leads ----
    /// The ticker itself collects the votes, until they are a majority or all replies are in,
    /// failures included. Meanwhile nobody hears the timer.
    ///
    /// *Rule*: "If election timeout elapses: start new election" (Figure 2, Candidates; §5.2).
    ///
    /// *Symptom*: `expected one leader, got none`, with candidates that have been in one term for
    /// seconds. They asked for votes while they were cut off, and such calls fail after up to 7 s.
    /// Two of three have to wait for longer than the test does, so it is rare.
    ///
    /// *Caught by* `TestReElection3A` with 4 % of the seeds, nearly always at its fourth
    /// `check_one_leader`, and by `TestManyElections3A` with 5 %; never if such calls fail within
    /// 0.1 s. Who has this bug sees a test that fails one time in many.
    BlocksOnVotes,

    /// [`Bug::BlocksOnVotes`] at the pace of the student who had it: a ticker that looks every 150 to
    /// 450 ms, for the first time at once, and stands if nobody was heard since its last look;
    /// heartbeats every 150 ms.
    ///
    /// *Rule*: that of [`Bug::BlocksOnVotes`]. Three servers that look at once at the beginning also
    /// split the first votes (§5.2), which costs a round.
    ///
    /// *Symptom*: that of [`Bug::BlocksOnVotes`].
    ///
    /// *Caught by* `TestReElection3A` and `TestManyElections3A`, each with some of a hundred seeds.
    TicksAndBlocksOnVotes,

    /// Like [`Bug::BlocksOnVotes`], but even a majority waits for the last reply.
    ///
    /// *Rule*: "If votes received from majority of servers: become leader" (Figure 2, Candidates;
    /// §5.2).
    ///
    /// *Symptom*: `expected one leader, got none`, since one server that can't be reached is enough
    /// to hold up the winner.
    ///
    /// *Caught by* `TestReElection3A` with 82 % of the seeds, and by `TestManyElections3A` with
    /// all.
    WaitsForAllVotes,

    /// The ticker ends with its first election.
    ///
    /// *Rule*: "If election timeout elapses: start new election" (Figure 2, Candidates; §5.2).
    ///
    /// *Symptom*: `expected one leader, got none`: a candidate whose votes don't come never asks
    /// again.
    ///
    /// *Caught by* `TestReElection3A` with all seeds, and `TestManyElections3A` with 96 %.
    ///
    /// *Source*: Students' Guide to Raft.
    StandsOnce,

    /// The ticker ends when the timer fires of a server that has voted for another.
    ///
    /// *Rule*: followers "become candidate" whenever they hear of nobody (Figure 2, Followers;
    /// §5.2).
    ///
    /// *Symptom*: `expected one leader, got none` as soon as the first leader is cut off.
    ///
    /// *Caught by* `TestReElection3A` and `TestManyElections3A` with all seeds.
    ///
    /// *Source*: constructed: a one-shot timer.
    StandsUntilItVotes,

    /// The ticker ends when the timer fires of a leader, who doesn't need it.
    ///
    /// *Rule*: a leader that steps down is a follower (§5.1), and has a timer again (§5.2).
    ///
    /// *Symptom*: `expected one leader, got none`, once all servers that are left have led before.
    ///
    /// *Caught by* `TestManyElections3A` with 10 % of the seeds. In other tests somebody is left
    /// who never led.
    ///
    /// *Source*: constructed.
    StandsUntilItLeads,

    /// Holds a lock during each call, and takes it in each handler.
    ///
    /// *Rule*: servers answer while they wait for answers; the lab's advice about locking.
    ///
    /// *Symptom*: `expected one leader, got none`: a call to who is cut off lasts up to 7 s, and
    /// two that call each other wait for ever. A leader that hears of no other term in time is
    /// still there: `expected no leader among connected servers, but … claims to be leader`. Later
    /// `one(…) failed to reach agreement`.
    ///
    /// *Caught by* `TestManyElections3A` with 97 % of the seeds, `TestReElection3A` with 85 % (a
    /// third of these with the second message), `TestFailAgree3B`, `TestFollowerFailure3B` and
    /// `TestRejoin3B` with all.
    ///
    /// *Source*: students' repositories; MIT's advice about locking.
    HoldsLockDuringCalls,

    /// A leader that is deposed goes on with the heartbeats of its old term, and they reset the
    /// others' timers.
    ///
    /// *Rule*: "Reply false if term < currentTerm" (Figure 2, AppendEntries, 1), and only the
    /// "current leader" resets the timer (Figure 2, Followers; §5.2).
    ///
    /// *Symptom*: `expected one leader, got none`: two that have led keep each other, and all
    /// others, from standing. That heartbeats of an old term reset the timer shows only if somebody
    /// sends them, hence both.
    ///
    /// *Caught by* `TestManyElections3A` with 87 % of the seeds; `TestRejoin3B` and `TestBackup3B`
    /// with all, as `one(…) failed to reach agreement`.
    ///
    /// *Source*: Students' Guide to Raft, and heartbeat loops that never end.
    HeedsFormerLeaders,

    /// A leader that is deposed goes on sending, with its new term.
    ///
    /// *Rule*: only a leader sends AppendEntries (Figure 2; §5.2), and it has won an election of
    /// its term.
    ///
    /// *Symptom*: `expected one leader, got none`: all servers follow one that doesn't say that it
    /// leads. With commands `apply error: commit index=…`.
    ///
    /// *Caught by* `TestManyElections3A` with 84 % of the seeds; `TestRejoin3B` and `TestBackup3B`
    /// with all.
    ///
    /// *Source*: students' repositories: the request is made anew after the reply.
    SendsOnWhenDeposed,

    /// All servers have the same election timeout.
    ///
    /// *Rule*: "election timeouts are chosen randomly from a fixed interval" (§5.2).
    ///
    /// *Symptom*: `expected one leader, got none`: all stand at once, and vote for themselves,
    /// again and again.
    ///
    /// *Caught by* `TestInitialElection3A` and nearly every other test with all seeds.
    ///
    /// *Source*: students' repositories.
    NeverDrawsTimeout,

    /// Draws election timeouts from two that are 1 ms apart.
    ///
    /// *Rule*: timeouts are "spread out" so that in most cases only a single server times out
    /// (§5.2).
    ///
    /// *Symptom*: `expected one leader, got none`, if votes are split a dozen times on end.
    ///
    /// *Caught by* `TestManyElections3A` with 2 % of the seeds, where four of seven must agree.
    ///
    /// *Source*: constructed.
    DrawsCloseTimeouts,

    /// Draws its election timeout when it is made, and keeps it.
    ///
    /// *Rule*: "Each candidate restarts its randomized election timeout at the start of an
    /// election" (§5.2).
    ///
    /// *Symptom*: `expected one leader, got none`, if the two that are left have drawn the same:
    /// they split each vote.
    ///
    /// *Caught by* `TestReElection3A` with 1 % of the seeds.
    ///
    /// *Source*: students' repositories.
    DrawsTimeoutOnce,

    /// Draws election timeouts of 3 to 6 s.
    ///
    /// *Rule*: the lab wants a leader within 5 s of a failure.
    ///
    /// *Symptom*: `expected one leader, got none`; later `one(…) failed to reach agreement`, nobody
    /// accepted it.
    ///
    /// *Caught by* `TestReElection3A` with 15 % of the seeds, `TestManyElections3A` with 10 %,
    /// `TestInitialElection3A` with 4 %; `TestSnapshotInstallUnCrash3D` with 40 %.
    ///
    /// *Source*: the lab's hints.
    TimesOutAfterSeconds,

    /// Doesn't count its own vote.
    ///
    /// *Rule*: "Vote for self" (Figure 2, Candidates; §5.2).
    ///
    /// *Symptom*: `expected one leader, got none` as soon as one of three is cut off.
    ///
    /// *Caught by* `TestReElection3A` and `TestManyElections3A` with all seeds.
    ///
    /// *Source*: students' repositories.
    CountsOnlyOthersVotes,

    /// Has one vote for all terms.
    ///
    /// *Rule*: "votedFor: candidateId that received vote in current term" (Figure 2, State).
    ///
    /// *Symptom*: `expected one leader, got none` after the first leader: all votes have been
    /// given.
    ///
    /// *Caught by* `TestReElection3A` and `TestManyElections3A` with all seeds.
    ///
    /// *Source*: Students' Guide to Raft.
    NeverClearsVote,

    /// Grants its vote only to candidates whose log is more up-to-date than its own.
    ///
    /// *Rule*: "at least as up-to-date as receiver's log" (Figure 2, RequestVote, 2; §5.4.1).
    ///
    /// *Symptom*: `expected one leader, got none`: all logs are empty at first, and none is better
    /// than another.
    ///
    /// *Caught by* every test, with all seeds.
    ///
    /// *Source*: students' repositories: `>` for `>=`.
    VotesForNewerLogsOnly,

    /// `get_state` says that it doesn't lead, though it does.
    ///
    /// *Rule*: the lab's `GetState` tells whether this server "believes it is the leader".
    ///
    /// *Symptom*: `expected one leader, got none`, while commands are accepted.
    ///
    /// *Caught by* all tests that call `check_one_leader`, with all seeds.
    ///
    /// *Source*: constructed.
    NeverSaysItLeads,

    /// `get_state` says that it leads as soon as it has once led.
    ///
    /// *Rule*: the lab's `GetState`; a leader that hears of a higher term is a follower (§5.1).
    ///
    /// *Symptom*: `term … has 2 (>1) leaders`, though nobody but one acts as one.
    ///
    /// *Caught by* `TestReElection3A`, `TestManyElections3A` and `TestFailNoAgree3B` with all
    /// seeds.
    ///
    /// *Source*: students' repositories: a role that is told from a copy.
    SaysItLeadsForEver,

    /// `get_state` says that every server leads that doesn't follow.
    ///
    /// *Rule*: the lab's `GetState`; a candidate has yet to win (§5.2).
    ///
    /// *Symptom*: `expected no leader among connected servers, but … claims to be leader`; now and
    /// then `term … has 2 (>1) leaders`.
    ///
    /// *Caught by* `TestReElection3A` with all seeds, 2 % of them with the second message.
    ///
    /// *Source*: constructed.
    SaysItLeadsAsCandidate,

    /// `get_state` tells the term in which this server led last.
    ///
    /// *Rule*: the lab's `GetState` tells `currentTerm`.
    ///
    /// *Symptom*: `servers disagree on term`; later `term changed too often`.
    ///
    /// *Caught by* `TestInitialElection3A`, `TestConcurrentStarts3B` and `TestCount3B` with all
    /// seeds.
    ///
    /// *Source*: constructed.
    ReportsTermItLed,

    /// Grants its vote to every candidate of its term.
    ///
    /// *Rule*: "If votedFor is null or candidateId" (Figure 2, RequestVote, 2; §5.2).
    ///
    /// *Symptom*: `term … has 2 (>1) leaders`, when two timers fire so close to each other that
    /// both candidates stand before either has won. Neither leader gives way: who leads a term
    /// doesn't expect another leader in it.
    ///
    /// *Caught by* `TestManyElections3A` with 24 % of the seeds; by `TestReElection3A` with 1 %.
    VotesTwice,

    /// Forgets for whom it has voted when it hears from a leader.
    ///
    /// *Rule*: "votedFor: candidateId that received vote in current term" (Figure 2, State), and
    /// the term goes on (§5.2).
    ///
    /// *Symptom*: `term … has 2 (>1) leaders`, if a candidate's request comes behind the winner's
    /// first heartbeat.
    ///
    /// *Caught by* `TestManyElections3A` with 17 % of the seeds; `TestFigure8Unreliable3C` with
    /// some, as `apply error: commit index=…`.
    ///
    /// *Source*: students' repositories.
    ForgetsVoteWhenLed,

    /// Votes for a candidate of a higher term and follows a leader of one, and stays in its own
    /// term all the same.
    ///
    /// *Rule*: "If RPC request or response contains term T > currentTerm: set currentTerm = T"
    /// (Figure 2, All Servers; §5.1).
    ///
    /// *Symptom*: `servers disagree on term`; once links fail, `term … has 2 (>1) leaders`: who
    /// takes over counts on from its own old term, and so leads the term of the leader before it.
    ///
    /// *Caught by* `TestInitialElection3A` and `TestReElection3A` with nearly all seeds, and by
    /// `TestManyElections3A` with half of them.
    NeverAdoptsTerm,

    /// Adopts a higher term, and leads on in it.
    ///
    /// *Rule*: "set currentTerm = T, convert to follower" (Figure 2, All Servers; §5.1).
    ///
    /// *Symptom*: `term … has 2 (>1) leaders`; with commands `apply error: commit index=…`.
    ///
    /// *Caught by* `TestReElection3A`, `TestManyElections3A`, `TestRejoin3B` and `TestBackup3B`
    /// with all seeds.
    ///
    /// *Source*: students' repositories.
    LeadsOnInHigherTerm,

    /// Takes half of the servers, rounded down, for a majority.
    ///
    /// *Rule*: "If votes received from majority of servers: become leader" (Figure 2, Candidates;
    /// §5.2).
    ///
    /// *Symptom*: `expected no leader among connected servers, but … claims to be leader`: one of
    /// three, alone, elects itself.
    ///
    /// *Caught by* `TestReElection3A` with all seeds. Seven servers need three votes, which shows
    /// as `term … has 2 (>1) leaders` with 4 % of the seeds of `TestManyElections3A`.
    WinsWithHalf,

    /// Takes half of the servers for a majority where their number is even.
    ///
    /// *Rule*: "If votes received from majority of servers: become leader" (Figure 2, Candidates;
    /// §5.2).
    ///
    /// *Symptom*: two of four servers, cut off from the others, elect a leader. MIT's clusters are all
    /// of odd sizes.
    ///
    /// *Caught by* `TestEvenClusterX26` with all seeds, and by exploration.
    ///
    /// *Source*: constructed: `votes * 2 >= peers.len()`.
    WinsWithHalfOfEven,

    /// Counts on from its last election's votes.
    ///
    /// *Rule*: "votes received" are those of one election (Figure 2, Candidates; §5.2).
    ///
    /// *Symptom*: `expected no leader among connected servers, but … claims to be leader`: who
    /// stands twice has two votes, both its own.
    ///
    /// *Caught by* `TestReElection3A` with all seeds; `TestManyElections3A` with 80 %, as `term …
    /// has 2 (>1) leaders`; `TestFailAgree3B` and `TestBackup3B` as `apply error: commit index=…`.
    ///
    /// *Source*: students' repositories.
    KeepsOldVotes,

    /// Counts votes that it was granted in an earlier term.
    ///
    /// *Rule*: a vote is for the candidate's term at the time (Figure 2, RequestVote; §5.2).
    ///
    /// *Symptom*: `apply error: commit index=…`: of two leaders of a term one has it by a late
    /// reply.
    ///
    /// *Caught by* `TestFigure8Unreliable3C` with 2 % of the seeds, once replies overtake each
    /// other; no other test.
    ///
    /// *Source*: Students' Guide to Raft.
    CountsOldVotes,

    /// Takes a call that has failed for a vote.
    ///
    /// *Rule*: "votes received from majority of servers" (Figure 2, Candidates; §5.2): who doesn't
    /// answer hasn't voted.
    ///
    /// *Symptom*: `expected no leader among connected servers, but … claims to be leader`, if a
    /// call fails before the timer fires again.
    ///
    /// *Caught by* `TestReElection3A` with 35 % of the seeds; `TestPersist23C` with 90 %, as `apply
    /// error: commit index=…`.
    ///
    /// *Source*: constructed: the lab's `ok` isn't looked at.
    CountsFailedCalls,

    /// Stands for election in the term in which it is.
    ///
    /// *Rule*: "Increment currentTerm" (Figure 2, Candidates; §5.2).
    ///
    /// *Symptom*: `term is 0, but should be at least 1`; later `expected one leader, got none`,
    /// since all votes of term 0 have been given.
    ///
    /// *Caught by* `TestInitialElection3A` and `TestReElection3A` with all seeds, and by
    /// `TestManyElections3A` with nearly all.
    NeverIncrementsTerm,

    /// A heartbeat doesn't reset the election timer, so that no leader lasts.
    ///
    /// *Rule*: "If election timeout elapses without receiving AppendEntries RPC from current
    /// leader" (Figure 2, Followers; §5.2).
    ///
    /// *Symptom*: `warning: term changed even though there were no failures`. It fails nothing:
    /// there is nearly always a leader, only never the same for long.
    ///
    /// *Caught by* `TestInitialElection3A`, by this warning alone, with all seeds.
    TimesOutDespiteHeartbeats,

    /// Draws election timeouts of 40 to 80 ms, and sends a heartbeat each 100 ms.
    ///
    /// *Rule*: "broadcastTime ≪ electionTimeout" (§5.6), and heartbeats "prevent election timeouts"
    /// (Figure 2, Leaders; §5.2).
    ///
    /// *Symptom*: `warning: term changed even though there were no failures`, rarely `servers
    /// disagree on term`; `too many or few RPCs (…) to elect initial leader`.
    ///
    /// *Caught by* `TestInitialElection3A`, by this warning, and `TestCount3B` with all seeds.
    ///
    /// *Source*: students' repositories.
    TimesOutBetweenHeartbeats,

    /// Sends a heartbeat once a second.
    ///
    /// *Rule*: heartbeats "prevent election timeouts" (Figure 2, Leaders; §5.2); the lab allows
    /// some ten a second.
    ///
    /// *Symptom*: `warning: term changed even though there were no failures`; on an unreliable
    /// network `one(…) failed to reach agreement`, and whoever accepted it `lost its leadership`.
    ///
    /// *Caught by* `TestInitialElection3A`, by this warning alone, with all seeds;
    /// `TestFigure8Unreliable3C` with half of them.
    ///
    /// *Source*: constructed.
    HeartbeatsTooSeldom,

    /// Looks for a leader before it has waited, so that all servers stand as soon as they are made.
    ///
    /// *Rule*: a server begins as a follower, and stands "if election timeout elapses" (Figure 2,
    /// Followers; §5.2).
    ///
    /// *Symptom*: the first votes are split, and the next election has a leader.
    ///
    /// *Caught by* no test, with none of 20 seeds.
    ///
    /// *Source*: students' repositories: a ticker that looks before it first sleeps.
    StandsAtOnce,

    /// A candidate whose timer fires asks again in the same term.
    ///
    /// *Rule*: "Increment currentTerm" whenever "election timeout elapses" (Figure 2, Candidates;
    /// §5.2).
    ///
    /// *Symptom*: `expected one leader, got none`: who has voted once has no vote for the next
    /// attempt; later `one(…) failed to reach agreement`, nobody accepted it. If a late vote comes,
    /// two may lead.
    ///
    /// *Caught by* `TestReElection3A` with all seeds, `TestBackup3B` with 80 %,
    /// `TestSnapshotInstallUnreliable3D` with most.
    ///
    /// *Source*: Students' Guide to Raft.
    StandsAgainInSameTerm,

    /// Two tasks look at the timer, and each starts an election when both have seen it fire.
    ///
    /// *Rule*: an election begins when the timer fires, and starts it anew (Figure 2, Candidates;
    /// §5.2): look and change under one lock.
    ///
    /// *Symptom*: each election counts twice: terms go up by two.
    ///
    /// *Caught by* no test, with none of 20 seeds.
    ///
    /// *Source*: students' repositories: tickers that outlive their reason.
    RunsTwoTickers,

    /// Gives up its lock between the last vote and its leadership, for 5 ms, and then leads
    /// whatever has happened meanwhile.
    ///
    /// *Rule*: votes are for one term (Figure 2, Candidates; §5.2), and what was seen under one
    /// lock may not hold under the next.
    ///
    /// *Symptom*: a server leads a term for which it never had the votes.
    ///
    /// *Caught by* no test of MIT's, with none of 20 seeds; `LAB_STRICT=1` fails
    /// `TestFigure8Unreliable3C` with 15 % of them, by M17.
    ///
    /// *Source*: students' repositories: check, then act.
    LeadsWithoutSecondLook,

    /// Wins with the votes of more than half of those that have answered.
    ///
    /// *Rule*: "If votes received from majority of servers: become leader" (Figure 2, Candidates;
    /// §5.2): of all, reached or not.
    ///
    /// *Symptom*: `term … has 2 (>1) leaders` and `apply error: commit index=…`: the first two that
    /// answer decide.
    ///
    /// *Caught by* `TestPersist23C` with all seeds, as the latter; `TestManyElections3A` with 20 %,
    /// as the former.
    ///
    /// *Source*: students' repositories.
    WinsAmongWhoAnswer,

    /// Grants its vote at once to whoever asks in a higher term.
    ///
    /// *Rule*: "candidate's log is at least as up-to-date as receiver's log" (Figure 2,
    /// RequestVote, 2; §5.4.1), whatever the term.
    ///
    /// *Symptom*: `apply error: commit index=…`: a leader without a committed entry puts another in
    /// its place.
    ///
    /// *Caught by* `TestBackup3B` with all seeds, `TestFailAgree3B` with nearly all.
    ///
    /// *Source*: students' repositories.
    VotesForAnyHigherTerm,

    /// Refuses its vote to the candidate that has it already. Candidates ask again, in the same
    /// term, whom they got no reply from.
    ///
    /// *Rule*: "If votedFor is null or candidateId" (Figure 2, RequestVote, 2; §5.2): the reply may
    /// have been lost.
    ///
    /// *Symptom*: an election now and then comes to nothing though a majority has voted for its
    /// candidate.
    ///
    /// *Caught by* no test, with none of 20 seeds.
    ///
    /// *Source*: students' repositories.
    RefusesToRepeatVote,

    /// Doesn't reset its timer when it grants a vote.
    ///
    /// *Rule*: a follower stands "without receiving AppendEntries RPC from current leader or
    /// granting vote to candidate" (Figure 2, Followers; §5.2).
    ///
    /// *Symptom*: more elections than are needed.
    ///
    /// *Caught by* no test, with none of 20 seeds.
    ///
    /// *Source*: students' repositories.
    KeepsTimerWhenVoting,

    /// [`Bug::RestartsTimerWhenRefusing`] with timeouts that are drawn anew each time.
    ///
    /// *Rule*: the timer starts anew with "granting vote to candidate" (Figure 2, Followers; §5.2).
    ///
    /// *Symptom*: a server with an old log, which can't win, delays those that could. New timeouts
    /// soon end that.
    ///
    /// *Caught by* no test, with none of 20 seeds.
    ///
    /// *Source*: Students' Guide to Raft; students' repositories.
    RestartsTimerForEveryCandidate,

    /// [`Bug::RestartsTimerWithTerm`] with timeouts that are drawn anew each time.
    ///
    /// *Rule*: the timer starts anew with "granting vote to candidate" or an AppendEntries of the
    /// "current leader" (Figure 2, Followers; §5.2).
    ///
    /// *Symptom*: a server that can't win delays those that could, once a term. New timeouts soon end
    /// that, and Rafts that are in use do the same: it is harmless.
    ///
    /// *Caught by* no test, with none of 20 seeds.
    ///
    /// *Source*: students' repositories: a function that makes a follower also resets the timer.
    RestartsTimerForEveryTerm,

    /// Resets the timer with the AppendEntries of an earlier term, which it refuses.
    ///
    /// *Rule*: only the "current leader" resets the timer (Figure 2, Followers; §5.2).
    ///
    /// *Symptom*: a leader that comes back delays an election; it stops as soon as it is refused.
    ///
    /// *Caught by* no test, with none of 20 seeds. [`Bug::HeedsFormerLeaders`] has somebody who
    /// goes on.
    ///
    /// *Source*: Students' Guide to Raft.
    RestartsTimerForOldLeaders,

    /// Leaves the term out of its refusals, which say 0.
    ///
    /// *Rule*: replies have "currentTerm, for candidate to update itself" and "for leader to update
    /// itself" (Figure 2, RequestVote and AppendEntries; §5.1).
    ///
    /// *Symptom*: a candidate or a leader doesn't learn that its term is over, until somebody asks
    /// it something.
    ///
    /// *Caught by* no test, with none of 20 seeds.
    ///
    /// *Source*: students' repositories: a reply that is filled in on one path only.
    RefusesWithoutTerm,

    /// Sends its first heartbeat when an interval is over.
    ///
    /// *Rule*: "Upon election: send initial empty AppendEntries RPCs (heartbeat) to each server"
    /// (Figure 2, Leaders; §5.2).
    ///
    /// *Symptom*: nothing; with longer intervals, leaders that are replaced at once.
    ///
    /// *Caught by* no test, with none of 20 seeds.
    ///
    /// *Source*: students' repositories: a loop that sleeps first.
    SaysLateThatItLeads,

    // ---- What a client gets ----
    /// Appends each command twice, and answers with the first one's index.
    ///
    /// *Rule*: "If command received from client: append entry to local log" (Figure 2, Leaders;
    /// §5.3).
    ///
    /// *Symptom*: something is committed that nobody has asked for, and indexes go up by two: `some
    /// have committed before Start()`, `got index … but expected …`, `expected index …, got …`,
    /// `Start() failed`.
    ///
    /// *Caught by* `TestBasicAgree3B`, `TestRPCBytes3B`, `TestFollowerFailure3B`,
    /// `TestLeaderFailure3B`, `TestFailNoAgree3B` and `TestCount3B` with all seeds.
    ///
    /// *Source*: constructed.
    AppendsTwice,

    /// Appends a command once for each server, in the loop that should send it.
    ///
    /// *Rule*: "If command received from client: append entry to local log" (Figure 2, Leaders;
    /// §5.3).
    ///
    /// *Symptom*: like that of [`Bug::AppendsTwice`]: `got index … but expected …`, `some have
    /// committed before Start()`.
    ///
    /// *Caught by* `TestBasicAgree3B`, `TestRPCBytes3B`, `TestFollowerFailure3B`,
    /// `TestFailNoAgree3B` and `TestCount3B` with all seeds.
    ///
    /// *Source*: constructed.
    AppendsOncePerServer,

    /// Answers with an index that counts from 0, though the log begins at 1.
    ///
    /// *Rule*: "first index is 1" (Figure 2, State).
    ///
    /// *Symptom*: the client looks for its command in the wrong place: `one(…) failed to reach
    /// agreement`, `cmd … missing in …`, `wrong value … committed for index …`.
    ///
    /// *Caught by* most tests of 3B, with all seeds.
    ///
    /// *Source*: constructed.
    CountsFromZero,

    /// Answers with the index behind the last committed one, as if each command were committed
    /// before the next came.
    ///
    /// *Rule*: "append entry to local log, respond after entry applied" (Figure 2, Leaders; §5.3).
    ///
    /// *Symptom*: `start() returned index … after … in the same term …`, where commands come
    /// together.
    ///
    /// *Caught by* `TestConcurrentStarts3B`, `TestBackup3B`, `TestCount3B` and most later tests,
    /// with all seeds.
    ///
    /// *Source*: constructed.
    ReportsCommitIndex,

    /// Takes no command as long as another isn't committed.
    ///
    /// *Rule*: "If command received from client: append entry to local log" (Figure 2, Leaders;
    /// §5.3).
    ///
    /// *Symptom*: `cmd … missing in …`, `term changed too often`, and `leader2 rejected Start()`; a
    /// leader with a command of an earlier term never takes one again, since only its own would
    /// commit that one: `one(…) failed to reach agreement`, nobody accepted it.
    ///
    /// *Caught by* `TestConcurrentStarts3B`, `TestCount3B` and the tests of crashes with all seeds.
    ///
    /// *Source*: constructed.
    TakesOneAtATime,

    /// Leads, and says so, but takes commands only within 40 ms of a follower's last reply.
    ///
    /// *Rule*: "If command received from client: append entry to local log" (Figure 2, Leaders;
    /// §5.3).
    ///
    /// *Symptom*: `leader rejected Start()`, `leader2 rejected Start()`, `term changed too often`,
    /// or `one(…) failed to reach agreement`, nobody accepted it.
    ///
    /// *Caught by* `TestFollowerFailure3B` and `TestFailNoAgree3B` with most seeds.
    ///
    /// *Source*: constructed.
    RefusesBetweenReplies,

    /// A new leader takes no command for 0.7 s.
    ///
    /// *Rule*: "If command received from client: append entry to local log" (Figure 2, Leaders;
    /// §5.3).
    ///
    /// *Symptom*: `leader2 rejected Start()`.
    ///
    /// *Caught by* `TestFailNoAgree3B` with all seeds; other tests look for a leader for long
    /// enough.
    ///
    /// *Source*: constructed.
    TakesNothingAtFirst,

    /// A new leader appends an empty entry of its own, and applies it as if it were a command.
    ///
    /// *Rule*: the lab gives indexes to commands alone, so there is no room for "a blank no-op
    /// entry" (§8).
    ///
    /// *Symptom*: `apply error: … applied at index … what no client has started`.
    ///
    /// *Caught by* every test of 3B to 3D with all seeds.
    ///
    /// *Source*: the paper's own §8, taken for part of the lab.
    AppendsNoOp,

    /// A new leader appends what it doesn't know to be committed once more, in its own term.
    ///
    /// *Rule*: a leader commits entries of earlier terms indirectly, and in their places (§5.4.2).
    ///
    /// *Symptom*: `unexpected index …`: the log has some commands twice.
    ///
    /// *Caught by* `TestFailNoAgree3B` alone, with a tenth of the seeds. A command that is applied
    /// at two indexes is an error to no test.
    ///
    /// *Source*: constructed.
    ProposesAgain,

    // ---- Elections and logs ----
    /// Follows whatever term it hears of, also a lower one.
    ///
    /// *Rule*: "If RPC request or response contains term T > currentTerm" (Figure 2, All Servers),
    /// and "Reply false if term < currentTerm" (AppendEntries 1; §5.1).
    ///
    /// *Symptom*: `apply error: commit index=…`: a leader that was cut off overwrites what its
    /// successor has committed.
    ///
    /// *Caught by* `TestRejoin3B`, `TestPersist23C`, `TestFigure8Unreliable3C` and
    /// `TestSnapshotInstall3D` with all seeds.
    ///
    /// *Source*: Students' Guide to Raft.
    AdoptsLowerTerm,

    /// Grants its vote without a look at the candidate's log.
    ///
    /// *Rule*: "candidate's log is at least as up-to-date as receiver's log" (Figure 2,
    /// RequestVote, 2; §5.4.1).
    ///
    /// *Symptom*: `apply error: commit index=…`: a leader without a committed entry puts another in
    /// its place.
    ///
    /// *Caught by* `TestBackup3B` and `TestPersist23C` with all seeds, and by `TestFailAgree3B`
    /// with nearly all.
    ///
    /// *Source*: students' repositories; Students' Guide to Raft.
    VotesForAnyLog,

    /// Takes the longer log for the more up-to-date one, whatever its last term.
    ///
    /// *Rule*: "If the logs have last entries with different terms, then the log with the later
    /// term is more up-to-date" (§5.4.1).
    ///
    /// *Symptom*: `apply error: commit index=…`.
    ///
    /// *Caught by* `TestRejoin3B` and `TestBackup3B` with all seeds.
    ///
    /// *Source*: Students' Guide to Raft.
    ComparesLengthsOnly,

    /// Wants a candidate's last term and its length to be both at least its own.
    ///
    /// *Rule*: "the log with the later term is more up-to-date" (§5.4.1), however short.
    ///
    /// *Symptom*: `one(…) failed to reach agreement`: of two servers neither is good enough for the
    /// other.
    ///
    /// *Caught by* `TestRejoin3B` and `TestBackup3B` with all seeds.
    ///
    /// *Source*: students' repositories.
    WantsNewerAndLonger,

    /// Resets the timer with every request for a vote, also with one that it refuses.
    ///
    /// *Rule*: the timer starts anew with "granting vote to candidate" (Figure 2, Followers; §5.2).
    ///
    /// *Symptom*: `one(…) failed to reach agreement`: a server with an old log, which can't win,
    /// always stands before those that could. New timeouts would soon end that, so this bug keeps
    /// the first, as [`Bug::DrawsTimeoutOnce`] does.
    ///
    /// *Caught by* `TestBackup3B` and `TestPersist23C` with all seeds, `TestRejoin3B` with 80 %.
    ///
    /// *Source*: Students' Guide to Raft.
    RestartsTimerWhenRefusing,

    /// Resets the timer whenever it hears of a higher term.
    ///
    /// *Rule*: the timer starts anew with "granting vote to candidate" or an AppendEntries of the
    /// "current leader" (Figure 2, Followers; §5.2).
    ///
    /// *Symptom*: like that of [`Bug::RestartsTimerWhenRefusing`], whose timeouts it has: each
    /// candidate brings a higher term.
    ///
    /// *Caught by* `TestBackup3B` and `TestPersist23C` with all seeds, `TestRejoin3B` with 80 %.
    ///
    /// *Source*: students' repositories.
    RestartsTimerWithTerm,

    /// Accepts entries as soon as its log is long enough, whatever its last entry's term.
    ///
    /// *Rule*: "Reply false if log doesn't contain an entry at prevLogIndex whose term matches
    /// prevLogTerm" (Figure 2, AppendEntries, 2; §5.3).
    ///
    /// *Symptom*: `apply error: commit index=…`.
    ///
    /// *Caught by* `TestRejoin3B`, `TestBackup3B`, `TestFigure83C` and `TestFigure8Unreliable3C`
    /// with all seeds.
    ///
    /// *Source*: Students' Guide to Raft.
    SkipsConsistencyCheck,

    /// Deletes whatever follows the entries that a leader has sent, also where they agree with its
    /// own.
    ///
    /// *Rule*: "If an existing entry conflicts with a new one" (Figure 2, AppendEntries, 3; §5.3).
    ///
    /// *Symptom*: `apply error: commit index=…` or `one(…) failed to reach agreement`: a late
    /// request takes back what was acknowledged meanwhile.
    ///
    /// *Caught by* `TestUnreliableAgree3C` with all seeds, and by `TestUnreliableChurn3C` and the
    /// unreliable tests of 3D with most; never on a reliable network.
    ///
    /// *Source*: Students' Guide to Raft.
    TruncatesAlways,

    /// A leader whose entries are refused gives up its leadership, whatever the reason.
    ///
    /// *Rule*: "If AppendEntries fails because of log inconsistency: decrement nextIndex and retry"
    /// (Figure 2, Leaders; §5.3).
    ///
    /// *Symptom*: `one(…) failed to reach agreement`, and whoever accepted it `lost its
    /// leadership`: no leader outlives a follower that lacks something.
    ///
    /// *Caught by* `TestFailAgree3B`, `TestRejoin3B`, `TestBackup3B` and most of 3C with all seeds.
    ///
    /// *Source*: Students' Guide to Raft.
    StepsDownWhenRefused,

    /// Sends a follower the same entries again after it has refused them.
    ///
    /// *Rule*: "If AppendEntries fails because of log inconsistency: decrement nextIndex and retry"
    /// (Figure 2, Leaders; §5.3).
    ///
    /// *Symptom*: `one(…) failed to reach agreement`, with a leader that still leads: who has
    /// missed something never gets it.
    ///
    /// *Caught by* `TestFailAgree3B`, `TestRejoin3B` and `TestBackup3B` with all seeds.
    ///
    /// *Source*: constructed.
    NeverBacksUp,

    /// Goes back by one entry for each refusal, and at a heartbeat's pace.
    ///
    /// *Rule*: "the protocol can be optimized to reduce the number of rejected AppendEntries RPCs"
    /// (§5.3); the lab asks for that.
    ///
    /// *Symptom*: `one(…) failed to reach agreement`, with a leader that still leads: followers
    /// that have missed much take longer than the 10 s of `one`.
    ///
    /// *Caught by* `TestFigure8Unreliable3C` with all seeds, `TestReliableChurn3C` with nearly all.
    /// `TestBackup3B`, which is named for it, never finds it.
    ///
    /// *Source*: students' repositories.
    BacksUpOneByOne,

    /// After a refusal goes on behind the follower's last entry, wherever that is.
    ///
    /// *Rule*: "decrement nextIndex and retry" (Figure 2, Leaders; §5.3): what conflicts is behind
    /// the common entries.
    ///
    /// *Symptom*: `one(…) failed to reach agreement`, with a leader that still leads: with a longer
    /// log than the leader's, the follower is asked for what isn't there.
    ///
    /// *Caught by* `TestRejoin3B` and `TestBackup3B` with all seeds.
    ///
    /// *Source*: students' repositories: the follower's length is trusted.
    BacksUpToTheirEnd,

    /// Takes a reply for a sign that the follower has all that is in the leader's log by then.
    ///
    /// *Rule*: "If successful: update nextIndex and matchIndex for follower" (Figure 2, Leaders;
    /// §5.3), by what the request had.
    ///
    /// *Symptom*: `apply error: commit index=…`: an entry counts as replicated before it is sent.
    ///
    /// *Caught by* `TestFigure8Unreliable3C` with 85 % of the seeds; by `TestUnreliableChurn3C`
    /// with 5 %.
    ///
    /// *Source*: Students' Guide to Raft.
    CountsUnsentEntries,

    /// Sends heartbeats only.
    ///
    /// *Rule*: "If last log index ≥ nextIndex for a follower: send AppendEntries RPC with log
    /// entries" (Figure 2, Leaders; §5.3).
    ///
    /// *Symptom*: `one(…) failed to reach agreement`, with a leader that still leads; `only …
    /// decided for index …; wanted …`.
    ///
    /// *Caught by* every test of 3B with all seeds.
    ///
    /// *Source*: constructed.
    NeverSendsEntries,

    /// Sends a request when the one before, to another follower, has been answered.
    ///
    /// *Rule*: a leader sends "AppendEntries RPCs in parallel to each of the other servers" (§5.3).
    ///
    /// *Symptom*: `one(…) failed to reach agreement`, and whoever accepted it `lost its
    /// leadership`: a follower that is cut off keeps the others from hearing of their leader for up
    /// to 7 s.
    ///
    /// *Caught by* `TestFailAgree3B`, `TestFollowerFailure3B` and `TestRejoin3B` with all seeds.
    ///
    /// *Source*: students' repositories.
    SendsInTurn,

    /// A follower answers when it has applied the entries.
    ///
    /// *Rule*: a follower's reply says what is in its log (Figure 2, AppendEntries; §5.3); the
    /// leader commits by it.
    ///
    /// *Symptom*: `one(…) failed to reach agreement`, with a leader that still leads: the follower
    /// waits for the commit, and the leader for the reply.
    ///
    /// *Caught by* every test of 3B with all seeds.
    ///
    /// *Source*: constructed: a handler that waits for ever.
    AnswersOnceApplied,

    /// Takes over entries from whoever sends them, also from a leader of an earlier term. It stays
    /// in its own term.
    ///
    /// *Rule*: "Reply false if term < currentTerm" (Figure 2, AppendEntries, 1; §5.1).
    ///
    /// *Symptom*: `apply error: commit index=…`: a leader that was cut off overwrites what its
    /// successor has committed.
    ///
    /// *Caught by* `TestRejoin3B`, `TestPersist23C` and `TestFigure8Unreliable3C` with all seeds.
    ///
    /// *Source*: Students' Guide to Raft.
    AcceptsEntriesOfOldTerms,

    /// A leader that is refused because of its term backs up, as if logs differed, and leads on.
    ///
    /// *Rule*: "If RPC request or response contains term T > currentTerm: set currentTerm = T,
    /// convert to follower" (Figure 2, All Servers; §5.1).
    ///
    /// *Symptom*: two servers say for a while that they lead, until the old leader is asked
    /// something in the new term.
    ///
    /// *Caught by* no test, with none of 20 seeds.
    ///
    /// *Source*: Students' Guide to Raft.
    TakesHigherTermForConflict,

    /// Confirms every request without entries, whatever precedes them.
    ///
    /// *Rule*: "Reply false if log doesn't contain an entry at prevLogIndex whose term matches
    /// prevLogTerm" (Figure 2, AppendEntries, 2; §5.3): a heartbeat is such a request.
    ///
    /// *Symptom*: `apply error: commit index=…`, or `one(…) failed to reach agreement` with a
    /// leader that still leads: it takes a follower's word for entries which it hasn't.
    ///
    /// *Caught by* `TestFailAgree3B`, `TestRejoin3B`, `TestBackup3B`, `TestPersist23C` and
    /// `TestFigure8Unreliable3C` with all seeds.
    ///
    /// *Source*: Students' Guide to Raft; students' repositories.
    SkipsCheckForHeartbeats,

    /// Replaces the entries that conflict with new ones, and keeps those behind them.
    ///
    /// *Rule*: "delete the existing entry and all that follow it" (Figure 2, AppendEntries, 3;
    /// §5.3).
    ///
    /// *Symptom*: `apply error: commit index=…`: a log that is too long, with an old term at its
    /// end, or a new one that is followed by old ones.
    ///
    /// *Caught by* `TestFigure8Unreliable3C` with half of the seeds; no other test.
    ///
    /// *Source*: students' repositories.
    KeepsConflictingSuffix,

    /// [`Bug::TruncatesAlways`] with requests that have entries; heartbeats delete nothing.
    ///
    /// *Rule*: "If an existing entry conflicts with a new one" (Figure 2, AppendEntries, 3; §5.3).
    ///
    /// *Symptom*: that of [`Bug::TruncatesAlways`], more rarely.
    ///
    /// *Caught by* no test of MIT's, with none of 20 seeds; `LAB_STRICT=1` fails
    /// `TestUnreliableChurn3C` with 65 % of them, by M7.
    ///
    /// *Source*: Students' Guide to Raft; students' repositories.
    TruncatesWithEntries,

    /// Backs up to the follower's last entry and not behind it: to 0, if there is none.
    ///
    /// *Rule*: "nextIndex: index of the next log entry to send" (Figure 2, State), which is at
    /// least 1; "decrement nextIndex and retry" (§5.3).
    ///
    /// *Symptom*: `server … panicked in a task …`, if a follower's log is empty and the leader's
    /// isn't.
    ///
    /// *Caught by* `TestReliableChurn3C` and `TestUnreliableChurn3C` with 25 % of the seeds,
    /// `TestFigure8Unreliable3C` with 10 %.
    ///
    /// *Source*: students' repositories.
    BacksUpToZero,

    /// Backs up to its first entry of the follower's term, where it could to the last.
    ///
    /// *Rule*: "the leader can decrement nextIndex to bypass all of the conflicting entries in that
    /// term" (§5.3).
    ///
    /// *Symptom*: more bytes than are needed.
    ///
    /// *Caught by* no test, with none of 20 seeds.
    ///
    /// *Source*: students' repositories: a search that begins at the wrong end.
    BacksUpToTermsFirst,

    /// Backs up for each refusal of its term, also of a request that was sent long before others
    /// which were accepted.
    ///
    /// *Rule*: "If AppendEntries fails because of log inconsistency: decrement nextIndex" (Figure
    /// 2, Leaders; §5.3), if nextIndex is still what that request was sent for.
    ///
    /// *Symptom*: entries are sent twice.
    ///
    /// *Caught by* no test, with none of 20 seeds.
    ///
    /// *Source*: students' repositories.
    HeedsLateRefusals,

    /// Takes a refusal of any of its terms for one of now, goes on behind the end of the follower's
    /// log, and takes its own log to reach as far.
    ///
    /// *Rule*: what was sent in another term says nothing of this one (§5.2), and nextIndex is at
    /// most "leader last log index + 1" (Figure 2, State).
    ///
    /// *Symptom*: `server … panicked in a task …`, if the refusal is of an earlier leadership with
    /// a longer log.
    ///
    /// *Caught by* no test, with none of 20 seeds.
    ///
    /// *Source*: students' repositories.
    TrustsTheirLength,

    /// Takes a follower's answer for one of now, whatever the term in which it was asked.
    ///
    /// *Rule*: what was sent in another term says nothing of this one (§5.2): the follower's log may
    /// have others in the places of those entries.
    ///
    /// *Symptom*: `apply error: commit index=…`: an entry counts as replicated that nobody else has.
    ///
    /// *Caught by* no test of MIT's, with none of 20 seeds.
    ///
    /// *Source*: Students' Guide to Raft.
    CountsOldAnswers,

    /// Keeps what it knew of its followers when it led last.
    ///
    /// *Rule*: "matchIndex: initialized to 0" after each election (Figure 2, Volatile state on
    /// leaders).
    ///
    /// *Symptom*: `apply error: commit index=…`, if the leader's log has lost entries since it led
    /// last: it counts new ones as replicated that nobody else has.
    ///
    /// *Caught by* no test, with none of 20 seeds.
    ///
    /// *Source*: students' repositories.
    KeepsMatchIndexes,

    /// Believes when it begins to lead that every follower has its whole log.
    ///
    /// *Rule*: "matchIndex: initialized to 0" (Figure 2, Volatile state on leaders).
    ///
    /// *Symptom*: nothing.
    ///
    /// *Caught by* no test, with none of 20 seeds.
    ///
    /// *Source*: students' repositories.
    BeginsMatchAtEnd,

    /// Sets matchIndex to what the last reply says, also if an older one comes later.
    ///
    /// *Rule*: "matchIndex: increases monotonically" (Figure 2, Volatile state on leaders).
    ///
    /// *Symptom*: commands are committed later than they could be.
    ///
    /// *Caught by* no test, with none of 20 seeds.
    ///
    /// *Source*: students' repositories.
    LetsMatchGoBack,

    /// Sets nextIndex to what the last reply says, also if an older one comes later.
    ///
    /// *Rule*: "If successful: update nextIndex and matchIndex for follower" (Figure 2, Leaders;
    /// §5.3), which an older reply doesn't.
    ///
    /// *Symptom*: entries are sent twice.
    ///
    /// *Caught by* no test, with none of 20 seeds.
    ///
    /// *Source*: students' repositories.
    LetsNextGoBack,

    /// Sends a request that was lost or refused again as it was, every 0.1 s, until it is accepted.
    ///
    /// *Rule*: "decrement nextIndex and retry" (Figure 2, Leaders; §5.3): with other entries.
    ///
    /// *Symptom*: `one(…) failed to reach agreement`, with a leader that still leads: what a
    /// follower has once refused it refuses again, and nothing else is sent to it but heartbeats.
    ///
    /// *Caught by* `TestFigure8Unreliable3C` with nearly all seeds, `TestBackup3B` with 40 %.
    ///
    /// *Source*: students' repositories: a loop around the call, with the arguments outside.
    ResendsSameRequest,

    /// Takes the last reply that anybody has sent for that of a call which has failed.
    ///
    /// *Rule*: "If successful: update nextIndex and matchIndex for follower" (Figure 2, Leaders;
    /// §5.3): for this one, and if it has answered.
    ///
    /// *Symptom*: `… committed but no majority` and `apply error: commit index=…`: a follower that
    /// is cut off counts by another's reply.
    ///
    /// *Caught by* `TestFollowerFailure3B`, `TestLeaderFailure3B`, `TestFailNoAgree3B` and
    /// `TestBackup3B` with all seeds.
    ///
    /// *Source*: students' repositories: one variable for the replies of several calls.
    ReusesReply,

    /// Sends entries, and what is committed, only with the next heartbeat.
    ///
    /// *Rule*: "If last log index ≥ nextIndex for a follower: send AppendEntries RPC" (Figure 2,
    /// Leaders; §5.3), at once.
    ///
    /// *Symptom*: each command takes up to two intervals more.
    ///
    /// *Caught by* no test, with none of 20 seeds.
    ///
    /// *Source*: students' repositories.
    ReplicatesByHeartbeat,

    // ---- What is committed and applied ----
    /// Commits what half of the servers have, rounded down.
    ///
    /// *Rule*: "a majority of matchIndex\[i\] ≥ N" (Figure 2, Leaders; §5.3).
    ///
    /// *Symptom*: `… committed but no majority`: of three, a leader alone commits.
    ///
    /// *Caught by* `TestFollowerFailure3B` and `TestFailNoAgree3B` with all seeds; by
    /// `TestLeaderFailure3B` and `TestBackup3B` as `apply error: commit index=…`.
    ///
    /// *Source*: constructed.
    CommitsWithHalf,

    /// Commits what half of the servers have where their number is even.
    ///
    /// *Rule*: "a majority of matchIndex\[i\] ≥ N" (Figure 2, Leaders; §5.3).
    ///
    /// *Symptom*: a leader commits what two of four servers have. MIT's clusters are all of odd sizes.
    ///
    /// *Caught by* `TestEvenClusterX26` with all seeds, and by exploration.
    ///
    /// *Source*: constructed: the median of matchIndex.
    CommitsWithHalfOfEven,

    /// Commits what all servers have.
    ///
    /// *Rule*: "a majority of matchIndex\[i\] ≥ N" (Figure 2, Leaders; §5.3).
    ///
    /// *Symptom*: `one(…) failed to reach agreement`, with a leader that still leads, as soon as
    /// one server is cut off.
    ///
    /// *Caught by* `TestFollowerFailure3B`, `TestFailAgree3B` and `TestRejoin3B` with all seeds.
    ///
    /// *Source*: constructed.
    CommitsWhenAllHave,

    /// Commits what a majority has beside the leader.
    ///
    /// *Rule*: "stored on a majority of servers" (§5.3), of which the leader is one.
    ///
    /// *Symptom*: `one(…) failed to reach agreement`, with a leader that still leads, as soon as
    /// one of three, or two of five, are cut off.
    ///
    /// *Caught by* `TestFollowerFailure3B`, `TestFailAgree3B` and `TestRejoin3B` with all seeds.
    ///
    /// *Source*: students' repositories.
    CountsOnlyFollowers,

    /// Commits a command as it takes it.
    ///
    /// *Rule*: "a majority of matchIndex\[i\] ≥ N" (Figure 2, Leaders; §5.3).
    ///
    /// *Symptom*: `… committed but no majority`; `apply error: commit index=…`, if the leader is
    /// cut off.
    ///
    /// *Caught by* `TestFollowerFailure3B` and `TestFailNoAgree3B` with all seeds; by
    /// `TestLeaderFailure3B`, `TestRejoin3B` and `TestBackup3B` with all as `apply error: commit
    /// index=…`.
    ///
    /// *Source*: constructed.
    CommitsAtOnce,

    /// Looks for what a majority has only when it takes a command.
    ///
    /// *Rule*: "If there exists an N such that N > commitIndex" (Figure 2, Leaders; §5.3), which
    /// replies bring about.
    ///
    /// *Symptom*: `one(…) failed to reach agreement`, with a leader that still leads; `only …
    /// decided for index …; wanted …`: the last command waits for the next.
    ///
    /// *Caught by* every test of 3B with all seeds.
    ///
    /// *Source*: constructed.
    CommitsOnlyOnStart,

    /// Commits an entry of an earlier term as soon as a majority has it.
    ///
    /// *Rule*: "log\[N\].term == currentTerm" (Figure 2, Leaders; §5.4.2).
    ///
    /// *Symptom*: `apply error: commit index=…`, if all of Figure 8 happens.
    ///
    /// *Caught by* `TestFigure8Unreliable3C` with 2 % of the seeds, and by `TestFigure83C`, which
    /// is named for it, with less than 1 %: MIT's tests rarely catch it.
    ///
    /// *Source*: students' repositories; the paper's Figure 8.
    CommitsOldTerms,

    /// Takes the leader's commit index as it is, though its own log may end before, or go on
    /// otherwise.
    ///
    /// *Rule*: "set commitIndex = min(leaderCommit, index of last new entry)" (Figure 2,
    /// AppendEntries, 5; §5.3).
    ///
    /// *Symptom*: `apply error: commit index=…`, in a Raft whose leader sends heartbeats without
    /// entries while some are due. This crate's never does, so what it tells always covers the
    /// commit index.
    ///
    /// *Caught by* no test, with none of 200 seeds of 3C.
    ///
    /// *Source*: Students' Guide to Raft.
    CommitsBeyondNewEntries,

    /// A follower looks at the leader's commit index only if there are entries with it.
    ///
    /// *Rule*: "If leaderCommit > commitIndex" (Figure 2, AppendEntries, 5; §5.3), which heartbeats
    /// tell, too.
    ///
    /// *Symptom*: `only … decided for index …; wanted …` and `one(…) failed to reach agreement`:
    /// the last command stays with the leader until another comes.
    ///
    /// *Caught by* every test of 3B to 3D with all seeds.
    ///
    /// *Source*: students' repositories.
    CommitsOnlyWithEntries,

    /// Sends each message to the service twice.
    ///
    /// *Rule*: "If commitIndex > lastApplied: increment lastApplied" (Figure 2, All Servers; §5.3).
    ///
    /// *Symptom*: `apply error: … apply out of order, expected index …, got …`.
    ///
    /// *Caught by* every test of 3B to 3D with all seeds.
    ///
    /// *Source*: Students' Guide to Raft: two tasks that apply.
    AppliesTwice,

    /// Applies the entry at commitIndex and leaves out those before.
    ///
    /// *Rule*: "increment lastApplied, apply log\[lastApplied\]" (Figure 2, All Servers; §5.3).
    ///
    /// *Symptom*: `apply error: … apply out of order …` as soon as two commands are committed
    /// together.
    ///
    /// *Caught by* `TestConcurrentStarts3B`, `TestCount3B` and all tests of 3D with all seeds.
    ///
    /// *Source*: constructed.
    AppliesOnlyTheLast,

    /// Applies one entry each time that it is told of a new commit index.
    ///
    /// *Rule*: "If commitIndex > lastApplied: increment lastApplied" (Figure 2, All Servers; §5.3),
    /// until they are the same.
    ///
    /// *Symptom*: `only … decided for index …; wanted …` and `one(…) failed to reach agreement`:
    /// who gets several at once falls behind.
    ///
    /// *Caught by* `TestConcurrentStarts3B`, `TestCount3B`, `TestFailAgree3B` and `TestBackup3B`
    /// with all seeds.
    ///
    /// *Source*: students' repositories: `if` for `while` beside a condition variable.
    AppliesOnePerNotice,

    /// Looks for what is committed only every 1.3 s.
    ///
    /// *Rule*: "If commitIndex > lastApplied: increment lastApplied, apply log\[lastApplied\]"
    /// (Figure 2, All Servers; §5.3), without delay.
    ///
    /// *Symptom*: `test took longer than 120 seconds`: all that a test wants happens, only late.
    ///
    /// *Caught by* `TestBackup3B`, `TestSnapshotInstall3D` and `TestSnapshotInstallUnreliable3D`
    /// with all seeds.
    ///
    /// *Source*: students' repositories: a ticker that applies.
    PollsForCommits,

    /// Applies at most one entry each 0.3 s.
    ///
    /// *Rule*: "If commitIndex > lastApplied: increment lastApplied" (Figure 2, All Servers; §5.3),
    /// without delay.
    ///
    /// *Symptom*: `one(…) failed to reach agreement`, with a leader that still leads, where there
    /// are many; with snapshots `test took longer than 120 seconds`.
    ///
    /// *Caught by* `TestBackup3B`, `TestFigure83C` and the four `TestSnapshotInstall…3D` with all
    /// seeds; `TestCount3B` with all, as `too many RPCs (…) for 10 entries`, since heartbeats go on
    /// meanwhile.
    ///
    /// *Source*: students' repositories: a ticker that applies.
    AppliesOnePerTick,

    /// [`Bug::CommitsBeyondNewEntries`] with heartbeats that have no entries though some are due:
    /// the leader's commit index is beyond what they prove.
    ///
    /// *Rule*: "set commitIndex = min(leaderCommit, index of last new entry)" (Figure 2,
    /// AppendEntries, 5; §5.3).
    ///
    /// *Symptom*: `apply error: commit index=…`, if the follower's log goes on otherwise; if it
    /// ends before, it applies nothing until the next commit:
    /// `only … decided for index …; wanted …`.
    ///
    /// *Caught by* `TestPersist23C` with all seeds, `TestBackup3B` with 75 %, `TestRejoin3B` with
    /// 45 %; `TestPersist13C` with all, as the second.
    ///
    /// *Source*: Students' Guide to Raft.
    CommitsWhatHeartbeatsTell,

    /// Commits up to the end of its log, if the leader has committed as much; heartbeats have no
    /// entries though some are due, so that its log may go on otherwise.
    ///
    /// *Rule*: "index of last new entry" (Figure 2, AppendEntries, 5; §5.3): of the request, not of
    /// the log.
    ///
    /// *Symptom*: `apply error: commit index=…`, if the follower's log goes on otherwise behind the
    /// last new entry.
    ///
    /// *Caught by* `TestPersist23C` and `TestBackup3B` with nearly all seeds, `TestRejoin3B` with
    /// half.
    ///
    /// *Source*: Students' Guide to Raft; students' repositories.
    CommitsWhatItHas,

    /// Doesn't look further than the first entry that isn't committed, if that is of an earlier
    /// term.
    ///
    /// *Rule*: "If there exists an N such that N > commitIndex" (Figure 2, Leaders; §5.4.2): once
    /// one of its own term is committed, "all prior entries are committed indirectly".
    ///
    /// *Symptom*: `one(…) failed to reach agreement`, with a leader that still leads: after an
    /// entry of an earlier term nothing is committed any more.
    ///
    /// *Caught by* `TestPersist13C`, `TestPersist23C`, `TestPersist33C`, `TestFigure83C` and
    /// `TestSnapshotInit3D` with all seeds.
    ///
    /// *Source*: students' repositories: a loop that ends where it should go on.
    StopsAtOldTerms,

    /// Two tasks apply what is committed, and note what they have applied when the service has it.
    ///
    /// *Rule*: "increment lastApplied, apply log\[lastApplied\]" (Figure 2, All Servers; §5.3), as
    /// one step.
    ///
    /// *Symptom*: `apply error: … apply out of order, expected index …, got …`: both have sent the
    /// same.
    ///
    /// *Caught by* every test of 3B to 3D with all seeds.
    ///
    /// *Source*: Students' Guide to Raft; MIT's hints.
    RunsTwoAppliers,

    /// Starts a task each time that something is committed, which applies it and then notes that it
    /// has.
    ///
    /// *Rule*: "increment lastApplied, apply log\[lastApplied\]" (Figure 2, All Servers; §5.3), as
    /// one step.
    ///
    /// *Symptom*: `apply error: … apply out of order, expected index …, got …`, if the next commit
    /// comes before the service has the last.
    ///
    /// *Caught by* `TestUnreliableAgree3C` with all seeds, `TestSnapshotInstall3D` with 30 %.
    ///
    /// *Source*: Students' Guide to Raft.
    AppliesPerNotice,

    /// Doesn't hear what is committed while it applies: a notice wakes only a task that waits for
    /// it, and this one looks at the commit index before it begins and not when it ends.
    ///
    /// *Rule*: "If commitIndex > lastApplied: increment lastApplied" (Figure 2, All Servers; §5.3),
    /// whenever that is so.
    ///
    /// *Symptom*: the last command waits for the next: `one(…) failed to reach agreement`, if the
    /// service is slow. The tester's takes each message at once.
    ///
    /// *Caught by* no test, with none of 20 seeds.
    ///
    /// *Source*: students' repositories: a condition variable without a condition.
    MissesNotices,

    // ---- What it costs ----
    /// Sends the whole log each time instead of what the follower lacks.
    ///
    /// *Rule*: "send AppendEntries RPC with log entries starting at nextIndex" (Figure 2, Leaders;
    /// §5.3).
    ///
    /// *Symptom*: `too many RPC bytes; got …, expected …`.
    ///
    /// *Caught by* `TestRPCBytes3B` with all seeds.
    ///
    /// *Source*: constructed.
    SendsWholeLog,

    /// Sends each request to append twice.
    ///
    /// *Rule*: each command crosses the network once for each peer (the lab's `TestRPCBytes3B`).
    ///
    /// *Symptom*: `too many RPC bytes; got …, expected …`: 9.5 % more than the limit.
    ///
    /// *Caught by* `TestRPCBytes3B` with all seeds.
    ///
    /// *Source*: constructed.
    SendsTwice,

    /// Sends to a follower again as soon as it has answered, whether there is news or not.
    ///
    /// *Rule*: "repeat during idle periods to prevent election timeouts" (Figure 2, Leaders; §5.2),
    /// ten times a second in the lab.
    ///
    /// *Symptom*: `too many or few RPCs (…) to elect initial leader`: more than a thousand.
    ///
    /// *Caught by* `TestCount3B` with all seeds.
    ///
    /// *Source*: students' repositories.
    SendsWithoutPause,

    /// Sends each entry, and each commit index, in a request of its own.
    ///
    /// *Rule*: entries may go together: "log entries to store (… may send more than one for
    /// efficiency)" (Figure 2, AppendEntries).
    ///
    /// *Symptom*: `too many RPCs (…) for 10 entries`.
    ///
    /// *Caught by* `TestCount3B` with all seeds.
    ///
    /// *Source*: students' repositories.
    SendsOneThingAtATime,

    /// Tells a follower the commit index again as soon as it has answered.
    ///
    /// *Rule*: heartbeats are for "idle periods" (Figure 2, Leaders; §5.2), and news is news once.
    ///
    /// *Symptom*: `too many RPCs (…) for 10 entries`; all is quiet before the first command.
    ///
    /// *Caught by* `TestCount3B` with all seeds.
    ///
    /// *Source*: constructed.
    NeverNotesWhatItTold,

    /// Sends a heartbeat every 20 ms.
    ///
    /// *Rule*: the lab allows some ten heartbeats a second.
    ///
    /// *Symptom*: `too many RPCs (…) for 1 second of idleness`; now and then `too many or few RPCs
    /// (…) to elect initial leader`.
    ///
    /// *Caught by* `TestCount3B` with all seeds.
    ///
    /// *Source*: constructed.
    HeartbeatsTooOften,

    /// Starts another loop of heartbeats with each command, and ends none.
    ///
    /// *Rule*: the lab allows some ten heartbeats a second.
    ///
    /// *Symptom*: `too many RPCs (…) for 1 second of idleness`.
    ///
    /// *Caught by* `TestCount3B` with all seeds.
    ///
    /// *Source*: students' repositories: loops of heartbeats that outlive their reason.
    HeartbeatsPerCommand,

    /// Sends all that a follower hasn't confirmed with each new command, also what is under way.
    ///
    /// *Rule*: "log entries starting at nextIndex" (Figure 2, Leaders; §5.3): once is enough.
    ///
    /// *Symptom*: more bytes than are needed.
    ///
    /// *Caught by* no test, with none of 20 seeds.
    ///
    /// *Source*: students' repositories: each `Start` sends.
    SendsAtEachStart,

    /// Sends each heartbeat four times.
    ///
    /// *Rule*: the lab allows some ten heartbeats a second.
    ///
    /// *Symptom*: `too many RPCs (…) for 1 second of idleness`.
    ///
    /// *Caught by* `TestCount3B` with all seeds.
    ///
    /// *Source*: constructed.
    SendsHeartbeatsFourTimes,

    /// Starts another loop of heartbeats with each election that it wins, and ends none.
    ///
    /// *Rule*: the lab allows some ten heartbeats a second.
    ///
    /// *Symptom*: `too many RPCs (…) for 1 second of idleness`, where a server leads for the third
    /// time.
    ///
    /// *Caught by* no test, with none of 20 seeds: those that count have one leader.
    ///
    /// *Source*: students' repositories: loops of heartbeats that outlive their term.
    HeartbeatsPerElection,

    // ---- What survives a crash ----
    /// Is back in term 0 after a crash.
    ///
    /// *Rule*: "Persistent state on all servers: currentTerm" (Figure 2, State).
    ///
    /// *Symptom*: `apply error: commit index=…`: two leaders of one term, one before and one after
    /// the crash.
    ///
    /// *Caught by* `TestPersist23C` with all seeds, and by hardly any other test.
    ///
    /// *Source*: students' repositories.
    NeverSavesTerm,

    /// Forgets in a crash for whom it has voted.
    ///
    /// *Rule*: "Persistent state on all servers: votedFor" (Figure 2, State).
    ///
    /// *Symptom*: two leaders of one term, if a server crashes between two candidates' requests.
    ///
    /// *Caught by* MIT's tests hardly ever: with none of 200 seeds of any test of 3C.
    ///
    /// *Source*: students' repositories; Students' Guide to Raft.
    NeverSavesVote,

    /// Forgets its log in a crash, but for the snapshot.
    ///
    /// *Rule*: "Persistent state on all servers: log\[\]" (Figure 2, State).
    ///
    /// *Symptom*: `apply error: commit index=…`, and with snapshots `index decreased from … to …`.
    ///
    /// *Caught by* `TestPersist13C`, `TestPersist23C`, `TestPersist33C` and
    /// `TestSnapshotAllCrash3D` with all seeds.
    ///
    /// *Source*: students' repositories.
    NeverSavesLog,

    /// A leader doesn't save a command that it takes; the next change saves it, too.
    ///
    /// *Rule*: "Persistent state on all servers: log\[\]", saved before a server answers (Figure 2,
    /// State).
    ///
    /// *Symptom*: `apply error: commit index=…`: a leader has forgotten what it has committed.
    ///
    /// *Caught by* `TestPersist33C` with all seeds; by `TestFigure83C` with some.
    ///
    /// *Source*: students' repositories.
    NeverSavesOwnCommands,

    /// Writes what must survive a crash, and answers without waiting until it is safe on the disk.
    ///
    /// *Rule*: "Updated on stable storage before responding to RPCs" (Figure 2, State).
    ///
    /// *Symptom*: after a crash nothing is there: that of [`Bug::NeverSavesTerm`],
    /// [`Bug::NeverSavesVote`] and [`Bug::NeverSavesLog`] together.
    ///
    /// *Caught by* `TestPersist13C`, `TestPersist23C`, `TestPersist33C` and
    /// `TestSnapshotAllCrash3D` with all seeds. It takes a disk that has to be synced, as
    /// `Persister::write` has.
    ///
    /// *Source*: constructed.
    NeverSyncs,

    /// Takes all that it had saved for committed and applied.
    ///
    /// *Rule*: "Volatile state on all servers: commitIndex, lastApplied" begin at 0 (Figure 2,
    /// State), or behind the snapshot.
    ///
    /// *Symptom*: `apply error: … apply out of order …`.
    ///
    /// *Caught by* `TestFigure83C`, `TestUnreliableChurn3C`, `TestSnapshotAllCrash3D` and
    /// `TestSnapshotInit3D` with all seeds.
    ///
    /// *Source*: constructed.
    TakesSavedForApplied,

    /// A follower doesn't save the entries that it accepts; the next change saves them, too.
    ///
    /// *Rule*: "Persistent state on all servers: log\[\]", saved before a server answers (Figure 2,
    /// State).
    ///
    /// *Symptom*: `apply error: commit index=…`, and with snapshots `index decreased from … to …`:
    /// a follower has forgotten what it had confirmed.
    ///
    /// *Caught by* `TestPersist13C` with 80 % of the seeds, `TestSnapshotAllCrash3D` with all.
    ///
    /// *Source*: students' repositories.
    NeverSavesTheirEntries,

    /// Doesn't save a term that it has heard of; the next change saves it, too.
    ///
    /// *Rule*: "Persistent state on all servers: currentTerm", saved before a server answers
    /// (Figure 2, State).
    ///
    /// *Symptom*: a term that goes back, if a server crashes before anything else changes.
    ///
    /// *Caught by* no test, with none of 20 seeds.
    ///
    /// *Source*: constructed.
    NeverSavesNewTerm,

    /// Doesn't save a vote that it grants; the next change saves it, too.
    ///
    /// *Rule*: "Persistent state on all servers: votedFor", saved before a server answers (Figure
    /// 2, State).
    ///
    /// *Symptom*: two leaders of one term, if a server crashes between two candidates' requests.
    ///
    /// *Caught by* no test, with none of 20 seeds.
    ///
    /// *Source*: students' repositories: saved at the wrong place.
    NeverSavesGrantedVote,

    /// Saves the votes that it gives to others, and not the one for itself.
    ///
    /// *Rule*: votedFor is persistent (Figure 2, State), and a candidate votes for itself (§5.2).
    ///
    /// *Symptom*: a candidate crashes, comes back, and votes for another one of the same term.
    ///
    /// *Caught by* `TestVoteSurvivesCrashX05` with all seeds, and monitor M2.
    ///
    /// *Source*: constructed: saved at the wrong place.
    NeverSavesOwnVote,

    /// Answers at once, and has saved 20 ms later.
    ///
    /// *Rule*: "updated on stable storage before responding to RPCs" (Figure 2, Persistent state).
    ///
    /// *Symptom*: `apply error: commit index=…`, and with snapshots `index decreased from … to …`:
    /// what was just confirmed is gone.
    ///
    /// *Caught by* `TestPersist13C`, `TestPersist33C` and `TestSnapshotAllCrash3D` with all seeds.
    ///
    /// *Source*: constructed: a task that saves.
    SavesLate,

    /// Begins to apply at index 1 after a crash, though its log begins behind a snapshot.
    ///
    /// *Rule*: lastApplied begins at 0 (Figure 2, State), or behind the snapshot (§7).
    ///
    /// *Symptom*: `server … panicked in a task …`: the log has no such entry.
    ///
    /// *Caught by* `TestSnapshotAllCrash3D`, `TestSnapshotInit3D` and the tests with crashes, with
    /// all seeds.
    ///
    /// *Source*: students' repositories.
    AppliesFromOne,

    // ---- Snapshots ----
    /// Does nothing with the service's snapshots.
    ///
    /// *Rule*: "the entire log up to that point is discarded" (§7).
    ///
    /// *Symptom*: `Log size too large`.
    ///
    /// *Caught by* `TestSnapshotBasic3D` and the four `TestSnapshotInstall…3D` with all seeds.
    ///
    /// *Source*: students' repositories.
    IgnoresSnapshots,

    /// Takes the service's snapshots only as a leader.
    ///
    /// *Rule*: "each server takes snapshots independently" (§7).
    ///
    /// *Symptom*: `Log size too large`.
    ///
    /// *Caught by* `TestSnapshotBasic3D` with all seeds; the others change leaders too often.
    ///
    /// *Source*: constructed.
    IgnoresSnapshotsAsFollower,

    /// Lets its log begin behind the service's snapshot, and throws the snapshot away.
    ///
    /// *Rule*: "current system state is written to a snapshot on stable storage" (§7).
    ///
    /// *Symptom*: `apply error: …: nil snapshot`, where a follower needs it; after a crash `apply
    /// error: … apply out of order`.
    ///
    /// *Caught by* `TestSnapshotInstall3D`, `TestSnapshotAllCrash3D` and `TestSnapshotInit3D` with
    /// all seeds.
    ///
    /// *Source*: students' repositories.
    DropsSnapshot,

    /// Lets its log begin behind a leader's snapshot, and keeps its own.
    ///
    /// *Rule*: "Save snapshot file" (Figure 13, InstallSnapshot, 5; §7).
    ///
    /// *Symptom*: `apply error: …: nil snapshot`, or `snapshot doesn't match m.SnapshotIndex` if it
    /// had made one.
    ///
    /// *Caught by* the four `TestSnapshotInstall…3D` with all seeds.
    ///
    /// *Source*: students' repositories.
    KeepsOwnSnapshot,

    /// Sends the first half of a snapshot, and never the second.
    ///
    /// *Rule*: "Reply and wait for more data chunks if done is false" (Figure 13, InstallSnapshot,
    /// 4; §7); the lab sends all at once.
    ///
    /// *Symptom*: `apply error: … snapshot decode error: …`.
    ///
    /// *Caught by* the four `TestSnapshotInstall…3D` with all seeds.
    ///
    /// *Source*: constructed.
    SendsHalfSnapshot,

    /// Saves an empty snapshot each time that it saves its state.
    ///
    /// *Rule*: "current system state is written to a snapshot on stable storage" (§7).
    ///
    /// *Symptom*: `apply error: … apply out of order, expected index 1, got …`: after a crash the
    /// service begins with nothing, the Raft behind the snapshot.
    ///
    /// *Caught by* `TestSnapshotAllCrash3D`, `TestSnapshotInit3D` and the tests with crashes, with
    /// all seeds.
    ///
    /// *Source*: students' repositories.
    NeverSavesSnapshot,

    /// Doesn't read its snapshot after a crash, and then replaces the saved one by none.
    ///
    /// *Rule*: "current system state is written to a snapshot on stable storage" (§7), and has to
    /// stay there.
    ///
    /// *Symptom*: `apply error: … apply out of order, expected index 1, got …`, after the second
    /// crash.
    ///
    /// *Caught by* `TestSnapshotInit3D`, which was made for it, with all seeds; by
    /// `TestSnapshotAllCrash3D` with 30 %.
    ///
    /// *Source*: students' repositories.
    NeverReadsSnapshot,

    /// After a crash takes the saved state for the snapshot, and saves it as one.
    ///
    /// *Rule*: a snapshot is "written to stable storage" (§7), beside the state.
    ///
    /// *Symptom*: `server …: snapshot decode error: …`, after the second crash.
    ///
    /// *Caught by* `TestPersist13C`, `TestPersist23C`, `TestFigure83C`, `TestSnapshotInit3D` and
    /// `TestSnapshotInstallCrash3D` with all seeds.
    ///
    /// *Source*: constructed.
    ReadsStateForSnapshot,

    /// Keeps its first snapshot when the service makes another, though its log begins behind the
    /// new one.
    ///
    /// *Rule*: "discard any existing or partial snapshot with a smaller index" (Figure 13,
    /// InstallSnapshot, 5; §7).
    ///
    /// *Symptom*: `apply error: … snapshot doesn't match m.SnapshotIndex`.
    ///
    /// *Caught by* the four `TestSnapshotInstall…3D` with all seeds; by `TestSnapshotAllCrash3D` as
    /// `apply error: … apply out of order`.
    ///
    /// *Source*: students' repositories: state and snapshot saved apart.
    KeepsFirstSnapshot,

    /// Hands on a snapshot with an index that counts from 0.
    ///
    /// *Rule*: "first index is 1" (Figure 2, State).
    ///
    /// *Symptom*: `apply error: … snapshot doesn't match m.SnapshotIndex`.
    ///
    /// *Caught by* the four `TestSnapshotInstall…3D` with all seeds.
    ///
    /// *Source*: constructed.
    CountsSnapshotFromZero,

    /// Counts its log from 1 after a crash, as if there were no snapshot.
    ///
    /// *Rule*: the last included index is saved with the snapshot (§7).
    ///
    /// *Symptom*: `apply error: … apply out of order, expected index …, got 1`.
    ///
    /// *Caught by* `TestSnapshotAllCrash3D` and `TestSnapshotInit3D` with all seeds.
    ///
    /// *Source*: students' repositories.
    ForgetsSnapshotIndex,

    /// Looks for the entry to apply at its index, as if the log began at 1.
    ///
    /// *Rule*: the log begins behind the snapshot's last included index (§7).
    ///
    /// *Symptom*: `server … panicked in a task …: index out of bounds: …`.
    ///
    /// *Caught by* every test of 3D with all seeds.
    ///
    /// *Source*: students' repositories.
    IgnoresSnapshotOffset,

    /// Doesn't hand on to the service a snapshot that the leader has sent.
    ///
    /// *Rule*: "Reset state machine using snapshot contents" (Figure 13, InstallSnapshot, 8; §7).
    ///
    /// *Symptom*: `apply error: … apply out of order, expected index …, got …`.
    ///
    /// *Caught by* the four `TestSnapshotInstall…3D` with all seeds.
    ///
    /// *Source*: students' repositories.
    KeepsSnapshotToItself,

    /// A leader doesn't note that a follower has installed its snapshot.
    ///
    /// *Rule*: "update nextIndex and matchIndex for follower" (Figure 2, Leaders; §5.3), also
    /// behind a snapshot (§7).
    ///
    /// *Symptom*: `one(…) failed to reach agreement`, with a leader that still leads, which sends
    /// the snapshot again and again.
    ///
    /// *Caught by* the four `TestSnapshotInstall…3D` with all seeds.
    ///
    /// *Source*: students' repositories.
    NeverAdvancesAfterSnapshot,

    /// Takes a snapshot's last index for the next one to send.
    ///
    /// *Rule*: entries follow "lastIncludedIndex" (Figure 13; §7).
    ///
    /// *Symptom*: like that of [`Bug::NeverAdvancesAfterSnapshot`]: the log doesn't have that
    /// entry, so that the snapshot is sent again.
    ///
    /// *Caught by* the four `TestSnapshotInstall…3D` with all seeds.
    ///
    /// *Source*: students' repositories.
    CountsSnapshotOneShort,

    /// Installs a snapshot that covers less than it has applied, and goes back with it.
    ///
    /// *Rule*: "discard any existing or partial snapshot with a smaller index" (Figure 13,
    /// InstallSnapshot, 5; §7), so that a late one is itself discarded.
    ///
    /// *Symptom*: `apply error: … goes back behind index …`, if requests overtook each other.
    ///
    /// *Caught by* MIT's tests hardly ever, since its network delays replies but not requests: with
    /// none of 200 seeds of any test of 3D.
    ///
    /// *Source*: students' repositories.
    InstallsAnySnapshot,

    /// Saves a snapshot at once, and the log that begins behind it with the next change.
    ///
    /// *Rule*: the snapshot has "the last included index and term" (§7), which are saved with it,
    /// at once.
    ///
    /// *Symptom*: `apply error: … apply out of order`, if a server crashes between the two: the
    /// service begins behind the log's beginning.
    ///
    /// *Caught by* `TestSnapshotInstallCrash3D` and `TestSnapshotInstallUnCrash3D` with half of the
    /// seeds, `TestSnapshotAllCrash3D` with 30 %.
    ///
    /// *Source*: students' repositories; Students' Guide to Raft.
    SavesSnapshotBeforeState,

    /// Saves the log that begins behind a snapshot at once, and the snapshot with the next change.
    ///
    /// *Rule*: "current system state is written to a snapshot on stable storage" before the log "is
    /// discarded" (§7).
    ///
    /// *Symptom*: `apply error: … apply out of order`, if a server crashes between the two: the
    /// service begins before the log's beginning.
    ///
    /// *Caught by* `TestSnapshotInstallCrash3D` and `TestSnapshotInstallUnCrash3D` with half of the
    /// seeds, `TestSnapshotAllCrash3D` with some.
    ///
    /// *Source*: students' repositories; Students' Guide to Raft.
    SavesStateBeforeSnapshot,

    /// Doesn't save a snapshot that the leader has sent; the next change saves it, too.
    ///
    /// *Rule*: "Save snapshot file" (Figure 13, InstallSnapshot, 5; §7) before the reply.
    ///
    /// *Symptom*: a follower has forgotten in a crash what it had confirmed.
    ///
    /// *Caught by* no test, with none of 20 seeds: entries follow a snapshot at once, and save it,
    /// too.
    ///
    /// *Source*: students' repositories.
    NeverSavesInstalled,

    /// Hands on something else in the place of a snapshot.
    ///
    /// *Rule*: "Reset state machine using snapshot contents" (Figure 13, InstallSnapshot, 8; §7).
    ///
    /// *Symptom*: `apply error: … snapshot decode error …`.
    ///
    /// *Caught by* the four `TestSnapshotInstall…3D` with all seeds.
    ///
    /// *Source*: constructed.
    DeliversGarbage,

    /// Compares a snapshot from the leader with its own only, and goes back with it behind what it
    /// has applied.
    ///
    /// *Rule*: "discard any existing or partial snapshot with a smaller index" (Figure 13,
    /// InstallSnapshot, 5; §7), and keep what comes behind it (6).
    ///
    /// *Symptom*: `apply error: … goes back behind index …`, if requests overtook each other.
    ///
    /// *Caught by* `TestUnevenSnapshotsX27` with all seeds. MIT's network delays replies but not requests.
    ///
    /// *Source*: students' repositories.
    InstallsOverApplied,

    /// Installs every snapshot that a leader sends, and sets the commit index to its last.
    ///
    /// *Rule*: "commitIndex: increases monotonically" (Figure 2, State); a late snapshot is
    /// discarded (Figure 13, InstallSnapshot, 5; §7).
    ///
    /// *Symptom*: commands are applied late, if requests overtook each other.
    ///
    /// *Caught by* no test, with none of 20 seeds: MIT's network delays replies but not requests.
    ///
    /// *Source*: students' repositories.
    CommitGoesBackWithSnapshot,

    /// Sets nextIndex and matchIndex to a snapshot's end with each reply, whatever the term that it
    /// was sent in and what is known since.
    ///
    /// *Rule*: "update nextIndex and matchIndex for follower" (Figure 2, Leaders; §5.3); what was
    /// sent in another term says nothing of this one.
    ///
    /// *Symptom*: `one(…) failed to reach agreement`, if the reply of an earlier leadership says
    /// what the follower hasn't; else something is sent twice.
    ///
    /// *Caught by* no test, with none of 20 seeds.
    ///
    /// *Source*: students' repositories.
    TakesAnySnapshotReply,

    /// Takes a snapshot of the service that covers more than was applied.
    ///
    /// *Rule*: "each server takes snapshots independently, covering just the committed entries in
    /// its log" (§7).
    ///
    /// *Symptom*: nothing.
    ///
    /// *Caught by* no test, with none of 20 seeds.
    ///
    /// *Source*: students' repositories.
    TakesSnapshotsBeyondApplied,

    /// Panics if a request follows an entry before the last that its snapshot covers.
    ///
    /// *Rule*: what a snapshot covers is committed and so in every leader's log (§5.4, §7): a late
    /// request may begin there.
    ///
    /// *Symptom*: `server … panicked in the handler of Raft.AppendEntries …`, if a request comes
    /// late.
    ///
    /// *Caught by* `TestSnapshotInstallUnreliable3D` with one of 10 seeds.
    ///
    /// *Source*: students' repositories: an index below 0.
    PanicsBelowSnapshot,

    /// Refuses a request that follows an entry before the last that its snapshot covers, as if its
    /// log were too short.
    ///
    /// *Rule*: what a snapshot covers is committed and so in every leader's log (§5.4, §7): such a
    /// request is to be accepted.
    ///
    /// *Symptom*: a request more.
    ///
    /// *Caught by* no test, with none of 20 seeds.
    ///
    /// *Source*: students' repositories.
    TakesSnapshotForGap,

    /// Refuses a request that follows an entry before the last that its snapshot covers, and asks
    /// for the same again.
    ///
    /// *Rule*: what a snapshot covers is committed and so in every leader's log (§5.4, §7): such a
    /// request is to be accepted.
    ///
    /// *Symptom*: `one(…) failed to reach agreement`, with a leader that still leads, if it doesn't
    /// get beyond the place.
    ///
    /// *Caught by* `TestUnevenSnapshotsX27` with all seeds. MIT's servers make their snapshots at the same
    /// indexes.
    ///
    /// *Source*: students' repositories.
    RefusesBelowSnapshot,

    /// Notes what it has applied when all that was committed at the beginning has gone to the
    /// service, though a snapshot may have been installed meanwhile.
    ///
    /// *Rule*: "lastApplied: increases monotonically" (Figure 2, State).
    ///
    /// *Symptom*: `one(…) failed to reach agreement`: the next entry to apply is one that the
    /// snapshot covers. It takes a service that is slow.
    ///
    /// *Caught by* `TestSnapshotWhileApplyingX28` with all seeds. The service of MIT's tests takes each
    /// message at once.
    ///
    /// *Source*: students' repositories.
    SetsAppliedBack,

    /// Hands on a snapshot by a task of its own, while the applier hands on entries.
    ///
    /// *Rule*: "Reset state machine using snapshot contents" (Figure 13, InstallSnapshot, 8; §7),
    /// in order with the commands.
    ///
    /// *Symptom*: `apply error: … apply out of order`, if entries overtake the snapshot. It takes a
    /// service that is slow.
    ///
    /// *Caught by* `TestSnapshotWhileApplyingX28` with all seeds. The service of MIT's tests takes each
    /// message at once.
    ///
    /// *Source*: students' repositories: two ways to one channel.
    DeliversSnapshotsBeside,

    // ---- Tasks and locks ----
    /// Holds a lock while it hands a message to the service, and waits for that lock when the
    /// service gives it a snapshot.
    ///
    /// *Rule*: the service may call the Raft before it takes the next message; MIT's advice about
    /// locking.
    ///
    /// *Symptom*: `server …, in snapshot: the simulated thread is blocked`: the service waits for
    /// the Raft, and the Raft for the service.
    ///
    /// *Caught by* `TestSnapshotBasic3D` and the other tests of 3D with all seeds; no test without
    /// snapshots.
    ///
    /// *Source*: students' repositories.
    HoldsLockWhileApplying,

    /// Answers no request while a message waits for the service.
    ///
    /// *Rule*: a handler ends at once, however slow the service is; MIT's advice about locking.
    ///
    /// *Symptom*: elections and commands that wait for a slow service.
    ///
    /// *Caught by* no test, with none of 20 seeds: the tester's service takes each message at once.
    ///
    /// *Source*: students' repositories.
    AnswersNothingWhileApplying,

    /// Blocks its thread, with its state locked, until the service has taken a message.
    ///
    /// *Rule*: who waits in an asynchronous task awaits; a thread that is blocked runs no other
    /// task.
    ///
    /// *Symptom*: `server …, in a task spawned at …: the simulated thread is blocked`.
    ///
    /// *Caught by* every test of 3B to 3D with all seeds.
    ///
    /// *Source*: constructed: a channel's blocking send.
    BlocksThreadWhileApplying,

    /// `start` blocks until something is committed.
    ///
    /// *Rule*: the lab's `Start` "should return immediately"; the paper's "respond after entry
    /// applied" (Figure 2, Leaders; §5.3) is done by the service.
    ///
    /// *Symptom*: `server …, in start: the simulated thread is blocked`.
    ///
    /// *Caught by* every test of 3B to 3D with all seeds.
    ///
    /// *Source*: Students' Guide to Raft: services that wait for each other.
    BlocksUntilCommitted,

    /// Takes the lock that it holds already where it refuses a vote.
    ///
    /// *Rule*: std's mutex isn't reentrant: a thread that takes it twice waits for itself.
    ///
    /// *Symptom*: `server …, in the handler of Raft.RequestVote: the simulated thread is blocked`,
    /// at the first vote that is refused.
    ///
    /// *Caught by* `TestBackup3B` and `TestFigure83C` with all seeds, `TestReElection3A` with two
    /// of three.
    ///
    /// *Source*: students' repositories.
    LocksTwice,

    /// Waits for its timer by `std::thread::sleep`.
    ///
    /// *Rule*: who waits in an asynchronous task awaits; a thread that sleeps runs no other task.
    ///
    /// *Symptom*: `server …, in a task spawned at …: std::thread::sleep(…) blocks`.
    ///
    /// *Caught by* every test with all seeds.
    ///
    /// *Source*: constructed.
    SleepsInThread,

    /// Waits for its timer in a loop that does nothing.
    ///
    /// *Rule*: who waits in an asynchronous task awaits; a thread that spins runs no other task.
    ///
    /// *Symptom*: `server …, in a task spawned at …: an endless loop`.
    ///
    /// *Caught by* every test with all seeds.
    ///
    /// *Source*: students' repositories: a loop without a sleep.
    SpinsInThread,

    /// Waits for its timer in a loop that lets others run and never sleeps.
    ///
    /// *Rule*: a task that has nothing to do takes no time.
    ///
    /// *Symptom*: `server …, in a task spawned at …: virtual time stands still`.
    ///
    /// *Caught by* every test with all seeds.
    ///
    /// *Source*: students' repositories: a loop without a sleep.
    PollsWithoutSleep,

    /// Goes on with all its tasks when it is killed.
    ///
    /// *Rule*: a killed server does nothing more (the lab's `Kill`).
    ///
    /// *Symptom*: `warning: … tasks of server … still run`.
    ///
    /// *Caught by* no test; this warning comes in each that crashes a server.
    ///
    /// *Source*: students' repositories.
    WorksOnWhenKilled,

    /// Keeps its lock when it is killed, and goes on with its tasks, which wait for it.
    ///
    /// *Rule*: a killed server does nothing more (the lab's `Kill`), and blocks nobody.
    ///
    /// *Symptom*: `server …, crashed at …, in a task spawned at …: the simulated thread is blocked`.
    ///
    /// *Caught by* the tests that crash servers, with all seeds.
    ///
    /// *Source*: students' repositories: a return with the lock held.
    KeepsLockWhenKilled,
}

impl Bug {
    /// All bugs, [`Bug::None`] first.
    pub fn all() -> impl Iterator<Item = Bug> {
        Bug::iter()
    }
}
