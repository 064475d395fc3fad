//! A network to test on, with a recorder, and a server that does what MIT's test server does.

use std::sync::Arc;
use std::time::Duration;

use labrpc::{Call, ClientEnd, Network, Observer, Server, ServerName, Service, Switch};
use parking_lot::Mutex;
use report::{EventKind, History, Outcome, Time};
use sim::{Clock, Ending, Panic, Settings, Sim};
use tokio::time::sleep;

use crate::rpc::Rpc;

/// More than any script here takes, by either clock.
const LIMIT: Duration = Duration::from_secs(120);

/// The seeds that MIT's tests run on in virtual time.
const SEEDS: u64 = 20;

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Whole milliseconds between two times, as a real call counts them: without the hop.
pub(crate) fn ms_between(earlier: Time, later: Time) -> u64 {
    u64::try_from(later.since(earlier).as_millis()).expect("a short time")
}

/// Keeps all that a network tells.
#[derive(Default)]
struct Recorder {
    history: Mutex<History>,
    fatal: Mutex<Vec<String>>,
}

impl Observer for Recorder {
    fn record(&self, at: Time, kind: EventKind) {
        self.history.lock().record(at, kind);
    }
    fn fatal(&self, message: String) {
        self.fatal.lock().push(message);
    }
}

/// A network within a run. Clones are the same.
#[derive(Clone)]
pub(crate) struct Bed {
    pub(crate) sim: Sim,
    pub(crate) net: Arc<Network>,
    recorder: Arc<Recorder>,
}

impl Bed {
    fn new(sim: &Sim, recorder: Arc<Recorder>) -> Bed {
        let net = Arc::new(Network::new(sim, recorder.clone()));
        Bed { sim: sim.clone(), net, recorder }
    }

    /// Puts a fresh junk server in place.
    pub(crate) fn server(&self, name: ServerName) -> Arc<JunkServer> {
        let junk = Arc::new(JunkServer::default());
        self.net.add_server(name, Server::new(None).with(junk.clone().service()));
        junk
    }

    /// An enabled end to `server`.
    pub(crate) fn end(&self, name: &str, server: ServerName) -> ClientEnd {
        let end = self.disabled_end(name, server);
        self.net.enable(name, Switch::On);
        end
    }

    /// An end that is connected to `server` but not enabled.
    pub(crate) fn disabled_end(&self, name: &str, server: ServerName) -> ClientEnd {
        let end = self.net.make_end(name, None);
        self.net.connect(name, server);
        end
    }

    pub(crate) fn history(&self) -> History {
        self.recorder.history.lock().clone()
    }

    pub(crate) fn rpcs(&self) -> Vec<Rpc> {
        Rpc::collect(self.recorder.history.lock().events())
    }

    /// The only call so far.
    #[track_caller]
    pub(crate) fn rpc(&self) -> Rpc {
        let rpcs = <[Rpc; 1]>::try_from(self.rpcs());
        let [rpc] = rpcs.unwrap_or_else(|rpcs| panic!("not one call: {rpcs:?}"));
        rpc
    }

    /// Every fatal message so far.
    pub(crate) fn fatal(&self) -> Vec<String> {
        self.recorder.fatal.lock().clone()
    }
}

/// Calls Handler2, which replies at once.
pub(crate) fn handler2(end: &ClientEnd, number: i64) -> Call<String> {
    end.call("JunkServer.Handler2", &number)
}

/// Calls Wait, whose handler takes that many milliseconds.
pub(crate) fn wait(end: &ClientEnd, millis: i64) -> Call<i64> {
    end.call("JunkServer.Wait", &millis)
}

/// How a call returned; panics if it hasn't.
#[track_caller]
pub(crate) fn outcome(rpc: &Rpc) -> Outcome {
    rpc.returned.unwrap_or_else(|| panic!("not returned: {rpc:?}")).1
}

/// Runs `script` in virtual time and returns what it returns.
pub(crate) fn run<T, F, Fut>(seed: u64, script: F) -> T
where
    T: Send + 'static,
    F: FnOnce(Bed) -> Fut + Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    run_by(Clock::Virtual, seed, script)
}

/// Runs `script` in virtual time on several seeds, and once by the real clock.
pub(crate) fn by_both_clocks<Fut>(script: fn(Bed) -> Fut)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    for seed in 0..SEEDS {
        run_by(Clock::Virtual, seed, script);
    }
    run_by(Clock::Real, 0, script);
}

fn run_by<T, F, Fut>(clock: Clock, seed: u64, script: F) -> T
where
    T: Send + 'static,
    F: FnOnce(Bed) -> Fut + Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    let (ending, panics, fatal) = observe(clock, seed, script);
    if let Some(Panic { message, location, at, .. }) = panics.first() {
        panic!("{message}, at {location} after {at:?}, by the {clock:?} clock with seed {seed}");
    }
    match ending {
        Ending::Finished(result) => result,
        other => panic!("{other:?} by the {clock:?} clock with seed {seed}; fatal: {fatal:?}"),
    }
}

/// Runs `script`, which is expected to panic, and returns what was told of all panics.
pub(crate) fn panics_of<F, Fut>(script: F) -> Vec<Panic>
where
    F: FnOnce(Bed) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    observe(Clock::Virtual, 1, script).1
}

/// How a run ended, what panicked, and what the network found fatal.
type Observed<T> = (Ending<T>, Vec<Panic>, Vec<String>);

fn observe<T, F, Fut>(clock: Clock, seed: u64, script: F) -> Observed<T>
where
    T: Send + 'static,
    F: FnOnce(Bed) -> Fut + Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    let panics: Arc<Mutex<Vec<Panic>>> = Arc::default();
    let told = panics.clone();
    let settings = Settings::new(seed, clock, LIMIT).on_panic(move |panic| told.lock().push(panic));
    let recorder = Arc::new(Recorder::default());
    let recording = recorder.clone();
    let script = move |sim| script(Bed::new(&sim, recording));
    let ending = sim::run(settings, script, |_, ending| ending);
    let (panics, fatal) = (panics.lock().clone(), recorder.fatal.lock().clone());
    (ending, panics, fatal)
}

/// What MIT's test server does, method by method, and a few methods more.
#[derive(Default)]
pub(crate) struct JunkServer {
    begun: Mutex<Vec<i64>>,
    ended: Mutex<Vec<i64>>,
}

impl JunkServer {
    fn service(self: Arc<Self>) -> Service {
        Service::new("JunkServer", self)
            .method("Handler1", JunkServer::handler1)
            .method("Handler2", JunkServer::handler2)
            .method("Handler3", JunkServer::handler3)
            .method("Handler6", JunkServer::handler6)
            .method("Handler7", JunkServer::handler7)
            .method("Wait", JunkServer::wait)
    }

    /// The arguments that Handler2 and Wait were called with.
    pub(crate) fn begun(&self) -> Vec<i64> {
        self.begun.lock().clone()
    }

    /// The arguments that Handler2 and Wait have come to the end with.
    pub(crate) fn ended(&self) -> Vec<i64> {
        self.ended.lock().clone()
    }

    async fn handler1(self: Arc<Self>, digits: String) -> i64 {
        digits.parse().expect("digits")
    }

    async fn handler2(self: Arc<Self>, number: i64) -> String {
        self.begun.lock().push(number);
        self.ended.lock().push(number);
        format!("handler2-{number}")
    }

    async fn handler3(self: Arc<Self>, number: i64) -> i64 {
        sleep(Duration::from_secs(20)).await;
        -number
    }

    async fn handler6(self: Arc<Self>, text: String) -> i64 {
        i64::try_from(text.len()).expect("a short text")
    }

    async fn handler7(self: Arc<Self>, length: i64) -> String {
        "y".repeat(usize::try_from(length).expect("a length"))
    }

    /// Takes as many milliseconds as it is told.
    async fn wait(self: Arc<Self>, millis: i64) -> i64 {
        self.begun.lock().push(millis);
        sleep(ms(millis.unsigned_abs())).await;
        self.ended.lock().push(millis);
        millis
    }
}
