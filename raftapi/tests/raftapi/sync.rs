//! A disk as disks are: what is written is safe when it is synced.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use raftapi::Persister;
use sim::{Clock, Ending, Settings};
use tokio::time::{Instant, sleep};

/// Runs `script` in virtual time with a persister whose syncs take 10 ms, then 20 ms, and so on.
fn run<Fut>(script: fn(Arc<Persister>) -> Fut)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let panics: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = panics.clone();
    let settings = Settings::new(1, Clock::Virtual, Duration::from_secs(10))
        .on_panic(move |panic| told.lock().expect("no panic here").push(panic.message));
    let syncs = AtomicU64::new(0);
    let sync_time = move || Duration::from_millis(10 * (1 + syncs.fetch_add(1, Ordering::Relaxed)));
    let script = move |_| script(Arc::new(Persister::new().slow(sync_time)));
    match sim::run(settings, script, |_, ending| ending) {
        Ending::Finished(()) => {}
        other => panic!("{other:?}: {:?}", panics.lock().expect("no panic there")),
    }
}

fn write(persister: &Persister, state: &'static str) {
    persister.write(Bytes::from(state), Bytes::new());
}

/// What a crash now would leave of the state.
fn after_crash(persister: &Persister) -> Bytes {
    persister.copy().read_raft_state()
}

#[test]
fn what_is_written_is_read_and_lost_in_a_crash() {
    run(|persister| async move {
        persister.save("safe".into(), "snapshot".into());
        persister.write("written".into(), "another".into());
        assert_eq!(persister.read_raft_state(), "written");
        assert_eq!(persister.read_snapshot(), "another");
        let copy = persister.copy();
        assert_eq!(
            (copy.read_raft_state(), copy.read_snapshot()),
            ("safe".into(), "snapshot".into())
        );
    });
}

#[test]
fn a_sync_takes_its_time_and_then_all_is_safe() {
    run(|persister| async move {
        write(&persister, "first");
        let begun = Instant::now();
        let syncing = tokio::spawn({
            let persister = persister.clone();
            async move { persister.sync().await }
        });
        sleep(Duration::from_millis(5)).await;
        assert_eq!(after_crash(&persister), "");
        // What is written meanwhile needs another sync.
        write(&persister, "second");
        syncing.await.expect("it doesn't panic");
        assert_eq!(begun.elapsed(), Duration::from_millis(10));
        assert_eq!(after_crash(&persister), "first");
        persister.sync().await;
        assert_eq!(begun.elapsed(), Duration::from_millis(30));
        assert_eq!(after_crash(&persister), "second");

        // There is nothing more to do.
        persister.sync().await;
        assert_eq!(begun.elapsed(), Duration::from_millis(30));
    });
}

#[test]
fn a_save_is_safe_at_once_and_an_earlier_sync_takes_nothing_back() {
    run(|persister| async move {
        write(&persister, "written");
        let syncing = tokio::spawn({
            let persister = persister.clone();
            async move { persister.sync().await }
        });
        sleep(Duration::from_millis(5)).await;
        persister.save("saved".into(), Bytes::new());
        assert_eq!(after_crash(&persister), "saved");
        syncing.await.expect("it doesn't panic");
        assert_eq!(after_crash(&persister), "saved");
    });
}

#[test]
fn a_sync_takes_no_time_on_mit_s_disk() {
    run(|_| async move {
        let persister = Persister::new();
        write(&persister, "written");
        let begun = Instant::now();
        persister.sync().await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert_eq!(after_crash(&persister), "written");
    });
}

/// By memory that both have, what the dead instance has left running could tell the next one something.
#[test]
fn a_copy_shares_no_memory_with_what_was_saved() {
    let saved = [vec![1; 64], vec![2; 64]].map(Bytes::from);
    let persister = Persister::new();
    persister.save(saved[0].clone(), saved[1].clone());
    let copy = persister.copy();
    for (read, saved) in [copy.read_raft_state(), copy.read_snapshot()].iter().zip(&saved) {
        assert_eq!(read, saved);
        assert_ne!(read.as_ptr(), saved.as_ptr());
    }
}
