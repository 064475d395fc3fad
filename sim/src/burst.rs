//! What one server sends at a time.

use std::panic::Location;
use std::time::Duration;

/// What counts as going on for long, in microseconds of virtual time.
pub(crate) const LONG_US: u64 = 1_000_000;

/// What one server sent within 10 ms of virtual time; or, if its calls went on for too long, within a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// The server.
    pub server: u32,
    /// How many calls it made.
    pub calls: u64,
    /// How many bytes of arguments and replies it sent.
    pub bytes: u64,
    /// From its first message to its last.
    pub lasted: Duration,
    /// The line of the last call.
    pub called_at: Option<&'static Location<'static>>,
}

/// How often one server has called another in the same way within a second, with no other call between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SameCalls {
    /// How many calls there are by now.
    pub calls: u64,
    /// When the first of them was made, in microseconds of virtual time.
    pub since_us: u64,
}

impl SameCalls {
    /// Another call is made at `now_us`: the same as the last, or not.
    pub fn add(&mut self, is_same: bool, now_us: u64) {
        if !is_same || now_us - self.since_us > LONG_US {
            *self = SameCalls { calls: 0, since_us: now_us };
        }
        self.calls += 1;
    }
}
