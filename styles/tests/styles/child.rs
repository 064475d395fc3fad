//! Runs tests of this binary as their user would: in a process and an environment of its own.

use std::env;
use std::fs;
use std::process::Command;

use config::RunResult;

/// What came of some tests' runs.
pub(crate) struct Runs {
    pub(crate) results: Vec<RunResult>,
    /// What the test binary printed.
    pub(crate) output: String,
}

/// Runs this binary with `arguments`, and of the variables that begin with LAB_ only `variables`.
pub(crate) fn run(variables: &[(&str, &str)], arguments: &[&str]) -> Runs {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(env::current_exe().expect("this binary's path"));
    command.args(arguments);
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("LAB_") {
            command.env_remove(name);
        }
    }
    // Cargo sets this one; who runs the binary by hand has to do without.
    command.env("CARGO_PKG_NAME", env!("CARGO_PKG_NAME"));
    command.env("LAB_OUT", folder.path()).envs(variables.iter().copied());
    let output = command.output().expect("this binary runs");
    let output = String::from_utf8(output.stdout).expect("the output is text");
    let results = fs::read_to_string(folder.path().join("results.jsonl"))
        .unwrap_or_else(|error| panic!("failed to read the results: {error}\n{output}"));
    let parse = |line| serde_json::from_str(line).expect("a line is a result");
    Runs { results: results.lines().map(parse).collect(), output }
}
