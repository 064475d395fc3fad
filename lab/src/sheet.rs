//! The table of submissions: a row for each.

use std::collections::BTreeMap;

use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Table, presets};

use crate::course::Scheme;
use crate::standing::{Outcome, Standing};
use crate::suite::group;
use crate::tally::Tally;

/// How many failing seeds are shown.
const SEEDS: usize = 3;

/// How long a reason may be.
const REASON: usize = 90;

/// The columns of a table of submissions, and what is in them, as text.
#[derive(Debug)]
pub(crate) struct Sheet {
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) outcome: Outcome,
    pub(crate) cells: Vec<String>,
}

/// Whether seeds of runs that failed are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seeds {
    Shown,
    Hidden,
}

impl Seeds {
    pub(crate) fn shown(are_shown: bool) -> Seeds {
        if are_shown { Seeds::Shown } else { Seeds::Hidden }
    }
}

impl Sheet {
    pub(crate) fn new(standings: &[Standing], scheme: &Scheme, seeds: Seeds) -> Sheet {
        let groups: Vec<String> = {
            let mut groups: Vec<String> =
                scheme.tests().map(|test| group(test).to_owned()).collect();
            groups.sort();
            groups.dedup();
            groups
        };
        let mut head = vec!["submission".to_owned(), "verdict".to_owned()];
        head.extend(groups.iter().cloned());
        head.extend(["points".to_owned(), "why".to_owned()]);
        let row = |standing: &Standing| {
            let points = standing.points(scheme);
            let mut cells = vec![standing.submission.clone(), standing.outcome().word().to_owned()];
            cells.extend(groups.iter().map(|group| passed(standing, scheme, group)));
            cells.push(format!("{} / {}", points.sum, points.max));
            cells.push(reason(standing, seeds));
            Row { outcome: standing.outcome(), cells }
        };
        Sheet { head, rows: standings.iter().map(row).collect() }
    }

    /// For a terminal.
    pub(crate) fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(&self.head);
        for Row { outcome, cells } in &self.rows {
            let color = match outcome {
                Outcome::Passed => Color::Reset,
                _ => Color::Red,
            };
            table.add_row(cells.iter().enumerate().map(|(i, text)| {
                let is_number = i > 1 && i + 1 < cells.len();
                let cell = Cell::new(text).fg(if i == 1 { color } else { Color::Reset });
                if is_number { cell.set_alignment(CellAlignment::Right) } else { cell }
            }));
        }
        table.to_string()
    }
}

/// How many tests of a column passed, of how many.
fn passed(standing: &Standing, scheme: &Scheme, of: &str) -> String {
    let tests: Vec<&str> = scheme.tests().filter(|test| group(test) == of).collect();
    let is_passed = |test: &&&str| {
        let mut ours = standing
            .tests
            .iter()
            .zip(&standing.tallies)
            .filter(|(other, _)| other.name == **test)
            .peekable();
        ours.peek().is_some()
            && ours.all(|(_, tally)| tally.passed() + tally.skipped() >= tally.asked)
    };
    let is_run = standing.tallies.iter().any(|tally| tally.runs > 0);
    if is_run {
        format!("{}/{}", tests.iter().filter(is_passed).count(), tests.len())
    } else {
        "-".to_owned()
    }
}

/// Why it has not all points: that it wasn't run, or what most of its runs failed by.
fn reason(standing: &Standing, seeds: Seeds) -> String {
    let mut reason = match (standing.why_not_run(), worst(standing)) {
        (Some(why), _) => why,
        (None, Some((test, count, sentence, cause))) => {
            format!("{count} x {sentence} ({cause}), first in {test}")
        }
        (None, None) => String::new(),
    };
    if let Some((end, _)) = reason.char_indices().nth(REASON) {
        reason.truncate(end);
        reason.push('…');
    }
    if seeds == Seeds::Shown {
        for seed in failing_seeds(standing) {
            reason += &format!("; {seed}");
        }
    }
    for note in standing.remarks() {
        reason += &format!("{}{note}", if reason.is_empty() { "" } else { "; " });
    }
    reason
}

/// The cause that most runs failed by: the first test that did, how many runs, the sentence, and the cause.
fn worst(standing: &Standing) -> Option<(String, usize, String, String)> {
    let mut causes: BTreeMap<(String, String), (usize, usize)> = BTreeMap::new();
    for (place, tally) in standing.tallies.iter().enumerate() {
        for cause in tally.causes() {
            causes.entry((cause.sentence, cause.cause)).or_insert((0, place)).0 += cause.runs.len();
        }
    }
    let worst =
        causes.into_iter().max_by_key(|(_, (count, place))| (*count, std::cmp::Reverse(*place)));
    worst.map(|((sentence, cause), (count, place))| {
        (standing.tests[place].title(), count, sentence, cause)
    })
}

/// Some tests with a seed that fails soonest.
pub(crate) fn failing_seeds(standing: &Standing) -> Vec<String> {
    let soonest = |tally: &Tally| Some(tally.causes().first()?.soonest()?.0);
    let rows = standing.tests.iter().zip(&standing.tallies);
    let failing =
        rows.filter_map(|(test, tally)| Some(format!("{} {}", test.title(), soonest(tally)?)));
    failing.take(SEEDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::{Course, Rules};
    use crate::standing::tests::three;

    #[test]
    fn each_submission_has_a_row_with_its_reason() {
        let merged = three();
        let scheme = Course::default().scheme(&merged.all_tests()).expect("a scheme");
        let sheet = |seeds| Sheet::new(&merged.standings(&Rules::default()), &scheme, seeds);
        let hidden = sheet(Seeds::Hidden);
        assert_eq!(hidden.head, ["submission", "verdict", "3A", "3B", "points", "why"]);
        let rows: Vec<String> = hidden.rows.iter().map(|row| row.cells.join(" | ")).collect();
        assert_eq!(
            rows,
            [
                "alice | passed | 1/1 | 1/1 | 50 / 50 | ",
                "bob | failed | 1/1 | 0/1 | 25 / 50 | 1 x no <leader> & \"none\" (liveness), first in TestBackup3B",
                "carol | not built | - | - | 0 / 50 | error[E0308]: mismatched types",
            ]
        );
        let shown = sheet(Seeds::Shown).rows[1].cells.join(" | ");
        assert!(shown.ends_with("; TestBackup3B 2"), "{shown}");
        assert!(hidden.table().contains("carol"));
    }
}
