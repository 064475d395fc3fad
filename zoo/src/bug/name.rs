//! How a bug's name is read, and what answers a name that no bug has.

use std::str::FromStr;

use thiserror::Error;

use super::Bug;

/// A name that no [`Bug`] has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no bug is named {name:?}; choose one of {}", names())]
pub struct UnknownBug {
    name: String,
}

impl FromStr for Bug {
    type Err = UnknownBug;

    fn from_str(name: &str) -> Result<Bug, UnknownBug> {
        let mut bugs = Bug::all();
        bugs.find(|bug| bug.name == name).ok_or_else(|| UnknownBug { name: name.to_owned() })
    }
}

/// The names of all bugs, for a user who got one wrong.
fn names() -> String {
    Bug::all().map(|bug| bug.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bug_is_read_by_the_name_that_it_displays() {
        for bug in Bug::all() {
            assert_eq!(bug.to_string().parse(), Ok(bug));
            assert_eq!(format!("{bug:?}"), bug.to_string());
        }
        assert_eq!("VotesTwice".parse(), Ok(Bug::VotesTwice));
    }

    #[test]
    fn there_is_no_bug_by_default() {
        assert_eq!(Bug::default(), Bug::None);
        assert_eq!(Bug::all().next(), Some(Bug::None));
    }

    #[test]
    fn a_name_that_is_no_bug_is_answered_by_those_that_are() {
        for name in ["", "none", "blocks_on_votes", "BlocksOnVotes "] {
            let error = name.parse::<Bug>().unwrap_err().to_string();
            let beginning =
                format!("no bug is named {name:?}; choose one of None, BlocksOnVotes, ");
            assert!(error.starts_with(&beginning), "{error}");
            for bug in Bug::all() {
                assert!(error.contains(&bug.to_string()), "{bug} is missing: {error}");
            }
        }
    }
}
