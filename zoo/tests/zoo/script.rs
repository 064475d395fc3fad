//! The lines of MIT's scripts: failures point at them, and they may move.

/// The source of the 3A scripts.
const ELECTION_3A: &str = include_str!("../../../tests/raft/election_3a.rs");

/// The numbers of the lines of `function` that call `call`, in order.
///
/// # Panics
/// If there are none, since a test that expects a failure there would prove nothing.
pub(crate) fn lines(function: &str, call: &str) -> Vec<u32> {
    let (head, call) = (format!("fn {function}("), format!("{call}("));
    let numbered = (1..).zip(ELECTION_3A.lines());
    let body =
        numbered.skip_while(|(_, line)| !line.contains(&head)).take_while(|(_, l)| *l != "}");
    let found: Vec<u32> = body.filter(|(_, l)| l.contains(&call)).map(|(n, _)| n).collect();
    assert!(!found.is_empty(), "{function} doesn't call {call}");
    found
}
