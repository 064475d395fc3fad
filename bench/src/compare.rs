//! This checkout beside another: what each test costs there and here, in turns.

use std::path::Path;

use comfy_table::Table;

use crate::binary::{Binary, Profile};
use crate::{Effort, Result};

/// How long a test is measured at a time.
const LONG_ENOUGH_MS: f64 = 150.0;

/// What the tests of the reference cost in the checkout `other`, and here; and all tests of a student's Raft, if `other`
/// has it.
pub(crate) fn table(effort: Effort, other: &Path) -> Result<Table> {
    let here = Binary::reference(Profile::Release)?;
    let there = Binary::reference_of(other)?;
    let rounds = match effort {
        Effort::Quick => 2,
        Effort::Full => 5,
    };
    let mut table = crate::table(1, &["test", "there, ms of CPU", "here", "ratio"]);
    let mut row = |name: &str, [there, here]: [f64; 2]| {
        table.add_row([
            name.to_owned(),
            format!("{there:.3}"),
            format!("{here:.3}"),
            format!("{:.2}", here / there),
        ]);
    };
    let mut all = [0.0; 2];
    let mut without_churn = [0.0; 2];
    for name in here.tests()? {
        let best = in_turns(rounds, &name, [&there, &here])?;
        for (sum, ms) in all.iter_mut().zip(best) {
            *sum += ms;
        }
        if name != "TestReliableChurn3C" {
            for (sum, ms) in without_churn.iter_mut().zip(best) {
                *sum += ms;
            }
        }
        row(&name, best);
    }
    row("all", all);
    row("all but TestReliableChurn3C", without_churn);
    if let Some(there) = Binary::student_of(other)? {
        let best = in_turns(rounds, "", [&there, &Binary::student()?])?;
        row("all, a student's Raft", best);
    }
    Ok(table)
}

/// What a seed of the tests with `filter` in their names costs by each of two binaries, in ms.
fn in_turns(rounds: usize, filter: &str, binaries: [&Binary; 2]) -> Result<[f64; 2]> {
    let first = binaries[1].cpu_ms(filter, 1)?;
    let seeds = (LONG_ENOUGH_MS / first.max(0.05)).ceil().clamp(1.0, 400.0) as u64;
    let mut best = [f64::MAX; 2];
    for _ in 0..rounds {
        for (best, binary) in best.iter_mut().zip(binaries) {
            *best = best.min(binary.cpu_ms(filter, seeds)? / seeds as f64);
        }
    }
    Ok(best)
}
