//! Which message it is by the names that its author has given: to a method, to an enum's variant, to the
//! value of a field that tells the kinds of messages apart.

use super::Fields;

/// Which of Raft's messages a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Named {
    /// A question whether votes would be given (thesis §9.6).
    PreVote,
    /// RequestVote.
    Vote,
    /// AppendEntries, or a heartbeat.
    Append,
    /// InstallSnapshot.
    Snapshot,
    /// An answer to any of these, which some Rafts send as a message of its own.
    Answer,
}

const ALL: [Named; 5] =
    [Named::PreVote, Named::Vote, Named::Append, Named::Snapshot, Named::Answer];

/// Parts of names for AppendEntries and for InstallSnapshot.
const APPEND: [&str; 3] = ["append", "heartbeat", "replicate"];
const SNAPSHOT: [&str; 1] = ["snap"];

/// What AppendEntries may be called besides, as etcd does, or a heartbeat; and nothing else is.
const APPENDS: [&str; 7] = ["app", "beat", "pulse", "ping", "alive", "keepalive", "keep_alive"];

/// What the name of an answer ends with: any, and one to a message of Raft's.
const ANSWERS: [&str; 4] = ["reply", "response", "resp", "answer"];
const OUTCOMES: [&str; 2] = ["result", "ack"];

impl Named {
    /// What is called `name`, such as `RequestVote`, `append_entries` or `HeartbeatReply`.
    pub(crate) fn by(name: &str) -> Option<Named> {
        let lower = name.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        let plain = lower.strip_prefix("msg").unwrap_or(&lower).trim_start_matches('_');
        let is_of_raft = has(&["vote"]) || has(&APPEND) || has(&SNAPSHOT);
        let ends = |ends: &[&str]| ends.iter().any(|end| lower.ends_with(end));
        if ends(&ANSWERS) || ends(&OUTCOMES) && (is_of_raft || OUTCOMES.contains(&plain)) {
            Some(Named::Answer)
        } else if has(&["prevote", "pre_vote"]) {
            Some(Named::PreVote)
        } else if has(&SNAPSHOT) {
            Some(Named::Snapshot)
        } else if has(&["vote"]) {
            Some(Named::Vote)
        } else if has(&APPEND) || APPENDS.contains(&plain) {
            Some(Named::Append)
        } else {
            None
        }
    }

    /// What a call is called, by the name of its enum's variant, or else by its method's.
    #[must_use]
    pub fn of(method: &str, args: &Fields) -> Option<Named> {
        args.named.or_else(|| Named::by_method(method))
    }

    /// What a call is called by the name of its method, such as `Raft.RequestVote`.
    pub(crate) fn by_method(method: &str) -> Option<Named> {
        Named::by(method.rsplit('.').next().unwrap_or(method))
    }

    /// The one that is kept as this number.
    pub(super) fn numbered(number: u64) -> Option<Named> {
        ALL.into_iter().find(|named| *named as u64 == number)
    }
}

/// Whether a field of this name tells the kinds of messages apart.
pub(super) fn is_tag(name: &str) -> bool {
    const TAGS: [&str; 8] =
        ["type", "kind", "tag", "rpc", "msg_type", "msgType", "message_type", "messageType"];
    TAGS.contains(&name)
}

/// Whether a field of this name says, if it is true, that a request for votes is only a question.
pub(super) fn is_pre_vote_flag(name: &str) -> bool {
    const FLAGS: [&str; 4] = ["pre", "prevote", "preelection", "dryrun"];
    let plain = name.bytes().filter(|&byte| byte != b'_').map(|byte| byte.to_ascii_lowercase());
    let is = |flag: &&str| {
        plain.clone().eq(flag.bytes())
            || plain.clone().eq(b"is".iter().copied().chain(flag.bytes()))
    };
    FLAGS.iter().any(is)
}

/// Whether a field of this name says how many of the entries before a request's own are commands.
pub(super) fn is_commands_before(name: &str) -> bool {
    ["commands_before", "commandsBefore"].contains(&name)
}

/// Whether a field of this name has a snapshot, if there is anything in it.
pub(super) fn is_snapshot(name: &str) -> bool {
    ["snapshot", "snap"].contains(&name)
}

/// Whether a field of this name says in what two logs differ.
pub(super) fn is_conflict(name: &str) -> bool {
    const STEMS: [&str; 3] = ["conflict", "mismatch", "diverg"];
    let begins =
        |stem: &str| name.get(..stem.len()).is_some_and(|it| it.eq_ignore_ascii_case(stem));
    STEMS.iter().any(|stem| begins(stem))
}

/// Whether a flag of this name says that a part of what is asked for is right, as `log_ok` does: not set it is a no, and
/// set it says little.
pub(super) fn is_ok_of_a_part(name: &str) -> bool {
    let is_more = name.len() > "_ok".len() && !name.eq_ignore_ascii_case("is_ok");
    is_more && (name.ends_with("_ok") || name.ends_with("Ok"))
}

/// Whether what is in a field of this name is no message: what it says isn't said of the message.
pub(super) fn is_no_message(name: &str) -> bool {
    ["command", "conflict", "data", "snapshot", "snap", "config", "configuration"].contains(&name)
}

/// Whether a word that stands for a whole answer, such as the name of an enum's variant, says yes or no. What a request
/// may be called says neither.
pub(super) fn verdict(name: &str) -> Option<bool> {
    if Named::by(name).is_some_and(|named| named != Named::Vote) {
        return None;
    }
    let is_not = |rest: &str| rest.starts_with(char::is_uppercase);
    match name.strip_prefix("Not").is_some_and(is_not) {
        true => Some(false),
        false => said_by(&name.to_ascii_lowercase()),
    }
}

/// Whether a flag of this name, in lower case without what stands between the words, says yes if it is set, or no, as
/// `reject` does. What it says under any other name nobody knows.
pub(super) fn sense(name: &str) -> Option<bool> {
    let name = name.strip_prefix("is").unwrap_or(name);
    if is_pre_vote_flag(name) {
        return None;
    }
    let says_yes = |word: &str| {
        said_by(word) == Some(true)
            || FLAGS.contains(&word)
            || FLAG_BEGINNINGS.iter().any(|beginning| word.starts_with(beginning))
    };
    let not = || NOT.iter().filter_map(|not| name.strip_prefix(not)).any(says_yes);
    let refuses = || REFUSALS.iter().any(|stem| name.contains(stem));
    match said_by(name) {
        Some(true) => Some(true),
        // Another no only gives a reason, which may be one of several.
        Some(false) => (refuses() || not()).then_some(false),
        None if not() => Some(false),
        None => says_yes(name).then_some(true),
    }
}

/// What a word says, in lower case.
fn said_by(word: &str) -> Option<bool> {
    let is = |words: &[&str], stems: &[&str]| {
        words.contains(&word) || stems.iter().any(|stem| word.contains(stem))
    };
    // Those first: a mismatch isn't a match, and what is not granted isn't granted.
    if is(&NO, &NO_STEMS)
        || NOT
            .iter()
            .filter_map(|not| word.strip_prefix(not))
            .any(|word| is(&YES, &[]) || YES_STEMS.iter().any(|stem| word.starts_with(stem)))
    {
        Some(false)
    } else if is(&YES, &YES_STEMS) {
        Some(true)
    } else {
        None
    }
}

/// Whether what an enum's variant of this name says beside its name may be of something else than the answer: a term may be
/// that of the entry on which two logs differ, above all if it isn't alone. `fields` counts what is there, if need be.
pub(super) fn is_of_an_entry(variant: &str, fields: impl FnOnce() -> usize) -> bool {
    let lower = variant.to_ascii_lowercase();
    verdict(variant) == Some(false)
        && (OF_AN_ENTRY.iter().any(|stem| lower.contains(stem)) || fields() > 1)
}

const OF_AN_ENTRY: [&str; 6] =
    ["conflict", "mismatch", "inconsist", "diverge", "missing", "behind"];

const YES: [&str; 11] =
    ["yes", "ok", "okay", "ack", "aye", "true", "done", "voted", "took", "fits", "same"];
const YES_STEMS: [&str; 7] = ["grant", "accept", "succe", "match", "agree", "stored", "taken"];
/// What a flag that says yes may be called besides, and what its name may begin with.
const FLAGS: [&str; 3] = ["sure", "good", "fine"];
const FLAG_BEGINNINGS: [&str; 13] = [
    "vote",
    "elect",
    "support",
    "approve",
    "append",
    "replicated",
    "insync",
    "consistent",
    "valid",
    "uptodate",
    "result",
    "status",
    "confirm",
];
/// What the name of a flag has that says no if it is set.
const REFUSALS: [&str; 9] =
    ["deny", "denied", "reject", "refus", "declin", "fail", "conflict", "mismatch", "nack"];
/// What a word begins with that says the contrary of the rest.
const NOT: [&str; 8] = ["not", "non", "no", "un", "dis", "in", "cant", "already"];
const NO: [&str; 14] = [
    "no", "nay", "nack", "err", "error", "false", "old", "behind", "gap", "hole", "late", "retry",
    "short", "differs",
];
const NO_STEMS: [&str; 18] = [
    "toolate",
    "tooshort",
    "deny",
    "denied",
    "reject",
    "refus",
    "declin",
    "fail",
    "conflict",
    "mismatch",
    "inconsist",
    "stale",
    "outdated",
    "obsolete",
    "expired",
    "missing",
    "diverge",
    "higherterm",
];

/// Whether the value of a field of this name is an answer, if it is a word.
pub(super) fn is_answer(name: &str) -> bool {
    const NAMES: [&str; 10] = [
        "result", "status", "outcome", "reply", "answer", "verdict", "response", "vote",
        "decision", "ack",
    ];
    NAMES.contains(&name) || is_tag(name)
}

#[cfg(test)]
mod tests {
    use super::{Named, sense, verdict};

    #[test]
    fn an_answer_is_known_by_a_word() {
        for yes in ["Yes", "Ok", "Granted", "VoteGranted", "Accepted", "Success", "Matched", "Took"]
        {
            assert_eq!(verdict(yes), Some(true), "{yes}");
        }
        for no in [
            "No",
            "NotGranted",
            "VoteDenied",
            "Rejected",
            "Mismatch",
            "Conflict",
            "StaleTerm",
            "Err",
            "Gap",
            "TooLate",
        ] {
            assert_eq!(verdict(no), Some(false), "{no}");
        }
        for neither in
            ["Vote", "RequestVote", "AppendEntries", "AppendOk", "Snapshot", "Follower", ""]
        {
            let said = verdict(neither);
            assert_eq!(said, None, "{neither}");
        }
    }

    #[test]
    fn a_flag_says_yes_or_no_by_its_name() {
        for yes in ["granted", "isok", "appended", "matches", "insync", "uptodate", "vote"] {
            assert_eq!(sense(yes), Some(true), "{yes}");
        }
        for no in [
            "reject",
            "rejected",
            "refused",
            "denied",
            "conflict",
            "unmatched",
            "disagree",
            "invalid",
            "novote",
            "cantvote",
            "alreadyvoted",
            "notuptodate",
        ] {
            assert_eq!(sense(no), Some(false), "{no}");
        }
        for neither in [
            "prevote",
            "flag",
            "more",
            "leader",
            "noted",
            "notified",
            "dispatched",
            "unanimous",
            "underway",
            "measured",
        ] {
            assert_eq!(sense(neither), None, "{neither}");
        }
    }

    #[test]
    fn messages_are_known_by_their_names() {
        for (name, named) in [
            ("RequestVote", Some(Named::Vote)),
            ("MsgRequestPreVote", Some(Named::PreVote)),
            ("append_entries", Some(Named::Append)),
            ("Heartbeat", Some(Named::Append)),
            ("Beat", Some(Named::Append)),
            ("Mapping", None),
            ("InstallSnapshot", Some(Named::Snapshot)),
            ("Snap", Some(Named::Snapshot)),
            ("ReplicateLog", Some(Named::Append)),
            ("PreVoteReply", Some(Named::Answer)),
            ("append_entries_response", Some(Named::Answer)),
            ("HeartbeatAck", Some(Named::Answer)),
            ("MsgApp", Some(Named::Append)),
            ("MsgAppResp", Some(Named::Answer)),
            ("ShipResponse", Some(Named::Answer)),
            ("Stack", None),
            ("Mishap", None),
            ("Reply", Some(Named::Answer)),
            ("TimeoutNow", None),
            ("Pack", None),
            ("Handle", None),
        ] {
            assert_eq!(Named::by(name), named, "{name}");
        }
    }
}
