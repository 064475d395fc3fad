//! The lines of a file of results, which `cargo lab test -o` and `cargo lab grade` write and `cargo lab merge` reads.
//!
//! A file is JSON lines, and lines are only ever added. Each is one of these:
//!
//! * a run: the tester's own line, with a [`Stamp`], which says by what binary it was made and how long it took;
//! * what was asked for, before the runs: [`Asked`];
//! * what came of a submission, behind its runs: [`Done`].

use std::fmt;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use report::{RunResult, Verdict};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::first_cause::FirstCause;

/// The version of the harness.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A line.
#[derive(Clone, Debug)]
pub(crate) enum Line {
    Run(Box<Record>),
    Asked(Asked),
    Done(Done),
}

/// A run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    #[serde(flatten)]
    pub(crate) result: RunResult,
    #[serde(flatten)]
    pub(crate) stamp: Stamp,
}

/// What `cargo lab` knows of a run besides its result.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Stamp {
    /// Whose it is; empty if it isn't a submission's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) submission: String,
    /// What tells its code from other code: the SHA-256 of the test binary, or, of a submission, of all sources that
    /// it is built of.
    pub(crate) binary: String,
    /// The version of the harness.
    pub(crate) version: String,
    /// Why it failed, in a word: a finding, a rule, or the failure's kind. Empty if it didn't.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) cause: String,
    /// Real and CPU time in milliseconds: its share of what its process took.
    pub(crate) wall_ms: f64,
    pub(crate) cpu_ms: f64,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) package: String,
    /// The first run's seed.
    pub(crate) seed: u64,
    /// How many runs of each test, by all shards together; 0 if that hangs on what comes of them.
    pub(crate) runs: u64,
    /// Which part of them.
    pub(crate) shard: String,
    /// The tests.
    pub(crate) tests: Vec<String>,
}

/// What came of a submission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) submission: String,
    pub(crate) binary: String,
    pub(crate) version: String,
    /// Which part of its runs this is about.
    pub(crate) shard: String,
    /// How many runs of each test were asked for, by all shards together; and the tests.
    pub(crate) runs: u64,
    pub(crate) tests: Vec<String>,
    pub(crate) end: End,
    /// How many of its runs could be judged, if those are too few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shortage: Option<Shortage>,
    /// What a grader must know of it, in whole sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
}

/// How many runs were to be judged without the submission's code, and how many could be: fewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shortage {
    pub(crate) wanted: u64,
    pub(crate) judged: u64,
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shortage { wanted, judged } = self;
        write!(
            f,
            "{} of {wanted} runs that passed could not be judged without its servers' code, nor could others in their \
             place: made again, they failed or left no record that can be judged. A Raft that notices this can do \
             otherwise in the runs that count: read its code before you trust its results",
            wanted.saturating_sub(*judged)
        )
    }
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum End {
    /// All runs were made, but for those of tests that were given up.
    Run,
    /// Not all, because it took too long.
    OutOfTime { limit: String },
    /// It didn't compile; or took too long to.
    NotBuilt { why: String },
    /// It isn't a submission, or does what none may do.
    Refused { why: String },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Other {
    Asked(Asked),
    Done(Done),
}

impl Line {
    /// Reads a line of a file.
    pub(crate) fn read(text: &[u8]) -> Result<Line, serde_json::Error> {
        match serde_json::from_slice::<Other>(text) {
            Ok(Other::Asked(asked)) => Ok(Line::Asked(asked)),
            Ok(Other::Done(done)) => Ok(Line::Done(done)),
            Err(_) => serde_json::from_slice(text).map(|record| Line::Run(Box::new(record))),
        }
    }

    /// Writes it, with the line's end.
    pub(crate) fn text(&self) -> String {
        let text = match self {
            Line::Run(record) => serde_json::to_string(record),
            Line::Asked(asked) => serde_json::to_string(&Other::Asked(asked.clone())),
            Line::Done(done) => serde_json::to_string(&Other::Done(done.clone())),
        };
        text.expect("a line is plain data") + "\n"
    }
}

impl Record {
    /// Which run it is.
    pub(crate) fn key(&self) -> (&str, &str, u32, u64) {
        (&self.stamp.submission, &self.result.test, self.result.call, self.result.seed)
    }
}

/// Why a run failed, in a word; empty if it didn't.
pub(crate) fn cause(result: &RunResult) -> String {
    let Verdict::Failed { failure, explanation, .. } = &result.verdict else {
        return String::new();
    };
    let told = FirstCause::of(failure, explanation, result.process);
    told.id().map_or_else(|| failure.kind.to_string(), str::to_owned)
}

/// The SHA-256 of some bytes, in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads all lines of a file.
///
/// # Errors
/// If it can't be read, or one of its lines isn't one: which, and why. A last line that isn't whole is one of these,
/// with the advice how to go on.
pub(crate) fn read_file(path: &Path) -> Result<Vec<Line>, Error> {
    let bytes = std::fs::read(path).map_err(|error| Error::read(path, error))?;
    let mut lines = Vec::new();
    for (number, text) in (1..).zip(bytes.split_inclusive(|&byte| byte == b'\n')) {
        let Some(text) = text.strip_suffix(b"\n") else {
            let why = "it is cut off: whoever wrote it was stopped. Finish with --resume, or delete that line";
            return Err(Error::BadLine { path: path.to_owned(), number, why: why.to_owned() });
        };
        if text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        lines.push(Line::read(text).map_err(|error| Error::BadLine {
            path: path.to_owned(),
            number,
            why: format!("it is no result of `cargo lab`: {error}"),
        })?);
    }
    Ok(lines)
}

/// Takes from a file a last line that isn't whole, so that more lines can be added.
pub(crate) fn cut_broken_end(path: &Path) -> Result<(), Error> {
    let cut = || -> io::Result<()> {
        let bytes = std::fs::read(path)?;
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        OpenOptions::new().write(true).open(path)?.set_len(whole as u64)
    };
    match cut() {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::write(path, error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = r#"{"test":"TestReElection3A","seed":18446744073709551615,"verdict":{"passed":{"seconds":4.0,"rpcs":9}},"history":18446744073709551614}"#;

    fn record() -> Record {
        let stamp = Stamp { binary: "ab".to_owned(), wall_ms: 2.5, ..Stamp::default() };
        Record { result: serde_json::from_str(RUN).expect("a line"), stamp }
    }

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let text = Line::Run(Box::new(record())).text();
        let Ok(Line::Run(read)) = Line::read(text.trim_end().as_bytes()) else { panic!("{text}") };
        assert_eq!((&read.result, &read.stamp), (&record().result, &record().stamp));
        assert!(matches!(Line::read(RUN.as_bytes()), Ok(Line::Run(_))), "one without a stamp");
        let done = Done {
            submission: "bob".to_owned(),
            binary: "ab".to_owned(),
            version: VERSION.to_owned(),
            shard: "1/1".to_owned(),
            runs: 3,
            tests: vec![],
            end: End::NotBuilt { why: "no".to_owned() },
            shortage: Some(Shortage { wanted: 2, judged: 1 }),
            notes: vec![],
        };
        let text = Line::Done(done.clone()).text();
        assert!(matches!(Line::read(text.as_bytes()), Ok(Line::Done(read)) if read == done));
    }

    #[test]
    fn a_file_that_is_cut_off_is_told_from_one_that_is_foreign() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("results.jsonl");
        let read = |text: &str| {
            std::fs::write(&path, text).expect("it is written");
            read_file(&path).map(|lines| lines.len()).map_err(|error| error.to_string())
        };
        assert_eq!(read(&format!("{RUN}\n\n{RUN}\n")), Ok(2));
        let cut = read(&format!("{RUN}\n{}", &RUN[..30])).unwrap_err();
        assert!(cut.contains("line 2") && cut.contains("--resume"), "{cut}");
        let foreign = read(&format!("hello\n{RUN}\n")).unwrap_err();
        assert!(foreign.contains("line 1") && foreign.contains("no result"), "{foreign}");
        assert!(read("{}\n").is_err());

        std::fs::write(&path, format!("{RUN}\n{}", &RUN[..30])).expect("it is written");
        cut_broken_end(&path).expect("it can be cut");
        assert_eq!(read_file(&path).expect("lines").len(), 1);
        cut_broken_end(&folder.path().join("none")).expect("nothing to do");
    }

    #[test]
    fn a_hash_is_that_of_other_programs() {
        assert_eq!(sha256(b"abc")[..16], *"ba7816bf8f01cfea");
    }
}
