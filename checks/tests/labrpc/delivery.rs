//! What becomes of a request, whatever its caller does meanwhile.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use labrpc::{Reliability, Switch, fate};
use report::{Outcome, Time};
use tokio::time::{sleep, timeout};

use crate::bed::{Bed, handler2, ms, ms_between, outcome, run, wait};
use crate::rpc::Rpc;

/// What two hops take together, in microseconds.
const TWO_HOPS_US: std::ops::RangeInclusive<u64> = 20..=198;

#[test]
fn a_handler_runs_to_its_end_although_its_caller_gave_up() {
    run(1, |bed| async move {
        let js = bed.server(0);
        let end = bed.end("end", 0);
        assert!(timeout(ms(5), wait(&end, 50)).await.is_err());
        assert_eq!((js.begun(), js.ended()), (vec![50], vec![]));
        sleep(ms(60)).await;
        assert_eq!(js.ended(), [50]);
        assert_eq!(outcome(&bed.rpc()), Outcome::Replied);
    });
}

#[test]
fn a_caller_that_waits_a_millisecond_still_delivers() {
    for seed in 0..5 {
        run(seed, |bed| async move {
            bed.net.set_reliability(Reliability::Unreliable);
            let js = bed.server(0);
            let end = bed.end("end", 0);
            let calls = (0..100).map(|i| timeout(ms(1), handler2(&end, i)));
            let given_up = join_all(calls).await.iter().filter(|call| call.is_err()).count();
            assert!(given_up > 80, "{given_up}");
            sleep(ms(30)).await;
            let lost = bed.rpcs().iter().filter(|rpc| outcome(rpc) == Outcome::RequestLost).count();
            assert!((1..30).contains(&lost), "{lost}");
            assert_eq!(js.begun().len(), 100 - lost);
        });
    }
}

#[test]
fn a_call_that_is_dropped_before_it_is_polled_still_delivers() {
    run(1, |bed| async move {
        let js = bed.server(0);
        let end = bed.end("end", 0);
        drop(handler2(&end, 3));
        drop(end);
        sleep(ms(1)).await;
        assert_eq!(js.begun(), [3]);
    });
}

#[test]
fn a_caller_that_is_aborted_still_delivers() {
    run(1, |bed| async move {
        let js = bed.server(0);
        let end = bed.end("end", 0);
        let caller = tokio::spawn(async move { wait(&end, 20).await });
        sleep(ms(5)).await;
        caller.abort();
        assert!(caller.await.expect_err("it was aborted").is_cancelled());
        sleep(ms(20)).await;
        assert_eq!(js.ended(), [20]);
    });
}

#[test]
fn a_call_is_sent_when_it_is_made_and_not_when_it_is_polled() {
    run(1, |bed| async move {
        let js = bed.server(0);
        let end = bed.end("end", 0);
        let call = handler2(&end, 3);
        assert_eq!(bed.rpc().sent, Time(0));
        sleep(ms(10)).await;
        assert_eq!(js.ended(), [3]);
        let rpc = bed.rpc();
        assert!(rpc.returned.expect("it has returned").0 < Time(1000), "{rpc:?}");
        let before = bed.sim.now();
        assert_eq!(call.await.as_deref(), Some("handler2-3"));
        assert_eq!(bed.sim.now(), before, "the reply was there already");
    });
}

#[test]
fn calls_on_one_end_overtake_each_other() {
    run(1, |bed| async move {
        let js = bed.server(0);
        let end = bed.end("end", 0);
        let slow = tokio::spawn(wait(&end, 50));
        sleep(ms(1)).await;
        assert_eq!(wait(&end, 5).await, Some(5));
        assert!(!slow.is_finished());
        assert_eq!(slow.await.expect("no panic"), Some(50));
        assert_eq!((js.begun(), js.ended()), (vec![50, 5], vec![5, 50]));
    });
}

#[test]
fn requests_of_one_millisecond_arrive_in_the_seeds_order() {
    let arrivals = (0..10).map(|seed| {
        run(seed, |bed| async move {
            let js = bed.server(0);
            let calls = (0..5).map(|i| handler2(&bed.end(&format!("end{i}"), 0), i));
            join_all(calls).await;
            js.begun()
        })
    });
    let orders: BTreeSet<_> = arrivals.collect();
    assert!(orders.len() > 5, "{orders:?}");
}

#[test]
fn a_caller_acts_on_its_reply_before_anything_later_happens() {
    run(1, |bed| async move {
        bed.server(0);
        let callers = (0..10).map(|i| {
            let (sim, end) = (bed.sim.clone(), bed.end(&format!("end{i}"), 0));
            tokio::spawn(async move {
                assert!(handler2(&end, i).await.is_some());
                sim.now()
            })
        });
        // All of it happens within a fifth of a millisecond.
        let acted = join_all(callers).await.into_iter().map(|at| Time::from(at.expect("no panic")));
        let rpcs = bed.rpcs();
        let returned = rpcs.iter().map(|rpc| rpc.returned.expect("it has returned").0);
        assert_eq!(acted.collect::<Vec<_>>(), returned.collect::<Vec<_>>());
    });
}

#[test]
fn a_reliable_network_loses_and_delays_nothing() {
    run(1, |bed| async move {
        bed.server(0);
        let end = bed.end("end", 0);
        for number in 0..300 {
            assert_eq!(handler2(&end, number).await, Some(format!("handler2-{number}")));
        }
        for rpc in bed.rpcs() {
            let (returned, _) = rpc.returned.expect("it has returned");
            let took = returned.0 - rpc.sent.0;
            assert!(TWO_HOPS_US.contains(&took), "{took} us: {rpc:?}");
        }
        // A loop that does nothing but call can't stop the clock.
        assert!(bed.sim.now() > Duration::from_micros(300 * TWO_HOPS_US.start()));
    });
}

/// Makes calls that can't reach a server, for each of the reasons, and checks that they fail late.
async fn unreachable(bed: Bed, long_delays: Switch, waits: std::ops::Range<u64>) {
    bed.net.set_long_delays(long_delays);
    let js = bed.server(0);
    bed.server(1);
    bed.net.delete_server(1);
    let unconnected = bed.net.make_end("unconnected", None);
    bed.net.enable("unconnected", Switch::On);
    let ends = [
        unconnected,
        bed.disabled_end("disabled", 0),
        bed.end("deleted", 1),
        bed.end("never there", 2),
    ];
    let calls: Vec<_> =
        ends.iter().flat_map(|end| (0..50).map(|number| handler2(end, number))).collect();
    let sent = bed.sim.now();
    // None of it comes in time.
    bed.net.connect("unconnected", 0);
    bed.net.enable("disabled", Switch::On);
    let (one, two) = (bed.server(1), bed.server(2));
    for reply in join_all(calls).await {
        assert_eq!(reply, None);
    }
    for js in [js, one, two] {
        assert!(js.begun().is_empty());
    }
    let rpcs = bed.rpcs();
    assert_eq!(rpcs.len(), 200);
    let took: Vec<u64> = rpcs.iter().map(|rpc| failed_after(rpc, Time::from(sent))).collect();
    let (least, most) = (took.iter().min().expect("some"), took.iter().max().expect("some"));
    assert!(waits.contains(least) && waits.contains(most), "{least} to {most} ms");
    // Of 200, one lies in the lowest tenth and one in the highest.
    assert!(*least < waits.end / 10 && *most >= waits.end / 10 * 9, "{least} to {most} ms");
}

/// How long a call took that couldn't reach a server.
fn failed_after(rpc: &Rpc, sent: Time) -> u64 {
    assert_eq!(rpc.sent, sent);
    assert!(rpc.delivered.is_none() && rpc.handled.is_none(), "{rpc:?}");
    let (returned, outcome) = rpc.returned.expect("it has returned");
    assert_eq!(outcome, Outcome::Unreachable);
    ms_between(sent, returned)
}

#[test]
fn what_cannot_be_reached_fails_within_7_s_with_long_delays() {
    for seed in 0..10 {
        run(seed, |bed| unreachable(bed, Switch::On, fate::UNREACHABLE_LONG_MS));
    }
    assert_eq!(fate::UNREACHABLE_LONG_MS, 0..7000);
}

#[test]
fn what_cannot_be_reached_fails_within_100_ms_without_long_delays() {
    for seed in 0..10 {
        run(seed, |bed| unreachable(bed, Switch::Off, fate::UNREACHABLE_SHORT_MS));
    }
    assert_eq!(fate::UNREACHABLE_SHORT_MS, 0..100);
}

#[test]
fn lost_requests_are_known_at_once_and_lost_replies_after_the_handler() {
    for seed in 0..10 {
        run(seed, |bed| async move {
            bed.net.set_reliability(Reliability::Unreliable);
            let js = bed.server(0);
            let end = bed.end("end", 0);
            let replies = join_all((0..200).map(|_| wait(&end, 40))).await;
            let mut handled = 0;
            let mut lost = [0, 0];
            for (rpc, reply) in bed.rpcs().iter().zip(replies) {
                let (returned, outcome) = rpc.returned.expect("it has returned");
                assert_eq!(reply.is_some(), outcome == Outcome::Replied);
                if outcome == Outcome::RequestLost {
                    lost[0] += 1;
                    let took = ms_between(rpc.sent, returned);
                    assert!(took <= 26, "{took} ms: {rpc:?}");
                    assert!(rpc.delivered.is_none() && rpc.handled.is_none(), "{rpc:?}");
                    continue;
                }
                let delay = ms_between(rpc.sent, rpc.delivered.expect("it was delivered"));
                assert!(delay <= 26, "{delay} ms: {rpc:?}");
                lost[1] += u32::from(outcome == Outcome::ReplyLost);
                handled += 1;
                let (ended, _) = rpc.handled.as_ref().expect("it was handled");
                let way_back = returned.since(*ended);
                assert!(way_back < ms(1), "{way_back:?}: {rpc:?}");
            }
            assert!(lost.iter().all(|lost| (5..=40).contains(lost)), "{lost:?} of 200");
            assert_eq!(js.ended().len(), handled);
        });
    }
}
