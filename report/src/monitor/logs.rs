//! How long a server's log is proven to be.

use crate::event::RpcId;
use crate::story::{Became, Call, Purpose, Story};

/// The last entry that something shows, by term and index; compared as §5.4.1 compares logs.
pub(super) type Last = (u64, u64);

/// What a server's log is proven to hold at least.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proof {
    /// The log's last entry is this one, or a later one.
    pub(super) last: Last,
    /// The server's term then.
    pub(super) term: u64,
    /// The call that proves it.
    pub(super) call: RpcId,
    /// How often another leader has had its word since the beginning.
    words: u32,
}

/// The last entry up to which AppendEntries shows its leader's log; the follower's, if it succeeds.
pub(super) fn shown(call: &Call) -> Option<Last> {
    let prev = call.args.prev_log_index?;
    let (index, term) = match call.args.entries.as_deref() {
        Some([.., last]) => (prev + call.args.entries.as_ref()?.len() as u64, (*last)?),
        Some([]) => (prev, call.args.prev_log_term?),
        None => return None,
    };
    (index > 0).then_some((term, index))
}

/// What `judge` is asked about.
pub(super) enum Deed<'a> {
    /// The server has granted its vote.
    Granted(&'a Call),
    /// The server asks for votes.
    Asks(&'a Call),
}

/// Has `judge` see each vote that a server grants or asks for, with what its log was proven to hold
/// when it did.
///
/// A log is proven by the AppendEntries that its server has accepted, and by what it shows of it as a
/// candidate and leader. It may lose entries as soon as another leader has its word, so what was proven
/// holds only for as long as none has; that includes one whose request is only just handled.
pub(super) fn each_vote(story: &Story, mut judge: impl FnMut(Deed<'_>, Proof)) {
    if story.dropped > 0 {
        return; // another leader's word may be among what is missing
    }
    let mut servers: Vec<Server> = vec![Server::default(); story.servers];
    // Of each call: what was proven of its receiver when its handler began; how often other leaders
    // had had their word with the receiver then, and with the caller at the sending.
    let mut before: Vec<(Option<Proof>, u32)> = vec![(None, 0); story.calls.len()];
    for turn in &story.turns {
        let call = &story.calls[turn.call];
        let (from, to) = (call.from.server as usize, call.to as usize);
        match (turn.what, call.purpose) {
            (Became::Sent, Purpose::Vote) => {
                if let (Some(term), Some(proof), Some(_)) =
                    (call.args.term, servers[from].proof(), call.delivered)
                    && proof.term < term
                {
                    judge(Deed::Asks(call), proof);
                }
                before[turn.call].1 = servers[from].words;
            }
            (Became::Sent, Purpose::Append) => before[turn.call].1 = servers[from].words,
            (Became::Delivered, Purpose::Vote | Purpose::Append | Purpose::Snapshot) => {
                servers[from].has_sent(call, before[turn.call].1);
                if call.purpose != Purpose::Vote {
                    servers[to].hears(call);
                }
                before[turn.call] = (servers[to].proof(), servers[to].words);
            }
            (Became::Handled, Purpose::Vote) => {
                let (proof, words) = before[turn.call];
                if let (Some(term), Some(proof), Some(true), Some(_)) =
                    (call.args.term, proof, call.reply.vote_granted, call.answered_in)
                    && words == servers[to].words
                    && proof.term < term
                {
                    judge(Deed::Granted(call), proof);
                }
            }
            (Became::Handled, Purpose::Append) => {
                if let (Some(term), Some(true), Some(_)) =
                    (call.args.term, call.reply.success, call.answered_in)
                    && let Some(last) = shown(call)
                {
                    let words = before[turn.call].1;
                    servers[to].learn(Proof { last, term, call: call.id, words });
                }
            }
            _ => {}
        }
    }
}

/// What is known of a server.
#[derive(Clone, Debug, Default)]
struct Server {
    proof: Option<Proof>,
    /// How often another leader has had its word.
    words: u32,
    /// The term of the leader that was heard last.
    heard: Option<u64>,
    /// The highest term of a leader that was heard.
    highest: u64,
}

impl Server {
    /// What is still proven.
    fn proof(&self) -> Option<Proof> {
        self.proof.filter(|proof| proof.words == self.words)
    }

    fn learn(&mut self, proof: Proof) {
        if proof.words == self.words && self.proof().is_none_or(|known| known.last <= proof.last) {
            self.proof = Some(proof);
        }
    }

    /// A leader's request has been delivered to it.
    fn hears(&mut self, call: &Call) {
        // A snapshot may replace the whole log.
        if call.purpose == Purpose::Snapshot
            || call.args.term.is_none()
            || self.heard != call.args.term
        {
            self.words += 1;
        }
        self.heard = call.args.term;
        self.highest = self.highest.max(call.args.term.unwrap_or(u64::MAX));
    }

    /// What it has sent has been delivered, so it was alive when it did.
    fn has_sent(&mut self, call: &Call, words: u32) {
        let last = match call.purpose {
            Purpose::Vote => call.args.last_log_term.zip(call.args.last_log_index),
            Purpose::Append => shown(call),
            Purpose::Snapshot | Purpose::Other => None,
        };
        // A request that was built before another leader had its word proves nothing of the log after
        // it; whoever is in a later term than all leaders it has heard listens to none of them.
        if let (Some(term), Some(last)) = (call.args.term, last)
            && self.highest < term
        {
            self.learn(Proof { last, term, call: call.id, words });
        }
    }
}
