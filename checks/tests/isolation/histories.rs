//! What a run leaves: its history, what its servers logged, and what the monitors say of it.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process;
use std::time::Duration;

use config::{FailureKind, RunResult};
use futures::future::FutureExt as _;
use report::{EventKind, Record, TaskEnding};
use testkit::{Victim, victims};
use tracing::{debug, info, trace};

use crate::child::{FAILED, PASSED, Ran, run};
use crate::server::{BAD_SERVER, Habits, only_bad_server};

pub(crate) const VICTIMS: &[Victim] =
    victims![fails, hangs, dies, logs_from_everywhere, refuses_and_spawns];

const GOOD: &str = "well_behaved::servers_without_a_bad_habit_pass";
const LOGS: &str = "histories::logs_from_everywhere";
const SEED: (&str, &str) = ("LAB_SEED", "7");

/// The run's one result.
#[track_caller]
fn only(ran: &Ran) -> &RunResult {
    let [result] = &ran.results[..] else { panic!("not one run:\n{}", ran.output) };
    result
}

/// The names of the histories in a folder.
fn histories(folder: &Path) -> Vec<String> {
    let Ok(files) = fs::read_dir(folder) else { return Vec::new() };
    let name = |file: fs::DirEntry| file.file_name().to_string_lossy().into_owned();
    let mut names: Vec<String> = files.map(|file| name(file.expect("a file"))).collect();
    names.retain(|name| name != "results.jsonl");
    names.sort();
    names
}

fn read(path: &Path) -> Record {
    let text = fs::read_to_string(path).expect("there is a history");
    Record::read(&text).expect("it can be read")
}

/// Runs a victim in an environment that says where histories go, and one thing more.
fn run_into(folder: &Path, path: &str, variables: &[(&str, &str)]) -> Ran {
    let out = folder.to_str().expect("a path is text");
    run(&[path], &[&[SEED, ("LAB_OUT", out)], variables].concat())
}

fn fails() {
    config::test(|t| only_bad_server(t, Habits { in_start: || panic!("no disk"), ..Habits::GOOD }));
}

#[test]
fn of_a_test_that_fails_the_first_history_is_stored() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ran = run_into(folder.path(), "histories::fails", &[("LAB_ITERS", "3")]);
    ran.assert_status(FAILED);
    assert_eq!(histories(folder.path()), ["victim-7.json"]);
    let file = folder.path().join("victim-7.json");
    ran.assert_says(&[&format!("  stored    {}\n", file.display())]);
    let record = read(&file);
    let failure = record.failure.expect("the run has failed");
    assert_eq!((failure.kind, record.seed, record.servers), (FailureKind::Panic, 7, 3));
    assert_eq!(failure.message, "server 1 panicked in start: no disk");
    assert_eq!(
        record.replay,
        "LAB_SEED=7 LAB_VICTIM='histories::fails' cargo test -p checks --test isolation victim"
    );
    assert!(record.events.len() > 10, "{} events", record.events.len());
}

/// The same report, in lines as long as the terminal lets them be, but none that is hard to follow with the eye.
#[test]
fn a_report_is_as_wide_as_the_terminal() {
    let report = |columns: &str| {
        let ran = run(&["histories::fails"], &[SEED, ("COLUMNS", columns)]);
        ran.assert_status(FAILED);
        let begun = ran.output.lines().skip_while(|line| !line.starts_with("  kind "));
        let lines = begun.take_while(|line| !line.starts_with("  replay "));
        let lines: Vec<String> = lines.map(str::to_owned).collect();
        let widest = lines.iter().map(|line| line.chars().count()).max().expect("a report");
        let words: Vec<String> = lines
            .iter()
            .flat_map(|line| line.split_whitespace().map(str::to_owned))
            .filter(|word| !word.contains("/victim-"))
            .collect();
        (lines.len(), widest, words)
    };
    let (narrow, usual, wide, huge) = (report("40"), report("80"), report("120"), report("9999"));
    assert_eq!(narrow, usual);
    assert!(usual.1 <= 80 && (81..=120).contains(&wide.1), "{usual:?} {wide:?}");
    assert!(wide.0 < usual.0, "{usual:?} {wide:?}");
    assert_eq!(wide.2, usual.2);
    assert_eq!(report("160"), huge);
}

#[test]
fn of_a_test_that_passes_a_history_is_stored_if_that_is_asked_for() {
    const NAME: &str = "servers_without_a_bad_habit_pass-7.json";
    for (report, stored) in [("failure", &[][..]), ("never", &[]), ("always", &[NAME])] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ran = run_into(folder.path(), GOOD, &[("LAB_REPORT", report), ("LAB_ITERS", "3")]);
        ran.assert_status(PASSED);
        assert_eq!(histories(folder.path()), stored, "LAB_REPORT={report}");
    }
}

#[test]
fn no_history_is_stored_if_none_is_wanted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ran = run_into(folder.path(), "histories::fails", &[("LAB_REPORT", "never")]);
    ran.assert_status(FAILED);
    assert!(histories(folder.path()).is_empty(), "{}", ran.output);
    assert!(!ran.output.contains("  stored "), "{}", ran.output);
}

fn hangs() {
    let in_task = || async { loop_for_ever() }.boxed();
    config::test(move |t| only_bad_server(t, Habits { in_task, ..Habits::GOOD }));
}

#[expect(clippy::empty_loop, reason = "this is what is to be caught")]
fn loop_for_ever() {
    loop {}
}

fn dies() {
    let in_task = || async { process::abort() }.boxed();
    config::test(move |t| only_bad_server(t, Habits { in_task, ..Habits::GOOD }));
}

#[test]
fn of_a_run_that_takes_its_process_along_a_history_is_stored() {
    for (victim, kind) in
        [("histories::hangs", FailureKind::Stuck), ("histories::dies", FailureKind::Panic)]
    {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ran = run_into(folder.path(), victim, &[]);
        ran.assert_status(FAILED);
        assert_eq!(histories(folder.path()), ["victim-7.json"], "{}", ran.output);
        let record = read(&folder.path().join("victim-7.json"));
        let failure = record.failure.expect("the run has failed");
        assert_eq!(failure.kind, kind, "{failure:?}");
        let sent = |kind: &EventKind| matches!(kind, EventKind::RpcSent { .. });
        assert!(record.events.iter().any(|event| sent(&event.kind)), "nothing was sent");
    }
}

/// Its servers refuse each command, and the bad one spawns tasks that last.
fn refuses_and_spawns() {
    let in_task = || {
        async {
            tokio::spawn(tokio::time::sleep(Duration::from_millis(150)));
        }
        .boxed()
    };
    config::test(move |t| only_bad_server(t, Habits { in_task, ..Habits::GOOD }));
}

/// The script asks each server twice while it is in one state.
#[test]
fn a_refused_command_and_the_ends_of_tasks_are_recorded() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let variables = [("LAB_REPORT", "always"), ("LAB_ITERS", "1")];
    let ran = run_into(folder.path(), "histories::refuses_and_spawns", &variables);
    ran.assert_status(PASSED);
    let names = histories(folder.path());
    let [name] = &names[..] else { panic!("{names:?}\n{}", ran.output) };
    let record = read(&folder.path().join(name));
    let mut refused = Vec::new();
    let mut ended = Vec::new();
    for event in &record.events {
        match &event.kind {
            EventKind::Refused { server } => refused.push((server.server, server.incarnation)),
            EventKind::TaskEnded { server, file, how, .. } => {
                assert_eq!((server.server as usize, *how), (BAD_SERVER, TaskEnding::Returned));
                assert!(file.ends_with("histories.rs"), "{file}");
                ended.push(server.incarnation);
            }
            _ => {}
        }
    }
    assert_eq!(refused, [(0, 1), (1, 1), (2, 1)]);
    assert_eq!(ended.iter().filter(|&&incarnation| incarnation == 1).count(), 64);
}

/// What nobody can show.
struct Unshowable;

impl fmt::Debug for Unshowable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("this can't be shown")
    }
}

fn logs_from_everywhere() {
    let in_handler = || async { info!("VOTE granted") }.boxed();
    let in_task = || {
        async {
            tokio::spawn(async { debug!(n = 3, "counts") });
            trace!(what = ?Unshowable, "shows");
        }
        .boxed()
    };
    config::test(move |t| only_bad_server(t, Habits { in_handler, in_task, ..Habits::GOOD }));
}

/// The lines of a log: their times, and what follows.
fn lines(ran: &Ran) -> Vec<(&str, &str)> {
    let is_time = |time: &str| time.len() == 6 && time.bytes().all(|byte| byte.is_ascii_digit());
    // What a run has printed is indented.
    let lines = ran.output.lines().map(str::trim_start).filter_map(|line| line.split_once(' '));
    lines.filter(|(time, _)| is_time(time)).collect()
}

#[test]
fn what_servers_log_is_printed_as_they_logged_it() {
    let ran = run(&[LOGS], &[SEED, ("LAB_LOG", "1")]);
    ran.assert_status(PASSED);
    let lines = lines(&ran);
    assert!(lines.is_sorted_by_key(|(time, _)| *time), "{}", ran.output);
    for line in ["VOTE S1 granted", "DBUG S1 counts n=3", "TEST server 1 crashes"] {
        assert!(lines.iter().any(|(_, text)| *text == line), "no {line:?} in:\n{}", ran.output);
    }
    let others = |text: &str| text.contains(" S0 ") || text.contains(" S2 ");
    assert!(!lines.iter().any(|(_, text)| others(text)), "{}", ran.output);
}

#[test]
fn what_is_less_important_than_asked_for_is_left_out() {
    let topics = |level| {
        let ran = run(&[LOGS], &[SEED, ("LAB_LOG", level)]);
        ran.assert_status(PASSED);
        let has = |topic| lines(&ran).iter().any(|(_, text)| text.starts_with(topic));
        ["VOTE", "DBUG", "TRCE"].map(has)
    };
    assert_eq!(topics("info"), [true, false, false]);
    assert_eq!(topics("trace"), [true, true, true]);
    assert_eq!(topics("0"), [false, false, false]);
}

#[test]
fn a_value_that_panics_when_it_is_shown_does_no_harm() {
    let ran = run(&[LOGS], &[SEED, ("LAB_LOG", "trace")]);
    ran.assert_status(PASSED);
    ran.assert_says(&["TRCE S1 (panics when it is shown)\n"]);
}

#[test]
fn a_run_is_the_same_whoever_listens() {
    let silent = run(&[LOGS], &[SEED]);
    let history = only(&silent).history;
    for variable in [("LAB_LOG", "trace"), ("LAB_REPORT", "always"), ("LAB_REPORT", "never")] {
        let ran = run(&[LOGS], &[SEED, variable]);
        assert_eq!(only(&ran).history, history, "{variable:?}:\n{}", ran.output);
    }
}

#[test]
fn a_stored_history_has_what_servers_logged() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    run_into(folder.path(), LOGS, &[("LAB_REPORT", "always")]).assert_status(PASSED);
    let record = read(&folder.path().join("victim-7.json"));
    let mut texts: Vec<&str> = Vec::new();
    for event in &record.events {
        if let EventKind::Logged { server, text, .. } = &event.kind {
            let server = server.map(|server| server.server as usize);
            assert_eq!(server, Some(BAD_SERVER), "{text}");
            texts.push(text);
        }
    }
    for text in ["VOTE granted", "counts n=3", "(panics when it is shown)"] {
        assert!(texts.contains(&text), "no {text:?} in {texts:?}");
    }
}
