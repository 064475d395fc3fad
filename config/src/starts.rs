//! What a server has answered to `start`, and what it must answer next.

use raftapi::Start;
use report::Check;

use crate::cluster::{Config, ServerState};
use crate::refusal::Refusal;

/// What was known of a server's answers at one time; see `Config::last_start`.
#[derive(Clone, Copy)]
pub(crate) struct LastStart {
    incarnation: u32,
    start: Option<Start>,
}

impl Config {
    /// A server's present life, and what it answered last to a `start` that it accepted.
    pub(crate) fn last_start(&self, i: usize) -> LastStart {
        let state = self.state();
        let ServerState { incarnation, last_start, .. } = state.servers[i];
        LastStart { incarnation, start: last_start }
    }

    /// Notes where an accepted command is to stand. `before` is what was known when its `start` was
    /// called: calls on several threads may overlap, and those that do are in no order.
    ///
    /// Fails if the index doesn't go up within a term.
    pub(crate) fn note_start(
        &self,
        i: usize,
        before: LastStart,
        start: Start,
    ) -> Result<(), Refusal> {
        let refused =
            |message| Err(Refusal::new(Check::NextIndex { server: Some(i as u32) }, message));
        let position = |start: Start| (start.term, start.index);
        let mut state = self.state();
        let server = &mut state.servers[i];
        if server.incarnation != before.incarnation {
            return Ok(()); // it is another life's
        }
        let last = &mut server.last_start;
        if last.is_none_or(|last| position(last) < position(start)) {
            *last = Some(start);
        }
        match before.start {
            Some(before) if start.term < before.term => refused(format!(
                "server {i}'s start() accepted in term {} after it had in term {}",
                start.term, before.term
            )),
            Some(before) if start.term == before.term && start.index <= before.index => {
                refused(format!(
                    "server {i}'s start() returned index {} after {} in the same term {}",
                    start.index, before.index, start.term
                ))
            }
            _ => Ok(()),
        }
    }
}
