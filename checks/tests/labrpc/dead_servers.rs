//! Servers that die, and ends that are cut off, while a call is under way.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use labrpc::{Reliability, Server, Service, Switch};
use report::{Outcome, Time};
use tokio::time::{Instant, sleep, sleep_until};

use crate::bed::{Bed, JunkServer, handler2, ms, outcome, run, wait};

/// A way to end the life of server 0, as far as the end "end" can see, and its name.
type Death = (&'static str, fn(&Bed));

/// All of them.
const DEATHS: [Death; 4] = [
    ("replaced", |bed| drop(bed.server(0))),
    ("deleted", |bed| bed.net.delete_server(0)),
    ("disabled", |bed| bed.net.enable("end", Switch::Off)),
    ("end deleted", |bed| bed.net.delete_end("end")),
];

/// Calls a handler of `takes` ms and lets server 0 die after `dies_after` ms. Returns when the call
/// did, after it has seen the handler come to its end unheard.
async fn dying(bed: Bed, die: fn(&Bed), takes: i64, dies_after: u64) -> Time {
    let start = Instant::now();
    let old = bed.server(0);
    let end = bed.end("end", 0);
    let call = tokio::spawn(wait(&end, takes));
    sleep_until(start + ms(dies_after)).await;
    die(&bed);
    assert_eq!(call.await.expect("no panic"), None);
    sleep_until(start + ms(takes.unsigned_abs()) + ms(200)).await;
    assert_eq!(old.ended(), [takes], "the handler runs to its end");
    let rpc = bed.rpc();
    assert!(rpc.handled.is_some(), "{rpc:?}");
    let (returned, outcome) = rpc.returned.expect("it has returned");
    assert_eq!(outcome, Outcome::ServerDied);
    returned
}

#[test]
fn a_dead_server_is_noticed_within_100_ms_while_its_handler_runs() {
    for (how, die) in DEATHS {
        for dies_after in [0, 1, 99, 101, 150, 199, 950] {
            let returned = run(1, move |bed| dying(bed, die, 1000, dies_after));
            let noticed = returned.since(Time(dies_after * 1000));
            assert!(noticed <= ms(101), "{noticed:?} after it was {how} at {dies_after} ms");
        }
    }
}

#[test]
fn a_dead_server_is_looked_for_every_100_ms_and_no_sooner() {
    for (how, die) in DEATHS {
        for (dies_after, looked_at) in [(10, 100), (105, 200), (250, 300)] {
            let returned = run(1, move |bed| dying(bed, die, 1000, dies_after)).0 / 1000;
            assert_eq!(returned, looked_at, "in ms, {how} at {dies_after} ms");
        }
    }
}

#[test]
fn a_dead_server_is_noticed_when_its_handler_ends() {
    for (how, die) in DEATHS {
        for (takes, dies_after) in [(30, 29), (30, 1), (170, 120)] {
            let returned = run(1, move |bed| dying(bed, die, takes, dies_after));
            let after = returned.0 / 1000;
            assert_eq!(after, takes.unsigned_abs(), "in ms, {how} at {dies_after} ms");
        }
    }
}

#[test]
fn an_end_that_is_cut_off_between_two_looks_is_not_noticed() {
    run(1, |bed| async move {
        bed.server(0);
        let end = bed.end("end", 0);
        let call = tokio::spawn(wait(&end, 500));
        sleep(ms(110)).await;
        bed.net.enable("end", Switch::Off);
        sleep(ms(80)).await;
        bed.net.enable("end", Switch::On);
        assert_eq!(call.await.expect("no panic"), Some(500));
    });
}

#[test]
fn a_disabled_end_cuts_off_nobody_else() {
    run(1, |bed| async move {
        bed.server(0);
        let (one, other) = (bed.end("one", 0), bed.end("other", 0));
        let calls = [wait(&one, 300), wait(&other, 300)].map(tokio::spawn);
        sleep(ms(50)).await;
        bed.net.enable("one", Switch::Off);
        let replies = join_all(calls).await.into_iter().map(|reply| reply.expect("no panic"));
        assert_eq!(replies.collect::<Vec<_>>(), [None, Some(300)]);
    });
}

#[test]
fn a_request_on_its_way_still_runs_on_the_instance_it_was_sent_to() {
    for (how, die) in DEATHS {
        run(1, move |bed| async move {
            bed.net.set_reliability(Reliability::Unreliable);
            let old = bed.server(0);
            let end = bed.end("end", 0);
            let calls: Vec<_> = (0..100).map(|number| handler2(&end, number)).collect();
            die(&bed);
            assert!(join_all(calls).await.iter().all(Option::is_none), "{how}");
            let rpcs = bed.rpcs();
            let delivered = rpcs.iter().filter(|rpc| rpc.delivered.is_some()).count();
            assert!(delivered > 70, "{delivered} of 100 delivered, {how}");
            assert_eq!(old.ended().len(), delivered, "{how}");
            for rpc in rpcs {
                let expected = match rpc.delivered {
                    Some(_) => Outcome::ServerDied,
                    None => Outcome::RequestLost,
                };
                assert_eq!(outcome(&rpc), expected, "{how}");
            }
            if how == "replaced" {
                assert_eq!(bed.net.count(0), Some(0), "the new one is called by nobody");
            }
        });
    }
}

#[test]
fn a_late_reply_of_a_handler_that_waited_arrives_although_the_server_died_after_it() {
    for (how, die) in DEATHS {
        run(1, move |bed| async move {
            bed.net.set_long_reordering(Switch::On);
            let js = bed.server(0);
            let end = bed.end("end", 0);
            // Such a handler has the network look every 100 ms whether its server is alive: at 100,
            // when these have ended and none of the late replies, which take 200 ms or more, is due.
            let calls: Vec<_> = (0..50).map(|_| wait(&end, 5)).collect();
            sleep(ms(10)).await;
            assert_eq!(js.ended().len(), 50);
            die(&bed);
            assert_eq!(join_all(calls).await, vec![Some(5); 50], "{how}");
            let rpcs = bed.rpcs();
            assert!(rpcs.iter().all(|rpc| outcome(rpc) == Outcome::Replied), "{how}");
            let late = rpcs.iter().filter(|rpc| rpc.returned.expect("all").0 > Time(200_000));
            let late = late.count();
            assert!((20..50).contains(&late), "{late} of 50 were late, {how}");
        });
    }
}

#[test]
fn a_late_reply_arrives_although_the_server_died_meanwhile() {
    for (how, die) in DEATHS {
        run(1, move |bed| async move {
            bed.net.set_long_reordering(Switch::On);
            bed.server(0);
            let end = bed.end("end", 0);
            let calls: Vec<_> = (0..50).map(|number| handler2(&end, number)).collect();
            sleep(ms(1)).await;
            die(&bed);
            assert!(join_all(calls).await.iter().all(Option::is_some), "{how}");
            let rpcs = bed.rpcs();
            let late = rpcs.iter().filter(|rpc| rpc.returned.expect("all").0 > Time(1000)).count();
            assert!((20..50).contains(&late), "{late} of 50 were late, {how}");
        });
    }
}

#[test]
fn the_lost_reply_of_a_dead_server_is_a_dead_servers() {
    // MIT asks first whether the server is dead, and draws for the reply only then.
    run(1, |bed| async move {
        bed.net.set_reliability(Reliability::Unreliable);
        bed.server(0);
        let end = bed.end("end", 0);
        let calls: Vec<_> = (0..200).map(|_| wait(&end, 50)).collect();
        sleep(ms(40)).await;
        bed.net.delete_server(0);
        join_all(calls).await;
        assert!(bed.rpcs().iter().all(|rpc| outcome(rpc) != Outcome::ReplyLost));
    });
}

struct Holder;

impl Holder {
    async fn hold(self: Arc<Self>, (): ()) {
        sleep(Duration::from_secs(1000)).await;
    }
}

#[test]
fn a_dropped_network_lets_go_of_servers_and_answers_at_once() {
    run(1, |bed| async move {
        let Bed { sim, net, .. } = bed;
        let holder = Arc::new(Holder);
        let kept = Arc::downgrade(&holder);
        let service = Service::new("Holder", holder).method("Hold", Holder::hold);
        net.add_server(0, Server::new(None).with(service));
        let end = net.make_end("end", None);
        net.connect("end", 0);
        net.enable("end", Switch::On);
        // Under way, but not yet delivered.
        drop(end.call::<_, ()>("Holder.Hold", &()));
        assert!(kept.upgrade().is_some());
        drop(Arc::into_inner(net).expect("nobody else has the network"));
        assert!(kept.upgrade().is_none(), "the end must not keep the server");
        assert_eq!(end.call::<_, ()>("Holder.Hold", &()).await, None);
        assert_eq!(sim.now(), Duration::ZERO);
    });
}

#[test]
fn a_new_instance_answers_on_the_old_end() {
    run(1, |bed| async move {
        let old: Arc<JunkServer> = bed.server(0);
        let end = bed.end("end", 0);
        assert!(handler2(&end, 1).await.is_some());
        bed.net.delete_server(0);
        assert!(handler2(&end, 2).await.is_none());
        let new = bed.server(0);
        assert!(handler2(&end, 3).await.is_some());
        assert_eq!((old.ended(), new.ended()), (vec![1], vec![3]));
    });
}
