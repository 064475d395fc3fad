//! The messages: when each was sent, delivered, handled and returned, and how it is drawn.

use std::collections::BTreeMap;

use report::story::Call;
use report::{EventKind, Outcome, Payload, Purpose, Record, Story};
use serde::ser::SerializeSeq as _;
use serde::{Serialize, Serializer};

use super::texts::{Texts, message_text};
use super::view::Flag;

/// A call that takes longer than this, in µs, is a bar from its sending to its return.
pub(crate) const LONG: u64 = 30_000;

/// How many rows of bars a lane has at most.
const ROWS: usize = 6;

/// A message from one server to another: a request, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The call's number.
    pub id: u64,
    /// The sender.
    pub from: u32,
    /// In which of its lives it was sent, from 1.
    pub life: u32,
    /// The receiver.
    pub to: u32,
    /// What it is for.
    pub kind: Kind,
    /// Its term, if it says one.
    pub term: Option<u64>,
    /// How many entries it brings.
    pub entries: usize,
    /// When it was sent.
    pub sent: u64,
    /// When its handler began.
    pub delivered: Option<u64>,
    /// When its handler ended.
    pub handled: Option<u64>,
    /// When it returned to its sender.
    pub returned: Option<u64>,
    /// When its sender stopped waiting.
    pub dropped: Option<u64>,
    /// What became of it.
    pub end: End,
    /// Whether the answer grants, or confirms, what was asked.
    pub verdict: Verdict,
    /// Whether the network made it, as a copy of another.
    pub is_copy: bool,
    /// Whether it proves a finding.
    pub is_proof: bool,
    /// What it says, as a number in the picture's texts; `None` if that is left out.
    pub args: Option<usize>,
    /// What the answer says, likewise.
    pub reply: Option<usize>,
    /// In which row of its sender's lane its bar is; `None` if it has none of its own.
    pub row: Option<usize>,
}

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// RequestVote.
    Vote,
    /// AppendEntries with entries.
    Append,
    /// AppendEntries without.
    Heartbeat,
    /// InstallSnapshot.
    Snapshot,
    /// Something of the author's own.
    Other,
}

impl Kind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Kind; 5] =
        [Kind::Vote, Kind::Append, Kind::Heartbeat, Kind::Snapshot, Kind::Other];

    /// What a call is for.
    #[must_use]
    pub fn of(call: &Call) -> Kind {
        match call.purpose {
            Purpose::Vote => Kind::Vote,
            Purpose::Append if call.has_entries() => Kind::Append,
            Purpose::Append => Kind::Heartbeat,
            Purpose::Snapshot => Kind::Snapshot,
            Purpose::Other => Kind::Other,
        }
    }

    /// Its name for a reader.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Vote => "RequestVote",
            Kind::Append => "AppendEntries",
            Kind::Heartbeat => "heartbeat",
            Kind::Snapshot => "InstallSnapshot",
            Kind::Other => "other",
        }
    }
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum End {
    /// The reply arrived.
    Replied,
    /// The network lost the request.
    RequestLost,
    /// The network lost the reply.
    ReplyLost,
    /// The receiver couldn't be reached.
    Unreachable,
    /// The receiver died or was cut off while it handled the request.
    ServerDied,
    /// It had not returned when the run ended.
    Open,
}

/// What an answer says of what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Verdict {
    /// Nothing that can be read.
    None,
    /// The vote is granted, or the entries are taken over.
    Yes,
    /// They aren't.
    No,
}

impl Message {
    /// From its sending to its return, or to `end` if it hasn't returned, in µs.
    #[must_use]
    pub fn duration(&self, end: u64) -> u64 {
        self.returned.unwrap_or(end).saturating_sub(self.sent)
    }

    /// Whether it was answered, and tells no more than that everything works.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.end == End::Replied
            && self.verdict != Verdict::No
            && !self.is_proof
            && matches!(self.kind, Kind::Append | Kind::Heartbeat | Kind::Other)
            && self.duration(u64::MAX) <= LONG
    }
}

impl Serialize for Message {
    /// As a row of numbers; what it doesn't have is -1, and a tail of such is left out. Times but the first
    /// are since the sending. The page's script names the columns in the same order.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let maybe = |value: Option<u64>| value.map_or(-1, number);
        let since = |at: Option<u64>| maybe(at.map(|at| at.saturating_sub(self.sent)));
        let place = |place: Option<usize>| maybe(place.map(|place| place as u64));
        let mut row = vec![
            number(self.id),
            i64::from(self.from),
            i64::from(self.to),
            self.kind as i64,
            maybe(self.term),
            self.entries as i64,
            number(self.sent),
            since(self.delivered),
            since(self.handled),
            since(self.returned),
            self.end as i64,
            self.verdict as i64,
            place(self.args),
            place(self.reply),
            place(self.row),
            since(self.dropped),
            if self.life == 1 { -1 } else { i64::from(self.life) },
            if self.is_copy { 1 } else { -1 },
        ];
        while row.last() == Some(&-1) {
            row.pop();
        }
        let mut seq = serializer.serialize_seq(Some(row.len()))?;
        for number in row {
            seq.serialize_element(&number)?;
        }
        seq.end()
    }
}

/// All messages between servers, in the order of sending.
pub(crate) fn messages(record: &Record, story: &Story, texts: &mut Texts) -> Vec<Message> {
    let mut said: BTreeMap<u64, &Payload> = BTreeMap::new();
    let mut answered: BTreeMap<u64, &Payload> = BTreeMap::new();
    for event in &record.events {
        match &event.kind {
            EventKind::RpcSent { id, args, .. } => drop(said.insert(id.0, args)),
            EventKind::RpcHandled { id, reply } => drop(answered.insert(id.0, reply)),
            EventKind::RpcCopied { id, of } => {
                if let Some(args) = said.get(&of.0).copied() {
                    said.insert(id.0, args);
                }
            }
            _ => {}
        }
    }
    let mut text =
        |message: Option<&&Payload>| message.map(|said| texts.number(&message_text(said)));
    story
        .calls
        .iter()
        .map(|call| {
            let (at, end) = match call.returned {
                Some((moment, outcome)) => (Some(moment.at.0), end(outcome)),
                None => (None, End::Open),
            };
            let asked = match call.purpose {
                Purpose::Vote => call.reply.vote_granted,
                _ => call.reply.success,
            };
            Message {
                id: call.id.0,
                from: call.from.server,
                life: call.from.incarnation,
                to: call.to,
                kind: Kind::of(call),
                term: call.args.term,
                entries: call.args.entries.as_ref().map_or(0, Vec::len),
                sent: call.sent.at.0,
                delivered: call.delivered.map(|moment| moment.at.0),
                handled: call.handled.map(|moment| moment.at.0),
                returned: at,
                dropped: call.dropped.map(|moment| moment.at.0),
                end,
                verdict: match asked {
                    None => Verdict::None,
                    Some(true) => Verdict::Yes,
                    Some(false) => Verdict::No,
                },
                is_copy: call.is_copy,
                is_proof: false,
                args: text(said.get(&call.id.0)),
                reply: text(answered.get(&call.id.0)),
                row: None,
            }
        })
        .collect()
}

fn end(outcome: Outcome) -> End {
    match outcome {
        Outcome::Replied => End::Replied,
        Outcome::RequestLost => End::RequestLost,
        Outcome::ReplyLost => End::ReplyLost,
        Outcome::Unreachable => End::Unreachable,
        Outcome::ServerDied => End::ServerDied,
    }
}

/// Gives each message that takes long a row in its sender's lane, as long as there are rows; first those that
/// prove something, then requests for votes, then the others.
pub(crate) fn place(messages: &mut [Message], servers: usize, end: u64, flags: &[Flag]) {
    for message in messages.iter_mut() {
        message.is_proof = flags.iter().any(|flag| flag.calls.contains(&message.id));
    }
    let mut order: Vec<usize> = (0..messages.len())
        .filter(|&place| !messages[place].is_copy && messages[place].duration(end) > LONG)
        .collect();
    order.sort_by_key(|&place| {
        let message = &messages[place];
        (!message.is_proof, message.kind != Kind::Vote, message.sent)
    });
    // What is taken of each row, from and until.
    let mut taken: Vec<Vec<BTreeMap<u64, u64>>> = vec![vec![BTreeMap::new(); ROWS]; servers];
    for place in order {
        let message = &messages[place];
        let (from, until) = (message.sent, message.returned.unwrap_or(end));
        let is_free = |row: &BTreeMap<u64, u64>| {
            row.range(..until).next_back().is_none_or(|(_, &before)| before <= from)
        };
        let rows = &mut taken[message.from as usize];
        let free = rows.iter().position(is_free);
        if let Some(row) = free {
            rows[row].insert(from, until);
        }
        messages[place].row = free;
    }
}

/// How many rows of bars a server's lane needs: one more than the highest for the messages that have none.
pub(crate) fn rows(messages: &[Message], server: usize, end: u64) -> usize {
    let own = messages.iter().filter(|message| message.from as usize == server);
    let long = own.filter(|message| !message.is_copy && message.duration(end) > LONG);
    long.map(|message| message.row.unwrap_or(ROWS) + 1).max().unwrap_or(0)
}
