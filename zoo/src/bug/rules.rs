//! The rules that bugs break, each in one place: the words of the extended Raft paper, or what the lab
//! asks for, and where that is written. A bug's row names its rule.

/// A rule that a Raft must keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it says: the source's own words if they are quoted.
    pub words: &'static str,
    /// Where it is written: section and figure of the extended Raft paper, or the lab's part.
    pub section: &'static str,
}

impl Rule {
    const fn new(words: &'static str, section: &'static str) -> Rule {
        Rule { words, section }
    }
}

/// What a right Raft keeps.
pub(super) const ALL_RULES: Rule =
    Rule::new("Figures 2 and 13 say what a server does, rule by rule", "Figures 2 and 13");

// ---- Elections and terms ----

pub(super) const ELECTION_TIMEOUT: Rule = Rule::new(
    "\"If election timeout elapses without receiving AppendEntries RPC from current leader \
     or granting vote to candidate: convert to candidate\"",
    "Figure 2, Followers; §5.2",
);

pub(super) const NEW_ELECTION: Rule =
    Rule::new("\"If election timeout elapses: start new election\"", "Figure 2, Candidates; §5.2");

pub(super) const ON_CONVERSION: Rule = Rule::new(
    "\"On conversion to candidate, start election: Increment currentTerm; Vote for self; \
     Reset election timer; Send RequestVote RPCs to all other servers\"",
    "Figure 2, Candidates; §5.2",
);

pub(super) const MAJORITY_OF_VOTES: Rule = Rule::new(
    "\"If votes received from majority of servers: become leader\"",
    "Figure 2, Candidates; §5.2",
);

pub(super) const RANDOM_TIMEOUTS: Rule =
    Rule::new("\"election timeouts are chosen randomly from a fixed interval\"", "§5.2");

pub(super) const NEW_TIMEOUT: Rule = Rule::new(
    "\"Each candidate restarts its randomized election timeout at the start of an \
     election\"",
    "§5.2",
);

pub(super) const TIMING: Rule = Rule::new("\"broadcastTime ≪ electionTimeout ≪ MTBF\"", "§5.6");

pub(super) const LEADER_WITHIN_5_S: Rule =
    Rule::new("the tester wants a new leader within five seconds", "the lab, part 3A");

pub(super) const VOTED_FOR: Rule = Rule::new(
    "\"votedFor: candidateId that received vote in current term (or null if none)\"",
    "Figure 2, State",
);

pub(super) const GRANT_VOTE: Rule = Rule::new(
    "\"If votedFor is null or candidateId, and candidate's log is at least as up-to-date as \
     receiver's log, grant vote\"",
    "Figure 2, RequestVote, 2; §5.2, §5.4.1",
);

pub(super) const CANDIDATES_LAST: Rule = Rule::new(
    "\"lastLogIndex: index of candidate's last log entry\", \"lastLogTerm: term of candidate's last log \
     entry\"",
    "Figure 2, RequestVote; §5.4",
);

pub(super) const UP_TO_DATE: Rule = Rule::new(
    "\"If the logs have last entries with different terms, then the log with the later term \
     is more up-to-date\"",
    "§5.4.1",
);

pub(super) const HIGHER_TERM: Rule = Rule::new(
    "\"If RPC request or response contains term T > currentTerm: set currentTerm = T, \
     convert to follower\"",
    "Figure 2, All Servers; §5.1",
);

pub(super) const REPLY_TERM: Rule =
    Rule::new("\"currentTerm, for candidate to update itself\"", "Figure 2, RequestVote; §5.1");

pub(super) const HEARTBEATS: Rule = Rule::new(
    "\"Upon election: send initial empty AppendEntries RPCs (heartbeat) to each server; \
     repeat during idle periods to prevent election timeouts\"",
    "Figure 2, Leaders; §5.2",
);

pub(super) const RETRIES_CALLS: Rule = Rule::new(
    "\"Servers retry RPCs if they do not receive a response in a timely manner\"",
    "§5.1",
);

pub(super) const CANDIDATE_GOES_ON: Rule = Rule::new(
    "\"A candidate continues in this state until one of three things happens: (a) it wins the election, (b) \
     another server establishes itself as leader, or (c) a period of time goes by with no winner\"",
    "§5.2",
);

pub(super) const TEN_HEARTBEATS: Rule =
    Rule::new("the tester allows a leader some ten heartbeats a second", "the lab, part 3A");

pub(super) const INVOKED_BY_LEADER: Rule = Rule::new(
    "\"Invoked by leader to replicate log entries; also used as heartbeat\"",
    "Figure 2, AppendEntries; §5.2, §5.3",
);

// ---- What the tester and clients see ----

pub(super) const GET_STATE: Rule = Rule::new(
    "\"return currentTerm and whether this server believes it is the leader\"",
    "the lab, GetState",
);

pub(super) const APPEND_COMMAND: Rule = Rule::new(
    "\"If command received from client: append entry to local log, respond after entry \
     applied to state machine\"",
    "Figure 2, Leaders; §5.3",
);

pub(super) const START_RETURNS: Rule =
    Rule::new("start() returns at once, and doesn't wait for the commit", "the lab, Start");

pub(super) const FIRST_INDEX: Rule = Rule::new("\"first index is 1\"", "Figure 2, State");

pub(super) const COMMANDS_ONLY: Rule = Rule::new(
    "the log has the commands of start() and no others, as the service numbers them",
    "the lab, Start",
);

// ---- Replication ----

pub(super) const ENTRIES_KEEP_TERMS: Rule = Rule::new(
    "\"log entries retain their original term numbers when a leader replicates entries from \
     previous terms\"",
    "§5.4.2",
);

pub(super) const OLD_TERM: Rule =
    Rule::new("\"Reply false if term < currentTerm\"", "Figure 2, AppendEntries, 1; §5.1");

pub(super) const CONSISTENCY_CHECK: Rule = Rule::new(
    "\"Reply false if log doesn't contain an entry at prevLogIndex whose term matches \
     prevLogTerm\"",
    "Figure 2, AppendEntries, 2; §5.3",
);

pub(super) const CONFLICT: Rule = Rule::new(
    "\"If an existing entry conflicts with a new one (same index but different terms), \
     delete the existing entry and all that follow it\"",
    "Figure 2, AppendEntries, 3; §5.3",
);

pub(super) const PREV_TERM: Rule =
    Rule::new("\"prevLogTerm: term of prevLogIndex entry\"", "Figure 2, AppendEntries");

pub(super) const RETRIES_INDEFINITELY: Rule = Rule::new(
    "\"If followers crash or run slowly, or if network packets are lost, the leader retries AppendEntries \
     RPCs indefinitely\"",
    "§5.3",
);

pub(super) const SUCCESS: Rule = Rule::new(
    "\"success: true if follower contained entry matching prevLogIndex and prevLogTerm\"",
    "Figure 2, AppendEntries",
);

pub(super) const SEND_ENTRIES: Rule = Rule::new(
    "\"If last log index ≥ nextIndex for a follower: send AppendEntries RPC with log \
     entries starting at nextIndex\"",
    "Figure 2, Leaders; §5.3",
);

pub(super) const IN_PARALLEL: Rule =
    Rule::new("\"issues AppendEntries RPCs in parallel to each of the other servers\"", "§5.3");

pub(super) const SEVERAL_ENTRIES: Rule =
    Rule::new("\"may send more than one for efficiency\"", "Figure 2, AppendEntries");

pub(super) const SENT_ONCE: Rule =
    Rule::new("\"each command is sent to each peer just once\"", "the lab, TestRPCBytes3B");

pub(super) const UPDATE_INDEXES: Rule = Rule::new(
    "\"If successful: update nextIndex and matchIndex for follower\"",
    "Figure 2, Leaders; §5.3",
);

pub(super) const RETRY: Rule = Rule::new(
    "\"If AppendEntries fails because of log inconsistency: decrement nextIndex and retry\"",
    "Figure 2, Leaders; §5.3",
);

pub(super) const FAST_BACKUP: Rule = Rule::new(
    "\"the protocol can be optimized to reduce the number of rejected AppendEntries RPCs\"",
    "§5.3",
);

pub(super) const NEXT_INDEX: Rule = Rule::new(
    "\"for each server, index of the next log entry to send to that server (initialized to \
     leader last log index + 1)\"",
    "Figure 2, State",
);

pub(super) const MATCH_INDEX: Rule = Rule::new(
    "\"for each server, index of highest log entry known to be replicated on server \
     (initialized to 0, increases monotonically)\"",
    "Figure 2, State",
);

// ---- Commits ----

pub(super) const MAJORITY_HAS_IT: Rule = Rule::new(
    "\"If there exists an N such that N > commitIndex, a majority of matchIndex[i] ≥ N, and \
     log[N].term == currentTerm: set commitIndex = N\"",
    "Figure 2, Leaders; §5.3, §5.4.2",
);

pub(super) const LEADER_COMMIT: Rule = Rule::new(
    "\"If leaderCommit > commitIndex, set commitIndex = min(leaderCommit, index of last new \
     entry)\"",
    "Figure 2, AppendEntries, 5; §5.3",
);

pub(super) const COMMIT_INDEX: Rule = Rule::new(
    "\"index of highest log entry known to be committed (initialized to 0, increases \
     monotonically)\"",
    "Figure 2, State",
);

pub(super) const APPLY: Rule = Rule::new(
    "\"If commitIndex > lastApplied: increment lastApplied, apply log[lastApplied] to state \
     machine\"",
    "Figure 2, All Servers; §5.3",
);

pub(super) const LAST_APPLIED: Rule = Rule::new(
    "\"index of highest log entry applied to state machine (initialized to 0, increases \
     monotonically)\"",
    "Figure 2, State",
);

// ---- Persistence and snapshots ----

pub(super) const PERSISTENT_STATE: Rule = Rule::new(
    "currentTerm, votedFor, log[]: \"Persistent state on all servers: (Updated on stable storage \
     before responding to RPCs)\"",
    "Figure 2, State",
);

pub(super) const TAKE_SNAPSHOT: Rule = Rule::new(
    "\"the entire current system state is written to a snapshot on stable storage, then the \
     entire log up to that point is discarded\"",
    "§7",
);

pub(super) const EACH_TAKES_SNAPSHOTS: Rule = Rule::new(
    "\"each server takes snapshots independently, covering just the committed entries in \
     its log\"",
    "§7",
);

pub(super) const LAST_INCLUDED: Rule = Rule::new(
    "\"the last included index is the index of the last entry in the log that the snapshot \
     replaces\"",
    "§7",
);

pub(super) const LAST_INCLUDED_TERM: Rule = Rule::new(
    "\"Raft also includes a small amount of metadata in the snapshot: the last included index is the index \
     of the last entry in the log that the snapshot replaces, and the last included term is the term of \
     this entry\"",
    "§7; Figure 13",
);

pub(super) const SEND_SNAPSHOT: Rule =
    Rule::new("\"the leader must occasionally send snapshots to followers that lag behind\"", "§7");

pub(super) const ALL_CHUNKS: Rule = Rule::new(
    "\"Reply and wait for more data chunks if done is false\"",
    "Figure 13, InstallSnapshot, 4; §7",
);

pub(super) const SAVE_SNAPSHOT: Rule = Rule::new(
    "\"Save snapshot file, discard any existing or partial snapshot with a smaller index\"",
    "Figure 13, InstallSnapshot, 5; §7",
);

pub(super) const DISCARD_LOG: Rule = Rule::new(
    "\"If existing log entry has same index and term as snapshot's last included entry, \
     retain log entries following it and reply\", or else \"Discard the entire log\"",
    "Figure 13, InstallSnapshot, 6 and 7; §7",
);

pub(super) const RESET_SERVICE: Rule = Rule::new(
    "\"Reset state machine using snapshot contents\"",
    "Figure 13, InstallSnapshot, 8; §7",
);

pub(super) const LEADER_COMPLETENESS: Rule = Rule::new(
    "\"If a log entry is committed in a given term, then that entry will be present in the \
     logs of the leaders for all higher-numbered terms\"",
    "Figure 3; §5.4",
);

// ---- Tasks and locks ----

pub(super) const NO_LOCK_WHILE_WAITING: Rule = Rule::new(
    "\"It's usually a bad idea to hold a lock while doing anything that might wait\"",
    "MIT's advice about locking, rule 4",
);

pub(super) const TASKS_AWAIT: Rule =
    Rule::new("a task that waits lets other tasks have its thread", "asynchronous Rust");

pub(super) const KILLED: Rule = Rule::new("a killed server does nothing more", "the lab, Kill");
