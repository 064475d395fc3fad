//! Snapshots (§7): the log's beginning is replaced by the service's state.

use std::sync::Arc;

use bytes::Bytes;
use raftapi::Index;

use crate::log::Log;
use crate::rpc::{InstallSnapshotArgs, InstallSnapshotReply};
use crate::server::Raft;
use crate::state::State;

impl State {
    /// The service has made a snapshot of all that it has applied up to `index`. It changes nothing if
    /// there is a later one already.
    pub(crate) fn take_snapshot(&mut self, index: Index, snapshot: Bytes) {
        if index <= self.log.base_index() {
            return;
        }
        assert!(
            index <= self.commit_index,
            "server {}: the service's snapshot ends at {index}, and only {} is committed",
            self.me,
            self.commit_index
        );
        self.log.compact(index);
        self.snapshot = snapshot;
        self.save();
    }
}

impl Raft {
    /// A leader sends its snapshot (Figure 13).
    pub(crate) async fn install_snapshot(
        self: Arc<Self>,
        args: InstallSnapshotArgs,
    ) -> InstallSnapshotReply {
        let mut state = self.state();
        state.observe_term(args.term);
        let reply = InstallSnapshotReply { term: state.current_term };
        // Receiver 1: a leader of an earlier term is refused.
        if args.term < state.current_term {
            return reply;
        }
        state.follow_leader(args.leader_id);
        let (index, term) = (args.last_included_index, args.last_included_term);
        // What is known to be committed needs no snapshot: it is there, or in a later one.
        if index <= state.commit_index {
            return reply;
        }
        if state.log.term_at(index) == Some(term) {
            // Receiver 6: what follows the snapshot is kept.
            state.log.compact(index);
        } else {
            // Receiver 7: the whole log is another's.
            state.log = Log::new(index, term);
        }
        // Receiver 5 and 8: the snapshot is saved, and goes to the service by the applier.
        state.snapshot = args.data;
        state.commit_index = index;
        state.save();
        self.more_to_apply.notify_one();
        reply
    }
}
