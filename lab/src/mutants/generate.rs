//! The mutants, as cargo-mutants lists them, and the rules, as the Raft's documentation lists them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::PACKAGE;
use super::stored::Known;
use crate::cargo::{self, cargo};
use crate::error::Error;

/// A mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mutant {
    /// Where it is, and what it does.
    pub(crate) name: String,
    /// The file, from the workspace's root.
    pub(crate) file: String,
    /// The function that it is in: `State::vote`.
    pub(crate) function: String,
    /// How the file changes.
    pub(crate) diff: String,
}

/// The same in cargo-mutants' JSON.
#[derive(Deserialize)]
struct Listed {
    name: String,
    file: String,
    function: Option<Function>,
    diff: String,
}

#[derive(Deserialize)]
struct Function {
    function_name: String,
}

/// The functions, and the rules that each has a part in.
pub(crate) type Rules = BTreeMap<String, Vec<String>>;

/// Asks cargo-mutants for the mutants of the package in the workspace at `root`.
pub(crate) fn list(root: &Path) -> Result<Vec<Mutant>, Error> {
    let run = |arguments: &[&str]| {
        let mut command = cargo();
        command.arg("mutants").args(arguments).current_dir(root);
        cargo::output(command)
    };
    if !run(&["--version"])?.0.success() {
        return Err(Error::NoGenerator);
    }
    let (status, list) = run(&["--no-config", "--list", "--json", "--diff", "--package", PACKAGE])?;
    if !status.success() {
        return Err(Error::NoMutants(format!("it ended with {status}")));
    }
    parse(&list)
}

fn parse(list: &str) -> Result<Vec<Mutant>, Error> {
    let listed: Vec<Listed> =
        serde_json::from_str(list).map_err(|error| Error::NoMutants(error.to_string()))?;
    let mutant = |Listed { name, file, function, diff }| {
        let function: Option<Function> = function;
        let function = plain(&function?.function_name);
        Some(Mutant { name, file, function, diff })
    };
    Ok(listed.into_iter().filter_map(mutant).collect())
}

/// `<impl Trait for Type>::name` is `Type::name`.
fn plain(function: &str) -> String {
    let of_trait = function.strip_prefix("<impl ").and_then(|rest| rest.split_once(" for "));
    of_trait.map_or(function, |(_, rest)| rest).replacen(
        ">::",
        "::",
        usize::from(of_trait.is_some()),
    )
}

/// Reads the table of rules in the Raft's documentation.
pub(crate) fn rules(root: &Path) -> Result<Rules, Error> {
    let path = root.join(PACKAGE).join("src/lib.rs");
    Ok(table(&fs::read_to_string(&path).map_err(|error| Error::read(&path, error))?))
}

/// Each row is a rule, a colon and what it says, and the functions.
fn table(docs: &str) -> Rules {
    let mut rules = Rules::new();
    let rows = docs.lines().filter_map(|line| line.strip_prefix("//! | ")?.split_once(" | "));
    for (rule, functions) in rows {
        let rule = rule.split_once(':').map_or(rule, |(name, _)| name);
        for function in functions.split('`').skip(1).step_by(2) {
            rules.entry(function.to_owned()).or_default().push(rule.to_owned());
        }
    }
    rules
}

impl Mutant {
    /// What is stored of it.
    pub(crate) fn known(&self, rules: &Rules) -> Known {
        Known {
            name: self.name.clone(),
            function: self.function.clone(),
            rules: rules.get(&self.function).cloned().unwrap_or_default(),
        }
    }

    /// The file's text with the mutant in it; `None` if the diff is of another text.
    pub(crate) fn applied_to(&self, text: &str) -> Option<String> {
        let old: Vec<&str> = text.lines().collect();
        let (mut new, mut at): (Vec<&str>, usize) = (Vec::new(), 0);
        for line in self.diff.lines().skip(2) {
            if let Some(hunk) = line.strip_prefix("@@ -") {
                let start: usize = hunk.split([',', ' ']).next()?.parse().ok()?;
                new.extend(old.get(at..start - 1)?);
                at = start - 1;
            } else if let Some(added) = line.strip_prefix('+') {
                new.push(added);
            } else {
                let (mark, kept) = line.split_at_checked(1)?;
                if old.get(at) != Some(&kept) {
                    return None;
                }
                new.extend((mark == " ").then_some(kept));
                at += 1;
            }
        }
        new.extend(old.get(at..)?);
        Some(new.join("\n") + "\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutant_is_read_and_applied() {
        let list = r#"[{"name":"raft/src/a.rs:2:5: replace 1 with 2 in A::f","file":"raft/src/a.rs",
            "function":{"function_name":"<impl B for A>::f","return_type":""},"package":"raft",
            "diff":"--- a\n+++ b\n@@ -2,2 +2,2 @@\n-one\n+two\n \n"}]"#;
        let mutants = parse(list).expect("a list");
        assert_eq!(mutants[0].function, "A::f");
        let applied = mutants[0].applied_to("zero\none\n\nthree\n");
        assert_eq!(applied.as_deref(), Some("zero\ntwo\n\nthree\n"));
        assert_eq!(mutants[0].applied_to("zero\nanother\n\nthree\n"), None);
        assert!(matches!(parse("{}"), Err(Error::NoMutants(_))));
    }

    #[test]
    fn a_function_has_the_rules_of_the_table() {
        let rules = table(include_str!("../../../raft/src/lib.rs"));
        assert_eq!(rules["State::advance_commit_index"], ["Leaders 4"]);
        assert_eq!(rules["Raft::get_state"], ["Contract 4"]);
        assert!(!rules.contains_key("functions"));
    }
}
