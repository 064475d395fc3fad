//! Servers without a bad habit. The module's name puts its tests behind all others of this binary.

use crate::server::{Habits, everybody};

#[test]
fn servers_without_a_bad_habit_pass() {
    config::test(|t| everybody(t, Habits::GOOD));
}
