//! What raft's messages are in the paper's terms (Figures 2 and 13), and its entries on wire and disk.
//!
//! raft sends its replies as messages of their own. Here a reply is the answer to its request.

use bytes::Bytes;
use raftapi::{Index, Term};
use seam::{Base, Content, Entry, Log};
use serde::{Deserialize, Serialize};
use tikv::eraftpb::{self, EntryType, Message, MessageType, Snapshot};

use crate::form::{self, bytes};

/// A candidate asks for a vote, or whether it would get one (thesis §9.6).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RequestVoteArgs {
    term: Term,
    candidate_id: u64,
    last_log_index: Index,
    last_log_term: Term,
    /// What is committed in the candidate's log, and that entry's term.
    commit: Index,
    commit_term: Term,
}

/// The answer to a candidate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RequestVoteReply {
    term: Term,
    vote_granted: bool,
    /// What is committed in this server's log, and that entry's term.
    commit: Index,
    commit_term: Term,
}

/// What a candidate asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Whether it would get a vote.
    PreVote,
    /// For a vote.
    Vote,
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
    /// raft's own heartbeat names only the commit index, as far as the follower is known to have the leader's log. So
    /// its `prev_log_index` is that index.
    is_heartbeat: bool,
}

/// The answer to a leader.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AppendEntriesReply {
    term: Term,
    /// `None` if the follower has committed more than the request's `prev_log_index`: then it only says how far.
    success: Option<bool>,
    answer: Answer,
}

/// What raft's answer says.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Answer {
    is_heartbeat: bool,
    matching: Index,
    rejected: bool,
    hint: (Index, Term),
    committed: Index,
}

/// A leader sends its snapshot, in one piece.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct InstallSnapshotArgs {
    term: Term,
    leader_id: u64,
    last_included_index: Index,
    last_included_term: Term,
    data: Bytes,
    commands: Index,
}

/// The answer to a leader's snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct InstallSnapshotReply {
    term: Term,
    answer: Answer,
}

/// A request to another server.
#[derive(Debug)]
pub(crate) enum Request {
    Vote(Ask, RequestVoteArgs),
    Entries(AppendEntriesArgs),
    Snapshot(InstallSnapshotArgs),
}

/// raft's number of a server.
pub(crate) fn number(server: u64) -> u64 {
    server + 1
}

/// What an entry's context says if it is a command. A command may have no bytes, and so may a blank entry.
const IS_COMMAND: &[u8] = b"c";

/// The context of a command's entry.
pub(crate) fn context() -> Vec<u8> {
    IS_COMMAND.to_vec()
}

/// Whether an entry has a command.
pub(crate) fn is_command(entry: &eraftpb::Entry) -> bool {
    entry.get_entry_type() == EntryType::EntryNormal && &*entry.context == IS_COMMAND
}

/// An entry of raft's, for wire and disk.
pub(crate) fn from_entry(entry: &eraftpb::Entry) -> Entry {
    let content = match entry.get_entry_type() {
        EntryType::EntryNormal if is_command(entry) => {
            Content::Command(Bytes::copy_from_slice(&entry.data))
        }
        EntryType::EntryNormal => Content::Blank,
        _ => Content::Membership(Bytes::copy_from_slice(&entry.data)),
    };
    Entry { term: entry.term, content }
}

/// About how many bytes raft needs for an entry.
pub(crate) fn size(entry: &Entry) -> u64 {
    /// For its term, its index and what it is for.
    const NUMBERS: u64 = 12;
    NUMBERS
        + match &entry.content {
            Content::Command(bytes) | Content::Membership(bytes) => bytes.len() as u64,
            Content::Blank => 0,
        }
}

/// The entry at `index`, in raft's form.
pub(crate) fn to_entry(index: Index, entry: &Entry) -> eraftpb::Entry {
    let mut made = eraftpb::Entry::default();
    made.set_index(index);
    made.set_term(entry.term);
    match &entry.content {
        Content::Command(command) => {
            made.set_data(bytes(command));
            made.set_context(bytes(IS_COMMAND));
        }
        Content::Blank => {}
        Content::Membership(change) => {
            made.set_entry_type(EntryType::EntryConfChange);
            made.set_data(bytes(change));
        }
    }
    made
}

/// A snapshot as raft sends it: the service's bytes, and how many commands it covers.
#[derive(Debug, Serialize, Deserialize)]
struct Sent {
    commands: Index,
    data: Bytes,
}

/// A snapshot of a cluster with so many servers, in raft's form.
pub(crate) fn make_snapshot(base: Base, data: &Bytes, servers: u64) -> Snapshot {
    let sent = Sent { commands: base.commands, data: data.clone() };
    let mut snapshot = Snapshot::default();
    snapshot.set_data(bytes(&labgob::encode(&sent)));
    let at = snapshot.mut_metadata();
    at.set_index(base.index);
    at.set_term(base.term);
    at.set_conf_state(form::members(servers));
    snapshot
}

/// Where a snapshot ends, and the service's bytes.
pub(crate) fn read_snapshot(snapshot: &Snapshot) -> (Base, Bytes) {
    let Sent { commands, data } = labgob::decode(&Bytes::copy_from_slice(snapshot.get_data()))
        .expect("the adapter has encoded it");
    let at = snapshot.get_metadata();
    (Base { index: at.index, term: at.term, commands }, data)
}

fn message(kind: MessageType, term: Term, from: u64, to: u64) -> Message {
    let mut message = Message::default();
    message.set_msg_type(kind);
    message.set_term(term);
    message.set_from(number(from));
    message.set_to(number(to));
    message
}

impl Request {
    /// A message of raft's, if it is a request.
    pub(crate) fn new(message: &Message, log: &Log) -> Option<Request> {
        let (term, from) = (message.term, message.from - 1);
        let commands_up_to =
            |index| log.base_at(index).map_or(log.commands(), |base| base.commands);
        let vote = || {
            let (commit, commit_term) = form::commit(message);
            RequestVoteArgs {
                term,
                candidate_id: from,
                last_log_index: message.index,
                last_log_term: message.log_term,
                commit,
                commit_term,
            }
        };
        match message.get_msg_type() {
            MessageType::MsgRequestPreVote => Some(Request::Vote(Ask::PreVote, vote())),
            MessageType::MsgRequestVote => Some(Request::Vote(Ask::Vote, vote())),
            MessageType::MsgAppend => Some(Request::Entries(AppendEntriesArgs {
                term,
                leader_id: from,
                prev_log_index: message.index,
                prev_log_term: message.log_term,
                entries: message.entries.iter().map(from_entry).collect(),
                leader_commit: message.commit,
                commands_before: commands_up_to(message.index),
                is_heartbeat: false,
            })),
            MessageType::MsgHeartbeat => {
                let commit = message.commit;
                // What is in the snapshot has no term here; a heartbeat that says less is as good.
                let base = log.base_at(commit).unwrap_or_default();
                Some(Request::Entries(AppendEntriesArgs {
                    term,
                    leader_id: from,
                    prev_log_index: base.index,
                    prev_log_term: base.term,
                    entries: Vec::new(),
                    leader_commit: base.index,
                    commands_before: base.commands,
                    is_heartbeat: true,
                }))
            }
            MessageType::MsgSnapshot => {
                let (base, data) = read_snapshot(message.get_snapshot());
                Some(Request::Snapshot(InstallSnapshotArgs {
                    term,
                    leader_id: from,
                    last_included_index: base.index,
                    last_included_term: base.term,
                    data,
                    commands: base.commands,
                }))
            }
            _ => None,
        }
    }
}

impl Ask {
    fn request(self) -> MessageType {
        match self {
            Ask::PreVote => MessageType::MsgRequestPreVote,
            Ask::Vote => MessageType::MsgRequestVote,
        }
    }

    /// The kind of the answer.
    pub(crate) fn answer(self) -> MessageType {
        match self {
            Ask::PreVote => MessageType::MsgRequestPreVoteResponse,
            Ask::Vote => MessageType::MsgRequestVoteResponse,
        }
    }
}

impl RequestVoteArgs {
    pub(crate) fn message(&self, ask: Ask, to: u64) -> Message {
        let mut made = message(ask.request(), self.term, self.candidate_id, to);
        (made.index, made.log_term) = (self.last_log_index, self.last_log_term);
        form::set_commit(&mut made, (self.commit, self.commit_term));
        made
    }

    pub(crate) fn from(&self) -> u64 {
        self.candidate_id
    }
}

impl RequestVoteReply {
    /// What a server in `term` answers by this message. If raft ignores the request, because it hears from a leader, the
    /// paper's server refuses it (§6), and so does this.
    pub(crate) fn new(term: Term, answer: Option<&Message>) -> RequestVoteReply {
        let vote_granted = answer.is_some_and(|answer| !answer.reject);
        let (commit, commit_term) = answer.map_or((0, 0), form::commit);
        let term = answer.map_or(term, |answer| answer.term);
        RequestVoteReply { term, vote_granted, commit, commit_term }
    }

    pub(crate) fn message(&self, ask: Ask, from: u64, to: u64) -> Message {
        let mut made = message(ask.answer(), self.term, from, to);
        made.reject = !self.vote_granted;
        form::set_commit(&mut made, (self.commit, self.commit_term));
        made
    }
}

impl AppendEntriesArgs {
    pub(crate) fn message(&self, to: u64) -> Message {
        let kind = match self.is_heartbeat {
            true => MessageType::MsgHeartbeat,
            false => MessageType::MsgAppend,
        };
        let mut made = message(kind, self.term, self.leader_id, to);
        made.commit = self.leader_commit;
        if !self.is_heartbeat {
            (made.index, made.log_term) = (self.prev_log_index, self.prev_log_term);
            let entries = (self.prev_log_index + 1..).zip(&self.entries);
            made.entries =
                entries.map(|(index, entry)| to_entry(index, entry)).collect::<Vec<_>>().into();
        }
        made
    }

    pub(crate) fn from(&self) -> u64 {
        self.leader_id
    }
}

impl AppendEntriesReply {
    /// What a server answers to this request by this message.
    pub(crate) fn new(args: &AppendEntriesArgs, answer: &Message) -> AppendEntriesReply {
        let up_to = args.prev_log_index + args.entries.len() as u64;
        let answer_of = Answer::new(answer);
        let success = if answer.reject || answer.term > args.term {
            Some(false)
        } else {
            (answer_of.is_heartbeat || answer.index >= up_to).then_some(true)
        };
        AppendEntriesReply { term: answer.term, success, answer: answer_of }
    }

    pub(crate) fn message(&self, from: u64, to: u64) -> Message {
        self.answer.message(self.term, from, to)
    }
}

impl InstallSnapshotArgs {
    pub(crate) fn message(&self, to: u64, servers: u64) -> Message {
        let mut made = message(MessageType::MsgSnapshot, self.term, self.leader_id, to);
        let base = Base {
            index: self.last_included_index,
            term: self.last_included_term,
            commands: self.commands,
        };
        made.set_snapshot(make_snapshot(base, &self.data, servers));
        made
    }

    pub(crate) fn from(&self) -> u64 {
        self.leader_id
    }
}

impl InstallSnapshotReply {
    pub(crate) fn new(answer: &Message) -> InstallSnapshotReply {
        InstallSnapshotReply { term: answer.term, answer: Answer::new(answer) }
    }

    /// What a server in `term` answers if raft ignores the snapshot, because the leader's term is over. The paper's server
    /// tells its term then (Figure 13), as raft itself does where it ignores entries.
    pub(crate) fn ignored(term: Term) -> InstallSnapshotReply {
        let answer = Answer::new(&message(MessageType::MsgAppendResponse, term, 0, 0));
        InstallSnapshotReply { term, answer }
    }

    pub(crate) fn message(&self, from: u64, to: u64) -> Message {
        self.answer.message(self.term, from, to)
    }
}

impl Answer {
    fn new(answer: &Message) -> Answer {
        Answer {
            is_heartbeat: answer.get_msg_type() == MessageType::MsgHeartbeatResponse,
            matching: answer.index,
            rejected: answer.reject,
            hint: (answer.reject_hint, answer.log_term),
            committed: answer.commit,
        }
    }

    fn message(&self, term: Term, from: u64, to: u64) -> Message {
        let kind = match self.is_heartbeat {
            true => MessageType::MsgHeartbeatResponse,
            false => MessageType::MsgAppendResponse,
        };
        let mut made = message(kind, term, from, to);
        (made.index, made.reject) = (self.matching, self.rejected);
        (made.reject_hint, made.log_term) = self.hint;
        made.commit = self.committed;
        made
    }
}
