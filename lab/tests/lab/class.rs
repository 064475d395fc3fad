//! `cargo lab grade` on a class: fifty submissions of all kinds, and a grader that is killed half way.
//!
//! It isn't run with the other tests, for it takes minutes. `docs/grading.md` has its figures and its command.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::grade::{row, submit, write};
use crate::student::{Ran, command, folder, path, run, solved};

/// Few tests, each a few times: verdicts are looked at here, and not rates.
const COURSE: &str = "[runs]\neach = 4\n[points]\nTestInitialElection3A = 20\nTestBasicAgree3B = 20\n\
     TestBackup3B = 20\nTestPersist23C = 20\nTestSnapshotBasic3D = 20\n\
     [dependencies]\nthiserror = \"2\"\nstrum = { version = \"0.28\", features = [\"derive\"] }\n";

/// Bugs that each run of one of these tests shows. Each is a submission of its own: the zoo's Raft with that bug.
const BUGS: [&str; 20] = [
    "StandsOnce",
    "SeedsByClock",
    "NeverSaysItLeads",
    "LeadsOnInHigherTerm",
    "NeverIncrementsTerm",
    "WinsWithHalf",
    "AppendsTwice",
    "AppendsNoOp",
    "NeverBacksUp",
    "NeverSendsEntries",
    "ReusesReply",
    "CommitsAtOnce",
    "AppliesTwice",
    "AppliesOnlyTheLast",
    "StopsAtOldTerms",
    "NeverSavesTerm",
    "NeverSavesLog",
    "IgnoresSnapshots",
    "IgnoresSnapshotOffset",
    "CutsOneTooFew",
];

/// Where the zoo's Raft asks for its bug.
const READS_BUG: &str = "let Some(name) = env::var_os(LAB_BUG) else { return Bug::None };";

/// Code that is put into the reference's `make`, and what is to become of the submission.
const ADDED: [(&str, &str, &str); 18] = [
    ("right-prints", "println!(\"a server starts\");", "passed"),
    ("right-logs", "tracing::debug!(me, \"a server starts\");", "passed"),
    ("right-draws", "let _: u64 = rand::random();", "passed"),
    ("right-spawns", "tokio::spawn(async {});", "passed"),
    ("panics", "assert!(me < 2, \"too many servers\");", "failed"),
    ("loops", "while me < 9 { std::hint::spin_loop(); }", "failed"),
    ("yields", "tokio::spawn(async { loop { tokio::task::yield_now().await } });", "failed"),
    ("sleeps", "std::thread::sleep(std::time::Duration::from_secs(1));", "failed"),
    ("threads", "std::thread::spawn(|| ());", "failed"),
    ("exits", "println!(\"  ... Passed --\"); std::process::exit(0);", "failed"),
    ("aborts", "std::process::abort();", "failed"),
    (
        "overflows",
        "fn deep(n: u64) -> u64 { if n == 0 { 0 } else { deep(n - 1) + std::hint::black_box(n) } } deep(u64::MAX);",
        "failed",
    ),
    (
        "takes-memory",
        "let mut all = Vec::new(); while all.len() < 1 << 20 { all.push(vec![1_u8; 1 << 20]); }",
        "failed",
    ),
    ("floods", "loop { println!(\"{}\", \"x\".repeat(10_000)); }", "failed"),
    ("runs-programs", "let _ = std::process::Command::new(\"true\").status();", "failed"),
    ("unsafe", "unsafe { std::hint::unreachable_unchecked() }", "not built"),
    ("does-not-compile", "let me: String = me;", "not built"),
    ("includes", "let _ = include_str!(\"/etc/hostname\");", "refused"),
];

/// A class's submissions, and what is to become of each.
fn class() -> (PathBuf, BTreeMap<String, &'static str>) {
    let all = folder("class");
    let mut verdicts = BTreeMap::new();
    let mut expect =
        |name: &str, verdict| assert!(verdicts.insert(name.to_owned(), verdict).is_none());
    for (name, added, verdict) in ADDED {
        submit(&all.join(name), added);
        expect(name, verdict);
    }
    for bug in BUGS {
        with(
            &all.join(bug),
            "zoo",
            READS_BUG,
            &format!("let name = std::ffi::OsString::from({bug:?});"),
        );
        expect(bug, "failed");
    }
    with(&all.join("right-zoo"), "zoo", "", "");
    with(&all.join("right-actor"), "styles", "", "");
    with(&all.join("right-slow"), "raft", "300..600", "400..800");
    with(&all.join("few-at-once"), "raft", "from_millis(100)", "from_millis(120)");
    for right in ["right-zoo", "right-actor", "right-slow", "few-at-once"] {
        expect(right, "passed");
    }
    with(&all.join("no-make"), "raft", "pub use server::{Raft, make};", "pub use server::Raft;");
    with(
        &all.join("other-signature"),
        "raft",
        "me: usize,\n    persister",
        "me: u32,\n    persister",
    );
    write(&all.join("other-crate/src/lib.rs"), "use rand_distr::Normal;\n");
    write(&all.join("no-code/src/lib.rs"), "");
    for broken in ["no-make", "other-signature", "other-crate", "no-code"] {
        expect(broken, "not built");
    }
    write(&all.join("no-archive.zip"), "this is no archive");
    expect("no-archive", "refused");
    fs::create_dir_all(all.join("empty")).expect("a folder can be made");
    expect("empty", "refused");
    run(command("tar", &all.join("right-slow")).args(["czf", "../archived.tar.gz", "."]))
        .assert_code(0);
    expect("archived", "passed");
    with(&all.join("skeleton"), "handout", "", "");
    expect("skeleton", "failed");
    assert_eq!(verdicts.len(), 50);
    (all, verdicts)
}

/// A submission: the source of one of this workspace's Rafts, with `from` replaced by `to` wherever it stands.
fn with(folder: &Path, package: &str, from: &str, to: &str) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(package).join("src");
    copy(&source, &folder.join("raft/src"), &|text| {
        if from.is_empty() { text } else { text.replace(from, to) }
    });
}

fn copy(from: &Path, to: &Path, change: &impl Fn(String) -> String) {
    for entry in fs::read_dir(from).expect("it is there") {
        let path = entry.expect("it is there").path();
        let to = to.join(path.file_name().expect("it has a name"));
        if path.is_dir() {
            copy(&path, &to, change);
        } else if !path.ends_with("main.rs") {
            write(&to, &change(fs::read_to_string(&path).expect("it is text")));
        }
    }
}

#[test]
#[ignore = "takes minutes"]
#[expect(clippy::disallowed_methods, reason = "nothing is simulated here")]
fn fifty_submissions_have_their_verdicts_though_the_grader_is_killed() {
    let (all, verdicts) = class();
    let out = folder("grades-of-a-class");
    let course = out.with_extension("toml");
    write(&course, COURSE);
    let work = out.with_file_name("class-work");
    let _ = fs::remove_dir_all(&out);
    let grade = || {
        let mut grade = command(env!("CARGO_BIN_EXE_lab"), solved());
        grade.args(["grade", path(&all), "-o", path(&out), "--course", path(&course)]);
        grade.args(["--work", path(&work), "--resume"]);
        // As a grader's own: what is quick to build is slow to run.
        grade.env_remove("CARGO_PROFILE_DEV_OPT_LEVEL").env_remove("CARGO_TARGET_DIR");
        grade
    };

    let began = Instant::now();
    let mut first =
        grade().stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it can be started");
    while verdicts.keys().filter(|name| out.join(name).join("results.jsonl").exists()).count() < 25
    {
        assert!(first.try_wait().expect("it is a child").is_none(), "it has ended already");
        thread::sleep(Duration::from_millis(100));
    }
    first.kill().expect("it can be killed");
    first.wait().expect("it is a child");
    let killed = began.elapsed();

    let began = Instant::now();
    let ran: Ran = run(&mut grade());
    println!(
        "killed after {:.0} s; the rest took {:.0} s",
        killed.as_secs_f64(),
        began.elapsed().as_secs_f64()
    );
    println!("{}", ran.stdout);
    ran.assert_code(0);
    let wrong: Vec<_> =
        verdicts.iter().filter(|(name, verdict)| row(&ran, name)[1] != **verdict).collect();
    assert!(wrong.is_empty(), "these have another verdict than here: {wrong:?}\n{}", ran.stderr);
}
