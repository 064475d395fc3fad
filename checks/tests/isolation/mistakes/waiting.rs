//! Waiting in ways that block the one thread of a simulated cluster, or that leave it.

#![expect(clippy::disallowed_methods, reason = "the mistake that this one makes")]

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use futures::future::FutureExt as _;
use tokio::runtime::{Builder, Handle, Runtime};

use super::{Mistake, in_get_state, in_handler, in_last_drop, in_make, in_task};

thread_local! {
    static WAITS_AT_ITS_END: WaitsForever = const { WaitsForever };
}

struct WaitsForever;

impl Drop for WaitsForever {
    fn drop(&mut self) {
        while black_box(true) {}
    }
}

pub(super) fn list() -> Vec<Mistake> {
    vec![
        in_task("std::thread::sleep in a task", || {
            async { thread::sleep(Duration::from_millis(50)) }.boxed()
        }),
        in_handler("std::thread::sleep in a handler", || {
            async { thread::sleep(Duration::from_millis(50)) }.boxed()
        }),
        in_make("an OS thread", || drop(thread::spawn(|| {}))),
        in_task("spawn_blocking", || async { drop(tokio::task::spawn_blocking(|| {})) }.boxed()),
        in_make("a runtime of its own, with threads", || {
            let runtime = Runtime::new();
            black_box(&runtime);
        }),
        in_handler("a runtime of its own, dropped in a handler", || {
            async {
                let runtime = Builder::new_current_thread().build().unwrap();
                black_box(&runtime);
            }
            .boxed()
        }),
        in_get_state("a std mutex that is locked twice", || {
            let state = Mutex::new(1);
            let term = state.lock().unwrap();
            assert_eq!(*term, *state.lock().unwrap());
        }),
        in_handler("a tokio mutex that is locked twice", || {
            async {
                let state = tokio::sync::Mutex::new(1);
                let term = state.lock().await;
                assert_eq!(*term, *state.lock().await);
            }
            .boxed()
        }),
        in_task("a std channel's recv()", || {
            async {
                let (_sender, receiver) = mpsc::channel::<()>();
                receiver.recv().unwrap();
            }
            .boxed()
        }),
        in_task("a Condvar with a timeout", || {
            async {
                let (state, changed) = (Mutex::new(()), Condvar::new());
                let waited = changed.wait_timeout(state.lock().unwrap(), Duration::from_millis(5));
                assert!(waited.is_ok());
            }
            .boxed()
        }),
        in_handler("futures::executor::block_on", || {
            async { futures::executor::block_on(tokio::time::sleep(Duration::from_millis(5))) }
                .boxed()
        }),
        in_handler("Handle::block_on within the runtime", || {
            async { Handle::current().block_on(tokio::time::sleep(Duration::from_millis(5))) }
                .boxed()
        }),
        in_get_state("tokio's blocking_lock()", || {
            assert_eq!(*tokio::sync::Mutex::new(1).blocking_lock(), 1);
        }),
        in_task("a loop that waits for Instant::now() to move", || {
            async {
                let begun = Instant::now();
                while begun.elapsed() < Duration::from_millis(5) {}
            }
            .boxed()
        }),
        in_make("a loop that waits for a flag", || {
            let is_ready = Arc::new(AtomicBool::new(false));
            while !black_box(&is_ready).load(Ordering::Relaxed) {}
        }),
        in_last_drop("a drop() that waits for a flag in a loop, when the run is over", || {
            let is_ready = Arc::new(AtomicBool::new(false));
            while !black_box(&is_ready).load(Ordering::Relaxed) {}
        }),
        in_last_drop("a drop() that waits for a std channel, when the run is over", || {
            let (_sender, receiver) = mpsc::channel::<()>();
            receiver.recv().unwrap();
        }),
        in_make("a thread_local whose drop() loops", || WAITS_AT_ITS_END.with(|_| ())),
        in_task("a loop of yield_now()", || {
            async {
                loop {
                    tokio::task::yield_now().await;
                }
            }
            .boxed()
        }),
        in_task("a loop of sleep(0)", || {
            async {
                loop {
                    tokio::time::sleep(Duration::ZERO).await;
                }
            }
            .boxed()
        }),
        in_task("a loop of timeout(0)", || {
            async {
                let never = std::future::pending::<()>;
                while tokio::time::timeout(Duration::ZERO, never()).await.is_err() {}
            }
            .boxed()
        }),
        in_task("tokio::time::advance", || advances(Duration::from_secs(5)).boxed()),
        in_handler("tokio::time::advance in a handler", || {
            advances(Duration::from_millis(1)).boxed()
        }),
        in_task("tokio::time::resume", || async { resumes() }.boxed()),
        in_get_state("tokio::time::resume in get_state()", resumes),
        in_make("tokio::time::pause", pauses),
    ]
}

// Each has an expectation of its own: the lints forbid all three.

#[expect(clippy::disallowed_methods, reason = "the mistake that this one makes")]
async fn advances(time: Duration) {
    tokio::time::advance(time).await;
}

#[expect(clippy::disallowed_methods, reason = "the mistake that this one makes")]
fn resumes() {
    tokio::time::resume();
    black_box(());
}

#[expect(clippy::disallowed_methods, reason = "the mistake that this one makes")]
fn pauses() {
    tokio::time::pause();
    black_box(());
}
