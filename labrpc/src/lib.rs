//! A network that loses, delays and reorders: MIT's labrpc, in virtual time and from a seed.
//!
//! # The parts
//!
//! * A [`Network`] carries calls. It holds [`Server`]s by number and ends by name, and decides what
//!   becomes of each call.
//! * A [`ClientEnd`] is one caller's way to one server. [`ClientEnd::call`] sends a request and
//!   waits for its reply, or for the network's word that there will be none.
//! * A [`Service`] is a set of typed handlers under one name; a [`Server`] has one or more.
//! * An [`Observer`] is told everything that happens, as plain data.
//!
//! # What becomes of a call
//!
//! Every call returns in the end: `Some(reply)`, or `None`, which is MIT's false. Calls on one end
//! may overtake each other. The numbers are MIT's; [`fate`] has them all.
//!
//! 1. The end is enabled and connected to a live server. On an unreliable network the request takes
//!    0 to 26 ms and is lost one time in ten; a loss returns `None` *at once*. Otherwise the handler
//!    runs, beside all others. One reply in ten is lost, at once again; with long reordering two
//!    of three replies arrive 0.2 to 2.2 s late. On a reliable network nothing is lost and nothing
//!    delayed.
//! 2. Otherwise the call returns `None` after a wait of 0 to 6,999 ms (0 to 99 ms with long delays
//!    off): a caller learns *late* that a server can't be reached. A Raft that waits for such a call
//!    before it does anything else stands still for seconds.
//! 3. The server is deleted or replaced, or the end disabled, while the handler runs: the call
//!    returns `None` within 100 ms. The handler runs to its end all the same, unheard.
//!
//! A request is on its way as soon as `call` has been called, before the future is first polled.
//! Dropping the future takes nothing back: the request is delivered, and its handler runs to its end. The
//! observer is told twice: when the call is dropped, and when its result comes, which nobody receives.
//!
//! # Beyond MIT's network
//!
//! Off unless they are asked for: [`Faults`] delay, lose and double requests and replies;
//! [`Network::set_link`] cuts one direction; [`Network::hold`] holds single messages and delivers
//! them, or copies of them, when a script says so. A call that fails because of these returns `None`
//! after some milliseconds ([`FAILS_AFTER_MS`]), and not at once.
//!
//! # Time
//!
//! Even on a reliable network a message takes some microseconds, drawn from the seed
//! ([`fate::HOP_US`]), by the virtual clock only: the order in which messages of one millisecond
//! arrive is the seed's choice, and a loop of calls makes time pass.
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//! use labrpc::{Network, Observer, Server, Service, Switch};
//! use report::{EventKind, Time};
//!
//! struct Greeter;
//! impl Greeter {
//!     async fn greet(self: Arc<Self>, name: String) -> String {
//!         format!("hello, {name}")
//!     }
//! }
//!
//! struct Nobody;
//! impl Observer for Nobody {
//!     fn record(&self, _: Time, _: EventKind) {}
//!     fn fatal(&self, message: String) {
//!         panic!("{message}");
//!     }
//! }
//!
//! let settings = sim::Settings::new(1, sim::Clock::Virtual, std::time::Duration::from_secs(9));
//! let reply = sim::run(
//!     settings,
//!     |sim| async move {
//!         let net = Network::new(&sim, Arc::new(Nobody));
//!         let service = Service::new("Greeter", Arc::new(Greeter)).method("Greet", Greeter::greet);
//!         net.add_server(0, Server::new(None).with(service));
//!         let end = net.make_end("an end", None);
//!         net.connect("an end", 0);
//!         net.enable("an end", Switch::On);
//!         end.call::<_, String>("Greeter.Greet", &"raft".to_owned()).await
//!     },
//!     |_, ending| match ending {
//!         sim::Ending::Finished(reply) => reply,
//!         other => panic!("{other:?}"),
//!     },
//! );
//! assert_eq!(reply.as_deref(), Some("hello, raft"));
//! ```

mod end;
pub mod fate;
mod faults;
mod network;
mod pump;
mod request;
mod schedule;
mod send;
mod server;
mod state;

pub use end::{Call, ClientEnd};
pub use fate::FAILS_AFTER_MS;
pub use faults::{Delivered, Held, Hold};
pub use nemesis::{Faults, Link};
pub use network::Network;
pub use server::{Message, Server, Service};
pub use state::{Observer, Passing, Reliability, ServerName, Switch};

/// The folder of this crate's sources, no line of which is the user's.
#[doc(hidden)]
pub const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
