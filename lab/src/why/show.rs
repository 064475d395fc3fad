//! What `cargo lab why` found, as text.

use std::fmt::Write as _;

use report::text::escaped;
use report::why::{Cause, Interval, Place, Share, Specified, Subject, Tally, Why};
use report::{Source, Time};

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
        let what = match share.source {
            Source::Script => "the script's choices",
            Source::Network => "the network's delays and losses",
            Source::Servers => "the servers' random numbers",
        };
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
        let decided = |share: &&Share| share.tally.failed < share.tally.runs;
        let decided: Vec<Source> =
            why.sources.iter().filter(decided).map(|share| share.source).collect();
        let reason = match decided[..] {
            [Source::Script] => {
                "The script's choices decided, which can't be changed one at a time"
            }
            [] => "More than one part of chance led to the failure",
            _ => "More than one thing led to the failure, or a choice of the script's",
        };
        line(text, format_args!("  causes    none found: {}. {reason}", tried(why)));
        return;
    }
    for (place, cause) in why.causes.iter().take(SHOWN).enumerate() {
        let label = if place == 0 { "causes" } else { "" };
        line(text, format_args!("  {label:<9} {}", subject(&cause.what)));
        line(text, format_args!("              was: {}", cause.was));
        line(text, format_args!("              passes if: {}", changed(cause)));
    }
    let more = why.causes.len().saturating_sub(SHOWN);
    if more > 0 {
        line(text, format_args!("            and {more} more"));
    }
    line(text, format_args!("            {}", tried(why)));
}

fn tried(why: &Why) -> String {
    let more = match why.left_out {
        0 => String::new(),
        left_out => format!("; {left_out} more were too many to try"),
    };
    format!("{} single changes were tried in this interval{more}", why.tried)
}

fn changed(cause: &Cause) -> String {
    match cause.what {
        Subject::Draw { .. } => {
            format!("it draws other numbers ({} of {} others pass)", cause.turned, cause.tried)
        }
        Subject::Call { .. } => cause.changed.join("; or "),
    }
}

fn subject(what: &Subject) -> String {
    match what {
        Subject::Call { id, method, from, to, term, sent } => {
            let method = escaped(method);
            let term = term.map_or(String::new(), |term| format!(" of term {term}"));
            format!(
                "call {}, {method}{term}, server {} to {to}, sent at {sent:.3} s",
                id.0, from.server
            )
        }
        Subject::Draw { server, at } => format!("a timer: server {server}'s draw at {at:.3} s"),
    }
}

fn specification(text: &mut String, specified: &Specified) {
    let Specified { what, from, at, place, id, .. } = specified;
    line(text, format_args!("  rules     {}", escaped(what)));
    let when =
        if from == at { format!("at {at:.3} s") } else { format!("from {from:.3} s to {at:.3} s") };
    let verdict = match place {
        Place::Within => "within the interval: both agree",
        Place::Before => {
            "before the interval: the two disagree. The run could still pass after it, so it alone didn't decide"
        }
        Place::After => {
            "after the interval: the two disagree. The failure was inevitable before it, so it may be a consequence"
        }
        Place::CannotPass => "no interval to hold it against: every run fails",
    };
    line(text, format_args!("            ({id}, {when}: {verdict})"));
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    writeln!(text, "{content}").expect("writing to a string can't fail");
}
