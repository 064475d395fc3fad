//! Asking cargo.

use std::env;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Instant;

use cargo_metadata::{Metadata, MetadataCommand};

use crate::error::Error;
use crate::exit::Exit;
use crate::leftovers;
use crate::process::{self, Ends, scratch, text};
use crate::stop;

/// The cargo that started this program, else the one that is found.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Has `cargo metadata` leave out what other platforms need: a build doesn't download it, so offline it may lack.
pub(crate) const FOR_THIS_PLATFORM: [&str; 2] = ["--filter-platform", "host-tuple"];

/// What cargo knows of the workspace around the current folder, or of the one at `path`.
pub(crate) fn workspace(path: Option<&Path>) -> Result<Metadata, Error> {
    let mut command = MetadataCommand::new();
    command.no_deps();
    if let Some(path) = path {
        command.manifest_path(manifest(path)?);
    }
    command.exec().map_err(|error| {
        let text = match error {
            cargo_metadata::Error::CargoMetadata { stderr } => stderr,
            other => other.to_string(),
        };
        Error::NoWorkspace(text.trim_start_matches("error: ").trim_end().to_owned())
    })
}

/// Has cargo do something, and returns what it wrote to standard output. Its messages go where they always
/// go.
pub(crate) fn output(mut command: Command) -> Result<(ExitStatus, String), Error> {
    let failed = |error| Error::NotStarted { what: "cargo".to_owned(), error };
    let folder = scratch()?;
    let mut stdout =
        tempfile::tempfile_in(folder.path()).map_err(|error| Error::write(folder.path(), error))?;
    // A group of its own, which also has the compilers that it starts and which end with it.
    command.process_group(0).stdin(Stdio::null()).stdout(stdout.try_clone().map_err(failed)?);
    if !io::stderr().is_terminal() {
        command.stderr(Stdio::piped());
    }
    let mut process = leftovers::spawn(&mut command).map_err(failed)?;
    let messages = process.stderr.take().map(pass_on);
    let ended = process::wait(&mut process, Ends::Group).map_err(failed)?;
    let is_stopped = |status: ExitStatus| match status.signal() {
        Some(_) => stop::exit_soon(),
        None => stop::exit(),
    };
    let Some(ended) = ended.filter(|ended| is_stopped(ended.status).is_none()) else {
        return Err(Error::Stopped(stop::exit().unwrap_or(Exit::Interrupted)));
    };
    if let Some(messages) = messages {
        let _ = messages.join();
    }
    Ok((ended.status, text(&mut stdout)))
}

/// Has cargo do something for somebody else, and returns what it wrote to standard output; `None` if it was late. Its
/// messages go to `log`.
pub(crate) fn output_for(
    mut command: Command,
    log: File,
    late: Instant,
) -> Result<Option<(ExitStatus, String)>, Error> {
    let failed = |error| Error::NotStarted { what: "cargo".to_owned(), error };
    let folder = scratch()?;
    let mut stdout =
        tempfile::tempfile_in(folder.path()).map_err(|error| Error::write(folder.path(), error))?;
    command.process_group(0).stdin(Stdio::null()).stderr(log);
    command.stdout(stdout.try_clone().map_err(failed)?);
    let mut process = leftovers::spawn(&mut command).map_err(failed)?;
    let ended = process::wait_until(&mut process, Ends::Group, Some(late)).map_err(failed)?;
    match (ended, stop::exit()) {
        (_, Some(exit)) => Err(Error::Stopped(exit)),
        (ended, None) => Ok(ended.map(|ended| (ended.status, text(&mut stdout)))),
    }
}

/// Passes on what cargo says. It fails where it can't say it, because its reader has gone; this program
/// doesn't.
#[expect(clippy::disallowed_methods, reason = "nothing is simulated in this program")]
fn pass_on(mut messages: ChildStderr) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(len @ 1..) = messages.read(&mut bytes) {
            let _ = io::stderr().write_all(&bytes[..len]);
        }
    })
}

/// The Cargo.toml that `path` is or has.
fn manifest(path: &Path) -> Result<PathBuf, Error> {
    if path.is_dir() {
        Ok(path.join("Cargo.toml"))
    } else if path.exists() {
        Ok(path.to_owned())
    } else {
        Err(Error::NoFolder(path.to_owned()))
    }
}
