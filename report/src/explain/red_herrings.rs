//! What looks like the cause, and isn't.

use crate::event::Time;
use crate::explain::Case;
use crate::story::Call;

/// What looks like the cause, and isn't.
pub(super) fn not_the_cause(case: &Case<'_>) -> Vec<String> {
    let story = case.story;
    let mut notes = Vec::new();
    for server in 0..story.servers {
        notes.extend(late_returns(case, server));
        let until = case.window.until;
        let last = story.view_at(server, until);
        if let Some(view) = last.filter(|view| view.is_leader)
            && !case.window.up.contains(&server)
            && story.is_alive(server, until)
        {
            notes.push(format!(
                "server {server} still reports itself as the leader of term {}: it is disconnected, so it \
                 can't learn of a higher term, and the checks look for a leader only among connected servers",
                view.term
            ));
        }
    }
    notes
}

/// A leader that has stepped down still sees calls return that it had sent as leader.
fn late_returns(case: &Case<'_>, server: usize) -> Option<String> {
    let story = case.story;
    let views = &story.views[server];
    let views = &views[..views.partition_point(|view| view.moment.at <= case.window.until)];
    let (led, down) = views.iter().zip(views.iter().skip(1)).rfind(|(led, _)| led.is_leader)?;
    if down.is_leader || led.incarnation != down.incarnation {
        return None;
    }
    let own = story.sent_by(server);
    let leaders: Vec<&Call> =
        own.filter(|call| call.is_leaders() && call.from.incarnation == down.incarnation).collect();
    let until = case.window.until;
    let is_later = |call: &&&Call| call.sent.at > down.moment.at && call.sent.at <= until;
    let since = leaders.iter().filter(is_later).count();
    let late: Vec<(Time, Time)> = leaders
        .iter()
        .filter(|call| call.sent.at <= down.moment.at)
        .filter_map(|call| Some((call.sent.at, call.returned?.0.at)))
        .filter(|(_, returned)| *returned > down.moment.at && *returned <= case.window.until)
        .collect();
    let (first_sent, last_sent) =
        (late.iter().map(|late| late.0).min()?, late.iter().map(|late| late.0).max()?);
    let (first, last) =
        (late.iter().map(|late| late.1).min()?, late.iter().map(|late| late.1).max()?);
    let span = |from: Time, until: Time| match (from.to_string(), until.to_string()) {
        (from, until) if from == until => format!("at {from} s"),
        (from, until) => format!("between {from} and {until} s"),
    };
    (since == 0 && late.len() >= 2).then(|| {
        format!(
            "server {server} led term {} and stepped down at {} s; it has sent no AppendEntries since then. \
             The {} calls that returned to it {} had been sent {}, while it led",
            led.term,
            down.moment.at,
            late.len(),
            span(first, last),
            span(first_sent, last_sent)
        )
    })
}
