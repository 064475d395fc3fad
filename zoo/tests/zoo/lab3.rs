//! MIT's scripts, by the names that `tests/raft/main.rs` gives them; here other modules may call
//! them.

#[path = "../../../tests/raft/agreement_3b.rs"]
pub(crate) mod agreement_3b;

#[path = "../../../tests/raft/election_3a.rs"]
pub(crate) mod election_3a;

#[path = "../../../tests/raft/persistence_3c.rs"]
mod persistence_3c;

#[path = "../../../tests/raft/snapshot_3d.rs"]
pub(crate) mod snapshot_3d;

/// The scripts that `main`, a source file, has as modules.
fn scripts(main: &str) -> Vec<&str> {
    main.lines()
        .map(|line| line.strip_prefix("pub(crate) ").unwrap_or(line))
        .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'))
        .collect()
}

#[test]
fn no_script_is_left_out() {
    let shared = scripts(include_str!("../../../tests/raft/main.rs"));
    assert!(!shared.is_empty());
    assert_eq!(scripts(include_str!("lab3.rs")), shared);
}
