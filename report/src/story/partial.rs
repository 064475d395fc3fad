//! Answers that agree to less than they were asked to.
//!
//! An answer may say beside its yes up to where the two logs match, as that of etcd's Raft does: a follower that has
//! committed more than a request's `prevLogIndex` says yes up to its commit index, without a look at the rest. Which of
//! an answer's numbers that is, the run tells: mostly it is the request's last index, or the one behind that. Where it is
//! less, the yes is none to the whole request, and is taken for none.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::Story;
use crate::event::EventKind;
use crate::fields::Slot;
use crate::history::History;
use crate::numbered::Numbered;
use crate::payload::Payload;

/// How many answers tell which number it is, at most; and how many without any such number tell that there is none.
const ASKED: usize = 16;
const FEW: usize = 2;

impl Story {
    /// Forgets the answers to AppendEntries that agree to less than they were asked to.
    pub(super) fn forget_partial_answers(&mut self, history: &History, places: &Numbered<usize>) {
        let partial = {
            let answers = history.events().iter().filter_map(|event| match &event.kind {
                EventKind::RpcHandled { id, reply } => Some((*places.get(id.0)?, reply)),
                _ => None,
            });
            self.partial(answers)
        };
        partial.into_iter().for_each(|place| self.calls[place].reply.success = None);
    }

    /// Those of some answers that agree to less than they were asked to: places in [`Story::calls`], each with what was
    /// answered.
    pub(super) fn partial<'a>(
        &self,
        answers: impl Iterator<Item = (usize, &'a Payload)> + Clone,
    ) -> Vec<usize> {
        let agreed = answers.filter_map(|(place, answer)| {
            let call = &self.calls[place];
            let up_to =
                call.up_to().filter(|&up_to| call.confirms() == Some(up_to) && up_to > 0)?;
            Some((place, up_to, answer))
        });
        let Some((number, behind)) = says_up_to_where(agreed.clone().take(ASKED)) else {
            return Vec::new();
        };
        let is_partial = |&(_, up_to, answer): &(usize, u64, &Payload)| {
            let said = answer.render().ok().and_then(|said| said.pointer(&number)?.as_u64());
            said.is_some_and(|said| said < up_to + behind)
        };
        agreed.filter(is_partial).map(|(place, ..)| place).collect()
    }
}

/// The number in answers that mostly is so far behind the last index of what they answer, which is 0 or 1: as a JSON
/// pointer.
fn says_up_to_where<'a>(
    answers: impl Iterator<Item = (usize, u64, &'a Payload)>,
) -> Option<(String, u64)> {
    let mut all = 0;
    let mut reaches: BTreeMap<(String, u64), Vec<u64>> = BTreeMap::new();
    for (_, up_to, answer) in answers {
        if all == FEW && reaches.is_empty() {
            return None; // as in most Rafts, at once
        }
        all += 1;
        let answer = answer.render().ok()?;
        each_number(&answer, &mut String::new(), &mut |number, said| {
            if let Some(behind) = said.checked_sub(up_to).filter(|&behind| behind <= 1) {
                reaches.entry((number.to_owned(), behind)).or_default().push(said);
            }
        });
    }
    let is_it = |said: &[u64]| said.len() * 2 > all && said.iter().any(|other| *other != said[0]);
    reaches.into_iter().find(|(_, said)| is_it(said)).map(|(number, _)| number)
}

/// Goes through a message's numbers that aren't terms, each with where it stands.
fn each_number(value: &Value, at: &mut String, take: &mut impl FnMut(&str, u64)) {
    let len = at.len();
    match value {
        Value::Number(number) => {
            if let Some(number) = number.as_u64() {
                take(at, number);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields.iter().filter(|(name, _)| !Slot::is_term(name)) {
                // What a pointer has to escape no field is called.
                let _ = write!(at, "/{name}");
                each_number(field, at, take);
                at.truncate(len);
            }
        }
        Value::Array(parts) => {
            for (place, part) in parts.iter().enumerate() {
                let _ = write!(at, "/{place}");
                each_number(part, at, take);
                at.truncate(len);
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}
