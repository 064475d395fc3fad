//! Examples for `--help`, a set for each subcommand.

/// Examples and exit codes, as they stand below a subcommand's options.
pub(crate) fn with(examples: &str, exit_codes: &str) -> String {
    format!("{examples}\n\n{exit_codes}")
}

pub(crate) const LAB: &str = "Examples:
  cargo lab new ../my-lab      make a workspace with the tests and a skeleton
  cargo lab test 3A -n 1000    run each test of part 3A a thousand times
  cargo lab replay TestReElection3A --seed 5   show a whole run
  cargo lab help test          show the options and examples of a subcommand

Options that several subcommands have:
  FILTER      which tests: a part (3A), a test's name, or a piece of a name
  --seed S    the first run's seed; the other runs take the seeds that follow
  -n N        run each test N times
  -j J        make J runs at the same time
  -p PACKAGE  the package whose tests are run
  -o DIR      the folder for results and histories
  --strict    a run also fails if it breaks a safety rule that no check notices
  --real      use the wall clock instead of simulated time";

pub(crate) const NEW: &str = "Examples:
  cargo lab new ../my-lab      make the workspace beside this one
  cd ../my-lab && cargo test TestInitialElection3A";

pub(crate) const TEST: &str = "Examples:
  cargo lab test                            all tests, 10 runs each
  cargo lab test 3A 3B -n 1000              two parts, 1,000 runs of each test
  cargo lab test TestFigure8 --seed 7 -n 1  tests with this piece in their names
  cargo lab test 3C -n 100 --strict         broken safety rules fail a run, too
  cargo lab test 3A -n 5 --real             with the wall clock
  cargo lab test -n 300 -o results          store each run's result
  cargo lab test -n 900 -o results --resume   add more runs to these results
  cargo lab test --target-rate 1%           is each failure rate below 1 %?
  cargo lab test --budget 10min --seed 1 --shard 3/16 -o results";

pub(crate) const WATCH: &str = "Examples:
  cargo lab watch 3A                          part 3A, on each save
  cargo lab watch 3A 3B -n 100                two parts, 100 runs of each test
  cargo lab watch TestReElection3A --open     one test; open the first page
  cargo lab watch 3C --strict                 broken safety rules fail a run, too";

pub(crate) const UPGRADE: &str = "Examples:
  cd raftlab && git pull
  cargo lab upgrade ../my-lab    bring the newer tester into a workspace
  cd ../my-lab && git diff       see what is new";

pub(crate) const WHY: &str = "Examples:
  cargo lab why TestReElection3A --seed 5
  cargo lab why TestReElection3A --seed 5 --redraws 100 --points 40";

pub(crate) const GRADE: &str = "Examples:
  cargo lab grade ../submissions                      all submissions
  cargo lab grade ../submissions --key ../course.key  with hidden seeds
  cargo lab grade ../submissions --resume --reveal    show seeds, at the end
  cargo lab grade ../submissions --only bob -o bob    one submission
  cargo lab grade --example-course > lab.toml         a course file to begin with";

pub(crate) const MERGE: &str = "Examples:
  cargo lab merge results                a table of all results in a folder
  cargo lab merge grades --course lab.toml --form html --out grades.html
  cargo lab merge grades/bob --form gradescope --out results.json";

pub(crate) const REPLAY: &str = "Examples:
  cargo lab replay TestReElection3A --seed 5
  cargo lab replay TestReElection3A --seed 5 -o runs  store it in the folder runs
  LAB_BUG=VotesTwice cargo lab replay TestReElection3A --seed 5 -p zoo";

pub(crate) const EXPLAIN: &str = "Examples:
  cargo lab explain target/lab/TestReElection3A-5.json";

pub(crate) const LOGS: &str = "Examples:
  cargo lab logs                             the last failed run
  cargo lab logs -j VOTE,TERM --from 3s      only these topics, from second 3 on
  cargo lab logs -e -s 0,2 -g AppendEntries  two servers' events with this text
  cargo lab logs TestReElection3A --seed 5   run this seed, and show its log
  LAB_LOG=1 cargo test TestReElection3A -- --nocapture | cargo lab logs - -c 3";

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
  cargo lab mutants --minutes 15              as many as fit into this time
  cargo lab mutants --minutes 15 --resume     continue
  cargo lab mutants --report target/lab/mutants/mutants.jsonl";

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use crate::cli::Cli;

    #[test]
    fn each_subcommand_has_examples_and_exit_codes() {
        for subcommand in Cli::command().get_subcommands() {
            let name = subcommand.get_name();
            let below = subcommand.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(below.starts_with("Examples:\n"), "{name} has no examples: {below}");
            assert!(below.contains("Exit codes:\n"), "{name} has no exit codes: {below}");
            let is_its = |line: &str| line.contains("lab") || line.contains(name);
            let examples = below.split("\n\n").next().unwrap_or_default();
            assert!(examples.lines().skip(1).all(is_its), "{examples}");
        }
    }

    /// What an option is called says what it does, in whichever subcommand it is.
    #[test]
    fn an_option_is_the_same_in_each_subcommand() {
        let letters =
            [("iterations", 'n'), ("jobs", 'j'), ("package", 'p'), ("out", 'o'), ("minutes", 'm')];
        for subcommand in Cli::command().get_subcommands() {
            let name = subcommand.get_name();
            for argument in subcommand.get_arguments().filter(|argument| !argument.is_positional())
            {
                let id = argument.get_id().as_str();
                if let Some((_, letter)) = letters.iter().find(|(known, _)| *known == id) {
                    // `merge` writes one file, for which it has no letter.
                    let has = argument.get_short();
                    assert!(has == Some(*letter) || name == "merge", "{name}: --{id} is {has:?}");
                }
                if id == "out" && name != "merge" {
                    let value = argument.get_value_names().and_then(|names| names.first());
                    assert_eq!(value.map(|value| value.as_str()), Some("DIR"), "{name}");
                }
            }
            // Where one seed of a test is run, or many, it is run as strictly as elsewhere.
            let has = |id: &str| subcommand.get_arguments().any(|argument| argument.get_id() == id);
            let runs_own_tests = has("package") && has("seed");
            assert_eq!(runs_own_tests, has("strict"), "{name}");
            assert_eq!(runs_own_tests, has("real"), "{name}");
        }
    }
}
