//! Wrong use, and handlers that panic: who is told, and in which words.

use std::future::Ready;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use labrpc::{ClientEnd, LONGEST_NAME, Message, Server, Service, Switch};
use report::EventKind;
use sim::Panic;
use sim::context::{Activity, Context, Owner};
use tokio::time::{sleep, timeout};

use crate::bed::{Bed, handler2, ms, panics_of, run, wait};

/// Makes a call that can't go on, and returns what the observer was told.
#[track_caller]
fn fatal_of<R, F>(call: F) -> String
where
    R: Message,
    F: FnOnce(&ClientEnd) -> labrpc::Call<R> + Send + 'static,
{
    run(1, |bed| async move {
        bed.server(0);
        let end = bed.end("end", 0);
        let waited = timeout(Duration::from_secs(30), call(&end)).await;
        assert!(waited.is_err(), "the call never returns");
        assert!(handler2(&end, 1).await.is_some(), "others do");
        assert_eq!(bed.net.count(0), Some(2), "what nobody could handle is counted too");
        let mut messages = bed.fatal();
        // A call that is polled again, as by the timeout, may say it again.
        messages.dedup();
        let [message] = <[String; 1]>::try_from(messages).expect("one message");
        message
    })
}

/// The part of a message that says where the call is.
fn at(line: u32, column: u32) -> String {
    format!("the call is at {}:{line}:{column}", file!())
}

#[test]
fn an_unknown_service_is_fatal() {
    let line = line!() + 1;
    let message = fatal_of::<i64, _>(|end| end.call("Raft.RequestVote", &1_i64));
    assert_eq!(
        message,
        format!(
            "labrpc.Server.dispatch(): unknown service Raft in Raft.RequestVote; \
             expecting one of [JunkServer]; {}",
            at(line, 48)
        )
    );
}

/// A caller is stopped if it makes the same call without end, and doesn't wait for each answer. It isn't stopped if its
/// calls differ.
#[test]
fn the_same_call_without_end_is_a_misuse() {
    const CALLS: i64 = 25_000;
    let calls_until_end = |at_a_time: i64, differ: i64| {
        let made = Arc::new(AtomicU64::new(0));
        let counted = made.clone();
        let panics = panics_of(move |bed| async move {
            bed.server(0);
            let end = bed.net.make_end("end", Some(Owner { server: 1, incarnation: 1 }));
            bed.net.connect("end", 0);
            bed.net.enable("end", Switch::On);
            for round in 0..CALLS / at_a_time {
                let calls = (0..at_a_time).map(|call| {
                    made.fetch_add(1, Ordering::Relaxed);
                    handler2(&end, (round * at_a_time + call) % differ)
                });
                join_all(calls).await;
            }
        });
        assert_eq!(panics.len(), 0, "{panics:?}");
        counted.load(Ordering::Relaxed)
    };
    assert_eq!(calls_until_end(10, 1), 20_000);
    assert_eq!(calls_until_end(10, 2), 25_000);
    // Who waits for each answer.
    assert_eq!(calls_until_end(1, 1), 25_000);
}

#[test]
fn an_unknown_method_is_fatal() {
    let line = line!() + 1;
    let message = fatal_of::<i64, _>(|end| end.call("JunkServer.Handler8", &1_i64));
    assert_eq!(
        message,
        format!(
            "labrpc.Service.dispatch(): unknown method Handler8 in JunkServer.Handler8; \
             expecting one of [Handler1 Handler2 Handler3 Handler6 Handler7 Wait]; {}",
            at(line, 48)
        )
    );
}

#[test]
fn a_method_is_what_follows_the_last_dot() {
    let unknown = |method| {
        let message = fatal_of::<i64, _>(move |end| end.call(method, &1_i64));
        message.split(';').next().expect("a sentence").to_owned()
    };
    let prefix = "labrpc.Server.dispatch(): unknown service";
    assert_eq!(unknown("a.b.c"), format!("{prefix} a.b in a.b.c"));
    assert_eq!(unknown("Handler1"), format!("{prefix}  in .Handler1"));
}

#[test]
fn arguments_of_another_type_are_fatal() {
    let line = line!() + 1;
    let message = fatal_of::<i64, _>(|end| end.call("JunkServer.Handler1", &1_i64));
    let begin = "labrpc: the arguments of JunkServer.Handler1 are not what its handler takes: ";
    assert!(message.starts_with(begin), "{message}");
    assert!(message.contains("String") && message.contains("i64"), "{message}");
    let end = format!("; the caller's and the handler's types must be the same; {}", at(line, 48));
    assert!(message.ends_with(&end), "{message}");
}

#[test]
fn a_reply_of_another_type_is_fatal() {
    let line = line!() + 1;
    let message = fatal_of::<bool, _>(|end| end.call("JunkServer.Handler2", &1_i64));
    let begin = "labrpc: the reply of JunkServer.Handler2 is not what the caller expects: ";
    assert!(message.starts_with(begin), "{message}");
    assert!(message.contains("bool") && message.contains("String"), "{message}");
    assert!(message.ends_with(&at(line, 49)), "{message}");
}

#[test]
fn an_unread_reply_of_another_type_is_nobodys_concern() {
    run(1, |bed| async move {
        bed.server(0);
        drop(bed.end("end", 0).call::<_, bool>("JunkServer.Handler2", &1_i64));
        sleep(ms(10)).await;
        assert!(bed.fatal().is_empty(), "{:?}", bed.fatal());
    });
}

/// What a script panics with.
fn panic_of(misuse: fn(&Bed)) -> String {
    let panics = panics_of(move |bed| async move { misuse(&bed) });
    let [panic] = <[Panic; 1]>::try_from(panics).expect("one panic");
    panic.message
}

#[test]
fn an_end_is_made_once() {
    let message = panic_of(|bed| {
        bed.net.make_end("one", None);
        bed.net.make_end("one", None);
    });
    assert_eq!(message, "MakeEnd: one already exists");
}

#[test]
fn a_name_that_is_made_twice_stays_the_first_ends() {
    let panics = panics_of(|bed| async move {
        bed.end("end", 0);
        let twice = catch_unwind(AssertUnwindSafe(|| bed.net.make_end("end", None)));
        assert!(twice.is_err());
        bed.net.enable("end", Switch::Off);
    });
    let messages: Vec<_> = panics.into_iter().map(|panic| panic.message).collect();
    assert_eq!(messages, ["MakeEnd: end already exists"]);
}

#[test]
fn a_deleted_end_is_gone_and_its_name_free() {
    let twice = |bed: &Bed| {
        bed.net.make_end("one", None);
        bed.net.delete_end("one");
        bed.net.delete_end("one");
    };
    assert_eq!(panic_of(twice), "MakeEnd: one doesn't exists");
    assert_eq!(panic_of(|bed| bed.net.delete_end("two")), "MakeEnd: two doesn't exists");
    run(1, |bed| async move {
        bed.server(0);
        let old = bed.end("one", 0);
        bed.net.delete_end("one");
        let new = bed.end("one", 0);
        assert_eq!(handler2(&old, 1).await, None, "the old one stays disabled");
        assert!(handler2(&new, 1).await.is_some());
    });
}

#[test]
fn an_end_that_was_never_made_has_no_switch() {
    let message = "there is no end named two";
    assert_eq!(panic_of(|bed| bed.net.enable("two", Switch::On)), message);
    assert_eq!(panic_of(|bed| bed.net.connect("two", 0)), message);
}

/// Panics if it is told to: at once, or after a while.
struct Fragile;

impl Fragile {
    async fn crack(self: Arc<Self>, after: Option<u64>) {
        if let Some(after) = after {
            sleep(ms(after)).await;
        }
        panic!("cracked");
    }
    /// Panics before there is a future to poll.
    fn crack_early(self: Arc<Self>, _: Option<u64>) -> Ready<()> {
        panic!("cracked");
    }
    fn service() -> Service {
        Service::new("Fragile", Arc::new(Fragile))
            .method("Crack", Fragile::crack)
            .method("CrackEarly", Fragile::crack_early)
    }
}

#[test]
fn names_are_taken_once() {
    let service = |_: &Bed| drop(Fragile::service().method("Crack", Fragile::crack));
    assert_eq!(panic_of(service), "the service Fragile has two methods named Crack");
    let server =
        |_: &Bed| drop(Server::new(None).with(Fragile::service()).with(Fragile::service()));
    assert_eq!(panic_of(server), "the server has two services named Fragile");
    let message = panic_of(|_| {
        drop(Service::new("Other", Arc::new(7)).method("Crack", Fragile::crack));
    });
    let begin = "the handler Other.Crack takes an Arc<";
    assert!(message.starts_with(begin) && message.contains("Fragile"), "{message}");
}

/// Each event and each report has them.
#[test]
fn names_have_a_length() {
    const LONG: &str = match str::from_utf8(&[b'x'; LONGEST_NAME + 1]) {
        Ok(name) => name,
        Err(_) => unreachable!(),
    };
    let told = "the name of a method has 201 bytes; 200 are the most";
    assert_eq!(panic_of(|_| drop(Service::new(LONG, Arc::new(7)))), told);
    assert_eq!(panic_of(|_| drop(Fragile::service().method(LONG, Fragile::crack))), told);
    let call = |bed: &Bed| drop(bed.end("end", 2).call::<_, ()>(LONG, &7_u8));
    assert_eq!(panic_of(call), told);
}

#[test]
fn a_handlers_panic_is_told_with_server_method_and_time() {
    const OWNER: Owner = Owner { server: 2, incarnation: 3 };
    let (now, later) = (None, Some(20_u64));
    let cracks = [
        ("Fragile.Crack", now, ms(7)),
        ("Fragile.Crack", later, ms(27)),
        ("Fragile.CrackEarly", now, ms(7)),
    ];
    for (method, after, at) in cracks {
        let panics = panics_of(move |bed| async move {
            bed.net.add_server(2, Server::new(Some(OWNER)).with(Fragile::service()));
            let end = bed.end("end", 2);
            sleep(ms(7)).await;
            end.call::<_, ()>(method, &after).await;
        });
        let [panic] = <[Panic; 1]>::try_from(panics).expect("one panic");
        assert_eq!(panic.message, "cracked");
        assert!(panic.location.starts_with(file!()), "{}", panic.location);
        assert!(panic.at >= at && panic.at < at + ms(1), "{:?}", panic.at);
        let activity = Activity::Handler(method);
        assert_eq!(panic.context, Some(Context { owner: OWNER, activity }));
    }
}

#[test]
fn a_handlers_panic_leaves_the_network_working() {
    for method in ["Fragile.Crack", "Fragile.CrackEarly"] {
        let (sender, receiver) = std::sync::mpsc::channel();
        let panics = panics_of(move |bed| async move {
            bed.server(0);
            bed.net.add_server(1, Server::new(None).with(Fragile::service()));
            let cracking = bed.end("cracking", 1).call::<_, ()>(method, &None::<u64>);
            // All of them arrive within a tenth of a millisecond, in the seed's order.
            let call = |i| handler2(&bed.end(&format!("end{i}"), 0), i);
            let calls: Vec<_> = (0..20).map(call).collect();
            sender.send(bed.clone()).expect("the test listens");
            join_all(calls).await;
            cracking.await;
        });
        assert_eq!(panics.len(), 1);
        let bed = receiver.recv().expect("the script has sent it");
        let panicked_at = panics[0].at.into();
        let history = bed.history();
        let after = history.events().iter().filter(|event| {
            event.at > panicked_at && matches!(event.kind, EventKind::RpcDelivered { .. })
        });
        assert!(after.count() > 0, "the pump went on after {method}");
        assert!(bed.net.count(0) > Some(0), "nobody holds the network's lock");
    }
}

#[test]
fn a_handler_may_call_others() {
    /// Passes a number on to the next server.
    struct Relay(ClientEnd);
    impl Relay {
        async fn pass(self: Arc<Self>, millis: i64) -> Option<i64> {
            wait(&self.0, millis).await
        }
    }
    run(1, |bed| async move {
        let js = bed.server(1);
        let relay = Arc::new(Relay(bed.end("relay", 1)));
        let service = Service::new("Relay", relay).method("Pass", Relay::pass);
        bed.net.add_server(0, Server::new(None).with(service));
        let end = bed.end("end", 0);
        let reply: Option<Option<i64>> = end.call("Relay.Pass", &30_i64).await;
        assert_eq!((reply, js.ended()), (Some(Some(30)), vec![30]));
    });
}
