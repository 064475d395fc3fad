//! raft 0.4, as far as its core differs from newer versions.

use std::ops::{Deref, DerefMut};

use raftapi::Term;
use rand::RngExt as _;
use tikv::eraftpb::{Entry, Snapshot};
use tikv::{Config, INVALID_ID, RaftState, RawNode, Result, StateRole, Storage};

use crate::server::Wishes;
use crate::store::Store;

/// raft's core.
///
/// It draws its election timeouts by rand 0.5, which asks the kernel for its seed, past the lab. So whenever raft has
/// drawn one, this draws another.
pub(crate) struct Node {
    raft: RawNode<Store>,
    /// From where to where a timeout may be.
    ticks: [usize; 2],
    /// The term and the role with the timeout that was drawn last: raft draws anew when one of them changes.
    drawn_for: (Term, StateRole),
}

/// The core of a server, in its default settings but for these.
pub(crate) fn node(settings: Config, store: Store) -> Node {
    let ticks = [settings.min_election_tick(), settings.max_election_tick()];
    let (saved, is_empty) = (store.hard_state(), store.log().last_index() == 0);
    let mut raft = RawNode::new(&settings, store, Vec::new()).expect("the settings are valid");
    if is_empty {
        // raft takes this for a new cluster's server, and begins in term 1, without a vote.
        raft.raft.become_follower(saved.get_term(), INVALID_ID);
        raft.raft.vote = saved.get_vote();
    }
    let drawn_for = (raft.raft.term, raft.raft.state);
    let mut node = Node { raft, ticks, drawn_for };
    node.draw();
    node
}

impl Node {
    fn draw(&mut self) {
        let ticks = rand::rng().random_range(self.ticks[0]..self.ticks[1]);
        self.raft.raft.set_randomized_election_timeout(ticks);
    }
}

impl Deref for Node {
    type Target = RawNode<Store>;

    fn deref(&self) -> &RawNode<Store> {
        &self.raft
    }
}

impl DerefMut for Node {
    fn deref_mut(&mut self) -> &mut RawNode<Store> {
        &mut self.raft
    }
}

/// What is to be done now, if anything is.
pub(crate) fn wishes(node: &mut Node) -> Option<Wishes> {
    let now = (node.raft.raft.term, node.raft.raft.state);
    if now != node.drawn_for {
        node.drawn_for = now;
        node.draw();
    }
    if !node.has_ready() {
        return None;
    }
    let mut ready = node.ready();
    Some(Wishes {
        snapshot: Some(&ready.snapshot).filter(|it| !tikv::is_empty_snap(it)).cloned(),
        entries: ready.entries.clone(),
        hard_state: ready.hs.clone(),
        committed: ready.committed_entries.take().unwrap_or_default(),
        messages: Vec::new(),
        messages_behind: std::mem::take(&mut ready.messages),
        must_sync: ready.must_sync,
        ready,
    })
}

/// What was wished is written, and applied.
pub(crate) fn written(node: &mut Node, ready: tikv::Ready, _: Option<u64>) {
    node.advance(ready);
}

/// The first so many wishes are durable. This version of raft takes for durable what is written.
pub(crate) fn durable(_: &mut Node, _: u64) {}

/// The entries that raft hasn't wished to be saved yet.
pub(crate) fn new_entries(node: &Node) -> &[Entry] {
    node.raft.raft.raft_log.unstable_entries().unwrap_or_default()
}

/// What the server keeps.
pub(crate) fn store(node: &Node) -> &Store {
    node.get_store()
}

impl Storage for Store {
    fn initial_state(&self) -> Result<RaftState> {
        Ok(RaftState { hard_state: self.hard_state(), conf_state: self.members() })
    }

    fn entries(&self, low: u64, high: u64, max_size: u64) -> Result<Vec<Entry>> {
        Ok(self.entries_from(low, high, max_size)?)
    }

    fn term(&self, index: u64) -> Result<u64> {
        Ok(self.term_of(index)?)
    }

    fn first_index(&self) -> Result<u64> {
        Ok(self.log().base().index + 1)
    }

    fn last_index(&self) -> Result<u64> {
        Ok(self.log().last_index())
    }

    fn snapshot(&self) -> Result<Snapshot> {
        Ok(self.newest_snapshot())
    }
}
