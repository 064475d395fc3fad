//! No code under test can hang the tester, take it along, or skew what it says; and the same seed is
//! the same run.
//!
//! Each module has *victims*, functions that test servers with one bad habit. The tests beside them run
//! them as their user would: by this binary, in a process and an environment of its own. The test
//! `victim` calls the one that is asked for.
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
mod processes;
mod real_clock;
mod restarted;
mod server;
mod settings;
mod standstill;
mod talkers;
mod unit;
mod well_behaved;

use testkit::Victims;

/// All victims of this binary.
const VICTIMS: Victims = Victims(&[
    blocked::VICTIMS,
    calls::VICTIMS,
    confirmed::VICTIMS,
    deaths::VICTIMS,
    determinism::VICTIMS,
    directed::VICTIMS,
    histories::VICTIMS,
    interrupted::VICTIMS,
    leftovers::VICTIMS,
    mistakes::VICTIMS,
    numbering::VICTIMS,
    panics::VICTIMS,
    processes::VICTIMS,
    real_clock::VICTIMS,
    restarted::VICTIMS,
    settings::VICTIMS,
    standstill::VICTIMS,
    unit::VICTIMS,
]);

#[test]
fn victim() {
    VICTIMS.run_chosen();
}
