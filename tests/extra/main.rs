//! Scenarios that MIT's network can't make: each forces what MIT's tests leave to chance.
//!
//! They have the form of MIT's tests and are reported apart from them. In each a safety monitor fails
//! the run. As in `tests/raft`, the Raft under test is called `raft`, and each crate that has one runs
//! this same source.
//!
//! What a script must know of a message it reads from its fields, so they have to be called as in
//! Figures 2 and 13 of the extended Raft paper.

mod crashes_x;
mod elections_x;
mod explore;
mod logs_x;
mod network_x;
mod snapshots_x;
mod timers_x;

use std::time::Duration;

use config::{Config, FailureKind, Held, Hold, Reliability, Snapshots, T, Value, make_config};
use tokio::time::{Instant, sleep};

/// A cluster of `servers` servers, whose safety monitors are strict.
#[track_caller]
pub(crate) fn cluster(t: &T, servers: usize, snapshots: Snapshots) -> Config {
    t.be_strict();
    make_config(t, servers, Reliability::Reliable, snapshots, raft::make)
}

/// The term of a message's request.
#[track_caller]
pub(crate) fn term(cfg: &Config, held: &Held) -> u64 {
    cfg.told(held.args().term, "term")
}

/// Whether each of these servers, which nobody answers, stands for election nevertheless. With a vote
/// before the vote (PreVote) none does, and then no two can be made candidates of one term: a warning
/// says that the scenario can't be played.
pub(crate) async fn stand_alone<const N: usize>(cfg: &Config, servers: [usize; N]) -> bool {
    let terms = || servers.map(|i| cfg.get_state(i).map_or(0, |(term, _)| term));
    let (begun, first) = (Instant::now(), terms());
    while begun.elapsed() < Duration::from_secs(5) {
        if terms().iter().zip(first).all(|(&now, first)| now > first) {
            return true;
        }
        sleep(Duration::from_millis(10)).await;
    }
    cfg.warn(
        "warning: nobody stands for election unless others answer (PreVote?), so that this scenario \
         wasn't played, and shows nothing",
    );
    false
}

/// A request of each of two candidates, of one term, which is `least` or later.
pub(crate) async fn of_one_term(cfg: &Config, holds: [&Hold; 2], least: u64) -> [Held; 2] {
    let [mut a, mut b] = [holds[0].next().await, holds[1].next().await];
    loop {
        match (term(cfg, &a), term(cfg, &b)) {
            (in_a, in_b) if in_a == in_b && in_a >= least => return [a, b],
            (in_a, in_b) if in_a <= in_b => a = holds[0].next().await,
            _ => b = holds[1].next().await,
        }
    }
}

/// Has server `leader`, which leads, accept a command, and returns its index.
#[track_caller]
pub(crate) fn accept(cfg: &Config, leader: usize, command: impl Into<Value>) -> u64 {
    match cfg.start(leader, command) {
        Some(start) => start.index,
        None => {
            cfg.fatal(FailureKind::Liveness, format!("server {leader} leads and refuses a command"))
        }
    }
}

/// Lets replies to AppendEntries go, one by one, until one says that entries were taken over; then all
/// others.
pub(crate) async fn has_entries(replies: Hold) {
    loop {
        let reply = replies.next().await;
        let had_entries = reply.args().entries.is_some_and(|entries| !entries.is_empty());
        let was_success = reply.reply().and_then(|reply| reply.success) == Some(true);
        reply.deliver().await;
        if had_entries && was_success {
            return;
        }
    }
}

/// Up to which index a request or a reply to AppendEntries speaks of the follower's log.
#[track_caller]
pub(crate) fn reaches(cfg: &Config, append: &Held) -> u64 {
    let args = append.args();
    let entries = cfg.told(args.entries, "entries").len() as u64;
    cfg.told(args.prev_log_index, "prev_log_index") + entries
}

/// Of the replies to AppendEntries that are held, the first by which a follower has the leader's entries
/// up to `index`. All before it go their way.
pub(crate) async fn acknowledges(cfg: &Config, replies: &Hold, index: u64) -> Held {
    loop {
        let reply = replies.next().await;
        let was_success = reply.reply().and_then(|reply| reply.success) == Some(true);
        if was_success && reaches(cfg, &reply) >= index {
            return reply;
        }
        reply.deliver().await;
    }
}

/// Of the replies to AppendEntries that are held, the first that refuses because of the follower's log.
/// All before it go their way.
pub(crate) async fn refused(replies: &Hold) -> Held {
    loop {
        let held = replies.next().await;
        let (asked, reply) = (held.args().term, held.reply().unwrap_or_default());
        if reply.success == Some(false) && reply.term == asked {
            return held;
        }
        held.deliver().await;
    }
}
