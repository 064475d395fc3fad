//! A panic is shown where the user can do something about it: at a line of the user's.

use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::hint::black_box;
use std::time::{Duration, Instant};

use sim::context::{Activity, Context, Owner};
use sim::{Clock, Panic};

use crate::helper::{LIMIT, observe, only};

/// The panic of a run that does this in a server's task.
fn panic_of(panics: fn()) -> Panic {
    let (_, panics) = observe(1, Clock::Virtual, LIMIT, move |_| async move {
        let owner = Owner { server: 2, incarnation: 1 };
        let entered = sim::enter(Some(Context { owner, activity: Activity::Call("make") }));
        tokio::spawn(async move { panics() });
        drop(entered);
        pending::<()>().await;
    });
    only(panics)
}

/// Takes a value that something might be done with: so the call that makes it returns here.
fn keep<T>(value: T) {
    black_box(value);
}

#[track_caller]
fn assert_at(panic: &Panic, line: u32) {
    let place = format!("tests/sim/panics.rs:{line}");
    let is_there = panic
        .location
        .split_once(&place)
        .is_some_and(|(_, column)| column.is_empty() || column.starts_with(':'));
    assert!(is_there, "{panic:?}, not line {line}");
}

/// The standard library's functions don't all tell who called them.
#[test]
fn a_panic_in_the_standard_library_is_the_user_s_line() {
    const LINES: u32 = line!() + 2;
    let panics: [fn(); 10] = [
        || keep(HashMap::from([(1, 2)])[&3].to_string()),
        || keep(VecDeque::from([1])[3].to_string()),
        || keep(Instant::now() + Duration::MAX),
        || keep(Duration::from_secs(1) - Duration::from_secs(2)),
        || keep([1, 2].iter().step_by(black_box(0)).count()),
        || keep([u64::MAX, 1].into_iter().sum::<u64>()),
        || keep(Duration::from_secs_f64(-1.0)),
        || keep([1, 2].rchunks(black_box(0)).count()),
        || keep([1].split_at(5)),
        || keep("é".split_at(1)),
    ];
    for (panic, line) in panics.into_iter().zip(LINES..) {
        assert_at(&panic_of(panic), line);
    }
}

/// Nor do other libraries'.
#[test]
fn a_panic_in_a_library_is_the_user_s_line() {
    const LINE: u32 = line!() + 1;
    let panic = panic_of(|| keep(rand::random_range(black_box(5)..5)));
    assert_at(&panic, LINE);
    assert!(panic.message.contains("empty range"), "{panic:?}");
}

#[test]
fn a_panic_of_the_user_s_own_has_its_column() {
    const LINE: u32 = line!() + 1;
    let panic = panic_of(|| panic!("no term"));
    assert_at(&panic, LINE);
    assert!(panic.location.ends_with(&format!(":{LINE}:29")), "{panic:?}");
}

/// It is part of reports, and of the list of all results.
#[test]
fn a_message_of_any_length_is_cut() {
    let Panic { message, .. } = panic_of(|| panic!("{}", "ä".repeat(1 << 20)));
    assert!(message.len() < 70_000, "{} bytes", message.len());
    assert!(message.ends_with("ä… (2097152 bytes)"), "{}", &message[message.len() - 40..]);
}
