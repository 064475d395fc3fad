//! A run as Chrome's trace events, for Perfetto: a track for the test and for each server.

use report::{Record, Role};
use serde_json::{Value, json};

use crate::picture::{End, MarkKind, Message, Picture};
use crate::run::Run;
use crate::still::label;

/// The one process of a trace.
const PROCESS: u32 = 1;

/// The track of the test; the servers' follow.
const TEST: usize = 0;

/// The run as JSON in the [format of trace events](https://perfetto.dev/docs/getting-started/other-formats):
/// slices are roles and checks, flows are messages, asynchronous slices are calls from sending to return,
/// counters are commit indexes.
#[must_use]
pub fn trace(record: &Record) -> String {
    let run = Run::new(record);
    let picture = run.picture();
    let mut events = names(&picture);
    script(&picture, &mut events);
    for server in 0..picture.lanes.len() {
        lane(&picture, server, &mut events);
    }
    for message in &picture.messages {
        call(&picture, message, &mut events);
    }
    json!({ "displayTimeUnit": "ms", "traceEvents": events }).to_string()
}

/// The track of a server.
fn track(server: u32) -> usize {
    TEST + 1 + server as usize
}

fn names(picture: &Picture) -> Vec<Value> {
    let process = format!("{}, seed {}", picture.test, picture.seed);
    let mut events = vec![json!({
        "ph": "M", "pid": PROCESS, "name": "process_name", "args": { "name": process }
    })];
    let servers = (0..picture.lanes.len()).map(|server| format!("S{server}"));
    for (track, name) in ["test".to_owned()].into_iter().chain(servers).enumerate() {
        events.push(json!({
            "ph": "M", "pid": PROCESS, "tid": track, "name": "thread_name", "args": { "name": name }
        }));
        events.push(json!({
            "ph": "M", "pid": PROCESS, "tid": track, "name": "thread_sort_index",
            "args": { "sort_index": track }
        }));
    }
    events
}

fn slice(track: usize, from: u64, until: u64, category: &str, name: &str) -> Value {
    json!({
        "ph": "X", "pid": PROCESS, "tid": track, "ts": from, "dur": until.saturating_sub(from),
        "cat": category, "name": name
    })
}

fn instant(track: usize, at: u64, category: &str, name: &str) -> Value {
    json!({
        "ph": "i", "s": "t", "pid": PROCESS, "tid": track, "ts": at, "cat": category, "name": name
    })
}

fn script(picture: &Picture, events: &mut Vec<Value>) {
    for check in &picture.checks {
        events.push(slice(TEST, check.at, check.until, "check", &check.what));
    }
    for fault in &picture.faults {
        events.push(instant(TEST, fault.at, "fault", &fault.what));
    }
    for look in &picture.looks {
        let found = look.leader.map_or("none".to_owned(), |leader| format!("server {leader}"));
        let name = format!("look {} of {}: {found}", look.round, look.rounds);
        events.push(instant(TEST, look.at, "look", &name));
    }
    for flag in &picture.flags {
        events.push(instant(TEST, flag.at, "why", &format!("evidence {}", flag.number)));
    }
}

fn lane(picture: &Picture, server: usize, events: &mut Vec<Value>) {
    let lane = &picture.lanes[server];
    let track = track(server as u32);
    let ends = lane.stays.iter().skip(1).map(|next| next.at).chain([picture.end + 1]);
    for (stay, until) in lane.stays.iter().zip(ends) {
        let name = match stay.role {
            Some(Role::Follower) => "follower",
            Some(Role::Candidate) => "candidate",
            Some(Role::Leader) => "leader",
            None => "crashed",
        };
        let term =
            if stay.role.is_some() { format!(", term {}", stay.its_term()) } else { String::new() };
        events.push(slice(track, stay.at, until, "role", &format!("{name}{term}")));
    }
    for [from, until] in &lane.cut {
        let id = format!("cut{server}-{from}");
        for (phase, at) in [("b", from), ("e", until)] {
            events.push(json!({
                "ph": phase, "pid": PROCESS, "tid": track, "ts": at, "id": id, "cat": "link",
                "name": format!("S{server} cut off")
            }));
        }
    }
    for mark in &lane.marks {
        let category = if mark.kind == MarkKind::Log { "log" } else { "raft" };
        events.push(instant(track, mark.at, category, &picture.texts[mark.text]));
    }
    for facts in &lane.facts {
        events.push(json!({
            "ph": "C", "pid": PROCESS, "ts": facts.at, "name": format!("S{server} commit index"),
            "args": { "index": facts.commit }
        }));
    }
}

fn call(picture: &Picture, message: &Message, events: &mut Vec<Value>) {
    let (from, to) = (track(message.from), track(message.to));
    let says = |text: Option<usize>| text.map_or("", |text| picture.texts[text].as_str());
    let until = message.returned.unwrap_or(picture.end).max(message.sent);
    let id = format!("call{}", message.id);
    let args = json!({
        "args": says(message.args), "reply": says(message.reply), "what": label(message, picture.end)
    });
    let name = format!("{} to S{}", message.kind.name(), message.to);
    for (phase, at) in [("b", message.sent), ("e", until)] {
        events.push(json!({
            "ph": phase, "pid": PROCESS, "tid": from, "ts": at, "id": id, "cat": "call",
            "name": name, "args": args
        }));
    }
    let mut flow = |id: String, name: &str, ends: [(usize, u64); 2]| {
        for (phase, (track, at)) in ["s", "f"].into_iter().zip(ends) {
            events.push(json!({
                "ph": phase, "bp": "e", "pid": PROCESS, "tid": track, "ts": at, "id": id,
                "cat": "message", "name": name
            }));
        }
    };
    if let Some(delivered) = message.delivered {
        flow(format!("{id}-request"), "request", [(from, message.sent), (to, delivered)]);
    }
    if let (Some(handled), Some(returned), End::Replied) =
        (message.handled, message.returned, message.end)
    {
        flow(format!("{id}-reply"), "reply", [(to, handled), (from, returned)]);
    }
}
