//! Broken variants of each style are caught, and no report calls something certain that isn't so.

use config::{FailureKind, RunResult, Verdict};
use report::explain::{Confidence, Finding};
use report::without_numbers;
use styles::{Bug, Disk, Guard, Style, Wire};
use testkit::Ran;

use crate::run;

/// The seeds of each test.
const SEEDS: u64 = 2;

/// What is known of a bug.
struct Case {
    bug: Bug,
    /// A test that fails with each style.
    caught_by: &'static str,
    /// Other tests whose reports are read.
    others: &'static [&'static str],
    /// What may be called certain of it, by the names of findings.
    certain: &'static [&'static str],
}

const SAVES_NO_ENTRIES: Case = Case {
    bug: Bug::SavesNoEntries,
    caught_by: "TestPersist13C",
    others: &["TestPersist33C", "TestEntriesSurviveCrashX06", "TestAlignedTimersX20"],
    certain: &["log-not-saved"],
};

const SAVES_NO_VOTE: Case = Case {
    bug: Bug::SavesNoVote,
    caught_by: "TestVoteSurvivesCrashX05",
    others: &["TestPersist13C", "TestFigure8Unreliable3C", "TestSlowDisksX21"],
    certain: &["vote-not-saved", "voted-twice"],
};

const NEVER_ASKS: Case = Case {
    bug: Bug::NeverAsks,
    caught_by: "TestInitialElection3A",
    others: &["TestOneVoteATermX02", "TestVoteSurvivesCrashX05", "TestLateVoteX03"],
    certain: &["election-timer-dead"],
};

const VOTES_FOR_ANY_LOG: Case = Case {
    bug: Bug::VotesForAnyLog,
    caught_by: "TestPersist23C",
    others: &["TestPersist33C", "TestFigure8Unreliable3C", "TestReorderedRequestsX18"],
    certain: &["vote-for-outdated-log"],
};

const COUNTS_WHAT_IT_SENDS: Case = Case {
    bug: Bug::CountsWhatItSends,
    caught_by: "TestFailNoAgree3B",
    others: &["TestRejoin3B", "TestAnswerToFormerTermX08", "TestSnapshotInstall3D"],
    certain: &["commits-without-majority", "unsent-entry-counted"],
};

const COMMITS_EARLIER_TERMS: Case = Case {
    bug: Bug::CommitsEarlierTerms,
    caught_by: "TestFigure8X01",
    others: &["TestFigure8Unreliable3C", "TestEntriesSurviveCrashX06", "TestReorderedRequestsX18"],
    certain: &["old-term-committed"],
};

const IGNORES_LEADERS: Case = Case {
    bug: Bug::IgnoresLeaders,
    caught_by: "TestLeaderStaysX22",
    others: &["TestInitialElection3A", "TestCount3B", "TestExplore"],
    certain: &["election-despite-leader"],
};

const KEEPS_CONFLICTS: Case = Case {
    bug: Bug::KeepsConflicts,
    caught_by: "TestRejoin3B",
    others: &["TestBackup3B", "TestFigure8X01", "TestCommitBehindDivergenceX11"],
    certain: &["log-not-cut", "conflicting-suffix-kept"],
};

const NEVER_ANSWERS_VOTES: Case = Case {
    bug: Bug::NeverAnswersVotes,
    caught_by: "TestFigure8X01",
    others: &["TestInitialElection3A", "TestOneVoteATermX02", "TestRefusalOfFormerTermX23"],
    certain: &["server-hangs"],
};

const ASKS_WITH_CURRENT_TERM: Case = Case {
    bug: Bug::AsksWithCurrentTerm,
    caught_by: "TestPersist23C",
    others: &["TestPersist33C", "TestFigure8Unreliable3C"],
    certain: &["says-another-state"],
};

const FORGETS_CALLS: Case = Case {
    bug: Bug::ForgetsCalls,
    caught_by: "TestSlowMessagesX32",
    others: &["TestUnreliableAgree3C", "TestBackup3B"],
    certain: &["majority-not-committed"],
};

const GIVES_UP_AT_REFUSAL: Case = Case {
    bug: Bug::GivesUpAtRefusal,
    caught_by: "TestVotesBehindRefusalX34",
    others: &["TestManyElections3A", "TestPersist23C"],
    certain: &[],
};

const LEADS_FOR_EVER: Case = Case {
    bug: Bug::LeadsForEver,
    caught_by: "TestReElection3A",
    others: &["TestFailAgree3B", "TestHigherTermInRepliesX14"],
    certain: &["deposed-leader-sends", "leads-without-majority"],
};

const NEVER_GOES_BACK: Case = Case {
    bug: Bug::NeverGoesBack,
    caught_by: "TestBackup3B",
    others: &["TestFailAgree3B", "TestRejoin3B"],
    certain: &["next-index-stays"],
};

const COMMITS_WHAT_IT_REFUSES: Case = Case {
    bug: Bug::CommitsWhatItRefuses,
    caught_by: "TestBackup3B",
    others: &["TestRejoin3B", "TestFigure83C"],
    certain: &["commit-of-refused-request"],
};

const WAITS_FOR_EACH_ANSWER: Case = Case {
    bug: Bug::WaitsForEachAnswer,
    caught_by: "TestCallWithoutAnswerX29",
    others: &["TestReElection3A", "TestRefusingFollowerX31"],
    certain: &["heartbeats-too-seldom"],
};

const COUNTS_VOTERS_TWICE: Case = Case {
    bug: Bug::CountsVotersTwice,
    caught_by: "TestEvenClusterX26",
    others: &["TestPersist23C", "TestManyElections3A"],
    certain: &["leads-without-majority"],
};

/// Runs tests with a style and a bug.
fn run_broken(style: &str, bug: Bug, tests: &[&str]) -> Ran {
    let (bug, seeds) = (format!("{bug:?}"), SEEDS.to_string());
    let variables = [
        ("LAB_STYLE", style),
        ("LAB_BUG", &*bug),
        ("LAB_STRICT", "1"),
        ("LAB_SEED", "1"),
        ("LAB_ITERS", &*seeds),
    ];
    run(variables, tests)
}

/// Asserts that each style with the bug fails, and that what is certain is so.
fn is_caught(case: &Case) {
    let tests: Vec<&str> = [case.caught_by].iter().chain(case.others).copied().collect();
    let mut untrue = Vec::new();
    for style in Style::ALL {
        let runs = run_broken(style.name, case.bug, &tests);
        let failed = |result: &&RunResult| result.failure().is_some();
        let by_it = runs.results.iter().filter(|result| result.test == case.caught_by);
        let caught = by_it.filter(failed).count() as u64;
        if is_played(case, &style) {
            assert_eq!(caught, SEEDS, "{} with {:?}\n{}", style.name, case.bug, runs.output);
        }
        for result in runs.results.iter().filter(failed) {
            let said = untrue_findings(case, result);
            let whose = format!("{}, {}, seed {}", style.name, result.test, result.seed);
            untrue.extend(said.map(|Finding { id, what, .. }| format!("{whose}: {id}: {what}")));
        }
    }
    assert_eq!(untrue, [""; 0], "certain of {:?}, and not so", case.bug);
}

/// What the report of a run calls certain, and isn't so.
fn untrue_findings<'a>(case: &'a Case, result: &'a RunResult) -> impl Iterator<Item = &'a Finding> {
    let findings: &[Finding] = match &result.verdict {
        Verdict::Failed { explanation, .. } => &explanation.findings,
        _ => &[],
    };
    findings.iter().filter(|finding| {
        finding.confidence == Confidence::Certain && !case.certain.contains(&&*finding.id)
    })
}

/// Whether the test that catches the bug can be played: it may have to read what servers say, to have two
/// candidates of one term, and leaders that remember what no majority has.
fn is_played(case: &Case, style: &Style) -> bool {
    let is_readable = matches!(style.wire, Wire::Methods | Wire::OneEnum);
    if case.caught_by == "TestFigure8X01" && (!is_readable || style.disk == Disk::Last) {
        return false;
    }
    match case.bug {
        // The scenario tells requests from replies.
        Bug::IgnoresLeaders | Bug::ForgetsCalls | Bug::CountsVotersTwice => {
            style.wire != Wire::SealedOneWay
        }
        // The scenario has to recognise entries, and heartbeats.
        Bug::WaitsForEachAnswer => {
            !matches!(style.wire, Wire::Sealed | Wire::SealedOneWay | Wire::OwnWords)
        }
        // A vote before the vote asks with the term before, which is no later than the others'.
        Bug::AsksWithCurrentTerm => style.guard != Guard::PreVote,
        // The scenario has to recognise votes, and a refusal is to come back.
        Bug::GivesUpAtRefusal => is_readable && style.guard != Guard::Lease,
        Bug::SavesNoVote => is_readable && style.guard != Guard::PreVote,
        _ => true,
    }
}

#[test]
fn saves_no_entries() {
    is_caught(&SAVES_NO_ENTRIES);
}

#[test]
fn saves_no_vote() {
    is_caught(&SAVES_NO_VOTE);
}

#[test]
fn never_asks() {
    is_caught(&NEVER_ASKS);
}

#[test]
fn votes_for_any_log() {
    is_caught(&VOTES_FOR_ANY_LOG);
}

#[test]
fn counts_what_it_sends() {
    is_caught(&COUNTS_WHAT_IT_SENDS);
}

#[test]
fn commits_earlier_terms() {
    is_caught(&COMMITS_EARLIER_TERMS);
}

#[test]
fn ignores_leaders() {
    is_caught(&IGNORES_LEADERS);
}

#[test]
fn keeps_conflicts() {
    is_caught(&KEEPS_CONFLICTS);
}

#[test]
fn never_answers_votes() {
    is_caught(&NEVER_ANSWERS_VOTES);
}

#[test]
fn asks_with_current_term() {
    is_caught(&ASKS_WITH_CURRENT_TERM);
}

#[test]
fn forgets_calls() {
    is_caught(&FORGETS_CALLS);
}

#[test]
fn gives_up_at_refusal() {
    is_caught(&GIVES_UP_AT_REFUSAL);
}

#[test]
fn leads_for_ever() {
    is_caught(&LEADS_FOR_EVER);
}

#[test]
fn never_goes_back() {
    is_caught(&NEVER_GOES_BACK);
}

#[test]
fn commits_what_it_refuses() {
    is_caught(&COMMITS_WHAT_IT_REFUSES);
}

#[test]
fn waits_for_each_answer() {
    is_caught(&WAITS_FOR_EACH_ANSWER);
}

#[test]
fn counts_voters_twice() {
    is_caught(&COUNTS_VOTERS_TWICE);
}

/// Who answers nothing isn't one whose answers nobody can read.
#[test]
fn a_handler_that_hangs_is_no_reason_to_skip() {
    let runs = run_broken("Actor", Bug::NeverAnswersVotes, &["TestFigure8X01"]);
    assert_eq!(runs.results.len() as u64, SEEDS);
    for result in runs.results {
        let failure = result.failure().expect("nobody can be elected");
        assert_eq!(failure.kind, FailureKind::Liveness, "{failure:?}");
        assert!(failure.message.starts_with("server 0 was not elected in 30 s"), "{failure:?}");
    }
}

#[test]
fn no_bug_is_left_out() {
    let cases = [
        SAVES_NO_ENTRIES,
        SAVES_NO_VOTE,
        NEVER_ASKS,
        VOTES_FOR_ANY_LOG,
        COUNTS_WHAT_IT_SENDS,
        COMMITS_EARLIER_TERMS,
        IGNORES_LEADERS,
        KEEPS_CONFLICTS,
        NEVER_ANSWERS_VOTES,
        ASKS_WITH_CURRENT_TERM,
        FORGETS_CALLS,
        GIVES_UP_AT_REFUSAL,
        LEADS_FOR_EVER,
        NEVER_GOES_BACK,
        COMMITS_WHAT_IT_REFUSES,
        WAITS_FOR_EACH_ANSWER,
        COUNTS_VOTERS_TWICE,
    ];
    assert_eq!(cases.map(|case| case.bug), Bug::ALL);
}

/// Asserts that the test fails with each seed by a message that begins so, numbers aside.
fn fails_by(style: &str, bug: Bug, test: &str, message: &str) {
    let runs = run_broken(style, bug, &[test]);
    assert_eq!(runs.results.len() as u64, SEEDS, "{}", runs.output);
    for result in &runs.results {
        let failure = result.failure().expect("it fails");
        assert!(without_numbers(&failure.message).starts_with(message), "{failure:?}");
    }
}

/// A scenario that has to wait for a candidate doesn't skip a Raft that has none.
#[test]
fn a_raft_that_asks_for_nothing_fails() {
    let nobody = "server N hears from nobody for N s, and asks nobody for its vote";
    for test in ["TestOneVoteATermX02", "TestVoteSurvivesCrashX05"] {
        fails_by("Plain", Bug::NeverAsks, test, nobody);
    }
    let none = "none of the RequestVote replies from server N to server N came for N s";
    fails_by("Plain", Bug::NeverAsks, "TestLateVoteX03", none);
}

#[test]
fn a_wrong_raft_with_one_enum_fails() {
    let twice = "server N votes for server N and, after a crash, for server N in term N";
    fails_by("OneEnum", Bug::SavesNoVote, "TestVoteSurvivesCrashX05", twice);
}

/// What a run's Raft was is in its line of the results, and in the command that repeats the run.
#[test]
fn the_choice_is_told() {
    let runs = run_broken("OneEnum", Bug::IgnoresLeaders, &["TestLeaderStaysX22"]);
    let replay = "LAB_STRICT=1 LAB_BUG=IgnoresLeaders LAB_STYLE=OneEnum cargo test -p styles \
                  TestLeaderStaysX22\n";
    assert!(runs.output.contains(replay), "{}", runs.output);
    for result in runs.results {
        let choices: Vec<_> = result.choices.into_iter().collect();
        let [(bug, ignores), (style, one)] = &choices[..] else { panic!("{choices:?}") };
        assert_eq!(
            [&**bug, ignores, style, one],
            ["LAB_BUG", "IgnoresLeaders", "LAB_STYLE", "OneEnum"]
        );
    }
}

#[test]
fn a_name_of_nothing_is_answered_by_the_choices() {
    for (variable, sentence) in [
        (
            "LAB_STYLE",
            "failed to read LAB_STYLE: no style is named \"Nothing\"; choose one of Actor, ",
        ),
        ("LAB_BUG", "failed to read LAB_BUG: no bug is named \"Nothing\"; choose None or one of ["),
    ] {
        let runs = run([(variable, "Nothing")], &["TestInitialElection3A"]);
        let [result] = &runs.results[..] else { panic!("{}", runs.output) };
        let failure = result.failure().expect("there is no such Raft");
        assert!(failure.message.contains(sentence), "{failure:?}");
    }
}
