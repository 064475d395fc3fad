//! Terms, votes and leaders (§5.1, §5.2, §5.4.1).

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Breach, Finding, Led, Referee, Shown, Vote, certain, evidence};
use crate::event::RpcId;
use crate::outcome::Outcome;
use crate::story::{Call, Moment, Purpose, View};

/// How fresh an answer is that leaves a leader no reason to doubt its followers: no election timeout is
/// as short.
const ANSWERED: Duration = Duration::from_millis(150);

impl Referee<'_> {
    /// A server has shown its term, which it had at `moment`.
    fn shows(&mut self, server: u32, term: u64, moment: Moment, call: Option<RpcId>) {
        let player = &mut self.players[server as usize];
        let incarnation = player.incarnation;
        let now = Shown { term, incarnation, moment, call };
        if player
            .shown
            .as_ref()
            .is_some_and(|shown| (shown.term, shown.incarnation) == (term, incarnation))
        {
            return; // since earlier
        }
        let mut before = player.shown.replace(now);
        if before.as_ref().is_some_and(|before| before.incarnation != incarnation) {
            // What was only seen before a crash may not have been saved yet.
            before = self.promised(server, moment);
        }
        let Some(before) = before.filter(|before| before.term > term) else { return };
        let [was, is] = [
            evidence(
                before.moment.at,
                format!("server {server} was in term {}", before.term),
                before.call,
            ),
            evidence(moment.at, format!("it is in term {term}"), call),
        ];
        let finding = if before.incarnation == incarnation {
            certain(
                "term-went-back",
                format!("server {server} went back from term {} to term {term}", before.term),
                vec![was, is],
                [
                    "terms only go up: a server takes over a term that is higher than its own, \
                     and refuses what comes with a lower one (Figure 2, All Servers 2, \
                     AppendEntries 1; §5.1)",
                    "where the current term is set: only to a higher one, also when a reply or a \
                     leader names another",
                ],
            )
        } else {
            term_not_saved(server, vec![was, is])
        };
        // What get_state alone tells may be wrong itself.
        let is_proven = call.is_some() || self.acts_in(server, term, moment);
        self.breach(moment, if is_proven { finding } else { finding.likely() });
    }

    /// Whether a server sends or answers something in just this term after `moment`, in its present life.
    fn acts_in(&self, server: u32, term: u64, moment: Moment) -> bool {
        let story = self.story;
        let life = self.players[server as usize].incarnation;
        let is_raft_s = |call: &&Call| call.purpose != Purpose::Other;
        let mut sent = story.sent_by(server as usize).filter(is_raft_s);
        let mut answered = story.handled_by(server as usize).filter(is_raft_s);
        sent.any(|call| {
            call.from.incarnation == life && call.sent > moment && call.args.term == Some(term)
        }) || answered.any(|call| {
            call.answered_in == Some(life)
                && call.delivered > Some(moment)
                && call.reply.term == Some(term)
        })
    }

    /// The highest term that the lives of a server before the present one have answered or sent, and
    /// so had saved.
    fn promised(&self, server: u32, until: Moment) -> Option<Shown> {
        let now = self.players[server as usize].incarnation;
        let reached = self.story.reached[server as usize].iter();
        let before =
            reached.take_while(|reached| reached.place < until.place).filter_map(|reached| {
                let call = &self.story.calls[reached.proof];
                let (incarnation, moment) = if call.from.server == server {
                    (call.from.incarnation, call.sent)
                } else {
                    (call.answered_in?, call.handled?)
                };
                let shown = Shown { term: reached.term, incarnation, moment, call: Some(call.id) };
                (incarnation < now).then_some(shown)
            });
        before.last()
    }

    pub(super) fn viewed(&mut self, server: usize, view: &View) {
        let number = server as u32;
        if self.players[server].incarnation != view.incarnation {
            return;
        }
        if view.is_leader && self.only_says_so(number, view) {
            // It has no part in what leaders do.
        } else if view.is_leader {
            self.leads(number, Some(view.term), view.moment, None);
        } else if let Some(led) = &self.players[server].led
            && led.term == view.term
            && let Some(before) = self.story.views[server]
                .iter()
                .rev()
                .find(|other| other.moment < view.moment && other.incarnation == view.incarnation)
            && before.is_leader
            && before.term == view.term
            && self.is_heard(number, view)
        {
            let (term, since) = (view.term, before.moment.at);
            let refused = self.story.calls.iter().rev().find(|call| {
                call.from.server == number
                    && call.reply.success == Some(false)
                    && call.args.term == Some(term)
                    && call.returned.is_some_and(|(returned, _)| {
                        returned.at == view.moment.at && returned < view.moment
                    })
            });
            let mut proof = vec![evidence(since, format!("it led term {term}"), None)];
            if let Some(call) = refused {
                proof.push(evidence(
                    view.moment.at,
                    format!("server {} refused what it had sent in that term", call.to),
                    [call.id],
                ));
            }
            let text = format!("it is in term {term} still, and leads no more");
            proof.push(evidence(view.moment.at, text, None));
            let what =
                format!("server {number} gave up its leadership though it knew of no later term");
            let rule = "a leader leads until it learns of a higher term (Figure 4; §5.1); if a \
                        follower's log doesn't match, it decrements nextIndex and retries \
                        (Figure 2, Leaders 3; §5.3)";
            let look = "where a leader becomes a follower: a refusal in its own term is no \
                        reason";
            let finding = certain("leader-gives-up", what, proof, [rule, look]);
            self.breach(view.moment, finding.likely());
        }
        match self.wrong_views.iter().position(|wrong| wrong.view == view.moment) {
            Some(place) => {
                let finding = self.wrong_views[place].finding.clone();
                self.breach(view.moment, finding);
            }
            // Who tells a wrong term once is believed no other.
            None if !self.wrong_views.is_empty() => {}
            None => self.shows(number, view.term, view.moment, None),
        }
    }

    /// Whether a majority has just answered a leader in its term: a leader that none answers may step down
    /// (CheckQuorum, thesis §6.2).
    fn is_heard(&self, server: u32, view: &View) -> bool {
        let mut answered: Vec<u32> = self
            .story
            .sent_by(server as usize)
            .rev()
            .filter(|call| call.is_leaders() && call.is_followed())
            .filter(|call| call.args.term == Some(view.term))
            .filter(|call| {
                call.returned.is_some_and(|(returned, outcome)| {
                    outcome == Outcome::Replied
                        && returned < view.moment
                        && view.moment.at.since(returned.at) < ANSWERED
                })
            })
            .map(|call| call.to)
            .collect();
        answered.sort_unstable();
        answered.dedup();
        answered.len() + 1 >= self.story.majority()
    }

    /// A server has answered; its answer tells its term.
    pub(super) fn answered_in_a_term(&mut self, call: &Call, moment: Moment) {
        let (Some(asked), Some(term), Some(delivered)) =
            (call.args.term, call.reply.term, call.delivered)
        else {
            return;
        };
        // What is asked before a vote (PreVote) is of a term in which nobody is yet.
        if call.purpose == Purpose::Other {
            return;
        }
        let server = call.to;
        let player = &self.players[server as usize];
        // Whoever leaves the reply's term out has zeroes there: what it is seen to be must agree.
        let view = self.story.view_at(server as usize, moment.at);
        if self.wrong_views.is_empty() && view.is_none_or(|view| view.term != term) {
            return;
        }
        if term < asked && !self.story.holds_to_leader(call) {
            let what = format!("server {server} heard of term {asked} and stayed in term {term}");
            let text = format!(
                "server {server} answered {} of term {asked} from server {} in term {term}",
                call.method, call.from.server
            );
            // It is less than it should be, and may well be more than it was.
            let lower = player.shown.as_ref().is_none_or(|shown| shown.term <= term);
            if lower {
                let rule = "a request or reply with a higher term makes that one the current \
                            term (Figure 2, All Servers 2; §5.1)";
                let look = "each handler's beginning, and what is done with each reply: the \
                            higher term is adopted before anything else";
                let proof = vec![evidence(moment.at, text, [call.id])];
                let finding = certain("term-not-adopted", what, proof, [rule, look]);
                // It may be about to adopt it.
                let stays = self.story.stays_below(server as usize, asked, moment);
                self.breach(moment, if stays { finding } else { finding.likely() });
            }
        }
        // A handler that was under way meanwhile answers as it began.
        let player = &self.players[server as usize];
        if player.shown.as_ref().is_none_or(|shown| shown.moment < delivered || shown.term <= term)
        {
            self.shows(server, term, moment, Some(call.id));
        }
    }

    pub(super) fn asked_for_vote(&mut self, call: &Call) {
        let (server, Some(term)) = (call.from.server, call.args.term) else { return };
        let player = &mut self.players[server as usize];
        if player.incarnation != call.from.incarnation || !player.stood.insert(term) {
            return;
        }
        // A vote before the vote is for a term in which the candidate isn't yet.
        let views = &self.story.views[server as usize];
        if !views.iter().any(|view| view.term == term) {
            return;
        }
        if term == 0 {
            let what = format!("server {server} stood for election in term 0, where all begin");
            let text = format!("server {server} asked server {} for its vote in term 0", call.to);
            let rule = "a candidate increments currentTerm before it asks for votes (Figure 2, \
                        Candidates 1; §5.2)";
            let look = "the beginning of an election";
            let proof = vec![evidence(call.sent.at, text, [call.id])];
            let finding = certain("election-without-new-term", what, proof, [rule, look]);
            // What asks before a vote (PreVote) may do so under a name that isn't known here.
            self.breach(call.sent, finding.likely());
        }
        let text =
            format!("it stood for election in term {term}, as if it had been in an earlier one");
        self.check_term_after_crash(server, term + 1, term, text, call, call.sent);
        self.votes_for(server, term, server, call, call.sent);
        self.check_candidate_log(call);
    }

    /// After a crash a server is in `term`, or was before it did what `text` says; in an earlier
    /// life it was in a term that doesn't allow that if it is `least` or later.
    fn check_term_after_crash(
        &mut self,
        server: u32,
        least: u64,
        term: u64,
        text: String,
        call: &Call,
        moment: Moment,
    ) {
        let player = &self.players[server as usize];
        let incarnation = player.incarnation;
        if player.shown.as_ref().is_none_or(|shown| shown.incarnation == incarnation) {
            return;
        }
        let promised = self.promised(server, moment);
        let Some(before) = promised.filter(|before| before.term >= least - 1) else { return };
        let was = evidence(
            before.moment.at,
            format!("server {server} was in term {}", before.term),
            before.call,
        );
        let is = evidence(moment.at, format!("after a crash {text}"), [call.id]);
        self.players[server as usize].shown =
            Some(Shown { term, incarnation, moment, call: Some(call.id) });
        self.breach(moment, term_not_saved(server, vec![was, is]));
    }

    pub(super) fn voted(&mut self, call: &Call, moment: Moment) {
        let (Some(granted), Some(term)) = (call.reply.vote_granted, call.args.term) else { return };
        if !granted {
            self.note_refusal(call, moment);
            return;
        }
        if call.reply.term.is_some_and(|now| now > term) {
            return;
        }
        let text = format!("it voted in term {term}");
        self.check_term_after_crash(call.to, term + 2, term, text, call, moment);
        self.votes_for(call.to, term, call.from.server, call, moment);
        self.check_voter_log(call, moment);
    }

    fn votes_for(&mut self, voter: u32, term: u64, candidate: u32, call: &Call, moment: Moment) {
        let player = &mut self.players[voter as usize];
        let incarnation = player.incarnation;
        let vote = Vote { candidate, incarnation, at: moment.at, call: call.id };
        let first = *player.votes.entry(term).or_insert(vote);
        if first.candidate == candidate {
            return;
        }
        let name = |server: u32| match server == voter {
            true => "itself".to_owned(),
            false => format!("server {server}"),
        };
        let proof = [(first.candidate, first.at, first.call), (candidate, moment.at, call.id)].map(
            |(candidate, at, call)| {
                let text = format!("server {voter} voted for {} in term {term}", name(candidate));
                evidence(at, text, [call])
            },
        );
        let finding = if first.incarnation == incarnation {
            certain(
                "voted-twice",
                format!("server {voter} voted for two candidates of term {term}"),
                proof.to_vec(),
                [
                    "a server votes once in a term: if votedFor is null or candidateId (Figure \
                     2, RequestVote 2; §5.2)",
                    "the vote's condition, and whether votedFor is cleared only when the term \
                     goes up",
                ],
            )
        } else {
            certain(
                "vote-not-saved",
                format!("server {voter} forgot in a crash for whom it had voted in term {term}"),
                proof.to_vec(),
                [
                    "votedFor is saved before a server answers (Figure 2, Persistent state)",
                    "what is saved and read back, and whether each vote is saved before the \
                     reply",
                ],
            )
        };
        // Who has forgotten its term has forgotten its vote with it.
        let perhaps = (first.incarnation != incarnation).then_some("term-not-saved");
        self.breaches.push(Breach { moment, finding, perhaps });
    }

    pub(super) fn got_vote(&mut self, call: &Call) {
        let player = &mut self.players[call.from.server as usize];
        if let (Some(true), Some(term)) = (call.reply.vote_granted, call.args.term)
            && player.incarnation == call.from.incarnation
        {
            player.grants.entry(term).or_default().insert(call.to);
        }
    }

    /// A server acts, or is seen, as the leader of `term`.
    pub(super) fn leads(
        &mut self,
        server: u32,
        term: Option<u64>,
        moment: Moment,
        call: Option<RpcId>,
    ) {
        let Some(term) = term else { return };
        let (servers, majority) = (self.story.servers, self.story.majority());
        let player = &mut self.players[server as usize];
        if player.led.as_ref().is_some_and(|led| led.term >= term) {
            return;
        }
        player.led = Some(Led {
            term,
            confirmed: vec![0; servers],
            since: moment,
            answered: vec![None; servers],
        });
        let grants = player.grants.get(&term).map_or(0, |voters| voters.len());
        if grants + 1 >= majority || !self.reads_votes {
            return;
        }
        let others = player.grants.range(..term).flat_map(|(_, voters)| voters);
        let earlier: BTreeSet<&u32> = others.collect();
        let mut proof = vec![evidence(
            moment.at,
            format!(
                "server {server} leads term {term}; by then {} had reached it in that term, and \
                 with its own that is {} of {majority} that it needs",
                crate::text::count(grants, "vote"),
                grants + 1
            ),
            call,
        )];
        if grants + 1 + earlier.len() >= majority && !earlier.is_empty() {
            let text = format!(
                "in earlier terms it had got votes from {}",
                crate::text::list(earlier.iter())
            );
            proof.push(evidence(moment.at, text, None));
        }
        let what = format!(
            "server {server} became the leader of term {term} without the votes of a majority"
        );
        let rule = "a candidate leads once it has votes of a majority of all servers, in the \
                    same term (Figure 2, Candidates 2; §5.2)";
        let look = "the number that a candidate's votes are compared with: more than half of all \
                    servers, whoever can be reached; and whether it counts a call that failed, \
                    or a vote of an earlier term";
        self.breach(moment, certain("leads-without-majority", what, proof, [rule, look]));
    }
}

fn term_not_saved(server: u32, proof: Vec<super::Evidence>) -> Finding {
    certain(
        "term-not-saved",
        format!("server {server} forgot its term in a crash"),
        proof,
        [
            "currentTerm is saved before a server answers (Figure 2, Persistent state)",
            "what is saved and read back, and whether each change of the term is saved",
        ],
    )
}
