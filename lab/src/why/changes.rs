//! Which single changes of a run can be tried: its calls and its servers' draws, each with what happened to it.

use std::cmp::Reverse;

use report::story::Call;
use report::why::Subject;
use report::{CallChange, DrawChange, Drawn, Outcome, Story, Time, Variation, Way};

/// By how much a message that came is made to come later, in microseconds: more than one election timeout.
const LATER_US: u64 = 500_000;

/// What came sooner than that came at once, in microseconds.
const AT_ONCE_US: u64 = 1000;

/// How many other draws are tried in place of one.
const DRAWS: u64 = 6;

/// Something that can be changed alone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) what: Subject,
    /// What happened to it, in words.
    pub(crate) was: String,
    pub(crate) changes: Vec<(String, Variation)>,
}

/// What chance decided in a run in `[from, until)`: the calls that were sent, and what servers drew, by time. If
/// there are more than `most` changes, what was in one of the `jumps` comes first, and then the latest; also returns
/// how many changes are left out.
pub(crate) fn candidates(
    story: &Story,
    draws: &[Drawn],
    ((from, until), jumps): ((Time, Time), &[[Time; 2]]),
    most: usize,
) -> (Vec<Candidate>, u64) {
    let is_within = |at: Time| from <= at && at < until;
    let calls = story.calls.iter().filter(|call| !call.is_copy && is_within(call.sent.at));
    let drawn = draws.iter().filter(|drawn| is_within(drawn.at));
    let mut all: Vec<(Time, Candidate)> = drawn.map(|drawn| (drawn.at, of_draw(*drawn))).collect();
    all.extend(calls.map(|call| (call.sent.at, of_call(call))));
    let is_in_jump = |at: Time| jumps.iter().any(|[from, until]| *from <= at && at < *until);
    all.sort_by_key(|(at, _)| (Reverse(is_in_jump(*at)), Reverse(*at)));
    let mut count = 0;
    let fit = all.iter().take_while(|(_, candidate)| {
        count += candidate.changes.len();
        count <= most
    });
    let rest = all.split_off(fit.count());
    let left_out = rest.iter().map(|(_, candidate)| candidate.changes.len() as u64).sum();
    all.sort_by_key(|(at, _)| *at);
    (all.into_iter().map(|(_, candidate)| candidate).collect(), left_out)
}

fn of_draw(drawn: Drawn) -> Candidate {
    let Drawn { at, server, words } = drawn;
    let changes = (0..DRAWS).map(|number| {
        let draw = Some(DrawChange { at, server, number });
        (format!("drew otherwise ({})", number + 1), Variation { draw, ..Variation::default() })
    });
    let was = format!("drew {words} words of random numbers");
    Candidate { what: Subject::Draw { server, at }, was, changes: changes.collect() }
}

fn of_call(call: &Call) -> Candidate {
    let mut changes = Vec::new();
    let mut request = |what: &str, way| {
        let change = CallChange { id: call.id, request: Some(way), reply: None };
        changes.push((what.to_owned(), Variation { call: Some(change), ..Variation::default() }));
    };
    let span = |from: Time, until: Time| until.0.saturating_sub(from.0);
    let (sent, returned) = (call.sent.at, call.returned);
    match call.delivered {
        Some(delivered) => {
            let took = span(sent, delivered.at);
            request("request lost", Way::Lost);
            request("request 0.5 s later", Way::After(took + LATER_US));
            if took > AT_ONCE_US {
                request("request delivered at once", Way::After(0));
            }
        }
        None => match returned {
            Some((_, Outcome::RequestLost)) => request("request delivered", Way::After(0)),
            // Its caller waits for the word that nobody can be reached.
            Some((end, _)) if span(sent, end.at) <= AT_ONCE_US => {}
            _ => request("the caller learns at once that the call failed", Way::After(0)),
        },
    }
    let mut reply = |what: &str, way| {
        let change = CallChange { id: call.id, request: None, reply: Some(way) };
        changes.push((what.to_owned(), Variation { call: Some(change), ..Variation::default() }));
    };
    if let Some(handled) = call.handled {
        match returned {
            Some((_, Outcome::ReplyLost)) => reply("reply delivered", Way::After(0)),
            Some((end, Outcome::Replied)) => {
                let took = span(handled.at, end.at);
                reply("reply lost", Way::Lost);
                reply("reply 0.5 s later", Way::After(took + LATER_US));
                if took > AT_ONCE_US {
                    reply("reply delivered at once", Way::After(0));
                }
            }
            None => reply("reply delivered at once", Way::After(0)),
            Some(_) => {}
        }
    }
    let what = Subject::Call {
        id: call.id,
        method: call.method.clone().into_owned(),
        from: call.from,
        to: call.to,
        term: call.args.term,
        sent,
    };
    Candidate { what, was: fate(call), changes }
}

/// What happened to a call, in words.
fn fate(call: &Call) -> String {
    let after = |at: Time| format!("{:.1} ms", at.0.saturating_sub(call.sent.at.0) as f64 / 1000.0);
    let delivered =
        call.delivered.map(|delivered| format!("delivered after {}", after(delivered.at)));
    let returned = match call.returned {
        Some((end, outcome)) => format!("{outcome} after {}", after(end.at)),
        None => "no answer until the run's end".to_owned(),
    };
    delivered.into_iter().chain([returned]).collect::<Vec<_>>().join(", ")
}
