//! What a server applies.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use raftapi::{ApplyCh, ApplyMsg, Command, Index, Term};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// Hands on to the service what a foreign Raft applies, in order.
///
/// The service may take its time (rule 8 of the contract), and a foreign Raft needn't wait for it: what it has applied
/// is committed, and after a restart it applies again whatever its snapshot doesn't cover.
#[derive(Clone, Debug)]
pub struct Applies {
    /// `None` once the server was killed.
    queue: Arc<Mutex<Option<UnboundedSender<ApplyMsg>>>>,
}

impl Applies {
    /// Begins a task that sends to `apply_ch`. It ends with [`end`](Applies::end), or when all clones of the result are
    /// gone.
    #[must_use]
    pub fn new(apply_ch: ApplyCh) -> Applies {
        let (queue, mut messages) = unbounded_channel();
        tokio::spawn(async move {
            while let Some(message) = messages.recv().await {
                apply_ch.send(message).await;
            }
        });
        Applies { queue: Arc::new(Mutex::new(Some(queue))) }
    }

    /// The server was killed: nothing more is handed on. A foreign Raft may keep its state machine for longer.
    pub fn end(&self) {
        *self.queue.lock().expect("sending doesn't panic") = None;
    }

    /// A committed command.
    pub fn command(&self, index: Index, command: Command) {
        self.send(ApplyMsg::Command { index, command });
    }

    /// Another server's snapshot.
    pub fn snapshot(&self, index: Index, term: Term, snapshot: Bytes) {
        self.send(ApplyMsg::Snapshot { index, term, snapshot });
    }

    fn send(&self, message: ApplyMsg) {
        if let Some(queue) = &*self.queue.lock().expect("sending doesn't panic") {
            // Its task is gone only if the whole run is.
            let _ = queue.send(message);
        }
    }
}
