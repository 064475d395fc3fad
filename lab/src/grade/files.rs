//! Copying, linking and hashing files, as cargo needs it: by the times of their last changes.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::error::Error;

/// From which size on a file isn't copied but linked: what is built once isn't written to again.
const LINKED: u64 = 64 << 10;

/// What is built of a submission alone, and is of no use for another.
const OWN: [&str; 5] = ["raft-", "libraft-", "lab3-", "extra-", "steps-"];

/// Removes a folder, if it is there.
pub(super) fn remove(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::write(folder, error)),
        _ => Ok(()),
    }
}

/// Writes a file. One that is the same already isn't touched, so that cargo doesn't build anew what hangs on it.
pub(super) fn write_if_new(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent)
        .and_then(|()| fs::write(path, bytes))
        .map_err(|error| Error::write(path, error))
}

/// Copies a folder.
pub(super) fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &to)?;
        } else {
            copy_with_time(&entry.path(), &to)?;
        }
    }
    Ok(())
}

/// Copies a file with the time of its last change, by which cargo goes.
fn copy_with_time(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    let changed = fs::metadata(from)?.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    File::options().write(true).open(to)?.set_modified(changed)
}

/// Makes a target folder of another one, without what is a submission's own. Large files are linked.
pub(super) fn take_over(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        let (path, to) = (entry.path(), to.join(&name));
        if text == "incremental" || OWN.iter().any(|own| text.starts_with(own)) {
            continue;
        }
        let meta = entry.metadata()?;
        if meta.is_dir() {
            take_over(&path, &to)?;
        } else if meta.len() < LINKED || fs::hard_link(&path, &to).is_err() {
            copy_with_time(&path, &to)?;
        }
    }
    Ok(())
}

/// Adds the sources below a folder, each with its name.
pub(super) fn add_sources(root: &Path, folder: &Path, all: &mut Vec<u8>) -> io::Result<()> {
    let entries: io::Result<Vec<_>> = fs::read_dir(folder)?.collect();
    let mut paths: Vec<PathBuf> = entries?.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    for path in paths {
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && name != "tests" {
                add_sources(root, &path, all)?;
            }
        } else if name.ends_with(".rs") {
            let bytes = fs::read(&path)?;
            all.extend(format!("{name} {}\n", bytes.len()).into_bytes());
            all.extend(bytes);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_folder_is_taken_over_without_what_is_a_submission_s() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("debug/deps")).expect("a folder");
        fs::create_dir_all(from.join("debug/incremental")).expect("a folder");
        for (name, len) in
            [("libconfig-1.rlib", 100_000), ("libraft-1.rlib", 9), ("config-1.d", 9), ("lab3-1", 9)]
        {
            fs::write(from.join("debug/deps").join(name), vec![0; len]).expect("a file");
        }
        take_over(&from, &to).expect("it works");
        let mut names: Vec<_> = fs::read_dir(to.join("debug/deps"))
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["config-1.d", "libconfig-1.rlib"]);
        assert!(!to.join("debug/incremental").exists());
        let time = |path: PathBuf| fs::metadata(path).expect("a file").modified().expect("a time");
        assert_eq!(
            time(from.join("debug/deps/config-1.d")),
            time(to.join("debug/deps/config-1.d"))
        );
    }
}
