//! Histories that are written down by hand, step by step.
//!
//! A step is a method. What happens to a message can be written in one step, such as [`Run::vote`], or in
//! several: [`Run::asks`], [`Run::delivers`], [`Run::ends`], [`Run::returns`].

use report::explain::{Confidence, Explanation};
use report::{
    Caller, Demand, Detail, Event, EventKind, Failure, Fields, History, NetworkChange, Outcome,
    Payload, Role, RpcId, StepKind, Story, TaskEnding, Time, explain, spec,
};
use serde_json::{Value, json};

/// How long a message takes in a step that has all of it.
const ON_ITS_WAY: u64 = 300;

/// A run of servers that begin in term 0, all connected.
#[derive(Clone)]
pub struct Run {
    lives: Vec<u32>,
    now: Time,
    calls: u64,
    events: Vec<Event>,
}

/// RequestVote.
pub struct Ask {
    /// The candidate's term.
    pub term: u64,
    /// The term of its last entry.
    pub last_term: u64,
    /// The index of its last entry.
    pub last_index: u64,
}

/// AppendEntries: the terms of its entries, and what precedes them.
pub struct Append<'a> {
    /// The leader's term.
    pub term: u64,
    /// The index of the entry before.
    pub prev_index: u64,
    /// Its term.
    pub prev_term: u64,
    /// The term of each entry.
    pub entries: &'a [u64],
    /// The leader's commit index.
    pub commit: u64,
}

/// A request that asks with an empty log.
pub fn ask(term: u64) -> Ask {
    Ask { term, last_term: 0, last_index: 0 }
}

/// A heartbeat to an empty log.
pub fn heartbeat(term: u64) -> Append<'static> {
    entries(term, &[])
}

/// The entries of a log from its beginning.
pub fn entries(term: u64, entries: &[u64]) -> Append<'_> {
    Append { term, prev_index: 0, prev_term: 0, entries, commit: 0 }
}

/// The entries that follow an index and its term, and the leader's commit index.
pub fn append(
    term: u64,
    [prev_index, prev_term]: [u64; 2],
    entries: &[u64],
    commit: u64,
) -> Append<'_> {
    Append { term, prev_index, prev_term, entries, commit }
}

/// The reply that grants a vote.
pub fn granted(term: u64) -> Value {
    json!({ "term": term, "vote_granted": true })
}

/// The reply that refuses a vote.
pub fn denied(term: u64) -> Value {
    json!({ "term": term, "vote_granted": false })
}

/// The reply of a follower that has the entries.
pub fn success(term: u64) -> Value {
    json!({ "term": term, "success": true })
}

/// The reply of a follower that refuses entries.
pub fn refusal(term: u64) -> Value {
    json!({ "term": term, "success": false })
}

impl Run {
    /// All servers start, connected.
    pub fn new(servers: usize) -> Run {
        let lives = vec![1; servers];
        let mut run = Run { lives, now: Time(0), calls: 0, events: Vec::new() };
        for server in 0..servers as u32 {
            let caller = run.caller(server);
            run.event(EventKind::Started { server: caller }).event(EventKind::Connected { server });
        }
        run
    }

    /// A server, in its present incarnation.
    pub fn caller(&self, server: u32) -> Caller {
        Caller { server, incarnation: self.lives[server as usize] }
    }

    /// Anything that happens.
    pub fn event(&mut self, kind: EventKind) -> &mut Run {
        self.events.push(Event { at: self.now, kind });
        self
    }

    /// What follows happens so many ms after the beginning.
    pub fn at(&mut self, ms: u64) -> &mut Run {
        self.now = Time(ms * 1000);
        self
    }

    /// What follows happens so many µs after the beginning.
    pub fn at_us(&mut self, us: u64) -> &mut Run {
        self.now = Time(us);
        self
    }

    /// Some milliseconds go by.
    pub fn wait(&mut self, ms: u64) -> &mut Run {
        self.now.0 += ms * 1000;
        self
    }

    /// The script does something.
    pub fn step(&mut self, what: &str) -> &mut Run {
        let (what, file) = (what.to_owned().into(), "script.rs".into());
        self.event(EventKind::Step { what, file, line: 1, kind: StepKind::Check })
    }

    /// The script looks for a leader, and finds none.
    pub fn looks(&mut self, round: u32) -> &mut Run {
        self.event(EventKind::Looked { round, rounds: 10, leader: None })
    }

    /// A server logs a line.
    pub fn logs(&mut self, server: u32, text: &str) -> &mut Run {
        let (server, text) = (Some(self.caller(server)), text.to_owned());
        self.event(EventKind::Logged { server, level: "INFO".into(), target: "raft".into(), text })
    }

    /// The script changes the network.
    pub fn network(&mut self, change: NetworkChange) -> &mut Run {
        let what = match change {
            NetworkChange::Reliable => "the network is reliable",
            NetworkChange::SyncTime { us: 0 } => "a sync takes no time",
            _ => "the network is another",
        };
        self.event(EventKind::Network { what: what.into(), change })
    }

    /// A server is cut off from all others.
    pub fn disconnect(&mut self, server: u32) -> &mut Run {
        self.event(EventKind::Disconnected { server })
    }

    /// A server is connected again.
    pub fn connect(&mut self, server: u32) -> &mut Run {
        self.event(EventKind::Connected { server })
    }

    /// A server crashes.
    pub fn crash(&mut self, server: u32) -> &mut Run {
        self.event(EventKind::Crashed { server: self.caller(server) })
    }

    /// A server that has crashed starts again.
    pub fn start(&mut self, server: u32) -> &mut Run {
        self.lives[server as usize] += 1;
        self.event(EventKind::Started { server: self.caller(server) })
    }

    /// A server crashes and starts again at once.
    pub fn restart(&mut self, server: u32) -> &mut Run {
        self.crash(server).start(server)
    }

    /// A server is seen in a term, as a follower or a candidate.
    pub fn in_term(&mut self, server: u32, term: u64) -> &mut Run {
        self.view(server, term, Role::Follower, None)
    }

    /// A server is seen as the leader of a term.
    pub fn leads(&mut self, server: u32, term: u64) -> &mut Run {
        self.view(server, term, Role::Leader, None)
    }

    /// A server is seen, and tells its log's last entry, by index and term, and its commit index.
    pub fn tell(
        &mut self,
        server: u32,
        (term, role): (u64, Role),
        [last_index, last_term]: [u64; 2],
        commit_index: u64,
    ) -> &mut Run {
        let (voted_for, last_applied, snapshot_index) = (None, 0, 0);
        let detail = Detail {
            role,
            voted_for,
            last_index,
            last_term,
            commit_index,
            last_applied,
            snapshot_index,
        };
        self.view(server, term, role, Some(Box::new(detail)))
    }

    /// A server is seen, with all that it tells.
    pub fn view(
        &mut self,
        server: u32,
        term: u64,
        role: Role,
        detail: Option<Box<Detail>>,
    ) -> &mut Run {
        let (server, is_leader) = (self.caller(server), role == Role::Leader);
        self.event(EventKind::Viewed { server, term, is_leader, detail })
    }

    /// A message leaves its sender.
    pub fn sends(&mut self, from: u32, to: u32, method: &str, args: &Value) -> RpcId {
        self.sends_as(self.caller(from), to, method, args)
    }

    /// The same, by some incarnation of its sender.
    pub fn sends_as(&mut self, from: Caller, to: u32, method: &str, args: &Value) -> RpcId {
        let id = RpcId(self.calls);
        self.calls += 1;
        let (from, to, method) = (Some(from), Some(to), method.to_owned().into());
        self.event(EventKind::RpcSent { id, from, to, method, args: payload(args) });
        id
    }

    /// A candidate asks for a vote.
    pub fn asks(&mut self, from: u32, to: u32, ask: &Ask) -> RpcId {
        let Ask { term, last_term, last_index } = ask;
        let args = json!({
            "term": term, "candidate_id": from, "last_log_index": last_index,
            "last_log_term": last_term,
        });
        self.sends(from, to, "Raft.RequestVote", &args)
    }

    /// A leader sends entries, or none.
    pub fn appends(&mut self, from: u32, to: u32, append: &Append<'_>) -> RpcId {
        let Append { term, prev_index, prev_term, entries, commit } = append;
        let entries: Vec<Value> = entries.iter().map(|term| json!({ "term": term })).collect();
        let args = json!({
            "term": term, "leader_id": from, "prev_log_index": prev_index,
            "prev_log_term": prev_term, "entries": entries, "leader_commit": commit,
        });
        self.sends(from, to, "Raft.AppendEntries", &args)
    }

    /// A leader sends its snapshot.
    pub fn installs(&mut self, from: u32, to: u32, [index, term]: [u64; 2]) -> RpcId {
        let args = json!({
            "term": term, "leader_id": from, "last_included_index": index,
            "last_included_term": term, "data": [7],
        });
        self.sends(from, to, "Raft.InstallSnapshot", &args)
    }

    /// A message reaches its server.
    pub fn delivers(&mut self, id: RpcId) -> &mut Run {
        self.event(EventKind::RpcDelivered { id, life: None })
    }

    /// A message's handler ends.
    pub fn ends(&mut self, id: RpcId, reply: &Value) -> &mut Run {
        self.event(EventKind::RpcHandled { id, reply: payload(reply) })
    }

    /// A call returns.
    pub fn returns(&mut self, id: RpcId, outcome: Outcome) -> &mut Run {
        self.event(EventKind::RpcReturned { id, outcome })
    }

    /// A call's caller drops it.
    pub fn drops(&mut self, id: RpcId) -> &mut Run {
        self.event(EventKind::RpcDropped { id })
    }

    /// A server refuses a command.
    pub fn refuses(&mut self, server: u32) -> &mut Run {
        self.event(EventKind::Refused { server: self.caller(server) })
    }

    /// A server's task ends that was spawned at the beginning.
    pub fn ends_task(&mut self, server: u32, line: u32, how: TaskEnding) -> &mut Run {
        let (server, began) = (self.caller(server), Time(0));
        self.event(EventKind::TaskEnded { server, file: "src/raft.rs".into(), line, began, how })
    }

    /// A message arrives some time later. Its handler is at work.
    pub fn arrives(&mut self, id: RpcId) -> &mut Run {
        self.now.0 += ON_ITS_WAY;
        self.delivers(id)
    }

    /// The handler of a message that has arrived ends, and its reply arrives some time later.
    pub fn replies(&mut self, id: RpcId, reply: &Value) -> &mut Run {
        self.ends(id, reply);
        self.now.0 += ON_ITS_WAY;
        self.returns(id, Outcome::Replied)
    }

    /// A message arrives, and so does its reply.
    pub fn answers(&mut self, id: RpcId, reply: &Value) -> &mut Run {
        self.arrives(id).replies(id, reply)
    }

    /// A call whose reply arrives within a millisecond.
    pub fn call(
        &mut self,
        from: u32,
        to: u32,
        method: &str,
        args: Value,
        reply: Value,
    ) -> &mut Run {
        let id = self.sends(from, to, method, &args);
        self.answers(id, &reply)
    }

    /// A request for a vote with an empty log, which is granted.
    pub fn vote(&mut self, candidate: u32, voter: u32, term: u64) -> &mut Run {
        self.vote_with(candidate, voter, &ask(term))
    }

    /// The same with some log.
    pub fn vote_with(&mut self, candidate: u32, voter: u32, ask: &Ask) -> &mut Run {
        let id = self.asks(candidate, voter, ask);
        self.answers(id, &granted(ask.term))
    }

    /// The same, and it is refused.
    pub fn refuse(&mut self, candidate: u32, voter: u32, term: u64) -> &mut Run {
        let id = self.asks(candidate, voter, &ask(term));
        self.answers(id, &denied(term))
    }

    /// The same, and the vote gets lost on its way back.
    pub fn give(&mut self, candidate: u32, voter: u32, term: u64) -> &mut Run {
        let id = self.asks(candidate, voter, &ask(term));
        self.arrives(id).ends(id, &granted(term))
    }

    /// A server sees the term of its candidacy, all others vote for it and see it, and it leads.
    pub fn elect(&mut self, leader: u32, term: u64) -> &mut Run {
        self.in_term(leader, term);
        for voter in (0..self.lives.len() as u32).filter(|&voter| voter != leader) {
            self.vote(leader, voter, term).in_term(voter, term);
        }
        self.leads(leader, term)
    }

    /// A follower accepts entries, or none.
    pub fn accept(&mut self, from: u32, to: u32, append: &Append<'_>) -> &mut Run {
        let id = self.appends(from, to, append);
        self.answers(id, &success(append.term))
    }

    /// A follower refuses entries.
    pub fn reject(&mut self, from: u32, to: u32, append: &Append<'_>) -> &mut Run {
        let id = self.appends(from, to, append);
        self.answers(id, &refusal(append.term))
    }

    /// A server accepts a command.
    pub fn propose(&mut self, server: u32, index: u64, term: u64) -> &mut Run {
        self.propose_command(server, [index, term], "100")
    }

    /// The same, of some command.
    pub fn propose_command(
        &mut self,
        server: u32,
        [index, term]: [u64; 2],
        command: &str,
    ) -> &mut Run {
        let (server, command) = (self.caller(server), payload(&json!(command)));
        self.event(EventKind::Proposed { server, index, term, command })
    }

    /// The same in term 1, of a command of so many bytes.
    pub fn propose_bytes(&mut self, server: u32, index: u64, bytes: usize) -> &mut Run {
        let command = Payload::new(&vec![0; bytes], &Fields::default(), |_| Ok(Value::Null));
        let server = self.caller(server);
        self.event(EventKind::Proposed { server, index, term: 1, command })
    }

    /// A server applies a command, the one of [`Run::propose`].
    pub fn apply(&mut self, server: u32, index: u64) -> &mut Run {
        self.apply_command(server, index, "100")
    }

    /// The same, of some command.
    pub fn apply_command(&mut self, server: u32, index: u64, command: &str) -> &mut Run {
        let (server, command) = (self.caller(server), payload(&json!(command)));
        self.event(EventKind::Applied { server, index, command })
    }

    /// A server applies a snapshot of so many bytes.
    pub fn apply_snapshot(&mut self, server: u32, index: u64, bytes: u64) -> &mut Run {
        self.event(EventKind::AppliedSnapshot { server: self.caller(server), index, bytes })
    }

    /// A server's service makes a snapshot.
    pub fn snapshot(&mut self, server: u32, index: u64) -> &mut Run {
        self.event(EventKind::Snapshotted { server: self.caller(server), index })
    }

    /// A server saves so many bytes of state and of snapshot.
    pub fn save(&mut self, server: u32, [state, snapshot]: [u64; 2]) -> &mut Run {
        self.event(EventKind::Saved { server: self.caller(server), state, snapshot })
    }

    /// The time.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The events so far.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The same as a history.
    pub fn history(&self) -> History {
        let mut history = History::new();
        self.events.iter().cloned().for_each(|Event { at, kind }| history.record(at, kind));
        history
    }

    /// What is stored of the run, event by event. It belongs to the test `TestX`, has passed, and ends now.
    ///
    /// # Panics
    /// If an event can't be stored.
    pub fn stored(&self) -> Value {
        json!({
            "format": 1, "test": "TestX", "replay": "cargo test TestX", "seed": 7, "clock": "virtual",
            "banner": "Test (3A): x", "servers": self.lives.len(), "end": self.now, "warnings": [],
            "events": self.events
        })
    }

    /// What has happened so far.
    pub fn story(&self) -> Story {
        Story::new(&self.history(), self.lives.len())
    }

    /// The run has failed.
    pub fn fails(self, demand: impl Into<Demand>, message: &str) -> (Story, Failure, Explanation) {
        let (story, Demand { kind, check }) = (self.story(), demand.into());
        let (message, location) = (message.to_owned(), "script.rs:1".to_owned());
        let failure = Failure { kind, check, message, location, at: self.now };
        let explanation = explain(&story, &failure);
        (story, failure, explanation)
    }

    /// Whether a rule is broken for certain, by its number.
    pub fn trips(&self, id: &str) -> bool {
        judge(id, &self.story())
    }

    /// Whether a rule is broken for certain, by its number, if something older is missing.
    pub fn trips_without_the_beginning(&self, id: &str) -> bool {
        judge(id, &Story { dropped: 1, ..self.story() })
    }
}

/// The ids of the causes that were found, the most likely first; none if nothing is known.
pub fn causes(explanation: &Explanation) -> Vec<&str> {
    let known = explanation.findings.iter().filter(|it| it.confidence != Confidence::Unknown);
    known.map(|finding| &*finding.id).collect()
}

fn judge(number: &str, story: &Story) -> bool {
    let mut known = spec::RULES.iter().filter(|rule| rule.alias == Some(number)).peekable();
    assert!(known.peek().is_some(), "no rule has the number {number}");
    spec::unsafe_steps(story).iter().any(|breach| breach.rule.alias == Some(number))
}

/// A message, as if read from a stored history.
fn payload(value: &Value) -> Payload {
    let bytes = value.to_string().len();
    serde_json::from_value(json!({ "bytes": bytes, "value": value })).expect("it is a payload")
}
