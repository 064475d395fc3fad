//! Pages and traces of runs: made from stored histories, written beside them, and opened.
//!
//! A page never breaks a run: where it is a by-product, what went wrong with it is one sentence.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use report::Record;

use crate::error::Error;
use crate::output::tell;

/// What leads to the page that was written last in a folder.
const LATEST: &str = "latest.html";

/// Writes the page of a run to `to`, and says where.
pub(crate) fn write(record: &Record, beside: Option<&Record>, to: &Path) -> Result<(), Error> {
    store(to, &page::page(record, beside))?;
    tell(&format!("page in {}", to.display()));
    Ok(())
}

/// Writes the trace of a run to `to`, and says where.
pub(crate) fn write_trace(record: &Record, to: &Path) -> Result<(), Error> {
    store(to, &page::trace(record))?;
    tell(&format!("trace in {}, for https://ui.perfetto.dev", to.display()));
    Ok(())
}

/// Writes the page of a stored run beside its history, and links `latest.html` to it. Returns where it is; if
/// it can't be written, says so.
pub(crate) fn write_beside(record: &Record, history: &Path) -> Option<PathBuf> {
    let to = history.with_extension("html");
    match store(&to, &page::page(record, None)) {
        Ok(()) => {
            if let Err(error) = link(&to) {
                tell(&format!("note: {error}"));
            }
            Some(to)
        }
        Err(error) => {
            tell(&format!("note: there is no page of the run: {error}"));
            None
        }
    }
}

/// In one piece, for whoever has an earlier one open.
fn store(to: &Path, text: &str) -> Result<(), Error> {
    let error = |error| Error::write(to, error);
    let mut unfinished = to.as_os_str().to_owned();
    unfinished.push(".part");
    fs::write(&unfinished, text).map_err(error)?;
    fs::rename(unfinished, to).map_err(error)
}

/// Makes `latest.html`, in the folder of `page`, lead to it.
fn link(page: &Path) -> Result<(), Error> {
    let latest = page.with_file_name(LATEST);
    let error = |error| Error::write(&latest, error);
    if latest.symlink_metadata().is_ok() {
        fs::remove_file(&latest).map_err(error)?;
    }
    #[cfg(unix)]
    let linked = std::os::unix::fs::symlink(page.file_name().unwrap_or_default(), &latest);
    #[cfg(not(unix))]
    let linked = fs::copy(page, &latest).map(drop);
    linked.map_err(error)
}

/// Opens a page in the user's browser; if that can't be done, says so.
pub(crate) fn open(page: &Path) {
    let (program, arguments): (&str, &[&str]) = match std::env::consts::OS {
        "macos" => ("open", &[]),
        "windows" => ("cmd", &["/C", "start", ""]),
        _ => ("xdg-open", &[]),
    };
    let mut command = Command::new(program);
    command.args(arguments).arg(page);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let why = match command.status() {
        Ok(status) if status.success() => return,
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    };
    let page = page.display();
    tell(&format!("note: failed to open {page} by {program}: {why}; open it in a browser"));
}
