//! Runs in child processes: what takes one of them along is named, and the others go on.
//!
//! The *victims* are functions that serve runs of which one goes wrong. The tests beside them run them in
//! children, by the test `victim`.

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::process::{self, Command, Stdio};
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sim::context::{Activity, Context, Owner};
use sim::{Clock, Ending, Settings, enter};
use supervisor::{Done, Isolation};
use testkit::{VICTIM_TEST, VICTIM_VARIABLE, Victim, victims};

pub(crate) const VICTIMS: &[Victim] = victims![
    reads_where_nothing_is,
    jumps_where_nothing_is,
    computes_for_long,
    computes_for_long_at_a_good_pace,
    is_blocked_amid_signals,
    dies_while_another_holds_its_socket,
    stops_itself,
    silences_the_watchdog,
    does_nothing
];

/// The seed whose run goes wrong.
const BAD: u64 = 2;

/// Serves runs in which server 3 does `something`, if the seed is the bad one.
fn serve(something: fn()) -> ! {
    let run = move |seed| {
        let settings = Settings::new(seed, Clock::Virtual, Duration::from_secs(1));
        let body = move |_| async move {
            let owner = Owner { server: 3, incarnation: 1 };
            let _entered = enter(Some(Context { owner, activity: Activity::Call("start") }));
            if seed == BAD {
                something();
            }
        };
        sim::run(settings, body, |_, ending| matches!(ending, Ending::Finished(())));
        b"passed".to_vec()
    };
    supervisor::serve(Clock::Virtual, run, |_, stuck, _| {
        let server = stuck.context.map(|context| context.owner.server);
        let line = stuck.stack.first().cloned().unwrap_or_default();
        format!("{} by server {server:?} at {line}", stuck.why).into_bytes()
    })
}

/// What came of `seeds`, up to that which is enough.
fn run_until(victim: &str, seeds: &[u64], enough: fn(&Done) -> bool) -> Vec<Done> {
    let binary = std::env::current_exe().expect("this binary's path");
    let command = || {
        let mut command = Command::new(&binary);
        command.env(VICTIM_VARIABLE, victim);
        command.args([VICTIM_TEST, "--exact", "--nocapture", "--test-threads=1"]);
        command
    };
    // As many as there are tests here, so that none of them waits for another.
    let jobs = NonZeroUsize::new(8).expect("it is not zero");
    supervisor::run_in_children(seeds, jobs, Isolation::Batch, &command, &enough)
        .expect("children start")
}

/// What came of `seeds` where a shell that runs `script` stands in for the child. The tester's socket is at the
/// descriptor `$LAB_WORKER`, and the number of its messages in `$nonce`.
fn run_shell(script: &str, seeds: &[u64]) -> Vec<Done> {
    let command = || {
        let mut command = Command::new("bash");
        let hears = "IFS= read -r -N 32 -u $LAB_WORKER nonce";
        command.args(["-c", &format!("{hears}; {script}")]);
        command
    };
    let jobs = NonZeroUsize::new(4).expect("it is not zero");
    supervisor::run_in_children(seeds, jobs, Isolation::Batch, &command, &|_| false)
        .expect("bash starts")
}

/// What came of the seeds 1 to 3.
fn run(victim: &str) -> Vec<Done> {
    run_until(victim, &[1, BAD, 3], |_| false)
}

fn told(done: &Done) -> String {
    let result = done.result.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    result.unwrap_or_else(ToString::to_string)
}

/// Asserts that the bad seed's run has come to what is in `texts`, and that the others have passed.
#[track_caller]
fn assert_named(victim: &str, texts: &[&str]) {
    let done = run(victim);
    assert_eq!(done.iter().map(|done| done.seed).collect::<Vec<_>>(), [1, BAD, 3]);
    assert_eq!((told(&done[0]), told(&done[2])), ("passed".to_owned(), "passed".to_owned()));
    for text in texts {
        let (told, output) = (told(&done[1]), &done[1].output);
        assert!(told.contains(text), "no {text:?} in {told:?}; printed:\n{output}");
    }
}

fn reads_where_nothing_is() {
    fn reads() {
        // SAFETY: it isn't safe, which is what is to be caught.
        black_box(unsafe { black_box(ptr::without_provenance::<u64>(8)).read_volatile() });
    }
    serve(reads);
}

#[test]
fn an_invalid_access_is_named_with_its_line() {
    let by = "signal 11 (invalid memory access) by server Some(3) at supervisor/tests/supervisor/children.rs:";
    assert_named("children::reads_where_nothing_is", &[by, "reads"]);
}

fn jumps_where_nothing_is() {
    serve(|| {
        // SAFETY: it isn't safe, which is what is to be caught.
        let nowhere = unsafe { std::mem::transmute::<usize, extern "C" fn()>(black_box(16)) };
        nowhere();
    });
}

/// There is no walk along a stack that begins nowhere; what else is known must do.
#[test]
fn a_jump_to_nowhere_is_named() {
    let by = "signal 11 (invalid memory access) by server Some(3)";
    assert_named("children::jumps_where_nothing_is", &[by]);
}

fn computes_for_long() {
    let run = |seed| {
        let settings = Settings::new(seed, Clock::Virtual, Duration::from_secs(10_000));
        let body = move |_| async move {
            for _ in 0..if seed == BAD { 1_000_000 } else { 0 } {
                compute_for(Duration::from_millis(5));
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let settings = settings.cpu_limit_per_second(Duration::from_millis(300));
        sim::run(settings, body, |_, ending| matches!(ending, Ending::Finished(())));
        b"passed".to_vec()
    };
    supervisor::serve(Clock::Virtual, run, |_, stuck, _| stuck.why.to_string().into_bytes())
}

/// Its clock goes on, and it never waits for long.
#[test]
fn a_run_whose_clock_is_slow_is_ended() {
    let told = ["too much work: in ", " s of CPU time, the run's clock moved only ", " s; "];
    assert_named("children::computes_for_long", &told);
}

fn computes_for_long_at_a_good_pace() {
    let run = |seed| {
        let settings = Settings::new(seed, Clock::Virtual, Duration::from_secs(10_000));
        let body = move |_| async move {
            for _ in 0..if seed == BAD { 100 } else { 0 } {
                compute_for(Duration::from_millis(15));
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        };
        let settings = settings.cpu_limit_per_second(Duration::from_millis(300));
        sim::run(settings, body, |_, ending| matches!(ending, Ending::Finished(())));
        b"passed".to_vec()
    };
    supervisor::serve(Clock::Virtual, run, |_, stuck, _| stuck.why.to_string().into_bytes())
}

fn compute_for(time: Duration) {
    let begun = cpu_time();
    while cpu_time() - begun < time {}
}

/// The CPU time of the calling thread.
fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the struct can be written.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).expect("it is small"))
}

/// How much CPU time it takes in all is the build's and the machine's affair.
#[test]
fn a_run_may_take_long_if_its_clock_goes_on() {
    let done = run("children::computes_for_long_at_a_good_pace");
    assert!(done.iter().all(|done| told(done) == "passed"), "{done:?}");
}

fn is_blocked_amid_signals() {
    static STORM: AtomicBool = AtomicBool::new(false);
    thread::spawn(|| {
        let me = process::id().cast_signed();
        while !STORM.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(10));
        }
        loop {
            let threads = std::fs::read_dir("/proc/self/task").expect("the process has threads");
            for thread in threads.flatten() {
                let id: i32 = thread.file_name().to_string_lossy().parse().expect("a number");
                // SAFETY: the signal has a handler by now.
                unsafe { libc::syscall(libc::SYS_tgkill, me, id, libc::SIGUSR1) };
            }
            thread::sleep(Duration::from_millis(1));
        }
    });
    fn locks_twice() {
        let state = Mutex::new(());
        STORM.store(true, Ordering::Relaxed);
        let _locked = state.lock();
        drop(state.lock());
    }
    serve(locks_twice);
}

/// The signal by which the watchdog asks comes from outside as well, to any thread and all the time.
#[test]
fn signals_from_outside_confuse_nobody() {
    let by = "by server Some(3) at supervisor/tests/supervisor/children.rs:";
    assert_named("children::is_blocked_amid_signals", &[by, "locks_twice"]);
}

fn dies_while_another_holds_its_socket() {
    // It has the same standard input, which is the socket.
    let sleep = Command::new("sleep").arg("40").stdin(Stdio::inherit()).spawn();
    assert!(sleep.is_ok());
    serve(|| {
        // SAFETY: sends a signal to the calling thread.
        unsafe { libc::raise(libc::SIGKILL) };
    });
}

#[test]
fn a_death_is_noticed_though_another_process_holds_the_socket() {
    let begun = Instant::now();
    let how = "the process was ended by signal 9";
    assert_named("children::dies_while_another_holds_its_socket", &[how]);
    assert!(begun.elapsed() < Duration::from_secs(8), "it took {:?}", begun.elapsed());
}

fn stops_itself() {
    serve(|| {
        // SAFETY: sends a signal to the calling thread.
        unsafe { libc::raise(libc::SIGSTOP) };
    });
}

#[test]
fn a_process_that_stops_is_named_soon() {
    let begun = Instant::now();
    assert_named("children::stops_itself", &["the process was stopped by a signal"]);
    assert!(begun.elapsed() < Duration::from_secs(7), "it took {:?}", begun.elapsed());
}

fn silences_the_watchdog() {
    /// Blocks whatever thread gets the signal, as a lock would that is never let go.
    extern "C" fn block(_: libc::c_int) {
        loop {
            // SAFETY: there are no descriptors to look at.
            unsafe { libc::poll(ptr::null_mut(), 0, -1) };
        }
    }
    serve(|| {
        let me = process::id().cast_signed();
        let threads = std::fs::read_dir("/proc/self/task").expect("the process has threads");
        let ids = threads.filter_map(|thread| thread.ok()?.file_name().to_str()?.parse().ok());
        let ids: Vec<i32> = ids.collect();
        let handler = block as extern "C" fn(libc::c_int);
        // SAFETY: the handler has the signature that it needs, and signals are sent to this process.
        unsafe {
            let itself = libc::gettid();
            libc::signal(libc::SIGUSR2, handler as usize);
            for id in ids.into_iter().filter(|&id| id != itself) {
                libc::syscall(libc::SYS_tgkill, me, id, libc::SIGUSR2);
            }
        }
        block(0);
    });
}

#[test]
fn a_process_that_falls_silent_is_named_soon() {
    let begun = Instant::now();
    assert_named("children::silences_the_watchdog", &["the process gave no sign of life"]);
    assert!(begun.elapsed() < Duration::from_secs(10), "it took {:?}", begun.elapsed());
}

fn does_nothing() {
    serve(|| {});
}

#[test]
fn runs_end_when_it_is_enough() {
    let seeds: Vec<u64> = (0..100_000).collect();
    let done = run_until("children::does_nothing", &seeds, |done| done.seed == 10);
    let ran: Vec<u64> = done.iter().map(|done| done.seed).collect();
    assert!(ran.contains(&10) && ran.is_sorted(), "{ran:?}");
    assert!(ran.len() < seeds.len(), "all were run");
    assert!(done.iter().all(|done| told(done) == "passed" && !done.is_last));
}

/// As `printf` writes it: a result of seed 1 with a length of so many bytes, and nothing else.
fn result_of_seed_1(len: &str) -> String {
    format!(r"R$nonce\001\000\000\000\000\000\000\000{len}")
}

#[test]
fn what_a_child_sends_that_is_no_result_fails_its_run() {
    let none = r"\000\000\000\000\000\000\000\000";
    let foreign = format!(r"R$nonce\011\000\000\000\000\000\000\000{none}{none}");
    for (words, why) in [
        ("hello", "the byte 104, where a message of the tester's begins"),
        (
            &*result_of_seed_1(r"\377\377\377\377\377\377\377\377"),
            "a result of 18446744073709551615 bytes, where 268435456 are the most",
        ),
        (&*foreign, "a result of seed 9, which it wasn't given"),
        (
            &*format!(
                r"R00112233445566778899aabbccddeeff\001\000\000\000\000\000\000\000{none}{none}"
            ),
            "a message that doesn't bear the number that the tester gave this process",
        ),
    ] {
        let begun = Instant::now();
        let done = run_shell(
            &format!("printf \"Y${{nonce}}{words}\" >&$LAB_WORKER; exec sleep 60"),
            &[1, 2],
        );
        // Each of the two is run alone then, so that it is plain which of them it was.
        assert_eq!(done.iter().map(|done| done.seed).collect::<Vec<_>>(), [1, 2]);
        for done in &done {
            let says = format!("the process sent the tester what it can't read: {why}; ");
            assert!(told(done).starts_with(&says), "{}", told(done));
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "it took {:?}", begun.elapsed());
    }
}

/// Its end is found out as any other's.
#[test]
fn a_child_that_ends_within_a_message_has_died() {
    let half = result_of_seed_1(r"\011\000");
    let done = run_shell(&format!("printf \"Y${{nonce}}{half}\" >&$LAB_WORKER; exit 3"), &[1]);
    assert_eq!(told(&done[0]), "the process was ended by exit(3)");
}
