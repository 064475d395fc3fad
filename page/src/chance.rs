//! When the failure became inevitable: what `cargo lab why` found, as a curve over the picture and in words.

use maud::{Markup, html};
use report::text::escaped;
use report::text::why::{agreement, no_cause, passes_if, source, subject, tried};
use report::why::{Interval, Point, Subject, Why};
use report::{Record, Time};
use serde::Serialize;

use crate::explanation::link_time;
use crate::layout::Layout;
use crate::still::{Scale, round};

/// The share of runs that fail if all that chance decides is drawn anew, over the time from which on it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chance {
    /// The points of the curve, by time.
    pub points: Vec<Drawn>,
    /// When the failure became inevitable; `None` if it was so from the beginning.
    pub lost: Option<[u64; 2]>,
}

/// A time, and what came of the runs in which everything was drawn anew from there on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Drawn {
    /// The time.
    pub at: u64,
    /// How many runs there were.
    pub runs: u64,
    /// How many of them failed.
    pub failed: u64,
}

impl Drawn {
    fn share(self) -> f64 {
        self.failed as f64 / self.runs.max(1) as f64
    }
}

impl Chance {
    pub(crate) fn of(why: &Why) -> Chance {
        let drawn = |point: &Point| Drawn {
            at: point.at.0,
            runs: point.tally.runs,
            failed: point.tally.failed,
        };
        Chance {
            points: why.curve.iter().map(drawn).collect(),
            lost: why.interval.as_ref().map(|interval| [interval.open.0, interval.lost.0]),
        }
    }
}

/// The curve in the still picture.
pub(crate) fn curve(chance: &Chance, top: usize, layout: &Layout, scale: &Scale) -> Markup {
    let bottom = top + layout.band;
    let y = |drawn: &Drawn| round(bottom as f64 - drawn.share() * layout.band as f64);
    let shown = chance.points.iter().filter(|point| scale.shows(point.at, point.at));
    // The nearest beyond either edge, too: the line goes on there.
    let before = chance.points.iter().rfind(|point| (point.at as f64) < scale.from);
    let behind = chance.points.iter().find(|point| point.at as f64 > scale.until);
    let points: Vec<&Drawn> = before.into_iter().chain(shown).chain(behind).collect();
    let line: Vec<String> =
        points.iter().map(|point| format!("{},{}", scale.x(point.at), y(point))).collect();
    let ends = points.first().zip(points.last());
    html! {
        text.name x="4" y=(top + 15) { "P(fail)" }
        @if let Some((first, last)) = ends {
            polygon.chance points={ (scale.x(first.at)) "," (bottom) " " (line.join(" ")) " " (scale.x(last.at)) "," (bottom) } {
                title { "the share of runs that fail if all is drawn anew from then on" }
            }
        }
        @if let Some([from, until]) = chance.lost && scale.shows(from, until) {
            rect.lost x=(scale.x(from)) y=(top) height=(layout.height - top)
                width=(round((scale.x(until) - scale.x(from)).max(2.0))) { title { "here the failure became inevitable" } }
        }
    }
}

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
