//! `cargo lab upgrade`: a newer tester for a workspace that is there already.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::cli;
use crate::create::{checkout, mark, settle_versions, write};
use crate::error::Error;
use crate::exit::Exit;
use crate::layout::{self, Tester, is_students};
use crate::output::print;
use crate::written::Written;

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Added,
    Replaced,
    Removed,
    /// The student has changed it.
    Kept,
}

/// Brings this program's tester into a workspace.
pub(crate) fn upgrade(asked: &cli::Upgrade) -> Result<Exit, Error> {
    let dir = &*asked.dir;
    if !dir.is_dir() {
        return Err(Error::NoFolder(dir.to_owned()));
    }
    let Some(before) = Written::read(dir)? else {
        let why =
            "it has no .cargo/lab.json, which says what `cargo lab new` has written".to_owned();
        return Err(Error::NoUpgrade { dir: dir.to_owned(), why });
    };
    let tester = if before.linked { Tester::Linked } else { Tester::Copied };
    let files = layout::files(&checkout(), tester, &mark(dir))?;
    let after = Written::of(tester, &files);
    let mut changes = BTreeMap::new();
    for (path, content) in files.iter().filter(|(path, _)| !is_students(path)) {
        if let Some(change) = replace(dir, path, content, &before)? {
            changes.insert(path.clone(), change);
        }
    }
    for path in before.files.keys().filter(|path| !after.files.contains_key(*path)) {
        if let Some(change) = remove(dir, path, &before)? {
            changes.insert(path.clone(), change);
        }
    }
    after.save(dir)?;
    settle_versions(dir);
    print(&told(dir, &changes));
    Ok(Exit::Passed)
}

/// Puts the newer file in the older one's place, or beside it if the student has changed it.
fn replace(
    dir: &Path,
    path: &Path,
    content: &[u8],
    before: &Written,
) -> Result<Option<Change>, Error> {
    let place = dir.join(path);
    let change = match read(&place)? {
        None => Change::Added,
        Some(there) if there == content => return Ok(None),
        Some(there) if before.is_untouched(path, &there) => Change::Replaced,
        Some(_) => Change::Kept,
    };
    match change {
        Change::Kept => write(&beside(&place), content)?,
        _ => write(&place, content)?,
    }
    Ok(Some(change))
}

/// Removes a file that the newer tester hasn't got, unless the student has changed it.
fn remove(dir: &Path, path: &Path, before: &Written) -> Result<Option<Change>, Error> {
    let place = dir.join(path);
    let Some(there) = read(&place)? else { return Ok(None) };
    if !before.is_untouched(path, &there) {
        return Ok(Some(Change::Kept));
    }
    fs::remove_file(&place).map_err(|error| Error::write(&place, error))?;
    for folder in place.ancestors().skip(1).take_while(|folder| *folder != dir) {
        if fs::remove_dir(folder).is_err() {
            break; // it isn't empty
        }
    }
    Ok(Some(Change::Removed))
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::read(path, error)),
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// What has changed, for the student: by folder, and each file that stayed.
fn told(dir: &Path, changes: &BTreeMap<PathBuf, Change>) -> String {
    let shown = dir.display();
    if changes.is_empty() {
        return format!("{shown} already has this version of the tester.\n");
    }
    let mut text =
        format!("{shown} now has this version of the tester. Your own files haven't changed.\n\n");
    let mut folders: BTreeMap<PathBuf, BTreeMap<&str, usize>> = BTreeMap::new();
    for (path, change) in changes {
        let folder: PathBuf = match path.components().count() {
            1 => path.clone(),
            _ => path.parent().unwrap_or(path).iter().take(2).collect(),
        };
        let what = match change {
            Change::Added => "added",
            Change::Replaced => "replaced",
            Change::Removed => "removed",
            Change::Kept => continue,
        };
        *folders.entry(folder).or_default().entry(what).or_default() += 1;
    }
    let width = folders.keys().map(|folder| folder.as_os_str().len()).max().unwrap_or(0);
    for (folder, counts) in &folders {
        let counts: Vec<String> =
            counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
        text.push_str(&format!("  {:width$}  {}\n", folder.display(), counts.join(", ")));
    }
    let kept: Vec<&PathBuf> = changes
        .iter()
        .filter(|(_, change)| **change == Change::Kept)
        .map(|(path, _)| path)
        .collect();
    if !kept.is_empty() {
        text.push_str(
            "\nYou have changed these files, so they stay. The new versions are beside them, in *.new:\n",
        );
        for path in kept {
            text.push_str(&format!("  {}\n", path.display()));
        }
    }
    text.push_str("\n`git diff` shows what is new in the tests.\n");
    text
}
