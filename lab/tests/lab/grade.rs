//! `cargo lab grade`: some submissions of all kinds, and the verdict on each.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::merge::merged;
use crate::student::{Ran, folder, graders, lab, path};

/// What each course file here begins with: few tests, few runs.
const COURSE: &str =
    "[runs]\neach = 2\n[points]\nTestInitialElection3A = 4\nTestReElection3A = 6\n";

pub(crate) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder can be made");
    fs::write(path, text).expect("it can be written");
}

/// The reference Raft with `attack` in `make`.
pub(crate) fn submit(folder: &Path, attack: &str) {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../raft/src");
    for entry in fs::read_dir(reference).expect("the reference is there") {
        let from = entry.expect("the reference is there").path();
        let text = fs::read_to_string(&from).expect("it is text");
        let name = from.file_name().expect("a file has a name");
        let begins = "    let raft = Arc::new(Raft {";
        let text = if name == "server.rs" {
            text.replace(begins, &format!("    {attack}\n{begins}"))
        } else {
            text
        };
        write(&folder.join(name), &text);
    }
}

/// A folder of submissions, and what is to become of each.
fn submissions(purpose: &str) -> (PathBuf, [(&'static str, &'static str); 7]) {
    let all = folder(purpose);
    submit(&all.join("right/raft/src"), "");
    submit(&all.join("exits/src"), "println!(\"  ... Passed --\"); std::process::exit(0);");
    // Nor does what it leaves behind live on.
    let leaves =
        "use std::os::unix::process::CommandExt as _; let _ = std::process::Command::new(\"sleep\")
        .arg(\"4711\").process_group(0).spawn();";
    submit(&all.join("forks"), &format!("{leaves} std::process::abort();"));
    // In each process it is another run, and that is nobody's fault.
    let pause = "let pause = 100 + u64::from(std::process::id() % 1009);
        tokio::spawn(tokio::time::sleep(std::time::Duration::from_millis(pause)));";
    submit(&all.join("varies"), pause);
    submit(&all.join("unsafe/raft/src"), "unsafe { std::hint::unreachable_unchecked() }");
    submit(&all.join("includes/raft/src"), "let _ = include_str!(\"/etc/hostname\");");
    write(&all.join("empty.zip"), "this is no archive");
    let verdicts = [
        ("empty", "refused"),
        ("exits", "failed"),
        ("forks", "failed"),
        ("includes", "refused"),
        ("right", "passed"),
        ("unsafe", "not built"),
        ("varies", "passed"),
    ];
    (all, verdicts)
}

/// Grades with the reference workspace as the grader's copy.
pub(crate) fn grade(submissions: &Path, out: &Path, more: &[&str]) -> Ran {
    grade_by(COURSE, submissions, out, more)
}

/// The same by another course file.
pub(crate) fn grade_by(course: &str, submissions: &Path, out: &Path, more: &[&str]) -> Ran {
    // A file for each: others may grade meanwhile.
    let file = out.with_extension("toml");
    write(&file, course);
    let course = file;
    // One at a time: they share a folder for workspaces, and what is built in it.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let work = out.with_file_name("grade-work");
    let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("student");
    let arguments = [
        "grade",
        path(submissions),
        "-o",
        path(out),
        "--course",
        path(&course),
        "--work",
        path(&work),
    ];
    lab(graders(), &[&arguments[..], &["--shared-target", path(&shared)], more].concat())
}

pub(crate) fn row<'a>(ran: &'a Ran, name: &str) -> Vec<&'a str> {
    let mut rows = ran.stdout.lines().filter(|line| line.contains('┆'));
    let row = rows.find(|line| {
        line.trim_matches('│').split('┆').next().is_some_and(|cell| cell.trim() == name)
    });
    let row =
        row.unwrap_or_else(|| panic!("no row for {name} in:\n{}\n{}", ran.stdout, ran.stderr));
    row.trim_matches('│').split('┆').map(str::trim).collect()
}

pub(crate) fn is_running(argument: &str) -> bool {
    let processes = fs::read_dir("/proc").expect("there are processes");
    processes
        .filter_map(|process| fs::read(process.ok()?.path().join("cmdline")).ok())
        .any(|line| line.split(|&byte| byte == 0).any(|word| word == argument.as_bytes()))
}

#[test]
fn each_submission_gets_its_verdict() {
    let (all, verdicts) = submissions("submissions");
    let out = folder("grades");
    let ran = grade(&all, &out, &[]);
    ran.assert_code(0);
    for (name, verdict) in verdicts {
        assert_eq!(row(&ran, name)[1], verdict, "{name}:\n{}", ran.stdout);
    }
    assert_eq!(row(&ran, "right")[2..4], ["2/2", "10 / 10"]);
    assert_eq!(row(&ran, "exits")[2..4], ["0/2", "0 / 10"]);
    ran.assert_prints("7 submissions: 2 passed, 2 failed, 1 not built, 2 refused");
    // A run that comes out otherwise when it is made again is noted, and no more.
    let notes = |name: &str| {
        let text = fs::read_to_string(out.join(name).join("results.jsonl")).expect("results");
        let last = text.lines().next_back().expect("there is a verdict").to_owned();
        last.matches("ended differently when it was made again").count()
    };
    assert_eq!((notes("varies"), notes("right")), (2, 0), "{}", ran.stdout);
    ran.assert_prints("unsafe");
    assert!(!is_running("4711"), "what a submission has started goes on");
    let log = fs::read_to_string(out.join("unsafe/build.log")).expect("there is a log");
    assert!(log.contains("unsafe"), "{log}");
    assert!(out.join("exits/TestInitialElection3A-1.txt").exists());
    // Results of before aren't overwritten; what they have isn't run again.
    let again = grade(&all, &out, &[]);
    again.assert_code(3);
    again.assert_complains("--resume continues");
    let results = out.join("right/results.jsonl");
    let text = fs::read_to_string(&results).expect("there are results");
    let half: Vec<&str> = text.lines().take(2).collect();
    fs::write(&results, half.join("\n")).expect("it can be written");
    let again = grade(&all, &out, &["--resume", "--only", "right", "--only", "exits"]);
    again.assert_code(0);
    assert_eq!(row(&again, "right")[1], "passed");
    assert_eq!(
        fs::read_to_string(&results).expect("results").lines().count(),
        5,
        "four runs and the verdict"
    );
    let gradescope = lab(&out, &["merge", ".", "--form", "gradescope", "--submission", "exits"]);
    gradescope.assert_code(0);
    gradescope.assert_prints(r#""score": 0.0"#);
}

#[test]
fn machines_that_share_a_class_out_come_to_what_one_does() {
    let all = folder("class-of-two");
    submit(&all.join("right"), "");
    submit(&all.join("panics"), "assert!(me != 2 || rand::random::<bool>());");
    let graded = |name: &str, more: &[&str]| {
        let out = folder(name);
        grade(&all, &out, more).assert_code(0);
        out
    };
    let whole = graded("grades-by-one", &[]);
    let parts: Vec<PathBuf> = (1..=2)
        .map(|part| graded(&format!("grades-by-{part}-of-2"), &["--shard", &format!("{part}/2")]))
        .collect();
    // Which part has done what is told by lines of their own.
    let runs = |files: &[&Path]| {
        let mut lines = merged(files);
        lines.retain(|line| line["seed"].is_u64());
        lines
    };
    let whole_runs = runs(&[&whole]);
    assert_eq!(whole_runs.len(), 8, "two tests, two runs of each, two submissions");
    assert!(whole_runs.iter().any(|run| !run["verdict"]["failed"].is_null()), "{whole_runs:?}");
    let parts: Vec<&Path> = parts.iter().map(PathBuf::as_path).collect();
    assert_eq!(runs(&parts), whole_runs);
    let table = |files: &[&Path]| {
        let files: Vec<&str> = files.iter().map(|file| path(file)).collect();
        let course = whole.with_extension("toml");
        lab(graders(), &[&["merge", "--course", path(&course)], &files[..]].concat()).stdout
    };
    assert_eq!(table(&parts), table(&[&whole]));
}

#[test]
fn what_makes_no_sense_is_said_before_anything_is_built() {
    let (all, _) = submissions("submissions-of-nobody");
    let out = folder("grades-of-nobody");
    let unknown = grade(&all, &out, &["--only", "rihgt"]);
    unknown.assert_code(3);
    unknown.assert_complains("none is called rihgt; did you mean right?");
    let nothing = grade(&all.join("right/raft"), &out, &["--shard", "3/2"]);
    nothing.assert_code(3);
    nothing.assert_complains("I from 1 to N");
    let course = folder("wrong-course").join("lab.toml");
    write(&course, "[run]\neach = 2\n");
    let arguments = ["grade", path(&all), "-o", path(&out), "--course", path(&course)];
    let wrong = lab(graders(), &arguments);
    wrong.assert_code(3);
    wrong.assert_complains("unknown field `run`");
}
