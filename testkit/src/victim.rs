//! Victims: functions that misbehave on purpose, which tests run in a process of their own.
//!
//! They are no tests: an editor would list them, and the test runner would count them as ignored. A test
//! binary has a table of its victims, and one test, `victim`, which runs the victim that [`VICTIM_VARIABLE`]
//! names; without a name it checks the table. Other tests start that test in a process of its own. The
//! harness repeats the variable in a failure's replay command.

use std::collections::HashSet;
use std::env;

/// Names the victim that the test `victim` runs, by its path in the test binary.
pub const VICTIM_VARIABLE: &str = "LAB_VICTIM";

/// The path, and the name, of the test that runs a victim.
pub const VICTIM_TEST: &str = "victim";

/// A function that misbehaves on purpose. [`victims!`](crate::victims) makes it.
#[derive(Clone, Copy, Debug)]
pub struct Victim {
    /// Its path, which begins with the crate.
    pub path: &'static str,
    /// What it does.
    pub function: fn(),
}

/// The table of victims that are functions of the calling module: `victims![sleeps, loops]`.
#[macro_export]
macro_rules! victims {
    ($($function:ident),+ $(,)?) => {
        &[$($crate::Victim {
            path: concat!(module_path!(), "::", stringify!($function)),
            function: $function,
        }),+]
    };
}

/// All victims of a test binary: the tables of its modules.
#[derive(Clone, Copy, Debug)]
pub struct Victims(pub &'static [&'static [Victim]]);

impl Victims {
    /// Whether a victim has this path in the test binary, such as `blocked::sleeps`.
    #[must_use]
    pub fn has(self, path: &str) -> bool {
        self.find(path).is_some()
    }

    /// Runs the victim that [`VICTIM_VARIABLE`] names; if that isn't set, checks that each victim is in the table once.
    /// This is all that the test `victim` does.
    ///
    /// # Panics
    /// If the variable names no victim, or if one is in the table twice. The victim may panic as well.
    pub fn run_chosen(self) {
        let Ok(path) = env::var(VICTIM_VARIABLE) else {
            return self.check();
        };
        let victim = self.find(&path).unwrap_or_else(|| {
            panic!(
                "{VICTIM_VARIABLE}={path:?} names no victim; expected a path like {}",
                self.example()
            )
        });
        (victim.function)();
    }

    fn check(self) {
        let mut paths = HashSet::new();
        for victim in self.all() {
            assert!(paths.insert(victim.path), "the victim {} is in the table twice", victim.path);
        }
    }

    fn find(self, path: &str) -> Option<&'static Victim> {
        self.all().find(|victim| path_in_crate(victim) == path)
    }

    fn example(self) -> &'static str {
        self.all().next().map_or("", path_in_crate)
    }

    fn all(self) -> impl Iterator<Item = &'static Victim> {
        self.0.iter().copied().flatten()
    }
}

fn path_in_crate(victim: &Victim) -> &'static str {
    victim.path.split_once("::").map_or(victim.path, |(_crate, path)| path)
}
