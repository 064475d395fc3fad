//! How long a server's log is proven to be.

use crate::event::RpcId;
use crate::story::{Call, Moment, Purpose, Story};

/// The last entry that something shows, by term and index; compared as §5.4.1 compares logs.
pub(super) type Last = (u64, u64);

/// What a server's log is proven to hold at least.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proof {
    /// The log's last entry is this one, or a later one.
    pub(super) last: Last,
    /// The call that proves it.
    pub(super) call: RpcId,
}

/// How many calls back a proof is looked for, among those that a server has answered and those that it
/// has sent.
const BACK: usize = 64;

/// The last entry up to which AppendEntries shows its leader's log; the follower's, if it succeeds.
pub(super) fn shown(call: &Call) -> Option<Last> {
    let prev = call.args.prev_log_index?;
    let entries = call.args.entries.as_deref()?;
    let term = match entries {
        [.., last] => (*last)?,
        [] => call.args.prev_log_term?,
    };
    let index = prev + entries.len() as u64;
    (index > 0).then_some((term, index))
}

/// What the log of `server` is proven to hold from `from` until `until`, by what it did in terms lower
/// than `term`: the AppendEntries that it accepted, and what it showed as a candidate and leader.
///
/// What it has accepted, or asked for votes with, it had saved. What it has sent as a leader it may have
/// been saving still (thesis §10.2.1), so that a crash may have taken it.
///
/// A log may lose entries as soon as another leader has its word, whether its request is handled by now
/// or not: what was proven before then proves nothing any more. Nor does a request prove anything that
/// another leader's word may have outrun. Of two handlers that ran at the same time nobody knows which
/// came first, so those count only that had ended by `from`.
pub(super) fn proven(
    story: &Story,
    server: u32,
    (from, until): (Moment, Moment),
    term: u64,
) -> Option<Proof> {
    let (words, heard) = story.heard_until(server, from);
    if story.dropped > 0 || story.heard_until(server, until).0 != words {
        return None; // another leader's word may be among what is missing, or came meanwhile
    }
    let is_of_now = |moment: Moment| story.heard_until(server, moment).0 == words;
    let handled = &story.handled[server as usize];
    let before = handled.partition_point(|&place| story.calls[place].handled < Some(from));
    let accepted = handled[..before]
        .iter()
        .rev()
        .take(BACK)
        .map(|&place| &story.calls[place])
        .filter(|call| call.purpose == Purpose::Append && call.answered_in.is_some())
        .filter(|call| call.reply.success == Some(true) && call.args.term < Some(term))
        .filter(|call| call.delivered.is_some_and(is_of_now))
        .filter_map(|call| Some(Proof { last: shown(call)?, call: call.id }));
    // Whoever is in a later term than all leaders that it has heard listens to none of them.
    let highest = heard.map_or(0, |heard| heard.highest);
    let mut lives = story.lives[server as usize].iter().rev();
    let life = lives.find(|life| life.from <= from).map(|life| life.incarnation);
    let is_kept =
        |call: &Call| call.purpose == Purpose::Vote || Some(call.from.incarnation) == life;
    let sent = &story.sent[server as usize];
    let before = sent.partition_point(|&place| story.calls[place].sent < from);
    let showed = sent[..before]
        .iter()
        .rev()
        .take(BACK)
        .map(|&place| &story.calls[place])
        .filter(|call| call.args.term > Some(highest) && call.args.term < Some(term))
        // It was alive when it sent what was delivered.
        .filter(|call| call.delivered.is_some() && is_of_now(call.sent) && is_kept(call))
        .filter_map(|call| {
            let last = match call.purpose {
                Purpose::Vote => call.args.last_log_term.zip(call.args.last_log_index)?,
                Purpose::Append => shown(call)?,
                Purpose::Snapshot | Purpose::Other => return None,
            };
            Some(Proof { last, call: call.id })
        });
    accepted.chain(showed).max_by_key(|proof| proof.last)
}
