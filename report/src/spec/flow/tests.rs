//! Small runs, of which is known what has reached whom.

use super::*;
use crate::event::{Caller, EventKind, RpcId, Time};
use crate::fields::Fields;
use crate::history::History;
use crate::outcome::Outcome;
use crate::spec::{hides_commands, judge, unsafe_steps, watchable};
use crate::story::Story;

const COMMAND: &[u8] = b"a command of a client";

fn raw(bytes: &[u8]) -> Payload {
    Payload::new(bytes, &Fields::default(), |_| Ok("bytes".into()))
}

/// A run of three servers, of which the first takes a command at index 1 in second 2.
#[derive(Clone)]
struct Run {
    history: History,
    now: u64,
    calls: u64,
}

impl Run {
    fn new() -> Run {
        let (history, now, calls) = (History::new(), 0, 0);
        let mut run = Run { history, now, calls };
        for server in 0..3 {
            run.event(EventKind::Started { server: caller(server) });
        }
        run
    }

    fn event(&mut self, kind: EventKind) -> &mut Run {
        self.history.record(Time(self.now), kind);
        self
    }

    fn wait(&mut self) -> &mut Run {
        self.now += 1_000_000;
        self
    }

    fn call(&mut self, to: u32, args: Payload, reply: Payload) -> &mut Run {
        let (id, from) = (RpcId(self.calls), Some(caller(0)));
        self.calls += 1;
        let method = "Raft.Message".into();
        self.event(EventKind::RpcSent { id, from, to: Some(to), method, args });
        self.now += 100;
        self.event(EventKind::RpcDelivered { id, life: None });
        self.event(EventKind::RpcHandled { id, reply });
        self.now += 100;
        self.event(EventKind::RpcReturned { id, outcome: Outcome::Replied })
    }

    fn says(&mut self, to: u32, bytes: &[u8]) -> &mut Run {
        self.call(to, raw(bytes), raw(&[]))
    }

    fn start(&mut self) -> &mut Run {
        self.wait();
        let (server, index, term, command) = (caller(0), 1, 1, raw(COMMAND));
        self.event(EventKind::Proposed { server, index, term, command }).wait()
    }

    fn apply(&mut self, server: u32) -> &mut Run {
        let (server, index, command) = (caller(server), 1, raw(COMMAND));
        self.event(EventKind::Applied { server, index, command })
    }

    fn view(&mut self, server: u32, term: u64) -> &mut Run {
        let (server, is_leader, detail) = (caller(server), false, None);
        self.event(EventKind::Viewed { server, term, is_leader, detail })
    }

    fn story(&self) -> Story {
        Story::new(&self.history, 3)
    }

    #[track_caller]
    fn assert_unheard(&self, servers: &[u32]) {
        let story = self.story();
        let broken = unsafe_steps(&story);
        let broken = broken.iter().filter(|breach| breach.rule.id == NOT_INFORMED.id);
        let who: Vec<u32> = broken.flat_map(|breach| breach.servers.clone()).collect();
        assert_eq!(who, servers, "{:#?}", judge(&story));
    }
}

fn caller(server: u32) -> Caller {
    Caller { server, incarnation: 1 }
}

/// A message with something around the command.
fn with_command() -> Vec<u8> {
    [b"before", COMMAND, b"after"].concat()
}

#[test]
fn a_command_that_nothing_brought_is_unheard_of() {
    let mut run = Run::new();
    run.start().apply(0).apply(1).apply(2).assert_unheard(&[1, 2]);
    assert!(watchable(&run.story()).commands);
}

#[test]
fn what_came_before_or_is_too_short_brings_nothing() {
    let mut run = Run::new();
    let ping = b"nothing is said by this, at some length";
    run.says(1, ping).start().says(1, ping).says(1, b"").says(1, ping).apply(1);
    run.assert_unheard(&[1]);
}

#[test]
fn a_command_comes_in_a_message_that_nobody_can_read() {
    let mut run = Run::new();
    run.start().says(1, &with_command()).apply(0).apply(1).assert_unheard(&[]);
    // It came to server 1 only.
    run.apply(2).assert_unheard(&[2]);
    assert!(watchable(&run.story()).commands);
}

#[test]
fn a_command_comes_in_a_reply() {
    let mut run = Run::new();
    run.now = 2_000_000;
    let (server, index, term, command) = (caller(1), 1, 1, raw(COMMAND));
    run.event(EventKind::Proposed { server, index, term, command }).wait();
    run.call(1, raw(b"what have you?"), raw(&with_command())).apply(0).assert_unheard(&[]);
}

#[test]
fn a_message_in_another_form_may_bring_anything() {
    let mut run = Run::new();
    run.start().says(1, b"the same, compressed by somebody").apply(1).assert_unheard(&[]);
    assert!(!watchable(&run.story()).commands);
    assert!(!watchable(&run.story()).messages);
}

/// Servers that decide by a static may send noise of any length. Nothing is proven by that, and it is said.
#[test]
fn noise_brings_no_command_that_anybody_can_see() {
    let noise = b"1f6e0d5c27b899a3 and as much again of it";
    let mut run = Run::new();
    run.start().says(1, noise).apply(1).apply(1).assert_unheard(&[]);
    assert!(!hides_commands(&run.story()), "two commands tell little");
    run.apply(1);
    assert!(hides_commands(&run.story()));
    // One that is seen on its way is enough: the others may have come as part of something else.
    let mut run = Run::new();
    run.start().says(1, noise).says(2, &with_command()).apply(2).apply(1).apply(1).apply(1);
    assert!(!hides_commands(&run.story()));
}

#[test]
fn what_says_that_it_brings_an_index_is_believed() {
    let mut run = Run::new();
    let fields = |entries: &[u64]| Fields {
        term: Some(1),
        prev_log_index: Some(0),
        prev_log_term: Some(0),
        entries: Some(entries.iter().copied().map(Some).collect()),
        ..Fields::default()
    };
    let append = |entries: &[u64], behind: &[u8]| {
        let bytes = [b"some twenty bytes or more", behind].concat();
        Payload::new(&bytes, &fields(entries), |_| Ok("bytes".into()))
    };
    run.start().call(1, append(&[], b""), raw(&[])).call(1, append(&[1], COMMAND), raw(&[]));
    run.apply(1).assert_unheard(&[]);
    assert!(!hides_commands(&run.story()));
    // A heartbeat brings nothing.
    run.call(2, append(&[], b""), raw(&[])).apply(2).assert_unheard(&[2]);

    // What has no room for a command doesn't bring it, and what has room may: in a form that isn't known.
    for (behind, unheard) in [(&b""[..], &[1][..]), (b"term", &[1]), (b"compressed", &[])] {
        let mut run = Run::new();
        run.call(1, append(&[], b""), raw(&[]));
        run.start().call(1, append(&[1], behind), raw(&[])).apply(1).assert_unheard(unheard);
        assert!(!watchable(&run.story()).commands || !unheard.is_empty());
        assert!(!hides_commands(&run.story()), "one command alone tells nothing");
        run.apply(1).apply(1);
        assert!(hides_commands(&run.story()));
    }
}

#[test]
fn a_leader_that_nobody_can_have_elected_is_unelected() {
    let unelected = |run: &mut Run| {
        let story = run.wait().view(2, 0).story();
        let broken = unsafe_steps(&story);
        broken.iter().any(|breach| breach.rule.id == "leads-unelected")
    };
    let leads = |run: &mut Run, term: u64| {
        let (server, is_leader, detail) = (caller(0), true, None);
        run.event(EventKind::Viewed { server, term, is_leader, detail });
        unelected(run)
    };
    assert!(leads(&mut Run::new(), 1));
    // A vote may be in a reply that nobody can read, also if it is the same word each time.
    assert!(!leads(Run::new().call(1, raw(b"I ask for a vote in term 1"), raw(b"yes")), 1));
    assert!(leads(Run::new().call(0, raw(b"I ask myself for a vote"), raw(b"yes")), 1));
    // What is said all the time asks for nothing.
    let mut run = Run::new();
    let ping = || raw(b"nothing is said by this, at some length");
    run.call(1, ping(), raw(b"yes")).wait().view(0, 1).wait().wait().call(1, ping(), raw(b"yes"));
    assert!(leads(&mut run.clone(), 2));
    assert!(!leads(run.call(1, raw(b"a vote in term 2, if you please"), raw(b"yes")), 2));
    // A message of the voter's own is a vote only if it has heard of the candidate.
    let says = |run: &mut Run, from: u32, to: u32| {
        let (id, method) = (RpcId(run.calls), "Raft.Message".into());
        run.calls += 1;
        let (from, args) = (Some(caller(from)), raw(b"a message without an answer"));
        run.event(EventKind::RpcSent { id, from, to: Some(to), method, args });
        run.now += 100;
        run.event(EventKind::RpcDelivered { id, life: None });
    };
    let mut run = Run::new();
    says(&mut run, 1, 0);
    assert!(leads(&mut run.clone(), 1));
    says(&mut run, 0, 1);
    assert!(leads(&mut run.clone(), 1));
    says(&mut run, 1, 0);
    assert!(!leads(&mut run, 1));
    // What is said for a moment only is on its way from one term to the next.
    let mut run = Run::new();
    let (server, detail) = (caller(0), None);
    run.event(EventKind::Viewed { server, term: 1, is_leader: true, detail }).view(0, 2);
    assert!(!unelected(&mut run));
}

#[test]
fn a_restarted_server_has_what_it_had() {
    let mut run = Run::new();
    run.start().says(1, &with_command());
    run.event(EventKind::Crashed { server: caller(1) });
    let server = Caller { server: 1, incarnation: 2 };
    run.event(EventKind::Started { server }).wait();
    let (index, command) = (1, raw(COMMAND));
    run.event(EventKind::Applied { server, index, command }).assert_unheard(&[]);
}

#[test]
fn a_term_that_nobody_told_is_unheard_of() {
    let mut run = Run::new();
    run.view(0, 1).view(1, 1).view(0, 2).view(0, 3).view(1, 2).assert_unheard(&[]);
    run.view(2, 3).assert_unheard(&[2]);
}

/// Where a log has an entry that nobody asked for, a request may have another one in its place.
#[test]
fn entries_are_sent_as_others() {
    let commands = [&b"the first command"[..], b"the second command"];
    let tells = |prev: u64, commands_before: Option<u64>, sent: &[&[u8]]| {
        let mut run = Run::new();
        let entries = sent.iter().map(|_| Some(1)).collect();
        let fields = Fields {
            term: Some(1),
            prev_log_index: Some(prev),
            prev_log_term: Some(prev.min(1)),
            entries: Some(entries),
            commands_before,
            ..Fields::default()
        };
        for (index, command) in (1..).zip(commands) {
            let (server, term, command) = (caller(0), 1, raw(command));
            run.event(EventKind::Proposed { server, index, term, command }).wait();
        }
        let answer = Fields { term: Some(1), success: Some(true), ..Fields::default() };
        let [args, reply] = [(sent.concat(), fields), (Vec::new(), answer)]
            .map(|(bytes, fields)| Payload::new(&bytes, &fields, |_| Ok("bytes".into())));
        run.call(1, args, reply);
        // By itself this is doubtful, whatever was sent.
        let (server, index, command) = (caller(1), 7, raw(commands[1]));
        run.event(EventKind::Applied { server, index, command });
        judge(&run.story()).iter().any(|breach| breach.rule.id == "request-of-another-index")
    };
    let sends = |prev, sent: &[&[u8]]| tells(prev, None, sent);
    assert!(sends(2, &commands));
    assert!(!sends(0, &commands));
    assert!(!sends(2, &[b"what it has of others may be anywhere"]));
    // Two blank entries before the commands have indexes in messages only.
    assert!(!tells(2, Some(0), &commands));
}

/// Server 0 has five commands of its own, saves so many bytes, crashes, is told so much, and applies all five again.
fn remembers(saved: u64, told: &[u8]) -> Run {
    let mut run = Run::new();
    let commands: Vec<Payload> = (0..5).map(|n| raw(&[COMMAND, &[n]].concat())).collect();
    for (index, command) in (1..).zip(&commands) {
        let (server, term, command) = (caller(0), 1, command.clone());
        run.wait().event(EventKind::Proposed { server, index, term, command });
    }
    let server = Caller { server: 0, incarnation: 2 };
    run.event(EventKind::Saved { server: caller(0), state: saved, snapshot: 0 });
    run.event(EventKind::Crashed { server: caller(0) }).wait().event(EventKind::Started { server });
    run.says(0, told);
    for (index, command) in (1..).zip(commands) {
        run.wait().event(EventKind::Applied { server, index, command });
    }
    run
}

#[test]
fn a_disk_has_room_for_what_is_remembered() {
    remembers(1, b"").assert_unheard(&[0]);
    remembers(20, b"").assert_unheard(&[]);
    // Or somebody else had them.
    remembers(1, b"some bytes in which they may be").assert_unheard(&[]);
}
