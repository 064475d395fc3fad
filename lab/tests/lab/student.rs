//! Students' workspaces, and the program run in them.
//!
//! They are made in the system's folder for what is temporary: cargo would join the settings of a
//! workspace around them to theirs. All are built into one target folder, `tmp/student` in this
//! workspace's own, which outlives the tests: the tester and what it stands on are compiled for the
//! first of them and kept, and each workspace costs its own crate only. They are made afresh each
//! time but in the same places, so that their builds take the place of the last ones. Without
//! optimisations the first build takes half as long, and no test here runs for long.

use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// What a command left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    #[track_caller]
    pub(crate) fn assert_code(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
    }

    #[track_caller]
    pub(crate) fn assert_prints(&self, text: &str) {
        assert!(self.stdout.contains(text), "no {text:?} in:\n{}\n{}", self.stdout, self.stderr);
    }

    #[track_caller]
    pub(crate) fn assert_complains(&self, text: &str) {
        assert!(self.stderr.contains(text), "no {text:?} in:\n{}", self.stderr);
    }
}

/// Where folders are made: a place of its own for each checkout.
fn folders() -> PathBuf {
    let mut hasher = DefaultHasher::new();
    env!("CARGO_MANIFEST_DIR").hash(&mut hasher);
    let folders = env::temp_dir().join(format!("raftlab-tests-{:016x}", hasher.finish()));
    fs::create_dir_all(&folders).expect("a folder can be made");
    folders
}

pub(crate) fn path(path: &Path) -> &str {
    path.to_str().expect("it is UTF-8")
}

/// A folder for this purpose, not there yet.
pub(crate) fn folder(purpose: &str) -> PathBuf {
    let folder = folders().join(purpose);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("an old folder can be removed");
    }
    folder
}

/// A command that is run in `folder` as a student would.
pub(crate) fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    for (name, _) in env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("LAB_") || ["RUSTFLAGS", "COLUMNS"].contains(&&*name_text) {
            command.env_remove(name);
        }
    }
    command
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("student"))
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_NET_OFFLINE", "true")
        // Whoever runs it may have secrets.
        .env("SOME_TOKEN", "a secret");
    command
}

pub(crate) fn run(command: &mut Command) -> Ran {
    command.output().expect("it can be started").into()
}

/// Runs `cargo lab` with `arguments` in `folder`.
pub(crate) fn lab(folder: &Path, arguments: &[&str]) -> Ran {
    run(command(env!("CARGO_BIN_EXE_lab"), folder).args(arguments))
}

/// Makes a workspace in a folder for this purpose. It uses the checkout's tester, which is compiled once for all.
pub(crate) fn workspace(purpose: &str) -> PathBuf {
    made(purpose, &["--link"])
}

/// Makes a workspace that has all that it needs.
pub(crate) fn standing_alone(purpose: &str) -> PathBuf {
    made(purpose, &[])
}

fn made(purpose: &str, options: &[&str]) -> PathBuf {
    let folder = folder(purpose);
    let parent = folder.parent().expect("it is in the folder for tests");
    lab(parent, &[&["new", purpose], options].concat()).assert_code(0);
    folder
}

/// A copy of a workspace, in a folder for this purpose.
pub(crate) fn copied(workspace: &Path, purpose: &str) -> PathBuf {
    let copy = folder(purpose);
    run(command("cp", workspace).arg("-r").arg(workspace).arg(&copy)).assert_code(0);
    copy
}

/// A workspace as it is made.
pub(crate) fn skeleton() -> &'static Path {
    static WORKSPACE: OnceLock<PathBuf> = OnceLock::new();
    WORKSPACE.get_or_init(|| workspace("skeleton"))
}

/// A workspace with the reference Raft in the skeleton's place, and with MIT's tests only: each copy's build compiles its
/// tests anew.
pub(crate) fn solved() -> &'static Path {
    static WORKSPACE: OnceLock<PathBuf> = OnceLock::new();
    WORKSPACE.get_or_init(|| {
        let folder = workspace("solved");
        let manifest = folder.join("raft/Cargo.toml");
        let text = fs::read_to_string(&manifest).expect("it is there");
        let (mit_s, others) = text.split_once(EXTRA).expect("the tests are in this order");
        assert!(others.contains(r#"name = "steps""#), "{others}");
        fs::write(&manifest, mit_s).expect("it can be written");
        let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../raft/src");
        for entry in fs::read_dir(reference).expect("the reference is there") {
            let path = entry.expect("the reference is there").path();
            let name = path.file_name().expect("a file has a name");
            fs::copy(&path, folder.join("raft/src").join(name)).expect("it can be copied");
        }
        folder
    })
}

/// In a student's `Cargo.toml`, the extra tests.
pub(crate) const EXTRA: &str = r#"
[[test]]
name = "extra"
path = "../tests/extra/main.rs"
"#;

/// A grader's copy with the tests of parts 3A and 3B: each submission's build compiles them anew.
pub(crate) fn graders() -> &'static Path {
    static WORKSPACE: OnceLock<PathBuf> = OnceLock::new();
    WORKSPACE.get_or_init(|| {
        let workspace = copied(solved(), "graders");
        let main = workspace.join("tests/raft/main.rs");
        let mut text = fs::read_to_string(&main).expect("it is there");
        for part in ["persistence_3c", "snapshot_3d"] {
            let of_part = format!("mod {part};\n");
            assert!(text.contains(&of_part), "no {of_part:?} in:\n{text}");
            text = text.replace(&of_part, "");
        }
        fs::write(main, text).expect("it can be written");
        workspace
    })
}

/// A workspace with the reference Raft in the skeleton's place, and with tests of its own:
///
/// * `TestTwice3A` calls `config::test` for 3 and for 5 servers, and fails for 5 if the environment says so.
/// * `TestScribbles3A` writes lines of its own to the file of results.
/// * `TestWaits3A` takes an hour by the real clock.
/// * `TestChance3A` fails if server 0 is the first to lead.
/// * `TestRemembers3A` fails, and later with each run in its process.
pub(crate) fn odd() -> &'static Path {
    static WORKSPACE: OnceLock<PathBuf> = OnceLock::new();
    WORKSPACE.get_or_init(|| {
        let workspace = copied(solved(), "odd-tests");
        let manifest = workspace.join("raft/Cargo.toml");
        let text = fs::read_to_string(&manifest).expect("it is there");
        // Another version, so that its build doesn't take the place of the other workspace's.
        fs::write(manifest, text.replace("0.1.0+", "0.1.0+odd")).expect("it can be written");
        fs::create_dir_all(workspace.join("raft/tests")).expect("a folder can be made");
        fs::write(workspace.join("raft/tests/odd.rs"), ODD_TESTS).expect("it can be written");
        workspace
    })
}

const ODD_TESTS: &str = r#"#![allow(non_snake_case)]

use std::env;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use config::{Reliability, Snapshots, T, make_config};

async fn elect(t: T, servers: usize) {
    let cfg = make_config(&t, servers, Reliability::Reliable, Snapshots::Off, raft::make);
    cfg.begin("Test (3A): election");
    cfg.check_one_leader().await;
    cfg.end();
}

#[test]
fn TestTwice3A() {
    for servers in [3, 5] {
        config::test(move |t| async move {
            let fails = env::var("FAILS").unwrap_or_default();
            assert!(fails != servers.to_string(), "not with {servers} servers");
            elect(t, servers).await;
        });
    }
}

#[test]
fn TestScribbles3A() {
    config::test(|t| async move {
        let out = env::var_os("LAB_OUT").expect("it is set");
        let file = std::path::Path::new(&out).join("results.jsonl");
        let mut file = OpenOptions::new().append(true).create(true).open(file).expect("it opens");
        file.write_all(b"hello\n\xff\n{\"seed\":").expect("it is written");
        elect(t, 3).await;
    });
}

#[test]
fn TestWaits3A() {
    config::test(|t| async move {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        elect(t, 3).await;
    });
}

#[test]
fn TestChance3A() {
    config::test(|t| async move {
        let cfg = make_config(&t, 3, Reliability::Reliable, Snapshots::Off, raft::make);
        cfg.begin("Test (3A): chance");
        assert_ne!(cfg.check_one_leader().await, 0, "server 0 leads");
        cfg.end();
    });
}

#[test]
fn TestRemembers3A() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    config::test(|t| async move {
        tokio::time::sleep(Duration::from_millis(RUNS.fetch_add(1, Ordering::Relaxed))).await;
        elect(t, 3).await;
        panic!("it always fails");
    });
}
"#;
