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
  cargo lab test -n 300 -o results            a line for each run, in results/results.jsonl
  cargo lab test -n 3000 -o results --resume  go on with these results
  cargo lab test --target-rate 1%             until it is known whether each test fails in less than 1 % of its runs
  cargo lab test --budget 10min --seed 1 --shard 3/16 -o results    one of sixteen machines, for ten minutes";

pub(crate) const GRADE: &str = "Examples:
  cargo lab grade ../submissions                        all of them, into the folder grades
  cargo lab grade ../submissions --key ../course.key    by seeds that students don't know
  cargo lab grade ../submissions --resume --reveal      show seeds, after the deadline
  cargo lab grade ../submissions --only bob -o bob      one of them
  cargo lab grade --example-course > lab.toml           a course file to begin with";

pub(crate) const MERGE: &str = "Examples:
  cargo lab merge results                               a table of all results in a folder
  cargo lab merge grades --course lab.toml --form html --out grades.html
  cargo lab merge grades/bob --course lab.toml --form gradescope --out results.json";

pub(crate) const REPLAY: &str = "Examples:
  cargo lab replay TestReElection3A --seed 5
  cargo lab replay TestReElection3A --seed 5 -o runs     store the history in the folder runs
  LAB_BUG=VotesTwice cargo lab replay TestReElection3A --seed 5 -p zoo";

pub(crate) const EXPLAIN: &str = "Examples:
  cargo lab explain target/lab/TestReElection3A-5.json";

pub(crate) const VERIFY: &str = "Examples:
  cargo lab replay TestReElection3A --seed 5
  cargo lab verify target/lab/TestReElection3A-5.json";

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
