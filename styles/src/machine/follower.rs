//! What a server makes of a leader's requests (Figures 2 and 13, receiver).

use raftapi::{ApplyMsg, Index, Term};

use crate::bug::Bug;
use crate::log::Log;
use crate::message::{
    AppendEntriesArgs, AppendEntriesReply, HeartbeatArgs, HeartbeatReply, InstallSnapshotArgs,
    InstallSnapshotReply, Reply, Request,
};

use crate::style::BehindCommit;

use super::{Machine, Output};

impl Machine {
    /// Answers any request.
    pub(super) fn answer(&mut self, ticket: u64, request: Request) {
        let to = request.from();
        let reply = match request {
            Request::PreVote(args) => Reply::PreVote(self.answer_pre_vote(&args)),
            Request::RequestVote(args) => Reply::RequestVote(self.answer_vote(&args)),
            Request::AppendEntries(args) => Reply::AppendEntries(self.append_entries(args)),
            Request::Heartbeat(args) => Reply::Heartbeat(self.heartbeat(&args)),
            Request::InstallSnapshot(args) => Reply::InstallSnapshot(self.install_snapshot(args)),
        };
        if self.bug == Bug::NeverAnswersVotes && matches!(reply, Reply::RequestVote(_)) {
            return;
        }
        self.outputs.push(Output::Reply { ticket, to, reply });
    }

    /// Whether a request is of the present term's leader, which is heard then; one of an earlier term is
    /// refused (receiver 1, §5.1).
    fn hears_leader(&mut self, term: Term) -> bool {
        self.observe(term);
        if term < self.saved.current_term {
            return false;
        }
        self.follow();
        if self.bug != Bug::IgnoresLeaders {
            self.heard_leader_at = Some(self.now);
            self.restart_timer();
        }
        true
    }

    fn append_entries(&mut self, args: AppendEntriesArgs) -> AppendEntriesReply {
        let is_heard = self.hears_leader(args.term);
        let retry_from = self.conflict(args.prev_log_index, args.prev_log_term);
        let mut reply = AppendEntriesReply {
            number: args.number,
            from: self.me,
            term: self.saved.current_term,
            success: false,
            retry_from: retry_from.unwrap_or(0),
        };
        let last_new = args.prev_log_index + args.entries.len() as u64;
        if !is_heard || retry_from.is_some() {
            if is_heard && self.bug == Bug::CommitsWhatItRefuses {
                self.commit(args.leader_commit.min(last_new).min(self.saved.log.last_index()));
            }
            return reply;
        }
        let is_behind = args.prev_log_index < self.commit_index;
        if is_behind && self.style.behind_commit == BehindCommit::Confirmed {
            (reply.success, reply.retry_from) = (true, self.commit_index + 1);
            return reply;
        }
        // Receiver 3 and 4: what conflicts goes, what is new comes, and what is there stays.
        for (index, entry) in (args.prev_log_index + 1..).zip(args.entries) {
            match self.saved.log.term_at(index) {
                _ if index <= self.saved.log.base_index() => {}
                Some(term) if term == entry.term || self.bug == Bug::KeepsConflicts => {}
                Some(_) => {
                    self.cut_log(index);
                    self.push_entry(entry);
                }
                None => self.push_entry(entry),
            }
        }
        // What it took as a leader may be in memory only, and now another server rests on it.
        self.is_changed |= self.written_index < self.saved.log.last_index();
        // Receiver 5: no further than what the leader is known to have, too.
        self.commit(args.leader_commit.min(last_new));
        reply.success = true;
        reply
    }

    /// Receiver 2: `None` if the logs agree at this place, else from where the leader should go on: the log's
    /// end, or the first entry of the term that is in the wrong place (end of §5.3).
    fn conflict(&self, prev_log_index: Index, prev_log_term: Term) -> Option<Index> {
        let log = &self.saved.log;
        match log.term_at(prev_log_index) {
            // What a snapshot covers is committed, and the same in all logs.
            None if prev_log_index < log.base_index() => None,
            None => Some(log.last_index() + 1),
            Some(term) if term == prev_log_term => None,
            Some(_) => Some(log.first_of_term_at(prev_log_index)),
        }
    }

    fn heartbeat(&mut self, args: &HeartbeatArgs) -> HeartbeatReply {
        if self.hears_leader(args.term) {
            // The leader knows that this server has so much of its log.
            self.commit(args.leader_commit.min(self.saved.log.last_index()));
        }
        HeartbeatReply { number: args.number, from: self.me, term: self.saved.current_term }
    }

    fn install_snapshot(&mut self, args: InstallSnapshotArgs) -> InstallSnapshotReply {
        let is_heard = self.hears_leader(args.term);
        let reply = InstallSnapshotReply {
            number: args.number,
            from: self.me,
            term: self.saved.current_term,
        };
        let (index, term) = (args.last_included_index, args.last_included_term);
        // What is known to be committed needs no snapshot: it is there, or in a later one.
        if !is_heard || index <= self.commit_index {
            return reply;
        }
        if self.saved.log.term_at(index) == Some(term) {
            // Receiver 6: what follows is kept.
            self.saved.log.forget_up_to(index);
        } else {
            // Receiver 7: the log is another's.
            self.saved.log = Log::behind(index, term);
            self.limit_safe_index(index);
        }
        self.snapshot = args.data.clone();
        self.is_changed = true;
        (self.commit_index, self.handed_index) = (index, index);
        self.outputs.push(Output::Apply(ApplyMsg::Snapshot { index, term, snapshot: args.data }));
        reply
    }
}
