//! What answers say in words that nobody knows: which of them are yes and which are no, as the run itself tells.
//!
//! The answers to requests of a kind are told apart by their forms: the variant of an enum, which fields are there, what
//! a flag says; or, if all are alike, by which number is the request's last index, or its candidate. A form that
//! answers requests which must be agreed to says yes, and one that answers requests which must be refused says no:
//!
//! - AppendEntries that begins before the first entry fits each log. If it begins behind everything that a server can
//!   have, it fits none.
//! - If a candidate leads right after an answer, that answer gave it a vote. A candidate gives no other candidate of its
//!   term a vote.
//! - A request of a former term gets a no.
//!
//! All that is nearly always right, and no proof. So it serves explanations alone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::call::each_named_number;
use super::pair::AT_ONCE;
use super::{Call, Election, Happened, Moment, Story};
use crate::fields::Slot;
use crate::outcome::Outcome;

/// How long a word may be that tells forms apart, in bytes: longer ones are somebody's data.
const WORD: usize = 24;

/// How many parts a list may have that each say something of their own.
const PARTS: usize = 4;

/// How often a form must say one thing for each time it seems to say the other; and how often at least.
const CLEARLY: usize = 3;
const OFTEN: usize = 2;

/// What was learned of a run's answers.
#[derive(Clone, Debug, Default)]
pub struct Learned {
    /// What each says that is read so: its place in [`Story::calls`], in order, and whether it is yes.
    pub says: Vec<(usize, bool)>,
    /// What forms say, in words.
    pub words: Vec<(String, bool)>,
}

/// How often a form seems to say yes, and no.
#[derive(Clone, Copy, Default)]
struct Tally {
    yes: usize,
    no: usize,
}

impl Tally {
    /// What it says, if it seems to do so as often as that.
    fn says(self, often: usize) -> Option<bool> {
        let Tally { yes, no } = self;
        match () {
            () if yes >= often && yes > CLEARLY * no => Some(true),
            () if no >= often && no > CLEARLY * yes => Some(false),
            () => None,
        }
    }
}

/// The forms of some answers, and what each says, if that is known.
struct Told {
    forms: Vec<String>,
    says: BTreeMap<String, Option<bool>>,
    /// The same in words.
    words: Vec<(String, bool)>,
}

/// What the run tells of each form.
fn tallies(forms: &[String], unread: &[Unread]) -> BTreeMap<String, Tally> {
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for (form, answer) in forms.iter().zip(unread) {
        let tally = tallies.entry(form.clone()).or_default();
        match answer.must {
            Some(true) => tally.yes += 1,
            Some(false) => tally.no += 1,
            None => {}
        }
    }
    tallies
}

/// How far a server's log may reach.
#[derive(Clone, Default)]
struct Longest {
    index: u64,
    /// Whether it has a snapshot, of which its answers may tell what they like, or something that can't be read.
    is_unknown: bool,
}

impl Longest {
    fn reaches(&mut self, index: u64) {
        self.index = self.index.max(index);
    }

    /// Takes over what a message brings; returns whether it has to fit, if that is known.
    fn takes(&mut self, call: &Call) -> Option<bool> {
        self.is_unknown |= call.is_snapshot() || call.hides_what_it_brings();
        if !call.is_append() {
            return None;
        }
        let (prev, up_to) = call.args.prev_log_index.zip(call.up_to())?;
        self.is_unknown |= call.args.entries.is_none();
        if self.is_unknown {
            return None;
        }
        if prev > self.index {
            return Some(false);
        }
        self.reaches(up_to);
        (prev == 0).then_some(true)
    }
}

/// An answer that can't be read.
struct Unread {
    place: usize,
    value: Value,
    /// What it has to say, if the run tells that.
    must: Option<bool>,
}

impl Story {
    /// What the answers say that can't be read, as far as the run tells it; `None` if it doesn't.
    pub(super) fn learn_answers(&self) -> Option<Learned> {
        let is_unread = |call: &Call| {
            let is_answered = (call.is_append() || call.is_vote()) && call.handled.is_some();
            is_answered && call.reply.says().is_none() && call.brings_back.is_some()
        };
        let unread = self.calls.iter().enumerate().filter(|(_, call)| is_unread(call));
        let mut unread = unread.peekable();
        unread.peek()?;
        let leaders = self.leaders();
        let musts = self.musts(&leaders);
        let unread = unread.filter_map(|(place, call)| {
            let value = call.brings_back.as_ref()?.render().ok()?;
            Some(Unread { place, value, must: musts.get(&place).copied() })
        });
        let (votes, appends): (Vec<_>, Vec<_>) =
            unread.partition(|it| self.calls[it.place].is_vote());
        let mut learned = Learned::default();
        for (unread, leaders) in [(appends, &[][..]), (votes, &leaders[..])] {
            let told = self.by_numbers(&unread).or_else(|| self.by_words(&unread));
            let Some(Told { forms, says, words }) = told else { continue };
            let own = forms.iter().zip(&unread);
            let own = own.filter_map(|(form, answer)| Some((answer.place, (*says.get(form)?)?)));
            let own: Vec<(usize, bool)> = own.collect();
            if self.makes(leaders, &own) {
                let is_vote = unread.first().is_some_and(|it| self.calls[it.place].is_vote());
                learned.says.extend(own);
                learned
                    .says
                    .extend(is_vote.then(|| self.pre_votes_in(&says)).into_iter().flatten());
                learned.words.extend(words);
            }
        }
        learned.says.sort_unstable();
        (!learned.says.is_empty()).then_some(learned)
    }

    /// What answers to pre-votes say that have the forms of votes.
    fn pre_votes_in(&self, says: &BTreeMap<String, Option<bool>>) -> Vec<(usize, bool)> {
        let unread = self.places(|call| call.is_pre_vote() && call.reply.says().is_none());
        let said = |place: usize| {
            let value = self.calls[place].brings_back.as_ref()?.render().ok()?;
            let form = form_of(&value, None, &[]);
            let said = |form: &String| says.get(form).copied().flatten();
            let other = || Some(!said(&other_flag(&form)?)?);
            Some((place, said(&form).or_else(other)?))
        };
        unread.into_iter().filter_map(said).collect()
    }

    /// What answers of one kind say by words, flags, and what is left out. `None` if all are alike, but for numbers and
    /// bytes. In a vote a number may be whom it is for: then its form says nothing.
    fn by_words(&self, unread: &[Unread]) -> Option<Told> {
        let forms: Vec<String> = unread.iter().map(|it| form_of(&it.value, None, &[])).collect();
        let tallies = tallies(&forms, unread);
        let is_vote = unread.first().is_some_and(|answer| self.calls[answer.place].is_vote());
        let is_open = |form: &str| is_vote && form.contains('#') || form.contains("...");
        let is_said = match tallies.keys().next() {
            Some(form) if tallies.len() == 1 => is_telling(form),
            other => other.is_some(),
        };
        if !is_said {
            return None;
        }
        // Where each kind of request was agreed to, what was never a yes is none.
        let agreed: BTreeSet<bool> = unread
            .iter()
            .filter(|answer| answer.must == Some(true))
            .map(|answer| self.calls[answer.place].has_entries())
            .collect();
        let is_known = agreed.len() == if is_vote { 1 } else { 2 };
        let is_known = is_known && !tallies.keys().any(|form| is_open(form));
        let says = tallies.into_iter().map(|(form, tally)| {
            // A single flag says the one or the other.
            let often = if other_flag(&form).is_some() { 1 } else { OFTEN };
            let said = tally.says(often).or((is_known && tally.yes == 0).then_some(false));
            let said = said.filter(|_| !is_open(&form));
            (form, said)
        });
        let says: BTreeMap<String, Option<bool>> = says.collect();
        let all: Vec<&str> = says.keys().map(String::as_str).collect();
        let words = says.iter();
        let words = words.filter_map(|(form, said)| Some((in_words(form, &all), (*said)?)));
        let words: Vec<(String, bool)> = words.collect();
        words.iter().any(|(_, said)| *said).then_some(Told { forms, says, words })
    }

    /// The same by a number: that of a yes is the request's last index, or one more, and that of a no less; or it is the
    /// candidate, and that of a no somebody else. A follower may also tell how far its log goes, beyond the request.
    fn by_numbers(&self, unread: &[Unread]) -> Option<Told> {
        let is_vote = unread.first().is_some_and(|answer| self.calls[answer.place].is_vote());
        let reach = |answer: &Unread| match &self.calls[answer.place] {
            call if call.is_vote() => Some(u64::from(call.from.server)),
            call => call.up_to(),
        };
        // Who answers is no answer.
        let senders = if is_vote { self.senders(unread) } else { Vec::new() };
        let form = |answer: &Unread| Some(form_of(&answer.value, Some(reach(answer)?), &senders));
        let forms = unread.iter().map(form);
        let forms: Vec<String> = forms.collect::<Option<_>>()?;
        let tallies = tallies(&forms, unread);
        let mut agreed = tallies.iter().filter(|(_, tally)| tally.yes > 0);
        let (yes, tally) = agreed.next()?;
        let own = forms
            .iter()
            .zip(unread)
            .filter(|(form, answer)| *form == yes && answer.must == Some(true));
        let reaches: BTreeSet<Option<u64>> = own.map(|(_, answer)| reach(answer)).collect();
        // What is the same for different requests follows them.
        let follows = yes.contains(['=', '+']) && reaches.len() > 1;
        if agreed.next().is_some() || !follows || tally.says(OFTEN) != Some(true) {
            return None;
        }
        let is_beyond = |form: &str| form.contains('>') || form.contains('+') && !yes.contains('+');
        let says = tallies.keys().map(|form| {
            let said = form == yes;
            (form.clone(), Some(said).filter(|said| *said || is_vote || !is_beyond(form)))
        });
        let says = says.collect();
        // What says no is anything else.
        let number = if is_vote { "the candidate's number" } else { "the request's last index" };
        let named = parts(yes).find_map(|part| part.strip_suffix(['=', '+']));
        let name = named.and_then(|name| name.strip_suffix(':')).unwrap_or("a number");
        let more = if yes.contains('+') { "one more than " } else { "" };
        let words = vec![(format!("{name}: {more}{number}"), true)];
        Some(Told { says, forms, words })
    }

    /// The names of the numbers by which answers say whose they are.
    fn senders(&self, unread: &[Unread]) -> Vec<String> {
        let mut apart: BTreeMap<String, BTreeSet<i128>> = BTreeMap::new();
        for answer in unread {
            let server = i128::from(self.calls[answer.place].to);
            each_named_number(&answer.value, &mut |name, number| {
                apart.entry(name.to_owned()).or_default().insert(i128::from(number) - server);
            });
        }
        let servers: BTreeSet<u32> = unread.iter().map(|it| self.calls[it.place].to).collect();
        let is_own = |apart: &BTreeSet<i128>| apart.len() == 1 && servers.len() > 1;
        apart.into_iter().filter(|(_, apart)| is_own(apart)).map(|(name, _)| name).collect()
    }

    /// Whether these leaders had the votes of a majority, if answers are read so: nearly all have.
    fn makes(&self, leaders: &[(&Election, usize)], says: &[(usize, bool)]) -> bool {
        let says: BTreeMap<usize, bool> = says.iter().copied().collect();
        let [mut led, mut chosen] = [0; 2];
        for (election, _) in leaders {
            if !election.requests.iter().any(|place| says.contains_key(place)) {
                continue;
            }
            let granted = election.requests.iter().filter(|place| says.get(place) == Some(&true));
            let voters: BTreeSet<u32> = granted.map(|&place| self.calls[place].to).collect();
            led += 1;
            chosen += usize::from(voters.len() + 1 >= self.majority());
        }
        chosen * (CLEARLY + 1) >= led * CLEARLY
    }

    /// What answers have to say, where the run tells that.
    fn musts(&self, leaders: &[(&Election, usize)]) -> BTreeMap<usize, bool> {
        let mut musts = BTreeMap::new();
        let mut logs = vec![Longest::default(); self.servers];
        for &(moment, happened) in &self.order {
            match happened {
                Happened::Proposed(place) => {
                    let own = &self.proposals[place];
                    logs[own.server.server as usize].reaches(own.index);
                }
                Happened::Applied(place) => {
                    let own = &self.applied[place];
                    logs[own.server.server as usize].reaches(own.index);
                }
                Happened::Snapshotted(place) => {
                    logs[self.snapshots[place].server.server as usize].is_unknown = true;
                }
                Happened::Sent(place) => {
                    let call = &self.calls[place];
                    logs[call.from.server as usize].reaches(call.up_to().unwrap_or(0));
                }
                Happened::Delivered(place) => {
                    let call = &self.calls[place];
                    let fits = logs[call.to as usize].takes(call);
                    musts.extend(fits.map(|fits| (place, fits)));
                }
                Happened::Handled(place) if self.must_refuse(place, moment) => {
                    musts.insert(place, false);
                }
                _ => {}
            }
        }
        leaders.iter().for_each(|&(_, place)| _ = musts.entry(place).or_insert(true));
        musts
    }

    /// Whether a request has to be refused, whatever it brings: it is of a former term, or asks another candidate of its
    /// term for a vote.
    fn must_refuse(&self, place: usize, moment: Moment) -> bool {
        let call = &self.calls[place];
        let Some(term) = call.args.term else { return false };
        call.reply.term > Some(term)
            || self.is_later(call, term, moment)
            || call.is_vote() && self.stands(call.to, term)
    }

    /// The elections that made leaders, each with the answer that did.
    fn leaders(&self) -> Vec<(&Election, usize)> {
        let made = self.elections.iter();
        made.filter_map(|election| Some((election, self.makes_leader(election)?))).collect()
    }

    /// The answer that made a leader: the next that its candidate sent was a leader's request.
    fn makes_leader(&self, election: &Election) -> Option<usize> {
        let came = election.requests.iter().filter_map(|&place| {
            let (at, outcome) = self.calls[place].returned?;
            Some((at, place)).filter(|_| outcome == Outcome::Replied)
        });
        // Until it leads: what comes later made no leader.
        let mut came: Vec<(Moment, usize)> = came.collect();
        came.sort_unstable();
        let (_, place) = came.into_iter().find(|&(at, _)| {
            let next = self.sent_since(election.candidate.server as usize, at).next();
            next.is_some_and(|next| {
                next.is_leaders()
                    && next.from == election.candidate
                    && next.args.term == Some(election.term)
                    && next.sent.at.0 < at.at.0 + AT_ONCE
            })
        })?;
        (self.calls[place].reply.term <= Some(election.term)).then_some(place)
    }
}

/// The parts of a form, each with its name.
fn parts(form: &str) -> impl Iterator<Item = &str> {
    form.split(['{', '}', '[', ']', ' ']).filter(|part| !part.is_empty())
}

/// What tells a form from the others: the first of its parts that isn't in all of them, and else the first that tells
/// anything.
fn in_words(form: &str, all: &[&str]) -> String {
    let is_in = |part: &str, form: &str| parts(form).any(|other| other == part);
    let own = parts(form).find(|part| !all.iter().all(|form| is_in(part, form)));
    let own = own.or_else(|| parts(form).find(|part| !part.ends_with("term"))).unwrap_or("nothing");
    match own.split_once(':') {
        Some((name, "")) => name.to_owned(),
        Some((name, "#")) => format!("{name}: a number"),
        Some((name, value)) => format!("{name}: {value}"),
        None => own.to_owned(),
    }
}

/// Whether a form that is the only one says something: it has a word, or leaves something out, and nothing that may hide
/// another answer.
fn is_telling(form: &str) -> bool {
    let has_word = form.contains(|letter: char| letter.is_ascii_uppercase())
        || ["null", "true", "false"].iter().any(|word| form.contains(word));
    has_word && !form.contains('#') && !form.contains("...")
}

/// The same form with the other flag, if it has one flag.
fn other_flag(form: &str) -> Option<String> {
    let is_one = form.matches("true").count() + form.matches("false").count() == 1;
    is_one.then(|| match form.contains("true") {
        true => form.replace("true", "false"),
        false => form.replace("false", "true"),
    })
}

/// What tells an answer from others. Of a number it is how far it reaches, if that is asked; of a term nothing.
fn form_of(value: &Value, reach: Option<u64>, senders: &[String]) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(said) => said.to_string(),
        Value::Number(number) => match reach.map(|reach| (number.as_u64(), reach)) {
            Some((Some(number), reach)) if number == reach => "=",
            Some((Some(number), reach)) if number == reach + 1 => "+",
            Some((Some(number), reach)) if number > reach => ">",
            Some(_) => "-",
            None => "#",
        }
        .to_owned(),
        Value::String(word) if word.len() <= WORD => word.clone(),
        Value::String(_) => "...".to_owned(),
        Value::Array(parts) if parts.len() <= PARTS => {
            let parts: Vec<String> =
                parts.iter().map(|part| form_of(part, reach, senders)).collect();
            format!("[{}]", parts.join(" "))
        }
        Value::Array(_) => "[...]".to_owned(),
        Value::Object(fields) => {
            let field = |(name, field): (&String, &Value)| match field {
                Value::Number(_) if Slot::is_term(name) => format!("{name}:term"),
                Value::Number(_) if senders.contains(name) => format!("{name}:sender"),
                _ => format!("{name}:{}", form_of(field, reach, senders)),
            };
            let fields: Vec<String> = fields.iter().map(field).collect();
            format!("{{{}}}", fields.join(" "))
        }
    }
}
