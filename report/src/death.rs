//! Runs in processes of their own: what one has sent is read as its run's result, and one that died before it could
//! send any gives a result, too.
//!
//! Whoever starts such processes, a test or a grader, reads them by this, so that both say the same.

use crate::check::{Activity, Check};
use crate::entry::entry_line;
use crate::event::Time;
use crate::failure::{Failure, FailureKind};
use crate::result::{Process, RunResult, Verdict};
use crate::text::one_line;

/// How many lines of what a dead process printed are shown.
const LAST_WORDS: usize = 12;

/// How a process died before its run had a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeathKind {
    /// By something that code under test must not do: to end the process, or to write to its parent.
    Misuse,
    /// It gave no sign of life, and was killed.
    Silent,
    /// It was stopped or had no time left, and was killed.
    Late,
    /// It was ended by a signal, or never came to the point of running.
    Crash,
}

impl RunResult {
    /// Reads what a process has sent as the result of this run.
    ///
    /// # Errors
    /// If it is no result, or another run's: what it is.
    pub fn sent(bytes: &[u8], test: &str, call: u32, seed: u64) -> Result<RunResult, String> {
        let result: RunResult = serde_json::from_slice(bytes)
            .map_err(|error| format!("{} bytes in place of a result: {error}", bytes.len()))?;
        if (result.seed, &*result.test, result.call) != (seed, test, call) {
            return Err(format!("a result of seed {} of {}", result.seed, result.test));
        }
        let record = result.record.as_deref();
        if record.is_some_and(|record| record.seed != seed || record.test != test) {
            return Err("a result with the history of another run".to_owned());
        }
        Ok(result)
    }

    /// The result of a run whose process died: how, as `words` say, and what it had `printed`.
    #[must_use]
    pub fn of_death(
        test: String,
        call: u32,
        seed: u64,
        (death, words): (DeathKind, &str),
        printed: &str,
    ) -> RunResult {
        let (kind, process) = match death {
            DeathKind::Misuse => (FailureKind::Misuse, Process::Died),
            DeathKind::Silent | DeathKind::Late => (FailureKind::Stuck, Process::Hung),
            DeathKind::Crash => (FailureKind::Panic, Process::Died),
        };
        // Whose code it was at has died with it.
        let (server, life, activity) = (None, None, Activity::Elsewhere);
        let check = match death {
            DeathKind::Misuse => Check::Misused { server, life, activity },
            DeathKind::Silent => Check::Blocked { server, life, activity },
            DeathKind::Late => Check::InTime,
            DeathKind::Crash => Check::Panicked { server, life, activity, is_assertion: false },
        };
        let message = with_cause(words, printed);
        let failure = Failure { kind, check, message, location: String::new(), at: Time(0) };
        let verdict = Verdict::unexplained(failure, last_words(printed));
        let result = RunResult::without_run(test, call, seed, verdict);
        RunResult { process, printed: printed.to_owned(), ..result }
    }
}

fn last_words(printed: &str) -> String {
    let mut text = String::new();
    let lines: Vec<&str> = printed.lines().filter(|line| !line.is_empty()).collect();
    for (i, words) in lines.iter().skip(lines.len().saturating_sub(LAST_WORDS)).enumerate() {
        entry_line(&mut text, if i == 0 { "printed" } else { "" }, format_args!("{words}"));
    }
    text
}

/// How a process died, in words, and why, if the last lines that it printed say so.
#[must_use]
pub fn with_cause(death: &str, printed: &str) -> String {
    match cause(printed) {
        Some(cause) => format!("{death}: {}", one_line(cause)),
        None => death.to_owned(),
    }
}

/// Why a process died, if its last lines say so.
fn cause(printed: &str) -> Option<&str> {
    // Its line has a number of the system's, which is another each time.
    if printed.contains("has overflowed its stack") {
        return Some(
            "a thread has overflowed its stack: a recursion is too deep or never ends; write a loop in its \
             place",
        );
    }
    if printed.contains("memory allocation of ") {
        return Some(
            "too much memory: a run may take 4 GiB; look for a Vec or a channel that only grows, or for tasks \
             that are spawned and never end",
        );
    }
    const CAUSES: [&str; 2] = ["panic in a destructor", "thread caused non-unwinding panic"];
    printed.lines().find(|line| CAUSES.iter().any(|cause| line.contains(cause)))
}
