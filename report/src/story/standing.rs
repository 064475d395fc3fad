//! What each server was, from one change to the next: its role and its term.

use super::{Moment, Story, View};
use crate::event::Role;

/// What a server was at a moment of one of its lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// In which life, from 1.
    pub incarnation: u32,
    /// Its role, as `get_state` and its requests for votes show it.
    pub role: Role,
    /// Its term; `None` if nothing has shown one since it was restarted. Its first life begins with term 0.
    pub term: Option<u64>,
}

impl Story {
    /// What a server was at `moment`; `None` while it was crashed or not yet started.
    #[must_use]
    pub fn standing_at(&self, server: usize, moment: Moment) -> Option<Standing> {
        let lives = &self.lives[server];
        let life = lives[..lives.partition_point(|life| life.from <= moment)].last();
        let life = life.filter(|life| life.until.is_none_or(|until| until > moment))?;
        let incarnation = life.incarnation;
        let views = &self.views[server];
        let seen = views.partition_point(|view| view.moment <= moment);
        // What comes later is of a later life, or of the same.
        let view = views[..seen].last().filter(|view| view.incarnation == incarnation);
        // Requests for votes tell of a candidacy before a look does.
        let own = &self.votes_of[server];
        let asked = own.partition_point(|&place| self.calls[place].sent <= moment);
        let asked = own[..asked].last().map(|&place| &self.calls[place]);
        let stood = asked.filter(|call| call.from.incarnation == incarnation);
        let stood = stood.and_then(|call| call.args.term);
        let (role, term) = match (view.map(|view| view.term).max(stood), view) {
            (None, _) => (Role::Follower, (incarnation == 1).then_some(0)),
            (Some(term), Some(view)) if view.term == term => (role(view, stood), Some(term)),
            (Some(term), _) => (Role::Candidate, Some(term)),
        };
        Some(Standing { incarnation, role, term })
    }

    /// What a server was, from each change on. While it is crashed, that is `None`.
    #[must_use]
    pub fn standings(&self, server: usize) -> Vec<(Moment, Option<Standing>)> {
        let lives = self.lives[server].iter();
        let lives = lives.flat_map(|life| [Some(life.from), life.until]).flatten();
        let views = self.views[server].iter().map(|view| view.moment);
        let asked = self.votes_of[server].iter().map(|&place| self.calls[place].sent);
        let mut changes: Vec<Moment> = lives.chain(views).chain(asked).collect();
        changes.sort_unstable();
        let mut standings: Vec<(Moment, Option<Standing>)> = Vec::new();
        for moment in changes {
            let standing = self.standing_at(server, moment);
            if standings.last().map_or(standing.is_some(), |(_, last)| *last != standing) {
                standings.push((moment, standing));
            }
        }
        standings
    }
}

/// The role in a view, by a Raft that may tell only whether it leads; `stood` is the term of its last request
/// for votes.
fn role(view: &View, stood: Option<u64>) -> Role {
    match &view.detail {
        _ if view.is_leader => Role::Leader,
        Some(detail) if detail.role == Role::Candidate => Role::Candidate,
        None if stood == Some(view.term) => Role::Candidate,
        Some(_) | None => Role::Follower,
    }
}
