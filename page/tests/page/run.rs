//! Histories that are written down by hand, as they are stored.

use report::Record;
use serde_json::{Value, json};

/// A stored run, event by event. Times are in ms.
pub(crate) struct Run {
    servers: u32,
    events: Vec<Value>,
    calls: u64,
    failure: Value,
    at: u64,
}

impl Run {
    /// All servers start, connected.
    pub(crate) fn new(servers: u32) -> Run {
        let mut run = Run { servers, events: Vec::new(), calls: 0, failure: Value::Null, at: 0 };
        for server in 0..servers {
            run.add(json!({ "event": "started", "server": life(server) }));
            run.add(json!({ "event": "connected", "server": server }));
        }
        run
    }

    fn add(&mut self, mut event: Value) {
        event["at"] = json!(self.at);
        self.events.push(event);
    }

    /// What follows happens at so many ms.
    pub(crate) fn at(&mut self, ms: u64) -> &mut Run {
        assert!(ms * 1000 >= self.at, "time goes on");
        self.at = ms * 1000;
        self
    }

    pub(crate) fn check(&mut self, what: &str) -> &mut Run {
        self.add(json!({ "event": "step", "what": what, "file": "test.rs", "line": 7 }));
        self
    }

    pub(crate) fn cut(&mut self, server: u32) -> &mut Run {
        self.add(json!({ "event": "disconnected", "server": server }));
        self
    }

    pub(crate) fn connect(&mut self, server: u32) -> &mut Run {
        self.add(json!({ "event": "connected", "server": server }));
        self
    }

    pub(crate) fn crash(&mut self, server: u32) -> &mut Run {
        self.add(json!({ "event": "crashed", "server": life(server) }));
        self
    }

    pub(crate) fn look(&mut self, round: u32) -> &mut Run {
        self.add(json!({ "event": "looked", "round": round, "rounds": 10 }));
        self
    }

    pub(crate) fn logs(&mut self, server: u32, text: &str) -> &mut Run {
        self.add(json!({
            "event": "logged", "server": life(server), "level": "INFO", "target": "raft", "text": text
        }));
        self
    }

    pub(crate) fn view(&mut self, server: u32, term: u64, is_leader: bool) -> &mut Run {
        self.add(json!({
            "event": "viewed", "server": life(server), "term": term, "is_leader": is_leader
        }));
        self
    }

    pub(crate) fn proposes(&mut self, server: u32, index: u64, term: u64) -> &mut Run {
        self.add(json!({
            "event": "proposed", "server": life(server), "index": index, "term": term,
            "command": { "bytes": 2, "value": index * 100 }
        }));
        self
    }

    /// A request for a vote; returns its number.
    pub(crate) fn asks(&mut self, from: u32, to: u32, term: u64) -> u64 {
        self.sends(
            from,
            to,
            "RequestVote",
            json!({ "term": term, "candidate_id": from, "last_log_index": 0, "last_log_term": 0 }),
        )
    }

    /// AppendEntries with so many entries of the leader's term, behind `prev`; returns its number.
    pub(crate) fn appends(&mut self, from: u32, to: u32, [term, prev, n]: [u64; 3]) -> u64 {
        let entries: Vec<Value> = (0..n).map(|_| json!({ "term": term, "command": 5 })).collect();
        self.sends(
            from,
            to,
            "AppendEntries",
            json!({
                "term": term, "leader_id": from, "prev_log_index": prev,
                "prev_log_term": if prev == 0 { 0 } else { term }, "entries": entries,
                "leader_commit": 0
            }),
        )
    }

    fn sends(&mut self, from: u32, to: u32, method: &str, args: Value) -> u64 {
        let id = self.calls;
        self.calls += 1;
        self.add(json!({
            "event": "rpc_sent", "id": id, "from": life(from), "to": to,
            "method": format!("Raft.{method}"), "args": { "bytes": 20, "value": args }
        }));
        id
    }

    /// A call is delivered and handled, and answered so.
    pub(crate) fn answers(&mut self, id: u64, reply: Value) -> &mut Run {
        self.add(json!({ "event": "rpc_delivered", "id": id }));
        self.add(
            json!({ "event": "rpc_handled", "id": id, "reply": { "bytes": 9, "value": reply } }),
        );
        self
    }

    pub(crate) fn returns(&mut self, id: u64, outcome: &str) -> &mut Run {
        self.add(json!({ "event": "rpc_returned", "id": id, "outcome": outcome }));
        self
    }

    pub(crate) fn fails(&mut self) -> &mut Run {
        self.failure = json!({
            "kind": "liveness", "check": { "check": "one_leader" }, "location": "", "at": self.at,
            "message": "expected one leader, got none"
        });
        self
    }

    /// As it is stored.
    pub(crate) fn stored(&self) -> Value {
        let mut stored = json!({
            "format": 1, "test": "TestX", "replay": "cargo test TestX", "seed": 7, "clock": "virtual",
            "banner": "Test (3A): x", "servers": self.servers, "end": self.at, "warnings": [],
            "events": self.events
        });
        if !self.failure.is_null() {
            stored["failure"] = self.failure.clone();
        }
        stored
    }

    pub(crate) fn record(&self) -> Record {
        Record::read(&self.stored().to_string()).expect("it is a history")
    }
}

fn life(server: u32) -> Value {
    json!({ "server": server, "incarnation": 1 })
}

/// The case that the project began with, in short: two candidates that ask while they are cut off, and then wait
/// for the answers.
pub(crate) fn seed_case() -> Run {
    let mut run = Run::new(3);
    run.at(300);
    let vote = run.asks(1, 2, 3);
    run.answers(vote, json!({ "term": 3, "vote_granted": true }));
    run.returns(vote, "Replied").view(1, 3, true).view(2, 3, false).view(0, 3, false);
    for beat in 4..10 {
        run.at(100 * beat);
        for to in [0, 2] {
            let beat = run.appends(1, to, [3, 0, 0]);
            run.answers(beat, json!({ "term": 3, "success": true })).returns(beat, "Replied");
        }
    }
    run.at(1000).cut(1).cut(2);
    run.at(1400);
    let from_2 = [run.asks(2, 0, 4), run.asks(2, 1, 4)];
    run.view(2, 4, false).at(2000);
    let from_0 = [run.asks(0, 1, 4), run.asks(0, 2, 4)];
    run.view(0, 4, false);
    run.at(3000).connect(2).check("check_one_leader");
    for round in 1..=9 {
        run.at(3000 + 500 * u64::from(round)).look(round);
    }
    run.at(7800).returns(from_2[1], "Unreachable").at(7900).returns(from_0[0], "Unreachable");
    run.at(8000).look(10).fails();
    run
}
