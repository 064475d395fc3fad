//! What simulated code must not do: each is noticed, named at its own line, and ends the run.

use std::panic::Location;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sim::context::{Activity, Context, Owner};
use sim::{Burst, Clock, ClockGuard, Ending, Meddling, Misuse, Misused, Settings, Sim};
use tokio::time::sleep;

use crate::helper::LIMIT;

/// Runs `body` after 3 ms, on behalf of server 2, and returns how the run ended and what was noticed.
fn misuses<Fut>(body: impl FnOnce() -> Fut + Send + 'static) -> (Ending<()>, Vec<Misused>)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    misuses_guarded(ClockGuard::Notices, body)
}

/// The same, with this guard of the clock.
fn misuses_guarded<Fut>(
    guard: ClockGuard,
    body: impl FnOnce() -> Fut + Send + 'static,
) -> (Ending<()>, Vec<Misused>)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    misuses_in(guard, |_| body())
}

/// The same of a `body` that is given its run.
fn misuses_in<Fut>(
    guard: ClockGuard,
    body: impl FnOnce(Sim) -> Fut + Send + 'static,
) -> (Ending<()>, Vec<Misused>)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let noticed = Arc::new(Mutex::new(Vec::new()));
    let notice = noticed.clone();
    let settings = Settings::new(1, Clock::Virtual, LIMIT)
        .clock_guard(guard)
        .on_misuse(move |misused| notice.lock().unwrap().push(misused));
    let owner = Owner { server: 2, incarnation: 1 };
    let script = move |sim| async move {
        sleep(Duration::from_millis(3)).await;
        let entered = sim::enter(Some(Context { owner, activity: Activity::Call("make") }));
        let task = tokio::spawn(async { body(sim).await });
        drop(entered);
        let _ = task.await;
        std::future::pending::<()>().await;
    };
    let ending = sim::run(settings, script, |_: &Sim, ending| ending);
    let noticed = noticed.lock().unwrap().clone();
    (ending, noticed)
}

/// The line that spawns the task.
#[cfg(tokio_unstable)]
const SPAWNED: u32 = 49;

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
        let Misuse::TimeStandsStill { polls: 1_000_000, spawned_at: Some(spawned_at) } =
            misused[0].misuse
        else {
            panic!("{misused:?}")
        };
        let spawner: &Location<'_> = spawned_at;
        check(&ending, &misused[0], spawner.line());
        let text = misused[0].misuse.to_string();
        assert!(text.contains("stands still: tasks were polled 1,000,000 times at one"), "{text}");
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

#[test]
#[cfg(tokio_unstable)]
fn a_mass_of_tasks_is_told_from_a_loop_that_waits_for_nothing() {
    let (ending, misused) = misuses(|| async {
        loop {
            tokio::spawn(async {});
        }
    });
    let Misuse::MassOfTasks { spawned, within, spawned_at: Some(spawned_at) } = misused[0].misuse
    else {
        panic!("{misused:?}")
    };
    // The run's own tasks, 3 ms before, are of the same burst.
    assert_eq!(spawned, 500_000);
    assert!(within <= Duration::from_millis(3), "{within:?}");
    check(&ending, &misused[0], spawned_at.line());
}

#[test]
fn a_loop_of_calls_is_ended_at_its_line() {
    const LINE: u32 = line!() + 3;
    let (ending, misused) = misuses_in(ClockGuard::Notices, |sim| async move {
        loop {
            sim.count_call(2, 5, Location::caller());
        }
    });
    let Misuse::MassOfCalls(Burst { server: 2, calls: 200_000, lasted: Duration::ZERO, .. }) =
        misused[0].misuse
    else {
        panic!("{misused:?}")
    };
    check(&ending, &misused[0], LINE);
}

const FIVE: Duration = Duration::from_secs(5);

/// What is noticed of `body` by a guard that only notices, and then by one that refuses.
fn by_either_guard<Fut>(body: fn() -> Fut) -> [(Ending<()>, Vec<Misused>); 2]
where
    Fut: Future<Output = ()> + Send + 'static,
{
    [ClockGuard::Notices, ClockGuard::Refuses].map(|guard| misuses_guarded(guard, body))
}

#[test]
#[cfg(tokio_unstable)]
fn a_clock_that_is_advanced_is_noticed_and_named_at_its_line_by_a_guard_that_refuses() {
    const LINE: u32 = line!() + 3;
    let [(ending, noticed), (refused, named)] = by_either_guard(|| async {
        sleep(Duration::ZERO).await;
        tokio::time::advance(FIVE).await;
        sleep(FIVE).await;
    });
    assert_eq!(noticed.len(), 1, "{noticed:?}");
    assert_eq!(noticed[0].misuse, Misuse::Clock(Meddling::Advanced(Some(FIVE))));
    // Where the task was spawned.
    check(&ending, &noticed[0], SPAWNED);
    let text = noticed[0].misuse.to_string();
    assert!(text.contains("advance(5s) moves the clock of the whole cluster"), "{text}");
    assert!(text.contains("write tokio::time::sleep(5s).await instead"), "{text}");
    assert_eq!(named[0].misuse, Misuse::Clock(Meddling::Advanced(None)));
    check(&refused, &named[0], LINE);
}

#[test]
#[cfg(tokio_unstable)]
fn a_clock_that_is_resumed_is_noticed_and_named_at_its_line_by_a_guard_that_refuses() {
    const LINE: u32 = line!() + 2;
    let [(ending, noticed), (refused, named)] = by_either_guard(|| async {
        tokio::time::resume();
        sleep(FIVE).await;
    });
    assert_eq!(noticed.len(), 1, "{noticed:?}");
    assert_eq!(noticed[0].misuse, Misuse::Clock(Meddling::Resumed));
    check(&ending, &noticed[0], SPAWNED);
    assert_eq!(named[0].misuse, Misuse::Clock(Meddling::Resumed));
    check(&refused, &named[0], LINE);
}

#[test]
fn a_clock_that_is_resumed_in_a_call_is_the_call_s() {
    const LINE: u32 = line!() + 5;
    let [(_, noticed), (_, named)] = by_either_guard(|| async {
        let owner = Owner { server: 2, incarnation: 1 };
        let call = Activity::Call("get_state");
        let entered = sim::enter(Some(Context { owner, activity: call }));
        tokio::time::resume();
        drop(entered);
    });
    for misused in [&noticed[0], &named[0]] {
        assert_eq!(misused.misuse, Misuse::Clock(Meddling::Resumed));
        let context = misused.context.expect("it was entered");
        assert_eq!(context.activity, Activity::Call("get_state"));
    }
    assert!(named[0].location.as_ref().is_some_and(|at| at.ends_with(&format!(":{LINE}"))));
}

#[test]
fn a_clock_that_is_paused_is_named_at_its_line() {
    const LINE: u32 = line!() + 2;
    let (ending, misused) = misuses(|| async {
        tokio::time::pause();
    });
    assert_eq!(misused[0].misuse, Misuse::Clock(Meddling::Paused));
    check(&ending, &misused[0], LINE);
}

/// A guard that refuses sets the clock going and stops it again, turn by turn: nobody sees that.
#[test]
fn a_guard_that_refuses_changes_nothing_else() {
    let [(_, noticed), (_, refused)] = by_either_guard(|| async {
        let begun = (tokio::time::Instant::now(), std::time::Instant::now());
        for ms in 1..100 {
            sleep(Duration::from_millis(ms)).await;
            tokio::task::yield_now().await;
        }
        let passed = (begun.0.elapsed(), begun.1.elapsed());
        assert_eq!(passed, (Duration::from_millis(4950), Duration::from_millis(4950)));
        std::thread::sleep(passed.0);
    });
    let times = [&noticed, &refused].map(|misused| (misused[0].at, misused[0].misuse.clone()));
    assert_eq!(times[0], times[1]);
    assert_eq!(times[0].0, Duration::from_millis(4953));
}

/// Where no task is known to be a server's, a clock that was moved is noticed all the same.
#[test]
fn a_clock_that_nobody_in_particular_moves_is_noticed() {
    let noticed = Arc::new(Mutex::new(Vec::new()));
    let notice = noticed.clone();
    let settings = Settings::new(1, Clock::Virtual, LIMIT)
        .on_misuse(move |misused| notice.lock().unwrap().push(misused.misuse));
    let script = |_| async {
        tokio::time::advance(FIVE).await;
        sleep(FIVE).await;
    };
    let ending = sim::run(settings, script, |_: &Sim, ending| ending);
    assert!(matches!(ending, Ending::Stopped), "{ending:?}");
    assert_eq!(*noticed.lock().unwrap(), [Misuse::Clock(Meddling::Advanced(Some(FIVE)))]);
}

#[test]
fn by_the_real_clock_meddling_is_told_by_the_panic_that_it_ends_in() {
    let noticed = Arc::new(Mutex::new(Vec::new()));
    let notice = noticed.clone();
    let settings = Settings::new(1, Clock::Real, LIMIT)
        .on_misuse(move |misused| notice.lock().unwrap().push(misused));
    const LINE: u32 = line!() + 2;
    let script = |_| async {
        let advanced = tokio::spawn(async { tokio::time::advance(FIVE).await });
        advanced.await.expect_err("it panics");
        std::future::pending::<()>().await;
    };
    let ending = sim::run(settings, script, |_: &Sim, ending| ending);
    assert!(matches!(ending, Ending::Stopped), "{ending:?}");
    let noticed = noticed.lock().unwrap();
    assert_eq!(noticed[0].misuse, Misuse::Clock(Meddling::Advanced(None)));
    let location = noticed[0].location.as_deref().expect("tests have debug information");
    assert!(location.ends_with(&format!("tests/sim/misuse.rs:{LINE}")), "{location}, not {LINE}");
}

/// What a server may take for harmless, and where.
#[cfg(all(target_os = "linux", target_env = "gnu", not(sim_no_interposition)))]
mod outside {
    use std::fs::{self, File};
    use std::io;
    use std::net::{TcpStream, UdpSocket};
    use std::os::unix::net::UnixStream;
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    use sim::Misuse;

    use super::{LIMIT, check, misuses};

    #[test]
    fn a_file_is_named_at_its_line_and_opened() {
        const LINE: u32 = line!() + 2;
        let (ending, misused) = misuses(|| async {
            File::open(env!("CARGO_MANIFEST_DIR")).expect("it is opened all the same");
        });
        assert_eq!(misused[0].misuse, Misuse::File(env!("CARGO_MANIFEST_DIR").to_owned()));
        check(&ending, &misused[0], LINE);
        let text = misused[0].misuse.to_string();
        assert!(text.contains("with its Persister"), "{text}");
    }

    /// By what the process has open, servers could tell each other something; what libraries ask the kernel is none of it.
    #[test]
    fn what_the_process_has_open_is_no_file_of_the_system_s() {
        let (_, misused) = misuses(|| async {
            File::open("/proc/self/maps").expect("the code's places are there");
            File::open("/proc/meminfo").expect("there is memory");
            fs::read("/proc/self/fdinfo/0").expect("there is a standard input");
        });
        assert_eq!(misused[0].misuse, Misuse::File("/proc/self/fdinfo/0".to_owned()));
        let (_, misused) = misuses(|| async { drop(File::open("x".repeat(1 << 20))) });
        assert_eq!(misused[0].misuse, Misuse::File("x".repeat(4096)));
        // By other names.
        for path in ["/usr/../proc/self/fdinfo/0", "/dev/fd/0", "/dev/../proc/self/fdinfo/0"] {
            let (_, misused) = misuses(move || async move { drop(File::open(path)) });
            assert_eq!(misused[0].misuse, Misuse::File(path.to_owned()));
        }
    }

    #[test]
    fn a_folder_is_named_at_its_line() {
        const LINE: u32 = line!() + 2;
        let (ending, misused) = misuses(|| async {
            drop(fs::read_dir("."));
        });
        assert_eq!(misused[0].misuse, Misuse::File(".".to_owned()));
        check(&ending, &misused[0], LINE);
    }

    #[test]
    fn a_process_is_refused_and_named_at_its_line() {
        const LINE: u32 = line!() + 2;
        let (ending, misused) = misuses(|| async {
            let refused = Command::new("true").status();
            assert!(refused.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied));
        });
        assert_eq!(misused[0].misuse, Misuse::Process);
        check(&ending, &misused[0], LINE);
    }

    #[test]
    fn a_socket_is_refused_and_named_at_its_line() {
        const LINE: u32 = line!() + 2;
        let (ending, misused) = misuses(|| async {
            let refused = TcpStream::connect("127.0.0.1:9");
            assert!(refused.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied));
            assert!(UdpSocket::bind("127.0.0.1:0").is_err());
        });
        assert_eq!(misused[0].misuse, Misuse::Socket);
        check(&ending, &misused[0], LINE);
    }

    #[test]
    fn a_pair_of_sockets_is_refused_and_named_at_its_line() {
        const LINE: u32 = line!() + 2;
        let (ending, misused) = misuses(|| async {
            let refused = UnixStream::pair();
            assert!(refused.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied));
        });
        assert_eq!(misused[0].misuse, Misuse::Socket);
        check(&ending, &misused[0], LINE);
    }

    /// It would end the tester without a word.
    #[test]
    fn another_program_in_the_tester_s_place_is_refused_and_named_at_its_line() {
        const LINE: u32 = line!() + 2;
        let (ending, misused) = misuses(|| async {
            let error = Command::new("true").exec();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        });
        assert_eq!(misused[0].misuse, Misuse::Process);
        check(&ending, &misused[0], LINE);
    }

    /// Libraries look into the system's files: how many CPUs there are, which time zone it is.
    #[test]
    fn the_system_s_own_files_are_no_misuse() {
        let (_, misused) = misuses(|| async {
            let _ = std::thread::available_parallelism();
            for path in ["/proc/cpuinfo", "/etc/hostname", "/dev/null", "/sys/devices"] {
                let _ = File::open(path);
            }
            let _ = std::backtrace::Backtrace::force_capture().to_string();
            panic!("so that the run ends, and its line is looked up");
        });
        assert_eq!(misused.len(), 0, "{misused:?}");
    }

    /// The script isn't a server's code.
    #[test]
    fn a_script_may_open_files_and_start_processes() {
        let noticed = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let notice = noticed.clone();
        let settings = sim::Settings::new(1, sim::Clock::Virtual, LIMIT)
            .on_misuse(move |misused| notice.lock().unwrap().push(misused));
        let script = |_| async {
            File::open(env!("CARGO_MANIFEST_DIR")).expect("it is there");
            UdpSocket::bind("127.0.0.1:0").expect("there is a port");
            assert!(Command::new("true").status().expect("it starts").success());
        };
        let ending = sim::run(settings, script, |_: &sim::Sim, ending| ending);
        assert!(matches!(ending, sim::Ending::Finished(())), "{ending:?}");
        assert!(noticed.lock().unwrap().is_empty(), "{noticed:?}");
    }
}
