//! The `LAB_…` environment variables that a user may set: one table, of which the one in docs/settings.md is made.
//!
//! `UPDATE_EXPECT=1 cargo test -p config --test settings` writes that page's table anew.

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
}

/// The variables that [`Settings`](crate::Settings) reads.
pub const VARIABLES: [Variable; 13] = [
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
    CALL,
    OUT,
];

const SWITCH: &str = "`1` or `0`";

pub(crate) const SEED: Variable = Variable {
    name: "LAB_SEED",
    expected: "a whole number from 0 to 18446744073709551615",
    example: "1629626496",
    meaning: "the first run's seed; the runs after it take the seeds that follow",
    default: "a fresh seed for each test",
};

pub(crate) const ITERS: Variable = Variable {
    name: "LAB_ITERS",
    expected: "a whole number of runs, at least 1",
    example: "1000",
    meaning: "runs of each test",
    default: "`1`",
};

pub(crate) const JOBS: Variable = Variable {
    name: "LAB_JOBS",
    expected: "a whole number of runs at the same time, at least 1",
    example: "2",
    meaning: "runs at the same time, in all tests together",
    default: "the number of cores",
};

pub(crate) const CLOCK: Variable = Variable {
    name: "LAB_CLOCK",
    expected: "`virtual` or `real`",
    example: "virtual",
    meaning: "the clock of the runs: a simulated one, or the machine's with four threads a run",
    default: "`virtual`",
};

pub(crate) const ISOLATE: Variable = Variable {
    name: "LAB_ISOLATE",
    expected: "`process` or `batch`",
    example: "process",
    meaning: "`process`: each run has a process of its own; `batch`: a process makes many runs",
    default: "`batch`",
};

pub(crate) const CHILD: Variable = Variable {
    name: "LAB_CHILD",
    expected: SWITCH,
    example: "1",
    meaning: "`1`: run in the test's own process, for a debugger; `0`: in child processes",
    default: "`0`",
};

pub(crate) const CHECK_DETERMINISM: Variable = Variable {
    name: "LAB_CHECK_DETERMINISM",
    expected: SWITCH,
    example: "1",
    meaning: "`1`: run each seed twice, and show where the two runs part; not with `LAB_CLOCK=real` or \
              `LAB_CHILD=1`",
    default: "`0`",
};

pub(crate) const STRICT: Variable = Variable {
    name: "LAB_STRICT",
    expected: SWITCH,
    example: "1",
    meaning: "`1`: a run fails if it breaks a safety rule of Raft's, even if none of MIT's checks notices; \
              `0`: it gets a warning",
    default: "`0`",
};

pub(crate) const REPORT: Variable = Variable {
    name: "LAB_REPORT",
    expected: "`failure`, `always` or `never`",
    example: "always",
    meaning: "which history to store: `failure`, that of the first failing run; `always`, also that of the \
              first run if no run fails; `never`, none",
    default: "`failure`",
};

pub(crate) const LOG: Variable = Variable {
    name: "LAB_LOG",
    expected: "`1`, `0`, `error`, `warn`, `info`, `debug` or `trace`",
    example: "1",
    meaning: "print what the servers log by `tracing`, from this level on, and what the test does, in \
              dslogs' form; `1` prints all, `0` nothing",
    default: "`0`",
};

pub(crate) const PLAN: Variable = Variable {
    name: "LAB_PLAN",
    expected: "a plan's file",
    example: "/tmp/plan.json",
    meaning: "the plan of faults that `TestExplore` follows",
    default: "drawn from the seed",
};

pub(crate) const CALL: Variable = Variable {
    name: "LAB_CALL",
    expected: "the number of a call of config::test() in a test function, 1 for the first",
    example: "2",
    meaning: "if a test function calls `config::test` several times: the only call that runs",
    default: "all of them",
};

pub(crate) const OUT: Variable = Variable {
    name: "LAB_OUT",
    expected: "a folder",
    example: "target/lab",
    meaning: "the folder for histories; if set, each run's result is also added to its `results.jsonl`",
    default: "the folder `lab` in cargo's target folder",
};
