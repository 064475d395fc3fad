//! Which term a server is proven to have reached when a request's handler begins.

use crate::story::{Became, Call, Purpose, Story};

/// A term that a server is proven to have reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reached {
    /// The term.
    pub(super) term: u64,
    /// The call that proves it, as a place in [`Story::calls`].
    pub(super) proof: usize,
}

/// Has `judge` see each certain answer, with the term that the server had reached before its handler
/// began.
///
/// A server has reached the term of what it has answered and of what it has sent, for ever: whoever
/// sends or answers has saved its term. Of two handlers that ran at the same time nobody knows which
/// came first, so only those count that had ended before this one began; and what a server has sent
/// counts from its delivery, since a dead server's calls are never delivered.
pub(super) fn each_answer(story: &Story, mut judge: impl FnMut(&Call, Reached)) {
    let mut reached: Vec<Option<Reached>> = vec![None; story.servers];
    let mut before: Vec<Option<Reached>> = vec![None; story.calls.len()];
    for turn in &story.turns {
        let call = &story.calls[turn.call];
        if call.purpose == Purpose::Other {
            continue;
        }
        match turn.what {
            Became::Sent | Became::Returned => {}
            Became::Delivered => {
                before[turn.call] = reached[call.to as usize];
                reach(&mut reached[call.from.server as usize], call.args.term, turn.call);
            }
            Became::Handled if call.answered_in.is_none() => {}
            Became::Handled => {
                if let Some(before) = before[turn.call] {
                    judge(call, before);
                }
                reach(&mut reached[call.to as usize], call.reply.term, turn.call);
            }
        }
    }
}

fn reach(reached: &mut Option<Reached>, term: Option<u64>, proof: usize) {
    if let Some(term) = term
        && reached.is_none_or(|reached| reached.term < term)
    {
        *reached = Some(Reached { term, proof });
    }
}
