//! Part 3C: what a server saves survives its crashes (Figure 2, "Persistent state"; §5.4.2).
#![expect(non_snake_case, reason = "MIT's names")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use config::{Check, Config, FailureKind, Reliability, Retry, Snapshots, Switch, make_config};
use tokio::time::sleep;

use super::election_3a::RAFT_ELECTION_TIMEOUT;

#[test]
fn TestPersist13C() {
    config::test(|t| async move {
        let servers = 3;
        let cfg = make_config(&t, servers, Reliability::Reliable, Snapshots::Off, raft::make);
        cfg.begin("Test (3C): basic persistence");

        cfg.one(11, servers, Retry::Yes).await;

        // All servers crash and come back.
        for server in 0..servers {
            cfg.start1(server);
        }
        for server in 0..servers {
            cfg.disconnect(server);
            cfg.connect(server);
        }
        cfg.one(12, servers, Retry::Yes).await;

        // The leader crashes and comes back.
        let leader1 = cfg.check_one_leader().await;
        cfg.disconnect(leader1);
        cfg.start1(leader1);
        cfg.connect(leader1);
        cfg.one(13, servers, Retry::Yes).await;

        // The next leader is cut off, misses a command, crashes and comes back.
        let leader2 = cfg.check_one_leader().await;
        cfg.disconnect(leader2);
        cfg.one(14, servers - 1, Retry::Yes).await;
        cfg.start1(leader2);
        cfg.connect(leader2);

        // It gets what it has missed.
        cfg.wait(4, servers, None).await;

        // The same happens to a follower.
        let follower = (cfg.check_one_leader().await + 1) % servers;
        cfg.disconnect(follower);
        cfg.one(15, servers - 1, Retry::Yes).await;
        cfg.start1(follower);
        cfg.connect(follower);
        cfg.one(16, servers, Retry::Yes).await;

        cfg.end();
    });
}

#[test]
fn TestPersist23C() {
    config::test(|t| async move {
        let servers = 5;
        let cfg = make_config(&t, servers, Reliability::Reliable, Snapshots::Off, raft::make);
        cfg.begin("Test (3C): more persistence");

        let mut index = 1;
        for _ in 0..5 {
            cfg.one(10 + index, servers, Retry::Yes).await;
            index += 1;

            // Two followers are cut off; the three that are left go on.
            let leader1 = cfg.check_one_leader().await;
            cfg.disconnect((leader1 + 1) % servers);
            cfg.disconnect((leader1 + 2) % servers);
            cfg.one(10 + index, servers - 2, Retry::Yes).await;
            index += 1;

            // These three are cut off.
            cfg.disconnect(leader1);
            cfg.disconnect((leader1 + 3) % servers);
            cfg.disconnect((leader1 + 4) % servers);

            // The first two crash and come back, but two of five are no majority.
            cfg.start1((leader1 + 1) % servers);
            cfg.start1((leader1 + 2) % servers);
            cfg.connect((leader1 + 1) % servers);
            cfg.connect((leader1 + 2) % servers);
            sleep(RAFT_ELECTION_TIMEOUT).await;

            // One of the three crashes and comes back, and brings what they had agreed upon.
            cfg.start1((leader1 + 3) % servers);
            cfg.connect((leader1 + 3) % servers);
            cfg.one(10 + index, servers - 2, Retry::Yes).await;
            index += 1;

            // The last two come back.
            cfg.connect((leader1 + 4) % servers);
            cfg.connect(leader1);
        }
        cfg.one(1000, servers, Retry::Yes).await;

        cfg.end();
    });
}

#[test]
fn TestPersist33C() {
    config::test(|t| async move {
        let servers = 3;
        let cfg = make_config(&t, servers, Reliability::Reliable, Snapshots::Off, raft::make);
        cfg.begin("Test (3C): partitioned leader and one follower crash, leader restarts");

        cfg.one(101, servers, Retry::Yes).await;

        // A follower is cut off and misses a command.
        let leader = cfg.check_one_leader().await;
        cfg.disconnect((leader + 2) % servers);
        cfg.one(102, servers - 1, Retry::Yes).await;

        // The two others crash.
        cfg.crash1(leader);
        cfg.crash1((leader + 1) % servers);

        // The follower meets only the leader that was; both have the command afterwards.
        cfg.connect((leader + 2) % servers);
        cfg.start1(leader);
        cfg.connect(leader);
        cfg.one(103, servers - 1, Retry::Yes).await;

        // The last one comes back.
        cfg.start1((leader + 1) % servers);
        cfg.connect((leader + 1) % servers);
        cfg.one(104, servers, Retry::Yes).await;

        cfg.end();
    });
}

/// Figure 8 of the paper, by chance: leaders come and go with entries that few others have. A leader
/// that commits an earlier term's entry by counting replicas (§5.4.2) may lose one.
#[test]
fn TestFigure83C() {
    config::test(|t| async move {
        let servers = 5;
        let cfg = make_config(&t, servers, Reliability::Reliable, Snapshots::Off, raft::make);
        cfg.begin("Test (3C): Figure 8");

        cfg.one(cfg.random_value(), 1, Retry::Yes).await;

        let mut up = servers;
        for _ in 0..1000 {
            // Whoever leads takes a command.
            let mut leader = None;
            for server in 0..servers {
                if cfg.is_live(server) && cfg.start(server, cfg.random_value()).is_some() {
                    leader = Some(server);
                }
            }

            // Now and then there is time to commit it, but mostly just to send it to some.
            sleep(figure_8_pause(&cfg)).await;

            // The leader crashes.
            if let Some(leader) = leader {
                cfg.crash1(leader);
                up -= 1;
            }

            // If there are too few left for a majority, a crashed one may come back.
            if up < 3 {
                let server = cfg.random_range(0..servers);
                if !cfg.is_live(server) {
                    cfg.start1(server);
                    cfg.connect(server);
                    up += 1;
                }
            }
        }

        // All come back and agree.
        for server in 0..servers {
            if !cfg.is_live(server) {
                cfg.start1(server);
                cfg.connect(server);
            }
        }
        cfg.one(cfg.random_value(), servers, Retry::Yes).await;

        cfg.end();
    });
}

/// In one case of ten up to half a second, else just a few milliseconds.
fn figure_8_pause(cfg: &Config) -> Duration {
    if happens(cfg, 100) {
        Duration::from_millis(cfg.random_range(0..500))
    } else {
        Duration::from_millis(cfg.random_range(0..13))
    }
}

/// Draws whether something happens that does so `per_mille` times in a thousand.
fn happens(cfg: &Config, per_mille: u32) -> bool {
    cfg.random_range(0..1000) < per_mille
}

#[test]
fn TestUnreliableAgree3C() {
    config::test(|t| async move {
        let servers = 5;
        let cfg = make_config(&t, servers, Reliability::Unreliable, Snapshots::Off, raft::make);
        cfg.begin("Test (3C): unreliable agreement");

        // Again and again five commands are wanted at the same time.
        let mut clients = Vec::new();
        for round in 1..50 {
            for client in 0..4 {
                let cfg = cfg.clone();
                let command = 100 * round + client;
                clients.push(tokio::spawn(async move { cfg.one(command, 1, Retry::Yes).await }));
            }
            cfg.one(round, 1, Retry::Yes).await;
        }

        // All get theirs.
        cfg.set_reliability(Reliability::Reliable);
        for client in clients {
            client.await.expect("its failure ends the run");
        }

        // All servers agree on one more.
        cfg.one(100, servers, Retry::Yes).await;

        cfg.end();
    });
}

/// Figure 8 of the paper, by chance, on a network that loses messages and answers late: leaders are
/// cut off and come back instead of crashing.
#[test]
fn TestFigure8Unreliable3C() {
    config::test(|t| async move {
        let servers = 5;
        let cfg = make_config(&t, servers, Reliability::Unreliable, Snapshots::Off, raft::make);
        cfg.begin("Test (3C): Figure 8 (unreliable)");

        let command = |cfg: &Config| -> u64 { cfg.random_range(0..10_000) };
        cfg.one(command(&cfg), 1, Retry::Yes).await;

        let mut up = servers;
        for round in 0..1000 {
            // After some time answers also begin to overtake each other.
            if round == 200 {
                cfg.set_long_reordering(Switch::On);
            }

            // Whoever leads takes a command, also where it is cut off.
            let mut leader = None;
            for server in 0..servers {
                let start = cfg.start(server, command(&cfg));
                if start.is_some() && cfg.is_connected(server) {
                    leader = Some(server);
                }
            }

            // Now and then there is time to commit it, but mostly just to send it to some.
            sleep(figure_8_pause(&cfg)).await;

            // Every other time the leader is cut off.
            if let Some(leader) = leader
                && happens(&cfg, 500)
            {
                cfg.disconnect(leader);
                up -= 1;
            }

            // If there are too few left for a majority, one that was cut off may come back.
            if up < 3 {
                let server = cfg.random_range(0..servers);
                if !cfg.is_connected(server) {
                    cfg.connect(server);
                    up += 1;
                }
            }
        }

        // All come back and agree.
        for server in 0..servers {
            if !cfg.is_connected(server) {
                cfg.connect(server);
            }
        }
        cfg.one(command(&cfg), servers, Retry::Yes).await;

        cfg.end();
    });
}

#[test]
fn TestReliableChurn3C() {
    config::test(|t| async move {
        let cfg = make_config(&t, 5, Reliability::Reliable, Snapshots::Off, raft::make);
        cfg.begin("Test (3C): churn");
        internal_churn(&cfg).await;
        cfg.end();
    });
}

#[test]
fn TestUnreliableChurn3C() {
    config::test(|t| async move {
        let cfg = make_config(&t, 5, Reliability::Unreliable, Snapshots::Off, raft::make);
        cfg.begin("Test (3C): unreliable churn");
        internal_churn(&cfg).await;
        cfg.end();
    });
}

/// Servers are cut off, crash and come back at random while clients want commands agreed upon.
async fn internal_churn(cfg: &Config) {
    let servers = cfg.servers();

    // Three clients begin.
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> =
        (0..3).map(|me| tokio::spawn(churn_client(cfg.clone(), me, stop.clone()))).collect();

    for _ in 0..20 {
        // Perhaps a server is cut off,
        if happens(cfg, 200) {
            cfg.disconnect(cfg.random_range(0..servers));
        }

        // perhaps one comes back, whatever has happened to it,
        if happens(cfg, 500) {
            let server = cfg.random_range(0..servers);
            if !cfg.is_live(server) {
                cfg.start1(server);
            }
            cfg.connect(server);
        }

        // perhaps one crashes.
        if happens(cfg, 200) {
            let server = cfg.random_range(0..servers);
            if cfg.is_live(server) {
                cfg.crash1(server);
            }
        }

        // That goes on faster than everything can settle, but not so fast that nothing is agreed upon.
        sleep(RAFT_ELECTION_TIMEOUT * 7 / 10).await;
    }

    // All come back, and the clients stop.
    sleep(RAFT_ELECTION_TIMEOUT).await;
    cfg.set_reliability(Reliability::Reliable);
    for server in 0..servers {
        if !cfg.is_live(server) {
            cfg.start1(server);
        }
        cfg.connect(server);
    }
    stop.store(true, Ordering::Relaxed);
    let mut promised = Vec::new();
    for client in clients {
        let Ok(numbers) = client.await else { cfg.fatal(FailureKind::Tester, "client failed") };
        promised.extend(numbers);
    }

    // All servers agree on one more command, and on all before it.
    sleep(RAFT_ELECTION_TIMEOUT).await;
    let last_index = cfg.one(cfg.random_value(), servers, Retry::Yes).await;
    let mut committed = BTreeSet::new();
    for index in 1..=last_index {
        let value = cfg.wait(index, servers, None).await;
        let Some(number) = value.and_then(|value| value.as_int()) else {
            let check = Check::SameCommand { index, servers: Vec::new() };
            cfg.fatal((FailureKind::Safety, check), "not an int");
        };
        committed.insert(number);
    }

    // What a client has seen committed is still there.
    for number in promised {
        if !committed.contains(&number) {
            let index = cfg.accepted(number).map_or(0, |start| start.index);
            let check = Check::SameCommand { index, servers: Vec::new() };
            cfg.fatal((FailureKind::Safety, check), "didn't find a value");
        }
    }
}

/// Wants one command after the other agreed upon, and returns those that were.
async fn churn_client(cfg: Config, me: u64, stop: Arc<AtomicBool>) -> Vec<u64> {
    let mut promised = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        // Whoever leads takes the command.
        let command = cfg.random_value();
        let mut index = None;
        for server in 0..cfg.servers() {
            if let Some(start) = cfg.start(server, command.clone()) {
                index = Some(start.index);
            }
        }

        let Some(index) = index else {
            sleep(Duration::from_millis(79 + me * 17)).await;
            continue;
        };

        // Perhaps the command is committed, perhaps another, perhaps none: nobody waits for long.
        for pause in [10, 20, 50, 100, 200] {
            if let (1.., Some(committed)) = cfg.n_committed(index) {
                let Some(number) = committed.as_int() else {
                    let check = Check::SameCommand { index, servers: Vec::new() };
                    cfg.fatal((FailureKind::Safety, check), "wrong command type");
                };
                if committed == command {
                    promised.push(number);
                }
                break;
            }
            sleep(Duration::from_millis(pause)).await;
        }
    }
    promised
}
