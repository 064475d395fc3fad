//! Why the run failed, as `report` gives it; each moment that proves it leads into the picture.

use maud::{Markup, html};
use report::explain::{Evidence, Finding};
use report::text::escaped;
use report::{FailureKind, Time};

use crate::picture::{Flag, Picture};
use crate::run::Run;

/// How many notes on what isn't the cause are shown at once; the others are folded.
const HERRINGS: usize = 2;

/// The section that says why.
pub(crate) fn section(run: &Run<'_>, picture: &Picture) -> Markup {
    let Some(failure) = &run.record.failure else { return html! {} };
    let findings = &run.explanation.findings;
    let mut flags = picture.flags.iter();
    // Some sentences say themselves what is wrong.
    let says_why = matches!(
        failure.kind,
        FailureKind::Panic | FailureKind::Misuse | FailureKind::Stuck | FailureKind::Tester
    );
    let notes = &run.explanation.not_the_cause;
    let herrings = html! {
        @if !notes.is_empty() {
            div.herrings {
                h3 { "Looks like the cause, and isn't" }
                @let (first, more) = notes.split_at(notes.len().min(HERRINGS));
                ul { @for note in first { li { (escaped(note)) } } }
                @if !more.is_empty() { details {
                    summary { (more.len()) " more" }
                    ul { @for note in more { li { (escaped(note)) } } }
                } }
            }
        }
    };
    html! {
        section #why aria-label="why the run failed" {
            @if findings.is_empty() && !says_why {
                p { "Why it failed is unknown: no known cause fits this run." }
            }
            @for (place, finding) in findings.iter().enumerate() {
                (cause(finding, &mut flags, (place == 0).then_some(&herrings)))
            }
            @if findings.is_empty() { (herrings) }
        }
    }
}

/// A finding; the first has what isn't the cause beside it.
fn cause<'a>(
    finding: &Finding,
    flags: &mut impl Iterator<Item = &'a Flag>,
    herrings: Option<&Markup>,
) -> Markup {
    // In this order: the other one takes a flag more than there is evidence.
    let proof: Vec<(&Evidence, &Flag)> = finding.evidence.iter().zip(flags).collect();
    let body = html! {
        div {
            ol.evidence { @for (evidence, flag) in proof {
                li {
                    a.flag href=(link(flag)) { span.number { (flag.number) } (seconds(evidence.at)) }
                    " " (escaped(&evidence.text))
                }
            } }
            @if let Some(herrings) = herrings { (herrings) }
        }
        dl.rule {
            dt { "Rule" } dd { (escaped(&finding.rule)) }
            dt { "Look at" } dd { (escaped(&finding.look)) }
            @if let Some(normal) = &finding.normal { dt { "A working run" } dd { (escaped(normal)) } }
        }
    };
    let title = html! {
        span class={ "sure " (finding.confidence) } { (finding.confidence) }
        " " (escaped(&finding.what)) " " code.id { (escaped(&finding.id)) }
    };
    html! {
        @if herrings.is_some() {
            div.cause { h2 { (title) } (body) }
        } @else {
            details.cause { summary { "or " (title) } (body) }
        }
    }
}

/// Where a moment is in the picture.
fn link(flag: &Flag) -> String {
    let server = flag.server.map(|server| format!("&s={server}")).unwrap_or_default();
    let call = flag.calls.first().map(|call| format!("&c={call}")).unwrap_or_default();
    format!("#t={}{server}{call}", link_time(Time(flag.at)))
}

/// A time as links have it: seconds, without superfluous zeroes.
pub(crate) fn link_time(at: Time) -> String {
    let text = format!("{at:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A time for a reader.
pub(crate) fn seconds(at: Time) -> String {
    format!("{at} s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_the_time_to_the_microsecond() {
        let flag = |at, server, calls| Flag { number: 1, at, calls, server, is_first: true };
        assert_eq!(link(&flag(4_310_000, Some(2), vec![17, 18])), "#t=4.31&s=2&c=17");
        assert_eq!(link(&flag(4_310_017, None, vec![])), "#t=4.310017");
        assert_eq!(link(&flag(0, None, vec![])), "#t=0");
        assert_eq!(link(&flag(30_000_000, None, vec![])), "#t=30");
    }
}
