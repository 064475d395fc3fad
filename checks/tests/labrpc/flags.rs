//! The network's switches: what they do, and that a call keeps those it was sent under.

use futures::future::join_all;
use labrpc::{Reliability, Switch};
use report::Outcome;
use tokio::time::sleep;

use crate::bed::{Bed, handler2, ms, ms_between, outcome, run};
use crate::rpc::Rpc;

/// Sends 100 calls under what `before` sets, sets what `after` sets, and returns their fates.
fn fates(before: fn(&Bed), after: fn(&Bed)) -> Vec<Rpc> {
    run(1, move |bed| async move {
        bed.server(0);
        let end = bed.end("end", 0);
        bed.disabled_end("disabled", 0);
        before(&bed);
        let calls: Vec<_> = (0..100).map(|number| handler2(&end, number)).collect();
        after(&bed);
        join_all(calls).await;
        bed.rpcs()
    })
}

/// How long it was from a handler's end to the call's return, in ms.
fn lateness(rpc: &Rpc) -> u64 {
    let (handled, _) = rpc.handled.as_ref().expect("it was handled");
    ms_between(*handled, rpc.returned.expect("it has returned").0)
}

fn way_there(rpc: &Rpc) -> u64 {
    ms_between(rpc.sent, rpc.delivered.expect("it was delivered"))
}

#[test]
fn a_call_keeps_the_reliability_it_was_sent_under() {
    let reliable = |bed: &Bed| bed.net.set_reliability(Reliability::Reliable);
    let unreliable = |bed: &Bed| bed.net.set_reliability(Reliability::Unreliable);

    for rpc in fates(reliable, unreliable) {
        assert_eq!((outcome(&rpc), way_there(&rpc)), (Outcome::Replied, 0));
    }
    let rpcs = fates(unreliable, reliable);
    for lost in [Outcome::RequestLost, Outcome::ReplyLost] {
        assert!(rpcs.iter().any(|rpc| outcome(rpc) == lost), "{lost}");
    }
    assert!(rpcs.iter().any(|rpc| rpc.delivered.is_some() && way_there(rpc) > 20));
}

#[test]
fn a_call_keeps_the_reordering_it_was_sent_under() {
    let on = |bed: &Bed| bed.net.set_long_reordering(Switch::On);
    let off = |bed: &Bed| bed.net.set_long_reordering(Switch::Off);

    assert!(fates(off, on).iter().all(|rpc| lateness(rpc) == 0));
    let late = fates(on, off).iter().filter(|rpc| lateness(rpc) >= 200).count();
    assert!((50..85).contains(&late), "{late} of 100");
}

#[test]
fn a_call_keeps_the_long_delays_it_was_sent_under() {
    let on = |bed: &Bed| {
        bed.net.enable("end", Switch::Off);
        bed.net.set_long_delays(Switch::On);
    };
    let off = |bed: &Bed| {
        bed.net.enable("end", Switch::Off);
        bed.net.set_long_delays(Switch::Off);
    };
    let took = |rpc: &Rpc| ms_between(rpc.sent, rpc.returned.expect("it has returned").0);

    assert!(fates(off, on).iter().all(|rpc| took(rpc) < 100));
    let long = fates(on, off).iter().filter(|rpc| took(rpc) >= 100).count();
    assert!(long > 90, "{long} of 100");
}

#[test]
fn reordering_delays_replies_only_and_on_a_reliable_network_too() {
    let rpcs = fates(|bed| bed.net.set_long_reordering(Switch::On), |_| ());
    for rpc in &rpcs {
        assert_eq!((outcome(rpc), way_there(rpc)), (Outcome::Replied, 0));
        assert!(matches!(lateness(rpc), 0 | 200..2200), "{rpc:?}");
    }
    let returned: Vec<_> = rpcs.iter().map(|rpc| rpc.returned.expect("all").0).collect();
    assert!(!returned.is_sorted(), "replies overtake each other");
}

#[test]
fn reordering_and_loss_go_together() {
    let both = |bed: &Bed| {
        bed.net.set_reliability(Reliability::Unreliable);
        bed.net.set_long_reordering(Switch::On);
    };
    let rpcs = fates(both, |_| ());
    let with = |wanted: Outcome| rpcs.iter().filter(move |rpc| outcome(rpc) == wanted);
    assert!(with(Outcome::Replied).any(|rpc| lateness(rpc) >= 200));
    assert!(with(Outcome::ReplyLost).count() > 0);
    assert!(with(Outcome::ReplyLost).all(|rpc| lateness(rpc) == 0), "a loss is known at once");
    assert!(with(Outcome::RequestLost).count() > 0);
}

#[test]
fn a_new_network_is_reliable_and_fails_soon() {
    let rpcs = fates(|_| (), |_| ());
    for rpc in &rpcs {
        assert_eq!((outcome(rpc), way_there(rpc), lateness(rpc)), (Outcome::Replied, 0, 0));
    }
    run(1, |bed| async move {
        bed.server(0);
        let end = bed.disabled_end("end", 0);
        join_all((0..50).map(|number| handler2(&end, number))).await;
        assert!(bed.sim.now() < ms(101), "{:?}", bed.sim.now());
        sleep(ms(1)).await;
    });
}
