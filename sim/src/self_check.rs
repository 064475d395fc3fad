//! Is the same seed the same run on this platform? Tried, not assumed.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use crate::{Clock, Ending, Settings, run};

/// What does not follow the seed here, so that a run can't be replayed exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotReplayable(Vec<&'static str>);

impl fmt::Display for NotReplayable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "does not follow the seed on this platform: {}", self.0.join(", "))
    }
}

/// What two runs of one seed must agree on.
#[derive(PartialEq)]
struct Probe {
    hash: u64,
    random: u64,
    system_time: SystemTime,
    slept: Duration,
}

fn probe() -> Probe {
    let settings = Settings::new(1, Clock::Virtual, Duration::from_secs(10));
    let body = |_| async {
        let before = Instant::now();
        tokio::time::sleep(Duration::from_secs(5)).await;
        Probe {
            hash: RandomState::new().hash_one(0),
            random: rand::random(),
            system_time: SystemTime::now(),
            slept: before.elapsed(),
        }
    };
    run(settings, body, |_, ending| match ending {
        Ending::Finished(probe) => probe,
        other => unreachable!("the self-check's body only sleeps, yet it ended as {other:?}"),
    })
}

/// Runs one seed twice and compares what should follow it. Done once a process; costs two threads.
pub fn self_check() -> Result<(), NotReplayable> {
    static RESULT: OnceLock<Result<(), NotReplayable>> = OnceLock::new();
    let check = || {
        let (first, second) = (probe(), probe());
        let mut leaks = Vec::new();
        if first.hash != second.hash {
            leaks.push("the order of a HashMap");
        }
        if first.random != second.random {
            leaks.push("rand::rng()");
        }
        if first.system_time != second.system_time {
            leaks.push("SystemTime::now()");
        }
        if [first.slept, second.slept] != [Duration::from_secs(5); 2] {
            leaks.push("Instant::now()");
        }
        if leaks.is_empty() { Ok(()) } else { Err(NotReplayable(leaks)) }
    };
    RESULT.get_or_init(check).clone()
}
