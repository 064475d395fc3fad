//! Scenarios that MIT's network can't make: each forces what MIT's tests leave to chance.
//!
//! They have the form of MIT's tests and are reported apart from them. In each a safety monitor fails
//! the run. As in `tests/raft`, the Raft under test is called `raft`, and each crate that has one runs
//! this same source.
//!
//! What a script must know of a message it reads from its fields, so they have to be called as in
//! Figures 2 and 13 of the extended Raft paper, in whatever the message is wrapped. A scenario that
//! doesn't apply to a Raft, or whose messages nobody can read, is skipped and says why.

mod crashes_x;
mod elections_x;
mod explore;
mod logs_x;
mod network_x;
mod snapshots_x;
mod timers_x;

use std::time::Duration;

use config::{
    Check, Config, FailureKind, Fields, Held, Hold, Messages, Needs, Reliability, Saved, Snapshots,
    T, Value, make_config,
};
use tokio::time::{Instant, sleep};

/// A cluster of `servers` servers, whose safety monitors are strict.
#[track_caller]
pub(crate) fn cluster(t: &T, servers: usize, snapshots: Snapshots) -> Config {
    t.be_strict();
    make_config(t, servers, Reliability::Reliable, snapshots, raft::make)
}

/// The term of a message's request.
pub(crate) fn term(cfg: &Config, held: &Held) -> u64 {
    cfg.told(held.args().term, "term")
}

/// Whether a reply to RequestVote gives a vote; `false` if there was none.
pub(crate) fn is_vote(cfg: &Config, reply: Option<Fields>) -> bool {
    reply.is_some_and(|reply| cfg.told(reply.gives_vote(), "voteGranted"))
}

/// Waits until each of these servers, which nobody answers, has started an election. With a vote before
/// the vote (PreVote) none does, and then no two can be made candidates of one term: the scenario is
/// skipped. A server that doesn't even ask fails it.
pub(crate) async fn stand_alone<const N: usize>(cfg: &Config, servers: [usize; N]) {
    let asked = servers.map(|i| cfg.count(Messages::all_requests().from(i)));
    let terms = || servers.map(|i| cfg.get_state(i).map_or(0, |(term, _)| term));
    let (begun, first) = (Instant::now(), terms());
    while begun.elapsed() < Duration::from_secs(5) {
        if terms().iter().zip(first).all(|(&now, first)| now > first) {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    if let Some((silent, _)) = servers.iter().zip(&asked).find(|(_, asked)| asked.take() == 0) {
        let message =
            format!("server {silent} hears from nobody for 5 s, and asks nobody for its vote");
        cfg.fatal((FailureKind::Liveness, Check::OneLeader), message);
    }
    cfg.skip("no server starts an election unless others answer, as with PreVote")
}

/// How long a script waits until two servers are candidates of one term. Servers that leave terms out meet by chance.
/// Servers that each have terms of their own never meet.
const MEET_WITHIN: Duration = Duration::from_secs(30);

/// Skips the run if it is too late for two candidates of one term.
pub(crate) fn may_meet_still(cfg: &Config, begun: Instant) {
    if begun.elapsed() > MEET_WITHIN {
        cfg.skip("no two servers are candidates of one term; perhaps each has terms of its own");
    }
}

/// A request of each of two candidates, of one term, which is `least` or later.
pub(crate) async fn of_one_term(cfg: &Config, holds: [&Hold; 2], least: u64) -> [Held; 2] {
    let begun = Instant::now();
    let [mut a, mut b] = [holds[0].next().await, holds[1].next().await];
    loop {
        may_meet_still(cfg, begun);
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
        None if !cfg.is_leader(leader) => {
            let check = Check::LeaderStays { server: leader as u32 };
            let message = format!(
                "server {leader} was elected, and leads no more when it is given a command"
            );
            cfg.fatal((FailureKind::Liveness, check), message)
        }
        None => {
            let check = Check::Accepted { server: Some(leader as u32), is_seen: true };
            let message = format!("server {leader} leads and refuses a command");
            cfg.fatal((FailureKind::Liveness, check), message)
        }
    }
}

/// Has server `leader`, which leads and reaches nobody, take `commands`, and waits until its disk is safe
/// that has them. Returns the last index.
///
/// What no majority has the leader may forget (raftapi's rule 2): it may save it late, or never. If it
/// saves nothing within 2 s the scenario, which needs these entries after a crash, is skipped. If it saves
/// something that may also be anything else: see [`remembers`].
pub(crate) async fn accept_unsent(
    cfg: &Config,
    leader: usize,
    commands: impl IntoIterator<Item = u64>,
) -> u64 {
    let saves = cfg.saves(leader);
    let last = commands.into_iter().map(|command| accept(cfg, leader, command)).fold(0, u64::max);
    // All of them: it may save them one by one.
    sleep(Duration::from_millis(200)).await;
    if !saves.is_safe(Duration::from_secs(2)).await {
        cfg.skip("a leader doesn't save an entry before a majority has it, which is allowed");
    }
    last
}

/// That a server that leads has what is committed at `index`.
pub(crate) fn has_entry(leader: usize, index: u64) -> Check {
    Check::Saved { server: leader as u32, what: Saved::Entry { index } }
}

/// Waits until server `i`, which has restarted and whom nobody answers, asks for votes, and thereby tells
/// how long its log is. If it has forgotten its entry at `index`, which it took as a leader and no majority
/// has, the run is skipped: it may (raftapi's rule 2), whatever else it has saved since.
pub(crate) async fn remembers(cfg: &Config, i: usize, index: u64) {
    let asked = cfg.hold(Messages::all_requests().from(i));
    let (begun, mut has_asked, mut last) = (Instant::now(), false, None);
    while last.is_none() && begun.elapsed() < Duration::from_secs(5) {
        match asked.take() {
            Some(request) => (has_asked, last) = (true, request.args().last_log_index),
            None => sleep(Duration::from_millis(1)).await,
        }
    }
    asked.lose_all();
    match last {
        Some(last) if last >= index => {}
        Some(_) => {
            cfg.skip("a leader forgets in a crash an entry that no majority has, which is allowed")
        }
        None if has_asked => cfg.skip("can't read this Raft's messages: no call has lastLogIndex"),
        None => {
            let message =
                format!("server {i} hears from nobody for 5 s, and asks nobody for its vote");
            cfg.fatal((FailureKind::Liveness, Check::OneLeader), message);
        }
    }
}

/// Lets replies to AppendEntries go, one by one, until one says that entries were taken over; then all
/// others.
pub(crate) async fn has_entries(replies: Hold) {
    let had_entries = |reply: &Held| {
        is_success(reply) && reply.args().entries.is_some_and(|entries| !entries.is_empty())
    };
    let first = replies.first_that("that take entries over", Needs::Acceptance, had_entries);
    first.await.deliver().await;
}

/// Whether a reply to AppendEntries says that its entries were taken over.
fn is_success(reply: &Held) -> bool {
    reply.reply().and_then(|reply| reply.success) == Some(true)
}

/// Up to which index a request or a reply to AppendEntries speaks of the follower's log; `None` if it
/// doesn't, as a heartbeat may that has a type of its own.
pub(crate) fn reaches(append: &Held) -> Option<u64> {
    let args = append.args();
    Some(args.prev_log_index? + args.entries?.len() as u64)
}

/// Of the replies to AppendEntries that are held, the first by which a follower has the leader's entries
/// up to `index`. All before it go their way.
#[track_caller]
pub(crate) fn acknowledges(replies: &Hold, index: u64) -> impl Future<Output = Held> + Send {
    let what = format!("that acknowledge index {index}");
    let wanted = move |reply: &Held| is_success(reply) && reaches(reply) >= Some(index);
    replies.first_that(what, Needs::Acceptance, wanted)
}

/// Of the replies to AppendEntries that are held, the first that refuses because of the follower's log,
/// which ends at index `last`. All before it go their way.
///
/// A leader begins where it likes: behind its own log, as in Figure 2, or further back. If it isn't refused
/// within 5 s, as it went on from what the follower has, the run is skipped.
#[track_caller]
pub(crate) fn refused(
    cfg: &Config,
    replies: &Hold,
    last: u64,
) -> impl Future<Output = Held> + Send {
    let begun = Instant::now();
    let (mut is_refused, mut goes_on) = (false, false);
    let wanted = move |held: &Held| {
        let (args, reply) = (held.args(), held.reply().unwrap_or_default());
        is_refused |= reply.success == Some(false);
        let is_known = args.prev_log_index.is_some_and(|index| index <= last);
        goes_on |= is_known && is_success(held);
        if goes_on && !is_refused && begun.elapsed() > Duration::from_secs(5) {
            cfg.skip("a new leader goes on from what its follower has, and isn't refused");
        }
        // What tells no term doesn't speak of a later one.
        reply.success == Some(false) && (reply.term.is_none() || reply.term == args.term)
    };
    replies.first_that("that refuse entries", Needs::Refusal, wanted)
}
