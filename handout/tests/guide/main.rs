//! The code that the guide shows, run: each trap does here what the guide says of it.
//!
//! The guide includes the parts between `ANCHOR` and `ANCHOR_END`.

mod cancelled;
mod shared;
mod timing;

use std::time::Duration;

use sim::{Clock, Ending, Settings, Sim};

/// Runs `script` in virtual time, and returns what it returns.
pub(crate) fn run<T, Fut>(script: impl FnOnce(Sim) -> Fut + Send + 'static) -> T
where
    T: Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    let settings = Settings::new(1, Clock::Virtual, Duration::from_secs(60));
    sim::run(settings, script, |_, ending| match ending {
        Ending::Finished(value) => value,
        other => panic!("{other:?}"),
    })
}
