//! What has reached each server: a server knows only what a message, its own `start()` or its disk has brought
//! it (§5.1). All servers of a run share one process, so that a Raft could pass every test by a static that all
//! of them read; what it then knows has no way by which it came.
//!
//! A command has reached a server if its own `start()` took it, if a message says that it brings its index, or
//! if its bytes stand in a message. That they don't stand there proves nothing where a message may have them in
//! another form. Only if all that was delivered since the command exists is too little to bring it, nothing did.

use std::cell::Cell;
use std::collections::BTreeSet;

use memchr::memmem;

use super::breach::Breach;
use super::rules::contract::NOT_INFORMED;
use super::{Did, Known};
use crate::payload::Payload;
use crate::story::{Applied, Call, Moment, Proposal, View};
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
}

/// How a command came to a server.
enum Came {
    /// On a way that Raft allows.
    Rightly,
    /// By nothing: since its first `start()` so many messages have come, all too little to bring it.
    ByNothing(usize),
    /// Something may have brought it in a form that isn't known.
    Unknown,
}

/// The shortest command that is looked for, in bytes: a shorter one may stand anywhere.
const SHORTEST: usize = 6;

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
        match *did {
            Did::Delivered(call) => {
                let heard = &mut self.servers[call.to as usize];
                heard.term = heard.term.max(call.args.term.unwrap_or(0));
                let brought = match call.args.last_included_index {
                    Some(index) => index,
                    None if call.has_entries() => call.up_to().unwrap_or(0),
                    None => 0,
                };
                heard.up_to = heard.up_to.max(brought);
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

/// How a command came to the server that has applied it.
fn came(known: &Known<'_>, applied: &Applied) -> Came {
    let (flow, number, index) = (&known.flow, applied.server.server, applied.index);
    let heard = &flow.servers[number as usize];
    let Some(command) = &applied.command else { return Came::Rightly };
    if index <= heard.up_to {
        return Came::Rightly; // as nearly always
    }
    let bytes = command.bytes();
    let is_same = |own: &&Proposal| own.command.bytes() == bytes;
    let is_own = |own: &Proposal| own.server.server == number;
    if index <= heard.own && known.proposed_at(index).filter(is_same).any(is_own) {
        return Came::Rightly; // as a leader's own
    }
    let is_exhausted = flow.searched.get() > SEARCHED || flow.missed.get() > MISSED;
    if command.wire_len() < SHORTEST || bytes.iter().all(|&byte| byte == 0) || is_exhausted {
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
        _ => Came::Unknown,
    }
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
    let Came::ByNothing(messages) = came(known, applied) else { return None };
    let (number, index) = (applied.server.server, applied.index);
    let command = applied.command.as_ref()?;
    let first = known.story.proposals.iter().find(|own| own.command.bytes() == command.bytes())?;
    let what = format!("server {number} applied a command that nothing had brought it");
    let took = format!(
        "server {}'s start() took {command:?}, and gave it index {} in term {}",
        first.server.server, first.index, first.term
    );
    let text = format!(
        "server {number} applied it at index {index}: {}",
        match messages {
            0 => "since then no message had come to it that could bring a command".to_owned(),
            n => format!(
                "{} had come to it since then that could bring a command, and none says anything new",
                count(n, "message")
            ),
        }
    );
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
    let what = format!("server {number} sent an entry that nothing had brought it");
    let took = format!(
        "server {}'s start() took the command at index {index} in term {}",
        first.server.server, first.term
    );
    let text = format!(
        "server {number} sent that entry to server {}; no message had come to it that could bring it",
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
    if !reads_terms(known) {
        return None;
    }
    let what = format!("server {number} was in a term that nothing had told it");
    let first = format!("server {other} was in term {}", view.term);
    let text = format!(
        "server {number} was in term {}; until then it had been in no term above {}, and no message had told it \
         of one above {}",
        view.term,
        shown.max(stood),
        heard.term
    );
    let breach = Breach::new(&NOT_INFORMED, view.moment, number, what);
    Some(breach.seen(source.moment.at, first, None).seen(view.moment.at, text, None))
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
            Did::Applied(applied, _) => !matches!(came(known, applied), Came::Unknown),
            _ => true,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Caller, EventKind, RpcId, Time};
    use crate::fields::Fields;
    use crate::history::History;
    use crate::outcome::Outcome;
    use crate::spec::{judge, unsafe_steps, watchable};
    use crate::story::Story;

    const COMMAND: &[u8] = b"a command of a client";

    fn raw(bytes: &[u8]) -> Payload {
        Payload::new(bytes, &Fields::default(), |_| Ok("bytes".into()))
    }

    /// A run of three servers, of which the first takes a command at index 1 in second 2.
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
        let append = |entries: &[u64]| {
            Payload::new(b"some twenty bytes or more", &fields(entries), |_| Ok("bytes".into()))
        };
        run.start().call(1, append(&[1]), raw(&[])).apply(1).assert_unheard(&[]);
        // A heartbeat brings nothing.
        run.call(2, append(&[]), raw(&[])).apply(2).assert_unheard(&[2]);
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
}
