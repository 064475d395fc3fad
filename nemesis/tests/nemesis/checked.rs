//! Plans that can't be followed.

use nemesis::{Act, Faults, Link, Load, Plan};

use crate::plans::{every_act, plan};

#[test]
fn a_plan_with_every_act_can_be_followed() {
    assert_eq!(plan(3, every_act()).check(), Ok(()));
    assert_eq!(plan(1, Vec::new()).check(), Ok(()));
}

#[track_caller]
fn assert_refused(plan: Plan, why: &str) {
    assert_eq!(plan.check(), Err(why.to_owned()), "{plan:?}");
}

#[test]
fn servers_have_to_be_there() {
    assert_refused(plan(0, Vec::new()), "it has no servers");
    let to_3 = Link { from: 1, to: 3 };
    for act in [
        Act::Partition(vec![vec![0, 1], vec![2, 3]]),
        Act::CutLink(Link { from: 3, to: 1 }),
        Act::CutLink(to_3),
        Act::MendLink(to_3),
        Act::Disconnect(3),
        Act::Connect(3),
        Act::Crash(3),
        Act::Start(3),
        Act::Restart(vec![0, 3]),
    ] {
        assert_eq!(plan(4, vec![act.clone()]).check(), Ok(()));
        assert_refused(plan(3, vec![Act::Join, act]), "it names server 3 of 3");
    }
    let to_itself = Link { from: 1, to: 1 };
    for act in [Act::CutLink(to_itself), Act::MendLink(to_itself)] {
        assert_refused(plan(3, vec![act]), "it names a way from server 1 to itself");
    }
}

#[test]
fn time_goes_on_and_ends() {
    let mut mixed = plan(3, vec![Act::Join, Act::Join, Act::Join]);
    mixed.acts[2].at_ms = 199;
    assert_refused(mixed.clone(), "its acts are in no order: 199 ms after 200 ms");
    mixed.acts[2].at_ms = 200;
    assert_eq!(mixed.check(), Ok(()));
    mixed.end_ms = 200;
    assert_eq!(mixed.check(), Ok(()));
    mixed.end_ms = 199;
    assert_refused(mixed, "its last act, at 200 ms, is after its end, 199 ms");

    let ends_at = |end_ms| Plan { end_ms, ..plan(3, Vec::new()) };
    assert_eq!(ends_at(100_000).check(), Ok(()));
    assert_refused(ends_at(100_001), "it ends at 100001 ms; 100000 is the most");
}

#[test]
fn numbers_mean_something() {
    let load = Load { every_ms: 0, burst: 1 };
    let why = "its load comes every 0 ms; 1 is the least";
    assert_refused(Plan { load, ..plan(3, Vec::new()) }, why);
    let with = |faults| plan(3, vec![Act::Faults(faults)]);
    #[expect(clippy::reversed_empty_ranges, reason = "it is what is to be refused")]
    let empty = 5..=4;
    let why = "the range 5..=4 is empty";
    assert_refused(with(Faults { request_delay_ms: empty.clone(), ..Faults::NONE }), why);
    assert_refused(with(Faults { reply_delay_ms: empty.clone(), ..Faults::NONE }), why);
    assert_refused(plan(3, vec![Act::SyncTime(empty)]), why);
    let twice = plan(3, vec![Act::Restart(vec![0, 2, 1, 2])]);
    assert_refused(twice, "it restarts server 2 twice at once");
    assert_eq!(with(Faults { lost_replies: 1_000, ..Faults::NONE }).check(), Ok(()));
    for (faults, why) in [
        (Faults { late_requests: 1_001, ..Faults::NONE }, "late_requests are 1001 of 1000"),
        (Faults { late_replies: 1_002, ..Faults::NONE }, "late_replies are 1002 of 1000"),
        (Faults { lost_requests: 1_003, ..Faults::NONE }, "lost_requests are 1003 of 1000"),
        (Faults { lost_replies: 1_004, ..Faults::NONE }, "lost_replies are 1004 of 1000"),
        (Faults { doubled_requests: 1_005, ..Faults::NONE }, "doubled_requests are 1005 of 1000"),
    ] {
        assert_refused(with(faults), why);
    }
}

#[test]
fn there_are_limits() {
    assert_refused(plan(102, Vec::new()), "it has 102 servers; 101 is the most");
    let many = Plan { load: Load { every_ms: 1, burst: 100 }, ..plan(3, Vec::new()) };
    assert_refused(many, "its load has 400100 commands; 100000 is the most");
    let slow = plan(3, vec![Act::ApplyTime(10_001)]);
    assert_refused(slow, "something takes 10001 ms; 10000 is the most");
    let late = Faults { request_delay_ms: 0..=u64::MAX, late_requests: 1, ..Faults::NONE };
    let late = plan(3, vec![Act::Faults(late)]);
    assert_refused(late, "something takes 18446744073709551615 ms; 10000 is the most");
}
