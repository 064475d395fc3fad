//! Whose draws decide what: nobody's draw, and nobody's call, changes the fate of another's calls.

use std::sync::Arc;
use std::time::Duration;

use labrpc::{ClientEnd, Reliability, Server, Service, Switch};
use rand::{Rng as _, RngExt as _};
use report::Outcome;
use sim::Stream;
use tokio::time::sleep;

use crate::bed::{Bed, ms, outcome, run};
use crate::rpc::Rpc;

/// Draws from the stream of the code under test as often as it is told to, and then replies.
struct Drawing {
    extra: u64,
}

impl Drawing {
    async fn draw(self: Arc<Self>, number: u64) -> u64 {
        draw_as_a_student(self.extra);
        number
    }
}

/// Draws from the stream of the code under test, so many times.
fn draw_as_a_student(times: u64) {
    for _ in 0..times {
        let _: u64 = rand::rng().random();
    }
}

/// Replaces server 0 by one that makes so many extra draws in each call.
fn serve(bed: &Bed, extra: u64) {
    let service = Service::new("Drawing", Arc::new(Drawing { extra }));
    let service = service.method("Draw", Drawing::draw);
    bed.net.add_server(0, Server::new(None).with(service));
}

fn draw(end: &ClientEnd, number: u64) {
    drop(end.call::<_, u64>("Drawing.Draw", &number));
}

/// A network that loses, delays and reorders, with the server in place.
fn prepare(bed: &Bed) {
    bed.net.set_reliability(Reliability::Unreliable);
    bed.net.set_long_reordering(Switch::On);
    bed.net.set_long_delays(Switch::On);
    serve(bed, 0);
}

/// What chance decided of a call: how it went, and how long it took there and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Decided {
    outcome: Outcome,
    there: Option<Duration>,
    back: Option<Duration>,
    in_all: Duration,
}

impl Decided {
    fn of(rpc: &Rpc) -> Decided {
        let (returned, _) = rpc.returned.expect("it has returned");
        Decided {
            outcome: outcome(rpc),
            there: rpc.delivered.map(|delivered| delivered.since(rpc.sent)),
            back: rpc.handled.as_ref().map(|(handled, _)| returned.since(*handled)),
            in_all: returned.since(rpc.sent),
        }
    }
}

/// How many calls are watched. They are numbered from 0.
const WATCHED: u64 = 100;

/// The number of every other call.
const UNWATCHED: u64 = u64::MAX;

/// Enough that an accident on one of them can't hide what is wrong.
const SEEDS: u64 = 5;

/// Makes the watched calls on an end named `name`, and returns what was decided of them. `before`
/// prepares a disturbance, and `meanwhile` makes it, before each call.
fn watch<T: Send + Sync + 'static>(
    seed: u64,
    name: &'static str,
    before: fn(&Bed) -> T,
    meanwhile: impl Fn(&Bed, &T, u64) + Send + 'static,
) -> Vec<Decided> {
    run(seed, move |bed| async move {
        prepare(&bed);
        let prepared = before(&bed);
        let end = bed.end(name, 0);
        for number in 0..WATCHED {
            meanwhile(&bed, &prepared, number);
            draw(&end, number);
            sleep(ms(3)).await;
        }
        sleep(ms(7000)).await;
        let number = |rpc: &Rpc| labgob::decode::<u64>(rpc.args.bytes()).expect("a number");
        let rpcs = bed.rpcs();
        let watched = rpcs.iter().filter(|rpc| number(rpc) != UNWATCHED);
        watched.map(Decided::of).collect()
    })
}

fn undisturbed(seed: u64) -> Vec<Decided> {
    watch(seed, "watched", |_| (), |_, (), _| ())
}

#[test]
fn what_is_watched_has_every_outcome_that_chance_decides() {
    let decided = undisturbed(1);
    assert_eq!(decided.len() as u64, WATCHED);
    for wanted in [Outcome::Replied, Outcome::RequestLost, Outcome::ReplyLost] {
        assert!(decided.iter().any(|decided| decided.outcome == wanted), "{wanted}");
    }
}

#[test]
fn a_handlers_draws_leave_the_network_alone() {
    for seed in 0..SEEDS {
        assert_eq!(watch(seed, "watched", |bed| serve(bed, 3), |_, (), _| ()), undisturbed(seed));
    }
}

#[test]
fn a_callers_draws_leave_the_network_alone() {
    let extra = |_: &Bed, (): &(), number| {
        draw_as_a_student(number % 3);
    };
    for seed in 0..SEEDS {
        assert_eq!(watch(seed, "watched", |_| (), extra), undisturbed(seed));
    }
}

#[test]
fn the_scripts_draws_leave_the_network_alone() {
    let extra = |bed: &Bed, (): &(), number| {
        bed.sim.stream(Stream::Script).next_u64();
        bed.sim.substream(Stream::Script, number).next_u64();
    };
    for seed in 0..SEEDS {
        assert_eq!(watch(seed, "watched", |_| (), extra), undisturbed(seed));
    }
}

#[test]
fn the_networks_draws_leave_script_and_handlers_alone() {
    let look = |calls: u64| {
        run(1, move |bed| async move {
            prepare(&bed);
            let end = bed.end("end", 0);
            let mut script = bed.sim.stream(Stream::Script);
            let mut drawn = Vec::new();
            for _ in 0..10 {
                (0..calls).for_each(|number| draw(&end, number));
                sleep(ms(100)).await;
                drawn.push((script.next_u64(), rand::rng().random::<u64>()));
            }
            drawn
        })
    };
    assert_eq!(look(0), look(7));
}

#[test]
fn calls_on_other_ends_leave_an_ends_calls_alone() {
    let others = |bed: &Bed| {
        [bed.end("other", 0), bed.disabled_end("disabled", 0), bed.end("nobody there", 7)]
    };
    for seed in 0..SEEDS {
        let none = |_: &Bed, _: &[ClientEnd; 3], _| ();
        assert_eq!(watch(seed, "watched", others, none), undisturbed(seed), "ends alone");
        let some = |_: &Bed, others: &[ClientEnd; 3], number| {
            for other in others {
                (0..number % 4).for_each(|_| draw(other, UNWATCHED));
            }
        };
        assert_eq!(watch(seed, "watched", others, some), undisturbed(seed));
    }
}

#[test]
fn what_becomes_of_a_call_leaves_the_next_ones_alone() {
    const HALF: u64 = WATCHED / 2;
    /// What changes the fate of the first half, and what undoes it.
    type Disturbance = (fn(&Bed), fn(&Bed));
    let disturbances: [Disturbance; 5] = [
        (|bed| bed.net.enable("watched", Switch::Off), |bed| bed.net.enable("watched", Switch::On)),
        (
            |bed| bed.net.set_reliability(Reliability::Reliable),
            |bed| bed.net.set_reliability(Reliability::Unreliable),
        ),
        (
            |bed| bed.net.set_long_reordering(Switch::Off),
            |bed| bed.net.set_long_reordering(Switch::On),
        ),
        (
            |bed| {
                bed.net.enable("watched", Switch::Off);
                bed.net.set_long_delays(Switch::Off);
            },
            |bed| {
                bed.net.enable("watched", Switch::On);
                bed.net.set_long_delays(Switch::On);
            },
        ),
        (|bed| bed.net.delete_server(0), |bed| serve(bed, 0)),
    ];
    for (i, (disturb, undo)) in disturbances.into_iter().enumerate() {
        for seed in 0..SEEDS {
            let meanwhile = move |bed: &Bed, (): &(), number| match number {
                0 => disturb(bed),
                HALF => undo(bed),
                _ => {}
            };
            let decided = watch(seed, "watched", |_| (), meanwhile);
            let (first, second) = decided.split_at(HALF as usize);
            let undisturbed = undisturbed(seed);
            assert_ne!(first, &undisturbed[..HALF as usize], "disturbance {i}");
            assert_eq!(second, &undisturbed[HALF as usize..], "disturbance {i}");
        }
    }
}

#[test]
fn an_end_of_another_name_and_another_seed_have_fates_of_their_own() {
    let fates = [(1, "watched"), (2, "watched"), (1, "watcher"), (1, "watched ")];
    let fates = fates.map(|(seed, name)| watch(seed, name, |_| (), |_, (), _| ()));
    for (i, one) in fates.iter().enumerate() {
        for other in &fates[..i] {
            let alike = one.iter().zip(other).filter(|(one, other)| one == other).count();
            // Losses after the same number of milliseconds may still differ by their hops.
            assert!(alike < 5, "{alike} of {WATCHED} alike");
        }
    }
}

/// The hash of what was recorded, after some calls on one end.
fn hash(seed: u64, name: &'static str, reliability: Reliability) -> u64 {
    run(seed, move |bed| async move {
        bed.net.set_reliability(reliability);
        serve(&bed, 1);
        let end = bed.end(name, 0);
        (0..10).for_each(|number| draw(&end, number));
        sleep(ms(30)).await;
        bed.history().hash()
    })
}

#[test]
fn the_hash_is_the_same_for_the_same_seed_and_names_and_no_other() {
    for reliability in [Reliability::Reliable, Reliability::Unreliable] {
        let first = hash(1, "end", reliability);
        assert_eq!(hash(1, "end", reliability), first, "{reliability:?}");
        assert_ne!(hash(2, "end", reliability), first, "{reliability:?}");
        assert_ne!(hash(1, "other", reliability), first, "{reliability:?}");
    }
    let [reliable, unreliable] = [Reliability::Reliable, Reliability::Unreliable]
        .map(|reliability| hash(1, "end", reliability));
    assert_ne!(reliable, unreliable);
}
