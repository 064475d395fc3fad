//! A disk that takes time, a service that is slow, and a power cut at a chosen moment.

use std::ops::RangeInclusive;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use raftapi::Persister;
use report::{Check, FailureKind, NetworkChange, Saved};
use sim::context::Owner;
use sim::enter_call;
use tokio::time::{Instant, sleep, timeout};

use crate::cluster::Config;

/// How long [`Config::crash_at_save`] waits for a save.
const SAVES_WITHIN: Duration = Duration::from_secs(10);

/// How often [`Saves::is_safe`] looks.
const LOOK: Duration = Duration::from_millis(1);

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
        let what = match ms.end() {
            0 => "a sync takes no time".to_owned(),
            _ => format!("a sync takes {} to {} ms", ms.start(), ms.end()),
        };
        let us = ms.end().saturating_mul(1000);
        self.note_change(NetworkChange::SyncTime { us }, what);
        *self.disks().sync_ms.lock() = ms;
    }

    /// Sets how long a service takes for each message that is applied, in ms; at first it takes no
    /// time.
    pub fn set_apply_time(&self, ms: u64) {
        self.note_network(format!("a service takes {ms} ms for what it applies"));
        self.disks().apply_time.send_replace(Duration::from_millis(ms));
    }

    /// Crashes server `i` as soon as it has saved something: whatever it wanted to send after that
    /// is never sent. Completes when it has crashed.
    ///
    /// Fails the run (liveness) if it saves nothing within 10 s.
    #[track_caller]
    pub fn crash_at_save(&self, i: usize) -> impl Future<Output = ()> + Send {
        let here = Location::caller();
        self.t.step("crash_at_save", here);
        *self.disks().doomed.lock() = Some(i);
        let mut crashes = self.disks().crashes.subscribe();
        crashes.mark_unchanged();
        let config = self.clone();
        async move {
            if timeout(SAVES_WITHIN, crashes.changed()).await.is_err() {
                let message = format!("server {i} has saved nothing for 10 s");
                let check = Check::Saved { server: i as u32, what: Saved::Command };
                config.t.fatal_at(here, (FailureKind::Liveness, check), message);
            }
        }
    }

    /// A server has saved something. The caller may hold any lock of the server's.
    pub(crate) fn has_saved(&self, owner: Owner) {
        let i = owner.server as usize;
        let mut doomed = self.disks().doomed.lock();
        // One that is still being made can't crash yet, and a dead life's saves are nobody's.
        if *doomed != Some(i) || !self.is_running(owner) {
            return;
        }
        *doomed = None;
        drop(doomed);
        if let Some((owner, raft)) = self.unplug(i) {
            // Not here, where its own lock may be held.
            sim::spawn_unnumbered(async move {
                let _entered = enter_call(owner, "kill");
                raft.kill();
            });
        }
        self.disks().crashes.send_modify(|crashes| *crashes += 1);
    }
}
