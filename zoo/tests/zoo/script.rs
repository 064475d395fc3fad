//! The lines of MIT's scripts: failures point at them, and they may move.

/// The source of the scripts, of which no two have a function of the same name that fails.
const SCRIPTS: [&str; 4] = [
    include_str!("../../../tests/raft/election_3a.rs"),
    include_str!("../../../tests/raft/agreement_3b.rs"),
    include_str!("../../../tests/raft/persistence_3c.rs"),
    include_str!("../../../tests/raft/snapshot_3d.rs"),
];

/// The numbers of the lines of `function` that call `call`, in order.
///
/// # Panics
/// If there are none, since a test that expects a failure there would prove nothing.
pub(crate) fn lines(function: &str, call: &str) -> Vec<u32> {
    let (head, call) = (format!("fn {function}("), format!("{call}("));
    let body = |script: &'static str| {
        let numbered = (1..).zip(script.lines());
        let head = head.clone();
        numbered.skip_while(move |(_, l)| !l.contains(&head)).take_while(|(_, l)| *l != "}")
    };
    let calls = SCRIPTS.into_iter().flat_map(body).filter(|(_, line)| line.contains(&call));
    let found: Vec<u32> = calls.map(|(number, _)| number).collect();
    assert!(!found.is_empty(), "{function} doesn't call {call}");
    found
}
