//! The arguments of `cargo lab merge`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::examples;
use crate::exit::MERGE_EXIT_CODES;

/// Puts results together, and writes them in the form that a platform reads
///
/// Reads the `results.jsonl` of `cargo lab test -o` and `cargo lab grade`, of one machine or of many. A run that
/// several files have counts once, so merging again changes nothing. Files of different code aren't mixed.
#[derive(Args, Debug)]
#[command(after_help = examples::with(examples::MERGE, MERGE_EXIT_CODES))]
pub(crate) struct Merge {
    /// The files, or folders: all `results.jsonl` in them
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// In which form
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t = Form::Table)]
    pub(crate) form: Form,

    /// The file that is written. Without it, standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// The course file, for points. Without it: 100 points for MIT's tests, in equal parts
    #[arg(short, long, value_name = "FILE")]
    pub(crate) course: Option<PathBuf>,

    /// Only this submission. Forms for one student need it where the results have several
    #[arg(long, value_name = "NAME")]
    pub(crate) submission: Option<String>,

    /// Show seeds of runs that failed, by which a student repeats them
    #[arg(long)]
    pub(crate) reveal: bool,
}

/// In which form results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// The table of `cargo lab test` or `cargo lab grade`
    Table,
    /// JSON lines: each run once, sorted
    Jsonl,
    /// JUnit XML: a suite for each submission, a case for each test
    Junit,
    /// Gradescope's results.json, for one submission
    Gradescope,
    /// The last line of Autolab's output, for one submission
    Autolab,
    /// PrairieLearn's results.json, for one submission
    Prairielearn,
    /// Classroom 50's result.json, for one submission
    Classroom50,
    /// A line for each submission and test
    Csv,
    /// A table for a page or an issue
    Markdown,
    /// A page with plots, in one file
    Html,
}
