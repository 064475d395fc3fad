//! The tester: builds, breaks and watches a cluster, and says what went wrong.
//!
//! This is MIT's `config.go`: what the test scripts call `cfg`. A test is a plain `#[test]` function
//! that hands its script to [`test()`]. The harness runs the script once for each seed, in virtual
//! time unless it is told otherwise, and fails the test with the first failing run's report.
//!
//! ```no_run
//! use config::{Reliability, Snapshots, make_config};
//! # mod raft {
//! #     pub fn make(
//! #         _: Vec<labrpc::ClientEnd>, _: usize,
//! #         _: std::sync::Arc<raftapi::Persister>, _: raftapi::ApplyCh,
//! #     ) -> std::sync::Arc<dyn raftapi::Raft> { unimplemented!() }
//! # }
//!
//! #[expect(non_snake_case, reason = "MIT's name")]
//! // #[test]
//! fn TestInitialElection3A() {
//!     config::test(|t| async move {
//!         let cfg = make_config(&t, 3, Reliability::Reliable, Snapshots::Off, raft::make);
//!         cfg.begin("Test (3A): initial election");
//!
//!         // is a leader elected?
//!         cfg.check_one_leader().await;
//!         cfg.end();
//!     });
//! }
//! ```
//!
//! * [`T`] is one run of a test, as Go's `testing.T`; [`Config`] the cluster that it tests.
//! * [`mod@unit`] drives one server without a cluster: a student's own tests of single handlers.
//! * Checkers fail the run with MIT's own sentence, at the script's line. The first failure of a run
//!   wins; it ends the run wherever it happens.
//! * A [`report::History`] records what happens; its hash tells whether two runs were the same.
//! * [`Settings`] are the `LAB_…` environment variables of the tester; [`VARIABLES`] lists them and all others.

mod agreement;
mod applied;
mod applier;
mod checks;
mod cluster;
mod disk;
mod disk_faults;
mod elect;
mod faults;
mod holding;
mod marks;
mod measured;
mod messages;
mod plans;
mod puppets;
mod readings;
mod recorder;
mod refusal;
mod stage;
mod starts;
mod test;
pub mod unit;
mod value;
mod variation;

pub use agreement::Retry;
pub use applied::{SNAPSHOT_INTERVAL, Snapshots};
pub use cluster::{Config, make_config};
pub use disk_faults::Saves;
pub use harness::{Owner, Report, Settings, SettingsError, T, VARIABLES, Variable};
pub use holding::{Held, Hold, MessageCount};
pub use labrpc::{Faults, Link, Reliability, Switch};
pub use messages::Messages;
pub use nemesis::Load;
pub use plans::{Clients, explore};
pub use readings::Needs;
pub use report::{
    Accepted, Activity, Budget, Check, Demand, Failure, FailureKind, Fields, Measured, Process,
    Purpose, RunResult, Saved, SnapshotFault, Verdict,
};
pub use test::{test, test_with_seed};
pub use value::Value;
