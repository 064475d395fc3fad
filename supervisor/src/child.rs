//! A child's side: takes seeds, runs them, and sends results.

use std::io::{BufReader, Read as _, Write as _};
use std::process;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use children::Wants;
use children::wire::{self, Frame};
use sim::Clock;

use crate::interrupt::{self, Again};
use crate::printed::{self, Output};
use crate::stuck::Stuck;
use crate::watchdog::{self, OfRuns, Watch};
use crate::{ask, limits};

/// How long results are kept back, so that they travel together.
const FLUSH_AFTER: Duration = Duration::from_millis(5);

/// What this process's parent wants.
static WANTS: OnceLock<Wants> = OnceLock::new();

/// What this process's parent wants of its runs, if it has one.
#[must_use]
pub fn wants() -> Wants {
    WANTS.get().copied().unwrap_or(Wants::Results)
}

/// Serves the parent: runs each seed that it sends by `run` and sends back the bytes. If a run gets
/// nowhere or takes the process along, sends what `on_stuck` makes of it and of what the run has
/// printed, and ends the process. Returns never; ends the process when the parent has no more seeds.
///
/// # Panics
/// If the process was not started by [`run_in_children`](crate::run_in_children).
pub fn serve(
    clock: Clock,
    run: impl Fn(u64) -> Vec<u8>,
    on_stuck: impl Fn(u64, &Stuck, &str) -> Vec<u8> + Send + Sync + 'static,
) -> ! {
    let (socket, nonce, wants) =
        children::to_parent().expect("a worker has inherited its parent's socket");
    let _ = WANTS.set(wants);
    sim::prepare();
    crate::leave_out_own_lines();
    interrupt::catch(Again::Ignored);
    limits::limit_resources();
    limits::keep_memory();
    let mut output = Output::new().expect("a worker's standard output is its parent's file");
    let reader = socket.try_clone().expect("failed to share the parent's socket");
    let watch = Arc::new(Watch::new(socket, nonce.clone(), Box::new(on_stuck)));
    sim::watch(OfRuns(watch.clone()));
    ask::install_handler();
    watchdog::start(watch.clone(), clock);
    printed::flush();
    output.take(); // what the test binary has printed on its way here
    watch.send(&Frame::Ready);
    let mut seeds = BufReader::new(reader);
    let mut results = Vec::new();
    let mut last_sent = Instant::now();
    let mut seed = [0; 8];
    while seeds.read_exact(&mut seed).is_ok() {
        let seed = u64::from_le_bytes(seed);
        watch.begin(seed);
        let result = run(seed);
        watch.end();
        printed::flush();
        let result = Frame::Result { seed, result, output: output.take() };
        wire::write(&mut results, &nonce, &result).expect("a vector takes everything");
        if seeds.buffer().len() < 8 || last_sent.elapsed() > FLUSH_AFTER {
            if watch.socket().write_all(&results).is_err() {
                break; // the parent is gone
            }
            results.clear();
            last_sent = Instant::now();
        }
    }
    process::exit(0)
}
