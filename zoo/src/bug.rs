//! The known bugs, by name: which rule each breaks, what one sees of it, and what catches it.

use strum::{Display, EnumIter, EnumString, IntoEnumIterator as _};
use thiserror::Error;

/// A known way to get Raft wrong. It is named in `LAB_BUG`, and displayed, as it is written here.
///
/// A variant's doc has the rule that it breaks, with its section in the extended Raft paper, what
/// one sees of it, and which test catches it. How often is measured with this crate's Raft; another
/// with the same bug has other timers and other rates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Display, EnumIter, EnumString)]
#[strum(parse_err_ty = UnknownBug, parse_err_fn = UnknownBug::new)]
pub enum Bug {
    /// No bug: the Raft is right, and passes every test with every seed.
    #[default]
    None,

    /// The ticker itself collects the votes, until they are a majority or all replies are in,
    /// failures included. Meanwhile nobody hears the timer.
    ///
    /// *Rule*: "If election timeout elapses: start new election" (Figure 2, Candidates; §5.2).
    ///
    /// *Symptom*: `expected one leader, got none`, with candidates that have been in one term for
    /// seconds. They asked for votes while they were cut off, and such calls fail after up to 7 s.
    /// Two of three have to wait for longer than the test does, so it is rare.
    ///
    /// *Caught by* `TestReElection3A` with 4 % of the seeds, nearly always at its fourth
    /// `check_one_leader`, and by `TestManyElections3A` with 5 %; never if such calls fail within
    /// 0.1 s. Who has this bug sees a test that fails one time in many.
    BlocksOnVotes,

    /// Like [`Bug::BlocksOnVotes`], but even a majority waits for the last reply.
    ///
    /// *Rule*: "If votes received from majority of servers: become leader" (Figure 2, Candidates;
    /// §5.2).
    ///
    /// *Symptom*: `expected one leader, got none`, since one server that can't be reached is enough
    /// to hold up the winner.
    ///
    /// *Caught by* `TestReElection3A` with 82 % of the seeds, and by `TestManyElections3A` with
    /// all.
    WaitsForAllVotes,

    /// Grants its vote to every candidate of its term.
    ///
    /// *Rule*: "If votedFor is null or candidateId" (Figure 2, RequestVote, 2; §5.2).
    ///
    /// *Symptom*: `term … has 2 (>1) leaders`, when two timers fire so close to each other that
    /// both candidates stand before either has won. Neither leader gives way: who leads a term
    /// doesn't expect another leader in it.
    ///
    /// *Caught by* `TestManyElections3A` with 24 % of the seeds; by `TestReElection3A` with 1 %.
    VotesTwice,

    /// Votes for a candidate of a higher term and follows a leader of one, and stays in its own
    /// term all the same.
    ///
    /// *Rule*: "If RPC request or response contains term T > currentTerm: set currentTerm = T"
    /// (Figure 2, All Servers; §5.1).
    ///
    /// *Symptom*: `servers disagree on term`; once links fail, `term … has 2 (>1) leaders`: who
    /// takes over counts on from its own old term, and so leads the term of the leader before it.
    ///
    /// *Caught by* `TestInitialElection3A` and `TestReElection3A` with nearly all seeds, and by
    /// `TestManyElections3A` with half of them.
    NeverAdoptsTerm,

    /// Takes half of the servers, rounded down, for a majority.
    ///
    /// *Rule*: "If votes received from majority of servers: become leader" (Figure 2, Candidates;
    /// §5.2).
    ///
    /// *Symptom*: `expected no leader among connected servers, but … claims to be leader`: one of
    /// three, alone, elects itself.
    ///
    /// *Caught by* `TestReElection3A` with all seeds. Seven servers need three votes, which shows
    /// as `term … has 2 (>1) leaders` with 4 % of the seeds of `TestManyElections3A`.
    WinsWithHalf,

    /// Stands for election in the term in which it is.
    ///
    /// *Rule*: "Increment currentTerm" (Figure 2, Candidates; §5.2).
    ///
    /// *Symptom*: `term is 0, but should be at least 1`; later `expected one leader, got none`,
    /// since all votes of term 0 have been given.
    ///
    /// *Caught by* `TestInitialElection3A` and `TestReElection3A` with all seeds, and by
    /// `TestManyElections3A` with nearly all.
    NeverIncrementsTerm,

    /// A heartbeat doesn't reset the election timer, so that no leader lasts.
    ///
    /// *Rule*: "If election timeout elapses without receiving AppendEntries RPC from current
    /// leader" (Figure 2, Followers; §5.2).
    ///
    /// *Symptom*: `warning: term changed even though there were no failures`. It fails nothing:
    /// there is nearly always a leader, only never the same for long.
    ///
    /// *Caught by* `TestInitialElection3A`, by this warning alone, with all seeds.
    TimesOutDespiteHeartbeats,
}

impl Bug {
    /// All bugs, [`Bug::None`] first.
    pub fn all() -> impl Iterator<Item = Bug> {
        Bug::iter()
    }
}

/// A name that no [`Bug`] has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no bug is named {name:?}; choose one of {}", names())]
pub struct UnknownBug {
    name: String,
}

impl UnknownBug {
    fn new(name: &str) -> UnknownBug {
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

    #[test]
    fn the_crate_s_doc_has_every_bug_in_its_table() {
        let rows: Vec<&str> =
            include_str!("lib.rs").lines().filter(|line| line.starts_with("//! | [`")).collect();
        for bug in Bug::all() {
            let link = format!("//! | [`{bug}`](Bug::{bug}) |");
            assert!(rows.iter().any(|row| row.starts_with(&link)), "no row for {bug}");
        }
        assert_eq!(rows.len(), Bug::all().count());
    }
}
