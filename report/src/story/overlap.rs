//! Which handlers of a server were under way at once.

use super::{Call, Did, Story};

impl Story {
    /// The pairs of calls to a server whose handlers were under way at once in one of its incarnations: the
    /// handler of the second began when that of the first hadn't ended. In the order in which the second ones
    /// began.
    ///
    /// A handler that never ends is in a pair with each later one of its incarnation.
    pub fn overlapping(&self, server: u32) -> impl Iterator<Item = (&Call, &Call)> {
        // With the incarnation that each is in.
        let mut under_way: Vec<(usize, Option<u32>)> = Vec::new();
        let turns = self.turns.iter().filter(move |turn| self.calls[turn.call].to == server);
        let pairs = turns.flat_map(move |turn| {
            if turn.what == Did::End {
                under_way.retain(|&(call, _)| call != turn.call);
                return Vec::new();
            }
            let incarnation = self.received_in(&self.calls[turn.call]);
            // What an earlier one still does concerns nobody.
            under_way.retain(|&(_, other)| other >= incarnation);
            let others = under_way.iter().filter(|&&(_, other)| other == incarnation);
            let pairs = others.map(|&(other, _)| (other, turn.call)).collect();
            under_way.push((turn.call, incarnation));
            pairs
        });
        pairs.map(|(first, second)| (&self.calls[first], &self.calls[second]))
    }

    /// In which incarnation of its server a call was delivered; `None` if that isn't known.
    fn received_in(&self, call: &Call) -> Option<u32> {
        let lives = &self.lives[call.to as usize];
        let sent_to = || lives.iter().rev().find(|life| life.from.place < call.sent.place);
        call.life.or_else(|| Some(sent_to()?.incarnation))
    }
}
