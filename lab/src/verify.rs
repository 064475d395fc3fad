//! Whether a run's history is one that its seed gives: judged by this program, which has none of the code under test.
//!
//! A history is data that a child has sent. Whoever forged it would have to forge a whole one: in which the network
//! does to each message what the seed says (`network`), servers apply the same commands and lead one at a time, and
//! no rule of the specification is broken. The test's script isn't run again: what it would have drawn and demanded
//! isn't judged here, but by `crate::judge`, which needs a run's whole record.

mod network;

use std::collections::BTreeMap;

use report::{EventKind, Measured, Record, Story, Time, spec};

use self::network::Network;
use crate::cli;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::print;
use crate::pages;

/// Rules that go by how much a message can bring. A stored history has messages shortened, so that a right Raft whose
/// messages can't be read would seem to break them. The tester in the child judges them by whole messages.
const NEED_WHOLE_MESSAGES: [&str; 2] = ["knows-what-nothing-told", "leads-unelected"];

/// What was judged, of a history that nothing is wrong with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Judged {
    /// How many arrivals and ends of messages were as the seed gives them.
    pub(crate) messages: u64,
}

/// Judges a stored history, and says what came of it.
pub(crate) fn run(asked: &cli::Verify) -> Result<Exit, Error> {
    let record = pages::read(&asked.history)?;
    let cannot = |why: &str| Error::NoHistory { path: asked.history.clone(), why: why.to_owned() };
    if record.clock != "virtual" {
        return Err(cannot("it belongs to a run with the wall clock, which no seed repeats"));
    }
    if record.dropped > 0 {
        return Err(cannot("its oldest events are missing"));
    }
    match verify(&record, None) {
        Ok(Judged { messages }) => {
            let (test, seed) = (&record.test, record.seed);
            print(&format!(
                "this is a history that seed {seed} gives in {test}: {messages} arrivals and ends of messages are as it \
                 says\n"
            ));
            Ok(Exit::Passed)
        }
        Err(why) => {
            print(&format!("seed {} can't have produced this history: {why}\n", record.seed));
            Ok(Exit::Failed)
        }
    }
}

/// Judges a history. Of a run that passed also what servers did, and what it says that it has `measured`. Says what is
/// wrong with it, if anything is.
pub(crate) fn verify(record: &Record, measured: Option<&Measured>) -> Result<Judged, String> {
    if record.dropped > 0 {
        return Err(format!("the history lacks its first {} events", record.dropped));
    }
    let mut last = Time(0);
    for event in &record.events {
        if event.at < last || event.at > record.end {
            let (at, end) = (event.at.0, record.end.0);
            return Err(format!("time is {at} µs behind {} µs, in a run of {end} µs", last.0));
        }
        last = event.at;
    }
    let mut network = Network::new(record.seed, record.end);
    for event in &record.events {
        network.take(event)?;
    }
    network.finish()?;
    if record.failure.is_none() {
        applied(record)?;
        leaders(record)?;
        let story = Story::new(&record.to_history(), record.servers as usize);
        let mut breaches = spec::unsafe_steps(&story).into_iter();
        if let Some(breach) = breaches.find(|breach| !NEED_WHOLE_MESSAGES.contains(&breach.rule.id))
        {
            return Err(format!("rule {} is broken: {}", breach.rule.name(), breach.what));
        }
    }
    if let Some(measured) = measured {
        adds_up(record, measured)?;
    }
    Ok(Judged { messages: network.judged })
}

/// MIT's checks of what is applied: the same everywhere, and in order.
fn applied(record: &Record) -> Result<(), String> {
    let mut commands: BTreeMap<u64, &[u8]> = BTreeMap::new();
    let mut next: BTreeMap<u32, u64> = BTreeMap::new();
    for event in &record.events {
        match &event.kind {
            EventKind::Started { server } => {
                // What its snapshot covers, a server that was restarted doesn't apply again.
                if server.incarnation == 1 {
                    next.insert(server.server, 1);
                } else {
                    next.remove(&server.server);
                }
            }
            EventKind::AppliedSnapshot { server, index, .. } => {
                next.insert(server.server, index + 1);
            }
            EventKind::Applied { server, index, command } => {
                let expected = next.insert(server.server, index + 1);
                if expected.is_some_and(|expected| expected != *index) {
                    return Err(format!(
                        "server {} applied index {index} out of order",
                        server.server
                    ));
                }
                let command = command.bytes();
                let first = *commands.entry(*index).or_insert(command);
                if first != command {
                    return Err(format!("two commands were applied at index {index}"));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// MIT's check of leaders: at most one in a term.
fn leaders(record: &Record) -> Result<(), String> {
    let mut leaders: BTreeMap<u64, u32> = BTreeMap::new();
    for event in &record.events {
        if let EventKind::Viewed { server, term, is_leader: true, .. } = &event.kind {
            let first = *leaders.entry(*term).or_insert(server.server);
            if first != server.server {
                return Err(format!("term {term} has two leaders, {first} and {}", server.server));
            }
        }
    }
    Ok(())
}

/// Whether what the run says that it has measured can be.
fn adds_up(record: &Record, measured: &Measured) -> Result<(), String> {
    let count = |is: fn(&EventKind) -> bool| {
        record.events.iter().filter(|event| is(&event.kind)).count() as u64
    };
    let is_call =
        |kind: &EventKind| matches!(kind, EventKind::RpcSent { .. } | EventKind::RpcCopied { .. });
    let sent = count(is_call);
    let applied = record.events.iter().filter_map(|event| match event.kind {
        EventKind::Applied { index, .. } | EventKind::AppliedSnapshot { index, .. } => Some(index),
        _ => None,
    });
    let applied = applied.max().unwrap_or(0);
    let Measured { peers, rpcs, commands, seconds, .. } = *measured;
    let end = record.end.0 as f64 / 1e6;
    if peers != record.servers as usize
        || rpcs > sent
        || commands > applied
        || seconds > end + 0.001
    {
        return Err(format!(
            "it says that {peers} servers made {rpcs} calls and agreed on {commands} commands in {seconds:.3} s; the \
             history has {} servers, {sent} calls, {applied} commands, {end:.3} s",
            record.servers
        ));
    }
    Ok(())
}
