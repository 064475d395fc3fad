//! The caller's side: ends, and calls that wait for their reply.

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use report::{Outcome, Payload};

use crate::request::{Args, Request};
use crate::server::{Message, assert_is_name, payload, with_shape};
use crate::state::Shared;

/// One caller's way to one server. A clone is the same end.
#[derive(Clone)]
pub struct ClientEnd {
    pub(crate) shared: Arc<Shared>,
    pub(crate) index: usize,
}

impl ClientEnd {
    /// Sends a request to `method` ("Raft.RequestVote") and waits for the reply.
    ///
    /// Returns `None` if no reply will come: the request or the reply was lost, or the server can't be reached.
    /// `None` doesn't say whether the handler ran. A call waits for 7 s at most, plus the time of the handler. It has no
    /// other limit.
    ///
    /// ```
    /// # use labrpc::ClientEnd;
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize)]
    /// # struct PingArgs { number: u64 }
    /// # #[derive(Serialize, Deserialize)]
    /// # struct PingReply { next: u64 }
    /// async fn ping(server: &ClientEnd) -> Option<u64> {
    ///     let reply: PingReply = server.call("Server.Ping", &PingArgs { number: 1 }).await?;
    ///     Some(reply.next)
    /// }
    /// ```
    ///
    /// The request is encoded and sent when this function returns. To stop waiting, drop the future. That doesn't take
    /// the request back; the network records that nobody waits any longer.
    ///
    /// The run fails if the server has no such method, or if the reply isn't of type `R`.
    ///
    /// # Panics
    /// If `method` is too long for a name: [`LONGEST_NAME`](crate::LONGEST_NAME) bytes.
    #[track_caller]
    #[must_use = "the request is sent, but its reply is known only to the future"]
    pub fn call<A: Message, R: Message>(&self, method: &'static str, args: &A) -> Call<R> {
        assert_is_name(method);
        let args = Args { payload: payload(args), shape: Some(labgob::shape::<A>) };
        let request = self.shared.send(self.index, method, args, Location::caller());
        // On a closed network it has returned already, and is recorded nowhere.
        let is_over = request.answer.is_given();
        Call { request, shared: self.shared.clone(), is_over, reply: PhantomData }
    }
}

/// A call that a puppet has made, and whose reply it doesn't read.
pub struct Sent {
    shared: Arc<Shared>,
    request: Arc<Request>,
}

impl ClientEnd {
    /// Sends what a record says that a server has sent.
    #[track_caller]
    pub fn send_whole(&self, method: &'static str, args: Payload) -> Sent {
        let args = Args { payload: args, shape: None };
        let request = self.shared.send(self.index, method, args, Location::caller());
        Sent { shared: self.shared.clone(), request }
    }
}

impl Sent {
    /// Its caller no longer waits for it.
    pub fn is_dropped(&self) {
        self.shared.dropped(&self.request);
    }
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sent").field(&self.request.id).finish()
    }
}

impl fmt::Debug for ClientEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientEnd").field(&self.shared.state().ends[self.index].name).finish()
    }
}

/// The wait for a call's reply; see [`ClientEnd::call`].
pub struct Call<R> {
    request: Arc<Request>,
    shared: Arc<Shared>,
    /// Its caller has its result, or there is none to be had.
    is_over: bool,
    reply: PhantomData<fn() -> R>,
}

impl<R: Message> Future for Call<R> {
    type Output = Option<R>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<R>> {
        let Poll::Ready(outcome) = self.request.answer.poll(context) else {
            return Poll::Pending;
        };
        self.is_over = true;
        sim::code_runs();
        let (Outcome::Replied, Some(reply)) = (outcome, self.request.reply.get()) else {
            return Poll::Ready(None);
        };
        match labgob::decode::<R>(reply.bytes()) {
            Ok(reply) => Poll::Ready(Some(reply)),
            Err(error) => {
                let Request { method, called_at, server, .. } = &*self.request;
                let sent_as = server.get().and_then(|server| server.reply_shape(method));
                let error = with_shape(error, sent_as);
                self.shared.observer.fatal(format!(
                    "labrpc: the reply of {method} is not what the caller expects: {error}; \
                     the call is at {called_at}"
                ));
                Poll::Pending
            }
        }
    }
}

impl<R> Drop for Call<R> {
    fn drop(&mut self) {
        if !self.is_over {
            self.shared.dropped(&self.request);
        }
    }
}

impl<R> fmt::Debug for Call<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Call").field(&self.request.method).finish()
    }
}
