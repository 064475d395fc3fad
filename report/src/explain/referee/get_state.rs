//! What get_state tells, where a server's own messages contradict it (§5.1, §5.2).

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Finding, Referee, certain, evidence};
use crate::event::{Caller, RpcId, Time};
use crate::story::{Call, Moment, Purpose, Story, View};

/// For how long a view must outlast what contradicts it: by the real clock, a server is looked at only
/// every 10 ms.
const LASTING: Duration = Duration::from_millis(50);

/// After what silence a server that says that it leads has nothing to say as a leader: heartbeats go
/// out at once, and again at least ten times a second.
const SILENT: Duration = Duration::from_millis(150);

/// How long a reply may take to make a leader.
const JUST: Duration = Duration::from_millis(20);

/// A view with a term that its server has left behind.
pub(super) struct WrongView {
    pub(super) view: Moment,
    pub(super) finding: Finding,
}

/// A server answered a leader.
struct Act {
    moment: Moment,
    incarnation: u32,
    term: u64,
    call: RpcId,
}

/// What a server has answered leaders at once: then it is looked at.
fn acts(story: &Story, server: usize) -> Vec<Act> {
    let answered = story.handled_by(server).filter(|call| call.is_leaders());
    let at_once = answered.filter(|call| {
        let delivered = call.delivered.map(|delivered| delivered.at);
        call.handled.map(|handled| handled.at) == delivered
    });
    let acts = at_once.filter_map(|call| {
        let (moment, incarnation) = (call.handled?, call.answered_in?);
        Some(Act { moment, incarnation, term: call.reply.term?, call: call.id })
    });
    acts.collect()
}

/// The first view of each life that tells a lower term than the one in which its server acts
/// meanwhile.
pub(super) fn wrong_views(story: &Story) -> Vec<WrongView> {
    let mut wrong: Vec<WrongView> = Vec::new();
    for server in 0..story.servers {
        let acts = acts(story, server);
        let mut found = BTreeSet::new();
        for (view, until) in story.lasting_views(server) {
            let first = acts.partition_point(|act| act.moment < view.moment);
            let act = acts[first..]
                .iter()
                .take_while(|act| until.since(act.moment.at) >= LASTING)
                .find(|act| act.incarnation == view.incarnation && act.term > view.term);
            if let Some(act) = act
                && found.insert(view.incarnation)
            {
                let finding = term_not_told(server, view, act, until);
                // Else one of the two is wrong, and nobody knows which.
                let acts = acts_in(story, server, act.term, (view.moment.at, until));
                let finding = if acts { finding } else { finding.likely() };
                wrong.push(WrongView { view: view.moment, finding });
            }
        }
    }
    wrong
}

fn term_not_told(server: usize, view: &View, act: &Act, until: Time) -> Finding {
    let text = format!("server {server} answered in term {}", act.term);
    let proof = vec![
        evidence(view.moment.at, format!("server {server} told term {}", view.term), None),
        evidence(act.moment.at, text, [act.call]),
        evidence(until, format!("until then it told term {}", view.term), None),
    ];
    let what = format!("server {server}'s get_state tells another term than the one it is in");
    let rule = "get_state tells the current term (rule 4 of the contract), which only goes up \
                (Figure 2, State: currentTerm; §5.1)";
    let look = "what get_state reads: currentTerm itself, and not a copy of it; or what the answers have \
                for their server's term";
    certain("term-not-told", what, proof, [rule, look])
}

/// Whether a server has sent something of its own in `term` or a later one within a time.
fn acts_in(story: &Story, server: usize, term: u64, (from, until): (Time, Time)) -> bool {
    let mut sent = story.sent_by(server).filter(|call| call.purpose != Purpose::Other);
    sent.any(|call| from <= call.sent.at && call.sent.at < until && call.args.term >= Some(term))
}

impl Referee<'_> {
    /// Whether a server says that it leads without the votes for it, and sends nothing as a leader
    /// before it has them.
    pub(super) fn only_says_so(&mut self, server: u32, view: &View) -> bool {
        let player = &self.players[server as usize];
        let caller = Caller { server, incarnation: view.incarnation };
        let led = player.led.as_ref().is_some_and(|led| led.term >= view.term);
        if led
            || !self.reads_votes
            || !self.reads_logs
            || self.votes(caller, Some(view.term), view.moment)
        {
            return false;
        }
        let number = server as usize;
        let acts = |call: &&Call| {
            call.is_leaders()
                && call.from.incarnation == view.incarnation
                && call.args.term >= Some(view.term)
        };
        let first = self.story.sent_by(number).find(acts);
        if first.is_some_and(|first| !self.votes(first.from, first.args.term, first.sent)) {
            return false;
        }
        // Until it had the votes, or said so no more; else it may have been about to send.
        let views = self.story.lasting_views(number);
        let since = views.skip_while(|(other, _)| other.moment < view.moment);
        let told = since.take_while(|(other, _)| other.is_leader).last();
        let until =
            first.map_or(told.map_or(view.moment.at, |(_, until)| until), |call| call.sent.at);
        let is_silent = until.since(view.moment.at) >= SILENT;
        // Who hasn't even asked for votes has nothing to lead by.
        let has_stood = self.players[number].stood.contains(&view.term) || first.is_some();
        if !is_silent && has_stood && (first.is_none() || self.was_just_answered(view, number)) {
            return false;
        }
        let mut proof = vec![evidence(
            view.moment.at,
            format!(
                "server {server} said that it leads term {}, without the votes of a majority",
                view.term
            ),
            None,
        )];
        proof.push(match first {
            Some(first) => evidence(
                first.sent.at,
                "it first sent something as a leader then, with the votes for it".to_owned(),
                [first.id],
            ),
            None => evidence(
                view.moment.at,
                "in that term it never sent anything as a leader".to_owned(),
                None,
            ),
        });
        let what = format!("server {server} said that it leads when it did not");
        let rule = "a server leads from the votes of a majority on, until it learns of a higher \
                    term (Figure 4; §5.1, §5.2); get_state tells that (rule 4 of the contract)";
        let look = "what get_state reads: the role as it is now, which is neither a candidate's nor \
                    that of an earlier term";
        self.breach(view.moment, certain("leader-only-told", what, proof, [rule, look]));
        true
    }

    /// Whether a reply to a request for votes has come just before a view: that may have made a leader.
    fn was_just_answered(&self, view: &View, server: usize) -> bool {
        let asked = self.story.sent_by(server).filter(|call| call.purpose == Purpose::Vote);
        let mut returned = asked.filter_map(|call| call.returned).map(|(returned, _)| returned);
        returned.any(|returned| returned < view.moment && view.moment.at.since(returned.at) < JUST)
    }

    /// Whether a server had the votes of a majority in `term` before `moment`.
    fn votes(&self, caller: Caller, term: Option<u64>, moment: Moment) -> bool {
        let asked = self.story.sent_by(caller.server as usize).filter(|call| {
            call.purpose == Purpose::Vote && call.from == caller && call.args.term == term
        });
        let granted = asked.filter(|call| {
            call.reply.vote_granted == Some(true)
                && call.replied().is_some()
                && call.returned.is_some_and(|(returned, _)| returned < moment)
        });
        let voters: BTreeSet<u32> = granted.map(|call| call.to).collect();
        voters.len() + 1 >= self.story.majority()
    }
}
