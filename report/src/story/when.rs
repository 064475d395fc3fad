//! Who could talk to whom, and who was seen to be what, and when.

use std::collections::BTreeSet;

use super::{Link, Moment, Story, View};
use crate::event::{Caller, Time};
use crate::outcome::Outcome;

impl Story {
    /// Whether a server was connected at `at`.
    #[must_use]
    pub fn is_connected(&self, server: usize, at: Time) -> bool {
        let before = |link: &&Link| link.moment.at <= at;
        self.links[server].iter().rev().find(before).is_some_and(|link| link.is_up)
    }

    /// Whether a server was alive at `at`.
    #[must_use]
    pub fn is_alive(&self, server: usize, at: Time) -> bool {
        self.lives[server].iter().any(|life| life.covers(at))
    }

    /// The servers that were alive and connected at `at`.
    #[must_use]
    pub fn up(&self, at: Time) -> Vec<usize> {
        let is_up = |&server: &usize| self.is_alive(server, at) && self.is_connected(server, at);
        (0..self.servers).filter(is_up).collect()
    }

    /// Whether the votes of a majority in `term` had reached a server before `moment`.
    pub(crate) fn is_elected(&self, server: Caller, term: Option<u64>, moment: Moment) -> bool {
        let asked = self.sent_by(server.server as usize);
        let granted = asked.filter(|call| {
            let came = matches!(call.returned, Some((at, Outcome::Replied)) if at < moment);
            call.is_vote()
                && call.from == server
                && call.args.term == term
                && call.is_granted()
                && came
        });
        let voters: BTreeSet<u32> = granted.map(|call| call.to).collect();
        voters.len() + 1 >= self.majority()
    }

    /// Since when, until the end, the servers that can talk to each other have been the same.
    #[must_use]
    pub fn settled_since(&self) -> Time {
        self.settled_before(self.end)
    }

    /// Since when, until `at`, the servers that can talk to each other have been the same.
    #[must_use]
    pub fn settled_before(&self, at: Time) -> Time {
        let links = self.links.iter().flatten().map(|link| link.moment.at);
        let lives = self.lives.iter().flatten();
        let changes = lives.flat_map(|life| [Some(life.from.at), life.until.map(|end| end.at)]);
        links.chain(changes.flatten()).filter(|&change| change <= at).max().unwrap_or(Time(0))
    }

    /// What a server was seen to be, and until when that was the last that was seen of its life.
    pub fn lasting_views(&self, server: usize) -> impl Iterator<Item = (&View, Time)> {
        self.views[server].iter().map(move |view| (view, self.lasts_until(server, view)))
    }

    /// Until when a view was the last that was seen of its server's life.
    pub(crate) fn lasts_until(&self, server: usize, view: &View) -> Time {
        let views = &self.views[server];
        let place = views.partition_point(|other| other.moment <= view.moment);
        let next = views.get(place).map(|next| next.moment.at);
        let life = self.lives[server].iter().find(|life| life.incarnation == view.incarnation);
        let crashed = life.and_then(|life| life.until).map(|until| until.at);
        next.into_iter().chain(crashed).chain([self.end]).min().unwrap_or(self.end)
    }
}
