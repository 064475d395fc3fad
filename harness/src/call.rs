//! Which call of `config::test` this is: a test function may make several, and each is a test of its own.
//!
//! A child calls the test function anew, so it comes to the same calls one after the other. It is told
//! which of them it is to serve, lets those before it pass, and never returns from that one.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::panic::Location;

use parking_lot::Mutex;
use supervisor::{is_child, variables};

/// How many calls each test function has made in this process.
static CALLS: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());

/// One call of a test function's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// Which of the function's calls it is, from 1.
    pub(crate) ordinal: u32,
    /// Where it is.
    location: &'static Location<'static>,
}

impl Call {
    /// The next call of the test function at `path`.
    pub(crate) fn next(path: &str, location: &'static Location<'static>) -> Call {
        // A child runs one test function, on whichever of its threads the calls are.
        let test = if is_child() { "" } else { path };
        let mut calls = CALLS.lock();
        let ordinal = calls.entry(test.to_owned()).or_default();
        *ordinal += 1;
        Call { ordinal: *ordinal, location }
    }

    /// Whether this is the function's first call, as in most tests it is the only one.
    pub(crate) fn is_first(self) -> bool {
        self.ordinal == 1
    }

    /// Whether this child is to serve this call, and not one that follows.
    ///
    /// Fails if there is another call where the parent has come to this one.
    pub(crate) fn is_asked_for(self) -> Result<bool, String> {
        let Some(asked) = env::var_os(variables::CALL) else { return Ok(self.is_first()) };
        let asked = asked.to_string_lossy();
        let (ordinal, location) = asked.split_once(' ').unwrap_or((&asked, ""));
        if ordinal.parse() != Ok(self.ordinal) {
            return Ok(false);
        }
        // A grader knows of no location.
        if !location.is_empty() && location != self.location.to_string() {
            let Call { ordinal, location: here } = self;
            return Err(format!(
                "call {ordinal} of config::test() is at {location} in the parent process and at {here} in \
                 this one\n"
            ));
        }
        Ok(true)
    }
}

impl fmt::Display for Call {
    /// As a child reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.ordinal, self.location)
    }
}
