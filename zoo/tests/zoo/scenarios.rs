//! The right Raft passes each scenario. What each is made for is in the table in `caught/scenarios.rs`.

use zoo::Bug;

use crate::child::run;

/// The names of the tests in these sources, as this binary has them.
fn tests() -> Vec<String> {
    let sources = [
        ("crashes_x", include_str!("../../../tests/extra/crashes_x.rs")),
        ("elections_x", include_str!("../../../tests/extra/elections_x.rs")),
        ("logs_x", include_str!("../../../tests/extra/logs_x.rs")),
        ("network_x", include_str!("../../../tests/extra/network_x.rs")),
        ("snapshots_x", include_str!("../../../tests/extra/snapshots_x.rs")),
        ("timers_x", include_str!("../../../tests/extra/timers_x.rs")),
    ];
    let names = |(module, source): (&str, &'static str)| {
        let module = module.to_owned();
        let names = source.lines().filter_map(|l| l.strip_prefix("fn Test")?.strip_suffix("() {"));
        names.map(move |name| format!("{module}::Test{name}"))
    };
    sources.into_iter().flat_map(names).collect()
}

#[test]
fn the_right_raft_passes_each_scenario() {
    let tests = tests();
    assert!(!tests.is_empty(), "the scripts have tests");
    // They are numbered from 1 on, and no two have the same number.
    for number in (1..=tests.len()).map(|number| format!("X{number:02}")) {
        let of_number = tests.iter().filter(|test| test.ends_with(&number));
        assert_eq!(of_number.count(), 1, "{number} in {tests:?}");
    }
    for test in tests {
        let runs = run(&format!("extra::{test}"), Bug::None, 1..=30);
        assert_eq!(runs.failures().next(), None, "{test}");
        assert!(runs.warnings().is_empty(), "{test}: {:?}", runs.warnings());
    }
}
