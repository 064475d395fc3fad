//! Honest mistakes, and what is said of each: the table in `docs/mistakes.md`.
//!
//! `UPDATE_EXPECT=1 cargo test -p checks --test isolation mistakes` makes each, one after the other, and
//! writes the table anew. Without it the table is compared, but for the numbers in it: some are times or amounts, which
//! differ from machine to machine. So no crate for golden texts does it, which compares all that it writes.

mod amounts;
mod caller;
mod contract;
mod panics;
mod process;
mod raft;
mod waiting;

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use config::{RunResult, T, Verdict};
use futures::future::BoxFuture;
use report::explain::{Confidence, Finding};
use report::without_numbers;
use testkit::{Victim, victims};

use crate::child::{Ran, run};
use crate::server::{Habits, only_bad_server, only_survivor};

pub(crate) const VICTIMS: &[Victim] = victims![makes_a_mistake];

/// The page with the table.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/mistakes.md");

/// The line behind which the table begins.
const HEAD: &str = "| mistake | what is said | line | s |\n| --- | --- | --- | --: |\n";

/// Tells the victim which mistake to make.
const CHOICE: &str = "LAB_MISTAKE";

/// How many mistakes are made at a time where it doesn't matter how long each takes. Most wait for seconds until it is
/// sure that nothing goes on.
const AT_A_TIME: usize = 6;

/// Something that a student may well write.
#[derive(Clone, Copy)]
struct Mistake {
    what: &'static str,
    subject: Subject,
    variables: &'static [(&'static str, &'static str)],
}

/// What makes a mistake.
#[derive(Clone, Copy)]
enum Subject {
    /// A server with a bad habit.
    Habits(Habits),
    /// Servers that live until the run is over and have a bad habit.
    Survivors(Habits),
    /// A server that calls.
    Calls(caller::Calls),
    /// A Raft with a flaw.
    Raft(raft::Flaw),
}

impl Mistake {
    const fn new(what: &'static str, subject: Subject) -> Mistake {
        Mistake { what, subject, variables: &[] }
    }

    const fn of(what: &'static str, habits: Habits) -> Mistake {
        Mistake::new(what, Subject::Habits(habits))
    }

    async fn make(self, t: T) {
        match self.subject {
            Subject::Habits(habits) => only_bad_server(t, habits).await,
            Subject::Survivors(habits) => only_survivor(t, habits).await,
            Subject::Calls(calls) => caller::run(t, calls).await,
            Subject::Raft(flaw) => raft::run(t, flaw).await,
        }
    }
}

type Asynchronous = fn() -> BoxFuture<'static, ()>;

fn in_task(what: &'static str, in_task: Asynchronous) -> Mistake {
    Mistake::of(what, Habits { in_task, ..Habits::GOOD })
}

fn in_handler(what: &'static str, in_handler: Asynchronous) -> Mistake {
    Mistake::of(what, Habits { in_handler, ..Habits::GOOD })
}

fn in_make(what: &'static str, in_make: fn()) -> Mistake {
    Mistake::of(what, Habits { in_make, ..Habits::GOOD })
}

fn in_start(what: &'static str, in_start: fn()) -> Mistake {
    Mistake::of(what, Habits { in_start, ..Habits::GOOD })
}

fn in_get_state(what: &'static str, in_get_state: fn()) -> Mistake {
    Mistake::of(what, Habits { in_get_state, ..Habits::GOOD })
}

fn in_kill(what: &'static str, in_kill: fn()) -> Mistake {
    Mistake::of(what, Habits { in_kill, ..Habits::GOOD })
}

fn in_last_drop(what: &'static str, in_drop: fn()) -> Mistake {
    Mistake::new(what, Subject::Survivors(Habits { in_drop, ..Habits::GOOD }))
}

fn calls(what: &'static str, calls: caller::Calls) -> Mistake {
    Mistake::new(what, Subject::Calls(calls))
}

fn flaw(what: &'static str, flaw: raft::Flaw) -> Mistake {
    Mistake::new(what, Subject::Raft(flaw))
}

/// All of them, in the table's order.
fn list() -> Vec<Mistake> {
    [waiting::list(), amounts::list(), panics::list(), process::list(), contract::list()].concat()
}

fn makes_a_mistake() {
    config::test(|t| async move {
        let choice = env::var(CHOICE).expect("the test below says which");
        let mistake = list().into_iter().find(|mistake| mistake.what == choice);
        mistake.expect("it is one of the list").make(t).await;
    });
}

/// Makes a mistake, and returns its row of the table.
fn row(mistake: &Mistake) -> String {
    let variables = [&[("LAB_SEED", "1"), (CHOICE, mistake.what)], mistake.variables].concat();
    let begun = Instant::now();
    let ran = run(&["mistakes::makes_a_mistake"], &variables);
    let seconds = begun.elapsed().as_secs_f64();
    let failed = ran.results.iter().find(|result| result.failure().is_some());
    let (said, line) = match failed.or(ran.results.first()) {
        Some(result) => (said(result), line(result)),
        None => panic!("{}: no run has a result:\n{}", mistake.what, ran.output),
    };
    assert_tells_what_is_shown(mistake, failed, &ran);
    let cell =
        |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    let row =
        format!("| {} | {} | {} | {seconds:.1} |\n", cell(mistake.what), cell(&said), cell(&line));
    print!("{row}");
    row
}

/// What the student reads has the sentence and the line.
fn assert_tells_what_is_shown(mistake: &Mistake, failed: Option<&RunResult>, ran: &Ran) {
    let Some(failure) = failed.and_then(RunResult::failure) else { return };
    let sentence = failure.message.lines().next().unwrap_or_default();
    for text in [sentence, &failure.location] {
        assert!(ran.output.contains(text), "{}: no {text:?} in:\n{}", mistake.what, ran.output);
    }
}

/// The sentence of a failure, and what else is said of it.
fn said(result: &RunResult) -> String {
    let mut said = match &result.verdict {
        Verdict::Passed(_) => "passes".to_owned(),
        Verdict::Skipped { reason } => format!("is skipped: {reason}"),
        Verdict::Failed { failure, explanation, evidence, .. } => {
            let mut said = format!("{}: {}", failure.kind, failure.message);
            let likely = evidence.lines().find_map(|line| line.strip_prefix("  likely    "));
            let is_cause = |it: &&Finding| it.confidence != Confidence::Unknown;
            let found = explanation.findings.iter().find(is_cause).map(|it| it.what.as_str());
            for why in likely.into_iter().chain(found) {
                write!(said, " — {why}").expect("writing to a string can't fail");
            }
            said
        }
    };
    for more in result.warnings.iter().chain(&result.note) {
        write!(said, " — {more}").expect("writing to a string can't fail");
    }
    said
}

/// The code at the line that a failure points at.
fn line(result: &RunResult) -> String {
    let Some(failure) = result.failure() else { return "–".to_owned() };
    // A call that nobody understands is named in the sentence; the script was anywhere meanwhile.
    let call = failure.message.split_once("the call is at ").map(|(_, place)| place);
    let place = call.unwrap_or(&failure.location);
    let Some((file, rest)) = place.split_once(".rs:") else { return "–".to_owned() };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(format!("{file}.rs"));
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let number: usize = digits.parse().expect("a line has a number");
    let source = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{place}: {error}"));
    let line = source.lines().nth(number - 1).unwrap_or_else(|| panic!("{place}: no such line"));
    format!("`{}`", line.trim())
}

/// A row without what may differ from machine to machine and from day to day.
fn without_what_differs(row: &str) -> String {
    let mut columns = row.trim_end().trim_end_matches(" |");
    // Of a frame that doesn't fit in, it depends on the debug information which line is found; of a loop that
    // waits for no time, on where it is when it is looked at.
    let other_lines = [
        "has overflowed its stack",
        "waits for a flag",
        "virtual time stands still",
        "whose own Serialize or Deserialize never ends",
    ];
    let is_of_chance = other_lines.iter().any(|words| columns.contains(words));
    for _ in 0..if is_of_chance { 2 } else { 1 } {
        columns = columns.rsplit_once(" | ").map_or(columns, |(before, _last)| before);
    }
    // How much of a function's path is told depends on how it was built.
    let name = |word: &str| match word.starts_with("isolation::") {
        true => word.rsplit("::").next().unwrap_or(word).to_owned(),
        false => word.to_owned(),
    };
    let words: Vec<String> = columns.split(' ').map(name).collect();
    without_numbers(&words.join(" "))
}

/// The rows of all mistakes, some made at a time.
fn rows(at_a_time: usize) -> Vec<String> {
    let mistakes = list();
    let (next, rows) = (AtomicUsize::new(0), Mutex::new(vec![String::new(); mistakes.len()]));
    let work = || {
        while let Some((i, mistake)) = {
            let i = next.fetch_add(1, Ordering::Relaxed);
            mistakes.get(i).map(|mistake| (i, mistake))
        } {
            let row = row(mistake);
            rows.lock().unwrap_or_else(PoisonError::into_inner)[i] = row;
        }
    };
    #[expect(clippy::disallowed_methods, reason = "these are no simulated threads")]
    std::thread::scope(|scope| (0..at_a_time).for_each(|_| drop(scope.spawn(work))));
    rows.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn each_is_told_as_the_table_says() {
    let page = fs::read_to_string(PAGE).expect("the page is there");
    let (before, table) = page.split_once(HEAD).expect("the page has the table");
    if env::var_os("UPDATE_EXPECT").is_some() {
        let rows = rows(1).concat();
        fs::write(PAGE, format!("{before}{HEAD}{rows}")).expect("the page can be written");
        return;
    }
    let stands: Vec<String> = table.lines().map(without_what_differs).collect();
    let told: Vec<String> = rows(AT_A_TIME).iter().map(|row| without_what_differs(row)).collect();
    for (told, stands) in told.iter().zip(&stands) {
        assert_eq!(
            told, stands,
            "write it anew: UPDATE_EXPECT=1 cargo test -p checks --test isolation mistakes"
        );
    }
    assert_eq!(told.len(), stands.len(), "the table has other rows than there are mistakes");
}

/// Two of one name would be one.
#[test]
fn no_two_have_the_same_name() {
    let mut names: Vec<&str> = list().iter().map(|mistake| mistake.what).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}
