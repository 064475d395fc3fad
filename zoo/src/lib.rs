//! A second, plain Raft with one switch for each known bug: what the tests must tell from a right
//! one.
//!
//! # What it is for
//!
//! Tests of a Raft are worth something if every right Raft passes them and every wrong one fails.
//! This crate has both: with [`Bug::None`] a right Raft, written on its own and in a student's
//! manner, that must never fail; with any other [`Bug`] the same Raft without one rule of the
//! paper. The crate's tests run MIT's scripts on each and say which message catches it, and how
//! often.
//!
//! # Running one bug
//!
//! [`make`] reads the bug from the environment variable `LAB_BUG`:
//!
//! ```sh
//! LAB_BUG=BlocksOnVotes LAB_ITERS=100 cargo test -p zoo TestReElection3A
//! ```
//!
//! The report of a failure, and the command in it that replays the run, are what a student with
//! that bug would see. Without `LAB_BUG` the tests pass. Code that chooses for itself has
//! [`make_with`]:
//!
//! ```
//! use config::{Reliability, Snapshots, make_config};
//! use zoo::Bug;
//!
//! config::test(|t| async move {
//!     let make = zoo::make_with(Bug::None);
//!     let cfg = make_config(&t, 3, Reliability::Reliable, Snapshots::Off, make);
//!     cfg.begin("Example: a leader is elected");
//!     cfg.check_one_leader().await;
//!     cfg.end();
//! });
//! ```
//!
//! # The bugs
//!
//! | bug | the broken rule | what one sees |
//! | --- | --- | --- |
//! | [`None`](Bug::None) | none | every test passes, with every seed |
//! | [`BlocksOnVotes`](Bug::BlocksOnVotes) | a candidate whose timer fires stands again (§5.2) | `expected one leader, got none`, now and then |
//! | [`TicksAndBlocksOnVotes`](Bug::TicksAndBlocksOnVotes) | the same, at the pace of the student who had it | `expected one leader, got none`, now and then |
//! | [`WaitsForAllVotes`](Bug::WaitsForAllVotes) | a majority is enough (§5.2) | `expected one leader, got none`, mostly |
//! | [`StandsOnce`](Bug::StandsOnce) | the timer fires again and again (§5.2) | `expected one leader, got none` |
//! | [`StandsUntilItVotes`](Bug::StandsUntilItVotes) | who has voted still has a timer (§5.2) | `expected one leader, got none` |
//! | [`StandsUntilItLeads`](Bug::StandsUntilItLeads) | a deposed leader has a timer again (§5.2) | `expected one leader, got none`, now and then |
//! | [`HoldsLockDuringCalls`](Bug::HoldsLockDuringCalls) | no lock is held during a call | `expected one leader, got none`, mostly |
//! | [`HeedsFormerLeaders`](Bug::HeedsFormerLeaders) | only the current leader resets the timer (§5.2) | `expected one leader, got none`, mostly |
//! | [`SendsOnWhenDeposed`](Bug::SendsOnWhenDeposed) | only a leader sends entries (§5.2) | `apply error: commit index=…` |
//! | [`NeverDrawsTimeout`](Bug::NeverDrawsTimeout) | timeouts are random (§5.2) | `expected one leader, got none` |
//! | [`DrawsCloseTimeouts`](Bug::DrawsCloseTimeouts) | timeouts are spread out (§5.2) | `expected one leader, got none`, rarely |
//! | [`DrawsTimeoutOnce`](Bug::DrawsTimeoutOnce) | timeouts are drawn anew (§5.2) | `expected one leader, got none`, rarely |
//! | [`TimesOutAfterSeconds`](Bug::TimesOutAfterSeconds) | an election takes less than 5 s | `expected one leader, got none`, now and then |
//! | [`CountsOnlyOthersVotes`](Bug::CountsOnlyOthersVotes) | a candidate's own vote counts (§5.2) | `expected one leader, got none` |
//! | [`NeverClearsVote`](Bug::NeverClearsVote) | each term has a new vote (Figure 2) | `expected one leader, got none` |
//! | [`VotesForNewerLogsOnly`](Bug::VotesForNewerLogsOnly) | an equal log is good enough (§5.4.1) | `expected one leader, got none` |
//! | [`NeverSaysItLeads`](Bug::NeverSaysItLeads) | who leads says so | `expected one leader, got none` |
//! | [`SaysItLeadsForEver`](Bug::SaysItLeadsForEver) | who no longer leads doesn't say so | `term … has 2 (>1) leaders` |
//! | [`SaysItLeadsAsCandidate`](Bug::SaysItLeadsAsCandidate) | a candidate doesn't lead yet (§5.2) | `expected no leader among connected servers, but … claims to be leader` |
//! | [`ReportsTermItLed`](Bug::ReportsTermItLed) | the current term is told | `servers disagree on term` |
//! | [`VotesTwice`](Bug::VotesTwice) | one vote a term (§5.2) | `term … has 2 (>1) leaders`, now and then |
//! | [`ForgetsVoteWhenLed`](Bug::ForgetsVoteWhenLed) | a vote stands for its whole term (§5.2) | `term … has 2 (>1) leaders`, now and then |
//! | [`NeverAdoptsTerm`](Bug::NeverAdoptsTerm) | a higher term is adopted (§5.1) | `servers disagree on term` |
//! | [`LeadsOnInHigherTerm`](Bug::LeadsOnInHigherTerm) | a higher term ends a leadership (§5.1) | `term … has 2 (>1) leaders` |
//! | [`WinsWithHalf`](Bug::WinsWithHalf) | a majority is needed (§5.2) | `expected no leader among connected servers, but … claims to be leader` |
//! | [`KeepsOldVotes`](Bug::KeepsOldVotes) | each election is counted anew (§5.2) | `expected no leader among connected servers, but … claims to be leader` |
//! | [`CountsOldVotes`](Bug::CountsOldVotes) | a vote is for one term (§5.2) | mostly nothing; `apply error: commit index=…`, rarely |
//! | [`CountsFailedCalls`](Bug::CountsFailedCalls) | silence is no vote (§5.2) | `expected no leader among connected servers, but … claims to be leader`, now and then |
//! | [`NeverIncrementsTerm`](Bug::NeverIncrementsTerm) | each election has a term of its own (§5.1) | `term is 0, but should be at least 1` |
//! | [`TimesOutDespiteHeartbeats`](Bug::TimesOutDespiteHeartbeats) | heartbeats keep the leader (§5.2) | `warning: term changed even though there were no failures` |
//! | [`TimesOutBetweenHeartbeats`](Bug::TimesOutBetweenHeartbeats) | timeouts are longer than heartbeat intervals (§5.2) | `warning: term changed even though there were no failures` |
//! | [`HeartbeatsTooSeldom`](Bug::HeartbeatsTooSeldom) | heartbeats come before a timeout (§5.2) | `warning: term changed even though there were no failures` |
//! | [`AppendsTwice`](Bug::AppendsTwice) | a command is appended once (§5.3) | `got index … but expected …` |
//! | [`AppendsOncePerServer`](Bug::AppendsOncePerServer) | a command is appended once (§5.3) | `got index … but expected …` |
//! | [`CountsFromZero`](Bug::CountsFromZero) | the first index is 1 (Figure 2) | `one(…) failed to reach agreement`, while the leader still leads |
//! | [`ReportsCommitIndex`](Bug::ReportsCommitIndex) | the next index is behind the log's last (§5.3) | `start() returned index … after … in the same term …` |
//! | [`TakesOneAtATime`](Bug::TakesOneAtATime) | a leader takes each command (§5.3) | `cmd … missing in …` |
//! | [`RefusesBetweenReplies`](Bug::RefusesBetweenReplies) | who leads takes commands (§5.3) | `leader rejected Start()`, now and then |
//! | [`TakesNothingAtFirst`](Bug::TakesNothingAtFirst) | a leader takes commands at once (§5.3) | `leader2 rejected Start()` |
//! | [`AppendsNoOp`](Bug::AppendsNoOp) | the log has the clients' commands only | `apply error: … what no client has started` |
//! | [`ProposesAgain`](Bug::ProposesAgain) | an entry keeps its index (§5.3, §5.4.2) | `unexpected index …`, now and then |
//! | [`AdoptsLowerTerm`](Bug::AdoptsLowerTerm) | terms only go up (§5.1) | `apply error: commit index=…` |
//! | [`VotesForAnyLog`](Bug::VotesForAnyLog) | only an up-to-date candidate gets a vote (§5.4.1) | `apply error: commit index=…` |
//! | [`ComparesLengthsOnly`](Bug::ComparesLengthsOnly) | the last term comes before the length (§5.4.1) | `apply error: commit index=…` |
//! | [`WantsNewerAndLonger`](Bug::WantsNewerAndLonger) | the last term comes before the length (§5.4.1) | `one(…) failed to reach agreement`, without a leader |
//! | [`RestartsTimerWhenRefusing`](Bug::RestartsTimerWhenRefusing) | a refusal doesn't reset the timer (§5.2) | `one(…) failed to reach agreement`, without a leader |
//! | [`RestartsTimerWithTerm`](Bug::RestartsTimerWithTerm) | a higher term doesn't reset the timer (§5.2) | `one(…) failed to reach agreement`, without a leader |
//! | [`SkipsConsistencyCheck`](Bug::SkipsConsistencyCheck) | a follower's log must match before the new entries (§5.3) | `apply error: commit index=…` |
//! | [`TruncatesAlways`](Bug::TruncatesAlways) | only a conflict truncates the log (§5.3) | `one(…) failed to reach agreement`, on an unreliable network |
//! | [`StepsDownWhenRefused`](Bug::StepsDownWhenRefused) | a leader retries after a refusal (§5.3) | `one(…) failed to reach agreement`, with a leader that lost its leadership |
//! | [`NeverBacksUp`](Bug::NeverBacksUp) | a refusal decrements nextIndex (§5.3) | `one(…) failed to reach agreement`, with a leader that still leads |
//! | [`BacksUpOneByOne`](Bug::BacksUpOneByOne) | a leader goes back by a term at a time (§5.3) | `one(…) failed to reach agreement`, after a long time apart |
//! | [`BacksUpToTheirEnd`](Bug::BacksUpToTheirEnd) | nextIndex goes down (§5.3) | `one(…) failed to reach agreement`, with a leader that still leads |
//! | [`CountsUnsentEntries`](Bug::CountsUnsentEntries) | matchIndex is what a request has brought (§5.3) | `apply error: commit index=…`, on an unreliable network |
//! | [`NeverSendsEntries`](Bug::NeverSendsEntries) | a leader sends what a follower lacks (§5.3) | `one(…) failed to reach agreement`, with a leader that still leads |
//! | [`SendsInTurn`](Bug::SendsInTurn) | requests go out in parallel (§5.3) | `one(…) failed to reach agreement`, with a leader that lost its leadership |
//! | [`AnswersOnceApplied`](Bug::AnswersOnceApplied) | a reply doesn't wait for the commit (§5.3) | `one(…) failed to reach agreement`, with a leader that still leads |
//! | [`CommitsWithHalf`](Bug::CommitsWithHalf) | a majority is needed to commit (§5.3) | `… committed but no majority` |
//! | [`CommitsWhenAllHave`](Bug::CommitsWhenAllHave) | a majority is enough to commit (§5.3) | `one(…) failed to reach agreement`, with a leader that still leads |
//! | [`CountsOnlyFollowers`](Bug::CountsOnlyFollowers) | the leader counts for its majority (§5.3) | `one(…) failed to reach agreement`, with a leader that still leads |
//! | [`CommitsAtOnce`](Bug::CommitsAtOnce) | a majority is needed to commit (§5.3) | `… committed but no majority` |
//! | [`CommitsOnlyOnStart`](Bug::CommitsOnlyOnStart) | replies advance the commit index (§5.3) | `one(…) failed to reach agreement`, with a leader that still leads |
//! | [`CommitsOldTerms`](Bug::CommitsOldTerms) | only entries of its own term are counted (§5.4.2) | mostly nothing: MIT's tests rarely catch it |
//! | [`CommitsBeyondNewEntries`](Bug::CommitsBeyondNewEntries) | a follower commits no further than it agrees (§5.3) | nothing: in this Raft heartbeats bring what is due |
//! | [`CommitsOnlyWithEntries`](Bug::CommitsOnlyWithEntries) | heartbeats tell the commit index, too (§5.3) | `only … decided for index …; wanted …` |
//! | [`AppliesTwice`](Bug::AppliesTwice) | each command is applied once (§5.3) | `apply error: … apply out of order` |
//! | [`AppliesOnlyTheLast`](Bug::AppliesOnlyTheLast) | nothing is left out (§5.3) | `apply error: … apply out of order` |
//! | [`AppliesOnePerNotice`](Bug::AppliesOnePerNotice) | all that is committed is applied (§5.3) | `only … decided for index …; wanted …` |
//! | [`PollsForCommits`](Bug::PollsForCommits) | what is committed is applied at once (§5.3) | `test took longer than 120 seconds` |
//! | [`AppliesOnePerTick`](Bug::AppliesOnePerTick) | what is committed is applied at once (§5.3) | `one(…) failed to reach agreement`, with a leader that still leads |
//! | [`SendsWholeLog`](Bug::SendsWholeLog) | a follower gets what it lacks (§5.3) | `too many RPC bytes; got …, expected …` |
//! | [`SendsTwice`](Bug::SendsTwice) | a command is sent to each peer once | `too many RPC bytes; got …, expected …` |
//! | [`SendsWithoutPause`](Bug::SendsWithoutPause) | heartbeats are for idle periods (§5.2) | `too many or few RPCs (…) to elect initial leader` |
//! | [`SendsOneThingAtATime`](Bug::SendsOneThingAtATime) | what comes together is sent together (Figure 2) | `too many RPCs (…) for 10 entries` |
//! | [`NeverNotesWhatItTold`](Bug::NeverNotesWhatItTold) | the commit index is told once | `too many RPCs (…) for 10 entries` |
//! | [`HeartbeatsTooOften`](Bug::HeartbeatsTooOften) | some ten heartbeats a second | `too many RPCs (…) for 1 second of idleness` |
//! | [`HeartbeatsPerCommand`](Bug::HeartbeatsPerCommand) | there is one loop of heartbeats | `too many RPCs (…) for 1 second of idleness` |
//! | [`NeverSavesTerm`](Bug::NeverSavesTerm) | currentTerm is saved (Figure 2) | `apply error: commit index=…` |
//! | [`NeverSavesVote`](Bug::NeverSavesVote) | votedFor is saved (Figure 2) | mostly nothing: MIT's tests hardly ever catch it |
//! | [`NeverSavesLog`](Bug::NeverSavesLog) | the log is saved (Figure 2) | `apply error: commit index=…` |
//! | [`NeverSavesOwnCommands`](Bug::NeverSavesOwnCommands) | a new command is saved (Figure 2) | `apply error: commit index=…` |
//! | [`NeverSyncs`](Bug::NeverSyncs) | what is written is made safe before it is answered (Figure 2) | `apply error: commit index=…` |
//! | [`TakesSavedForApplied`](Bug::TakesSavedForApplied) | what is saved isn't yet committed (Figure 2) | `apply error: … apply out of order …` |
//! | [`IgnoresSnapshots`](Bug::IgnoresSnapshots) | a snapshot replaces the log's beginning (§7) | `Log size too large` |
//! | [`IgnoresSnapshotsAsFollower`](Bug::IgnoresSnapshotsAsFollower) | every server takes snapshots (§7) | `Log size too large` |
//! | [`DropsSnapshot`](Bug::DropsSnapshot) | the snapshot is kept (§7) | `apply error: …: nil snapshot` |
//! | [`KeepsOwnSnapshot`](Bug::KeepsOwnSnapshot) | a leader's snapshot is taken over (§7) | `apply error: …: nil snapshot` |
//! | [`SendsHalfSnapshot`](Bug::SendsHalfSnapshot) | a snapshot is sent to its end (§7) | `apply error: … snapshot decode error: …` |
//! | [`NeverSavesSnapshot`](Bug::NeverSavesSnapshot) | the snapshot is saved with the state (§7) | `apply error: … apply out of order, expected index 1, got …` |
//! | [`NeverReadsSnapshot`](Bug::NeverReadsSnapshot) | a restarted server has its snapshot (§7) | `apply error: … apply out of order, expected index 1, got …` |
//! | [`ReadsStateForSnapshot`](Bug::ReadsStateForSnapshot) | state and snapshot are saved apart (§7) | `server …: snapshot decode error: …` |
//! | [`KeepsFirstSnapshot`](Bug::KeepsFirstSnapshot) | snapshot and log change together (§7) | `apply error: … snapshot doesn't match m.SnapshotIndex` |
//! | [`CountsSnapshotFromZero`](Bug::CountsSnapshotFromZero) | a snapshot has its last entry's index (§7) | `apply error: … snapshot doesn't match m.SnapshotIndex` |
//! | [`ForgetsSnapshotIndex`](Bug::ForgetsSnapshotIndex) | the last included index is saved (§7) | `apply error: … apply out of order, expected index …, got 1` |
//! | [`IgnoresSnapshotOffset`](Bug::IgnoresSnapshotOffset) | an index counts from the snapshot (§7) | `server … panicked in a task …: index out of bounds` |
//! | [`KeepsSnapshotToItself`](Bug::KeepsSnapshotToItself) | a snapshot resets the service (§7) | `apply error: … apply out of order` |
//! | [`NeverAdvancesAfterSnapshot`](Bug::NeverAdvancesAfterSnapshot) | a snapshot advances nextIndex (§7) | `one(…) failed to reach agreement`, with a leader that still leads |
//! | [`CountsSnapshotOneShort`](Bug::CountsSnapshotOneShort) | entries follow the snapshot's last (§7) | `one(…) failed to reach agreement`, with a leader that still leads |
//! | [`InstallsAnySnapshot`](Bug::InstallsAnySnapshot) | a late snapshot is discarded (§7) | mostly nothing: MIT's tests hardly ever catch it |
//!
//! Each variant of [`Bug`] says more. Section numbers are those of the extended Raft paper.

mod bug;
mod raft;

use std::env;
use std::sync::Arc;

use labrpc::ClientEnd;
use raftapi::{ApplyCh, Persister, Raft};

pub use bug::{Bug, UnknownBug};

/// The environment variable that names the bug.
const LAB_BUG: &str = "LAB_BUG";

/// Makes a server with the bug that `LAB_BUG` names; a right one if the variable isn't set.
///
/// # Panics
/// If `LAB_BUG` names no bug. The message lists those that there are.
#[must_use]
pub fn make(
    peers: Vec<ClientEnd>,
    me: usize,
    persister: Arc<Persister>,
    apply_ch: ApplyCh,
) -> Arc<dyn Raft> {
    make_with(bug_from_env())(peers, me, persister, apply_ch)
}

/// A function like [`make`] whose servers have `bug`, whatever the environment says.
pub fn make_with(
    bug: Bug,
) -> impl Fn(Vec<ClientEnd>, usize, Arc<Persister>, ApplyCh) -> Arc<dyn Raft> + Copy + Send + Sync {
    move |peers, me, persister, apply_ch| raft::Raft::make(peers, me, persister, apply_ch, bug)
}

fn bug_from_env() -> Bug {
    let Some(name) = env::var_os(LAB_BUG) else { return Bug::None };
    match name.to_string_lossy().parse() {
        Ok(bug) => bug,
        Err(error) => panic!("failed to read {LAB_BUG}: {error}"),
    }
}
