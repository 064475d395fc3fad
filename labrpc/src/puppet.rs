//! A server without types: who makes a run again by its record answers with the bytes that it has.
//!
//! What becomes of the messages is the network's business, as with any other server.

use report::{Payload, RpcId};

/// Ends a handler that has waited, with its reply: first its server is looked at, as it is after each such handler.
pub type Answer = Box<dyn FnOnce(Payload) + Send>;

/// Stands in for a server: it answers every method.
pub trait Puppet: Send + Sync {
    /// A request has come. Returns the reply if the handler ends at once; else it calls `answer` later, if it ever does.
    /// The network's lock is free.
    fn deliver(&self, id: RpcId, answer: Answer) -> Option<Payload>;
}
