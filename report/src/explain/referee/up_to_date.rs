//! Whose log is the more up-to-date, and who votes for whom (§5.4.1).

use super::logs::log_not_saved;
use super::{Breach, Confidence, Evidence, Referee, certain, evidence};
use crate::story::{Call, Moment};

const UP_TO_DATE: &str = "a server votes only for a candidate whose log is at least as \
                          up-to-date as its own: the later last term counts, and with equal \
                          terms the longer log (Figure 2, RequestVote 2; §5.4.1)";

impl Referee<'_> {
    /// A candidate that gets a vote must be as up-to-date as the voter.
    pub(super) fn check_voter_log(&mut self, call: &Call, moment: Moment) {
        let (Some(term), Some(index), Some(last_term), Some(delivered)) =
            (call.args.term, call.args.last_log_index, call.args.last_log_term, call.delivered)
        else {
            return;
        };
        let log = &self.players[call.to as usize].log;
        if log.changed.is_some_and(|(changed, _)| changed > delivered) || !self.is_at_rest(call.to)
        {
            return;
        }
        let known = log.last_index();
        let Some(own_term) = log.term(known) else { return };
        if (last_term, index) >= (own_term, known) {
            return;
        }
        let (voter, candidate) = (call.to, call.from.server);
        let mut proof: Vec<Evidence> = self.had(voter, known, moment).into_iter().collect();
        let what = format!(
            "server {voter} voted for server {candidate}, whose log is less up-to-date than its \
             own"
        );
        let text = format!(
            "it voted in term {term} for server {candidate}, whose log ends with term \
             {last_term} at index {index}; its own ends with term {own_term} at index {known}"
        );
        proof.push(evidence(moment.at, text, [call.id]));
        let look = "how a voter compares the logs: (last term, last index) of the candidate \
                    against its own, in this order";
        // Its own log may be gone.
        let crashed = self.is_as_saved(voter);
        if crashed && let Some(sizes) = self.sizes_without_log(voter, moment) {
            proof.push(sizes);
            let what = format!("server {voter} lost its log in a crash");
            self.breach(moment, log_not_saved(what, proof).likely());
            return;
        }
        let seen = self.log_when_it_voted(call);
        if let Some((seen_term, seen_index)) = seen {
            let ended = format!("its log ended with index {seen_index} of term {seen_term}");
            if crashed && (seen_term, seen_index) < (own_term, known) {
                proof.push(evidence(moment.at, format!("after the crash {ended}"), None));
                let what = format!("server {voter} lost its log in a crash");
                self.breach(moment, log_not_saved(what, proof));
                return;
            }
            // It should have cut what is of an earlier term.
            if seen_index > known && seen_term < own_term {
                let finding =
                    self.kept_suffix(voter, moment, format!("{ended}, when it voted"), call);
                self.breach(moment, finding);
                return;
            }
        }
        let mut finding = certain("vote-for-outdated-log", what, proof, [UP_TO_DATE, look]);
        // Its own log may be gone by then, for another reason.
        if seen.is_none_or(|seen| seen < (own_term, known)) {
            finding = finding.likely();
        }
        let perhaps = match (crashed, self.handled_shorter(voter, known, moment)) {
            (true, _) => Some("log-not-saved"),
            (false, Some(_)) => Some("log-truncated"),
            (false, None) => Some("conflicting-suffix-kept"),
        };
        self.breaches.push(Breach { moment, finding, perhaps });
        self.shorter_chosen |= index < known;
    }

    /// The term and the index of a voter's last entry, as it told them when it gave its vote: servers are
    /// looked at when their term has changed.
    fn log_when_it_voted(&self, call: &Call) -> Option<(u64, u64)> {
        let (delivered, handled) = call.delivered.zip(call.handled)?;
        let view = self.story.view_at(call.to as usize, handled.at)?;
        let is_of_vote = Some(view.term) == call.args.term
            && view.moment.at >= delivered.at
            && view.incarnation == self.players[call.to as usize].incarnation;
        let detail = view.detail.as_ref().filter(|_| is_of_vote)?;
        Some((detail.last_term, detail.last_index))
    }

    /// A vote that was refused though the candidate's log ends with a later term tells how logs
    /// are compared.
    pub(super) fn note_refusal(&mut self, call: &Call, moment: Moment) {
        let (Some(term), Some(index), Some(last_term), Some(delivered)) =
            (call.args.term, call.args.last_log_index, call.args.last_log_term, call.delivered)
        else {
            return;
        };
        let player = &self.players[call.to as usize];
        let known = player.log.last_index();
        let is_free = player.votes.get(&term).is_none_or(|vote| vote.candidate == call.from.server);
        if self.length_counted.is_some()
            || call.reply.term != Some(term)
            || !is_free
            || player.log.changed.is_some_and(|(changed, _)| changed > delivered)
            || index >= known
            || player.log.term(known).is_none_or(|own| own >= last_term)
        {
            return;
        }
        let text = format!(
            "server {} refused its vote to server {}, whose log ends with a later term than its \
             own, term {last_term}, and is shorter",
            call.to, call.from.server
        );
        self.length_counted = Some(evidence(moment.at, text, [call.id]));
    }

    /// If all votes are as the logs' lengths are, that is how they are compared.
    pub(super) fn name_the_comparison(&mut self) {
        let Some(proof) = self.length_counted.take().filter(|_| !self.shorter_chosen) else {
            return;
        };
        for Breach { finding, .. } in &mut self.breaches {
            if finding.id == "vote-for-outdated-log" {
                finding.id = "longer-log-preferred".to_owned();
                finding.what.push_str(
                    ": it compared the logs' lengths, and not their last \
                                       terms",
                );
                finding.evidence.push(proof.clone());
                finding.confidence = Confidence::Likely;
            }
        }
    }

    /// What a server saved has always had the same size, whatever was in its log.
    fn sizes_without_log(&self, server: u32, moment: Moment) -> Option<Evidence> {
        // A log that is cut behind snapshots needn't grow.
        if self.story.held_by(server, moment).next().is_some() {
            return None;
        }
        let saves =
            self.story.saved.iter().filter(|save| {
                save.server.server == server && save.moment < moment && save.state > 0
            });
        let sizes: Vec<u64> = saves.map(|save| save.state).collect();
        let (least, most) = (sizes.iter().min()?, sizes.iter().max()?);
        let entries = self.players[server as usize].log.last_index();
        // Each entry takes some bytes; a vote or a term takes another one or two.
        (sizes.len() > 1 && most - least < 2 * entries.max(2)).then(|| {
            let text = format!(
                "until then it had saved its state {} times, {least} to {most} bytes each time, \
                 with up to {} in its log",
                sizes.len(),
                match entries {
                    1 => "1 entry".to_owned(),
                    n => format!("{n} entries"),
                }
            );
            evidence(moment.at, text, None)
        })
    }
}
