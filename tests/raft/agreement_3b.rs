//! Part 3B: the log (§5.3, §5.4).
#![expect(non_snake_case, reason = "MIT's names")]

use std::time::Duration;

use config::{
    Budget, Check, Config, FailureKind, Reliability, Retry, Snapshots, Value, make_config,
};
use raftapi::{Index, Start, Term};
use tokio::time::sleep;

use super::election_3a::RAFT_ELECTION_TIMEOUT;

/// How long each of the ten commands of `TestRPCBytes3B` is.
pub(crate) const COMMAND_BYTES: usize = 5000;

/// What may be sent beside them, when each crosses the network once for each of three servers.
///
/// MIT's is 50,000 bytes, of which gob takes some 16,000: 320 for each of 50 RPCs. labgob takes 30 for
/// each. So the limit is 185,500: a right Raft sends each command to two followers, 100,000 bytes; one
/// that sends each twice 200,000, and one that sends its whole log each time 550,000 at least.
pub(crate) const SLACK_BYTES: u64 = 50_000 - 16_000 + 1_500;

/// The commands of `TestConcurrentStarts3B`.
const CONCURRENT: [u64; 5] = [100, 101, 102, 103, 104];

/// How many commands `TestCount3B` counts.
pub(crate) const ENTRIES: u64 = 10;

/// How often a test that needs one undisturbed term tries to get one.
const ATTEMPTS: usize = 5;

/// How long it waits between two of them.
const SETTLE: Duration = Duration::from_secs(3);

#[test]
fn TestBasicAgree3B() {
    config::test(|t| async move {
        let servers = 3;
        let cfg = make_config(&t, servers, Reliability::Reliable, Snapshots::Off, raft::make);
        cfg.begin("Test (3B): basic agreement");

        for index in 1..=3 {
            // Nothing is there that nobody has asked for.
            if cfg.n_committed(index).0 > 0 {
                let check = Check::SameCommand { index, servers: Vec::new() };
                cfg.fatal((FailureKind::Safety, check), "some have committed before Start()");
            }

            // A command gets the next index.
            let got = cfg.one(index * 100, servers, Retry::No).await;
            check_index(&cfg, got, index);
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

/// That this server, which leads, takes a command.
fn accepted(server: usize) -> Check {
    Check::Accepted { server: Some(server as u32), is_seen: true }
}

/// That this server, which leads, gives a command the next index.
fn next_index(server: usize) -> Check {
    Check::NextIndex { server: Some(server as u32) }
}

/// That a command is taken; or, if it was, that it is the one at its index.
fn kept(cfg: &Config, command: u64) -> Check {
    match cfg.accepted(command) {
        Some(start) => Check::SameCommand { index: start.index, servers: Vec::new() },
        None => Check::Accepted { server: None, is_seen: false },
    }
}

#[test]
fn TestRPCBytes3B() {
    config::test(|t| async move {
        let servers = 3;
        let cfg = make_config(&t, servers, Reliability::Reliable, Snapshots::Off, raft::make);
        cfg.begin("Test (3B): RPC byte count");

        cfg.one(99, servers, Retry::No).await;
        let bytes0 = cfg.bytes_total();

        // Ten large commands are agreed upon, one after the other.
        for index in 2..=11 {
            let got = cfg.one(cfg.random_string(COMMAND_BYTES), servers, Retry::No).await;
            check_index(&cfg, got, index);
        }

        // Each has crossed the network about once for each follower.
        let got = cfg.bytes_total() - bytes0;
        let expected = (servers * 10 * COMMAND_BYTES) as u64;
        if got > expected + SLACK_BYTES {
            let message = format!("too many RPC bytes; got {got}, expected {expected}");
            cfg.fatal((FailureKind::Budget, Check::Budget { of: Budget::Bytes }), message);
        }

        cfg.end();
    });
}

#[test]
fn TestFollowerFailure3B() {
    config::test(|t| async move {
        let servers = 3;
        let cfg = make_config(&t, servers, Reliability::Reliable, Snapshots::Off, raft::make);
        cfg.begin("Test (3B): test progressive failure of followers");

        cfg.one(101, servers, Retry::No).await;

        // A follower is cut off.
        let leader1 = cfg.check_one_leader().await;
        cfg.disconnect((leader1 + 1) % servers);

        // The leader and the other follower go on, now and after a while.
        cfg.one(102, servers - 1, Retry::No).await;
        sleep(RAFT_ELECTION_TIMEOUT).await;
        cfg.one(103, servers - 1, Retry::No).await;

        // The other follower is cut off, too.
        let leader2 = cfg.check_one_leader().await;
        cfg.disconnect((leader2 + 1) % servers);
        cfg.disconnect((leader2 + 2) % servers);

        // The leader alone still takes a command,
        let Some(Start { index, .. }) = cfg.start(leader2, 104) else {
            cfg.fatal((FailureKind::Liveness, accepted(leader2)), "leader rejected Start()");
        };
        if index != 4 {
            let message = format!("expected index 4, got {index}");
            cfg.fatal((FailureKind::Safety, next_index(leader2)), message);
        }

        // but doesn't commit it.
        sleep(2 * RAFT_ELECTION_TIMEOUT).await;
        check_not_committed(&cfg, index);

        cfg.end();
    });
}

#[track_caller]
fn check_not_committed(cfg: &Config, index: Index) {
    let (n, _) = cfg.n_committed(index);
    if n > 0 {
        let message = format!("{n} committed but no majority");
        cfg.fatal((FailureKind::Safety, Check::Committed { index }), message);
    }
}

#[test]
fn TestLeaderFailure3B() {
    config::test(|t| async move {
        let servers = 3;
        let cfg = make_config(&t, servers, Reliability::Reliable, Snapshots::Off, raft::make);
        cfg.begin("Test (3B): test failure of leaders");

        cfg.one(101, servers, Retry::No).await;

        // The leader is cut off.
        let leader1 = cfg.check_one_leader().await;
        cfg.disconnect(leader1);

        // The others elect a new one and go on, now and after a while.
        cfg.one(102, servers - 1, Retry::No).await;
        sleep(RAFT_ELECTION_TIMEOUT).await;
        cfg.one(103, servers - 1, Retry::No).await;

        // The new leader is cut off, too.
        let leader2 = cfg.check_one_leader().await;
        cfg.disconnect(leader2);

        // Whoever takes a command now has no majority to commit it.
        for server in 0..servers {
            cfg.start(server, 104);
        }
        sleep(2 * RAFT_ELECTION_TIMEOUT).await;
        check_not_committed(&cfg, 4);

        cfg.end();
    });
}

#[test]
fn TestFailAgree3B() {
    config::test(|t| async move {
        let servers = 3;
        let cfg = make_config(&t, servers, Reliability::Reliable, Snapshots::Off, raft::make);
        cfg.begin("Test (3B): agreement after follower reconnects");

        cfg.one(101, servers, Retry::No).await;

        // A follower is cut off.
        let leader = cfg.check_one_leader().await;
        cfg.disconnect((leader + 1) % servers);

        // The two others go on, now and after a while.
        cfg.one(102, servers - 1, Retry::No).await;
        cfg.one(103, servers - 1, Retry::No).await;
        sleep(RAFT_ELECTION_TIMEOUT).await;
        cfg.one(104, servers - 1, Retry::No).await;
        cfg.one(105, servers - 1, Retry::No).await;

        // The follower comes back, perhaps in a later term, and gets what it has missed.
        cfg.connect((leader + 1) % servers);
        cfg.one(106, servers, Retry::Yes).await;
        sleep(RAFT_ELECTION_TIMEOUT).await;
        cfg.one(107, servers, Retry::Yes).await;

        cfg.end();
    });
}

#[test]
fn TestFailNoAgree3B() {
    config::test(|t| async move {
        let servers = 5;
        let cfg = make_config(&t, servers, Reliability::Reliable, Snapshots::Off, raft::make);
        cfg.begin("Test (3B): no agreement if too many followers disconnect");

        cfg.one(10, servers, Retry::No).await;

        // Three of four followers are cut off.
        let leader = cfg.check_one_leader().await;
        let followers = [1, 2, 3].map(|i| (leader + i) % servers);
        for server in followers {
            cfg.disconnect(server);
        }

        // The leader still takes a command,
        let Some(Start { index, .. }) = cfg.start(leader, 20) else {
            cfg.fatal((FailureKind::Liveness, accepted(leader)), "leader rejected Start()");
        };
        if index != 2 {
            let message = format!("expected index 2, got {index}");
            cfg.fatal((FailureKind::Safety, next_index(leader)), message);
        }

        // but doesn't commit it.
        sleep(2 * RAFT_ELECTION_TIMEOUT).await;
        check_not_committed(&cfg, index);

        // The three come back.
        for server in followers {
            cfg.connect(server);
        }

        // If they have elected one of themselves, that command is gone, and its index is free.
        let leader2 = cfg.check_one_leader().await;
        let Some(Start { index, .. }) = cfg.start(leader2, 30) else {
            cfg.fatal((FailureKind::Liveness, accepted(leader2)), "leader2 rejected Start()");
        };
        if !(2..=3).contains(&index) {
            let message = format!("unexpected index {index}");
            cfg.fatal((FailureKind::Safety, next_index(leader2)), message);
        }

        // All five agree again.
        cfg.one(1000, servers, Retry::Yes).await;

        cfg.end();
    });
}

#[test]
fn TestConcurrentStarts3B() {
    config::test(|t| async move {
        let cfg = make_config(&t, 3, Reliability::Reliable, Snapshots::Off, raft::make);
        cfg.begin("Test (3B): concurrent Start()s");

        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                sleep(SETTLE).await;
            }
            let Some(committed) = concurrent_starts(&cfg).await else { continue };

            // Each command was committed where the leader had said.
            for number in CONCURRENT {
                if !committed.contains(&number) {
                    let message = format!("cmd {number} missing in {committed:?}");
                    cfg.fatal((FailureKind::Safety, kept(&cfg, number)), message);
                }
            }
            cfg.end();
            return;
        }
        cfg.fatal((FailureKind::Liveness, Check::TermStays), "term changed too often");
    });
}

/// Starts commands at once, and returns what is committed at their indexes; `None` if the term
/// changed meanwhile.
async fn concurrent_starts(cfg: &Config) -> Option<Vec<u64>> {
    let leader = cfg.check_one_leader().await;
    let term = cfg.start(leader, 1)?.term;

    // Five clients ask the leader at the same time.
    let clients = CONCURRENT.map(|number| {
        let cfg = cfg.clone();
        tokio::spawn(async move { cfg.start(leader, number) })
    });
    let mut indexes = Vec::new();
    for client in clients {
        if let Some(start) = client.await.expect("its failure ends the run")
            && start.term == term
        {
            indexes.push(start.index);
        }
    }
    if !all_in_term(cfg, term) {
        return None;
    }

    // All servers apply something at each of the indexes.
    let mut committed = Vec::new();
    for index in indexes {
        let value = cfg.wait(index, cfg.servers(), Some(term)).await?;
        let Some(number) = value.as_int() else {
            let check = Check::SameCommand { index, servers: Vec::new() };
            cfg.fatal((FailureKind::Safety, check), format!("value {value} is not an int"));
        };
        committed.push(number);
    }
    Some(committed)
}

fn all_in_term(cfg: &Config, term: Term) -> bool {
    let mut states = (0..cfg.servers()).filter_map(|server| cfg.get_state(server));
    states.all(|(now, _)| now == term)
}

#[test]
fn TestRejoin3B() {
    config::test(|t| async move {
        let servers = 3;
        let cfg = make_config(&t, servers, Reliability::Reliable, Snapshots::Off, raft::make);
        cfg.begin("Test (3B): rejoin of partitioned leader");

        cfg.one(101, servers, Retry::Yes).await;

        // The leader is cut off, and takes commands that it can't commit.
        let leader1 = cfg.check_one_leader().await;
        cfg.disconnect(leader1);
        cfg.start(leader1, 102);
        cfg.start(leader1, 103);
        cfg.start(leader1, 104);

        // The others have a new leader, which commits another one at the same index.
        cfg.one(103, servers - 1, Retry::Yes).await;

        // The new leader is cut off and the old one comes back: it has to give up what it took.
        let leader2 = cfg.check_one_leader().await;
        cfg.disconnect(leader2);
        cfg.connect(leader1);
        cfg.one(104, servers - 1, Retry::Yes).await;

        // All are together again.
        cfg.connect(leader2);
        cfg.one(105, servers, Retry::Yes).await;

        cfg.end();
    });
}

#[test]
fn TestBackup3B() {
    config::test(|t| async move {
        let servers = 5;
        let cfg = make_config(&t, servers, Reliability::Reliable, Snapshots::Off, raft::make);
        cfg.begin("Test (3B): leader backs up quickly over incorrect follower logs");

        cfg.one(cfg.random_value(), servers, Retry::Yes).await;

        // The leader is left with one follower.
        let leader1 = cfg.check_one_leader().await;
        let follower1 = (leader1 + 1) % servers;
        let others = [2, 3, 4].map(|i| (leader1 + i) % servers);
        for server in others {
            cfg.disconnect(server);
        }

        // It takes many commands that it can't commit.
        for _ in 0..50 {
            cfg.start(leader1, cfg.random_value());
        }
        sleep(RAFT_ELECTION_TIMEOUT / 2).await;

        // The two are cut off, and the three others are put together.
        cfg.disconnect(leader1);
        cfg.disconnect(follower1);
        for server in others {
            cfg.connect(server);
        }

        // These commit many.
        for _ in 0..50 {
            cfg.one(cfg.random_value(), 3, Retry::Yes).await;
        }

        // One of them that doesn't lead is cut off.
        let leader2 = cfg.check_one_leader().await;
        let other = if others[0] == leader2 { others[1] } else { others[0] };
        cfg.disconnect(other);

        // Their leader, too, takes many commands that it can't commit.
        for _ in 0..50 {
            cfg.start(leader2, cfg.random_value());
        }
        sleep(RAFT_ELECTION_TIMEOUT / 2).await;

        // The first two and the one that was cut off last are put together.
        for server in 0..servers {
            cfg.disconnect(server);
        }
        cfg.connect(leader1);
        cfg.connect(follower1);
        cfg.connect(other);

        // These commit many, though two of them have wrong entries to give up.
        for _ in 0..50 {
            cfg.one(cfg.random_value(), 3, Retry::Yes).await;
        }

        // All are together again.
        for server in 0..servers {
            cfg.connect(server);
        }
        cfg.one(cfg.random_value(), servers, Retry::Yes).await;

        cfg.end();
    });
}

#[test]
fn TestCount3B() {
    config::test(|t| async move {
        let cfg = make_config(&t, 3, Reliability::Reliable, Snapshots::Off, raft::make);
        cfg.begin("Test (3B): RPC counts aren't too high");

        // An election takes some RPCs, but not too many.
        cfg.check_one_leader().await;
        let total = rpcs(&cfg);
        if !(1..=30).contains(&total) {
            let message = format!("too many or few RPCs ({total}) to elect initial leader");
            cfg.fatal((FailureKind::Budget, Check::Budget { of: Budget::Calls }), message);
        }

        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                sleep(SETTLE).await;
            }
            let Some(before) = count_agreement(&cfg).await else { continue };

            // Heartbeats alone take some more.
            sleep(RAFT_ELECTION_TIMEOUT).await;
            let idle = rpcs(&cfg) - before;
            if idle > 3 * 20 {
                let message = format!("too many RPCs ({idle}) for 1 second of idleness");
                cfg.fatal((FailureKind::Budget, Check::Budget { of: Budget::Calls }), message);
            }
            cfg.end();
            return;
        }
        cfg.fatal((FailureKind::Liveness, Check::TermStays), "term changed too often");
    });
}

/// How many RPCs have arrived at the servers.
pub(crate) fn rpcs(cfg: &Config) -> u64 {
    (0..cfg.servers()).map(|server| cfg.rpc_count(server)).sum()
}

/// Gets several commands agreed upon, and returns how many RPCs there have been by then; `None` if
/// the term changed meanwhile.
async fn count_agreement(cfg: &Config) -> Option<u64> {
    let leader = cfg.check_one_leader().await;
    let before = rpcs(cfg);

    // A leader takes the commands, one index after the other. One more than is counted is started.
    let first = cfg.start(leader, 1)?;
    let mut numbers = Vec::new();
    for i in 1..=ENTRIES + 1 {
        let number: u64 = cfg.random_range(0..1 << 31);
        numbers.push(number);
        let start = cfg.start(leader, number)?;
        if start.term != first.term {
            return None;
        }
        if start.index != first.index + i {
            cfg.fatal((FailureKind::Safety, next_index(leader)), "Start() failed");
        }
    }

    // All servers apply each of them in its place.
    for (index, &number) in (first.index + 1..=first.index + ENTRIES).zip(&numbers) {
        let value = cfg.wait(index, cfg.servers(), Some(first.term)).await?;
        if value != Value::Int(number) {
            let message =
                format!("wrong value {value} committed for index {index}; expected {numbers:?}");
            let check = Check::SameCommand { index, servers: Vec::new() };
            cfg.fatal((FailureKind::Safety, check), message);
        }
    }

    // That, too, has not taken too many RPCs.
    let after = rpcs(cfg);
    if !all_in_term(cfg, first.term) {
        return None;
    }
    let used = after - before;
    if used > (ENTRIES + 1 + 3) * 3 {
        let message = format!("too many RPCs ({used}) for {ENTRIES} entries");
        cfg.fatal((FailureKind::Budget, Check::Budget { of: Budget::Calls }), message);
    }
    Some(after)
}
