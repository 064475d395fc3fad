//! What a follower makes of a leader's entries and heartbeats (Figure 2, AppendEntries).

use std::sync::Arc;
use std::time::Duration;

use raftapi::Index;
use tokio::time::sleep;

use super::Raft;
use super::log::Changed;
use super::rpc::{AppendEntriesArgs, AppendEntriesReply, Conflict};
use super::state::State;
use crate::bug::Bug;

/// How often [`Bug::AnswersOnceApplied`] looks whether it may answer.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

impl Raft {
    pub(super) async fn append_entries(
        self: Arc<Self>,
        args: AppendEntriesArgs,
    ) -> AppendEntriesReply {
        let _lock = self.lock_handler().await;
        let last_new = args.prev_log_index + args.entries.len() as Index;
        let had = self.look_at_entries(&args).await;
        let reply = self.accept_entries(args, had);
        self.sync().await;
        if reply.success && self.bug == Bug::AnswersOnceApplied {
            while self.state().last_applied < last_new {
                sleep(LOOK_INTERVAL).await;
            }
        }
        reply
    }

    /// `had` is what [`Bug::AppendsInTwoSteps`] saw when the request came.
    fn accept_entries(&self, args: AppendEntriesArgs, had: Option<usize>) -> AppendEntriesReply {
        let mut state = self.state();
        let their_term = args.term;
        self.observe_term(&mut state, args.term);
        let refused = |state: &State, conflict| AppendEntriesReply {
            term: match self.bug {
                Bug::RefusesWithoutTerm => 0,
                Bug::RefusesInTheirTerm => their_term,
                _ => state.current_term,
            },
            success: false,
            conflict,
        };
        if self.bug == Bug::CommitsBeforeItLooks {
            let last_index = state.log.last_index();
            self.commit(&mut state, args.leader_commit.min(last_index));
        }
        // AppendEntries 1: "Reply false if term < currentTerm" (§5.1).
        if args.term < state.current_term && self.bug != Bug::AcceptsEntriesOfOldTerms {
            if matches!(self.bug, Bug::HeedsFormerLeaders | Bug::RestartsTimerForOldLeaders) {
                state.reset_election_timer();
            }
            return refused(&state, Conflict::default());
        }
        self.hear_from_leader(&mut state);
        // AppendEntries 2: "Reply false if log doesn't contain an entry at prevLogIndex whose term
        // matches prevLogTerm" (§5.3).
        let is_consistent = match self.bug {
            Bug::SkipsCheckForHeartbeats if args.entries.is_empty() => true,
            Bug::SkipsConsistencyCheck if args.prev_log_index <= state.log.last_index() => true,
            _ => state.log.matches(args.prev_log_index, args.prev_log_term),
        };
        if args.prev_log_index < state.log.snapshot_index()
            && let Some(conflict) = self.stumbles(&state, args.prev_log_index)
        {
            return refused(&state, conflict);
        }
        if !is_consistent {
            if self.bug == Bug::CommitsWhatItRefuses {
                let last_new = args.prev_log_index + args.entries.len() as Index;
                self.commit(&mut state, args.leader_commit.min(last_new));
            }
            return refused(&state, state.log.conflict(args.prev_log_index));
        }
        self.agree_with_leader(&mut state);
        // AppendEntries 3 and 4 (§5.3).
        let last_new = args.prev_log_index + args.entries.len() as Index;
        let is_heartbeat = args.entries.is_empty();
        let changed = match self.bug {
            Bug::AppendsInTwoSteps if had.is_some() => {
                state.log.append(args.entries.into_iter().skip(had.unwrap_or(0)))
            }
            Bug::KeepsConflictingSuffix => state.log.overwrite(args.prev_log_index, args.entries),
            Bug::ShiftsEntriesBehindSnapshot => {
                let prev_log_index = args.prev_log_index.max(state.log.snapshot_index());
                state.log.merge(prev_log_index, args.entries)
            }
            _ => state.log.merge(args.prev_log_index, args.entries),
        };
        if changed == Changed::Yes && self.bug != Bug::NeverSavesTheirEntries {
            self.persist(&mut state);
        }
        let truncates = match self.bug {
            Bug::TruncatesAlways => true,
            Bug::TruncatesWithEntries => !is_heartbeat,
            _ => false,
        };
        if truncates {
            state.log.end_with(last_new);
            self.persist(&mut state);
        }
        // AppendEntries 5: "If leaderCommit > commitIndex, set commitIndex = min(leaderCommit,
        // index of last new entry)" (§5.3). What follows that entry may not be the leader's.
        match self.bug {
            Bug::CommitsOnlyWithEntries if is_heartbeat => {}
            Bug::CommitsBeyondNewEntries | Bug::CommitsWhatHeartbeatsTell => {
                self.commit(&mut state, args.leader_commit);
            }
            Bug::CommitsWhatItHas => {
                let last_index = state.log.last_index();
                self.commit(&mut state, args.leader_commit.min(last_index));
            }
            _ => self.commit(&mut state, args.leader_commit.min(last_new)),
        }
        AppendEntriesReply {
            term: state.current_term,
            success: true,
            conflict: match self.bug {
                Bug::CountsTheirLength => {
                    Conflict { x_len: state.log.last_index(), ..Conflict::default() }
                }
                _ => Conflict::default(),
            },
        }
    }
}
