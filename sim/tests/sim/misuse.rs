//! What simulated code must not do: each is noticed, named at its own line, and ends the run.

use std::panic::Location;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sim::context::{self, Activity, Context, Owner};
use sim::{Clock, Ending, Misuse, Misused, Settings, Sim};
use tokio::time::sleep;

use crate::helper::LIMIT;

/// Runs `body` after 3 ms, on behalf of server 2, and returns how the run ended and what was noticed.
fn misuses<Fut>(body: impl FnOnce() -> Fut + Send + 'static) -> (Ending<()>, Vec<Misused>)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let noticed = Arc::new(Mutex::new(Vec::new()));
    let notice = noticed.clone();
    let settings = Settings::new(1, Clock::Virtual, LIMIT)
        .on_misuse(move |misused| notice.lock().unwrap().push(misused));
    let owner = Owner { server: 2, incarnation: 1 };
    let script = move |_| async move {
        sleep(Duration::from_millis(3)).await;
        let entered = context::enter(Some(Context { owner, activity: Activity::Call("make") }));
        let task = tokio::spawn(async { body().await });
        drop(entered);
        let _ = task.await;
        std::future::pending::<()>().await;
    };
    let ending = sim::run(settings, script, |_: &Sim, ending| ending);
    let noticed = noticed.lock().unwrap().clone();
    (ending, noticed)
}

/// Checks what is the same for every misuse; `line` is the user's.
fn check(ending: &Ending<()>, misused: &Misused, line: u32) {
    assert!(matches!(ending, Ending::Stopped), "{ending:?}");
    assert_eq!(misused.at, Duration::from_millis(3));
    let location = misused.location.as_deref().expect("tests have debug information");
    assert!(location.ends_with(&format!("tests/sim/misuse.rs:{line}")), "{location}, not {line}");
    if cfg!(tokio_unstable) {
        assert_eq!(misused.context.expect("a server's task").owner.server, 2);
    }
}

#[test]
fn a_blocking_sleep_is_named_at_its_line() {
    const LINE: u32 = line!() + 2;
    let (ending, misused) = misuses(|| async {
        std::thread::sleep(Duration::from_millis(50));
    });
    assert_eq!(misused[0].misuse, Misuse::BlockingSleep(Duration::from_millis(50)));
    check(&ending, &misused[0], LINE);
    let text = misused[0].misuse.to_string();
    assert!(text.contains("write tokio::time::sleep(50ms).await instead"), "{text}");
}

#[test]
fn an_os_thread_is_refused_and_named_at_its_line() {
    const LINE: u32 = line!() + 2;
    let (ending, misused) = misuses(|| async {
        let refused = std::thread::Builder::new().spawn(|| ());
        assert!(refused.is_err());
    });
    assert_eq!(misused[0].misuse, Misuse::OsThread);
    check(&ending, &misused[0], LINE);
}

#[test]
fn spawn_blocking_is_named_at_its_line() {
    const LINE: u32 = line!() + 2;
    let (ending, misused) = misuses(|| async {
        let _ = tokio::task::spawn_blocking(|| ()).await;
    });
    assert_eq!(misused[0].misuse, Misuse::OsThread);
    check(&ending, &misused[0], LINE);
}

#[test]
#[cfg(tokio_unstable)]
fn a_loop_in_which_time_stands_still_is_named_by_who_spawned_it() {
    for looping in [yields as fn() -> _, sleeps_for_nothing] {
        let (ending, misused) = misuses(looping);
        let Misuse::TimeStandsStill { spawned_at } = misused[0].misuse else {
            panic!("{misused:?}")
        };
        let spawner: &Location<'_> = spawned_at;
        check(&ending, &misused[0], spawner.line());
        let text = misused[0].misuse.to_string();
        assert!(text.contains("virtual time stands still"), "{text}");
    }
}

#[cfg(tokio_unstable)]
fn yields() -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async {
        loop {
            tokio::task::yield_now().await;
        }
    })
}

#[cfg(tokio_unstable)]
fn sleeps_for_nothing() -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async {
        loop {
            sleep(Duration::ZERO).await;
            tokio::task::yield_now().await;
        }
    })
}
