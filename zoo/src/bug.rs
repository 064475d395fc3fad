//! The known bugs: a table with one row for each. Their names, their order, and the list that the program
//! `zoo` prints all come from it. A family of bugs has a file of its own.

mod commands;
mod commits;
mod elections;
mod name;
mod replication;
mod rules;
mod snapshots;
mod storage;
mod tasks;
mod votes;

use std::fmt;

use strum::Display;

use Kind::Harmless;
use Part::A;
pub use name::UnknownBug;
use rules::ALL_RULES;
pub use rules::Rule;

/// A known way to get Raft wrong. `LAB_BUG` names it, and it is displayed, as the constant here is
/// written.
///
/// The constants' docs say what each bug does, which rule it breaks and what one sees of it. How often
/// which test fails is in `docs/zoo.md`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bug {
    name: &'static str,
}

/// The part of the lab to which a rule belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Display)]
pub enum Part {
    /// Leader election.
    #[strum(to_string = "3A")]
    A,
    /// The log.
    #[strum(to_string = "3B")]
    B,
    /// Persistence, and what a bad network brings.
    #[strum(to_string = "3C")]
    C,
    /// Snapshots.
    #[strum(to_string = "3D")]
    D,
}

/// What goes wrong with a bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display)]
#[strum(serialize_all = "lowercase")]
pub enum Kind {
    /// Servers may disagree, or lose what was acknowledged or committed; or a promise is broken on
    /// which that rests.
    Safety,
    /// Something that should happen doesn't, or not in time.
    Liveness,
    /// A client, or the service, is told something wrong.
    Service,
    /// It takes more requests or bytes, or saves more, than the lab allows.
    Budget,
    /// It isn't worth failing a student.
    Harmless {
        /// Why not.
        reason: &'static str,
    },
}

/// All that is known of a bug.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    name: &'static str,
    part: Part,
    kind: Kind,
    breaks: &'static str,
    rule: Rule,
    symptom: &'static str,
    causes: &'static [&'static str],
    source: &'static str,
}

/// Makes a family's rows: a constant of [`Bug`] for each, and `ROWS`.
///
/// What a row's doc comment says is what the bug does. `breaks` is the rule in a few words, `rule` where it
/// is written. The other fields are those of [`Row`].
macro_rules! bugs {
    ($(
        $(#[doc = $does:literal])+
        $name:ident {
            part: $part:expr,
            kind: $kind:expr,
            breaks: $breaks:literal,
            rule: $rule:expr,
            symptom: $symptom:literal,
            causes: [$($cause:literal),* $(,)?],
            source: $source:literal,
        }
    )+) => {
        pub(super) const ROWS: &[Row] = &[$(Row {
            name: stringify!($name),
            part: $part,
            kind: $kind,
            breaks: $breaks,
            rule: $rule,
            symptom: $symptom,
            causes: &[$($cause),*],
            source: $source,
        }),+];

        #[expect(non_upper_case_globals, reason = "a bug is named as LAB_BUG names it")]
        impl Bug {
            $(
                $(#[doc = $does])+
                #[doc = concat!("\n\n*Rule*: ", $breaks, ".\n\n*Symptom*: ", $symptom, ".")]
                #[doc = concat!("\n\n*Source*: ", $source, ".")]
                pub const $name: Bug = Bug { name: stringify!($name) };
            )+
        }
    };
}
use bugs;

bugs! {
    /// No bug: the Raft is right, and passes every test with every seed.
    None {
        part: A,
        kind: Harmless { reason: "it is no bug" },
        breaks: "every rule is kept",
        rule: ALL_RULES,
        symptom: "nothing",
        causes: [],
        source: "the paper",
    }
}

/// All families, in the order in which bugs are listed.
const FAMILIES: [&[Row]; 9] = [
    ROWS,
    elections::ROWS,
    votes::ROWS,
    commands::ROWS,
    replication::ROWS,
    commits::ROWS,
    storage::ROWS,
    snapshots::ROWS,
    tasks::ROWS,
];

fn rows() -> impl Iterator<Item = &'static Row> {
    FAMILIES.into_iter().flatten()
}

impl Bug {
    /// All bugs, [`Bug::None`] first.
    pub fn all() -> impl Iterator<Item = Bug> {
        rows().map(|row| Bug { name: row.name })
    }

    /// The part of the lab to which the broken rule belongs.
    #[must_use]
    pub fn part(self) -> Part {
        self.row().part
    }

    /// What goes wrong with it.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.row().kind
    }

    /// The rule that it breaks, in a few words.
    #[must_use]
    pub fn breaks(self) -> &'static str {
        self.row().breaks
    }

    /// The rule that it breaks, in the words of its source.
    #[must_use]
    pub fn rule(self) -> Rule {
        self.row().rule
    }

    /// What one sees of it: sentences without the last full stop.
    #[must_use]
    pub fn symptom(self) -> &'static str {
        self.row().symptom
    }

    /// Where it is known from.
    #[must_use]
    pub fn source(self) -> &'static str {
        self.row().source
    }

    /// The findings that name this very mistake, if one of them comes first in a failed run's
    /// explanation: ids of rules. Where the failure's own message and line name it, its kind is among
    /// them: `panic`, `stuck` or `misuse`.
    ///
    /// A student who has made the mistake recognises it by these. None is general, and there is none
    /// where no finding knows the mistake.
    #[must_use]
    pub fn causes(self) -> &'static [&'static str] {
        self.row().causes
    }

    fn row(self) -> &'static Row {
        rows().find(|row| row.name == self.name).expect("each constant has a row")
    }
}

impl Default for Bug {
    /// No bug.
    fn default() -> Bug {
        Bug::None
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

impl fmt::Debug for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use report::FailureKind;
    use report::spec::RULES;

    use super::*;

    /// The code in `folder` and the folders below it, without comments, which may name a bug, too.
    fn source(folder: &Path) -> String {
        let mut text = String::new();
        for entry in fs::read_dir(folder).expect("the crate is there") {
            let path = entry.expect("the folder is readable").path();
            if path.is_dir() {
                text += &source(&path);
            } else {
                text += &code(&path);
            }
        }
        text
    }

    fn code(path: &Path) -> String {
        let text = fs::read_to_string(path).expect("it is text");
        let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn each_bug_has_a_switch() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let raft = source(&here.join("raft")) + &code(&here.join("raft.rs"));
        let is_no_word = |c: char| !c.is_alphanumeric();
        for bug in Bug::all() {
            let named = format!("Bug::{bug}");
            let is_switch = |(at, _)| raft[at + named.len()..].starts_with(is_no_word);
            let mut switches = raft.match_indices(&named).map(is_switch);
            assert!(switches.any(|is_switch| is_switch), "the Raft doesn't ask for {bug}");
        }
    }

    #[test]
    fn each_cause_is_a_finding() {
        // What names itself and its line needs no rule.
        let kinds = [FailureKind::Panic, FailureKind::Misuse, FailureKind::Stuck];
        let kinds: Vec<String> = kinds.iter().map(FailureKind::to_string).collect();
        for bug in Bug::all() {
            for cause in bug.causes() {
                let is_rule = RULES.iter().any(|rule| rule.id == *cause);
                let is_kind = kinds.iter().any(|kind| kind == cause);
                assert!(is_rule || is_kind, "{bug}: nothing is named {cause}");
            }
        }
    }

    /// Two names for one thing would count it twice.
    #[test]
    fn each_cause_is_named_once() {
        for bug in Bug::all() {
            let mut causes = bug.causes().to_vec();
            causes.sort_unstable();
            causes.dedup();
            assert_eq!(causes.len(), bug.causes().len(), "{bug}: {:?}", bug.causes());
        }
    }

    #[test]
    fn each_bug_says_what_it_breaks() {
        for bug in Bug::all() {
            for text in [bug.breaks(), bug.symptom(), bug.source()] {
                assert!(!text.is_empty() && !text.ends_with('.'), "{bug}: {text:?}");
            }
            if let Harmless { reason } = bug.kind() {
                assert!(!reason.is_empty(), "{bug} has no reason");
            }
        }
    }
}
