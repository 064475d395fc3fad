//! A history that is written down call by call.

use report::story::Story;
use report::{
    Caller, Detail, Event, EventKind, Fields, History, Outcome, Payload, Role, RpcId, TaskEnding,
    Time, monitor,
};
use serde_json::{Value, json};

/// A history under way. All servers are alive and connected from the beginning, and each event happens
/// at the time that was set last.
pub(crate) struct Sketch {
    history: History,
    now: Time,
    lives: Vec<u32>,
    calls: u64,
}

/// RequestVote.
pub(crate) struct Ask {
    pub(crate) term: u64,
    pub(crate) last_term: u64,
    pub(crate) last_index: u64,
}

/// AppendEntries: the terms of its entries, and what precedes them.
pub(crate) struct Append<'a> {
    pub(crate) term: u64,
    pub(crate) prev_index: u64,
    pub(crate) prev_term: u64,
    pub(crate) entries: &'a [u64],
    pub(crate) commit: u64,
}

/// A request that asks with an empty log.
pub(crate) fn ask(term: u64) -> Ask {
    Ask { term, last_term: 0, last_index: 0 }
}

/// A heartbeat to an empty log.
pub(crate) fn heartbeat(term: u64) -> Append<'static> {
    Append { term, prev_index: 0, prev_term: 0, entries: &[], commit: 0 }
}

/// The entries of a log from its beginning.
pub(crate) fn entries(term: u64, entries: &[u64]) -> Append<'_> {
    Append { term, prev_index: 0, prev_term: 0, entries, commit: 0 }
}

pub(crate) fn granted(term: u64) -> Value {
    json!({ "term": term, "vote_granted": true })
}

pub(crate) fn denied(term: u64) -> Value {
    json!({ "term": term, "vote_granted": false })
}

pub(crate) fn success(term: u64) -> Value {
    json!({ "term": term, "success": true })
}

pub(crate) fn refusal(term: u64) -> Value {
    json!({ "term": term, "success": false })
}

impl Sketch {
    /// A run of `servers` servers.
    pub(crate) fn of(servers: usize) -> Sketch {
        let lives = vec![1; servers];
        let mut sketch = Sketch { history: History::new(), now: Time(0), lives, calls: 0 };
        for server in 0..servers as u32 {
            sketch.record(EventKind::Started { server: Caller { server, incarnation: 1 } });
            sketch.record(EventKind::Connected { server });
        }
        sketch
    }

    /// What follows happens so many ms after the beginning.
    pub(crate) fn at(&mut self, ms: u64) -> &mut Sketch {
        self.now = Time(ms * 1000);
        self
    }

    fn record(&mut self, kind: EventKind) {
        self.history.record(self.now, kind);
    }

    fn now(&self, server: u32) -> Caller {
        Caller { server, incarnation: self.lives[server as usize] }
    }

    fn sends(&mut self, from: u32, to: u32, method: &'static str, args: &Value) -> RpcId {
        let id = RpcId(self.calls);
        self.calls += 1;
        let (from, to) = (Some(self.now(from)), Some(to));
        self.record(EventKind::RpcSent {
            id,
            from,
            to,
            method: method.into(),
            args: payload(args),
        });
        id
    }

    /// A candidate asks for a vote.
    pub(crate) fn asks(&mut self, from: u32, to: u32, ask: &Ask) -> RpcId {
        let Ask { term, last_term, last_index } = ask;
        let args =
            json!({ "term": term, "last_log_term": last_term, "last_log_index": last_index });
        self.sends(from, to, "Raft.RequestVote", &args)
    }

    /// A leader sends entries, or none.
    pub(crate) fn appends(&mut self, from: u32, to: u32, append: &Append<'_>) -> RpcId {
        let Append { term, prev_index, prev_term, entries, commit } = append;
        let entries: Vec<Value> = entries.iter().map(|term| json!({ "term": term })).collect();
        let args = json!({
            "term": term, "prev_log_index": prev_index, "prev_log_term": prev_term,
            "entries": entries, "leader_commit": commit,
        });
        self.sends(from, to, "Raft.AppendEntries", &args)
    }

    /// A leader sends its snapshot.
    pub(crate) fn installs(&mut self, from: u32, to: u32, (index, term): (u64, u64)) -> RpcId {
        let args = json!({ "term": term, "last_included_index": index });
        self.sends(from, to, "Raft.InstallSnapshot", &args)
    }

    /// A call reaches its server.
    pub(crate) fn delivers(&mut self, id: RpcId) -> &mut Sketch {
        self.record(EventKind::RpcDelivered { id, life: None });
        self
    }

    /// A call's handler ends.
    pub(crate) fn ends(&mut self, id: RpcId, reply: &Value) -> &mut Sketch {
        self.record(EventKind::RpcHandled { id, reply: payload(reply) });
        self
    }

    /// A call returns.
    pub(crate) fn returns(&mut self, id: RpcId, outcome: Outcome) -> &mut Sketch {
        self.record(EventKind::RpcReturned { id, outcome });
        self
    }

    /// A call's caller drops it.
    pub(crate) fn drops(&mut self, id: RpcId) -> &mut Sketch {
        self.record(EventKind::RpcDropped { id });
        self
    }

    /// A server refuses a command.
    pub(crate) fn refuses(&mut self, server: u32) -> &mut Sketch {
        let server = self.now(server);
        self.record(EventKind::Refused { server });
        self
    }

    /// A server's task ends that was spawned at the beginning.
    pub(crate) fn ends_task(&mut self, server: u32, line: u32, how: TaskEnding) -> &mut Sketch {
        let (server, began) = (self.now(server), Time(0));
        self.record(EventKind::TaskEnded { server, file: "src/raft.rs".into(), line, began, how });
        self
    }

    /// What has happened, put together.
    pub(crate) fn story(&self) -> Story {
        Story::new(&self.history, self.lives.len())
    }

    /// A call is delivered, handled and answered at once.
    pub(crate) fn answers(&mut self, id: RpcId, reply: &Value) -> &mut Sketch {
        self.delivers(id).ends(id, reply).returns(id, Outcome::Replied)
    }

    /// A server is elected by another one.
    pub(crate) fn elects(&mut self, candidate: u32, voter: u32, ask: &Ask) -> &mut Sketch {
        let id = self.asks(candidate, voter, ask);
        self.answers(id, &granted(ask.term))
    }

    /// A server is crashed and started again.
    pub(crate) fn restarts(&mut self, server: u32) -> &mut Sketch {
        self.record(EventKind::Disconnected { server });
        self.record(EventKind::Crashed { server: self.now(server) });
        self.lives[server as usize] += 1;
        self.record(EventKind::Started { server: self.now(server) });
        self.record(EventKind::Connected { server });
        self
    }

    /// A server is cut off.
    pub(crate) fn cuts_off(&mut self, server: u32) -> &mut Sketch {
        self.record(EventKind::Disconnected { server });
        self
    }

    /// A server is seen in a term, and believes that it leads or not.
    pub(crate) fn views(&mut self, server: u32, term: u64, role: Role) -> &mut Sketch {
        let is_leader = role == Role::Leader;
        let server = self.now(server);
        self.record(EventKind::Viewed { server, term, is_leader, detail: None });
        self
    }

    /// A server is seen with a commit index.
    pub(crate) fn views_commit(&mut self, server: u32, commit_index: u64) -> &mut Sketch {
        let detail = Some(Box::new(Detail {
            role: Role::Follower,
            voted_for: None,
            last_index: 9,
            last_term: 1,
            commit_index,
            last_applied: 0,
            snapshot_index: 0,
        }));
        let server = self.now(server);
        self.record(EventKind::Viewed { server, term: 1, is_leader: false, detail });
        self
    }

    /// A server accepts a command of so many bytes.
    pub(crate) fn proposes(&mut self, server: u32, index: u64, bytes: usize) -> &mut Sketch {
        let command = Payload::new(&vec![0; bytes], &Fields::default(), |_| Ok(Value::Null));
        let server = self.now(server);
        self.record(EventKind::Proposed { server, index, term: 1, command });
        self
    }

    /// A server applies a command.
    pub(crate) fn applies(&mut self, server: u32, index: u64, command: &str) -> &mut Sketch {
        let command = payload(&json!(command));
        let server = self.now(server);
        self.record(EventKind::Applied { server, index, command });
        self
    }

    /// A server is given a snapshot, and then saves its state, of so many bytes.
    pub(crate) fn snapshots(&mut self, server: u32, index: u64, state: u64) -> &mut Sketch {
        let server = self.now(server);
        self.record(EventKind::Snapshotted { server, index });
        self.record(EventKind::Saved { server, state, snapshot: 10 });
        self
    }

    /// What has happened so far.
    pub(crate) fn events(&self) -> &[Event] {
        self.history.events()
    }

    /// Whether a monitor is tripped.
    pub(crate) fn trips(&self, id: &str) -> bool {
        judge(id, &Story::new(&self.history, self.lives.len()))
    }

    /// Whether a monitor is tripped if something older is missing.
    pub(crate) fn trips_without_the_beginning(&self, id: &str) -> bool {
        let story = Story::new(&self.history, self.lives.len());
        judge(id, &Story { dropped: 1, ..story })
    }
}

fn judge(id: &str, story: &Story) -> bool {
    let monitor = monitor::ALL.iter().find(|monitor| monitor.id == id);
    !(monitor.expect("there is such a monitor").check)(story).is_empty()
}

/// A message, as if read from a stored history.
fn payload(value: &Value) -> Payload {
    let bytes = value.to_string().len();
    serde_json::from_value(json!({ "bytes": bytes, "value": value })).expect("it is a payload")
}
