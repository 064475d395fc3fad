//! `cargo lab watch`: on each save, builds and runs tests until the first failure.
//!
//! `watch/round.rs` is what is done on a save, `watch/sources.rs` notices one, `watch/keys.rs` reads single keys from
//! a terminal, and `watch/show.rs` has the words.

mod keys;
mod round;
mod show;
mod sources;

use std::path::PathBuf;
use std::time::Duration;

use crate::cargo::workspace;
use crate::cli;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::{print, print_painted, tell};
use crate::pages;
use crate::process::pause;
use crate::stop;

use keys::Keys;
use round::{Ended, Round};
use show::Hints;
use sources::Sources;

/// How often it looks for a save, a key, or a request to stop.
const LOOK: Duration = Duration::from_millis(200);

/// Watches until it is told to stop.
pub(crate) fn watch(asked: &cli::Watch) -> Result<Exit, Error> {
    stop::watch();
    let keys = Keys::new();
    let sources = Sources::of(&folders(asked)?);
    let mut round = Round::new(asked);
    loop {
        let seen = sources.look();
        let ended = match round.run(&sources, &seen) {
            Ok(ended) => ended,
            Err(error) if error.stopped().is_some() => return Err(error),
            // What was right before may be so again after the next save.
            Err(error) if round.number > 1 || matches!(error, Error::NotBuilt(_)) => {
                tell(&format!("error: {error}"));
                Ended::NotRun
            }
            Err(error) => return Err(error),
        };
        if let Ended::Changed = ended {
            print("a file has changed: running again\n");
            continue;
        }
        let mut hints = Hints::of(&ended, keys.is_some());
        print_painted(&hints.begin());
        if let Some(page) = ended.page().filter(|_| asked.open && !round.has_opened) {
            round.has_opened = true;
            pages::open(page);
        }
        print(&format!("waiting for a change{}\n", if keys.is_some() { show::KEYS } else { "" }));
        loop {
            if let Some(exit) = stop::exit() {
                return Err(Error::Stopped(exit));
            }
            if sources.look() != seen {
                break;
            }
            match keys.as_ref().and_then(Keys::pressed) {
                Some('h') => print_painted(&hints.next()),
                Some('r') => print_painted(&show::report(&ended)),
                Some('p') => match ended.page() {
                    Some(page) => pages::open(page),
                    None => print("there is no page: no run has failed\n"),
                },
                Some('\n' | '\r' | ' ') => break,
                Some('q') => return Ok(ended.exit()),
                _ => {}
            }
            pause(LOOK);
        }
    }
}

/// What is watched: the package, and the workspace's tests and settings.
fn folders(asked: &cli::Watch) -> Result<Vec<PathBuf>, Error> {
    let metadata = workspace(asked.build.manifest_path.as_deref())?;
    let root = metadata.workspace_root.clone().into_std_path_buf();
    let packages = metadata.workspace_packages();
    let package = packages.iter().find(|package| package.name.as_str() == asked.package);
    let folder = package.and_then(|package| package.manifest_path.parent());
    let mut folders: Vec<PathBuf> = folder.map(PathBuf::from).into_iter().collect();
    let names = ["tests", "Cargo.toml", "Cargo.lock", ".cargo/config.toml"];
    folders.extend(names.map(|name| root.join(name)));
    Ok(folders)
}
