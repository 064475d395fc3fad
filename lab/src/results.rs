//! What a test's process has written of its runs.
//!
//! The tester writes a line for each run, and any code under test can write others to the same file. What
//! isn't a result of a run that was asked for is left out, and said so once.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Once;

use report::{RESULTS, RunResult};

use crate::error::Error;
use crate::output::tell;
use crate::process::Seeds;
use crate::suite::LabTest;

/// The results of a process.
#[derive(Debug)]
struct Results {
    lines: Vec<RunResult>,
    /// The number of the first line that isn't the tester's.
    foreign: Option<usize>,
}

/// Reads the results that a process has left in `folder` of `test`'s runs with `seeds`; none if it didn't
/// get so far as to write any.
pub(crate) fn read(folder: &Path, test: &LabTest, seeds: Seeds) -> Result<Vec<RunResult>, Error> {
    let path = folder.join(RESULTS);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read(&path).map_err(|error| Error::read(&path, error))?;
    let results = parse(&text, test, seeds);
    if let Some(number) = results.foreign {
        static TOLD: Once = Once::new();
        TOLD.call_once(|| {
            tell(&format!(
                "note: line {number} of {RESULTS} of {}, from seed {} on, is no result of the tester's: it is left \
                 out, and so are others like it",
                test.title(),
                seeds.first
            ));
        });
    }
    Ok(results.lines)
}

/// The results in a file.
fn parse(text: &[u8], test: &LabTest, seeds: Seeds) -> Results {
    let is_asked_for =
        |line: &RunResult| line.test == test.name && line.call == test.call && seeds.has(line.seed);
    let mut found: BTreeMap<u64, (usize, RunResult)> = BTreeMap::new();
    let mut foreign: Vec<usize> = Vec::new();
    for (number, text) in (1..).zip(text.split(|&byte| byte == b'\n')) {
        match serde_json::from_slice::<RunResult>(text).ok().filter(is_asked_for) {
            // The tester writes when all its children have: of two lines for a run the last one is its.
            Some(line) => {
                let earlier = found.insert(seeds.place(line.seed), (number, line));
                foreign.extend(earlier.map(|(number, ..)| number));
            }
            None if text.is_empty() => {}
            None => foreign.push(number),
        }
    }
    let lines = found.into_values().map(|(_, line)| line).collect();
    Results { lines, foreign: foreign.into_iter().min() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(test: &str, seed: u64, rpcs: u64) -> String {
        let verdict = format!(r#"{{"passed":{{"seconds":1.0,"rpcs":{rpcs}}}}}"#);
        format!(r#"{{"test":"{test}","seed":{seed},"verdict":{verdict}}}"#)
    }

    /// The seeds of the results that are found in `lines`, and the first foreign line.
    fn found(lines: &[&[u8]]) -> (Vec<u64>, Option<usize>) {
        let test = LabTest::for_tests("TestReElection3A");
        let seeds = Seeds { first: u64::MAX, count: 3 };
        let results = parse(&lines.join(&b'\n'), &test, seeds);
        (results.lines.iter().map(|line| line.seed).collect(), results.foreign)
    }

    #[test]
    fn the_tester_s_results_are_found_among_others() {
        let ours = [u64::MAX, 0, 1].map(|seed| line("TestReElection3A", seed, 9));
        let [last, zero, one] = ours.each_ref().map(String::as_bytes);
        let all = vec![u64::MAX, 0, 1];
        assert_eq!(found(&[last, zero, one, b""]), (all.clone(), None));
        assert_eq!(found(&[b"", last, zero, one]), (all.clone(), None), "an empty line is nothing");
        for foreign in [
            &b"hello"[..],
            b"{}",
            b"\xff\xfe",
            br#"{"test":"TestReElection3A","seed":"#,
            line("TestReElection3A", 2, 9).as_bytes(),
            line("TestBackup3B", 1, 9).as_bytes(),
            line("TestReElection3A", 1, 9).replace("\"seed", "\"call\":2,\"seed").as_bytes(),
        ] {
            assert_eq!(found(&[last, foreign, zero, one]), (all.clone(), Some(2)));
        }
        assert_eq!(found(&[]), (vec![], None));
    }

    #[test]
    fn of_two_results_of_a_run_the_tester_s_is_the_last() {
        let test = LabTest::for_tests("TestReElection3A");
        let seeds = Seeds { first: 7, count: 1 };
        let [forged, ours] = [1, 2].map(|rpcs| line("TestReElection3A", 7, rpcs));
        let results = parse(format!("{forged}\n{ours}\n").as_bytes(), &test, seeds);
        let ours: RunResult = serde_json::from_str(&ours).expect("a line");
        assert_eq!((results.lines, results.foreign), (vec![ours], Some(1)));
    }
}
