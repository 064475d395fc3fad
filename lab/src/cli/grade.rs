//! The arguments of `cargo lab grade`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use children::settings;
use clap::Args;

use crate::examples;
use crate::exit::GRADE_EXIT_CODES;
use crate::shard::Shard;

/// Grades a folder of submissions, and makes a table with points
///
/// Run it in your own copy of the lab. It takes only the files `raft/src/**/*.rs` of each submission, and puts them
/// into a workspace with your tests, your Cargo.toml and your Cargo.lock. This workspace forbids `unsafe`. It is built
/// offline, and its tests are run with LAB_STRICT=1. Some passed runs are repeated from their records, without the
/// submission's code. If a submission doesn't compile, hangs or tries to deceive, it gets such a verdict, and the
/// others are still graded.
///
/// A submission is a folder, a git repository (its HEAD; it may be bare), or an archive (.zip, .tar, .tar.gz, .tgz). It
/// may be a whole workspace, a folder `raft/src`, or a folder with `src`. Its name in the table is the name of its
/// folder or archive.
#[derive(Args, Debug)]
#[command(after_help = examples::with(examples::GRADE, GRADE_EXIT_CODES))]
pub(crate) struct Grade {
    /// The folder of submissions, or a single submission
    #[arg(required_unless_present = "example_course")]
    pub(crate) dir: Option<PathBuf>,

    /// Grade nothing; print an example of a course file, which explains each key
    #[arg(long, exclusive = true)]
    pub(crate) example_course: bool,

    /// The course file, with points, limits and allowed dependencies. Default: lab.toml in your workspace. If there is
    /// none: 100 points, divided equally among MIT's tests
    #[arg(short, long, value_name = "FILE")]
    pub(crate) course: Option<PathBuf>,

    /// A file with the course's key: any text that students don't know. The hidden seeds are derived from it. Default:
    /// the variable LAB_COURSE_KEY. Without a key, all submissions get the seeds of the course file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,

    /// How many submissions to grade at the same time. Default: the number of cores
    #[arg(short, long, value_name = "J", env = settings::JOBS)]
    pub(crate) jobs: Option<NonZeroUsize>,

    /// Grade only the submission with this name. May be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,

    /// The folder for results, with a folder for each submission
    #[arg(short, long, value_name = "DIR", default_value = "grades")]
    pub(crate) out: PathBuf,

    /// Continue with the results in DIR. A submission that has changed since is graded again
    #[arg(long)]
    pub(crate) resume: bool,

    /// Show the seeds of failed runs, so that students can repeat them
    #[arg(long)]
    pub(crate) reveal: bool,

    /// Do only part I of N of the work, or `auto`; see `cargo lab test --help`. A submission belongs to one part,
    /// unless there are more parts than submissions
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<Shard>,

    /// The folder in which submissions are built. It is kept. Default: `lab/grade` in cargo's target folder. Two
    /// graders can't use the same folder at the same time
    #[arg(long, value_name = "DIR")]
    pub(crate) work: Option<PathBuf>,

    /// Use this folder as cargo's target folder for all submissions, and build one at a time. Without this option, each
    /// job has a target folder. Crates that are already built there aren't built again
    #[arg(long, value_name = "DIR")]
    pub(crate) shared_target: Option<PathBuf>,

    /// Your own copy of the lab: its folder or its Cargo.toml. Default: the workspace around the current folder
    #[arg(long, value_name = "PATH")]
    pub(crate) manifest_path: Option<PathBuf>,
}
