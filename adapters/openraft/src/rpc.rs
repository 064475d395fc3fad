//! What openraft's messages are in the paper's terms (Figures 2 and 13).
//!
//! The specification reads messages by the names of their fields. So these have the paper's names; what the paper has
//! no name for stands beside them.

use std::fmt;

use bytes::Bytes;
use openraft::EntryPayload;
use raftapi::{Index, Term};
use seam::{Base, Content, Entry};
use serde::{Deserialize, Serialize};

use crate::version::{
    self, AppendEntriesRequest, AppendEntriesResponse, LogId, Membership, Snapshot, SnapshotMeta,
    StoredMembership, VoteRequest, VoteResponse,
};

/// A candidate asks for a vote.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RequestVoteArgs {
    term: Term,
    candidate_id: u64,
    last_log_index: Index,
    last_log_term: Term,
}

/// The answer to a candidate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RequestVoteReply {
    term: Term,
    vote_granted: bool,
    voter: VoterState,
}

/// What openraft's answer says beside that.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct VoterState {
    vote: Vote,
    log: (Index, Term),
}

/// A leader replicates entries, or asserts itself with none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AppendEntriesArgs {
    term: Term,
    leader_id: u64,
    prev_log_index: Index,
    prev_log_term: Term,
    entries: Vec<Entry>,
    leader_commit: Index,
    /// How many of the entries up to `prev_log_index` are commands. The lab's specification knows by this field that
    /// indexes count other entries, too.
    commands_before: Index,
    /// The term of the entry at `leader_commit`.
    commit_term: Term,
}

/// The answer to a leader.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AppendEntriesReply {
    term: Term,
    success: bool,
    answer: Answer,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Answer {
    Success,
    PartialSuccess(Index, Term),
    Conflict,
    HigherVote(Vote),
}

/// A leader sends its snapshot, in one piece.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct InstallSnapshotArgs {
    term: Term,
    leader_id: u64,
    last_included_index: Index,
    last_included_term: Term,
    data: Bytes,
    config: Meta,
}

/// What goes with a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meta {
    /// Where the log begins behind it.
    pub(crate) base: Base,
    membership: Bytes,
    membership_at: (Index, Term),
}

/// A command. openraft, from 0.10 on, wants to be able to show it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Opaque(pub(crate) Bytes);

impl fmt::Display for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// What openraft carries as a snapshot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Data {
    /// How many commands it covers. openraft knows only how many entries.
    pub(crate) commands: Index,
    /// The service's snapshot.
    pub(crate) bytes: Bytes,
}

/// The answer to a leader's snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct InstallSnapshotReply {
    term: Term,
    vote: Vote,
}

/// openraft's vote: whom a server follows, and whether that one leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Vote {
    number: Term,
    voted_for: Option<u64>,
    is_leader: bool,
}

impl From<version::Vote> for Vote {
    fn from(vote: version::Vote) -> Vote {
        let (number, voted_for) = (vote.leader_id.term, version::voted_for(&vote));
        Vote { number, voted_for, is_leader: vote.committed }
    }
}

impl From<Vote> for version::Vote {
    fn from(vote: Vote) -> version::Vote {
        version::vote(vote.number, vote.voted_for, vote.is_leader)
    }
}

/// The identity of the entry at `index`, from 1; `None` for index 0, where none is.
pub(crate) fn log_id(term: Term, index: Index) -> Option<LogId> {
    index.checked_sub(1).map(|index| version::log_id(term, index))
}

/// The index of an entry, from 1, and its term; 0 and 0 if there is no entry yet.
pub(crate) fn index_and_term(log_id: Option<LogId>) -> (Index, Term) {
    log_id.map_or((0, 0), |log_id| (log_id.index + 1, log_id.leader_id.term))
}

impl From<&VoteRequest> for RequestVoteArgs {
    fn from(request: &VoteRequest) -> RequestVoteArgs {
        let (last_log_index, last_log_term) = index_and_term(request.last_log_id);
        RequestVoteArgs {
            term: request.vote.leader_id.term,
            candidate_id: candidate(&request.vote),
            last_log_index,
            last_log_term,
        }
    }
}

impl From<RequestVoteArgs> for VoteRequest {
    fn from(args: RequestVoteArgs) -> VoteRequest {
        let vote = version::Vote::new(args.term, args.candidate_id);
        VoteRequest::new(vote, log_id(args.last_log_term, args.last_log_index))
    }
}

impl From<VoteResponse> for RequestVoteReply {
    fn from(response: VoteResponse) -> RequestVoteReply {
        RequestVoteReply {
            term: response.vote.leader_id.term,
            vote_granted: response.vote_granted,
            voter: VoterState {
                vote: response.vote.into(),
                log: index_and_term(response.last_log_id),
            },
        }
    }
}

impl From<RequestVoteReply> for VoteResponse {
    fn from(reply: RequestVoteReply) -> VoteResponse {
        let VoterState { vote, log: (index, term) } = reply.voter;
        let vote: version::Vote = vote.into();
        VoteResponse::new(vote, log_id(term, index), reply.vote_granted)
    }
}

impl AppendEntriesArgs {
    /// A request, with so many commands before its entries.
    pub(crate) fn new(request: AppendEntriesRequest, commands_before: Index) -> AppendEntriesArgs {
        let (prev_log_index, prev_log_term) = index_and_term(request.prev_log_id);
        let (leader_commit, commit_term) = index_and_term(request.leader_commit);
        AppendEntriesArgs {
            term: request.vote.leader_id.term,
            leader_id: candidate(&request.vote),
            prev_log_index,
            prev_log_term,
            entries: request.entries.into_iter().map(entry).collect(),
            leader_commit,
            commands_before,
            commit_term,
        }
    }

    /// The leader's term.
    pub(crate) fn term(&self) -> Term {
        self.term
    }
}

impl From<AppendEntriesArgs> for AppendEntriesRequest {
    fn from(args: AppendEntriesArgs) -> AppendEntriesRequest {
        let entries = (args.prev_log_index + 1..).zip(args.entries);
        AppendEntriesRequest {
            vote: version::Vote::new_committed(args.term, args.leader_id),
            prev_log_id: log_id(args.prev_log_term, args.prev_log_index),
            entries: entries.map(|(index, entry)| openrafts(index, &entry)).collect(),
            leader_commit: log_id(args.commit_term, args.leader_commit),
        }
    }
}

impl AppendEntriesReply {
    /// What a server answers to a leader of `term`. openraft's answer has a term only if that is higher.
    pub(crate) fn new(term: Term, response: AppendEntriesResponse) -> AppendEntriesReply {
        let (success, answer) = match response {
            AppendEntriesResponse::Success => (true, Answer::Success),
            AppendEntriesResponse::PartialSuccess(matching) => {
                let (index, term) = index_and_term(matching);
                (true, Answer::PartialSuccess(index, term))
            }
            AppendEntriesResponse::Conflict => (false, Answer::Conflict),
            AppendEntriesResponse::HigherVote(vote) => (false, Answer::HigherVote(vote.into())),
        };
        let term = match answer {
            Answer::HigherVote(vote) => vote.number,
            _ => term,
        };
        AppendEntriesReply { term, success, answer }
    }
}

impl From<AppendEntriesReply> for AppendEntriesResponse {
    fn from(reply: AppendEntriesReply) -> AppendEntriesResponse {
        match reply.answer {
            Answer::Success => AppendEntriesResponse::Success,
            Answer::PartialSuccess(index, term) => {
                AppendEntriesResponse::PartialSuccess(log_id(term, index))
            }
            Answer::Conflict => AppendEntriesResponse::Conflict,
            Answer::HigherVote(vote) => AppendEntriesResponse::HigherVote(vote.into()),
        }
    }
}

impl InstallSnapshotArgs {
    /// A leader's snapshot, and what goes with it.
    pub(crate) fn new(vote: &version::Vote, config: Meta, data: Bytes) -> InstallSnapshotArgs {
        InstallSnapshotArgs {
            term: vote.leader_id.term,
            leader_id: candidate(vote),
            last_included_index: config.base.index,
            last_included_term: config.base.term,
            data,
            config,
        }
    }

    /// The leader's vote, and its snapshot.
    pub(crate) fn into_parts(self) -> (version::Vote, Meta, Bytes) {
        (version::Vote::new_committed(self.term, self.leader_id), self.config, self.data)
    }
}

impl From<version::Vote> for InstallSnapshotReply {
    fn from(vote: version::Vote) -> InstallSnapshotReply {
        InstallSnapshotReply { term: vote.leader_id.term, vote: vote.into() }
    }
}

impl From<InstallSnapshotReply> for version::Vote {
    fn from(reply: InstallSnapshotReply) -> version::Vote {
        reply.vote.into()
    }
}

impl Meta {
    /// What goes with a snapshot that covers so many commands.
    pub(crate) fn new(meta: &SnapshotMeta, commands: Index) -> Meta {
        let (index, term) = index_and_term(meta.last_log_id);
        Meta::at(Base { index, term, commands }, &meta.last_membership)
    }

    /// What goes with a snapshot that ends at `base`, with the members of that moment.
    pub(crate) fn at(base: Base, membership: &StoredMembership) -> Meta {
        Meta {
            base,
            membership: labgob::encode(membership.membership()),
            membership_at: index_and_term(*membership.log_id()),
        }
    }

    /// The members.
    pub(crate) fn membership(&self) -> StoredMembership {
        let (index, term) = self.membership_at;
        StoredMembership::new(log_id(term, index), decoded(&self.membership))
    }

    /// The snapshot with these bytes, in openraft's form.
    pub(crate) fn snapshot(&self, bytes: Bytes) -> Snapshot {
        let Base { index, term, commands } = self.base;
        version::snapshot(log_id(term, index), self.membership(), Data { commands, bytes })
    }
}

/// Who asks with this vote, or leads by it.
fn candidate(vote: &version::Vote) -> u64 {
    version::voted_for(vote).expect("a server asks with a vote for itself")
}

/// An entry of openraft's, for wire and disk.
pub(crate) fn entry(entry: version::Entry) -> Entry {
    let content = match entry.payload {
        EntryPayload::Blank => Content::Blank,
        EntryPayload::Normal(command) => Content::Command(command.0),
        EntryPayload::Membership(membership) => Content::Membership(labgob::encode(&membership)),
    };
    Entry { term: entry.log_id.leader_id.term, content }
}

/// The entry at `index`, in openraft's form.
///
/// # Panics
/// If `index` is 0, where no entry is.
pub(crate) fn openrafts(index: Index, entry: &Entry) -> version::Entry {
    let payload = match &entry.content {
        Content::Blank => EntryPayload::Blank,
        Content::Command(command) => EntryPayload::Normal(Opaque(command.clone())),
        Content::Membership(membership) => EntryPayload::Membership(decoded(membership)),
    };
    version::Entry { log_id: id(entry.term, index), payload }
}

fn id(term: Term, index: Index) -> LogId {
    log_id(term, index).expect("entries are counted from 1")
}

fn decoded(membership: &[u8]) -> Membership {
    labgob::decode(membership).expect("the adapter has encoded it")
}
