//! Many runs at once: a few threads that share a list of seeds.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Calls `run` for each seed, at most `jobs` at a time, and returns the results in the seeds' order.
///
/// # Panics
/// If `run` does.
pub fn run_all<R: Send>(
    seeds: &[u64],
    jobs: NonZeroUsize,
    run: impl Fn(u64) -> R + Sync,
) -> Vec<R> {
    let name = thread::current().name().unwrap_or("run").to_owned();
    let next = AtomicUsize::new(0);
    let mut results: Vec<(usize, R)> = thread::scope(|scope| {
        let (done, results) = mpsc::channel();
        for _ in 0..jobs.get().min(seeds.len()) {
            let (done, next, run) = (done.clone(), &next, &run);
            let worker = move || {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&seed) = seeds.get(i) else { break };
                    done.send((i, run(seed))).expect("the results are collected to the end");
                }
            };
            let thread = thread::Builder::new().name(name.clone());
            thread.spawn_scoped(scope, worker).expect("failed to start a worker thread");
        }
        drop(done);
        results.iter().collect()
    });
    results.sort_by_key(|(i, _)| *i);
    results.into_iter().map(|(_, result)| result).collect()
}
