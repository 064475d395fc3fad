//! What is seen while the tests run: a bar for each on a terminal, else a line when one is done.

use std::io::{IsTerminal as _, stderr};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::suite::LabTest;
use crate::tally::Tally;

const STYLE: &str = "{msg:34} {bar:30.green/dim} {pos}/{len}";
const STYLE_FAILED: &str = "{msg:34.red} {bar:30.red/dim} {pos}/{len}  {prefix:.red}";

/// The display.
#[derive(Debug)]
pub(crate) struct Progress {
    tests: Vec<Row>,
    iterations: u64,
    screen: Option<MultiProgress>,
}

#[derive(Debug)]
struct Row {
    name: String,
    is_done: bool,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// A display for tests of which each is run `iterations` times.
    pub(crate) fn new(tests: &[LabTest], iterations: u64) -> Progress {
        let row = |test: &LabTest| Row { name: test.name.clone(), is_done: false, bar: None };
        Progress {
            tests: tests.iter().map(row).collect(),
            iterations,
            screen: stderr().is_terminal().then(MultiProgress::new),
        }
    }

    /// Shows what is known of a test. When all its runs are done, or the others given up, a line takes
    /// the place of its bar.
    pub(crate) fn show(&mut self, test: usize, tally: &Tally) {
        let Row { name, is_done: was_done, bar } = &mut self.tests[test];
        // Runs that were under way when the others were given up come in later.
        if *was_done {
            return;
        }
        let is_done = tally.runs == self.iterations || tally.given_up().is_some();
        *was_done = is_done;
        let line = || {
            let (runs, failures) = (tally.runs, tally.failures.len());
            let mark = match (failures, tally.played()) {
                (0, 0) => "skip  ",
                (0, _) => "ok    ",
                _ => "FAILED",
            };
            let skipped = match tally.skipped() {
                0 => String::new(),
                skipped => format!(", {skipped} skipped"),
            };
            format!("{mark} {name:34} {runs} runs, {failures} failures{skipped}")
        };
        let Some(screen) = &self.screen else {
            if is_done {
                eprintln!("{}", line());
            }
            return;
        };
        let bar = bar.get_or_insert_with(|| {
            let bar = screen.add(ProgressBar::new(self.iterations));
            bar.set_style(style(STYLE));
            bar.set_message(name.clone());
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        if !tally.failures.is_empty() {
            bar.set_style(style(STYLE_FAILED));
            bar.set_prefix(format!("{} failed", tally.failures.len()));
        }
        bar.set_position(tally.runs);
        if is_done {
            bar.finish_and_clear();
            // A terminal that can't be written to has nothing to lose.
            let _ = screen.println(line());
        }
    }

    /// Takes the bars away: what follows is for good.
    pub(crate) fn close(&self) {
        if let Some(screen) = &self.screen {
            let _ = screen.clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is well-formed")
}
