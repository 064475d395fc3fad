//! Which submissions there are in a folder.

use std::fs;
use std::path::{Path, PathBuf};

use report::text::is_hidden;

use crate::error::Error;

/// What is handed in as one file.
const ARCHIVES: [&str; 4] = [".tar.gz", ".tgz", ".tar", ".zip"];

/// How names of folders and archives may end that are no part of a student's name.
const ENDS: [&str; 5] = [".tar.gz", ".tgz", ".tar", ".zip", ".git"];

/// A submission, not yet opened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Submission {
    /// Whose it is.
    pub(super) name: String,
    pub(super) path: PathBuf,
}

/// Looks for submissions in `folder`: folders, repositories and archives. Is it one itself, that is all. Returns
/// them by name, and what else is in the folder.
pub(super) fn submissions(folder: &Path) -> Result<(Vec<Submission>, Vec<String>), Error> {
    let nothing = |why: &str| Error::NoSubmissions { path: folder.to_owned(), why: why.to_owned() };
    if folder.is_file() && is_archive(&file_name(folder)) || is_one(folder) {
        let real = folder.canonicalize().map_err(|error| Error::read(folder, error))?;
        let name = name_of(&file_name(&real));
        return Ok((vec![Submission { name, path: real }], Vec::new()));
    }
    if !folder.is_dir() {
        return Err(nothing("there is no such folder"));
    }
    let (mut found, mut others) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder).map_err(|error| Error::read(folder, error))? {
        let path = entry.map_err(|error| Error::read(folder, error))?.path();
        let file_name = file_name(&path);
        if file_name.starts_with('.') {
            continue;
        }
        if path.is_dir() || is_archive(&file_name) {
            found.push(Submission { name: name_of(&file_name), path });
        } else {
            others.push(file_name);
        }
    }
    found.sort();
    others.sort();
    if let Some([one, other]) = found.array_windows().find(|[one, other]| one.name == other.name) {
        return Err(nothing(&format!(
            "{} and {} are of the same name; leave one of them",
            one.path.display(),
            other.path.display()
        )));
    }
    if found.is_empty() {
        return Err(nothing("it has neither folders nor archives (.zip, .tar, .tar.gz, .tgz)"));
    }
    Ok((found, others))
}

/// Whether a folder is a submission itself.
fn is_one(folder: &Path) -> bool {
    let files = ["lib.rs", "raft.rs"];
    ["raft/src", "src", ""]
        .iter()
        .any(|below| files.iter().any(|file| folder.join(below).join(file).is_file()))
}

pub(super) fn is_archive(file_name: &str) -> bool {
    let name = file_name.to_lowercase();
    ARCHIVES.iter().any(|end| name.ends_with(end))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The name of whose folder or archive has this name. It is also that of a folder for results.
fn name_of(file_name: &str) -> String {
    let lower = file_name.to_lowercase();
    let end = ENDS.iter().find(|end| lower.ends_with(*end) && lower.len() > end.len());
    let name = &file_name[..file_name.len() - end.map_or(0, |end| end.len())];
    name.chars().map(|c| if is_hidden(c) || c == '/' { '_' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_folders_and_archives() {
        for name in ["bob", "bob.zip", "bob.tar.gz", "bob.TGZ", "bob.git"] {
            assert_eq!(name_of(name), "bob");
        }
        assert_eq!(name_of("bob.smith"), "bob.smith");
        assert_eq!(name_of(".zip"), ".zip");
        // What would turn a terminal's lines round, or can't be told from another name.
        assert_eq!(name_of("bob\u{202e}\n\u{200b}\u{1b}[2J"), "bob____[2J");
    }

    #[test]
    fn folders_and_archives_are_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        for name in ["carol/raft/src", "bob.git", ".hidden"] {
            fs::create_dir_all(path.join(name)).expect("a folder");
        }
        for name in ["alice.zip", "notes.txt"] {
            fs::write(path.join(name), "").expect("a file");
        }
        let (found, others) = submissions(path).expect("submissions");
        let names: Vec<&str> = found.iter().map(|found| found.name.as_str()).collect();
        assert_eq!((names, others), (vec!["alice", "bob", "carol"], vec!["notes.txt".to_owned()]));

        fs::write(path.join("carol/raft/src/lib.rs"), "").expect("a file");
        let (found, _) = submissions(&path.join("carol")).expect("a submission");
        assert_eq!(found[0].name, "carol");

        fs::create_dir(path.join("alice")).expect("a folder");
        let twice = submissions(path).expect_err("two of one name").to_string();
        assert!(twice.contains("alice.zip") && twice.contains("same name"), "{twice}");
        let none = submissions(&path.join("bob.git")).expect_err("nothing is there").to_string();
        assert!(none.contains("neither folders nor archives"), "{none}");
    }
}
