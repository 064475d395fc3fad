//! Whether the same seed is the same run: in another process, on a machine that is busy with other
//! tests, and in a debug build.

use std::collections::BTreeMap;

use comfy_table::Table;

use crate::binary::{Binary, Profile};
use crate::{Effort, Result};

/// Which tests are run, and how many seeds of each.
struct Subject {
    name: &'static str,
    filters: &'static [&'static str],
    seeds: u64,
}

const SUBJECTS: [Subject; 2] = [
    Subject { name: "3A", filters: &["3A"], seeds: 1000 },
    Subject { name: "3B, 3C, 3D", filters: &["3B", "3C", "3D"], seeds: 50 },
];

/// What keeps both cores busy meanwhile.
const OTHER_TESTS: &str = "TestManyElections3A";

/// The hash of each run's history, by test and seed.
type Histories = BTreeMap<(String, u64), u64>;

/// The runs of each package and part, and how many of them differ from the first time.
pub(crate) fn table(effort: Effort) -> Result<Table> {
    let columns = ["package", "tests", "runs", "alone again", "beside other tests", "debug build"];
    let mut table = crate::table(2, &columns);
    for (package, build) in
        [("raft", Binary::reference as fn(Profile) -> Result<Binary>), ("zoo", Binary::second)]
    {
        let (release, debug) = (build(Profile::Release)?, build(Profile::Debug)?);
        for Subject { name, filters, seeds } in SUBJECTS {
            let seeds = match effort {
                Effort::Quick => seeds / 10,
                Effort::Full => seeds,
            };
            let first = histories(&release, filters, seeds, 1)?;
            let again = histories(&release, filters, seeds, 1)?;
            let busy = beside_other_tests(&release, || histories(&release, filters, seeds, 2))?;
            let debug = histories(&debug, filters, seeds, 2)?;
            table.add_row([
                package.to_owned(),
                name.to_owned(),
                first.len().to_string(),
                differing(&first, &again),
                differing(&first, &busy),
                differing(&first, &debug),
            ]);
        }
    }
    Ok(table)
}

fn histories(binary: &Binary, filters: &[&str], seeds: u64, jobs: u32) -> Result<Histories> {
    let mut histories = Histories::new();
    for filter in filters {
        for result in binary.results(filter, seeds, jobs)? {
            histories.insert((result.test, result.seed), result.history);
        }
    }
    Ok(histories)
}

/// What `measure` returns while both cores are busy.
fn beside_other_tests<T>(binary: &Binary, measure: impl FnOnce() -> Result<T>) -> Result<T> {
    let mut others = binary.start(OTHER_TESTS, 1_000_000, 2)?;
    let measured = measure();
    let ended = others.try_wait()?.is_some();
    others.kill()?;
    others.wait()?;
    if ended {
        return Err(format!("{OTHER_TESTS} has ended before what it was to disturb").into());
    }
    measured
}

/// How many runs are not the same in both, and the first of them.
fn differing(first: &Histories, other: &Histories) -> String {
    let differ = |(key, history): &(&(String, u64), &u64)| other.get(*key) != Some(*history);
    let mut differing = first.iter().filter(differ);
    match differing.next() {
        None if first.len() == other.len() => "0 differ".to_owned(),
        None => format!("{} runs, not {}", other.len(), first.len()),
        Some(((test, seed), _)) => {
            format!("{} differ, as {test}, seed {seed}", 1 + differing.count())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histories(histories: &[(u64, u64)]) -> Histories {
        histories.iter().map(|&(seed, history)| (("TestX".to_owned(), seed), history)).collect()
    }

    #[test]
    fn what_differs_is_counted() {
        let first = histories(&[(1, 10), (2, 20), (3, 30)]);
        assert_eq!(differing(&first, &first), "0 differ");
        let other = histories(&[(1, 10), (2, 21)]);
        assert_eq!(differing(&first, &other), "2 differ, as TestX, seed 2");
        assert_eq!(differing(&other, &first), "1 differ, as TestX, seed 2");
        assert_eq!(differing(&histories(&[(1, 10)]), &first), "3 runs, not 1");
    }
}
