//! A right Raft's run is made again without its code, and comes out the same: in any style.

use std::env;

use testkit::TestBinary;

const SCRIPTS: [(&str, &str); 14] = [
    ("lab3::election_3a", include_str!("../../../tests/raft/election_3a.rs")),
    ("lab3::agreement_3b", include_str!("../../../tests/raft/agreement_3b.rs")),
    ("lab3::persistence_3c", include_str!("../../../tests/raft/persistence_3c.rs")),
    ("lab3::snapshot_3d", include_str!("../../../tests/raft/snapshot_3d.rs")),
    ("extra::crashes_x", include_str!("../../../tests/extra/crashes_x.rs")),
    ("extra::elections_x", include_str!("../../../tests/extra/elections_x.rs")),
    ("extra::logs_x", include_str!("../../../tests/extra/logs_x.rs")),
    ("extra::network_x", include_str!("../../../tests/extra/network_x.rs")),
    ("extra::snapshots_x", include_str!("../../../tests/extra/snapshots_x.rs")),
    ("extra::timers_x", include_str!("../../../tests/extra/timers_x.rs")),
    ("steps::crashes", include_str!("../../../tests/steps/crashes.rs")),
    ("steps::elections", include_str!("../../../tests/steps/elections.rs")),
    ("steps::logs", include_str!("../../../tests/steps/logs.rs")),
    ("steps::snapshots", include_str!("../../../tests/steps/snapshots.rs")),
];

#[test]
fn measured() {
    let styles = env::var("J_STYLES").unwrap_or_else(|_| "plain".into());
    let filter = env::var("J_TESTS").unwrap_or_else(|_| "3A".into());
    let seeds: u64 = env::var("J_SEEDS").unwrap_or_else(|_| "1".into()).parse().unwrap();
    let from: u64 = env::var("J_FROM").unwrap_or_else(|_| "1".into()).parse().unwrap();
    let binary = TestBinary::this(env!("CARGO_PKG_NAME"));
    for style in styles.split(',') {
        for (module, script) in SCRIPTS {
            for name in script.lines().filter_map(|line| line.strip_prefix("fn ")?.strip_suffix("() {")).filter(|name| name.starts_with("Test") && filter.split(',').any(|f| name.contains(f))) {
                let path = format!("{module}::{name}");
                for seed in from..from + seeds {
                    let vars = [("LAB_STYLE", style), ("LAB_STRICT", "1")];
                    let t0 = std::time::Instant::now();
                    let run = binary.whole_run(&path, seed, &vars);
                    let t1 = t0.elapsed();
                    if run.failure().is_some() || run.skipped().is_some() { println!("{style} {name} {seed}: not passed {:?} {:?}", run.failure().map(|f| f.message.clone()), run.skipped()); continue; }
                    let record = run.record.as_ref().unwrap();
                    if let Ok(w) = env::var("J_AT") { let (a, b) = w.split_once('-').unwrap(); let (a, b): (u64, u64) = (a.parse().unwrap(), b.parse().unwrap()); for e in &record.events { if (a..=b).contains(&e.at.0) { println!("  {} {}", e.at.0, format!("{:?}", e.kind).chars().take(170).collect::<String>()); } } }
                    let t0 = std::time::Instant::now();
                    let again = binary.judge(&path, record, &[("LAB_STRICT", "1")]);
                    let t2 = t0.elapsed();
                    let ok = again.verdict == run.verdict && again.history == run.history;
                    println!("{style} {name} {seed}: {} {:?} {:?} hash {} events {} {:?} {:?}", if ok {"OK"} else {"BAD"}, again.failure().map(|f| f.message.clone()), again.skipped(), again.history == run.history, record.events.len(), t1, t2);
                }
            }
        }
    }
}
