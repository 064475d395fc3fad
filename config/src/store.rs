//! Histories on disk.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use report::Record;
use tracing::level_filters::LevelFilter;

use crate::places;
use crate::settings::{Place, Report, Settings};
use crate::t::lock;

/// Tells a child in which folder to store histories.
pub(crate) const HISTORIES: &str = "LAB_WORKER_HISTORIES";

/// The tests of which this process has stored a history. One is enough, of a test that fails again and
/// again.
static STORED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Where a run's history is stored.
fn path(folder: &Path, test: &str, seed: u64) -> PathBuf {
    folder.join(format!("{test}-{seed}.json"))
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
    let workspace = binary.ancestors().nth(4);
    workspace.and_then(|workspace| path.strip_prefix(workspace).ok()).unwrap_or(path)
}

/// Where this process is to store histories; `None` if it isn't.
pub(crate) fn folder_here(settings: &Settings) -> Option<PathBuf> {
    if settings.report == Report::Never {
        None
    } else if places::is_child() {
        env::var_os(HISTORIES).map(PathBuf::from)
    } else {
        (settings.place == Place::Here).then(|| folder(settings))
    }
}

/// From which level on this process listens to what servers log: everything, where histories are
/// stored. `None` if nobody would read it.
pub(crate) fn listens(settings: &Settings) -> Option<LevelFilter> {
    let runs_here = places::is_child() || settings.place == Place::Here;
    if !runs_here {
        None
    } else if folder_here(settings).is_some() {
        Some(LevelFilter::TRACE)
    } else {
        Some(settings.log).filter(|&level| level != LevelFilter::OFF)
    }
}

/// Stores a run's history, unless this process has done so for an earlier run of the test. Returns the
/// file; `None` if there is none.
pub(crate) fn save(folder: &Path, record: &Record) -> io::Result<Option<PathBuf>> {
    if !lock(&STORED).insert(record.test.clone()) {
        return Ok(None);
    }
    fs::create_dir_all(folder)?;
    let path = path(folder, &record.test, record.seed);
    // In one piece, for whoever is reading the one of an earlier run.
    let unfinished = path.with_extension("json.part");
    fs::write(&unfinished, serde_json::to_vec(record)?)?;
    fs::rename(unfinished, &path)?;
    Ok(Some(path))
}
