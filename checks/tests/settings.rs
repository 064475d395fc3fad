//! The table in docs/settings.md is made from the table in code, and no variable is missing there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use config::{Owner, VARIABLES, Variable};
use expect_test::expect_file;

const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// How the table begins.
const HEAD: &str = "| variable | value | meaning | if it is not set |\n| --- | --- | --- | --- |\n";

/// The variables that one process of the harness sets for another begin with this.
const INTERNAL: &str = "LAB_WORKER";

fn rows() -> String {
    let mut rows = String::new();
    for Variable { name, expected, meaning, default, .. } in VARIABLES {
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

/// Adds the names of variables that the sources in `folder` have, as a string or as a constant of `children::settings`.
/// Unit tests end a source: they may name what there isn't.
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
            let words = code.split("settings::").skip(1);
            let words =
                words.map(|rest| rest.split(|c: char| c != '_' && !c.is_alphanumeric()).next());
            let constants = words.flatten().filter(|word| !word.is_empty() && is_name(word));
            names.extend(constants.map(|word| format!("LAB_{word}")));
        }
    }
}

/// The names of variables in the sources of each folder of the workspace. The harness's own tests have variables of
/// their own.
fn names_by_folder() -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(WORKSPACE).expect("the workspace can be read") {
        let folder = entry.expect("the workspace can be read").path();
        let sources = folder.join("src");
        if sources.is_dir() && !folder.ends_with("testkit") {
            let mut names = BTreeSet::new();
            add_names_in(&sources, &mut names);
            // The prefix of all names is none.
            names.retain(|name| name != "LAB_" && !name.starts_with(INTERNAL));
            let name = folder.file_name().expect("a folder has a name").to_string_lossy();
            found.insert(name.into_owned(), names);
        }
    }
    found
}

#[test]
fn every_variable_that_the_code_names_is_in_the_table() {
    let listed = VARIABLES.map(|variable| variable.name);
    for (folder, names) in names_by_folder() {
        for name in names {
            let is_listed = listed.contains(&&*name);
            assert!(is_listed, "{folder}: {name} has no row in harness/src/variables.rs");
        }
    }
}

#[test]
fn a_variable_s_owner_is_a_crate_that_names_it() {
    let names = names_by_folder();
    for Variable { name, owner, .. } in VARIABLES {
        let folders: &[&str] = match owner {
            Owner::Tester => &["harness"],
            Owner::Raft => &["zoo", "styles"],
            Owner::Lab => &["lab"],
        };
        let is_named = folders.iter().any(|&folder| names[folder].contains(name));
        assert!(is_named, "none of {folders:?} names {name}");
    }
}
