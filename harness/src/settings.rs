//! What the user asked for: the `LAB_…` environment variables.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::str::FromStr;
use std::thread;

use sim::Clock;
use supervisor::{Isolation, variables};
use thiserror::Error;
use tracing::level_filters::LevelFilter;

use crate::variables::{
    CALL, CHECK_DETERMINISM, CHILD, CLOCK, ISOLATE, ITERS, JOBS, LOG, OUT, Owner, PLAN, REPORT,
    SEED, STRICT, VARIABLES, VARY, Variable,
};

/// How the tests are to be run.
///
/// Each field is read from one of the [`VARIABLES`] that are the tester's. They say what may be set and what
/// holds otherwise.
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
    /// How the runs share child processes; `None` if they are in the test's own process, one after another,
    /// where nothing watches over them.
    pub isolation: Option<Isolation>,
    /// Whether a run fails that breaks a safety rule.
    pub strict: bool,
    /// Of which runs the history is stored.
    pub report: Report,
    /// From which level on what servers log is printed; `OFF` if it isn't.
    pub log: LevelFilter,
    /// Where the plan of exploration's faults is.
    pub plan: Option<PathBuf>,
    /// Where the variations of the runs are; `None` if each run is its seed's.
    pub vary: Option<PathBuf>,
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
         are {}", names().join(", ")
    )]
    Name { variable: String, value: OsString, meant: &'static str },
}

/// The variables that begin with `LAB_` and may choose the Raft under test, as `LAB_BUG` does in the zoo, with
/// their values: a run is the same only with the same of them. They are stored with its result, so those of
/// `cargo lab` aren't among them.
pub(crate) fn choices() -> BTreeMap<String, String> {
    let chosen = env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        is_choice(&name).then(|| (name, value.to_string_lossy().into_owned()))
    });
    chosen.collect()
}

/// Whether a variable may choose the Raft under test: it is a Raft's, or nobody's in the table.
fn is_choice(name: &str) -> bool {
    let owner = VARIABLES.iter().find(|variable| variable.name == name).map(|row| row.owner);
    name.starts_with("LAB_")
        && !name.starts_with(variables::PREFIX)
        && matches!(owner, None | Some(Owner::Raft))
}

/// How many of its first letters are enough for a name to be taken for another.
const BEGINNING: usize = 4;

/// The variable that was meant by `name`, if it is like one but isn't one.
fn meant(name: &str) -> Option<&'static str> {
    if !is_choice(name) {
        return None;
    }
    let word = name.strip_prefix("LAB_")?.to_uppercase();
    names().into_iter().find(|variable| {
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

/// The names of all that [`Settings`] reads.
fn names() -> Vec<&'static str> {
    let ours = VARIABLES.iter().filter(|variable| variable.owner == Owner::Tester);
    ours.map(|variable| variable.name).collect()
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
        let Variable { name: variable, expected, example, .. } = *self;
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
        let isolation = ISOLATE.read(&read, |value| match value {
            "process" => Some(Isolation::Process),
            "batch" => Some(Isolation::Batch),
            _ => None,
        })?;
        let is_child = CHILD.read(&read, on_or_off)?.unwrap_or(false);
        let is_here = is_child || cfg!(not(unix));
        let strict = STRICT.read(&read, on_or_off)?.unwrap_or(false);
        let report = REPORT.read(&read, |value| match value {
            "failure" => Some(Report::Failure),
            "always" => Some(Report::Always),
            "never" => Some(Report::Never),
            _ => None,
        })?;
        let log = LOG.read(&read, |value| match value {
            "0" => Some(LevelFilter::OFF),
            "1" | "trace" => Some(LevelFilter::TRACE),
            "debug" => Some(LevelFilter::DEBUG),
            "info" => Some(LevelFilter::INFO),
            "warn" => Some(LevelFilter::WARN),
            "error" => Some(LevelFilter::ERROR),
            _ => None,
        })?;
        let clock = CLOCK
            .read(&read, |value| match value {
                "virtual" => Some(Clock::Virtual),
                "real" => Some(Clock::Real),
                _ => None,
            })?
            .unwrap_or(Clock::Virtual);
        let check_determinism = CHECK_DETERMINISM.read(&read, on_or_off)?.unwrap_or(false);
        if check_determinism && clock == Clock::Real {
            let expected = "`0` with LAB_CLOCK=real, by which no run is the same twice";
            return Err(Variable { expected, example: "0", ..CHECK_DETERMINISM }.error("1".into()));
        }
        if check_determinism && is_child {
            let expected = "`0` with LAB_CHILD=1, for it compares runs of different processes";
            return Err(Variable { expected, example: "0", ..CHECK_DETERMINISM }.error("1".into()));
        }
        Ok(Settings {
            seed: SEED.read(&read, parsed)?,
            iters: ITERS.read(&read, parsed)?.unwrap_or(NonZeroU64::MIN),
            jobs: JOBS.read(&read, parsed)?.unwrap_or_else(default_jobs),
            clock,
            check_determinism,
            isolation: (!is_here).then(|| isolation.unwrap_or(Isolation::Batch)),
            strict,
            report: report.unwrap_or(Report::Failure),
            log: log.unwrap_or(LevelFilter::OFF),
            plan: PLAN.read(&read, path)?,
            vary: VARY.read(&read, path)?,
            call: CALL.read(&read, parsed)?,
            out: OUT.read(&read, path)?,
        })
    }
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
    use std::process::Command;

    use super::*;
    use crate::{store, trace};

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
    fn the_table_s_defaults_and_examples_are_true() {
        for Variable { name, example, default, .. } in VARIABLES {
            if let Some(value) = default.strip_prefix('`').and_then(|rest| rest.split('`').next()) {
                assert_eq!(read(&[(name, value)]), read(&[]), "{name}={value}");
            }
            assert!(read(&[(name, example)]).is_ok(), "{name}={example}");
        }
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
            ("LAB_VARY", "another file"),
            ("LAB_CALL", "2"),
            ("LAB_OUT", "a folder"),
        ])
        .unwrap();
        assert_eq!(settings.seed, Some(u64::MAX));
        assert_eq!(settings.iters.get(), 1000);
        assert_eq!(settings.jobs.get(), 3);
        assert!(settings.check_determinism);
        assert_eq!(settings.isolation, Some(Isolation::Process));
        assert!(settings.strict);
        assert_eq!(settings.report, Report::Always);
        assert_eq!(settings.log, LevelFilter::INFO);
        assert_eq!(settings.plan, Some("a file".into()));
        assert_eq!(settings.vary, Some("another file".into()));
        assert_eq!(settings.call.map(NonZeroU32::get), Some(2));
        assert_eq!(settings.out, Some("a folder".into()));
        assert_eq!(read(&[("LAB_CHILD", "1")]).unwrap().isolation, None);
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
        let ours = VARIABLES.iter().map(|variable| variable.name);
        for name in ours.chain(["LAB_WORKER", "LAB_WORKER_CALL"]) {
            assert_eq!(meant(name), None, "{name}");
        }
    }

    #[test]
    fn only_what_may_choose_the_raft_is_stored_with_a_run() {
        for name in ["LAB_BUG", "LAB_STYLE", "LAB_OF_MY_OWN"] {
            assert!(is_choice(name), "{name}");
        }
        // What one process of the harness sets for another is no choice either.
        let mut command = Command::new("a child");
        sim::without_lines(&mut command);
        let of_sim = command.get_envs().map(|(name, _)| name.to_str().expect("it is a name"));
        let of_children = [variables::PREFIX, variables::CALL, variables::RECORDS];
        let ours = [store::HISTORIES, trace::TRACE].into_iter().chain(of_children).chain(of_sim);
        for name in ours.chain(["LAB_COURSE_KEY", "LAB_SHARDS", "LAB_SEED", "PATH"]) {
            assert!(!is_choice(name), "{name}");
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
            ("LAB_VARY", ""),
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
