//! What the program's exit code says.

use std::process::ExitCode;

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Every run passed; of the zoo, the tests tell every wrong Raft from the right one.
    Passed = 0,
    /// Some run failed; of the zoo, the tests take the right Raft for a wrong one, or a wrong one for
    /// right.
    Failed = 1,
    /// The tests didn't build.
    NotBuilt = 2,
    /// The command makes no sense.
    Usage = 3,
    /// There is no such test.
    NoSuchTest = 4,
    /// The run isn't the same each time.
    NotReplayed = 6,
    /// Nothing failed too often, and nothing is proven either: too few runs.
    Unknown = 5,
    /// The tester itself failed, or what it found couldn't be written: so nothing is known of the code under
    /// test.
    Tester = 70,
    /// Ctrl-C came first.
    Interrupted = 130,
    /// SIGTERM or SIGHUP came first.
    Terminated = 143,
}

/// The same for `--help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    all runs passed
  1    some run failed
  2    the tests didn't build
  3    the command makes no sense: an unknown option, package or folder
  4    there is no such test
  70   the tester itself failed, or a disk is full: nothing is known about the code under test
  130  interrupted by Ctrl-C
  143  ended by SIGTERM or SIGHUP, as by `timeout`

If the reader of the output goes away, as `head` does, the exit code stays the same.";

/// The same for `--help` of `cargo lab verify`.
pub(crate) const VERIFY_EXIT_CODES: &str = "\
Exit codes:
  0    its seed can have produced the history
  1    its seed can't have produced it; the output says why
  3    the history can't be read, or can't be checked";

/// The same for `--help` of `cargo lab test`.
pub(crate) const TEST_EXIT_CODES: &str = "\
Exit codes:
  0    all runs passed; with --target-rate: each test's rate is below it; with --shard: all runs are recorded
  1    some run failed; with --target-rate: some test's rate is above it; with --judge: a run's record is false
  2    the tests didn't build
  3    the command makes no sense: an unknown option, package or folder, or wrong results
  4    there is no such test
  5    with --target-rate: too few runs to know; with --judge: too few runs could be checked
  70   the tester itself failed, or a disk is full: nothing is known about the code under test
  130  interrupted by Ctrl-C; --resume continues
  143  ended by SIGTERM or SIGHUP, as by `timeout`; --resume continues

If the reader of the output goes away, as `head` does, the exit code stays the same.";

/// The same for `--help` of `cargo lab grade`.
pub(crate) const GRADE_EXIT_CODES: &str = "\
Exit codes:
  0    each submission has a verdict, good or bad. Look into each verdict `unjudged`
  2    the tests didn't build without a submission: your own copy is at fault
  3    the command makes no sense: an unknown option, a wrong course file, or no submissions
  4    the course file names a test that doesn't exist
  70   the tester itself failed, or a disk is full: --resume continues
  130  interrupted by Ctrl-C; --resume continues
  143  ended by SIGTERM or SIGHUP, as by `timeout`; --resume continues

If the reader of the output goes away, as `head` does, the exit code stays the same.";

/// The same for `--help` of `cargo lab watch`.
pub(crate) const WATCH_EXIT_CODES: &str = "\
Exit codes:
  0    ended by the key q, when all runs had passed
  1    ended by the key q, when some run had failed
  2    ended by the key q, when the tests didn't build
  3    the command makes no sense: an unknown option, package or folder
  4    there is no such test
  70   the tester itself failed, or a disk is full: nothing is known about the code under test
  130  interrupted by Ctrl-C
  143  ended by SIGTERM or SIGHUP";

/// The same for `--help` of `cargo lab logs`, for which it is all the same how a run ended.
pub(crate) const SHOWN_EXIT_CODES: &str = "\
Exit codes:
  0    the log was shown, however the run ended
  1    the run left no history
  2    the tests didn't build
  3    the command makes no sense: an unknown option, file or package
  4    there is no such test
  70   the tester itself failed, or a disk is full
  130  interrupted by Ctrl-C
  143  ended by SIGTERM or SIGHUP, as by `timeout`

If the reader of the output goes away, as `head` does, the exit code stays the same.";

/// The same for `--help` of `cargo lab merge`.
pub(crate) const MERGE_EXIT_CODES: &str = "\
Exit codes:
  0    the results were written, even if runs failed
  3    the command makes no sense, a file of results is broken, or the files belong to different code
  4    the course file names a test that isn't in the results
  70   the disk is full";

/// The same for `--help` of `cargo lab zoo`, where failing is what runs should do.
pub(crate) const ZOO_EXIT_CODES: &str = "\
Exit codes:
  0    every bug except the harmless ones was caught, and the right Raft passed all runs; or --report
  1    the right Raft failed a run, or no test caught some bug
  2    the zoo didn't build
  3    the command makes no sense: an unknown option, bug or file
  4    there is no such test
  70   the tester itself failed, or a disk is full: nothing is known about the tests
  130  interrupted by Ctrl-C; --resume continues
  143  ended by SIGTERM or SIGHUP, as by `timeout`; --resume continues

If the reader of the output goes away, as `head` does, the exit code stays the same.";

/// The same for `--help` of `cargo lab why`.
pub(crate) const WHY_EXIT_CODES: &str = "\
Exit codes:
  0    the run passed: there is nothing to explain
  1    the run failed
  2    the tests didn't build
  3    the command makes no sense: an unknown option, package or folder
  4    there is no such test
  6    the seed doesn't repeat the run, so there is no result. LAB_CHECK_DETERMINISM=1 shows where two
       runs of the seed begin to differ
  70   the tester itself failed, or a disk is full: nothing is known about the code under test
  130  interrupted by Ctrl-C
  143  ended by SIGTERM or SIGHUP, as by `timeout`

If the reader of the output goes away, as `head` does, the exit code stays the same.";

/// The same for `--help` of `cargo lab mutants`.
pub(crate) const MUTANTS_EXIT_CODES: &str = "\
Exit codes:
  0    the right Raft passed all runs; or --report
  1    the right Raft failed a run
  2    the tests didn't build even without a mutant
  3    the command makes no sense: an unknown option, mutant or file; or cargo-mutants isn't installed
  70   the tester itself failed, or a disk is full: nothing is known about the tests
  130  interrupted by Ctrl-C; --resume continues
  143  ended by SIGTERM or SIGHUP, as by `timeout`; --resume continues

If the reader of the output goes away, as `head` does, the exit code stays the same.";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
