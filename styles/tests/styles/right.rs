//! Each style is right: it passes MIT's tests and our own, without a warning, or is skipped as expected.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;

use styles::Style;

use crate::run;

/// The seeds of each test: one, or as many as the variable `SEEDS` says.
fn seeds() -> u64 {
    env::var("SEEDS").map_or(1, |seeds| seeds.parse().expect("SEEDS is a number"))
}

/// The scripts, all that have tests.
const SCRIPTS: [&str; 15] = [
    include_str!("../../../tests/raft/election_3a.rs"),
    include_str!("../../../tests/raft/agreement_3b.rs"),
    include_str!("../../../tests/raft/persistence_3c.rs"),
    include_str!("../../../tests/raft/snapshot_3d.rs"),
    include_str!("../../../tests/extra/crashes_x.rs"),
    include_str!("../../../tests/extra/elections_x.rs"),
    include_str!("../../../tests/extra/explore.rs"),
    include_str!("../../../tests/extra/logs_x.rs"),
    include_str!("../../../tests/extra/network_x.rs"),
    include_str!("../../../tests/extra/snapshots_x.rs"),
    include_str!("../../../tests/extra/timers_x.rs"),
    include_str!("../../../tests/steps/crashes.rs"),
    include_str!("../../../tests/steps/elections.rs"),
    include_str!("../../../tests/steps/logs.rs"),
    include_str!("../../../tests/steps/snapshots.rs"),
];

/// The names of all tests: MIT's, our own, the exploration, and the ladder's.
fn tests() -> Vec<&'static str> {
    let names = SCRIPTS.into_iter().flat_map(str::lines).filter_map(|line| {
        line.strip_prefix("fn ")?.strip_suffix("() {").filter(|name| name.starts_with("Test"))
    });
    names.collect()
}

/// Scenarios that a style can't play, by the ends of their names, and how the reason begins.
struct Skipped {
    scenarios: &'static [&'static str],
    reason: &'static str,
}

/// The ladder's one test that reads entries.
const STEP_8: &str = "EntriesArrive";

const NONE: Skipped = Skipped { scenarios: &[], reason: "" };

/// The scenarios that need two candidates of one term, which no two servers become that ask for votes
/// before the vote.
const ASK_FIRST: Skipped = Skipped {
    scenarios: &["X02", "X05", "X21", "X33"],
    reason: "no server starts an election unless others answer",
};

/// These, and those that need a leader to remember what no majority has, which it may forget in a crash.
const FORGETS: Skipped =
    Skipped { scenarios: &["X01", "X02", "X05", "X21", "X23", "X33"], reason: "a leader " };

/// The scenarios that also read replies, which say nothing where answers are calls of their own.
const ONE_WAY: Skipped = Skipped {
    scenarios: &[
        "X01", "X02", "X03", "X05", "X06", "X08", "X14", "X15", "X21", "X23", "X24", "X25", "X33",
        STEP_8,
    ],
    reason: "can't read this Raft's answers: they are calls of their own, and no reply has ",
};

/// The scenario that reads the term of a refusal.
const ENUM_ANSWERS: Skipped =
    Skipped { scenarios: &["X14"], reason: "can't read this Raft's messages: a message has no " };

/// The scenarios that read answers.
const BALLOTS: Skipped = Skipped {
    scenarios: &[
        "X01", "X02", "X03", "X05", "X06", "X08", "X14", "X15", "X21", "X23", "X24", "X33", STEP_8,
    ],
    reason: "can't read this Raft's messages: ",
};

/// The scenarios that a leader's heartbeats have a part in.
const OWN_WORDS: Skipped = Skipped {
    scenarios: &["X13", "X16", "X29", "X34"],
    reason: "can't read this Raft's messages: calls that aren't recognised may be its heartbeats",
};

/// The scenarios that read anything at all.
const SEALED: Skipped = Skipped {
    scenarios: &[
        "X01", "X02", "X03", "X04", "X05", "X06", "X08", "X09", "X10", "X13", "X14", "X15", "X16",
        "X21", "X23", "X24", "X25", "X27", "X28", "X29", "X33", "X34", STEP_8,
    ],
    reason: "can't read this Raft's messages: no call has ",
};

/// Those, and the scenarios that must tell requests from replies.
const SEALED_ONE_WAY: Skipped = Skipped {
    scenarios: &[
        "X01", "X02", "X03", "X04", "X05", "X06", "X07", "X08", "X09", "X10", "X11", "X13", "X14",
        "X15", "X16", "X21", "X22", "X23", "X24", "X25", "X26", "X27", "X28", "X29", "X30", "X31",
        "X32", "X33", "X34", STEP_8,
    ],
    reason: SEALED.reason,
};

impl Skipped {
    fn has(&self, test: &str) -> bool {
        self.scenarios.iter().any(|end| test.ends_with(end))
    }

    fn explains(&self, test: &str, why: &str) -> bool {
        self.has(test) && why.starts_with(self.reason)
    }
}

/// Asserts that `style` passes all tests but these, which are skipped. MIT's tests read no messages, so that
/// none of them can be.
fn passes_all_but(skipped: Skipped, style: &str) {
    let _: Style = style.parse().expect("there is such a style");
    let count = seeds();
    let seeds = count.to_string();
    let variables =
        [("LAB_STYLE", style), ("LAB_STRICT", "1"), ("LAB_SEED", "1"), ("LAB_ITERS", &*seeds)];
    let runs = run(variables, &["lab3::", "extra::", "steps::"]);
    let mut runs_of: BTreeMap<&str, u64> = BTreeMap::new();
    for result in &runs.results {
        assert_eq!(result.failure(), None, "{style}: {}, seed {}", result.test, result.seed);
        // Nothing can be read of some: that alone is said of them.
        let is_right = |warning: &String| {
            skipped.reason == SEALED.reason && warning.contains("can't be watched")
        };
        let are_right = result.warnings.iter().all(is_right);
        assert!(are_right, "{style}: {}, {:?}", result.test, result.warnings);
        assert_eq!(result.doubts, [], "{style}: {}, seed {}", result.test, result.seed);
        assert_eq!(result.choices["LAB_STYLE"], style);
        let (test, why) = (&*result.test, result.skipped());
        assert_eq!(why.is_some(), skipped.has(test), "{style}: {test}");
        // Whichever a scenario finds first.
        let is_explained = |why| skipped.explains(test, why) || ASK_FIRST.explains(test, why);
        assert!(why.is_none_or(is_explained), "{style}: {test}: {why:?}");
        *runs_of.entry(&result.test).or_default() += 1;
    }
    for test in tests() {
        assert_eq!(runs_of.remove(test), Some(count), "{style}: {test}\n{}", runs.output);
    }
    assert_eq!(runs_of, BTreeMap::new(), "{style}");
}

#[test]
fn no_script_and_no_style_is_left_out() {
    for folder in ["raft", "extra", "steps"] {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests")).join(folder);
        for entry in fs::read_dir(folder).expect("there are scripts") {
            let path = entry.expect("the folder can be read").path();
            let text = fs::read_to_string(&path).expect("a script is text");
            let is_script = text.contains("\nfn Test");
            assert!(!is_script || SCRIPTS.contains(&&*text), "{} isn't run", path.display());
        }
    }
    let this = include_str!("right.rs");
    for Style { name, .. } in Style::ALL {
        assert!(this.contains(&format!(", \"{name}\");")), "{name} isn't run");
    }
}

#[test]
fn actor() {
    passes_all_but(ASK_FIRST, "Actor");
}

#[test]
fn leader_disk_in_parallel() {
    passes_all_but(ASK_FIRST, "LeaderDiskInParallel");
}

#[test]
fn leader_disk_last() {
    passes_all_but(FORGETS, "LeaderDiskLast");
}

#[test]
fn polling_ticker() {
    passes_all_but(NONE, "PollingTicker");
}

/// Luck decides when a server of this style leads whose rival asks in rising terms; no run is long enough
/// to blame it.
#[test]
fn nobody_is_blamed_for_bad_luck() {
    let variables = [
        ("LAB_STYLE", Style::NEEDS_LUCK.name),
        ("LAB_STRICT", "1"),
        ("LAB_SEED", "1"),
        ("LAB_ITERS", "100"),
    ];
    let runs = run(variables, &["TestRefusedRequestsX13"]);
    assert_eq!(runs.results.len(), 100, "{}", runs.output);
    for result in runs.results {
        assert_eq!(result.failure(), None, "seed {}", result.seed);
        assert_eq!(result.skipped(), None, "seed {}", result.seed);
    }
}

#[test]
fn one_enum() {
    passes_all_but(NONE, "OneEnum");
}

#[test]
fn enum_answers() {
    passes_all_but(ENUM_ANSWERS, "EnumAnswers");
}

#[test]
fn own_words() {
    passes_all_but(OWN_WORDS, "OwnWords");
}

#[test]
fn ballots() {
    passes_all_but(BALLOTS, "Ballots");
}

#[test]
fn rejections() {
    passes_all_but(NONE, "Rejections");
}

#[test]
fn sealed() {
    passes_all_but(SEALED, "Sealed");
}

#[test]
fn one_way() {
    passes_all_but(ONE_WAY, "OneWay");
}

#[test]
fn heartbeats() {
    passes_all_but(ASK_FIRST, "Heartbeats");
}

#[test]
fn vote_lease() {
    passes_all_but(NONE, "VoteLease");
}

#[test]
fn plain() {
    passes_all_but(NONE, "Plain");
}

#[test]
fn sealed_one_way() {
    passes_all_but(SEALED_ONE_WAY, "SealedOneWay");
}

#[test]
fn restarts_for_terms() {
    passes_all_but(NONE, "RestartsForTerms");
}

#[test]
fn tries_at_once() {
    passes_all_but(NONE, "TriesAtOnce");
}

#[test]
fn leaping_terms() {
    passes_all_but(NONE, "LeapingTerms");
}

#[test]
fn a_skipped_run_says_why() {
    let variables = [("LAB_STYLE", "Actor"), ("LAB_SEED", "1"), ("LAB_ITERS", "2")];
    let runs = run(variables, &["TestOneVoteATermX02"]);
    let line = "  ... Skipped -- no server starts an election unless others answer, as with PreVote (2 of 2 runs)\n";
    assert!(runs.output.contains(line), "{}", runs.output);
    assert!(runs.output.contains("test result: ok. 1 passed"), "{}", runs.output);
}
