//! Runs that part from their seed's at a time, or in one draw.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::{Rng as _, RngExt as _};
use sim::Stream::{Network, Runtime, Script, Student};
use sim::context::Owner;
use sim::{Clock, DrawChange, Drawn, Ending, Redraw, Settings, Sim, Stream};
use tokio::time::sleep;

use crate::helper::LIMIT;

fn settings() -> Settings {
    Settings::new(7, Clock::Virtual, LIMIT)
}

fn redraw(at_us: u64, number: u64, streams: &[Stream]) -> Settings {
    settings().redraw(Some(Redraw { at_us, number, streams: streams.to_vec() }))
}

fn finish<T, F, Fut>(settings: Settings, body: F) -> T
where
    T: Send + 'static,
    F: FnOnce(Sim) -> Fut + Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    sim::run(settings, body, |_, ending| match ending {
        Ending::Finished(result) => result,
        other => panic!("the body should have finished, but it is {other:?}"),
    })
}

/// What is drawn at each of six milliseconds: by the script, by the network, by servers, by tokio.
fn draws(settings: Settings) -> [Vec<u64>; 4] {
    finish(settings, |sim| async move {
        let held = Arc::new(Mutex::new([Script, Network].map(|stream| sim.stream(stream))));
        let (taken, run) = (held.clone(), sim.clone());
        sim.on_redraw(move |redraw| {
            let mut held = taken.lock().expect("nobody panics with it");
            for (rng, stream) in held.iter_mut().zip([Script, Network]) {
                if redraw.streams.contains(&stream) {
                    *rng = run.stream(stream);
                }
            }
        });
        let mut drawn = [const { Vec::new() }; 4];
        for _ in 0..6 {
            let numbers =
                held.lock().expect("nobody panics with it").each_mut().map(|rng| rng.next_u64());
            drawn[0].push(numbers[0]);
            drawn[1].push(numbers[1]);
            drawn[2].push(rand::rng().random());
            let mut choices = 0;
            for _ in 0..32 {
                choices = choices * 2 + tokio::select! { () = async {} => 0, () = async {} => 1 };
            }
            drawn[3].push(if cfg!(tokio_unstable) { choices } else { 0 });
            sleep(Duration::from_millis(1)).await;
        }
        drawn
    })
}

#[test]
fn all_that_is_drawn_from_a_time_on_is_new() {
    let (usual, all) = (draws(settings()), [Script, Network, Student, Runtime]);
    let anew = draws(redraw(3000, 0, &all));
    for (usual, anew) in usual.iter().zip(&anew).take(if cfg!(tokio_unstable) { 4 } else { 3 }) {
        assert_eq!(usual[..3], anew[..3]);
        usual[3..].iter().zip(&anew[3..]).for_each(|(usual, anew)| assert_ne!(usual, anew));
    }
    assert_eq!(draws(redraw(3000, 0, &all)), anew);
    let another = draws(redraw(3000, 1, &all));
    assert_eq!(another[0][..3], anew[0][..3]);
    assert_ne!(another[0][3], anew[0][3]);
    assert_ne!(draws(redraw(0, 0, &all))[0][0], usual[0][0]);
}

#[test]
fn streams_that_are_not_named_go_on() {
    let usual = draws(settings());
    for (place, stream) in [Script, Network, Student, Runtime].into_iter().enumerate() {
        let anew = draws(redraw(3000, 0, &[stream]));
        for other in (0..4).filter(|other| *other != place) {
            assert_eq!(usual[other], anew[other], "{stream:?} must leave {other} alone");
        }
    }
}

/// What two servers draw, one after the other, and what is noted of it.
fn servers(settings: Settings, rounds: u64) -> (Vec<u64>, Vec<Drawn>) {
    finish(settings, move |sim| async move {
        let mut numbers = Vec::new();
        for _ in 0..rounds {
            for server in 0..2 {
                let _turn = sim::enter_call(Owner { server, incarnation: 1 }, "draws");
                numbers.push(rand::rng().random());
            }
            sleep(Duration::from_millis(1)).await;
        }
        (numbers, sim.draws())
    })
}

/// Also where the generator has taken new seeds meanwhile, as it does after 64 KiB.
#[test]
fn one_draw_is_changed_and_no_other() {
    const ROUNDS: u64 = 6000;
    let (usual, _) = servers(settings(), ROUNDS);
    for round in [0, 1, 17, 4095, 4096, 4999] {
        let change = DrawChange { at_us: round * 1000, server: 1, number: 0 };
        let (changed, _) = servers(settings().change_draw(Some(change)), ROUNDS);
        let differ: Vec<usize> =
            (0..usual.len()).filter(|&place| usual[place] != changed[place]).collect();
        assert_eq!(differ, [2 * round as usize + 1]);
        let other = DrawChange { number: 1, ..change };
        let (other, _) = servers(settings().change_draw(Some(other)), round + 1);
        assert_ne!(other[differ[0]], changed[differ[0]]);
    }
}

#[test]
fn draws_are_noted_and_stay_what_they_are() {
    let (usual, none) = servers(settings(), 6);
    assert_eq!(none, []);
    let (watched, drawn) = servers(settings().watch_draws(Some(2000..4000)), 6);
    assert_eq!(watched, usual);
    let at = |at_us, server| Drawn { at_us, server, words: 2 };
    assert_eq!(drawn, [at(2000, 0), at(2000, 1), at(3000, 0), at(3000, 1)]);
}
