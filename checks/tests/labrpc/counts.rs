//! What the network counts, and what a closed one does.

use std::time::Duration;

use futures::future::join_all;
use labrpc::{Reliability, Switch};
use report::Outcome;
use tokio::time::sleep;

use crate::bed::{handler2, ms, outcome, run, wait};
use crate::rpc::Rpc;

#[test]
fn every_call_is_counted_and_each_server_counts_what_arrives() {
    for seed in 0..5 {
        run(seed, |bed| async move {
            bed.net.set_reliability(Reliability::Unreliable);
            bed.server(0);
            bed.server(1);
            let (zero, one) = (bed.end("zero", 0), bed.end("one", 1));
            let (disabled, nobody) = (bed.disabled_end("disabled", 0), bed.end("nobody", 7));
            let mut calls: Vec<_> = (0..100).map(|number| handler2(&zero, number)).collect();
            calls.extend((0..30).map(|number| handler2(&one, number)));
            calls.push(handler2(&disabled, 1));
            calls.push(handler2(&nobody, 1));
            assert_eq!(bed.net.total_count(), 132, "when they are sent");
            assert_eq!(bed.net.count(0), Some(0), "when they arrive");
            join_all(calls).await;
            assert_eq!(bed.net.total_count(), 132);
            for server in [0_u32, 1] {
                let rpcs = bed.rpcs();
                let delivered = rpcs.iter().filter(|rpc| rpc.delivered.is_some());
                let arrived = delivered.filter(|rpc| rpc.to == Some(server)).count() as u64;
                assert_eq!(bed.net.count(server as usize), Some(arrived));
            }
            assert!(bed.net.count(0) < Some(100), "a lost request doesn't arrive");
            assert_eq!(bed.net.count(7), None);
        });
    }
}

#[test]
fn a_replaced_server_counts_from_0() {
    run(1, |bed| async move {
        bed.server(0);
        let end = bed.end("end", 0);
        for number in 0..5 {
            handler2(&end, number).await;
        }
        assert_eq!(bed.net.count(0), Some(5));
        bed.server(0);
        assert_eq!(bed.net.count(0), Some(0));
        handler2(&end, 5).await;
        assert_eq!(bed.net.count(0), Some(1));
        bed.net.delete_server(0);
        assert_eq!(bed.net.count(0), None);
        assert_eq!(bed.net.total_count(), 6);
    });
}

#[test]
fn bytes_are_all_requests_and_the_replies_that_arrive() {
    for seed in 0..5 {
        run(seed, |bed| async move {
            bed.net.set_reliability(Reliability::Unreliable);
            bed.server(0);
            let end = bed.end("end", 0);
            let disabled = bed.disabled_end("disabled", 0);
            let calls = (0..100).map(|number| handler2(&end, number << (number / 2)));
            let failing = (0..10).map(|number| handler2(&disabled, number));
            let calls: Vec<_> = calls.chain(failing).collect();
            let rpcs = bed.rpcs();
            let requests: usize = rpcs.iter().map(|rpc| rpc.args.bytes().len()).sum();
            assert_eq!(bed.net.total_bytes(), requests as u64, "when they are sent");
            join_all(calls).await;

            let rpcs = bed.rpcs();
            let reply = |rpc: &Rpc| rpc.handled.as_ref().map(|(_, r)| r.bytes().len());
            let with = |wanted: Outcome| rpcs.iter().filter(move |rpc| outcome(rpc) == wanted);
            let replies: usize = with(Outcome::Replied).filter_map(reply).sum();
            assert_eq!(bed.net.total_bytes(), (requests + replies) as u64);
            assert!(with(Outcome::ReplyLost).filter_map(reply).sum::<usize>() > 0);
            assert_eq!(with(Outcome::Unreachable).count(), 10);
        });
    }
}

#[test]
fn a_late_reply_is_counted_when_it_arrives() {
    run(1, |bed| async move {
        bed.net.set_long_reordering(Switch::On);
        bed.server(0);
        let end = bed.end("end", 0);
        let calls: Vec<_> = (0..50).map(|number| handler2(&end, number)).collect();
        let mut before = bed.net.total_bytes();
        let mut grew = 0;
        for _ in 0..230 {
            sleep(ms(10)).await;
            let rpcs = bed.rpcs();
            let arrived = rpcs.iter().filter(|rpc| rpc.returned.is_some());
            let replies = arrived.map(|rpc| rpc.handled.as_ref().expect("all").1.bytes().len());
            let requests = rpcs.iter().map(|rpc| rpc.args.bytes().len());
            let now = bed.net.total_bytes();
            assert_eq!(now, requests.chain(replies).sum::<usize>() as u64);
            grew += u32::from(now > before);
            before = now;
        }
        assert!(grew > 20, "it grew {grew} times");
        join_all(calls).await;
    });
}

#[test]
fn a_reply_of_a_dead_server_has_no_bytes() {
    run(1, |bed| async move {
        bed.server(0);
        let end = bed.end("end", 0);
        let call = wait(&end, 50);
        let before = bed.net.total_bytes();
        sleep(ms(5)).await;
        bed.net.delete_server(0);
        assert_eq!(call.await, None);
        sleep(ms(100)).await;
        assert!(bed.rpc().handled.is_some());
        assert_eq!(bed.net.total_bytes(), before);
    });
}

#[test]
fn a_closed_network_refuses_calls_at_once_and_ends_those_it_has() {
    run(1, |bed| async move {
        bed.net.set_long_delays(Switch::On);
        let js = bed.server(0);
        let (end, disabled) = (bed.end("end", 0), bed.disabled_end("disabled", 0));
        let sent = handler2(&end, 1);
        let running = wait(&end, 300);
        let unreachable: Vec<_> = (0..20).map(|number| handler2(&disabled, number)).collect();
        let (count, bytes) = (bed.net.total_count(), bed.net.total_bytes());
        bed.net.close();
        bed.net.close();

        for end in [&end, &disabled] {
            assert_eq!(handler2(end, 7).await, None);
            assert_eq!(bed.sim.now(), Duration::ZERO, "at once");
        }
        assert_eq!((bed.net.total_count(), bed.net.total_bytes()), (count, bytes));
        assert_eq!(bed.rpcs().len(), 22, "what was refused was never sent");

        assert_eq!(sent.await.as_deref(), Some("handler2-1"));
        assert_eq!(running.await, Some(300));
        assert!(join_all(unreachable).await.iter().all(Option::is_none));
        assert!(bed.sim.now() > ms(1000), "a closed network keeps its delays");
        assert_eq!(js.ended(), [1, 300]);
    });
}
