//! A killed server's tasks end soon, also those that wait for a call which takes seconds to fail.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use config::{Reliability, Snapshots, make_config};
use tokio::time::sleep;
use zoo::Bug;

use crate::child::run_with;

#[test]
fn tasks_end_within_a_second() {
    for bug in [Bug::None, Bug::BlocksOnVotes] {
        config::test(move |t| async move {
            let made: Arc<Mutex<Vec<Weak<dyn raftapi::Raft>>>> = Arc::default();
            let makes = made.clone();
            let make = zoo::make_with(bug);
            let cfg = make_config(
                &t,
                3,
                Reliability::Reliable,
                Snapshots::Off,
                move |peers, me, saved, apply_ch| {
                    let raft = make(peers, me, saved, apply_ch);
                    makes.lock().unwrap().push(Arc::downgrade(&raft));
                    raft
                },
            );
            cfg.begin("Zoo: the tasks of a killed server end");

            // One leads, and its heartbeats don't come back; the others ask for votes in vain.
            cfg.check_one_leader().await;
            (0..3).for_each(|server| cfg.disconnect(server));
            sleep(Duration::from_millis(1500)).await;
            (0..3).for_each(|server| cfg.crash1(server));

            sleep(Duration::from_secs(1)).await;
            for (server, raft) in made.lock().unwrap().iter().enumerate() {
                // Its tasks hold it, and so do the calls that are under way to it.
                assert_eq!(raft.strong_count(), 0, "something of server {server} goes on");
            }
            cfg.end();
        });
    }
}

#[test]
fn both_rafts_are_run() {
    let seed = [("LAB_SEED", "1".to_owned())];
    let runs = run_with(seed, &["killed::tasks_end_within_a_second", "--exact"]);
    let [first, second] = &runs.results[..] else { panic!("not two runs:\n{}", runs.output) };
    assert_eq!((first.call, second.call), (1, 2), "{}", runs.output);
    assert_ne!(first.history, second.history, "the same Raft was run twice:\n{}", runs.output);
}
