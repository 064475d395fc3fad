//! What has reached each server: a server knows only what a message, its own `start()` or its disk has brought
//! it (§5.1). All servers of a run share one process, so that a Raft could pass every test by a static that all
//! of them read; what it then knows has no way by which it came.
//!
//! A command has reached a server if its own `start()` took it, if a message says that it brings its index, or
//! if its bytes stand in a message. That they don't stand there proves nothing where a message may have them in
//! another form. Only if all that was delivered since the command exists is too little to bring it, nothing did.

mod disk;
mod leads;
#[cfg(test)]
mod tests;

pub(super) use disk::applies_unsaved;
pub(super) use leads::{leads_unelected, possible_votes};

use std::cell::Cell;
use std::collections::BTreeSet;

use memchr::memmem;

use super::breach::Breach;
use super::rules::contract::NOT_INFORMED;
use super::{Did, Known};
use crate::payload::Payload;
use crate::story::{Applied, Call, Moment, Proposal, Story, View};
use crate::text::count;

/// What has reached the servers of a run so far.
#[derive(Debug, Default)]
pub(crate) struct Flow<'a> {
    servers: Vec<Heard<'a>>,
    /// The least that a message in which a command was found has beside it, in bytes: what is no longer
    /// brings none.
    overhead: Cell<Option<usize>>,
    /// How many bytes were searched.
    searched: Cell<usize>,
    /// How many commands were found nowhere.
    missed: Cell<usize>,
    /// Whether a command was found in a message that says that it brings it: then such messages are believed.
    is_shown: Cell<bool>,
}

/// What has reached a server, in any of its lives.
#[derive(Debug, Default)]
struct Heard<'a> {
    /// The highest index that a message says that it brings.
    up_to: u64,
    /// The highest index that its own `start()` has returned.
    own: u64,
    /// The highest term that a message has told it.
    term: u64,
    /// The messages that may bring commands, in order.
    messages: Vec<(Moment, &'a Payload)>,
    /// What of that a crash takes.
    disk: disk::Disk,
}

/// How a command came to a server.
enum Came {
    /// On a way that Raft allows.
    Rightly,
    /// By nothing: since its first `start()` so many messages have come, all too little to bring it.
    ByNothing(usize),
    /// By nothing: the messages that say that they bring it have so many bytes for an entry at most, which is too
    /// little.
    ByShams(usize),
    /// A message says that it brings it, and has it in a form that isn't known.
    Hidden,
    /// No message has its bytes, and something may have brought it in a form that isn't known.
    Unseen,
    /// That can't be looked for.
    Unknown,
}

/// How many bytes of messages are searched in a run.
const SEARCHED: usize = 1 << 28;

/// After how many commands that were found nowhere no more are looked for.
const MISSED: usize = 64;

/// How long before it is noted a `start()` may have sent something, by the real clock, in µs.
const NOTED: u64 = 100_000;

impl<'a> Flow<'a> {
    pub(crate) fn new(servers: usize) -> Flow<'a> {
        let mut flow = Flow::default();
        flow.servers.resize_with(servers, Heard::default);
        flow
    }

    /// Takes over what a step brings to a server.
    pub(super) fn hear(&mut self, moment: Moment, did: &Did<'a>) {
        if let Some(heard) = self.servers.get_mut(did.server() as usize) {
            heard.disk.hear(moment, did);
        }
        match *did {
            Did::Delivered(call) => {
                let heard = &mut self.servers[call.to as usize];
                heard.term = heard.term.max(call.args.term.unwrap_or(0));
                heard.up_to = heard.up_to.max(brings_up_to(call));
                heard.messages.extend(call.brings.as_ref().map(|message| (moment, message)));
            }
            Did::Returned(call) => {
                let heard = &mut self.servers[call.from.server as usize];
                heard.term = heard.term.max(call.reply.term.unwrap_or(0));
                heard.messages.extend(call.brings_back.as_ref().map(|reply| (moment, reply)));
            }
            Did::Proposed(own) => {
                let heard = &mut self.servers[own.server.server as usize];
                heard.own = heard.own.max(own.index);
            }
            _ => {}
        }
    }

    /// Whether `command` stands in what was delivered to a server from `since` on.
    fn has_found(&self, server: u32, command: &[u8], since: u64) -> bool {
        let finder = memmem::Finder::new(command);
        let messages = self.servers[server as usize].messages.iter().rev();
        messages.take_while(|(at, _)| at.at.0 >= since).any(|(_, message)| {
            let bytes = message.bytes();
            self.searched.set(self.searched.get() + bytes.len());
            let is_found = finder.find(bytes).is_some();
            if is_found && message.is_raw() {
                let beside = bytes.len() - command.len();
                self.overhead.set(Some(self.overhead.get().unwrap_or(usize::MAX).min(beside)));
            }
            is_found
        })
    }

    /// Whether a command can be looked for in messages. In a stored history the texts stand that were made of both, and
    /// the one isn't a part of the other.
    fn can_look_for(&self, command: &Payload) -> bool {
        command.is_searchable()
            && command.bytes().iter().any(|&byte| byte != 0)
            && self.searched.get() <= SEARCHED
            && self.missed.get() <= MISSED
    }

    /// How many messages have come to a server since, and how many bytes of them may bring something new.
    fn may_bring(&self, server: u32, since: u64) -> (usize, usize) {
        let messages = &self.servers[server as usize].messages;
        let first = messages.partition_point(|(at, _)| at.at.0 < since);
        let (before, after) = messages.split_at(first);
        if after.is_empty() {
            return (0, 0);
        }
        // What came in the same form before there was anything to bring doesn't bring it.
        let old: BTreeSet<&[u8]> = before.iter().map(|(_, payload)| payload.bytes()).collect();
        let overhead = self.overhead.get().unwrap_or(0);
        let new = after
            .iter()
            .filter(|(_, payload)| payload.wire_len() > overhead && !old.contains(payload.bytes()));
        (after.len(), new.map(|(_, payload)| payload.wire_len()).sum())
    }
}

/// The highest index that a request says that it brings; 0 if it brings none.
fn brings_up_to(call: &Call) -> u64 {
    match call.args.last_included_index {
        Some(index) => index,
        None if call.has_entries() => call.up_to().unwrap_or(0),
        None => 0,
    }
}

/// How a command came to the server that has applied it.
fn came(known: &Known<'_>, applied: &Applied) -> Came {
    let (flow, number, index) = (&known.flow, applied.server.server, applied.index);
    let heard = &flow.servers[number as usize];
    let Some(command) = &applied.command else { return Came::Rightly };
    if index <= heard.up_to {
        // As nearly always.
        return if flow.is_shown.get() { Came::Rightly } else { is_brought(known, applied) };
    }
    let bytes = command.bytes();
    let is_same = |own: &&Proposal| own.command.bytes() == bytes;
    let is_own = |own: &Proposal| own.server.server == number;
    if index <= heard.own && known.proposed_at(index).filter(is_same).any(is_own) {
        return Came::Rightly; // as a leader's own
    }
    if !flow.can_look_for(command) {
        return Came::Unknown;
    }
    if let Some(own) = known.proposed_at(index).find(is_same)
        && flow.has_found(number, bytes, noted(own))
    {
        return Came::Rightly; // as where fields can't be read
    }
    let mut same = known.story.proposals.iter().filter(is_same);
    // What nobody has started is another rule's.
    let Some(first) = same.next().filter(|first| first.moment < applied.moment) else {
        return Came::Unknown;
    };
    if is_own(first) || same.any(is_own) || flow.has_found(number, bytes, noted(first)) {
        return Came::Rightly;
    }
    flow.missed.set(flow.missed.get() + 1);
    match flow.may_bring(number, noted(first)) {
        (messages, new) if new < command.wire_len() => Came::ByNothing(messages),
        _ => Came::Unseen,
    }
}

/// How a command came to a server that was sent messages which say that they bring its index. Messages may say so
/// and bring something else: what a message has for an entry must have room for it.
fn is_brought(known: &Known<'_>, applied: &Applied) -> Came {
    let (flow, number, index) = (&known.flow, applied.server.server, applied.index);
    let Some(command) = applied.command.as_ref().filter(|command| flow.can_look_for(command))
    else {
        return Came::Rightly; // as far as is known
    };
    let bytes = command.bytes();
    let mut same = known.story.proposals.iter().filter(|own| own.command.bytes() == bytes);
    let Some(first) = same.next() else { return Came::Rightly };
    if first.server.server == number || same.any(|own| own.server.server == number) {
        return Came::Rightly;
    }
    if flow.has_found(number, bytes, noted(first)) {
        flow.is_shown.set(true);
        return Came::Rightly;
    }
    flow.missed.set(flow.missed.get() + 1);
    let most = || {
        let calls = known.story.calls.iter().filter(|call| call.to == number && call.is_append());
        let came = calls.filter(|call| call.delivered.is_some_and(|at| at < applied.moment));
        let brings = came
            .filter(|call| call.args.prev_log_index < Some(index) && call.up_to() >= Some(index));
        brings.map(|call| room(known.story, call)).max()
    };
    // A snapshot brings what nobody can look for.
    let by_snapshot = known.story.handled_by(number as usize).any(Call::is_snapshot);
    match most() {
        Some(room) if !by_snapshot && room * LEAST < command.wire_len() => Came::ByShams(room),
        _ => Came::Hidden,
    }
}

/// How many times as large a command is at most as what brings it: it may be compressed.
const LEAST: usize = 3;

/// How many bytes a message has for each of its entries.
fn room(story: &Story, call: &Call) -> usize {
    let own = story.sent_by(call.from.server as usize);
    let heartbeats = own.filter(|other| other.is_append() && other.method == call.method);
    let without = heartbeats.filter(|other| other.args.entries.as_ref().is_some_and(Vec::is_empty));
    let without = without.map(|other| other.size).min().unwrap_or(0);
    let entries = call.args.entries.as_ref().map_or(1, |entries| entries.len().max(1));
    call.size.saturating_sub(without) / entries
}

/// Since when what a `start()` took may be on its way, in µs.
fn noted(own: &Proposal) -> u64 {
    own.moment.at.0.saturating_sub(NOTED)
}

/// A server applies a command that nothing has brought it.
pub(super) fn applies_unheard(
    known: &Known<'_>,
    moment: Moment,
    applied: &Applied,
) -> Option<Breach> {
    let came = came(known, applied);
    if !matches!(came, Came::ByNothing(_) | Came::ByShams(_)) {
        return None;
    }
    let (number, index) = (applied.server.server, applied.index);
    let command = applied.command.as_ref()?;
    let first = known.story.proposals.iter().find(|own| own.command.bytes() == command.bytes())?;
    let what = format!("server {number} applied a command that it can't have received");
    let took = format!(
        "server {}'s start() returned index {} in term {} for {command:?}",
        first.server.server, first.index, first.term
    );
    let why = match came {
        Came::ByShams(room) => format!(
            "the messages that claim to bring it the entry at this index have room for at most {room} bytes, \
             but the command has {} bytes",
            command.wire_len()
        ),
        Came::ByNothing(n) if n > 0 => format!(
            "since then it had received {} that could bring a command, but none brought anything new",
            count(n, "message")
        ),
        _ => "since then it had received no message that could bring a command".to_owned(),
    };
    let text = format!("server {number} applied it at index {index}: {why}");
    let breach = Breach::new(&NOT_INFORMED, moment, number, what);
    Some(breach.seen(first.moment.at, took, None).seen(moment.at, text, None))
}

/// A server sends an entry of another leader's that nothing has brought it.
pub(super) fn sends_unheard(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let number = call.from.server;
    let heard = &known.flow.servers[number as usize];
    let (up_to, prev) = call.up_to().zip(call.args.prev_log_index)?;
    let has = heard.up_to.max(heard.own);
    if up_to <= has || !known.reads.logs || known.story.counts_other_entries {
        return None; // as nearly always
    }
    let entries = (prev + 1..).zip(call.args.entries.as_deref()?);
    let (first, index) = entries.filter(|&(index, _)| index > has).find_map(|(index, &term)| {
        let mut all = known.proposed_at(index).filter(|own| Some(own.term) == term);
        // Its own entries it may have made, also without a start().
        let first = all.find(|own| own.moment < moment && term < call.args.term)?;
        (first.server.server != number && all.all(|own| own.server.server != number))
            .then_some((first, index))
    })?;
    let (_, new) = known.flow.may_bring(number, noted(first));
    if new > 0 {
        return None;
    }
    let what = format!("server {number} sent an entry that it can't have received");
    let took = format!(
        "server {}'s start() accepted the command at index {index} in term {}",
        first.server.server, first.term
    );
    let text = format!(
        "server {number} sent that entry to server {}; but it had received no message that could bring the \
         entry",
        call.to
    );
    let breach = Breach::new(&NOT_INFORMED, moment, number, what);
    Some(breach.seen(first.moment.at, took, None).seen(moment.at, text, [call.id]))
}

/// A server shows a term of which nothing has told it, and which is no next term of its own.
pub(super) fn shows_unheard(known: &Known<'_>, number: u32, view: &View) -> Option<Breach> {
    let (server, heard) = (known.server(number), &known.flow.servers[number as usize]);
    let shown = server.shown.map_or(0, |shown| shown.term);
    let stood = server.stood.last().copied().unwrap_or(0);
    let highest = shown.max(stood).max(heard.term);
    if view.term <= highest.saturating_add(1) {
        return None; // as nearly always
    }
    let others = (0..).zip(&known.servers).filter(|&(other, _)| other != number);
    let mut shows = others.filter_map(|(other, server)| Some((other, server.shown?)));
    let (other, source) = shows.find(|(_, shown)| shown.term == view.term)?;
    // Who stood for election, and crashed before anybody looked, has said so in its requests.
    let mut said = known.story.sent_by(number as usize).filter(|call| call.sent < view.moment);
    let has_said =
        said.any(|call| call.args.term.is_some_and(|term| view.term <= term.saturating_add(1)));
    if has_said || !reads_terms(known) || terms_leap(known.story) {
        return None;
    }
    // An answer may say its server's term under another name.
    let is_told = |call: &Call| {
        call.replied().is_some_and(|at| at <= view.moment.at) && call.says_number(view.term)
    };
    if known.story.sent_by(number as usize).any(is_told) {
        return None;
    }
    let what = format!("server {number} was in a term that it can't have heard of");
    let first = format!("server {other} was in term {}", view.term);
    let text = format!(
        "server {number} was in term {}; until then its own highest term had been {}, and it had received no \
         message with a term above {}",
        view.term,
        shown.max(stood),
        heard.term
    );
    let breach = Breach::new(&NOT_INFORMED, view.moment, number, what);
    Some(breach.seen(source.moment.at, first, None).seen(view.moment.at, text, None))
}

/// Whether candidates leave terms out: then two may come to the same one, and nobody had told either of it.
fn terms_leap(story: &Story) -> bool {
    let mut calls = story.calls.iter().peekable();
    let mut highest = 0;
    story.elections.iter().any(|election| {
        while let Some(call) = calls.next_if(|call| call.sent.at < election.at) {
            highest = highest.max(call.args.term.unwrap_or(0));
        }
        election.term > highest.saturating_add(1)
    })
}

/// Whether all messages tell their term.
fn reads_terms(known: &Known<'_>) -> bool {
    known.story.calls.iter().all(|call| {
        call.args.term.is_some() && (call.handled.is_none() || call.reply.term.is_some())
    })
}

/// Whether it is known how every command came to who applied it.
pub(super) fn follows_commands<'a>(known: &mut Known<'a>) -> bool {
    let story = known.story;
    super::step::steps(story).all(|(moment, did)| {
        known.flow.hear(moment, &did);
        match did {
            Did::Applied(applied, _) => {
                !matches!(came(known, applied), Came::Unknown | Came::Unseen | Came::Hidden)
            }
            _ => true,
        }
    })
}

/// After how many commands that others have applied it is known whether messages have the commands that they say
/// that they bring; and how many of them must be hidden.
const TRIED: usize = 16;
const HIDDEN: usize = 3;

/// Whether servers apply the commands of others, and no message has the bytes of one: neither such as say that they bring
/// entries, nor any other.
pub(super) fn hides_commands<'a>(known: &mut Known<'a>) -> bool {
    let story = known.story;
    let (mut tried, mut hidden, mut unseen) = (0, 0, 0);
    for (moment, did) in super::step::steps(story) {
        known.flow.hear(moment, &did);
        let Did::Applied(applied, _) = did else { continue };
        match came(known, applied) {
            Came::Hidden | Came::ByShams(_) => hidden += 1,
            Came::Unseen => unseen += 1,
            _ => {}
        }
        tried += usize::from(applied.command.is_some());
        if known.flow.is_shown.get() || tried >= TRIED {
            break;
        }
    }
    // Where one is found in a message of any kind, the others may have come by another.
    let is_any_found = known.flow.overhead.get().is_some();
    !known.flow.is_shown.get() && (hidden >= HIDDEN || unseen >= HIDDEN && !is_any_found)
}
