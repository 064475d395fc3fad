//! What all servers of a cluster stand on: a disk that may take time, and a service that may be slow.

use std::ops::RangeInclusive;
use std::time::Duration;

use parking_lot::Mutex;
use rand::RngExt as _;
use sim::Rng;
use tokio::sync::watch;
use tokio::time::timeout;

/// What is the same for all servers of a cluster.
#[derive(Debug)]
pub(crate) struct Disk {
    /// For how long a sync takes.
    pub(crate) rng: Mutex<Rng>,
    pub(crate) sync_ms: Mutex<RangeInclusive<u64>>,
    pub(crate) apply_time: watch::Sender<Duration>,
    /// Who is to crash at its next save.
    pub(crate) doomed: Mutex<Option<usize>>,
    /// How many have crashed so.
    pub(crate) crashes: watch::Sender<u64>,
}

impl Disk {
    pub(crate) fn new(rng: Rng) -> Disk {
        Disk {
            rng: Mutex::new(rng),
            sync_ms: Mutex::new(0..=0),
            apply_time: watch::channel(Duration::ZERO).0,
            doomed: Mutex::default(),
            crashes: watch::channel(0).0,
        }
    }

    /// How long the next sync takes.
    pub(crate) fn sync_time(&self) -> Duration {
        let range = self.sync_ms.lock().clone();
        match range.end() {
            0 => Duration::ZERO,
            _ => Duration::from_millis(self.rng.lock().random_range(range)),
        }
    }

    /// Nothing takes any time from now on.
    pub(crate) fn be_perfect(&self) {
        *self.sync_ms.lock() = 0..=0;
        self.apply_time.send_replace(Duration::ZERO);
    }

    /// Takes the time that a service takes for one message; one that is under way is done as soon as it
    /// takes none.
    pub(crate) async fn apply(&self) {
        let time = *self.apply_time.borrow();
        if !time.is_zero() {
            let mut times = self.apply_time.subscribe();
            // Either is the end of it.
            let _ = timeout(time, times.wait_for(Duration::is_zero)).await;
        }
    }
}
