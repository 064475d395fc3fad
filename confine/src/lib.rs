//! What somebody else's code may do on the grader's machine: next to nothing.
//!
//! A [`Confinement`] is made once and put on each [`Command`](std::process::Command) that starts such code. It takes effect in the new
//! process before any of that code runs, it can't be taken off again, and all that the process starts inherits it.
//! There are three: [`Confinement::of_runs`] for a submission's tests, [`Confinement::of_builds`] for the compiler that
//! reads a submission's sources, and [`Confinement::of_readers`] for a program such as git that reads what a submission
//! is handed in as: it reads and starts as little as a run, and may make a build's system calls but none that makes a
//! process.
//!
//! | layer | a run | a build |
//! | --- | --- | --- |
//! | files (Landlock) | reads what its caller names and the system's libraries, writes nothing; starts itself and its loader | reads what its caller names, the system and the compiler, writes to its target folder |
//! | system calls (seccomp) | a list of those that a test needs, and no others | all but those that reach beyond its own processes |
//! | limits (rlimits) | memory, CPU time, files' sizes, descriptors, no core dump | the same, larger |
//! | session | its own; it dies with the thread that started it | the same |
//! | user | another one, if the grader is root and the files can be reached | the grader's |
//!
//! What the machine lacks is left out: [`Confinement::lacks`] names it, for the grader to know.
//!
//! This crate knows neither tests nor cargo, and no student's build compiles it but `cargo lab`'s.

#![cfg(unix)]

#[cfg(target_os = "linux")]
mod calls;
mod confinement;
#[cfg(target_os = "linux")]
mod files;
mod limits;
#[cfg(target_os = "linux")]
mod linux;
mod rules;

pub use confinement::Confinement;
