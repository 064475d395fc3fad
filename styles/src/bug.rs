//! The bugs: each breaks one rule, in every style.

use std::str::FromStr;

use thiserror::Error;

/// A rule that is broken. It is named in `LAB_BUG` as it is written here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// None: the Raft is right.
    None,
    /// What is saved has no entries (Figure 2, "Persistent state").
    SavesNoEntries,
    /// What is saved has no vote (Figure 2, "Persistent state").
    SavesNoVote,
    /// No server starts an election (Figure 2, Followers 2; §5.2).
    NeverAsks,
    /// A vote is given whatever the candidate's log (Figure 2, RequestVote, receiver 2; §5.4.1).
    VotesForAnyLog,
    /// A leader counts entries that it has sent as entries that the follower has (Figure 2, Leaders 3;
    /// §5.3).
    CountsWhatItSends,
    /// A leader commits entries of earlier terms by counting (Figure 2, Leaders 4; §5.4.2).
    CommitsEarlierTerms,
    /// A leader's word doesn't keep a server from starting an election (Figure 2, Followers 2; §5.2).
    IgnoresLeaders,
    /// Entries that conflict with the leader's stay in the log (Figure 2, AppendEntries, receiver 3; §5.3).
    KeepsConflicts,
    /// The handler of RequestVote never ends (Figure 2, RequestVote, results).
    NeverAnswersVotes,
    /// A candidate says that its last entry is of its current term (Figure 2, RequestVote, arguments; §5.4.1).
    AsksWithCurrentTerm,
    /// A leader that sends a heartbeat takes no more replies to what it sent before (Figure 2, Leaders 3).
    ForgetsCalls,
    /// A candidate becomes a follower when a vote is refused (Figure 2, Candidates; §5.2).
    GivesUpAtRefusal,
    /// A leader leads on, whatever it hears: in a higher term, and beside that term's leader (Figure 2, All
    /// Servers 2; §5.1).
    LeadsForEver,
    /// nextIndex moves with what is sent, and neither a loss nor a refusal takes it back (Figure 2, Leaders 3;
    /// §5.3).
    NeverGoesBack,
    /// A follower that refuses entries takes over the commit index all the same (Figure 2, AppendEntries,
    /// receiver 5; §5.3).
    CommitsWhatItRefuses,
    /// A leader sends a server nothing, heartbeats included, until its request before is answered (Figure 2,
    /// Leaders 1; §5.2).
    WaitsForEachAnswer,
    /// A vote counts twice (Figure 2, Candidates 2; §5.2).
    CountsVotersTwice,
}

impl Bug {
    /// All of them, without [`Bug::None`].
    pub const ALL: [Bug; 17] = [
        Bug::SavesNoEntries,
        Bug::SavesNoVote,
        Bug::NeverAsks,
        Bug::VotesForAnyLog,
        Bug::CountsWhatItSends,
        Bug::CommitsEarlierTerms,
        Bug::IgnoresLeaders,
        Bug::KeepsConflicts,
        Bug::NeverAnswersVotes,
        Bug::AsksWithCurrentTerm,
        Bug::ForgetsCalls,
        Bug::GivesUpAtRefusal,
        Bug::LeadsForEver,
        Bug::NeverGoesBack,
        Bug::CommitsWhatItRefuses,
        Bug::WaitsForEachAnswer,
        Bug::CountsVotersTwice,
    ];
}

/// No bug has this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no bug is named {0:?}; choose None or one of {all:?}", all = Bug::ALL)]
pub struct UnknownBug(String);

impl FromStr for Bug {
    type Err = UnknownBug;

    fn from_str(name: &str) -> Result<Bug, UnknownBug> {
        let mut bugs = [Bug::None].into_iter().chain(Bug::ALL);
        let found = bugs.find(|bug| format!("{bug:?}") == name);
        found.ok_or_else(|| UnknownBug(name.to_owned()))
    }
}
