//! What messages leave out: in which term a request is sent, where that can't be read; which request an answer is for,
//! where answers are messages of their own; and in which term it is given, where it tells none.
//!
//! A request is sent in the term that its server is seen in, and answered in the one that its receiver is seen in.
//!
//! What a server computes takes no time of the run's. So an answer belongs to the request of its kind that came from
//! the server it goes to just before it was sent, if no other one was open then. A server may also wait for its disk
//! before it answers: then others are open, and nobody can say which of them is answered. They stay without an answer
//! that can be read.
//!
//! An answer that says yes is given in its request's term. One that says no is, too, unless its server is known to be in
//! a later one: so enums answer of which only the variant for a later term has a term.
//!
//! What answers say in words that nobody knows is learned from the run: see `learn`.
//!
//! All that is nearly always right, and no proof. So it serves explanations, and what fails a run is judged without it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Answer, Call, Happened, Moment, Purpose, Story, View};
use crate::event::{Caller, Time};
use crate::fields::Slot;
use crate::outcome::Outcome;

/// What comes to a server has been dealt with by then, in µs: a task that it wakes may have its turn a little later.
pub(super) const AT_ONCE: u64 = 1000;

/// What hasn't been answered by then, in µs, won't be.
const OPEN: u64 = 1_000_000;

/// The same run, in which each request has a term, if its server is seen in one.
fn with_terms(story: Cow<'_, Story>) -> Cow<'_, Story> {
    let untold = story.places(|call| call.purpose != Purpose::Other && call.args.term.is_none());
    if untold.is_empty() {
        return story;
    }
    let mut story = story.into_owned();
    for place in untold {
        let call = &story.calls[place];
        let asked = story.seen_term(call.from, call.sent);
        let answered = call.answered_in.zip(call.handled).and_then(|(incarnation, handled)| {
            story.seen_term(Caller { server: call.to, incarnation }, handled)
        });
        let call = &mut story.calls[place];
        call.args.term = asked;
        call.reply.term = call.reply.term.or(answered);
    }
    story.elections = story.find_elections();
    Cow::Owned(story)
}

/// The same run, in which answers say what the run tells that they say.
fn with_learned(story: Cow<'_, Story>) -> Cow<'_, Story> {
    let Some(learned) = story.learn_answers() else { return story };
    let mut story = story.into_owned();
    for &(place, said) in &learned.says {
        let call = &mut story.calls[place];
        if call.is_append() {
            call.reply.success = Some(said);
            call.reply.guessed.insert(Slot::Success);
        } else {
            call.reply.vote_granted = Some(said);
            call.reply.guessed.insert(Slot::VoteGranted);
        }
    }
    story.learned = Some(learned);
    Cow::Owned(story)
}

impl Story {
    /// The same run, in which requests have their terms and the answers that came as messages of their own, and answers
    /// their terms.
    #[must_use]
    pub(crate) fn with_answers(&self) -> Cow<'_, Story> {
        let told = with_learned(with_terms(self.with_requests()));
        let answers: Vec<usize> = told.places(Call::is_own_answer);
        let implied = told.implied_terms();
        if answers.is_empty() && implied.is_empty() && told.learned.is_none() {
            return told;
        }
        let mut story = told.into_owned();
        for (place, term) in implied {
            story.calls[place].reply.term = Some(term);
        }
        if !answers.is_empty() {
            story.pair_answers(answers);
        }
        story.notes_anew();
        Cow::Owned(story)
    }

    /// What a server is seen to be, in this life of it.
    pub(super) fn seen(&self, server: Caller, moment: Moment) -> Option<&View> {
        let view = self.view_at(server.server as usize, moment.at)?;
        (view.incarnation == server.incarnation).then_some(view)
    }

    /// The term that it is seen in.
    fn seen_term(&self, server: Caller, moment: Moment) -> Option<u64> {
        Some(self.seen(server, moment)?.term)
    }

    /// The answers that tell no term, and the term of each.
    fn implied_terms(&self) -> Vec<(usize, u64)> {
        let untold = self.calls.iter().enumerate().filter(|(_, call)| call.reply.term.is_none());
        let implied = untold.filter_map(|(place, call)| {
            let (term, handled) = call.args.term.zip(call.handled)?;
            let is_so = match call.reply.says()? {
                true => true,
                false => !self.is_later(call, term, handled),
            };
            is_so.then_some((place, term))
        });
        implied.collect()
    }

    /// Whether the receiver of a request is known to have been in a later term than `term` when it answered: by what came
    /// from it, by what it had sent, or by what it was seen to be.
    pub(super) fn is_later(&self, call: &Call, term: u64, handled: Moment) -> bool {
        let reached = self.reached_before(call.to, handled);
        let incarnation = call.answered_in.unwrap_or_default();
        let receiver = Caller { server: call.to, incarnation };
        let own = &self.sent[call.to as usize];
        let sent = own.partition_point(|&place| self.calls[place].sent < handled);
        let last = own[..sent].last().map(|&place| &self.calls[place]);
        reached.is_some_and(|reached| reached.term > term)
            || self.seen_term(receiver, handled) > Some(term)
            || last.is_some_and(|own| own.args.term > Some(term))
    }

    fn pair_answers(&mut self, answers: Vec<usize>) {
        // Whose request came to whom, and when.
        let mut asked: BTreeMap<(u32, u32), BTreeMap<Moment, usize>> = BTreeMap::new();
        for place in self.places(Call::is_unanswered) {
            let call = &self.calls[place];
            if let Some(delivered) = call.delivered {
                asked.entry((call.from.server, call.to)).or_default().insert(delivered, place);
            }
        }
        let mut pairs = Vec::new();
        for place in answers {
            let answer = &self.calls[place];
            let Some(requests) = asked.get_mut(&(answer.to, answer.from.server)) else { continue };
            let since = |us: u64| Time(answer.sent.at.0.saturating_sub(us));
            let before = requests.range(Moment { at: since(OPEN), place: 0 }..answer.sent);
            let mut open = before.filter(|&(_, &request)| {
                let request = &self.calls[request];
                let is_vote = request.is_vote() || request.is_pre_vote();
                is_vote == answer.args.vote_granted.is_some()
                    && request.life.is_none_or(|life| life == answer.from.incarnation)
            });
            if let (Some((&came, &request)), None) = (open.next(), open.next())
                && came.at >= since(AT_ONCE)
                && !self.calls[request].is_snapshot()
            {
                requests.remove(&came);
                pairs.push((request, place));
            }
        }
        let mut is_paired = vec![false; self.calls.len()];
        pairs.iter().for_each(|&(request, _)| is_paired[request] = true);
        self.order.retain(|(_, happened)| match happened {
            Happened::Handled(place) | Happened::Returned(place) => !is_paired[*place],
            _ => true,
        });
        // A copy that the network makes of an answer may come first.
        let mut copies: BTreeMap<Moment, Moment> = BTreeMap::new();
        for copy in self.calls.iter().filter(|call| call.is_copy) {
            if let Some(delivered) = copy.delivered {
                let first = copies.entry(copy.sent).or_insert(delivered);
                *first = delivered.min(*first);
            }
        }
        for &(request, answer) in &pairs {
            let call = &self.calls[answer];
            let came = call.delivered.into_iter().chain(copies.get(&call.sent).copied()).min();
            self.pair(request, answer, came);
        }
        let answers = pairs
            .iter()
            .filter_map(|&(request, answer)| Some((request, self.calls[answer].brings.as_ref()?)));
        let partial = self.partial(answers);
        partial.into_iter().for_each(|request| self.calls[request].reply.success = None);
        self.order.sort_by_key(|&(moment, _)| moment);
    }

    pub(super) fn places(&self, wanted: impl Fn(&Call) -> bool) -> Vec<usize> {
        let calls = self.calls.iter().enumerate();
        calls.filter(|(_, call)| wanted(call)).map(|(place, _)| place).collect()
    }

    fn pair(&mut self, request: usize, answer: usize, delivered: Option<Moment>) {
        let Call { from, to, sent, returned, ref args, .. } = self.calls[answer];
        let reply = Answer::of(args);
        let asker = self.calls[request].from;
        let came = delivered.filter(|&at| self.lived(asker, at)).map(|at| (at, Outcome::Replied));
        debug_assert_eq!(to, asker.server, "an answer goes to the server that asked");
        let lost = returned.map(|(at, _)| (at, Outcome::ReplyLost));
        let call = &mut self.calls[request];
        call.handled = Some(sent);
        call.reply = reply.to(call.purpose);
        call.answered_in = Some(from.incarnation);
        call.returned = came.or(lost);
        call.dropped = None;
        self.order.push((sent, Happened::Handled(request)));
        if let Some((at, _)) = call.returned {
            self.order.push((at, Happened::Returned(request)));
        }
    }

    /// Whether a server was in this life then.
    fn lived(&self, server: Caller, at: Moment) -> bool {
        let mut lives = self.lives[server.server as usize].iter();
        lives.any(|life| life.incarnation == server.incarnation && life.has(Some(at)))
    }
}
