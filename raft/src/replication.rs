//! Log replication (§5.3): what a leader sends, and what its followers do with it.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::Either;
use futures::stream::FuturesUnordered;
use raftapi::{Index, Term};
use tokio::time::{Instant, sleep_until};

use crate::rpc::{
    AppendEntriesArgs, AppendEntriesReply, Conflict, InstallSnapshotArgs, InstallSnapshotReply,
};
use crate::server::Raft;
use crate::state::State;

/// The time between two heartbeats; the lab allows no more than ten a second.
const HEARTBEAT: Duration = Duration::from_millis(100);

/// The most entries in one message. A follower that is further behind gets several messages, each as soon
/// as the one before is answered.
const ENTRIES_AT_ONCE: usize = 200;

/// A follower's answer to what a leader sent to it.
struct Answer {
    /// The follower's term.
    term: Term,
    log: FollowersLog,
}

/// What an answer says about the follower's log.
enum FollowersLog {
    /// It agrees with the leader's up to this index.
    AgreesTo(Index),
    /// It differs from the leader's at the entry before those that were sent.
    Differs { prev_log_index: Index, conflict: Conflict },
    /// Unknown: the follower refused the leader's term.
    Unknown,
}

/// What a leader does after an answer.
#[derive(PartialEq, Eq)]
enum Next {
    /// The follower lacks something: send it soon.
    Send,
    /// Wait for news or for the next heartbeat.
    Wait,
    /// This server doesn't lead the term any more.
    Stop,
}

impl Raft {
    /// Leaders 1: this server has been elected, and sends heartbeats at once.
    pub(crate) fn lead(self: &Arc<Self>, term: Term) {
        for follower in self.others() {
            self.spawn(self.clone().replicate(term, follower));
        }
    }

    /// Wakes the replicators: there is something new for all followers.
    pub(crate) fn send_more(&self) {
        for follower in self.others() {
            self.more_to_send[follower].notify_one();
        }
    }

    /// Leaders 1 and 3: keeps one follower up to date while this server leads `term`. At each heartbeat
    /// it sends all that the follower is not known to have. It sends something new at once, unless the
    /// last call is still without an answer.
    async fn replicate(self: Arc<Self>, term: Term, follower: usize) {
        let mut calls = FuturesUnordered::new();
        let mut sent = 0;
        let mut next_heartbeat = Instant::now();
        // The number of the call that was sent last and is not answered yet.
        let mut awaited = None;
        let mut has_news = false;
        loop {
            if Instant::now() >= next_heartbeat || (has_news && awaited.is_none()) {
                let state = self.state();
                if !state.leads(term) {
                    return;
                }
                let call = self.send(&state, follower);
                drop(state);
                sent += 1;
                let number = sent;
                calls.push(async move { (number, call.await) });
                awaited = Some(number);
                has_news = false;
                next_heartbeat = Instant::now() + HEARTBEAT;
            }
            tokio::select! {
                biased;
                Some((number, answer)) = calls.next() => {
                    if awaited == Some(number) {
                        awaited = None;
                    }
                    // Without an answer, the next heartbeat tries again.
                    let Some(answer) = answer else { continue };
                    match self.take_answer(term, follower, answer) {
                        Next::Send => has_news = true,
                        Next::Wait => {}
                        Next::Stop => return,
                    }
                }
                () = self.more_to_send[follower].notified() => has_news = true,
                () = sleep_until(next_heartbeat) => {}
            }
        }
    }

    /// Sends what `follower` is not known to have: entries, or the snapshot if they are in it. The
    /// answer is `None` if none came.
    fn send(
        &self,
        state: &State,
        follower: usize,
    ) -> impl Future<Output = Option<Answer>> + Send + use<> {
        let next_index = state.followers[follower].next_index();
        match state.log.term_at(next_index - 1) {
            Some(prev_log_term) => {
                Either::Left(self.send_entries(state, follower, next_index, prev_log_term))
            }
            None => Either::Right(self.send_snapshot(state, follower)),
        }
    }

    /// Sends the entries from `next_index` on, or none as a heartbeat.
    fn send_entries(
        &self,
        state: &State,
        follower: usize,
        next_index: Index,
        prev_log_term: Term,
    ) -> impl Future<Output = Option<Answer>> + Send + use<> {
        let prev_log_index = next_index - 1;
        let args = AppendEntriesArgs {
            term: state.current_term,
            leader_id: self.me,
            prev_log_index,
            prev_log_term,
            entries: state.log.entries_from(next_index, ENTRIES_AT_ONCE),
            leader_commit: state.commit_index,
        };
        let last_new = prev_log_index + args.entries.len() as u64;
        let call = self.peers[follower].call("Raft.AppendEntries", &args);
        async move {
            let reply: AppendEntriesReply = call.await?;
            let log = match reply.conflict {
                _ if reply.success => FollowersLog::AgreesTo(last_new),
                Some(conflict) => FollowersLog::Differs { prev_log_index, conflict },
                None => FollowersLog::Unknown,
            };
            Some(Answer { term: reply.term, log })
        }
    }

    /// Sends the snapshot (§7).
    fn send_snapshot(
        &self,
        state: &State,
        follower: usize,
    ) -> impl Future<Output = Option<Answer>> + Send + use<> {
        let last_included_index = state.log.base_index();
        let args = InstallSnapshotArgs {
            term: state.current_term,
            leader_id: self.me,
            last_included_index,
            last_included_term: state.log.base_term(),
            data: state.snapshot.clone(),
        };
        let call = self.peers[follower].call("Raft.InstallSnapshot", &args);
        async move {
            let reply: InstallSnapshotReply = call.await?;
            Some(Answer { term: reply.term, log: FollowersLog::AgreesTo(last_included_index) })
        }
    }

    /// Learns from a follower's answer, as the leader of `term`.
    fn take_answer(&self, term: Term, follower: usize, answer: Answer) -> Next {
        let mut state = self.state();
        state.observe_term(answer.term);
        if !state.leads(term) {
            return Next::Stop;
        }
        let lacks_entries = match answer.log {
            FollowersLog::AgreesTo(index) => {
                let progress = &mut state.followers[follower];
                progress.acknowledged(index);
                let lacks_entries = progress.next_index() <= state.log.last_index();
                if state.advance_commit_index() {
                    drop(state);
                    self.more_to_apply.notify_one();
                    self.send_more(); // the followers apply it, too
                }
                lacks_entries
            }
            FollowersLog::Differs { prev_log_index, conflict } => {
                state.back_up(follower, prev_log_index, conflict)
            }
            FollowersLog::Unknown => false,
        };
        if lacks_entries { Next::Send } else { Next::Wait }
    }

    /// A leader sends entries or a heartbeat.
    pub(crate) async fn append_entries(
        self: Arc<Self>,
        args: AppendEntriesArgs,
    ) -> AppendEntriesReply {
        let mut state = self.state();
        state.observe_term(args.term);
        let term = state.current_term;
        // Receiver 1: a leader of an earlier term is refused (§5.1).
        if args.term < term {
            return AppendEntriesReply { term, success: false, conflict: None };
        }
        // Candidates 3: another server has won this term.
        state.follow_leader(args.leader_id);
        // Receiver 2: the logs must agree up to the new entries.
        if let Some(conflict) = state.conflict_at(args.prev_log_index, args.prev_log_term) {
            return AppendEntriesReply { term, success: false, conflict: Some(conflict) };
        }
        let last_new = args.prev_log_index + args.entries.len() as u64;
        state.append_new(&args);
        // Receiver 5: not beyond what is known to be the leader's.
        let commit_index = args.leader_commit.min(last_new);
        if commit_index > state.commit_index {
            state.commit_index = commit_index;
            self.more_to_apply.notify_one();
        }
        AppendEntriesReply { term, success: true, conflict: None }
    }
}

impl State {
    /// Hears from the leader of the current term.
    pub(crate) fn follow_leader(&mut self, leader: usize) {
        assert!(
            !self.leads(self.current_term),
            "server {leader} leads term {} as well as this one (§5.2, Election Safety)",
            self.current_term
        );
        self.follow();
        self.reset_election_timer();
    }

    /// Where this log differs from one that has `prev_log_term` at `prev_log_index`; `None` if it
    /// doesn't.
    pub(crate) fn conflict_at(
        &self,
        prev_log_index: Index,
        prev_log_term: Term,
    ) -> Option<Conflict> {
        match self.log.term_at(prev_log_index) {
            // What is in the snapshot is committed, and so the same in all logs.
            None if prev_log_index < self.log.base_index() => None,
            None => Some(Conflict::TooShort { x_len: self.log.last_index() + 1 }),
            Some(term) if term == prev_log_term => None,
            Some(x_term) => {
                let x_index = self.log.first_index_of_term_at(prev_log_index);
                Some(Conflict::OtherTerm { x_term, x_index })
            }
        }
    }

    /// Receiver 3 and 4: what conflicts is deleted, what is new appended. Entries that are there
    /// already stay, and what follows them too: the message may be an old one.
    pub(crate) fn append_new(&mut self, args: &AppendEntriesArgs) {
        let mut changed = false;
        for (index, entry) in (args.prev_log_index + 1..).zip(&args.entries) {
            if index <= self.log.base_index() {
                continue; // in the snapshot
            }
            match self.log.term_at(index) {
                Some(term) if term == entry.term => continue,
                Some(term) => {
                    assert!(
                        index > self.commit_index,
                        "server {}: a committed entry would be deleted (§5.4, Leader Completeness): \
                         the entry of term {term} at {index} would give way to one of term {}, and {} \
                         is committed",
                        self.me,
                        entry.term,
                        self.commit_index
                    );
                    self.log.truncate(index);
                }
                None => {}
            }
            self.log.append(entry.clone());
            changed = true;
        }
        if changed {
            self.save();
        }
    }

    /// A follower's log differs: the next entry to send moves back, by a whole term at a time (end
    /// of §5.3). Returns whether it moved: an answer to an old message moves nothing.
    pub(crate) fn back_up(
        &mut self,
        follower: usize,
        prev_log_index: Index,
        conflict: Conflict,
    ) -> bool {
        let retry_at = match conflict {
            Conflict::TooShort { x_len } => x_len,
            Conflict::OtherTerm { x_term, x_index } => {
                self.log.last_index_of_term(x_term).map_or(x_index, |last| last + 1)
            }
        };
        self.followers[follower].refused(prev_log_index, retry_at)
    }
}
