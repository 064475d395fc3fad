//! `LAB_CHECK_DETERMINISM=1`: passes who draws, looks at clocks and iterates as much as he likes, and
//! tells where it is that something else leaks in.

use std::collections::{HashMap, HashSet};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use config::Verdict;
use futures::future::{FutureExt as _, ready};
use rand::RngExt as _;
use testkit::{Victim, victims};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::child::{FAILED, PASSED, Ran, run};
use crate::server::{Habits, everybody};

pub(crate) const VICTIMS: &[Victim] = victims![
    uses_everything,
    counts_for_the_whole_process,
    selects_by_a_counter,
    sends_an_address,
    sends_its_process_id
];

fn check(path: &str) -> Ran {
    run(&[path], &[("LAB_SEED", "1"), ("LAB_ITERS", "6"), ("LAB_CHECK_DETERMINISM", "1")])
}

/// A number that depends on everything that is random or tells the time.
async fn made_of_everything() -> u64 {
    let begun = Instant::now();
    let mut digits: Vec<u64> = HashSet::from([1, 2, 3, 4, 5, 6, 7]).into_iter().collect();
    digits.extend((0..9).map(|n| (n, n)).collect::<HashMap<u64, u64>>().into_values());
    digits.push(rand::rng().random_range(0..10));

    let mut naps = JoinSet::new();
    for nap in 0..5 {
        naps.spawn(sleep(Duration::from_millis(rand::random_range(1..4))).map(move |()| nap));
    }
    while let Some(nap) = naps.join_next().await {
        digits.push(nap.expect("a nap doesn't panic"));
    }
    for _ in 0..10 {
        digits.push(tokio::select! {
            () = ready(()) => 0,
            () = ready(()) => 1,
            () = ready(()) => 2,
        });
    }
    let today = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is later");
    let clocks = begun.elapsed().as_nanos() as u64 ^ today.as_nanos() as u64;
    digits.into_iter().fold(clocks, |number, digit| number.wrapping_mul(31).wrapping_add(digit))
}

fn uses_everything() {
    let message = || made_of_everything().boxed();
    config::test(move |t| everybody(t, Habits { message, ..Habits::GOOD }));
}

#[test]
fn draws_clocks_and_hash_maps_follow_the_seed() {
    let ran = check("determinism::uses_everything");
    ran.assert_status(PASSED);
    let histories: HashSet<u64> = ran.results.iter().map(|result| result.history).collect();
    assert_eq!(histories.len(), 6, "the seeds have no effect");
}

/// What is said of each likely leak.
const BETWEEN_RUNS: [&str; 3] = [
    "two fresh processes agree, but a second run in one process differs from the first",
    "a static or another global remembers the run before",
    "or a counter belongs to the whole process, like those of futures::select!, thread ids and task ids",
];
const ADDRESSES: [&str; 2] =
    ["two processes agree only if their addresses do", "a pointer that is hashed, compared"];
const WORLD: [&str; 2] =
    ["two fresh processes differ: something outside the process leaks in", "the process id"];

fn assert_leaks(path: &str, likely: &[&str]) {
    let ran = check(path);
    ran.assert_status(FAILED);
    ran.assert_says(&[" is not the same run twice\n  kind      misuse\n", "  likely    "]);
    ran.assert_says(likely);
    // The first event that differs is a call, since what differs is what the servers say.
    let line = |label: &str| {
        let found = ran.output.lines().find_map(|line| line.strip_prefix(label));
        found.unwrap_or_else(|| panic!("no {label:?} in the output:\n{}", ran.output))
    };
    assert!(line("  event     ").ends_with(" events are the same, then"), "{}", ran.output);
    ran.assert_says(&["  why       certain: another run of the same seed went differently: "]);
    let finding = match &ran.results[0].verdict {
        Verdict::Failed { explanation, .. } => explanation.findings.first(),
        _ => None,
    };
    assert!(finding.is_some_and(|it| it.id == "not-repeatable"), "{}", ran.output);
    // The command that is printed shows the same.
    let seed = ran.results[0].seed.to_string();
    let replay = format!("LAB_SEED={seed} LAB_ITERS=2 LAB_JOBS=1 LAB_CHECK_DETERMINISM=1 ");
    assert!(line("  replay    ").starts_with(&replay), "{}", ran.output);
    let again = [
        ("LAB_SEED", &*seed),
        ("LAB_ITERS", "2"),
        ("LAB_JOBS", "1"),
        ("LAB_CHECK_DETERMINISM", "1"),
    ];
    run(&[path], &again).assert_status(FAILED);
    let (one, other) = (line("  one run   "), line("  the other "));
    assert!(one.contains("rpc_sent") && other.contains("rpc_sent"), "{}", ran.output);
    assert_ne!(one, other, "the report shows no difference");
}

fn counts_for_the_whole_process() {
    static SENT: AtomicU64 = AtomicU64::new(0);
    let message = || ready(SENT.fetch_add(1, Ordering::Relaxed)).boxed();
    config::test(move |t| everybody(t, Habits { message, ..Habits::GOOD }));
}

#[test]
fn a_static_is_found_out() {
    assert_leaks("determinism::counts_for_the_whole_process", &BETWEEN_RUNS);
}

fn selects_by_a_counter() {
    let message = || {
        async {
            #[expect(clippy::disallowed_macros, reason = "this is what is to be caught")]
            let chosen = futures::select! {
                () = ready(()) => 0,
                () = ready(()) => 1,
            };
            chosen
        }
        .boxed()
    };
    config::test(move |t| everybody(t, Habits { message, ..Habits::GOOD }));
}

#[test]
fn the_select_of_futures_is_found_out() {
    assert_leaks("determinism::selects_by_a_counter", &BETWEEN_RUNS);
}

fn sends_an_address() {
    let message = || ready((&raw const *Box::new(1_u8)).addr() as u64).boxed();
    config::test(move |t| everybody(t, Habits { message, ..Habits::GOOD }));
}

#[test]
fn an_address_is_found_out() {
    // Where addresses can't be fixed they are as random as the rest of the world.
    let fixed = Command::new("setarch").args(["--addr-no-randomize", "true"]).status();
    let can_be_fixed = fixed.is_ok_and(|status| status.success());
    assert_leaks("determinism::sends_an_address", if can_be_fixed { &ADDRESSES } else { &WORLD });
}

fn sends_its_process_id() {
    let message = || ready(u64::from(process::id())).boxed();
    config::test(move |t| everybody(t, Habits { message, ..Habits::GOOD }));
}

#[test]
fn the_world_is_found_out() {
    assert_leaks("determinism::sends_its_process_id", &WORLD);
}
