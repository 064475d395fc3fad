//! What is seen while the tests run: a bar for each on a terminal, else a line when one is done.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, stderr};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::output::tell;
use crate::suite::LabTest;
use crate::tally::Tally;

const STYLE: &str = "{msg:34} {bar:30.green/dim} {pos}/{len}";
const STYLE_FAILED: &str = "{msg:34.red} {bar:30.red/dim} {pos}/{len}  {prefix:.red}";

/// The display.
#[derive(Debug)]
pub(crate) struct Progress {
    tests: BTreeMap<usize, Row>,
    shows: Shows,
}

/// Where it is shown.
#[derive(Debug)]
enum Shows {
    Bars(MultiProgress),
    Lines,
    Nothing,
}

#[derive(Debug, Default)]
struct Row {
    is_done: bool,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// A display on standard error.
    pub(crate) fn new() -> Progress {
        let shows = match stderr().is_terminal() {
            true => Shows::Bars(MultiProgress::new()),
            false => Shows::Lines,
        };
        Progress { tests: BTreeMap::new(), shows }
    }

    /// None.
    pub(crate) fn silent() -> Progress {
        Progress { tests: BTreeMap::new(), shows: Shows::Nothing }
    }

    /// Shows what is known of a test, which has the number `place`. When it is done, a line takes the place of its
    /// bar.
    pub(crate) fn show(&mut self, place: usize, test: &LabTest, tally: &Tally, is_done: bool) {
        let Row { is_done: was_done, bar } = self.tests.entry(place).or_default();
        let name = test.title();
        // Runs that were under way when the others were given up come in later.
        if *was_done {
            return;
        }
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
        let screen = match &self.shows {
            Shows::Bars(screen) => screen,
            Shows::Lines if is_done => return tell(&line()),
            Shows::Lines | Shows::Nothing => return,
        };
        let bar = bar.get_or_insert_with(|| {
            let bar = screen.add(ProgressBar::new(tally.asked));
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
        if let Shows::Bars(screen) = &self.shows {
            let _ = screen.clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is well-formed")
}
