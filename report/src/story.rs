//! A run put together from its events: who lived when, who was cut off, what each call came to.
//!
//! It is what rules and explanations read. It holds only what the events prove; of a run whose
//! beginning is missing it knows less, and nothing wrong.

mod build;
mod call;
mod data;
mod learn;
mod names;
mod pair;
mod partial;
mod parts;
mod requests;
mod standing;
mod when;

use std::time::Duration;

pub use call::{Answer, Call, Purpose};
pub use data::{
    Act, Applied, Election, Happened, HeldSnapshot, Life, Link, Logged, Look, Moment, Proposal,
    Reached, Refusal, Save, Snapshot, Step, TaskEnd, View,
};
pub use learn::Learned;
pub use requests::Readings;
pub use standing::Standing;

pub use crate::reused::{Kept, Reused};

use crate::event::{Caller, Time};
use crate::fields::Names;
use crate::outcome::Outcome;
use crate::payload::Payload;

/// A run, put together.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// How many servers there are.
    pub servers: usize,
    /// When the last thing happened.
    pub end: Time,
    /// All calls between servers, in the order of sending.
    pub calls: Reused<Call>,
    /// What the handlers of each server have answered, as places in `calls`, in order: each in the incarnation that
    /// was the server's at that time. What a former incarnation still answers isn't among it.
    pub handled: Vec<Vec<usize>>,
    /// All that happened to servers, in order.
    pub order: Vec<(Moment, Happened)>,
    /// When each server is proven to have reached a higher term, in order.
    pub reached: Vec<Vec<Reached>>,
    /// The requests for votes, as places in `calls`, in order; without those of former incarnations.
    pub votes: Vec<usize>,
    /// The same, by server.
    pub votes_of: Vec<Vec<usize>>,
    /// What each server has sent, as places in `calls`, in order. What the tasks of a former incarnation still send
    /// isn't among it.
    pub sent: Vec<Vec<usize>>,
    /// Each server's lives, in order.
    pub lives: Vec<Vec<Life>>,
    /// When each server was connected and disconnected, in order.
    pub links: Vec<Vec<Link>>,
    /// What each server was seen to be, in order; each view differs from the one before.
    pub views: Vec<Vec<View>>,
    /// What the script did, in order.
    pub steps: Vec<Step>,
    /// The looks for a leader, in order.
    pub looks: Vec<Look>,
    /// The commands that servers accepted, in order.
    pub proposals: Vec<Proposal>,
    /// When servers began to refuse commands, in order: the first refusal since a server accepted a command or
    /// was seen to have changed.
    pub refusals: Vec<Refusal>,
    /// The ends of tasks that had lasted for some time, in order: see [`EventKind::TaskEnded`] for which.
    ///
    /// [`EventKind::TaskEnded`]: crate::EventKind::TaskEnded
    pub tasks: Vec<TaskEnd>,
    /// What servers applied, in order.
    pub applied: Vec<Applied>,
    /// The snapshots that the tester had servers make, in order.
    pub snapshots: Vec<Snapshot>,
    /// What servers saved, in order; without what former incarnations still saved.
    pub saved: Vec<Save>,
    /// All elections, by the time at which they began.
    pub elections: Vec<Election>,
    /// What servers logged, in order.
    pub logged: Vec<Logged>,
    /// Whether a disk takes time to sync: what was written then may be lost in a crash.
    pub syncs_take_time: bool,
    /// How many of the oldest events are missing.
    pub dropped: u64,
    /// When what is known begins; 0 if nothing is missing.
    pub since: Time,
    /// The fields that were found by a name that isn't the paper's, and that the run doesn't confirm.
    pub guessed: Names,
    /// By how much requests for votes count the log's last index higher than the paper does, as far as the run
    /// tells; what is read is less by that, and is a guess.
    pub last_index_shift: u64,
    /// The indexes that messages count in another way than the paper's, from another number than `start()`'s first.
    pub counted_otherwise: Names,
    /// Whether messages count entries to which the lab gives no index, such as a new leader's blank one, and say so:
    /// then their indexes aren't those of `start()`, of what is applied, and of the snapshots that the tester has made.
    pub counts_other_entries: bool,
    /// The requests of which not all could be read, as places in `calls`, in order.
    pub unread: Vec<(usize, Payload)>,
    /// How requests are read whose names nobody knows, as far as the run tells that.
    pub read_so: Readings,
    /// How answers are read whose words nobody knows, if the run tells that.
    pub learned: Option<Learned>,
}

/// How long a server may hold to a leader that it has heard, whoever asks for its vote.
const HOLDS_TO_LEADER: Duration = Duration::from_secs(2);

/// A snapshot that was taken is handed on by then.
const HANDED_ON: Duration = Duration::from_secs(1);

/// What a message says is dealt with by then.
pub(crate) const DEALT_WITH: Duration = Duration::from_millis(20);

impl Story {
    /// A server's life of this number, or its last one if that isn't known.
    pub(crate) fn life(&self, server: u32, incarnation: Option<u32>) -> Option<&Life> {
        let lives = self.lives.get(server as usize)?;
        lives.iter().find(|life| Some(life.incarnation) == incarnation).or(lives.last())
    }

    /// How many servers are a majority.
    #[must_use]
    pub fn majority(&self) -> usize {
        self.servers / 2 + 1
    }

    /// What a server has sent, in order.
    pub fn sent_by(&self, server: usize) -> impl DoubleEndedIterator<Item = &Call> {
        self.sent[server].iter().map(|&place| &self.calls[place])
    }

    /// The same from a moment on.
    pub(crate) fn sent_since(&self, server: usize, since: Moment) -> impl Iterator<Item = &Call> {
        let places = &self.sent[server];
        let first = places.partition_point(|&place| self.calls[place].sent <= since);
        places[first..].iter().map(|&place| &self.calls[place])
    }

    /// Whether it is known how a life began; else what was before is missing.
    pub(crate) fn saw_begin(&self, life: &Life) -> bool {
        self.dropped == 0 || life.from.at > self.since
    }

    /// An answer by which a server confirmed its log up to `index` to another one, before `until`, in an earlier term
    /// than the one that its leader has led since `since`, and in the same life of that leader. One that came since then
    /// says most, and else the one that went furthest.
    pub(crate) fn confirmed_formerly(
        &self,
        (leader, term, since): (Caller, u64, Moment),
        (server, index): (u32, u64),
        until: Moment,
    ) -> Option<&Call> {
        let places = &self.sent[leader.server as usize];
        let first = places.partition_point(|&place| self.calls[place].sent < since);
        let sent = places[..first].iter().map(|&place| &self.calls[place]).filter(|call| {
            call.from == leader && call.to == server && call.args.term.is_some_and(|own| own < term)
        });
        let came =
            |call: &&Call| matches!(call.returned, Some((at, Outcome::Replied)) if at < until);
        sent.filter(came)
            .filter(|call| call.confirms() >= Some(index))
            .max_by_key(|call| (call.returned.map(|(at, _)| at >= since), call.confirms()))
    }

    /// What an incarnation of a server has answered, in order.
    pub fn answered_by(&self, server: Caller) -> impl DoubleEndedIterator<Item = &Call> {
        let lives = self.lives[server.server as usize].iter();
        let life = lives.clone().find(|life| life.incarnation == server.incarnation).copied();
        let answered = self.handled_by(server.server as usize);
        answered.filter(move |call| life.is_some_and(|life| life.has(call.handled)))
    }

    /// What a server's handlers have answered, in order, in whatever incarnation.
    pub fn handled_by(&self, server: usize) -> impl DoubleEndedIterator<Item = &Call> {
        self.handled[server].iter().map(|&place| &self.calls[place])
    }

    /// The same from a moment on, with the moment of each.
    pub(crate) fn handled_since(
        &self,
        server: usize,
        since: Moment,
    ) -> impl Iterator<Item = (Moment, &Call)> {
        let places = &self.handled[server];
        let first = places.partition_point(|&place| self.calls[place].handled < Some(since));
        let handled = places[first..].iter().map(|&place| &self.calls[place]);
        handled.filter_map(|call| Some((call.handled?, call)))
    }

    /// What a server was seen to be from a moment on, in order.
    pub(crate) fn views_since(&self, server: usize, since: Moment) -> impl Iterator<Item = &View> {
        let views = &self.views[server];
        views[views.partition_point(|view| view.moment < since)..].iter()
    }

    /// What a server has applied, in order.
    pub fn applied_by(&self, server: u32) -> impl DoubleEndedIterator<Item = &Applied> {
        self.applied.iter().filter(move |applied| applied.server.server == server)
    }

    /// The commands that a server has accepted, in order.
    pub fn proposed_by(&self, server: u32) -> impl DoubleEndedIterator<Item = &Proposal> {
        self.proposals.iter().filter(move |own| own.server.server == server)
    }

    /// Whether a server asks for votes in a term, at any time.
    pub(crate) fn stands(&self, server: u32, term: u64) -> bool {
        let mut own = self.elections.iter();
        own.any(|own| own.candidate.server == server && own.term == term)
    }

    /// The requests for votes, in order; without those of former incarnations.
    pub(crate) fn requests_for_votes(&self) -> impl Iterator<Item = &Call> {
        self.votes.iter().map(|&place| &self.calls[place])
    }

    /// A server's saves, each with the one that follows it.
    pub(crate) fn consecutive_saves(&self, server: u32) -> impl Iterator<Item = (&Save, &Save)> {
        self.saved_by(server).zip(self.saved_by(server).skip(1))
    }

    /// What a server has saved, in order.
    pub fn saved_by(&self, server: u32) -> impl DoubleEndedIterator<Item = &Save> {
        self.saved.iter().filter(move |save| save.server.server == server)
    }

    /// The snapshots that the tester had servers make between two moments, in order.
    pub fn snapshots_between(
        &self,
        from: Moment,
        until: Moment,
    ) -> impl DoubleEndedIterator<Item = &Snapshot> {
        self.snapshots.iter().filter(move |made| from < made.moment && made.moment < until)
    }

    /// The snapshots that a server has had before `until`, in no particular order, with the index at which each ends in
    /// messages. None where messages count other entries as well: there it isn't the one that the tester knows.
    pub fn held_by(&self, server: u32, until: Moment) -> impl Iterator<Item = HeldSnapshot> {
        self.all_held_by(server, until).filter(|_| !self.counts_other_entries)
    }

    /// Whether a server has had a snapshot before `until`, wherever it ends.
    #[must_use]
    pub fn has_held(&self, server: u32, until: Moment) -> bool {
        self.all_held_by(server, until).next().is_some()
    }

    /// The same with the index that the tester knows.
    pub(crate) fn all_held_by(
        &self,
        server: u32,
        until: Moment,
    ) -> impl Iterator<Item = HeldSnapshot> {
        let made = self.snapshots.iter().map(|made| HeldSnapshot {
            moment: made.moment,
            server: made.server,
            index: made.index,
            is_installed: false,
        });
        let applied = self.applied.iter().filter(|applied| applied.command.is_none());
        let installed = applied.map(|applied| HeldSnapshot {
            moment: applied.moment,
            server: applied.server,
            index: applied.index,
            is_installed: true,
        });
        made.chain(installed)
            .filter(move |held| held.server.server == server && held.moment < until)
    }

    /// The snapshot with the highest index that a server has had before `until`.
    #[must_use]
    pub fn last_held(&self, server: u32, until: Moment) -> Option<HeldSnapshot> {
        self.held_by(server, until).max_by_key(|held| held.index)
    }

    /// What a server was last seen to be at `at`, in the incarnation that it was in then or before.
    #[must_use]
    pub fn view_at(&self, server: usize, at: Time) -> Option<&View> {
        let life = self.lives[server].iter().rev().find(|life| life.from.at <= at);
        let seen = self.views[server].partition_point(|view| view.moment.at <= at);
        let view = self.views[server][..seen].last()?;
        life.is_none_or(|life| life.incarnation == view.incarnation).then_some(view)
    }

    /// The highest term that a server is proven to have reached before `moment`.
    #[must_use]
    pub fn reached_before(&self, server: u32, moment: Moment) -> Option<Reached> {
        let reached = &self.reached[server as usize];
        let count = reached.partition_point(|reached| reached.place < moment.place);
        Some(reached[count.checked_sub(1)?])
    }

    /// Whether a server refuses its vote because there is a leader: "if a server receives a RequestVote
    /// RPC within the minimum election timeout of hearing from a current leader, it does not update its
    /// term or grant its vote" (§6).
    #[must_use]
    pub fn holds_to_leader(&self, call: &Call) -> bool {
        let Some(handled) = call.handled else { return false };
        if call.purpose != Purpose::Vote || call.reply.vote_granted != Some(false) {
            return false;
        }
        let is_recent = |at: Time| handled.at.since(at) < HOLDS_TO_LEADER;
        let heard = self
            .handled_by(call.to as usize)
            .rev()
            .take_while(|other| other.handled.is_some_and(|handled| is_recent(handled.at)));
        let mut heard = heard.filter(|other| other.handled < Some(handled));
        let leads = || {
            let sent = self.sent_by(call.to as usize).rev();
            let mut sent = sent.skip_while(|sent| sent.sent > handled);
            let last = sent.find(|sent| sent.purpose != Purpose::Vote);
            last.is_some_and(|sent| is_recent(sent.sent.at))
        };
        heard.any(|other| matches!(other.purpose, Purpose::Append | Purpose::Snapshot))
            || leads()
            || self.holds_since_crash(call.to, handled)
    }

    /// Whether a server has begun anew after a crash only just, and had heard a leader before. A lease outlasts a crash:
    /// how much of it is left by then, the server doesn't know.
    fn holds_since_crash(&self, server: u32, moment: Moment) -> bool {
        let mut lives = self.lives[server as usize].iter().rev();
        let life = lives.find(|life| life.from < moment).filter(|life| life.incarnation > 1);
        life.is_some_and(|life| {
            let is_heard = |other: &Call| {
                matches!(other.purpose, Purpose::Append | Purpose::Snapshot)
                    && other.handled < Some(life.from)
            };
            moment.at.since(life.from.at) < HOLDS_TO_LEADER
                && self.handled_by(server as usize).any(is_heard)
        })
    }

    /// Whether a server that was sent a snapshot handed that on to its service, or what follows it, within a time
    /// that suffices; also if its life, or the run, ended before.
    #[must_use]
    pub fn hands_on(&self, call: &Call) -> bool {
        let (Some(index), Some(delivered)) = (call.args.last_included_index, call.delivered) else {
            return true;
        };
        let mut lives = self.lives[call.to as usize].iter().rev();
        let Some(life) = lives.find(|life| life.from < delivered) else { return true };
        let until = life.until.map_or(self.end, |until| until.at);
        if until.since(delivered.at) < HANDED_ON {
            return true;
        }
        let later = self.applied.partition_point(|applied| applied.moment < delivered);
        self.applied[later..].iter().any(|applied| {
            let is_its =
                applied.server.server == call.to && applied.server.incarnation == life.incarnation;
            is_its && applied.index >= index
        })
    }

    /// Whether a server is seen to stay in a term lower than `term` for some time after `moment`.
    #[must_use]
    pub fn stays_below(&self, server: usize, term: u64, moment: Moment) -> bool {
        let mut seen = self.lasting_views(server).filter(|&(_, until)| until >= moment.at);
        // What it is at the same time may be seen a little before, or after.
        seen.any(|(view, until)| {
            view.term < term && until.since(view.moment.at.max(moment.at)) > DEALT_WITH
        })
    }

    /// Whether a server that has accepted a command is seen to lead on in that term for longer than it takes to deal
    /// with a message. One that hears of a higher term just then may have dropped the command.
    #[must_use]
    pub fn leads_on(&self, proposal: &Proposal) -> bool {
        let server = proposal.server.server as usize;
        let later = self.views[server].partition_point(|view| view.moment <= proposal.moment);
        let is_other = |view: &&View| !view.is_leader || view.term != proposal.term;
        let next = self.views[server][later..].iter().find(is_other).map(|view| view.moment.at);
        let life =
            self.lives[server].iter().find(|it| it.incarnation == proposal.server.incarnation);
        let crashed = life.and_then(|life| life.until).map(|until| until.at);
        let until = next.into_iter().chain(crashed).min().unwrap_or(self.end);
        until.since(proposal.moment.at) > DEALT_WITH
    }

    /// Until when a candidate is known to have done no better than to stand: it started another
    /// election, was seen to lead or to be of another term, answered a leader of its term, was crashed,
    /// or the run ended. `elections` are all of the run's.
    #[must_use]
    pub fn stands_until(&self, elections: &[Election], election: &Election) -> Time {
        let Election { candidate, term, at, .. } = *election;
        let server = candidate.server as usize;
        // Each list is in order of time, and a run may have thousands of elections.
        let since = Moment { at, place: 0 };
        let later = &elections[elections.partition_point(|other| other.at < at)..];
        let next = later
            .iter()
            .find(|other| other.candidate == candidate && (other.at, other.term) > (at, term))
            .map(|other| other.at);
        let view = self
            .views_since(server, since)
            .find(|view| view.is_leader || view.term > term)
            .map(|view| view.moment.at);
        let crashed = self.lives[server]
            .iter()
            .find(|life| life.incarnation == candidate.incarnation)
            .and_then(|life| life.until)
            .map(|moment| moment.at);
        let until = [next, view, crashed].into_iter().flatten().min().unwrap_or(self.end);
        let until = until.min(self.end);
        // Whoever follows the term's leader has given way.
        let followed = self
            .handled_since(server, since)
            .take_while(|(handled, _)| handled.at < until)
            .find(|(_, call)| call.is_leaders() && call.args.term >= Some(term));
        followed.map_or(until, |(handled, _)| handled.at)
    }

    /// The script's step that was under way at `at`: a checker, or whatever the script waited for. A time of 0
    /// isn't known, and stands for the end.
    #[must_use]
    pub fn step_at(&self, at: Time) -> Option<&Step> {
        let is_begun = |step: &&Step| at == Time(0) || step.moment.at <= at;
        self.steps.iter().rev().filter(|step| !step.is_fault).find(is_begun)
    }
}
