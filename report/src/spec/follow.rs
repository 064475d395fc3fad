//! What each step tells of servers. Nothing is judged here.

use std::mem;

use super::server::{Confirmation, Grant, Led, Replaced, Shown, Vote};
use super::{Did, Known};
use crate::event::RpcId;
use crate::story::{Applied, Call, HeldSnapshot, Moment, Proposal, Purpose, View};

impl Known<'_> {
    /// Takes over what a step tells, which counts.
    pub(super) fn follow(&mut self, moment: Moment, did: &Did<'_>) {
        match *did {
            Did::Started(server, life) => {
                self.was_interrupted(server as usize);
                self.servers[server as usize].restart(life.incarnation, life.from);
            }
            Did::Crashed(server) => self.servers[server as usize].is_alive = false,
            Did::Saved(save) => {
                let server = &mut self.servers[save.server.server as usize];
                if server.life == save.server.incarnation {
                    server.log.written = server.log.last_shown_index();
                }
            }
            Did::Sent(call) => match call.purpose {
                Purpose::Vote => self.asked_for_vote(call),
                Purpose::Append => self.sent_entries(call),
                Purpose::Snapshot => self.leads(call.from.server, call.args.term, moment),
                Purpose::Other => {}
            },
            Did::Delivered(call) => {
                if self.came_to_this_life(call) {
                    self.may_commit(call);
                    if call.is_leaders() || call.hides_what_it_brings() {
                        self.servers[call.to as usize].under_way.insert(call.id);
                    }
                }
            }
            Did::Handled(call) => {
                let server = &mut self.servers[call.to as usize];
                server.under_way.remove(&call.id);
                match call.purpose {
                    Purpose::Other if call.hides_what_it_brings() => {
                        return server.lose_sight(moment, call);
                    }
                    Purpose::Other => return,
                    Purpose::Vote => self.voted(call, moment),
                    Purpose::Append => self.answered_entries(call, moment),
                    Purpose::Snapshot => self.took_snapshot(call, moment),
                }
                if let Some(term) = self.answers_in(call, moment) {
                    self.shows(call.to, term, moment, Some(call.id));
                }
            }
            Did::Returned(call) => match call.purpose {
                Purpose::Vote => {
                    self.may_commit_by_answer(call);
                    self.got_vote(call);
                }
                Purpose::Append | Purpose::Snapshot => self.got_confirmation(call),
                Purpose::Other => {
                    self.may_commit_by_answer(call);
                    if call.hides_what_it_brings_back() {
                        self.servers[call.from.server as usize].lose_sight(moment, call);
                    }
                    self.may_be_confirmed(call);
                }
            },
            Did::Proposed(proposal) => self.proposed(proposal),
            Did::Applied(applied, place) => {
                if applied.command.is_some() {
                    self.applied.get_or_insert_with(applied.index, || place);
                }
                self.applied(applied);
            }
            Did::Snapshotted(_) if self.story.counts_other_entries => {}
            Did::Snapshotted(made) => {
                let held = HeldSnapshot {
                    moment,
                    server: made.server,
                    index: made.index,
                    is_installed: false,
                };
                self.holds(held);
            }
            Did::Viewed(server, view) => self.viewed(server, view),
        }
    }

    fn shows(&mut self, server: u32, term: u64, moment: Moment, call: Option<RpcId>) {
        let server = &mut self.servers[server as usize];
        let life = server.life;
        let is_new = server.shown.is_none_or(|shown| (shown.term, shown.life) != (term, life));
        if is_new {
            server.shown = Some(Shown { term, life, moment, call });
        }
    }

    /// The term that an answer shows, if it shows one: it has to agree with what the server is seen to be,
    /// for whoever leaves the reply's term out has zeroes there. A handler that was under way meanwhile
    /// answers as it began.
    pub(super) fn answers_in(&self, call: &Call, moment: Moment) -> Option<u64> {
        let (term, delivered) = call.reply.term.zip(call.delivered)?;
        let shown = self.server(call.to).shown;
        let view = self.story.view_at(call.to as usize, moment.at);
        let agrees = view.is_some_and(|view| view.term == term);
        let is_late = shown.is_some_and(|shown| shown.moment >= delivered && shown.term > term);
        (call.purpose != Purpose::Other && agrees && !is_late).then_some(term)
    }

    fn viewed(&mut self, number: u32, view: &View) {
        let server = &mut self.servers[number as usize];
        // No entry has term 0: a server that says so counts its log's end otherwise.
        if let Some(detail) = view.detail.as_ref().filter(|it| it.last_term > 0) {
            server.log.shows(detail.last_index);
        }
        // A leader's blank entry isn't seen before it is sent, and perhaps it never is.
        server.log.open |= view.is_leader && self.story.counts_other_entries;
        // Whoever only says that it leads has no part in what leaders do.
        let has_votes = server.voters(view.term).len() + 1 >= self.story.majority();
        if view.is_leader && (has_votes || !self.reads.votes) {
            self.leads(number, Some(view.term), view.moment);
        }
        self.shows(number, view.term, view.moment, None);
    }

    fn asked_for_vote(&mut self, call: &Call) {
        let Some(term) = call.args.term else { return };
        let number = call.from.server;
        let is_first = self.servers[number as usize].stood.insert(term);
        if !is_first || !self.stands(call, term) {
            return;
        }
        self.votes_for(number, term, number, call.sent, call.id);
        let (Some(index), Some(last_term)) = (call.args.last_log_index, call.args.last_log_term)
        else {
            return;
        };
        let server = &mut self.servers[number as usize];
        let log = &mut server.log;
        if index > log.last_index() && !log.open {
            (log.open, log.is_claimed) = (true, true); // it says so, and it may be wrong
            return;
        }
        // A request that was built before the last change tells of the log as it was then; what came in an
        // earlier term came before the election.
        if log.changed.is_some_and(|(_, changed)| changed >= term) || !server.under_way.is_empty() {
            return;
        }
        log.is_claimed |= log.last_index() != index || log.term(index) != Some(last_term);
        log.end_with(index, Some(last_term));
        log.shows(index);
        log.open = false;
        log.saved = index;
    }

    /// Whether who asks for a vote in `term` stands in it: a vote before the vote is for a term in which the
    /// candidate is never seen; and who has told a later one by then says the wrong term, or is late.
    pub(super) fn stands(&self, call: &Call, term: u64) -> bool {
        let number = call.from.server as usize;
        let now = self.story.view_at(number, call.sent.at);
        self.seen_terms[number].contains(&term) && now.is_none_or(|view| view.term <= term)
    }

    /// What a server was at when it crashed it may have saved, though it told nobody.
    fn was_interrupted(&mut self, number: usize) {
        let (story, server) = (self.story, &mut self.servers[number]);
        let under_way = mem::take(&mut server.under_way);
        if under_way.is_empty() {
            return;
        }
        for call in story.calls.iter().filter(|call| under_way.contains(&call.id)) {
            let log = &server.log;
            let agrees = call.args.prev_log_index.zip(call.args.entries.as_deref()).is_some_and(
                |(prev, entries)| {
                    let of_log = |index| log.term(index).filter(|_| index <= log.last_index());
                    let mut entries = (prev + 1..).zip(entries);
                    entries.all(|(index, &term)| of_log(index).is_none_or(|own| Some(own) == term))
                },
            );
            if agrees {
                server.log.open = true;
            } else if let Some(delivered) = call.delivered {
                server.lose_sight(delivered, call);
            }
        }
    }

    fn voted(&mut self, call: &Call, moment: Moment) {
        if let (Some(true), Some(term)) = (call.reply.vote_granted, call.args.term)
            && call.reply.term.is_none_or(|now| now <= term)
        {
            self.votes_for(call.to, term, call.from.server, moment, call.id);
        }
    }

    fn votes_for(&mut self, voter: u32, term: u64, candidate: u32, moment: Moment, call: RpcId) {
        let server = &mut self.servers[voter as usize];
        let vote = Vote { candidate, life: server.life, moment, call };
        server.votes.entry(term).or_insert(vote);
    }

    fn got_vote(&mut self, call: &Call) {
        if let (Some(true), Some(term), Some(at)) =
            (call.reply.vote_granted, call.args.term, call.replied())
        {
            let grant = Grant { voter: call.to, at, call: call.id };
            let server = &mut self.servers[call.from.server as usize];
            server.grants.entry(term).or_default().push(grant);
        }
    }

    /// A server acts, or is seen, as the leader of `term`.
    fn leads(&mut self, server: u32, term: Option<u64>, moment: Moment) {
        let servers = self.story.servers;
        let Some(term) = term else { return };
        // A request of an earlier term is late, or says the wrong one.
        let view = self.story.view_at(server as usize, moment.at);
        if view.is_some_and(|view| view.term > term) {
            return;
        }
        let server = &mut self.servers[server as usize];
        if server.led.as_ref().is_none_or(|led| led.term < term) {
            let (confirmed, answered) = (vec![0; servers], vec![None; servers]);
            let refused = answered.clone();
            let (since, told, own, in_order) = (moment, 0, None, Vec::new());
            let led = Led { term, since, confirmed, told, own, answered, refused, in_order };
            server.led = Some(led);
        }
    }

    fn sent_entries(&mut self, call: &Call) {
        let Some(term) = call.args.term else { return };
        let number = call.from.server;
        self.leads(number, Some(term), call.sent);
        if let Some(commit) = call.args.leader_commit {
            self.shows_commit(number, Some(term), commit);
        }
        let server = &mut self.servers[number as usize];
        let Some(led) = server.led.as_mut().filter(|led| led.term == term) else { return };
        led.told = led.told.max(call.args.leader_commit.unwrap_or(0));
        let (Some(prev), Some(entries)) = (call.args.prev_log_index, &call.args.entries) else {
            return;
        };
        let mut sent = (prev + 1..).zip(entries);
        let own = sent.find(|&(_, entry)| *entry == Some(term)).map(|(index, _)| index);
        led.own = led.own.into_iter().chain(own).min();
        // A request that was built before it gave way tells of the log as it was.
        let life = server.life;
        if server.shown.is_some_and(|shown| shown.life == life && shown.term > term) {
            return;
        }
        let log = &mut server.log;
        for (index, entry) in (prev + 1..).zip(entries) {
            if index > log.last_index() {
                log.end_with(index, *entry);
                log.changed = Some((call.sent, term));
                // What it took as a leader it needn't have saved yet. Other entries than commands no start() tells of.
                if *entry == Some(term) && self.story.counts_other_entries {
                    log.promises(index);
                }
            }
        }
        log.shows(prev + entries.len() as u64);
    }

    fn answered_entries(&mut self, call: &Call, moment: Moment) {
        let server = &mut self.servers[call.to as usize];
        let (Some(term), Some(prev)) = (call.args.term, call.args.prev_log_index) else {
            // What it brings is known, but not where it goes, or whose it is; or nothing is.
            if (call.has_entries() || call.hides_log()) && !call.is_rejected() {
                server.lose_sight(moment, call);
            }
            return;
        };
        let log = &server.log;
        if call.is_rejected() {
            if !(1..=log.last_index()).contains(&prev) || call.reply.term != Some(term) {
                return;
            }
            let follows =
                log.term(prev).zip(call.args.prev_log_term).map(|(own, said)| own == said);
            // What it refuses to follow it has no more, though it had it.
            let has_lost = log.confirmed(prev).is_some() && server.is_at_rest(call);
            if follows == Some(true) && has_lost {
                server.log.end_with(prev - 1, None);
                server.log.open = true;
            }
            // What its leader has otherwise it may drop at once.
            if follows != Some(true) && prev > server.commit {
                server.log.may_drop(prev);
            }
            return;
        }
        let entries = call.args.entries.as_deref().unwrap_or_default();
        let are_hidden = call.args.entries.is_none() && call.brings.is_some();
        // Whether it took them can't be read: they may have replaced what follows.
        if call.reply.success.is_none() && (are_hidden || !entries.is_empty()) {
            if server.log.last_index() > prev {
                server.log.end_with(prev, None);
            }
            server.log.open = true;
        }
        if call.reply.success != Some(true) {
            return;
        }
        if are_hidden || call.args.entries.is_none() && self.reads.hides_entries {
            server.lose_sight(moment, call);
        }
        let last_new = prev + entries.len() as u64;
        server.commit = server.commit.max(call.args.leader_commit.unwrap_or(0).min(last_new));
        // What its snapshot covers it doesn't look at, and doesn't change.
        let covered = server.snapshot.map_or(0, |held| held.index);
        if prev < covered {
            let behind = entries.get((covered - prev) as usize..).unwrap_or_default();
            server.log.accept((covered, None), behind, (moment, term));
            return self.confirms(call, moment, last_new);
        }
        // It is a leader's, and so true, whatever it was that was known.
        let own = server.log.term(prev);
        if own.is_some() && own != call.args.prev_log_term && call.args.prev_log_term.is_some() {
            // Another handler may have changed more of it.
            let is_at_rest = server.is_at_rest(call);
            server.log.blur(server.commit);
            server.log.end_with(prev, call.args.prev_log_term);
            server.log.open |= !is_at_rest;
        }
        // What it can't have appended it can't lose.
        server.log.is_claimed |= prev > server.log.last_index() && !server.log.open;
        server.log.accept((prev, call.args.prev_log_term), entries, (moment, term));
        self.confirms(call, moment, last_new);
    }

    fn confirms(&mut self, call: &Call, moment: Moment, up_to: u64) {
        let server = &mut self.servers[call.to as usize];
        server.log.shows(up_to);
        server.log.saved = server.log.saved.max(up_to.min(server.log.last_index()));
        if up_to > 0 {
            let (at, life) = (moment.at, server.life);
            server.log.confirmations.push(Confirmation { up_to, at, call: call.id, life });
        }
    }

    fn took_snapshot(&mut self, call: &Call, moment: Moment) {
        let (Some(index), Some(term)) = (call.args.last_included_index, call.args.term) else {
            // Where it ends nobody can read, unless it is only a part, which ends nowhere.
            if call.args.done != Some(false) && !call.is_rejected() {
                self.servers[call.to as usize].lose_sight(moment, call);
            }
            return;
        };
        let view = self.story.view_at(call.to as usize, moment.at);
        let is_former = view.is_some_and(|view| view.term > term);
        let server = &mut self.servers[call.to as usize];
        // What it has committed it has, unless a crash took it.
        // What it has handed on before its handler ended isn't older than itself.
        let is_handed_on =
            server.applied.is_some_and(|(at, up_to)| up_to == index && Some(at) > call.delivered);
        let is_older = !is_handed_on && index <= server.commit && index <= server.log.last_index();
        if call.reply.term.is_some_and(|now| now > term) || is_older || call.is_rejected() {
            return;
        }
        let committed = server.commit;
        // Who answers in an earlier term hasn't taken note of the request's, and perhaps of nothing else.
        let is_earlier = call.reply.term.is_some_and(|now| 0 < now && now < term);
        // And who came to a later term at that instant may have taken it before, or refused it.
        if is_earlier || !is_handed_on && (is_former || !self.story.hands_on(call)) {
            let log = &mut self.servers[call.to as usize].log;
            log.blur(committed);
            // If it took it, and had another entry there, all that followed is gone.
            log.end_with(log.last_index().min(index), None);
            log.open = true;
            return;
        }
        let server = &mut self.servers[call.to as usize];
        server.commit = committed.max(index);
        let log = &mut server.log;
        let included = call.args.last_included_term;
        if log.last_index() < index || log.term(index) != included {
            if let (Some(had), Some(now)) = (log.term(index), included) {
                let terms = [now, had];
                log.replaced = Some(Replaced { at: moment.at, call: call.id, index, terms });
            }
            log.open = log.term(index).is_none() && (log.open || log.last_index() >= index);
            // What it covers may be other entries than those that are known.
            log.blur(committed);
            log.end_with(index, included);
            log.changed = Some((moment, term));
        }
        self.confirms(call, moment, index);
    }

    fn holds(&mut self, held: HeldSnapshot) {
        let server = &mut self.servers[held.server.server as usize];
        if server.snapshot.is_none_or(|before| before.index <= held.index) {
            server.snapshot = Some(held);
        }
    }

    /// A reply that has reached the leader tells what it may count.
    fn got_confirmation(&mut self, call: &Call) {
        let up_to = match (call.args.last_included_index, call.up_to()) {
            (Some(index), _) if call.reply.success != Some(false) => index,
            (None, Some(up_to)) if call.is_accepted() => up_to,
            (None, Some(up_to)) if call.is_rejected() => return self.got_refusal(call, up_to),
            (None, None) => return self.may_be_confirmed(call),
            _ => return,
        };
        let majority = self.story.majority();
        let server = &mut self.servers[call.from.server as usize];
        let Some(led) = &mut server.led else { return };
        if call.args.term != Some(led.term) || call.reply.term.is_some_and(|term| term > led.term) {
            return;
        }
        led.answered[call.to as usize] = call.replied().map(|at| (at, call.id, up_to));
        let confirmed = &mut led.confirmed[call.to as usize];
        *confirmed = (*confirmed).max(up_to);
        // Up to where a majority has the log, if an entry of its own term is at that end. Of an entry whose
        // term isn't known it may be true.
        let own = server.log.last_index().max(up_to);
        let (leader, term) = ((call.from.server, own), led.term);
        let [sure, perhaps] = [0, u64::MAX].map(|unread| led.counts(unread, leader, majority));
        let is_own = |n: u64| server.log.term(n).is_none_or(|known| known == term);
        if is_own(sure) {
            server.commit = server.commit.max(sure);
        }
        if perhaps > sure && is_own(perhaps) {
            server.may_know = server.may_know.max(perhaps);
        }
    }

    fn got_refusal(&mut self, call: &Call, up_to: u64) {
        if let Some(led) = &mut self.servers[call.from.server as usize].led
            && call.args.term == Some(led.term)
            && call.reply.term == Some(led.term)
        {
            led.refused[call.to as usize] = call.replied().map(|at| (at, call.id, up_to));
        }
    }

    /// A reply has reached the leader that may tell anything: what its request was for can't be read.
    fn may_be_confirmed(&mut self, call: &Call) {
        if let Some(led) = &mut self.servers[call.from.server as usize].led
            && !call.is_pre_vote()
        {
            led.confirmed[call.to as usize] = u64::MAX;
        }
    }

    /// A leader shows that an entry of its term is committed. Where so few others have confirmed it that it
    /// takes the leader itself, the leader has it saved.
    fn shows_commit(&mut self, number: u32, term: Option<u64>, index: u64) {
        let majority = self.story.majority();
        let server = &mut self.servers[number as usize];
        let Some(led) = server.led.as_ref().filter(|led| Some(led.term) == term) else { return };
        let others = (0..).zip(&led.confirmed);
        let others = others.filter(|&(other, &up_to)| other != number && up_to >= index).count();
        let is_own = index > server.may_know && server.log.term(index) == Some(led.term);
        if others + 1 == majority && is_own {
            server.log.saved = server.log.saved.max(index);
        }
        server.commit = server.commit.max(index);
    }

    /// What a request tells of the commit index counts from its delivery on: its handler may wait for a disk,
    /// and the entries are applied before it answers. What it refuses of its own leader's tells only of entries that it
    /// has taken before.
    fn may_commit(&mut self, call: &Call) {
        let is_late = call.reply.term.zip(call.args.term).is_some_and(|(now, asked)| now > asked);
        let index = match (call.args.last_included_index, call.up_to()) {
            // What is of an earlier term is refused.
            _ if is_late && call.reply.success != Some(true) => return,
            (Some(index), _) => index,
            (None, Some(up_to)) if call.reply.success != Some(false) => {
                let knows = || self.server(call.from.server).knows();
                let told = call.args.leader_commit.unwrap_or_else(knows);
                // It may remember up to where an earlier request of the same leader has made its log the leader's, and
                // of which entries it was told before it had them.
                let server = &mut self.servers[call.to as usize];
                server.told = server.told.max(told);
                let (term, matches) = server.matches;
                let now = call.args.term.unwrap_or(term);
                if now == term {
                    server.matches.1 = matches.max(up_to);
                } else if now > term {
                    server.matches = (now, up_to);
                }
                up_to.min(told).max(server.matches.1.min(server.told))
            }
            (None, at) if at.is_some() || tells_commit_alone(call) => {
                let Some(index) = self.told_of_matches(call) else { return };
                index
            }
            // In some Rafts a candidate tells what is committed in its log, with that entry's term. Whether the voter's
            // log has the entry isn't looked at: it only may know.
            (None, _) if call.purpose == Purpose::Vote => call.args.leader_commit.unwrap_or(0),
            // What can't be read may tell all that its sender knows.
            (None, _) => self.server(call.from.server).knows(),
        };
        let server = &mut self.servers[call.to as usize];
        server.may_know = server.may_know.max(index);
    }

    /// What a request tells of the commit index that says nothing more of logs, or was refused: it counts only of what is
    /// known to match the leader's log.
    fn told_of_matches(&mut self, call: &Call) -> Option<u64> {
        let server = &mut self.servers[call.to as usize];
        let term = call.args.term.filter(|_| call.is_answered_in_its_term())?;
        // The first that comes of a leader may be such a one.
        if server.matches.0 < term {
            server.matches = (term, 0);
        }
        let (now, matches) = server.matches;
        if term < now {
            return None;
        }
        server.told = server.told.max(call.args.leader_commit.unwrap_or(0));
        Some(matches.min(server.told))
    }

    /// Where candidates tell what is committed in their logs, voters may tell in their answers all that they know.
    fn may_commit_by_answer(&mut self, call: &Call) {
        if call.args.leader_commit.is_some() && (call.is_vote() || call.is_pre_vote()) {
            let told = self.server(call.to).knows();
            let server = &mut self.servers[call.from.server as usize];
            server.may_know = server.may_know.max(told);
        }
    }

    fn proposed(&mut self, proposal: &Proposal) {
        // Who takes a command in a term that he has left behind has no such entry: his leader may have.
        let reached = self.story.reached_before(proposal.server.server, proposal.moment);
        if reached.is_some_and(|reached| reached.term > proposal.term) {
            return;
        }
        let server = &mut self.servers[proposal.server.server as usize];
        if proposal.index > 0 && !self.story.counts_other_entries {
            server.log.end_with(proposal.index, Some(proposal.term));
            if !self.story.leads_on(proposal) {
                server.log.promises(proposal.index);
            }
            server.log.changed = Some((proposal.moment, proposal.term));
            server.log.open = false;
        }
    }

    fn applied(&mut self, applied: &Applied) {
        let (number, index, moment) = (applied.server.server, applied.index, applied.moment);
        if self.story.counts_other_entries {
            self.servers[number as usize].applied = Some((moment, index));
            return;
        }
        let term = self.servers[number as usize].led.as_ref().map(|led| led.term);
        if applied.command.is_some() {
            self.shows_commit(number, term, index);
        } else {
            let server = applied.server;
            self.holds(HeldSnapshot { moment, server, index, is_installed: true });
        }
        let server = &mut self.servers[number as usize];
        server.commit = server.commit.max(index);
        server.applied = Some((moment, index));
        server.log.shows(index);
    }
}

/// Whether a heartbeat tells up to where the leader's log is committed, and not what a follower's log has to match there.
fn tells_commit_alone(call: &Call) -> bool {
    call.is_mere_heartbeat() && call.args.leader_commit.is_some() && call.is_answered_in_its_term()
}
