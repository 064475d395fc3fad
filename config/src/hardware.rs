//! What a server stands on, where it isn't perfect: a disk that takes time, a service that is slow,
//! and a power cut at a chosen moment.

use std::ops::RangeInclusive;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use raftapi::Persister;
use rand::RngExt as _;
use report::FailureKind;
use sim::Rng;
use sim::context::Owner;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::cluster::{Config, enter};

/// How long [`Config::crash_at_save`] waits for a save.
const SAVES_WITHIN: Duration = Duration::from_secs(10);

/// How often [`Saves::is_safe`] looks.
const LOOK: Duration = Duration::from_millis(1);

/// What is the same for all servers of a cluster.
#[derive(Debug)]
pub(crate) struct Hardware {
    /// For how long a sync takes.
    rng: Mutex<Rng>,
    sync_ms: Mutex<RangeInclusive<u64>>,
    apply_time: watch::Sender<Duration>,
    /// Who is to crash at its next save.
    doomed: Mutex<Option<usize>>,
    /// How many have crashed so.
    crashes: watch::Sender<u64>,
}

impl Hardware {
    pub(crate) fn new(rng: Rng) -> Hardware {
        Hardware {
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

/// What a server saves from some moment on; see [`Config::saves`].
#[derive(Debug)]
pub struct Saves {
    disk: Arc<Persister>,
    /// How often it had saved before.
    before: u64,
}

impl Saves {
    /// Waits until the server has saved something since then, and no crash can take that back. `false`
    /// if there is no such moment `within` this time.
    pub async fn is_safe(&self, within: Duration) -> bool {
        let is_safe = || {
            let (written, safe) = (self.disk.written(), self.disk.safe());
            written > self.before && safe == written
        };
        let begun = Instant::now();
        while !is_safe() && begun.elapsed() < within {
            sleep(LOOK).await;
        }
        is_safe()
    }
}

impl Config {
    /// What server `i` saves in its present life from now on.
    #[must_use]
    pub fn saves(&self, i: usize) -> Saves {
        let disk = self.disk(i);
        let before = disk.written();
        Saves { disk, before }
    }

    /// Sets how long a sync of a server's disk takes, in ms, for a Raft that uses
    /// [`Persister::write`](raftapi::Persister::write); at first it takes no time.
    ///
    /// # Panics
    /// If the range is empty.
    #[track_caller]
    pub fn set_sync_time(&self, ms: RangeInclusive<u64>) {
        assert!(
            !ms.is_empty(),
            "a sync takes {} to {} ms: the range is empty",
            ms.start(),
            ms.end()
        );
        self.note_network(match ms.end() {
            0 => "a sync takes no time".to_owned(),
            _ => format!("a sync takes {} to {} ms", ms.start(), ms.end()),
        });
        *self.hardware().sync_ms.lock() = ms;
    }

    /// Sets how long a service takes for each message that is applied, in ms; at first it takes no
    /// time.
    pub fn set_apply_time(&self, ms: u64) {
        self.note_network(format!("a service takes {ms} ms for what it applies"));
        self.hardware().apply_time.send_replace(Duration::from_millis(ms));
    }

    /// Crashes server `i` as soon as it has saved something: whatever it wanted to send after that
    /// is never sent. Completes when it has crashed.
    ///
    /// Fails the run (liveness) if it saves nothing within 10 s.
    #[track_caller]
    pub fn crash_at_save(&self, i: usize) -> impl Future<Output = ()> + Send {
        let here = Location::caller();
        self.t.step("crash_at_save", here);
        *self.hardware().doomed.lock() = Some(i);
        let mut crashes = self.hardware().crashes.subscribe();
        crashes.mark_unchanged();
        let config = self.clone();
        async move {
            if timeout(SAVES_WITHIN, crashes.changed()).await.is_err() {
                let message = format!("server {i} has saved nothing for 10 s");
                config.t.fatal_at(here, FailureKind::Liveness, message);
            }
        }
    }

    /// A server has saved something. The caller may hold any lock of the server's.
    pub(crate) fn has_saved(&self, owner: Owner) {
        let i = owner.server as usize;
        let mut doomed = self.hardware().doomed.lock();
        // One that is still being made can't crash yet, and a dead life's saves are nobody's.
        if *doomed != Some(i) || !self.is_running(owner) {
            return;
        }
        *doomed = None;
        drop(doomed);
        if let Some((owner, raft)) = self.unplug(i) {
            // Not here, where its own lock may be held.
            tokio::spawn(async move {
                let _entered = enter(owner, "kill");
                raft.kill();
            });
        }
        self.hardware().crashes.send_modify(|crashes| *crashes += 1);
    }
}
