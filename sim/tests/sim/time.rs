//! Virtual time: it stands still while code runs, jumps when nothing is left to do, and all clocks
//! agree. By the real clock the same body runs on several threads.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use futures::future::join_all;
use sim::{Clock, Ending, Settings};
use tokio::time::{sleep, sleep_until};

use crate::helper::{LIMIT, finish, observe};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn a_day_passes_at_once() {
    let settings = Settings::new(1, Clock::Virtual, 2 * DAY);
    let body = |sim: sim::Sim| async move {
        let (instant, system_time) = (Instant::now(), SystemTime::now());
        sleep(DAY).await;
        assert_eq!(instant.elapsed(), DAY);
        assert_eq!(system_time.elapsed().expect("forward"), DAY);
        assert_eq!(sim.now(), DAY);
    };
    let ending = sim::run(settings, body, |_, ending| ending);
    assert!(matches!(ending, Ending::Finished(())), "{ending:?}");
}

#[test]
fn sleepers_wake_in_the_order_of_their_time() {
    let woken = finish(1, |sim| async move {
        let woken: Arc<Mutex<Vec<_>>> = Arc::default();
        join_all([70, 10, 3000, 40, 20, 1].map(|after| {
            let (sim, woken) = (sim.clone(), woken.clone());
            tokio::spawn(async move {
                sleep(ms(after)).await;
                woken.lock().expect("no panic").push((after, sim.now()));
            })
        }))
        .await;
        woken.lock().expect("no panic").clone()
    });
    assert_eq!(woken, [1, 10, 20, 40, 70, 3000].map(|after| (after, ms(after))));
}

#[test]
fn time_stands_still_while_code_runs() {
    let (before, after) = finish(1, |sim| async move {
        sleep(ms(3)).await;
        let before = (sim.now(), Instant::now(), SystemTime::now());
        for i in 0..1_000_000 {
            std::hint::black_box(i); // some milliseconds of work
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        (before, (sim.now(), Instant::now(), SystemTime::now()))
    });
    assert_eq!(before, after);
    assert_eq!(before.0, ms(3));
}

#[test]
fn the_real_clock_stands_still_for_nobody() {
    let (ending, _) = observe(1, Clock::Real, LIMIT, |_| async {
        for _ in 0..1_100_000 {
            tokio::task::yield_now().await; // more often than the virtual clock would bear
        }
    });
    assert!(matches!(ending, Ending::Finished(())), "{ending:?}");
}

#[test]
fn within_a_millisecond_the_clock_goes_by_microseconds() {
    finish(1, |sim| async move {
        let start = Instant::now();
        sleep(ms(2)).await;
        assert_eq!((sim.now(), sim.tick_end_us()), (ms(2), 3_000));
        let at = Duration::from_micros(2_345);
        sim.advance_within_tick(2_345);
        assert_eq!((sim.now(), sim.tick_end_us()), (at, 3_000));
        assert_eq!(start.elapsed(), at);
        sim.advance_within_tick(2_344);
        assert_eq!(sim.now(), at, "it never goes back");
        // Timers keep to whole milliseconds.
        sleep_until(sim.instant(ms(7))).await;
        assert_eq!(sim.now(), ms(7));
        sim.advance_within_tick(7_999);
        sleep(ms(1)).await;
        assert_eq!(sim.now(), ms(8));
    });
}

#[test]
fn advancing_beyond_the_tick_panics() {
    let (ending, panics) = observe(1, Clock::Virtual, LIMIT, |sim| async move {
        sim.advance_within_tick(1_000);
    });
    assert!(!matches!(ending, Ending::Finished(())), "{ending:?}");
    assert_eq!(panics[0].message, "1000 µs is beyond the tick's end, 1000 µs");
}

#[test]
fn a_body_that_lasts_exactly_its_limit_is_within_it() {
    for limit in [1, 100, 120_000] {
        let (ending, _) = observe(1, Clock::Virtual, ms(limit), move |_| sleep(ms(limit)));
        assert!(matches!(ending, Ending::Finished(())), "{ending:?} at the limit of {limit} ms");
        let (ending, _) = observe(1, Clock::Virtual, ms(limit), move |_| sleep(ms(limit + 1)));
        assert!(matches!(ending, Ending::OutOfTime), "{ending:?} beyond {limit} ms");
    }
}

#[test]
fn a_body_that_waits_for_nothing_is_out_of_time() {
    let settings = Settings::new(1, Clock::Virtual, LIMIT);
    let body = |sim: sim::Sim| async move {
        tokio::spawn(async move {
            // Something always happens, and yet nothing that the body waits for.
            loop {
                sleep(ms(10)).await;
            }
        });
        drop(sim);
        std::future::pending::<()>().await;
    };
    let ending = sim::run(settings, body, |_, ending| ending);
    assert!(matches!(ending, Ending::OutOfTime), "{ending:?}");
}

#[test]
fn the_real_clock_runs_a_body_on_several_threads() {
    let (ending, panics) = observe(1, Clock::Real, Duration::from_secs(10), |sim| async move {
        assert_eq!(sim.clock(), Clock::Real);
        let (start, begun) = (Instant::now(), sim.now());
        // Each waits for the other without giving its thread back: on one thread they'd never meet.
        let arrived = Arc::new(AtomicU32::new(0));
        let tasks = [arrived.clone(), arrived].map(|arrived| {
            tokio::spawn(async move {
                arrived.fetch_add(1, Ordering::Relaxed);
                let since = Instant::now();
                while arrived.load(Ordering::Relaxed) < 2 {
                    assert!(since.elapsed() < Duration::from_secs(5), "there is one thread");
                    std::thread::yield_now();
                }
            })
        });
        for joined in join_all(tasks).await {
            joined.expect("the tasks meet");
        }
        sleep(ms(20)).await;
        assert!(start.elapsed() >= ms(20), "{:?}", start.elapsed());
        assert!(sim.now() - begun >= ms(20), "{:?}", sim.now());
        rand::random::<u64>()
    });
    let Ending::Finished(drawn) = ending else { panic!("{ending:?}: {panics:?}") };
    let (again, _) = observe(1, Clock::Real, LIMIT, |_| async { rand::random::<u64>() });
    let Ending::Finished(again) = again else { panic!("{again:?}") };
    assert_ne!(drawn, again, "nothing is interposed by the real clock");
}

#[test]
fn the_real_clock_has_the_same_limit() {
    let (ending, _) = observe(1, Clock::Real, ms(30), |_| sleep(Duration::from_secs(60)));
    assert!(matches!(ending, Ending::OutOfTime), "{ending:?}");
}
