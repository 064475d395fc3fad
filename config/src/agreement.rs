//! What the scripts ask of agreement: start a command, wait until it is applied, count.

use std::panic::Location;
use std::time::Duration;

use harness::caller;
use labrpc::{Reliability, Switch};
use raftapi::{Command, Index, Start, Term};
use report::text::named;
use report::{Accepted, Check, EventKind, FailureKind, NetworkChange};
use sim::context::Owner;
use tokio::time::sleep;

use crate::cluster::Config;
use crate::refusal::Refusal;
use crate::value::{Value, payload};

/// How long [`Config::one`] tries in all.
const ONE_LIMIT: Duration = Duration::from_secs(10);

/// How long it waits for what one leader has accepted.
const ONE_WAIT: Duration = Duration::from_secs(2);

/// How often it looks meanwhile.
const ONE_LOOK: Duration = Duration::from_millis(20);

/// How long it waits when nobody leads.
const ONE_NO_LEADER: Duration = Duration::from_millis(50);

/// How often [`Config::wait`] looks before it gives up.
const WAIT_ROUNDS: u32 = 30;

/// Its first wait; each is twice the one before, until they are longer than a second.
const WAIT_FIRST: Duration = Duration::from_millis(10);

/// Whether [`Config::one`] submits a command again if the leader that took it doesn't get it
/// agreed upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It doesn't: one leader must do.
    No,
    /// It does, until its time is over.
    Yes,
}

impl Config {
    /// Records that a server has accepted a command.
    fn note_proposal(&self, owner: Owner, start: Start, command: &Command) {
        let Start { index, term } = start;
        let (server, command) = (caller(owner), payload(command));
        self.t.record(EventKind::Proposed { server, index, term, command });
    }

    /// Asks server `i` to start agreement on `value`; `None` if it doesn't lead, or is crashed.
    ///
    /// Fails the run if the index doesn't go up within a term (safety).
    #[track_caller]
    pub fn start(&self, i: usize, value: impl Into<Value>) -> Option<Start> {
        self.start_at(Location::caller(), i, &value.into())
    }

    fn start_at(&self, here: &'static Location<'static>, i: usize, value: &Value) -> Option<Start> {
        let command = value.encode();
        let before = self.last_start(i);
        let start = self.call_raft(i, "start", |owner, raft| {
            let Some(start) = raft.start(command.clone()) else {
                self.recorder().refused(owner);
                return None;
            };
            self.recorder().accepted(owner);
            self.note_proposal(owner, start, &command);
            Some(start)
        })??;
        if let Err(Refusal { check, message }) = self.note_start(i, before, start) {
            self.t.fatal_at(here, (FailureKind::Safety, check), message);
        }
        Some(start)
    }

    /// How many servers have applied something at `index`, crashed ones included, and what it is.
    ///
    /// Fails the run with `committed values do not match: …` (safety).
    #[track_caller]
    pub fn n_committed(&self, index: Index) -> (usize, Option<Value>) {
        self.n_committed_at(Location::caller(), index)
    }

    fn n_committed_at(
        &self,
        here: &'static Location<'static>,
        index: Index,
    ) -> (usize, Option<Value>) {
        match self.with_logs(|logs| logs.n_committed(index)) {
            Ok((count, command)) => (count, command.as_ref().and_then(Value::decode)),
            Err(Refusal { check, message }) => {
                self.t.fatal_at(here, (FailureKind::Safety, check), message)
            }
        }
    }

    /// Waits until at least `n` servers have applied something at `index`, and returns it. `None` if
    /// some server's term has passed `start_term` meanwhile.
    ///
    /// Fails the run with `only … decided for index …; wanted …` (liveness) after some 31 s.
    #[track_caller]
    pub fn wait(
        &self,
        index: Index,
        n: usize,
        start_term: Option<Term>,
    ) -> impl Future<Output = Option<Value>> + Send {
        let here = Location::caller();
        async move {
            self.t.step("wait", here);
            let mut pause = WAIT_FIRST;
            for _ in 0..WAIT_ROUNDS {
                if self.n_committed_at(here, index).0 >= n {
                    break;
                }
                sleep(pause).await;
                if pause < Duration::from_secs(1) {
                    pause *= 2;
                }
                if let Some(start_term) = start_term {
                    let terms = (0..self.servers()).filter_map(|i| self.get_state(i));
                    if terms.into_iter().any(|(term, _)| term > start_term) {
                        return None;
                    }
                }
            }
            let (count, value) = self.n_committed_at(here, index);
            if count < n {
                let message = format!("only {count} decided for index {index}; wanted {n}");
                let message = format!("{message}\n{}", self.who_has(index));
                let accepted = Some(Accepted { index, term: start_term });
                let check = Check::Agreed { accepted };
                self.t.fatal_at(here, (FailureKind::Liveness, check), message);
            }
            value
        }
    }

    /// Gets `value` agreed upon by at least `expected` servers, and returns its index. Asks the
    /// servers in turn until one says that it leads, and waits up to 2 s for the rest.
    ///
    /// Fails the run with `one(…) failed to reach agreement` (liveness): after 2 s without
    /// [`Retry`], else after 10 s.
    #[track_caller]
    pub fn one(
        &self,
        value: impl Into<Value>,
        expected: usize,
        retry: Retry,
    ) -> impl Future<Output = Index> + Send {
        let (here, value) = (Location::caller(), value.into());
        async move {
            self.t.step("one", here);
            let begun = self.t.sim().now();
            let mut last_asked = 0;
            let mut last_try = None;
            while self.t.sim().now() - begun < ONE_LIMIT {
                let Some((leader, start)) = self.submit(here, &value, &mut last_asked) else {
                    sleep(ONE_NO_LEADER).await;
                    continue;
                };
                last_try = Some((leader, start));
                let submitted = self.t.sim().now();
                while self.t.sim().now() - submitted < ONE_WAIT {
                    let (count, committed) = self.n_committed_at(here, start.index);
                    if count > 0 && count >= expected && committed.as_ref() == Some(&value) {
                        return start.index;
                    }
                    sleep(ONE_LOOK).await;
                }
                if retry == Retry::No {
                    break;
                }
            }
            let why = self.why_no_agreement(last_try, expected);
            let message = format!("one({value}) failed to reach agreement\n{why}");
            let accepted =
                last_try.map(|(_, Start { index, term })| Accepted { index, term: Some(term) });
            let check = Check::Agreed { accepted };
            self.t.fatal_at(here, (FailureKind::Liveness, check), message)
        }
    }

    /// Where a leader has accepted `value`, by the latest answer of those who were asked to start agreement on
    /// it; `None` if none has.
    #[must_use]
    pub fn accepted(&self, value: impl Into<Value>) -> Option<Start> {
        let command = payload(&value.into().encode());
        self.t.history().events().iter().rev().find_map(|event| match &event.kind {
            EventKind::Proposed { index, term, command: proposed, .. }
                if proposed.bytes() == command.bytes() =>
            {
                Some(Start { index: *index, term: *term })
            }
            _ => None,
        })
    }

    /// Asks the connected servers in turn, after the one that was asked last, to start `value`.
    fn submit(
        &self,
        here: &'static Location<'static>,
        value: &Value,
        last_asked: &mut usize,
    ) -> Option<(usize, Start)> {
        let servers = self.servers();
        for _ in 0..servers {
            *last_asked = (*last_asked + 1) % servers;
            let i = *last_asked;
            if self.is_connected(i)
                && let Some(start) = self.start_at(here, i, value)
            {
                return Some((i, start));
            }
        }
        None
    }

    /// Why a command was not agreed upon: nobody took it, or the leader that did lost its
    /// leadership, or it leads and the command is in too few places.
    fn why_no_agreement(&self, last_try: Option<(usize, Start)>, expected: usize) -> String {
        let Some((leader, Start { index, term })) = last_try else {
            return "  command   nobody accepted it: no connected server reported itself as the leader"
                .to_owned();
        };
        let accepted = format!("server {leader} accepted it at index {index} in term {term}");
        let fate = match self.get_state(leader) {
            None => "and was crashed".to_owned(),
            Some((now, true)) if now == term => match expected {
                1 => "and still leads, but no server applied it".to_owned(),
                _ => format!("and still leads, but fewer than {expected} servers applied it"),
            },
            Some((now, _)) => format!("and then lost its leadership (term {now} now)"),
        };
        format!("  command   {accepted}, {fate}\n{}", self.who_has(index))
    }

    fn who_has(&self, index: Index) -> String {
        let has = self.with_logs(|logs| logs.who_has(index));
        let (having, lacking): (Vec<usize>, Vec<usize>) = (0..has.len()).partition(|&i| has[i]);
        let who = match (&having[..], &lacking[..]) {
            (_, []) => return format!("  index {index}: every server applied a command there"),
            ([], _) => "no server has applied it".to_owned(),
            (having, lacking) => {
                format!("applied by {}, not by {}", named(having), named(lacking))
            }
        };
        let cut_off: Vec<usize> = (0..has.len()).filter(|&i| !self.is_connected(i)).collect();
        let cut_off = match cut_off.len() {
            0 => String::new(),
            1 => format!(" ({} isn't connected)", named(&cut_off)),
            _ => format!(" ({} aren't connected)", named(&cut_off)),
        };
        format!("  index {index}: {who}{cut_off}")
    }

    /// Whether server `i` leads, by its own account; `false` if it is crashed.
    #[must_use]
    pub fn is_leader(&self, i: usize) -> bool {
        matches!(self.get_state(i), Some((_, true)))
    }

    /// How many RPCs have arrived at server `i` in its present life.
    ///
    /// # Panics
    /// If it is crashed.
    #[must_use]
    pub fn rpc_count(&self, i: usize) -> u64 {
        self.network().count(i).unwrap_or_else(|| panic!("server {i} is crashed"))
    }

    /// How many RPCs were sent, also those that came to nothing.
    #[must_use]
    pub fn rpc_total(&self) -> u64 {
        self.network().total_count()
    }

    /// How many bytes all requests and all delivered replies have.
    #[must_use]
    pub fn bytes_total(&self) -> u64 {
        self.network().total_bytes()
    }

    /// Switches loss and delay.
    pub fn set_reliability(&self, reliability: Reliability) {
        self.network().set_reliability(reliability);
        match reliability {
            Reliability::Reliable => {
                self.note_change(NetworkChange::Reliable, "the network is reliable");
            }
            Reliability::Unreliable => {
                self.note_change(NetworkChange::Unreliable, "the network is unreliable");
            }
        }
    }

    /// Switches whether two of three replies are late by up to 2.2 s.
    pub fn set_long_reordering(&self, long_reordering: Switch) {
        self.network().set_long_reordering(long_reordering);
        match long_reordering {
            Switch::On => self.note_change(NetworkChange::Reordered, "replies are reordered"),
            Switch::Off => {
                self.note_change(NetworkChange::NotReordered, "replies aren't reordered");
            }
        }
    }

    /// Draws a command for the script from the run's seed, as MIT's scripts do with `rand.Int()`.
    #[must_use]
    pub fn random_value(&self) -> Value {
        Value::Int(self.random_range(0..=u64::MAX >> 1))
    }

    /// Draws a string of `len` letters and digits.
    #[must_use]
    pub fn random_string(&self, len: usize) -> Value {
        const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
        let letter = |_| char::from(LETTERS[self.random_range(0..LETTERS.len())]);
        Value::Text((0..len).map(letter).collect())
    }
}
