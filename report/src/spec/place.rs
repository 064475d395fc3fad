//! Where in the paper a rule stands, as data.

use std::fmt;

/// A box of Figure 2 or 13, or what else has rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Figure 2, Rules for Servers: all servers.
    AllServers,
    /// Figure 2, Rules for Servers: followers.
    Followers,
    /// Figure 2, Rules for Servers: candidates.
    Candidates,
    /// Figure 2, Rules for Servers: leaders.
    Leaders,
    /// Figure 2, RequestVote RPC.
    RequestVote,
    /// Figure 2, AppendEntries RPC.
    AppendEntries,
    /// Figure 13.
    InstallSnapshot,
    /// Figure 2, State: what is saved.
    PersistentState,
    /// Figure 2, State: what isn't saved.
    VolatileState,
    /// How election timeouts are drawn (§5.2, §9.3).
    ElectionTimeout,
    /// How a leader goes back a term at a time (the end of §5.3).
    FastBackup,
    /// Snapshots that a server makes of its own (§7).
    Snapshots,
    /// The list of rules in `raftapi`.
    Contract,
}

/// A numbered rule of a part, or the part as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The part.
    pub part: Part,
    /// The rule's number in it; `None` if no single rule of it is meant, or its rules have no numbers.
    pub number: Option<u8>,
}

impl Part {
    /// All parts.
    pub const ALL: [Part; 13] = [
        Part::AllServers,
        Part::Followers,
        Part::Candidates,
        Part::Leaders,
        Part::RequestVote,
        Part::AppendEntries,
        Part::InstallSnapshot,
        Part::PersistentState,
        Part::VolatileState,
        Part::ElectionTimeout,
        Part::FastBackup,
        Part::Snapshots,
        Part::Contract,
    ];

    /// Its name: `All Servers`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Part::AllServers => "All Servers",
            Part::Followers => "Followers",
            Part::Candidates => "Candidates",
            Part::Leaders => "Leaders",
            Part::RequestVote => "RequestVote",
            Part::AppendEntries => "AppendEntries",
            Part::InstallSnapshot => "InstallSnapshot",
            Part::PersistentState => "Persistent state",
            Part::VolatileState => "Volatile state",
            Part::ElectionTimeout => "Election timeout",
            Part::FastBackup => "Fast backup",
            Part::Snapshots => "Snapshots",
            Part::Contract => "Contract",
        }
    }
}

impl Place {
    /// Reads what [`Place`] prints: `Leaders 3`, `Snapshots`; `None` if it is no place.
    #[must_use]
    pub fn parse(text: &str) -> Option<Place> {
        let part = |name: &str| Part::ALL.into_iter().find(|part| part.name() == name);
        if let Some(part) = part(text) {
            return Some(Place { part, number: None });
        }
        let (name, number) = text.rsplit_once(' ')?;
        Some(Place { part: part(name)?, number: Some(number.parse().ok()?) })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.part.name())?;
        self.number.map_or(Ok(()), |number| write!(f, " {number}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::RULES;

    #[test]
    fn what_is_printed_is_read() {
        for place in RULES.iter().flat_map(|rule| rule.places) {
            assert_eq!(Place::parse(&place.to_string()), Some(*place));
        }
        for text in ["", "Leaders three", "Leaders 3 4", "Losers 3", "Leaders 300"] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_part_stands_once_in_the_list() {
        for (at, part) in Part::ALL.into_iter().enumerate() {
            assert_eq!(part as usize, at);
        }
        assert_eq!(Part::ALL.len(), Part::Contract as usize + 1);
    }
}
