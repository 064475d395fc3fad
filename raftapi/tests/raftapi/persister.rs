//! A server's disk: two byte strings that are replaced together.

use bytes::Bytes;
use raftapi::Persister;

/// What a persister has: the state, the snapshot and their sizes.
fn content(persister: &Persister) -> (Bytes, Bytes, usize, usize) {
    (
        persister.read_raft_state(),
        persister.read_snapshot(),
        persister.raft_state_size(),
        persister.snapshot_size(),
    )
}

/// What a persister has after this was saved.
fn saved(state: &'static str, snapshot: &'static str) -> (Bytes, Bytes, usize, usize) {
    (Bytes::from(state), Bytes::from(snapshot), state.len(), snapshot.len())
}

fn save(persister: &Persister, state: &'static str, snapshot: &'static str) {
    persister.save(Bytes::from(state), Bytes::from(snapshot));
}

#[test]
fn a_new_persister_has_nothing() {
    assert_eq!(content(&Persister::new()), saved("", ""));
}

#[test]
fn what_was_saved_last_is_read_as_often_as_one_likes() {
    let persister = Persister::new();
    save(&persister, "state", "snapshot!");
    assert_eq!(content(&persister), saved("state", "snapshot!"));
    assert_eq!(content(&persister), saved("state", "snapshot!"));
    save(&persister, "a longer state", "less");
    assert_eq!(content(&persister), saved("a longer state", "less"));
}

#[test]
fn an_empty_snapshot_erases_the_one_before() {
    let persister = Persister::new();
    save(&persister, "state", "snapshot");
    save(&persister, "another state", "");
    assert_eq!(content(&persister), saved("another state", ""));
}

#[test]
fn an_empty_state_erases_the_one_before() {
    let persister = Persister::new();
    save(&persister, "state", "snapshot");
    save(&persister, "", "snapshot");
    assert_eq!(content(&persister), saved("", "snapshot"));
}

#[test]
fn a_copy_has_the_same_and_is_cut_off() {
    let old = Persister::new();
    save(&old, "state", "snapshot");
    let new = old.copy();
    assert_eq!(content(&new), saved("state", "snapshot"));
    save(&old, "too late", "nobody sees it");
    assert_eq!(content(&new), saved("state", "snapshot"));
    save(&new, "", "after the crash");
    assert_eq!(content(&old), saved("too late", "nobody sees it"));
    assert_eq!(content(&new.copy()), saved("", "after the crash"));
}
