//! A call that fares otherwise than chance would have it, and no other.

use labrpc::{Reliability, Switch};
use report::{CallChange, Outcome, RpcId, Way};
use tokio::time::sleep;

use crate::bed::{handler2, ms, ms_between, outcome, run};
use crate::rpc::Rpc;

/// What becomes of ten calls on an unreliable network, of which one is changed.
fn calls(change: Option<CallChange>) -> Vec<Rpc> {
    run(3, move |bed| async move {
        bed.net.set_reliability(Reliability::Unreliable);
        bed.server(0);
        let end = bed.end("end", 0);
        if let Some(change) = change {
            bed.net.change_call(change);
        }
        for number in 0..10 {
            drop(handler2(&end, number));
            sleep(ms(1000)).await;
        }
        bed.rpcs()
    })
}

/// A call's fate, as far as it may be compared between runs.
fn fate(rpc: &Rpc) -> String {
    format!("{rpc:?}")
}

#[test]
fn one_call_is_changed_and_no_other() {
    let usual = calls(None);
    let lost = |rpc: &Rpc| outcome(rpc) == Outcome::RequestLost;
    let place = usual.iter().position(lost).expect("one of ten is lost with this seed");
    let came = usual.iter().position(|rpc| outcome(rpc) == Outcome::Replied).expect("most come");
    let id = |place: usize| RpcId(place as u64);
    for (place, request, reply, expected) in [
        (place, Some(Way::After(0)), Some(Way::After(0)), Outcome::Replied),
        (came, Some(Way::Lost), None, Outcome::RequestLost),
        (came, None, Some(Way::Lost), Outcome::ReplyLost),
        (came, Some(Way::After(400_000)), Some(Way::After(300_000)), Outcome::Replied),
    ] {
        let changed = calls(Some(CallChange { id: id(place), request, reply }));
        assert_eq!(outcome(&changed[place]), expected);
        for other in (0..10).filter(|other| *other != place) {
            assert_eq!(fate(&usual[other]), fate(&changed[other]), "call {other}");
        }
        if let (Some(Way::After(there)), Outcome::Replied) = (request, expected) {
            let took = ms_between(changed[place].sent, changed[place].returned.expect("it has").0);
            let back = if there > 0 { 300 } else { 0 };
            assert_eq!(took, there / 1000 + back);
        }
    }
}

#[test]
fn a_caller_is_told_sooner_that_nobody_can_be_reached() {
    let took = |request| {
        run(3, move |bed| async move {
            bed.net.set_long_delays(Switch::On);
            let end = bed.end("end", 0);
            let change = CallChange { id: RpcId(0), request, reply: None };
            bed.net.change_call(change);
            drop(handler2(&end, 1));
            sleep(ms(8000)).await;
            let rpc = bed.rpc();
            assert_eq!(outcome(&rpc), Outcome::Unreachable);
            ms_between(rpc.sent, rpc.returned.expect("it has").0)
        })
    };
    assert_ne!(took(None), 0);
    assert_eq!(took(Some(Way::After(0))), 0);
    assert_eq!(took(Some(Way::After(5_000_000))), 5000);
}
