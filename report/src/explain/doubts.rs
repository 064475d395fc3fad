//! What makes a whole run doubtful: messages whose fields are a guess, and logs that count otherwise than
//! `start()` does. Then nothing that rests on messages is certain.

use std::collections::BTreeSet;

use crate::fields::Slot;
use crate::spec::{Basis, Fact};
use crate::story::{Call, Story};
use crate::text::list;

/// Why messages may say something else than is read in them, if they may.
pub(super) fn doubt(story: &Story) -> Option<Fact> {
    if !story.guessed.is_empty() {
        let has_guess = |call: &&Call| {
            story
                .guessed
                .iter()
                .any(|name| call.args.guessed.has(name) || call.reply.guessed.has(name))
        };
        let first = story.calls.iter().find(has_guess)?;
        if story.last_index_shift > 0 {
            let text = format!(
                "requests for votes have lastLogIndex {} for an empty log; this report takes that as another \
                 way to count indexes",
                story.last_index_shift
            );
            return Some(Fact::new(Basis::Concluded, first.sent.at, text, [first.id]));
        }
        let names = list(story.guessed.iter().map(Slot::paper_name));
        let text = format!(
            "messages have no field with the paper's name for {names}; this report guesses which field it is, \
             and nothing in the run confirms the guess"
        );
        return Some(Fact::new(Basis::Concluded, first.sent.at, text, [first.id]));
    }
    if story.dropped > 0 {
        let text = "the beginning is missing, because the history grew too long";
        return Some(Fact::new(Basis::Concluded, story.since, text, None));
    }
    let (call, index) = own_entry(story)?;
    let text = format!(
        "server {} sent an entry of its own term at index {index}, but its start() never returned that index: \
         the indexes in its log may differ from those of start()",
        call.from.server
    );
    Some(Fact::new(Basis::Concluded, call.sent.at, text, [call.id]))
}

/// The first entry that a leader sends of its own term though its `start()` has returned that index for no
/// command.
fn own_entry(story: &Story) -> Option<(&Call, u64)> {
    if story.dropped > 0 || story.proposals.is_empty() || story.counts_other_entries {
        return None;
    }
    let own = story.proposals.iter();
    let own: BTreeSet<_> = own.map(|own| (own.server.server, own.term, own.index)).collect();
    let appends = story.calls.iter().filter(|call| call.is_append());
    appends.filter(|call| !call.is_copy).find_map(|call| {
        let (term, prev) = call.args.term.zip(call.args.prev_log_index)?;
        let mut entries = (prev + 1..).zip(call.args.entries.as_deref()?);
        let (index, _) = entries.find(|&(index, &entry)| {
            entry == Some(term) && !own.contains(&(call.from.server, term, index))
        })?;
        Some((call, index))
    })
}
