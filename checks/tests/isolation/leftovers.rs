//! What is no failure: tasks that outlive their server, and much to say.

use std::time::Duration;

use config::{Messages, Reliability, Snapshots, T, make_config};
use futures::future::FutureExt as _;
use testkit::{Victim, victims};
use tokio::time::sleep;

use crate::child::{PASSED, Place, VICTIM, place, run_batch};
use crate::server::{BAD_SERVER, Habits, SERVERS, make, one_in_some_runs};

pub(crate) const VICTIMS: &[Victim] =
    victims![outlives_its_server, waits_for_an_answer, has_much_to_say];

fn here(function: &str, text: &str) -> Place {
    place(("leftovers.rs", include_str!("leftovers.rs")), function, text)
}

fn outlives_its_server() {
    let in_make = || {
        tokio::spawn(async {
            loop {
                sleep(Duration::from_secs(1)).await;
            }
        });
    };
    config::test(move |t| one_in_some_runs(t, Habits { in_make, ..Habits::GOOD }));
}

#[test]
fn a_task_that_outlives_its_server_is_warned_of() {
    let ran = run_batch("leftovers::outlives_its_server");
    ran.assert_status(PASSED);
    let warnings = ran.warnings_of(VICTIM);
    let [warning] = warnings[..] else { panic!("not one warning: {warnings:?}") };
    ran.assert_says(&[warning]);
    for part in [
        "warning: a task of server 1 still run",
        &format!("spawned at {},", here("outlives_its_server", "tokio::spawn(")),
        "a task must end soon after kill()",
    ] {
        assert!(warning.contains(part), "{part:?} is not in {warning}");
    }
}

/// A script in which a server's calls are held when it is crashed, and until the end.
async fn holds_what_a_dead_server_asked(t: T) {
    let (reliable, off) = (Reliability::Reliable, Snapshots::Off);
    let cfg =
        make_config(&t, SERVERS, reliable, off, |peers, me, _, _| make(peers, me, Habits::GOOD));
    cfg.begin("Isolation: a server whose calls are held");
    let _hold = cfg.hold(Messages::all_requests().from(BAD_SERVER));
    sleep(Duration::from_secs(1)).await;
    cfg.crash1(BAD_SERVER);
    sleep(Duration::from_secs(12)).await;
    cfg.end();
}

fn waits_for_an_answer() {
    config::test(holds_what_a_dead_server_asked);
}

#[test]
fn a_task_that_waits_for_an_answer_is_not_warned_of() {
    let ran = run_batch("leftovers::waits_for_an_answer");
    ran.assert_status(PASSED);
    let warnings = ran.warnings_of(VICTIM);
    assert!(warnings.is_empty(), "{warnings:?}");
}

fn has_much_to_say() {
    let in_task = || {
        async {
            for line in 0..1000 {
                println!("{line:01000}");
            }
        }
        .boxed()
    };
    config::test(move |t| one_in_some_runs(t, Habits { in_task, ..Habits::GOOD }));
}

#[test]
fn much_to_say_is_cut_short() {
    // 20 MB and more.
    let ran = run_batch("leftovers::has_much_to_say");
    ran.assert_status(PASSED);
    let printed: Vec<usize> =
        ran.results_of(VICTIM).iter().map(|result| result.printed.len()).collect();
    assert!(printed.iter().any(|&bytes| bytes > 60_000), "{printed:?}");
    assert!(printed.iter().all(|&bytes| bytes < 70_000), "{printed:?}");
    assert_eq!(printed.iter().filter(|&&bytes| bytes > 0).count(), 1, "{printed:?}");
}
