//! The servers' logs, step by step, for the grid of index by server.

use report::{Story, spec};
use serde::Serialize;

use super::texts::{Texts, message_text};

/// A server's log changed, or how far it is known to be committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogStep {
    /// When.
    pub at: u64,
    /// The server.
    pub server: u32,
    /// Up to which index the log is as before.
    pub kept: u64,
    /// The terms of the entries behind that, each with how many have it in a row; 0 for an unknown term.
    pub terms: Vec<(u64, u64)>,
    /// Up to which index it is known to be committed.
    pub commit: u64,
}

pub(crate) fn logs(story: &Story) -> Vec<LogStep> {
    let changes = spec::logs(story).into_iter().map(|change| LogStep {
        at: change.moment.at.0,
        server: change.server,
        kept: change.kept,
        terms: in_rows(change.terms.iter().map(|term| term.unwrap_or(0))),
        commit: change.commit,
    });
    merged(changes.collect(), |_| 1)
}

fn in_rows(terms: impl Iterator<Item = u64>) -> Vec<(u64, u64)> {
    let mut rows: Vec<(u64, u64)> = Vec::new();
    for term in terms {
        match rows.last_mut() {
            Some((last, count)) if *last == term => *count += 1,
            _ => rows.push((term, 1)),
        }
    }
    rows
}

/// The steps with one for all of a server that lie in the same slice of time; `slice` is the length of the
/// slices at a time, in µs.
pub(crate) fn merged(steps: Vec<LogStep>, slice: impl Fn(u64) -> u64) -> Vec<LogStep> {
    let mut merged: Vec<LogStep> = Vec::with_capacity(steps.len());
    // Where the last step of each server is.
    let mut last: Vec<Option<usize>> = Vec::new();
    for step in steps {
        let server = step.server as usize;
        if last.len() <= server {
            last.resize(server + 1, None);
        }
        let length = slice(step.at).max(1);
        match last[server].map(|place| &mut merged[place]) {
            Some(before)
                if slice(before.at) == slice(step.at) && before.at / length == step.at / length =>
            {
                before.then(&step);
            }
            _ => {
                last[server] = Some(merged.len());
                merged.push(step);
            }
        }
    }
    merged.sort_by_key(|step| step.at);
    merged
}

impl LogStep {
    /// Makes this step one that comes to the same as this and then `next`.
    fn then(&mut self, next: &LogStep) {
        self.commit = next.commit;
        self.at = next.at;
        let Some(room) = next.kept.checked_sub(self.kept) else {
            (self.kept, self.terms) = (next.kept, next.terms.clone());
            return;
        };
        let own = self.terms.iter().flat_map(|&(term, count)| (0..count).map(move |_| term));
        let more = next.terms.iter().flat_map(|&(term, count)| (0..count).map(move |_| term));
        self.terms = in_rows(own.take(room as usize).chain(more));
    }
}

/// The commands that leaders accepted: index, term, and what.
pub(crate) fn commands(story: &Story, texts: &mut Texts) -> Vec<(u64, u64, usize)> {
    let mut commands: Vec<(u64, u64, usize)> = story
        .proposals
        .iter()
        .map(|own| (own.index, own.term, texts.number(&message_text(&own.command))))
        .collect();
    commands.sort_unstable();
    commands.dedup_by_key(|&mut (index, term, _)| (index, term));
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(at: u64, kept: u64, terms: &[(u64, u64)]) -> LogStep {
        LogStep { at, server: 0, kept, terms: terms.to_vec(), commit: at }
    }

    fn log(steps: &[LogStep]) -> Vec<u64> {
        let mut log: Vec<u64> = Vec::new();
        for step in steps {
            log.truncate(step.kept as usize);
            log.extend(step.terms.iter().flat_map(|&(term, n)| (0..n).map(move |_| term)));
        }
        log
    }

    #[test]
    fn merged_steps_come_to_the_same_log() {
        let steps = vec![
            step(1, 0, &[(1, 3)]),
            step(2, 3, &[(1, 1), (2, 2)]),
            step(3, 4, &[]),
            step(4, 2, &[(3, 1)]),
            step(15, 3, &[(4, 5)]),
        ];
        for slice in [1, 2, 3, 10, 100] {
            let merged = merged(steps.clone(), |_| slice);
            assert_eq!(log(&merged), log(&steps), "in slices of {slice}");
            assert_eq!(merged.last().map(|step| step.commit), Some(15));
        }
        assert_eq!(merged(steps, |_| 100).len(), 1);
    }
}
