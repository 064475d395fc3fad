//! One thing that happened in a run, as plain data.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::rpc::Outcome;

/// A point of a run's time, in microseconds since the run began; virtual where the clock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time(pub u64);

impl Time {
    /// The time from `earlier` to this one; zero if `earlier` is the later of the two.
    #[must_use]
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl From<Duration> for Time {
    fn from(since_start: Duration) -> Time {
        Time(u64::try_from(since_start.as_micros()).unwrap_or(u64::MAX))
    }
}

impl From<Time> for Duration {
    fn from(time: Time) -> Duration {
        Duration::from_micros(time.0)
    }
}

impl fmt::Display for Time {
    /// Seconds, to the hundredth unless the format asks for another precision.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = Duration::from(*self).as_secs_f64();
        write!(f, "{seconds:.*}", f.precision().unwrap_or(2))
    }
}

/// A call's number within its run, from 0 in the order of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RpcId(pub u64);

/// Who made a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Caller {
    /// The calling server's number, from 0.
    pub server: u32,
    /// Which of its lives made the call, from 1.
    pub incarnation: u32,
}

/// An encoded message, and the way to show it.
#[derive(Clone)]
pub struct Payload {
    bytes: Arc<[u8]>,
    render: fn(&[u8]) -> Result<Value, String>,
}

impl Payload {
    /// The message `bytes`, which `render` turns into field names and values.
    #[must_use]
    pub fn new(bytes: Arc<[u8]>, render: fn(&[u8]) -> Result<Value, String>) -> Payload {
        Payload { bytes, render }
    }

    /// The message as it was on the wire.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The message as field names and values.
    ///
    /// # Errors
    /// If the bytes don't decode as what their sender says they are.
    pub fn render(&self) -> Result<Value, String> {
        (self.render)(&self.bytes)
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.render() {
            Ok(value) => write!(f, "{value}"),
            Err(_) => write!(f, "{} bytes", self.bytes.len()),
        }
    }
}

/// One thing that happened, and when.
#[derive(Clone, Debug)]
pub struct Event {
    /// When it happened.
    pub at: Time,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum EventKind {
    /// A call left its caller.
    RpcSent {
        /// The call.
        id: RpcId,
        /// Who called; `None` for a caller that is no server.
        from: Option<Caller>,
        /// The server that the end is connected to; `None` if it is connected to none.
        to: Option<u32>,
        /// Service and method, as in `Raft.RequestVote`.
        method: &'static str,
        /// The encoded arguments.
        args: Payload,
    },
    /// A call reached its server, whose handler begins.
    RpcDelivered {
        /// The call.
        id: RpcId,
    },
    /// A call's handler ended.
    RpcHandled {
        /// The call.
        id: RpcId,
        /// The encoded reply.
        reply: Payload,
    },
    /// A call returned to its caller, who may have stopped waiting.
    RpcReturned {
        /// The call.
        id: RpcId,
        /// With what, and why.
        outcome: Outcome,
    },
    /// A server came to life.
    Started {
        /// The server, in its new incarnation.
        server: Caller,
    },
    /// A server was crashed.
    Crashed {
        /// The server, in the incarnation that ended.
        server: Caller,
    },
    /// A server's links were enabled, to every other connected server.
    Connected {
        /// The server.
        server: u32,
    },
    /// A server's links were disabled.
    Disconnected {
        /// The server.
        server: u32,
    },
    /// The script reached a step: a checker, or a fault.
    Step {
        /// What the step does, in the tester's words.
        what: &'static str,
        /// The script's file.
        file: &'static str,
        /// The script's line.
        line: u32,
    },
    /// A checker or the script asked a server for its state.
    Viewed {
        /// The server.
        server: u32,
        /// Its current term.
        term: u64,
        /// Whether it believes that it is the leader.
        is_leader: bool,
    },
}
