//! The still picture: the failing window as SVG, for readers without scripts, and until the script draws.

use maud::{Markup, html};
use report::Role;

use crate::explanation::seconds;
use crate::layout::Layout;
use crate::picture::{Chance, Drawn, End, Kind, Lane, Mark, MarkKind, Message, Picture, Verdict};

/// The picture's width, in units that the browser scales.
const WIDTH: f64 = 1200.0;

/// How many messages are drawn at most; first those that prove something and requests for votes.
const MESSAGES: usize = 300;

/// How many marks of a lane are drawn at most.
const MARKS: usize = 60;

/// Maps times to places.
struct Scale {
    from: f64,
    until: f64,
    left: f64,
}

impl Scale {
    fn x(&self, at: u64) -> f64 {
        let share = (at as f64 - self.from) / (self.until - self.from);
        round(self.left + share.clamp(0.0, 1.0) * (WIDTH - self.left))
    }

    fn shows(&self, from: u64, until: u64) -> bool {
        from as f64 <= self.until && until as f64 >= self.from
    }
}

/// To a tenth: more is never seen.
fn round(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}

/// How far the time marks of the ruler are apart, in µs: some ten of them for a time of `length`.
fn tick(length: u64) -> u64 {
    let steps = (0..10).flat_map(|power| [1, 2, 5].map(|step| step * 10_u64.pow(power)));
    let mut steps = steps.filter(|step| length / step <= 12);
    steps.next().unwrap_or(10_u64.pow(10))
}

/// The picture as SVG.
pub(crate) fn still(picture: &Picture, layout: &Layout) -> Markup {
    let [from, until] = picture.opens;
    let scale =
        Scale { from: from as f64, until: until.max(from + 1) as f64, left: layout.gutter as f64 };
    let step = tick(until - from);
    let first = from.div_ceil(step) * step;
    let times = (first..=until).step_by(step as usize);
    let height = layout.height;
    html! {
        svg #still viewBox={ "0 0 " (WIDTH) " " (height) } role="img"
            aria-label="time from left to right, a lane for the test and for each server" {
            defs {
                pattern #hatch width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    line.hatch x1="0" y1="0" x2="0" y2="6" {}
                }
            }
            @for at in times {
                line.time x1=(scale.x(at)) x2=(scale.x(at)) y1="14" y2=(height) {}
                text.time x=(scale.x(at)) y="11" { (seconds(report::Time(at))) }
            }
            @if let Some((chance, top)) = picture.chance.as_ref().zip(layout.chance) {
                (curve(chance, top, layout, &scale))
            }
            (script(picture, layout, &scale))
            @for (server, lane) in picture.lanes.iter().enumerate() {
                text.name x="4" y=(layout.lanes[server] + 16) { "S" (server) }
                (roles(picture, lane, layout, layout.lanes[server], &scale))
                (bars(picture, server, layout, &scale))
            }
            (arrows(picture, layout, &scale))
            @for (server, lane) in picture.lanes.iter().enumerate() {
                @let top = layout.lanes[server] + layout.role + 11;
                @for mark in shown(lane, &scale) {
                    text.mark x=(scale.x(mark.at)) y=(top) { (sign(mark.kind)) title { (picture.texts[mark.text]) } }
                }
            }
            @for flag in picture.flags.iter().filter(|flag| flag.is_first && scale.shows(flag.at, flag.at)) {
                line.flag x1=(scale.x(flag.at)) x2=(scale.x(flag.at)) y1="14" y2=(height) {}
                circle.flag cx=(scale.x(flag.at)) cy="18" r="8" {}
                text.flag x=(scale.x(flag.at)) y="22" { (flag.number) }
            }
        }
    }
}

/// The curve in the still picture.
fn curve(chance: &Chance, top: usize, layout: &Layout, scale: &Scale) -> Markup {
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

/// What the script did.
fn script(picture: &Picture, layout: &Layout, scale: &Scale) -> Markup {
    let checks = picture.checks.iter().filter(|check| scale.shows(check.at, check.until)).take(200);
    let faults: Vec<_> =
        picture.faults.iter().filter(|fault| scale.shows(fault.at, fault.at)).take(60).collect();
    let (top, band) = (layout.checks, layout.band);
    html! {
        text.name x="4" y=(top + 15) { "test" }
        @for check in checks {
            @let (left, right) = (scale.x(check.at), scale.x(check.until));
            rect class={ "check" @if check.has_failed { " failed" } } x=(left) y=(top)
                width=(round((right - left).max(1.0))) height=(band) { title { (check.what) } }
            @if right - left > 7.0 * check.what.len() as f64 {
                text.check x=(left + 4.0) y=(top + 13) { @if check.has_failed { "✗ " } (check.what) }
            }
        }
        @for look in picture.looks.iter().filter(|look| scale.shows(look.at, look.at)).take(200) {
            text.look x=(scale.x(look.at)) y=(top + band - 2) { @if look.leader.is_some() { "✓" } @else { "×" } }
        }
        text.name x="4" y=(layout.faults + 15) { "faults" }
        @for (place, fault) in faults.iter().enumerate() {
            @let left = scale.x(fault.at);
            @let room = faults.get(place + 1).map_or(WIDTH, |next| scale.x(next.at)) - left;
            line.fault x1=(left) x2=(left) y1=(layout.faults) y2=(layout.height) {}
            @if room > 6.5 * fault.what.len() as f64 {
                text.fault x=(left + 3.0) y=(layout.faults + 15) { (fault.what) }
            } @else {
                text.fault x=(left + 1.0) y=(layout.faults + 15) { "⚡" title { (fault.what) } }
            }
        }
    }
}

/// What a server was.
fn roles(picture: &Picture, lane: &Lane, layout: &Layout, top: usize, scale: &Scale) -> Markup {
    let ends =
        lane.stays.iter().skip(1).map(|next| next.at).chain([picture.end.max(picture.opens[1])]);
    let stays = lane.stays.iter().zip(ends).filter(|(stay, until)| scale.shows(stay.at, *until));
    html! {
        @for (stay, until) in stays.take(300) {
            @let (left, right) = (scale.x(stay.at), scale.x(until));
            @let (class, letter) = match stay.role {
                Some(Role::Follower) => ("follower", "F"),
                Some(Role::Candidate) => ("candidate", "C"),
                Some(Role::Leader) => ("leader", "L"),
                None => ("crashed", "crashed"),
            };
            rect class={ "role " (class) } x=(left) y=(top) width=(round((right - left).max(0.6)))
                height=(layout.role) {}
            @if right - left > 24.0 {
                text class={ "role " (class) } x=(left + 4.0) y=(top + 15) {
                    (letter) @if stay.role.is_some() { (stay.its_term()) }
                }
            }
        }
        @for [from, until] in lane.cut.iter().filter(|[from, until]| scale.shows(*from, *until)).take(100) {
            @let (left, right) = (scale.x(*from), scale.x(*until));
            rect.cut x=(left) y=(top) width=(round((right - left).max(1.0))) height=(layout.role) {}
            @if right - left > 80.0 {
                text.cut x=(right - 4.0) y=(top + 15) { "cut off" }
            }
        }
    }
}

/// The calls of a server that take long.
fn bars(picture: &Picture, server: usize, layout: &Layout, scale: &Scale) -> Markup {
    let first = layout.lanes[server] + layout.role + layout.marks;
    let long = picture.messages.iter().filter_map(|message| {
        let row = message.row.filter(|_| message.from as usize == server)?;
        let until = message.returned.unwrap_or(picture.end);
        scale.shows(message.sent, until).then_some((message, row, until))
    });
    html! {
        @for (message, row, until) in long.take(MESSAGES) {
            @let (left, right) = (scale.x(message.sent), scale.x(until));
            @let y = first + row * layout.row;
            @let middle = y + layout.row / 2;
            line class={ "bar k" (message.kind as u8) " e" (message.end as u8) @if message.is_proof { " proof" } }
                x1=(left) x2=(right) y1=(middle) y2=(middle) { title { (label(message, picture.end)) } }
            text class={ "end k" (message.kind as u8) } x=(right) y=(middle + 4) { (end_sign(message)) }
            @if message.kind == Kind::Vote && right - left > 60.0 {
                @let text = label(message, picture.end);
                @if right - left > 6.0 * text.len() as f64 {
                    text.bar x=(left + 6.0) y=(middle + 4) { (text) }
                }
            }
        }
    }
}

/// What a bar says of its message.
pub(crate) fn label(message: &Message, end: u64) -> String {
    let term = message.term.map(|term| format!(" term {term}")).unwrap_or_default();
    let took = message.duration(end) as f64 / 1e6;
    let what = match message.end {
        End::Replied => "answered after",
        End::RequestLost => "request lost, failed after",
        End::ReplyLost => "reply lost, failed after",
        End::Unreachable => "unreachable, failed after",
        End::ServerDied => "server died, failed after",
        End::Open => "not returned for",
    };
    format!("{}{term} to S{}: {what} {took:.2} s", message.kind.name(), message.to)
}

/// The sign at the end of a bar.
fn end_sign(message: &Message) -> &'static str {
    match (message.end, message.verdict) {
        (End::Replied, Verdict::No) => "✗",
        (End::Replied, _) => "✓",
        (End::RequestLost | End::ReplyLost, _) => "×",
        (End::Unreachable, _) => "⊘",
        (End::ServerDied, _) => "†",
        (End::Open, _) => "▸",
    }
}

/// The messages from lane to lane.
fn arrows(picture: &Picture, layout: &Layout, scale: &Scale) -> Markup {
    let mut sent: Vec<&Message> =
        picture.messages.iter().filter(|message| scale.shows(message.sent, message.sent)).collect();
    sent.sort_by_key(|message| (!message.is_proof, message.kind != Kind::Vote, message.sent));
    html! {
        @for message in sent.into_iter().take(MESSAGES) {
            @let (from, to) = (layout.lanes[message.from as usize], layout.lanes[message.to as usize]);
            @let is_down = to > from;
            @let start = if is_down { from + layout.role } else { from };
            @let goal = if is_down { to } else { to + layout.role };
            @let x = scale.x(message.sent);
            @let class = format!("arrow k{} e{}", message.kind as u8, message.end as u8);
            @match message.delivered {
                Some(delivered) => {
                    @let x2 = scale.x(delivered);
                    line class=(class) x1=(x) y1=(start) x2=(x2) y2=(goal) {}
                    circle class=(class) cx=(x2) cy=(goal) r="1.8" {}
                }
                None => {
                    @let stop = start as f64 + 0.4 * (goal as f64 - start as f64);
                    line class=(class) x1=(x) y1=(start) x2=(x) y2=(stop) {}
                    text class={ "lost k" (message.kind as u8) } x=(x) y=(stop + 4.0) {
                        @if message.end == End::Unreachable { "⊘" } @else { "×" }
                    }
                }
            }
        }
    }
}

/// The marks of a lane that are drawn.
fn shown<'a>(lane: &'a Lane, scale: &Scale) -> Vec<&'a Mark> {
    let telling = |mark: &&Mark| {
        !matches!(mark.kind, MarkKind::Log | MarkKind::Task | MarkKind::Propose)
            && scale.shows(mark.at, mark.at)
    };
    lane.marks.iter().filter(telling).take(MARKS).collect()
}

/// The sign of a mark; the page's script has the same.
fn sign(kind: MarkKind) -> &'static str {
    match kind {
        MarkKind::Start => "⟳",
        MarkKind::Crash => "☠",
        MarkKind::Election => "▲",
        MarkKind::Lead => "★",
        MarkKind::StepDown => "▽",
        MarkKind::Grant => "✓",
        MarkKind::Deny => "✗",
        MarkKind::Propose => "+",
        MarkKind::Refuse => "⊝",
        MarkKind::Snapshot => "◆",
        MarkKind::Task => "·",
        MarkKind::Log => "≡",
    }
}

/// What the signs mean.
pub(crate) fn legend() -> Markup {
    const SIGNS: [(&str, &str); 9] = [
        ("▲", "starts an election"),
        ("★", "becomes leader"),
        ("▽", "steps down"),
        ("✓ ✗", "vote granted, refused"),
        ("●", "applies"),
        ("▪", "saves"),
        ("◆", "snapshot"),
        ("☠ ⟳", "crash, restart"),
        ("≡", "its own log"),
    ];
    const LINES: [(&str, &str, &str); 6] = [
        ("e0", "✓", "answered"),
        ("e1", "×", "lost by the network"),
        ("e3", "⊘", "receiver unreachable"),
        ("e4", "†", "receiver died"),
        ("e5", "▸", "not returned yet"),
        ("late", "◷", "reply came late"),
    ];
    html! {
        p.legend {
            span { i.swatch.follower {} "follower" } span { i.swatch.candidate {} "candidate" }
            span { i.swatch.leader {} "leader" } span { i.swatch.crashed {} "crashed" }
            span { i.swatch.cut {} "cut off" }
            @for (sign, what) in SIGNS { span { b { (sign) } " " (what) } }
        }
        p.legend {
            span { "A bar is a call from its sending to its return:" }
            @for (class, sign, what) in LINES {
                span { svg viewBox="0 0 34 12" width="34" height="12" {
                    line class={ "bar k0 " (class) } x1="1" x2="24" y1="6" y2="6" {}
                    text.end.k0 x="28" y="10" { (sign) }
                } (what) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ruler_has_some_ten_times() {
        assert_eq!(tick(10_000_000), 1_000_000);
        assert_eq!(tick(13_000_000), 2_000_000);
        assert_eq!(tick(50), 5);
        for length in [1, 7, 999, 123_456, 9_999_999, 120_000_000] {
            assert!(length / tick(length) <= 12, "{length}");
        }
    }
}
