//! What is kept of runs on disk: histories, and a line for each result.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use report::{Record, RunResult};
use supervisor::{Wants, is_child, variables};
use tracing::level_filters::LevelFilter;

use crate::call::Call;
use crate::settings::{Report, Settings};

/// Tells a child in which folder to store histories.
pub(crate) const HISTORIES: &str = "LAB_WORKER_HISTORIES";

/// The calls of tests of which this process has stored a history. One is enough, of a test that fails
/// again and again.
static STORED: Mutex<BTreeSet<(String, u32)>> = Mutex::new(BTreeSet::new());

/// Where the history of a run is stored: in `TestX-7.json`, or in `TestX-call2-7.json` if it is of the test
/// function's second call.
fn path(folder: &Path, test: &str, call: Call, seed: u64) -> PathBuf {
    let call = if call.is_first() { String::new() } else { format!("-call{}", call.ordinal) };
    folder.join(format!("{test}{call}-{seed}.json"))
}

/// Where histories are stored: by default in `lab` in the folder that cargo builds into.
pub(crate) fn folder(settings: &Settings) -> PathBuf {
    if let Some(out) = &settings.out {
        return out.clone();
    }
    // target/debug/deps/lab3-0123456789abcdef
    let binary = env::current_exe().unwrap_or_default();
    binary.ancestors().nth(3).unwrap_or(Path::new("target")).join("lab")
}

/// A path as it is shown: from the workspace's folder on, if it is in there.
pub(crate) fn shown(path: &Path) -> &Path {
    let binary = env::current_exe().unwrap_or_default();
    let here = env::current_dir().unwrap_or_default();
    let workspace = workspace(&binary, &here);
    workspace.and_then(|workspace| path.strip_prefix(workspace).ok()).unwrap_or(path)
}

/// The workspace that a test binary is of, if cargo builds it there. The target folder may be anywhere
/// else; then its parent is no workspace, or none that has this package, in whose folder `here` cargo runs
/// the tests.
fn workspace<'a>(binary: &'a Path, here: &Path) -> Option<&'a Path> {
    let parent = binary.ancestors().nth(4)?;
    (here.starts_with(parent) && parent.join("Cargo.toml").is_file()).then_some(parent)
}

/// Where this process is to store histories; `None` if it isn't.
pub(crate) fn folder_here(settings: &Settings) -> Option<PathBuf> {
    if settings.report == Report::Never {
        None
    } else if is_child() {
        env::var_os(HISTORIES).map(PathBuf::from)
    } else {
        (settings.isolation.is_none()).then(|| folder(settings))
    }
}

/// Whether the results of this process are to have the runs themselves.
pub(crate) fn sends_records() -> bool {
    has_marks() || env::var_os(variables::RECORDS).is_some()
}

/// Whether the results of this process are to have runs with marks, and whole.
pub(crate) fn has_marks() -> bool {
    supervisor::wants() == Wants::WholeRecords
}

/// The run that this process is to make again without its servers' code, if any.
///
/// # Errors
/// If the file that is named has none: why.
pub(crate) fn judged() -> Result<Option<Record>, String> {
    let Some(path) = env::var_os(variables::JUDGED).filter(|_| is_child()) else { return Ok(None) };
    let failed = |why: String| format!("failed to read {}={path:?}: {why}\n", variables::JUDGED);
    let text = fs::read(&path).map_err(|error| failed(error.to_string()))?;
    // A process of this very tester has sent it, so that it is of this form.
    serde_json::from_slice(&text).map(Some).map_err(|error| failed(error.to_string()))
}

/// From which level on this process listens to what servers log: everything, where histories are
/// stored or sent. `None` if nobody would read it.
pub(crate) fn listens(settings: &Settings) -> Option<LevelFilter> {
    let runs_here = is_child() || settings.isolation.is_none();
    if !runs_here {
        None
    } else if folder_here(settings).is_some() || sends_records() {
        Some(LevelFilter::TRACE)
    } else {
        Some(settings.log).filter(|&level| level != LevelFilter::OFF)
    }
}

/// Stores a run's history, unless this process has done so for an earlier run of the same call. Returns the
/// file; `None` if there is none.
pub(crate) fn save(folder: &Path, call: Call, record: Record) -> io::Result<Option<PathBuf>> {
    if !STORED.lock().insert((record.test.clone(), call.ordinal)) {
        return Ok(None);
    }
    fs::create_dir_all(folder)?;
    let path = path(folder, &record.test, call, record.seed);
    // In one piece, for whoever is reading the one of an earlier run.
    let unfinished = path.with_extension("json.part");
    let written = write(&unfinished, record);
    if written.is_err() {
        // What failed is told, and not whether anything was left.
        let _ = fs::remove_file(&unfinished);
    }
    written?;
    fs::rename(unfinished, &path)?;
    Ok(Some(path))
}

/// Writes a run, without its oldest events where a file can't hold them all.
fn write(path: &Path, mut record: Record) -> io::Result<()> {
    loop {
        match fs::write(path, serde_json::to_vec(&record)?) {
            Err(error)
                if error.kind() == io::ErrorKind::FileTooLarge && !record.events.is_empty() =>
            {
                let oldest = record.events.len().div_ceil(2);
                record.events.drain(..oldest);
                record.dropped += oldest as u64;
            }
            written => return written,
        }
    }
}

/// Notes in a stored history that another command repeats its run.
pub(crate) fn set_replay(path: &Path, replay: String) -> io::Result<()> {
    let record: Record = serde_json::from_str(&fs::read_to_string(path)?)?;
    let unfinished = path.with_extension("json.part");
    fs::write(&unfinished, serde_json::to_vec(&Record { replay, ..record })?)?;
    fs::rename(unfinished, path)
}

/// Adds a line for each run to the results in `folder`.
pub(crate) fn add_results(folder: &Path, results: &[RunResult]) -> io::Result<()> {
    let mut lines = String::new();
    for result in results {
        lines.push_str(&serde_json::to_string(result)?);
        lines.push('\n');
    }
    fs::create_dir_all(folder)?;
    report::add_lines(&folder.join(report::RESULTS), lines.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_is_the_parent_of_the_target_folder_only_where_the_package_is_in_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [ours, package] = ["ours", "ours/raft"].map(|name| folder.path().join(name));
        fs::create_dir_all(&package).expect("a folder");
        fs::write(ours.join("Cargo.toml"), "").expect("a file");
        let of = |target: &Path| {
            let binary = target.join("debug/deps/lab3-0123456789abcdef");
            workspace(&binary, &package).map(Path::to_owned)
        };
        assert_eq!(of(&ours.join("target")), Some(ours.clone()));
        assert_eq!(of(&ours.join("build")), Some(ours.clone()));
        // CARGO_TARGET_DIR may name any folder: beside the workspace, deep in it, in another's.
        assert_eq!(of(&folder.path().join("target")), None);
        assert_eq!(of(&ours.join("out/target")), None);
        let other = folder.path().join("other");
        fs::create_dir_all(&other).expect("a folder");
        fs::write(other.join("Cargo.toml"), "").expect("a file");
        assert_eq!(of(&other.join("target")), None);
    }
}
