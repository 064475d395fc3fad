//! What is drawn otherwise in a run than by its seed, or noted, as data.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use chance::Stream;
use parking_lot::Mutex;

/// Which of a server's draws come out otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrawChange {
    /// When it draws, in microseconds, exactly.
    pub at_us: u64,
    /// The server.
    pub server: u32,
    /// Which change it is: each number gives other draws.
    pub number: u64,
}

/// A server has drawn from `rand::rng()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// When, in microseconds.
    pub at_us: u64,
    /// The server.
    pub server: u32,
    /// How many words of 32 bits it took.
    pub words: u64,
}

/// Which draws of servers a run changes or notes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) change: Option<DrawChange>,
    pub(crate) watch: Option<Range<u64>>,
}

/// From when on streams begin anew, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redraw {
    /// The time, in microseconds: it holds from the first millisecond on that isn't before it.
    pub at_us: u64,
    /// Which redraw at this time it is: each number gives other draws.
    pub number: u64,
    /// The streams.
    pub streams: Vec<Stream>,
}

/// The streams of a run that begin anew, and whether they have.
pub(crate) struct Anew {
    pub(crate) redraw: Option<Redraw>,
    pub(crate) has_begun: AtomicBool,
    /// Are told when they do.
    pub(crate) on_redraw: Mutex<Vec<OnRedraw>>,
}

/// Takes up streams that have begun anew.
type OnRedraw = Box<dyn Fn(&Redraw) + Send + Sync>;

impl Anew {
    pub(crate) fn new(redraw: Option<Redraw>) -> Anew {
        let has_begun = redraw.as_ref().is_some_and(|redraw| redraw.at_us == 0).into();
        Anew { redraw, has_begun, on_redraw: Mutex::default() }
    }

    /// The seed from which a stream begins now, in a run of `seed`.
    pub(crate) fn seed_of(&self, stream: Stream, seed: u64) -> u64 {
        match &self.redraw {
            Some(redraw)
                if redraw.streams.contains(&stream) && self.has_begun.load(Ordering::Relaxed) =>
            {
                chance::mixed(seed, &[redraw.at_us, redraw.number])
            }
            _ => seed,
        }
    }
}
