//! How many calls of each kind each server made to each other one, and what became of them.

use std::collections::BTreeMap;

use maud::{Markup, html};
use report::{Outcome, Story};

use crate::picture::Kind;

/// The calls of one kind from a server to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// All of them.
    pub sent: usize,
    /// Those whose reply arrived.
    pub replied: usize,
    /// Those whose request or reply the network lost.
    pub lost: usize,
    /// Those whose receiver couldn't be reached, or died.
    pub unreachable: usize,
    /// Those that had not returned when the run ended.
    pub open: usize,
    /// The size of their arguments, in bytes.
    pub bytes: usize,
}

/// How many calls there were, by sender, receiver and kind. Copies that the network made don't count.
#[must_use]
pub fn statistics(story: &Story) -> BTreeMap<(u32, u32, Kind), Count> {
    let mut counts: BTreeMap<(u32, u32, Kind), Count> = BTreeMap::new();
    for call in story.calls.iter().filter(|call| !call.is_copy) {
        let count = counts.entry((call.from.server, call.to, Kind::of(call))).or_default();
        count.sent += 1;
        count.bytes += call.size;
        *match call.returned.map(|(_, outcome)| outcome) {
            Some(Outcome::Replied) => &mut count.replied,
            Some(Outcome::RequestLost | Outcome::ReplyLost) => &mut count.lost,
            Some(Outcome::Unreachable | Outcome::ServerDied) => &mut count.unreachable,
            None => &mut count.open,
        } += 1;
    }
    counts
}

/// The table of them.
pub(crate) fn table(story: &Story) -> Markup {
    let counts = statistics(story);
    if counts.is_empty() {
        return html! { p { "No server has called another." } };
    }
    html! {
        table.numbers {
            thead { tr {
                th { "from → to" } th { "kind" } th { "sent" } th { "replied" } th { "lost" }
                th { "unreachable" } th { "not returned" } th { "bytes" }
            } }
            tbody { @for ((from, to, kind), count) in &counts { tr {
                td { "S" (from) " → S" (to) } td { (kind.name()) } td { (count.sent) }
                td { (count.replied) }
                @for number in [count.lost, count.unreachable, count.open] {
                    @if number == 0 { td.none { "–" } } @else { td.some { (number) } }
                }
                td { (count.bytes) }
            } } }
        }
    }
}
