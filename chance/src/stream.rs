//! The run's random streams: one seed, split so that a draw from one never shifts another.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// The generator behind every stream: fast, and the same numbers on every platform and version.
pub type Rng = Xoshiro256PlusPlus;

/// Who draws. Each has a sequence of its own from the run's seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// The test's script and the tester's checkers: which server to cut off, how long to wait.
    Script,
    /// The network's delays and losses.
    Network,
    /// The code under test: `rand::rng()`, `getrandom`, the order of a `HashMap`.
    Student,
    /// tokio's own choices, such as the branch that `select!` looks at first.
    Runtime,
    /// What goes wrong beyond MIT's network: its faults, a disk's delays, a plan of faults.
    Faults,
}

impl Stream {
    /// The start of this stream in the run of `seed`. `key` splits it further (0 where it isn't
    /// split), so that, say, each link of a network draws from a sequence of its own.
    #[must_use]
    pub fn start(self, seed: u64, key: u64) -> Rng {
        let stream = match self {
            Stream::Script => 1,
            Stream::Network => 2,
            Stream::Student => 3,
            Stream::Runtime => 4,
            Stream::Faults => 5,
        };
        Rng::seed_from_u64(mix(mix(mix(seed) ^ stream) ^ key))
    }
}

/// A seed made of a seed and what it is for.
#[must_use]
pub fn mixed(seed: u64, keys: &[u64]) -> u64 {
    keys.iter().fold(mix(seed), |seed, key| mix(seed ^ mix(*key)))
}

/// A bijection that spreads neighbouring numbers over all 64 bits (the finaliser of SplitMix64).
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The part of the network's stream that an end of this name draws from (FNV-1a of the name).
#[must_use]
pub fn key(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
