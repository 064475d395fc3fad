//! What is left of a plan.

use nemesis::{Act, Faults, Load, Plan, Timed, shrink, shrink_with};

use crate::plans::{every_act, plan};

/// How many questions are enough for any plan.
const MOST_QUESTIONS: usize = 4_000;

fn acts(plan: &Plan) -> Vec<&Act> {
    plan.acts.iter().map(|timed| &timed.act).collect()
}

/// Drawn plans in which `is_wrong`.
fn wrong_plans(is_wrong: fn(&Plan) -> bool) -> impl Iterator<Item = Plan> {
    (0..).map(Plan::draw).filter(is_wrong).take(50)
}

/// The smallest plan of `plan` in which `is_wrong`, which is asked about nothing that can't be
/// followed, never twice in a row about the same, and not too often.
fn smallest(plan: &Plan, is_wrong: fn(&Plan) -> bool) -> Plan {
    let mut asked = 0;
    let smallest = shrink(plan, |candidate| {
        asked += 1;
        assert_eq!(candidate.check(), Ok(()), "{candidate:?}");
        assert_ne!(candidate, plan, "that is known");
        is_wrong(candidate)
    });
    assert!(asked < MOST_QUESTIONS, "{asked} questions about {plan:?}");
    assert!(is_wrong(&smallest), "{smallest:?}");
    assert_eq!(smallest.seed, plan.seed);
    smallest
}

/// A crash of server 1, and later on a partition.
fn crash_then_partition(plan: &Plan) -> bool {
    let mut acts = plan.acts.iter().map(|timed| &timed.act);
    acts.any(|act| *act == Act::Crash(1)) && acts.any(|act| matches!(act, Act::Partition(_)))
}

#[test]
fn what_depends_on_an_order_keeps_it() {
    for plan in wrong_plans(crash_then_partition) {
        let smallest = smallest(&plan, crash_then_partition);
        assert!(matches!(acts(&smallest)[..], [Act::Crash(1), Act::Partition(_)]), "{smallest:?}");
        let rest = Plan { acts: Vec::new(), ..smallest };
        let load = Load { every_ms: 250, burst: 1 };
        let Plan { seed, acts, .. } = rest.clone();
        // No act needs a time, nor another server than 0 and 1.
        let least = Plan { seed, servers: 2, snapshots: false, load, acts, end_ms: 0 };
        assert_eq!(Plan { load, ..rest }, least);
    }
}

fn two_reboots(plan: &Plan) -> bool {
    plan.acts.iter().filter(|timed| matches!(timed.act, Act::Restart(_))).count() >= 2
}

#[test]
fn two_of_a_kind_are_two_and_as_small_as_they_can_be() {
    for plan in wrong_plans(two_reboots) {
        let smallest = smallest(&plan, two_reboots);
        let [Act::Restart(first), Act::Restart(second)] = acts(&smallest)[..] else {
            panic!("{smallest:?}")
        };
        assert_eq!((first.len(), second.len()), (1, 1), "{smallest:?}");
        assert!(smallest.servers <= 2, "{smallest:?}");
    }
}

fn three_servers(plan: &Plan) -> bool {
    plan.servers >= 3
}

#[test]
fn what_needs_servers_only_keeps_no_act() {
    for plan in wrong_plans(three_servers) {
        let smallest = smallest(&plan, three_servers);
        assert_eq!((acts(&smallest), smallest.servers, smallest.end_ms), (vec![], 3, 0));
    }
}

/// It is the last server that matters: the others can go, if it takes another number.
#[test]
fn servers_that_do_not_matter_go_wherever_they_are() {
    let crash = |plan: &Plan| acts(plan).iter().any(|act| matches!(act, Act::Crash(_)));
    let smallest = smallest(&plan(7, vec![Act::Crash(6)]), crash);
    assert_eq!((acts(&smallest), smallest.servers), (vec![&Act::Crash(0)], 1));

    // Who is behind a server that has gone moves up, in all that names it.
    let parted = |plan: &Plan| match acts(plan)[..] {
        [Act::Partition(groups), Act::Disconnect(i)] => groups.len() == 2 && groups[1].contains(i),
        _ => false,
    };
    let groups = Act::Partition(vec![vec![0, 1, 3], vec![2, 4, 5]]);
    let smallest = self::smallest(&plan(6, vec![groups, Act::Disconnect(4)]), parted);
    assert_eq!(smallest.servers, 2, "{smallest:?}");
    let two = Act::Partition(vec![vec![0], vec![1]]);
    assert_eq!(acts(&smallest), [&two, &Act::Disconnect(1)]);
}

fn loses_replies(plan: &Plan) -> bool {
    let loses = |act: &Act| matches!(act, Act::Faults(Faults { lost_replies: 1.., .. }));
    plan.acts.iter().any(|timed| loses(&timed.act))
}

#[test]
fn of_faults_those_that_matter_are_left() {
    for plan in wrong_plans(loses_replies) {
        let smallest = smallest(&plan, loses_replies);
        let [Act::Faults(faults)] = acts(&smallest)[..] else { panic!("{smallest:?}") };
        let &Faults { late_requests, late_replies, lost_requests, doubled_requests, .. } = faults;
        let others = [late_requests, late_replies, lost_requests, doubled_requests];
        assert_eq!(others, [0; 4], "{smallest:?}");
    }
}

#[test]
fn what_matters_at_all_is_kept() {
    let all = plan(3, every_act());
    assert_eq!(shrink(&all, |_| false), all);

    // Times that matter stay, to the millisecond.
    let late = Timed { at_ms: 3_217, act: Act::Join };
    let plan = Plan { acts: vec![late.clone()], end_ms: 3_219, ..plan(3, Vec::new()) };
    let is_late = |plan: &Plan| plan.acts.contains(&late) && plan.end_ms == 3_219;
    let smallest = shrink(&plan, is_late);
    assert_eq!((smallest.acts, smallest.end_ms), (vec![late], 3_219));
}

/// Answers of no rule at all, as chance gives them: a hash of the plan.
#[test]
fn whatever_the_answers_are_it_ends_and_asks_of_no_nonsense() {
    for seed in 0..300 {
        let mut asked = 0_u64;
        let plan = Plan::draw(seed);
        let smallest = shrink(&plan, |candidate| {
            asked += 1;
            assert_eq!(candidate.check(), Ok(()), "{candidate:?}");
            let mixed = (seed ^ asked).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60;
            mixed < seed % 16
        });
        assert_eq!(smallest.check(), Ok(()));
        assert!(asked < MOST_QUESTIONS as u64, "{asked} questions about {plan:?}");
    }
}

#[test]
fn the_answer_s_seed_is_kept_and_asked_about() {
    let plan = plan(3, every_act());
    let mut last = plan.seed;
    let smallest = shrink_with(&plan, |candidate| {
        assert_eq!(candidate.seed, last, "another seed than the one that it was found with");
        let is_wrong = acts(candidate).contains(&&Act::CrashLeader);
        last += u64::from(is_wrong);
        is_wrong.then(|| Plan { seed: last, ..candidate.clone() })
    });
    assert_eq!(acts(&smallest), [&Act::CrashLeader]);
    assert!(last > plan.seed);
    assert_eq!(smallest.seed, last);
}

#[test]
fn the_answer_s_earlier_end_is_kept() {
    let plan = plan(3, vec![Act::Join]);
    let smallest = shrink_with(&plan, |candidate| {
        let is_wrong = candidate.servers == 3 && candidate.end_ms >= 1_230;
        is_wrong.then(|| Plan { end_ms: 1_230, ..candidate.clone() })
    });
    assert_eq!((smallest.servers, smallest.end_ms), (3, 1_230));
}
