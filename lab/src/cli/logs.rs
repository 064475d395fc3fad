//! The arguments of `cargo lab logs`.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{Build, Conduct};
use crate::examples;
use crate::exit::SHOWN_EXIT_CODES;

/// Shows what the servers logged, in columns: one for each server
///
/// Reads a stored run: by default the failed one that was stored last. Or runs a test with a seed. Or reads lines from
/// standard input, in the form that `LAB_LOG=1` prints: time, topic, server, message, as in `018430 VOTE S1 granted
/// to 2`. Lines of another form are shown as they are.
///
/// A topic is a message's first word or its field `topic`, if that has four capitals; else its level (ERRO, WARN, INFO,
/// DBUG, TRCE). TEST is what the test did. With --events the topics CALL, RTRN, ROLE, CMND, APLY and SAVE are what the
/// tester saw of the servers.
#[derive(Args, Debug)]
#[command(after_help = examples::with(examples::LOGS, SHOWN_EXIT_CODES))]
pub(crate) struct Logs {
    /// A stored history (a file that ends in .json), `-` for standard input, or with --seed a test's name
    #[arg(value_name = "SOURCE")]
    pub(crate) source: Option<String>,

    /// The seed of the run, if SOURCE is a test
    #[arg(long, value_name = "S", requires = "source")]
    pub(crate) seed: Option<u64>,

    /// How many columns there are: servers from this number on have none. 1: each line as it comes. Default: as many
    /// as there are servers, if they fit; from standard input 1
    #[arg(short, long, value_name = "N")]
    pub(crate) columns: Option<NonZeroU32>,

    /// Leave these topics out, such as -i TIMR,HEAR
    #[arg(short, long, value_name = "TOPICS", value_delimiter = ',')]
    pub(crate) ignore: Vec<String>,

    /// Just these topics, such as -j VOTE,TERM
    #[arg(short, long, value_name = "TOPICS", value_delimiter = ',', conflicts_with = "ignore")]
    pub(crate) just: Vec<String>,

    /// Just these servers' lines, and the test's: -s 0,2
    #[arg(short, long = "servers", value_name = "SERVERS", value_delimiter = ',')]
    pub(crate) servers: Vec<u32>,

    /// From this time of the run on, such as 3.5s or 3500ms
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) from: Option<Duration>,

    /// Until this time of the run
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) until: Option<Duration>,

    /// Just lines that contain this text, in capitals or not
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) grep: Option<String>,

    /// Just this level and more important ones
    #[arg(long, value_enum, default_value = "trace")]
    pub(crate) level: Level,

    /// Also show what the tester saw of the servers: calls, roles, saves, what they applied
    #[arg(short, long)]
    pub(crate) events: bool,

    /// The package whose test is run
    #[arg(short, long, default_value = "raft")]
    pub(crate) package: String,

    #[command(flatten)]
    pub(crate) build: Build,

    #[command(flatten)]
    pub(crate) conduct: Conduct,

    /// The folder with stored histories, and for that of the run. Default: `lab` in cargo's target folder
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// How important a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Level {
    /// As `tracing` calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Level::Error => "ERROR",
            Level::Warn => "WARN",
            Level::Info => "INFO",
            Level::Debug => "DEBUG",
            Level::Trace => "TRACE",
        }
    }
}
