//! What takes a run's process along costs one run, and is told of.

#![cfg(all(target_os = "linux", target_env = "gnu", tokio_unstable, not(sim_no_interposition)))]

mod children;

use testkit::Victims;

/// All victims of this binary.
const VICTIMS: Victims = Victims(&[children::VICTIMS]);

#[test]
fn victim() {
    VICTIMS.run_chosen();
}
