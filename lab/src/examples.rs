//! Examples for `--help`, a set for each subcommand.

/// Examples and exit codes, as they stand below a subcommand's options.
pub(crate) fn with(examples: &str, exit_codes: &str) -> String {
    format!("{examples}\n\n{exit_codes}")
}

pub(crate) const LAB: &str = "Examples:
  cargo lab new ../my-lab                     make a workspace with the tests and a skeleton
  cargo lab test 3A -n 1000                   run each test of part 3A a thousand times
  cargo lab replay TestReElection3A --seed 5  show one run from beginning to end
  cargo lab help test                         the options and examples of a subcommand";

pub(crate) const NEW: &str = "Examples:
  cargo lab new ../my-lab      make the workspace beside this one
  cd ../my-lab && cargo test TestInitialElection3A";

pub(crate) const TEST: &str = "Examples:
  cargo lab test                              all tests, 10 runs each
  cargo lab test 3A 3B -n 1000                two parts, 1,000 runs of each test
  cargo lab test TestFigure8 --seed 7 -n 1    the tests with this piece in their names, seed 7
  LAB_STRICT=1 cargo lab test 3C -n 100       a broken safety rule fails a run, too
  cargo lab test 3A -n 5 --real               by the wall clock
  cargo lab test -n 300 -o results            a line for each run, in results/results.jsonl";

pub(crate) const REPLAY: &str = "Examples:
  cargo lab replay TestReElection3A --seed 5
  cargo lab replay TestReElection3A --seed 5 -o runs     store the history in the folder runs
  LAB_BUG=VotesTwice cargo lab replay TestReElection3A --seed 5 -p zoo";

pub(crate) const EXPLAIN: &str = "Examples:
  cargo lab explain target/lab/TestReElection3A-5.json";

pub(crate) const EXPLORE: &str = "Examples:
  cargo lab explore                           for a minute, from a fresh seed on
  cargo lab explore --minutes 10 --seed 1
  LAB_BUG=CommitsOldTerms cargo lab explore -p zoo --seed 1";

pub(crate) const ZOO: &str = "Examples:
  cargo lab zoo VotesTwice -n 50              one bug
  cargo lab zoo -t 3A -t 3B                   all bugs, the tests of two parts
  cargo lab zoo -o zoo.jsonl --resume         continue a campaign
  cargo lab zoo --report zoo.jsonl            print its report";

pub(crate) const MUTANTS: &str = "Examples:
  cargo lab mutants State::vote               the mutants of one function
  cargo lab mutants --minutes 15              as many as there is time for
  cargo lab mutants --minutes 15 --resume     continue
  cargo lab mutants --report target/lab/mutants/mutants.jsonl";
