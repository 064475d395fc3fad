//! Networks worse than MIT's: all requests come twice, or seconds late; links work one way only.
#![expect(non_snake_case, reason = "as MIT names tests")]

use std::time::Duration;

use config::{Config, Faults, Link, Retry, Snapshots, Switch};
use tokio::time::sleep;

use super::cluster;

/// Every request comes twice, the second time somewhat later, while servers crash and are cut off.
#[test]
fn TestDoubledRequestsX17() {
    config::test(|t| async move {
        let cfg = cluster(&t, 5, Snapshots::On);
        cfg.begin("Test (X17): every request comes twice");
        cfg.set_faults(Faults { doubled_requests: 1000, request_delay_ms: 0..=50, ..Faults::NONE });
        for _ in 0..6 {
            // One crashes and one is cut off, be it the leader or not.
            let crashed = cfg.random_range(0..5);
            let cut_off = (crashed + cfg.random_range(1..5)) % 5;
            cfg.crash1(crashed);
            cfg.disconnect(cut_off);
            for _ in 0..5 {
                cfg.one(cfg.random_value(), 3, Retry::Yes).await;
            }

            // Both come back, and get what they have missed.
            cfg.start1(crashed);
            cfg.connect(crashed);
            cfg.connect(cut_off);
            cfg.one(cfg.random_value(), 5, Retry::Yes).await;
        }
        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// Every request is late, and so in no order, while servers crash. Nothing has to be agreed upon.
#[test]
fn TestReorderedRequestsX18() {
    config::test(|t| async move {
        let cfg = cluster(&t, 5, Snapshots::On);
        cfg.begin("Test (X18): every request is late");
        for command in 1..8 {
            cfg.one(command, 5, Retry::Yes).await;
        }
        for request_delay_ms in [0..=200, 0..=2000] {
            cfg.set_faults(Faults { late_requests: 1000, request_delay_ms, ..Faults::NONE });
            for _ in 0..50 {
                load(&cfg);
                sleep(Duration::from_millis(cfg.random_range(10..300))).await;
                crash_or_restart(&cfg);
            }
        }
        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// Has whoever leads take some commands.
fn load(cfg: &Config) {
    for i in 0..cfg.servers() {
        if cfg.is_live(i) {
            cfg.start(i, cfg.random_value());
        }
    }
}

/// Crashes somebody now and then, and starts somebody; a majority is there.
fn crash_or_restart(cfg: &Config) {
    let i = cfg.random_range(0..cfg.servers());
    let live = (0..cfg.servers()).filter(|&i| cfg.is_live(i)).count();
    if !cfg.is_live(i) {
        cfg.start1(i);
        cfg.connect(i);
    } else if live > cfg.servers() / 2 + 1 && cfg.random_range(0..5) == 0 {
        cfg.crash1(i);
    }
}

/// One of the ways between a leader and a follower is cut; a majority can do without it.
#[test]
fn TestOneWayLinksX19() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Test (X19): links that work one way");
        for _ in 0..3 {
            // The follower hears nothing from the leader, and is heard.
            let leader = cfg.check_one_leader().await;
            let follower = (leader + cfg.random_range(1..3)) % 3;
            agree_without(&cfg, Link { from: leader, to: follower }).await;

            // The follower hears its leader, and isn't heard.
            let leader = cfg.check_one_leader().await;
            let follower = (leader + cfg.random_range(1..3)) % 3;
            agree_without(&cfg, Link { from: follower, to: leader }).await;
        }
        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// Gets commands agreed upon by two of three while a link is cut, and by all when it isn't any more.
async fn agree_without(cfg: &Config, link: Link) {
    cfg.set_link(link, Switch::Off);
    for _ in 0..5 {
        cfg.one(cfg.random_value(), 2, Retry::Yes).await;
        sleep(Duration::from_millis(cfg.random_range(0..300))).await;
    }
    cfg.set_link(link, Switch::On);
    cfg.one(cfg.random_value(), 3, Retry::Yes).await;
}
