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
        if name_text.starts_with("LAB_") || name_text == "RUSTFLAGS" {
            command.env_remove(name);
        }
    }
    command
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("student"))
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_NET_OFFLINE", "true");
    command
}

pub(crate) fn run(command: &mut Command) -> Ran {
    command.output().expect("it can be started").into()
}

/// Runs `cargo lab` with `arguments` in `folder`.
pub(crate) fn lab(folder: &Path, arguments: &[&str]) -> Ran {
    run(command(env!("CARGO_BIN_EXE_lab"), folder).args(arguments))
}

/// Makes a workspace in a folder for this purpose.
pub(crate) fn workspace(purpose: &str) -> PathBuf {
    let folder = folder(purpose);
    let parent = folder.parent().expect("it is in the folder for tests");
    lab(parent, &["new", purpose]).assert_code(0);
    folder
}

/// A workspace as it is made.
pub(crate) fn skeleton() -> &'static Path {
    static WORKSPACE: OnceLock<PathBuf> = OnceLock::new();
    WORKSPACE.get_or_init(|| workspace("skeleton"))
}

/// A workspace with the reference Raft in the skeleton's place.
pub(crate) fn solved() -> &'static Path {
    static WORKSPACE: OnceLock<PathBuf> = OnceLock::new();
    WORKSPACE.get_or_init(|| {
        let folder = workspace("solved");
        let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../raft/src");
        for entry in fs::read_dir(reference).expect("the reference is there") {
            let path = entry.expect("the reference is there").path();
            let name = path.file_name().expect("a file has a name");
            fs::copy(&path, folder.join("raft/src").join(name)).expect("it can be copied");
        }
        folder
    })
}
