//! What is answered to who names a bug that there isn't.

use thiserror::Error;

use super::Bug;

/// A name that no [`Bug`] has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no bug is named {name:?}; choose one of {}", names())]
pub struct UnknownBug {
    name: String,
}

impl UnknownBug {
    pub(super) fn new(name: &str) -> UnknownBug {
        UnknownBug { name: name.to_owned() }
    }
}

/// The names of all bugs, for who got one wrong.
fn names() -> String {
    Bug::all().map(|bug| bug.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bug_is_named_as_its_variant_is() {
        for bug in Bug::all() {
            assert_eq!(bug.to_string(), format!("{bug:?}"));
            assert_eq!(bug.to_string().parse(), Ok(bug));
        }
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
