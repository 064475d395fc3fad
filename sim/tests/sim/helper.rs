//! Runs a body that is expected to finish, and says why when it doesn't.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sim::{Clock, Ending, Panic, Settings, Sim};

/// More than any body here takes, by either clock.
pub(crate) const LIMIT: Duration = Duration::from_secs(100);

/// Runs `body` in virtual time to its end and returns its result.
pub(crate) fn finish<T, F, Fut>(seed: u64, body: F) -> T
where
    T: Send + 'static,
    F: FnOnce(Sim) -> Fut + Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    let (ending, panics) = observe(seed, Clock::Virtual, LIMIT, body);
    match ending {
        Ending::Finished(result) => result,
        other => panic!("the body should have finished, but it is {other:?}: {panics:?}"),
    }
}

/// Runs `body` and returns how it ended, and all panics that were told of.
pub(crate) fn observe<T, F, Fut>(
    seed: u64,
    clock: Clock,
    limit: Duration,
    body: F,
) -> (Ending<T>, Vec<Panic>)
where
    T: Send + 'static,
    F: FnOnce(Sim) -> Fut + Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    let panics: Arc<Mutex<Vec<Panic>>> = Arc::default();
    let told = panics.clone();
    let settings = Settings::new(seed, clock, limit)
        .on_panic(move |panic| told.lock().expect("nobody panics with it").push(panic));
    let ending = sim::run(settings, body, |_, ending| ending);
    let panics = panics.lock().expect("nobody panics with it").clone();
    (ending, panics)
}

/// The only element of `items`.
#[track_caller]
pub(crate) fn only<T: Debug>(items: Vec<T>) -> T {
    let [item] = <[T; 1]>::try_from(items).unwrap_or_else(|items| panic!("not one: {items:?}"));
    item
}
