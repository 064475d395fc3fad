//! Runs in child processes: a run that ends its process fails alone, and its report says why.
//!
//! A run can take its process with it: by an abort, an overflowing stack, `exit`, an endless loop. So the
//! *parent* hands seeds to children, processes of its own binary, and collects results
//! ([`run_in_children`]); a *child* serves it ([`serve`]). A thread beside the run, the *watchdog*, notices
//! that the run gets nowhere, and a thread that dies of a signal leaves its last words to it. Either way the
//! result says why, at which of the user's lines, and on whose behalf the code ran.
//!
//! What a run is, `sim` knows. It tells the watchdog of its threads by [`sim::Watcher`].

#![cfg(unix)]

mod ask;
mod child;
mod handler_stack;
mod interrupt;
mod last_words;
mod limits;
mod mailbox;
mod parent;
mod printed;
mod signals;
mod stuck;
mod threads;
mod watchdog;

pub use child::{serve, wants};
pub use children::{
    Death, Done, Isolation, Wants, is_child, memory_held, settings, terminal_columns, variables,
    without_address_randomisation,
};
pub use interrupt::is_interrupted;
pub use last_words::overflowing;
pub use parent::run_in_children;
pub use printed::{Printed, printed};
pub use stuck::{Stuck, Why};

/// No line of this crate, nor of those that it is made of, counts as the user's from now on.
#[doc(hidden)]
pub fn leave_out_own_lines() {
    sim::leave_out_lines_of(&[concat!(env!("CARGO_MANIFEST_DIR"), "/src"), children::SOURCE]);
}
