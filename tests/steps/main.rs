//! The ladder: fifteen small tests, in the order in which a Raft grows. The guide has a step for each.
//!
//! A test asks only for what its step and the steps before it have built: the first six run without a log,
//! the first eleven without a disk. Each has the form of MIT's tests. As in `tests/raft`, the Raft under test
//! is called `raft`, and each crate that has one runs this same source.
//!
//! They replace none of MIT's tests. They fail earlier, and say less at a time.

mod crashes;
mod elections;
mod logs;
mod snapshots;

use std::time::Duration;

use config::{Check, Config, FailureKind, Reliability, Snapshots, T, make_config};
use raftapi::Start;
use tokio::time::{Instant, sleep};

/// How often a script looks whether something has happened.
const LOOK: Duration = Duration::from_millis(1);

/// A cluster of `servers` servers on a reliable network.
#[track_caller]
pub(crate) fn cluster(t: &T, servers: usize, snapshots: Snapshots) -> Config {
    make_config(t, servers, Reliability::Reliable, snapshots, raft::make)
}

/// Waits until `holds`, at most for `time`. Returns whether it does.
pub(crate) async fn soon(time: Duration, holds: impl Fn() -> bool + Send) -> bool {
    let begun = Instant::now();
    while !holds() {
        if begun.elapsed() > time {
            return false;
        }
        sleep(LOOK).await;
    }
    true
}

/// Waits for a leader that takes `command`, and returns the leader and where the command will be.
///
/// Fails the run (liveness) if no server takes it within 10 s.
pub(crate) async fn accepted(cfg: &Config, command: u64) -> (usize, Start) {
    let begun = Instant::now();
    loop {
        let leader = cfg.check_one_leader().await;
        if let Some(start) = cfg.start(leader, command) {
            return (leader, start);
        }
        if begun.elapsed() > Duration::from_secs(10) {
            let check = Check::Accepted { server: Some(leader as u32), is_seen: true };
            let message = format!("server {leader} leads and refuses command {command}");
            cfg.fatal((FailureKind::Liveness, check), message);
        }
    }
}
