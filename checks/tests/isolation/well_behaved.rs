//! Servers without a bad habit. The module's name puts its tests behind all others of this binary.

use std::hint::black_box;

use crate::server::{Habits, everybody};

#[test]
fn servers_without_a_bad_habit_pass() {
    config::test(|t| everybody(t, Habits::GOOD));
}

/// To drop what a long run has left takes some milliseconds, in which the clock stands.
#[test]
fn servers_whose_destructors_take_a_while_pass() {
    let in_drop = || {
        for i in 0..20_000_000_u64 {
            black_box(i);
        }
    };
    config::test(move |t| everybody(t, Habits { in_drop, ..Habits::GOOD }));
}
