//! Exploration: a run whose faults and load are drawn from its seed, and what its plan needs of a
//! cluster.

use std::env;
use std::fmt::Display;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use harness::T;
use labrpc::{ClientEnd, Reliability, Switch};
use nemesis::{Act, Load, Plan, Timed};
use raftapi::{ApplyCh, Persister, Raft};
use report::FailureKind;
use tokio::task::JoinHandle;
use tokio::time::{sleep, sleep_until};

use crate::applied::Snapshots;
use crate::cluster::{Config, cluster};

/// Runs a plan of faults, drawn from the run's seed: a cluster of some size, a load, partitions of any
/// shape, crashes and quick reboots, messages that are lost, late, doubled and reordered. All the while
/// the safety rules are checked. Then all faults end, and the cluster has to get somewhere.
///
/// With `LAB_PLAN` the plan is read from that file instead.
///
/// Fails the run (tester) if that file has no plan that can be followed.
#[track_caller]
pub fn explore<F>(t: &T, make: F) -> impl Future<Output = ()> + Send
where
    F: Fn(Vec<ClientEnd>, usize, Arc<Persister>, ApplyCh) -> Arc<dyn Raft> + Send + Sync + 'static,
{
    let plan = match &t.settings().plan {
        None => Plan::draw(t.sim().seed()),
        Some(path) => read(path).unwrap_or_else(|error| t.fatal(FailureKind::Tester, error)),
    };
    t.be_strict();
    let snapshots = if plan.snapshots { Snapshots::Uneven } else { Snapshots::Off };
    let cfg = cluster(t, "explore", plan.servers, Reliability::Reliable, snapshots, make);
    cfg.begin("Explore: faults and load by the seed");
    follow(cfg, plan)
}

/// The plan in a file; if there is none that can be followed, what is wrong and what to do.
fn read(path: &Path) -> Result<Plan, String> {
    let failed = |to: &str, error: &dyn Display, remedy: &str| {
        format!("failed to {to} LAB_PLAN={}: {error}; {remedy}", path.display())
    };
    let text = fs::read_to_string(path).map_err(|error| {
        let here = env::current_dir().unwrap_or_default();
        let from = format!("expected a plan's file, by its whole path or from {}", here.display());
        failed("read", &error, &from)
    })?;
    let plan: Plan = serde_json::from_str(&text).map_err(|error| {
        failed("read", &error, "expected a plan as `cargo lab explore` stores it, in JSON")
    })?;
    let remedy = "correct it there, or unset LAB_PLAN to have a plan drawn";
    plan.check().map_err(|error| failed("follow", &error, remedy))?;
    Ok(plan)
}

async fn follow(cfg: Config, plan: Plan) {
    let load = cfg.load(plan.load);
    let mut now = 0;
    for Timed { at_ms, act } in &plan.acts {
        if *at_ms > now {
            cfg.at(*at_ms).await;
            now = *at_ms;
        }
        cfg.act(act);
    }
    cfg.at(plan.end_ms).await;
    drop(load);
    cfg.heal();
    cfg.check_progress().await;
    cfg.end();
}

/// Clients at work; they stop when it is dropped.
#[derive(Debug)]
pub struct Clients(JoinHandle<()>);

impl Drop for Clients {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Config {
    /// Waits until the run is `ms` ms old.
    pub async fn at(&self, ms: u64) {
        sleep_until(self.t.sim().instant(Duration::from_millis(ms))).await;
    }

    /// Has clients ask every server for agreement, at equal intervals, on 1, 2, 3 and so on.
    #[must_use]
    pub fn load(&self, load: Load) -> Clients {
        let config = self.clone();
        Clients(tokio::spawn(async move {
            let mut command = 0_u64;
            loop {
                for _ in 0..load.burst {
                    command += 1;
                    for server in 0..config.servers() {
                        config.start(server, command);
                    }
                }
                sleep(Duration::from_millis(load.every_ms)).await;
            }
        }))
    }

    /// The connected server that says it leads, with the highest term if there are several.
    #[must_use]
    pub fn leader(&self) -> Option<usize> {
        let states = self.connected().into_iter().filter_map(|i| Some((self.get_state(i)?, i)));
        let leaders = states.filter(|((_, is_leader), _)| *is_leader);
        leaders.max_by_key(|&((term, _), _)| term).map(|(_, i)| i)
    }

    /// Crashes those of `servers` that are alive, starts them all at one instant, and connects them.
    #[track_caller]
    pub fn restart(&self, servers: &[usize]) {
        // No closures, in which the caller's line would be this one.
        for &i in servers.iter().filter(|&&i| self.is_live(i)) {
            self.crash1(i);
        }
        for &i in servers {
            self.start1(i);
        }
        for &i in servers {
            self.connect(i);
        }
    }

    /// Makes an act happen, by what its script calls.
    fn act(&self, act: &Act) {
        match act {
            Act::Partition(groups) => {
                let groups: Vec<&[usize]> = groups.iter().map(Vec::as_slice).collect();
                self.partition(&groups);
            }
            Act::Join => self.join(),
            Act::CutLink(link) => self.set_link(*link, Switch::Off),
            Act::MendLink(link) => self.set_link(*link, Switch::On),
            Act::Disconnect(i) => self.disconnect(*i),
            Act::Connect(i) => self.connect(*i),
            Act::DisconnectLeader => {
                self.leader().inspect(|&leader| self.disconnect(leader));
            }
            Act::Crash(i) => self.crash1(*i),
            Act::CrashLeader => {
                self.leader().inspect(|&leader| self.crash1(leader));
            }
            Act::Start(i) => self.restart(&[*i]),
            Act::Restart(servers) => self.restart(servers),
            Act::Unreliable(true) => self.set_reliability(Reliability::Unreliable),
            Act::Unreliable(false) => self.set_reliability(Reliability::Reliable),
            Act::LongReordering(true) => self.set_long_reordering(Switch::On),
            Act::LongReordering(false) => self.set_long_reordering(Switch::Off),
            Act::Faults(faults) => self.set_faults(faults.clone()),
            Act::SyncTime(ms) => self.set_sync_time(ms.clone()),
            Act::ApplyTime(ms) => self.set_apply_time(*ms),
        }
    }
}
