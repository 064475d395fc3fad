//! What a server does, as Figures 2 and 13 say it, and where it breaks a rule.

use std::collections::BTreeSet;

use report::Role;

use super::Slip;
use super::cluster::{Cluster, Flight, Reply, Request};
use super::server::{Entry, Saved};

impl Cluster {
    fn majority(&self) -> usize {
        self.servers.len() / 2 + 1
    }

    /// The election timeout is over.
    pub(super) fn times_out(&mut self, server: usize) {
        if self.servers[server].is_leader() || self.servers[server].is_idle {
            return;
        }
        if self.slips(Slip::NeverStands) {
            self.servers[server].is_idle = true;
            return;
        }
        let now = &mut self.servers[server];
        now.saved.term += 1;
        now.saved.voted_for = Some(server as u32);
        now.role = Role::Candidate;
        now.votes = BTreeSet::from([server as u32]);
        self.saves(server);
        self.look(server);
        let (term, mut last) = {
            let saved = &self.servers[server].saved;
            (saved.term, saved.log.last())
        };
        let mut asks_in = term;
        if last.1 > 0 && self.slips(Slip::AsksWithShorterLog) {
            last.1 -= 1;
        } else if self.slips(Slip::AsksWithLongerLog) {
            last.1 += 1;
        } else if last.0 > 1 && self.slips(Slip::AsksWithEarlierTerm) {
            last.0 -= 1;
        } else if last.1 > 0 && last.0 < term && self.slips(Slip::AsksWithCurrentTerm) {
            last.0 = term;
        } else if term > 1 && self.slips(Slip::AsksInEarlierTerm) {
            asks_in -= 1;
        }
        for to in (0..self.servers.len()).filter(|&to| to != server) {
            self.sends(server, to, Request::Vote { term: asks_in, last });
        }
        if self.slips(Slip::LeadsWithoutVotes) {
            self.leads(server);
        }
    }

    fn leads(&mut self, server: usize) {
        let now = &mut self.servers[server];
        let last = now.saved.log.last_index();
        now.role = Role::Leader;
        now.next.fill(last + 1);
        now.matched.fill(0);
        now.forgets = None;
        if self.slips(Slip::AppendsOfItsOwn) {
            let now = &mut self.servers[server];
            let term = now.saved.term;
            now.saved.log.entries.push(Entry { term, command: "none".to_owned() });
            self.saves(server);
        }
        self.sends_to_all(server);
        self.beats(server);
    }

    /// A client brings a command.
    pub(super) fn starts(&mut self, server: usize, command: String) {
        if self.slips(Slip::GivesUp) {
            self.servers[server].role = Role::Follower;
            return self.restart_timer(server);
        }
        let now = &mut self.servers[server];
        let term = now.saved.term;
        now.saved.log.entries.push(Entry { term, command: command.clone() });
        let mut index = now.saved.log.last_index();
        let is_second = now.saved.log.term(index - 1) == Some(term);
        self.saves(server);
        if is_second && self.slips(Slip::GivesIndexTwice) {
            index -= 1;
        }
        self.run.propose_command(server as u32, [index, term], &command);
        if self.slips(Slip::CommitsAlone) {
            self.commits(server, index);
        }
    }

    fn commits(&mut self, server: usize, index: u64) {
        let now = &mut self.servers[server];
        now.commit = now.commit.max(index.min(now.saved.log.last_index()));
    }

    pub(super) fn sends_to_all(&mut self, server: usize) {
        for to in (0..self.servers.len()).filter(|&to| to != server) {
            self.sends_entries(server, to);
        }
    }

    fn sends_entries(&mut self, server: usize, to: usize) {
        let now = &self.servers[server];
        let (mut term, mut commit) = (now.saved.term, now.commit);
        let log = &now.saved.log;
        if now.next[to] <= log.base.0 {
            let last = (log.base.1, log.base.0);
            return self.sends(server, to, Request::Snapshot { term, last });
        }
        let prev_index = now.next[to] - 1;
        let Some(mut prev_term) = log.term(prev_index) else { return };
        let mut entries = log.from(prev_index + 1).to_vec();
        let last = log.last_index();
        if !entries.is_empty() && self.slips(Slip::NeverSends) {
            self.servers[server].forgets = Some(to as u32);
        }
        if self.servers[server].forgets == Some(to as u32) {
            entries.clear();
        }
        if prev_term > 1 && self.slips(Slip::SaysEarlierPrevTerm) {
            prev_term -= 1;
        } else if prev_index > 0 && prev_term < term && self.slips(Slip::SaysCurrentPrevTerm) {
            prev_term = term;
        } else if prev_index > 0 && self.slips(Slip::SaysPrevTermZero) {
            prev_term = 0;
        } else if term > 1 && self.slips(Slip::SendsInEarlierTerm) {
            term -= 1;
        } else if last > commit && self.slips(Slip::TellsTooMuchCommit) {
            commit = last;
        }
        let prev = (prev_term, prev_index);
        self.sends(server, to, Request::Append { term, prev, entries, commit });
    }

    /// A server crashes; it may lose what it must not.
    pub(super) fn crashes(&mut self, server: usize) {
        let now = &self.servers[server];
        let (has_voted, term, entries) =
            (now.saved.voted_for.is_some(), now.saved.term, now.saved.log.entries.len() as u64);
        if has_voted && self.slips(Slip::ForgetsVote) {
            self.servers[server].saved.voted_for = None;
        } else if term > 1 && self.slips(Slip::ForgetsTerm) {
            let term = self.random.within(0, term - 1);
            let saved = &mut self.servers[server].saved;
            (saved.term, saved.voted_for) = (term, None);
        } else if entries > 0 && self.slips(Slip::ForgetsEntries) {
            let left = self.random.within(0, entries - 1);
            self.servers[server].saved.log.entries.truncate(left as usize);
        } else if self.slips(Slip::ForgetsAll) {
            self.servers[server].saved = Saved::default();
        }
    }

    /// A request is handled, and answered.
    pub(super) fn answers(&mut self, flight: &Flight) -> Reply {
        let (server, term) = (flight.to, flight.request.term());
        let own = self.servers[server].saved.term;
        if term > own {
            if self.slips(Slip::StaysBelow) {
                return Reply { term: own, is_yes: false };
            }
            self.servers[server].adopt(term);
            self.saves(server);
        } else if term < own && own > 1 && self.slips(Slip::GoesBack) {
            let saved = &mut self.servers[server].saved;
            (saved.term, saved.voted_for) = (term, None);
            self.servers[server].role = Role::Follower;
            self.saves(server);
        }
        let reply = match &flight.request {
            Request::Vote { last, .. } => self.votes(flight, *last),
            Request::Append { prev, entries, commit, .. } => {
                self.appends(flight, *prev, entries, *commit)
            }
            Request::Snapshot { last, .. } => self.installs(flight, *last),
        };
        if reply.term > 1 && self.slips(Slip::AnswersEarlierTerm) {
            return Reply { term: reply.term - 1, ..reply };
        }
        if reply.term > 1 && self.slips(Slip::AnswersTermZero) {
            return Reply { term: 0, ..reply };
        }
        if self.slips(Slip::SaysThatItLeads) && self.servers[server].role == Role::Follower {
            let term = self.servers[server].saved.term;
            self.lies(server, term, true);
        }
        if self.slips(Slip::TellsEarlierTerm) {
            let (term, leads) = (
                self.servers[server].saved.term.saturating_sub(1),
                self.servers[server].is_leader(),
            );
            self.lies(server, term, leads);
        }
        if self.slips(Slip::TellsLaterTerm) {
            let (term, leads) =
                (self.servers[server].saved.term + 1, self.servers[server].is_leader());
            self.lies(server, term, leads);
        }
        reply
    }

    fn votes(&mut self, flight: &Flight, last: (u64, u64)) -> Reply {
        let (server, from, term) = (flight.to, flight.from as u32, flight.request.term());
        let saved = &self.servers[server].saved;
        let (own, log_end) = (saved.term, saved.log.last());
        let no = Reply { term: own, is_yes: false };
        if term < own {
            return no;
        }
        let is_free = saved.voted_for.is_none_or(|other| other == from);
        let is_outdated = last < log_end;
        let may = match (is_free, is_outdated) {
            (true, false) => !self.slips(Slip::RefusesVote),
            (false, false) => self.slips(Slip::VotesTwice),
            (true, true) => self.slips(Slip::VotesForOutdated),
            (false, true) => false,
        };
        if may {
            self.servers[server].saved.voted_for = Some(from);
            self.servers[server].role = Role::Follower;
            self.restart_timer(server);
            self.saves(server);
        }
        Reply { is_yes: may, ..no }
    }

    fn appends(
        &mut self,
        flight: &Flight,
        (prev_term, prev): (u64, u64),
        entries: &[Entry],
        leader_commit: u64,
    ) -> Reply {
        let (server, term) = (flight.to, flight.request.term());
        let own = self.servers[server].saved.term;
        let no = Reply { term: own, is_yes: false };
        if term < own && !self.slips(Slip::ObeysOldLeader) {
            return no;
        }
        self.servers[server].role = Role::Follower;
        self.restart_timer(server);
        let log = &self.servers[server].saved.log;
        let (base, last) = (log.base.0, log.last_index());
        let fits = prev < base || log.term(prev) == Some(prev_term);
        if !fits && prev <= last && self.slips(Slip::AcceptsMismatch) {
            // It goes on as if they did fit.
        } else if !fits && prev > last && self.slips(Slip::AcceptsBeyondItsEnd) {
            return Reply { is_yes: true, ..no };
        } else if !fits {
            let knew = self.servers[server].commit;
            if leader_commit > knew && last > knew && self.slips(Slip::CommitsOfRefused) {
                self.commits(server, leader_commit);
            }
            return no;
        } else if prev > base && self.slips(Slip::RefusesFitting) {
            return no;
        }
        let last_new = prev + entries.len() as u64;
        self.takes_over(server, prev, entries);
        if last > last_new && self.servers[server].commit < last && last_new > base {
            let is_whole = self.servers[server].saved.log.last_index() == last;
            if is_whole && self.slips(Slip::Truncates) {
                self.servers[server].saved.log.end_with(last_new);
            }
        }
        self.saves(server);
        let knows = self.servers[server].saved.log.last_index();
        let mut commit = leader_commit.min(last_new);
        if commit < leader_commit.min(knows) && self.slips(Slip::CommitsBeyond) {
            commit = leader_commit;
        }
        self.commits(server, commit);
        Reply { is_yes: true, ..no }
    }

    /// Entries are taken over that follow `prev`.
    fn takes_over(&mut self, server: usize, prev: u64, entries: &[Entry]) {
        for (index, entry) in (prev + 1..).zip(entries) {
            let log = &self.servers[server].saved.log;
            let own = log.term(index);
            if index <= log.base.0 || own == Some(entry.term) {
                continue;
            }
            let goes_on = own.is_some() && index < log.last_index();
            let keeps =
                goes_on && index == prev + entries.len() as u64 && self.slips(Slip::KeepsSuffix);
            let log = &mut self.servers[server].saved.log;
            if keeps {
                let place = (index - log.base.0 - 1) as usize;
                log.entries[place] = entry.clone();
            } else {
                log.end_with(index - 1);
                log.entries.push(entry.clone());
            }
        }
    }

    fn installs(&mut self, flight: &Flight, last: (u64, u64)) -> Reply {
        let (server, term) = (flight.to, flight.request.term());
        let own = self.servers[server].saved.term;
        let reply = Reply { term: own, is_yes: true };
        if term < own {
            return reply;
        }
        self.servers[server].role = Role::Follower;
        self.restart_timer(server);
        let now = &mut self.servers[server];
        let (last_term, index) = last;
        if index <= now.commit {
            let has_more = now.saved.log.last_index() > index && index > now.saved.log.base.0;
            if has_more && self.slips(Slip::DropsLogForSnapshot) {
                let now = &mut self.servers[server];
                now.saved.log.base = (index, last_term);
                now.saved.log.entries.clear();
                self.saves(server);
            }
            return reply;
        }
        let conflicts = now.saved.log.term(index).is_some_and(|own| own != last_term)
            && now.saved.log.last_index() > index;
        if conflicts && self.slips(Slip::KeepsLogOverSnapshot) {
            let log = &mut self.servers[server].saved.log;
            log.entries = log.from(index + 1).to_vec();
            log.base = (index, last_term);
        } else {
            self.servers[server].saved.log.begin_behind((index, last_term));
        }
        let now = &mut self.servers[server];
        (now.commit, now.applied) = (index, index);
        self.saves(server);
        self.servers[server].installed = Some(index);
        reply
    }

    /// A reply is taken.
    pub(super) fn takes(&mut self, flight: &Flight, reply: Reply) {
        let (server, to) = (flight.from, flight.to);
        let own = self.servers[server].saved.term;
        if reply.term > own {
            if self.slips(Slip::IgnoresReply) {
                return;
            }
            let leads = self.servers[server].is_leader();
            self.servers[server].adopt(reply.term);
            if leads && self.slips(Slip::LeadsOn) {
                self.servers[server].role = Role::Leader;
                self.beats(server);
            }
            self.saves(server);
            return self.restart_timer(server);
        }
        if flight.request.term() != own {
            return;
        }
        match &flight.request {
            Request::Vote { .. } if self.servers[server].role == Role::Candidate => {
                if reply.is_yes {
                    self.servers[server].votes.insert(to as u32);
                }
                let votes = self.servers[server].votes.len();
                let (majority, all) = (self.majority(), self.servers.len());
                let counts_twice = reply.is_yes
                    && all > 3
                    && votes + 1 == majority
                    && self.slips(Slip::CountsVoteTwice);
                if votes >= majority || counts_twice {
                    self.leads(server);
                }
            }
            Request::Append { prev, entries, .. } if self.servers[server].is_leader() => {
                self.takes_answer(server, to, prev.1, entries.len() as u64, reply.is_yes);
            }
            Request::Snapshot { last, .. } if self.servers[server].is_leader() => {
                let now = &mut self.servers[server];
                now.matched[to] = now.matched[to].max(last.1);
                now.next[to] = now.next[to].max(now.matched[to] + 1);
            }
            _ => {}
        }
    }

    fn takes_answer(&mut self, server: usize, to: usize, prev: u64, sent: u64, is_yes: bool) {
        let now = &mut self.servers[server];
        let last = now.saved.log.last_index();
        if !is_yes {
            if now.next[to] == prev + 1 && prev > now.matched[to] {
                now.next[to] = now.matched[to] + 1 + (prev - now.matched[to] - 1) / 2;
                self.sends_entries(server, to);
            }
            return;
        }
        let mut has = prev + sent;
        if has < last && self.slips(Slip::CountsUnsent) {
            has = last;
        }
        let now = &mut self.servers[server];
        now.matched[to] = now.matched[to].max(has);
        now.next[to] = now.next[to].max(has + 1);
        let mut all = now.matched.clone();
        all[server] = last;
        all.sort_unstable();
        let counted = all[all.len() - self.majority()];
        let now = &self.servers[server];
        let is_own = now.saved.log.term(counted) == Some(now.saved.term);
        let is_earlier = !is_own && counted > now.commit;
        if counted > now.commit && is_own || is_earlier && self.slips(Slip::CommitsOldTerm) {
            self.commits(server, counted);
        }
    }
}
