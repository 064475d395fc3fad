//! The arguments of `cargo lab logs`.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{Build, Conduct};
use crate::examples;
use crate::exit::SHOWN_EXIT_CODES;

/// Shows the servers' logs, with a column for each server
///
/// Without SOURCE, shows the last failed run that was stored. With --seed, runs a test and shows its logs. With `-`,
/// reads lines from standard input, in the format of `LAB_LOG=1`: time, topic, server, message, as in `018430 VOTE S1
/// granted to 2`. Lines in another format are shown as they are.
///
/// A message's topic is its field `topic`, or its first word, if that has four capital letters. Otherwise the topic is
/// the message's level: ERRO, WARN, INFO, DBUG, TRCE. The topic TEST shows what the test did. With --events, the topics
/// CALL, RTRN, ROLE, CMND, APLY and SAVE show what the tester observed: calls, returns, roles, commands, applied
/// commands, saves.
#[derive(Args, Debug)]
#[command(after_help = examples::with(examples::LOGS, SHOWN_EXIT_CODES))]
pub(crate) struct Logs {
    /// A stored history (a file that ends in .json), `-` for standard input, or with --seed a test's name
    #[arg(value_name = "SOURCE")]
    pub(crate) source: Option<String>,

    /// The seed of the run, if SOURCE is a test
    #[arg(long, value_name = "S", requires = "source")]
    pub(crate) seed: Option<u64>,

    /// The number of columns: servers with higher numbers are not shown. 1: no columns, all lines in order. Default:
    /// one for each server, if they fit; 1 for standard input
    #[arg(short, long, value_name = "N")]
    pub(crate) columns: Option<NonZeroU32>,

    /// Leave out these topics, such as -i TIMR,HEAR
    #[arg(short, long, value_name = "TOPICS", value_delimiter = ',')]
    pub(crate) ignore: Vec<String>,

    /// Show only these topics, such as -j VOTE,TERM
    #[arg(short, long, value_name = "TOPICS", value_delimiter = ',', conflicts_with = "ignore")]
    pub(crate) just: Vec<String>,

    /// Show only the lines of these servers and of the test, such as -s 0,2
    #[arg(short, long = "servers", value_name = "SERVERS", value_delimiter = ',')]
    pub(crate) servers: Vec<u32>,

    /// Show only lines from this time of the run on, such as 3.5s or 3500ms
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) from: Option<Duration>,

    /// Show only lines until this time of the run
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) until: Option<Duration>,

    /// Show only lines that contain this text. Upper and lower case are the same
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) grep: Option<String>,

    /// Show only this level and more important ones
    #[arg(long, value_enum, default_value = "trace")]
    pub(crate) level: Level,

    /// Also show what the tester observed: calls, roles, saves, applied commands
    #[arg(short, long)]
    pub(crate) events: bool,

    /// The package whose test is run
    #[arg(short, long, default_value = "raft")]
    pub(crate) package: String,

    #[command(flatten)]
    pub(crate) build: Build,

    #[command(flatten)]
    pub(crate) conduct: Conduct,

    /// The folder of stored histories. Default: `lab` in cargo's target folder
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
