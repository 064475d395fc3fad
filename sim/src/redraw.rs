//! Runs that part from their seed's: from a time on, streams begin anew.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use rand::RngExt as _;

use crate::draws::{self, Drawn};
use crate::handle::{self, Sim};
use crate::stream::{self, Rng, Stream};

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
    redraw: Option<Redraw>,
    has_begun: AtomicBool,
    /// Are told when they do.
    on_redraw: Mutex<Vec<OnRedraw>>,
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
                stream::mixed(seed, &[redraw.at_us, redraw.number])
            }
            _ => seed,
        }
    }
}

impl Sim {
    /// Calls `f` when streams of the run begin anew: who holds one of these, and of these only, takes it from the
    /// run again. It is called between polls, while time moves on.
    pub fn on_redraw(&self, f: impl Fn(&Redraw) + Send + Sync + 'static) {
        let anew = self.anew();
        if anew.redraw.is_some() {
            anew.on_redraw.lock().push(Box::new(f));
        }
    }

    /// What servers drew while that was watched. For the run's own thread.
    #[must_use]
    pub fn draws(&self) -> Vec<Drawn> {
        draws::seen()
    }

    /// Lets streams begin anew, if it is time for that.
    pub(crate) fn redraw_in_time(&self) {
        let anew = self.anew();
        let Some(redraw) = &anew.redraw else { return };
        if self.virtual_us() < redraw.at_us || anew.has_begun.swap(true, Ordering::Relaxed) {
            return;
        }
        if redraw.streams.contains(&Stream::Student) {
            handle::set_student_stream(self.stream(Stream::Student));
            draws::reseed();
        }
        if redraw.streams.contains(&Stream::Runtime) {
            skip_in_runtime(&mut self.stream(Stream::Runtime));
        }
        anew.on_redraw.lock().iter().for_each(|take_up| take_up(redraw));
    }
}

/// tokio's generator goes on elsewhere in its sequence.
fn skip_in_runtime(rng: &mut Rng) {
    for _ in 0..rng.random_range(1..1 << 12) {
        // Each draws once which of the two it looks at first.
        let mut future = std::pin::pin!(async {
            tokio::select! {
                () = std::future::ready(()) => {}
                () = std::future::ready(()) => {}
            }
        });
        let mut task = std::task::Context::from_waker(std::task::Waker::noop());
        let _ = future.as_mut().poll(&mut task);
    }
}
