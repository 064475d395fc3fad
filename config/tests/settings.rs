//! The table in docs/settings.md is made from the table in code, and no variable is missing there.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use config::{VARIABLES, Variable};
use expect_test::expect_file;

const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// How the table begins.
const HEAD: &str = "| variable | value | meaning | if it is not set |\n| --- | --- | --- | --- |\n";

/// The variables that one process of the harness sets for another begin with this.
const INTERNAL: &str = "LAB_WORKER";

/// Those with which the Rafts of `zoo` and `styles` choose what they are. The tester knows nothing of them.
const OF_RAFTS: [Variable; 2] = [
    Variable {
        name: "LAB_BUG",
        expected: "the name of a bug",
        example: "BlocksOnVotes",
        meaning: "the bug that the Raft of `zoo` or `styles` has; with a wrong name, the tests list the bugs",
        default: "`None`: a right Raft",
    },
    Variable {
        name: "LAB_STYLE",
        expected: "the name of a style",
        example: "OneEnum",
        meaning: "the style of the Raft of `styles`; with a wrong name, the tests list the styles",
        default: "`Actor`",
    },
];

/// Those that only the program `cargo lab` reads.
const OF_LAB: [Variable; 2] = [
    Variable {
        name: "LAB_COURSE_KEY",
        expected: "a text that students don't know",
        example: "two dozen random letters",
        meaning: "the course's key, from which `cargo lab grade` makes hidden seeds; no submission can read it",
        default: "the seeds of the course file",
    },
    Variable {
        name: "LAB_SHARDS",
        expected: "a whole number of machines",
        example: "16",
        meaning: "in a Kubernetes Indexed Job, on how many machines `cargo lab test` and `grade` share their runs",
        default: "all runs are made on this machine",
    },
];

fn variables() -> impl Iterator<Item = Variable> {
    VARIABLES.into_iter().chain(OF_RAFTS).chain(OF_LAB)
}

fn rows() -> String {
    let mut rows = String::new();
    for Variable { name, expected, meaning, default, .. } in variables() {
        writeln!(rows, "| `{name}` | {expected} | {meaning} | {default} |")
            .expect("a string grows");
    }
    rows
}

#[test]
fn the_page_s_table_is_that_of_the_settings() {
    let path = Path::new(WORKSPACE).join("docs/settings.md");
    let page = fs::read_to_string(&path).expect("there is a page");
    let (before, rest) = page.split_once(HEAD).expect("the page has the table");
    let table: String =
        rest.split_inclusive('\n').take_while(|line| line.starts_with('|')).collect();
    let after = &rest[table.len()..];
    expect_file![path].assert_eq(&format!("{before}{HEAD}{}{after}", rows()));
}

/// Adds the names of variables that the sources in `folder` have as a string. Unit tests end a source:
/// they may name what there isn't.
fn add_names_in(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            add_names_in(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source is text");
            let code = text.split("#[cfg(test)]").next().expect("there is a first part");
            let strings = code.split('"').filter(|string| string.starts_with("LAB_"));
            let is_name =
                |string: &&str| string.bytes().all(|b| b == b'_' || b.is_ascii_uppercase());
            names.extend(strings.filter(is_name).map(str::to_owned));
        }
    }
}

#[test]
fn every_variable_that_the_code_reads_is_in_the_table() {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(WORKSPACE).expect("the workspace can be read") {
        let folder = entry.expect("the workspace can be read").path();
        let sources = folder.join("src");
        // The harness's own tests have variables of their own.
        if sources.is_dir() && !folder.ends_with("testkit") {
            add_names_in(&sources, &mut names);
        }
    }
    // The prefix of all names is none.
    names.retain(|name| name != "LAB_" && !name.starts_with(INTERNAL));
    let listed: BTreeSet<String> = variables().map(|variable| variable.name.to_owned()).collect();
    assert_eq!(names, listed, "the table in harness/src/variables.rs has each variable");
}
