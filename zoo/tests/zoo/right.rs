//! The right Raft passes every test of every part, and more than they ask for.

use std::time::Duration;

use config::{Config, Measured, Reliability, Retry, Snapshots, Switch, Verdict, make_config};
use tokio::time::sleep;
use zoo::Bug;

use crate::child::{Runs, run};

/// The names of a script's tests.
fn tests(script: &str) -> Vec<&str> {
    script.lines().filter_map(|line| line.strip_prefix("fn Test")?.strip_suffix("() {")).collect()
}

fn assert_passes_all(module: &str, script: &str, seeds: u64) {
    let tests = tests(script);
    assert!(!tests.is_empty(), "{module} has no tests");
    for test in tests {
        let runs = run(&format!("lab3::{module}::Test{test}"), Bug::None, 1..=seeds);
        assert_eq!(runs.failures().next(), None, "Test{test}");
        assert!(runs.warnings().is_empty(), "Test{test}: {:?}", runs.warnings());
        let doubted = runs.results.iter().find(|result| !result.doubts.is_empty());
        assert!(doubted.is_none(), "Test{test}: {doubted:?}");
        assert!(runs.output.contains("  ... Passed --"), "{}", runs.output);
    }
}

#[test]
fn passes_part_3a() {
    let script = include_str!("../../../tests/raft/election_3a.rs");
    assert_passes_all("election_3a", script, 200);
}

#[test]
fn passes_part_3b() {
    let script = include_str!("../../../tests/raft/agreement_3b.rs");
    assert_passes_all("agreement_3b", script, 50);
}

#[test]
fn passes_part_3c() {
    let script = include_str!("../../../tests/raft/persistence_3c.rs");
    assert_passes_all("persistence_3c", script, 10);
}

#[test]
fn passes_part_3d() {
    let script = include_str!("../../../tests/raft/snapshot_3d.rs");
    assert_passes_all("snapshot_3d", script, 25);
}

/// The most that `count` gives for any run; all have passed.
fn most(runs: &Runs, count: impl Fn(&Measured) -> u64) -> u64 {
    let counts = runs.results.iter().map(|result| match &result.verdict {
        Verdict::Passed(measured) => count(measured),
        other => panic!("{other:?}"),
    });
    counts.max().expect("there is a run")
}

#[test]
fn a_command_crosses_to_each_follower_once() {
    let runs = run("lab3::agreement_3b::TestRPCBytes3B", Bug::None, 1..=300);
    let bytes = most(&runs, |measured| measured.bytes);
    // Ten commands of 5,000 bytes to two followers; one more crossing would be 5,000 more.
    assert!((100_000..104_000).contains(&bytes), "{bytes}");
}

#[test]
fn commands_that_come_together_are_sent_together() {
    let runs = run("lab3::agreement_3b::TestCount3B", Bug::None, 1..=300);
    let rpcs = most(&runs, |measured| measured.rpcs);
    // Two followers hear of their leader ten times a second for two seconds; an election and the
    // commands take a few more.
    assert!(rpcs < 60, "{rpcs}");
}

/// Everything at once that MIT's tests do one after the other: leaders are cut off, crash and come
/// back, messages are lost and late, and all that with snapshots.
#[test]
fn everything_at_once() {
    config::test(|t| async move {
        let cfg = make_config(&t, 5, Reliability::Unreliable, Snapshots::On, zoo::make);
        cfg.begin("Zoo: everything at once");
        for _ in 0..100 {
            // Whoever leads takes commands, at intervals in which they get to some or to all.
            let pause = if cfg.random_range(0..4) == 0 { 0..400 } else { 0..20 };
            for _ in 0..cfg.random_range(1..10) {
                for server in 0..cfg.servers() {
                    if cfg.is_live(server) {
                        cfg.start(server, cfg.random_value());
                    }
                }
                sleep(Duration::from_millis(cfg.random_range(pause.clone()))).await;
            }
            trouble(&cfg);
        }

        // All come back and agree.
        cfg.set_reliability(Reliability::Reliable);
        cfg.set_long_reordering(Switch::Off);
        (0..cfg.servers()).for_each(|server| bring_back(&cfg, server));
        cfg.one(cfg.random_value(), cfg.servers(), Retry::Yes).await;
        cfg.end();
    });
}

fn trouble(cfg: &Config) {
    let anybody = cfg.random_range(0..cfg.servers());
    let leads = |&server: &usize| cfg.is_connected(server) && cfg.is_leader(server);
    let leader = (0..cfg.servers()).find(leads).unwrap_or(anybody);
    match cfg.random_range(0..12) {
        0..2 => cfg.disconnect(leader),
        2..4 => cfg.crash1(leader),
        4 => cfg.disconnect(anybody),
        5 => cfg.crash1(anybody),
        6 => cfg.set_long_reordering(Switch::On),
        7 => cfg.set_long_reordering(Switch::Off),
        8 => cfg.set_reliability(Reliability::Reliable),
        9 => cfg.set_reliability(Reliability::Unreliable),
        _ => {}
    }
    // Mostly there is a majority, but it changes.
    let is_up = |&server: &usize| cfg.is_connected(server);
    while (0..cfg.servers()).filter(is_up).count() < 3 {
        bring_back(cfg, cfg.random_range(0..cfg.servers()));
    }
}

fn bring_back(cfg: &Config, server: usize) {
    if !cfg.is_live(server) {
        cfg.start1(server);
    }
    cfg.connect(server);
}
