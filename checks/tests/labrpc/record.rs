//! What is recorded of a call: which events, in which order, when, and with what in them.

use std::sync::Arc;

use futures::future::join_all;
use labrpc::{Reliability, Server, Service, Switch};
use report::{Caller, Event, EventKind, Outcome, RpcId, Time};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sim::context::{Owner, current};
use tokio::time::sleep;

use crate::bed::{Bed, handler2, ms, outcome, run, wait};
use crate::rpc::Rpc;

/// The events of call `id`, by kind.
fn kinds(bed: &Bed, id: RpcId) -> Vec<&'static str> {
    let kind = |Event { kind, .. }: &Event| match kind {
        EventKind::RpcSent { id, .. } => ("sent", *id),
        EventKind::RpcDelivered { id, .. } => ("delivered", *id),
        EventKind::RpcHandled { id, .. } => ("handled", *id),
        EventKind::RpcReturned { id, .. } => ("returned", *id),
        EventKind::RpcDropped { id } => ("dropped", *id),
        other => panic!("the network doesn't record {other:?}"),
    };
    let kinds = bed.history().events().iter().map(kind).collect::<Vec<_>>();
    kinds.into_iter().filter(|(_, other)| *other == id).map(|(kind, _)| kind).collect()
}

/// Runs `script`, which makes one call, and returns the call and its events' kinds.
fn record<Fut>(script: fn(Bed) -> Fut) -> (Rpc, Vec<&'static str>)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    run(1, move |bed| async move {
        bed.server(0);
        bed.disabled_end("end", 0);
        script(bed.clone()).await;
        sleep(ms(100)).await;
        (bed.rpc(), kinds(&bed, RpcId(0)))
    })
}

#[test]
fn a_call_that_is_answered() {
    let (rpc, kinds) = record(|bed| async move {
        let end = bed.end("enabled", 0);
        sleep(ms(5)).await;
        assert_eq!(wait(&end, 30).await, Some(30));
    });
    assert_eq!(kinds, ["sent", "delivered", "handled", "returned"]);
    assert_eq!((rpc.id, rpc.from, rpc.to), (RpcId(0), None, Some(0)));
    assert_eq!(rpc.method, "JunkServer.Wait");
    assert_eq!(rpc.args.bytes(), &labgob::encode(&30_i64));
    assert_eq!(rpc.args.render(), Ok(json!(30)));
    let (handled, reply) = rpc.handled.expect("it was handled");
    assert_eq!(reply.bytes(), &labgob::encode(&30_i64));
    assert_eq!(reply.render(), Ok(json!(30)));

    assert_eq!(rpc.sent, Time(5000));
    let delivered = rpc.delivered.expect("it was delivered");
    assert!(matches!(delivered.0, 5010..=5099), "{delivered:?}");
    // The handler's sleep is a timer's, which fires on a whole millisecond.
    assert_eq!(handled, Time(35_000));
    let (returned, outcome) = rpc.returned.expect("it has returned");
    assert!(matches!(returned.0, 35_010..=35_099), "{returned:?}");
    assert_eq!(outcome, Outcome::Replied);
}

#[test]
fn a_call_that_its_caller_drops_before_its_reply_comes() {
    let (rpc, kinds) = record(|bed| async move {
        let end = bed.end("enabled", 0);
        let gives_up = tokio::time::timeout(ms(10), wait(&end, 30)).await;
        assert!(gives_up.is_err());
    });
    assert_eq!(kinds, ["sent", "delivered", "dropped", "handled", "returned"]);
    assert_eq!(outcome(&rpc), Outcome::Replied);
    assert!(rpc.handled.is_some());
}

#[test]
fn a_call_that_is_dropped_at_once_or_with_its_task() {
    let (_, kinds) = record(|bed| async move { drop(wait(&bed.end("enabled", 0), 30)) });
    assert_eq!(kinds, ["sent", "dropped", "delivered", "handled", "returned"]);
    let (_, kinds) = record(|bed| async move {
        let end = bed.end("enabled", 0);
        let task = tokio::spawn(async move { wait(&end, 30).await });
        sleep(ms(10)).await;
        task.abort();
    });
    assert_eq!(kinds, ["sent", "delivered", "dropped", "handled", "returned"]);
}

#[test]
fn a_call_whose_reply_is_there_and_not_taken() {
    let (_, kinds) = record(|bed| async move {
        let call = wait(&bed.end("enabled", 0), 30);
        sleep(ms(50)).await;
        drop(call);
    });
    assert_eq!(kinds, ["sent", "delivered", "handled", "returned", "dropped"]);
}

#[test]
fn a_call_to_a_closed_network_is_recorded_nowhere() {
    let (_, kinds) = record(|bed| async move {
        let end = bed.end("enabled", 0);
        assert_eq!(wait(&end, 1).await, Some(1));
        bed.net.close();
        drop(wait(&end, 30));
    });
    assert_eq!(kinds, ["sent", "delivered", "handled", "returned"]);
}

#[test]
fn a_call_that_cannot_reach_a_server() {
    let (rpc, kinds) = record(|bed| async move {
        bed.net.make_end("other", None);
        bed.net.connect("other", 4);
        bed.net.delete_end("other");
        let end = bed.disabled_end("other", 4);
        assert_eq!(handler2(&end, 1).await, None);
    });
    assert_eq!(kinds, ["sent", "returned"]);
    assert_eq!((rpc.to, outcome(&rpc)), (Some(4), Outcome::Unreachable));
    assert!(rpc.delivered.is_none() && rpc.handled.is_none());
}

#[test]
fn a_call_on_an_end_without_a_server_goes_to_none() {
    let (rpc, kinds) = record(|bed| async move {
        let end = bed.net.make_end("unconnected", None);
        bed.net.enable("unconnected", Switch::On);
        assert_eq!(handler2(&end, 1).await, None);
    });
    assert_eq!(kinds, ["sent", "returned"]);
    assert_eq!((rpc.to, outcome(&rpc)), (None, Outcome::Unreachable));
}

#[test]
fn a_call_whose_server_dies_before_its_handler_ends() {
    let (rpc, kinds) = record(|bed| async move {
        let end = bed.end("enabled", 0);
        let call = wait(&end, 150);
        sleep(ms(20)).await;
        bed.net.delete_server(0);
        assert_eq!(call.await, None);
    });
    assert_eq!(kinds, ["sent", "delivered", "returned", "handled"]);
    let (returned, outcome) = rpc.returned.expect("it has returned");
    assert_eq!((returned.0 / 1000, outcome), (100, Outcome::ServerDied));
    assert_eq!(rpc.handled.expect("it was handled").0, Time(150_000));
}

#[test]
fn a_call_whose_server_dies_just_as_its_handler_ends() {
    let (rpc, kinds) = record(|bed| async move {
        let end = bed.end("enabled", 0);
        let call = wait(&end, 50);
        sleep(ms(20)).await;
        bed.net.delete_server(0);
        assert_eq!(call.await, None);
    });
    assert_eq!(kinds, ["sent", "delivered", "handled", "returned"]);
    assert_eq!(outcome(&rpc), Outcome::ServerDied);
}

#[test]
fn a_refused_call_is_not_recorded() {
    run(1, |bed| async move {
        bed.server(0);
        let end = bed.end("end", 0);
        bed.net.close();
        assert_eq!(handler2(&end, 1).await, None);
        assert!(bed.history().events().is_empty());
    });
}

#[test]
fn an_outcome_tells_which_events_there_are() {
    for seed in 0..10 {
        run(seed, |bed| async move {
            bed.net.set_reliability(Reliability::Unreliable);
            bed.net.set_long_reordering(Switch::On);
            bed.server(0);
            bed.server(1);
            let ends = [bed.end("zero", 0), bed.end("one", 1), bed.disabled_end("off", 0)];
            let calls: Vec<_> = (0..300).map(|i| wait(&ends[i % 3], i as i64)).collect();
            sleep(ms(120)).await;
            bed.net.delete_server(1);
            join_all(calls).await;
            sleep(ms(300)).await;

            let rpcs = bed.rpcs();
            for (i, rpc) in rpcs.iter().enumerate() {
                assert_eq!(rpc.id, RpcId(i as u64), "numbered in the order of sending");
                assert_eq!(rpc.args.bytes(), &labgob::encode(&(i as i64)));
                let mut kinds = kinds(&bed, rpc.id);
                kinds.sort_unstable();
                let expected = match outcome(rpc) {
                    Outcome::RequestLost | Outcome::Unreachable => vec!["returned", "sent"],
                    _ => vec!["delivered", "handled", "returned", "sent"],
                };
                assert_eq!(kinds, expected, "{rpc:?}");
            }
            for wanted in [
                Outcome::Replied,
                Outcome::RequestLost,
                Outcome::ReplyLost,
                Outcome::Unreachable,
                Outcome::ServerDied,
            ] {
                assert!(rpcs.iter().any(|rpc| outcome(rpc) == wanted), "{wanted}");
            }
            assert!(bed.history().events().is_sorted_by_key(|event| event.at));
        });
    }
}

/// What a Raft might send, to be shown with its fields' names.
#[derive(Serialize, Deserialize)]
struct Args {
    term: u64,
    entries: Vec<(u64, String)>,
}

#[derive(Serialize, Deserialize)]
enum Reply {
    Refused { x_term: Option<u64> },
}

struct Shown;

impl Shown {
    async fn append(self: Arc<Self>, args: Args) -> Reply {
        Reply::Refused { x_term: args.entries.first().map(|entry| entry.0) }
    }
    async fn owner(self: Arc<Self>, (): ()) -> Option<(u32, u32)> {
        sleep(ms(1)).await;
        current().map(|context| (context.owner.server, context.owner.incarnation))
    }
}

#[test]
fn messages_are_shown_with_the_names_of_their_fields() {
    run(1, |bed| async move {
        let service = Service::new("Shown", Arc::new(Shown)).method("Append", Shown::append);
        bed.net.add_server(0, Server::new(None).with(service));
        let args = Args { term: 7, entries: vec![(5, "x=1".to_owned())] };
        let reply: Option<Reply> = bed.end("end", 0).call("Shown.Append", &args).await;
        assert!(reply.is_some());
        let rpc = bed.rpc();
        assert_eq!(rpc.args.render(), Ok(json!({"term": 7, "entries": [[5, "x=1"]]})));
        let (_, reply) = rpc.handled.expect("it was handled");
        assert_eq!(reply.render(), Ok(json!({"Refused": {"x_term": 5}})));
    });
}

#[test]
fn caller_and_handler_are_named() {
    run(1, |bed| async move {
        let owner = |server, incarnation| Some(Owner { server, incarnation });
        let service = Service::new("Shown", Arc::new(Shown)).method("Owner", Shown::owner);
        bed.net.add_server(3, Server::new(owner(3, 2)).with(service));
        let end = bed.net.make_end("end", owner(1, 4));
        bed.net.connect("end", 3);
        bed.net.enable("end", Switch::On);
        let reply: Option<Option<(u32, u32)>> = end.call("Shown.Owner", &()).await;
        assert_eq!(reply, Some(Some((3, 2))), "a handler runs on its server's behalf");
        let rpc = bed.rpc();
        assert_eq!(rpc.from, Some(Caller { server: 1, incarnation: 4 }));
        assert_eq!(rpc.to, Some(3));
        assert_eq!(current(), None, "the caller's context is its own again");
    });
}
