//! When servers are looked at: after all that may have changed them, and before others can know of it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use labrpc::{Network, Observer, Server, Service, Switch};
use report::{EventKind, Time};
use sim::context::{Activity, Context, Owner};
use sim::{Clock, Ending, Settings, Sim};
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

const OWNER: Owner = Owner { server: 0, incarnation: 1 };

/// What a server's handler puts into its inbox: a number, and where to answer.
type Letter = (i64, oneshot::Sender<i64>);

/// A server with one task, which changes what the server is.
struct Actor {
    inbox: mpsc::UnboundedSender<Letter>,
    state: AtomicI64,
}

impl Actor {
    /// The handler puts the request into the inbox, and waits.
    async fn ask(self: Arc<Self>, number: i64) -> i64 {
        let (answer, answered) = oneshot::channel();
        self.inbox.send((number, answer)).expect("the actor lives");
        answered.await.expect("it answers")
    }
}

/// Notes what happens, and each new state of the actor.
#[derive(Default)]
struct Notes {
    actor: OnceLock<Arc<Actor>>,
    lines: Mutex<Vec<String>>,
}

impl Notes {
    fn note(&self, line: String) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

impl Observer for Notes {
    fn record(&self, _: Time, kind: EventKind) {
        self.note(match kind {
            EventKind::RpcSent { .. } => "sent".to_owned(),
            EventKind::RpcDelivered { .. } => "delivered".to_owned(),
            EventKind::RpcHandled { .. } => "handled".to_owned(),
            EventKind::RpcReturned { .. } => "returned".to_owned(),
            other => format!("{other:?}"),
        });
    }

    fn look_at(&self, server: Owner) {
        assert_eq!(server, OWNER);
        let state = self.actor.get().expect("it was made").state.load(Ordering::Relaxed);
        let line = format!("state {state}");
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let seen = lines.iter().rev().find(|line| line.starts_with("state"));
        if seen != Some(&line) {
            self.note(line);
        }
    }

    fn fatal(&self, message: String) {
        self.note(message);
    }
}

/// Makes the actor, whose task takes each number for its state and answers with it.
fn make() -> Arc<Actor> {
    let (inbox, mut letters) = mpsc::unbounded_channel::<Letter>();
    let actor = Arc::new(Actor { inbox, state: AtomicI64::new(0) });
    let _entered = sim::enter(Some(Context { owner: OWNER, activity: Activity::Call("make") }));
    let working = actor.clone();
    tokio::spawn(async move {
        while let Some((number, answer)) = letters.recv().await {
            working.state.store(number, Ordering::Relaxed);
            let _ = answer.send(number);
        }
    });
    let waking = actor.clone();
    tokio::spawn(async move {
        sleep(Duration::from_millis(500)).await;
        waking.state.store(77, Ordering::Relaxed);
    });
    actor
}

fn run<Fut>(script: impl FnOnce(Sim) -> Fut + Send + 'static)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let settings = Settings::new(1, Clock::Virtual, Duration::from_secs(10));
    let ending = sim::run(settings, script, |_, ending| ending);
    assert!(matches!(ending, Ending::Finished(())), "{ending:?}");
}

#[test]
fn a_server_whose_handler_waits_is_looked_at_before_its_answer_sets_out() {
    run(|sim| async move {
        let notes = Arc::new(Notes::default());
        let network = Network::new(&sim, notes.clone());
        let actor = make();
        assert!(notes.actor.set(actor.clone()).is_ok());
        let service = Service::new("Actor", actor).method("Ask", Actor::ask);
        network.add_server(0, Server::new(Some(OWNER)).with(service));
        let end = network.make_end("end", None);
        network.connect("end", 0);
        network.enable("end", Switch::On);
        assert_eq!(end.call::<i64, i64>("Actor.Ask", &5).await, Some(5));
        let lines = notes.lines.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let lines: Vec<&str> =
            lines.iter().map(String::as_str).filter(|&line| line != "state 0").collect();
        assert_eq!(lines, ["sent", "delivered", "state 5", "handled", "returned"]);
    });
}

/// It hears nothing and says nothing: its timer has made it another.
#[cfg(tokio_unstable)]
#[test]
fn a_server_whose_task_has_run_is_named_before_time_goes_on() {
    run(|sim| async move {
        let named: Arc<Mutex<Vec<(Duration, Owner)>>> = Arc::default();
        let (naming, clock) = (named.clone(), sim.clone());
        sim.on_rest(move |owner| {
            naming.lock().unwrap_or_else(PoisonError::into_inner).push((clock.now(), owner));
        });
        let _actor = make();
        sleep(Duration::from_secs(1)).await;
        let named = named.lock().unwrap_or_else(PoisonError::into_inner).clone();
        assert_eq!(named, [(Duration::ZERO, OWNER), (Duration::from_millis(500), OWNER)]);
    });
}
