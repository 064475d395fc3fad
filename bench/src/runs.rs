//! Whole runs of the reference Raft in this process, without the tester and its workers: the scripts
//! of part 3A, but for the checks, and one of many commands. What it costs to record them, and to hold the record
//! against the rules, is measured by leaving it out. Not measured is what each message says in Raft's terms, which is
//! found when the message is encoded.

use std::sync::Arc;
use std::time::Duration;

use comfy_table::Table;
use cpu_time::ProcessTime;
use labrpc::{Network, Observer, Server, Switch};
use raftapi::{ApplyMsg, Command, Persister, Raft, Start, apply_channel};
use rand::RngExt as _;
use report::explain::overlooked;
use report::{Caller, EventKind, Fields, Payload, Story, Time, spec};
use sim::context::Owner;
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
    /// Five servers agree on [`COMMANDS`] commands, as `TestReliableChurn3C` does between its crashes.
    ManyCommands,
}

/// What is made of a run's events.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Made {
    Nothing,
    /// A history.
    History,
    /// A history, and a story, which is held against the rules.
    Judgement,
}

/// On how many commands servers agree, and how many of them at a time.
const COMMANDS: u64 = 2000;
const AT_A_TIME: u64 = 5;

pub(crate) fn table(effort: Effort) -> Table {
    let columns =
        ["run", "time", "start and end", "unrecorded", "recording", "story and rules", "both"];
    let mut table = crate::table(1, &columns);
    for script in [Script::InitialElection, Script::ManyElections, Script::ManyCommands] {
        let unrecorded = || runs(script, Made::Nothing);
        let recorded = || runs(script, Made::History);
        let judged = || runs(script, Made::Judgement);
        let times = best(effort, [&empty, &unrecorded, &recorded, &judged]);
        let [empty, ..] = times.map(|time| ns_each(time, RUNS) / 1000.0);
        let [_, unrecorded, recorded, judged] =
            times.map(|time| ns_each(time, script.runs()) / 1000.0);
        table.add_row([
            script.name().to_owned(),
            format!("{judged:.0}"),
            format!("{empty:.0} ({})", crate::percent(empty, judged)),
            format!("{unrecorded:.0}"),
            crate::percent(recorded - unrecorded, judged),
            crate::percent(judged - recorded, judged),
            crate::percent(judged - unrecorded, judged),
        ]);
    }
    table
}

impl Script {
    fn name(self) -> &'static str {
        match self {
            Script::InitialElection => "initial election",
            Script::ManyElections => "many elections",
            Script::ManyCommands => "many commands",
        }
    }

    fn servers(self) -> usize {
        match self {
            Script::InitialElection => 3,
            Script::ManyElections => 7,
            Script::ManyCommands => 5,
        }
    }

    /// How many runs are measured at a time.
    fn runs(self) -> usize {
        match self {
            Script::InitialElection | Script::ManyElections => RUNS,
            Script::ManyCommands => RUNS / 20,
        }
    }
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

/// Runs of `script`, of whose events that is made.
fn runs(script: Script, made: Made) -> Duration {
    let start = ProcessTime::now();
    for seed in 0..script.runs() as u64 {
        let settings = Settings::new(seed, Clock::Virtual, Duration::from_secs(120));
        let watch = Arc::new(match made {
            Made::Nothing => Recording::Forget,
            Made::History | Made::Judgement => Recording::on(),
        });
        let observer = watch.clone();
        let body = move |sim| run(sim, script, observer);
        let leaders = sim::run(settings, body, move |_: &Sim, ending| {
            if made == Made::Judgement {
                judge(&watch, script.servers());
            }
            match ending {
                Ending::Finished(leaders) => leaders,
                other => panic!("{other:?}"),
            }
        });
        assert!(leaders > 0, "seed {seed} has no leader at its end");
    }
    start.elapsed()
}

/// Holds a run that has passed against the rules, as the tester does.
fn judge(watch: &Recording, servers: usize) {
    let Recording::Record(history) = watch else { return };
    let story = Story::new(&history.lock().expect("nobody panics while recording"), servers);
    let broken = spec::broken_promises(&story);
    let doubts = overlooked(&story, &broken);
    assert!(broken.is_empty() && doubts.is_empty(), "{broken:?} {doubts:?}");
}

/// One run. Returns how many servers believe at its end that they lead.
async fn run(sim: Sim, script: Script, observer: Arc<Recording>) -> usize {
    let servers = script.servers();
    let network = Network::new(&sim, observer.clone());
    network.set_long_delays(Switch::On);
    let rafts: Vec<_> = (0..servers)
        .map(|me| {
            let server = Caller { server: me as u32, incarnation: 1 };
            observer.record(Time(0), EventKind::Connected { server: server.server });
            observer.record(Time(0), EventKind::Started { server });
            let (sim, observer) = (sim.clone(), observer.clone());
            start(&network, me, servers, move |message| {
                if let ApplyMsg::Command { index, command } = message {
                    let command = payload(&command);
                    let kind = EventKind::Applied { server, index, command };
                    observer.record(sim.now().into(), kind);
                }
            })
        })
        .collect();
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
        Script::ManyCommands => {
            for number in 0..COMMANDS {
                let command = Command::from(format!("command {number}"));
                let started = (0..).zip(&rafts).find_map(|(server, raft)| {
                    Some((Caller { server, incarnation: 1 }, raft.start(command.clone())?))
                });
                if let Some((server, Start { index, term })) = started {
                    let command = payload(&command);
                    let kind = EventKind::Proposed { server, index, term, command };
                    observer.record(sim.now().into(), kind);
                }
                if number % AT_A_TIME == 0 {
                    sleep(Duration::from_millis(1)).await;
                }
            }
            sleep(CHECK).await;
        }
    }
    let leaders = rafts.iter().filter(|raft| raft.get_state().1).count();
    rafts.iter().for_each(|raft| raft.kill());
    leaders
}

/// A command, as the record has it.
fn payload(command: &Command) -> Payload {
    Payload::new(command, &Fields::default(), |bytes| Ok(bytes.len().into()))
}

/// Starts server `me` of so many, which tells `on_apply` of each message that it applies.
pub(crate) fn start(
    network: &Network,
    me: usize,
    servers: usize,
    on_apply: impl Fn(ApplyMsg) + Send + 'static,
) -> Arc<dyn Raft> {
    let owner = Some(Owner { server: me as u32, incarnation: 1 });
    let ends = (0..servers).map(|to| end(network, me, to, owner)).collect();
    let (apply_ch, mut applied) = apply_channel();
    let raft = raft::make(ends, me, Arc::new(Persister::new()), apply_ch);
    network.add_server(me, Server::new(owner).with(raft.clone().service()));
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
