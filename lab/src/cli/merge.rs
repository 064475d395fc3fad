//! The arguments of `cargo lab merge`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::examples;
use crate::exit::MERGE_EXIT_CODES;

/// Merges results, and writes them in the format of a platform
///
/// Reads the files `results.jsonl` of `cargo lab test -o` and `cargo lab grade`, from one machine or many. If several
/// files have the same run, it counts once. So you can merge again without changing anything. Results of different code
/// can't be merged.
#[derive(Args, Debug)]
#[command(after_help = examples::with(examples::MERGE, MERGE_EXIT_CODES))]
pub(crate) struct Merge {
    /// Files of results, or folders: then all files `results.jsonl` in them
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// The format of the output
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t = Form::Table)]
    pub(crate) form: Form,

    /// The file to write. Default: standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// The course file, with the points. Default: 100 points, divided equally among MIT's tests
    #[arg(short, long, value_name = "FILE")]
    pub(crate) course: Option<PathBuf>,

    /// Write only this submission. A format for one student needs this option if there are several submissions
    #[arg(long, value_name = "NAME")]
    pub(crate) submission: Option<String>,

    /// Show the seeds of failed runs, so that students can repeat them
    #[arg(long)]
    pub(crate) reveal: bool,
}

/// The format in which results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// The table of `cargo lab test` or `cargo lab grade`
    Table,
    /// JSON lines: each run once, sorted
    Jsonl,
    /// JUnit XML, with a suite for each submission
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
