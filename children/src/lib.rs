//! The parent's side of runs in child processes, and what the two say to each other.
//!
//! A run can take its process with it: by an abort, an overflowing stack, `exit`, an endless loop. So a *parent* hands
//! seeds to *children*, and collects results ([`run_in_children`]). Whoever that is, its [`Host`], says how children
//! are started. A test binary starts itself; a grader starts somebody else's, and has none of its code in its own
//! process.
//!
//! A child finds its parent by [`to_parent`]. They talk through a socket, in frames ([`wire`]) that bear the
//! child's [`Nonce`]. The parent believes nothing else: neither exit codes, nor what is printed, nor files.
//!
//! The child's side is in the crate `supervisor`. This one knows nothing of runs, so that a program that links it has
//! no simulation in it.

#![cfg(unix)]

mod connection;
mod death;
mod nonce;
mod output;
mod parent;
mod patience;
mod permits;
mod proc_stat;
pub mod settings;
mod terminal;
pub mod variables;
pub mod wire;

pub use connection::{Wants, is_child, to_parent};
pub use death::Death;
pub use nonce::Nonce;
pub use parent::{Done, Host, Isolation, run_in_children, without_address_randomisation};
pub use permits::Permits;
pub use proc_stat::{Stat, memory_held};
pub use terminal::terminal_columns;

/// The folder of this crate's sources, no line of which is the user's.
#[doc(hidden)]
pub const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
