//! Messages in the words of another protocol, with tuples and parts of their own: [`Wire::Ballots`](crate::style::Wire).

use bytes::Bytes;
use raftapi::{Command, Index, Term};
use serde::{Deserialize, Serialize};

use crate::message::{
    AppendEntriesArgs, AppendEntriesReply, Entry, InstallSnapshotArgs, Number, RequestVoteArgs,
    RequestVoteReply,
};

/// A place in the log.
#[derive(Serialize, Deserialize)]
struct Mark {
    slot: Index,
    ballot: Term,
}

/// A request for a vote.
#[derive(Serialize, Deserialize)]
pub(crate) struct Claim {
    ballot: Term,
    claimant: usize,
    newest: Mark,
    ticket: (Number,),
}

impl Claim {
    pub(crate) fn of(args: &RequestVoteArgs) -> Claim {
        let &RequestVoteArgs { number, term, candidate_id, last_log_index, last_log_term } = args;
        let newest = Mark { slot: last_log_index, ballot: last_log_term };
        Claim { ballot: term, claimant: candidate_id, newest, ticket: (number,) }
    }

    pub(crate) fn args(self) -> RequestVoteArgs {
        let Claim { ballot: term, claimant: candidate_id, newest, ticket: (number,) } = self;
        let (last_log_index, last_log_term) = (newest.slot, newest.ballot);
        RequestVoteArgs { number, term, candidate_id, last_log_index, last_log_term }
    }
}

/// Its answer.
#[derive(Serialize, Deserialize)]
pub(crate) enum ClaimAnswer {
    Backed { ballot: Term, ticket: (Number, usize) },
    Rejected { ballot: Term, ticket: (Number, usize) },
}

impl ClaimAnswer {
    pub(crate) fn of(
        RequestVoteReply { number, from, term, vote_granted }: RequestVoteReply,
    ) -> ClaimAnswer {
        let (ballot, ticket) = (term, (number, from));
        match vote_granted {
            true => ClaimAnswer::Backed { ballot, ticket },
            false => ClaimAnswer::Rejected { ballot, ticket },
        }
    }

    pub(crate) fn reply(self) -> RequestVoteReply {
        let vote_granted = matches!(self, ClaimAnswer::Backed { .. });
        let (ClaimAnswer::Backed { ballot: term, ticket: (number, from) }
        | ClaimAnswer::Rejected { ballot: term, ticket: (number, from) }) = self;
        RequestVoteReply { number, from, term, vote_granted }
    }
}

/// AppendEntries.
#[derive(Serialize, Deserialize)]
pub(crate) struct Lease {
    holder: (Term, usize),
    after: Mark,
    proposals: Vec<(Term, Command)>,
    chosen: Index,
    ticket: (Number,),
}

impl Lease {
    pub(crate) fn of(args: &AppendEntriesArgs) -> Lease {
        let proposals = args.entries.iter().map(|entry| (entry.term, entry.command.clone()));
        Lease {
            holder: (args.term, args.leader_id),
            after: Mark { slot: args.prev_log_index, ballot: args.prev_log_term },
            proposals: proposals.collect(),
            chosen: args.leader_commit,
            ticket: (args.number,),
        }
    }

    pub(crate) fn args(self) -> AppendEntriesArgs {
        let Lease { holder: (term, leader_id), after, proposals, chosen, ticket: (number,) } = self;
        let entries = proposals.into_iter().map(|(term, command)| Entry { term, command });
        AppendEntriesArgs {
            number,
            term,
            leader_id,
            prev_log_index: after.slot,
            prev_log_term: after.ballot,
            entries: entries.collect(),
            leader_commit: chosen,
        }
    }
}

/// Its answer.
#[derive(Serialize, Deserialize)]
pub(crate) enum LeaseAnswer {
    Held { ballot: Term, through: Index, ticket: (Number, usize) },
    Gap { ballot: Term, resume: Index, ticket: (Number, usize) },
    Outbid { ballot: Term, ticket: (Number, usize) },
}

impl LeaseAnswer {
    /// The answer to a request of the term `asked`, which ends with `through`.
    pub(crate) fn of(reply: AppendEntriesReply, asked: Term, through: Index) -> LeaseAnswer {
        let AppendEntriesReply { number, from, term: ballot, success, retry_from: resume } = reply;
        let ticket = (number, from);
        match success {
            true => LeaseAnswer::Held { ballot, through, ticket },
            false if ballot == asked => LeaseAnswer::Gap { ballot, resume, ticket },
            false => LeaseAnswer::Outbid { ballot, ticket },
        }
    }

    pub(crate) fn reply(self) -> AppendEntriesReply {
        let success = matches!(self, LeaseAnswer::Held { .. });
        let retry_from = match self {
            LeaseAnswer::Gap { resume, .. } => resume,
            LeaseAnswer::Held { .. } | LeaseAnswer::Outbid { .. } => 0,
        };
        let (LeaseAnswer::Held { ballot: term, ticket: (number, from), .. }
        | LeaseAnswer::Gap { ballot: term, ticket: (number, from), .. }
        | LeaseAnswer::Outbid { ballot: term, ticket: (number, from) }) = self;
        AppendEntriesReply { number, from, term, success, retry_from }
    }
}

/// InstallSnapshot.
#[derive(Serialize, Deserialize)]
pub(crate) struct Transfer {
    holder: (Term, usize),
    covers: Mark,
    image: Bytes,
    ticket: (Number,),
}

impl Transfer {
    pub(crate) fn of(args: &InstallSnapshotArgs) -> Transfer {
        Transfer {
            holder: (args.term, args.leader_id),
            covers: Mark { slot: args.last_included_index, ballot: args.last_included_term },
            image: args.data.clone(),
            ticket: (args.number,),
        }
    }

    pub(crate) fn args(self) -> InstallSnapshotArgs {
        let Transfer { holder: (term, leader_id), covers, image: data, ticket: (number,) } = self;
        let (last_included_index, last_included_term) = (covers.slot, covers.ballot);
        InstallSnapshotArgs {
            number,
            term,
            leader_id,
            last_included_index,
            last_included_term,
            data,
        }
    }
}
