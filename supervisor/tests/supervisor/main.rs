//! What takes a run's process along costs one run, and is told of.

#[cfg(all(target_os = "linux", target_env = "gnu", tokio_unstable, not(sim_no_interposition)))]
mod children;
