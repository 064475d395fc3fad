//! `Config::elect` makes any server the leader, whatever the style of the Raft. A thousand elections of a
//! style and more: `LAB_STYLE=PollingTicker LAB_ITERS=100 cargo test -p styles any_of_several`.

use config::{Config, Reliability, Retry, Snapshots, T, make_config};

use styles::{Style, Wire};

use crate::run;

/// How many elections there are in a run.
const ELECTIONS: usize = 12;

const SEEDS: u64 = 3;

/// How many servers the clusters have.
const SIZES: [usize; 4] = [3, 4, 5, 7];

/// Has one server after the other elected, by chance, of all and of a majority.
async fn elects(t: T, servers: usize) {
    let cfg = make_config(&t, servers, Reliability::Reliable, Snapshots::Off, raft::make);
    cfg.begin("Elect: any server, again and again");
    for _ in 0..ELECTIONS {
        let leader = cfg.random_range(0..servers);
        match cfg.random_range(0..4) {
            0 => among_majority(&cfg, leader).await,
            1 => {
                // All begin with the same, and nobody has led before.
                cfg.restart(&(0..servers).collect::<Vec<_>>());
                check_elected(&cfg, leader).await;
            }
            _ => check_elected(&cfg, leader).await,
        }
        cfg.one(cfg.random_value(), servers, Retry::Yes).await;
    }
    cfg.heal();
    cfg.check_progress().await;
    cfg.end();
}

/// The others are cut off, and may have leaders and terms of their own.
async fn among_majority(cfg: &Config, leader: usize) {
    let servers = cfg.servers();
    let (ours, theirs): (Vec<usize>, Vec<usize>) = (0..servers)
        .map(|i| (leader + i) % servers)
        .partition(|i| (i + servers - leader) % servers <= servers / 2);
    cfg.partition(&[&ours, &theirs]);
    check_elected(cfg, leader).await;
    cfg.join();
    check_elected(cfg, leader).await;
}

async fn check_elected(cfg: &Config, leader: usize) {
    let term = cfg.elect(leader).await;
    assert_eq!(cfg.get_state(leader), Some((term, true)));
}

#[test]
fn any_of_several() {
    for servers in SIZES {
        config::test(move |t| elects(t, servers));
    }
}

/// Has all servers elected in turn of clusters of all sizes, and asserts that no run fails. Returns whether
/// some were skipped.
fn elects_any(style: &str) -> bool {
    let seeds = SEEDS.to_string();
    let variables = [("LAB_STYLE", style), ("LAB_SEED", "1"), ("LAB_ITERS", &*seeds)];
    let runs = run(variables, &["elected::any_of_several", "--exact"]);
    assert_eq!(runs.results.len() as u64, SIZES.len() as u64 * SEEDS, "{}", runs.output);
    for result in &runs.results {
        assert_eq!(result.failure(), None, "{style}: call {}, seed {}", result.call, result.seed);
    }
    runs.results.iter().any(|result| result.skipped().is_some())
}

/// Where answers can't be told from requests, nobody knows whom to hold back.
#[test]
fn any_server_is_elected_in_any_style() {
    for Style { name, wire, .. } in Style::ALL {
        assert_eq!(elects_any(name), wire == Wire::SealedOneWay, "{name}: whether it was skipped");
    }
}
