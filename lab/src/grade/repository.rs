//! A bare git repository as a submission: what its HEAD has.
//!
//! Git never sees the repository's own settings, hooks and links to elsewhere. It gets a repository of this program's
//! own, without any settings, that has the submission's objects; and it is confined: it reads these objects and nothing
//! else, writes nothing, starts nothing and has no network.

use std::env;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use confine::Confinement;
use tempfile::TempDir;

use super::take::{ENTRIES, Entry, FILE, NAME, Visit, is_wanted, plain};
use crate::leftovers;

/// How much CPU time git may use for one answer, and how much memory, in bytes.
const TIME: Duration = Duration::from_secs(10);
const MEMORY: u64 = 2 << 30;

/// How large a file may be that says which commit a name stands for, in bytes.
const REFS: u64 = 16 << 20;

/// How many names may stand for each other.
const HOPS: usize = 5;

/// How much is taken of what git complains of, in bytes.
const COMPLAINT: u64 = 4 << 10;

/// Whether a folder is a bare repository.
pub(super) fn is_bare(folder: &Path) -> bool {
    folder.join("HEAD").is_file() && folder.join("objects").is_dir() && folder.join("refs").is_dir()
}

/// Shows each file and link of HEAD.
pub(super) fn read(folder: &Path, visit: &mut Visit<'_>) -> Result<(), String> {
    let repository = Repository::of(folder)?;
    let mut git = repository.git(&["ls-tree", "-r", "-z", &repository.head])?;
    let mut output = BufReader::new(git.output());
    for _ in 0..ENTRIES {
        let mut entry = Vec::new();
        let longest = NAME as u64 + 100;
        let read = output.by_ref().take(longest).read_until(0, &mut entry);
        read.map_err(|error| format!("git's list of its files can't be read: {error}"))?;
        if entry.pop().is_some_and(|end| end != 0) {
            return Err(format!("the name of one of its files has more than {NAME} bytes"));
        }
        if entry.is_empty() {
            drop(output);
            return git.end();
        }
        // 100644 blob 0123456789abcdef<tab>raft/src/lib.rs
        let Some((meta, path)) =
            std::str::from_utf8(&entry).ok().and_then(|entry| entry.split_once('\t'))
        else {
            continue;
        };
        // A tree may have any names, also such as lead out of it.
        let Some(path) = plain(Path::new(path)) else { continue };
        let path = path.as_str();
        let mut meta = meta.split(' ');
        let (Some(mode), Some("blob"), Some(id)) = (meta.next(), meta.next(), meta.next()) else {
            continue;
        };
        if mode == "120000" {
            visit(path, Entry::Link)?;
        } else if is_wanted(path) {
            visit(path, Entry::File(&mut Blob { repository: &repository, id, content: None }))?;
        }
    }
    Err(format!("it has more than {ENTRIES} files"))
}

/// A repository, as git is shown it.
#[derive(Debug)]
struct Repository {
    /// The commit that counts.
    head: String,
    objects: PathBuf,
    /// A repository without settings, objects and names.
    empty: TempDir,
    git: PathBuf,
    confinement: Confinement,
}

impl Repository {
    fn of(folder: &Path) -> Result<Repository, String> {
        let folder = folder.canonicalize().map_err(|error| format!("it can't be read: {error}"))?;
        has_only_files(&folder)?;
        let objects = folder.join("objects");
        if fs::read(objects.join("info/alternates")).is_ok_and(|text| !text.is_empty()) {
            return Err(
                "its objects/info/alternates names objects elsewhere, which aren't handed in; hand in a full clone"
                    .to_owned(),
            );
        }
        let head = head(&folder)?;
        let git = program().ok_or("it is a git repository, and no git is found in PATH")?;
        let empty = empty(head.len()).map_err(|error| format!("git can't be prepared: {error}"))?;
        let reads = [git.clone(), objects.clone(), empty.path().to_owned()];
        let confinement = Confinement::of_readers(&reads, TIME, MEMORY)
            .map_err(|error| format!("git can't be confined: {error}"))?;
        Ok(Repository { head, objects, empty, git, confinement })
    }

    /// Starts git.
    fn git(&self, arguments: &[&str]) -> Result<Git, String> {
        let failed = |error: io::Error| format!("git can't be started: {error}");
        let complaints = tempfile::tempfile().map_err(failed)?;
        let mut command = Command::new(&self.git);
        command
            .arg("--git-dir")
            .arg(self.empty.path())
            .args(arguments)
            .current_dir(self.empty.path())
            .env_clear()
            .envs(env::var_os("PATH").map(|path| ("PATH", path)))
            .envs([
                ("LC_ALL", "C"),
                ("GIT_CONFIG_NOSYSTEM", "1"),
                ("GIT_CONFIG_GLOBAL", "/dev/null"),
                ("GIT_ATTR_NOSYSTEM", "1"),
                ("GIT_NO_REPLACE_OBJECTS", "1"),
                ("GIT_NO_LAZY_FETCH", "1"),
                ("GIT_ALLOW_PROTOCOL", "none"),
                ("GIT_TERMINAL_PROMPT", "0"),
                ("GIT_OPTIONAL_LOCKS", "0"),
            ])
            .env("GIT_OBJECT_DIRECTORY", &self.objects)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(complaints.try_clone().map_err(failed)?);
        self.confinement.put_on(&mut command).map_err(failed)?;
        let child = leftovers::spawn(&mut command).map_err(failed)?;
        let what = arguments.first().copied().unwrap_or_default().to_owned();
        Ok(Git { child, complaints, what })
    }
}

/// Git at work. It is ended with this.
struct Git {
    child: Child,
    complaints: File,
    what: String,
}

impl Git {
    /// What it prints.
    fn output(&mut self) -> ChildStdout {
        self.child.stdout.take().expect("it is piped, and taken once")
    }

    /// Waits for its end; or says what was wrong.
    fn end(mut self) -> Result<(), String> {
        let failed = |error: io::Error| format!("git can't be waited for: {error}");
        let status = self.child.wait().map_err(failed)?;
        if status.success() {
            return Ok(());
        }
        let mut text = Vec::new();
        let _ = self.complaints.seek(SeekFrom::Start(0));
        let _ = (&self.complaints).take(COMPLAINT).read_to_end(&mut text);
        let text = String::from_utf8_lossy(&text);
        let said = text.lines().rfind(|line| !line.trim().is_empty());
        let said = said.map_or_else(|| status.to_string(), |line| line.trim().to_owned());
        Err(format!("git {} failed: {said}", self.what))
    }
}

impl Drop for Git {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        leftovers::is_waited_for(self.child.id());
    }
}

/// A file's content, which git is asked for when somebody reads it.
struct Blob<'a> {
    repository: &'a Repository,
    id: &'a str,
    content: Option<io::Cursor<Vec<u8>>>,
}

impl Read for Blob<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.content.is_none() {
            let mut git =
                self.repository.git(&["cat-file", "blob", self.id]).map_err(io::Error::other)?;
            let mut bytes = Vec::new();
            git.output().take(FILE + 1).read_to_end(&mut bytes)?;
            // Whoever gets more than the limit refuses it, and git is ended.
            if bytes.len() as u64 <= FILE {
                git.end().map_err(io::Error::other)?;
            }
            self.content = Some(io::Cursor::new(bytes));
        }
        self.content.as_mut().map_or(Ok(0), |content| content.read(buffer))
    }
}

/// Refuses a repository with anything but files and folders: links would lead git elsewhere, and it would wait for
/// ever for what a pipe has.
fn has_only_files(folder: &Path) -> Result<(), String> {
    let unreadable = |error: io::Error| format!("it can't be read: {error}");
    let (mut folders, mut count) = (vec![folder.to_owned()], 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let kind = entry.file_type().map_err(unreadable)?;
            count += 1;
            if count > ENTRIES {
                return Err(format!(
                    "it has more than {ENTRIES} files; hand it in packed (git gc)"
                ));
            } else if kind.is_dir() {
                folders.push(entry.path());
            } else if !kind.is_file() {
                let name = entry.file_name().to_string_lossy().into_owned();
                return Err(format!(
                    "{name} in the repository is a link or a device; only files are taken"
                ));
            }
        }
    }
    Ok(())
}

/// Which commit HEAD stands for.
fn head(folder: &Path) -> Result<String, String> {
    let mut name = "HEAD".to_owned();
    for _ in 0..HOPS {
        let text = if name == "HEAD" || folder.join(&name).is_file() {
            text(&folder.join(&name))?
        } else {
            packed(folder, &name)?
        };
        let text = text.trim();
        let Some(next) = text.strip_prefix("ref:").map(str::trim) else {
            let is_id =
                [40, 64].contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            return is_id
                .then(|| text.to_owned())
                .ok_or_else(|| format!("it is a git repository whose {name} names no commit"));
        };
        let is_plain = next.starts_with("refs/")
            && !next.split('/').any(|part| part.is_empty() || part.starts_with('.'));
        if folder.join("reftable").exists() {
            return Err(
                "it is a git repository that has its branches in tables (reftable), which aren't read; hand in an archive of the files"
                    .to_owned(),
            );
        } else if !is_plain {
            return Err(format!("it is a git repository whose {name} isn't right"));
        }
        name = next.to_owned();
    }
    Err("it is a git repository whose HEAD leads nowhere".to_owned())
}

/// What stands for a name in the file that has many.
fn packed(folder: &Path, name: &str) -> Result<String, String> {
    let none = || format!("it is a git repository whose HEAD is {name}, which has no commit");
    let path = folder.join("packed-refs");
    if !path.is_file() {
        return Err(none());
    }
    let text = text(&path)?;
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(_, other)| *other == name).map(|(id, _)| id.to_owned()).ok_or_else(none)
}

fn text(path: &Path) -> Result<String, String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(REFS + 1).read_to_end(&mut bytes));
    read.map_err(|error| format!("the repository's {name} can't be read: {error}"))?;
    if bytes.len() as u64 > REFS {
        return Err(format!("the repository's {name} is larger than {} MiB", REFS >> 20));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A repository of our own, for commits with ids of so many digits.
fn empty(digits: usize) -> io::Result<TempDir> {
    let folder = TempDir::with_prefix("lab-")?;
    for name in ["refs", "objects"] {
        fs::create_dir(folder.path().join(name))?;
    }
    fs::write(folder.path().join("HEAD"), "ref: refs/heads/none\n")?;
    // Packs are mapped, and large files read, in pieces.
    let own = "bare = true\n\tpackedGitWindowSize = 32m\n\tpackedGitLimit = 256m\n\tbigFileThreshold = 8m\n";
    let config = if digits == 64 {
        format!(
            "[core]\n\trepositoryformatversion = 1\n\t{own}[extensions]\n\tobjectformat = sha256\n"
        )
    } else {
        format!("[core]\n\trepositoryformatversion = 0\n\t{own}")
    };
    fs::write(folder.path().join("config"), config)?;
    Ok(folder)
}

/// The git that a shell would start.
fn program() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let found = env::split_paths(&path).map(|folder| folder.join("git")).find(|git| git.is_file());
    found?.canonicalize().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::super::take::take;
    use super::*;

    /// Has git do something in a repository, with `input`, and returns what it prints.
    fn git(folder: &Path, arguments: &[&str], input: &[u8]) -> String {
        let mut process = Command::new("git")
            .arg("--git-dir")
            .arg(folder)
            .args(arguments)
            .envs(["GIT_AUTHOR", "GIT_COMMITTER"].map(|who| (format!("{who}_NAME"), "bob")))
            .envs(
                ["GIT_AUTHOR", "GIT_COMMITTER"]
                    .map(|who| (format!("{who}_EMAIL"), "b@example.org")),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("git is there");
        process.stdin.take().expect("it is piped").write_all(input).expect("git reads it");
        let output = process.wait_with_output().expect("it ends");
        assert!(output.status.success(), "git {arguments:?}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// A bare repository whose HEAD has these files, by path; `..` may be a part of it.
    fn bare(folder: &Path, more: &[&str], files: &[(&str, &[u8])]) -> PathBuf {
        let path = folder.join("bob.git");
        git(&path, &[&["init", "-q", "--bare", "-b", "main"], more].concat(), b"");
        commit(&path, files);
        path
    }

    fn commit(path: &Path, files: &[(&str, &[u8])]) {
        let mut tree = String::new();
        for (name, content) in files {
            let mut line =
                format!("100644 blob {}", git(path, &["hash-object", "-w", "--stdin"], content));
            // From the last part to the first, each in a tree of its own.
            let mut parts = name.rsplit('/').peekable();
            while let Some(part) = parts.next() {
                line = format!("{line}\t{part}");
                if parts.peek().is_some() {
                    line = format!("040000 tree {}", git(path, &["mktree"], line.as_bytes()));
                }
            }
            tree = format!("{tree}{line}\n");
        }
        let tree = git(path, &["mktree"], tree.as_bytes());
        let commit = git(path, &["commit-tree", &tree, "-m", "x"], b"");
        git(path, &["update-ref", "refs/heads/main", &commit], b"");
    }

    fn taken(path: &Path) -> Result<Vec<(String, String)>, String> {
        let taken = take(path, b"")?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(taken.sources.into_iter().map(|(path, bytes)| (path, text(bytes))).collect())
    }

    #[test]
    fn what_head_has_is_read() {
        let expected = Ok(vec![("lib.rs".to_owned(), "lib".to_owned())]);
        for more in [&[][..], &["--object-format=sha256"]] {
            let folder = tempfile::tempdir().expect("a folder");
            let path = bare(folder.path(), more, &[("src/lib.rs", b"lib"), ("x.bin", b"x")]);
            assert_eq!(taken(&path), expected, "{more:?}");
            git(&path, &["gc", "-q"], b"");
            assert!(path.join("packed-refs").exists());
            assert_eq!(taken(&path), expected, "packed, {more:?}");
        }
    }

    /// An object that isn't there is fetched, if git goes by the repository's settings, by a program that these name.
    #[test]
    fn nothing_that_a_repository_names_is_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = bare(folder.path(), &[], &[("src/lib.rs", b"lib")]);
        let (script, marker) = (folder.path().join("script"), folder.path().join("was-here"));
        fs::write(&script, format!("#!/bin/sh\ntouch {}\n", marker.display())).expect("a file");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("its permissions");
        let script = script.to_str().expect("it is UTF-8");
        for (key, value) in [
            ("extensions.partialClone", "origin"),
            ("remote.origin.promisor", "true"),
            ("remote.origin.url", folder.path().to_str().expect("it is UTF-8")),
            ("remote.origin.uploadpack", script),
            ("core.fsmonitor", script),
            ("core.sshCommand", script),
            ("core.alternateRefsCommand", script),
        ] {
            git(&path, &["config", key, value], b"");
        }
        // Without the settings it could have been read.
        assert!(taken(&path).is_ok());
        let blob = git(&path, &["rev-parse", "HEAD:src/lib.rs"], b"");
        fs::remove_file(path.join("objects").join(&blob[..2]).join(&blob[2..])).expect("it goes");
        let why = taken(&path).expect_err("it is refused");
        assert!(why.starts_with("src/lib.rs can't be read: git cat-file failed: fatal: "), "{why}");
        assert!(!why.contains('\n'), "{why}");
        assert!(!marker.exists(), "a program that the repository names was run");
        // The attack is real.
        let _ = Command::new("git")
            .arg("--git-dir")
            .arg(&path)
            .args(["cat-file", "-p", &blob])
            .output();
        assert!(marker.exists(), "git itself doesn't run it");
    }

    #[test]
    fn git_reads_no_other_objects() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = bare(folder.path(), &[], &[("src/lib.rs", b"lib")]);
        let repository = Repository::of(&path).expect("it can be read");
        let elsewhere = tempfile::tempdir().expect("a folder");
        let other = bare(elsewhere.path(), &[], &[("src/lib.rs", b"the course's solution")]);
        let alternates = path.join("objects/info/alternates");
        fs::write(&alternates, format!("{}\n", other.join("objects").display())).expect("a file");
        assert!(taken(&path).unwrap_err().contains("objects/info/alternates"));
        // Nor would git, if this hadn't been noticed.
        if !repository.confinement.lacks().iter().any(|lack| lack.starts_with("files")) {
            let blob = git(&other, &["rev-parse", "HEAD:src/lib.rs"], b"");
            let mut content = Vec::new();
            let read = Blob { repository: &repository, id: &blob, content: None }
                .read_to_end(&mut content);
            assert!(read.is_err(), "{content:?}");
        }
        fs::remove_file(&alternates).expect("it goes");
        fs::remove_dir_all(path.join("objects/pack")).expect("it goes");
        symlink(other.join("objects/pack"), path.join("objects/pack")).expect("a link");
        assert!(taken(&path).unwrap_err().contains("pack in the repository is a link"));
    }

    #[test]
    fn names_that_lead_out_of_a_tree_are_no_part_of_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = bare(
            folder.path(),
            &[],
            &[("lib.rs", b"lib"), ("a/../../b.rs", b"no"), ("../c.rs", b"no")],
        );
        assert_eq!(taken(&path), Ok(vec![("lib.rs".to_owned(), "lib".to_owned())]));
    }

    #[test]
    fn what_is_too_much_or_wrong_is_said_in_a_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let big = vec![b' '; (FILE + 9) as usize];
        let path = bare(folder.path(), &[], &[("lib.rs", b"lib"), ("big.rs", &big)]);
        assert_eq!(taken(&path), Err("big.rs is larger than 4 MiB".to_owned()));
        let blob = git(&path, &["rev-parse", "HEAD:big.rs"], b"");
        let repository = Repository::of(&path).expect("it can be read");
        let mut blob = Blob { repository: &repository, id: &blob, content: None };
        let read = blob.read_to_end(&mut Vec::new()).expect("it can be read");
        assert_eq!(read as u64, FILE + 1, "no more of it is read than shows that it is too large");
        let name = "x".repeat(2 * NAME);
        commit(&path, &[("lib.rs", b"lib"), (&name, b"x")]);
        assert!(taken(&path).unwrap_err().contains("has more than 4096 bytes"));
        for (head, told) in [
            ("ref: refs/heads/none\n", "HEAD is refs/heads/none, which has no commit"),
            ("ref: refs/../../../etc/passwd\n", "whose HEAD isn't right"),
            ("ref: HEAD\n", "whose HEAD isn't right"),
            ("word\n", "whose HEAD names no commit"),
            ("0123456789012345678901234567890123456789\n", "git ls-tree failed: fatal: "),
        ] {
            fs::write(path.join("HEAD"), head).expect("a file");
            let why = taken(&path).expect_err("it is refused");
            assert!(why.contains(told) && !why.contains('\n'), "{why}");
        }
    }
}
