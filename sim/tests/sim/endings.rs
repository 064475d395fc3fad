//! How a run ends, who is told, and what the epilogue finds.

use std::future::pending;
use std::panic::{catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use sim::{Clock, Ending, Settings, Sim};
use tokio::time::sleep;

use crate::helper::{LIMIT, finish, observe, only};

const CLOCKS: [Clock; 2] = [Clock::Virtual, Clock::Real];

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn a_body_that_returns_is_finished() {
    for clock in CLOCKS {
        let (ending, panics) = observe(8, clock, LIMIT, |sim| async move { sim.seed() });
        assert!(matches!(ending, Ending::Finished(8)), "{ending:?}");
        assert!(panics.is_empty(), "{panics:?}");
    }
}

#[test]
fn a_panic_in_the_body_stops_the_run_and_is_told_with_line_and_time() {
    for clock in CLOCKS {
        let line = line!() + 3;
        let (ending, panics) = observe(1, clock, LIMIT, |_| async {
            sleep(ms(123)).await;
            panic!("the body's {}", "reason");
        });
        assert!(matches!(ending, Ending::<()>::Stopped), "{ending:?} by the {clock:?} clock");
        let panic = only(panics);
        assert_eq!(panic.message, "the body's reason");
        assert_eq!(panic.location, format!("{}:{line}:13", file!()));
        assert_eq!(panic.context, None);
        match clock {
            Clock::Virtual => assert_eq!(panic.at, ms(123)),
            Clock::Real => assert!(panic.at >= ms(123), "{:?}", panic.at),
        }
    }
}

#[test]
fn a_panic_in_a_task_stops_the_run() {
    let line = line!() + 4;
    let (ending, panics) = observe(1, Clock::Virtual, LIMIT, |_| async {
        tokio::spawn(async {
            sleep(ms(50)).await;
            panic!("the task's reason");
        });
        pending::<()>().await;
    });
    assert!(matches!(ending, Ending::Stopped), "{ending:?}");
    let panic = only(panics);
    assert_eq!(panic.message, "the task's reason");
    assert_eq!(panic.location, format!("{}:{line}:13", file!()));
    assert_eq!(panic.at, ms(50));
}

#[test]
fn the_body_gets_no_further_than_a_tasks_panic() {
    let progress = Arc::new(AtomicU32::new(0));
    let seen = progress.clone();
    let (ending, _) = observe(1, Clock::Virtual, LIMIT, |_| async move {
        let task = tokio::spawn(async { panic!("the task's reason") });
        assert!(task.await.is_err());
        seen.store(1, Ordering::Relaxed);
        sleep(ms(1)).await;
        seen.store(2, Ordering::Relaxed);
    });
    assert!(matches!(ending, Ending::Stopped), "{ending:?}");
    assert!(progress.load(Ordering::Relaxed) < 2);
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the bomb's reason");
    }
}

#[test]
fn a_panic_while_a_task_is_dropped_stops_the_run() {
    let (ending, panics) = observe(1, Clock::Virtual, LIMIT, |_| async {
        let task = tokio::spawn(async {
            let _bomb = Bomb;
            pending::<()>().await;
        });
        sleep(ms(20)).await;
        task.abort();
        pending::<()>().await;
    });
    assert!(matches!(ending, Ending::Stopped), "{ending:?}");
    let panic = only(panics);
    assert_eq!((&*panic.message, panic.at), ("the bomb's reason", ms(20)));
}

#[test]
fn a_panic_while_the_run_is_taken_down_is_told_too() {
    let (ending, panics) = observe(1, Clock::Virtual, LIMIT, |_| async {
        tokio::spawn(async {
            let _bomb = Bomb;
            pending::<()>().await;
        });
        sleep(ms(20)).await;
    });
    assert!(matches!(ending, Ending::Finished(())), "{ending:?}");
    assert_eq!(only(panics).message, "the bomb's reason");
}

#[test]
fn a_panic_of_a_caught_call_is_told_too() {
    let (ending, panics) = observe(1, Clock::Virtual, LIMIT, |_| async {
        assert!(catch_unwind(|| panic!("a caught reason")).is_err());
        pending::<()>().await;
    });
    assert!(matches!(ending, Ending::Stopped), "{ending:?}");
    assert_eq!(only(panics).message, "a caught reason");
}

#[test]
fn a_panic_without_a_message_is_told_too() {
    let (_, panics) = observe(1, Clock::Virtual, LIMIT, |_| async {
        std::panic::panic_any(17);
    });
    assert_eq!(only(panics).message, "a panic without a message");
}

#[test]
fn deliberate_unwinding_is_not_a_panic() {
    for clock in CLOCKS {
        let (ending, panics) = observe(1, clock, LIMIT, |_| async {
            sleep(ms(5)).await;
            resume_unwind(Box::new("a verdict"));
        });
        let Ending::<()>::Unwound(payload) = ending else { panic!("{ending:?}") };
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"a verdict"));
        assert!(panics.is_empty(), "{panics:?}");
    }
}

#[test]
fn panics_elsewhere_are_not_the_runs() {
    let (go, wait) = std::sync::mpsc::channel();
    let elsewhere = std::thread::spawn(move || {
        wait.recv().expect("the run says when");
        panic!("not the run's")
    });
    let (ending, panics) = observe(1, Clock::Virtual, LIMIT, move |_| async move {
        go.send(()).expect("the thread waits");
        while !elsewhere.is_finished() {
            std::hint::spin_loop();
        }
    });
    assert!(matches!(ending, Ending::Finished(())), "{ending:?}");
    assert!(panics.is_empty(), "{panics:?}");
}

#[test]
fn stop_ends_the_body_where_it_is() {
    for clock in CLOCKS {
        let progress = Arc::new(AtomicU32::new(0));
        let seen = progress.clone();
        let (ending, panics) = observe(1, clock, LIMIT, |sim: Sim| async move {
            let (stopper, begun) = (sim.clone(), sim.now());
            tokio::spawn(async move {
                sleep(ms(10)).await;
                stopper.stop();
            });
            for step in 1..u32::MAX {
                seen.store(step, Ordering::Relaxed);
                sleep(ms(3)).await;
            }
            begun
        });
        assert!(matches!(ending, Ending::Stopped), "{ending:?}");
        assert!(panics.is_empty(), "{panics:?}");
        let steps = progress.load(Ordering::Relaxed);
        match clock {
            Clock::Virtual => assert_eq!(steps, 4, "at 0, 3, 6 and 9 ms"),
            Clock::Real => assert!((1..=50).contains(&steps), "{steps}"),
        }
    }
}

#[test]
fn the_epilogue_sees_the_tasks_alive_and_they_are_dropped_after_it() {
    for clock in CLOCKS {
        let held: Arc<Mutex<Weak<()>>> = Arc::default();
        let (given, looked_at) = (held.clone(), held.clone());
        let body = move |_| async move {
            let token = Arc::new(());
            *given.lock().expect("no panic") = Arc::downgrade(&token);
            tokio::spawn(async move {
                let _token = token;
                pending::<()>().await;
            });
            sleep(ms(5)).await;
        };
        let alive = sim::run(Settings::new(1, clock, LIMIT), body, move |_, ending| {
            assert!(matches!(ending, Ending::Finished(())), "{ending:?}");
            looked_at.lock().expect("no panic").upgrade().is_some()
        });
        assert!(alive, "the task was gone before the epilogue");
        let left = held.lock().expect("no panic").upgrade();
        assert!(left.is_none(), "the task outlived the run");
    }
}

#[test]
fn the_epilogue_is_still_in_the_run() {
    let settings = Settings::new(1, Clock::Virtual, LIMIT);
    let epilogue = |_: &sim::Sim, _| (std::time::SystemTime::now(), rand::random::<u64>());
    let look = || sim::run(settings.clone(), |_| sleep(ms(70)), epilogue);
    assert_eq!(look(), look());
    let start = finish(1, |_| async { std::time::SystemTime::now() });
    assert_eq!(look().0, start + ms(70));
}

#[test]
fn a_panic_of_the_epilogue_comes_back_to_the_caller() {
    let unwound = catch_unwind(|| {
        let settings = Settings::new(1, Clock::Virtual, LIMIT);
        sim::run(
            settings,
            |_| async {},
            |_, _| {
                resume_unwind(Box::new("the epilogue's reason"));
            },
        );
    });
    let payload = unwound.expect_err("the epilogue unwinds");
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"the epilogue's reason"));
}
