//! A Raft in a style quite unlike the reference's and the zoo's, with switches for other styles: what the
//! tests must not call wrong.
//!
//! # What it is for
//!
//! A tester that calls a right Raft wrong is worse than none. The reference and the zoo's Raft are alike:
//! state behind a lock, handlers that answer at once, [`Persister::save`], a call at a time. Here is
//! another: an actor. One task owns the state; requests, replies, commands and the disk's word come into
//! its inbox; a state machine without clock, network and disk makes outputs of them; and what promises
//! something waits until [`Persister::sync`] has ended. [`Style::ALL`] has what else right Rafts do
//! differently, and the crate's tests run all scripts, MIT's and our own, with each of these styles.
//!
//! # Choosing
//!
//! [`make`] reads the style from the environment variable `LAB_STYLE`, and which rule is broken, if any,
//! from `LAB_BUG`:
//!
//! ```sh
//! LAB_STYLE=OneEnum cargo test -p styles 3A
//! LAB_STYLE=OneWay LAB_BUG=CountsWhatItSends cargo test -p styles TestFailNoAgree3B
//! ```
//!
//! Each [`Bug`] breaks every style. The tests see that it is caught, and that no report says of it that
//! something is certain which isn't so.
//!
//! # Where it departs from Figure 2
//!
//! * `start` promises a place in the log, and answers before the entry is in it. The actor appends it in
//!   that place, or, if the server leads no more, never.
//! * A server shows the tester a new term when its disk has it, as it does to other servers.
//! * A leader that has heard from no majority for the time of an election follows (thesis §6.2).
//! * A leader doesn't wait for replies before it sends more (thesis §10.2.1, pipelining).
//! * Messages have a number, and replies say which server they are from.

mod actor;
mod bug;
mod log;
mod machine;
mod message;
mod saved;
mod server;
mod style;
mod wire;

use std::env;
use std::error::Error;
use std::str::FromStr;
use std::sync::Arc;

use labrpc::ClientEnd;
use raftapi::{ApplyCh, Persister, Raft};

pub use bug::{Bug, UnknownBug};
pub use style::{Disk, Guard, Heartbeats, HigherTerms, Losses, Style, Timer, UnknownStyle, Wire};

use server::Server;

/// Makes a server in the style that `LAB_STYLE` names, with the bug that `LAB_BUG` names; in the first
/// style, and right, if they aren't set.
///
/// # Panics
/// If a variable names nothing that there is. The message lists what there is.
#[must_use]
pub fn make(
    peers: Vec<ClientEnd>,
    me: usize,
    persister: Arc<Persister>,
    apply_ch: ApplyCh,
) -> Arc<dyn Raft> {
    let [actor, ..] = Style::ALL;
    let style = chosen("LAB_STYLE").unwrap_or(actor);
    let bug = chosen("LAB_BUG").unwrap_or(Bug::None);
    Server::make(peers, me, persister, apply_ch, (style, bug))
}

/// What an environment variable names; `None` if it isn't set.
fn chosen<T: FromStr<Err: Error>>(variable: &str) -> Option<T> {
    let name = env::var_os(variable)?;
    match name.to_string_lossy().parse() {
        Ok(chosen) => Some(chosen),
        Err(error) => panic!("failed to read {variable}: {error}"),
    }
}
