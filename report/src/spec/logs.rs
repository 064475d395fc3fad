//! Each server's log, as far as its messages show it, from one change to the next.

use super::Known;
use super::step::steps;
use crate::story::{Moment, Story};

/// A server's log, or how far it is known to be committed, was seen to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogChange {
    /// When it was seen: at the answer that shows a follower's log, at the request or `start()` that shows a
    /// leader's.
    pub moment: Moment,
    /// The server.
    pub server: u32,
    /// Up to which index the log is as before.
    pub kept: u64,
    /// The terms of the entries that follow `kept`; `None` for one that nothing has shown.
    pub terms: Vec<Option<u64>>,
    /// Up to which index the server may know its log to be committed.
    pub commit: u64,
    /// Whether there may be more entries behind the last one.
    pub is_open: bool,
}

/// Every change of a server's log, in order of time.
#[must_use]
pub fn logs(story: &Story) -> Vec<LogChange> {
    let mut known = Known::new(story);
    let mut shown: Vec<(Vec<Option<u64>>, u64, bool)> = vec![Default::default(); story.servers];
    let mut changes = Vec::new();
    for (moment, did) in steps(story) {
        known.flow.hear(moment, &did);
        if !known.counts(&did) {
            continue;
        }
        known.follow(moment, &did);
        let number = did.server();
        let (Some(server), Some((terms, commit, is_open))) =
            (known.servers.get(number as usize), shown.get_mut(number as usize))
        else {
            continue;
        };
        let log = &server.log;
        if (&log.terms, server.commit, log.open) == (&*terms, *commit, *is_open) {
            continue;
        }
        let kept = terms.iter().zip(&log.terms).take_while(|(before, now)| before == now).count();
        terms.truncate(kept);
        terms.extend_from_slice(&log.terms[kept..]);
        (*commit, *is_open) = (server.commit, log.open);
        changes.push(LogChange {
            moment,
            server: number,
            kept: kept as u64,
            terms: terms[kept..].to_vec(),
            commit: *commit,
            is_open: *is_open,
        });
    }
    changes
}
