//! The limits of bytes, RPCs and log size leave a right Raft room: it never needs more than four
//! fifths of what it may have. That they are low enough is shown where they catch a wrong one.

use std::collections::BTreeMap;
use std::time::Duration;

use config::{Config, Reliability, Retry, Snapshots, make_config};
use raftapi::Start;
use tokio::time::sleep;
use zoo::Bug;

use crate::child::{Runs, run};
use crate::lab3::agreement_3b::{COMMAND_BYTES, ENTRIES, SLACK_BYTES, rpcs};
use crate::lab3::snapshot_3d::{MAXLOGSIZE, Trouble, snapcommon};

/// What a script says of a count, in a warning: the only numbers that a run's result has beside
/// MIT's own.
fn tell(cfg: &Config, what: &str, count: u64) {
    cfg.warn(format!("measured: {what} {count}"));
}

/// The most that any of `runs` has told of each count. All have passed.
fn most(runs: &Runs) -> BTreeMap<&str, u64> {
    assert_eq!(runs.failures().next(), None);
    let mut most = BTreeMap::new();
    for warning in runs.results.iter().flat_map(|result| &result.warnings) {
        let told = warning.strip_prefix("measured: ").expect("there is no other warning");
        let (what, count) = told.rsplit_once(' ').expect("what, and how much");
        let count: u64 = count.parse().expect("a number");
        let largest = most.entry(what).or_insert(count);
        *largest = count.max(*largest);
    }
    most
}

#[track_caller]
fn assert_leaves_room(needed: u64, limit: u64) {
    assert!(5 * needed <= 4 * limit, "a right Raft needs {needed} of {limit}");
}

/// `TestRPCBytes3B`, as far as it counts.
#[test]
fn bytes() {
    config::test(|t| async move {
        let cfg = make_config(&t, 3, Reliability::Reliable, Snapshots::Off, zoo::make);
        cfg.begin("Zoo: how many bytes large commands take");
        cfg.one(99, 3, Retry::No).await;
        let before = cfg.bytes_total();
        for _ in 0..10 {
            cfg.one(cfg.random_string(COMMAND_BYTES), 3, Retry::No).await;
        }
        tell(&cfg, "bytes", cfg.bytes_total() - before);
        cfg.end();
    });
}

#[test]
fn bytes_leave_room() {
    let runs = run("limits::bytes", Bug::None, 1..=100);
    let limit = (3 * 10 * COMMAND_BYTES) as u64 + SLACK_BYTES;
    // 101,580 with each of 300 seeds, which is 55 %.
    assert_leaves_room(most(&runs)["bytes"], limit);
}

/// `TestCount3B`, as far as it counts.
#[test]
fn rpc_counts() {
    config::test(|t| async move {
        let cfg = make_config(&t, 3, Reliability::Reliable, Snapshots::Off, zoo::make);
        cfg.begin("Zoo: how many RPCs it takes");
        let leader = cfg.check_one_leader().await;
        tell(&cfg, "elect", rpcs(&cfg));

        // MIT's script looks for it again.
        assert_eq!(cfg.check_one_leader().await, leader, "nothing has disturbed it");
        let before = rpcs(&cfg);
        let Start { index, term } = cfg.start(leader, 1).expect("it leads");
        for i in 1..=ENTRIES + 1 {
            cfg.start(leader, i).expect("it leads");
        }
        for index in index + 1..=index + ENTRIES {
            cfg.wait(index, 3, Some(term)).await;
        }
        let after = rpcs(&cfg);
        tell(&cfg, "entries", after - before);

        sleep(Duration::from_secs(1)).await;
        tell(&cfg, "idle", rpcs(&cfg) - after);
        cfg.end();
    });
}

#[test]
fn rpc_counts_leave_room() {
    let runs = run("limits::rpc_counts", Bug::None, 1..=100);
    let most = most(&runs);
    // With 300 seeds 14, 4 and 20 at most: 47, 10 and 33 %.
    assert_leaves_room(most["elect"], 30);
    assert_leaves_room(most["entries"], (ENTRIES + 1 + 3) * 3);
    assert_leaves_room(most["idle"], 3 * 20);
}

/// The script of most 3D tests, while another task looks at the largest log all the time: more
/// often than the script does, which may look when it is small.
async fn log_size(cfg: &Config, trouble: Trouble) {
    let watcher = {
        let cfg = cfg.clone();
        let watch = async move {
            let mut largest = 0;
            let mut told = 0;
            loop {
                largest = largest.max(cfg.log_size());
                if largest > told {
                    told = largest;
                    tell(&cfg, "log size", told as u64);
                }
                sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::spawn(watch)
    };
    snapcommon(cfg, trouble).await;
    watcher.abort();
}

#[test]
fn log_sizes() {
    config::test(|t| async move {
        let cfg = make_config(&t, 3, Reliability::Reliable, Snapshots::On, zoo::make);
        // Each run has one kind of trouble, on one kind of network.
        let trouble = match cfg.random_range(0..3) {
            0 => Trouble::Nothing,
            1 => Trouble::Disconnect,
            _ => Trouble::Crash,
        };
        if cfg.random_range(0..2) == 0 {
            cfg.set_reliability(Reliability::Unreliable);
        }
        cfg.begin("Zoo: how large the logs are");
        log_size(&cfg, trouble).await;
        cfg.end();
    });
}

#[test]
fn log_sizes_leave_room() {
    let runs = run("limits::log_sizes", Bug::None, 1..=30);
    // 556 at most with 200 seeds, which is 28 %.
    assert_leaves_room(most(&runs)["log size"], MAXLOGSIZE as u64);
}
