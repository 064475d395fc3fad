//! Timers, deadlines, and clocks as seeds.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::RngExt as _;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use crate::run;

const MS: Duration = Duration::from_millis(1);

/// When ticks come, in ms, if the second round takes 350 ms.
async fn ticks(behavior: MissedTickBehavior) -> Vec<u128> {
    // ANCHOR: interval
    let begun = Instant::now();
    let mut heartbeat = interval(100 * MS);
    heartbeat.set_missed_tick_behavior(behavior);
    let mut at = Vec::new();
    for round in 0..6 {
        heartbeat.tick().await;
        at.push(begun.elapsed().as_millis());
        if round == 1 {
            sleep(350 * MS).await; // the round takes longer than the interval
        }
    }
    // ANCHOR_END: interval
    at
}

#[test]
fn an_interval_catches_up_in_a_burst() {
    let burst = run(|_| ticks(MissedTickBehavior::Burst)); // what `interval` does unasked
    assert_eq!(burst, [0, 100, 450, 450, 450, 500]);
    let delay = run(|_| ticks(MissedTickBehavior::Delay));
    assert_eq!(delay, [0, 100, 450, 550, 650, 750]);
}

/// A loop that sleeps, looks, and sleeps again is late by up to a whole sleep.
#[test]
fn a_loop_that_polls_is_late() {
    let fired = run(|_| async {
        let begun = Instant::now();
        let heard = Arc::new(Mutex::new(begun));
        let hears = heard.clone();
        tokio::spawn(async move {
            sleep(10 * MS).await;
            *hears.lock().unwrap() = Instant::now(); // the leader's last word, at 10 ms
        });
        // ANCHOR: polling
        let timeout = 300 * MS;
        loop {
            sleep(timeout).await;
            // At 300 ms the last word is 290 ms old: not yet. So it sleeps again.
            if heard.lock().unwrap().elapsed() >= timeout {
                break;
            }
        }
        // ANCHOR_END: polling
        begun.elapsed()
    });
    assert!(fired >= 600 * MS, "{fired:?}");
}

/// A loop that sleeps until the deadline, and looks whether it has moved, isn't.
#[test]
fn a_deadline_that_moves() {
    let fired = run(|_| async {
        let begun = Instant::now();
        let deadline = Arc::new(Mutex::new(begun + 300 * MS));
        let moves = deadline.clone();
        tokio::spawn(async move {
            sleep(10 * MS).await;
            *moves.lock().unwrap() = Instant::now() + 300 * MS;
        });
        // ANCHOR: deadline
        loop {
            let until = *deadline.lock().unwrap();
            if Instant::now() >= until {
                break; // it is over, and nobody has moved it
            }
            sleep_until(until).await;
        }
        // ANCHOR_END: deadline
        begun.elapsed()
    });
    assert!((310 * MS..320 * MS).contains(&fired), "{fired:?}");
}

/// All servers are made at the same instant of the virtual clock, so it is no seed.
#[test]
fn the_clock_is_the_same_for_all_servers() {
    let (by_clock, by_rng) = run(|_| async {
        // ANCHOR: seed
        let by_clock = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let by_rng = || rand::rng().random_range(300..600);
        // ANCHOR_END: seed
        ([(); 3].map(|()| by_clock()), [(); 3].map(|()| by_rng()))
    });
    assert!(by_clock[0] == by_clock[1] && by_clock[1] == by_clock[2]);
    assert!(by_rng[0] != by_rng[1] || by_rng[1] != by_rng[2]);
}
