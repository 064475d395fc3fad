//! Virtual time and one seed: runs one test body so that the same seed is the same run.
//!
//! # The idea
//!
//! A *run* is one test body and one seed. [`run`] gives it a fresh OS thread, a single-threaded
//! tokio runtime of its own and a clock that stands still while code runs and jumps to the next
//! timer when nothing is left to do. Two seconds of waiting cost no time at all, and nothing
//! outside the run can change the order in which its tasks are polled.
//!
//! What is random in a run comes from its seed, by [`Stream`]s that don't disturb each other: a
//! Raft that draws one number more leaves the script's choices and the network's delays as they
//! were. Code under test needs no special types. It writes `rand::rng()`, iterates a `HashMap`,
//! calls `Instant::now()` and `tokio::select!`, and gets the run's own randomness and clock:
//! this crate defines the C library's `getrandom`, `clock_gettime` and `syscall`, which answer by
//! thread (a simulated thread from its run, any other thread from the real function), and seeds
//! tokio's own generator.
//!
//! # Guarantees
//!
//! * Same seed, same binary: the same sequence of polls, draws and times, in any process, beside
//!   any load, in debug and in release builds. [`self_check`] tells whether the platform keeps it.
//! * The clock has two grains. tokio's timers fire on whole milliseconds. Within a millisecond
//!   [`Sim::advance_within_tick`] orders what the network does by microseconds, so that messages
//!   answered at once still take time, and a loop that does nothing but call can't stop the clock.
//! * A body that ends, panics, is [stopped](Sim::stop) or outlives its limit comes back to the
//!   caller as an [`Ending`], together with whatever the epilogue read from it.
//! * [`Clock::Real`] runs the same body on a multi-threaded runtime and the wall clock, with
//!   nothing interposed. It follows the seed in the script's and the network's draws only.
//!
//! # Whose code is running
//!
//! Code of several servers shares a run. [`context`] knows on whose behalf the current poll runs,
//! so that a panic can be reported as "server 2, in Raft.RequestVote" rather than as a line number.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//! use sim::{Clock, Ending, Settings};
//!
//! let settings = Settings::new(7, Clock::Virtual, Duration::from_secs(120));
//! let draw = || {
//!     sim::run(
//!         settings.clone(),
//!         |sim| async move {
//!             tokio::time::sleep(Duration::from_secs(60)).await; // takes no time
//!             (rand::random::<u64>(), sim.now())
//!         },
//!         |_, ending| match ending {
//!             Ending::Finished(drawn) => drawn,
//!             other => panic!("{other:?}"),
//!         },
//!     )
//! };
//! let (number, at) = draw();
//! assert_eq!(at, Duration::from_secs(60));
//! assert_eq!((number, at), draw());
//! ```

mod burst;
mod clock_guard;
pub mod context;
mod draw;
mod draws;
mod handle;
#[cfg(tokio_unstable)]
mod hooks;
#[cfg(all(target_os = "linux", target_env = "gnu", not(sim_no_interposition)))]
mod interpose;
mod last_turn;
mod lines;
mod listeners;
mod misuse;
#[cfg(all(target_os = "linux", target_env = "gnu", not(sim_no_interposition)))]
mod older_sources;
#[cfg(all(target_os = "linux", target_env = "gnu", not(sim_no_interposition)))]
mod outside;
mod panics;
#[cfg(all(target_os = "linux", target_env = "gnu", not(sim_no_interposition)))]
mod real;
mod redraw;
mod run;
mod self_check;
mod settings;
mod stack;
mod symbols;
mod tally;
mod task_events;
mod tasks;
mod tester;
mod turn;
mod watcher;
mod words;

pub use burst::{Burst, SameCalls};
pub use chance::{Rng, Stream};
pub use draw::{DrawChange, Drawn, Redraw};
#[cfg(unix)]
pub use handle::end_process;
pub use handle::{Sim, is_of_a_run};
pub use last_turn::code_runs;
pub use lines::{is_harness, leave_out_lines_of};
pub use listeners::Turn;
pub use misuse::{Meddling, Misuse};
pub use panics::unnoticed;
pub use run::{Ending, prepare, run};
pub use self_check::{NotReplayable, self_check};
pub use settings::{Clock, ClockGuard, Exit, Misused, Panic, Settings};
pub use stack::{Frame, FrameSize, Stack};
pub use symbols::{why_no_lines, without_lines};
pub use tally::{Encoding, Work, counted};
pub use tasks::{Ended, Task, TaskEnd};
pub use turn::{
    Entered, Within, enter, enter_call, go_on_in_a_task, spawn_unnumbered, within_context,
};
pub use watcher::{Watcher, clock_us, run_is_over, watch};
pub use words::{grouped, within};
