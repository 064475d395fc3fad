//! Runs that are written down step by step.

use report::explain::Explanation;
use report::{Demand, Event, Failure, History, NetworkChange, Story, Time, explain};
use serde_json::{Value, json};

/// A run of servers that begin in term 0, all connected.
#[derive(Clone)]
pub(crate) struct Run {
    servers: u32,
    lives: Vec<u32>,
    now: u64,
    calls: u64,
    events: Vec<Value>,
}

impl Run {
    pub(crate) fn new(servers: u32) -> Run {
        let lives = vec![1; servers as usize];
        let mut run = Run { servers, lives, now: 0, calls: 0, events: Vec::new() };
        for server in 0..servers {
            run.event(json!({"event": "started", "server": run.caller(server)}));
            run.event(json!({"event": "connected", "server": server}));
        }
        run
    }

    fn caller(&self, server: u32) -> Value {
        json!({"server": server, "incarnation": self.lives[server as usize]})
    }

    fn event(&mut self, mut event: Value) {
        event["at"] = json!(self.now);
        self.events.push(event);
    }

    /// Some milliseconds go by.
    pub(crate) fn wait(&mut self, ms: u64) {
        self.now += ms * 1000;
    }

    pub(crate) fn step(&mut self, what: &str) {
        self.event(json!({"event": "step", "what": what, "file": "script.rs", "line": 1}));
    }

    pub(crate) fn restart(&mut self, server: u32) {
        self.event(json!({"event": "crashed", "server": self.caller(server)}));
        self.lives[server as usize] += 1;
        self.event(json!({"event": "started", "server": self.caller(server)}));
    }

    pub(crate) fn view(&mut self, server: u32, term: u64, is_leader: bool) {
        let server = self.caller(server);
        self.event(
            json!({"event": "viewed", "server": server, "term": term, "is_leader": is_leader}),
        );
    }

    /// The same, and it tells its log's last entry, by index and term, and its commit index.
    pub(crate) fn tell(
        &mut self,
        server: u32,
        (term, is_leader): (u64, bool),
        [last_index, last_term]: [u64; 2],
        commit: u64,
    ) {
        let server = self.caller(server);
        let detail = json!({
            "role": if is_leader { "leader" } else { "follower" }, "voted_for": null,
            "last_index": last_index, "last_term": last_term, "commit_index": commit,
            "last_applied": 0, "snapshot_index": 0,
        });
        self.event(json!({
            "event": "viewed", "server": server, "term": term, "is_leader": is_leader,
            "detail": detail,
        }));
    }

    /// A request is sent and delivered; its handler is at work.
    pub(crate) fn open(&mut self, from: u32, to: u32, method: &str, args: Value) -> u64 {
        let id = self.calls;
        self.send(from, to, method, args);
        self.now += 300;
        self.event(json!({"event": "rpc_delivered", "id": id}));
        id
    }

    /// The handler of an open request ends, and its reply arrives.
    pub(crate) fn close(&mut self, id: u64, reply: Value) {
        let reply = json!({"bytes": 20, "value": reply});
        self.event(json!({"event": "rpc_handled", "id": id, "reply": reply}));
        self.now += 300;
        self.event(json!({"event": "rpc_returned", "id": id, "outcome": "Replied"}));
    }

    /// A call whose reply arrives within a millisecond.
    pub(crate) fn call(&mut self, from: u32, to: u32, method: &str, args: Value, reply: Value) {
        self.call_that(from, to, method, args, reply, |_| {});
    }

    /// The same, with something that happens before the handler ends.
    pub(crate) fn call_that(
        &mut self,
        from: u32,
        to: u32,
        method: &str,
        args: Value,
        reply: Value,
        meanwhile: impl FnOnce(&mut Run),
    ) {
        let id = self.calls;
        self.send(from, to, method, args);
        self.now += 300;
        self.event(json!({"event": "rpc_delivered", "id": id}));
        meanwhile(self);
        let reply = json!({"bytes": 20, "value": reply});
        self.event(json!({"event": "rpc_handled", "id": id, "reply": reply}));
        self.now += 300;
        self.event(json!({"event": "rpc_returned", "id": id, "outcome": "Replied"}));
    }

    /// A request for a vote with an empty log, which is granted.
    pub(crate) fn vote(&mut self, candidate: u32, voter: u32, term: u64) {
        let reply = json!({"term": term, "vote_granted": true});
        self.call(candidate, voter, "Raft.RequestVote", vote_args(candidate, term), reply);
    }

    /// The same, and it is refused.
    pub(crate) fn refuse(&mut self, candidate: u32, voter: u32, term: u64) {
        let reply = json!({"term": term, "vote_granted": false});
        self.call(candidate, voter, "Raft.RequestVote", vote_args(candidate, term), reply);
    }

    /// The same, and the vote gets lost on its way back.
    pub(crate) fn give(&mut self, candidate: u32, voter: u32, term: u64) {
        let id = self.calls;
        self.ask(candidate, voter, term);
        self.now += 300;
        self.event(json!({"event": "rpc_delivered", "id": id}));
        let reply = json!({"bytes": 20, "value": {"term": term, "vote_granted": true}});
        self.event(json!({"event": "rpc_handled", "id": id, "reply": reply}));
    }

    /// A request for a vote to which nothing comes back.
    pub(crate) fn ask(&mut self, candidate: u32, voter: u32, term: u64) {
        self.send(candidate, voter, "Raft.RequestVote", vote_args(candidate, term));
    }

    /// A heartbeat to which nothing comes back.
    pub(crate) fn beat(&mut self, leader: u32, follower: u32, term: u64) {
        let args = json!({
            "term": term, "leader_id": leader, "prev_log_index": 0, "prev_log_term": 0,
            "entries": [], "leader_commit": 0,
        });
        self.send(leader, follower, "Raft.AppendEntries", args);
    }

    fn send(&mut self, from: u32, to: u32, method: &str, args: Value) {
        let from = self.caller(from);
        self.event(json!({
            "event": "rpc_sent", "id": self.calls, "from": from, "to": to, "method": method,
            "args": {"bytes": 20, "value": args},
        }));
        self.calls += 1;
    }

    /// The script changes the network.
    pub(crate) fn network(&mut self, change: NetworkChange) {
        let what = match change {
            NetworkChange::Reliable => "the network is reliable",
            NetworkChange::SyncTime { us: 0 } => "a sync takes no time",
            _ => "the network is another",
        };
        self.event(json!({"event": "network", "what": what, "change": change}));
    }

    /// All others vote for a server, which leads from then on.
    pub(crate) fn elect(&mut self, leader: u32, term: u64) {
        self.view(leader, term, false);
        for voter in (0..self.servers).filter(|&voter| voter != leader) {
            self.vote(leader, voter, term);
            self.view(voter, term, false);
        }
        self.view(leader, term, true);
    }

    /// AppendEntries: from and to; the previous index and term; how many entries of `term` and the
    /// leader's commit index. The follower answers in `term`.
    pub(crate) fn append(
        &mut self,
        [from, to]: [u32; 2],
        term: u64,
        [prev_index, prev_term]: [u64; 2],
        [entries, commit]: [u64; 2],
        success: bool,
    ) {
        let entries: Vec<Value> = (0..entries).map(|_| json!({"term": term})).collect();
        let args = json!({
            "term": term, "leader_id": from, "prev_log_index": prev_index,
            "prev_log_term": prev_term, "entries": entries, "leader_commit": commit,
        });
        let reply = json!({"term": term, "success": success});
        self.call(from, to, "Raft.AppendEntries", args, reply);
    }

    pub(crate) fn propose(&mut self, server: u32, index: u64, term: u64) {
        let (server, command) = (self.caller(server), json!({"bytes": 8, "value": "100"}));
        self.event(json!({
            "event": "proposed", "server": server, "index": index, "term": term, "command": command,
        }));
    }

    pub(crate) fn apply(&mut self, server: u32, index: u64) {
        let (server, command) = (self.caller(server), json!({"bytes": 8, "value": "100"}));
        self.event(
            json!({"event": "applied", "server": server, "index": index, "command": command}),
        );
    }

    pub(crate) fn apply_snapshot(&mut self, server: u32, index: u64) {
        self.apply_snapshot_of(server, index, 99);
    }

    /// The same of a snapshot with so many bytes.
    pub(crate) fn apply_snapshot_of(&mut self, server: u32, index: u64, bytes: u64) {
        let server = self.caller(server);
        self.event(
            json!({"event": "applied_snapshot", "server": server, "index": index, "bytes": bytes}),
        );
    }

    pub(crate) fn snapshot(&mut self, server: u32, index: u64) {
        let server = self.caller(server);
        self.event(json!({"event": "snapshotted", "server": server, "index": index}));
    }

    pub(crate) fn save(&mut self, server: u32, [state, snapshot]: [u64; 2]) {
        let server = self.caller(server);
        self.event(
            json!({"event": "saved", "server": server, "state": state, "snapshot": snapshot}),
        );
    }

    /// The time.
    pub(crate) fn now(&self) -> Time {
        Time(self.now)
    }

    /// Something of which there is no other way to write it.
    pub(crate) fn event_of(&mut self, event: Value) {
        self.event(event);
    }

    /// The events so far, as they are stored.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.events.clone()
    }

    /// The same, read.
    pub(crate) fn story_events(self) -> impl Iterator<Item = Event> {
        let read = |event| serde_json::from_value(event).expect("it is an event");
        self.events.into_iter().map(read)
    }

    /// What has happened so far.
    pub(crate) fn story(&self) -> Story {
        let mut history = History::new();
        for event in &self.events {
            let event = serde_json::from_value(event.clone());
            let Event { at, kind } = event.expect("it is an event");
            history.record(at, kind);
        }
        Story::new(&history, self.servers as usize)
    }

    /// The run has failed.
    pub(crate) fn fails(
        self,
        demand: impl Into<Demand>,
        message: &str,
    ) -> (Story, Failure, Explanation) {
        let story = self.story();
        let Demand { kind, check } = demand.into();
        let (message, location) = (message.to_owned(), "script.rs:1".to_owned());
        let failure = Failure { kind, check, message, location, at: Time(self.now) };
        let explanation = explain(&story, &failure);
        (story, failure, explanation)
    }
}

fn vote_args(candidate: u32, term: u64) -> Value {
    json!({"term": term, "candidate_id": candidate, "last_log_index": 0, "last_log_term": 0})
}
