//! Answers that say no by a flag, as those of etcd's Raft do: [`Wire::Rejections`](crate::style::Wire).

use raftapi::{Index, Term};
use serde::{Deserialize, Serialize};

use crate::message::{AppendEntriesReply, Number, RequestVoteReply};

/// An answer to a request for a vote.
#[derive(Serialize, Deserialize)]
pub(crate) struct VoteResponse {
    number: Number,
    from: usize,
    term: Term,
    reject: bool,
}

impl VoteResponse {
    pub(crate) fn of(
        RequestVoteReply { number, from, term, vote_granted }: RequestVoteReply,
    ) -> VoteResponse {
        VoteResponse { number, from, term, reject: !vote_granted }
    }

    pub(crate) fn reply(self) -> RequestVoteReply {
        let VoteResponse { number, from, term, reject } = self;
        RequestVoteReply { number, from, term, vote_granted: !reject }
    }
}

/// An answer to AppendEntries.
#[derive(Serialize, Deserialize)]
pub(crate) struct AppendResponse {
    number: Number,
    from: usize,
    term: Term,
    /// Up to where the two logs match; or, if it says no, what was refused.
    index: Index,
    reject: bool,
    hint: Index,
}

impl AppendResponse {
    /// The answer to a request with so many entries behind `prev`.
    pub(crate) fn of(reply: AppendEntriesReply, prev: Index, count: Index) -> AppendResponse {
        let AppendEntriesReply { number, from, term, success, retry_from } = reply;
        let (index, hint) = match (success, retry_from) {
            (true, 0) => (prev + count, 0),
            (true, next) => (next - 1, 0),
            (false, next) => (prev, next),
        };
        AppendResponse { number, from, term, index, reject: !success, hint }
    }

    pub(crate) fn reply(self) -> AppendEntriesReply {
        let AppendResponse { number, from, term, index, reject, hint } = self;
        let retry_from = if reject { hint } else { index + 1 };
        AppendEntriesReply { number, from, term, success: !reject, retry_from }
    }
}
