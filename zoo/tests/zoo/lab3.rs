//! MIT's scripts, by the names that `tests/raft/main.rs` gives them; here other modules may call
//! them.

#[path = "../../../tests/raft/election_3a.rs"]
pub(crate) mod election_3a;

#[path = "../../../tests/raft/agreement_3b.rs"]
mod agreement_3b;

#[path = "../../../tests/raft/persistence_3c.rs"]
mod persistence_3c;

#[path = "../../../tests/raft/snapshot_3d.rs"]
mod snapshot_3d;

/// The scripts that the zoo's Raft can't pass yet, as it only elects leaders.
const BEYOND_IT: [&str; 3] = ["agreement_3b", "persistence_3c", "snapshot_3d"];

/// The scripts that `main`, a source file, has as modules.
fn scripts(main: &str) -> Vec<&str> {
    main.lines()
        .map(|line| line.strip_prefix("pub(crate) ").unwrap_or(line))
        .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'))
        .collect()
}

#[test]
fn no_script_is_left_out() {
    let mut shared = scripts(include_str!("../../../tests/raft/main.rs"));
    assert!(BEYOND_IT.iter().all(|script| shared.contains(script)));
    shared.retain(|script| !BEYOND_IT.contains(script));
    assert!(!shared.is_empty());
    assert_eq!(scripts(include_str!("lab3.rs")), shared);
}
