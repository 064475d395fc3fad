//! What a server knows: Figure 2, "State".

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use raftapi::{ApplyMsg, Index, Role, Term};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::Instant;

use super::followers::Followers;
use super::log::Log;
use super::rpc::{AppendEntriesReply, RequestVoteReply};
use crate::bug::Bug;

/// How long a server waits for its leader, or for its election, before it starts another one; in
/// ms. Drawn anew each time, so that split votes are rare (§5.2).
const ELECTION_TIMEOUT_MS: Range<u64> = 300..600;

/// How often [`Bug::TicksAndBlocksOnVotes`] looks whether anybody was heard; in ms.
const TICK_MS: Range<u64> = 150..450;

/// Everything that the mutex guards.
pub(super) struct State {
    // Saved before it is answered to.
    pub(super) current_term: Term,
    pub(super) voted_for: Option<usize>,
    pub(super) log: Log,
    /// The snapshot that stands for the log's beginning; empty without one.
    pub(super) snapshot: Bytes,

    // Lost in a crash.
    pub(super) commit_index: Index,
    pub(super) last_applied: Index,
    pub(super) role: Role,
    /// The bug, which the timer asks for, too.
    pub(super) bug: Bug,
    /// The timeout that was drawn first. Only bugs use it again.
    pub(super) first_timeout: Duration,
    /// When the election timer fires. A leader's means nothing.
    pub(super) election_deadline: Instant,
    /// Whether there is no timer until it is set again. Only a bug loses it.
    pub(super) has_lost_timer: bool,
    /// The generator of [`Bug::SeedsByClock`].
    pub(super) by_clock: Option<StdRng>,
    /// The votes of this server's latest election, its own included.
    pub(super) votes: usize,
    /// Its last election that it won. Only bugs ask for it.
    pub(super) led: Option<Led>,
    /// How many have answered in its latest election, itself included, as far as
    /// [`Bug::WinsAmongWhoAnswer`] counts them.
    pub(super) answers: usize,
    /// The servers that [`Bug::WaitsToAskAgain`] has asked for a vote without an answer.
    pub(super) asked: BTreeSet<usize>,
    /// Whether [`Bug::StopsAllWhenOneFails`] sends nothing more as this term's leader.
    pub(super) has_stopped: bool,
    /// The loops of heartbeats that bugs have started and not ended.
    pub(super) loops: usize,
    /// The replies that [`Bug::ReusesReply`] takes for those of calls that fail.
    pub(super) last_vote: Option<RequestVoteReply>,
    pub(super) last_append: Option<AppendEntriesReply>,
    /// A snapshot that the service is to get, where a bug doesn't leave that to the applier.
    pub(super) installed: Option<ApplyMsg>,
    /// What a leader knows of the others, made anew at its election.
    pub(super) followers: Followers,
}

/// An election that a server has won.
#[derive(Clone, Copy, Debug)]
pub(super) struct Led {
    pub(super) term: Term,
    pub(super) since: Instant,
}

impl State {
    pub(super) fn reset_election_timer(&mut self) {
        let timeout = match self.bug {
            Bug::DrawsTimeoutOnce | Bug::RestartsTimerWhenRefusing | Bug::RestartsTimerWithTerm => {
                self.first_timeout
            }
            bug => election_timeout(bug, self.by_clock.as_mut()),
        };
        self.election_deadline = Instant::now() + timeout;
        self.has_lost_timer = false;
    }

    /// Whether this server still leads `term`.
    pub(super) fn leads(&self, term: Term) -> bool {
        self.role == Role::Leader && self.current_term == term
    }
}

/// How long a server waits before it stands for the first time.
pub(super) fn first_timeout(bug: Bug, by_clock: Option<&mut StdRng>) -> Duration {
    match bug {
        Bug::TicksAndBlocksOnVotes | Bug::StandsAtOnce => Duration::ZERO,
        _ => election_timeout(bug, by_clock),
    }
}

/// What [`Bug::SeedsByClock`] draws from, instead of what is made for each server.
pub(super) fn seeded_by_clock(bug: Bug) -> Option<StdRng> {
    if bug != Bug::SeedsByClock {
        return None;
    }
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
    Some(StdRng::seed_from_u64(since_1970.as_secs()))
}

fn election_timeout(bug: Bug, by_clock: Option<&mut StdRng>) -> Duration {
    if bug == Bug::TicksAndBlocksOnVotes {
        // What is left of a tick in which somebody was heard, and one in which nobody was.
        let left = rand::rng().random_range(0..TICK_MS.end);
        return Duration::from_millis(left + rand::rng().random_range(TICK_MS));
    }
    let range = match bug {
        Bug::NeverDrawsTimeout => ELECTION_TIMEOUT_MS.start..ELECTION_TIMEOUT_MS.start + 1,
        Bug::DrawsCloseTimeouts => ELECTION_TIMEOUT_MS.start..ELECTION_TIMEOUT_MS.start + 2,
        Bug::TimesOutBetweenHeartbeats => 40..80,
        Bug::TimesOutAfterSeconds => 3000..6000,
        _ => ELECTION_TIMEOUT_MS,
    };
    Duration::from_millis(match by_clock {
        Some(by_clock) => by_clock.random_range(range),
        None => rand::rng().random_range(range),
    })
}
