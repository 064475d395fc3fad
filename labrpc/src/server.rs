//! What answers calls: servers, their services, and typed handlers.

use std::any::{Any, type_name};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use report::{Fields, Payload};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sim::context::Owner;

use crate::puppet::Puppet;

/// What can be the arguments or the reply of a call: anything that derives serde's two traits.
pub trait Message: Serialize + DeserializeOwned + Send + 'static {}

impl<T: Serialize + DeserializeOwned + Send + 'static> Message for T {}

/// Encodes `message`, together with what it says and the way to show it later.
#[track_caller]
pub(crate) fn payload<T: Message>(message: &T) -> Payload {
    fn render<T: Message>(bytes: &[u8]) -> Result<Value, String> {
        let message = labgob::decode::<T>(bytes).map_err(|error| error.to_string())?;
        serde_json::to_value(message).map_err(|error| error.to_string())
    }
    let _encoding = sim::Encoding::begin();
    let fields = Fields::of(message);
    labgob::encode_with(message, |bytes| Payload::new(bytes, &fields, render::<T>))
}

/// A handler at work: it ends with the encoded reply.
pub(crate) type Handling = Pin<Box<dyn Future<Output = Payload> + Send>>;

/// A handler with its types erased. Fails if the arguments don't decode as the handler's.
type Handler = Box<dyn Fn(&[u8]) -> Result<Handling, labgob::Error> + Send + Sync>;

/// Says the shape of a message's type in words.
pub(crate) type ShapeOf = fn() -> String;

/// What is wrong with a message whose receiver takes another type than it was sent as, if that is known. Only the tester
/// is told both: what its peers have encoded is nothing that a server may learn without a message.
pub(crate) fn with_shape(error: labgob::Error, sent_as: Option<ShapeOf>) -> labgob::Error {
    match (error, sent_as) {
        (labgob::Error::Shape { at, type_name, wanted, .. }, Some(shape)) => {
            labgob::Error::Shape { at, type_name, wanted, found: shape() }
        }
        (error, _) => error,
    }
}

/// A method of a service.
struct Method {
    name: &'static str,
    handler: Handler,
    /// Of its replies.
    shape: ShapeOf,
}

/// The longest name of a service, of a method, or of both with a dot between, in bytes. Each event and report has it.
pub const LONGEST_NAME: usize = 200;

#[track_caller]
pub(crate) fn assert_is_name(name: &str) {
    let len = name.len();
    assert!(
        len <= LONGEST_NAME,
        "the name of a method has {len} bytes; {LONGEST_NAME} are the most"
    );
}

/// A set of handlers under one name. The name stands before the dot: "Raft" in "Raft.RequestVote".
///
/// ```
/// # use std::sync::Arc;
/// # struct Raft;
/// # impl Raft { async fn request_vote(self: Arc<Self>, term: u64) -> bool { term > 0 } }
/// # let rf = Arc::new(Raft);
/// labrpc::Service::new("Raft", rf).method("RequestVote", Raft::request_vote);
/// ```
pub struct Service {
    name: &'static str,
    receiver: Arc<dyn Any + Send + Sync>,
    methods: Vec<Method>,
    /// Who answers in the place of all methods.
    puppet: Option<Arc<dyn Puppet>>,
}

impl Service {
    /// A service without methods. Each handler gets its own `Arc` of `receiver`.
    ///
    /// # Panics
    /// If the name is longer than [`LONGEST_NAME`].
    #[track_caller]
    pub fn new<S: Send + Sync + 'static>(name: &'static str, receiver: Arc<S>) -> Service {
        assert_is_name(name);
        Service { name, receiver, methods: Vec::new(), puppet: None }
    }

    /// The services of a server that a puppet stands in for.
    pub fn of_puppet(puppet: Arc<dyn Puppet>) -> Service {
        let (name, receiver) = ("", Arc::new(()));
        Service { name, receiver, methods: Vec::new(), puppet: Some(puppet) }
    }

    /// Adds `handler` under `name`: an `async fn(self: Arc<Self>, args: Args) -> Reply`.
    ///
    /// Several requests may run the handler at the same time, and none waits for another. So a handler may wait, but
    /// its caller waits as long.
    ///
    /// # Panics
    /// If the handler's receiver is of another type than the one given to [`Service::new`], or if
    /// the name is taken or longer than [`LONGEST_NAME`].
    #[must_use]
    pub fn method<S, A, R, F, Fut>(mut self, name: &'static str, handler: F) -> Service
    where
        S: Send + Sync + 'static,
        A: Message,
        R: Message,
        F: Fn(Arc<S>, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = R> + Send + 'static,
    {
        let Ok(receiver) = self.receiver.clone().downcast::<S>() else {
            panic!(
                "the handler {}.{name} takes an Arc<{}>, but the service was made with another type",
                self.name,
                type_name::<S>()
            );
        };
        assert_is_name(name);
        let taken = self.methods.iter().any(|other| other.name == name);
        assert!(!taken, "the service {} has two methods named {name}", self.name);
        let handler: Handler = Box::new(move |args| {
            let args = labgob::decode::<A>(args)?;
            let reply = handler(receiver.clone(), args);
            Ok(Box::pin(async move { payload(&reply.await) }))
        });
        self.methods.push(Method { name, handler, shape: labgob::shape::<R> });
        self
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let methods: Vec<_> = self.methods.iter().map(|method| method.name).collect();
        f.debug_struct("Service").field("name", &self.name).field("methods", &methods).finish()
    }
}

/// One instance of a server. When another instance takes its place, as after a crash, it is dead: it can't reply
/// any more.
#[derive(Debug, Default)]
pub struct Server {
    owner: Option<Owner>,
    services: Vec<Service>,
    count: AtomicU64,
    is_dead: AtomicBool,
}

impl Server {
    /// A server without services, whose code runs on behalf of `owner`.
    #[must_use]
    pub fn new(owner: Option<Owner>) -> Server {
        Server { owner, ..Server::default() }
    }

    pub(crate) fn owner(&self) -> Option<Owner> {
        self.owner
    }

    /// Deletes or replaces it: it can't reply any more.
    pub(crate) fn die(&self) {
        self.is_dead.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::Relaxed)
    }

    /// Adds `service`.
    ///
    /// # Panics
    /// If the server has a service of that name.
    #[must_use]
    pub fn with(mut self, service: Service) -> Server {
        let taken = self.services.iter().any(|other| other.name == service.name);
        assert!(!taken, "the server has two services named {}", service.name);
        self.services.push(service);
        self
    }

    /// How many requests have arrived here.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Who stands in for it, if anybody does. The request that has come is counted.
    pub(crate) fn puppet(&self) -> Option<&dyn Puppet> {
        let puppet = self.services.iter().find_map(|service| service.puppet.as_deref())?;
        self.count.store(self.count() + 1, Ordering::Relaxed);
        Some(puppet)
    }

    /// The shape of a method's replies.
    pub(crate) fn reply_shape(&self, full_name: &str) -> Option<ShapeOf> {
        self.method(full_name).ok().map(|method| method.shape)
    }

    /// A method, by its service's name and its own. If there is none, fails with MIT's sentence.
    fn method(&self, full_name: &str) -> Result<&Method, String> {
        let (service_name, method_name) = full_name.rsplit_once('.').unwrap_or(("", full_name));
        let service = self.services.iter().find(|service| service.name == service_name);
        let service = service.ok_or_else(|| {
            let choices = choices(self.services.iter().map(|service| service.name));
            format!(
                "labrpc.Server.dispatch(): unknown service {service_name} in \
                 {service_name}.{method_name}; expecting one of {choices}"
            )
        })?;
        let method = service.methods.iter().find(|method| method.name == method_name);
        method.ok_or_else(|| {
            let choices = choices(service.methods.iter().map(|method| method.name));
            format!(
                "labrpc.Service.dispatch(): unknown method {method_name} in {full_name}; \
                 expecting one of {choices}"
            )
        })
    }

    /// Begins to handle a request. Fails with MIT's sentence if there is no such handler, or with
    /// one of our own if the arguments are not of the handler's type: they were `sent_as` another.
    pub(crate) fn dispatch(
        &self,
        full_name: &str,
        args: &[u8],
        sent_as: Option<ShapeOf>,
    ) -> Result<Handling, String> {
        // Only the pump counts, so that adding needs no atomic step.
        self.count.store(self.count() + 1, Ordering::Relaxed);
        let method = self.method(full_name)?;
        (method.handler)(args).map_err(|error| {
            let error = with_shape(error, sent_as);
            format!(
                "labrpc: the arguments of {full_name} are not what its handler takes: {error}; \
                 the caller's and the handler's types must be the same"
            )
        })
    }
}

/// A list as Go prints a slice: MIT's sentences end with one.
fn choices<'a>(names: impl Iterator<Item = &'a str>) -> String {
    format!("[{}]", names.collect::<Vec<_>>().join(" "))
}
