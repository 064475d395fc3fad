//! How a story is put together, event by event.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::Value;

use super::names::is_guess;
use super::requests::is_unread;
use super::{
    Act, Answer, Applied, Call, Election, Happened, Life, Link, Logged, Look, Moment, Proposal,
    Purpose, Reached, Refusal, Save, Snapshot, Step, Story, TaskEnd, View,
};
use crate::event::{Caller, Event, EventKind, NetworkChange, RpcId, StepKind};
use crate::fields::{Fields, HIGHEST, Named};
use crate::history::History;
use crate::numbered::Numbered;
use crate::outcome::Outcome;
use crate::payload::Payload;

/// What the methods that are called say by their names, each read once.
#[derive(Default)]
struct Methods(Vec<(String, Option<Named>)>);

impl Methods {
    fn named(&mut self, method: &str) -> Option<Named> {
        let known = self.0.iter().find(|(known, _)| known == method);
        known.map(|(_, named)| *named).unwrap_or_else(|| {
            let named = Named::by_method(method);
            self.0.push((method.to_owned(), named));
            named
        })
    }
}

/// What is needed while a story is put together.
#[derive(Default)]
struct Draft {
    /// Where each call stands in [`Story::calls`]. Calls are numbered in the order of sending.
    places: Numbered<usize>,
    methods: Methods,
}

/// In which life a server was when the first of `events` happened; `None` if it was crashed then, or if
/// nothing tells. What a dead server's tasks still send proves nothing.
fn first_life(events: &[Event], server: u32) -> Option<u32> {
    let of = |caller: &Caller| (caller.server == server).then_some(caller.incarnation);
    events.iter().find_map(|event| match &event.kind {
        EventKind::Started { server } => of(server).map(|_| None),
        EventKind::Crashed { server }
        | EventKind::Viewed { server, .. }
        | EventKind::Proposed { server, .. } => of(server).map(Some),
        _ => None,
    })?
}

/// Whether a call between a server and another got through.
fn is_heard(events: &[Event], server: u32) -> bool {
    let mut own: BTreeSet<RpcId> = BTreeSet::new();
    events.iter().any(|event| match &event.kind {
        EventKind::RpcSent { id, from, to, .. } => {
            if *to == Some(server) || from.is_some_and(|from| from.server == server) {
                own.insert(*id);
            }
            false
        }
        EventKind::RpcDelivered { id, .. } => own.contains(id),
        _ => false,
    })
}

/// From how many bytes on a message may bring a command.
pub(super) const BRINGS: usize = 16;

/// Whether a request may bring commands, for all that can be read of it.
pub(super) fn may_bring(purpose: Purpose, fields: &Fields, message: &Payload) -> bool {
    let says_what = match purpose {
        Purpose::Vote => fields.last_log_index.is_some(),
        // One that names neither entries nor what comes before them may have room for some all the same, however short it
        // is. Where it has none it is made up of numbers, flags and short words: so do some Rafts send heartbeats, as
        // messages of another type.
        Purpose::Append if fields.prev_log_index.is_none() && fields.entries.is_none() => {
            return !message.render().is_ok_and(|message| has_no_list(&message));
        }
        Purpose::Append => fields.entries.as_ref().is_some_and(Vec::is_empty),
        Purpose::Snapshot | Purpose::Other => false,
    };
    !says_what && message.wire_len() >= BRINGS
}

fn has_no_list(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(word) => word.len() < BRINGS,
        Value::Array(_) => false,
        Value::Object(fields) => fields.values().all(has_no_list),
    }
}

impl Story {
    /// Puts the events of `history` together, in which `servers` servers take part.
    #[must_use]
    pub fn new(history: &History, servers: usize) -> Story {
        let mut story = Story {
            servers,
            handled: vec![Vec::new(); servers],
            sent: vec![Vec::new(); servers],
            reached: vec![Vec::new(); servers],
            lives: vec![Vec::new(); servers],
            links: vec![Vec::new(); servers],
            views: vec![Vec::new(); servers],
            dropped: history.dropped(),
            order: Vec::with_capacity(history.events().len()),
            ..Story::default()
        };
        // Four events make a call.
        story.calls.reserve(history.events().len() / 4);
        if story.dropped > 0 {
            story.begin_within(history.events());
        }
        let mut draft = Draft::default();
        for (place, event) in history.events().iter().enumerate() {
            // By the real clock, events that are recorded at the same time may change places.
            story.end = story.end.max(event.at);
            let moment = Moment { place, at: story.end };
            story.add(&mut draft, moment, &event.kind);
        }
        story.elections = story.find_elections();
        story.judge_names();
        story.forget_partial_answers(history, &draft.places);
        // Only now is it known which calls ask for votes.
        story.votes_of = vec![Vec::new(); servers];
        for &place in &story.votes {
            if let Some(own) = story.votes_of.get_mut(story.calls[place].from.server as usize) {
                own.push(place);
            }
        }
        story
    }

    /// Of a run whose beginning is missing: who was alive and connected at its first known event, as what
    /// follows tells.
    fn begin_within(&mut self, events: &[Event]) {
        let Some(first) = events.first() else { return };
        self.since = first.at;
        let begin = Moment { place: 0, at: first.at };
        for server in 0..self.servers {
            let number = server as u32;
            if let Some(incarnation) = first_life(events, number) {
                self.lives[server].push(Life { incarnation, from: begin, until: None });
                self.order.push((begin, Happened::Started(number, 0)));
            }
            let is_up = events.iter().find_map(|event| match event.kind {
                EventKind::Connected { server } if server == number => Some(false),
                EventKind::Disconnected { server } if server == number => Some(true),
                _ => None,
            });
            // Without a switch it stays as it was: only who is connected is heard.
            let is_up = is_up.unwrap_or_else(|| is_heard(events, number));
            self.links[server].push(Link { moment: begin, is_up });
        }
    }

    /// All elections, by the time at which they began.
    pub(super) fn find_elections(&self) -> Vec<Election> {
        let mut elections: Vec<Election> = Vec::new();
        // Each server's elections so far, and the latest of them by life and term.
        let mut own: Vec<Vec<usize>> = vec![Vec::new(); self.servers];
        let mut latest: Vec<Option<(u32, u64)>> = vec![None; self.servers];
        for &place in &self.votes {
            let call = &self.calls[place];
            let Some(term) = call.args.term else { continue };
            let (server, key) = (call.from.server as usize, (call.from.incarnation, term));
            // Most requests belong to the latest election, or begin a later one.
            let known = if Some(key) > latest[server] {
                latest[server] = Some(key);
                None
            } else {
                own[server].iter().rev().copied().find(|&known| {
                    let election: &Election = &elections[known];
                    election.candidate == call.from && election.term == term
                })
            };
            match known {
                Some(known) => elections[known].requests.push(place),
                None => {
                    own[server].push(elections.len());
                    elections.push(Election {
                        candidate: call.from,
                        term,
                        at: call.sent.at,
                        requests: vec![place],
                    });
                }
            }
        }
        elections
    }

    fn add(&mut self, draft: &mut Draft, moment: Moment, kind: &EventKind) {
        let servers = self.servers as u32;
        let exists = |server: u32| server < servers;
        match kind {
            EventKind::RpcSent { id, from: Some(from), to: Some(to), method, args }
                if exists(from.server) && exists(*to) =>
            {
                let mut fields = args.fields().capped();
                let purpose = Purpose::by(draft.methods.named(method), &fields);
                if purpose == Purpose::Snapshot {
                    fields.last_is_included();
                    fields.forget_entries();
                }
                if matches!(purpose, Purpose::Append | Purpose::Vote) {
                    (fields.last_included_index, fields.last_included_term) = (None, None);
                }
                if purpose == Purpose::Vote {
                    (fields.prev_log_index, fields.prev_log_term) = (None, None);
                    fields.entries = None;
                }
                if fields.done == Some(false) {
                    fields.last_included_index = None; // a part of a snapshot ends nowhere
                }
                let brings = may_bring(purpose, &fields, args).then(|| args.clone());
                if is_unread(purpose, &fields) || purpose == Purpose::Vote && is_guess(&fields) {
                    self.unread.push((self.calls.len(), args.clone()));
                }
                draft.places.insert(id.0, self.calls.len());
                // What a former incarnation's tasks still send is no deed of its server's.
                if !self.is_former(*from) {
                    if purpose == Purpose::Vote {
                        self.votes.push(self.calls.len());
                    }
                    self.sent[from.server as usize].push(self.calls.len());
                }
                self.order.push((moment, Happened::Sent(self.calls.len())));
                self.calls.push(Call {
                    id: *id,
                    from: *from,
                    to: *to,
                    method: method.clone(),
                    purpose,
                    is_copy: false,
                    args: fields,
                    size: args.wire_len(),
                    sent: moment,
                    delivered: None,
                    life: None,
                    handled: None,
                    reply: Answer::default(),
                    answered_in: None,
                    returned: None,
                    dropped: None,
                    brings,
                    brings_back: None,
                });
            }
            EventKind::RpcSent { .. } => {}
            EventKind::RpcCopied { id, of } => {
                // It is no deed of its sender's, and so is missing where such are listed.
                if let Some(call) = draft.places.get(of.0).copied() {
                    draft.places.insert(id.0, self.calls.len());
                    let copy = self.calls[call].copied(*id);
                    if let Ok(unread) = self.unread.binary_search_by_key(&call, |&(place, _)| place)
                    {
                        self.unread.push((self.calls.len(), self.unread[unread].1.clone()));
                    }
                    self.calls.push(copy);
                }
            }
            EventKind::RpcDelivered { id, life } => {
                if let Some(call) = draft.places.get(id.0).copied() {
                    self.calls[call].delivered = Some(moment);
                    self.calls[call].life = *life;
                    self.happened(moment, Happened::Delivered(call));
                }
            }
            EventKind::RpcHandled { id, reply } => {
                if let Some(place) = draft.places.get(id.0).copied() {
                    let call = &mut self.calls[place];
                    call.handled = Some(moment);
                    let answer = Answer::of(&reply.fields().capped());
                    let answer = answer.in_term_of(call.args.term);
                    // What else a refusal says, such as how long a log is, is worth showing.
                    let is_telling = answer.says() != Some(true) && reply.wire_len() > 0;
                    if reply.wire_len() >= BRINGS || is_telling {
                        call.brings_back = Some(reply.clone());
                    }
                    call.reply = answer.to(call.purpose);
                    // What was sent before this life goes to an earlier one, unless it was late or held.
                    let life = self.lives[call.to as usize].last();
                    call.answered_in = life
                        .filter(|life| life.until.is_none())
                        .filter(|life| match call.life {
                            Some(incarnation) => life.incarnation == incarnation,
                            None => life.from.place < call.sent.place,
                        })
                        .map(|life| life.incarnation);
                    self.happened(moment, Happened::Handled(place));
                }
            }
            EventKind::RpcReturned { id, outcome } => {
                if let Some(place) = draft.places.get(id.0).copied() {
                    self.order.push((moment, Happened::Returned(place)));
                    let call = &mut self.calls[place];
                    call.returned = Some((moment, *outcome));
                    // What it saved may be lost, unless only the life is over to which the call was sent.
                    let last = self.lives[call.to as usize].last();
                    let lives_on = last.is_some_and(|last| {
                        last.until.is_none() && Some(last.incarnation) == call.life
                    });
                    if *outcome == Outcome::ServerDied && !lives_on {
                        call.answered_in = None;
                    }
                }
            }
            EventKind::RpcDropped { id } => {
                if let Some(place) = draft.places.get(id.0).copied() {
                    self.calls[place].dropped = Some(moment);
                }
            }
            EventKind::Started { server } if exists(server.server) => {
                let life = Life { incarnation: server.incarnation, from: moment, until: None };
                let lives = &mut self.lives[server.server as usize];
                self.order.push((moment, Happened::Started(server.server, lives.len())));
                lives.push(life);
                if server.incarnation > 1 {
                    self.happens(moment, Act::Start, server.server);
                }
            }
            EventKind::Crashed { server } if exists(server.server) => {
                let lives = &mut self.lives[server.server as usize];
                let place = lives.iter().position(|life| life.incarnation == server.incarnation);
                if let Some(place) = place {
                    lives[place].until = Some(moment);
                    self.order.push((moment, Happened::Crashed(server.server, place)));
                }
                self.happens(moment, Act::Crash, server.server);
            }
            EventKind::Connected { server } if exists(*server) => {
                self.links[*server as usize].push(Link { moment, is_up: true });
                self.happens(moment, Act::Connect, *server);
            }
            EventKind::Disconnected { server } if exists(*server) => {
                self.links[*server as usize].push(Link { moment, is_up: false });
                self.happens(moment, Act::CutOff, *server);
            }
            EventKind::Network { what, change } => {
                self.syncs_take_time |= matches!(change, NetworkChange::SyncTime { us: 1.. });
                let step = Step::changes(moment, what.clone());
                self.steps.push(Step { network: Some(*change), ..step });
            }
            EventKind::Step { what, file, line, kind } => {
                self.steps.push(Step {
                    moment,
                    what: what.clone(),
                    line: Some((file.clone(), *line)),
                    is_fault: false,
                    server: None,
                    network: None,
                    announces: *kind == StepKind::Change,
                });
            }
            EventKind::Looked { round, rounds, leader } => {
                let (round, rounds) = (*round, *rounds);
                let leader = leader.filter(|&leader| exists(leader));
                self.looks.push(Look { moment, round, rounds, leader });
            }
            EventKind::Viewed { server, term, is_leader, detail } if exists(server.server) => {
                let views = &mut self.views[server.server as usize];
                // How it came to what it was when the known part of a run begins nobody can judge.
                if self.dropped == 0 || moment.at > self.since {
                    self.order.push((moment, Happened::Viewed(server.server, views.len())));
                }
                views.push(View {
                    moment,
                    incarnation: server.incarnation,
                    term: (*term).min(HIGHEST),
                    is_leader: *is_leader,
                    detail: detail.as_deref().cloned(),
                });
            }
            EventKind::Proposed { server, index, term, command } if exists(server.server) => {
                let (server, index, term) = (*server, (*index).min(HIGHEST), (*term).min(HIGHEST));
                self.order.push((moment, Happened::Proposed(self.proposals.len())));
                let command = command.clone();
                self.proposals.push(Proposal { moment, server, index, term, command });
            }
            EventKind::Refused { server } if exists(server.server) => {
                self.refusals.push(Refusal { moment, server: *server });
            }
            EventKind::TaskEnded { server, file, line, began, how } if exists(server.server) => {
                let (server, spawned) = (*server, (file.clone(), *line));
                let (began, how) = (*began, *how);
                self.tasks.push(TaskEnd { moment, server, spawned, began, how });
            }
            EventKind::Applied { server, index, command } if exists(server.server) => {
                self.applies(moment, *server, *index, Some(command.clone()), 0);
            }
            EventKind::AppliedSnapshot { server, index, bytes } if exists(server.server) => {
                self.applies(moment, *server, *index, None, *bytes);
            }
            EventKind::Snapshotted { server, index } if exists(server.server) => {
                let (server, index) = (*server, (*index).min(HIGHEST));
                self.order.push((moment, Happened::Snapshotted(self.snapshots.len())));
                self.snapshots.push(Snapshot { moment, server, index });
            }
            // What a former incarnation saves nobody reads.
            EventKind::Saved { server, state, snapshot }
                if exists(server.server) && !self.is_former(*server) =>
            {
                let (server, state, snapshot) = (*server, *state, *snapshot);
                self.order.push((moment, Happened::Saved(self.saved.len())));
                self.saved.push(Save { moment, server, state, snapshot });
            }
            EventKind::Logged { server, level, target: _, text } => {
                let (server, level, text) = (*server, level.clone(), text.clone());
                self.logged.push(Logged { moment, server, level, text });
            }
            // Of a server that doesn't exist.
            EventKind::Started { .. }
            | EventKind::Crashed { .. }
            | EventKind::Connected { .. }
            | EventKind::Disconnected { .. }
            | EventKind::Viewed { .. }
            | EventKind::Proposed { .. }
            | EventKind::Refused { .. }
            | EventKind::TaskEnded { .. }
            | EventKind::Applied { .. }
            | EventKind::AppliedSnapshot { .. }
            | EventKind::Snapshotted { .. }
            | EventKind::Saved { .. }
            | EventKind::Mark(_) => {}
        }
    }

    /// Whether an incarnation of a server is known to have ended.
    fn is_former(&self, server: Caller) -> bool {
        let lives = &self.lives[server.server as usize];
        let is_over = |life: &Life| match life.incarnation.cmp(&server.incarnation) {
            Ordering::Less => false,
            Ordering::Equal => life.until.is_some(),
            Ordering::Greater => true,
        };
        lives.last().is_some_and(is_over)
    }

    fn applies(
        &mut self,
        moment: Moment,
        server: Caller,
        index: u64,
        command: Option<Payload>,
        bytes: u64,
    ) {
        self.order.push((moment, Happened::Applied(self.applied.len())));
        self.applied.push(Applied { moment, server, index: index.min(HIGHEST), command, bytes });
    }

    fn happened(&mut self, moment: Moment, happened: Happened) {
        self.order.push((moment, happened));
        self.notes((moment, happened));
    }

    /// Notes what has been handled, and what proves that a server has reached a term.
    pub(super) fn notes(&mut self, (moment, happened): (Moment, Happened)) {
        if let Happened::Handled(place) = happened {
            let Call { to, answered_in, .. } = self.calls[place];
            // Where nothing is known of a server's incarnations, all is taken for the present one's.
            if answered_in.is_some() || self.lives[to as usize].is_empty() {
                self.handled[to as usize].push(place);
            }
        }
        if let Some((server, term, proof)) = self.proves(happened) {
            let reached = &mut self.reached[server as usize];
            if reached.last().is_none_or(|last| last.term < term) {
                reached.push(Reached { place: moment.place, term, proof });
            }
        }
    }

    /// Notes it all again: calls say more than they did.
    pub(super) fn notes_anew(&mut self) {
        self.handled.iter_mut().for_each(Vec::clear);
        self.reached.iter_mut().for_each(Vec::clear);
        for step in 0..self.order.len() {
            self.notes(self.order[step]);
        }
    }

    /// Which server it proves to have reached which term, and by which call.
    fn proves(&self, happened: Happened) -> Option<(u32, u64, usize)> {
        match happened {
            // What a delivery proves of the sender's term: a dead server's calls are never delivered.
            Happened::Delivered(place) => {
                let Call { purpose, from, args: Fields { term, .. }, .. } = self.calls[place];
                Some((from.server, term.filter(|_| purpose != Purpose::Other)?, place))
            }
            Happened::Handled(place) => {
                let Call { purpose, to, answered_in, ref args, reply, .. } = self.calls[place];
                // Whatever term the answer has, only one that is in the request's votes or obeys.
                let agrees = reply.success == Some(true) || reply.vote_granted == Some(true);
                let term = if agrees { reply.term.max(args.term) } else { reply.term };
                let is_proof = purpose != Purpose::Other && answered_in.is_some();
                Some((to, term.filter(|_| is_proof)?, place))
            }
            _ => None,
        }
    }

    /// The script has changed a server. The step that announced it has come just before, if there is one.
    fn happens(&mut self, moment: Moment, act: Act, server: u32) {
        let what = format!("{} server {server}", act.verb()).into();
        match self.steps.last_mut() {
            Some(step) if step.moment.at == moment.at && step.announces => {
                step.what = what;
                step.is_fault = true;
                step.server = Some((act, server));
                step.announces = false;
            }
            _ => {
                let step = Step::changes(moment, what);
                self.steps.push(Step { server: Some((act, server)), ..step });
            }
        }
    }
}

impl Step {
    /// A step of which no line is known.
    fn changes(moment: Moment, what: Cow<'static, str>) -> Step {
        let (line, server, network) = (None, None, None);
        Step { moment, what, line, is_fault: true, server, network, announces: false }
    }
}
