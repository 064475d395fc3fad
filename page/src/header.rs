//! The top of a page: what run it is, how it ended, and how to repeat it.

use maud::{Markup, html};
use report::text::escaped;

use crate::run::Run;

/// The header.
pub(crate) fn header(run: &Run<'_>) -> Markup {
    let record = run.record;
    let sentence = record.failure.as_ref().map(|failure| escaped(&failure.message).into_owned());
    let (first, more) = match &sentence {
        Some(message) => message.split_once('\n').unwrap_or((message, "")),
        None => ("", ""),
    };
    html! {
        header {
            div.title {
                @match &record.failure {
                    Some(_) => span.verdict.failed { "✗ FAILED" },
                    None => span.verdict.passed { "✓ passed" },
                }
                h1 { (escaped(&record.test)) }
                @if !first.is_empty() { p.sentence { (first) } }
                @if record.failure.is_some() {
                    @match run.explanation.findings.first() {
                        Some(finding) => {
                            a class={ "sure " (finding.confidence) } href="#why" { (finding.confidence) }
                        }
                        None => a.sure.unknown href="#why" { "unknown" },
                    }
                }
            }
            @if !more.is_empty() { pre.more { (more) } }
            p.facts {
                span { (escaped(&record.banner)) }
                @if let Some(failure) = &record.failure { span { (failure.kind.to_string()) } }
                span { "seed " b { (record.seed) } }
                span { (record.servers) " servers" }
                span { (record.end.max(run.story.end)) " s, " (escaped(&record.clock)) }
                @if !record.history.is_empty() { span { "history " code { (escaped(&record.history)) } } }
            }
            p.replay {
                code #replay { (escaped(&record.replay)) }
                button #copy type="button" hidden { "copy" }
            }
            @for warning in &record.warnings {
                p.warning { "Warning: " (escaped(warning.trim_start_matches("warning: "))) }
            }
            (at_the_failure(run))
        }
    }
}

/// What the test did last, and what each server was.
fn at_the_failure(run: &Run<'_>) -> Markup {
    let Some(failure) = &run.record.failure else { return html! {} };
    let did = report::text::did(&run.story, failure);
    html! {
        dl.states {
            @if let Some(did) = did { dt { "test" } dd { (escaped(&did)) } }
            @for (server, lines) in report::text::servers(&run.story, failure).iter().enumerate() {
                dt { "S" (server) }
                dd {
                    @for (place, line) in lines.iter().enumerate() {
                        @if place == 0 { (escaped(line)) } @else { span.waits { (escaped(line)) } }
                    }
                }
            }
        }
    }
}
