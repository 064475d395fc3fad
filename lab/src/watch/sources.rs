//! Notices that a file was saved: by looking, which works wherever files are, over ssh and in containers too.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Files and folders that are watched.
#[derive(Debug)]
pub(super) struct Sources(Vec<PathBuf>);

/// What was seen of each file: when it was written, and its length.
pub(super) type Seen = BTreeMap<PathBuf, (SystemTime, u64)>;

impl Sources {
    pub(super) fn of(paths: &[PathBuf]) -> Sources {
        Sources(paths.to_vec())
    }

    /// What the files are now.
    pub(super) fn look(&self) -> Seen {
        let mut seen = Seen::new();
        self.0.iter().for_each(|path| look(path, &mut seen));
        seen
    }
}

fn look(path: &Path, seen: &mut Seen) {
    // What can't be read, such as a file that an editor has just removed, isn't there.
    let Ok(metadata) = fs::metadata(path) else { return };
    if metadata.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // Editors keep files beside the one that is edited: `.main.rs.swp`, `main.rs~`, `#main.rs#`.
            let is_editors = name.starts_with(['.', '#']) || name.ends_with('~');
            if !is_editors && name != "target" {
                look(&entry.path(), seen);
            }
        }
    } else if let Ok(at) = metadata.modified() {
        seen.insert(path.to_owned(), (at, metadata.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_save_is_noticed_and_an_editor_s_own_files_are_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("src")).expect("a folder");
        fs::write(path("src/lib.rs"), "one").expect("a file");
        let sources = Sources::of(&[path("src"), path("Cargo.toml")]);
        let before = sources.look();
        assert_eq!(before.len(), 1);
        assert_eq!(sources.look(), before);
        for name in ["src/.lib.rs.swp", "src/lib.rs~", "src/#lib.rs#"] {
            fs::write(path(name), "one").expect("a file");
        }
        assert_eq!(sources.look(), before);
        fs::write(path("src/lib.rs"), "three").expect("a file");
        let saved = sources.look();
        assert_ne!(saved, before);
        fs::write(path("Cargo.toml"), "").expect("a file");
        assert_ne!(sources.look(), saved);
        fs::remove_file(path("Cargo.toml")).expect("it is there");
        assert_eq!(sources.look(), saved);
    }
}
