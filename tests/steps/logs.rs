//! Steps 7 to 11: from a leader that takes a command to logs that always agree (§5.3, §5.4.1).
#![expect(non_snake_case, reason = "as MIT names tests")]

use std::time::Duration;

use config::{Check, Config, FailureKind, Held, Messages, Needs, Purpose, Retry, Snapshots};
use raftapi::{Index, Start};
use tokio::time::{Instant, sleep};

use super::{LOOK, accepted, cluster, soon};

/// How long a leader without a majority is watched: it must not commit.
const ALONE: Duration = Duration::from_secs(2);

/// Within which time a command is applied that nothing keeps from it. MIT's tests allow 2 s.
const APPLIED_WITHIN: Duration = Duration::from_secs(2);

/// How many commands a follower misses in step 10.
const MISSED: u64 = 60;

/// Step 7. A leader takes commands and says where they will be; a follower refuses them.
#[test]
fn TestStep07LeaderTakesCommands() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Step 7: the leader takes commands");

        // The first index is 1 (rule 3).
        let (leader, Start { index, term }) = accepted(&cfg, 101).await;
        check_index(&cfg, index, 1);

        // The next commands get the next indexes, in the same term, at once.
        for next in 2..=3 {
            match cfg.start(leader, 100 + next) {
                Some(start) if start.term == term => check_index(&cfg, start.index, next),
                // There has been another election.
                _ => cfg.skip("the leader has changed, so another seed has to show this"),
            }
        }

        // A follower takes none (rule 2).
        for follower in (0..3).filter(|&i| i != leader && !cfg.is_leader(i)) {
            if let Some(start) = cfg.start(follower, 104) {
                let message = format!(
                    "server {follower} doesn't lead, and takes a command at index {}",
                    start.index
                );
                cfg.fatal(FailureKind::Safety, message);
            }
        }
        cfg.end();
    });
}

#[track_caller]
fn check_index(cfg: &Config, got: Index, expected: Index) {
    if got != expected {
        let check = Check::NextIndex { server: None };
        cfg.fatal((FailureKind::Safety, check), format!("got index {got} but expected {expected}"));
    }
}

/// Step 8. A leader sends its entries to each follower, and each says that it has them.
#[test]
fn TestStep08EntriesArrive() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Step 8: entries get to all followers");
        let (leader, start) = accepted(&cfg, 101).await;
        let followers = [1, 2].map(|i| (leader + i) % 3);
        let replies = followers.map(|i| cfg.hold(Messages::replies(Purpose::Append).from(i)));

        for replies in replies {
            let has_it = move |reply: &Held| {
                let (args, answer) = (reply.args(), reply.reply().unwrap_or_default());
                let last =
                    args.prev_log_index.zip(args.entries).map(|(prev, e)| prev + e.len() as u64);
                answer.success == Some(true) && last >= Some(start.index)
            };
            let what = format!("that acknowledge index {}", start.index);
            replies.first_that(what, Needs::Acceptance, has_it).await.deliver().await;
        }
        cfg.end();
    });
}

/// Step 9. What a majority has is committed and applied, on all servers that are there; nothing else is.
#[test]
fn TestStep09MajorityCommits() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Step 9: a majority commits, and no less");

        // All have it, soon, without another command (rule 6).
        let index = cfg.one(101, 2, Retry::Yes).await;
        check_applied(&cfg, index, 3).await;

        // Two of three are enough.
        let (leader, _) = accepted(&cfg, 102).await;
        cfg.disconnect((leader + 1) % 3);
        cfg.one(103, 2, Retry::Yes).await;

        // A leader alone is not.
        let leader = cfg.check_one_leader().await;
        (0..3).filter(|&i| i != leader).for_each(|i| cfg.disconnect(i));
        if let Some(start) = cfg.start(leader, 104) {
            sleep(ALONE).await;
            let (n, value) = cfg.n_committed(start.index);
            if n > 0 && value.and_then(|value| value.as_int()) == Some(104) {
                let message = format!("{n} committed but no majority");
                cfg.fatal((FailureKind::Safety, Check::Committed { index: start.index }), message);
            }
        }
        cfg.end();
    });
}

/// Checks that `n` servers have applied something at `index`, or soon have.
async fn check_applied(cfg: &Config, index: Index, n: usize) {
    if !soon(APPLIED_WITHIN, || cfg.n_committed(index).0 >= n).await {
        let (count, _) = cfg.n_committed(index);
        let message =
            format!("{count} of {n} servers have applied index {index} 2 s after its commit");
        let accepted = Some(config::Accepted { index, term: None });
        cfg.fatal((FailureKind::Liveness, Check::Agreed { accepted }), message);
    }
}

/// Step 10. A follower's log is made like the leader's: what it has too much goes, what it lacks comes.
#[test]
fn TestStep10LogsAreRepaired() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Step 10: a leader repairs its followers' logs");
        cfg.one(101, 3, Retry::Yes).await;

        // A leader is cut off, and takes commands that it can't commit.
        let former = cfg.check_one_leader().await;
        cfg.disconnect(former);
        for command in 201..204 {
            cfg.start(former, command);
        }

        // The others commit other commands at the same indexes, and many more.
        cfg.one(301, 2, Retry::Yes).await;
        let leader = cfg.check_one_leader().await;
        for command in 302..302 + MISSED {
            cfg.start(leader, command);
        }
        cfg.one(400, 2, Retry::Yes).await;

        // It comes back, and gets them all.
        cfg.connect(former);
        cfg.one(401, 3, Retry::Yes).await;
        cfg.end();
    });
}

/// Step 11. A server whose log lacks a committed entry isn't elected.
#[test]
fn TestStep11NewestLogWins() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Step 11: who lacks a committed entry isn't elected");
        cfg.one(101, 3, Retry::Yes).await;

        // One server is cut off for some elections of its own, and misses a command.
        let leader = cfg.check_one_leader().await;
        let (outdated, other) = ((leader + 1) % 3, (leader + 2) % 3);
        cfg.disconnect(outdated);
        cfg.one(102, 2, Retry::Yes).await;
        sleep(Duration::from_secs(2)).await;

        // The leader is cut off, and the server is back.
        cfg.disconnect(leader);
        cfg.connect(outdated);
        let begun = Instant::now();
        while !cfg.is_leader(other) && begun.elapsed() < Duration::from_secs(20) {
            if cfg.is_leader(outdated) {
                let message = format!("server {outdated} leads, and lacks a committed entry");
                cfg.fatal(FailureKind::Safety, message);
            }
            sleep(LOOK).await;
        }

        // The other one leads, and brings it the entry. If the other one's timer starts anew with each higher
        // term, as it may, that is a matter of luck. Then the servers with good logs do without the third.
        if !cfg.is_leader(other) {
            cfg.disconnect(outdated);
            cfg.connect(leader);
            cfg.one(103, 2, Retry::Yes).await;
            cfg.end();
            return;
        }
        cfg.one(103, 2, Retry::Yes).await;
        cfg.connect(leader);
        cfg.one(104, 3, Retry::Yes).await;
        cfg.end();
    });
}
