//! What is taken of a submission: `raft/src/**/*.rs`, and nothing else.
//!
//! It is read into memory, with limits, and never unpacked on disk: so no path in an archive can lead anywhere, and
//! no link is followed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path};

use super::{archive, repository};

/// The most that is taken: in files, in bytes of one file, and in bytes of all. A Raft has some thousand lines.
const FILES: usize = 500;
pub(super) const FILE: u64 = 4 << 20;
const BYTES: u64 = 8 << 20;

/// The most that is looked at: in files, in bytes of a file's name, and in bytes of all names.
pub(super) const ENTRIES: usize = 100_000;
pub(super) const NAME: usize = 4 << 10;
const NAMES: usize = 16 << 20;

/// The longest path of a source, and of one part of it, in bytes.
const PATH: usize = 1 << 10;
const PART: usize = 255;

/// How deep a submission's folder may be below what is handed in.
const DEPTH: usize = 12;

/// Folders that no submission is in.
const LEFT_OUT: [&str; 4] = ["target", ".git", "__MACOSX", "node_modules"];

/// Sources by path below `raft/src`, with `/` between its parts.
pub(super) type Sources = BTreeMap<String, Vec<u8>>;

/// What is taken of a submission.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) sources: Sources,
    /// Its Cargo.toml, if it has one: for what it says of dependencies.
    pub(super) manifest: Option<String>,
}

/// Something in a submission.
pub(super) enum Entry<'a> {
    File(&'a mut dyn Read),
    /// It isn't followed.
    Link,
}

/// Gets each file and link of a submission, by its path; and may say why it is none.
pub(super) type Visit<'a> = dyn FnMut(&str, Entry<'_>) -> Result<(), String> + 'a;

/// Takes what counts of a submission; `default_lib` is the `lib.rs` for those that have handed in a `raft.rs` alone.
/// Or says why it can't.
pub(super) fn take(path: &Path, default_lib: &[u8]) -> Result<Taken, String> {
    // First all names, to see where the Raft is, and then that alone: what else there is may be large.
    let (mut files, mut links) = (BTreeSet::new(), Vec::new());
    let mut names = 0;
    scan(path, &mut |path, entry| {
        match entry {
            Entry::File(_) if path.ends_with(".rs") => drop(files.insert(path.to_owned())),
            Entry::File(_) => return Ok(()),
            Entry::Link => links.push(path.to_owned()),
        }
        names += path.len();
        if files.len() + links.len() > ENTRIES {
            Err(format!("it has more than {ENTRIES} files"))
        } else if names > NAMES {
            Err(format!("its files' names have more than {} MiB", NAMES >> 20))
        } else {
            Ok(())
        }
    })?;
    let folder = folder(&files).map_err(|why| {
        let is_close = |link: &&String| {
            ["raft", "src"].iter().any(|name| link.rsplit('/').next() == Some(name))
                || link.ends_with(".rs")
        };
        let link = links.iter().find(is_close);
        link.map_or_else(
            || why.clone(),
            |link| format!("{why}; {link} is a link, which isn't followed"),
        )
    })?;
    if let Some(link) = links
        .iter()
        .find(|link| link.starts_with(&folder) || folder.starts_with(&format!("{link}/")))
    {
        return Err(format!("{link} is a link; only files are taken"));
    }
    let manifest = folder.strip_suffix("src/").map(|above| format!("{above}Cargo.toml"));
    let (mut taken, mut left) = (Taken::default(), BYTES);
    scan(path, &mut |path, entry| {
        let Entry::File(content) = entry else { return Ok(()) };
        let own = path.strip_prefix(&folder).filter(|own| own.ends_with(".rs"));
        let is_manifest = manifest.as_deref() == Some(path);
        if own.is_none() && !is_manifest {
            return Ok(());
        }
        let mut bytes = Vec::new();
        let read = content.take(FILE + 1).read_to_end(&mut bytes);
        read.map_err(|error| format!("{path} can't be read: {error}"))?;
        if bytes.len() as u64 > FILE {
            return Err(format!("{path} is larger than {} MiB", FILE >> 20));
        }
        left = left
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| format!("its sources are larger than {} MiB", BYTES >> 20))?;
        match own {
            Some(own) => drop(taken.sources.insert(own.to_owned(), bytes)),
            None => taken.manifest = Some(String::from_utf8_lossy(&bytes).into_owned()),
        }
        if taken.sources.len() > FILES {
            Err(format!("it has more than {FILES} files"))
        } else {
            Ok(())
        }
    })?;
    can_be_written(&taken.sources)?;
    taken.sources.entry("lib.rs".to_owned()).or_insert_with(|| default_lib.to_vec());
    Ok(taken)
}

/// Refuses names that a file system doesn't take: what no compiler sees isn't part of a Raft.
fn can_be_written(sources: &Sources) -> Result<(), String> {
    for path in sources.keys() {
        let is_long = path.len() > PATH || path.split('/').any(|part| part.len() > PART);
        if is_long || path.contains('\0') {
            return Err(format!("{path} is no name for a file: it is too long, or has a NUL"));
        }
        let mut folders = path.match_indices('/').map(|(end, _)| &path[..end]);
        if let Some(folder) = folders.find(|folder| sources.contains_key(*folder)) {
            return Err(format!("{folder} is both a file and a folder"));
        }
    }
    Ok(())
}

/// The folder that stands for `raft/src`, with a `/` behind it; empty for the submission's own. It has a `lib.rs`,
/// or at least a `raft.rs`. A folder that is called `raft/src` comes first, then one called `src`, then any; of
/// these the one that is least deep.
fn folder(files: &BTreeSet<String>) -> Result<String, String> {
    let rank = |folder: &str| match folder {
        folder if format!("/{folder}").ends_with("/raft/src/") => 0,
        folder if format!("/{folder}").ends_with("/src/") => 1,
        _ => 2,
    };
    for name in ["lib.rs", "raft.rs"] {
        let folders = files.iter().filter_map(|path| {
            let folder = path.strip_suffix(name)?;
            (folder.is_empty() || folder.ends_with('/')).then_some(folder)
        });
        let mut folders: Vec<_> =
            folders.map(|folder| (rank(folder), folder.matches('/').count(), folder)).collect();
        folders.sort_unstable();
        match folders[..] {
            [] => {}
            [(rank, depth, one), (other_rank, other_depth, other), ..]
                if (rank, depth) == (other_rank, other_depth) =>
            {
                return Err(format!(
                    "it isn't clear what counts: there are {one}{name} and {other}{name}"
                ));
            }
            [(.., folder), ..] => return Ok(folder.to_owned()),
        }
    }
    Err("there is no raft/src/lib.rs in it, nor any lib.rs or raft.rs".to_owned())
}

/// Shows each file and link of a submission, whatever form it has.
fn scan(path: &Path, visit: &mut Visit<'_>) -> Result<(), String> {
    let unreadable = |error: io::Error| format!("it can't be read: {error}");
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    // Whoever grades may name a link on the command line: that is resolved before.
    let kind = path.symlink_metadata().map_err(unreadable)?.file_type();
    if kind.is_symlink() {
        return Err("it is a link; only folders, repositories and archives are taken".to_owned());
    }
    // A pipe would never open.
    if !kind.is_dir() && !kind.is_file() {
        return Err("it is a pipe or a device; only folders, repositories and archives are taken"
            .to_owned());
    }
    if kind.is_dir() {
        if repository::is_bare(path) {
            return repository::read(path, visit);
        }
        return scan_folder(path, "", 0, visit).map_err(unreadable)?;
    }
    let file = File::open(path).map_err(unreadable)?;
    match name {
        name if name.ends_with(".zip") => archive::scan_zip(&file, visit),
        name if name.ends_with(".tar") => archive::scan_tar(file, visit),
        _ => archive::scan_tar_gz(file, visit),
    }
}

/// The outer error is of the file system, the inner one says why it is no submission.
fn scan_folder(
    folder: &Path,
    prefix: &str,
    depth: usize,
    visit: &mut Visit<'_>,
) -> io::Result<Result<(), String>> {
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        let visited = if kind.is_symlink() {
            visit(&path, Entry::Link)
        } else if kind.is_dir() {
            if depth >= DEPTH || LEFT_OUT.contains(&&*name) {
                continue;
            }
            scan_folder(&entry.path(), &format!("{path}/"), depth + 1, visit)?
        } else if kind.is_file() && is_wanted(&name) {
            visit(&path, Entry::File(&mut File::open(entry.path())?))
        } else {
            continue;
        };
        if visited.is_err() {
            return Ok(visited);
        }
    }
    Ok(Ok(()))
}

/// Whether a file of this path may count.
pub(super) fn is_wanted(path: &str) -> bool {
    path.ends_with(".rs") || path.ends_with("Cargo.toml")
}

/// An archive's path as those of folders are; `None` for one that leads out of it, or that is left out.
pub(super) fn plain(path: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => parts.push(name.to_str()?),
            Component::CurDir => {}
            _ => return None,
        }
    }
    let is_left_out = parts.iter().any(|part| LEFT_OUT.contains(part)) || parts.len() > DEPTH;
    (!is_left_out).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(paths: &[&str]) -> Result<Vec<String>, String> {
        let root = tempfile::tempdir().expect("a folder");
        for path in paths {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder");
            fs::write(path, "").expect("a file");
        }
        take(root.path(), b"").map(|taken| taken.sources.into_keys().collect())
    }

    #[test]
    fn the_folder_that_counts_is_found() {
        let both = Ok(vec!["lib.rs".to_owned(), "raft.rs".to_owned()]);
        assert_eq!(chosen(&["raft/src/lib.rs", "raft/src/raft.rs", "tests/raft/main.rs"]), both);
        assert_eq!(chosen(&["src/lib.rs", "src/raft.rs", "build.rs"]), both);
        assert_eq!(chosen(&["lib.rs", "raft.rs"]), both);
        assert_eq!(chosen(&["raft.rs"]), both, "the skeleton's lib.rs stands for what isn't there");
        assert_eq!(
            chosen(&["lab-main/raft/src/lib.rs", "lab-main/raft/src/raft.rs", "other/src/lib.rs"]),
            both
        );
        assert_eq!(
            chosen(&["raft/src/lib.rs", "raft/src/raft.rs", "tester/config/src/lib.rs"]),
            both
        );
        assert!(chosen(&["a/src/lib.rs", "b/src/lib.rs"]).unwrap_err().contains("isn't clear"));
        assert!(chosen(&["README.md", "main.rs"]).unwrap_err().contains("no raft/src/lib.rs"));
        let deep = chosen(&["raft/src/lib.rs", "raft/src/net/mod.rs"]);
        assert_eq!(deep, Ok(vec!["lib.rs".to_owned(), "net/mod.rs".to_owned()]));
    }

    #[test]
    fn what_leads_out_of_an_archive_is_no_part_of_it() {
        assert_eq!(plain(Path::new("./raft/src/lib.rs")).as_deref(), Some("raft/src/lib.rs"));
        for path in ["../raft/src/lib.rs", "/raft/src/lib.rs", "a/../../b.rs", "target/debug/a.rs"]
        {
            assert_eq!(plain(Path::new(path)), None, "{path}");
        }
    }

    #[test]
    fn links_and_too_much_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bob");
        fs::create_dir_all(path.join("raft/src")).expect("a folder");
        fs::write(path.join("raft/src/lib.rs"), "lib").expect("a file");
        std::os::unix::fs::symlink("/etc/passwd", path.join("raft/src/secret.rs")).expect("a link");
        assert!(take(&path, b"").unwrap_err().contains("secret.rs is a link"));
        fs::remove_file(path.join("raft/src/secret.rs")).expect("it goes");
        fs::create_dir(path.join("vendor")).expect("a folder");
        fs::write(path.join("vendor/big.rs"), vec![b' '; 9 << 20]).expect("a file");
        assert!(take(&path, b"").is_ok(), "what doesn't count may be large");
        fs::write(path.join("raft/src/big.rs"), vec![b' '; 9 << 20]).expect("a file");
        assert!(take(&path, b"").unwrap_err().contains("big.rs is larger than 4 MiB"));
        fs::remove_dir_all(path.join("raft/src")).expect("it goes");
        std::os::unix::fs::symlink("../vendor", path.join("raft/src")).expect("a link");
        assert!(take(&path, b"").is_err());
    }

    /// To open it would take for ever.
    #[test]
    fn a_pipe_is_no_submission() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bob.zip");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.expect("there is mkfifo").success());
        let (said, says) = std::sync::mpsc::channel();
        #[expect(clippy::disallowed_methods, reason = "nothing is simulated in this program")]
        std::thread::spawn(move || said.send(take(&path, b"")));
        let why = says.recv_timeout(std::time::Duration::from_secs(10)).expect("it is looked at");
        assert!(why.unwrap_err().starts_with("it is a pipe or a device; only folders"));
    }

    #[test]
    fn a_link_is_no_submission_and_is_named_where_one_is_missing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bob");
        fs::create_dir_all(path.join("raft/src")).expect("a folder");
        fs::write(path.join("raft/src/lib.rs"), "lib").expect("a file");
        let link = folder.path().join("eve");
        std::os::unix::fs::symlink(&path, &link).expect("a link");
        assert!(take(&link, b"").unwrap_err().starts_with("it is a link; only folders"));
        let other = folder.path().join("mallory/raft");
        fs::create_dir_all(&other).expect("a folder");
        std::os::unix::fs::symlink(path.join("raft/src"), other.join("src")).expect("a link");
        let why = take(&folder.path().join("mallory"), b"").unwrap_err();
        assert!(why.ends_with("; raft/src is a link, which isn't followed"), "{why}");
    }
}
