//! What raftbare's messages are in the paper's terms (Figures 2 and 13), and its entries on wire and disk.

use std::collections::BTreeSet;

use bytes::Bytes;
use raftapi::{Command, Index, Term};
use raftbare::{
    ClusterConfig, LogEntries, LogEntry, LogIndex, LogPosition, Message, MessageHeader,
    MessageSeqNo, NodeId,
};
use seam::{Base, Content, Entry};
use serde::{Deserialize, Serialize};

/// A candidate asks for a vote.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RequestVoteArgs {
    term: Term,
    candidate_id: u64,
    last_log_index: Index,
    last_log_term: Term,
    sequence: u64,
}

/// The answer to a candidate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RequestVoteReply {
    term: Term,
    vote_granted: bool,
    sequence: u64,
    /// raftbare ignored the request. The paper's server refuses it, and so the adapter says here.
    is_ignored: bool,
}

/// A leader replicates entries, or asserts itself with none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AppendEntriesArgs {
    term: Term,
    leader_id: u64,
    prev_log_index: Index,
    prev_log_term: Term,
    entries: Vec<Entry>,
    /// The leader's commit index. It has no name that is in use for it: a follower's answer tells where its log ends, and a leader
    /// counts that, so the specification can't say what a leader may commit.
    agreed: Index,
    /// How many of the entries up to `prev_log_index` are commands. The lab's specification knows by this field that
    /// indexes count other entries, too.
    commands_before: Index,
    sequence: u64,
}

/// The answer to a leader.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AppendEntriesReply {
    term: Term,
    success: bool,
    /// The index and term of the follower's last entry.
    end: (Index, Term),
    sequence: u64,
}

/// A leader sends its snapshot, in one piece.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct InstallSnapshotArgs {
    pub(crate) term: Term,
    leader_id: u64,
    last_included_index: Index,
    last_included_term: Term,
    pub(crate) data: Bytes,
    pub(crate) config: Snapshot,
}

/// The answer to a leader's snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct InstallSnapshotReply {
    pub(crate) term: Term,
}

/// What goes with a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    /// Where the log begins behind it.
    pub(crate) base: Base,
    /// The members there.
    pub(crate) members: BTreeSet<u64>,
}

/// An entry's identity.
pub(crate) fn position(index: Index, term: Term) -> LogPosition {
    LogPosition { term: raftbare::Term::new(term), index: LogIndex::new(index) }
}

fn header(from: u64, term: Term, sequence: u64) -> MessageHeader {
    MessageHeader {
        from: NodeId::new(from),
        term: raftbare::Term::new(term),
        seqno: MessageSeqNo::new(sequence),
    }
}

/// The cluster of these members.
pub(crate) fn cluster(members: &BTreeSet<u64>) -> ClusterConfig {
    ClusterConfig {
        voters: members.iter().copied().map(NodeId::new).collect(),
        ..ClusterConfig::new()
    }
}

/// The members of a cluster. The lab never changes them, so there are no others than its voters.
pub(crate) fn members(config: &ClusterConfig) -> BTreeSet<u64> {
    config.voters.iter().map(|id| id.get()).collect()
}

/// raftbare's entries, for wire and disk. `command` has each command's content, which raftbare doesn't keep.
pub(crate) fn to_entries(
    entries: &LogEntries,
    mut command: impl FnMut(Index) -> Command,
) -> Vec<Entry> {
    let entries = entries.iter_with_positions();
    entries
        .map(|(at, entry)| {
            let content = match entry {
                LogEntry::Term(_) => Content::Blank,
                LogEntry::ClusterConfig(config) => {
                    Content::Membership(labgob::encode(&members(&config)))
                }
                LogEntry::Command => Content::Command(command(at.index.get())),
            };
            Entry { term: at.term.get(), content }
        })
        .collect()
}

/// Entries in raftbare's form.
pub(crate) fn from_entries<'a>(
    prev: LogPosition,
    entries: impl Iterator<Item = &'a Entry>,
) -> LogEntries {
    let entries = entries.map(|entry| match &entry.content {
        Content::Blank => LogEntry::Term(raftbare::Term::new(entry.term)),
        Content::Command(_) => LogEntry::Command,
        Content::Membership(members) => {
            let members = labgob::decode(members).expect("the adapter has encoded it");
            LogEntry::ClusterConfig(cluster(&members))
        }
    });
    LogEntries::from_iter(prev, entries)
}

impl RequestVoteArgs {
    pub(crate) fn new(header: MessageHeader, last: LogPosition) -> RequestVoteArgs {
        RequestVoteArgs {
            term: header.term.get(),
            candidate_id: header.from.get(),
            last_log_index: last.index.get(),
            last_log_term: last.term.get(),
            sequence: header.seqno.get(),
        }
    }

    pub(crate) fn message(&self) -> Message {
        Message::RequestVoteCall {
            header: header(self.candidate_id, self.term, self.sequence),
            last_position: position(self.last_log_index, self.last_log_term),
        }
    }

    pub(crate) fn from(&self) -> NodeId {
        NodeId::new(self.candidate_id)
    }
}

impl RequestVoteReply {
    /// What a server in `term` answers by this message, if it answers.
    pub(crate) fn new(term: Term, answer: Option<Message>) -> RequestVoteReply {
        match answer {
            Some(Message::RequestVoteReply { header, vote_granted }) => RequestVoteReply {
                term: header.term.get(),
                vote_granted,
                sequence: header.seqno.get(),
                is_ignored: false,
            },
            _ => RequestVoteReply { term, vote_granted: false, sequence: 0, is_ignored: true },
        }
    }

    /// The answer, for raftbare; `None` if it gave none.
    pub(crate) fn message(&self, from: u64) -> Option<Message> {
        let header = header(from, self.term, self.sequence);
        let vote_granted = self.vote_granted;
        (!self.is_ignored).then_some(Message::RequestVoteReply { header, vote_granted })
    }
}

impl AppendEntriesArgs {
    /// A request with these entries, and so many commands before them.
    pub(crate) fn new(
        header: MessageHeader,
        commit: LogIndex,
        prev: LogPosition,
        entries: Vec<Entry>,
        commands_before: Index,
    ) -> AppendEntriesArgs {
        AppendEntriesArgs {
            term: header.term.get(),
            leader_id: header.from.get(),
            prev_log_index: prev.index.get(),
            prev_log_term: prev.term.get(),
            entries,
            agreed: commit.get(),
            commands_before,
            sequence: header.seqno.get(),
        }
    }

    pub(crate) fn message(&self) -> Message {
        Message::AppendEntriesCall {
            header: header(self.leader_id, self.term, self.sequence),
            commit_index: LogIndex::new(self.agreed),
            entries: self.entries(),
        }
    }

    /// Its entries, in raftbare's form.
    pub(crate) fn entries(&self) -> LogEntries {
        from_entries(position(self.prev_log_index, self.prev_log_term), self.entries.iter())
    }

    /// Its commands, each with its index.
    pub(crate) fn commands(&self) -> impl Iterator<Item = (Index, Command)> {
        let entries = (self.prev_log_index + 1..).zip(&self.entries);
        entries.filter_map(|(index, entry)| match &entry.content {
            Content::Command(command) => Some((index, command.clone())),
            Content::Blank | Content::Membership(_) => None,
        })
    }

    pub(crate) fn from(&self) -> NodeId {
        NodeId::new(self.leader_id)
    }

    /// The leader's term.
    pub(crate) fn term(&self) -> Term {
        self.term
    }
}

impl AppendEntriesReply {
    /// What a server answers by this message, whose log now has the request's entries or doesn't; `None` if that is no
    /// answer to a leader.
    pub(crate) fn new(answer: Message, took: Took) -> Option<AppendEntriesReply> {
        let Message::AppendEntriesReply { header, last_position } = answer else { return None };
        Some(AppendEntriesReply {
            term: header.term.get(),
            success: took == Took::All,
            end: (last_position.index.get(), last_position.term.get()),
            sequence: header.seqno.get(),
        })
    }

    pub(crate) fn message(&self, from: u64) -> Message {
        let header = header(from, self.term, self.sequence);
        Message::AppendEntriesReply { header, last_position: position(self.end.0, self.end.1) }
    }
}

/// Whether a follower has a request's entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Took {
    /// All of them, and what comes before them.
    All,
    /// Not all.
    NotAll,
}

impl InstallSnapshotArgs {
    /// The snapshot of a leader of `term`.
    pub(crate) fn new(
        term: Term,
        leader: u64,
        config: Snapshot,
        data: Bytes,
    ) -> InstallSnapshotArgs {
        InstallSnapshotArgs {
            term,
            leader_id: leader,
            last_included_index: config.base.index,
            last_included_term: config.base.term,
            data,
            config,
        }
    }
}
