//! One RPC, beside the floor: to encode and decode its arguments and its reply, and to push it on a
//! heap and pop it again.

use std::collections::BinaryHeap;
use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use comfy_table::Table;
use cpu_time::ProcessTime;
use labrpc::{ClientEnd, Network, Observer, Reliability, Server, Service, Switch};
use rand::RngExt as _;
use report::{EventKind, History, Time};
use serde::{Deserialize, Serialize};
use sim::{Clock, Ending, Settings};

/// How many calls are measured at a time.
const CALLS: usize = 60_000;

/// Sizes of clusters.
const SERVERS: [usize; 5] = [1, 3, 7, 25, 101];

/// What a heartbeat carries, more or less.
#[derive(Clone, Serialize, Deserialize)]
struct Args {
    term: u64,
    leader: usize,
    prev_index: u64,
    prev_term: u64,
    commit: u64,
}

#[derive(Serialize, Deserialize)]
struct Reply {
    term: u64,
    success: bool,
}

const ARGS: Args = Args { term: 3, leader: 1, prev_index: 70, prev_term: 2, commit: 69 };

struct Echo;

impl Echo {
    async fn echo(self: Arc<Self>, args: Args) -> Reply {
        Reply { term: args.term, success: true }
    }
}

/// Keeps a history, or forgets everything.
enum Watch {
    Keep(Mutex<History>),
    Forget,
}

impl Observer for Watch {
    fn record(&self, at: Time, kind: EventKind) {
        if let Watch::Keep(history) = self {
            history.lock().expect("nobody panics while recording").record(at, kind);
        }
    }
    fn fatal(&self, message: String) {
        panic!("{message}");
    }
}

pub(crate) fn table() -> Table {
    let floor = crate::best(floor_ns);
    let mut table = crate::table(&["servers", "network", "floor", "a call", "ratio", "recording"]);
    for servers in SERVERS {
        for reliability in [Reliability::Reliable, Reliability::Unreliable] {
            let keep = || call_ns(servers, reliability, Watch::Keep(Mutex::new(History::new())));
            let recorded = crate::best(keep);
            let forgotten = crate::best(|| call_ns(servers, reliability, Watch::Forget));
            table.add_row([
                servers.to_string(),
                format!("{reliability:?}").to_lowercase(),
                format!("{floor:.0}"),
                format!("{recorded:.0}"),
                format!("{:.2}", recorded / floor),
                format!("{:.0} %", 100.0 * (recorded - forgotten) / recorded),
            ]);
        }
    }
    table
}

/// The floor of a call.
fn floor_ns() -> f64 {
    let mut heap: BinaryHeap<(u64, u64)> = BinaryHeap::new();
    let mut rng = rand::rng();
    // As many are under way as in a cluster of seven.
    for i in 0..42 {
        heap.push((rng.random_range(0..27_000), i));
    }
    let start = ProcessTime::now();
    for i in 0..CALLS {
        heap.push((rng.random_range(0..27_000), i as u64));
        black_box(heap.pop());
        let args = labgob::encode(black_box(&ARGS));
        let args: Args = labgob::decode(&args).expect("it was just encoded");
        let reply = labgob::encode(&Reply { term: args.term, success: true });
        black_box(labgob::decode::<Reply>(&reply).expect("it was just encoded"));
    }
    per_call(start, CALLS)
}

fn per_call(start: ProcessTime, calls: usize) -> f64 {
    start.elapsed().as_nanos() as f64 / calls as f64
}

/// How many calls are under way at a time, at the least.
const CALLERS: usize = 20;

/// A call in a cluster in which one server after the other calls all others at the same time, as
/// leaders do.
fn call_ns(servers: usize, reliability: Reliability, watch: Watch) -> f64 {
    let settings = Settings::new(1, Clock::Virtual, Duration::from_secs(3600));
    let callers = servers.max(CALLERS);
    let rounds = CALLS / callers;
    let body = move |sim: sim::Sim| async move {
        let network = Network::new(&sim, Arc::new(watch));
        network.set_reliability(reliability);
        let mut ends: Vec<Vec<ClientEnd>> = Vec::new();
        for i in 0..servers {
            let service = Service::new("Echo", Arc::new(Echo)).method("Echo", Echo::echo);
            network.add_server(i, Server::new(None).with(service));
            let make = |j: usize| {
                let name = format!("{i}->{j}");
                let end = network.make_end(&name, None);
                network.connect(&name, j);
                network.enable(&name, Switch::On);
                end
            };
            ends.push((0..servers).map(make).collect());
        }
        let ends = Arc::new(ends);
        let start = ProcessTime::now();
        let callers: Vec<_> = (0..callers)
            .map(|caller| {
                let ends = ends.clone();
                tokio::spawn(async move {
                    for round in 0..rounds {
                        // A leader leads for a while.
                        let end = &ends[(round / 10) % servers][caller % servers];
                        black_box(end.call::<_, Reply>("Echo.Echo", &ARGS).await);
                    }
                })
            })
            .collect();
        let calls = callers.len() * rounds;
        for caller in callers {
            caller.await.expect("a caller only calls");
        }
        per_call(start, calls)
    };
    sim::run(settings, body, |_, ending| match ending {
        Ending::Finished(ns) => ns,
        other => panic!("{other:?}"),
    })
}

/// What a run costs in which nothing happens, in µs of CPU time of the whole process.
pub(crate) fn empty_run_us() -> f64 {
    const RUNS: usize = 2000;
    crate::best(|| {
        let start = ProcessTime::now();
        for seed in 0..RUNS as u64 {
            let settings = Settings::new(seed, Clock::Virtual, Duration::from_secs(1));
            sim::run(settings, |_| async {}, |_, _| ());
        }
        start.elapsed().as_micros() as f64 / RUNS as f64
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_costs_more_than_its_floor() {
        let floor = crate::best(floor_ns);
        let call = crate::best(|| call_ns(3, Reliability::Reliable, Watch::Forget));
        assert!(call > floor, "a call of {call} ns contains the floor of {floor} ns");
    }
}
