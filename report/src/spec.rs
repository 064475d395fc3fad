//! The rules of Raft, followed step by step through a run.
//!
//! What is known of each server is kept apart from judging: `Known::follow` says what a step
//! tells, and the rules say which steps are allowed. A rule is stated once, as a row of a table.
//! Safety rules are preconditions of a step: the first that no rule permits is a [`Breach`].
//!
//! Behind a breach the follower goes on with what the server has shown. What it then finds may be a
//! consequence, so that the first breach counts.

mod breach;
mod flow;
mod follow;
mod logs;
mod place;
pub(crate) mod rules;
mod server;
mod step;

pub use breach::{Basis, Breach, Fact};
pub(crate) use breach::{Doubt, either};
pub use logs::{LogChange, logs};
pub use place::{Part, Place};
use rules::On;
pub use rules::{Kind, RULES, Rule};
pub(crate) use server::Server;
pub(crate) use step::Did;

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{Caller, Time};
use crate::numbered::Numbered;
use crate::story::{Applied, Call, Moment, Proposal, Purpose, Story};

/// What is known of a run at one of its steps.
pub(crate) struct Known<'a> {
    pub(crate) story: &'a Story,
    pub(crate) servers: Vec<Server>,
    /// What servers have promised: server, term and index.
    pub(crate) promised: BTreeSet<(u32, u64, u64)>,
    /// The commands that were proposed at each index, as places in the story.
    proposed: Numbered<Vec<usize>>,
    /// Who has applied a command at each index first, as places in the story.
    applied: Numbered<usize>,
    /// The terms in which each server is ever seen.
    seen_terms: Vec<BTreeSet<u64>>,
    /// What has reached each server.
    flow: flow::Flow<'a>,
    /// Which of what is said can be read. What can't is no reason to doubt anybody.
    pub(crate) reads: Reads,
}

/// What can be read of a run's messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reads {
    /// All that is said of votes.
    pub(crate) votes: bool,
    /// All that is said of logs.
    pub(crate) logs: bool,
    /// All that is said of what is committed.
    pub(crate) commits: bool,
    /// Whether requests bring entries, if they do, by a name that isn't known.
    pub(crate) hides_entries: bool,
}

/// How often one rule is told of one run.
const TOLD: usize = 8;

/// How often a check may find what has been told of a server before it looks at that server no more: what is found costs
/// far more than what isn't.
const AGAIN: u32 = 100;

/// Every place where a server did what the rules don't allow, in order of time. A server breaks each rule
/// once: what it does again says nothing new.
#[must_use]
pub fn judge(story: &Story) -> Vec<Breach> {
    let mut breaches: Vec<Breach> = Vec::new();
    // By kind of step, place of the check, and server.
    let mut again: BTreeMap<(On, usize, u32), u32> = BTreeMap::new();
    walk(story, |known, moment, did| {
        let on = On::of(did);
        for (place, check) in rules::checks(on).iter().enumerate() {
            // Without its beginning nobody knows who has what.
            if story.dropped > 0 && !check.within {
                continue;
            }
            let key = (on, place, did.server());
            if again.get(&key).is_some_and(|&times| times >= AGAIN) {
                continue;
            }
            let Some(breach) = (check.judge)(known, moment, did) else { continue };
            let of_rule = || breaches.iter().filter(|other| other.rule.id == breach.rule.id);
            if of_rule().all(|other| other.servers != breach.servers) && of_rule().count() < TOLD {
                breaches.push(breach);
            } else {
                *again.entry(key).or_default() += 1;
            }
        }
    });
    rules::request_vote::name_the_comparison(story, &mut breaches);
    rules::request_vote::name_the_lease(story, &mut breaches);
    rules::leaders::name_the_request(story, &mut breaches);
    breaches.sort_by_key(|breach| breach.at);
    breaches
}

/// The first step at or after `from`, and not after `to`, with which somebody broke this rule, also if the same server
/// had broken it before.
#[must_use]
pub fn broken_between(story: &Story, rule: &str, from: Time, to: Time) -> Option<Moment> {
    let mut first = None;
    walk(story, |known, moment, did| {
        if first.is_some() || moment.at < from || moment.at > to {
            return;
        }
        let checks = rules::checks(On::of(did)).iter();
        let mut checks = checks.filter(|check| story.dropped == 0 || check.within);
        let breach = checks.find_map(|check| {
            (check.judge)(known, moment, did).filter(|breach| breach.rule.id == rule)
        });
        first = breach.map(|breach| breach.at);
    });
    first
}

/// Goes through a run: each step is visited before what it tells is known. Steps that don't count are left out.
fn walk<'a>(story: &'a Story, mut visit: impl FnMut(&Known<'a>, Moment, &Did<'a>)) {
    let mut known = Known::new(story);
    for (moment, did) in step::steps(story) {
        known.flow.hear(moment, &did);
        if known.counts(&did) {
            visit(&known, moment, &did);
            known.follow(moment, &did);
        }
    }
}

/// What is said of the answers to requests for votes, in order of time.
fn of_votes(story: &Story, judge: fn(&Known<'_>, &Call) -> Option<Fact>) -> Vec<Fact> {
    let mut facts = Vec::new();
    walk(story, |known, _, did| {
        if let Did::Handled(call) = did
            && call.is_vote()
        {
            facts.extend(judge(known, call));
        }
    });
    facts
}

/// The promises of Raft's that a run is proven to break, in order of time. What rests on a guess breaks none.
#[must_use]
pub fn unsafe_steps(story: &Story) -> Vec<Breach> {
    let mut breaches = broken_promises(story);
    breaches.retain(|breach| breach.rule.kind == Kind::Safety);
    breaches
}

/// The same, and the promises to the tester or to another server that are proven to be broken.
#[must_use]
pub fn broken_promises(story: &Story) -> Vec<Breach> {
    let mut breaches = judge(&story.without_guesses());
    breaches.retain(Breach::is_proven);
    breaches
}

/// How much of a run the rules can judge. What can't be read is held against nobody: a Raft of which nothing
/// can be read passes them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watchable {
    /// Whether some message tells a term or a vote.
    pub messages: bool,
    /// Whether all that is said of votes can be read.
    pub votes: bool,
    /// Whether all that is said of logs can be read.
    pub logs: bool,
    /// Whether each command that was applied is known to have come to its server, or not to have.
    pub commands: bool,
}

/// How much of a run the rules can judge.
#[must_use]
pub fn watchable(story: &Story) -> Watchable {
    let mut known = Known::new(story);
    let Reads { votes, logs, .. } = known.reads;
    let commands = story.dropped == 0 && flow::follows_commands(&mut known);
    Watchable { messages: tells(story), votes, logs, commands }
}

/// Whether messages have no command in a form that is known, also such as say that they bring entries: then nobody can see
/// how commands come to those who apply them.
#[must_use]
pub fn hides_commands(story: &Story) -> bool {
    !story.applied.is_empty() && story.dropped == 0 && flow::hides_commands(&mut Known::new(story))
}

/// Whether some message of a run tells a term or a vote; also if there is nothing that had to be told.
#[must_use]
pub fn tells(story: &Story) -> bool {
    let tells = |call: &Call| {
        call.args.term.is_some() || call.reply.term.is_some() || call.reply.vote_granted.is_some()
    };
    // The first message of most runs does.
    story.calls.iter().any(tells) || !has_replicated(story)
}

/// Whether a server has applied a command that another one was given: some message must have brought it.
pub(crate) fn has_replicated(story: &Story) -> bool {
    let is_other_s = |applied: &Applied| {
        let mut own = story.proposals.iter().filter(|own| own.index == applied.index);
        applied.command.is_some() && own.all(|own| own.server.server != applied.server.server)
    };
    story.applied.iter().any(is_other_s)
}

/// The votes that were refused without a reason, in order of time.
pub(crate) fn refusals(story: &Story) -> Vec<Fact> {
    of_votes(story, rules::request_vote::refuses_without_reason)
}

impl<'a> Known<'a> {
    fn new(story: &'a Story) -> Known<'a> {
        let promised = story.proposals.iter();
        let promised = promised.map(|own| (own.server.server, own.term, own.index)).collect();
        let mut servers: Vec<Server> = Vec::new();
        servers.resize_with(story.servers, Server::default);
        // A log may also begin with an entry that no leader has sent, such as the first members.
        if story.dropped > 0 || story.counts_other_entries {
            servers.iter_mut().for_each(|server| server.log.open = true);
        }
        let mut proposed: Numbered<Vec<usize>> = Numbered::default();
        for (place, own) in story.proposals.iter().enumerate() {
            proposed.get_or_insert_with(own.index, Vec::new).push(place);
        }
        let (applied, reads) = (Numbered::default(), Reads::of(story));
        let flow = flow::Flow::new(story.servers);
        let seen = story.views.iter().map(|views| views.iter().map(|view| view.term).collect());
        let seen_terms = seen.collect();
        Known { story, servers, promised, proposed, applied, seen_terms, flow, reads }
    }

    /// The commands that were proposed at an index, in the whole run.
    pub(crate) fn proposed_at(&self, index: u64) -> impl Iterator<Item = &'a Proposal> {
        let story = self.story;
        self.proposed.get(index).into_iter().flatten().map(|&place| &story.proposals[place])
    }

    /// What was applied first at an index so far.
    pub(crate) fn first_applied(&self, index: u64) -> Option<&'a Applied> {
        self.applied.get(index).map(|&place| &self.story.applied[place])
    }

    pub(crate) fn server(&self, server: u32) -> &Server {
        &self.servers[server as usize]
    }

    /// Whether it is this life of the server that is alive.
    fn is_alive(&self, server: Caller) -> bool {
        let known = self.server(server.server);
        known.is_alive && known.life == server.incarnation
    }

    /// Whether a request came to the present life of its server: a late one may come to another than the
    /// one that was there when it was sent.
    pub(crate) fn came_to_this_life(&self, call: &Call) -> bool {
        let server = self.server(call.to);
        let is_meant = match call.life {
            Some(life) => life == server.life,
            None => server.began.is_some_and(|began| began < call.sent),
        };
        server.is_alive && is_meant && call.delivered > server.began
    }

    /// Whether a step counts: what a dead instance still says or hears doesn't.
    fn counts(&self, did: &Did<'_>) -> bool {
        match *did {
            Did::Sent(call) | Did::Returned(call) => self.is_alive(call.from),
            Did::Handled(call) => self.came_to_this_life(call),
            Did::Viewed(server, view) => self.server(server).life == view.incarnation,
            Did::Applied(applied, _) => {
                self.server(applied.server.server).life == applied.server.incarnation
            }
            _ => true,
        }
    }

    /// What a server has told of its log's end between two moments of its present life: when, and its last
    /// entry's term and index.
    pub(crate) fn told_ends(
        &self,
        server: u32,
        from: Moment,
        until: Moment,
    ) -> impl Iterator<Item = (Moment, u64, u64)> {
        let life = self.server(server).life;
        let views = self.story.views[server as usize].iter().filter(move |view| {
            view.incarnation == life && from.at <= view.moment.at && view.moment.at <= until.at
        });
        views.filter_map(|view| {
            // No entry has term 0: whoever tells that knows its log's end otherwise.
            let detail =
                view.detail.as_ref().filter(|it| it.last_term > 0 || it.last_index == 0)?;
            Some((view.moment, detail.last_term, detail.last_index))
        })
    }
}

impl Reads {
    fn of(story: &Story) -> Reads {
        let hides_entries = !story.calls.iter().any(|call| call.args.entries.is_some());
        let logs = (!hides_entries || story.proposals.is_empty()) && reads_logs(story);
        let commits = logs && reads_commits(story);
        Reads { votes: reads_votes(story), logs, commits, hides_entries }
    }
}

fn reads_votes(story: &Story) -> bool {
    let mut votes = story.requests_for_votes();
    votes.any(|call| call.reply.vote_granted.is_some())
        && !story.requests_for_votes().any(Call::hides_vote)
}

fn reads_logs(story: &Story) -> bool {
    let appends = || story.calls.iter().filter(|call| call.is_append());
    // If none has entries, they may come by calls that say nothing.
    let has_entries = appends().any(|call| call.args.entries.is_some());
    let is_dumb = |call: &Call| call.purpose == Purpose::Other && call.args.term.is_none();
    (has_entries || !story.calls.iter().any(is_dumb)) && !appends().any(Call::hides_log)
}

fn reads_commits(story: &Story) -> bool {
    let mut appends = story.calls.iter().filter(|call| call.is_append());
    // Where nothing brings entries that can be read, they come in a way that can't.
    story.calls.iter().any(|call| call.args.entries.is_some())
        && appends.all(|call| call.args.entries.is_none() || call.args.leader_commit.is_some())
}
