//! What the reference Raft takes for each test, to set a Raft's own figures beside.

use report::Measured;

/// A line for each test: its name, seconds in the run's own time, RPCs and bytes, as medians of fifty runs.
/// `UPDATE_EXPECT=1 cargo test -p lab --test lab reference` makes it anew.
const FIGURES: &str = include_str!("reference.tsv");

/// The reference's medians for a test; `None` for tests that it isn't known for.
pub(crate) fn reference(test: &str) -> Option<Measured> {
    let line = FIGURES.lines().find(|line| line.split('\t').next() == Some(test))?;
    let mut figures = line.split('\t').skip(1).map(str::parse::<f64>);
    let mut next = || figures.next()?.ok();
    let (seconds, rpcs, bytes) = (next()?, next()?, next()?);
    Some(Measured { seconds, rpcs: rpcs as u64, bytes: bytes as u64, ..Measured::default() })
}
