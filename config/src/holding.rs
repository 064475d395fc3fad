//! Directing a scenario message by message: holding what is on its way, and delivering it when the
//! script says so.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use report::{Fields, Payload};
use tokio::time::{Instant, sleep};

use crate::cluster::Config;
use crate::messages::Messages;
use crate::readings::Needs;

/// How long [`Hold::next`] waits for a message, and [`Hold::first_that`] for each.
const WITHIN: Duration = Duration::from_secs(10);

/// How long [`Hold::first_that`] goes on if all that comes isn't what is wanted.
const WITHIN_ALL: Duration = Duration::from_secs(30);

/// How often it looks.
const LOOK: Duration = Duration::from_millis(1);

/// How long a handler may take before [`Held::deliver`] goes on without its reply.
const HANDLED_WITHIN: Duration = Duration::from_millis(500);

/// Holds messages until the script says what is to become of each. What is still held when it is
/// dropped is let go.
#[derive(Debug)]
pub struct Hold {
    config: Config,
    messages: Messages,
    hold: labrpc::Hold,
}

/// Counts messages, and lets them go.
#[derive(Debug)]
pub struct MessageCount {
    count: Arc<AtomicU64>,
    /// It holds nothing, and sees all.
    _hold: labrpc::Hold,
}

impl MessageCount {
    /// How many messages there were since this was asked last, or since it began.
    #[must_use]
    pub fn take(&self) -> u64 {
        self.count.swap(0, Ordering::Relaxed)
    }
}

/// One message that is held. If it is dropped, it is lost.
#[derive(Debug)]
pub struct Held {
    config: Config,
    /// Which messages it is one of.
    messages: Messages,
    held: labrpc::HeldMessage,
}

impl Config {
    /// Holds messages, of those that set out from now on. Of several that hold the same ones, the
    /// latest has them.
    #[must_use]
    pub fn hold(&self, messages: Messages) -> Hold {
        self.note_network(format!("{messages} are held"));
        let hold = self.network().hold(move |passing| messages.has(passing));
        Hold { config: self.clone(), messages, hold }
    }

    /// Counts messages, of those that set out from now on and that nobody holds who began later.
    #[must_use]
    pub fn count(&self, messages: Messages) -> MessageCount {
        let count = Arc::new(AtomicU64::new(0));
        let counting = count.clone();
        let hold = self.network().hold(move |passing| {
            if messages.has(passing) {
                counting.fetch_add(1, Ordering::Relaxed);
            }
            false
        });
        MessageCount { count, _hold: hold }
    }
}

impl Hold {
    /// The first message that is held; waits for it. From then on it is the script's.
    ///
    /// Fails the run (liveness) if none comes within 10 s. Skips it if that can be because no message of
    /// that kind is recognised, as [`Config::skip_if_unread`] does.
    #[track_caller]
    pub fn next(&self) -> impl Future<Output = Held> + Send {
        self.next_that(|_| true)
    }

    /// The first message that is held whose arguments are as they are `wanted`; waits for it.
    ///
    /// Fails or skips the run as [`Hold::next`] does, if none comes within 10 s.
    #[track_caller]
    pub fn next_that(
        &self,
        wanted: impl Fn(&Fields) -> bool + Send,
    ) -> impl Future<Output = Held> + Send {
        let here = Location::caller();
        async move {
            let begun = Instant::now();
            loop {
                if let Some(held) = self.take_that(&wanted) {
                    return held;
                }
                if begun.elapsed() > WITHIN {
                    let message = format!("none of the {} came for 10 s", self.messages);
                    self.config.missed(here, self.messages, message);
                }
                sleep(LOOK).await;
            }
        }
    }

    /// Lets the messages go their way, one by one, until one is `wanted`: waits for that, and returns it,
    /// held. `what` says of it what makes it the wanted one, as in "that acknowledge index 4".
    ///
    /// Fails the run (liveness) if no message comes for 10 s, or none within 30 s is the wanted one. Skips it
    /// if that can be because no message tells what the script `needs`.
    #[track_caller]
    pub fn first_that(
        &self,
        what: impl Into<String>,
        needs: Needs,
        mut wanted: impl FnMut(&Held) -> bool + Send,
    ) -> impl Future<Output = Held> + Send {
        let (here, what) = (Location::caller(), what.into());
        async move {
            let begun = Instant::now();
            let mut last = begun;
            loop {
                match self.take() {
                    Some(held) if wanted(&held) => return held,
                    // Its answer, if it is a request, is for its sender alone.
                    Some(held) => {
                        drop(held.send());
                        last = Instant::now();
                    }
                    None => sleep(LOOK).await,
                }
                if last.elapsed() > WITHIN || begun.elapsed() > WITHIN_ALL {
                    self.config.skip_if_untold(self.messages, needs);
                    let time = begun.elapsed().as_secs();
                    let message = format!("none of the {} {what} came for {time} s", self.messages);
                    self.config.missed(here, self.messages, message);
                }
            }
        }
    }

    /// The first message that is held, if there is one: it doesn't wait.
    #[must_use]
    pub fn take(&self) -> Option<Held> {
        self.take_that(|_| true)
    }

    /// The first message that is held whose arguments are as they are `wanted`, if there is one: it doesn't wait.
    #[must_use]
    pub fn take_that(&self, wanted: impl Fn(&Fields) -> bool) -> Option<Held> {
        let held = self.hold.take(|passing| wanted(&passing.args.fields()))?;
        Some(Held { config: self.config.clone(), messages: self.messages, held })
    }

    /// Skips the run if it can't be known whether there were such messages, as
    /// [`Config::skip_if_unread`] does.
    pub fn skip_if_unread(&self) {
        self.config.skip_if_unread(self.messages);
    }

    /// How many messages are held.
    #[must_use]
    pub fn count(&self) -> usize {
        self.hold.count()
    }

    /// Lets all go that are held, in the order in which they came, and holds no more.
    pub fn release(self) {
        self.config.note_network(format!("{} are let go", self.messages));
        self.hold.release();
    }

    /// Loses all that are held, and holds no more.
    pub fn lose_all(self) {
        self.config.note_network(format!("the held {} are lost", self.messages));
        self.hold.lose_all();
    }
}

impl Held {
    /// What the request says, in Raft's terms.
    #[must_use]
    pub fn args(&self) -> Fields {
        self.held.args().fields()
    }

    /// The size of the request, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.held.args().wire_len()
    }

    /// What the reply says; `None` for a request.
    #[must_use]
    pub fn reply(&self) -> Option<Fields> {
        self.held.reply().map(Payload::fields)
    }

    /// Delivers it: a request to whoever stands under its server's name by now. Returns what was
    /// answered; `None` if nobody was there, or the handler takes its time.
    pub async fn deliver(self) -> Option<Fields> {
        answer(self.send()).await
    }

    fn send(self) -> labrpc::Delivered {
        self.note("delivered");
        self.held.deliver()
    }

    /// Delivers a copy of a request, whose reply nobody waits for. Returns it, as
    /// [`Held::deliver`] does.
    pub async fn deliver_copy(&self) -> Option<Fields> {
        self.config.note_network(format!("a copy of one of the {} is delivered", self.messages));
        answer(self.held.deliver_copy()).await
    }

    /// A copy of a request, which is held as well and whose reply nobody waits for: the request can go
    /// its way, and the copy be delivered late, as often as the script likes.
    #[must_use]
    pub fn copy(&self) -> Held {
        Held { config: self.config.clone(), messages: self.messages, held: self.held.copy() }
    }

    /// Loses it: its caller learns after some milliseconds that there is no reply.
    pub fn lose(self) {
        self.note("lost");
        self.held.lose();
    }

    fn note(&self, what: &str) {
        self.config.note_network(format!("one of the {} is {what}", self.messages));
    }
}

async fn answer(delivered: labrpc::Delivered) -> Option<Fields> {
    let begun = Instant::now();
    loop {
        sleep(LOOK).await;
        let reply = delivered.reply().map(Payload::fields);
        if reply.is_some() || begun.elapsed() > HANDLED_WITHIN {
            return reply;
        }
    }
}
