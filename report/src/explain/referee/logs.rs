//! What is in whose log (§5.3, §5.4.1).

use super::{Breach, Confirmation, Evidence, Finding, Log, Referee, certain, evidence};
use crate::story::{Call, Moment, Proposal};

const UP_TO_DATE: &str = "a server votes only for a candidate whose log is at least as up-to-date as its \
                          own: the later last term counts, and with equal terms the longer log (Figure \
                          2, RequestVote 2; §5.4.1)";

impl<'a> Referee<'a> {
    /// A log that a candidate tells of must have all that the server has confirmed.
    pub(super) fn check_candidate_log(&mut self, call: &Call) {
        let (Some(term), Some(index), Some(last_term)) =
            (call.args.term, call.args.last_log_index, call.args.last_log_term)
        else {
            return;
        };
        let (server, log) = (call.from.server, &self.players[call.from.server as usize].log);
        // A request that was built before the last change tells of the log as it was then; what came
        // in an earlier term came before the election.
        if log.changed.is_some_and(|(_, changed)| changed >= term) {
            return;
        }
        let known = log.last_index();
        if index < known {
            let text =
                format!("it asked for votes in term {term} with a log that ends at index {index}");
            self.lost(server, index + 1, call.sent, text, call);
        } else if index == known && log.term(index).is_some_and(|known| known != last_term) {
            let text = format!(
                "it asked for votes in term {term} and said that its entry at index {index} is of \
                 term {last_term}"
            );
            self.lost(server, index, call.sent, text, call);
        }
        let log = &mut self.players[server as usize].log;
        log.end_with(index, Some(last_term));
        log.open = false;
    }

    /// A server lacks the entry at `index`, which it has had.
    fn lost(&mut self, server: u32, index: u64, moment: Moment, text: String, call: &Call) {
        let player = &self.players[server as usize];
        let term = player.log.term(index);
        let entry = match term {
            Some(term) => format!("the entry of term {term} at index {index}"),
            None => format!("the entry at index {index}"),
        };
        let mut proof: Vec<Evidence> = self.had(server, index).into_iter().collect();
        let confirmed = player.log.confirmed(index);
        let crashed = match confirmed {
            Some(confirmed) => confirmed.incarnation != player.incarnation,
            None => player.incarnation > 1 && player.log.saved >= index,
        };
        let short = self.handled_shorter(server, index, moment);
        let since = if crashed { "after a crash " } else { "later " };
        if let Some(short) = short.filter(|_| !crashed)
            && let (Some(handled), Some(last)) = (short.handled, sent_up_to(short))
        {
            let text = format!(
                "it then handled a request of server {}'s whose last entry is at index {last}",
                short.from.server
            );
            proof.push(evidence(handled.at, text, [short.id]));
        }
        proof.push(evidence(moment.at, format!("{since}{text}"), [call.id]));
        let finding = if crashed {
            log_not_saved(format!("server {server} lost {entry} in a crash"), proof)
        } else {
            certain(
                "log-truncated",
                format!("server {server} threw away {entry}, which conflicted with nothing"),
                proof,
                [
                    "only an entry that conflicts with a new one, of the same index and another \
                     term, is deleted, with all that follow it (Figure 2, AppendEntries 3; §5.3)",
                    "where a follower cuts its log: not at prevLogIndex, and not at the end of the \
                     request's entries, unless one of them conflicts",
                ],
            )
        };
        self.breach(moment, finding);
    }

    /// A candidate that gets a vote must be as up-to-date as the voter.
    pub(super) fn check_voter_log(&mut self, call: &Call, moment: Moment) {
        let (Some(term), Some(index), Some(last_term), Some(delivered)) =
            (call.args.term, call.args.last_log_index, call.args.last_log_term, call.delivered)
        else {
            return;
        };
        let log = &self.players[call.to as usize].log;
        if log.changed.is_some_and(|(changed, _)| changed > delivered) {
            return;
        }
        let known = log.last_index();
        let Some(own_term) = log.term(known) else { return };
        if (last_term, index) >= (own_term, known) {
            return;
        }
        let (voter, candidate) = (call.to, call.from.server);
        let mut proof: Vec<Evidence> = self.had(voter, known).into_iter().collect();
        let what = format!(
            "server {voter} voted for server {candidate}, whose log is less up-to-date than its own"
        );
        let text = format!(
            "it voted in term {term} for server {candidate}, whose log ends with term {last_term} at \
             index {index}; its own ends with term {own_term} at index {known}"
        );
        proof.push(evidence(moment.at, text, [call.id]));
        let look = "how a voter compares the logs: (last term, last index) of the candidate against its \
                    own, in this order";
        // Its own log may be gone.
        let player = &self.players[voter as usize];
        let changed = player.log.changed.map(|(changed, _)| changed);
        let crashed = player.incarnation > 1 && changed < player.began;
        if crashed && let Some(sizes) = self.sizes_without_log(voter, moment) {
            proof.push(sizes);
            let what = format!("server {voter} lost its log in a crash");
            self.breach(moment, log_not_saved(what, proof));
            return;
        }
        let finding = certain("vote-for-outdated-log", what, proof, [UP_TO_DATE, look]);
        let perhaps = match (crashed, self.handled_shorter(voter, known, moment)) {
            (true, _) => Some("log-not-saved"),
            (false, Some(_)) => Some("log-truncated"),
            (false, None) => None,
        };
        self.breaches.push(Breach { moment, finding, perhaps });
        self.shorter_chosen |= index < known;
    }

    /// The last request that a server has accepted since it confirmed `index`, and that ends before.
    fn handled_shorter(&self, server: u32, index: u64, until: Moment) -> Option<&'a Call> {
        let confirmed = self.players[server as usize].log.confirmed(index)?;
        let handled = self.story.handled[server as usize].iter().rev();
        handled
            .map(|&place| &self.story.calls[place])
            .filter(|call| call.reply.success == Some(true) && call.id != confirmed.call)
            .filter(|call| {
                call.handled.is_some_and(|handled| handled < until && handled.at >= confirmed.at)
            })
            .find(|call| sent_up_to(call).is_some_and(|last| last < index))
    }

    /// When a server had the entry at `index`.
    fn had(&self, server: u32, index: u64) -> Option<Evidence> {
        if let Some(confirmed) = self.players[server as usize].log.confirmed(index) {
            let text = format!("server {server} confirmed its log up to index {}", confirmed.up_to);
            return Some(evidence(confirmed.at, text, [confirmed.call]));
        }
        let accepted = self
            .story
            .proposals
            .iter()
            .rev()
            .find(|proposal| proposal.server.server == server && proposal.index >= index)?;
        let text = format!("server {server} accepted a command at index {}", accepted.index);
        Some(evidence(accepted.moment.at, text, None))
    }

    /// What a server saved has always had the same size, whatever was in its log.
    fn sizes_without_log(&self, server: u32, moment: Moment) -> Option<Evidence> {
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
                "until then it had saved its state {} times, {least} to {most} bytes each time, with \
                 up to {} in its log",
                sizes.len(),
                match entries {
                    1 => "1 entry".to_owned(),
                    n => format!("{n} entries"),
                }
            );
            evidence(moment.at, text, None)
        })
    }

    /// A vote that was refused though the candidate's log ends with a later term tells how logs are
    /// compared.
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
            "server {} refused its vote to server {}, whose log ends with a later term than its own,              term {last_term}, and is shorter",
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
                finding.what.push_str(": it compared the logs' lengths, and not their last terms");
                finding.evidence.push(proof.clone());
            }
        }
    }

    pub(super) fn proposed(&mut self, proposal: &Proposal) {
        let (server, index, term) = (proposal.server.server, proposal.index, proposal.term);
        let player = &mut self.players[server as usize];
        let known = player.log.last_index();
        let earlier = self.story.proposals.iter().find(|other| {
            other.moment < proposal.moment
                && other.server == proposal.server
                && (other.term, other.index) == (term, index)
        });
        let mut found = None;
        if index == 0 {
            let text = format!("server {server}'s start() returned index 0 in term {term}");
            found = Some((
                "index-from-zero",
                format!("server {server} gave a command index 0, though the log begins at 1"),
                vec![evidence(proposal.moment.at, text, None)],
                [
                    "the first index is 1 (Figure 2, State: log[])",
                    "what start() returns: the index of the entry that it appended, not the log's \
                     length before",
                ],
            ));
        } else if let Some(earlier) = earlier {
            let start = |at| {
                let text =
                    format!("server {server}'s start() returned index {index} in term {term}");
                evidence(at, text, None)
            };
            found = Some((
                "index-given-twice",
                format!("server {server} gave two commands of term {term} the index {index}"),
                vec![start(earlier.moment.at), start(proposal.moment.at)],
                [
                    "a leader appends each command behind its log's last entry (Figure 2, Leaders \
                     2; §5.3), committed or not",
                    "how start() finds the index that it returns",
                ],
            ));
        } else if index > known + 1 && !player.log.open && self.reads_logs {
            let text = format!(
                "server {server}'s start() returned index {index} in term {term}; its log's last \
                 entry was at index {known}"
            );
            found = Some((
                "entry-nobody-asked-for",
                format!("server {server}'s log has entries that no client has asked for"),
                vec![evidence(proposal.moment.at, text, None)],
                NOBODY_ASKED,
            ));
        }
        if index > 0 {
            player.log.end_with(index, Some(term));
            player.log.changed = Some((proposal.moment, term));
            player.log.open = false;
            // It is saved before start() returns.
            if player.saved_at == Some(proposal.moment.at) {
                player.log.saved = index;
            }
        }
        if let Some((id, what, proof, words)) = found {
            self.breach(proposal.moment, certain(id, what, proof, words));
        }
    }

    pub(super) fn sent_entries(&mut self, call: &Call) {
        let (server, Some(term)) = (call.from.server, call.args.term) else { return };
        self.leads(server, Some(term), call.sent, Some(call.id));
        self.check_commit_sent(call);
        let (Some(prev), Some(entries)) = (call.args.prev_log_index, &call.args.entries) else {
            return;
        };
        let player = &mut self.players[server as usize];
        if player.led.as_ref().is_none_or(|led| led.term != term) {
            return;
        }
        let known = player.log.last_index();
        let unasked = (prev + 1..).zip(entries).find(|&(index, entry)| {
            index > known && *entry == Some(term) && !self.promised.contains(&(server, term, index))
        });
        if let Some((index, _)) = unasked.filter(|_| !player.log.open && self.reads_logs) {
            let proposed = self.story.proposals.iter().any(|other| {
                other.moment < call.sent && other.server == call.from && other.term == term
            });
            let when =
                if proposed { "" } else { "before any client asked it to append anything, " };
            let text = format!(
                "{when}server {server} sent server {} an entry of term {term} at index {index}; its \
                 start() has returned that index for no command",
                call.to
            );
            let (id, what) = if proposed {
                (
                    "entry-nobody-asked-for",
                    format!("server {server}'s log has entries that no client has asked for"),
                )
            } else {
                (
                    "entry-of-a-new-leader",
                    format!(
                        "server {server} appended entries of its own when it became the leader of \
                         term {term}"
                    ),
                )
            };
            let proof = vec![evidence(call.sent.at, text, [call.id])];
            self.breach(call.sent, certain(id, what, proof, NOBODY_ASKED));
        }
        let log = &mut self.players[server as usize].log;
        for (index, entry) in (prev + 1..).zip(entries) {
            if index > log.last_index() {
                log.end_with(index, *entry);
                log.changed = Some((call.sent, term));
            }
        }
    }

    pub(super) fn answered_entries(&mut self, call: &Call, moment: Moment) {
        let (Some(term), Some(prev), Some(delivered)) =
            (call.args.term, call.args.prev_log_index, call.delivered)
        else {
            return;
        };
        let server = call.to as usize;
        match call.reply.success {
            Some(true) => {}
            Some(false) => {
                if call.reply.term == Some(term) {
                    self.check_refusal(call, moment);
                }
                return;
            }
            None => return,
        }
        self.check_leader_s_term(call, moment);
        self.check_match(call, moment);
        let player = &mut self.players[server];
        let entries = call.args.entries.as_deref().unwrap_or_default();
        let last_new = prev + entries.len() as u64;
        player.commit = player.commit.max(call.args.leader_commit.unwrap_or(0).min(last_new));
        let log = &mut player.log;
        if log.last_index() < prev {
            log.end_with(prev, call.args.prev_log_term);
            log.changed = Some((moment, term));
        }
        for (index, entry) in (prev + 1..).zip(entries) {
            if log.last_index() >= index && log.term(index) == *entry {
                continue;
            }
            if log.last_index() >= index && log.term(index).is_none() {
                log.terms[index as usize - 1] = *entry;
                continue;
            }
            log.end_with(index, *entry);
            log.terms[index as usize - 1] = *entry;
            log.open = false;
            log.changed = Some((moment, term));
        }
        log.saved = log.saved.max(last_new.min(log.last_index()));
        let _ = delivered;
        if last_new > 0 {
            let (at, incarnation) = (moment.at, player.incarnation);
            let confirmation = Confirmation { up_to: last_new, at, call: call.id, incarnation };
            player.log.confirmations.push(confirmation);
        }
    }

    /// A leader's requests are accepted in its own term only.
    fn check_leader_s_term(&mut self, call: &Call, moment: Moment) {
        let (Some(term), Some(delivered)) = (call.args.term, call.delivered) else { return };
        let server = call.to;
        let Some(shown) = &self.players[server as usize].shown else { return };
        if shown.term <= term || shown.moment > delivered {
            return;
        }
        let text = format!(
            "server {server} accepted {} of term {term} from server {}",
            call.method, call.from.server
        );
        let proof = vec![
            evidence(
                shown.moment.at,
                format!("server {server} was in term {}", shown.term),
                shown.call,
            ),
            evidence(moment.at, text, [call.id]),
        ];
        let what = format!("server {server} obeyed the leader of a term that was over for it");
        let rule = "a request whose term is lower than one's own is refused (Figure 2, AppendEntries \
                    1; §5.1)";
        let look = "the beginning of the handler of AppendEntries";
        self.breach(moment, certain("old-leader-obeyed", what, proof, [rule, look]));
    }

    /// Entries are accepted only behind one that both logs have.
    fn check_match(&mut self, call: &Call, moment: Moment) {
        let (Some(prev), Some(prev_term), Some(delivered)) =
            (call.args.prev_log_index, call.args.prev_log_term, call.delivered)
        else {
            return;
        };
        let server = call.to;
        let log = &self.players[server as usize].log;
        if log.changed.is_some_and(|(changed, _)| changed > delivered) {
            return;
        }
        let has = match log.term(prev) {
            Some(term) if term != prev_term => format!("its own there is of term {term}"),
            None if prev > log.last_index() && !log.open => {
                format!("its own log ended at index {}", log.last_index())
            }
            _ => return,
        };
        let text = format!(
            "server {server} accepted what server {} sent to follow its entry of term {prev_term} at \
             index {prev}; {has}",
            call.from.server
        );
        let what = format!("server {server} accepted entries that don't fit its log");
        let rule = "a follower refuses entries if its log has no entry at prevLogIndex whose term is \
                    prevLogTerm (Figure 2, AppendEntries 2; §5.3)";
        let look = "the consistency check of AppendEntries: both the index and the term, for \
                    heartbeats, too";
        let proof = vec![evidence(moment.at, text, [call.id])];
        self.breach(moment, certain("log-mismatch-accepted", what, proof, [rule, look]));
        let log = &mut self.players[server as usize].log;
        log.end_with(prev, Some(prev_term));
    }

    /// Who refuses entries lacks what comes before them.
    fn check_refusal(&mut self, call: &Call, moment: Moment) {
        let (Some(prev), Some(prev_term), Some(delivered)) =
            (call.args.prev_log_index, call.args.prev_log_term, call.delivered)
        else {
            return;
        };
        let server = call.to;
        let log = &self.players[server as usize].log;
        if prev == 0
            || log.term(prev) != Some(prev_term)
            || log.changed.is_some_and(|(changed, _)| changed > delivered)
            || log.confirmed(prev).is_none()
        {
            return;
        }
        let text = format!(
            "it refused server {}'s entries behind index {prev}, as if it had no entry of term \
             {prev_term} there",
            call.from.server
        );
        self.lost(server, prev, moment, text, call);
        let log: &mut Log = &mut self.players[server as usize].log;
        log.end_with(prev - 1, None);
        log.open = true;
    }

    pub(super) fn took_snapshot(&mut self, call: &Call, moment: Moment) {
        let (Some(index), Some(term)) = (call.args.last_included_index, call.args.term) else {
            return;
        };
        let player = &mut self.players[call.to as usize];
        if call.reply.term.is_some_and(|now| now > term) || index <= player.commit {
            return;
        }
        player.commit = index;
        let log = &mut player.log;
        if log.last_index() < index || log.term(index) != call.args.last_included_term {
            log.end_with(index, call.args.last_included_term);
            log.open = false;
            log.changed = Some((moment, term));
        }
        log.saved = log.saved.max(index);
        let (at, incarnation) = (moment.at, player.incarnation);
        let confirmation = Confirmation { up_to: index, at, call: call.id, incarnation };
        player.log.confirmations.push(confirmation);
    }
}

const NOBODY_ASKED: [&str; 2] = [
    "a leader appends a command when a client asks it to, once, and nothing else: the lab counts \
     indexes by commands, so that there is no room for the no-op of §8 (Figure 2, Leaders 2; §5.3)",
    "where the log grows: in start(), by one entry, and not when a server becomes the leader",
];

fn log_not_saved(what: String, proof: Vec<Evidence>) -> Finding {
    certain(
        "log-not-saved",
        what,
        proof,
        [
            "log[] is saved before a server answers (Figure 2, Persistent state)",
            "what is saved and read back, and whether it is saved with each change of the log",
        ],
    )
}

/// The index of the last entry that a request has, or that comes before it.
fn sent_up_to(call: &Call) -> Option<u64> {
    let entries = call.args.entries.as_ref().map_or(0, Vec::len) as u64;
    Some(call.args.prev_log_index? + entries)
}
