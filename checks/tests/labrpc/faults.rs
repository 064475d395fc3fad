//! Faults beyond MIT's: what is held, copied, late or doubled, links that work one way; and that a
//! network without them is MIT's.

use std::time::Duration;

use labrpc::{
    Call, ClientEnd, FAILS_AFTER_MS, Faults, Hold, Link, Passing, Reliability, Server, Switch,
};
use report::Outcome;
use sim::context::Owner;
use tokio::time::{Instant, sleep};

use crate::bed::{Bed, handler2, ms, ms_between, outcome, run};

/// An enabled end of server `from`'s to server `to`.
fn end(bed: &Bed, from: u32, to: usize) -> ClientEnd {
    let name = format!("{from}->{to}");
    let end = bed.net.make_end(name.as_str(), Some(Owner { server: from, incarnation: 1 }));
    bed.net.connect(&name, to);
    bed.net.enable(&name, Switch::On);
    end
}

/// Holds all requests.
fn hold_requests(bed: &Bed) -> Hold {
    bed.net.hold(|passing: Passing<'_>| passing.reply.is_none())
}

async fn soon() {
    sleep(ms(5)).await;
}

fn cut(bed: &Bed, from: usize, to: usize) {
    bed.net.set_link(Link { from, to }, Switch::Off);
}

#[test]
fn a_link_that_is_cut_is_cut_one_way() {
    run(1, |bed| async move {
        let (zero, one) = (bed.server(0), bed.server(1));
        let (there, back) = (end(&bed, 0, 1), end(&bed, 1, 0));
        cut(&bed, 1, 0);

        // Server 0's request arrives, and the reply is lost; server 1's doesn't arrive.
        assert_eq!(handler2(&there, 1).await, None);
        assert_eq!(handler2(&back, 2).await, None);
        assert_eq!((one.begun(), zero.begun()), (vec![1], vec![]));
        let outcomes: Vec<Outcome> = bed.rpcs().iter().map(outcome).collect();
        assert_eq!(outcomes, [Outcome::ReplyLost, Outcome::Unreachable]);

        bed.net.set_link(Link { from: 1, to: 0 }, Switch::On);
        assert_eq!(handler2(&there, 3).await.as_deref(), Some("handler2-3"));
        assert_eq!(handler2(&back, 4).await.as_deref(), Some("handler2-4"));
    });
}

#[test]
fn a_held_request_is_delivered_when_it_is_told_to() {
    run(1, |bed| async move {
        let one = bed.server(1);
        let end = end(&bed, 0, 1);
        let hold = hold_requests(&bed);
        let (first, second) = (handler2(&end, 1), handler2(&end, 2));
        sleep(ms(1000)).await;
        assert_eq!((hold.count(), one.begun()), (2, vec![]));

        // The second goes first.
        assert!(hold.take(|_| false).is_none());
        let held = [hold.take(|_| true), hold.take(|_| true)].map(|held| held.expect("it is held"));
        let [held_first, held_second] = held;
        let delivered = held_second.deliver();
        assert_eq!(second.await.as_deref(), Some("handler2-2"));
        assert!(delivered.reply().is_some());
        held_first.deliver();
        assert_eq!(first.await.as_deref(), Some("handler2-1"));
        assert_eq!(one.begun(), [2, 1]);
    });
}

#[test]
fn a_held_request_goes_to_whoever_is_there() {
    run(1, |bed| async move {
        let old = bed.server(1);
        let end = end(&bed, 0, 1);
        let hold = hold_requests(&bed);
        let call = handler2(&end, 1);
        let lost = handler2(&end, 2);
        let request = hold.take(|_| true).expect("it is held");

        // The server is another by now, and the way to it is cut: what is held is on its way.
        let new = bed.server(1);
        cut(&bed, 0, 1);
        request.deliver();
        assert_eq!(call.await.as_deref(), Some("handler2-1"));
        assert_eq!((old.begun(), new.begun()), (vec![], vec![1]));

        // Nobody is there.
        bed.net.delete_server(1);
        hold.release();
        assert_eq!(lost.await, None);
        assert_eq!(outcome(&bed.rpcs()[1]), Outcome::RequestLost);
    });
}

#[test]
fn what_is_held_may_be_lost() {
    run(1, |bed| async move {
        let one = bed.server(1);
        let end = end(&bed, 0, 1);
        let hold = hold_requests(&bed);
        let calls: Vec<Call<String>> = (0..3).map(|number| handler2(&end, number)).collect();
        hold.take(|_| true).expect("it is held").lose();
        hold.lose_all();
        for call in calls {
            assert_eq!(call.await, None);
        }
        assert!(one.begun().is_empty());
        for rpc in bed.rpcs() {
            assert_eq!(outcome(&rpc), Outcome::RequestLost);
            let took = ms_between(rpc.sent, rpc.returned.expect("it has returned").0);
            assert!(FAILS_AFTER_MS.contains(&took), "{took} ms");
        }
        // It goes on holding, until it is dropped.
        let call = handler2(&end, 3);
        soon().await;
        assert_eq!((hold.count(), one.begun()), (1, vec![]));
        drop(hold);
        assert_eq!(call.await.as_deref(), Some("handler2-3"));
        assert_eq!(handler2(&end, 4).await.as_deref(), Some("handler2-4"));
    });
}

/// How often a caller calls in a second that tries again as soon as it has failed.
async fn tries(end: &ClientEnd) -> u64 {
    let begun = Instant::now();
    let mut tries = 0;
    while begun.elapsed() < Duration::from_secs(1) {
        let reply = handler2(end, 1).await;
        assert_eq!(reply, None, "this way is closed");
        tries += 1;
    }
    tries
}

#[test]
fn trying_again_at_once_takes_time_when_a_script_makes_calls_fail() {
    run(1, |bed| async move {
        bed.server(1);
        let end = end(&bed, 0, 1);
        let most = 1000 / FAILS_AFTER_MS.start + 1;

        cut(&bed, 1, 0);
        let count = tries(&end).await;
        assert!(
            (40..=most).contains(&count),
            "{count} calls in a second, whose replies are cut off"
        );
        bed.net.set_link(Link { from: 1, to: 0 }, Switch::On);

        for (what, faults) in [
            ("requests", Faults { lost_requests: 1000, ..Faults::NONE }),
            ("replies", Faults { lost_replies: 1000, ..Faults::NONE }),
        ] {
            bed.net.set_faults(faults);
            let count = tries(&end).await;
            assert!(
                (40..=most).contains(&count),
                "{count} calls in a second, whose {what} are lost"
            );
        }
        bed.net.set_faults(Faults::NONE);

        let hold = hold_requests(&bed);
        let loses = async {
            loop {
                hold.lose_all();
                sleep(ms(1)).await;
            }
        };
        let count = tokio::select! {
            count = tries(&end) => count,
            () = loses => unreachable!("it never ends"),
        };
        assert!((40..=most).contains(&count), "{count} calls in a second, which are held and lost");
    });
}

#[test]
fn a_hold_outlives_its_network() {
    let hold = run(1, |bed| async move {
        bed.server(1);
        let end = end(&bed, 0, 1);
        let hold = hold_requests(&bed);
        let _call = handler2(&end, 1);
        assert_eq!(format!("{hold:?}"), "Hold { count: 1 }");
        hold
    });
    assert_eq!(format!("{hold:?}"), "Hold { count: 0 }");
    assert!(hold.take(|_| true).is_none());
    hold.lose_all();
    hold.release();
}

#[test]
fn a_copy_comes_late_and_its_reply_is_nobody_s() {
    run(1, |bed| async move {
        let one = bed.server(1);
        let end = end(&bed, 0, 1);
        let hold = hold_requests(&bed);
        let call = handler2(&end, 1);
        let request = hold.take(|_| true).expect("it is held");
        let copy = request.copy();
        request.deliver();
        assert_eq!(call.await.as_deref(), Some("handler2-1"));
        assert_eq!(one.begun(), [1]);

        // As often as one likes; each copy has a reply that can be looked at.
        let delivered = copy.deliver_copy();
        soon().await;
        assert!(delivered.reply().is_some());
        copy.deliver();
        soon().await;
        assert_eq!(one.begun(), [1, 1, 1]);
        // There was one call, and it has returned once.
        assert_eq!(outcome(&bed.rpc()), Outcome::Replied);
    });
}

#[test]
fn a_held_reply_returns_when_it_is_told_to() {
    run(1, |bed| async move {
        let one = bed.server(1);
        let end = end(&bed, 0, 1);
        let hold = bed.net.hold(|passing: Passing<'_>| passing.reply.is_some());
        let (call, lost) = (handler2(&end, 1), handler2(&end, 2));
        soon().await;
        assert_eq!((hold.count(), one.ended()), (2, vec![1, 2]));
        assert!(bed.rpcs().iter().all(|rpc| rpc.returned.is_none()));

        // Its server needn't be there any more.
        let reply = hold.take(|_| true).expect("it is held");
        bed.net.delete_server(1);
        assert!(reply.reply().is_some());
        reply.deliver();
        assert_eq!(call.await.as_deref(), Some("handler2-1"));
        hold.take(|_| true).expect("it is held").lose();
        assert_eq!(lost.await, None);
        assert_eq!(outcome(&bed.rpcs()[1]), Outcome::ReplyLost);
    });
}

#[test]
fn the_latest_hold_has_a_message_and_only_servers_messages_are_held() {
    run(1, |bed| async move {
        bed.server(1);
        let (from_0, from_2, client) = (end(&bed, 0, 1), end(&bed, 2, 1), bed.end("client", 1));
        let all = hold_requests(&bed);
        let of_2 = bed.net.hold(|passing: Passing<'_>| passing.caller == 2 && passing.callee == 1);
        let calls = [handler2(&from_0, 1), handler2(&from_2, 2)];
        assert_eq!((all.count(), of_2.count()), (1, 1));
        assert_eq!(handler2(&client, 3).await.as_deref(), Some("handler2-3"));
        drop(calls);
    });
}

#[test]
fn late_requests_are_late_and_go_to_whoever_is_there() {
    run(1, |bed| async move {
        let old = bed.server(1);
        let end = end(&bed, 0, 1);
        let faults = Faults { late_requests: 1000, request_delay_ms: 500..=600, ..Faults::NONE };
        bed.net.set_faults(faults);
        let call = handler2(&end, 1);
        sleep(ms(400)).await;
        let new = bed.server(1);
        assert_eq!(call.await.as_deref(), Some("handler2-1"));
        assert_eq!((old.begun(), new.begun()), (vec![], vec![1]));
        let rpc = bed.rpc();
        let there = ms_between(rpc.sent, rpc.delivered.expect("it was delivered"));
        assert!((500..=600).contains(&there), "{there} ms");
    });
}

#[test]
fn doubled_requests_come_twice_and_return_once() {
    run(1, |bed| async move {
        let one = bed.server(1);
        let end = end(&bed, 0, 1);
        bed.net.set_faults(Faults {
            doubled_requests: 1000,
            request_delay_ms: 50..=60,
            ..Faults::NONE
        });
        assert_eq!(handler2(&end, 1).await.as_deref(), Some("handler2-1"));
        assert_eq!(one.begun(), [1]);
        sleep(ms(70)).await;
        assert_eq!(one.begun(), [1, 1]);
        assert_eq!(bed.rpcs().len(), 1);

        bed.net.set_faults(Faults::NONE);
        assert_eq!(handler2(&end, 2).await.as_deref(), Some("handler2-2"));
        sleep(ms(70)).await;
        assert_eq!(one.begun(), [1, 1, 2]);
    });
}

#[test]
fn faults_come_as_often_as_they_are_asked_for() {
    run(1, |bed| async move {
        let one = bed.server(1);
        let end = end(&bed, 0, 1);
        bed.net.set_faults(Faults { lost_requests: 300, lost_replies: 500, ..Faults::NONE });
        let mut replied = 0;
        for number in 0..1000 {
            replied += i32::from(handler2(&end, number).await.is_some());
        }
        let arrived = one.begun().len();
        assert!((650..=750).contains(&arrived), "{arrived} of 1000 arrived, not some 700");
        assert!((300..=400).contains(&replied), "{replied} of 1000 have replies, not some 350");

        bed.net.set_faults(Faults {
            late_replies: 1000,
            reply_delay_ms: 200..=300,
            ..Faults::NONE
        });
        assert!(handler2(&end, 1000).await.is_some());
        let rpcs = bed.rpcs();
        let rpc = rpcs.last().expect("there are calls");
        let handled = rpc.handled.as_ref().expect("it was handled").0;
        let back = ms_between(handled, rpc.returned.expect("it has returned").0);
        assert!((200..=300).contains(&back), "{back} ms");
    });
}

/// What an unreliable network makes of 300 calls, if `before` has been done to it.
fn fates(before: fn(&Bed)) -> Vec<(Outcome, u64)> {
    run(7, move |bed| async move {
        bed.server(1);
        bed.net.set_reliability(Reliability::Unreliable);
        bed.net.set_long_reordering(Switch::On);
        let end = end(&bed, 0, 1);
        before(&bed);
        bed.net.set_faults(Faults::NONE);
        let first = bed.rpcs().len();
        for number in 0..300 {
            let _ = handler2(&end, number).await;
        }
        let took = |rpc: &crate::rpc::Rpc| {
            (outcome(rpc), ms_between(rpc.sent, rpc.returned.expect("it has returned").0))
        };
        bed.rpcs()[first..].iter().map(took).collect()
    })
}

#[test]
fn without_faults_the_network_is_mit_s() {
    let usual = fates(|_| ());
    let with_faults_before = fates(|bed| {
        bed.net.set_faults(Faults { lost_requests: 500, doubled_requests: 500, ..Faults::NONE });
        cut(bed, 0, 1);
        bed.net.set_link(Link { from: 0, to: 1 }, Switch::On);
        drop(hold_requests(bed));
    });
    assert_eq!(with_faults_before, usual);

    // Faults draw on their own: what they don't hit is as it would have been.
    let held: Vec<(Outcome, u64)> = run(7, |bed| async move {
        bed.server(1);
        bed.net.set_reliability(Reliability::Unreliable);
        bed.net.set_long_reordering(Switch::On);
        let end = end(&bed, 0, 1);
        bed.net.set_faults(Faults { late_requests: 1, request_delay_ms: 0..=0, ..Faults::NONE });
        for number in 0..300 {
            let _ = handler2(&end, number).await;
        }
        let took = |rpc: &crate::rpc::Rpc| {
            (outcome(rpc), ms_between(rpc.sent, rpc.returned.expect("it has returned").0))
        };
        bed.rpcs().iter().map(took).collect()
    });
    assert_eq!(held, usual);
}

#[test]
fn an_end_needs_a_server_to_be_held() {
    run(1, |bed| async move {
        bed.net.add_server(1, Server::new(None));
        let hold = hold_requests(&bed);
        let end = bed.net.make_end("to nobody", Some(Owner { server: 0, incarnation: 1 }));
        assert_eq!(handler2(&end, 1).await, None);
        assert_eq!(hold.count(), 0);
    });
}

/// A killed server's task may go on for a while, as most do that sleep.
#[test]
fn what_a_dead_server_sends_is_not_held() {
    run(1, |bed| async move {
        let one = bed.server(1);
        let end = bed.net.make_end("of one life", Some(Owner { server: 0, incarnation: 1 }));
        bed.net.connect("of one life", 1);
        bed.net.enable("of one life", Switch::On);
        let hold = hold_requests(&bed);
        let sent_before = handler2(&end, 1);
        bed.net.delete_end("of one life");
        assert_eq!(handler2(&end, 2).await, None);
        assert_eq!(hold.count(), 1, "what it sent while it lived is on its way");
        hold.release();
        assert_eq!(sent_before.await, None, "nobody takes the answer");
        assert_eq!(one.begun(), [1]);
    });
}
