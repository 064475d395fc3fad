//! The same seed is the same run: whatever is random or reads a clock follows the seed, beside any
//! load, on any thread, in any process. Off simulated threads nothing does.

use std::collections::{HashMap, HashSet};
use std::env;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use futures::future::join_all;
use rand::RngExt as _;

use crate::helper::finish;

/// Everything that code under test may see of chance and time.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    rand: Vec<u64>,
    getrandom: [u8; 40],
    /// By `syscall`, where the newer one calls the function.
    getrandom02: [u8; 40],
    hash_order: Vec<u32>,
    select: Vec<u8>,
    /// In which order tasks came back from random sleeps, and when by each of three clocks.
    wakes: Vec<(u32, Duration, String, SystemTime)>,
}

async fn look(sim: sim::Sim) -> Seen {
    let mut seen = Seen {
        rand: (0..8).map(|_| rand::random()).collect(),
        getrandom: [0; 40],
        getrandom02: [0; 40],
        hash_order: (0..40).map(|i| (i, ())).collect::<HashMap<_, _>>().into_keys().collect(),
        select: Vec::new(),
        wakes: Vec::new(),
    };
    getrandom::fill(&mut seen.getrandom).expect("the run's stream never fails");
    getrandom02::getrandom(&mut seen.getrandom02).expect("the run's stream never fails");
    for _ in 0..64 {
        seen.select.push(tokio::select! { () = async {} => 0, () = async {} => 1 });
    }
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let sleepers = (0..20).map(|i| {
        let (sim, tell) = (sim.clone(), tell.clone());
        tokio::spawn(async move {
            let ms = rand::rng().random_range(0..50);
            tokio::time::sleep(Duration::from_millis(ms)).await;
            let wake = (i, sim.now(), format!("{:?}", Instant::now()), SystemTime::now());
            tell.send(wake).expect("the body listens");
        })
    });
    join_all(sleepers).await;
    while let Ok(wake) = told.try_recv() {
        seen.wakes.push(wake);
    }
    seen
}

/// What a run of `seed` sees. `select!` is tokio's own choice, and free without its unstable half.
fn seen(seed: u64) -> Seen {
    let mut seen = finish(seed, look);
    assert_eq!(seen.wakes.len(), 20);
    if cfg!(not(tokio_unstable)) {
        seen.select.clear();
    }
    seen
}

#[test]
fn equal_seeds_see_the_same() {
    for seed in [0, 1, 7, u64::MAX] {
        assert_eq!(seen(seed), seen(seed), "seed {seed}");
    }
}

#[test]
fn different_seeds_see_different_chances_but_the_same_clock() {
    let runs: Vec<_> = (0..20).map(seen).collect();
    fn distinct<T: Eq + std::hash::Hash>(values: impl Iterator<Item = T>) -> usize {
        values.collect::<HashSet<T>>().len()
    }
    assert_eq!(distinct(runs.iter().map(|seen| &seen.rand)), 20);
    assert_eq!(distinct(runs.iter().map(|seen| &seen.getrandom)), 20);
    assert_eq!(distinct(runs.iter().map(|seen| &seen.getrandom02)), 20);
    assert_eq!(distinct(runs.iter().map(|seen| &seen.hash_order)), 20);
    if cfg!(tokio_unstable) {
        assert_eq!(distinct(runs.iter().map(|seen| &seen.select)), 20);
    }
    assert_eq!(distinct(runs.iter().map(|seen| &seen.wakes)), 20);
    let starts = (0..20).map(|seed| {
        finish(seed, |sim| async move {
            (sim.now(), format!("{:?}", Instant::now()), SystemTime::now())
        })
    });
    assert_eq!(distinct(starts), 1);
}

#[test]
fn one_run_never_draws_the_same_twice() {
    let seen = seen(3);
    let rand: HashSet<_> = seen.rand.iter().collect();
    assert_eq!(rand.len(), seen.rand.len());
    assert_ne!(seen.getrandom, seen.getrandom02);
    assert_ne!(seen.getrandom[..20], seen.getrandom[20..]);
}

#[test]
fn runs_side_by_side_with_noise_see_the_same() {
    let alone: Vec<_> = (0..8).map(seen).collect();
    let is_over = Arc::new(AtomicBool::new(false));
    let noise: Vec<_> = (0..3)
        .map(|_| {
            let is_over = is_over.clone();
            thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    let keys: HashMap<u64, Instant> =
                        (0..50).map(|_| (rand::random(), Instant::now())).collect();
                    assert_eq!(keys.len(), 50);
                    thread::yield_now();
                }
            })
        })
        .collect();
    let beside: Vec<_> = (0..8).map(|seed| thread::spawn(move || seen(seed))).collect();
    for (alone, beside) in alone.into_iter().zip(beside) {
        assert_eq!(alone, beside.join().expect("the run finishes"));
    }
    is_over.store(true, Ordering::Relaxed);
    noise.into_iter().for_each(|thread| thread.join().expect("noise doesn't fail"));
}

#[test]
fn a_used_thread_leaves_no_trace() {
    let fresh = seen(5);
    // Its generator and hash keys exist, and another run has just been here.
    let _: u64 = rand::random();
    let _: HashMap<u8, u8> = HashMap::from([(1, 1)]);
    let _ = seen(6);
    assert_eq!(seen(5), fresh);
}

/// Set in the process that only has to print.
const DIGEST_OF: &str = "SIM_TEST_DIGEST_OF";

#[test]
fn another_process_sees_the_same() {
    if let Ok(seed) = env::var(DIGEST_OF) {
        println!("digest {:?}", seen(seed.parse().expect("a seed")));
        return;
    }
    let mine = format!("digest {:?}", seen(9));
    let other = |seed: &str| {
        let output = Command::new(env::current_exe().expect("a test knows its program"))
            .args(["--exact", "--nocapture", "replay::another_process_sees_the_same"])
            .env(DIGEST_OF, seed)
            .output()
            .expect("the program starts again");
        let stdout = String::from_utf8(output.stdout).expect("a digest is text");
        let digest = stdout.lines().find_map(|line| line.find("digest ").map(|at| &line[at..]));
        digest.unwrap_or_else(|| panic!("no digest in {stdout}")).to_owned()
    };
    assert_eq!(other("9"), mine);
    assert_ne!(other("8"), mine);
}

#[test]
fn off_simulated_threads_chance_and_time_are_real() {
    fn look() -> (u64, [u8; 16], [u8; 16], Vec<u32>) {
        let (mut new, mut old) = ([0; 16], [0; 16]);
        getrandom::fill(&mut new).expect("the system has random numbers");
        getrandom02::getrandom(&mut old).expect("the system has random numbers");
        let order = (0..40).map(|i| (i, ())).collect::<HashMap<_, _>>().into_keys().collect();
        (rand::random(), new, old, order)
    }
    let outside = [(); 3].map(|()| thread::spawn(look).join().expect("it looks"));
    for (i, one) in outside.iter().enumerate() {
        for other in outside.iter().skip(i + 1) {
            assert_ne!(one.0, other.0);
            assert_ne!(one.1, other.1);
            assert_ne!(one.2, other.2);
            assert_ne!(one.3, other.3);
        }
    }

    let (instant, system_time) = (Instant::now(), SystemTime::now());
    thread::sleep(Duration::from_millis(5));
    assert!(instant.elapsed() >= Duration::from_millis(5), "{:?}", instant.elapsed());
    let elapsed = system_time.elapsed().expect("nobody sets the clock back");
    assert!(elapsed >= Duration::from_millis(4), "{elapsed:?}");
    let simulated = finish(1, |_| async { SystemTime::now() });
    assert!(SystemTime::now() > simulated + Duration::from_secs(86_400), "it is later than 2024");
}

#[test]
fn this_platform_can_replay() {
    assert_eq!(sim::self_check(), Ok(()));
}
