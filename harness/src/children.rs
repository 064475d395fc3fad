//! Runs in child processes: what a child is told, what it sends, and how it died.

use std::collections::BTreeMap;
use std::env;
use std::io;
use std::process::Command;

use parking_lot::Mutex;
use report::{DeathKind, Process, RunResult};
use sim::Clock;
use supervisor::{Death, Done, Isolation, variables};

use crate::name::TestName;
use crate::run::stuck;
use crate::settings::Settings;
use crate::store;
use crate::trace::TRACE;

/// How many runs may hang in the same way before the others are given up: each takes some seconds.
const HANGS: usize = 3;

/// The same of runs that die, as long as all do.
const DEATHS: usize = 3;

/// The same of runs that die among others: it costs little, and their share is worth to know.
const DEATHS_AMONG_OTHERS: usize = 30;

/// A child's life: runs the seeds that come, until there are none.
pub(crate) fn serve(test: &TestName, clock: Clock, run: impl Fn(u64) -> RunResult) -> ! {
    fn encode(result: RunResult) -> Vec<u8> {
        let RunResult { record, .. } = result;
        let is_whole = store::has_marks();
        let [inside, behind] = if is_whole { [None, record] } else { [record, None] };
        let result = RunResult { record: inside, ..result };
        let mut bytes = serde_json::to_vec(&result).expect("a result is plain data");
        if let Some(record) = behind {
            // In a line of its own, so that who passes it on needn't read it.
            bytes.push(b'\n');
            serde_json::to_writer(&mut bytes, &record).expect("a record is plain data");
        }
        bytes
    }
    let test = test.clone();
    supervisor::serve(
        clock,
        move |seed| encode(run(seed)),
        move |seed, why, printed| encode(stuck(&test, seed, why, printed)),
    )
}

/// What children send besides their results.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Extra {
    /// Nothing.
    Nothing,
    /// Every event.
    Events,
    /// Every event, with addresses that are the same each time.
    EventsAtFixedAddresses,
    /// Nothing, but they store histories.
    Histories,
    /// Nothing but what came of a run, which has taken place before.
    Outcomes,
}

/// Which runs took their processes along so far.
#[derive(Default)]
struct Casualties {
    /// Whether another has survived its run.
    any_survived: bool,
    /// How many there are, by how they came to it.
    counts: BTreeMap<String, usize>,
    /// Whether there are so many that more would tell nothing.
    are_enough: bool,
}

impl Casualties {
    /// Counts a run. Returns whether no more are to be begun.
    fn count(&mut self, result: Option<&RunResult>) -> bool {
        if supervisor::is_interrupted() {
            return false; // that ends all of them, and in the same way
        }
        let casualty = result.and_then(|result| Some((result.process, result.cause_of_death()?)));
        let Some((process, cause)) = casualty else {
            self.any_survived = true;
            return self.are_enough;
        };
        let count = self.counts.entry(cause).or_default();
        *count += 1;
        let at_most = match process {
            Process::Hung => HANGS,
            _ if self.any_survived => DEATHS_AMONG_OTHERS,
            _ => DEATHS,
        };
        self.are_enough |= *count >= at_most;
        self.are_enough
    }
}

/// Runs seeds in children: all of them, unless too many hang or die in the same way. Then the last of
/// those has the number of the seeds that were not run.
pub(crate) fn until_enough(
    test: &TestName,
    settings: &Settings,
    seeds: &[u64],
    isolation: Isolation,
) -> Result<Vec<RunResult>, String> {
    let casualties: Mutex<Casualties> = Mutex::default();
    let enough = |result: Option<&RunResult>| casualties.lock().count(result);
    // By the real clock no run comes again.
    let extra = match settings.clock {
        Clock::Virtual => Extra::Nothing,
        Clock::Real => Extra::Histories,
    };
    let mut results = start(test, settings, seeds, isolation, extra, &enough)?;
    let not_run = (seeds.len() - results.len()) as u64;
    let mut victims = results.iter_mut().filter(|result| result.process != Process::Survived);
    if let Some(last) = victims.next_back()
        && casualties.lock().are_enough
    {
        last.not_run = not_run;
    }
    Ok(results)
}

/// Runs all seeds in children.
pub(crate) fn in_children(
    test: &TestName,
    settings: &Settings,
    seeds: &[u64],
    isolation: Isolation,
    extra: Extra,
) -> Result<Vec<RunResult>, String> {
    start(test, settings, seeds, isolation, extra, &|_| false)
}

/// Runs seeds in children until it is `enough`, which is asked after each with its result, or with `None`
/// if its process goes on.
fn start(
    test: &TestName,
    settings: &Settings,
    seeds: &[u64],
    isolation: Isolation,
    extra: Extra,
    enough: &(dyn Fn(Option<&RunResult>) -> bool + Sync),
) -> Result<Vec<RunResult>, String> {
    let binary = env::current_exe()
        .map_err(|error| format!("failed to find the test's own binary: {error}\n"))?;
    let command = || {
        let mut command = Command::new(&binary);
        command.arg(&test.path).args(["--exact", "--nocapture", "--test-threads=1"]);
        command.arg("--include-ignored");
        command.env(variables::CALL, test.call.to_string());
        command.env(variables::COLUMNS, report::text::columns().to_string());
        match extra {
            Extra::Nothing => {}
            Extra::Events => drop(command.env(TRACE, "1")),
            Extra::EventsAtFixedAddresses => {
                command.env(TRACE, "1");
                supervisor::without_address_randomisation(&mut command);
            }
            Extra::Histories => drop(command.env(store::HISTORIES, store::folder(settings))),
            Extra::Outcomes => sim::without_lines(&mut command),
        }
        command
    };
    let enough = |done: &Done| match done.is_last {
        true => read(test, done).is_ok_and(|result| enough(Some(&result))),
        false => enough(None),
    };
    supervisor::run_in_children(seeds, settings.jobs, isolation, &command, &enough)
        .map_err(|error: io::Error| format!("failed to start {}: {error}\n", binary.display()))?
        .into_iter()
        .map(|done| read(test, &done))
        .collect()
}

/// Reads what a child sent, or describes how it died.
fn read(test: &TestName, done: &Done) -> Result<RunResult, String> {
    let Done { seed, result, output, .. } = done;
    match result {
        Ok(bytes) => Ok(match RunResult::sent(bytes, &test.short, test.call.ordinal, *seed) {
            Ok(result) => RunResult { printed: output.clone(), ..result },
            Err(what) => died(test, *seed, &Death::Garbled(what), output),
        }),
        Err(Death::NotAWorker) => Err(test.not_reached(output)),
        Err(death) => Ok(died(test, *seed, death, output)),
    }
}

/// The result of a run whose process has died, or told nonsense.
fn died(test: &TestName, seed: u64, death: &Death, output: &str) -> RunResult {
    let kind = match death {
        Death::Exited(_) | Death::Garbled(_) => DeathKind::Misuse,
        Death::Silent => DeathKind::Silent,
        Death::Stopped | Death::Late => DeathKind::Late,
        Death::Signalled(_) | Death::NotAWorker => DeathKind::Crash,
    };
    let (test, call) = (test.short.clone(), test.call.ordinal);
    RunResult::of_death(test, call, seed, (kind, &death.to_string()), output)
}

#[cfg(test)]
mod tests {
    use report::FailureKind;

    use super::*;

    #[test]
    fn bytes_that_are_no_result_fail_the_run_that_they_came_for() {
        let test = TestName::for_tests("TestReElection3A");
        let passed = |seed: u64, test: &str| {
            format!(
                r#"{{"test":"{test}","seed":{seed},"verdict":{{"passed":{{"seconds":1.0,"peers":3,"rpcs":1,
                "bytes":1,"commands":1}}}},"banner":"","warnings":[],"history":1}}"#
            )
        };
        let read = |sent: &str| {
            let output = "printed".to_owned();
            let done = Done { seed: 7, result: Ok(sent.into()), output, is_last: false };
            read(&test, &done).expect("a result")
        };
        assert!(read(&passed(7, "TestReElection3A")).failure().is_none());
        for (sent, why) in [
            ("\u{1b}[2J", "4 bytes in place of a result: "),
            ("{}", "2 bytes in place of a result: missing field"),
            (&*passed(8, "TestReElection3A"), "a result of seed 8 of TestReElection3A"),
            (&*passed(7, "TestBackup3B"), "a result of seed 7 of TestBackup3B"),
        ] {
            let result = read(sent);
            assert_eq!((&*result.test, result.seed), ("TestReElection3A", 7));
            let failure = result.failure().expect("it has failed");
            let says = format!("the process sent the tester what it can't read: {why}");
            assert!(failure.message.starts_with(&says), "{}", failure.message);
            assert_eq!((failure.kind, result.process), (FailureKind::Misuse, Process::Died));
        }
    }
}
