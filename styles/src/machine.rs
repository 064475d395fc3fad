//! The state machine of one server: from inputs to outputs, with no clock, no network, no disk and no
//! waiting of its own.
//!
//! [`Machine::step`] takes all that has come since the last step and what time it is, and says what is to
//! be done. What it says is in order; whatever promises something stands behind the [`Output::Write`] that
//! it rests on, and the actor lets it go when that is safe.

mod election;
mod follower;
mod leader;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use raftapi::{ApplyMsg, Command, Index, Term};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tracing::debug;

use crate::bug::Bug;
use crate::log::Log;
use crate::message::{Entry, Number, Reply, Request};
use crate::saved::Saved;
use crate::style::{Disk, HigherTerms, Style};

use leader::{Progress, most_matched};

/// Something that has happened.
#[derive(Debug)]
pub(crate) enum Input {
    /// Another server asks; the reply goes where the ticket says.
    Request { ticket: u64, request: Request },
    /// Another server replies.
    Reply(Reply),
    /// No reply will come to this request.
    Lost(Number),
    /// `start` has taken a command.
    Command(Taken),
    /// The service has made a snapshot of all up to `index`.
    Snapshot { index: Index, snapshot: Bytes },
    /// All writes up to this one are safe.
    Synced { write: u64 },
}

/// A command, and the place that it was promised: it gets it if the server still leads that term.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) term: Term,
    pub(crate) index: Index,
    pub(crate) command: Command,
}

/// Something to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Write this to the disk. Writes are numbered from 1.
    Write { write: u64, state: Bytes, snapshot: Bytes },
    /// Let the tester see this.
    Show { view: View, when: When },
    /// Send a request.
    Send { to: usize, request: Request, when: When },
    /// Answer a request.
    Reply { ticket: u64, to: usize, reply: Reply },
    /// Hand this to the service.
    Apply(ApplyMsg),
}

/// When an output may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// When all is safe that was written before it.
    Safe,
    /// At once.
    Now,
}

impl Output {
    pub(crate) fn when(&self) -> When {
        match self {
            Output::Write { .. } => When::Now,
            Output::Show { when, .. } | Output::Send { when, .. } => *when,
            Output::Reply { .. } | Output::Apply(_) => When::Safe,
        }
    }
}

/// What the tester may know of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) term: Term,
    pub(crate) leads: bool,
    /// Of a leader: the index of the next command that it takes. The machine says it once, when the server
    /// is elected; whoever takes commands counts on from there.
    pub(crate) next_index: Index,
}

/// A server's role, and what it needs in it (§5.1).
#[derive(Debug)]
enum Role {
    Follower,
    /// Asks whether it would get votes; those that it would get.
    PreCandidate(BTreeSet<usize>),
    /// Its votes.
    Candidate(BTreeSet<usize>),
    /// What it knows of each server.
    Leader(Vec<Progress>),
}

/// What a request was for that may still be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    Vote {
        voter: usize,
    },
    /// Entries, or none: from where, how many, and in which of the follower's epochs.
    Append {
        prev_log_index: Index,
        count: u64,
        epoch: u64,
    },
    Heartbeat,
    Snapshot {
        last_included_index: Index,
        epoch: u64,
    },
}

/// One server.
#[derive(Debug)]
pub(crate) struct Machine {
    me: usize,
    servers: usize,
    style: Style,
    bug: Bug,
    rng: StdRng,
    /// The time of this step, since the server was made.
    now: Duration,

    saved: Saved,
    snapshot: Bytes,
    /// Whether what is to be saved has changed in this step.
    is_changed: bool,
    /// How many writes there were.
    writes: u64,
    /// For each write that isn't safe yet: how far the log went.
    unsafe_ends: VecDeque<(u64, Index)>,
    /// How much of the log is safe.
    safe_index: Index,
    /// How much of the log the last write had.
    written_index: Index,

    role: Role,
    commit_index: Index,
    /// How much of what is committed the service was handed.
    handed_index: Index,
    /// When a leader was heard of last.
    heard_leader_at: Option<Duration>,
    /// When the election timer fires.
    election_at: Duration,
    /// Of a ticker that polls: whether it has heard something since it looked.
    has_heard: bool,
    /// The requests of the present role that may still be answered.
    calls: BTreeMap<Number, Sent>,
    last_number: Number,
    shown: View,
    outputs: Vec<Output>,
}

impl Machine {
    /// Server `me` of a cluster, with what it had saved.
    pub(crate) fn new(
        (me, servers): (usize, usize),
        (style, bug): (Style, Bug),
        (saved, snapshot): (Saved, Bytes),
        seed: u64,
    ) -> Machine {
        let (base_index, last_index) = (saved.log.base_index(), saved.log.last_index());
        let shown = View { term: saved.current_term, ..View::default() };
        let mut machine = Machine {
            me,
            servers,
            style,
            bug,
            rng: StdRng::seed_from_u64(seed),
            now: Duration::ZERO,
            saved,
            snapshot,
            is_changed: false,
            writes: 0,
            unsafe_ends: VecDeque::new(),
            safe_index: last_index,
            written_index: last_index,
            role: Role::Follower,
            // The service has restored the snapshot by itself; of nothing else it is known.
            commit_index: base_index,
            handed_index: base_index,
            heard_leader_at: None,
            election_at: Duration::ZERO,
            has_heard: false,
            calls: BTreeMap::new(),
            // A late answer to a request of an earlier life must not be taken for one to a request of this life.
            last_number: seed >> 40,
            shown,
            outputs: Vec::new(),
        };
        machine.election_at = machine.draw_timeout();
        machine
    }

    /// What the tester may know of it before its first step.
    pub(crate) fn shown(&self) -> View {
        self.shown
    }

    /// When it wants to be called again, though nothing has come.
    pub(crate) fn wakes_at(&self) -> Duration {
        self.leader_wakes_at().map_or(self.election_at, |at| at.min(self.election_at))
    }

    /// Takes what has come by `now`, and says what is to be done.
    pub(crate) fn step(
        &mut self,
        now: Duration,
        inputs: impl IntoIterator<Item = Input>,
    ) -> Vec<Output> {
        self.now = now;
        for input in inputs {
            match input {
                Input::Request { ticket, request } => self.answer(ticket, request),
                Input::Reply(reply) => self.take_reply(reply),
                Input::Lost(number) => self.take_loss(number),
                Input::Command(taken) => self.take_command(taken),
                Input::Snapshot { index, snapshot } => self.take_snapshot(index, snapshot),
                Input::Synced { write } => self.take_synced(write),
            }
        }
        self.look_at_timer();
        self.lead_on();
        let outputs = std::mem::take(&mut self.outputs);
        let mut first = Vec::with_capacity(outputs.len() + 2);
        first.extend(self.write());
        first.extend(self.show());
        first.extend(outputs);
        first
    }

    /// What is to be written, if anything has changed.
    fn write(&mut self) -> Option<Output> {
        let (log, last) = (&self.saved.log, self.last_to_write());
        let follower_has_more = self.style.disk == Disk::Last && last > self.written_index;
        if !std::mem::take(&mut self.is_changed) && !follower_has_more {
            return None;
        }
        self.writes += 1;
        self.written_index = last;
        self.unsafe_ends.push_back((self.writes, last));
        let state = match self.bug {
            Bug::SavesNoEntries => {
                let log = Log::behind(log.base_index(), log.base_term());
                labgob::encode(&Saved { log, ..self.saved })
            }
            Bug::SavesNoVote => labgob::encode(&Saved { voted_for: None, ..self.saved.clone() }),
            _ if last < log.last_index() => {
                labgob::encode(&Saved { log: log.up_to(last), ..self.saved })
            }
            _ => labgob::encode(&self.saved),
        };
        Some(Output::Write { write: self.writes, state, snapshot: self.snapshot.clone() })
    }

    /// How much of the log the next write has.
    fn last_to_write(&self) -> Index {
        match (self.style.disk, &self.role) {
            (Disk::Last, Role::Leader(progress)) => self.written_index.max(most_matched(progress)),
            // Its last word as a leader may be in memory only, until it answers another leader.
            (Disk::Last, _) if !self.is_changed => self.written_index,
            _ => self.saved.log.last_index(),
        }
    }

    /// What the tester is to see, if that has changed. A term is a promise, a role isn't.
    fn show(&mut self) -> Option<Output> {
        let leads = matches!(self.role, Role::Leader(_));
        let View { term, .. } = self.shown;
        if (term, self.shown.leads) == (self.saved.current_term, leads) {
            return None;
        }
        let when = if term == self.saved.current_term { When::Now } else { When::Safe };
        let next_index = self.saved.log.last_index() + 1;
        self.shown = View { term: self.saved.current_term, leads, next_index };
        Some(Output::Show { view: self.shown, when })
    }

    fn take_synced(&mut self, write: u64) {
        while let Some(&(number, end)) = self.unsafe_ends.front()
            && number <= write
        {
            self.safe_index = end;
            self.unsafe_ends.pop_front();
        }
    }

    /// The service has made a snapshot: the log's beginning may go (§7).
    fn take_snapshot(&mut self, index: Index, snapshot: Bytes) {
        let log = &mut self.saved.log;
        // One that is older than what is there, or of what this server doesn't know, changes nothing.
        if index <= log.base_index() || index > self.commit_index {
            return;
        }
        log.forget_up_to(index);
        self.snapshot = snapshot;
        self.is_changed = true;
    }

    /// All servers, rule 2: adopts a higher term (§5.1).
    fn observe(&mut self, term: Term) {
        if term > self.saved.current_term {
            debug!(me = self.me, term, was = self.saved.current_term, "sees a higher term");
            self.saved.current_term = term;
            self.saved.voted_for = None;
            self.is_changed = true;
            self.follow();
            if self.style.higher_terms == HigherTerms::RestartTimer {
                self.restart_timer();
            }
        }
    }

    /// Becomes a follower, in the same term.
    fn follow(&mut self) {
        if let Role::Leader(_) = self.role {
            if self.bug == Bug::LeadsForEver {
                return;
            }
            self.election_at = self.now + self.draw_timeout();
        }
        self.role = Role::Follower;
        self.calls.clear();
    }

    /// All servers, rule 1: more is committed, and goes to the service (§5.3).
    fn commit(&mut self, index: Index) {
        self.commit_index = self.commit_index.max(index);
        let entries = self.saved.log.from(self.handed_index + 1, usize::MAX);
        let count = (self.commit_index - self.handed_index) as usize;
        for (index, entry) in (self.handed_index + 1..).zip(entries.iter().take(count)) {
            let command = entry.command.clone();
            self.outputs.push(Output::Apply(ApplyMsg::Command { index, command }));
        }
        self.handed_index = self.commit_index;
    }

    /// Deletes the entry at `index` and all that follow it.
    fn cut_log(&mut self, index: Index) {
        self.saved.log.cut_from(index);
        self.limit_safe_index(index - 1);
    }

    /// What was written beyond `last` is in the log no more.
    fn limit_safe_index(&mut self, last: Index) {
        self.safe_index = self.safe_index.min(last);
        self.written_index = self.written_index.min(last);
        for (_, end) in &mut self.unsafe_ends {
            *end = (*end).min(last);
        }
    }

    fn push_entry(&mut self, entry: Entry) {
        self.saved.log.push(entry);
        self.is_changed = true;
    }

    /// Sends what `request` makes of a number that no other request has.
    fn send(&mut self, to: usize, sent: Sent, request: impl FnOnce(Number) -> Request) -> Number {
        self.last_number += 1;
        let number = self.last_number;
        self.calls.insert(number, sent);
        let request = request(number);
        let is_append = matches!(request, Request::AppendEntries(_));
        let when = match self.style.disk {
            Disk::InParallel | Disk::Last if is_append => When::Now,
            _ => When::Safe,
        };
        self.outputs.push(Output::Send { to, request, when });
        number
    }

    fn others(&self) -> impl Iterator<Item = usize> + use<> {
        let me = self.me;
        (0..self.servers).filter(move |&server| server != me)
    }

    fn is_majority(&self, servers: usize) -> bool {
        servers * 2 > self.servers
    }

    fn draw_timeout(&mut self) -> Duration {
        Duration::from_millis(self.rng.random_range(self.style.timer.range()))
    }

    /// The least and the most that a server waits before it starts an election.
    fn timeouts(&self) -> [Duration; 2] {
        let range = self.style.timer.range();
        [range.start, range.end].map(Duration::from_millis)
    }
}
