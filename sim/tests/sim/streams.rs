//! One seed, several streams: a draw from one never shifts another.

use std::collections::HashSet;

use rand::{Rng as _, RngExt as _};
use sim::Stream::{Network, Runtime, Script, Student};

use crate::helper::finish;

fn numbers(mut rng: sim::Rng) -> [u64; 4] {
    [(); 4].map(|()| rng.next_u64())
}

#[test]
fn each_stream_part_and_seed_has_numbers_of_its_own() {
    let mut seen = HashSet::new();
    let mut count = 0;
    for seed in [0, 1, 2, 1 << 63] {
        finish(seed, |sim| async move {
            let streams = [Script, Network, Student, Runtime];
            streams.map(|stream| [0, 1, 2, 1 << 63].map(|key| numbers(sim.substream(stream, key))))
        })
        .iter()
        .flatten()
        .flatten()
        .for_each(|number| {
            seen.insert(*number);
            count += 1;
        });
    }
    assert_eq!(seen.len(), count);
}

#[test]
fn a_stream_begins_anew_each_time_it_is_asked_for() {
    finish(1, |sim| async move {
        for stream in [Script, Network, Student, Runtime] {
            let first = numbers(sim.stream(stream));
            assert_eq!(first, numbers(sim.stream(stream)));
            assert_eq!(first, numbers(sim.substream(stream, 0)));
        }
    });
}

#[test]
fn the_students_draws_leave_the_others_alone() {
    let look = |extra: u32| {
        finish(1, move |sim| async move {
            let (mut script, mut network) = (sim.stream(Script), sim.stream(Network));
            let mut select = Vec::new();
            let mut others = Vec::new();
            for _ in 0..64 {
                for _ in 0..extra {
                    let _: u64 = rand::rng().random();
                    getrandom::fill(&mut [0; 8]).expect("the run's stream never fails");
                }
                others.push((script.next_u64(), network.next_u64()));
                select.push(tokio::select! { () = async {} => 0, () = async {} => 1 });
            }
            if cfg!(not(tokio_unstable)) {
                select.clear();
            }
            let mut mine = [0; 8];
            getrandom::fill(&mut mine).expect("the run's stream never fails");
            (others, select, mine)
        })
    };
    let (few, many) = (look(0), look(3));
    assert_eq!(few.0, many.0);
    assert_eq!(few.1, many.1);
    assert_ne!(few.2, many.2, "the extra draws were drawn");
}

#[test]
fn the_scripts_and_networks_draws_leave_the_student_alone() {
    let look = |extra: u32| {
        finish(1, move |sim| async move {
            let (mut script, mut network) = (sim.stream(Script), sim.stream(Network));
            for _ in 0..extra {
                script.next_u64();
                network.next_u64();
            }
            let mut mine = [0; 8];
            getrandom::fill(&mut mine).expect("the run's stream never fails");
            (rand::random::<u64>(), mine)
        })
    };
    assert_eq!(look(0), look(5));
}
