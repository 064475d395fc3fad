//! What the server asks of others: taken by the script, and answered in their place.

use std::cell::Cell;
use std::panic::Location;
use std::sync::Arc;

use labrpc::{HeldMessage, Message};
use report::FailureKind;
use tokio::time::{Instant, sleep};

use super::alone::{Alone, LOOK, ME, WITHIN};

/// A request of the server's to another one. If it is dropped, it is lost: the server learns within milliseconds that
/// there is no reply.
#[derive(Debug)]
pub struct Request<A> {
    /// The server that it is to.
    pub to: usize,
    /// What it says.
    pub args: A,
    held: HeldMessage,
}

impl<A> Request<A> {
    /// Answers it, in the other server's place.
    pub fn reply<R: Message>(self, reply: &R) {
        self.held.answer(reply);
    }

    /// Loses it, as dropping it does.
    pub fn lose(self) {
        drop(self);
    }
}

impl Alone {
    /// The next request of `method`, to `to` or to anyone.
    pub(super) async fn wait_for<A: Message>(
        self: Arc<Self>,
        here: &'static Location<'static>,
        to: Option<usize>,
        method: &'static str,
    ) -> Request<A> {
        self.t.step("next", here);
        let begun = Instant::now();
        loop {
            if let Some(request) = self.take(here, to, method) {
                return request;
            }
            if begun.elapsed() > WITHIN {
                let whom = to.map_or("another server".to_owned(), |to| format!("server {to}"));
                let message = format!("server {ME} has not called {method} of {whom} for 5 s");
                self.t.fatal_at(here, FailureKind::Liveness, message);
            }
            sleep(LOOK).await;
        }
    }

    /// The same, if it is there.
    pub(super) fn take<A: Message>(
        &self,
        here: &'static Location<'static>,
        to: Option<usize>,
        method: &str,
    ) -> Option<Request<A>> {
        let callee = Cell::new(ME);
        let held = self.requests.take(|passing| {
            let is_meant = passing.method == method && to.is_none_or(|to| to == passing.callee);
            if is_meant {
                callee.set(passing.callee);
            }
            is_meant
        })?;
        match labgob::decode(held.args().bytes()) {
            Ok(args) => Some(Request { to: callee.get(), args, held }),
            Err(error) => {
                let message = format!(
                    "the arguments of {method} are not what the script takes them for: {error}; the server's \
                     type and the script's must be the same"
                );
                self.t.fatal_at(here, FailureKind::Misuse, message)
            }
        }
    }
}
