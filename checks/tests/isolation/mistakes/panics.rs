//! Panics, in each place of a server's code and of each origin.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::hint::black_box;
use std::panic;
use std::time::{Duration, Instant};

use futures::future::FutureExt as _;

use super::{Mistake, in_get_state, in_handler, in_kill, in_make, in_start, in_task};

struct Fragile;

impl Drop for Fragile {
    fn drop(&mut self) {
        panic!("broken");
    }
}

struct Endless;

impl Drop for Endless {
    fn drop(&mut self) {
        while black_box(true) {}
    }
}

/// Takes a value that something might be done with.
fn keep<T>(value: T) {
    black_box(value);
}

pub(super) fn list() -> Vec<Mistake> {
    vec![
        in_make("a panic in make()", || panic!("no disk")),
        in_handler("a panic in a handler", || async { panic!("no such term") }.boxed()),
        in_task("a panic in a task", || async { panic!("no such term") }.boxed()),
        in_start("a panic in start()", || panic!("not now")),
        in_get_state("a panic in get_state()", || panic!("who knows")),
        in_kill("a panic in kill()", || panic!("immortal")),
        in_make("a panic with a value whose drop() loops", || panic::panic_any(Endless)),
        in_task("a panic in a destructor", || async { drop(Fragile) }.boxed()),
        in_task("a panic in a destructor while another unwinds", || {
            async {
                let _fragile = Fragile;
                panic!("no such term");
            }
            .boxed()
        }),
        in_task("a panic that is caught", || {
            async { keep(panic::catch_unwind(|| panic!("no such term"))) }.boxed()
        }),
        in_task("unwrap() of a call that has no answer", || {
            async { keep(black_box(None::<bool>).unwrap()) }.boxed()
        }),
        in_task("a key that a HashMap doesn't have", || {
            async {
                let votes = HashMap::from([(1, true)]);
                keep(votes[&black_box(2)]);
            }
            .boxed()
        }),
        in_task("an index behind a VecDeque's end", || {
            async {
                let log = VecDeque::from([1, 2]);
                keep(log[black_box(2)]);
            }
            .boxed()
        }),
        in_task("a slice that ends before it begins", || {
            async {
                let log = [1, 2, 3];
                keep(log[black_box(3)..black_box(1)].len());
            }
            .boxed()
        }),
        in_task("a RefCell that is borrowed twice", || {
            async {
                let state = RefCell::new(1);
                let term = state.borrow();
                *state.borrow_mut() = *term + 1;
            }
            .boxed()
        }),
        in_task("a Duration below 0", || {
            async {
                let (passed, timeout) = (Duration::from_millis(300), Duration::from_millis(200));
                keep(black_box(timeout) - passed);
            }
            .boxed()
        }),
        in_task("an Instant beyond all bounds", || {
            async { keep(Instant::now() + black_box(Duration::MAX)) }.boxed()
        }),
        in_task("a random number from an empty range", || {
            async { keep(rand::random_range(black_box(300)..300)) }.boxed()
        }),
        in_task("an unwrap() of a lock that a panic has poisoned", || {
            async {
                let state = std::sync::Mutex::new(1);
                let broken = panic::AssertUnwindSafe(|| {
                    let _term = state.lock().unwrap();
                    panic!("no such term");
                });
                keep(panic::catch_unwind(broken));
                keep(state.lock().unwrap());
            }
            .boxed()
        }),
        in_make("a panic hook in place of the tester's", || panic::set_hook(Box::new(|_| ()))),
    ]
}
