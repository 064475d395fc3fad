//! Elections (§5.2): who stands, who votes, who wins.

use std::mem;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use raftapi::{Role, Term};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, sleep_until};

use super::Raft;
use super::followers::Followers;
use super::rpc::{RequestVoteArgs, RequestVoteReply};
use super::state::{Led, State};
use crate::bug::Bug;

/// How often [`Bug::LosesTimerToHigherTerm`] looks whether it has a timer again.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// How long [`Bug::LeadsWithoutSecondLook`] has no lock between its last vote and its leadership.
const WITHOUT_LOCK: Duration = Duration::from_millis(5);

/// How long [`Bug::WaitsBrieflyForVotes`] waits for them.
const BRIEFLY: Duration = Duration::from_millis(50);

impl Raft {
    // ---- Candidates ----

    /// Starts an election each time the election timer fires.
    pub(super) async fn ticker(self: Arc<Self>) {
        loop {
            let deadline = self.state().election_deadline;
            self.wait_until(deadline).await;
            if self.timer_has_stopped() {
                return;
            }
            let Some((term, mut requests)) = self.election() else { continue };
            match self.bug {
                Bug::BlocksOnVotes | Bug::TicksAndBlocksOnVotes | Bug::WaitsForAllVotes => {
                    self.collect_votes(term, requests).await;
                }
                Bug::StandsOnce => {
                    requests.detach_all();
                    return;
                }
                Bug::WaitsBrieflyForVotes => {
                    requests.detach_all();
                    sleep(BRIEFLY).await;
                    self.give_up(term);
                }
                // The votes are counted as they come in, while the timer runs.
                _ => requests.detach_all(),
            }
        }
    }

    /// Waits for the election timer, as it was set when somebody looked last.
    async fn wait_until(&self, deadline: Instant) {
        match self.bug {
            Bug::SleepsInThread => sleep_in_thread(deadline - Instant::now()),
            Bug::SpinsInThread => while Instant::now() < deadline {},
            Bug::PollsWithoutSleep => {
                while Instant::now() < deadline {
                    yield_now().await;
                }
            }
            _ => sleep_until(deadline).await,
        }
        if self.bug == Bug::RunsTwoTickers && self.state().election_deadline <= Instant::now() {
            // Each of the two has seen that the timer has fired.
            yield_now().await;
        }
    }

    /// Whether a bug has stopped the timer for good.
    fn timer_has_stopped(&self) -> bool {
        match self.bug {
            Bug::StandsUntilItVotes => {
                self.state().voted_for.is_some_and(|server| server != self.me)
            }
            Bug::StandsUntilItLeads => self.state().role == Role::Leader,
            _ => false,
        }
    }

    /// If the timer has fired, starts an election: its term, and a request to each other server.
    fn election(self: &Arc<Self>) -> Option<(Term, JoinSet<Option<bool>>)> {
        let mut state = self.state();
        let has_fired = Instant::now() >= state.election_deadline;
        if !has_fired && !self.has_seen_it_fire(&state) {
            return None;
        }
        if state.has_lost_timer {
            state.election_deadline = Instant::now() + LOOK_INTERVAL;
            return None;
        }
        state.reset_election_timer();
        // Followers and candidates: "If election timeout elapses" (§5.2). A leader has no timer.
        if state.role == Role::Leader {
            return None;
        }
        // Candidates: "Increment currentTerm, vote for self, reset election timer, send RequestVote
        // RPCs to all other servers" (§5.2).
        let stays_in_term = match self.bug {
            Bug::NeverIncrementsTerm => true,
            Bug::StandsAgainInSameTerm => state.role == Role::Candidate,
            _ => false,
        };
        state.role = Role::Candidate;
        if !stays_in_term {
            state.current_term += 1;
        }
        state.voted_for = Some(self.me);
        self.persist(&mut state);
        state.votes = match self.bug {
            Bug::CountsItselfTwice => 2,
            Bug::KeepsOldVotes => state.votes + 1,
            Bug::CountsOnlyOthersVotes => 0,
            _ => 1,
        };
        state.answers = 1;
        state.last_vote = None;
        self.lead_if_elected(&mut state);
        let (last_log_index, last_log_term) = self.last_entry_to_tell(&state);
        let (term, candidate_id) = (state.current_term, self.me);
        let args = RequestVoteArgs { term, candidate_id, last_log_index, last_log_term };
        let mut requests = JoinSet::new();
        for server in self.others() {
            if self.bug == Bug::WaitsToAskAgain && !state.asked.insert(server) {
                continue;
            }
            let times = if self.bug == Bug::CountsRepeatedVotes { 2 } else { 1 };
            for _ in 0..times {
                let request = self.clone().ask_for_vote(server, args.clone());
                requests.spawn(self.clone().until_killed(request));
            }
        }
        Some((args.term, requests))
    }

    /// Asks one server for its vote, and counts it. Returns whether it was granted.
    async fn ask_for_vote(self: Arc<Self>, server: usize, args: RequestVoteArgs) -> bool {
        let _lock = self.lock_calls().await;
        self.sync().await;
        let call = self.peers[server].call::<_, RequestVoteReply>("Raft.RequestVote", &args);
        let mut reply = call.await;
        self.give_up_for(server, args.term, reply.as_ref());
        while reply.is_none() && self.bug == Bug::RefusesToRepeatVote && self.stands_in(args.term) {
            // Only so does it hear the same request twice.
            reply = self.peers[server].call("Raft.RequestVote", &args).await;
        }
        let reply = match reply {
            Some(reply) => reply,
            None if self.bug == Bug::CountsFailedCalls => {
                RequestVoteReply { term: args.term, vote_granted: true }
            }
            None => match self.state().last_vote.clone() {
                Some(last) if self.bug == Bug::ReusesReply => last,
                _ => return false,
            },
        };
        if self.is_elected_by(&args, &reply) {
            sleep(WITHOUT_LOCK).await;
            self.lead(&mut self.state());
            return true;
        }
        let mut state = self.state();
        self.observe_term(&mut state, reply.term);
        // The election may be over: lost, won, or followed by the next.
        let is_late = state.current_term != args.term && self.bug != Bug::CountsOldVotes;
        if state.role != Role::Candidate || is_late {
            return false;
        }
        state.answers += 1;
        state.last_vote = Some(reply.clone());
        if reply.vote_granted && self.bug != Bug::WaitsForAllVotes {
            state.votes += 1;
            self.lead_if_elected(&mut state);
        }
        reply.vote_granted
    }

    /// Whether this reply is the vote after which [`Bug::LeadsWithoutSecondLook`] will lead.
    fn is_elected_by(&self, args: &RequestVoteArgs, reply: &RequestVoteReply) -> bool {
        self.bug == Bug::LeadsWithoutSecondLook
            && self.stands_in(args.term)
            && reply.vote_granted
            && self.state().votes + 1 >= self.majority()
    }

    /// What some bugs do with what comes back of a request for a vote, before it is counted.
    fn give_up_for(&self, server: usize, term: Term, reply: Option<&RequestVoteReply>) {
        match (self.bug, reply) {
            (Bug::WaitsToAskAgain, _) => _ = self.state().asked.remove(&server),
            (Bug::GivesUpAtFailedCall, None) => self.give_up(term),
            (Bug::GivesUpAtRefusal, Some(reply)) if !reply.vote_granted => self.give_up(term),
            _ => {}
        }
    }

    /// Ends a candidacy that is neither won nor lost, until the timer fires again.
    fn give_up(&self, term: Term) {
        let mut state = self.state();
        if state.role == Role::Candidate && state.current_term == term {
            state.role = Role::Follower;
        }
    }

    fn stands_in(&self, term: Term) -> bool {
        let state = self.state();
        state.role == Role::Candidate && state.current_term == term
    }

    /// What two bugs make the ticker do: waits for votes, and lets the timer fire unheard.
    async fn collect_votes(self: &Arc<Self>, term: Term, mut requests: JoinSet<Option<bool>>) {
        let mut votes = 1;
        while let Some(reply) = requests.join_next().await {
            votes += usize::from(matches!(reply, Ok(Some(true))));
            if self.bug != Bug::WaitsForAllVotes && votes >= self.votes_needed() {
                requests.detach_all();
                break;
            }
        }
        let mut state = self.state();
        if state.role == Role::Candidate && state.current_term == term {
            state.votes = votes;
            self.lead_if_elected(&mut state);
        }
    }

    fn votes_needed(&self) -> usize {
        match self.bug {
            Bug::WinsWithHalf => self.peers.len() / 2,
            Bug::WinsWithHalfOfEven => self.peers.len().div_ceil(2),
            _ => self.majority(),
        }
    }

    /// Whether one of two tickers, or one that has no lock meanwhile, goes on with what it saw.
    fn has_seen_it_fire(&self, state: &State) -> bool {
        self.bug == Bug::RunsTwoTickers && state.role == Role::Candidate
    }

    fn lead_if_elected(&self, state: &mut State) {
        // Candidates: "If votes received from majority of servers: become leader" (§5.2).
        let is_elected = match self.bug {
            Bug::WinsAmongWhoAnswer => state.answers > 1 && state.votes * 2 > state.answers,
            _ => state.votes >= self.votes_needed(),
        };
        if is_elected {
            self.lead(state);
        }
    }

    fn lead(&self, state: &mut State) {
        state.role = Role::Leader;
        state.led = Some(Led { term: state.current_term, since: Instant::now() });
        state.has_stopped = false;
        // Leaders: "Upon election: send initial empty AppendEntries RPCs (heartbeat) to each
        // server" (§5.2).
        let followers = Followers::new(self.others(), state.log.last_index());
        let earlier = mem::replace(&mut state.followers, followers);
        self.begin_wrongly(state, &earlier);
        self.propose_unasked(state);
        self.news.notify_one();
    }

    /// What some bugs believe of their followers when they begin to lead.
    fn begin_wrongly(&self, state: &mut State, earlier: &Followers) {
        let last_index = state.log.last_index();
        let has_led = earlier.all().next().is_some();
        if self.bug == Bug::HeartbeatsPerElection && has_led {
            state.loops += 1;
        }
        for server in self.others() {
            let follower = &mut state.followers[server];
            match self.bug {
                Bug::KeepsMatchIndexes => {
                    follower.match_index =
                        earlier.get(server).map_or(0, |follower| follower.match_index);
                }
                Bug::BeginsMatchAtEnd => follower.match_index = last_index,
                Bug::SaysLateThatItLeads => follower.wait_for_heartbeat(self.heartbeat_interval()),
                _ => {}
            }
        }
    }

    // ---- Voters ----

    pub(super) async fn request_vote(self: Arc<Self>, args: RequestVoteArgs) -> RequestVoteReply {
        let _lock = self.lock_handler().await;
        let was_free = self.look_at_vote(&args).await;
        let reply = self.decide_vote(args, was_free);
        self.sync().await;
        reply
    }

    /// `was_free` is what [`Bug::VotesInTwoSteps`] saw when the request came.
    fn decide_vote(&self, args: RequestVoteArgs, was_free: bool) -> RequestVoteReply {
        let mut state = self.state();
        let is_higher = args.term > state.current_term;
        self.observe_term(&mut state, args.term);
        // RequestVote 1: "Reply false if term < currentTerm" (§5.1).
        let is_current = args.term >= state.current_term;
        // RequestVote 2: "If votedFor is null or candidateId, and candidate's log is at least as
        // up-to-date as receiver's log, grant vote" (§5.2, §5.4.1).
        let is_free = match self.bug {
            Bug::VotesTwice => true,
            Bug::VotesInTwoSteps => was_free,
            Bug::RefusesToRepeatVote => state.voted_for.is_none(),
            _ => state.voted_for.is_none_or(|server| server == args.candidate_id),
        };
        let (last_term, last_index) = (state.log.last_term(), state.log.last_index());
        let is_up_to_date = match self.bug {
            Bug::VotesForAnyLog => true,
            Bug::VotesForAnyHigherTerm if is_higher => true,
            Bug::VotesForNewerLogsOnly => {
                (args.last_log_term, args.last_log_index) > (last_term, last_index)
            }
            Bug::WantsNewerAndLonger => {
                args.last_log_term >= last_term && args.last_log_index >= last_index
            }
            Bug::ComparesLengthsOnly => args.last_log_index >= last_index,
            _ => (args.last_log_term, args.last_log_index) >= (last_term, last_index),
        };
        let vote_granted = is_current && is_free && is_up_to_date;
        if vote_granted {
            state.voted_for = Some(args.candidate_id);
            if self.bug != Bug::NeverSavesGrantedVote {
                self.persist(&mut state);
            }
            // Followers: the timer starts anew when a vote is granted (§5.2).
            if self.bug != Bug::KeepsTimerWhenVoting {
                state.reset_election_timer();
            }
        } else {
            self.refuse_vote(&mut state);
        }
        let term = match self.bug {
            Bug::RefusesWithoutTerm if !vote_granted => 0,
            _ => state.current_term,
        };
        RequestVoteReply { term, vote_granted }
    }

    /// What some bugs do beside, when they refuse a vote.
    fn refuse_vote(&self, state: &mut State) {
        match self.bug {
            Bug::RestartsTimerWhenRefusing | Bug::RestartsTimerForEveryCandidate => {
                state.reset_election_timer();
            }
            // The caller still has the lock.
            Bug::LocksTwice => self.observe_term(&mut self.state(), 0),
            _ => {}
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "it is the bug")]
fn sleep_in_thread(duration: Duration) {
    thread::sleep(duration);
}
