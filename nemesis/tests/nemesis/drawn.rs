//! Plans that are drawn from a seed.

use std::collections::{BTreeMap, BTreeSet};

use nemesis::{Act, Plan};

use crate::plans::every_act;

const SEEDS: u64 = 20_000;

/// The name of an act's kind, with the state of a switch.
fn kind(act: &Act) -> String {
    let text = format!("{act:?}");
    match act {
        Act::Unreliable(_) | Act::LongReordering(_) => text,
        _ => text.split('(').next().unwrap_or_default().to_owned(),
    }
}

fn json(plan: &Plan) -> String {
    serde_json::to_string(plan).expect("a plan is plain data")
}

#[test]
fn every_plan_can_be_followed() {
    for seed in 0..SEEDS {
        let plan = Plan::draw(seed);
        assert_eq!(plan.check(), Ok(()), "{plan:?}");
        assert_eq!(plan.seed, seed);
    }
}

#[test]
fn all_kinds_of_acts_and_all_sizes_occur() {
    let mut with: BTreeMap<String, u64> = BTreeMap::new();
    let (mut sizes, mut with_snapshots) = (BTreeSet::new(), 0);
    for plan in (0..SEEDS).map(Plan::draw) {
        let kinds: BTreeSet<String> = plan.acts.iter().map(|timed| kind(&timed.act)).collect();
        kinds.into_iter().for_each(|kind| *with.entry(kind).or_default() += 1);
        sizes.insert(plan.servers);
        with_snapshots += u64::from(plan.snapshots);
    }
    let all: BTreeSet<String> = every_act().iter().map(kind).collect();
    assert_eq!(with.keys().cloned().collect::<BTreeSet<_>>(), all);
    // None is in all plans, and none is rare: what hides what, nobody knows.
    let share = |count: u64| count as f64 / SEEDS as f64;
    for (kind, count) in with {
        assert!((0.1..0.7).contains(&share(count)), "{kind} is in {count} plans");
    }
    assert_eq!(sizes, BTreeSet::from([2, 3, 4, 5, 6, 7]));
    assert!((0.35..0.45).contains(&share(with_snapshots)), "{with_snapshots} have snapshots");
}

/// FNV-1a, which no library's next version changes.
fn hash(texts: impl Iterator<Item = String>) -> u64 {
    let bytes = texts.flat_map(String::into_bytes);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Whoever has found something by a seed wants to find it again.
#[test]
fn the_same_seed_is_the_same_plan_for_ever() {
    assert_eq!(json(&Plan::draw(GOLDEN_SEED)), GOLDEN);
    assert_eq!(hash((0..1_000).map(|seed| json(&Plan::draw(seed)))), 0xfc06_c6db_6727_8c13);
}

const GOLDEN_SEED: u64 = 244;

const GOLDEN: &str = r#"{"seed":244,"servers":5,"snapshots":false,"load":{"every_ms":30,"burst":1},"acts":[{"at_ms":542,"act":{"crash":4}}],"end_ms":1656}"#;

#[test]
fn a_plan_is_the_same_from_its_file() {
    for plan in (0..100).map(Plan::draw) {
        assert_eq!(serde_json::from_str::<Plan>(&json(&plan)).expect("it is a plan"), plan);
    }
}
