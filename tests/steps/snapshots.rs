//! Steps 14 and 15: snapshots replace the beginning of the log (§7).
#![expect(non_snake_case, reason = "as MIT names tests")]

use config::{Check, FailureKind, Retry, Snapshots};

use super::cluster;

/// What a server's saved state must stay below, in bytes, as in MIT's tests of part 3D.
const MAX_LOG_SIZE: usize = 2000;

/// More commands than saved state of that size has room for.
const MANY: u64 = 150;

/// Step 14. What a snapshot covers leaves the log and the disk, and indexes go on as before.
#[test]
fn TestStep14SnapshotCutsLog() {
    config::test(|t| async move {
        t.be_strict();
        let cfg = cluster(&t, 3, Snapshots::On);
        cfg.begin("Step 14: snapshots keep the log short");
        for command in 1..=MANY {
            let index = cfg.one(cfg.random_value(), 3, Retry::Yes).await;
            if index < command {
                let message = format!("got index {index} but expected {command} or more");
                cfg.fatal((FailureKind::Safety, Check::NextIndex { server: None }), message);
            }
        }
        let size = cfg.log_size();
        if size >= MAX_LOG_SIZE {
            let message = format!("Log size too large: {size} bytes after {MANY} commands");
            cfg.fatal((FailureKind::Budget, Check::LogCut { server: None }), message);
        }
        cfg.end();
    });
}

/// Step 15. A server that lacks what its leader no longer has gets the leader's snapshot; and so it does after
/// its own crash.
#[test]
fn TestStep15SnapshotIsInstalled() {
    config::test(|t| async move {
        t.be_strict();
        let cfg = cluster(&t, 3, Snapshots::On);
        cfg.begin("Step 15: a follower that is far behind gets a snapshot");
        let mut command = 0;
        for _ in 0..3 {
            command += 1;
            cfg.one(command, 3, Retry::Yes).await;

            // A follower is down for several snapshots.
            let follower = (cfg.check_one_leader().await + 1) % 3;
            cfg.crash1(follower);
            for _ in 0..25 {
                command += 1;
                cfg.one(command, 2, Retry::Yes).await;
            }

            // It comes back, and gets them from the leader.
            cfg.start1(follower);
            cfg.connect(follower);
            command += 1;
            cfg.one(command, 3, Retry::Yes).await;

            // What it got, it has saved.
            cfg.crash1(follower);
            cfg.start1(follower);
            cfg.connect(follower);
            command += 1;
            cfg.one(command, 3, Retry::Yes).await;
        }
        cfg.end();
    });
}
