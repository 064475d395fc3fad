//! Whole runs of the reference Raft in this process, without the tester and its workers: the scripts
//! of part 3A, but for the checks.

use std::sync::Arc;
use std::time::Duration;

use comfy_table::Table;
use cpu_time::ProcessTime;
use labrpc::{Network, Observer, Server, Switch};
use raftapi::{ApplyMsg, Persister, Raft, apply_channel};
use rand::RngExt as _;
use sim::{Clock, Ending, Settings, Sim, Stream};
use tokio::time::sleep;

use crate::Effort;
use crate::calls::{Recording, end};
use crate::stopwatch::{best, ns_each};

/// How many runs are measured at a time.
const RUNS: usize = 100;

/// How long a checker waits for a leader, about.
const CHECK: Duration = Duration::from_millis(500);

/// What happens in a run.
#[derive(Clone, Copy, Debug)]
enum Script {
    /// Three servers elect a leader, who is left alone: `TestInitialElection3A`.
    InitialElection,
    /// Up to three of seven servers are cut off, nine times: `TestManyElections3A`.
    ManyElections,
}

pub(crate) fn table(effort: Effort) -> Table {
    let columns = ["run", "time", "start and end", "unrecorded", "recording"];
    let mut table = crate::table(1, &columns);
    for script in [Script::InitialElection, Script::ManyElections] {
        let recorded = || runs(script, Recording::on);
        let unrecorded = || runs(script, || Recording::Forget);
        let times = best(effort, [&empty, &recorded, &unrecorded]);
        let [empty, recorded, unrecorded] = times.map(|time| ns_each(time, RUNS) / 1000.0);
        table.add_row([
            match script {
                Script::InitialElection => "initial election",
                Script::ManyElections => "many elections",
            }
            .to_owned(),
            format!("{recorded:.0}"),
            format!("{empty:.0} ({})", crate::percent(empty, recorded)),
            format!("{unrecorded:.0}"),
            crate::percent(recorded - unrecorded, recorded),
        ]);
    }
    table
}

/// Runs in which nothing happens: what is left is a thread, a runtime and a clock.
fn empty() -> Duration {
    let start = ProcessTime::now();
    for seed in 0..RUNS as u64 {
        let settings = Settings::new(seed, Clock::Virtual, Duration::from_secs(1));
        sim::run(settings, |_| async {}, |_: &Sim, _| ());
    }
    start.elapsed()
}

/// Runs of `script`, which tell a fresh `watch` each what happens.
fn runs(script: Script, watch: fn() -> Recording) -> Duration {
    let start = ProcessTime::now();
    for seed in 0..RUNS as u64 {
        let settings = Settings::new(seed, Clock::Virtual, Duration::from_secs(120));
        let observer = Arc::new(watch());
        let body = move |sim| run(sim, script, observer);
        let leaders = sim::run(settings, body, |_: &Sim, ending| match ending {
            Ending::Finished(leaders) => leaders,
            other => panic!("{other:?}"),
        });
        assert!(leaders > 0, "seed {seed} has no leader at its end");
    }
    start.elapsed()
}

/// One run. Returns how many servers believe at its end that they lead.
async fn run(sim: Sim, script: Script, observer: Arc<dyn Observer>) -> usize {
    let servers = match script {
        Script::InitialElection => 3,
        Script::ManyElections => 7,
    };
    let network = Network::new(&sim, observer);
    network.set_long_delays(Switch::On);
    let rafts: Vec<_> = (0..servers).map(|me| start(&network, me, servers, |_| ())).collect();
    sleep(CHECK).await;
    match script {
        Script::InitialElection => sleep(Duration::from_millis(2050) + CHECK).await,
        Script::ManyElections => {
            let mut rng = sim.stream(Stream::Script);
            for _ in 1..10 {
                let cut_off: [usize; 3] = std::array::from_fn(|_| rng.random_range(0..servers));
                cut_off.iter().for_each(|&i| switch(&network, i, servers, Switch::Off));
                sleep(CHECK).await;
                cut_off.iter().for_each(|&i| switch(&network, i, servers, Switch::On));
            }
            sleep(CHECK).await;
        }
    }
    let leaders = rafts.iter().filter(|raft| raft.get_state().1).count();
    rafts.iter().for_each(|raft| raft.kill());
    leaders
}

/// Starts server `me` of so many, which tells `on_apply` of each message that it applies.
pub(crate) fn start(
    network: &Network,
    me: usize,
    servers: usize,
    on_apply: impl Fn(ApplyMsg) + Send + 'static,
) -> Arc<dyn Raft> {
    let ends = (0..servers).map(|to| end(network, me, to)).collect();
    let (apply_ch, mut applied) = apply_channel();
    let raft = raft::make(ends, me, Arc::new(Persister::new()), apply_ch);
    network.add_server(me, Server::new(None).with(raft.clone().service()));
    tokio::spawn(async move {
        while let Some(message) = applied.recv().await {
            on_apply(message);
        }
    });
    raft
}

/// Switches all links of server `i`, in both directions.
fn switch(network: &Network, i: usize, servers: usize, to: Switch) {
    for j in 0..servers {
        network.enable(&format!("{i}->{j}"), to);
        network.enable(&format!("{j}->{i}"), to);
    }
}
