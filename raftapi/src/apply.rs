//! The channel by which a Raft sends committed commands to the service above it.

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::{Command, Index, Term};

/// What a server sends to the service above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplyMsg {
    /// A committed command.
    Command {
        /// Its index, one more than the last message's.
        index: Index,
        /// The command, as it was given to [`Raft::start`](crate::Raft::start).
        command: Command,
    },
    /// A snapshot that replaces the service's state.
    Snapshot {
        /// The last index that it covers.
        index: Index,
        /// The term of that entry.
        term: Term,
        /// The snapshot, as it was given to [`Raft::snapshot`](crate::Raft::snapshot).
        snapshot: Bytes,
    },
}

/// The sending side, which a Raft holds. Clones send to the same receiver.
///
/// It has no buffer: [`ApplyCh::send`] returns when the receiver has taken the message, as with Go's unbuffered
/// channel.
#[derive(Clone, Debug)]
pub struct ApplyCh {
    messages: mpsc::Sender<(ApplyMsg, oneshot::Sender<()>)>,
}

impl ApplyCh {
    /// Sends `msg` and waits until the receiver has taken it. If the receiver is gone, as after the end of a test, the
    /// message is dropped.
    pub async fn send(&self, msg: ApplyMsg) {
        let (taken, is_taken) = oneshot::channel();
        if self.messages.send((msg, taken)).await.is_ok() {
            // An error means that the receiver went away while the message waited.
            let _ = is_taken.await;
        }
    }
}

/// The receiving side, which the tester holds.
#[derive(Debug)]
pub struct ApplyReceiver {
    messages: mpsc::Receiver<(ApplyMsg, oneshot::Sender<()>)>,
}

impl ApplyReceiver {
    /// Takes the next message; `None` when all senders are gone.
    pub async fn recv(&mut self) -> Option<ApplyMsg> {
        let (msg, taken) = self.messages.recv().await?;
        // The sender may have stopped waiting; the message counts all the same.
        let _ = taken.send(());
        Some(msg)
    }
}

/// A channel from one server to its service.
#[must_use]
pub fn apply_channel() -> (ApplyCh, ApplyReceiver) {
    let (sender, receiver) = mpsc::channel(1);
    (ApplyCh { messages: sender }, ApplyReceiver { messages: receiver })
}
