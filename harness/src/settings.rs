//! What the user asked for: the `LAB_…` environment variables.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::str::FromStr;
use std::thread;

use sim::Clock;
use thiserror::Error;
use tracing::level_filters::LevelFilter;

/// How the tests are to be run.
///
/// | variable | meaning | without it |
/// | --- | --- | --- |
/// | `LAB_SEED` | the first run's seed, 0 to 2^64 - 1 | drawn afresh for each test |
/// | `LAB_ITERS` | runs of each test, by seeds that follow one another from the first | 1 |
/// | `LAB_JOBS` | runs at the same time | as many as there are cores |
/// | `LAB_CLOCK` | `virtual` or `real` | `virtual` |
/// | `LAB_CHECK_DETERMINISM` | `1`: run each seed twice and compare; by the virtual clock and in child processes only | `0`: run it once |
/// | `LAB_ISOLATE` | `process`: each run has a process of its own | `batch`: a process runs many |
/// | `LAB_CHILD` | `1`: run in the test's own process, for a debugger | `0`: in child processes |
/// | `LAB_STRICT` | `1`: a run in which a safety monitor is tripped has failed | `0`: it is warned of |
/// | `LAB_REPORT` | of which run a test's history is stored: the first that fails (`failure`), that or else the first (`always`), or none (`never`) | `failure` |
/// | `LAB_LOG` | `1`, or a level such as `info`: each run prints what its servers log by `tracing` and what the test does, a line each in the form that dslogs reads | `0`: it doesn't |
/// | `LAB_PLAN` | a file with the plan of faults that exploration follows | drawn from the seed |
/// | `LAB_CALL` | of a test function that calls [`test()`](crate::test()) several times the only call that runs, from 1 | all of them |
/// | `LAB_OUT` | a folder for histories, and where each run's result is added to `results.jsonl` | `lab` in cargo's target folder, for histories only |
///
/// A variable with a name like one of these, such as `LAB_SEEDS`, is an error: it was meant to have an
/// effect. Others that begin with `LAB_` are their users' own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The first run's seed; `None` for a fresh one.
    pub seed: Option<u64>,
    /// How many runs.
    pub iters: NonZeroU64,
    /// How many runs at the same time.
    pub jobs: NonZeroUsize,
    /// Which clock the runs go by.
    pub clock: Clock,
    /// Whether each seed is run twice and the two compared.
    pub check_determinism: bool,
    /// Where the runs take place.
    pub place: Place,
    /// Whether a run fails in which a safety monitor is tripped.
    pub strict: bool,
    /// Of which runs the history is stored.
    pub report: Report,
    /// From which level on what servers log is printed; `OFF` if it isn't.
    pub log: LevelFilter,
    /// Where the plan of exploration's faults is.
    pub plan: Option<PathBuf>,
    /// Which call of a test function is the only one that runs; `None` for all.
    pub call: Option<NonZeroU32>,
    /// Where results go, and histories.
    pub out: Option<PathBuf>,
}

/// Of which run of a test the history is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// Of the first that fails.
    Failure,
    /// Of the first that fails; if none does, of the first.
    Always,
    /// Of none.
    Never,
}

/// Where runs take place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In child processes, of which each takes one seed after another.
    Batch,
    /// In child processes, one for each run.
    Process,
    /// In the test's own process, one run after another. Nothing watches over them there.
    Here,
}

/// A variable whose value, or whose name, makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(transparent)]
pub struct SettingsError(#[from] Problem);

#[derive(Clone, Debug, PartialEq, Eq, Error)]
enum Problem {
    #[error("failed to read {variable}={value:?}: expected {expected}, as in {variable}={example}")]
    Value { variable: &'static str, value: OsString, expected: &'static str, example: &'static str },
    #[error(
        "failed to read {variable}={value:?}: there is no such variable; did you mean {meant}? There \
         are {}", VARIABLES.join(", ")
    )]
    Name { variable: String, value: OsString, meant: &'static str },
}

/// The variables that [`Settings`] has.
const VARIABLES: [&str; 13] = [
    "LAB_SEED",
    "LAB_ITERS",
    "LAB_JOBS",
    "LAB_CLOCK",
    "LAB_CHECK_DETERMINISM",
    "LAB_ISOLATE",
    "LAB_CHILD",
    "LAB_STRICT",
    "LAB_REPORT",
    "LAB_LOG",
    "LAB_PLAN",
    "LAB_CALL",
    "LAB_OUT",
];

/// How the names begin of those that a parent sets for its children.
const CHILDREN_S: &str = "LAB_WORKER";

/// The variables that begin with `LAB_` and aren't the harness's, with their values: they may choose the
/// Raft under test, as `LAB_BUG` does in the zoo, so a run is the same only with the same of them.
pub(crate) fn choices() -> BTreeMap<String, String> {
    let of_others = env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        is_of_others(&name).then(|| (name, value.to_string_lossy().into_owned()))
    });
    of_others.collect()
}

fn is_of_others(name: &str) -> bool {
    name.starts_with("LAB_") && !name.starts_with(CHILDREN_S) && !VARIABLES.contains(&name)
}

/// How many of its first letters are enough for a name to be taken for another.
const BEGINNING: usize = 4;

/// The variable that was meant by `name`, if it is like one but isn't one.
fn meant(name: &str) -> Option<&'static str> {
    if !is_of_others(name) {
        return None;
    }
    let word = name.strip_prefix("LAB_")?.to_uppercase();
    VARIABLES.into_iter().find(|variable| {
        let known = &variable["LAB_".len()..];
        let beginning = &known[..known.len().min(BEGINNING)];
        // Names of several words have more to tell them apart.
        let is_longer = !word.contains('_') && word.starts_with(beginning);
        let is_part = word.len() > BEGINNING && known.contains(&word);
        // A slip is a letter too many, too few or wrong, or two in the wrong order.
        let slips = strsim::osa_distance(&word, known);
        is_longer || is_part || slips <= (known.len() / 4).max(1)
    })
}

/// A variable: its name, what it may be, and an example for who got it wrong.
struct Variable {
    name: &'static str,
    expected: &'static str,
    example: &'static str,
}

impl Variable {
    fn read<V>(
        &self,
        read: &impl Fn(&str) -> Option<OsString>,
        parse: impl FnOnce(&str) -> Option<V>,
    ) -> Result<Option<V>, SettingsError> {
        let Some(value) = read(self.name) else { return Ok(None) };
        match value.to_str().and_then(parse) {
            Some(parsed) => Ok(Some(parsed)),
            None => Err(self.error(value)),
        }
    }

    fn error(&self, value: OsString) -> SettingsError {
        let Variable { name: variable, expected, example } = *self;
        SettingsError(Problem::Value { variable, value, expected, example })
    }
}

fn parsed<V: FromStr>(value: &str) -> Option<V> {
    value.trim().parse().ok()
}

impl Settings {
    /// The settings in the process's environment.
    ///
    /// # Errors
    /// If a variable is set to something that makes no sense, or has a name that is like one of the
    /// harness's. An empty value makes no sense either.
    pub fn from_env() -> Result<Settings, SettingsError> {
        for (name, value) in env::vars_os() {
            if let Some(name) = name.to_str()
                && let Some(meant) = meant(name)
            {
                return Err(Problem::Name { variable: name.to_owned(), value, meant }.into());
            }
        }
        Settings::read(|name| env::var_os(name))
    }

    fn read(read: impl Fn(&str) -> Option<OsString>) -> Result<Settings, SettingsError> {
        let seed = Variable {
            name: "LAB_SEED",
            expected: "a whole number from 0 to 18446744073709551615",
            example: "1629626496",
        };
        let iters = Variable {
            name: "LAB_ITERS",
            expected: "a whole number of runs, at least 1",
            example: "1000",
        };
        let jobs = Variable {
            name: "LAB_JOBS",
            expected: "a whole number of runs at the same time, at least 1",
            example: "2",
        };
        let clock =
            Variable { name: "LAB_CLOCK", expected: "`virtual` or `real`", example: "virtual" };
        let determinism = switch("LAB_CHECK_DETERMINISM");
        let child = switch("LAB_CHILD");
        let isolate =
            Variable { name: "LAB_ISOLATE", expected: "`process` or `batch`", example: "process" };
        let place = isolate.read(&read, |value| match value {
            "process" => Some(Place::Process),
            "batch" => Some(Place::Batch),
            _ => None,
        })?;
        let is_child = child.read(&read, on_or_off)?.unwrap_or(false);
        let is_here = is_child || cfg!(not(unix));
        let strict = switch("LAB_STRICT").read(&read, on_or_off)?.unwrap_or(false);
        let report = Variable {
            name: "LAB_REPORT",
            expected: "`failure`, `always` or `never`",
            example: "always",
        };
        let report = report.read(&read, |value| match value {
            "failure" => Some(Report::Failure),
            "always" => Some(Report::Always),
            "never" => Some(Report::Never),
            _ => None,
        })?;
        let log = Variable {
            name: "LAB_LOG",
            expected: "`1`, `0`, `error`, `warn`, `info`, `debug` or `trace`",
            example: "1",
        };
        let log = log.read(&read, |value| match value {
            "0" => Some(LevelFilter::OFF),
            "1" | "trace" => Some(LevelFilter::TRACE),
            "debug" => Some(LevelFilter::DEBUG),
            "info" => Some(LevelFilter::INFO),
            "warn" => Some(LevelFilter::WARN),
            "error" => Some(LevelFilter::ERROR),
            _ => None,
        })?;
        let plan =
            Variable { name: "LAB_PLAN", expected: "a plan's file", example: "/tmp/plan.json" };
        let call = Variable {
            name: "LAB_CALL",
            expected: "which call of config::test() in a test function, 1 for the first",
            example: "2",
        };
        let out = Variable { name: "LAB_OUT", expected: "a folder", example: "target/lab" };
        let clock = clock
            .read(&read, |value| match value {
                "virtual" => Some(Clock::Virtual),
                "real" => Some(Clock::Real),
                _ => None,
            })?
            .unwrap_or(Clock::Virtual);
        let check_determinism = determinism.read(&read, on_or_off)?.unwrap_or(false);
        if check_determinism && clock == Clock::Real {
            let expected = "`0` with LAB_CLOCK=real, by which no run is the same twice";
            return Err(Variable { expected, example: "0", ..determinism }.error("1".into()));
        }
        if check_determinism && is_child {
            let expected = "`0` with LAB_CHILD=1, for it compares runs of different processes";
            return Err(Variable { expected, example: "0", ..determinism }.error("1".into()));
        }
        Ok(Settings {
            seed: seed.read(&read, parsed)?,
            iters: iters.read(&read, parsed)?.unwrap_or(NonZeroU64::MIN),
            jobs: jobs.read(&read, parsed)?.unwrap_or_else(default_jobs),
            clock,
            check_determinism,
            place: if is_here { Place::Here } else { place.unwrap_or(Place::Batch) },
            strict,
            report: report.unwrap_or(Report::Failure),
            log: log.unwrap_or(LevelFilter::OFF),
            plan: plan.read(&read, path)?,
            call: call.read(&read, parsed)?,
            out: out.read(&read, path)?,
        })
    }
}

/// A variable that switches something on.
fn switch(name: &'static str) -> Variable {
    Variable { name, expected: "`1` or `0`", example: "1" }
}

fn path(value: &str) -> Option<PathBuf> {
    (!value.is_empty()).then(|| PathBuf::from(value))
}

fn on_or_off(value: &str) -> Option<bool> {
    match value {
        "1" => Some(true),
        "0" => Some(false),
        _ => None,
    }
}

fn default_jobs() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let find = |name: &str| {
            variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| value.into())
        };
        Settings::read(find).map_err(|error| error.to_string())
    }

    #[test]
    fn without_variables_the_defaults_hold() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.seed, None);
        assert_eq!(settings.iters.get(), 1);
        assert_eq!(settings.clock, Clock::Virtual);
        assert_eq!(settings.out, None);
    }

    #[test]
    fn each_variable_is_read() {
        let settings = read(&[
            ("LAB_SEED", "18446744073709551615"),
            ("LAB_ITERS", "1000"),
            ("LAB_JOBS", "3"),
            ("LAB_CHECK_DETERMINISM", "1"),
            ("LAB_ISOLATE", "process"),
            ("LAB_STRICT", "1"),
            ("LAB_REPORT", "always"),
            ("LAB_LOG", "info"),
            ("LAB_PLAN", "a file"),
            ("LAB_CALL", "2"),
            ("LAB_OUT", "a folder"),
        ])
        .unwrap();
        assert_eq!(settings.seed, Some(u64::MAX));
        assert_eq!(settings.iters.get(), 1000);
        assert_eq!(settings.jobs.get(), 3);
        assert!(settings.check_determinism);
        assert_eq!(settings.place, Place::Process);
        assert!(settings.strict);
        assert_eq!(settings.report, Report::Always);
        assert_eq!(settings.log, LevelFilter::INFO);
        assert_eq!(settings.plan, Some("a file".into()));
        assert_eq!(settings.call.map(NonZeroU32::get), Some(2));
        assert_eq!(settings.out, Some("a folder".into()));
        assert_eq!(read(&[("LAB_CHILD", "1")]).unwrap().place, Place::Here);
        assert_eq!(read(&[("LAB_CLOCK", "real")]).unwrap().clock, Clock::Real);
    }

    #[test]
    fn a_name_that_is_like_another_is_an_error() {
        for (name, variable) in [
            ("LAB_SEEDS", "LAB_SEED"),
            ("LAB_SED", "LAB_SEED"),
            ("LAB_seed", "LAB_SEED"),
            ("LAB_ITER", "LAB_ITERS"),
            ("LAB_ITRES", "LAB_ITERS"),
            ("LAB_ITERATIONS", "LAB_ITERS"),
            ("LAB_JOB", "LAB_JOBS"),
            ("LAB_ISOLATION", "LAB_ISOLATE"),
            ("LAB_CHECK", "LAB_CHECK_DETERMINISM"),
            ("LAB_DETERMINISM", "LAB_CHECK_DETERMINISM"),
            ("LAB_CHECK_DETERMINISTIC", "LAB_CHECK_DETERMINISM"),
            ("LAB_CHILDREN", "LAB_CHILD"),
            ("LAB_OUTPUT", "LAB_OUT"),
            ("LAB_STRIKT", "LAB_STRICT"),
            ("LAB_REPORTS", "LAB_REPORT"),
        ] {
            assert_eq!(meant(name), Some(variable), "{name}");
        }
    }

    #[test]
    fn a_name_of_somebody_else_s_is_none() {
        for name in
            ["LAB_BUG", "LAB_NAME", "LAB_CLOUD", "LAB_SEED_FILE", "LAB_TRACE", "LAB_", "SEEDS"]
        {
            assert_eq!(meant(name), None, "{name}");
        }
        for name in VARIABLES.into_iter().chain(["LAB_WORKER", "LAB_WORKER_CALL"]) {
            assert_eq!(meant(name), None, "{name}");
        }
    }

    #[test]
    fn a_value_that_makes_no_sense_is_named() {
        for (variable, value) in [
            ("LAB_SEED", "-1"),
            ("LAB_SEED", "18446744073709551616"),
            ("LAB_SEED", ""),
            ("LAB_ITERS", "0"),
            ("LAB_ITERS", "many"),
            ("LAB_JOBS", "0"),
            ("LAB_JOBS", "1.5"),
            ("LAB_CLOCK", "Virtual"),
            ("LAB_CLOCK", ""),
            ("LAB_CHECK_DETERMINISM", "yes"),
            ("LAB_CHECK_DETERMINISM", ""),
            ("LAB_CHILD", "true"),
            ("LAB_CHILD", ""),
            ("LAB_ISOLATE", "thread"),
            ("LAB_STRICT", "yes"),
            ("LAB_REPORT", "sometimes"),
            ("LAB_LOG", "VERBOSE"),
            ("LAB_PLAN", ""),
            ("LAB_CALL", "0"),
            ("LAB_CALL", "second"),
            ("LAB_OUT", ""),
        ] {
            let error = read(&[(variable, value)]).unwrap_err();
            let beginning = format!("failed to read {variable}={value:?}: expected ");
            assert!(error.starts_with(&beginning), "{error}");
            assert!(error.contains(&format!(", as in {variable}=")), "{error}");
        }
    }
}
