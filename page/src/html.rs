//! The page as a whole.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use report::text::escaped;
use report::why::Why;
use report::{Record, Time};

use crate::embed::json;
use crate::layout::Layout;
use crate::picture::{Chance, Kind, Picture};
use crate::run::Run;
use crate::thin::thin;
use crate::{compare, explanation, header, statistics, still, why};

/// How large a page may be, in bytes.
pub const LIMIT: usize = 2_000_000;

const CSS: &str = include_str!("../assets/page.css");

/// The page's script. Its files share one scope, and stand in the order in which they rest on each other.
const SCRIPT: [&str; 5] = [
    include_str!("../assets/run.js"),
    include_str!("../assets/draw.js"),
    include_str!("../assets/messages.js"),
    include_str!("../assets/panels.js"),
    include_str!("../assets/page.js"),
];

/// What a page may ask of a browser: nothing but what it brings along.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      img-src data:; base-uri 'none'; form-action 'none'";

/// What a page takes beside its parts, in bytes: its head, its footer, and the help.
const ROOM: usize = 20_000;

/// The page of a run; `beside` is another run of the same test, to compare it with, and `found` what `cargo lab why` found
/// about the run.
///
/// The text has at most [`LIMIT`] bytes. Of a longer run, what is farthest from the failing check is left out
/// first, and the page says so.
#[must_use]
pub fn page(record: &Record, beside: Option<&Record>, found: Option<&Why>) -> String {
    page_within(record, beside, found, LIMIT)
}

/// The same, in at most `limit` bytes. What a page always has takes some 100 kB.
#[must_use]
pub fn page_within(
    record: &Record,
    beside: Option<&Record>,
    found: Option<&Why>,
    limit: usize,
) -> String {
    let run = Run::new(record);
    let other = beside.map(Run::new);
    let mut picture = run.picture();
    picture.chance = found.map(Chance::of);
    let layout = Layout::of(&picture);
    let parts = html! {
        (header::header(&run))
        (explanation::section(&run, &picture))
        (why::section(record, found))
        (stage(&picture, &layout))
        @if let Some(other) = &other { (compare::section(&run, other)) }
        section #statistics {
            h2 { "Calls" }
            (statistics::table(&run.story))
        }
    };
    let taken = parts.0.len() + CSS.len() + SCRIPT.map(str::len).iter().sum::<usize>() + ROOM;
    let size = limit.saturating_sub(taken) / if other.is_some() { 2 } else { 1 };
    let kept = picture.kept();
    let (data, left_out) = thin(picture, size);
    let other = other.map(|other| {
        let picture = other.picture();
        let (layout, steps) = (Layout::of(&picture), compare::alignment(&run, &other));
        (thin(picture, size).0, json(&layout), json(&steps))
    });
    let script = |id: &str, data: &str| {
        html! { script id=(id) type="application/json" { (PreEscaped(data)) } }
    };
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                title { (escaped(&record.test)) ", seed " (record.seed) }
                style { (PreEscaped(CSS)) }
            }
            body {
                (parts)
                (footer(&run, kept, &left_out))
                (help())
                (script("run", &data))
                (script("layout", &json(&layout)))
                @if let Some((data, layout, steps)) = &other {
                    (script("other-run", data))
                    (script("other-layout", layout))
                    (script("alignment", steps))
                }
                script { (PreEscaped("\"use strict\";\n")) @for file in SCRIPT { (PreEscaped(file)) } }
            }
        }
    }
    .into_string()
}

/// The picture, with what steers it and what it means.
fn stage(picture: &Picture, layout: &Layout) -> Markup {
    html! {
        section #picture aria-label="picture of the run" {
            div.toolbar hidden {
                span.group {
                    @if picture.failed_at.is_some() {
                        button #fit-window type="button" title="f" { "failing check" }
                    }
                    button #fit-all type="button" title="0" { "whole run" }
                    button #zoom-out type="button" title="−" aria-label="zoom out" { "−" }
                    button #zoom-in type="button" title="+" aria-label="zoom in" { "+" }
                }
                span.group #kinds aria-label="kinds of messages" {
                    @for kind in Kind::ALL { label class={ "kind k" (kind as u8) } {
                        input type="checkbox" checked value=(kind as u8); (kind.name())
                    } }
                }
                span.group #servers aria-label="servers" {
                    @for server in 0..picture.lanes.len() { label {
                        input type="checkbox" checked value=(server); "S" (server)
                    } }
                }
                label.group { "term " select #term { option value="" { "all" } } }
                button #help-button type="button" title="?" { "? keys" }
            }
            div #stage { (still::still(picture, layout)) }
            p #count .note aria-live="polite" {}
            (still::legend())
        }
        section #moment hidden aria-label="state at the cursor" {
            h2 { "At " output #cursor-time {} span.note { " the cursor: click the picture, or use ← and →" } }
            div.columns {
                div { table #states {} div #kept {} }
                div { h3 { "Logs" } div #grid {} }
            }
            h3 { "What happened " input #search type="search" placeholder="filter (/)" aria-label="filter events"; }
            div #events tabindex="0" {}
        }
    }
}

/// What the page leaves out, and where it comes from.
fn footer(run: &Run<'_>, kept: [u64; 2], left_out: &[&str]) -> Markup {
    let [from, until] = kept.map(|at| explanation::seconds(Time(at)));
    html! {
        footer {
            @if run.record.dropped > 0 {
                p { "The history grew too long: its " (run.record.dropped) " oldest events are missing. \
                     Nothing is known of what was before " (explanation::seconds(run.story.since)) "." }
            }
            @if !left_out.is_empty() {
                p #left-out { "The run is too long for one page, so the picture leaves out, outside "
                    (from) " to " (until) ": " (left_out.join("; ")) ". "
                    code { "cargo lab explain" } " shows all of it." }
            }
            p { "Made by raftlab from the run's history; the same history gives the same page." }
        }
    }
}

/// The keys.
fn help() -> Markup {
    const KEYS: [(&str, &str); 12] = [
        ("← →", "cursor to the previous or next event"),
        ("Shift ← →", "move the picture"),
        ("+ −", "zoom at the cursor; so does the wheel"),
        ("f", "show the failing check"),
        ("0", "show the whole run"),
        ("1 … 9", "go to the moment with that number"),
        ("n p", "keep the next or previous message"),
        ("/", "filter the events"),
        ("v", "return lines of short calls, too"),
        ("c", "copy the replay command"),
        ("Esc", "let go of the message, close this"),
        ("?", "this help"),
    ];
    html! {
        dialog #help {
            h2 { "Keys" }
            table { @for (key, what) in KEYS { tr { th { (key) } td { (what) } } } }
            p { "Drag to move, wheel to zoom, click a message to keep it. \
                 The address always leads back to the moment at the cursor." }
            form method="dialog" { button { "close" } }
        }
    }
}
