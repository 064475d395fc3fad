//! A network that loses, delays and reorders messages: MIT's labrpc, in virtual time and from a seed.
//!
//! # Call and answer
//!
//! A Raft needs two functions of this crate: [`ClientEnd::call`], which calls another server, and
//! [`Service::method`], which names a handler.
//!
//! ```
//! use std::sync::Arc;
//!
//! use labrpc::{ClientEnd, Service};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Debug, Serialize, Deserialize)]
//! struct PingArgs {
//!     number: u64,
//! }
//!
//! #[derive(Clone, Debug, Serialize, Deserialize)]
//! struct PingReply {
//!     next: u64,
//! }
//!
//! struct Server {
//!     peers: Vec<ClientEnd>, // peers[i] calls server i
//!     me: usize,
//! }
//!
//! impl Server {
//!     /// A handler. Each request runs it in a task of its own.
//!     async fn ping(self: Arc<Self>, args: PingArgs) -> PingReply {
//!         PingReply { next: args.number + 1 }
//!     }
//!
//!     /// The handlers, by name: this one is "Server.Ping".
//!     fn service(self: Arc<Self>) -> Service {
//!         Service::new("Server", self).method("Ping", Server::ping)
//!     }
//!
//!     /// Calls all other servers at once. No call waits for another one.
//!     fn ping_all(&self) {
//!         for i in (0..self.peers.len()).filter(|&i| i != self.me) {
//!             let (end, args) = (self.peers[i].clone(), PingArgs { number: 1 });
//!             tokio::spawn(async move {
//!                 match end.call::<_, PingReply>("Server.Ping", &args).await {
//!                     Some(reply) => println!("server {i} says {}", reply.next),
//!                     None => println!("no answer from server {i}"),
//!                 }
//!             });
//!         }
//!     }
//! }
//! # let server = Arc::new(Server { peers: Vec::new(), me: 0 });
//! # server.ping_all();
//! # server.service();
//! ```
//!
//! Any type that derives serde's two traits can be sent. The caller and the handler must use the same types, and the
//! same name. If they differ, the run fails, with both in the message.
//!
//! # What becomes of a call
//!
//! Every call returns in the end: `Some(reply)`, or `None`, which is MIT's false. Calls on one end may overtake each
//! other. The numbers are MIT's; [`fate`] has them all.
//!
//! 1. If the end is enabled and connected to a live server, the request reaches the server's handler, which runs at the
//!    same time as other handlers. On a reliable network nothing is lost or delayed. On an unreliable network the request
//!    takes 0 to 26 ms; one request in ten and one reply in ten is lost, and then the call returns `None` *at once*. With
//!    long reordering, two replies in three arrive 0.2 to 2.2 s late.
//! 2. If the server can't be reached, the call returns `None` after 0 to 6,999 ms (0 to 99 ms with long delays off). So a
//!    caller learns *late* that a server can't be reached. A Raft that waits for such a call before it does anything else
//!    stands still for seconds.
//! 3. If the server is deleted or replaced, or the end is disabled, while the handler runs, the call returns `None` within
//!    100 ms. The handler runs to its end, but nobody gets its reply.
//!
//! A request is sent when `call` is called, before its future is first polled. Dropping the future doesn't take the request
//! back: it is delivered, and its handler runs to its end. The observer receives two events: that the call was dropped, and
//! later its result.
//!
//! # The parts
//!
//! * A [`Network`] carries calls. It has [`Server`]s by number and ends by name, and decides what becomes of each call.
//! * A [`ClientEnd`] is one caller's way to one server.
//! * A [`Service`] is a set of typed handlers under one name. A [`Server`] has one or more services.
//! * An [`Observer`] receives everything that happens, as plain data.
//!
//! # Beyond MIT's network
//!
//! These are off until a script switches them on. [`Faults`] delay, lose and double requests and replies.
//! [`Network::set_link`] cuts one direction of a link. [`Network::hold`] holds single messages; the script then delivers
//! them, or copies of them. A call that fails because of these returns `None` after some milliseconds
//! ([`FAILS_AFTER_MS`]), not at once.
//!
//! # Time
//!
//! Even on a reliable network a message takes some microseconds of virtual time, drawn from the seed ([`fate::HOP_US`]).
//! So the seed chooses the order in which messages of the same millisecond arrive, and a loop of calls makes time pass.
//!
//! # A network by itself
//!
//! The tester makes the network. This is how it does:
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
mod faults;
mod mishap;
mod network;
mod pump;
mod puppet;
mod request;
mod schedule;
mod send;
mod server;
mod state;

pub use chance::fate;
pub use chance::fate::FAILS_AFTER_MS;
pub use end::{Call, ClientEnd, Sent};
pub use faults::{Delivered, HeldMessage, Hold};
pub use nemesis::{Faults, Link};
pub use network::Network;
pub use puppet::{Answer, Puppet};
pub use server::{LONGEST_NAME, Message, Server, Service};
pub use state::{Observer, Passing, Reliability, ServerName, Switch};

/// The folder of this crate's sources. None of its lines is the user's.
#[doc(hidden)]
pub const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
