//! Which test this is, and the command that runs it again.

use std::collections::BTreeMap;
use std::env;
use std::panic::Location;
use std::thread;

use report::{RunResult, Verdict};
use sim::Clock;
use supervisor::Isolation;

use crate::call::Call;
use crate::settings::{Settings, choices};

/// A test's name, as the user and the test binary know it.
#[derive(Clone, Debug)]
pub(crate) struct TestName {
    /// The function's name.
    pub(crate) short: String,
    /// The function's path in the test binary, which picks it and no other.
    pub(crate) path: String,
    /// Which of the function's calls this is.
    pub(crate) call: Call,
    /// The package that it is of: cargo tells the tests that it runs.
    package: Option<String>,
    /// The test target that it is of, if that is known: see [`target`].
    target: Option<String>,
    /// The variables that choose the Raft under test.
    pub(crate) choices: BTreeMap<String, String>,
}

impl TestName {
    /// The test whose function calls `config::test()` at `location` with a script whose type has the name `script`.
    pub(crate) fn of_call(
        location: &'static Location<'static>,
        script: &'static str,
    ) -> Result<TestName, String> {
        let path = match thread::current().name() {
            // The test runner gives each test a thread that has its path as a name.
            Some(path) if path != MAIN_THREAD => path.to_owned(),
            _ => path_in_type(script)?.to_owned(),
        };
        let package = env::var("CARGO_PKG_NAME").ok();
        Ok(TestName {
            short: path.rsplit("::").next().unwrap_or(&path).to_owned(),
            call: Call::next(&path, location),
            path,
            target: package.as_deref().and_then(target),
            package,
            choices: choices(),
        })
    }

    /// The first call of a test function, for the harness's own tests.
    #[cfg(test)]
    pub(crate) fn for_tests(name: &str) -> TestName {
        let call = Call::next(name, Location::caller());
        TestName {
            short: name.to_owned(),
            path: name.to_owned(),
            call,
            package: None,
            target: None,
            choices: BTreeMap::new(),
        }
    }

    /// What to say when a child that was to serve this call has ended, or failed, before it came to it.
    pub(crate) fn not_reached(&self, printed: &str) -> String {
        let TestName { short, path, call: Call { ordinal, .. }, .. } = self;
        let (what, why) = if self.call.is_first() {
            let why = format!(
                "`{path} --exact` doesn't lead to a #[test] function that calls config::test() on its own \
                 thread"
            );
            (short.clone(), why)
        } else {
            let why = format!(
                "there the test function didn't come to its call {ordinal}. It must make the same calls, in \
                 the same order, whichever process it is in: what it calls must not depend on chance, on \
                 files, or on what an earlier call has done"
            );
            (format!("call {ordinal} of config::test() in {short}"), why)
        };
        format!(
            "failed to run {what} in a process of its own: {why}. LAB_CHILD=1 runs it in this process. What \
             the process printed:\n{}",
            report::text::printed(printed)
        )
    }

    /// The result of a run of this test of which nothing is known but its verdict.
    pub(crate) fn result_without_run(&self, seed: u64, verdict: Verdict) -> RunResult {
        RunResult::without_run(self.short.clone(), self.call.ordinal, seed, verdict)
    }

    /// The command that runs this test with `seed`.
    pub(crate) fn replay_command(&self, settings: &Settings, seed: u64) -> String {
        let mut words = vec![format!("LAB_SEED={seed}")];
        if settings.clock == Clock::Real {
            words.push("LAB_CLOCK=real".to_owned());
        }
        if settings.strict {
            words.push("LAB_STRICT=1".to_owned());
        }
        if settings.isolation == Some(Isolation::Process) {
            words.push("LAB_ISOLATE=process".to_owned());
        }
        if settings.check_determinism {
            // Beside another seed: what is left behind by one run shows in the next.
            words.push("LAB_ITERS=2 LAB_JOBS=1 LAB_CHECK_DETERMINISM=1".to_owned());
        }
        if !self.call.is_first() {
            words.push(format!("LAB_CALL={}", self.call.ordinal));
        }
        if let Some(plan) = &settings.plan {
            words.push(format!("LAB_PLAN={}", quoted(&plan.to_string_lossy())));
        }
        if let Some(variations) = &settings.vary {
            words.push(format!("LAB_VARY={}", quoted(&variations.to_string_lossy())));
        }
        for (variable, value) in &self.choices {
            words.push(format!("{variable}={}", quoted(value)));
        }
        words.push("cargo test".to_owned());
        if let Some(package) = &self.package {
            words.push(format!("-p {package}"));
        }
        if let Some(target) = &self.target {
            words.push(format!("--test {target}"));
        }
        words.push(self.short.clone());
        words.join(" ")
    }
}

/// The test target of `package` that this process is of, by the name of its file, to which cargo adds a hash.
/// `None` where it can be the package's own library, whose tests are in a file of the package's name.
fn target(package: &str) -> Option<String> {
    let file = env::current_exe().ok()?;
    let (name, _hash) = file.file_stem()?.to_str()?.rsplit_once('-')?;
    (name != package.replace('-', "_")).then(|| name.to_owned())
}

/// The name of the thread on which a program begins.
const MAIN_THREAD: &str = "main";

/// The path of the function that has the closure whose type has the name `path`.
fn path_in_type(path: &'static str) -> Result<&'static str, String> {
    let Some((path, _)) = path.split_once("::{{closure}}") else {
        let name = path.rsplit("::").next().unwrap_or(path);
        return Err(format!(
            "failed to tell which test this is: config::test({name}) was called on a thread of the test's \
             own, and given a function, whose name says nothing of the test's; call it on the thread on which \
             the test begins, or write config::test(|t| {name}(t)), with the closure in the #[test] function\n"
        ));
    };
    Ok(path.split_once("::").map_or(path, |(_crate, path)| path))
}

/// A word that a shell reads as it is.
fn quoted(word: &str) -> String {
    if !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
