//! What the network does, measured in virtual time on many seeds, against MIT's fault model.

use std::sync::OnceLock;

use labrpc::{Reliability, Switch};
use report::Outcome;
use tokio::time::sleep;

use crate::bed::{handler2, ms, ms_between, outcome, run};
use crate::model::{self, Share, Verdict};
use crate::rpc::Rpc;

/// The seeds. They are fixed: what is accepted once is accepted for ever.
const SEEDS: usize = 40;

/// Ends of each seed, with names that differ in a digit or two.
const ENDS: usize = 50;

/// Calls of each end.
const CALLS: usize = 100;

/// All calls on the unreliable network: enough to tell a loss of 10 % from one of 11 % by 15
/// standard errors.
pub(crate) const SAMPLES: u64 = (SEEDS * ENDS * CALLS) as u64;

/// Calls of each seed to a server that can't be reached.
const UNREACHABLE_CALLS: usize = 1000;

/// All of these.
pub(crate) const UNREACHABLE_SAMPLES: u64 = (SEEDS * UNREACHABLE_CALLS) as u64;

/// The calls on an unreliable network with long reordering, by seed, end and number.
fn unreliable() -> &'static [Rpc] {
    static RPCS: OnceLock<Vec<Rpc>> = OnceLock::new();
    RPCS.get_or_init(|| {
        let of_seed = |seed| {
            run(seed, |bed| async move {
                bed.net.set_reliability(Reliability::Unreliable);
                bed.net.set_long_reordering(Switch::On);
                bed.server(0);
                for i in 0..ENDS {
                    let end = bed.end(&format!("end{i}"), 0);
                    (0..CALLS).for_each(|number| drop(handler2(&end, number as i64)));
                }
                sleep(ms(27 + 2200 + 1)).await;
                bed.rpcs()
            })
        };
        (0..SEEDS as u64).flat_map(of_seed).collect()
    })
}

/// How long calls to a server that can't be reached took to fail, in ms.
fn unreachable(long_delays: Switch) -> Vec<u64> {
    let of_seed = |seed| {
        run(seed, move |bed| async move {
            bed.net.set_long_delays(long_delays);
            let end = bed.end("end", 0);
            (0..UNREACHABLE_CALLS).for_each(|number| drop(handler2(&end, number as i64)));
            sleep(ms(7001)).await;
            let took = |rpc: &Rpc| ms_between(rpc.sent, rpc.returned.expect("it has returned").0);
            bed.rpcs().iter().map(took).collect::<Vec<_>>()
        })
    };
    (0..SEEDS as u64).flat_map(of_seed).collect()
}

/// How late a call's reply was, in ms; `None` for a call that wasn't answered.
fn lateness(rpc: &Rpc) -> Option<u64> {
    let (returned, outcome) = rpc.returned.expect("it has returned");
    let (handled, _) = rpc.handled.as_ref()?;
    (outcome == Outcome::Replied).then(|| ms_between(*handled, returned))
}

fn is_request_lost(rpc: &Rpc) -> bool {
    outcome(rpc) == Outcome::RequestLost
}

#[track_caller]
fn accept(verdict: Verdict) {
    verdict.expect("MIT's fault model");
}

#[test]
fn one_request_in_ten_is_lost() {
    accept(model::request_loss(&Share::of(unreliable(), is_request_lost)));
}

#[test]
fn nine_handlers_in_ten_run() {
    accept(model::handling(&Share::of(unreliable(), |rpc| rpc.handled.is_some())));
}

#[test]
fn one_reply_in_ten_is_lost() {
    let handled = unreliable().iter().filter(|rpc| rpc.handled.is_some());
    accept(model::reply_loss(&Share::of(handled, |rpc| outcome(rpc) == Outcome::ReplyLost)));
}

#[test]
fn eighty_one_calls_in_a_hundred_succeed() {
    accept(model::success(&Share::of(unreliable(), |rpc| outcome(rpc) == Outcome::Replied)));
}

#[test]
fn a_request_takes_0_to_26_ms() {
    let delivered = |rpc: &Rpc| Some(ms_between(rpc.sent, rpc.delivered?));
    let delays: Vec<_> = unreliable().iter().filter_map(delivered).collect();
    accept(model::request_delay(&delays));
}

#[test]
fn a_loss_is_known_after_0_to_26_ms() {
    let lost = unreliable().iter().filter(|rpc| is_request_lost(rpc));
    let delay = |rpc: &Rpc| ms_between(rpc.sent, rpc.returned.expect("it has returned").0);
    accept(model::request_delay(&lost.map(delay).collect::<Vec<_>>()));
}

#[test]
fn two_replies_in_three_are_late() {
    let replies = unreliable().iter().filter_map(lateness);
    accept(model::reordering(&Share::of(replies, |late| late > 0)));
}

#[test]
fn a_late_reply_is_late_by_a_nested_draw() {
    let late = unreliable().iter().filter_map(lateness).filter(|late| *late > 0);
    accept(model::lateness(&late.collect::<Vec<_>>()));
}

#[test]
fn what_cannot_be_reached_fails_after_0_to_6999_ms_with_long_delays() {
    accept(model::unreachable_long(&unreachable(Switch::On)));
}

#[test]
fn what_cannot_be_reached_fails_after_0_to_99_ms_without_long_delays() {
    accept(model::unreachable_short(&unreachable(Switch::Off)));
}

#[test]
fn calls_ends_and_seeds_know_nothing_of_each_other() {
    // Neighbours among the calls of an end, then the same call of two ends, then of two seeds.
    for distance in [1, CALLS, CALLS * ENDS] {
        let pairs = unreliable().chunks_exact(2 * distance).flat_map(|chunk| {
            let (firsts, seconds) = chunk.split_at(distance);
            firsts.iter().zip(seconds)
        });
        let both = |(first, second)| is_request_lost(first) && is_request_lost(second);
        accept(model::joint_loss(&Share::of(pairs, both)));
    }
}
