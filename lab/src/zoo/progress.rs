//! What is seen of a campaign: a bar on a terminal, and a line for each Raft when its tests are done.

use std::collections::BTreeSet;
use std::io::{IsTerminal as _, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::score::{Scored, Step};
use super::stored::Campaign;
use crate::output::tell;

const STYLE: &str = "{bar:30.green/dim} {pos}/{len} tests, {elapsed} gone, {eta} to go  {msg}";

/// The display.
pub(crate) struct Progress {
    bar: ProgressBar,
    shown: BTreeSet<String>,
}

impl Progress {
    /// A display of what a campaign has left.
    pub(crate) fn new(campaign: &Campaign) -> Progress {
        let bar = if stderr().is_terminal() {
            ProgressBar::new(campaign.open().len() as u64)
        } else {
            ProgressBar::hidden()
        };
        bar.set_style(ProgressStyle::with_template(STYLE).expect("the template is well-formed"));
        bar.enable_steady_tick(Duration::from_millis(200));
        let done = campaign.plan.rafts().filter(|raft| Scored::of(campaign, raft).is_some());
        Progress { shown: done.map(str::to_owned).collect(), bar }
    }

    /// Shows that the last test of `campaign` is done.
    pub(crate) fn show(&mut self, campaign: &Campaign) {
        self.bar.inc(1);
        let Some(raft) = campaign.cells.last().map(|cell| cell.bug.as_str()) else { return };
        self.bar.set_message(raft.to_owned());
        if let Some(scored) = Scored::of(campaign, raft)
            && self.shown.insert(raft.to_owned())
        {
            // A terminal that can't be written to has nothing to lose.
            self.bar.suspend(|| tell(&line(raft, &scored)));
        }
    }

    /// Takes the bar away: what follows is for good.
    pub(crate) fn close(&self) {
        self.bar.finish_and_clear();
    }
}

fn line(raft: &str, scored: &Scored<'_>) -> String {
    let failing = |step| scored.failing(step).count();
    let (all, own) = (failing(Step::Explore), failing(Step::Mit));
    let is_bug = scored.bug.is_some_and(|bug| !bug.is_harmless());
    let mark = match (is_bug, all) {
        (true, 0) => "missed",
        (true, _) => "caught",
        (false, 0) => "ok    ",
        (false, _) => "ALARM ",
    };
    format!("{mark} {raft:34} {all} of {} tests fail, {own} by MIT's checks", scored.cells.len())
}
