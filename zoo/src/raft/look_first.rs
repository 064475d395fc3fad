//! Handlers that look, wait, and act on what they saw: meanwhile another request may have changed it.

use std::time::Duration;

use raftapi::Index;
use tokio::time::sleep;

use super::Raft;
use super::rpc::{AppendEntriesArgs, RequestVoteArgs};
use crate::bug::Bug;

/// How long they wait.
const BETWEEN: Duration = Duration::from_millis(2);

impl Raft {
    /// Whether a candidate's vote is free, as [`Bug::VotesInTwoSteps`] sees it; nobody else looks.
    pub(super) async fn look_at_vote(&self, args: &RequestVoteArgs) -> bool {
        if self.bug != Bug::VotesInTwoSteps {
            return false;
        }
        let is_free = {
            let state = self.state();
            let is_own = |server| server == args.candidate_id;
            args.term > state.current_term || state.voted_for.is_none_or(is_own)
        };
        sleep(BETWEEN).await;
        is_free
    }

    /// How many of these entries the log has, if it ends with them or they follow its end, as
    /// [`Bug::AppendsInTwoSteps`] sees it; nobody else looks.
    pub(super) async fn look_at_entries(&self, args: &AppendEntriesArgs) -> Option<usize> {
        if self.bug != Bug::AppendsInTwoSteps {
            return None;
        }
        let had = {
            let log = &self.state().log;
            let indexes = (args.prev_log_index + 1..).zip(&args.entries);
            let had = indexes.take_while(|(index, entry)| log.term(*index) == Some(entry.term));
            let had = had.count();
            let ends = args.prev_log_index + had as Index == log.last_index();
            ends.then_some(had)
        };
        sleep(BETWEEN).await;
        had
    }
}
