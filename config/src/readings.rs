//! What can be read of the messages of the Raft under test.
//!
//! A scenario that directs single messages has to know what they say. Where it can't, because a Raft's
//! messages have other fields than the paper's or its answers are calls of their own, the run shows
//! nothing, and is skipped with that reason. A Raft whose messages can be read, and that doesn't send
//! what it should, fails.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;

use report::{EventKind, FailureKind, Fields, Named, Purpose};

use crate::cluster::Config;
use crate::messages::{Messages, is_answer};

/// What a script must read in messages of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Where entries go, in AppendEntries.
    Entries,
    /// Where entries went and whether they were taken over, in replies to AppendEntries.
    Acknowledgements,
    /// Whether a vote was given, in replies to RequestVote.
    Votes,
}

impl Needs {
    /// The fields, and the messages that should have them.
    fn fields(self) -> (&'static str, &'static str) {
        match self {
            Needs::Entries => ("no call has", "prevLogIndex and entries"),
            Needs::Acknowledgements => {
                ("no call has, together with its reply,", "prevLogIndex, entries and success")
            }
            Needs::Votes => ("no reply has", "voteGranted"),
        }
    }

    /// Whether a message and its reply have them.
    fn are_told(self, args: &Fields, reply: Option<&Fields>) -> bool {
        let has_entries = args.prev_log_index.is_some() && args.entries.is_some();
        match self {
            Needs::Entries => has_entries,
            Needs::Acknowledgements => {
                has_entries && reply.is_some_and(|reply| reply.success.is_some())
            }
            Needs::Votes => reply.is_some_and(|reply| reply.gives_vote().is_some()),
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

    /// Why what a script needs can't be read in calls of this purpose; `None` if it can in some.
    fn why_untold(&self, purpose: Purpose, needs: Needs) -> Option<String> {
        let mut of_purpose = self.calls.values().filter(|(known, ..)| *known == purpose).peekable();
        of_purpose.peek()?;
        if of_purpose.any(|(_, args, reply)| needs.are_told(args, reply.as_ref())) {
            return None;
        }
        // Handlers that have answered nothing at all aren't unreadable: they hang.
        let has_replies =
            self.calls.values().any(|(known, _, reply)| *known == purpose && reply.is_some());
        if needs != Needs::Entries && !has_replies {
            return None;
        }
        let (subject, fields) = needs.fields();
        Some(match (needs, self.is_one_way()) {
            (Needs::Acknowledgements | Needs::Votes, true) => Readings::one_way(fields),
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
