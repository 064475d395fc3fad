//! What a leader does (Figure 2, Leaders): it sends ahead, learns from replies, and commits.
//!
//! It has a [`Progress`] for each follower. While all goes well (`Pipeline`), entries are sent as they
//! come, each once, and none waits for the reply to those before it: `next_index` moves at sending. A
//! loss or a refusal moves it back, and one request must succeed (`Probe`) before the pipeline flows again.
//! What was sent before that is of an earlier *epoch*: it may still succeed, but its failure is no news.

use std::collections::BTreeMap;
use std::time::Duration;

use raftapi::Index;

use crate::bug::Bug;
use crate::message::{
    AppendEntriesArgs, AppendEntriesReply, Entry, HeartbeatArgs, InstallSnapshotArgs, Number,
    Reply, Request,
};
use crate::style::{Heartbeats, Losses};

use super::{Machine, Role, Sent, Taken};

/// How many requests with entries may be under way to one follower.
const WINDOW: usize = 16;

/// How many entries go into one of them.
const ENTRIES_AT_ONCE: usize = 200;

/// For how many heartbeats a snapshot may be under way before it is sent again.
const SNAPSHOT_PATIENCE: u32 = 5;

/// What a leader knows of a follower.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    next_index: Index,
    match_index: Index,
    mode: Mode,
    epoch: u64,
    /// Of this epoch: what is under way, up to which index it goes, and when it was sent.
    in_flight: BTreeMap<Number, (Index, Duration)>,
    /// Something was lost: nothing but heartbeats until the next of them is due.
    is_paused: bool,
    sent_at: Option<Duration>,
    heard_at: Duration,
    /// How much of what is committed it was told.
    told_commit: Index,
    /// The request that was sent last, until it is answered or lost.
    awaited: Option<Number>,
}

/// How much of the log some follower has.
pub(super) fn most_matched(progress: &[Progress]) -> Index {
    progress.iter().map(|known| known.match_index).max().unwrap_or(0)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Probe,
    Pipeline,
    /// It needs the snapshot.
    Snapshot,
}

impl Progress {
    pub(super) fn new(next_index: Index, now: Duration) -> Progress {
        Progress {
            next_index,
            match_index: 0,
            mode: Mode::Probe,
            epoch: 0,
            in_flight: BTreeMap::new(),
            is_paused: false,
            sent_at: None,
            heard_at: now,
            told_commit: 0,
            awaited: None,
        }
    }

    /// Goes back to `next_index`, from where one request has to succeed.
    fn go_back(&mut self, next_index: Index) {
        self.next_index = next_index;
        self.enter(Mode::Probe);
    }

    /// Something was lost: what was sent ahead is sent again.
    fn begin_again(&mut self, bug: Bug) {
        let is_ahead = self.mode == Mode::Pipeline && bug != Bug::NeverGoesBack;
        self.go_back(if is_ahead { self.match_index + 1 } else { self.next_index });
    }

    fn enter(&mut self, mode: Mode) {
        self.mode = mode;
        self.epoch += 1;
        self.in_flight.clear();
        self.is_paused = false;
    }

    /// Whether nothing is sent to it until it answers, as the bug wants.
    fn is_kept_waiting(&self, bug: Bug) -> bool {
        bug == Bug::WaitsForEachAnswer && self.awaited.is_some()
    }

    /// It has the leader's log up to `index`.
    fn matches(&mut self, index: Index) {
        self.match_index = self.match_index.max(index);
        self.next_index = self.next_index.max(self.match_index + 1);
        let matched = self.match_index;
        self.in_flight.retain(|_, (last, _)| *last > matched);
    }
}

impl Machine {
    fn progress(&mut self, server: usize) -> Option<&mut Progress> {
        match &mut self.role {
            Role::Leader(progress) => progress.get_mut(server),
            _ => None,
        }
    }

    fn heartbeat_interval(&self) -> Duration {
        Duration::from_millis(self.style.heartbeat_ms)
    }

    /// When a leader has to be called again.
    pub(super) fn leader_wakes_at(&self) -> Option<Duration> {
        let Role::Leader(progress) = &self.role else { return None };
        let others = self.others().map(|server| &progress[server]);
        let fed = others.filter(|known| !known.is_kept_waiting(self.bug));
        let sent = fed.filter_map(|known| known.sent_at).min();
        let due = sent.map(|at| at + self.heartbeat_interval());
        due.into_iter().chain(self.quorum_lapses_at()).min()
    }

    /// When a leader will have heard from no majority for the time of an election (thesis §6.2).
    fn quorum_lapses_at(&self) -> Option<Duration> {
        if self.bug == Bug::LeadsForEver {
            return None;
        }
        let Role::Leader(progress) = &self.role else { return None };
        let mut heard: Vec<Duration> =
            self.others().map(|server| progress[server].heard_at).collect();
        heard.sort_unstable_by(|a, b| b.cmp(a));
        // So many others make a majority with it.
        let others = self.servers / 2;
        let [_, most] = self.timeouts();
        heard.get(others.checked_sub(1)?).map(|&at| at + most)
    }

    /// Leaders 2: takes a command, if this server still leads the term in which it was promised a place.
    pub(super) fn take_command(&mut self, taken: Taken) {
        let Taken { term, index, command } = taken;
        if matches!(self.role, Role::Leader(_)) && term == self.saved.current_term {
            let next = self.saved.log.last_index() + 1;
            assert_eq!(index, next, "a command has another place than it was promised");
            self.push_entry(Entry { term, command });
        }
    }

    /// What a leader does at the end of each step.
    pub(super) fn lead_on(&mut self) {
        if self.quorum_lapses_at().is_some_and(|at| at <= self.now) {
            self.follow();
        }
        self.advance_commit_index();
        for server in self.others() {
            self.feed(server);
        }
        if self.bug == Bug::CountsWhatItSends {
            self.advance_commit_index();
        }
    }

    /// Leaders 4: what a majority has is committed, if it is of this term (§5.3, §5.4.2). The leader counts
    /// itself as far as its own disk is.
    fn advance_commit_index(&mut self) {
        let Role::Leader(progress) = &self.role else { return };
        let mut have: Vec<Index> = progress.iter().map(|known| known.match_index).collect();
        have[self.me] = self.safe_index;
        have.sort_unstable();
        let index = have[(have.len() - 1) / 2];
        let term = self.saved.log.term_at(index);
        let is_own = term == Some(self.saved.current_term) || self.bug == Bug::CommitsEarlierTerms;
        if index > self.commit_index && is_own {
            self.commit(index);
        }
    }

    /// Leaders 1 and 3: sends a follower what it may need now.
    fn feed(&mut self, server: usize) {
        let (now, interval) = (self.now, self.heartbeat_interval());
        let last_index = self.saved.log.last_index();
        let has_heartbeats = self.style.heartbeats == Heartbeats::OfTheirOwn;
        let commit_index = self.commit_index;
        let bug = self.bug;
        let Some(known) = self.progress(server) else { return };
        if known.is_kept_waiting(bug) {
            return;
        }
        let is_due = known.sent_at.is_none_or(|at| now >= at + interval);
        known.is_paused &= !is_due;
        if known.mode == Mode::Snapshot && is_due {
            let patience = interval * SNAPSHOT_PATIENCE;
            known.in_flight.retain(|_, (_, at)| now < *at + patience);
        }
        if known.mode != Mode::Pipeline && known.in_flight.is_empty() && !known.is_paused {
            self.send_next(server);
        }
        while let Some(known) = self.progress(server)
            && known.mode == Mode::Pipeline
            && known.next_index <= last_index
            && known.in_flight.len() < WINDOW
            && !known.is_kept_waiting(bug)
        {
            self.send_next(server);
        }
        let Some(known) = self.progress(server) else { return };
        if known.is_kept_waiting(bug) {
            return;
        }
        let is_due = known.sent_at.is_none_or(|at| now >= at + interval);
        let may_know =
            if has_heartbeats { commit_index.min(known.match_index) } else { commit_index };
        let has_news = known.mode == Mode::Pipeline && known.told_commit < may_know;
        if is_due && bug == Bug::ForgetsCalls {
            self.calls.retain(|_, sent| !matches!(sent, Sent::Append { .. }));
        }
        if is_due || has_news {
            self.assert_leadership(server);
        }
    }

    /// Sends the entries that come next, or the snapshot if they are gone.
    fn send_next(&mut self, server: usize) {
        let now = self.now;
        let Some(known) = self.progress(server) else { return };
        let (next_index, epoch) = (known.next_index, known.epoch);
        if self.saved.log.term_at(next_index - 1).is_none() {
            self.send_snapshot(server);
            return;
        }
        let entries = self.saved.log.from(next_index, ENTRIES_AT_ONCE).to_vec();
        let last = next_index - 1 + entries.len() as u64;
        let number = self.send_append(server, (next_index - 1, epoch), entries);
        let counts_it = self.bug == Bug::CountsWhatItSends;
        let Some(known) = self.progress(server) else { return };
        known.in_flight.insert(number, (last, now));
        if known.mode == Mode::Pipeline {
            known.next_index = last + 1;
        }
        if counts_it {
            known.match_index = known.match_index.max(last);
        }
    }

    fn send_append(
        &mut self,
        server: usize,
        (prev_log_index, epoch): (Index, u64),
        entries: Vec<Entry>,
    ) -> Number {
        let (term, leader_id, leader_commit) =
            (self.saved.current_term, self.me, self.commit_index);
        let prev_log_term = self.saved.log.term_at(prev_log_index).unwrap_or(0);
        let now = self.now;
        if let Some(known) = self.progress(server) {
            known.sent_at = Some(now);
            known.told_commit = leader_commit;
        }
        let sent = Sent::Append { prev_log_index, count: entries.len() as u64, epoch };
        let number = self.send(server, sent, |number| {
            Request::AppendEntries(AppendEntriesArgs {
                number,
                term,
                leader_id,
                prev_log_index,
                prev_log_term,
                entries,
                leader_commit,
            })
        });
        self.awaits(server, number)
    }

    /// Notes which request was sent to a server last.
    fn awaits(&mut self, server: usize, number: Number) -> Number {
        if let Some(known) = self.progress(server) {
            known.awaited = Some(number);
        }
        number
    }

    fn send_snapshot(&mut self, server: usize) {
        let (term, leader_id, now) = (self.saved.current_term, self.me, self.now);
        let last_included_index = self.saved.log.base_index();
        let last_included_term = self.saved.log.base_term();
        let data = self.snapshot.clone();
        let Some(known) = self.progress(server) else { return };
        known.enter(Mode::Snapshot);
        known.sent_at = Some(now);
        let sent = Sent::Snapshot { last_included_index, epoch: known.epoch };
        let number = self.send(server, sent, |number| {
            Request::InstallSnapshot(InstallSnapshotArgs {
                number,
                term,
                leader_id,
                last_included_index,
                last_included_term,
                data,
            })
        });
        self.awaits(server, number);
        if let Some(known) = self.progress(server) {
            known.in_flight.insert(number, (last_included_index, now));
        }
    }

    /// Leaders 1: says that it leads, and what is committed.
    fn assert_leadership(&mut self, server: usize) {
        match self.style.heartbeats {
            Heartbeats::Empty => self.send_empty(server),
            Heartbeats::OfTheirOwn => self.send_heartbeat(server),
        }
    }

    /// Sends no entries, at the end of all that was sent: if some of that was lost, this is refused.
    fn send_empty(&mut self, server: usize) {
        let (now, base_index) = (self.now, self.saved.log.base_index());
        let Some(known) = self.progress(server) else { return };
        let (prev_log_index, epoch) = ((known.next_index - 1).max(base_index), known.epoch);
        let number = self.send_append(server, (prev_log_index, epoch), Vec::new());
        if let Some(known) = self.progress(server)
            && known.mode == Mode::Probe
        {
            known.in_flight.insert(number, (prev_log_index, now));
        }
    }

    fn send_heartbeat(&mut self, server: usize) {
        let (term, leader_id, now) = (self.saved.current_term, self.me, self.now);
        let commit_index = self.commit_index;
        let Some(known) = self.progress(server) else { return };
        let leader_commit = commit_index.min(known.match_index);
        known.told_commit = leader_commit;
        known.sent_at = Some(now);
        let number = self.send(server, Sent::Heartbeat, |number| {
            Request::Heartbeat(HeartbeatArgs { number, term, leader_id, leader_commit })
        });
        self.awaits(server, number);
    }

    /// A reply has come, to whatever this server had sent.
    pub(super) fn take_reply(&mut self, reply: Reply) {
        let (number, from, term) = reply.head();
        self.observe(term);
        let now = self.now;
        if term == self.saved.current_term
            && let Some(known) = self.progress(from)
        {
            known.heard_at = now;
        }
        // What was asked in another role is answered in vain.
        if let Some(known) = self.progress(from) {
            known.awaited.take_if(|awaited| *awaited == number);
        }
        let Some(sent) = self.calls.remove(&number) else { return };
        match (sent, reply) {
            // Its voter may be in an earlier term.
            (Sent::Vote { .. }, Reply::PreVote(reply)) if reply.vote_granted => {
                self.count_vote(from)
            }
            _ if term != self.saved.current_term => {}
            (Sent::Vote { .. }, Reply::RequestVote(reply)) if reply.vote_granted => {
                self.count_vote(from)
            }
            (Sent::Vote { .. }, Reply::RequestVote(_)) if self.bug == Bug::GivesUpAtRefusal => {
                self.follow()
            }
            (Sent::Append { .. }, Reply::AppendEntries(reply)) => {
                self.take_appended(sent, &reply);
            }
            (Sent::Heartbeat, Reply::Heartbeat(_)) => self.look_for_losses(from),
            (Sent::Snapshot { last_included_index, epoch }, Reply::InstallSnapshot(_)) => {
                let Some(known) = self.progress(from) else { return };
                known.matches(last_included_index);
                if known.epoch == epoch {
                    known.next_index = known.match_index + 1;
                    known.enter(Mode::Pipeline);
                }
            }
            _ => {}
        }
    }

    /// A follower has taken entries, or has refused them.
    fn take_appended(&mut self, sent: Sent, reply: &AppendEntriesReply) {
        let Sent::Append { prev_log_index, count, epoch } = sent else { return };
        let base_index = self.saved.log.base_index();
        let bug = self.bug;
        let Some(known) = self.progress(reply.from) else { return };
        if reply.success {
            known.matches(match reply.retry_from {
                0 => prev_log_index + count,
                next => next - 1,
            });
            known.in_flight.remove(&reply.number);
            let needs_none = known.mode == Mode::Snapshot && known.match_index >= base_index;
            if needs_none || (known.mode == Mode::Probe && known.epoch == epoch) {
                known.next_index = known.match_index + 1;
                known.enter(Mode::Pipeline);
            }
            return;
        }
        // Its own snapshot is under way, or this is old news.
        if known.mode == Mode::Snapshot
            || known.epoch != epoch
            || prev_log_index <= known.match_index
        {
            return;
        }
        if bug == Bug::NeverGoesBack {
            known.enter(Mode::Probe);
            known.is_paused = true;
            return;
        }
        let next_index = reply.retry_from.clamp(known.match_index + 1, prev_log_index);
        known.go_back(next_index);
    }

    /// A follower has answered a heartbeat, which doesn't tell how far it is: what it should have answered
    /// long since was lost.
    fn look_for_losses(&mut self, server: usize) {
        let (now, interval, bug) = (self.now, self.heartbeat_interval(), self.bug);
        let last_index = self.saved.log.last_index();
        let Some(known) = self.progress(server) else { return };
        let is_late = known.in_flight.values().all(|(_, at)| now >= *at + interval);
        if known.mode != Mode::Snapshot && known.match_index < last_index && is_late {
            known.begin_again(bug);
        }
    }

    /// No reply will come.
    pub(super) fn take_loss(&mut self, number: Number) {
        let Some(sent) = self.calls.remove(&number) else { return };
        let tries_at_once = self.style.losses == Losses::AtOnce;
        if let Sent::Vote { voter } = sent {
            return if tries_at_once {
                self.ask(voter)
            };
        }
        let Role::Leader(all) = &mut self.role else { return };
        for known in all.iter_mut() {
            known.awaited.take_if(|awaited| *awaited == number);
        }
        let Some(known) = all.iter_mut().find(|known| known.in_flight.contains_key(&number)) else {
            return;
        };
        known.in_flight.remove(&number);
        let is_news = match sent {
            Sent::Append { prev_log_index, count, .. } => {
                prev_log_index + count > known.match_index
            }
            _ => true,
        };
        if is_news {
            if known.mode == Mode::Pipeline {
                known.begin_again(self.bug);
            }
            known.is_paused = !tries_at_once;
        }
    }
}
