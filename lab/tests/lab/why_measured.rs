//! `cargo lab why` on twenty known bugs: whether the interval has the moment at which a rule was broken.
//!
//! It isn't run with the other tests, for it takes minutes. `docs/why.md` has its figures and its command.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use report::why::{Relation, Why};
use wait4::Wait4 as _;

use crate::student::folder;

/// A bug, whether it breaks safety or liveness, a test, and a seed that fails; a line for each.
const RUNS: &str = include_str!("why_measured.txt");

/// How long it took: by the clock on the wall, and in CPU time of all processes.
struct Took {
    wall: Duration,
    cpu: Duration,
}

/// Looks into one seed with one bug, in a release build of this workspace.
fn why(bug: &str, test: &str, seed: &str, out: &Path) -> (Option<Why>, Took) {
    let began = Instant::now();
    let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"));
    lab.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    lab.args(["why", test, "--seed", seed, "-p", "zoo", "--release", "-j", "2", "-o"]).arg(out);
    lab.env("LAB_BUG", bug).stdout(Stdio::null()).stderr(Stdio::null());
    let used = lab.spawn().and_then(|lab| lab.wait4()).expect("it can be started");
    let took = Took { wall: began.elapsed(), cpu: used.rusage.utime + used.rusage.stime };
    let text = fs::read_to_string(out.join(format!("{test}-{seed}.why.json")));
    (text.ok().map(|text| serde_json::from_str(&text).expect("it is a Why")), took)
}

#[test]
#[ignore = "a campaign of minutes, in a release build"]
fn the_interval_has_the_moment_of_the_first_finding() {
    let folder = folder("why-measured");
    let (mut within, mut all) = (0, 0);
    println!(
        "| bug | breaks | test | seed | at the beginning | lost, s | first finding, s | where | causes | wall s | CPU s |"
    );
    println!("| --- | --- | --- | --: | --: | --- | --- | --- | --: | --: | --: |");
    for line in RUNS.lines() {
        let [bug, breaks, test, seed] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("not a bug, what it breaks, a test and a seed: {line:?}")
        };
        // The first builds the tests.
        if all == 0 {
            why(bug, test, seed, &folder.join("built"));
        }
        let (found, took) = why(bug, test, seed, &folder.join(bug));
        let (again, _) = why(bug, test, seed, &folder.join(format!("{bug}-again")));
        let found = found.unwrap_or_else(|| panic!("nothing was found of {line}"));
        assert_eq!(Some(&found), again.as_ref(), "{line}: the same seed must have the same curve");
        let first = found.curve.first().map(|point| point.tally).expect("a point");
        let lost = found.interval.map_or("from the beginning".to_owned(), |interval| {
            format!("{:.3} to {:.3}, felt until {:.2}", interval.open, interval.lost, interval.felt)
        });
        let (moment, place) = match &found.specification {
            Some(first) => (format!("{:.2} to {:.2}", first.from, first.at), Some(first.relation)),
            None => ("none".to_owned(), None),
        };
        let place_text = match place {
            Some(Relation::Within) => "within",
            Some(Relation::Before) => "before",
            Some(Relation::After) => "after",
            Some(Relation::CannotPass) => "can't pass",
            None => "no finding",
        };
        all += 1;
        within += usize::from(place == Some(Relation::Within));
        println!(
            "| `{bug}` | {breaks} | `{test}` | {seed} | {} of {} | {lost} | {moment} | {place_text} | {} | {:.1} | {:.1} |",
            first.failed,
            first.runs,
            found.causes.len(),
            took.wall.as_secs_f64(),
            took.cpu.as_secs_f64(),
        );
    }
    println!("\nwithin: {within} of {all}");
}
