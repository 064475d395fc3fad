//! What the failed checks of these histories demand: each stands for a sentence of the tester's.

use report::FailureKind::{Budget, Liveness, Safety, Stuck};
use report::{Accepted, Check, FailureKind};

/// What sort of promise is broken, and what was demanded.
pub(crate) type Demanded = (FailureKind, Check);

/// "apply error: commit index=1 server=2 100 != server=1 200"
pub(crate) const TWO_COMMANDS: Demanded =
    (Safety, Check::SameCommand { index: 1, servers: Vec::new() });

/// "term 1 has 2 (>1) leaders"
pub(crate) const TWO_LEADERS: Demanded = (Safety, Check::NoSecondLeader);

/// "expected one leader, got none"
pub(crate) const NO_LEADER: Demanded = (Liveness, Check::OneLeader);

/// "one(100) failed to reach agreement": a leader has accepted it at index 1 in term 1.
pub(crate) const ACCEPTED: Demanded =
    (Liveness, Check::Agreed { accepted: Some(Accepted { index: 1, term: Some(1) }) });

/// "one(100) failed to reach agreement": nobody accepted it.
pub(crate) const NOBODY: Demanded = (Liveness, Check::Agreed { accepted: None });

/// "servers disagree on term"
pub(crate) const TERMS: Demanded = (Liveness, Check::SameTerm);

/// "server 0 led term 1 and has lost its leadership, by term 2, though nothing failed"
pub(crate) const LEADERSHIP: Demanded = (Liveness, Check::LeaderStays { server: 0 });

/// "Log size too large"
pub(crate) const LOG_SIZE: Demanded = (Budget, Check::LogCut { server: None });

/// "too many RPCs (99)"
pub(crate) const CALLS: Demanded = (Budget, Check::Budget { of: report::Budget::Calls });

/// "too many RPC bytes"
pub(crate) const BYTES: Demanded = (Budget, Check::Budget { of: report::Budget::Bytes });

/// "test took longer than 120 seconds"
pub(crate) const TIME: Demanded = (Stuck, Check::InTime);

/// "apply error: server 1 apply out of order, expected index 1, got 2"
pub(crate) const ORDER: Demanded =
    (Safety, Check::InOrder { server: 1, index: 2, expected: Some(1) });

/// "server 0 was told of term 7 by a reply to AppendEntries, and isn't a follower in it"
pub(crate) const TERM_ADOPTED: Demanded = (Safety, Check::TermAdopted { server: 0 });
