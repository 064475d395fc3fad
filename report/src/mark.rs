//! What a run's record has besides, so that the run can be made again without the code of its servers.

use serde::{Deserialize, Serialize};

use crate::event::{Caller, RpcId};
use crate::payload::Payload;

/// What is recorded of a run that is to be made again without the code of its servers: puppets stand in for them, and do
/// what the other events say. These say what else servers did, and when whose turn it was.
///
/// They are recorded only where somebody asks for them, and aren't part of what identifies a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "mark", rename_all = "snake_case")]
pub enum Mark {
    /// A task of the script's or the network's goes on.
    Turn {
        /// Which: 0 is the script itself; they are numbered in the order in which they are spawned.
        task: u32,
    },
    /// The script has come to its end.
    End,
    /// A handler waits. Others end before anything else happens.
    Waits {
        /// Its call.
        id: RpcId,
    },
    /// A handler that has waited has ended, and is about to be looked at.
    Answers {
        /// Its call.
        id: RpcId,
    },
    /// A server has answered `start`.
    Started {
        /// The server.
        server: Caller,
        /// Index and term, if it has accepted the command.
        answer: Option<(u64, u64)>,
    },
    /// Another call of the tester's has returned.
    Returned {
        /// The server.
        server: Caller,
        /// Which call.
        call: TesterCall,
    },
    /// From now on, a server answers `get_state` so.
    State {
        /// The server.
        server: Caller,
        /// Its term.
        term: u64,
        /// Whether it says that it leads.
        is_leader: bool,
        /// Why it was asked.
        asked: Asked,
    },
    /// How a server saves what the next event says that it saves.
    Saves {
        /// The server.
        server: Caller,
        /// What a crash makes of it.
        durable: Durable,
        /// The snapshot that it saves; `None` if it is the one that it had.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        snapshot: Option<Payload>,
    },
    /// A server has begun to sync its disk.
    Syncs {
        /// The server.
        server: Caller,
    },
    /// What a server applies of which the next event says that it is a snapshot.
    Applies {
        /// The server.
        server: Caller,
        /// The term of the last entry that it covers.
        term: u64,
        /// The snapshot.
        snapshot: Payload,
    },
    /// Nobody can make this run again without its servers' code.
    Alone {
        /// Why.
        why: String,
    },
}

/// A call of the tester's that has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TesterCall {
    /// The server is made.
    Make,
    /// It is given a snapshot.
    Snapshot,
    /// It is killed.
    Kill,
}

/// Why a server was asked for its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// The script asked, or it had to do with others.
    Due,
    /// Its tasks have run, and the network has its turn.
    AtTurn,
    /// Its tasks have run, and all tasks wait.
    AtRest,
}

/// When a crash no longer takes back what is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durable {
    /// At once.
    Now,
    /// When a sync has ended.
    AtSync,
}
