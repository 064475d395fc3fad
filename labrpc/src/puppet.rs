//! A server without types: who makes a run again by its record sends the bytes that it has, and answers with them.
//!
//! What becomes of the messages is the network's business, as with any other server.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use report::{Payload, RpcId};

use crate::end::ClientEnd;
use crate::pump;
use crate::request::Request;
use crate::state::Shared;

/// Stands in for a server: it answers every method.
pub trait Puppet: Send + Sync {
    /// A request has come. Returns the reply if the handler ends at once; else it [answers](Waiting::answer) later, if it
    /// ever does. The network's lock is free.
    fn deliver(&self, id: RpcId, waiting: Waiting) -> Option<Payload>;
}

/// A request whose handler hasn't ended.
pub struct Waiting {
    pub(crate) shared: Arc<Shared>,
    pub(crate) request: Arc<Request>,
}

impl Waiting {
    /// The handler ends with this reply: first its server is looked at, as it is after each handler that has waited.
    pub fn answer(self, reply: Payload) {
        pump::has_waited(&self.shared, self.request, reply);
    }
}

/// A call that a puppet has made, and whose reply it doesn't read.
pub struct Sent {
    shared: Arc<Shared>,
    request: Arc<Request>,
}

impl Sent {
    /// Its caller no longer waits for it.
    pub fn is_dropped(&self) {
        self.shared.dropped(&self.request);
    }
}

impl ClientEnd {
    /// Sends what a record says that a server has sent.
    #[track_caller]
    pub fn send_whole(&self, method: &'static str, args: Payload) -> Sent {
        let called_at = Location::caller();
        let request = self.shared.send(self.index, method, args, called_at);
        Sent { shared: self.shared.clone(), request }
    }
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Waiting").field(&self.request.id).finish()
    }
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sent").field(&self.request.id).finish()
    }
}
