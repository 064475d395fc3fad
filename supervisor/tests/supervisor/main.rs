//! What takes a run's process along costs one run, and is told of.

#![cfg(all(target_os = "linux", target_env = "gnu", tokio_unstable, not(sim_no_interposition)))]

mod children;

use testkit::Victims;

/// All victims of this binary.
const VICTIMS: Victims = Victims(&[children::VICTIMS]);

#[test]
#[ignore = "other tests run it: it is the victim that LAB_VICTIM names"]
fn victim() {
    VICTIMS.run_chosen();
}
