//! Where the time of a run went that had no end.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::explain::{Case, Evidence, Finding};
use crate::text::{count, list};

use super::finding;

/// How many of the script's steps are named.
const STEPS: usize = 3;

/// What the script waited for longest, and what came of it.
pub(super) fn time(case: &Case<'_>) -> Finding {
    let (story, until) = (case.story, case.window.until);
    let mut led: Vec<(u64, usize)> = (0..story.servers)
        .flat_map(|server| story.views[server].iter().map(move |view| (view, server)))
        .filter(|(view, _)| view.is_leader && view.moment.at <= until)
        .map(|(view, server)| (view.term, server))
        .collect();
    led.sort_unstable();
    led.dedup();
    let applied = story.applied.iter().filter(|it| it.moment.at <= until);
    let applied = applied.map(|it| it.index).max().unwrap_or(0);
    let terms = story.views.iter().flatten().filter(|view| view.moment.at <= until);
    let term = terms.map(|view| view.term).max().unwrap_or(0);
    let mut evidence = Vec::new();
    let mut say = |text: String| evidence.push(Evidence { text, at: until, calls: Vec::new() });
    let waits = waits(case);
    if !waits.is_empty() {
        say(format!("the test had spent {}", list(waits)));
    }
    say(format!(
        "the servers had reached term {term}, with {} in all, and had applied up to index {applied}",
        count(led.len(), "leader"),
    ));
    let look = "what the test waited for longest, each time: whether leaders changed meanwhile, and how long a \
                command took";
    let normal = "a leader leads until the test disconnects it, and a command is applied within some tens of \
                  milliseconds if no message is lost";
    let what = "no known cause fits; nothing stopped, but the whole test took too long".to_owned();
    finding(case, what, evidence, look, Some(normal))
}

/// How long the script waited for each kind of step, the longest first.
fn waits(case: &Case<'_>) -> Vec<String> {
    let (story, until) = (case.story, case.window.until);
    let steps: Vec<_> =
        story.steps.iter().filter(|step| !step.is_fault && step.moment.at <= until).collect();
    let ends = steps.iter().skip(1).map(|step| step.moment.at).chain([until]);
    let mut spent: BTreeMap<&str, (Duration, usize)> = BTreeMap::new();
    for (step, end) in steps.iter().zip(ends) {
        let (sum, times) = spent.entry(&step.what).or_default();
        *sum += end.since(step.moment.at);
        *times += 1;
    }
    let mut spent: Vec<_> = spent.into_iter().collect();
    spent.sort_by_key(|&(what, (sum, _))| (std::cmp::Reverse(sum), what));
    spent.retain(|(_, (sum, _))| *sum >= Duration::from_secs(1));
    let row = |(what, (sum, times)): (&str, (Duration, usize))| {
        format!("{:.1} s on {what} ({})", sum.as_secs_f64(), count(times, "time"))
    };
    spent.into_iter().take(STEPS).map(row).collect()
}
