//! A call that was sent, and where its caller waits for it to return.

use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use chance::fate::Span;
use parking_lot::Mutex;
use report::{Outcome, Payload, RpcId};

use crate::mishap::ReplyFate;
use crate::server::{Server, ShapeOf};

/// Arguments.
#[derive(Clone, Debug)]
pub(crate) struct Args {
    pub(crate) payload: Payload,
    /// Of their type, if that is known.
    pub(crate) shape: Option<ShapeOf>,
}

/// A call that was sent, with every decision about it.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) id: RpcId,
    pub(crate) end: usize,
    /// The instance that it was sent to: a later one under the same name is another. Of what is late
    /// or held beyond MIT's delays it is known only when it arrives.
    pub(crate) server: OnceLock<Arc<Server>>,
    pub(crate) method: &'static str,
    pub(crate) args: Args,
    pub(crate) called_at: &'static Location<'static>,
    pub(crate) reply_fate: ReplyFate,
    /// How long its caller waits for the word that it has failed, if a script makes it fail.
    pub(crate) fails_after: Span,
    pub(crate) answer: Answer,
    /// What its handler has ended with: from then on the reply's way is decided.
    pub(crate) reply: OnceLock<Payload>,
}

impl Request {
    /// The same request under another id, for nobody in particular and nobody's answer.
    pub(crate) fn copy(&self, id: RpcId) -> Request {
        Request {
            id,
            end: self.end,
            server: OnceLock::new(),
            method: self.method,
            args: self.args.clone(),
            called_at: self.called_at,
            reply_fate: ReplyFate { lost_after: Some(0), ..self.reply_fate },
            fails_after: self.fails_after,
            answer: Answer::new(),
            reply: OnceLock::new(),
        }
    }
}

/// Where a caller waits for its call to return.
#[derive(Debug)]
pub(crate) struct Answer {
    waiting: Mutex<Waiting>,
    /// Whether it has: to be asked without the lock.
    is_given: AtomicBool,
}

#[derive(Debug)]
enum Waiting {
    /// Nobody has asked yet.
    Unasked,
    /// The caller waits.
    Asked(Waker),
    /// The call has returned.
    Returned(Outcome),
}

impl Answer {
    pub(crate) fn new() -> Answer {
        Answer { waiting: Mutex::new(Waiting::Unasked), is_given: AtomicBool::new(false) }
    }

    /// Whether the call has returned.
    pub(crate) fn is_given(&self) -> bool {
        self.is_given.load(Ordering::Acquire)
    }

    /// Returns the call. Its second and later answers are ignored.
    pub(crate) fn give(&self, outcome: Outcome) {
        let mut waiting = self.waiting.lock();
        if let Waiting::Returned(_) = *waiting {
            return;
        }
        let before = std::mem::replace(&mut *waiting, Waiting::Returned(outcome));
        self.is_given.store(true, Ordering::Release);
        drop(waiting);
        if let Waiting::Asked(waker) = before {
            waker.wake();
        }
    }

    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<Outcome> {
        let mut waiting = self.waiting.lock();
        match &mut *waiting {
            Waiting::Returned(outcome) => Poll::Ready(*outcome),
            Waiting::Asked(waker) => {
                waker.clone_from(context.waker());
                Poll::Pending
            }
            Waiting::Unasked => {
                *waiting = Waiting::Asked(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
