//! Snapshots that come late or twice, entries that a snapshot covers, and a service that takes its time
//! (§7).
#![expect(non_snake_case, reason = "as MIT names tests")]

use std::time::Duration;

use config::{Check, Config, FailureKind, Held, Hold, Messages, Needs, Purpose, Retry, Snapshots};
use tokio::time::{Instant, sleep};

use super::{accept, cluster, reaches, term};

/// How much a service takes for each command in X16, in ms.
const SLOW_MS: u64 = 1200;

/// How much a service takes for each command in X28, in ms.
const BUSY_MS: u64 = 300;

/// How long X27 and X28 wait for what not every leader sends.
const SENDS_WITHIN: Duration = Duration::from_secs(3);

/// Within which time a leader sends heartbeats.
const HEARS_WITHIN: Duration = Duration::from_millis(600);

/// A snapshot comes when its receiver has newer entries, and comes twice.
#[test]
fn TestLateSnapshotX09() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::On);
        cfg.begin("Test (X09): a late snapshot takes nothing back");
        cfg.one(0, 3, Retry::Yes).await;

        // Server 2 misses so much that it needs a snapshot. It gets one; a copy is under way.
        cfg.crash1(2);
        for command in 1..25 {
            cfg.one(command, 2, Retry::Yes).await;
        }
        let snapshots = cfg.hold(Messages::requests(Purpose::Snapshot).to(2));
        cfg.start1(2);
        cfg.connect(2);
        let snapshot = loop {
            let snapshot = snapshots.next().await;
            if cfg.get_state(2).is_some_and(|(now, _)| term(&cfg, &snapshot) >= now) {
                break snapshot;
            }
            snapshot.deliver().await; // its sender leads no more
        };
        let late = snapshot.copy();
        snapshot.deliver().await;
        drop(snapshots);

        // It gets newer entries. Then the copy comes, and once more when there is a newer snapshot.
        for command in 25..28 {
            cfg.one(command, 3, Retry::Yes).await;
        }
        late.deliver_copy().await;
        for command in 28..34 {
            cfg.one(command, 3, Retry::Yes).await;
        }
        late.deliver_copy().await;
        cfg.one(34, 3, Retry::Yes).await;

        // What server 2 has saved is none the older: it crashes, and comes back.
        late.deliver().await;
        cfg.crash1(2);
        cfg.start1(2);
        cfg.connect(2);
        cfg.one(35, 3, Retry::Yes).await;

        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// AppendEntries come late whose entries the follower's snapshot covers: all of them, or the first ones.
#[test]
fn TestEntriesBehindSnapshotX10() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::On);
        cfg.begin("Test (X10): late entries that a snapshot covers");
        cfg.elect(0).await;

        // Server 0's entries come several at a time, and there are copies of all that server 1 gets.
        let mut late = Vec::new();
        for batch in 0..4 {
            if !cfg.is_leader(0) {
                cfg.elect(0).await;
            }
            let requests = cfg.hold(Messages::requests(Purpose::Append).from(0).to(1));
            let mut last = 0;
            for command in 0..7 {
                last = accept(&cfg, 0, 10 * batch + command);
            }
            let is_last = |request: &Held| {
                late.push(request.copy());
                reaches(request) >= Some(last)
            };
            let request =
                requests.first_that("that have all entries", Needs::Entries, is_last).await;
            request.deliver().await;
            drop(requests);
            cfg.wait(last, 3, None).await;
        }

        // Each copy comes, the earliest first, and then the latest first.
        for request in late.iter().chain(late.iter().rev()) {
            request.deliver_copy().await;
        }
        cfg.one(100, 3, Retry::Yes).await;

        // Server 0 doesn't learn how far server 1 is, which goes on and makes snapshots.
        let replies = cfg.hold(Messages::replies(Purpose::Append).from(1));
        for command in 101..115 {
            cfg.one(command, 2, Retry::Yes).await;
        }
        replies.lose_all();
        for command in 115..118 {
            cfg.one(command, 3, Retry::Yes).await;
        }

        // Server 1 crashes, comes back with a snapshot, and gets all copies.
        cfg.crash1(1);
        cfg.start1(1);
        cfg.connect(1);
        for request in &late {
            request.deliver_copy().await;
        }
        cfg.one(118, 3, Retry::Yes).await;

        drop(late);
        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// The service takes its time for each command, and the servers go on as ever.
#[test]
fn TestSlowServiceX16() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::On);
        cfg.begin("Test (X16): a slow service stops nobody");
        cfg.one(1, 3, Retry::Yes).await;
        cfg.elect(0).await;

        // There is enough to apply for a while. The leader goes on sending, and the others answer.
        cfg.set_apply_time(SLOW_MS);
        for command in 2..5 {
            accept(&cfg, 0, command);
        }
        // Whatever they are, they are heard.
        let heartbeats = cfg.count(Messages::all_requests().from(0));
        for _ in 0..5 {
            let before = cfg.get_state(0);
            sleep(HEARS_WITHIN).await;
            if heartbeats.take() == 0 && cfg.get_state(0) == before {
                let message = format!(
                    "server 0 leads and has sent nothing for 0.6 s, while its service takes \
                     {SLOW_MS} ms for each command"
                );
                cfg.fatal((FailureKind::Liveness, Check::LeaderStays { server: 0 }), message);
            }
        }
        drop(heartbeats);
        let requests = cfg.hold(Messages::requests(Purpose::Append).from(0).to(1));
        if cfg.is_leader(0) && requests.next().await.deliver().await.is_none() {
            let message = format!(
                "server 1 doesn't answer AppendEntries for 0.5 s, while its service takes {SLOW_MS} ms for \
                 each command"
            );
            cfg.fatal(FailureKind::Liveness, message);
        }
        drop(requests);

        // What is committed while the service is at work is applied, too.
        let mut last = 0;
        for command in 5..8 {
            sleep(Duration::from_millis(SLOW_MS / 4)).await;
            last = cfg.leader().map_or(0, |leader| accept(&cfg, leader, command));
        }
        cfg.wait(last, 3, None).await;

        // It is quick again, and makes snapshots.
        cfg.set_apply_time(0);
        for command in 8..25 {
            cfg.one(command, 3, Retry::Yes).await;
        }

        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// Servers make their snapshots at different indexes. So one may be newer than its receiver's own, and
/// older than what that has applied; and entries may come that only their receiver's snapshot covers.
#[test]
fn TestUnevenSnapshotsX27() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Uneven);
        cfg.begin("Test (X27): each server makes its own snapshots");
        late_snapshot(&cfg).await;
        cfg.heal();
        cfg.one(100, 3, Retry::Yes).await;

        // Server 2 leads, and its snapshots are rarer than those of server 0, whose answers it doesn't get.
        cfg.elect(2).await;
        for round in 0..4 {
            let replies = cfg.hold(Messages::replies(Purpose::Append).from(0));
            for command in 0..5 {
                cfg.one(200 + 10 * round + command, 2, Retry::Yes).await;
            }
            // Heartbeats tell server 0 what is committed.
            sleep(HEARS_WITHIN).await;
            replies.lose_all();
            // No more than one command: with more there would be a snapshot to send.
            if let Some(start) = cfg.start(2, 300 + round) {
                cfg.wait(start.index, 3, Some(start.term)).await;
            }
        }

        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// Server 2 gets entries up to index 16, commits them, and then gets a snapshot up to index 15, which its
/// leader has sent later. Its own ends at 9.
async fn late_snapshot(cfg: &Config) {
    cfg.elect(0).await;
    let mut before = 0;
    while before < 12 {
        before = cfg.one(cfg.random_value(), 3, Retry::Yes).await;
    }
    let appends = cfg.hold(Messages::requests(Purpose::Append).from(0).to(2));
    let snapshots = cfg.hold(Messages::requests(Purpose::Snapshot).from(0).to(2));

    // Server 0 commits four more, and makes no snapshot yet, as its service is slow.
    cfg.set_apply_time(SLOW_MS);
    let mut last = 0;
    for command in 13..17 {
        last = accept(cfg, 0, command);
    }
    // All that server 2 lacks, in one request.
    let has_all = |append: &Held| {
        let args = append.args();
        args.leader_commit >= Some(last)
            && args.prev_log_index <= Some(before)
            && reaches(append) >= Some(last)
    };
    let Some(entries) = sent(&appends, has_all).await else { return };
    cfg.set_apply_time(0);
    let Some(snapshot) = sent(&snapshots, |_| true).await else { return };

    if entries.deliver().await.and_then(|reply| reply.success) == Some(true) {
        cfg.wait(last, 3, None).await;
        snapshot.deliver().await;
    }
    drop((appends, snapshots));
}

/// The first of these messages that is `wanted`. Those before it are lost, so that their sender tries
/// again. `None` if none comes.
async fn sent(messages: &Hold, wanted: impl Fn(&Held) -> bool) -> Option<Held> {
    let begun = Instant::now();
    while begun.elapsed() < SENDS_WITHIN {
        match messages.take() {
            Some(message) if wanted(&message) => return Some(message),
            Some(_) => {}
            None => sleep(Duration::from_millis(1)).await,
        }
    }
    messages.skip_if_unread();
    None
}

/// A snapshot comes while the service is at work on entries that it covers.
#[test]
fn TestSnapshotWhileApplyingX28() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::On);
        cfg.begin("Test (X28): a snapshot comes while entries are applied");
        snapshot_for_busy_service(&cfg).await;
        cfg.one(27, 3, Retry::Yes).await;

        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// Server 2 gets a snapshot when its service has the first of the entries that the snapshot covers.
async fn snapshot_for_busy_service(cfg: &Config) {
    cfg.elect(0).await;
    for command in 0..4 {
        cfg.one(command, 3, Retry::Yes).await;
    }

    // There is a copy of a request that tells server 2 of these, and that they are committed.
    let appends = cfg.hold(Messages::requests(Purpose::Append).from(0).to(2));
    let last = accept(cfg, 0, 4);
    let Some(request) = sent(&appends, |append| reaches(append) >= Some(last)).await else {
        return;
    };
    let told = request.copy();
    request.deliver().await;
    drop(appends);
    cfg.wait(last, 3, None).await;

    // Server 2 crashes, and misses so much that it needs a snapshot. It comes back, and doesn't know yet
    // what is committed.
    cfg.crash1(2);
    for command in 5..27 {
        cfg.one(command, 2, Retry::Yes).await;
    }
    let snapshots = cfg.hold(Messages::requests(Purpose::Snapshot).to(2));
    cfg.start1(2);
    cfg.connect(2);
    let snapshot = snapshots.next().await;

    // It is told, and the snapshot comes when its service is at work.
    cfg.set_apply_time(BUSY_MS);
    told.deliver_copy().await;
    sleep(Duration::from_millis(BUSY_MS / 10)).await;
    snapshot.deliver().await;
    drop((told, snapshots));
    cfg.set_apply_time(0);
}

/// A server has entries of its own, which nobody else has, where a leader's snapshot ends and beyond.
#[test]
fn TestSnapshotOverConflictX30() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::On);
        cfg.begin("Test (X30): a snapshot that conflicts with the log replaces it");
        cfg.elect(0).await;
        cfg.one(0, 3, Retry::Yes).await;

        // A leader is cut off, and takes commands that come to nothing.
        cfg.disconnect(0);
        for command in 1000..1040 {
            accept(&cfg, 0, command);
        }

        // The others agree on so much that they have snapshots.
        for command in 1..26 {
            cfg.one(command, 2, Retry::Yes).await;
        }

        // It comes back, and gets a snapshot that ends where it has other entries.
        cfg.connect(0);
        for command in 26..29 {
            cfg.one(command, 3, Retry::Yes).await;
        }
        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}
