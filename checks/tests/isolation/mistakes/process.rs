//! What concerns the whole process: its end, its state, its randomness.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use futures::future::FutureExt as _;
use nix::sys::signal::{Signal, raise};

use super::{Mistake, in_get_state, in_make, in_start, in_task};
use crate::server::Habits;

/// How many servers this process has made.
static MADE: AtomicU32 = AtomicU32::new(0);

pub(super) fn list() -> Vec<Mistake> {
    vec![
        in_task("exit(0)", || async { process::exit(0) }.boxed()),
        in_start("exit(1) in start()", || process::exit(1)),
        in_task("abort()", || async { process::abort() }.boxed()),
        in_get_state("a process that kills itself", || {
            loop {
                assert_eq!(raise(Signal::SIGSEGV), Ok(()));
            }
        }),
        in_task("a process that is started", || {
            async {
                let _ = process::Command::new("sleep").arg("60").status();
            }
            .boxed()
        }),
        in_make("a file that is written", || {
            let _ = std::fs::write(std::env::temp_dir().join("raft-of-a-student"), "term 1");
        }),
        in_make("a file that is read", || {
            let _ = std::fs::read("raft-of-a-student");
        }),
        in_task("a socket", || {
            async {
                let _ = std::net::TcpStream::connect("127.0.0.1:9");
            }
            .boxed()
        }),
        Mistake {
            variables: &[("LAB_ITERS", "6"), ("LAB_JOBS", "1")],
            ..in_make("a static that remembers the run before", || {
                let made = MADE.fetch_add(1, Ordering::Relaxed);
                assert!(made < 3, "out of numbers");
            })
        },
        Mistake {
            variables: &[("LAB_CHECK_DETERMINISM", "1"), ("LAB_ITERS", "3"), ("LAB_JOBS", "1")],
            ..Mistake::of(
                "a message with a static counter",
                Habits {
                    message: || async { u64::from(MADE.fetch_add(1, Ordering::Relaxed)) }.boxed(),
                    ..Habits::GOOD
                },
            )
        },
        Mistake {
            variables: &[("LAB_CHECK_DETERMINISM", "1")],
            ..Mistake::of(
                "a message with an address",
                Habits {
                    message: || async { (&raw const *Box::new(1)).addr() as u64 }.boxed(),
                    ..Habits::GOOD
                },
            )
        },
        Mistake {
            variables: &[("LAB_CHECK_DETERMINISM", "1")],
            ..Mistake::of(
                "a message with the calendar's time, and one from a HashMap",
                Habits {
                    message: || {
                        async {
                            let votes: std::collections::HashMap<u64, u64> =
                                (0..9).map(|n| (n, n)).collect();
                            let now = SystemTime::now().elapsed().unwrap().as_nanos() as u64;
                            now + votes.keys().next().copied().unwrap_or(0)
                        }
                        .boxed()
                    },
                    ..Habits::GOOD
                },
            )
        },
    ]
}
