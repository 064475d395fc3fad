//! What is in whose log (§5.3, §5.4.1).

use super::{Confidence, Confirmation, Evidence, Finding, Log, Referee, certain, evidence};
use crate::event::Time;
use crate::story::{Call, Held, Moment, Proposal, Purpose, Save};

/// How long after something happened a server may be looked at for it.
const LOOKED_AT: u64 = 1000;

/// A moment later.
fn after(at: Time) -> Time {
    Time(at.0 + LOOKED_AT)
}

/// When a life began after a crash; else when a server had what is proven of it last.
fn crashed_or(began: Option<Moment>, had: Option<&Evidence>) -> Time {
    began.map(|began| began.at).or(had.map(|had| had.at)).unwrap_or(Time(0))
}

impl<'a> Referee<'a> {
    /// A log that a candidate tells of must have all that the server has confirmed.
    pub(super) fn check_candidate_log(&mut self, call: &Call) {
        let (Some(term), Some(index), Some(last_term)) =
            (call.args.term, call.args.last_log_index, call.args.last_log_term)
        else {
            return;
        };
        let (server, log) = (call.from.server, &self.players[call.from.server as usize].log);
        // A request that was built before the last change tells of the log as it was then; what
        // came in an earlier term came before the election.
        if log.changed.is_some_and(|(_, changed)| changed >= term) || !self.is_at_rest(server) {
            return;
        }
        let known = log.last_index();
        let text =
            format!("it asked for votes in term {term} with a log that ends at index {index}");
        if index < known {
            self.lost(server, index + 1, call.sent, text, call);
        } else if index == known && log.term(index).is_some_and(|known| known != last_term) {
            let text = format!(
                "it asked for votes in term {term} and said that its entry at index {index} is \
                 of term {last_term}"
            );
            self.lost(server, index, call.sent, text, call);
        } else if index > known && log.term(known).is_some_and(|known| known > last_term) {
            self.ends_with_earlier_term(call, (known, index, last_term));
        } else if index < log.written_before && self.is_as_saved(server) && self.disks_are_safe {
            let written = log.written_before;
            let proof = self.had(server, written, call.sent).into_iter();
            let now = evidence(call.sent.at, format!("after a crash {text}"), [call.id]);
            let what = format!("server {server} lost the entry at index {written} in a crash");
            // What it saved since may have left that entry out, for nobody relied on it.
            let finding = log_not_saved(what, proof.chain([now]).collect()).likely();
            self.breach(call.sent, finding);
        }
        let log = &mut self.players[server as usize].log;
        log.is_claimed |= log.last_index() != index || log.term(index) != Some(last_term);
        log.end_with(index, Some(last_term));
        log.open = false;
        log.saved = index;
    }

    /// A candidate's log goes on with an earlier term behind what it has confirmed.
    fn ends_with_earlier_term(&mut self, call: &Call, (known, index, last_term): (u64, u64, u64)) {
        let (server, term) = (call.from.server, call.args.term.unwrap_or(0));
        let text = format!(
            "it asked for votes in term {term} with a log that ends with index {index} of term {last_term}"
        );
        let finding = if self.is_as_saved(server) {
            let proof = self.had(server, known, call.sent).into_iter();
            let now = evidence(call.sent.at, format!("after a crash {text}"), [call.id]);
            let what = format!("server {server} lost the entry at index {known} in a crash");
            log_not_saved(what, proof.chain([now]).collect())
        } else {
            self.kept_suffix(server, call.sent, text, call)
        };
        let is_proven = self
            .told_ends(server, call.sent.at, after(call.sent.at))
            .any(|(_, term, last)| (term, last) == (last_term, index));
        self.breach(call.sent, if is_proven { finding } else { finding.likely() });
    }

    /// Whether a server's log hasn't changed since its last crash.
    pub(super) fn is_as_saved(&self, server: u32) -> bool {
        let player = &self.players[server as usize];
        let changed = player.log.changed.map(|(changed, _)| changed);
        player.incarnation > 1 && changed < player.began
    }

    /// A server's log goes on with an earlier term behind the last entry that it has accepted.
    pub(super) fn kept_suffix(
        &self,
        server: u32,
        moment: Moment,
        text: String,
        call: &Call,
    ) -> Finding {
        let log = &self.players[server as usize].log;
        let last = log.last_index();
        let mut proof: Vec<Evidence> = self.had(server, last, moment).into_iter().collect();
        if let Some(term) = log.term(last) {
            let accepted = proof.last().map_or(moment.at, |had| had.at);
            proof.push(evidence(accepted, format!("that entry is of term {term}"), None));
        }
        proof.push(evidence(moment.at, format!("later {text}"), [call.id]));
        let what = format!(
            "server {server} kept entries behind one that had replaced another: terms never go down in a log"
        );
        let rule = "if an existing entry conflicts with a new one (same index but different terms), the \
                    existing entry and all that follow it are deleted (Figure 2, AppendEntries 3; §5.3)";
        let look = "where a follower takes over new entries: at the first that conflicts the log is cut, \
                    and what follows is appended";
        certain("conflicting-suffix-kept", what, proof, [rule, look])
    }

    /// A server lacks the entry at `index`, which it has had.
    fn lost(&mut self, server: u32, index: u64, moment: Moment, text: String, call: &Call) {
        let player = &self.players[server as usize];
        let term = player.log.term(index);
        let entry = match term {
            Some(term) => format!("the entry of term {term} at index {index}"),
            None => format!("the entry at index {index}"),
        };
        let mut proof: Vec<Evidence> = self.had(server, index, moment).into_iter().collect();
        // Only who refuses a request may have a snapshot for a reason, and only one that it knows of.
        let refuses = call.to == server && call.reply.success == Some(false);
        let life = player.incarnation;
        let knows = |held: &Held| {
            let mut confirmed = player.log.confirmations.iter();
            held.server.incarnation == life
                || confirmed.any(|own| own.incarnation == life && own.up_to >= held.index)
        };
        let mut held = self.story.held_by(server, moment).filter(|held| held.index >= index);
        if let Some(held) = held.find(|held| refuses && knows(held)) {
            let had = format!("it had a snapshot up to index {}", held.index);
            proof.push(evidence(held.moment.at, had, None));
            proof.push(evidence(moment.at, format!("later {text}"), [call.id]));
            let what =
                format!("server {server} refuses what follows {entry}, which its snapshot covers");
            let rule = "what a snapshot covers is committed, and so the same in each leader's log (§5.4, \
                        §7): what follows an entry in it follows the log";
            let look = "the check of prevLogIndex where the log begins behind a snapshot";
            // A server may take a request for old that begins within its snapshot, and tell where it is.
            let finding = certain("covered-entry-refused", what, proof, [rule, look]);
            self.breach(moment, finding.likely());
            return;
        }
        let crashed = match player.log.confirmed(index) {
            Some(confirmed) => confirmed.incarnation != life,
            None => player.incarnation > 1 && player.log.saved >= index,
        };
        let snapshot = self.saved_snapshot(server, index).filter(|_| crashed && refuses);
        if let Some(snapshot) = snapshot {
            let finding = self.snapshot_index_forgotten(server, &snapshot, (moment, text, call));
            self.breach(moment, finding);
            return;
        }
        // What it has done since: in this life, if there was a crash.
        let began = player.began.filter(|_| crashed);
        let is_of_now = |other: &&Call| other.handled > began;
        let short = self.handled_shorter(server, index, moment).filter(is_of_now);
        let older = self.handled_older_snapshot(server, index, moment).filter(is_of_now);
        if let Some((short, handled, last)) =
            short.and_then(|short| Some((short, short.handled?, short.up_to()?)))
        {
            let text = format!(
                "it then handled a request of server {}'s whose last entry is at index {last}",
                short.from.server
            );
            proof.push(evidence(handled.at, text, [short.id]));
        }
        if let Some((older, handled, last)) =
            older.and_then(|older| Some((older, older.handled?, older.args.last_included_index?)))
        {
            let from = older.from.server;
            let text = format!("it then took a snapshot of server {from}'s up to index {last}");
            proof.push(evidence(handled.at, text, [older.id]));
        }
        let gone = self.seen_without(server, index, crashed_or(began, proof.last()), moment);
        let is_proven = gone.is_some();
        proof.extend(gone);
        proof.sort_by_key(|evidence| evidence.at);
        let since = if crashed { "after a crash " } else { "later " };
        proof.push(evidence(moment.at, format!("{since}{text}"), [call.id]));
        let mut finding = if older.is_some() {
            certain(
                "log-dropped-for-snapshot",
                format!(
                    "server {server} threw away {entry}, which is behind a snapshot that it was sent"
                ),
                proof,
                [
                    "if an existing entry has the same index and term as the snapshot's last included \
                     entry, the entries that follow it are kept; and a snapshot that is older than what \
                     is committed changes nothing (Figure 13, InstallSnapshot 6; §7)",
                    "what the handler of InstallSnapshot does with the log: a late or doubled request \
                     brings a snapshot that the server is beyond",
                ],
            )
        } else if crashed && short.is_none() {
            log_not_saved(format!("server {server} lost {entry} in a crash"), proof)
        } else {
            certain(
                "log-truncated",
                format!("server {server} threw away {entry}, which conflicted with nothing"),
                proof,
                [
                    "only an entry that conflicts with a new one, of the same index and another \
                     term, is deleted, with all that follow it (Figure 2, AppendEntries 3; §5.3)",
                    "where a follower cuts its log: not at prevLogIndex, and not at the end of \
                     the request's entries, unless one of them conflicts",
                ],
            )
        };
        // What it says may be wrong, or its comparison; or one of them took it.
        if !is_proven {
            finding.confidence = Confidence::Likely;
        }
        if usize::from(crashed) + usize::from(short.is_some()) + usize::from(older.is_some()) > 1 {
            finding.confidence = Confidence::Likely;
        }
        self.breach(moment, finding);
    }

    /// Where a server has told of a log that ends before `index`, after it had the entry there.
    fn seen_without(
        &self,
        server: u32,
        index: u64,
        from: Time,
        moment: Moment,
    ) -> Option<Evidence> {
        let mut told = self.told_ends(server, from, after(moment.at));
        let (at, term, last) = told.find(|&(_, _, last)| last < index)?;
        let text = match last {
            0 => "it told that its log is empty".to_owned(),
            _ => format!("it told that its log ends with index {last} of term {term}"),
        };
        Some(evidence(at.min(moment.at), text, None))
    }

    /// A server that was restarted with a snapshot refuses what follows an entry in it.
    fn snapshot_index_forgotten(
        &self,
        server: u32,
        snapshot: &Held,
        (moment, text, call): (Moment, String, &Call),
    ) -> Finding {
        let began = self.players[server as usize].began.map_or(moment.at, |began| began.at);
        let up_to = snapshot.index;
        let had = format!("server {server} had a snapshot up to index {up_to}, and saved it");
        Finding {
            id: "snapshot-index-forgotten".to_owned(),
            confidence: Confidence::Likely,
            what: format!("server {server} forgot in a crash where its snapshot ends"),
            evidence: vec![
                evidence(snapshot.moment.at, had, None),
                evidence(began, "it was restarted with that snapshot".to_owned(), None),
                evidence(moment.at, text, [call.id]),
            ],
            rule: "a log that begins behind a snapshot keeps the snapshot's last index and term (§7): they \
                   are saved and read back with the log"
                .to_owned(),
            look: "what is read back after a crash: the snapshot's index and term, from which the log's \
                   indexes count, and which the check of prevLogIndex needs"
                .to_owned(),
            normal: None,
        }
    }

    /// The last snapshot that a server had before its present life, if it covers `index` and was saved:
    /// then another snapshot is stored than before.
    fn saved_snapshot(&self, server: u32, index: u64) -> Option<Held> {
        let began = self.players[server as usize].began?;
        let snapshot = self.story.held_by(server, began).max_by_key(|held| held.moment)?;
        let saves = self.story.saved.iter().rev();
        let mut saves =
            saves.filter(|save| save.server.server == server && save.moment < began).peekable();
        let stored = saves.peek()?.snapshot;
        // What a leader sends is saved before it is applied.
        let is_older = |save: &&Save| {
            save.moment < snapshot.moment && !(snapshot.is_installed && save.snapshot == stored)
        };
        let before = saves.find(is_older).map_or(0, |save| save.snapshot);
        (snapshot.index >= index && stored > 0 && stored != before).then_some(snapshot)
    }

    /// The last request that a server has accepted since it confirmed `index`, and that ends
    /// before.
    pub(super) fn handled_shorter(
        &self,
        server: u32,
        index: u64,
        until: Moment,
    ) -> Option<&'a Call> {
        let confirmed = self.players[server as usize].log.confirmed(index)?;
        let handled = self.story.handled[server as usize].iter().rev();
        handled
            .map(|&place| &self.story.calls[place])
            .filter(|call| call.reply.success == Some(true) && call.id != confirmed.call)
            .filter(|call| {
                call.handled.is_some_and(|handled| handled < until && handled.at >= confirmed.at)
            })
            .find(|call| call.up_to().is_some_and(|last| last < index))
    }

    /// The last snapshot that ends before `index` and that a server was sent since it confirmed `index`.
    fn handled_older_snapshot(&self, server: u32, index: u64, until: Moment) -> Option<&'a Call> {
        let confirmed = self.players[server as usize].log.confirmed(index)?;
        let handled = self.story.handled[server as usize].iter().rev();
        handled.map(|&place| &self.story.calls[place]).find(|call| {
            call.purpose == Purpose::Snapshot
                && call.reply.term == call.args.term
                && call.handled.is_some_and(|at| at < until && at.at >= confirmed.at)
                && call.args.last_included_index.is_some_and(|last| last < index)
        })
    }

    /// When a server had the entry at `index`.
    pub(super) fn had(&self, server: u32, index: u64, until: Moment) -> Option<Evidence> {
        if let Some(confirmed) = self.players[server as usize].log.confirmed(index) {
            let text = format!("server {server} confirmed its log up to index {}", confirmed.up_to);
            return Some(evidence(confirmed.at, text, [confirmed.call]));
        }
        let accepted = self
            .story
            .proposals
            .iter()
            .rev()
            .filter(|proposal| proposal.moment < until)
            .find(|proposal| proposal.server.server == server && proposal.index >= index)?;
        let text = format!("server {server} accepted a command at index {}", accepted.index);
        Some(evidence(accepted.moment.at, text, None))
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
                    "what start() returns: the index of the entry that it appended, not the \
                     log's length before",
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
                    "a leader appends each command behind its log's last entry (Figure 2, \
                     Leaders 2; §5.3), committed or not",
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
        }
        if let Some((id, what, proof, words)) = found {
            let finding = certain(id, what, proof, words);
            // What it has beyond those may have come to it in a way that isn't seen.
            let is_proven = id != "entry-nobody-asked-for";
            self.breach(proposal.moment, if is_proven { finding } else { finding.likely() });
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
                "{when}server {server} sent server {} an entry of term {term} at index {index}; \
                 its start() has returned that index for no command",
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
                        "server {server} appended entries of its own when it became the leader \
                         of term {term}"
                    ),
                )
            };
            let proof = vec![evidence(call.sent.at, text, [call.id])];
            let finding = certain(id, what, proof, NOBODY_ASKED);
            // A Raft may hide entries of its own from the service, and count without them in start().
            self.breach(call.sent, finding.likely());
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
        let (Some(term), Some(prev)) = (call.args.term, call.args.prev_log_index) else { return };
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
                // It may have been another one, with which all that followed is gone.
                log.end_with(index, *entry);
                log.open = true;
                log.changed = Some((moment, term));
                continue;
            }
            // What isn't known may go on behind the end that is; a conflict cuts it.
            log.open &= log.last_index() < index;
            log.end_with(index, *entry);
            if let Some(term) = log.terms.get_mut(index as usize - 1) {
                *term = *entry;
            }
            log.changed = Some((moment, term));
        }
        log.saved = log.saved.max(last_new.min(log.last_index()));
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
        let rule = "a request whose term is lower than one's own is refused (Figure 2, \
                    AppendEntries 1; §5.1)";
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
        if log.changed.is_some_and(|(changed, _)| changed > delivered) || !self.is_at_rest(server) {
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
            "server {server} accepted what server {} sent to follow its entry of term \
             {prev_term} at index {prev}; {has}",
            call.from.server
        );
        let what = format!("server {server} accepted entries that don't fit its log");
        let rule = "a follower refuses entries if its log has no entry at prevLogIndex whose \
                    term is prevLogTerm (Figure 2, AppendEntries 2; §5.3)";
        let look = "the consistency check of AppendEntries: both the index and the term, for \
                    heartbeats, too";
        let proof = vec![evidence(moment.at, text, [call.id])];
        let finding = certain("log-mismatch-accepted", what, proof, [rule, look]);
        let is_proven = !log.is_claimed;
        self.breach(moment, if is_proven { finding } else { finding.likely() });
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
            || !self.is_at_rest(server)
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
        // What it has committed it has, unless a crash took it.
        let is_older = index <= player.commit && index <= player.log.last_index();
        let is_refused = call.reply.success == Some(false);
        if call.reply.term.is_some_and(|now| now > term) || is_older || is_refused {
            return;
        }
        player.commit = player.commit.max(index);
        let log = &mut player.log;
        if log.last_index() < index || log.term(index) != call.args.last_included_term {
            log.open = log.term(index).is_none() && (log.open || log.last_index() >= index);
            log.end_with(index, call.args.last_included_term);
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
     indexes by commands, so that there is no room for the no-op of §8 (Figure 2, Leaders 2; \
     §5.3)",
    "where the log grows: in start(), by one entry, and not when a server becomes the leader",
];

pub(in crate::explain) fn log_not_saved(what: String, proof: Vec<Evidence>) -> Finding {
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
