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
