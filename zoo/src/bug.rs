//! The known bugs, by name: which rule each breaks, what one sees of it, and what catches it.

use strum::{Display, EnumIter, EnumString, IntoEnumIterator as _};
use thiserror::Error;

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
}

impl Bug {
    /// All bugs, [`Bug::None`] first.
    pub fn all() -> impl Iterator<Item = Bug> {
        Bug::iter()
    }
}

/// A name that no [`Bug`] has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no bug is named {name:?}; choose one of {}", names())]
pub struct UnknownBug {
    name: String,
}

impl UnknownBug {
    fn new(name: &str) -> UnknownBug {
        UnknownBug { name: name.to_owned() }
    }
}

/// The names of all bugs, for who got one wrong.
fn names() -> String {
    Bug::all().map(|bug| bug.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bug_is_named_as_its_variant_is() {
        for bug in Bug::all() {
            assert_eq!(bug.to_string(), format!("{bug:?}"));
            assert_eq!(bug.to_string().parse(), Ok(bug));
        }
    }

    #[test]
    fn there_is_no_bug_by_default() {
        assert_eq!(Bug::default(), Bug::None);
        assert_eq!(Bug::all().next(), Some(Bug::None));
    }

    #[test]
    fn a_name_that_is_no_bug_is_answered_by_those_that_are() {
        for name in ["", "none", "blocks_on_votes", "BlocksOnVotes "] {
            let error = name.parse::<Bug>().unwrap_err().to_string();
            let beginning =
                format!("no bug is named {name:?}; choose one of None, BlocksOnVotes, ");
            assert!(error.starts_with(&beginning), "{error}");
            for bug in Bug::all() {
                assert!(error.contains(&bug.to_string()), "{bug} is missing: {error}");
            }
        }
    }

    #[test]
    fn the_crate_s_doc_has_every_bug_in_its_table() {
        let rows: Vec<&str> =
            include_str!("lib.rs").lines().filter(|line| line.starts_with("//! | [`")).collect();
        for bug in Bug::all() {
            let link = format!("//! | [`{bug}`](Bug::{bug}) |");
            assert!(rows.iter().any(|row| row.starts_with(&link)), "no row for {bug}");
        }
        assert_eq!(rows.len(), Bug::all().count());
    }
}
