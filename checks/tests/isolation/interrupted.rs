//! Ctrl-C: the run that is under way is told of, and no other is begun.

use std::env;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use config::FailureKind;
use testkit::{Victim, victims};
use tokio::time::sleep;

use crate::child::{FAILED, Ran, VICTIM, run_while};
use crate::server::{Habits, everybody};

pub(crate) const VICTIMS: &[Victim] = victims![takes_long, takes_a_minute];

/// Names a file that a run makes when it is under way.
const UNDER_WAY: &str = "ISOLATION_UNDER_WAY";

/// This takes long unless it is interrupted.
fn takes_long() {
    config::test(|t| async move {
        if let Some(file) = env::var_os(UNDER_WAY) {
            fs::write(file, "").expect("the file can be written");
        }
        everybody(t, Habits::GOOD).await;
    });
}

/// This takes a minute unless it is interrupted.
fn takes_a_minute() {
    config::test(|t| async move {
        if let Some(file) = env::var_os(UNDER_WAY) {
            fs::write(file, "").expect("the file can be written");
        }
        sleep(Duration::from_secs(60)).await;
        everybody(t, Habits::GOOD).await;
    });
}

/// Runs some tests, of which the first is interrupted when it is under way: `kill` is done to its process.
fn interrupt(tests: &[&str], kill: &str) -> Ran {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let under_way = folder.path().join("under-way");
    let path = under_way.to_str().expect("a path of letters");
    let variables =
        [("LAB_CLOCK", "real"), ("LAB_JOBS", "1"), ("LAB_ITERS", "5"), (UNDER_WAY, path)];
    let mut is_interrupted = false;
    run_while(tests, &variables, |process| {
        if !is_interrupted && under_way.exists() {
            let kill = kill.replace("PROCESS", &process.to_string());
            let status = Command::new("sh").args(["-c", &kill]).status();
            assert!(status.expect("sh runs").success(), "{kill} has failed");
            is_interrupted = true;
        }
    })
}

const TESTS: [&str; 2] =
    ["interrupted::takes_long", "well_behaved::servers_without_a_bad_habit_pass"];

fn assert_interrupted(ran: &Ran) {
    ran.assert_status(FAILED);
    let [result] = &ran.results_of(VICTIM)[..] else { panic!("not one run:\n{}", ran.output) };
    let failure = result.failure().expect("it has not come to its end");
    assert_eq!(failure.kind, FailureKind::Stuck);
    assert_eq!(failure.message, "interrupted: this is how far the run had come");
    ran.assert_says(&[
        "\n  server 0  connected, term ",
        "\n  t (s)  S0    S1    S2    event\n",
        "FAIL interrupted: this is how far the run had come\n",
        "\ninterrupted: 1 of 5 runs were made\n",
        // What comes behind it is not begun.
        "... interrupted: 0 of 5 runs were made\n",
    ]);
}

#[test]
fn an_interrupted_run_is_told_of() {
    for signal in ["INT", "TERM", "HUP"] {
        assert_interrupted(&interrupt(&TESTS, &format!("kill -{signal} PROCESS")));
    }
}

/// `timeout` sends the signal to its child and to the group of both.
#[test]
fn a_request_to_stop_may_come_to_all_processes_and_twice() {
    let children = "$(cat /proc/PROCESS/task/*/children)";
    let kill = format!("kill -TERM PROCESS; kill -TERM PROCESS {children}");
    assert_interrupted(&interrupt(&TESTS, &kill));
}

/// A process that is killed can't tell its children; they find out.
#[test]
#[expect(clippy::disallowed_methods, reason = "nothing is simulated in this test")]
fn children_end_soon_after_their_parent() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let children = folder.path().join("children");
    let list = format!("cat /proc/PROCESS/task/*/children > {}", children.display());
    interrupt(&["interrupted::takes_a_minute"], &format!("{list}; kill -KILL PROCESS"));
    let children = fs::read_to_string(&children).expect("they were listed");
    let children: Vec<&str> = children.split_whitespace().collect();
    assert!(!children.is_empty(), "no run was under way");
    let is_alive = |process: &&str| {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // One that nobody has waited for yet has ended, too.
        stat.contains(") ") && !stat.contains(") Z ")
    };
    let begun = Instant::now();
    while children.iter().any(is_alive) {
        assert!(begun.elapsed() < Duration::from_secs(5), "{children:?} go on");
        std::thread::sleep(Duration::from_millis(20));
    }
}
