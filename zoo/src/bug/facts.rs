//! What is known of each bug, as data: for whoever counts what tests find, and what reports say.

use strum::Display;

use super::Bug;
use Kind::{Budget, Harmless, Liveness, Safety, Service};
use Part::{A, B, C, D};

/// The part of the lab to which a rule belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Display)]
pub enum Part {
    /// Leader election.
    #[strum(to_string = "3A")]
    A,
    /// The log.
    #[strum(to_string = "3B")]
    B,
    /// Persistence, and what a bad network brings.
    #[strum(to_string = "3C")]
    C,
    /// Snapshots.
    #[strum(to_string = "3D")]
    D,
}

/// What goes wrong with a bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display)]
#[strum(serialize_all = "lowercase")]
pub enum Kind {
    /// Servers may disagree, or lose what was acknowledged or committed; or a promise is broken on
    /// which that rests.
    Safety,
    /// Something that should happen doesn't, or not in time.
    Liveness,
    /// A client, or the service, is told something wrong.
    Service,
    /// It takes more requests or bytes, or saves more, than the lab allows.
    Budget,
    /// It isn't worth failing a student.
    Harmless {
        /// Why not.
        reason: &'static str,
    },
}

struct Facts {
    part: Part,
    kind: Kind,
    rule: &'static str,
    causes: &'static [&'static str],
}

impl Bug {
    /// The part of the lab to which the broken rule belongs.
    #[must_use]
    pub fn part(self) -> Part {
        self.facts().part
    }

    /// What goes wrong with it.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.facts().kind
    }

    /// The rule that it breaks, in a few words and with its section in the extended Raft paper.
    #[must_use]
    pub fn rule(self) -> &'static str {
        self.facts().rule
    }

    /// The findings that name this very mistake, if one of them comes first in a failed run's
    /// explanation; and the monitors (`M1`, …) that do, if a run fails by one. Where the failure's own
    /// message and line name it, its kind is among them: `panic`, `stuck` or `misuse`.
    ///
    /// Who has made the mistake recognises it by these. None is general, and there is none where no
    /// finding knows the mistake.
    #[must_use]
    pub fn causes(self) -> &'static [&'static str] {
        self.facts().causes
    }

    /// One row for each bug.
    #[rustfmt::skip]
    fn facts(self) -> Facts {
        use Bug::*;
        let (part, kind, rule, causes): (_, _, _, &'static [&'static str]) = match self {
            None => (A, Harmless { reason: "it is no bug" }, "none", &[]),
            BlocksOnVotes => (A, Liveness, "a candidate whose timer fires stands again (§5.2)",
                &["election-not-restarted", "M12"]),
            TicksAndBlocksOnVotes => (A, Liveness,
                "a candidate whose timer fires stands again (§5.2), at a student's pace",
                &["election-not-restarted", "M12"]),
            WaitsForAllVotes => (A, Liveness, "a majority is enough (§5.2)",
                &["waits-for-all-replies", "election-not-restarted"]),
            StandsOnce => (A, Liveness, "the timer fires again and again (§5.2)",
                &["election-timer-dead"]),
            StandsUntilItVotes => (A, Liveness, "who has voted still has a timer (§5.2)",
                &["election-timer-dead"]),
            StandsUntilItLeads => (A, Liveness, "a deposed leader has a timer again (§5.2)",
                &["election-timer-dead"]),
            HoldsLockDuringCalls => (A, Liveness, "no lock is held during a call",
                &["server-hangs", "sends-in-turn"]),
            HeedsFormerLeaders => (A, Liveness, "only the current leader resets the timer (§5.2)",
                &["timer-reset-by-stale-leader"]),
            SendsOnWhenDeposed => (A, Safety, "only a leader sends entries (§5.2)",
                &["leads-without-majority", "M17"]),
            NeverDrawsTimeout => (A, Liveness, "timeouts are random (§5.2)",
                &["votes-split", "timeout-always-the-same"]),
            DrawsCloseTimeouts => (A, Liveness, "timeouts are spread out (§5.2)", &["votes-split"]),
            DrawsTimeoutOnce => (A, Liveness, "timeouts are drawn anew (§5.2)",
                &["votes-split", "timeout-always-the-same"]),
            TimesOutAfterSeconds => (A, Liveness, "an election takes less than 5 s",
                &["election-timeout-too-long"]),
            CountsOnlyOthersVotes => (A, Liveness, "a candidate's own vote counts (§5.2)",
                &["majority-not-recognised"]),
            NeverClearsVote => (A, Liveness, "each term has a new vote (Figure 2)",
                &["vote-refused-without-reason"]),
            VotesForNewerLogsOnly => (B, Liveness, "an equal log is good enough (§5.4.1)",
                &["vote-refused-without-reason"]),
            NeverSaysItLeads => (A, Service, "who leads says so", &["leader-not-told"]),
            SaysItLeadsForEver => (A, Service, "who no longer leads doesn't say so",
                &["leader-only-told"]),
            SaysItLeadsAsCandidate => (A, Service, "a candidate doesn't lead yet (§5.2)",
                &["leader-only-told"]),
            ReportsTermItLed => (A, Service, "the current term is told", &["term-not-told"]),
            VotesTwice => (A, Safety, "one vote a term (§5.2)", &["voted-twice", "M2"]),
            ForgetsVoteWhenLed => (A, Safety, "a vote stands for its whole term (§5.2)",
                &["voted-twice", "M2"]),
            NeverAdoptsTerm => (A, Safety, "a higher term is adopted (§5.1)",
                &["term-not-adopted", "higher-term-ignored", "M4"]),
            LeadsOnInHigherTerm => (A, Safety, "a higher term ends a leadership (§5.1)",
                &["leads-without-majority", "M17"]),
            WinsWithHalf => (A, Safety, "a majority is needed (§5.2)",
                &["leads-without-majority", "M17"]),
            WinsWithHalfOfEven => (A, Safety, "half is no majority (§5.2)",
                &["leads-without-majority", "M17"]),
            KeepsOldVotes => (A, Safety, "each election is counted anew (§5.2)",
                &["leads-without-majority", "M17"]),
            CountsOldVotes => (A, Safety, "a vote is for one term (§5.2)",
                &["leads-without-majority", "M17"]),
            CountsFailedCalls => (A, Safety, "silence is no vote (§5.2)",
                &["leads-without-majority", "M17"]),
            NeverIncrementsTerm => (A, Liveness, "each election has a term of its own (§5.1)",
                &["election-without-new-term"]),
            TimesOutDespiteHeartbeats => (A, Liveness, "heartbeats keep the leader (§5.2)",
                &["election-despite-leader"]),
            TimesOutBetweenHeartbeats => (A, Liveness,
                "timeouts are longer than heartbeat intervals (§5.2)",
                &["election-despite-leader"]),
            HeartbeatsTooSeldom => (A, Liveness, "heartbeats come before a timeout (§5.2)",
                &["heartbeats-too-seldom"]),
            StandsAtOnce => (A, Harmless { reason: "it costs one split vote at the beginning" },
                "a server waits for its first timeout (§5.2)", &[]),
            StandsAgainInSameTerm => (A, Liveness, "each election has a term of its own (§5.1)",
                &["election-without-new-term"]),
            RunsTwoTickers => (A,
                Harmless { reason: "the second election takes the place of the first before there is a vote" },
                "there is one election timer (§5.2)", &[]),
            LeadsWithoutSecondLook => (A, Safety,
                "who leads is still a candidate of that term (§5.2)",
                &["leads-without-majority", "M17"]),
            WinsAmongWhoAnswer => (A, Safety, "a majority of all servers is needed (§5.2)",
                &["leads-without-majority", "M17"]),
            VotesForAnyHigherTerm => (B, Safety, "a higher term is no reason to vote (§5.4.1)",
                &["vote-for-outdated-log", "M5"]),
            RefusesToRepeatVote => (A,
                Harmless { reason: "a vote whose reply is lost is made up for by the next election" },
                "a vote can be asked for twice (§5.2)", &["vote-refused-without-reason"]),
            KeepsTimerWhenVoting => (A,
                Harmless { reason: "it costs an election now and then, and the next one ends it" },
                "a vote resets the timer (§5.2)", &[]),
            RestartsTimerForEveryCandidate => (B, Liveness,
                "a refusal doesn't reset the timer (§5.2)", &["timer-reset-by-refusal"]),
            RestartsTimerForEveryTerm => (B,
                Harmless { reason: "Rafts in use do so; with new timeouts there is soon a leader" },
                "a higher term doesn't reset the timer (§5.2)", &["timer-reset-by-refusal"]),
            RestartsTimerForOldLeaders => (A, Liveness,
                "only the current leader resets the timer (§5.2)",
                &["timer-reset-by-stale-leader"]),
            RefusesWithoutTerm => (A, Liveness, "a refusal tells the term (§5.1)", &["answer-without-term"]),
            SaysLateThatItLeads => (A,
                Harmless { reason: "timeouts are longer than a heartbeat interval" },
                "a new leader is heard at once (§5.2)", &[]),
            AppendsTwice => (B, Service, "a command is appended once (§5.3)",
                &["entry-nobody-asked-for"]),
            AppendsOncePerServer => (B, Service, "a command is appended once (§5.3)",
                &["entry-nobody-asked-for"]),
            CountsFromZero => (B, Service, "the first index is 1 (Figure 2)", &["index-from-zero"]),
            ReportsCommitIndex => (B, Service, "the next index is behind the log's last (§5.3)",
                &["index-given-twice"]),
            TakesOneAtATime => (B, Service, "a leader takes each command (§5.3)",
                &["one-command-at-a-time", "leader-refuses-commands"]),
            RefusesBetweenReplies => (B, Service, "who leads takes commands (§5.3)",
                &["leader-refuses-commands"]),
            TakesNothingAtFirst => (B, Service, "a leader takes commands at once (§5.3)",
                &["leader-refuses-commands"]),
            AppendsNoOp => (B, Service, "the log has the clients' commands only",
                &["entry-of-a-new-leader"]),
            ProposesAgain => (B, Service, "an entry keeps its index (§5.3, §5.4.2)",
                &["entry-of-a-new-leader"]),
            AdoptsLowerTerm => (A, Safety, "terms only go up (§5.1)",
                &["term-went-back", "old-leader-obeyed", "M3", "M6"]),
            VotesForAnyLog => (B, Safety, "only an up-to-date candidate gets a vote (§5.4.1)",
                &["vote-for-outdated-log", "M5"]),
            ComparesLengthsOnly => (B, Safety, "the last term comes before the length (§5.4.1)",
                &["longer-log-preferred", "vote-for-outdated-log", "M5"]),
            WantsNewerAndLonger => (B, Liveness, "the last term comes before the length (§5.4.1)",
                &["longer-log-preferred", "vote-refused-without-reason"]),
            RestartsTimerWhenRefusing => (B, Liveness, "a refusal doesn't reset the timer (§5.2)",
                &["timer-reset-by-refusal", "timeout-always-the-same"]),
            RestartsTimerWithTerm => (B, Liveness, "a higher term doesn't reset the timer (§5.2)",
                &["timer-reset-by-refusal", "timeout-always-the-same"]),
            SkipsConsistencyCheck => (B, Safety,
                "a follower's log must match before the new entries (§5.3)",
                &["log-mismatch-accepted"]),
            TruncatesAlways => (B, Safety, "only a conflict truncates the log (§5.3)",
                &["log-truncated", "M7"]),
            StepsDownWhenRefused => (B, Liveness, "a leader retries after a refusal (§5.3)",
                &["leader-gives-up"]),
            NeverBacksUp => (B, Liveness, "a refusal decrements nextIndex (§5.3)",
                &["next-index-stays"]),
            BacksUpOneByOne => (C, Liveness, "a leader goes back by a term at a time (§5.3)",
                &["back-one-by-one"]),
            BacksUpToTheirEnd => (B, Liveness, "nextIndex goes down (§5.3)", &["next-index-stays"]),
            CountsUnsentEntries => (B, Safety, "matchIndex is what a request has brought (§5.3)",
                &["unsent-entry-counted"]),
            NeverSendsEntries => (B, Liveness, "a leader sends what a follower lacks (§5.3)",
                &["entry-not-sent"]),
            SendsInTurn => (B, Liveness, "requests go out in parallel (§5.3)", &["sends-in-turn"]),
            AnswersOnceApplied => (B, Liveness, "a reply doesn't wait for the commit (§5.3)",
                &["server-hangs"]),
            AcceptsEntriesOfOldTerms => (B, Safety, "entries of an earlier term are refused (§5.1)",
                &["old-leader-obeyed", "M6"]),
            TakesHigherTermForConflict => (B, Liveness,
                "a refusal's term is looked at first (§5.1)",
                &["term-not-adopted", "higher-term-ignored"]),
            SkipsCheckForHeartbeats => (B, Safety, "heartbeats are checked as entries are (§5.3)",
                &["log-mismatch-accepted"]),
            KeepsConflictingSuffix => (B, Safety, "what follows a conflict is deleted (§5.3)",
                &["log-mismatch-accepted", "conflicting-suffix-kept"]),
            TruncatesWithEntries => (B, Safety, "only a conflict truncates the log (§5.3)",
                &["log-truncated", "M7"]),
            BacksUpToZero => (B, Liveness, "the first index is 1 (Figure 2)", &["panic"]),
            BacksUpToTermsFirst => (B,
                Harmless { reason: "it sends more than it must, and nothing wrong" },
                "a leader goes back by a term at a time (§5.3)", &[]),
            HeedsLateRefusals => (C,
                Harmless { reason: "it never goes back behind matchIndex, so it only sends something twice" },
                "a late refusal says nothing of now (§5.3)", &[]),
            TrustsTheirLength => (C, Liveness, "nextIndex ends behind the log (Figure 2)",
                &["late-reply-heeded"]),
            CountsOldAnswers => (C, Safety, "an answer is for one term (§5.2)",
                &["commits-without-majority", "unsent-entry-counted", "M21"]),
            KeepsMatchIndexes => (B, Safety, "a new leader knows of no match (Figure 2)",
                &["commits-without-majority", "unsent-entry-counted", "M21"]),
            BeginsMatchAtEnd => (B,
                Harmless { reason: "a leader counts only entries of its own term, which come behind those" },
                "a new leader knows of no match (Figure 2)", &[]),
            LetsMatchGoBack => (C,
                Harmless { reason: "it commits later than it could, and nothing wrong" },
                "matchIndex only goes up (Figure 2)", &[]),
            LetsNextGoBack => (C,
                Harmless { reason: "it sends something twice, and nothing wrong" },
                "a late success takes nothing back (§5.3)", &[]),
            ResendsSameRequest => (C, Liveness, "a request is made anew for each try (§5.3)",
                &["next-index-stays", "confirmed-sent-again"]),
            ReusesReply => (C, Safety, "a call that fails has no reply (§5.1)",
                &["commits-without-majority", "unsent-entry-counted", "leads-without-majority", "M17", "M21"]),
            ReplicatesByHeartbeat => (B,
                Harmless { reason: "it is slow, which only lab 4 measures" },
                "a command is sent as it comes (§5.3)", &[]),
            CommitsWithHalf => (B, Safety, "a majority is needed to commit (§5.3)",
                &["commits-without-majority", "M21"]),
            CommitsWithHalfOfEven => (B, Safety, "half is no majority (§5.3)",
                &["commits-without-majority", "M21"]),
            CommitsWhenAllHave => (B, Liveness, "a majority is enough to commit (§5.3)",
                &["majority-not-committed"]),
            CountsOnlyFollowers => (B, Liveness, "the leader counts for its majority (§5.3)",
                &["majority-not-committed"]),
            CommitsAtOnce => (B, Safety, "a majority is needed to commit (§5.3)",
                &["commits-without-majority", "M21"]),
            CommitsOnlyOnStart => (B, Liveness, "replies advance the commit index (§5.3)",
                &["majority-not-committed"]),
            CommitsOldTerms => (C, Safety, "only entries of its own term are counted (§5.4.2)",
                &["old-term-committed", "M8"]),
            CommitsBeyondNewEntries => (B,
                Harmless { reason: "requests of this Raft bring all that is due, so none says too much" },
                "a follower commits no further than it agrees (§5.3)", &[]),
            CommitsOnlyWithEntries => (B, Liveness, "heartbeats tell the commit index, too (§5.3)",
                &["heartbeat-commit-ignored"]),
            AppliesTwice => (B, Service, "each command is applied once (§5.3)",
                &["applied-twice", "M9"]),
            AppliesOnlyTheLast => (B, Service, "nothing is left out (§5.3)",
                &["apply-left-out", "M9"]),
            AppliesOnePerNotice => (B, Liveness, "all that is committed is applied (§5.3)",
                &["committed-not-applied"]),
            PollsForCommits => (B, Liveness, "what is committed is applied at once (§5.3)",
                &["applies-late"]),
            AppliesOnePerTick => (B, Liveness, "what is committed is applied at once (§5.3)",
                &["applies-late", "committed-not-applied"]),
            CommitsWhatHeartbeatsTell => (B, Safety,
                "a follower commits no further than it agrees (§5.3)",
                &["commits-beyond-new-entries", "M21"]),
            CommitsWhatItHas => (B, Safety, "a follower commits no further than it agrees (§5.3)",
                &["commits-beyond-new-entries", "M21"]),
            StopsAtOldTerms => (B, Liveness,
                "an entry of the current term commits earlier ones (§5.4.2)",
                &["majority-not-committed"]),
            RunsTwoAppliers => (B, Service, "one task applies (§5.3)", &["applied-twice", "M9"]),
            AppliesPerNotice => (B, Service, "one task applies (§5.3)", &["applied-twice", "M9"]),
            MissesNotices => (B, Liveness, "what is committed is applied at once (§5.3)",
                &["committed-not-applied"]),
            SendsWholeLog => (B, Budget, "a follower gets what it lacks (§5.3)",
                &["confirmed-sent-again"]),
            SendsTwice => (B, Budget, "a command is sent to each peer once", &["sent-twice"]),
            SendsWithoutPause => (B, Budget, "heartbeats are for idle periods (§5.2)",
                &["heartbeats-without-pause"]),
            SendsOneThingAtATime => (B, Budget, "what comes together is sent together (Figure 2)",
                &["one-entry-a-request"]),
            NeverNotesWhatItTold => (B, Budget, "the commit index is told once",
                &["heartbeats-without-pause"]),
            HeartbeatsTooOften => (A, Budget, "some ten heartbeats a second",
                &["heartbeats-too-often"]),
            HeartbeatsPerCommand => (B, Budget, "there is one loop of heartbeats",
                &["heartbeats-too-often"]),
            SendsAtEachStart => (B, Harmless { reason: "the lab's limits allow for it" },
                "what is under way isn't sent again (§5.3)", &[]),
            SendsHeartbeatsFourTimes => (A, Budget, "some ten heartbeats a second",
                &["heartbeats-too-often", "heartbeats-without-pause"]),
            HeartbeatsPerElection => (A, Budget, "there is one loop of heartbeats",
                &["heartbeats-too-often", "heartbeats-without-pause"]),
            NeverSavesTerm => (C, Safety, "currentTerm is saved (Figure 2)",
                &["term-not-saved", "M3"]),
            NeverSavesVote => (C, Safety, "votedFor is saved (Figure 2)",
                &["vote-not-saved", "M2"]),
            NeverSavesLog => (C, Safety, "the log is saved (Figure 2)", &["log-not-saved", "M7"]),
            NeverSavesOwnCommands => (C, Safety, "a new command is saved (Figure 2)",
                &["log-not-saved", "M7"]),
            NeverSyncs => (C, Safety, "what is written is made safe before it is answered (Figure 2)",
                &["log-not-saved", "vote-not-saved", "term-not-saved", "M2", "M3", "M7"]),
            TakesSavedForApplied => (C, Service, "what is saved isn't yet committed (Figure 2)",
                &["saved-taken-for-applied"]),
            NeverSavesTheirEntries => (C, Safety, "accepted entries are saved (Figure 2)",
                &["log-not-saved", "M7"]),
            NeverSavesNewTerm => (C, Safety, "a new term is saved (Figure 2)",
                &["term-not-saved", "M3", "M4"]),
            NeverSavesGrantedVote => (C, Safety, "a vote is saved (Figure 2)",
                &["vote-not-saved", "M2"]),
            NeverSavesOwnVote => (C, Safety, "a candidate's own vote is saved (Figure 2)",
                &["vote-not-saved", "M2"]),
            SavesLate => (C, Safety, "what changes is saved before a reply (Figure 2)",
                &["log-not-saved", "vote-not-saved", "term-not-saved", "snapshot-not-saved", "M2", "M3",
                    "M7"]),
            AppliesFromOne => (D, Liveness, "what a snapshot covers is applied (§7)",
                &["snapshot-index-forgotten"]),
            IgnoresSnapshots => (D, Budget, "a snapshot replaces the log's beginning (§7)",
                &["snapshot-ignored"]),
            IgnoresSnapshotsAsFollower => (D, Budget, "every server takes snapshots (§7)",
                &["snapshot-ignored"]),
            DropsSnapshot => (D, Service, "the snapshot is kept (§7)", &["snapshot-not-saved"]),
            KeepsOwnSnapshot => (D, Service, "a leader's snapshot is taken over (§7)",
                &["old-snapshot-kept", "snapshot-of-another-index"]),
            SendsHalfSnapshot => (D, Service, "a snapshot is sent to its end (§7)",
                &["snapshot-of-another-index"]),
            NeverSavesSnapshot => (D, Service, "the snapshot is saved with the state (§7)",
                &["snapshot-not-saved"]),
            NeverReadsSnapshot => (D, Service, "a restarted server has its snapshot (§7)",
                &["snapshot-not-read-back"]),
            ReadsStateForSnapshot => (D, Service, "state and snapshot are saved apart (§7)", &["state-saved-as-snapshot"]),
            KeepsFirstSnapshot => (D, Service, "snapshot and log change together (§7)",
                &["old-snapshot-kept"]),
            CountsSnapshotFromZero => (D, Service, "a snapshot has its last entry's index (§7)",
                &["snapshot-of-another-index"]),
            ForgetsSnapshotIndex => (D, Service, "the last included index is saved (§7)",
                &["snapshot-index-forgotten"]),
            IgnoresSnapshotOffset => (D, Service, "an index counts from the snapshot (§7)", &["snapshot-offset-ignored"]),
            KeepsSnapshotToItself => (D, Service, "a snapshot resets the service (§7)",
                &["snapshot-not-delivered"]),
            NeverAdvancesAfterSnapshot => (D, Liveness, "a snapshot advances nextIndex (§7)",
                &["next-index-stays"]),
            CountsSnapshotOneShort => (D, Liveness, "entries follow the snapshot's last (§7)",
                &["next-index-stays"]),
            InstallsAnySnapshot => (D, Service, "a late snapshot is discarded (§7)",
                &["applied-twice", "M9"]),
            SavesSnapshotBeforeState => (D, Service, "snapshot and log are saved together (§7)",
                &["snapshot-of-another-index", "snapshot-index-forgotten"]),
            SavesStateBeforeSnapshot => (D, Service, "snapshot and log are saved together (§7)",
                &["snapshot-not-saved", "old-snapshot-kept"]),
            NeverSavesInstalled => (D, Safety, "an installed snapshot is saved (§7)",
                &["snapshot-not-saved", "log-not-saved", "M7"]),
            DeliversGarbage => (D, Service, "the service gets its own snapshot (§7)",
                &["snapshot-of-another-index"]),
            InstallsOverApplied => (D, Service, "a late snapshot is discarded (§7)",
                &["applied-twice", "M9"]),
            CommitGoesBackWithSnapshot => (D, Liveness, "the commit index only goes up (Figure 2)",
                &["log-dropped-for-snapshot", "M9"]),
            TakesAnySnapshotReply => (D,
                Harmless {
                    reason: "who has confirmed a snapshot has it for good, so that a late reply only has \
                             something sent twice",
                },
                "a snapshot's late reply takes nothing back (§7)", &[]),
            TakesSnapshotsBeyondApplied => (D,
                Harmless { reason: "no service makes such a snapshot" },
                "only what is applied is in a snapshot (§7)", &[]),
            PanicsBelowSnapshot => (D, Liveness, "a snapshot covers entries that match (§7)",
                &["request-below-snapshot"]),
            TakesSnapshotForGap => (D,
                Harmless { reason: "the leader finds the place at the next attempt" },
                "a snapshot covers entries that match (§7)", &[]),
            RefusesBelowSnapshot => (D, Liveness, "a snapshot covers entries that match (§7)",
                &["covered-entry-refused", "next-index-stays"]),
            SetsAppliedBack => (D, Liveness, "lastApplied only goes up (Figure 2)",
                &["committed-not-applied", "M9"]),
            DeliversSnapshotsBeside => (D, Service, "one task applies (§7)",
                &["applied-twice", "apply-left-out", "M9"]),
            HoldsLockWhileApplying => (D, Liveness,
                "no lock is held while the service is waited for",
                &["lock-held-while-applying", "server-hangs"]),
            AnswersNothingWhileApplying => (B, Liveness,
                "no lock is held while the service is waited for", &["server-hangs"]),
            BlocksThreadWhileApplying => (B, Liveness, "the runtime's thread is never blocked",
                &["stuck"]),
            BlocksUntilCommitted => (B, Liveness, "start() returns at once", &["start-waits"]),
            LocksTwice => (A, Liveness, "a lock is taken once", &["stuck"]),
            SleepsInThread => (A, Liveness, "the runtime's thread is never blocked", &["misuse"]),
            SpinsInThread => (A, Liveness, "the runtime's thread is never blocked", &["stuck"]),
            PollsWithoutSleep => (A, Liveness, "who waits sleeps", &["misuse"]),
            WorksOnWhenKilled => (C,
                Harmless { reason: "what a crashed server sends or saves reaches nobody; it only costs time" },
                "a killed server stops", &[]),
            KeepsLockWhenKilled => (C, Liveness, "a killed server leaves no lock behind",
                &["killed-server-waits"]),
        };
        Facts { part, kind, rule, causes }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// All of the source files in `folder` and those below it.
    fn source(folder: &Path) -> String {
        let mut text = String::new();
        for entry in fs::read_dir(folder).expect("the crate is there") {
            let path = entry.expect("the folder is readable").path();
            if path.is_dir() {
                text += &source(&path);
            } else {
                text += &fs::read_to_string(&path).expect("it is text");
            }
        }
        text
    }

    #[test]
    fn each_cause_is_a_finding_or_a_monitor() {
        let report = Path::new(env!("CARGO_MANIFEST_DIR")).join("../report/src");
        let (explain, monitor) = (source(&report.join("explain")), source(&report.join("monitor")));
        for bug in Bug::all() {
            for cause in bug.causes() {
                let quoted = format!("\"{cause}\"");
                // What names itself and its line needs no finding.
                let found = explain.contains(&quoted)
                    || monitor.contains(&quoted)
                    || ["panic", "stuck", "misuse"].contains(cause);
                assert!(found, "{bug}: nothing is named {cause}");
            }
        }
    }

    #[test]
    fn each_bug_says_what_it_breaks() {
        for bug in Bug::all() {
            assert!(!bug.rule().is_empty() && !bug.rule().ends_with('.'), "{bug}: {}", bug.rule());
            if let Harmless { reason } = bug.kind() {
                assert!(!reason.is_empty(), "{bug} has no reason");
            }
        }
    }
}
