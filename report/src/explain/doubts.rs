//! What makes a whole run doubtful: messages whose fields are a guess, and logs that count otherwise than
//! `start()` does. Then nothing that rests on messages is certain. And how answers are read whose words were learned.

use std::collections::BTreeSet;

use crate::event::RpcId;
use crate::fields::Slot;
use crate::spec::{Basis, Doubt, Fact, either};
use crate::story::{Call, Story};
use crate::text::list;

/// Why messages may say something else than is read in them, if they may; above all those that `facts` tell of.
pub(super) fn doubt(story: &Story, facts: &[Fact]) -> Option<Doubt> {
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
            return Some(Doubt::Shown(Fact::new(
                Basis::Concluded,
                first.sent.at,
                text,
                [first.id],
            )));
        }
        let is_told = |call: &&Call| facts.iter().any(|fact| fact.calls.contains(&call.id));
        let told: Vec<&Call> = story.calls.iter().filter(is_told).collect();
        let is_in = |name: &Slot| {
            told.iter().any(|call| call.args.guessed.has(*name) || call.reply.guessed.has(*name))
        };
        let mut names: Vec<Slot> = story.guessed.iter().filter(is_in).collect();
        if names.is_empty() {
            names = story.guessed.iter().collect();
        }
        let names = list(names.into_iter().map(Slot::paper_name));
        return Some(Doubt::Reading(format!(
            "the fields that this report reads as {names} mean something else; none has the paper's name"
        )));
    }
    if story.dropped > 0 {
        let text = "the beginning is missing, because the history grew too long";
        return Some(Doubt::Shown(Fact::new(Basis::Concluded, story.since, text, None)));
    }
    let (call, index) = own_entry(story)?;
    let text = format!(
        "server {} sent an entry of its own term at index {index}, but its start() never returned that index: \
         the indexes in its log may differ from those of start()",
        call.from.server
    );
    Some(Doubt::Shown(Fact::new(Basis::Concluded, call.sent.at, text, [call.id])))
}

/// What would refute how the messages are read of which `facts` tell, if that was learned from the run.
pub(super) fn reading(story: &Story, facts: &[Fact]) -> Option<String> {
    either([of_requests(story, facts), of_answers(story, facts)])
}

/// The same of requests.
fn of_requests(story: &Story, facts: &[Fact]) -> Option<String> {
    let places = &story.read_so.places;
    let told = facts.iter().flat_map(|fact| &fact.calls).filter_map(|id| {
        let own = places.binary_search_by_key(id, |&(place, _)| story.calls[place].id).ok()?;
        let (place, kind) = places[own];
        Some((&*story.calls[place].method, &*story.read_so.kinds[kind]))
    });
    let told: BTreeSet<(&str, &str)> = told.filter(|(_, clauses)| !clauses.is_empty()).collect();
    let clauses = told.into_iter().map(|(method, clauses)| {
        Some(format!("in {method}, {clauses}: that was concluded from the run"))
    });
    either(clauses)
}

/// What would refute how the answers are read of which `facts` tell, if their words were learned from the run.
fn of_answers(story: &Story, facts: &[Fact]) -> Option<String> {
    let learned = story.learned.as_ref()?;
    let says = &learned.says;
    let answered = |id: &RpcId| {
        let place = says.binary_search_by_key(id, |&(place, _)| story.calls[place].id).ok()?;
        story.calls[says[place].0].handled
    };
    // Of what was said before the answer came it tells nothing.
    let is_told = |fact: &Fact| {
        let mut answered = fact.calls.iter().filter_map(answered);
        answered.any(|answered| answered.at <= fact.at)
    };
    facts.iter().find(|fact| is_told(fact))?;
    let words = |yes: bool| {
        let own = learned.words.iter().filter(|(_, said)| *said == yes);
        let own: BTreeSet<String> = own.map(|(word, _)| format!("\"{word}\"")).collect();
        let says = if yes { "yes" } else { "no" };
        let verb = if own.len() == 1 { "doesn't" } else { "don't" };
        (!own.is_empty()).then(|| format!("{} {verb} mean {says}", list(own)))
    };
    let told: Vec<String> = [words(true), words(false)].into_iter().flatten().collect();
    Some(format!("in answers, {}: that was concluded from what followed them", told.join(", or ")))
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
