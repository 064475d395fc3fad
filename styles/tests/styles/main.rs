//! MIT's tests and our own on Rafts of several styles.

// The scripts say `raft::make`, which is this crate's.
extern crate self as raft;

mod broken;
mod elected;
#[path = "../../../tests/extra/main.rs"]
mod extra;
mod judged;
mod lab3;
mod names;
mod right;
#[path = "../../../tests/steps/main.rs"]
mod steps;

pub(crate) use styles::make;

/// Runs tests of this binary with these variables.
fn run<const N: usize>(variables: [(&str, &str); N], tests: &[&str]) -> testkit::Ran {
    testkit::TestBinary::this(env!("CARGO_PKG_NAME")).run(tests, variables)
}
