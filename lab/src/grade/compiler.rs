//! What cargo and the compiler are told by variables when they build a submission, and what they say: what they have
//! made, which files they have read, what is wrong.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use cargo_metadata::{Message, TargetKind};
use nix::sys::signal::Signal;

use crate::error::Error;

/// What cargo and what it starts are told by variables: who the user is, where the toolchain is, and how it is to build.
/// A name that ends in `*` stands for all that begin so.
const OF_BUILDS: [&str; 33] = [
    "AR",
    "CARGO",
    "CARGO_*",
    "CC",
    "CFLAGS",
    "COMPILER_PATH",
    "CPATH",
    "CXX",
    "CXXFLAGS",
    "C_INCLUDE_PATH",
    "DEVELOPER_DIR",
    "DYLD_*",
    "GUIX_*",
    "HOME",
    "LANG",
    "LC_*",
    "LDFLAGS",
    "LD_LIBRARY_PATH",
    "LIBRARY_PATH",
    "LOGNAME",
    "MACOSX_DEPLOYMENT_TARGET",
    "NIX_*",
    "PATH",
    "PKG_CONFIG*",
    "RANLIB",
    "RUSTC",
    "RUSTDOC",
    "RUSTFLAGS",
    "RUSTUP_*",
    "SDKROOT",
    "SHELL",
    "TMPDIR",
    "USER",
];

/// Whether a build may see a variable: sources take in by `env!` what their compiler was told, and what they print comes
/// into reports. Cargo's own names also have tokens for registries.
fn is_for_builds(name: &str) -> bool {
    let secret = ["TOKEN", "SECRET", "PASSWORD", "CREDENTIAL"];
    let is_named = |known: &str| match known.strip_suffix('*') {
        Some(begin) => name.starts_with(begin),
        None => name == known,
    };
    OF_BUILDS.iter().any(|known| is_named(known)) && !secret.iter().any(|word| name.contains(word))
}

/// Takes from a command what its code could print: the course's key, and all that isn't for a build.
pub(super) fn without_secrets(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if !name.to_str().is_some_and(is_for_builds) {
            command.env_remove(name);
        }
    }
}

/// The library that cargo says that it has made of the package.
pub(super) fn library(messages: &str, package: &str) -> Result<Option<PathBuf>, Error> {
    let failed = |error| Error::NotStarted { what: "cargo".to_owned(), error };
    for message in Message::parse_stream(messages.as_bytes()) {
        if let Message::CompilerArtifact(artifact) = message.map_err(failed)?
            && artifact.target.kind.contains(&TargetKind::Lib)
            && artifact.target.name == package
        {
            let is_it = |file: &&PathBuf| file.extension().is_some_and(|end| end == "rmeta");
            let files: Vec<PathBuf> = artifact.filenames.into_iter().map(PathBuf::from).collect();
            return Ok(files.iter().find(is_it).or(files.first()).cloned());
        }
    }
    Ok(None)
}

/// The files that a compiler says that it has read, as it writes it for `make`: a line for each with nothing behind the
/// colon. A space in a name has a `\` before it.
pub(super) fn files_read(said: &str) -> Vec<String> {
    let names = said.lines().filter(|line| !line.starts_with('#'));
    names.filter_map(|line| line.strip_suffix(':')).map(|name| name.replace("\\ ", " ")).collect()
}

/// What ended the compiler, by what cargo says, if it was a signal: the signal's number, and what cargo calls it.
fn signal(log: &str) -> Option<(i32, &str)> {
    let line =
        log.lines().rfind(|line| line.starts_with("  process didn't exit successfully: "))?;
    let (_, signal) = line.strip_suffix(')')?.rsplit_once("(signal: ")?;
    let (number, name) = signal.split_once(", ")?;
    Some((number.parse().ok()?, name))
}

/// What to say of a compiler that a signal has ended.
fn crash(log: &str) -> Option<String> {
    let (number, name) = signal(log)?;
    let why = match Signal::try_from(number) {
        Ok(Signal::SIGXCPU) => "it took more CPU time than a build may",
        Ok(Signal::SIGXFSZ) => "it wrote a larger file than a build may",
        Ok(Signal::SIGKILL) => "the system has ended it, most likely because memory ran out",
        Ok(Signal::SIGABRT) if log.contains("memory allocation of ") => {
            "it needed more memory than a build may take"
        }
        _ => "most likely by an expression, a type or a macro that goes on too long or too deep",
    };
    Some(format!(
        "the compiler crashed on it: signal {number}, {name}: {why}; build.log has its last words"
    ))
}

/// The first error among what cargo says, in a line; if it says none, as it does when it is ended, `how` it ended. If the
/// compiler crashed, no error says why.
pub(super) fn first_error(log: &str, how: &str) -> String {
    if let Some(crash) = crash(log) {
        return crash;
    }
    let mut lines = log.lines().skip_while(|line| !line.starts_with("error"));
    let Some(error) = lines.next() else {
        return format!("cargo ended without an error message ({how})");
    };
    let place = lines.next().and_then(|line| line.trim().strip_prefix("--> "));
    place.map_or_else(|| error.to_owned(), |place| format!("{error}, at {place}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_sees_few_variables_and_none_with_a_secret() {
        for name in ["PATH", "CARGO_HOME", "CARGO_PROFILE_DEV_DEBUG", "LC_ALL", "RUSTUP_TOOLCHAIN"]
        {
            assert!(is_for_builds(name), "{name}");
        }
        for name in [
            "LAB_COURSE_KEY",
            "GITHUB_TOKEN",
            "CARGO_REGISTRY_TOKEN",
            "CARGO_REGISTRIES_MINE_TOKEN",
            "AWS_SECRET_ACCESS_KEY",
            "HTTPS_PROXY",
            "PATHS",
        ] {
            assert!(!is_for_builds(name), "{name}");
        }
    }

    #[test]
    fn a_compiler_says_what_it_has_read() {
        let said = "/t/raft-1.d: raft/src/lib.rs raft/src/a\\ b.rs /etc/hostname\n\n\
                    raft/src/lib.rs:\nraft/src/a\\ b.rs:\n/etc/hostname:\n\n# env-dep:HOME=/x:\n";
        assert_eq!(files_read(said), ["raft/src/lib.rs", "raft/src/a b.rs", "/etc/hostname"]);
    }

    #[test]
    fn a_crash_of_the_compiler_is_called_that() {
        let log = |words: &str, signal: &str| {
            format!(
                "error: {words}\n\nerror: could not compile `raft` (lib)\n\nCaused by:\n  \
                 process didn't exit successfully: `/bin/rustc --crate-name raft (x)` (signal: {signal})\n"
            )
        };
        for (words, signal, says) in [
            (
                "rustc interrupted by SIGSEGV, printing backtrace",
                "11, SIGSEGV: invalid memory reference",
                "too deep",
            ),
            (
                "memory allocation of 9 bytes failed",
                "6, SIGABRT: process abort signal",
                "more memory than",
            ),
            ("x", "9, SIGKILL: kill", "memory ran out"),
            ("x", "24, SIGXCPU: CPU time limit exceeded", "more CPU time"),
        ] {
            let said = first_error(&log(words, signal), "exit status: 101");
            let begin = format!("the compiler crashed on it: signal {signal}: ");
            assert!(said.starts_with(&begin) && said.contains(says), "{said}");
        }
    }

    #[test]
    fn the_first_error_is_said_in_a_line() {
        let log = "   Compiling raft\nwarning: unused\nerror[E0308]: mismatched types\n  --> raft/src/lib.rs:1:5\n";
        assert_eq!(
            first_error(log, "exit status: 101"),
            "error[E0308]: mismatched types, at raft/src/lib.rs:1:5"
        );
        assert_eq!(first_error("error: no\n", "exit status: 101"), "error: no");
        for log in ["", "warning: unused\n  --> raft/src/lib.rs:1:5\n\n"] {
            assert_eq!(
                first_error(log, "signal: 9 (SIGKILL)"),
                "cargo ended without an error message (signal: 9 (SIGKILL))"
            );
        }
    }
}
