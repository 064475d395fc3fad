//! The arguments of `cargo lab grade`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use children::settings;
use clap::Args;

use crate::examples;
use crate::exit::GRADE_EXIT_CODES;
use crate::shard::Shard;

/// Grades submissions: a folder of them, one command, one table
///
/// Run it in your own copy of the lab. Of each submission only `raft/src/**/*.rs` is taken, into a workspace that has
/// your tests, your Cargo.toml and your Cargo.lock, in which `unsafe` is forbidden. It is built offline, and its tests
/// are run with LAB_STRICT=1. Some runs that passed are made again without the submission's code. One that doesn't compile, hangs or tries to deceive gets its verdict, and the others go
/// on.
///
/// A submission is a folder, a git repository (also a bare one: what HEAD has), or an archive (.zip, .tar, .tar.gz,
/// .tgz). It may be a whole workspace, a folder `raft/src`, or a folder with `src`. Its name in the table is that of
/// its folder or archive.
#[derive(Args, Debug)]
#[command(after_help = examples::with(examples::GRADE, GRADE_EXIT_CODES))]
pub(crate) struct Grade {
    /// The folder of submissions; or a single submission
    #[arg(required_unless_present = "example_course")]
    pub(crate) dir: Option<PathBuf>,

    /// Grade nothing, and print a course file with all keys, each explained
    #[arg(long, exclusive = true)]
    pub(crate) example_course: bool,

    /// The course file, with points, limits and allowed dependencies. Without it: lab.toml in your workspace, if it is
    /// there; else 100 points for MIT's tests, in equal parts
    #[arg(short, long, value_name = "FILE")]
    pub(crate) course: Option<PathBuf>,

    /// A file with the course's key, from which hidden seeds are derived: any text that students don't know. Without
    /// it, and without LAB_COURSE_KEY in the environment, all have the seeds that the course file says
    #[arg(short, long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,

    /// How many submissions at the same time; without it, as many as there are cores
    #[arg(short, long, value_name = "J", env = settings::JOBS)]
    pub(crate) jobs: Option<NonZeroUsize>,

    /// Only the submissions of these names; may be given again
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,

    /// The folder for results; it gets a folder for each submission
    #[arg(short, long, value_name = "DIR", default_value = "grades")]
    pub(crate) out: PathBuf,

    /// Go on with the results in DIR. A submission that has changed since is graded anew
    #[arg(long)]
    pub(crate) resume: bool,

    /// Show seeds of runs that failed, by which a student repeats them
    #[arg(long)]
    pub(crate) reveal: bool,

    /// Only this part of the work: I/N, or `auto`; see `cargo lab test --help`. Each submission is one part's, unless
    /// there are more parts than submissions
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<Shard>,

    /// The folder that submissions are built in, which is kept: without it, `lab/grade` in the folder that cargo builds
    /// into. Nobody else may grade in it at the same time
    #[arg(long, value_name = "DIR")]
    pub(crate) work: Option<PathBuf>,

    /// Build all into this folder, one submission at a time, and not into a folder for each job. What is built there
    /// already isn't built again
    #[arg(long, value_name = "DIR")]
    pub(crate) shared_target: Option<PathBuf>,

    /// Another workspace than the one around the current folder as the grader's copy: its folder or its Cargo.toml
    #[arg(long, value_name = "PATH")]
    pub(crate) manifest_path: Option<PathBuf>,
}
