//! What `cargo lab why` found, as text.

use std::fmt::Write as _;

use report::Time;
use report::text::entry;
use report::text::why::{agreement, no_cause, passes_if, source, subject, tried};
use report::why::{Interval, Specified, Tally, Why};

use super::stats::share;
use crate::table::percent;

/// How wide the curve's bar is where all fail.
const WIDTH: usize = 30;

/// How many causes are shown.
const SHOWN: usize = 12;

/// What was found, for the reader.
pub(crate) fn show(why: &Why) -> String {
    let mut text = String::new();
    let Why { test, seed, failure, .. } = why;
    let message = failure.message.lines().next().unwrap_or_default();
    line(&mut text, format_args!("{test}, seed {seed}, failed at {} s: {message}\n", failure.at));
    line(&mut text, format_args!("  redrawn from   failed runs"));
    for point in &why.curve {
        let Tally { runs, failed, .. } = point.tally;
        let bar = "#".repeat((share(point.tally) * WIDTH as f64).round() as usize);
        let mark = why.interval.as_ref().map_or("", |interval| mark(interval, point.at));
        let at = format!("{:.3}", point.at);
        let row = format!("  {at:>10} s  {failed:>4} of {runs:<4} {bar:<WIDTH$}{mark}");
        line(&mut text, format_args!("{}", row.trim_end()));
    }
    text.push('\n');
    match &why.interval {
        Some(interval) => lost(&mut text, why, interval),
        None => cannot_pass(&mut text, why),
    }
    match &why.specification {
        Some(specified) => specification(&mut text, specified),
        None => entry(&mut text, "rules", "the explanation of this run names no rule"),
    }
    text
}

fn mark(interval: &Interval, at: Time) -> &'static str {
    if at == interval.lost {
        "  lost"
    } else if at == interval.last_pass {
        "  last that passes"
    } else if at == interval.open {
        "  open"
    } else {
        ""
    }
}

fn cannot_pass(text: &mut String, why: &Why) {
    let Some(first) = why.curve.first() else { return };
    let Tally { runs, failed, least, .. } = first.tally;
    let least = percent(least);
    let says = format!(
        "from the beginning: this code can't pass this test. {failed} of {runs} redrawn runs failed, so \
         at least {least} of all runs fail (95 % confidence)"
    );
    entry(text, "lost", &says);
}

fn lost(text: &mut String, why: &Why, interval: &Interval) {
    let Interval { open, last_pass, lost, at_lost, since, .. } = interval;
    let between = format!("the failure became inevitable between {open:.3} s and {lost:.3} s");
    entry(text, "lost", &between);
    if last_pass > open {
        let late = format!(
            "most runs redrawn after {open:.3} s failed, but one redrawn from {last_pass:.3} s on still passed"
        );
        entry(text, "", &late);
    }
    let sure = if at_lost.runs == 0 {
        "some redrawn runs passed at every point before the failure itself".to_owned()
    } else {
        format!(
            "of {} runs redrawn from {lost:.3} s on, {} failed: so at least {} of all such runs fail (95 % \
             confidence). With all later points: {} of {}, so at least {}",
            at_lost.runs,
            at_lost.failed,
            percent(at_lost.least),
            since.failed,
            since.runs,
            percent(since.least)
        )
    };
    entry(text, "", &sure);
    for (place, share) in why.sources.iter().enumerate() {
        let label = if place == 0 { "chance" } else { "" };
        let what = source(share.source);
        let passed = share.tally.runs - share.tally.failed;
        let runs = share.tally.runs;
        let says =
            format!("{passed:>2} of {runs} pass if only {what} are redrawn from {open:.3} s");
        entry(text, label, &says);
    }
    causes(text, why);
}

fn causes(text: &mut String, why: &Why) {
    if why.causes.is_empty() {
        entry(text, "causes", &format!("none found: {}. {}", tried(why), no_cause(why)));
        return;
    }
    for (place, cause) in why.causes.iter().take(SHOWN).enumerate() {
        let label = if place == 0 { "causes" } else { "" };
        entry(text, label, &subject(&cause.what));
        entry(text, "", &format!("  was: {}", cause.was));
        entry(text, "", &format!("  passes if: {}", passes_if(cause)));
    }
    let more = why.causes.len().saturating_sub(SHOWN);
    if more > 0 {
        entry(text, "", &format!("and {more} more"));
    }
    entry(text, "", &tried(why));
}

fn specification(text: &mut String, specified: &Specified) {
    entry(text, "rules", &specified.what);
    entry(text, "", &format!("({})", agreement(specified)));
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    writeln!(text, "{content}").expect("writing to a string can't fail");
}
