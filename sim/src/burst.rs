//! What one server sends at a time.

use std::panic::Location;
use std::time::Duration;

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

/// Who waits for so long between two calls makes a pause, in microseconds of virtual time.
const PAUSE_US: u64 = 1000;

/// How often one server has called another in the same way, with no other call between them and no pause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SameCalls {
    /// How many calls there are by now.
    pub calls: u64,
    /// When the first of them was made, in microseconds of virtual time.
    pub since_us: u64,
    /// When the last of them was made.
    last_us: u64,
}

impl SameCalls {
    /// Another call is made at `now_us`: the same as the last, or not.
    pub fn add(&mut self, is_same: bool, now_us: u64) {
        if !is_same || self.calls == 0 || now_us - self.last_us >= PAUSE_US {
            *self = SameCalls { calls: 0, since_us: now_us, last_us: now_us };
        }
        self.calls += 1;
        self.last_us = now_us;
    }
}
