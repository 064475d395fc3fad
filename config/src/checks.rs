//! The checkers: what must hold at a point of the script. MIT's messages, word for word.

use std::collections::BTreeMap;
use std::panic::Location;
use std::time::Duration;

use raftapi::Term;
use report::{Check, Demand, EventKind, FailureKind};
use tokio::time::sleep;

use crate::cluster::Config;

/// How often [`Config::check_one_leader`] looks before it gives up.
const LEADER_ROUNDS: u32 = 10;

/// How long it waits before each look, in ms (MIT: `450 + rand % 100`).
const LEADER_WAIT_MS: std::ops::Range<u64> = 450..550;

impl Config {
    /// Waits, for 4.5 to 5.5 s at most, until a connected server leads; returns it, the one with the
    /// highest term if there are several.
    ///
    /// Fails the run with `term … has … (>1) leaders` (safety), or with
    /// `expected one leader, got none` (liveness).
    #[track_caller]
    pub fn check_one_leader(&self) -> impl Future<Output = usize> + Send {
        let here = Location::caller();
        async move {
            self.t.step("check_one_leader", here);
            for round in 1..=LEADER_ROUNDS {
                sleep(Duration::from_millis(self.random_range(LEADER_WAIT_MS))).await;
                let mut leaders: BTreeMap<Term, Vec<usize>> = BTreeMap::new();
                for i in self.connected() {
                    if let Some((term, true)) = self.get_state(i) {
                        leaders.entry(term).or_default().push(i);
                    }
                }
                for (term, leaders) in &leaders {
                    if leaders.len() > 1 {
                        let message = format!("term {term} has {} (>1) leaders", leaders.len());
                        let demand = (FailureKind::Safety, Check::NoSecondLeader);
                        self.t.fatal_at(here, demand, message);
                    }
                }
                let leader = leaders.last_key_value().map(|(_, leaders)| leaders[0]);
                self.t.record(EventKind::Looked {
                    round,
                    rounds: LEADER_ROUNDS,
                    leader: leader.map(|leader| leader as u32),
                });
                if let Some(leader) = leader {
                    return leader;
                }
            }
            let demand = (FailureKind::Liveness, Check::OneLeader);
            self.t.fatal_at(here, demand, "expected one leader, got none")
        }
    }

    /// Checks that all connected servers are in one term, and returns it; `None` if none is
    /// connected.
    ///
    /// Fails the run with `servers disagree on term` (liveness).
    #[track_caller]
    pub fn check_terms(&self) -> Option<Term> {
        let here = Location::caller();
        self.t.step("check_terms", here);
        let mut agreed = None;
        for i in self.connected() {
            let Some((term, _)) = self.get_state(i) else { continue };
            if *agreed.get_or_insert(term) != term {
                let demand = (FailureKind::Liveness, Check::SameTerm);
                self.t.fatal_at(here, demand, "servers disagree on term");
            }
        }
        agreed
    }

    /// Checks that no connected server believes itself the leader.
    ///
    /// Fails the run with `expected no leader among connected servers, but … claims to be leader`
    /// (safety).
    #[track_caller]
    pub fn check_no_leader(&self) {
        let here = Location::caller();
        self.t.step("check_no_leader", here);
        for i in self.connected() {
            if let Some((_, true)) = self.get_state(i) {
                let message = format!(
                    "expected no leader among connected servers, but {i} claims to be leader"
                );
                self.t.fatal_at(here, (FailureKind::Safety, Check::NoSecondLeader), message);
            }
        }
    }

    /// Fails the run at the script's line, as [`T::fatal`](crate::T::fatal) does: with a [`FailureKind`], or
    /// with that and a [`Check`], by which explanations go.
    #[track_caller]
    pub fn fatal(&self, demand: impl Into<Demand>, message: impl Into<String>) -> ! {
        self.t.fatal_at(Location::caller(), demand, message)
    }

    /// Ends the run without a failure, because its scenario doesn't apply, as
    /// [`T::skip`](crate::T::skip) does.
    pub fn skip(&self, reason: impl Into<String>) -> ! {
        self.t.skip(reason)
    }

    /// Prints a warning with the test's output, as [`T::warn`](crate::T::warn) does.
    pub fn warn(&self, warning: impl Into<String>) {
        self.t.warn(warning);
    }

    /// Warns of what isn't as `check` has it, as [`T::suspect`](crate::T::suspect) does: if the run passes, the
    /// report says why that is.
    pub fn suspect(&self, check: Check, warning: impl Into<String>) {
        self.t.suspect(check, warning);
    }
}
