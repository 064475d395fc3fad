//! Part 3D: snapshots replace the beginning of the log (§7).
#![expect(non_snake_case, reason = "MIT's names")]

use config::{
    Check, Config, FailureKind, Reliability, Retry, SNAPSHOT_INTERVAL, Snapshots, make_config,
};

/// What a server's saved state must stay below, in bytes; fewer than 30 entries are ever needed.
///
/// MIT's limit, which also holds about as many entries as it does there: gob takes 85 bytes and 22 an
/// entry, so it holds 87. labgob takes some 50 bytes and 21 an entry if the log is encoded as a
/// `Vec`, so it holds 92; with an index in each entry 81, with each entry encoded by itself 66.
pub(crate) const MAXLOGSIZE: usize = 2000;

/// What happens to one server again and again while the others go on.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Trouble {
    /// Nothing.
    Nothing,
    /// It is cut off, and comes back.
    Disconnect,
    /// It crashes, and comes back.
    Crash,
}

#[test]
fn TestSnapshotBasic3D() {
    config::test(|t| async move {
        let cfg = make_config(&t, 3, Reliability::Reliable, Snapshots::On, raft::make);
        cfg.begin("Test (3D): snapshots basic");
        snapcommon(&cfg, Trouble::Nothing).await;
        cfg.end();
    });
}

#[test]
fn TestSnapshotInstall3D() {
    config::test(|t| async move {
        let cfg = make_config(&t, 3, Reliability::Reliable, Snapshots::On, raft::make);
        cfg.begin("Test (3D): install snapshots (disconnect)");
        snapcommon(&cfg, Trouble::Disconnect).await;
        cfg.end();
    });
}

#[test]
fn TestSnapshotInstallUnreliable3D() {
    config::test(|t| async move {
        let cfg = make_config(&t, 3, Reliability::Unreliable, Snapshots::On, raft::make);
        cfg.begin("Test (3D): install snapshots (disconnect+unreliable)");
        snapcommon(&cfg, Trouble::Disconnect).await;
        cfg.end();
    });
}

#[test]
fn TestSnapshotInstallCrash3D() {
    config::test(|t| async move {
        let cfg = make_config(&t, 3, Reliability::Reliable, Snapshots::On, raft::make);
        cfg.begin("Test (3D): install snapshots (crash)");
        snapcommon(&cfg, Trouble::Crash).await;
        cfg.end();
    });
}

#[test]
fn TestSnapshotInstallUnCrash3D() {
    config::test(|t| async move {
        let cfg = make_config(&t, 3, Reliability::Unreliable, Snapshots::On, raft::make);
        cfg.begin("Test (3D): install snapshots (unreliable+crash)");
        snapcommon(&cfg, Trouble::Crash).await;
        cfg.end();
    });
}

/// The script of most of this part's tests: a server misses commands, of which a snapshot may be all
/// that is left when it comes back.
pub(crate) async fn snapcommon(cfg: &Config, trouble: Trouble) {
    let servers = cfg.servers();
    let in_order = if trouble == Trouble::Nothing { servers } else { servers - 1 };

    cfg.one(cfg.random_value(), servers, Retry::Yes).await;
    let mut leader1 = cfg.check_one_leader().await;

    for round in 0..30 {
        // The victim is a follower; each third time it is the leader.
        let (mut sender, mut victim) = (leader1, (leader1 + 1) % servers);
        if round % 3 == 1 {
            (sender, victim) = (victim, sender);
        }

        // The trouble begins. The others go on without the victim.
        match trouble {
            Trouble::Nothing => {}
            Trouble::Disconnect => {
                cfg.disconnect(victim);
                cfg.one(cfg.random_value(), servers - 1, Retry::Yes).await;
            }
            Trouble::Crash => {
                cfg.crash1(victim);
                cfg.one(cfg.random_value(), servers - 1, Retry::Yes).await;
            }
        }

        // There are commands enough for a snapshot, perhaps; if the sender leads.
        let commands = SNAPSHOT_INTERVAL / 2 + cfg.random_range(0..SNAPSHOT_INTERVAL);
        for _ in 0..commands {
            cfg.start(sender, cfg.random_value());
        }

        // They are applied. Without trouble all servers have to keep up: a snapshot that is sent is
        // none of the basic test's.
        cfg.one(cfg.random_value(), in_order, Retry::Yes).await;

        // The logs' beginnings are gone.
        if cfg.log_size() >= MAXLOGSIZE {
            let check = Check::LogCut { server: None };
            cfg.fatal((FailureKind::Budget, check), "Log size too large");
        }

        // The victim comes back, and perhaps needs a snapshot to keep up again.
        match trouble {
            Trouble::Nothing => {}
            Trouble::Disconnect => {
                cfg.connect(victim);
                cfg.one(cfg.random_value(), servers, Retry::Yes).await;
                leader1 = cfg.check_one_leader().await;
            }
            Trouble::Crash => {
                cfg.start1(victim);
                cfg.connect(victim);
                cfg.one(cfg.random_value(), servers, Retry::Yes).await;
                leader1 = cfg.check_one_leader().await;
            }
        }
    }
}

#[test]
fn TestSnapshotAllCrash3D() {
    config::test(|t| async move {
        let servers = 3;
        let cfg = make_config(&t, servers, Reliability::Reliable, Snapshots::On, raft::make);
        cfg.begin("Test (3D): crash and restart all servers");

        cfg.one(cfg.random_value(), servers, Retry::Yes).await;

        for _ in 0..5 {
            // There are commands enough for a snapshot, perhaps.
            let commands = SNAPSHOT_INTERVAL / 2 + cfg.random_range(0..SNAPSHOT_INTERVAL);
            for _ in 0..commands {
                cfg.one(cfg.random_value(), servers, Retry::Yes).await;
            }
            let index1 = cfg.one(cfg.random_value(), servers, Retry::Yes).await;

            // All servers crash and come back.
            crash_and_restart_all(&cfg);

            // They go on where they were.
            let index2 = cfg.one(cfg.random_value(), servers, Retry::Yes).await;
            if index2 < index1 + 1 {
                let message = format!("index decreased from {index1} to {index2}");
                cfg.fatal((FailureKind::Safety, Check::NextIndex { server: None }), message);
            }
        }

        cfg.end();
    });
}

#[track_caller]
fn crash_and_restart_all(cfg: &Config) {
    for server in 0..cfg.servers() {
        cfg.crash1(server);
    }
    for server in 0..cfg.servers() {
        cfg.start1(server);
        cfg.connect(server);
    }
}

#[test]
fn TestSnapshotInit3D() {
    config::test(|t| async move {
        let servers = 3;
        let cfg = make_config(&t, servers, Reliability::Reliable, Snapshots::On, raft::make);
        cfg.begin("Test (3D): snapshot initialization after crash");

        cfg.one(cfg.random_value(), servers, Retry::Yes).await;

        // There are commands enough for a snapshot.
        for _ in 0..=SNAPSHOT_INTERVAL {
            cfg.one(cfg.random_value(), servers, Retry::Yes).await;
        }

        // All servers crash and come back.
        crash_and_restart_all(&cfg);

        // One more command, so that they save their state again.
        cfg.one(cfg.random_value(), servers, Retry::Yes).await;

        // The snapshot must have been saved again with it.
        crash_and_restart_all(&cfg);
        cfg.one(cfg.random_value(), servers, Retry::Yes).await;

        cfg.end();
    });
}
