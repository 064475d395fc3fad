//! Follows a run by the rules: what each server's term, vote, log and commit index must be, as far
//! as the wire and the tester prove it, and where a server did otherwise.
//!
//! A breach is one of a rule that every right Raft keeps. Behind it the referee goes on with what
//! the server has shown; what it then finds may be a consequence, so that the first breach counts.

mod commits;
mod elections;
mod get_state;
mod logs;
mod up_to_date;

pub(super) use logs::log_not_saved;

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Confidence, Evidence, Finding};
use super::{Case, certain, evidence};
use crate::event::{Caller, NetworkChange, RpcId, Time};
use crate::outcome::Outcome;
use crate::story::{Applied, Call, Life, Moment, Proposal, Purpose, Save, Story, View};

/// The first rule that was broken before the failure.
pub(super) fn broken_rule(case: &Case<'_>) -> Option<Finding> {
    let mut breaches = watch(case.story);
    breaches.retain(|breach| breach.moment.at <= case.window.until);
    for breach in &mut breaches {
        let is_known = |evidence: &Evidence| evidence.at <= case.window.until;
        breach.finding.evidence.retain(is_known);
    }
    let first = breaches.first()?;
    // What a crash has taken shows in several ways; the plainest one tells what it was.
    let plainer = first.perhaps.and_then(|other| {
        breaches.iter().position(|breach| breach.finding.id == other && breach.perhaps.is_none())
    });
    Some(breaches.swap_remove(plainer.unwrap_or(0)).finding)
}

/// A place where a server did what the rules don't allow.
struct Breach {
    moment: Moment,
    finding: Finding,
    /// What it is instead if that shows elsewhere in the run.
    perhaps: Option<&'static str>,
}

/// What must be known of a server.
#[derive(Debug, Default)]
struct Player {
    incarnation: u32,
    is_alive: bool,
    /// When its present life began.
    began: Option<Moment>,
    /// The requests of leaders that its handlers are at, in this life: what they have changed so far nobody
    /// knows.
    under_way: BTreeSet<RpcId>,
    /// The highest term that it has shown, in this life or an earlier one.
    shown: Option<Shown>,
    /// For whom it has voted, by term.
    votes: BTreeMap<u64, Vote>,
    /// The terms in which it has asked for votes, in this life.
    stood: BTreeSet<u64>,
    /// Whose votes have reached it, by term, in this life.
    grants: BTreeMap<u64, BTreeSet<u32>>,
    log: Log,
    /// How far it may know the log to be committed.
    commit: u64,
    /// How far it may know that if it accepts what has reached it.
    may_know: u64,
    /// The latest term that it has led in this life.
    led: Option<Led>,
}

#[derive(Clone, Debug)]
struct Shown {
    term: u64,
    incarnation: u32,
    moment: Moment,
    call: Option<RpcId>,
}

#[derive(Clone, Copy, Debug)]
struct Vote {
    candidate: u32,
    incarnation: u32,
    at: Time,
    call: RpcId,
}

/// What a leader has been told.
#[derive(Debug)]
struct Led {
    term: u64,
    /// Up to where each server has confirmed its log.
    confirmed: Vec<u64>,
    /// When it began to lead.
    since: Moment,
    /// When each server has last confirmed anything.
    answered: Vec<Option<Moment>>,
}

/// A server's log: the term of each entry from index 1 on, where it is known.
#[derive(Debug, Default)]
struct Log {
    terms: Vec<Option<u64>>,
    /// Whether there may be more behind it.
    open: bool,
    /// Up to where it must be saved: others rely on it. What a leader has only sent needn't be (thesis
    /// §10.2.1), nor what its `start()` has returned.
    saved: u64,
    /// Up to where the log went when the state was saved or written last, in this life; and before the last
    /// crash. What was written may be lost, and what was saved may have left out the end.
    written: u64,
    written_before: u64,
    /// Whether it is known only by what its server says of it when it asks for votes.
    is_claimed: bool,
    /// When it was changed last, and by what term's leader.
    changed: Option<(Moment, u64)>,
    /// What it has confirmed: up to which index, and where.
    confirmations: Vec<Confirmation>,
}

#[derive(Clone, Copy, Debug)]
struct Confirmation {
    up_to: u64,
    at: Time,
    call: RpcId,
    incarnation: u32,
}

struct Referee<'a> {
    story: &'a Story,
    players: Vec<Player>,
    /// What servers have promised: server, term and index.
    promised: BTreeSet<(u32, u64, u64)>,
    breaches: Vec<Breach>,
    /// Whether all that was said of votes can be read; what can't is no reason to doubt anybody.
    reads_votes: bool,
    /// The same of logs.
    reads_logs: bool,
    /// The same of what is committed.
    reads_commits: bool,
    /// Whether what was saved is safe at once, as on MIT's disks.
    disks_are_safe: bool,
    /// The views whose terms are contradicted by what their servers did.
    wrong_views: Vec<get_state::WrongView>,
    /// A vote that was refused for the length of a log.
    length_counted: Option<Evidence>,
    /// Whether a candidate with an outdated log that is no longer than the voter's got a vote.
    shorter_chosen: bool,
}

/// One thing that happened.
enum Turn<'a> {
    Sent(&'a Call),
    Delivered(&'a Call),
    Handled(&'a Call),
    Returned(&'a Call),
    Started(usize, &'a Life),
    Crashed(usize),
    Saved(&'a Save),
    Proposed(&'a Proposal),
    Applied(&'a Applied),
    Viewed(usize, &'a View),
}

/// All breaches, in order of time.
fn watch(story: &Story) -> Vec<Breach> {
    // Without its beginning nobody knows who has what.
    if story.dropped > 0 {
        return Vec::new();
    }
    let promised = story
        .proposals
        .iter()
        .map(|proposal| (proposal.server.server, proposal.term, proposal.index))
        .collect();
    let mut referee = Referee {
        story,
        players: (0..story.servers).map(|_| Player::default()).collect(),
        promised,
        breaches: Vec::new(),
        reads_votes: reads_votes(story),
        reads_logs: reads_logs(story),
        reads_commits: reads_commits(story),
        disks_are_safe: disks_are_safe(story),
        wrong_views: get_state::wrong_views(story),
        length_counted: None,
        shorter_chosen: false,
    };
    for (moment, turn) in turns(story) {
        referee.follow(moment, &turn);
    }
    referee.name_the_comparison();
    referee.breaches
}

fn reads_votes(story: &Story) -> bool {
    let mut votes = story.calls.iter().filter(|call| call.purpose == Purpose::Vote).peekable();
    votes.peek().is_some()
        && votes.all(|call| {
            let is_answered = call.handled.is_none() || call.reply.vote_granted.is_some();
            call.args.term.is_some() && is_answered
        })
}

fn reads_logs(story: &Story) -> bool {
    let appends = || story.calls.iter().filter(|call| call.purpose == Purpose::Append);
    // If none has entries, they may come by calls that say nothing.
    let has_entries = appends().any(|call| call.args.entries.is_some());
    let is_dumb = |call: &Call| call.purpose == Purpose::Other && call.args.term.is_none();
    (has_entries || !story.calls.iter().any(is_dumb))
        && appends().all(|call| {
            let is_answered = call.handled.is_none() || call.reply.success.is_some();
            // A heartbeat of another type says nothing of logs.
            let is_heartbeat = call.args.leader_commit.is_none() && call.args.entries.is_none();
            is_heartbeat
                || call.args.term.is_some()
                    && call.args.prev_log_index.is_some()
                    && call.args.entries.is_some()
                    && is_answered
        })
}

fn reads_commits(story: &Story) -> bool {
    let mut appends = story.calls.iter().filter(|call| call.purpose == Purpose::Append);
    // Where nothing brings entries that can be read, they come in a way that can't.
    let are_brought = story.calls.iter().any(|call| call.args.entries.is_some());
    reads_logs(story)
        && are_brought
        && appends.all(|call| call.args.entries.is_none() || call.args.leader_commit.is_some())
}

/// A sync that takes time may be cut short by a crash: then what was written is gone.
fn disks_are_safe(story: &Story) -> bool {
    let takes_time = |change| matches!(change, Some(NetworkChange::SyncTime { us: 1.. }));
    !story.steps.iter().any(|step| takes_time(step.network))
}

fn turns(story: &Story) -> Vec<(Moment, Turn<'_>)> {
    let mut turns = Vec::new();
    for call in &story.calls {
        // The network's copies are nobody's deed, and nobody gets their replies.
        if !call.is_copy {
            turns.push((call.sent, Turn::Sent(call)));
        }
        if let Some(delivered) = call.delivered {
            turns.push((delivered, Turn::Delivered(call)));
        }
        if let Some(handled) = call.handled {
            turns.push((handled, Turn::Handled(call)));
        }
        if let Some((returned, Outcome::Replied)) = call.returned {
            turns.push((returned, Turn::Returned(call)));
        }
    }
    for (server, lives) in story.lives.iter().enumerate() {
        turns.extend(lives.iter().map(|life| (life.from, Turn::Started(server, life))));
        let ends = lives.iter().filter_map(|life| life.until);
        turns.extend(ends.map(|end| (end, Turn::Crashed(server))));
    }
    for (server, views) in story.views.iter().enumerate() {
        turns.extend(views.iter().map(|view| (view.moment, Turn::Viewed(server, view))));
    }
    let exists = |server: u32| (server as usize) < story.servers;
    let proposals = story.proposals.iter().filter(|proposal| exists(proposal.server.server));
    turns.extend(proposals.map(|proposal| (proposal.moment, Turn::Proposed(proposal))));
    let applied = story.applied.iter().filter(|applied| exists(applied.server.server));
    turns.extend(applied.map(|applied| (applied.moment, Turn::Applied(applied))));
    let saves = story.saved.iter().filter(|save| exists(save.server.server));
    turns.extend(saves.map(|save| (save.moment, Turn::Saved(save))));
    turns.sort_by_key(|(moment, _)| *moment);
    turns
}

impl Referee<'_> {
    fn follow(&mut self, moment: Moment, turn: &Turn<'_>) {
        match *turn {
            Turn::Started(server, life) => self.started(server, life),
            Turn::Crashed(server) => self.players[server].is_alive = false,
            Turn::Saved(save) => {
                let player = &mut self.players[save.server.server as usize];
                if player.incarnation == save.server.incarnation {
                    player.log.written = player.log.last_index();
                }
            }
            // What a dead instance still says or hears counts for nothing.
            Turn::Sent(call) if !self.is_alive(call.from) => {}
            Turn::Returned(call) if !self.is_alive(call.from) => {}
            Turn::Handled(call) if !self.came_to_this_life(call) => {}
            Turn::Sent(call) => match call.purpose {
                Purpose::Vote => self.asked_for_vote(call),
                Purpose::Append => self.sent_entries(call),
                Purpose::Snapshot => self.leads(call.from.server, call.args.term, moment, None),
                Purpose::Other => {}
            },
            Turn::Delivered(call) => {
                self.may_commit(call);
                if call.is_leaders() && self.came_to_this_life(call) {
                    self.players[call.to as usize].under_way.insert(call.id);
                }
            }
            Turn::Handled(call) => {
                self.players[call.to as usize].under_way.remove(&call.id);
                self.answered_in_a_term(call, moment);
                match call.purpose {
                    Purpose::Vote => self.voted(call, moment),
                    Purpose::Append => self.answered_entries(call, moment),
                    Purpose::Snapshot => self.took_snapshot(call, moment),
                    Purpose::Other => {}
                }
            }
            Turn::Returned(call) => match call.purpose {
                Purpose::Vote => self.got_vote(call),
                Purpose::Append | Purpose::Snapshot => self.got_confirmation(call),
                Purpose::Other => self.may_be_confirmed(call),
            },
            Turn::Proposed(proposal) => self.proposed(proposal),
            Turn::Applied(applied) => self.applied(applied),
            Turn::Viewed(server, view) => self.viewed(server, view),
        }
    }

    fn is_alive(&self, server: Caller) -> bool {
        let player = &self.players[server.server as usize];
        player.is_alive && player.incarnation == server.incarnation
    }

    /// Whether a request came to the present life of its server: a late one may come to another than
    /// the one that was there when it was sent.
    fn came_to_this_life(&self, call: &Call) -> bool {
        let player = &self.players[call.to as usize];
        let is_meant = match call.life {
            Some(life) => life == player.incarnation,
            None => player.began.is_some_and(|began| began < call.sent),
        };
        player.is_alive && is_meant && call.delivered > player.began
    }

    /// What was volatile is gone.
    fn started(&mut self, server: usize, life: &Life) {
        let player = &mut self.players[server];
        player.incarnation = life.incarnation;
        player.is_alive = true;
        player.began = Some(life.from);
        player.under_way.clear();
        player.stood.clear();
        player.grants.clear();
        player.led = None;
        let log = &mut player.log;
        log.written_before = std::mem::take(&mut log.written);
        if log.terms.len() as u64 > log.saved {
            // What nobody relies on may be saved, or not.
            log.terms.truncate(log.saved as usize);
            log.open = true;
        }
    }

    /// Whether a server's log is as its answers tell it: no handler may have changed it meanwhile.
    fn is_at_rest(&self, server: u32) -> bool {
        self.players[server as usize].under_way.is_empty()
    }

    /// What a server has told of its log's end, as term and index, between two moments of its present life.
    fn told_ends(
        &self,
        server: u32,
        from: Time,
        until: Time,
    ) -> impl Iterator<Item = (Time, u64, u64)> {
        let life = self.players[server as usize].incarnation;
        let views = self.story.views[server as usize].iter();
        let views = views.filter(move |view| {
            view.incarnation == life && from <= view.moment.at && view.moment.at <= until
        });
        views.filter_map(|view| {
            let detail = view.detail.as_ref()?;
            Some((view.moment.at, detail.last_term, detail.last_index))
        })
    }

    fn breach(&mut self, moment: Moment, finding: Finding) {
        self.breaches.push(Breach { moment, finding, perhaps: None });
    }
}

impl Log {
    fn last_index(&self) -> u64 {
        self.terms.len() as u64
    }

    /// The term at `index`; `None` if it isn't known. At 0 it is 0.
    fn term(&self, index: u64) -> Option<u64> {
        match index {
            0 => Some(0),
            _ => *self.terms.get(usize::try_from(index - 1).ok()?)?,
        }
    }

    /// Ends the log with `index`, whose entry is of `term`.
    fn end_with(&mut self, index: u64, term: Option<u64>) {
        // A stored history can be anything.
        let Some(len) = usize::try_from(index).ok().filter(|&len| len < 1 << 24) else { return };
        self.terms.resize(len, None);
        if let Some(last) = self.terms.last_mut()
            && term.is_some()
        {
            *last = term;
        }
        self.saved = self.saved.min(index);
    }

    /// The last confirmation that covers `index`.
    fn confirmed(&self, index: u64) -> Option<Confirmation> {
        self.confirmations.iter().rev().find(|confirmation| confirmation.up_to >= index).copied()
    }
}
