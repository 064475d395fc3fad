//! The names of the variables by which a user tells the tester what to do: whoever starts a test sets the same ones.
//! What each may be, and what holds otherwise, is the tester's table.

/// The first run's seed.
pub const SEED: &str = "LAB_SEED";

/// How many runs a test makes.
pub const ITERS: &str = "LAB_ITERS";

/// How many runs there are at the same time.
pub const JOBS: &str = "LAB_JOBS";

/// The clock of the runs: `virtual` or `real`.
pub const CLOCK: &str = "LAB_CLOCK";

/// How runs share processes: `process` or `batch`.
pub const ISOLATE: &str = "LAB_ISOLATE";

/// Whether the runs are in the test's own process.
pub const CHILD: &str = "LAB_CHILD";

/// Whether each seed is run twice.
pub const CHECK_DETERMINISM: &str = "LAB_CHECK_DETERMINISM";

/// Whether a broken safety rule fails a run.
pub const STRICT: &str = "LAB_STRICT";

/// Of which runs the history is stored: `failure`, `always` or `never`.
pub const REPORT: &str = "LAB_REPORT";

/// From which level on what servers log is printed.
pub const LOG: &str = "LAB_LOG";

/// The file with exploration's plan of faults.
pub const PLAN: &str = "LAB_PLAN";

/// The file with the variations of the runs.
pub const VARY: &str = "LAB_VARY";

/// Which call of a test function runs alone.
pub const CALL: &str = "LAB_CALL";

/// The folder of results and histories.
pub const OUT: &str = "LAB_OUT";

/// The zoo's bug.
pub const BUG: &str = "LAB_BUG";

/// The style of the Raft in `styles`.
pub const STYLE: &str = "LAB_STYLE";

/// The course's secret key.
pub const COURSE_KEY: &str = "LAB_COURSE_KEY";

/// How many machines share a job.
pub const SHARDS: &str = "LAB_SHARDS";
