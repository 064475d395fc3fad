//! Tables of rows, each of which says what a test does with a bug, and the runner of both tables. It reports
//! all rows that don't hold.
//!
//! `ROW` names the rows to run, by their bug or their test:
//!
//! ```sh
//! ROW=VotesTwice cargo test -p zoo --test zoo caught::
//! ```

use std::env;
use std::fmt::Display;
use std::sync::Mutex;
use std::thread;

use crate::{caught, explained};

/// The environment variable that names the rows to run. It isn't one of the lab's.
const ROW: &str = "ROW";

/// Asserts that what `check` says of each row is that it holds.
pub(crate) fn assert_all_hold<R: Display + Sync>(
    rows: &[R],
    check: impl Fn(&R) -> Result<(), String> + Sync,
) {
    let name = env::var(ROW).ok();
    let is_chosen = |row: &String| name.as_ref().is_none_or(|name| is_named(row, name));
    let mut all = caught::rows().map(ToString::to_string);
    let some = all.any(|row| is_chosen(&row))
        || explained::ROWS.iter().any(|row| is_chosen(&row.to_string()));
    assert!(some, "no row has this bug or test: {name:?}");
    let failed = failed(rows.iter().filter(|row| is_chosen(&row.to_string())), check);
    assert!(failed.is_empty(), "these rows don't hold:\n{}", failed.join("\n"));
}

/// Whether the row has a word that is the name.
fn is_named(row: &str, name: &str) -> bool {
    row.split(' ').any(|word| word == name)
}

/// Which rows don't hold, and why.
#[expect(clippy::disallowed_methods, reason = "no run is under way in this process")]
fn failed<'a, R: Display + Sync + 'a>(
    rows: impl Iterator<Item = &'a R> + Send,
    check: impl Fn(&R) -> Result<(), String> + Sync,
) -> Vec<String> {
    let (left, failed) = (Mutex::new(rows), Mutex::new(Vec::new()));
    let next = || left.lock().expect("no row has panicked").next();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(row) = next() {
                    if let Err(error) = check(row) {
                        let failure = format!("{row}: {error}");
                        failed.lock().expect("no row has panicked").push(failure);
                    }
                }
            });
        }
    });
    failed.into_inner().expect("no row has panicked")
}

#[test]
fn all_rows_that_do_not_hold_are_told() {
    let check = |row: &&str| if row.len() < 3 { Err("short".to_owned()) } else { Ok(()) };
    let mut failed = failed(["a", "bcd", "ef"].iter(), check);
    failed.sort();
    assert_eq!(failed, ["a: short", "ef: short"]);
    assert!(is_named("VotesTwice TestReElection3A 20", "TestReElection3A"));
    assert!(!is_named("VotesTwice TestReElection3A 20", "Votes"));
}
