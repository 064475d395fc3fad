//! What a reader must know of a run whose messages say too little for the rules to judge it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::spec;
use crate::story::{Call, Purpose, Story};

/// Why a run's messages say too little.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unreadable {
    /// None of them has a term or a vote that can be read.
    Terms,
    /// None of them has a command that start() took, whether it says that it brings entries or not.
    Commands,
}

impl Unreadable {
    /// Why the messages of this story say too little; `None` if they can be read.
    #[must_use]
    pub fn of(story: &Story) -> Option<Unreadable> {
        if !spec::tells(story) {
            Some(Unreadable::Terms)
        } else if spec::hides_commands(story) {
            Some(Unreadable::Commands)
        } else {
            None
        }
    }
}

impl fmt::Display for Unreadable {
    /// The warning.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("warning: this cluster can't be watched: ")?;
        f.write_str(match self {
            Unreadable::Terms => {
                "no message between its servers has a term or a vote that can be read, so most of Raft's rules \
                 weren't checked. Give the fields of the messages the names of Figure 2"
            }
            Unreadable::Commands => {
                "no message between its servers has the bytes of a command, not even the messages that claim \
                 to bring entries, so nobody can see how commands reach the servers that apply them. Send each \
                 command as start() got it"
            }
        })
    }
}

/// Which rules weren't checked, because not all messages of this story say what these rules are about; empty if they
/// do.
pub(crate) fn unchecked(story: &Story) -> Vec<&'static str> {
    if !spec::tells(story) {
        return vec!["most rules (no message has a term or a vote that can be read)"];
    }
    let mut appends = story.calls.iter().filter(|call| call.is_append());
    let is_unread = |call: &Call| call.purpose == Purpose::Other && !call.is_named_otherwise();
    let has_unread = story.calls.iter().any(is_unread);
    let has_elected = story.views.iter().flatten().any(|view| view.is_leader);
    let no_vote = has_unread && has_elected && story.requests_for_votes().next().is_none();
    let no_append = has_unread && spec::has_replicated(story) && appends.clone().next().is_none();
    let off = [
        (
            no_vote || story.requests_for_votes().any(Call::hides_vote),
            match no_vote {
                true => "rules about who is elected (no request for votes is recognised)",
                false => {
                    "rules about who is elected (some requests for votes, or their answers, can't be read)"
                }
            },
        ),
        (
            no_append || appends.any(Call::hides_log),
            match no_append {
                true => "rules about what logs contain (no AppendEntries is recognised)",
                false => {
                    "rules about what logs contain (some AppendEntries, or their answers, can't be read)"
                }
            },
        ),
        (
            story.counts_other_entries,
            "rules that compare the index in a message with that of start() or of the apply channel (messages also count \
             entries that aren't commands)",
        ),
    ];
    off.into_iter().filter(|(is_off, _)| *is_off).map(|(_, rules)| rules).collect()
}
