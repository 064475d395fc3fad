//! What can be read of the messages of the Raft under test.
//!
//! A scenario that directs single messages has to know what they say. Where it can't, because a Raft's
//! messages have other fields than the paper's or its answers are calls of their own, the run shows
//! nothing, and is skipped with that reason. A Raft whose messages can be read, and that doesn't send
//! what it should, fails.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;

use report::{EventKind, FailureKind, Fields, Named, Purpose, Story};

use crate::cluster::Config;
use crate::messages::{Messages, is_answer};

/// What a script must read in messages of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Where entries go, in AppendEntries.
    Entries,
    /// Where entries went and that they were taken over, in replies to AppendEntries.
    Acceptance,
    /// Where entries went and that they were refused, in replies to AppendEntries.
    Refusal,
    /// That a vote was given, in replies to RequestVote.
    Votes,
}

impl Needs {
    /// The fields, and the messages that should have them.
    fn fields(self) -> (&'static str, &'static str) {
        let with_reply = "no call has, together with its reply,";
        match self {
            Needs::Entries => ("no call has", "prevLogIndex and entries"),
            Needs::Acceptance => (with_reply, "prevLogIndex, entries and success = true"),
            Needs::Refusal => (with_reply, "prevLogIndex, entries and success = false"),
            Needs::Votes => ("no reply has", "voteGranted = true"),
        }
    }

    /// Whether the arguments have what is needed of them.
    fn are_asked(self, args: &Fields) -> bool {
        self == Needs::Votes || args.prev_log_index.is_some() && args.entries.is_some()
    }

    /// Whether a reply says what is needed; `None` if it can't be read.
    fn are_answered(self, reply: &Fields) -> Option<bool> {
        match self {
            Needs::Entries => Some(true),
            Needs::Acceptance => reply.success,
            Needs::Refusal => reply.success.map(|success| !success),
            Needs::Votes => reply.gives_vote(),
        }
    }
}

/// The calls of a run until now, as far as they can be read.
#[derive(Default)]
struct Readings {
    /// By their ids, what they are for and what they and their replies say.
    calls: BTreeMap<u64, (Purpose, Fields, Option<Fields>)>,
    /// Whether there were answers among them.
    has_answers: bool,
    /// Whether a reply says something.
    replies_tell: bool,
    /// Between whom there were some that could be anything.
    unknown: BTreeSet<(usize, Option<usize>)>,
    /// Whether a server has handed on a snapshot: some message has brought it.
    has_installed: bool,
}

impl Readings {
    fn of(config: &Config) -> Readings {
        let mut readings = Readings::default();
        for event in config.t.history().events() {
            match &event.kind {
                EventKind::RpcSent { id, from: Some(from), to, method, args } => {
                    let args = args.fields();
                    let purpose = Purpose::of(method, &args);
                    let is_answer = is_answer(method, &args);
                    readings.has_answers |= is_answer;
                    if purpose == Purpose::Other
                        && !is_answer
                        && Named::of(method, &args) != Some(Named::PreVote)
                    {
                        let to = to.map(|to| to as usize);
                        readings.unknown.insert((from.server as usize, to));
                    }
                    readings.calls.insert(id.0, (purpose, args, None));
                }
                EventKind::RpcHandled { id, reply } => {
                    if let Some((_, _, answer)) = readings.calls.get_mut(&id.0) {
                        let reply = reply.fields();
                        readings.replies_tell |= reply != Fields::default();
                        *answer = Some(reply);
                    }
                }
                EventKind::AppliedSnapshot { .. } => readings.has_installed = true,
                _ => {}
            }
        }
        readings
    }

    /// Why such messages, if there were any, can't have been recognised; `None` if they would have been:
    /// others of their kind were, or all is known that their senders have sent to their receivers.
    fn why_unknown(&self, messages: Messages) -> Option<String> {
        let purpose = messages.purpose()?;
        let is_known = self.calls.values().any(|(known, ..)| *known == purpose);
        // A snapshot may come as a part of another message.
        let may_be_there =
            self.has_unknown(messages) || purpose == Purpose::Snapshot && self.has_installed;
        let fields = match purpose {
            _ if is_known || !may_be_there => return None,
            Purpose::Vote => "lastLogIndex and lastLogTerm",
            Purpose::Append => "prevLogIndex and entries",
            Purpose::Snapshot => "lastIncludedIndex and lastIncludedTerm",
            Purpose::Other => return None,
        };
        Some(format!("can't read this Raft's messages: no call has {fields}"))
    }

    /// Whether their senders have sent to their receivers what could be anything.
    fn has_unknown(&self, messages: Messages) -> bool {
        self.unknown.iter().any(|&(from, to)| messages.are_between(from, to))
    }

    /// Why a leader's heartbeats may have been sent all the same: calls between these servers are none that is known.
    fn why_hidden(&self, messages: Messages) -> Option<String> {
        let is_hidden = messages.purpose() == Some(Purpose::Append) && self.has_unknown(messages);
        is_hidden.then(|| {
            "can't read this Raft's messages: calls that aren't recognised may be its heartbeats".to_owned()
        })
    }

    /// Why what a script needs can't be read in calls of this purpose; `None` if it can in some, or if all could be read
    /// that should say it.
    fn why_untold(&self, purpose: Purpose, needs: Needs) -> Option<String> {
        let of_purpose = self.calls.values().filter(|(known, ..)| *known == purpose);
        let of_purpose: Vec<_> = of_purpose.map(|(_, args, reply)| (args, reply)).collect();
        if of_purpose.is_empty() {
            return None;
        }
        let asked = of_purpose.iter().filter(|(args, _)| needs.are_asked(args));
        // Handlers that have answered nothing at all aren't unreadable: they hang.
        let is_untold = match needs {
            Needs::Entries => asked.count() == 0,
            _ if asked.clone().next().is_none() => of_purpose.iter().any(|(_, it)| it.is_some()),
            _ => {
                let replies = asked.filter_map(|(_, reply)| reply.as_ref());
                let said: BTreeSet<_> = replies.map(|reply| needs.are_answered(reply)).collect();
                said.contains(&None) && !said.contains(&Some(true))
            }
        };
        if !is_untold {
            return None;
        }
        let (subject, fields) = needs.fields();
        Some(match (needs, self.is_one_way()) {
            (Needs::Acceptance | Needs::Refusal | Needs::Votes, true) => Readings::one_way(fields),
            _ => format!("can't read this Raft's messages: {subject} {fields}"),
        })
    }

    /// Whether answers are calls of their own.
    fn is_one_way(&self) -> bool {
        self.has_answers && !self.replies_tell
    }

    fn one_way(fields: &str) -> String {
        format!(
            "can't read this Raft's answers: they are calls of their own, and no reply has {fields}"
        )
    }
}

impl Config {
    /// Skips the run if it can't be known whether such messages were sent: none of their kind has ever
    /// been recognised in this run, and their senders have sent to their receivers what could be anything.
    pub fn skip_if_unread(&self, messages: Messages) {
        if let Some(reason) = Readings::of(self).why_unknown(messages) {
            self.skip(reason);
        }
    }

    /// Skips the run if a leader may have sent its heartbeats by calls that aren't recognised: `messages` are its
    /// AppendEntries.
    pub fn skip_if_hidden(&self, messages: Messages) {
        if let Some(reason) = Readings::of(self).why_hidden(messages) {
            self.skip(reason);
        }
    }

    /// Skips the run if nothing that a script needs was told by any of the messages until now, though
    /// there were some of their kind.
    pub(crate) fn skip_if_untold(&self, messages: Messages, needs: Needs) {
        let Some(purpose) = messages.purpose() else { return };
        if let Some(reason) = Readings::of(self).why_untold(purpose, needs) {
            self.skip(reason);
        }
    }

    /// Skips the run if the indexes in the messages aren't those of `start()`: then a script that waits for an entry
    /// looks for another.
    fn skip_if_counted_otherwise(&self, messages: Messages) {
        let is_by_index = messages.purpose() == Some(Purpose::Append);
        if is_by_index
            && !Story::new(&self.t.history(), self.servers()).counted_otherwise.is_empty()
        {
            self.skip(
                "can't read this Raft's messages: their indexes aren't those that start() returned",
            );
        }
    }

    /// Such messages, or what should have come of them, didn't come. Fails the run (liveness), or skips
    /// it if nobody can know, as [`Config::skip_if_unread`] does.
    pub(crate) fn missed(
        &self,
        here: &'static Location<'static>,
        messages: Messages,
        message: String,
    ) -> ! {
        self.skip_if_unread(messages);
        self.skip_if_hidden(messages);
        self.skip_if_counted_otherwise(messages);
        self.t.fatal_at(here, (FailureKind::Liveness, messages.demanded()), message)
    }

    /// What a field of a message says, by the field's name in the paper, such as `voteGranted`.
    ///
    /// Skips the run if the message has no such field: then the scenario can't be played.
    pub fn told<V>(&self, field: Option<V>, name: &str) -> V {
        field.unwrap_or_else(|| {
            self.skip(match name {
                "voteGranted" | "success" | "term" if Readings::of(self).is_one_way() => {
                    Readings::one_way(name)
                }
                _ => format!(
                    "can't read this Raft's messages: a message has no {name}, or has it under another name than the paper's"
                ),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// AppendEntries with an entry each, and these answers.
    fn answered(answers: &[Value]) -> Readings {
        let args = json!({
            "term": 1, "leader_id": 0, "prev_log_index": 0, "prev_log_term": 0, "entries": [{ "term": 1 }],
            "leader_commit": 0,
        });
        let call = |(id, answer)| {
            let reply = Some(answer).filter(|it: &&Value| !it.is_null()).map(Fields::of);
            (id, (Purpose::Append, Fields::of(&args), reply))
        };
        Readings { calls: (0..).zip(answers).map(call).collect(), ..Readings::default() }
    }

    /// A Raft may say yes in words that nobody knows, and no in others.
    #[test]
    fn what_is_never_said_in_words_that_are_known_cant_be_read() {
        let (held, gap) =
            (json!({ "Held": { "ballot": 1, "through": 1 } }), json!({ "Gap": { "resume": 1 } }));
        let (yes, no) =
            (json!({ "term": 1, "success": true }), json!({ "term": 1, "success": false }));
        let is_untold = |needs, answers: &[Value]| {
            answered(answers).why_untold(Purpose::Append, needs).is_some()
        };
        let refuses = &[gap.clone(), held.clone()];
        assert!(is_untold(Needs::Acceptance, refuses));
        assert!(!is_untold(Needs::Refusal, refuses));
        assert!(is_untold(Needs::Refusal, &[yes.clone(), held.clone()]));
        // Who never says it, in words that are known, is wrong.
        assert!(!is_untold(Needs::Acceptance, &[no.clone(), no]));
        assert!(!is_untold(Needs::Acceptance, &[yes, held]));
        // And who answers nothing, hangs.
        assert!(!is_untold(Needs::Acceptance, &[Value::Null, Value::Null]));
    }
}
