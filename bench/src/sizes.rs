//! What a cluster costs by its size: the reference elects a leader, and agrees on some commands.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use comfy_table::Table;
use cpu_time::ProcessTime;
use labrpc::Network;
use sim::{Clock, Ending, Settings, Sim};
use tokio::time::sleep;

use crate::Effort;
use crate::calls::Recording;
use crate::runs::start;

/// Sizes of clusters.
const SERVERS: [usize; 5] = [3, 5, 7, 25, 101];

/// On how many commands they agree, one after the other.
const COMMANDS: usize = 100;

/// How often it is looked whether something has happened.
const LOOK: Duration = Duration::from_millis(1);

/// What one run took.
#[derive(Clone, Copy)]
struct Took {
    cpu: Duration,
    in_virtual_time: Duration,
    rpcs: u64,
}

pub(crate) fn table(effort: Effort) -> Table {
    let seeds = match effort {
        Effort::Quick => 2,
        Effort::Full => 9,
    };
    let columns = ["servers", "CPU ms", "virtual s", "RPCs", "CPU ns an RPC"];
    let mut table = crate::table(0, &columns);
    for servers in SERVERS {
        let all: Vec<Took> = (1..=seeds).map(|seed| run(seed, servers)).collect();
        let mean = |value: fn(&Took) -> f64| all.iter().map(value).sum::<f64>() / all.len() as f64;
        let cpu = mean(|took| took.cpu.as_secs_f64());
        let rpcs = mean(|took| took.rpcs as f64);
        table.add_row([
            servers.to_string(),
            format!("{:.2}", cpu * 1e3),
            format!("{:.2}", mean(|took| took.in_virtual_time.as_secs_f64())),
            format!("{rpcs:.0}"),
            format!("{:.0}", cpu / rpcs * 1e9),
        ]);
    }
    table
}

/// So many servers elect a leader and apply [`COMMANDS`] commands, each on all of them.
fn run(seed: u64, servers: usize) -> Took {
    let started = ProcessTime::now();
    let settings = Settings::new(seed, Clock::Virtual, Duration::from_secs(120));
    let body = move |sim: Sim| async move {
        let network = Network::new(&sim, Arc::new(Recording::on()));
        let applied = Arc::new(AtomicUsize::new(0));
        let rafts: Vec<_> = (0..servers)
            .map(|me| {
                let applied = applied.clone();
                start(&network, me, servers, move |_| {
                    applied.fetch_add(1, Ordering::Relaxed);
                })
            })
            .collect();
        for command in 1..=COMMANDS {
            while !rafts.iter().any(|raft| raft.start(command.to_string().into()).is_some()) {
                sleep(LOOK).await;
            }
            while applied.load(Ordering::Relaxed) < command * servers {
                sleep(LOOK).await;
            }
        }
        rafts.iter().for_each(|raft| raft.kill());
        (sim.now(), network.total_count())
    };
    let (in_virtual_time, rpcs) = sim::run(settings, body, move |_, ending| match ending {
        Ending::Finished(measured) => measured,
        other => panic!("{servers} servers, seed {seed}: {other:?}"),
    });
    Took { cpu: started.elapsed(), in_virtual_time, rpcs }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_takes_a_call_to_every_other_server() {
        let servers = 3;
        let took = run(1, servers);
        assert!(took.rpcs >= (COMMANDS * (servers - 1)) as u64, "{}", took.rpcs);
        assert!(took.in_virtual_time > Duration::from_millis(100), "{:?}", took.in_virtual_time);
    }
}
