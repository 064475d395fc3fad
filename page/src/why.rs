//! When the failure became inevitable: what `cargo lab why` found, in words.

use maud::{Markup, html};
use report::text::escaped;
use report::text::why::{agreement, no_cause, passes_if, source, subject, tried};
use report::why::{Interval, Point, Subject, Why};
use report::{Record, Time};

use crate::explanation::link_time;

/// The section that says when the run was lost, and what turned the verdict; of a failed run about which nobody has asked
/// yet, how to ask.
pub(crate) fn section(record: &Record, why: Option<&Why>) -> Markup {
    let Some(why) = why else {
        return html! { @if record.failure.is_some() {
            p #ask .note { "Until when could it have passed? "
                code { "cargo lab why " (escaped(&record.test)) " --seed " (record.seed) } " finds out." }
        } };
    };
    html! {
        section #chance aria-label="when the failure became inevitable" {
            h2 { "Until when could it have passed?" }
            @match &why.interval {
                Some(interval) => (lost(why, interval)),
                None => p { "Never: this code can't pass this test. "
                    @if let Some(first) = why.curve.first() {
                        (of(first)) " runs failed with everything drawn anew from the beginning on."
                    }
                },
            }
            @if let Some(specified) = &why.specification {
                p { "The explanation above: " (agreement(specified)) "." }
            }
            details {
                summary { "the curve in numbers" }
                table.curve {
                    tr { th { "drawn anew from" } th { "runs that fail" } th { "the true share, with 95 % confidence" } }
                    @for point in &why.curve { tr {
                        td { a href=(at(point.at)) { (seconds(point.at)) } }
                        td { (of(point)) }
                        td { (percent(point.tally.least)) " to " (percent(point.tally.most)) }
                    } }
                }
            }
        }
    }
}

fn lost(why: &Why, interval: &Interval) -> Markup {
    let Interval { open, lost, at_lost, .. } = interval;
    let drawn = why.sources.iter().filter(|share| share.tally.failed < share.tally.runs);
    let deciding: Vec<_> = drawn.collect();
    html! {
        p {
            "Between " a href=(at(*open)) { (seconds(*open)) } " and " a href=(at(*lost)) { (seconds(*lost)) }
            " the failure became inevitable. "
            @if let Some(first) = why.curve.first() {
                (of(first)) " runs fail if all that chance decides is drawn anew from the beginning on"
                @if at_lost.runs > 0 {
                    "; from " (seconds(*lost)) " on, " (at_lost.failed) " of " (at_lost.runs) " do"
                }
                ". "
            }
            @for share in &deciding {
                (share.tally.runs - share.tally.failed) " of " (share.tally.runs) " pass if " (source(share.source))
                " alone are drawn anew. "
            }
        }
        @if why.causes.is_empty() {
            p { "No single change saves it: " (no_cause(why)) ". " span.note { (tried(why)) "." } }
        } @else {
            p { "The run would have passed if only one thing had been different:" }
            ul.causes { @for cause in &why.causes {
                li {
                    a href=(place(&cause.what)) { (subject(&cause.what)) }
                    ": " (escaped(&cause.was)) "; passes if: " (escaped(&passes_if(cause)))
                }
            } }
            p.note { (tried(why)) "." }
        }
    }
}

/// Where something that can be changed is in the picture.
fn place(what: &Subject) -> String {
    match what {
        Subject::Call { id, from, sent, .. } => {
            format!("{}&s={}&c={}", at(*sent), from.server, id.0)
        }
        Subject::Draw { server, at: time } => format!("{}&s={server}", at(*time)),
    }
}

fn at(time: Time) -> String {
    format!("#t={}", link_time(time))
}

/// To the millisecond, the grain of the curve.
fn seconds(time: Time) -> String {
    format!("{time:.3} s")
}

fn of(point: &Point) -> String {
    format!("{} of {}", point.tally.failed, point.tally.runs)
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
