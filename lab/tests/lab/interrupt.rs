//! Requests to stop: Ctrl-C, and the signals by which systems end what takes too long.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::merge::without_times;
use crate::student::{Ran, command, copied, folder, odd, path, run, skeleton, solved};

/// A variable by which the processes of a test are found.
const MARK: &str = "EDGE_MARK";

/// Who gets a signal.
#[derive(Clone, Copy, Debug)]
enum To {
    Lab,
    Group,
    /// As `timeout` does it.
    LabAndGroup,
}

/// `cargo lab` under way, in a group of its own.
struct Lab {
    process: Child,
    stderr: BufReader<ChildStderr>,
    mark: String,
}

impl Lab {
    /// Starts `command`, and waits until it says that it has begun.
    fn start(mut command: Command, says: &str) -> Lab {
        let mark = format!("{}-{says}-{:?}", std::process::id(), Instant::now());
        command.env(MARK, &mark).process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("it starts");
        let mut stderr = BufReader::new(process.stderr.take().expect("a pipe"));
        let mut line = String::new();
        while !line.contains(says) {
            line.clear();
            let len = stderr.read_line(&mut line).expect("it is text");
            assert!(len > 0, "it never says {says:?}");
        }
        Lab { process, stderr, mark }
    }

    /// Sends a signal to the program, and to what it has started as far as that is of its group.
    fn kill(&self, to: To, signal: Signal) {
        let id = Pid::from_raw(self.process.id().cast_signed());
        let sent = match to {
            To::Lab => kill(id, signal),
            To::Group => killpg(id, signal),
            To::LabAndGroup => kill(id, signal).and_then(|()| killpg(id, signal)),
        };
        sent.expect("it is under way");
    }

    /// Waits for its end, which comes soon, and for that of all that it has started.
    fn end(mut self) -> Ran {
        let mut stderr = String::new();
        for line in self.stderr.by_ref().lines().map_while(Result::ok) {
            stderr += &format!("{line}\n");
        }
        let mut stdout = String::new();
        let pipe = self.process.stdout.as_mut().expect("a pipe");
        pipe.read_to_string(&mut stdout).expect("it is text");
        let code = self.process.wait().expect("it ends").code();
        let begun = Instant::now();
        while !marked(&self.mark).is_empty() {
            let left = marked(&self.mark);
            assert!(begun.elapsed() < Duration::from_secs(5), "{left:?} go on");
            pause(Duration::from_millis(20));
        }
        Ran { code, stdout, stderr }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let id = Pid::from_raw(self.process.id().cast_signed());
            let _ = killpg(id, Signal::SIGKILL);
        }
    }
}

/// The command lines of all processes that have `mark` in their environment.
fn marked(mark: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").expect("there are processes");
    let wanted = format!("{MARK}={mark}");
    let folders = processes.filter_map(|process| Some(process.ok()?.path()));
    let marked = folders.filter(|folder| {
        // That of one which has ended, or isn't ours, can't be read.
        let environment = fs::read(folder.join("environ")).unwrap_or_default();
        environment.split(|&byte| byte == 0).any(|variable| variable == wanted.as_bytes())
    });
    let line = |folder: PathBuf| {
        let line = fs::read_to_string(folder.join("cmdline")).unwrap_or_default();
        format!("{}: {}", folder.display(), line.replace('\0', " "))
    };
    marked.map(line).collect()
}

#[expect(clippy::disallowed_methods, reason = "nothing is simulated in these tests")]
fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// What the program ends with when it gets a signal.
const CODES: [(Signal, i32); 3] =
    [(Signal::SIGINT, 130), (Signal::SIGTERM, 143), (Signal::SIGHUP, 143)];

/// Runs of a test that never come to their end.
fn endless() -> Lab {
    let mut lab = command(env!("CARGO_BIN_EXE_lab"), solved());
    lab.args(["test", "TestManyElections3A", "-n", "10000000"]);
    let lab = Lab::start(lab, "10000000 runs of each");
    pause(Duration::from_secs(1));
    lab
}

fn assert_told(ran: &Ran, code: i32) {
    ran.assert_code(code);
    ran.assert_prints("TestManyElections3A");
    ran.assert_prints(" 0 failures");
    ran.assert_prints("interrupted: these results are incomplete");
    assert!(!ran.stderr.contains("error: "), "{}", ran.stderr);
}

#[test]
fn what_is_known_so_far_is_shown() {
    for (signal, code) in CODES {
        let lab = endless();
        lab.kill(To::Lab, signal);
        assert_told(&lab.end(), code);
    }
}

/// What `timeout`, a terminal, Slurm and CI do: the test's processes have the signal as soon as this program,
/// or sooner, and some of them twice.
#[test]
fn the_whole_group_may_be_ended_at_once() {
    for (signal, code) in CODES {
        for to in [To::Group, To::LabAndGroup] {
            let lab = endless();
            lab.kill(to, signal);
            assert_told(&lab.end(), code);
        }
    }
}

/// A run by the real clock is under way for as long as it takes, and ends with the program.
#[test]
fn a_run_that_takes_an_hour_ends_with_the_program() {
    for to in [To::Lab, To::Group] {
        let mut lab = command(env!("CARGO_BIN_EXE_lab"), odd());
        lab.args(["test", "TestWaits3A", "-n", "2", "-j", "1", "--real"]);
        let lab = Lab::start(lab, "2 runs of each");
        pause(Duration::from_secs(1));
        lab.kill(to, Signal::SIGTERM);
        let begun = Instant::now();
        let ran = lab.end();
        assert!(begun.elapsed() < Duration::from_secs(6), "it took {:?}", begun.elapsed());
        ran.assert_code(143);
        ran.assert_prints("0 tests, 0 runs, 0 failures");
        ran.assert_prints("interrupted: these results are incomplete");
        assert!(!ran.stderr.contains("error: "), "{}", ran.stderr);
    }
}

#[test]
fn a_replay_can_be_interrupted() {
    for to in [To::Lab, To::Group] {
        let mut lab = command(env!("CARGO_BIN_EXE_lab"), odd());
        lab.args(["replay", "TestWaits3A", "--seed", "1"]).env("LAB_CLOCK", "real");
        let out = folder("edge-waits");
        lab.arg("-o").arg(&out);
        let lab = Lab::start(lab, "Finished `test`");
        let begun = Instant::now();
        let is_under_way = || {
            let folders = fs::read_dir(&out).into_iter().flatten().flatten();
            folders.count() > 0
        };
        while !is_under_way() {
            assert!(begun.elapsed() < Duration::from_secs(300), "it never begins");
            pause(Duration::from_millis(20));
        }
        pause(Duration::from_millis(500));
        lab.kill(to, Signal::SIGTERM);
        let ran = lab.end();
        ran.assert_code(143);
        ran.assert_complains("interrupted\n");
        assert_eq!(ran.stdout, "");
    }
}

/// The compilers end, too.
#[test]
fn a_build_can_be_interrupted() {
    for to in [To::Lab, To::Group] {
        let workspace = copied(skeleton(), "edge-build");
        // A build script that never ends.
        let raft = workspace.join("raft");
        let script = "fn main() { std::thread::sleep(std::time::Duration::from_secs(600)) }";
        fs::write(raft.join("build.rs"), script).expect("it can be written");
        let manifest = fs::read_to_string(raft.join("Cargo.toml")).expect("it is there");
        let version = format!("0.1.0+build-{to:?}");
        fs::write(raft.join("Cargo.toml"), manifest.replace("0.1.0+", &version)).expect("a file");
        let mut lab = command(env!("CARGO_BIN_EXE_lab"), &workspace);
        lab.args(["test", "TestInitialElection3A"]);
        let lab = Lab::start(lab, "Compiling raft");
        let begun = Instant::now();
        let is_built = || {
            let lines = marked(&lab.mark);
            lines.iter().any(|line| line.contains("build-script-build"))
        };
        while !is_built() {
            assert!(begun.elapsed() < Duration::from_secs(120), "the script never runs");
            pause(Duration::from_millis(20));
        }
        lab.kill(to, Signal::SIGTERM);
        let ran = lab.end();
        ran.assert_code(143);
        ran.assert_complains("interrupted\n");
        assert!(!ran.stderr.contains("error: failed to build"), "{}", ran.stderr);
    }
}

/// `nohup` has SIGHUP ignored.
#[test]
fn a_hang_up_that_is_ignored_is_nothing() {
    let mut lab = command("nohup", solved());
    lab.args([env!("CARGO_BIN_EXE_lab"), "test", "TestManyElections3A", "-n", "10000000"]);
    let lab = Lab::start(lab, "10000000 runs of each");
    pause(Duration::from_secs(1));
    lab.kill(To::Group, Signal::SIGHUP);
    pause(Duration::from_secs(1));
    assert!(!marked(&lab.mark).is_empty(), "it has ended");
    lab.kill(To::Lab, Signal::SIGTERM);
    assert_told(&lab.end(), 143);
}

/// The lines of the results in `out` that are of runs, without the times, sorted.
fn runs(out: &Path) -> Vec<String> {
    let text = fs::read_to_string(out.join("results.jsonl")).expect("there are results");
    let lines = text.lines().map(without_times).filter(|line| line["seed"].is_u64());
    let mut runs: Vec<String> = lines.map(|line| line.to_string()).collect();
    runs.sort_unstable();
    runs
}

#[test]
fn killed_at_ten_points_it_loses_nothing_and_doubles_nothing() {
    const RUNS: usize = 300;
    let asked = |out: &Path| {
        let mut lab = command(env!("CARGO_BIN_EXE_lab"), solved());
        lab.args(["test", "3A", "-n", "100", "--seed", "7", "-j", "2", "-o", path(out)]);
        lab
    };
    let whole = folder("never-killed");
    run(&mut asked(&whole)).assert_code(0);
    let out = folder("killed-again-and-again");
    for point in 1..=10 {
        let mut lab = asked(&out);
        // There is nothing to go on with at first.
        if point > 1 {
            lab.arg("--resume");
        }
        let lab = Lab::start(lab, "100 runs of each");
        let results = out.join("results.jsonl");
        let size = || fs::metadata(&results).map_or(0, |results| results.len());
        // At another place of its work each time, and wherever it is just then.
        let enough = size() + 997 * point;
        let begun = Instant::now();
        while size() < enough {
            assert!(begun.elapsed() < Duration::from_secs(60), "it writes nothing");
            pause(Duration::from_millis(1));
        }
        lab.kill(To::Group, Signal::SIGKILL);
        assert_eq!(lab.end().code, None, "it was killed");
    }
    let before = fs::read_to_string(out.join("results.jsonl")).expect("there are results");
    assert!(before.lines().count() < RUNS, "it was done before it was killed");
    run(asked(&out).arg("--resume")).assert_code(0);
    let (runs, whole) = (runs(&out), runs(&whole));
    assert_eq!(runs.len(), RUNS);
    assert_eq!(runs, whole);
}
