//! Runs that part from their seed's: from a time on, streams begin anew.

use std::sync::atomic::Ordering;

use chance::{Rng, Stream};
use rand::RngExt as _;

use crate::draw::{Drawn, Redraw};
use crate::draws;
use crate::handle::{self, Sim};

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
