//! Each sentence comes with the check that it belongs to.

use report::{Failure, without_numbers};
use serde_json::Value;

/// By a part of their first lines, with N for each number: the checks of failures, as they are stored. The
/// first that fits counts. What only a script knows has none of its own.
const CHECKS: &[(&str, &[&str])] = &[
    ("expected one leader, got none", &["one_leader"]),
    ("more elections in that time", &["one_leader"]),
    ("and starts no election", &["one_leader"]),
    ("asks nobody for its vote", &["one_leader"]),
    ("has no vote for a candidate", &["one_leader"]),
    ("was not elected in N s", &["one_leader"]),
    ("isn't elected in N s", &["one_leader"]),
    ("and neither leads after N s", &["one_leader"]),
    ("and sends server N nothing for N s", &["replicated"]),
    ("server N started an election", &["leader_stays"]),
    ("none of the requests", &["one_leader"]),
    ("none of the RequestVote", &["one_leader"]),
    ("none of the AppendEntries", &["replicated"]),
    ("none of the InstallSnapshot requests", &["log_cut"]),
    (" (>N) leaders", &["no_second_leader"]),
    ("expected no leader among connected servers", &["no_second_leader"]),
    ("leads by the votes of two of four servers", &["no_second_leader"]),
    ("servers disagree on term", &["same_term"]),
    ("term changed too often", &["term_stays"]),
    ("has lost its leadership", &["leader_stays"]),
    ("was told of term N", &["term_adopted"]),
    ("rejected Start()", &["accepted"]),
    ("leads and refuses a command", &["accepted"]),
    ("leads no more when it is given a command", &["leader_stays"]),
    ("missing in [", &["accepted", "same_command"]),
    ("one(", &["agreed"]),
    ("decided for index", &["agreed"]),
    ("got index N but expected N", &["next_index"]),
    ("expected index N, got N", &["next_index", "in_order"]),
    ("unexpected index N", &["next_index"]),
    ("Start() failed", &["next_index"]),
    ("index decreased from N to N", &["next_index"]),
    ("'s start() ", &["next_index"]),
    ("N committed but no majority", &["committed"]),
    ("index N is committed, ", &["committed"]),
    ("some have committed before Start()", &["same_command"]),
    ("wrong value ", &["same_command"]),
    ("not an int", &["same_command"]),
    ("wrong command type", &["same_command"]),
    ("didn't find a value", &["same_command"]),
    ("committed values do not match", &["same_command"]),
    ("commit index=N", &["same_command"]),
    ("a command that no client submitted", &["same_command"]),
    ("apply out of order", &["in_order"]),
    ("leads without the committed entry", &["saved"]),
    ("had saved none when it crashed", &["saved"]),
    ("has saved nothing for", &["saved"]),
    ("Log size too large", &["log_cut"]),
    (": nil snapshot", &["snapshot"]),
    (": snapshot decode error", &["snapshot"]),
    (" snapshot doesn't match", &["snapshot"]),
    (" snapshot at index N", &["snapshot"]),
    ("too many", &["budget"]),
    ("panicked in make: ", &["panicked make"]),
    ("panicked in the handler of ", &["panicked handler"]),
    ("panicked in a task ", &["panicked task"]),
    ("panicked in ", &["panicked method"]),
    (", in the handler of Raft.RequestVote: the simulated thread is blocked", &["blocked handler"]),
    (", in start: the simulated thread is blocked", &["blocked method"]),
    (", in snapshot: the simulated thread is blocked", &["blocked method"]),
    ("the simulated thread is blocked", &["blocked task"]),
    ("std::thread::sleep", &["blocked task"]),
    ("virtual time stands still", &["misused task"]),
    ("test took longer than", &["in_time"]),
    ("rule ", &["rule"]),
];

/// Whether a failure has its sentence's check.
pub(super) fn check(failure: &Failure) -> Result<(), String> {
    let sentence = without_numbers(failure.message.lines().next().unwrap_or_default());
    let found = CHECKS.iter().find(|(part, _)| sentence.contains(part));
    let expected = found.map_or(&["script"][..], |(_, checks)| checks);
    let stored = serde_json::to_value(&failure.check).expect("a check is plain data");
    let word = |value: &Value| value.as_str().map(str::to_owned);
    let words: Vec<String> =
        [&stored["check"], &stored["activity"]["at"]].into_iter().filter_map(word).collect();
    let has = words.join(" ");
    let is_expected = expected.contains(&has.as_str());
    is_expected.then_some(()).ok_or_else(|| format!("{sentence:?} has the check {has:?}"))
}
