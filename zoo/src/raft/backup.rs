//! How a leader finds the place from which on a follower lacks its entries (§5.3).

use raftapi::Index;

use super::rpc::{AppendEntriesReply, Conflict};
use super::state::State;
use crate::bug::Bug;

impl State {
    /// A follower's log has another entry at `prev_log_index`, or none.
    pub(super) fn back_up(&mut self, server: usize, prev_log_index: Index, conflict: Conflict) {
        let follower = &mut self.followers[server];
        // Something newer is known by now.
        if prev_log_index + 1 != follower.next_index && self.bug != Bug::HeedsLateRefusals {
            return;
        }
        // Leaders: "If AppendEntries fails because of log inconsistency: decrement nextIndex and
        // retry" (§5.3), by a term at a time.
        let Conflict { x_term, x_index, x_len } = conflict;
        let next_index = match x_term {
            // The follower's log is too short.
            None if self.bug == Bug::BacksUpToZero => x_len,
            None => x_len + 1,
            Some(x_term) if self.bug == Bug::BacksUpToTermsFirst => {
                self.log.first_of_term(x_term).unwrap_or(x_index)
            }
            Some(x_term) => match self.log.last_of_term(x_term, prev_log_index) {
                // Up to there the logs may be the same.
                Some(last) => last + 1,
                // No entry of that term is this leader's.
                None => x_index,
            },
        };
        follower.next_index = match self.bug {
            Bug::BacksUpToZero => next_index,
            Bug::KeepsMatchIndexes | Bug::BeginsMatchAtEnd => next_index.max(1),
            _ => next_index.max(follower.match_index + 1),
        };
    }

    /// How [`Bug::TrustsTheirLength`] backs up: whatever was refused, and when.
    pub(super) fn trust_length(&mut self, server: usize, reply: Option<AppendEntriesReply>) {
        let Some(reply) = reply.filter(|reply| !reply.success) else { return };
        let (prev_log_index, conflict) = (self.followers[server].next_index - 1, reply.conflict);
        match conflict.x_term {
            None => self.followers[server].next_index = conflict.x_len + 1,
            Some(_) => self.back_up(server, prev_log_index, conflict),
        }
    }
}
