//! `cargo lab explore`: what it finds, what it leaves, and how it ends.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::student::{EXTRA, Ran, command, copied, lab, run, skeleton, solved};

/// A Raft whose servers end at once if the environment says so: whatever befalls them, they never agree.
const MAKE: &str = r#"
/// Makes a server, which may end at once.
pub fn make(
    peers: Vec<labrpc::ClientEnd>,
    me: usize,
    persister: std::sync::Arc<raftapi::Persister>,
    apply_ch: raftapi::ApplyCh,
) -> std::sync::Arc<dyn raftapi::Raft> {
    let raft = make_right(peers, me, persister, apply_ch);
    if std::env::var_os("ENDS_AT_ONCE").is_some() {
        raft.kill();
    }
    raft
}
"#;

fn edit(workspace: &Path, name: &str, from: &str, to: &str) {
    let text = fs::read_to_string(workspace.join(name)).expect("it is there");
    assert!(text.contains(from), "no {from:?} in {name}");
    fs::write(workspace.join(name), text.replace(from, to)).expect("it can be written");
}

/// A workspace without our own tests, and so without the one that explores.
fn unexplored() -> PathBuf {
    let workspace = copied(skeleton(), "unexplored");
    // Another version, so that its build doesn't take the place of the other workspace's.
    edit(&workspace, "raft/Cargo.toml", "0.1.0+", "0.1.0+unexplored");
    edit(&workspace, "raft/Cargo.toml", EXTRA, "");
    workspace
}

/// A workspace that can be explored.
pub(crate) fn explored() -> &'static Path {
    static WORKSPACE: OnceLock<PathBuf> = OnceLock::new();
    WORKSPACE.get_or_init(|| {
        let workspace = copied(solved(), "explored");
        let edit = |name: &str, from: &str, to: &str| edit(&workspace, name, from, to);
        // Another version, so that its build doesn't take the place of the other workspace's.
        edit("raft/Cargo.toml", "0.1.0+", "0.1.0+explored");
        edit("raft/Cargo.toml", "\n[[test]]\n", &format!("{EXTRA}\n[[test]]\n"));
        let right = "pub use server::{Raft, make};";
        let both = format!("pub use server::Raft;\nuse server::make as make_right;\n{MAKE}");
        edit("raft/src/lib.rs", right, &both);
        fs::create_dir_all(workspace.join("raft/tests")).expect("a folder can be made");
        workspace
    })
}

/// Runs `cargo lab` on servers that end at once.
fn lab_on_dead_servers(arguments: &[&str]) -> Ran {
    let mut lab = command(env!("CARGO_BIN_EXE_lab"), explored());
    run(lab.args(arguments).env("ENDS_AT_ONCE", "1"))
}

#[test]
fn in_a_right_raft_nothing_is_found() {
    let ran = lab(explored(), &["explore", "--minutes", "0.02", "--seed", "1"]);
    ran.assert_code(0);
    ran.assert_complains("raft: TestExplore for 1.2 s, seeds from 1 on, ");
    ran.assert_prints(" of CPU time\nnothing found\n");
    assert!(
        !ran.stdout.contains("\n0 runs") && !ran.stdout.starts_with("0 runs"),
        "{}",
        ran.stdout
    );
}

#[test]
fn what_is_found_is_shrunk_shown_and_a_test() {
    let out = explored().join("found");
    let ran = lab_on_dead_servers(&["explore", "--seed", "5", "-j", "2", "-o", "found"]);
    ran.assert_code(1);
    ran.assert_prints("\nfound with seed 5: one(");
    ran.assert_prints("\nthe smallest plan that shows it has 0 acts on 1 server:\n");
    // The report, with the command that repeats it, which finds the plan from wherever it is run.
    let plan = out.join("plan-5.json");
    let plan = plan.canonicalize().expect("there is a plan");
    ran.assert_prints("failed to reach agreement\n");
    ran.assert_prints(&format!(
        "LAB_SEED=5 LAB_PLAN='{}' cargo test -p raft --test extra TestExplore",
        plan.display()
    ));
    let stored: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&plan).expect("there is a plan"))
            .expect("it is JSON");
    assert_eq!((&stored["servers"], &stored["acts"]), (&1.into(), &serde_json::json!([])));
    let script = fs::read_to_string(out.join("found-5.rs")).expect("there is a script");
    ran.assert_prints(&format!("As a test that you can paste into a test file:\n\n{script}"));
    ran.assert_prints("stored in found/plan-5.json and found/found-5.rs\n");

    // Pasted, it fails by itself, and passes with a right Raft.
    fs::copy(out.join("found-5.rs"), explored().join("raft/tests/found.rs")).expect("a paste");
    let test = ["test", "TestFound5", "-n", "1"];
    let failed = lab_on_dead_servers(&test);
    failed.assert_code(1);
    failed.assert_prints("failed to reach agreement");
    assert!(!failed.stderr.contains("warning"), "{}", failed.stderr);
    lab(explored(), &test).assert_code(0);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "nothing is simulated in this test")]
fn ctrl_c_ends_it() {
    let mut lab = command(env!("CARGO_BIN_EXE_lab"), explored());
    let lab = lab.args(["explore", "-m", "1000"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut lab = lab.spawn().expect("it starts");
    let stderr = BufReader::new(lab.stderr.take().expect("a pipe"));
    let mut lines = stderr.lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("TestExplore for ")), "it never begins");
    std::thread::sleep(Duration::from_secs(1));

    let interrupt = format!("kill -INT {}", lab.id());
    assert!(Command::new("sh").args(["-c", &interrupt]).status().expect("sh runs").success());
    let ran = Ran::from(lab.wait_with_output().expect("it ends"));
    ran.assert_code(130);
    ran.assert_prints(" of CPU time\ninterrupted: these results are incomplete\n");
}

#[test]
fn what_makes_no_sense_is_named() {
    for minutes in ["0", "-1", "a-few", "1e7", "NaN"] {
        let ran = lab(skeleton(), &["explore", &format!("--minutes={minutes}")]);
        ran.assert_code(3);
        ran.assert_complains("it isn't a number of minutes, such as 1 or 0.5");
    }
    let ran = lab(skeleton(), &["explore", "-p", "raff"]);
    ran.assert_code(3);
    ran.assert_complains("failed to find the package `raff`: did you mean raft?");

    let ran = lab(&unexplored(), &["explore"]);
    ran.assert_code(4);
    ran.assert_complains(
        "error: failed to explore: `raft` has no test `TestExplore`. Its script is ",
    );

    let mut with_plan = command(env!("CARGO_BIN_EXE_lab"), skeleton());
    let ran = run(with_plan.arg("explore").env("LAB_PLAN", "plan.json"));
    ran.assert_code(3);
    ran.assert_complains(
        "error: failed to explore: with LAB_PLAN every run follows this plan; unset it",
    );

    let mut by_the_wall = command(env!("CARGO_BIN_EXE_lab"), skeleton());
    let ran = run(by_the_wall.arg("explore").env("LAB_CLOCK", "real"));
    ran.assert_code(3);
    ran.assert_complains(
        "error: failed to explore: with the wall clock (--real, LAB_CLOCK=real) no failure",
    );
}

/// Of the reference's runs, each twice; they are the same here, where nothing is optimised, and in any
/// other build.
#[test]
fn the_same_seed_is_the_same_exploration() {
    let out = explored().join("twice");
    let mut lab = command(env!("CARGO_BIN_EXE_lab"), explored());
    lab.args(["test", "TestExplore", "-n", "50", "--seed", "1", "-o", "twice"]);
    run(lab.env("LAB_CHECK_DETERMINISM", "1")).assert_code(0);
    let results = fs::read_to_string(out.join("results.jsonl")).expect("there are results");
    let results: Vec<serde_json::Value> =
        results.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    assert_eq!(results.len(), 51, "what was asked for, and 50 runs");
    let counts = |seed: u64| {
        let result = results.iter().find(|result| result["seed"] == seed).expect("it was run");
        let measured = &result["verdict"]["passed"];
        ["rpcs", "bytes", "commands"].map(|count| measured[count].as_u64().expect("it has passed"))
    };
    let counts = [1, 2, 3].map(counts);
    assert_eq!(counts, SEEDS_1_TO_3, "if runs were to change, the first are the new counts");
}

/// RPCs, bytes and commands with seeds 1 to 3.
const SEEDS_1_TO_3: [[u64; 3]; 3] = [[196, 11560, 7], [768, 30633, 132], [206, 10425, 31]];

/// Before anything is found: it may have taken hours.
#[test]
fn a_folder_that_can_t_be_written_is_named_at_once() {
    let ran = lab_on_dead_servers(&["explore", "-o", "Cargo.toml/found"]);
    ran.assert_code(3);
    ran.assert_complains("error: failed to write Cargo.toml/found: ");
    assert_eq!(ran.stdout, "");
}
