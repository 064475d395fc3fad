//! `cargo lab watch`.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::student::{command, folder, lab, skeleton, workspace};

/// How long a build may take on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(600);

/// The program, watching.
struct Watching {
    process: Child,
    printed: PathBuf,
}

impl Watching {
    fn start(workspace: &Path, arguments: &[&str]) -> Watching {
        let here = folder(&format!("watch-{}", arguments.join("-")));
        fs::create_dir_all(&here).unwrap();
        let printed = here.join("printed");
        let mut command = command(env!("CARGO_BIN_EXE_lab"), workspace);
        command.arg("watch").args(arguments).arg("-o").arg(&here).process_group(0);
        command.stdin(Stdio::null()).stdout(File::create(&printed).unwrap());
        let process = command.stderr(Stdio::null()).spawn().unwrap();
        Watching { process, printed }
    }

    fn printed(&self) -> String {
        fs::read_to_string(&self.printed).unwrap()
    }

    /// Waits until it has finished so many rounds.
    fn rounds(&mut self, count: usize) -> String {
        let begun = Instant::now();
        loop {
            let printed = self.printed();
            if printed.matches("waiting for a change\n").count() >= count {
                return printed;
            }
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "{ended:?}:\n{printed}");
            pause(Duration::from_millis(50));
        }
    }

    fn interrupt(mut self) -> Option<i32> {
        let id = Pid::from_raw(self.process.id().cast_signed());
        killpg(id, Signal::SIGINT).unwrap();
        self.process.wait().unwrap().code()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = killpg(Pid::from_raw(self.process.id().cast_signed()), Signal::SIGKILL);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "nothing is simulated in this program")]
fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

#[test]
fn each_save_is_built_and_run_until_the_first_failure() {
    let workspace = workspace("watched");
    let source = workspace.join("raft/src/raft.rs");
    let skeleton = fs::read_to_string(&source).unwrap();
    let mut watching = Watching::start(&workspace, &["3A", "-n", "3"]);
    let first = watching.rounds(1);
    // The first failure ends the round: no other test is run.
    for says in [
        "FAILED TestInitialElection3A ",
        "passed: 3A 0/3\n",
        "expected one leader, got none\n",
        "  replay    cargo lab replay TestInitialElection3A --seed ",
        "latest.html\n",
        // Without a terminal, all hints come at once.
        "  why       ",
        "  rule      ",
        "  look at   ",
    ] {
        assert!(first.contains(says), "no {says:?} in:\n{first}");
    }
    assert!(!first.contains("TestReElection3A"), "{first}");
    let page = watching.printed.with_file_name("latest.html");
    let before = fs::read_link(&page).expect("a page");

    // What doesn't compile is said by the compiler; after the next save all goes on.
    fs::write(&source, format!("{skeleton}\nlet")).unwrap();
    let second = watching.rounds(2);
    assert!(second[first.len()..].starts_with("nothing was run\n"), "{second}");
    fs::write(&source, skeleton).unwrap();
    let third = watching.rounds(3);
    assert!(third[second.len()..].contains("FAILED TestInitialElection3A "), "{third}");
    // The seed that had failed comes first, so that it is seen whether it is mended.
    assert_eq!(fs::read_link(&page).expect("a page"), before);
    assert_eq!(watching.interrupt(), Some(130));
}

#[test]
fn what_makes_no_sense_ends_at_once() {
    let ran = lab(skeleton(), &["watch", "TestNobodysX"]);
    ran.assert_code(4);
    ran.assert_complains("error: failed to find");
    lab(skeleton(), &["watch", "-p", "nobodys"]).assert_code(3);
}
