//! Pages and traces of runs: made from stored histories, written beside them, and opened.
//!
//! A page never breaks a run: where it is a by-product, what went wrong with it is one sentence.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use report::why::Why;
use report::{Record, RunResult, Verdict};

use crate::error::Error;
use crate::output::tell;
use crate::process::Ended;
use crate::suite::LabTest;

/// What leads to the page that was written last in a folder.
pub(crate) const LATEST: &str = "latest.html";

/// Writes the page of a run to `to`, and says where.
pub(crate) fn write(
    record: &Record,
    beside: Option<&Record>,
    why: Option<&Why>,
    to: &Path,
) -> Result<(), Error> {
    store(to, &page::page(record, beside, why))?;
    tell(&format!("page in {}", to.display()));
    Ok(())
}

/// Writes the trace of a run to `to`, and says where.
pub(crate) fn write_trace(record: &Record, to: &Path) -> Result<(), Error> {
    store(to, &page::trace(record))?;
    tell(&format!("trace in {}, for https://ui.perfetto.dev", to.display()));
    Ok(())
}

/// What is said of a page that is a by-product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// Where it is.
    Where,
    /// Nothing: there are many.
    Nothing,
}

/// Draws the failed run whose history is stored in `history`: writes its page beside it, and links `latest.html`
/// to that. If that can't be done, says so.
pub(crate) fn draw_beside(history: &Path, said: Said) {
    let page = history.with_extension("html");
    let drawn = read(history).and_then(|record| {
        let why = found_why(&record, history);
        match said {
            Said::Where => write(&record, None, why.as_ref(), &page),
            Said::Nothing => store(&page, &page::page(&record, None, why.as_ref())),
        }
    });
    if let Err(error) = drawn.and_then(|()| link(&page)) {
        tell(&format!("note: the run is not drawn: {error}"));
    }
}

/// Moves the history that a test's process has left in `folder` to another one, and draws its run. Returns the
/// process's report, in which the history is where it is now.
pub(crate) fn keep(ended: Ended, folder: &Path, to: &Path, said: Said) -> String {
    let Some(stored) = ended.lines.first().and_then(|line| line.stored.as_ref()) else {
        return ended.report;
    };
    let kept = to.join(stored.file_name().unwrap_or_default());
    if let Err(error) = fs::rename(stored, &kept) {
        let error = Error::write(&kept, error);
        tell(&format!("note: the run is not drawn: {error}"));
        return ended.report;
    }
    draw_beside(&kept, said);
    // The folder is in the one that the history is in now, and nothing else has its name.
    let folder = folder.file_name().unwrap_or_default().to_string_lossy();
    ended.report.replace(&format!("{folder}/"), "")
}

/// Stores the history that a result has brought along in the folder `to`, and draws its run. Returns the report.
pub(crate) fn keep_record(line: RunResult, test: &LabTest, to: &Path) -> Result<String, Error> {
    let RunResult { seed, verdict, record, printed, .. } = line;
    let printed = match &*printed {
        "" => String::new(),
        printed => format!("\nprinted by the run:\n{}", report::text::printed(printed)),
    };
    let Some(record) = record else {
        // Such as a run that took its process along.
        let Verdict::Failed { failure, evidence, timeline, .. } = verdict else {
            return Ok(printed);
        };
        return Ok(format!("{}\n{evidence}{timeline}{printed}", failure.message));
    };
    let history = to.join(format!("{}.json", test.file_name(seed)));
    let text =
        serde_json::to_string(&record).map_err(|error| Error::write(&history, error.into()))?;
    store(&history, &text)?;
    draw_beside(&history, Said::Nothing);
    Ok(report::text::report(&record) + &printed)
}

/// Reads a stored run.
pub(crate) fn read(path: &Path) -> Result<Record, Error> {
    let error = |why| Error::NoHistory { path: path.to_owned(), why };
    let text = fs::read_to_string(path)
        .map_err(|why| error(format!("failed to read a run's history: {why}")))?;
    Record::read(&text).map_err(error)
}

/// Where `cargo lab why` stores what it finds about a run.
pub(crate) fn why_beside(history: &Path) -> PathBuf {
    history.with_extension("why.json")
}

/// What `cargo lab why` has found about this run, if it was asked.
pub(crate) fn found_why(record: &Record, history: &Path) -> Option<Why> {
    let text = fs::read_to_string(why_beside(history)).ok()?;
    // Of another run of the same name nothing is known, nor of a form that came later.
    let why: Why = serde_json::from_str(&text).ok()?;
    (why.format == Why::FORMAT && why.history == record.history).then_some(why)
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
