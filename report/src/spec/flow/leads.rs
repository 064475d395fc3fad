//! Whether what has reached a server can have made it a leader. It takes the votes of others, and a vote comes
//! from a server that has heard of the candidate: by the reply to a call, or by a message of the voter's own.
//! That holds for every Raft, also where nobody can read its messages.

use std::collections::BTreeSet;

use crate::event::{Caller, Time};
use crate::outcome::Outcome;
use crate::spec::breach::{Basis, Breach, Fact};
use crate::spec::rules::all_servers::ROLE_KEPT;
use crate::spec::rules::candidates::{UNELECTED, WITHOUT_MAJORITY, counted_twice};
use crate::spec::{Known, step};
use crate::story::{Call, Moment, Purpose, Story, View};
use crate::text::{count, named};

/// For how long a server must say that it leads, in µs: role and term may change one after the other.
const LASTING: u64 = 150_000;

/// By how much what `get_state` tells may be behind the server's state, in µs: some copy it now and then.
const BEHIND: u64 = 1_000_000;

/// A server says for some time that it leads, and nothing that had come to it can have brought it the votes that
/// this takes.
pub(in crate::spec) fn leads_unelected(
    known: &Known<'_>,
    number: u32,
    view: &View,
) -> Option<Breach> {
    let (story, server, term) = (known.story, known.server(number), view.term);
    let voters = server.voters(term);
    let needed = story.majority() - 1;
    if !view.is_leader || voters.iter().filter(|&&voter| voter != number).count() >= needed {
        return None; // as nearly always
    }
    let lasts = told_until(story, number, view).0.saturating_sub(view.moment.at.0);
    if lasts < LASTING {
        return None;
    }
    let mut before = story.views[number as usize].iter().rev();
    let earlier = before.find(|other| other.moment < view.moment && other.term < term);
    let since = earlier.map_or(0, |earlier| earlier.moment.at.0.saturating_sub(BEHIND));
    let asked = Asked::new(known, (number, term), since, view.moment);
    let may_have_voted =
        |&voter: &u32| voter != number && (voters.contains(&voter) || asked.may_have_voted(voter));
    let votes = (0..story.servers as u32).filter(may_have_voted).count();
    if votes >= needed {
        return None;
    }
    let told = step::later(view.moment, LASTING);
    if known.reads.votes
        && let Some(breach) = counted_twice(known, (number, term), told)
    {
        let text = format!("server {number} reported itself as the leader of term {term}");
        return Some(breach.seen(view.moment.at, text, None));
    }
    // Votes of earlier terms that came when it was in this one.
    let in_it = earlier.map_or(Time(0), |earlier| earlier.moment.at);
    let former = server.grants.range(..term).flat_map(|(_, grants)| grants);
    let former: BTreeSet<u32> = former
        .filter(|grant| grant.voter != number && grant.at > in_it && grant.at <= view.moment.at)
        .map(|grant| grant.voter)
        .collect();
    // Who has led before may have come to a later term, and lead on.
    let mut views = story.views[number as usize].iter();
    let led = views.rfind(|other| {
        other.moment < view.moment
            && other.incarnation == view.incarnation
            && other.is_leader
            && other.term < term
    });
    let heard = led.filter(|_| !server.stood.contains(&term));
    let heard = heard.and_then(|led| heard_of(known, number, (led.moment, view.moment), term));
    let (rule, what) = match (&heard, former.is_empty()) {
        (Some(_), _) => {
            (&ROLE_KEPT, format!("adopted term {term} from another server, and stayed the leader"))
        }
        // Who stands, and leads too soon, may count wrong; who never asked has it from elsewhere.
        (None, true) if !server.stood.contains(&term) => (
            &UNELECTED,
            format!(
                "reported itself as the leader of term {term}, but no majority had voted for it"
            ),
        ),
        (None, _) => (
            &WITHOUT_MAJORITY,
            format!("became the leader of term {term} without the votes of a majority"),
        ),
    };
    let what = format!("server {number} {what}");
    let says = format!(
        "server {number} reported itself as the leader of term {term} for {:.2} s; to be the leader, it needs \
         {} from other servers",
        lasts as f64 / 1e6,
        count(needed, "vote")
    );
    let came = match votes {
        0 if !former.is_empty() => {
            format!(
                "by then it had received no vote of that term; votes of earlier terms had come from {}",
                named(&former)
            )
        }
        0 => "by then it had received no message that could be a vote".to_owned(),
        n => format!(
            "by then only {} had sent it a message that could be a vote",
            count(n, "server")
        ),
    };
    // Until then it may have been said by mistake; what it does as a leader meanwhile says more.
    let breach = Breach::new(rule, told, number, what);
    let formerly = led.filter(|_| heard.is_some());
    let breach = match formerly {
        Some(led) => {
            breach.seen(led.moment.at, format!("server {number} led term {}", led.term), None)
        }
        None => breach,
    };
    let breach = breach.facts(heard).seen(view.moment.at, says, None);
    let breach = breach.seen(view.moment.at, came, None);
    // And who was elected in another term may tell the wrong one.
    let is_elected = server.grants.keys().any(|&other| {
        let voters = server.voters(other);
        voters.iter().filter(|&&voter| voter != number).count() >= needed
    });
    Some(breach.sure_if(led.is_none() && !is_elected && former.is_empty()))
}

/// By which message of another server a server first heard of `term` between two moments, if that can be read.
fn heard_of(
    known: &Known<'_>,
    number: u32,
    (since, until): (Moment, Moment),
    term: u64,
) -> Option<Fact> {
    let within = |moment: &Moment| since < *moment && *moment <= until;
    let asked = known.story.handled_by(number as usize).filter_map(|call| {
        let at = call.delivered.filter(within)?;
        let text = || {
            let (method, from) = (&call.method, call.from.server);
            format!("{method} of term {term} from server {from} reached server {number}")
        };
        (call.args.term == Some(term)).then(|| (at, text(), call.id))
    });
    let answered = known.story.sent_by(number as usize).filter_map(|call| {
        let at = call.returned.map(|(at, _)| at).filter(within)?;
        let text = || {
            format!(
                "server {} answered server {number}'s {} with term {term}",
                call.to, call.method
            )
        };
        let is_told = call.replied().is_some() && call.reply.term == Some(term);
        is_told.then(|| (at, text(), call.id))
    });
    let (at, text, call) = asked.chain(answered).min_by_key(|&(at, _, _)| at)?;
    Some(Fact::new(Basis::Seen, at.at, text, [call]))
}

/// How many servers may have voted for a server between `since` and `until`, as far as messages go, if it asked for
/// their votes of `term` from `since` on.
pub(in crate::spec) fn possible_votes(
    known: &Known<'_>,
    number: u32,
    term: u64,
    (since, until): (Moment, Moment),
) -> usize {
    let asked = Asked::new(known, (number, term), since.at.0, until);
    let others = (0..known.story.servers as u32).filter(|&voter| voter != number);
    others.filter(|&voter| asked.may_have_voted(voter)).count()
}

/// Until when a server says the same as in a view: that it leads, and in which term.
fn told_until(story: &Story, number: u32, view: &View) -> Time {
    let views = story.lasting_views(number as usize);
    let since = views.skip_while(|(other, _)| other.moment < view.moment);
    let same = since.take_while(|(other, _)| {
        other.is_leader && other.term == view.term && other.incarnation == view.incarnation
    });
    same.last().map_or(view.moment.at, |(_, until)| until)
}

/// What a server has had to ask for votes.
struct Asked<'k> {
    known: &'k Known<'k>,
    candidate: u32,
    term: u64,
    /// It was in an earlier term before, in µs.
    since: u64,
    /// When it said that it leads.
    until: Moment,
    /// The calls that were sent in that time. A copy that the network makes stands behind later calls.
    calls: Vec<&'k Call>,
}

impl<'k> Asked<'k> {
    fn new(
        known: &'k Known<'k>,
        (candidate, term): (u32, u64),
        since: u64,
        until: Moment,
    ) -> Asked<'k> {
        let calls = known.story.calls.iter();
        let calls = calls.filter(|call| since <= call.sent.at.0 && call.sent < until).collect();
        Asked { known, candidate, term, since, until, calls }
    }

    /// Whether what has come from a server to the candidate may be its vote.
    fn may_have_voted(&self, voter: u32) -> bool {
        self.calls.iter().any(|call| {
            if (call.from.server, call.to) == (self.candidate, voter) {
                let came = matches!(call.returned, Some((at, Outcome::Replied)) if at < self.until);
                came && self.may_be_answered_by_vote(call)
            } else if (call.from.server, call.to) == (voter, self.candidate) {
                call.purpose == Purpose::Other
                    && call.delivered.is_some_and(|at| at < self.until)
                    && self.had_heard(call.from, call.sent)
            } else {
                false
            }
        })
    }

    /// Whether the reply to a call of the candidate's may be a vote for it.
    fn may_be_answered_by_vote(&self, call: &Call) -> bool {
        let args = &call.args;
        match call.purpose {
            Purpose::Vote => {
                call.reply.vote_granted != Some(false)
                    && args.term.is_none_or(|term| term == self.term)
            }
            // Whoever asks that leads already.
            Purpose::Append | Purpose::Snapshot => {
                let is_leaders = args.prev_log_index.is_some()
                    || args.leader_commit.is_some()
                    || args.last_included_index.is_some();
                args.term.is_none() || !is_leaders || args.last_log_index.is_some()
            }
            Purpose::Other => self.is_new(call),
        }
    }

    /// Whether a call says something that wasn't said before the term: what asks for a vote tells a term.
    fn is_new(&self, call: &Call) -> bool {
        // In a stored history two messages may be shortened to the same text.
        let Some(message) = call.brings.as_ref().filter(|message| message.is_raw()) else {
            return true; // as far as is known
        };
        let mut calls = self.known.story.calls.iter();
        let earlier = calls.by_ref().take_while(|earlier| earlier.sent.at.0 < self.since);
        let mut same = earlier.filter(|earlier| (earlier.from, earlier.to) == (call.from, call.to));
        !same.any(|earlier| {
            earlier.brings.as_ref().is_some_and(|before| before.bytes() == message.bytes())
        })
    }

    /// Whether a server had heard of the candidate when it sent something.
    fn had_heard(&self, voter: Caller, sent: Moment) -> bool {
        self.calls.iter().any(|call| {
            let is_told = (call.from.server, call.to) == (self.candidate, voter.server)
                && call.delivered.is_some_and(|at| at < sent);
            let has_asked = (call.from, call.to) == (voter, self.candidate)
                && matches!(call.returned, Some((at, Outcome::Replied)) if at < sent);
            is_told || has_asked
        })
    }
}
