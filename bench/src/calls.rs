//! One RPC, beside the floor: to encode and decode its arguments and its reply, and to push it on a
//! heap and pop it again.

use std::collections::BinaryHeap;
use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use comfy_table::Table;
use cpu_time::ThreadTime;
use labrpc::{ClientEnd, Network, Observer, Reliability, Server, Service, Switch};
use rand::RngExt as _;
use report::{EventKind, History, Time};
use serde::{Deserialize, Serialize};
use sim::context::Owner;
use sim::{Clock, Ending, Settings, Sim};

use crate::Effort;
use crate::stopwatch::{best, ns_each};

/// How many calls are measured at a time.
const CALLS: usize = 20_000;

/// How many calls are under way at a time, at the least.
const CALLERS: usize = 20;

/// Sizes of clusters.
const SERVERS: [usize; 4] = [3, 7, 25, 101];

/// What a heartbeat carries, more or less.
#[derive(Clone, Serialize, Deserialize)]
struct Args {
    term: u64,
    leader_id: usize,
    prev_log_index: u64,
    prev_log_term: u64,
    leader_commit: u64,
}

#[derive(Serialize, Deserialize)]
struct Reply {
    term: u64,
    success: bool,
}

const ARGS: Args =
    Args { term: 3, leader_id: 1, prev_log_index: 70, prev_log_term: 2, leader_commit: 69 };

struct Echo;

impl Echo {
    async fn echo(self: Arc<Self>, args: Args) -> Reply {
        Reply { term: args.term, success: true }
    }
}

/// Keeps a history as the tester does, or forgets everything.
#[derive(Debug)]
pub(crate) enum Recording {
    Record(Mutex<History>),
    Forget,
}

impl Recording {
    pub(crate) fn on() -> Recording {
        Recording::Record(Mutex::new(History::new()))
    }
}

impl Observer for Recording {
    fn record(&self, at: Time, kind: EventKind) {
        if let Recording::Record(history) = self {
            history.lock().expect("nobody panics while recording").record(at, kind);
        }
    }

    fn fatal(&self, message: String) {
        panic!("{message}");
    }
}

pub(crate) fn table(effort: Effort) -> Table {
    let columns = ["servers", "network", "floor", "a call", "ratio", "unrecorded", "recording"];
    let mut table = crate::table(2, &columns);
    for servers in SERVERS {
        for reliability in [Reliability::Reliable, Reliability::Unreliable] {
            let recorded = || calls(servers, reliability, Recording::on());
            let unrecorded = || calls(servers, reliability, Recording::Forget);
            let times = best(effort, [&floor, &recorded, &unrecorded]);
            let [floor, recorded, unrecorded] = times.map(|time| ns_each(time, CALLS));
            table.add_row([
                servers.to_string(),
                format!("{reliability:?}").to_lowercase(),
                format!("{floor:.0}"),
                format!("{recorded:.0}"),
                format!("{:.2}", recorded / floor),
                format!("{unrecorded:.0}"),
                crate::percent(recorded - unrecorded, recorded),
            ]);
        }
    }
    table
}

/// The CPU time that this thread has used, which the simulated clock doesn't hide.
fn cpu() -> Duration {
    ThreadTime::now().as_duration()
}

/// The floor, for all calls. Measured in a run, too, so that the thread is as fresh.
fn floor() -> Duration {
    in_a_run(|_| async {
        let mut rng = rand::rng();
        let mut heap: BinaryHeap<(u64, usize)> =
            (0..CALLERS).map(|i| (rng.random_range(0..27_000), i)).collect();
        let start = cpu();
        for i in 0..CALLS {
            heap.push((rng.random_range(0..27_000), i));
            black_box(heap.pop());
            let args = labgob::encode(black_box(&ARGS));
            let args: Args = labgob::decode(&args).expect("it was just encoded");
            let reply = labgob::encode(&Reply { term: args.term, success: true });
            black_box(labgob::decode::<Reply>(&reply).expect("it was just encoded"));
        }
        cpu() - start
    })
}

/// All calls, in a cluster in which one server after the other calls all others at the same time, as
/// leaders do.
fn calls(servers: usize, reliability: Reliability, watch: Recording) -> Duration {
    in_a_run(move |sim| async move {
        let network = Network::new(&sim, Arc::new(watch));
        network.set_reliability(reliability);
        let ends = Arc::new(echo_servers(&network, servers));
        let callers = servers.max(CALLERS);
        let start = cpu();
        let callers: Vec<_> = (0..callers)
            .map(|caller| {
                let ends = ends.clone();
                let calls = CALLS / callers + usize::from(caller < CALLS % callers);
                tokio::spawn(async move {
                    for i in 0..calls {
                        // A leader leads for a while.
                        let end = &ends[(i / 10) % servers][caller % servers];
                        black_box(end.call::<_, Reply>("Echo.Echo", &ARGS).await);
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.expect("a caller only calls");
        }
        cpu() - start
    })
}

/// What `body` measures in a run.
fn in_a_run<Fut>(body: impl FnOnce(Sim) -> Fut + Send + 'static) -> Duration
where
    Fut: Future<Output = Duration> + Send + 'static,
{
    let settings = Settings::new(1, Clock::Virtual, Duration::from_secs(3600));
    sim::run(settings, body, |_, ending| match ending {
        Ending::Finished(time) => time,
        other => panic!("{other:?}"),
    })
}

/// Makes servers that answer, and for each the ends that lead to all of them.
fn echo_servers(network: &Network, servers: usize) -> Vec<Vec<ClientEnd>> {
    (0..servers)
        .map(|i| {
            let service = Service::new("Echo", Arc::new(Echo)).method("Echo", Echo::echo);
            network.add_server(i, Server::new(None).with(service));
            (0..servers).map(|j| end(network, i, j, None)).collect()
        })
        .collect()
}

/// An end from server `from` to server `to`, ready for use. The record tells whose calls they are if there is a
/// `caller`.
pub(crate) fn end(network: &Network, from: usize, to: usize, caller: Option<Owner>) -> ClientEnd {
    let name = format!("{from}->{to}");
    let end = network.make_end(&name, caller);
    network.connect(&name, to);
    network.enable(&name, Switch::On);
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_costs_more_than_its_floor() {
        let call = || calls(3, Reliability::Reliable, Recording::Forget);
        let [floor, call] = best(Effort::Full, [&floor, &call]);
        assert!(call > floor, "calls of {call:?} contain the floor of {floor:?}");
    }
}
