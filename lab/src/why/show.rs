//! What `cargo lab why` found, as text.

use std::fmt::Write as _;

use report::Time;
use report::text::escaped;
use report::text::why::{agreement, no_cause, passes_if, source, subject, tried};
use report::why::{Interval, Specified, Tally, Why};

use super::stats::share;
use crate::table::percent;

/// How wide the curve's bar is where all fail.
const WIDTH: f64 = 40.0;

/// How many causes are shown.
const SHOWN: usize = 12;

/// What was found, for the reader.
pub(crate) fn show(why: &Why) -> String {
    let mut text = String::new();
    let Why { test, seed, failure, .. } = why;
    let message = failure.message.lines().next().unwrap_or_default();
    line(&mut text, format_args!("{test}, seed {seed}, failed at {} s: {message}\n", failure.at));
    line(&mut text, format_args!("  all drawn      runs that fail"));
    line(&mut text, format_args!("  anew from (s)"));
    for point in &why.curve {
        let Tally { runs, failed, .. } = point.tally;
        let bar = "#".repeat((share(point.tally) * WIDTH).round() as usize);
        let mark = why.interval.as_ref().map_or("", |interval| mark(interval, point.at));
        let row = format!("  {:>13.3}  {failed:>4} of {runs:<4} {bar:<40}{mark}", point.at);
        line(&mut text, format_args!("{}", row.trim_end()));
    }
    text.push('\n');
    match &why.interval {
        Some(interval) => lost(&mut text, why, interval),
        None => cannot_pass(&mut text, why),
    }
    match &why.specification {
        Some(specified) => specification(&mut text, specified),
        None => {
            line(&mut text, format_args!("  rules     the explanation of the run names no rule"))
        }
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
    line(
        text,
        format_args!(
            "  lost      from the beginning: this code can't pass this test. {failed} of {runs} runs failed with\n            \
             everything drawn anew, so at least {} of all do (95 % confidence)",
            percent(least)
        ),
    );
}

fn lost(text: &mut String, why: &Why, interval: &Interval) {
    let Interval { open, last_pass, lost, at_lost, since, .. } = interval;
    line(
        text,
        format_args!(
            "  lost      between {open:.3} s and {lost:.3} s the failure became inevitable"
        ),
    );
    if last_pass > open {
        line(
            text,
            format_args!(
                "            (likely from {open:.3} s on; a run still passed from {last_pass:.3} s on)"
            ),
        );
    }
    if at_lost.runs == 0 {
        line(
            text,
            format_args!(
                "            only by failing: until then runs passed that were drawn anew"
            ),
        );
    } else {
        line(
            text,
            format_args!(
                "            from {lost:.3} s on {} of {} fail: at least {} do (95 % confidence); with all later\n            \
                 points {} of {}: at least {}",
                at_lost.failed,
                at_lost.runs,
                percent(at_lost.least),
                since.failed,
                since.runs,
                percent(since.least)
            ),
        );
    }
    for (place, share) in why.sources.iter().enumerate() {
        let label = if place == 0 { "chance" } else { "" };
        let what = source(share.source);
        let passed = share.tally.runs - share.tally.failed;
        let runs = share.tally.runs;
        line(
            text,
            format_args!(
                "  {label:<9} {passed:>2} of {runs} pass if {what} alone are drawn anew from {open:.3} s on"
            ),
        );
    }
    causes(text, why);
}

fn causes(text: &mut String, why: &Why) {
    if why.causes.is_empty() {
        line(text, format_args!("  causes    none found: {}. {}", tried(why), no_cause(why)));
        return;
    }
    for (place, cause) in why.causes.iter().take(SHOWN).enumerate() {
        let label = if place == 0 { "causes" } else { "" };
        line(text, format_args!("  {label:<9} {}", subject(&cause.what)));
        line(text, format_args!("              was: {}", cause.was));
        line(text, format_args!("              passes if: {}", passes_if(cause)));
    }
    let more = why.causes.len().saturating_sub(SHOWN);
    if more > 0 {
        line(text, format_args!("            and {more} more"));
    }
    line(text, format_args!("            {}", tried(why)));
}

fn specification(text: &mut String, specified: &Specified) {
    line(text, format_args!("  rules     {}", escaped(&specified.what)));
    line(text, format_args!("            ({})", agreement(specified)));
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    writeln!(text, "{content}").expect("writing to a string can't fail");
}
