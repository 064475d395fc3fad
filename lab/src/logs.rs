//! `cargo lab logs`: what servers logged in a run, filtered and in columns.
//!
//! `logs/columns.rs` puts lines into columns and colours.

mod columns;

use std::fs;
use std::io::{self, BufRead as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use report::Record;
use report::text::{LogLine, escaped, event_lines, log_lines};

use crate::cargo::workspace;
use crate::cli;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::{print_painted, tell};
use crate::pages;
use crate::replay::{only, store};
use crate::stop;
use crate::suite;

use columns::Columns;

/// What stands for standard input.
const STDIN: &str = "-";

/// The topic of what the test did.
const TEST: &str = "TEST";

/// Shows a log.
pub(crate) fn logs(asked: &cli::Logs) -> Result<Exit, Error> {
    match asked.source.as_deref() {
        Some(STDIN) => pass_on(asked),
        Some(source) => {
            let path = Path::new(source);
            let is_history = path.is_file() || path.extension().is_some_and(|end| end == "json");
            match asked.seed {
                _ if is_history => show(asked, path),
                Some(seed) => run(asked, source, seed),
                None => Err(Error::NoSource(source.to_owned())),
            }
        }
        None => {
            let path = latest(asked)?;
            tell(&format!("{}:", path.display()));
            show(asked, &path)
        }
    }
}

/// Runs a test with a seed, and shows its log.
fn run(asked: &cli::Logs, test: &str, seed: u64) -> Result<Exit, Error> {
    stop::watch();
    let suite = suite::prepare(&asked.package, &asked.build, &[test.to_owned()])?;
    let suite = suite.conducted(&asked.conduct);
    let test = only(&suite, test)?.at(1);
    match store(&suite, &test, seed, asked.out.as_deref())? {
        Ok(path) => show(asked, &path),
        Err(exit) => Ok(exit),
    }
}

/// The stored run of the last failure; if there is none, of the last run.
fn latest(asked: &cli::Logs) -> Result<PathBuf, Error> {
    let folder = match &asked.out {
        Some(folder) => folder.clone(),
        None => {
            let metadata = workspace(asked.build.manifest_path.as_deref())?;
            metadata.target_directory.into_std_path_buf().join("lab")
        }
    };
    let mut stored = histories(&folder);
    stored.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let has_failed = |path: &Path| pages::read(path).is_ok_and(|record| record.failure.is_some());
    let failed = stored.iter().find(|(_, path)| has_failed(path));
    match failed.or(stored.first()) {
        Some((_, path)) => Ok(path.clone()),
        None => Err(Error::NoHistories(folder)),
    }
}

/// The files in a folder that can be histories, and when each was written.
fn histories(folder: &Path) -> Vec<(SystemTime, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.filter_map(|entry| {
        let path = entry.path();
        let name = path.file_name()?.to_str()?;
        let is_history = name.ends_with(".json") && !name.ends_with(".why.json");
        let at = entry.metadata().ok()?.modified().ok()?;
        is_history.then_some((at, path))
    });
    files.collect()
}

/// Shows the log of a stored run.
fn show(asked: &cli::Logs, path: &Path) -> Result<Exit, Error> {
    let record: Record = pages::read(path)?;
    let history = record.to_history();
    let mut lines = log_lines(&history, Some(asked.level.name()));
    let has_logged = lines.iter().any(|line| line.topic != TEST);
    if asked.events {
        lines.extend(event_lines(&history));
        lines.sort_by_key(|line| line.at);
    }
    let columns = Columns::new(asked.columns, Some(record.servers));
    let shown: String = lines
        .iter()
        .filter(|line| is_asked_for(asked, line))
        .map(|line| columns.show(line))
        .collect();
    print_painted(&shown);
    if !has_logged && !asked.events {
        tell(
            "note: the servers logged nothing by `tracing`; --events shows what the tester saw of them",
        );
    }
    Ok(Exit::Passed)
}

/// Shows lines as they come from standard input.
fn pass_on(asked: &cli::Logs) -> Result<Exit, Error> {
    let columns = Columns::new(asked.columns, None);
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    loop {
        line.clear();
        match input.read_until(b'\n', &mut line) {
            Ok(0) => return Ok(Exit::Passed),
            Ok(_) => {}
            Err(error) => return Err(Error::read(Path::new("standard input"), error)),
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        // A report shows what a run has printed further in.
        match LogLine::parse(text.trim_start()) {
            Some(line) if is_asked_for(asked, &line) => print_painted(&columns.show(&line)),
            Some(_) => {}
            // What isn't a log's line is the tests' or a panic's, and always of interest.
            None => print_painted(&format!("{}\n", escaped(text))),
        }
    }
}

/// Whether a line is one of those that are to be shown.
fn is_asked_for(asked: &cli::Logs, line: &LogLine) -> bool {
    let has =
        |topics: &[String]| topics.iter().any(|topic| topic.eq_ignore_ascii_case(&line.topic));
    let at = Duration::from(line.at);
    let contains = |text: &String| line.text.to_lowercase().contains(&text.to_lowercase());
    !has(&asked.ignore)
        && (asked.just.is_empty() || has(&asked.just))
        && (asked.servers.is_empty()
            || line.server.is_none_or(|server| asked.servers.contains(&server)))
        && asked.from.is_none_or(|from| at >= from)
        && asked.until.is_none_or(|until| at <= until)
        && asked.grep.as_ref().is_none_or(contains)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    /// Which of some lines are shown with these options, by their texts.
    fn shown(options: &[&str]) -> String {
        let cli = Cli::try_parse_from([&["lab", "logs"], options].concat()).expect("options");
        let Command::Logs(asked) = cli.command else { panic!("it is another command") };
        let lines = [
            "010000 VOTE S0 a: grants",
            "020000 TERM S1 b",
            "030000 TEST c: server 0 crashes",
            "040000 VOTE S2 d: refuses",
        ];
        let lines = lines.map(|line| LogLine::parse(line).expect("a line"));
        let asked_for = lines.iter().filter(|line| is_asked_for(&asked, line));
        asked_for.map(|line| &line.text[..1]).collect()
    }

    #[test]
    fn each_filter_leaves_out_what_is_not_asked_for() {
        assert_eq!(shown(&[]), "abcd");
        assert_eq!(shown(&["-i", "VOTE"]), "bc");
        assert_eq!(shown(&["-i", "vote,TEST"]), "b");
        assert_eq!(shown(&["-j", "VOTE"]), "ad");
        assert_eq!(shown(&["-j", "TERM", "-j", "TEST"]), "bc");
        assert_eq!(shown(&["-s", "0,1"]), "abc");
        assert_eq!(shown(&["--from", "2s"]), "bcd");
        assert_eq!(shown(&["--from", "1500ms", "--until", "3s"]), "bc");
        assert_eq!(shown(&["-g", "GRANTS"]), "a");
    }
}
