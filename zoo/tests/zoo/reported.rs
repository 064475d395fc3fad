//! The report of a failure is what its reader needs, and its last line makes the same run again.

use config::Verdict;
use zoo::Bug;

use crate::child::{line, run, run_command, run_with};
use crate::script::lines;

const RE_ELECTION: &str = "lab3::election_3a::TestReElection3A";

/// The report in a test binary's output: from below the failed test's headline to the empty line.
fn report(output: &str) -> &str {
    let headline = format!("---- {RE_ELECTION} stdout ----\n");
    let (_, text) = output.split_once(&headline).expect("the test has failed and says so");
    text.split("\n\n").next().expect("the report is not empty")
}

/// What follows `label` in the report's line of that name.
fn entry<'a>(report: &'a str, label: &str) -> &'a str {
    let label = format!("  {label:<9} ");
    let mut found = report.lines().filter_map(|line| line.strip_prefix(&label));
    let entry = found.next().unwrap_or_else(|| panic!("no line {label:?}:\n{report}"));
    assert_eq!(found.next(), None, "two lines {label:?}:\n{report}");
    entry
}

#[test]
fn a_failure_s_report_has_what_its_reader_needs() {
    let runs = run(RE_ELECTION, Bug::BlocksOnVotes, 1..=200);
    let failed = |result| match result {
        Verdict::Failed { failure, .. } => Some(failure),
        Verdict::Passed(_) | Verdict::Skipped { .. } => None,
    };
    let mut results = runs.results.into_iter();
    let first = results.find_map(|result| Some((result.seed, failed(result.verdict)?)));
    let (seed, failure) = first.expect("one of 200 runs fails");

    let report = report(&runs.output);
    assert_eq!(report.lines().next(), Some("expected one leader, got none"));
    assert_eq!(entry(report, "kind"), "liveness");
    assert!(lines("re_election", "check_one_leader").contains(&line(&failure)), "{failure:?}");
    assert_eq!(entry(report, "script"), format!("{}, in check_one_leader()", failure.location));
    for server in ["server 0", "server 1", "server 2"] {
        assert!(entry(report, server).contains("term "), "{report}");
    }
    assert_eq!(entry(report, "seed"), seed.to_string());
    let replay =
        format!("LAB_SEED={seed} LAB_BUG=BlocksOnVotes cargo test -p zoo TestReElection3A");
    assert_eq!(entry(report, "replay"), replay);
}

#[test]
fn the_replay_command_makes_the_same_run() {
    let runs = run(RE_ELECTION, Bug::BlocksOnVotes, 1..=200);
    let first = report(&runs.output);

    let again = run_command(entry(first, "replay"));

    // Each stores its history in a folder of its own.
    let but_where = |report: &str| report.replace(entry(report, "stored"), "");
    assert_eq!(but_where(report(&again.output)), but_where(first));
    let [result] = &again.results[..] else { panic!("not one run: {:?}", again.results) };
    let before = runs.results.iter().find(|before| before.seed == result.seed);
    let mut before = before.expect("it was among the first runs").clone();
    before.stored.clone_from(&result.stored);
    assert_eq!(result, &before);
    assert_eq!(entry(first, "history"), format!("{:016x}", result.history));
}

#[test]
fn a_bug_that_is_none_is_answered_by_the_choices() {
    let runs = run_with([("LAB_BUG", "BlocksOnVote".to_owned())], &[RE_ELECTION, "--exact"]);
    let choices = Bug::all().map(|bug| bug.to_string()).collect::<Vec<_>>().join(", ");
    let sentence = report(&runs.output).lines().next();
    let expected = format!(
        "server 0 panicked in make: failed to read LAB_BUG: no bug is named \"BlocksOnVote\"; \
         choose one of {choices}"
    );
    assert_eq!(sentence, Some(&*expected));
}
