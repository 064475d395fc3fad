//! The tests of part 3A, run as a user runs them: by the reference's test binary, with workers.

use comfy_table::Table;

use crate::binary::Binary;
use crate::{Effort, Result};

/// A test of part 3A.
struct Subject {
    name: &'static str,
    /// How many seeds are measured at a time.
    seeds: u64,
    /// What MadRaft's test of the same name costs, in ms a seed.
    madraft: f64,
}

const SUBJECTS: [Subject; 3] = [
    Subject { name: "TestInitialElection3A", seeds: 2500, madraft: 0.32 },
    Subject { name: "TestReElection3A", seeds: 2000, madraft: 0.44 },
    Subject { name: "TestManyElections3A", seeds: 600, madraft: 2.52 },
];

/// What stands below the table.
pub(crate) const ABOUT_MADRAFT: &str = "MadRaft's figures were measured on another machine of the same kind (two cores, release build, \
     best of three)\nand are no part of this measurement.";

pub(crate) fn table(effort: Effort, binary: &Binary) -> Result<Table> {
    let columns = ["test", "CPU", "MadRaft", "1 worker", "2 workers", "ratio"];
    let mut table = crate::table(1, &columns);
    for Subject { name, seeds, madraft } in SUBJECTS {
        let best = binary.best(effort, name, seeds, [1, 2])?;
        let [one, two] = best.map(|cost| seeds as f64 / cost.real.as_secs_f64());
        table.add_row([
            name.to_owned(),
            format!("{:.3}", best[0].cpu.as_secs_f64() * 1000.0 / seeds as f64),
            format!("{madraft:.2}"),
            format!("{one:.0}/s"),
            format!("{two:.0}/s"),
            format!("{:.2}", two / one),
        ]);
    }
    Ok(table)
}
