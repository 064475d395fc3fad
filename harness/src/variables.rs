//! The `LAB_…` environment variables that a user may set: one table, of which the one in docs/settings.md is made.
//!
//! It has all of the workspace, each with its [`Owner`]: so the runner knows which of them choose the Raft under
//! test, and which are nothing to a run.
//!
//! `UPDATE_EXPECT=1 cargo test -p checks --test settings` writes that page's table anew.

use supervisor::settings;

/// An environment variable that a user may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The values that make sense, with their unit. It completes "expected …".
    pub expected: &'static str,
    /// One such value.
    pub example: &'static str,
    /// What it decides.
    pub meaning: &'static str,
    /// What holds if it isn't set: a value in backticks, with or without an explanation, or a description.
    pub default: &'static str,
    /// Who reads it.
    pub owner: Owner,
}

/// Who reads a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The tester: [`Settings`](crate::Settings).
    Tester,
    /// A Raft under test. A run is the same only with the same value, so it is stored with a run's result.
    Raft,
    /// The program `cargo lab`. What it says is nothing to a run, and may be a secret: it is never stored.
    Lab,
}

/// All variables of the workspace that a user may set.
pub const VARIABLES: [Variable; 18] = [
    SEED,
    ITERS,
    JOBS,
    CLOCK,
    ISOLATE,
    CHILD,
    CHECK_DETERMINISM,
    STRICT,
    REPORT,
    LOG,
    PLAN,
    VARY,
    CALL,
    OUT,
    BUG,
    STYLE,
    COURSE_KEY,
    SHARDS,
];

const SWITCH: &str = "`1` or `0`";

pub(crate) const SEED: Variable = Variable {
    name: settings::SEED,
    expected: "a whole number from 0 to 18446744073709551615",
    example: "1629626496",
    meaning: "the first run's seed; the runs after it take the seeds that follow",
    default: "a fresh seed for each test",
    owner: Owner::Tester,
};

pub(crate) const ITERS: Variable = Variable {
    name: settings::ITERS,
    expected: "a whole number of runs, at least 1",
    example: "1000",
    meaning: "runs of each test",
    default: "`1`",
    owner: Owner::Tester,
};

pub(crate) const JOBS: Variable = Variable {
    name: settings::JOBS,
    expected: "a whole number of runs at the same time, at least 1",
    example: "2",
    meaning: "runs at the same time, in all tests together",
    default: "the number of cores",
    owner: Owner::Tester,
};

pub(crate) const CLOCK: Variable = Variable {
    name: settings::CLOCK,
    expected: "`virtual` or `real`",
    example: "virtual",
    meaning: "the clock of the runs: a simulated one, or the machine's with four threads a run",
    default: "`virtual`",
    owner: Owner::Tester,
};

pub(crate) const ISOLATE: Variable = Variable {
    name: settings::ISOLATE,
    expected: "`process` or `batch`",
    example: "process",
    meaning: "`process`: each run has a process of its own; `batch`: a process makes many runs",
    default: "`batch`",
    owner: Owner::Tester,
};

pub(crate) const CHILD: Variable = Variable {
    name: settings::CHILD,
    expected: SWITCH,
    example: "1",
    meaning: "`1`: run in the test's own process, for a debugger; `0`: in child processes",
    default: "`0`",
    owner: Owner::Tester,
};

pub(crate) const CHECK_DETERMINISM: Variable = Variable {
    name: settings::CHECK_DETERMINISM,
    expected: SWITCH,
    example: "1",
    meaning: "`1`: run each seed twice, and show where the two runs begin to differ; not with `LAB_CLOCK=real` or \
              `LAB_CHILD=1`",
    default: "`0`",
    owner: Owner::Tester,
};

pub(crate) const STRICT: Variable = Variable {
    name: settings::STRICT,
    expected: SWITCH,
    example: "1",
    meaning: "`1`: a run fails if it breaks a safety rule of Raft, even if none of MIT's checks notices; \
              `0`: it gets a warning",
    default: "`0`",
    owner: Owner::Tester,
};

pub(crate) const REPORT: Variable = Variable {
    name: settings::REPORT,
    expected: "`failure`, `always` or `never`",
    example: "always",
    meaning: "which history to store: `failure`, that of the first failing run; `always`, also that of the \
              first run if no run fails; `never`, none",
    default: "`failure`",
    owner: Owner::Tester,
};

pub(crate) const LOG: Variable = Variable {
    name: settings::LOG,
    expected: "`1`, `0`, `error`, `warn`, `info`, `debug` or `trace`",
    example: "1",
    meaning: "print what the servers log by `tracing`, from this level on, and what the test does, in \
              dslogs' form; `1` prints all, `0` nothing",
    default: "`0`",
    owner: Owner::Tester,
};

pub(crate) const PLAN: Variable = Variable {
    name: settings::PLAN,
    expected: "a plan's file",
    example: "/tmp/plan.json",
    meaning: "the plan of faults that `TestExplore` follows",
    default: "drawn from the seed",
    owner: Owner::Tester,
};

pub(crate) const VARY: Variable = Variable {
    name: settings::VARY,
    expected: "a file of variations",
    example: "/tmp/variations.jsonl",
    meaning: "the variations of the runs, as `cargo lab why` writes them: all runs have the seed of \
              `LAB_SEED`, and each follows another line of the file from some time on; `LAB_ITERS` says \
              how many lines",
    default: "no variations",
    owner: Owner::Tester,
};

pub(crate) const CALL: Variable = Variable {
    name: settings::CALL,
    expected: "the number of a call of config::test() in a test function, 1 for the first",
    example: "2",
    meaning: "if a test function calls `config::test` several times: the only call that runs",
    default: "all of them",
    owner: Owner::Tester,
};

pub(crate) const OUT: Variable = Variable {
    name: settings::OUT,
    expected: "a folder",
    example: "target/lab",
    meaning: "the folder for histories; if set, each run's result is also added to its `results.jsonl`",
    default: "the folder `lab` in cargo's target folder",
    owner: Owner::Tester,
};

const BUG: Variable = Variable {
    name: settings::BUG,
    expected: "the name of a bug",
    example: "BlocksOnVotes",
    meaning: "the bug that the Raft of `zoo` or `styles` has; with a wrong name, the tests list the bugs",
    default: "`None`: a right Raft",
    owner: Owner::Raft,
};

const STYLE: Variable = Variable {
    name: settings::STYLE,
    expected: "the name of a style",
    example: "OneEnum",
    meaning: "the style of the Raft of `styles`; with a wrong name, the tests list the styles",
    default: "`Actor`",
    owner: Owner::Raft,
};

const COURSE_KEY: Variable = Variable {
    name: settings::COURSE_KEY,
    expected: "a text that students don't know",
    example: "two dozen random letters",
    meaning: "the course's key, from which `cargo lab grade` makes hidden seeds; no submission that it grades \
              can read it",
    default: "the seeds of the course file",
    owner: Owner::Lab,
};

const SHARDS: Variable = Variable {
    name: settings::SHARDS,
    expected: "a whole number of machines",
    example: "16",
    meaning: "in a Kubernetes Indexed Job, on how many machines `cargo lab test` and `grade` share their runs",
    default: "all runs are made on this machine",
    owner: Owner::Lab,
};
