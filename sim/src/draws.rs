//! The draws of servers: noted, or one of them changed and no other.
//!
//! What a server draws comes from `rand::rng()`, whose state nobody can read or set. But it was seeded by the run,
//! and can be told to take another seed, from the run again. So its state is found as a seed and a number of words
//! that were drawn since, and is set by seeding it and drawing so many words. All of this happens only in runs that
//! ask for it: in any other, a turn looks at one flag.

use std::cell::{Cell, RefCell};

use chance::Rng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

use crate::context;
use crate::draw::{DrawChange, Drawn, Plan};

/// What `rand::rng()` is seeded with.
type Seed = [u8; 32];

/// How many of the seeds that the run gave out are tried, the latest first.
const SEEDS: usize = 16;

/// After how many words a generator takes a new seed by itself (rand: 64 KiB).
const WORDS: usize = 1 << 14;

/// How many words that agree are no accident.
const SAMPLE: usize = 4;

thread_local! {
    /// Whether this thread's run changes or notes draws.
    static IS_ON: Cell<bool> = const { Cell::new(false) };
    static DRAWS: RefCell<Draws> = const { RefCell::new(Draws::new()) };
    /// The seed that is given out next, if it isn't the stream's.
    static NEXT: Cell<Option<Seed>> = const { Cell::new(None) };
}

struct Draws {
    seed: u64,
    plan: Plan,
    /// The seeds that were given out: whose they are isn't known.
    seeds: Vec<Seed>,
    /// How many turns have begun and not ended.
    turns: u32,
    /// The state of `rand::rng()` when the turn began, if it matters.
    before: Option<State>,
    seen: Vec<Drawn>,
}

/// A state of `rand::rng()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    seed: Seed,
    /// How many words were drawn since.
    words: u64,
    /// The seed that it takes next, if that was given out already.
    next: Option<Seed>,
}

impl Draws {
    const fn new() -> Draws {
        let plan = Plan { change: None, watch: None };
        Draws { seed: 0, plan, seeds: Vec::new(), turns: 0, before: None, seen: Vec::new() }
    }
}

/// The run of `seed` that begins on this thread changes or notes draws by `plan`.
pub(crate) fn install(seed: u64, plan: &Plan) {
    IS_ON.set(*plan != Plan::default());
    DRAWS.replace(Draws { seed, plan: plan.clone(), ..Draws::new() });
}

/// What servers drew while that was noted.
pub(crate) fn seen() -> Vec<Drawn> {
    DRAWS.with_borrow(|draws| draws.seen.clone())
}

/// Fills `bytes` for who asks the system for random bytes, from `stream` unless something else is to be given
/// out.
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu", not(sim_no_interposition))),
    expect(dead_code, reason = "only the interposed functions ask")
)]
pub(crate) fn fill(bytes: &mut [u8], stream: &mut Rng) {
    let Ok(seed) = <&mut Seed>::try_from(&mut *bytes) else { return stream.fill_bytes(bytes) };
    if let Some(next) = NEXT.take() {
        *seed = next;
        return;
    }
    stream.fill_bytes(seed);
    if IS_ON.get() {
        DRAWS.with_borrow_mut(|draws| draws.seeds.push(*seed));
    }
}

/// `rand::rng()` takes a new seed from the run's stream.
pub(crate) fn reseed() {
    // It fails where the system has no random bytes, and there it has panicked before.
    let _ = rand::rng().reseed();
}

/// What the run's time is, in microseconds, where it is simulated.
type Now = fn() -> Option<u64>;

/// A server's code gets its turn, if the context is a server's.
pub(crate) fn begin_turn(now: Now) {
    if IS_ON.get() {
        begin(now);
    }
}

/// The turn of a server's code is over, if the context is a server's.
pub(crate) fn end_turn(now: Now) {
    if IS_ON.get() {
        end(now);
    }
}

#[cold]
fn begin(now: Now) {
    let (Some(now), Some(context)) = (now(), context::current()) else {
        return;
    };
    let matters = DRAWS.with_borrow_mut(|draws| {
        draws.turns += 1;
        let is_watched = draws.plan.watch.as_ref().is_some_and(|watch| watch.contains(&now));
        draws.turns == 1 && (is_watched || draws.changes(now, context.owner.server).is_some())
    });
    if !matters {
        return;
    }
    let before = state();
    let other = DRAWS.with_borrow_mut(|draws| {
        draws.before = before;
        let change = before.and(draws.changes(now, context.owner.server))?;
        let key = [change.at_us, u64::from(change.server), change.number];
        Some(Rng::seed_from_u64(chance::mixed(draws.seed, &key)).random())
    });
    if let Some(seed) = other {
        State::at_start(seed).restore();
        DRAWS.with_borrow_mut(|draws| draws.seeds.push(seed));
    }
}

#[cold]
fn end(now: Now) {
    let (Some(now), Some(context)) = (now(), context::current()) else {
        return;
    };
    let (before, change) = DRAWS.with_borrow_mut(|draws| {
        draws.turns = draws.turns.saturating_sub(1);
        let before = if draws.turns == 0 { draws.before.take() } else { None };
        (before, draws.changes(now, context.owner.server))
    });
    let Some(before) = before else { return };
    let Some(after) = state() else { return };
    let words = match (change, after.seed == before.seed) {
        (Some(_), _) => after.words, // it began with a seed of its own
        (None, true) => after.words - before.words,
        (None, false) => WORDS as u64 - before.words + after.words,
    };
    if change.is_some() {
        // As if the turn had drawn as much as it did from what was there.
        State { words: before.words + words, ..before }.restore();
    }
    if words > 0 {
        let drawn = Drawn { at_us: now, server: context.owner.server, words };
        DRAWS.with_borrow_mut(|draws| draws.seen.push(drawn));
    }
}

impl Draws {
    /// The change that concerns a server's turn at `now`.
    fn changes(&self, now: u64, server: u32) -> Option<DrawChange> {
        self.plan.change.filter(|change| change.at_us == now && change.server == server)
    }
}

impl State {
    fn at_start(seed: Seed) -> State {
        State { seed, words: 0, next: None }
    }

    /// `rand::rng()` is in this state.
    fn restore(self) {
        NEXT.set(Some(self.seed));
        reseed();
        let mut rng = rand::rng();
        for _ in 0..self.words {
            rng.next_u32();
        }
        NEXT.set(self.next);
    }
}

/// The state of `rand::rng()`, which is the same afterwards; `None` if none of the run's seeds leads to it, as
/// where the code under test uses another version of rand, and nobody that one.
fn state() -> Option<State> {
    let mut rng = rand::rng();
    let count = || DRAWS.with_borrow(|draws| draws.seeds.len());
    let before = count();
    let mut sample = [0; SAMPLE];
    sample.fill_with(|| rng.next_u32());
    let mut seeds = DRAWS.with_borrow(|draws| draws.seeds.clone());
    // The sample's last words may be of a seed that was taken meanwhile.
    let taken = if before > 0 && count() > before { seeds.pop() } else { None };
    let latest = seeds.iter().rev().take(SEEDS).chain(&taken);
    let found = latest.copied().find_map(|seed| {
        State::at_start(seed).restore();
        let words: Vec<u32> = (0..WORDS).map(|_| rng.next_u32()).collect();
        let here = words.windows(SAMPLE).position(|window| window == sample).map(|at| (at, None));
        let across = || {
            let left = (1..SAMPLE).find(|left| words.ends_with(&sample[..*left]))?;
            taken.is_some().then_some((WORDS - left, taken))
        };
        let (words, next) = here.or_else(across)?;
        Some(State { seed, words: words as u64, next })
    });
    found.inspect(|state| state.restore())
}
