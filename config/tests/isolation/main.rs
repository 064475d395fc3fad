//! No code under test can hang the tester, take it along, or skew what it says; and the same seed is
//! the same run.
//!
//! Each module has *victims*, ignored tests of servers with one bad habit, beside the tests that run
//! them as their user would: by this binary, in a process and an environment of its own.
//!
//! What is promised here needs all that the harness can have; its documentation says what is lost
//! without one part or another.

#![cfg(all(target_os = "linux", target_env = "gnu", tokio_unstable, not(sim_no_interposition)))]

mod blocked;
mod calls;
mod child;
mod confirmed;
mod deaths;
mod determinism;
mod directed;
mod histories;
mod interrupted;
mod leftovers;
mod mistakes;
mod no_lines;
mod numbering;
mod panics;
mod places;
mod real_clock;
mod restarted;
mod server;
mod settings;
mod standstill;
mod talkers;
mod well_behaved;
