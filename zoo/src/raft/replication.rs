//! The log's way to the followers (§5.3): what a leader sends and when, and when an entry is committed.

use std::sync::Arc;
use std::time::Duration;

use raftapi::{Command, Index, Role, Start};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, timeout, timeout_at};

use super::Raft;
use super::log::Entry;
use super::rpc::{AppendEntriesArgs, AppendEntriesReply, InstallSnapshotArgs};
use super::state::State;
use crate::bug::Bug;

/// How often a leader lets each follower hear of it. The lab allows some ten a second.
const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(100);

/// How many loops of heartbeats there are at most beside the first, where a bug starts more and more: so
/// many are too many already.
const MOST_LOOPS: usize = 16;

/// How long [`Bug::TakesNothingAtFirst`] takes no command after its election.
const FIRST: Duration = Duration::from_millis(700);

/// How long [`Bug::GivesUpCallsSoon`] waits for a reply.
const PATIENCE: Duration = Duration::from_millis(50);

impl Raft {
    /// Takes a command if this server leads.
    pub(super) fn append(&self, command: Command) -> Option<Start> {
        let mut state = self.state();
        if state.role != Role::Leader {
            return None;
        }
        match self.bug {
            Bug::TakesOneAtATime if state.commit_index < state.log.last_index() => return None,
            Bug::RefusesBetweenReplies if !state.has_recent_reply(Instant::now()) => return None,
            Bug::TakesNothingAtFirst
                if state.led.is_some_and(|led| Instant::now() < led.since + FIRST) =>
            {
                return None;
            }
            Bug::HeartbeatsPerCommand => state.loops += 1,
            _ => {}
        }
        // Leaders: "If command received from client: append entry to local log" (§5.3).
        let term = state.current_term;
        let index = match self.bug {
            Bug::CountsFromZero => state.log.last_index(),
            Bug::ReportsCommitIndex => state.commit_index + 1,
            _ => state.log.last_index() + 1,
        };
        let more = match self.bug {
            Bug::AppendsTwice => 1,
            Bug::AppendsOncePerServer => self.peers.len() - 1,
            _ => 0,
        };
        for _ in 0..more {
            state.log.push(Entry { term, command: command.clone() });
        }
        state.log.push(Entry { term, command });
        if self.bug != Bug::NeverSavesOwnCommands {
            self.persist_at_once(&mut state);
        }
        // Who is alone has its majority already.
        self.advance_commit(&mut state);
        if self.bug == Bug::CommitsAtOnce {
            let last_index = state.log.last_index();
            self.commit(&mut state, last_index);
        }
        self.news.notify_one();
        Some(Start { index, term })
    }

    /// What two bugs append as soon as they lead, though no client has asked for it.
    pub(super) fn propose_unasked(&self, state: &mut State) {
        let commands = match self.bug {
            Bug::AppendsNoOp => vec![Command::new()],
            Bug::ProposesAgain => {
                let uncommitted = state.log.since(state.commit_index + 1);
                uncommitted.into_iter().map(|entry| entry.command).collect()
            }
            _ => return,
        };
        let term = state.current_term;
        for command in commands {
            state.log.push(Entry { term, command });
        }
        self.persist(state);
    }

    // ---- Leaders: sending ----

    pub(super) fn heartbeat_interval(&self) -> Duration {
        match self.bug {
            Bug::HeartbeatsTooOften => HEARTBEAT_INTERVAL / 5,
            Bug::HeartbeatsTooSeldom => HEARTBEAT_INTERVAL * 10,
            Bug::TicksAndBlocksOnVotes => HEARTBEAT_INTERVAL * 3 / 2,
            _ => HEARTBEAT_INTERVAL,
        }
    }

    /// Whether a leader has something to send to a follower.
    pub(super) fn is_due(&self, state: &State, server: usize, now: Instant) -> bool {
        let follower = &state.followers[server];
        let has_news = follower.next_index <= state.log.last_index()
            || follower.told_commit < state.commit_index
            || self.bug == Bug::SendsWithoutPause;
        let may_send = match self.bug {
            Bug::ReplicatesByHeartbeat => false,
            Bug::SendsAtEachStart => true,
            _ => !follower.is_awaited,
        };
        if self.waits_for_reply(follower) {
            return false;
        }
        // Leaders: "repeat during idle periods to prevent election timeouts" (§5.2).
        now >= follower.heartbeat_at || (has_news && may_send)
    }

    /// Whether a heartbeat, too, is under way until it is answered: for one bug that is all, and two
    /// would send more and more of them.
    fn awaits_heartbeats(&self) -> bool {
        matches!(
            self.bug,
            Bug::WaitsForEachReply | Bug::SendsWithoutPause | Bug::NeverNotesWhatItTold
        )
    }

    /// Sends, whenever there is news or it is time for a heartbeat, for as long as this server
    /// lives. It is one task for all its terms: a notice can't go to one that is about to end.
    pub(super) async fn replicator(self: Arc<Self>) {
        loop {
            if self.bug == Bug::SendsInTurn {
                self.send_in_turn().await;
            }
            let heartbeat_at = self.send_what_is_due();
            // What came up since then has left its notice, which ends this wait at once.
            let news = self.news.notified();
            match heartbeat_at {
                // An error means that it is time.
                Some(heartbeat_at) => _ = timeout_at(heartbeat_at, news).await,
                None => news.await,
            }
        }
    }

    /// Returns when the next heartbeat will be due; `None` if this server doesn't lead.
    fn send_what_is_due(self: &Arc<Self>) -> Option<Instant> {
        let mut state = self.state();
        let now = Instant::now();
        let sends_on = self.bug == Bug::SendsOnWhenDeposed && state.led.is_some();
        if state.has_stopped && state.role == Role::Leader {
            return None;
        }
        if state.role != Role::Leader && !sends_on {
            let term = state.led.filter(|_| self.bug == Bug::HeedsFormerLeaders)?.term;
            return Some(self.send_as_before(term, now));
        }
        // In whatever order the map has them.
        for server in state.followers.servers() {
            if !self.is_due(&state, server, now) {
                continue;
            }
            let times = match self.bug {
                Bug::SendsInTurn => 0,
                Bug::SendsTwice => 2,
                Bug::HeartbeatsPerCommand | Bug::HeartbeatsPerElection
                    if now >= state.followers[server].heartbeat_at =>
                {
                    1 + state.loops.min(MOST_LOOPS)
                }
                Bug::CommitsWhatHeartbeatsTell | Bug::CommitsWhatItHas => {
                    1 + usize::from(self.follows_heartbeat(&state, server, now))
                }
                Bug::SendsHeartbeatsFourTimes if now >= state.followers[server].heartbeat_at => 4,
                _ => 1,
            };
            for _ in 0..times {
                self.send(&mut state, server, now);
            }
        }
        let followers = state.followers.all().filter(|follower| !self.waits_for_reply(follower));
        followers.map(|follower| follower.heartbeat_at).min()
    }

    pub(super) fn send(
        self: &Arc<Self>,
        state: &mut State,
        server: usize,
        now: Instant,
    ) -> JoinHandle<Option<()>> {
        let commit_index = state.commit_index;
        let sends_entries = self.sends_entries(state, server, now);
        let snapshot_index = state.log.snapshot_index();
        let follower = &mut state.followers[server];
        if self.bug == Bug::NeverSendsSnapshot {
            follower.next_index = follower.next_index.max(snapshot_index + 1);
        }
        let has_commit_news = follower.told_commit < commit_index;
        follower.heartbeat_at = now + self.heartbeat_interval();
        if self.bug != Bug::NeverNotesWhatItTold {
            follower.told_commit = commit_index;
        }
        let before_next = follower.next_index.checked_sub(1).expect("nextIndex is at least 1");
        // A leader sends the snapshot if it "has already discarded the next log entry that it needs
        // to send" (§7).
        if follower.next_index <= snapshot_index {
            follower.is_awaited = true;
            let args = InstallSnapshotArgs {
                term: state.current_term,
                leader_id: self.me,
                last_included_index: snapshot_index,
                last_included_term: state.log.snapshot_term(),
                data: match self.bug {
                    Bug::SendsHalfSnapshot => state.snapshot.slice(..state.snapshot.len() / 2),
                    _ => state.snapshot.clone(),
                },
            };
            let request = self.clone().send_snapshot(server, args);
            return tokio::spawn(self.clone().until_killed(request));
        }
        // Leaders: "If last log index ≥ nextIndex for a follower: send AppendEntries RPC with log
        // entries starting at nextIndex" (§5.3). With none it is a heartbeat (§5.2).
        let prev_log_index = match self.bug {
            Bug::SendsWholeLog => snapshot_index,
            _ => before_next,
        };
        let mut entries = state.log.since(prev_log_index + 1);
        if self.bug == Bug::SendsOneThingAtATime {
            entries.truncate(if has_commit_news { 0 } else { 1 });
        }
        if sends_entries {
            follower.is_awaited = !entries.is_empty() || self.awaits_heartbeats();
        } else {
            entries.clear();
        }
        if self.bug == Bug::NeverSendsEntries {
            entries.clear();
        }
        self.skip_behind_snapshot(snapshot_index, prev_log_index, &mut entries);
        if self.moves_next_at_sending() {
            follower.next_index = prev_log_index + 1 + entries.len() as Index;
        }
        let prev_log_term = self.prev_term_to_tell(state, prev_log_index);
        self.must(prev_log_term.is_some(), "what precedes the entries is in the log");
        if self.bug == Bug::TrustsTheirLength {
            assert!(prev_log_term.is_some(), "index out of bounds: no entry at {prev_log_index}");
        }
        let args = AppendEntriesArgs {
            term: state.current_term,
            leader_id: self.me,
            prev_log_index,
            prev_log_term: prev_log_term.unwrap_or(0),
            entries,
            leader_commit: commit_index,
        };
        let request = self.clone().send_entries(server, args);
        let task = tokio::spawn(self.clone().until_killed(request));
        if self.bug == Bug::DropsCallsUnderWay {
            let call = state.followers[server].last_call.replace(task.abort_handle());
            call.inspect(AbortHandle::abort);
        }
        task
    }

    pub(super) async fn send_entries(self: Arc<Self>, server: usize, mut args: AppendEntriesArgs) {
        let _lock = self.lock_calls().await;
        // A leader counts itself among those that have the entries.
        self.sync().await;
        let call = self.peers[server].call::<_, AppendEntriesReply>("Raft.AppendEntries", &args);
        let mut reply = match self.bug {
            Bug::GivesUpCallsSoon => timeout(PATIENCE, call).await.ok().flatten(),
            _ => call.await,
        };
        if self.bug == Bug::RetriesInNewTerm && reply.is_none() {
            reply = self.retry_in_new_term(server, &mut args).await;
        }
        if self.bug == Bug::ResendsSameRequest {
            reply = self.resend(server, &args, reply).await;
        }
        let mut state = self.state();
        if self.bug == Bug::ReusesReply {
            reply = reply.or_else(|| state.last_append.clone());
            state.last_append.clone_from(&reply);
        }
        if let Some(reply) = &reply
            && self.bug != Bug::TakesHigherTermForConflict
        {
            self.observe_term(&mut state, reply.term);
        }
        // What was sent in another term says nothing of this one (§5.2).
        if !state.leads(args.term) {
            if self.bug == Bug::TrustsTheirLength && state.role == Role::Leader {
                state.trust_length(server, reply);
            } else if self.bug == Bug::CountsOldAnswers
                && state.role == Role::Leader
                && reply.is_some_and(|reply| reply.success)
            {
                state.followers[server]
                    .has_up_to(args.prev_log_index + args.entries.len() as Index);
                self.advance_commit(&mut state);
            }
            return;
        }
        if !args.entries.is_empty() || self.awaits_heartbeats() {
            state.followers[server].is_awaited = false;
        }
        if matches!(self.bug, Bug::WaitsForEachReply | Bug::HeartbeatsWaitForEntries) {
            self.news.notify_one();
        }
        match reply {
            None if self.bug == Bug::EndsLoopAtFailedCall => {
                state.followers[server].is_given_up = true;
                return;
            }
            None if self.bug == Bug::StopsAllWhenOneFails => {
                state.has_stopped = true;
                return;
            }
            // What is lost is sent again with the next news, or the next heartbeat (§5.3).
            None => return,
            Some(reply) if reply.success => {
                let last_sent = args.prev_log_index + args.entries.len() as Index;
                let last_index = state.log.last_index();
                let follower = &mut state.followers[server];
                follower.replied_at = Some(Instant::now());
                match self.bug {
                    Bug::LetsMatchGoBack => {
                        follower.match_index = last_sent;
                        follower.next_index = follower.next_index.max(last_sent + 1);
                    }
                    Bug::LetsNextGoBack => {
                        follower.has_up_to(last_sent);
                        follower.next_index = last_sent + 1;
                    }
                    Bug::CountsTheirLength => {
                        let their_last = reply.conflict.x_len;
                        follower.match_index = follower.match_index.max(their_last);
                        follower.next_index = follower.match_index.min(last_index) + 1;
                    }
                    // What it believes it has isn't where the next entries begin.
                    Bug::KeepsMatchIndexes | Bug::BeginsMatchAtEnd => {
                        follower.match_index = follower.match_index.max(last_sent);
                        follower.next_index = follower.next_index.max(last_sent + 1);
                    }
                    _ => follower.has_up_to(last_sent),
                }
                if self.bug == Bug::CountsUnsentEntries {
                    follower.match_index = last_index;
                }
                if self.bug != Bug::CommitsOnlyOnStart {
                    self.advance_commit(&mut state);
                }
            }
            Some(_) if self.bug == Bug::NeverBacksUp => return,
            Some(_) if self.bug == Bug::NeverTakesNextBack => {
                let follower = &mut state.followers[server];
                follower.next_index = (follower.next_index - 1).max(follower.match_index + 1);
                return;
            }
            Some(_) if self.bug == Bug::LosesWhatItSent && args.entries.is_empty() => return,
            Some(reply) if self.bug == Bug::TrustsTheirLength => {
                state.trust_length(server, Some(reply));
            }
            Some(reply) if self.bug == Bug::BacksUpToTheirEnd => {
                state.followers[server].next_index = reply.conflict.x_len + 1;
                return;
            }
            Some(_) if self.bug == Bug::StepsDownWhenRefused => {
                state.role = Role::Follower;
                state.reset_election_timer();
                return;
            }
            Some(_) if self.bug == Bug::SendsWholeLog => {
                // Only the snapshot goes further back.
                state.followers[server].next_index = args.prev_log_index.max(1);
            }
            Some(_) if self.bug == Bug::BacksUpOneByOne => {
                let follower = &mut state.followers[server];
                follower.next_index = args.prev_log_index.max(follower.match_index + 1);
                // It goes on with the next heartbeat.
                return;
            }
            Some(reply) => {
                match self.bug {
                    Bug::CountsUnsentEntries => state.followers[server].match_index = 0,
                    Bug::LosesWhatItSent => {
                        state.followers[server].next_index = args.prev_log_index + 1;
                    }
                    Bug::TakesHintForMatch if reply.conflict.x_term.is_none() => {
                        state.followers[server].match_index = reply.conflict.x_len;
                    }
                    _ => {}
                }
                state.back_up(server, args.prev_log_index, reply.conflict);
                // Who no longer has what it had confirmed is asked again with the next heartbeat.
                if state.followers[server].next_index == args.prev_log_index + 1 {
                    return;
                }
            }
        }
        self.news.notify_one();
    }

    fn advance_commit(&self, state: &mut State) {
        // Leaders: "If there exists an N such that N > commitIndex, a majority of matchIndex[i] ≥
        // N, and log[N].term == currentTerm: set commitIndex = N" (§5.3, §5.4).
        let mut matches: Vec<Index> =
            state.followers.all().map(|follower| follower.match_index).collect();
        matches.push(state.log.last_index());
        matches.sort_unstable();
        // So many servers have at least the entry that stands there.
        let enough = match self.bug {
            Bug::CommitsWithHalf => self.peers.len() / 2,
            Bug::CommitsWithHalfOfEven => self.peers.len().div_ceil(2),
            Bug::CommitsWhenAllHave => self.peers.len(),
            // Without the leader, whose log is the longest.
            Bug::CountsOnlyFollowers => self.peers.len().min(self.majority() + 1),
            _ => self.majority(),
        };
        let n = matches[matches.len() - enough];
        if self.bug == Bug::StopsAtOldTerms
            && state.log.term(state.commit_index + 1) != Some(state.current_term)
        {
            return;
        }
        // An entry of an earlier term, even on a majority, may yet be replaced (§5.4.2).
        if state.log.term(n) == Some(state.current_term) || self.bug == Bug::CommitsOldTerms {
            self.commit(state, n);
        }
    }
}
