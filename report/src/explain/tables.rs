//! Which causes are looked for, by the failure's sentence.

use super::{
    Cause, agreement, applies_late, apply_order, blocked, budget, commands, no_leader, panics,
    referee, reply_terms, saves, snapshots, terms, two_leaders,
};
use crate::failure::{Failure, FailureKind};

/// Causes of `… was told of term …, and isn't in it`.
const TOLD: &[Cause] =
    &[reply_terms::answer_without_term, reply_terms::reply_s_term_ignored, referee::broken_rule];

/// The causes of failures with this sentence, whose numbers are N; the more telling ones first.
pub(super) fn causes(failure: &Failure, sentence: &str) -> &'static [Cause] {
    let starts = |words: &str| sentence.starts_with(words);
    let has = |words: &str| sentence.contains(words);
    if matches!(failure.kind, FailureKind::Misuse | FailureKind::Tester) {
        &[]
    } else if failure.kind == FailureKind::Panic {
        panics::CAUSES
    } else if has(blocked::SENTENCE) {
        blocked::CAUSES
    } else if has("more elections in")
        || has("heard of no leader for")
        || has("has no vote for a candidate")
        || starts("none of the requests from")
    {
        no_leader::CAUSES
    } else if has("was told of term") {
        TOLD
    } else if has("has saved nothing for") {
        &[saves::command_not_saved, referee::broken_rule]
    } else if has("lost its leadership") {
        terms::LOST
    } else if has("leads without the committed entry") {
        saves::ENTRY_LOST
    } else if has("has saved none when it crashes") {
        saves::INSTALLED
    } else if starts("none of the InstallSnapshot requests") {
        snapshots::SIZE
    } else if has("apply out of order") {
        apply_order::CAUSES
    } else if has("snapshot") {
        snapshots::CONTENTS
    } else if starts("Log size too large") {
        snapshots::SIZE
    } else if starts("too many RPC bytes") {
        budget::BYTES
    } else if starts("too many") {
        budget::COUNT
    } else if has("(>N) leaders") || starts("expected no leader") {
        two_leaders::CAUSES
    } else if starts("one(") && failure.message.contains("nobody accepted it") {
        agreement::NOBODY_ACCEPTED
    } else if starts("one(") || has("decided for index") || has("came for N s") {
        agreement::CAUSES
    } else if starts("servers disagree on term") {
        terms::CAUSES
    } else if starts("term changed too often") {
        terms::TOO_OFTEN
    } else if has("rejected Start()") || has("missing in") || has("leads and refuses a command") {
        commands::CAUSES
    } else if failure.kind == FailureKind::Stuck {
        applies_late::CAUSES
    } else {
        // Two commands at one index, an index that went down, a value that is gone: some rule is
        // broken.
        &[referee::broken_rule]
    }
}
