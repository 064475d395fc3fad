//! The styles: what right Rafts do in different ways, as data.

use std::ops::Range;
use std::str::FromStr;

use thiserror::Error;

/// One way to write a right Raft. Each field is a choice that Figures 2 and 13 leave open, or that the
/// author's thesis ("Consensus: Bridging Theory and Practice") adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Style {
    /// Its name, as `LAB_STYLE` has it.
    pub name: &'static str,
    /// When a leader sends entries.
    pub disk: Disk,
    /// When a server that hears from no leader starts an election.
    pub timer: Timer,
    /// What keeps a server from disturbing a leader that the others hear.
    pub guard: Guard,
    /// How messages travel.
    pub wire: Wire,
    /// What a leader sends when it has nothing to send.
    pub heartbeats: Heartbeats,
    /// How often a leader sends something to each server, in ms.
    pub heartbeat_ms: u64,
    /// Which term a candidate stands for.
    pub terms: Terms,
    /// What a higher term does to the election timer.
    pub higher_terms: HigherTerms,
    /// When a server repeats a call that has failed.
    pub losses: Losses,
    /// What a follower makes of entries behind one that it has committed.
    pub behind_commit: BehindCommit,
}

/// When a leader sends entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    /// When its own disk has them.
    First,
    /// While its own disk writes them; it counts itself when that has ended (thesis §10.2.1).
    InParallel,
    /// At once. Its own disk gets an entry when a follower has it, and it counts itself when that has ended:
    /// what it took and no follower has, it forgets in a crash.
    Last,
}

/// When a server that hears from no leader starts an election; the times are in ms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timer {
    /// At a deadline, which each word of a leader and each vote given moves.
    Deadline(Range<u64>),
    /// When it wakes from a sleep and has heard nothing since it fell asleep.
    Polling(Range<u64>),
    /// The same, and a request for votes in a higher term is something heard, even if it is refused.
    PollingTerms(Range<u64>),
}

impl Timer {
    /// From what its times are drawn.
    pub(crate) fn range(&self) -> Range<u64> {
        match self {
            Timer::Deadline(range) | Timer::Polling(range) | Timer::PollingTerms(range) => {
                range.clone()
            }
        }
    }
}

/// What keeps a server from disturbing a leader that the others hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Nothing: Figure 2.
    None,
    /// It asks whether it would get votes before it starts an election (thesis §9.6).
    PreVote,
    /// A server that has heard from a leader lately refuses votes, and doesn't adopt the term in which it
    /// is asked (thesis §4.2.3).
    Lease,
}

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// A method for each kind of request, and its reply.
    Methods,
    /// One method, whose argument and reply are enums.
    OneEnum,
    /// A method for each kind of request. The replies to a request for a vote and to AppendEntries are enums, of which
    /// only the variants for a later term tell the server's own; another one tells an entry's.
    EnumAnswers,
    /// A method for each kind of request, of which the one for heartbeats has words that nobody knows.
    OwnWords,
    /// A method for each kind of request. Requests have words of another protocol, tuples and parts of their own; the
    /// replies are enums whose variants nobody knows, but for one that says no.
    Ballots,
    /// A method for each kind of request. A flag in a reply says no if it is set, and a number says up to where the two
    /// logs match, as in etcd's Raft.
    Rejections,
    /// One method, whose argument and reply are bytes that only this crate can read.
    Sealed,
    /// A method for each kind of request and for each kind of reply, which all answer with nothing.
    OneWay,
    /// One method for requests and replies, which takes bytes that only this crate can read and answers with
    /// nothing.
    SealedOneWay,
}

/// What a leader sends when it has nothing to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heartbeats {
    /// AppendEntries without entries.
    Empty,
    /// A message of their own, which says nothing of the log but what is committed.
    OfTheirOwn,
}

/// Which term a candidate stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terms {
    /// The one behind its own.
    Next,
    /// Some later one: what Raft needs of terms is that they rise.
    Later,
}

/// What a higher term does to the election timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HigherTerms {
    /// Nothing: Figure 2.
    KeepTimer,
    /// The server waits for another timeout.
    RestartTimer,
}

/// When a server repeats a call that has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Losses {
    /// With the next heartbeat, or the next election.
    Later,
    /// At once, for as long as it still wants the answer.
    AtOnce,
}

/// What a follower makes of entries behind one that it has committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BehindCommit {
    /// It takes what is new: Figure 2.
    Taken,
    /// It leaves them alone, and confirms what it has committed, as in etcd's Raft.
    Confirmed,
}

/// The actor as it is if nothing is chosen; the other styles say where they differ.
const ACTOR: Style = Style {
    name: "Actor",
    disk: Disk::First,
    timer: Timer::Deadline(300..600),
    guard: Guard::PreVote,
    wire: Wire::Methods,
    heartbeats: Heartbeats::Empty,
    heartbeat_ms: 100,
    terms: Terms::Next,
    higher_terms: HigherTerms::KeepTimer,
    losses: Losses::Later,
    behind_commit: BehindCommit::Taken,
};

/// A style whose candidates ask nobody before they start an election, as in Figure 2.
const PLAIN: Style = Style { name: "Plain", guard: Guard::None, ..ACTOR };

/// Each message and its answer are two calls, of which the lab allows only so many.
const ONE_WAY: Style = Style {
    name: "OneWay",
    wire: Wire::OneWay,
    timer: Timer::Deadline(450..750),
    heartbeat_ms: 150,
    ..ACTOR
};

impl Style {
    /// All styles; the first is the one that is used if none is chosen.
    pub const ALL: [Style; 18] = [
        ACTOR,
        Style { name: "LeaderDiskInParallel", disk: Disk::InParallel, ..ACTOR },
        Style { name: "LeaderDiskLast", disk: Disk::Last, ..ACTOR },
        PLAIN,
        Style { name: "PollingTicker", timer: Timer::Polling(600..900), ..PLAIN },
        Style { name: "OneEnum", wire: Wire::OneEnum, ..PLAIN },
        Style { name: "EnumAnswers", wire: Wire::EnumAnswers, ..PLAIN },
        Style {
            name: "OwnWords",
            wire: Wire::OwnWords,
            heartbeats: Heartbeats::OfTheirOwn,
            ..PLAIN
        },
        Style { name: "Ballots", wire: Wire::Ballots, ..PLAIN },
        Style {
            name: "Rejections",
            wire: Wire::Rejections,
            heartbeats: Heartbeats::OfTheirOwn,
            behind_commit: BehindCommit::Confirmed,
            ..PLAIN
        },
        Style { name: "Sealed", wire: Wire::Sealed, ..ACTOR },
        ONE_WAY,
        Style { name: "SealedOneWay", wire: Wire::SealedOneWay, ..ONE_WAY },
        Style { name: "Heartbeats", heartbeats: Heartbeats::OfTheirOwn, ..ACTOR },
        Style { name: "VoteLease", guard: Guard::Lease, ..ACTOR },
        // Not quite as live as MIT's tests ask for: in one of 300 runs of TestFigure8Unreliable3C nobody wins
        // within 10 s, as each candidate restarts the others' timers.
        Style { name: "RestartsForTerms", higher_terms: HigherTerms::RestartTimer, ..PLAIN },
        Style { name: "TriesAtOnce", losses: Losses::AtOnce, ..PLAIN },
        Style { name: "LeapingTerms", terms: Terms::Later, ..PLAIN },
    ];

    /// A style that is right, but needs luck where some logs are too old to win: it can take longer than the
    /// lab allows.
    pub const NEEDS_LUCK: Style = Style {
        name: "PollingTerms",
        timer: Timer::PollingTerms(600..900),
        guard: Guard::None,
        ..ACTOR
    };
}

/// No style has this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no style is named {0:?}; choose one of {all}", all = Style::ALL.map(|style| style.name).join(", "))]
pub struct UnknownStyle(String);

impl FromStr for Style {
    type Err = UnknownStyle;

    fn from_str(name: &str) -> Result<Style, UnknownStyle> {
        let mut styles = Style::ALL.into_iter().chain([Style::NEEDS_LUCK]);
        styles.find(|style| style.name == name).ok_or_else(|| UnknownStyle(name.to_owned()))
    }
}
