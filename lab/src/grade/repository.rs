//! A bare git repository as a submission: what its HEAD has.
//!
//! Only git's plumbing reads it: commands that run no hook, and nothing that the repository's own settings name.

use std::io::{self, Cursor, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use super::take::{Entry, Visit, is_wanted};
use crate::leftovers;

/// Whether a folder is a bare repository.
pub(super) fn is_bare(folder: &Path) -> bool {
    folder.join("HEAD").is_file() && folder.join("objects").is_dir() && folder.join("refs").is_dir()
}

/// Shows each file and link of HEAD.
pub(super) fn read(folder: &Path, visit: &mut Visit<'_>) -> Result<(), String> {
    let list = git(folder, &["ls-tree", "-r", "-z", "HEAD"])?;
    for entry in list.split(|&byte| byte == 0).filter(|entry| !entry.is_empty()) {
        // 100644 blob 0123456789abcdef<tab>raft/src/lib.rs
        let Some((meta, path)) =
            std::str::from_utf8(entry).ok().and_then(|entry| entry.split_once('\t'))
        else {
            continue;
        };
        let mut meta = meta.split(' ');
        let (Some(mode), Some("blob"), Some(id)) = (meta.next(), meta.next(), meta.next()) else {
            continue;
        };
        if mode == "120000" {
            visit(path, Entry::Link)?;
        } else if is_wanted(path) {
            visit(path, Entry::File(&mut Blob { folder, id, content: None }))?;
        }
    }
    Ok(())
}

/// A file's content, which git is asked for when somebody reads it.
struct Blob<'a> {
    folder: &'a Path,
    id: &'a str,
    content: Option<Cursor<Vec<u8>>>,
}

impl Read for Blob<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.content.is_none() {
            let bytes =
                git(self.folder, &["cat-file", "blob", self.id]).map_err(io::Error::other)?;
            self.content = Some(Cursor::new(bytes));
        }
        self.content.as_mut().map_or(Ok(0), |content| content.read(buffer))
    }
}

fn git(folder: &Path, arguments: &[&str]) -> Result<Vec<u8>, String> {
    let failed = |why: &str| format!("git {} failed: {why}", arguments.join(" "));
    let mut command = Command::new("git");
    // It may well belong to somebody else.
    command
        .args(["-c", "safe.directory=*", "--git-dir"])
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::null());
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(variable);
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let process = leftovers::spawn(&mut command).map_err(|error| failed(&error.to_string()))?;
    let id = process.id();
    let output = process.wait_with_output();
    leftovers::is_waited_for(id);
    let output = output.map_err(|error| failed(&error.to_string()))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(failed(String::from_utf8_lossy(&output.stderr).trim()))
    }
}
