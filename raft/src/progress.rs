//! What a leader knows of one follower's log (Figure 2, "Volatile state on leaders").

use raftapi::Index;

/// How far a follower is, as its leader knows it.
///
/// `match_index < next_index` always holds: nothing is sent again that the follower is known to have.
/// While the leader leads, `match_index` never decreases: a follower deletes nothing that agrees with
/// its leader's log (§5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    next_index: Index,
    match_index: Index,
}

impl Progress {
    /// What a leader assumes at its election: the follower lacks nothing, and has confirmed nothing.
    pub(crate) fn new(last_index: Index) -> Progress {
        Progress { next_index: last_index + 1, match_index: 0 }
    }

    /// The next entry to send.
    pub(crate) fn next_index(&self) -> Index {
        self.next_index
    }

    /// The highest entry that the follower is known to have.
    pub(crate) fn match_index(&self) -> Index {
        self.match_index
    }

    /// The follower has confirmed all entries up to `index`. An old answer changes nothing.
    pub(crate) fn acknowledged(&mut self, index: Index) {
        self.match_index = self.match_index.max(index);
        self.next_index = self.next_index.max(self.match_index + 1);
    }

    /// The follower has refused a request because of the entry before it, at `prev_log_index`; its log
    /// may agree up to before `retry_at`. Returns whether the next entry to send moved back: an answer to
    /// an old request moves nothing.
    pub(crate) fn refused(&mut self, prev_log_index: Index, retry_at: Index) -> bool {
        if prev_log_index + 1 != self.next_index || prev_log_index <= self.match_index {
            return false;
        }
        self.next_index = retry_at.clamp(self.match_index + 1, prev_log_index);
        true
    }
}
