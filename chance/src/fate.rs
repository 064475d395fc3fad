//! Every number of MIT's fault model, and the draws that decide what becomes of a call.

use std::ops::Range;

use rand::RngExt as _;

use crate::Rng;

/// How long a request takes on an unreliable network, in ms (MIT: `rand % 27`).
pub const REQUEST_DELAY_MS: Range<u64> = 0..27;

/// How many of 1,000 requests an unreliable network loses, and how many of 1,000 replies.
pub const LOST_OF_1000: u32 = 100;

/// How many of 900 replies are late while long reordering is on.
pub const REORDERED_OF_900: u32 = 600;

/// The least time by which a reordered reply is late, in ms.
pub const REORDER_MIN_MS: u64 = 200;

/// The spread of a reordered reply's lateness, in ms. A bound of `1 + rand % 2000` is drawn first,
/// then the lateness within it: short ones are likelier (mean about 700 ms, at most 2,199 ms).
pub const REORDER_SPREAD_MS: Range<u64> = 0..2000;

/// How long a call to a server that can't be reached takes to fail with long delays on, in ms.
pub const UNREACHABLE_LONG_MS: Range<u64> = 0..7000;

/// How long a call to a server that can't be reached takes to fail with long delays off, in ms.
pub const UNREACHABLE_SHORT_MS: Range<u64> = 0..100;

/// How often a waiting call looks whether its server is still alive, in ms.
pub const ALIVE_CHECK_MS: u64 = 100;

/// How long a message takes at the least, in microseconds of a virtual clock: what a local machine
/// needs to hand it over. By the real clock the machine itself takes its time.
pub const HOP_US: Range<u64> = 10..100;

/// A time's length in microseconds.
pub type Span = u64;

/// Milliseconds as a [`Span`].
#[must_use]
pub const fn ms(ms: u64) -> Span {
    ms * 1000
}

/// All that chance decides of one call, drawn when it is sent. Each call takes the same number of
/// draws in the same order, whatever comes of it, so that no call's fate shifts another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// How long the request takes on an unreliable network.
    pub request_delay: Span,
    /// Whether an unreliable network loses the request.
    pub request_lost: bool,
    /// Whether an unreliable network loses the reply.
    pub reply_lost: bool,
    /// How late the reply is under long reordering; `None` for in time.
    pub reordered: Option<Span>,
    /// When the call fails if its server can't be reached and long delays are on.
    pub unreachable_long: Span,
    /// When the call fails if its server can't be reached and long delays are off.
    pub unreachable_short: Span,
    /// What the request takes in any case.
    pub request_hop: Span,
    /// What the reply takes in any case.
    pub reply_hop: Span,
}

impl Fate {
    /// Draws what becomes of the next call of an end, from the end's stream.
    pub fn draw(rng: &mut Rng) -> Fate {
        let request_delay = ms(rng.random_range(REQUEST_DELAY_MS));
        let request_lost = rng.random_range(0..1000) < LOST_OF_1000;
        let reply_lost = rng.random_range(0..1000) < LOST_OF_1000;
        let is_reordered = rng.random_range(0..900) < REORDERED_OF_900;
        let bound = 1 + rng.random_range(REORDER_SPREAD_MS);
        let lateness = ms(REORDER_MIN_MS + rng.random_range(0..bound));
        Fate {
            request_delay,
            request_lost,
            reply_lost,
            reordered: is_reordered.then_some(lateness),
            unreachable_long: ms(rng.random_range(UNREACHABLE_LONG_MS)),
            unreachable_short: ms(rng.random_range(UNREACHABLE_SHORT_MS)),
            request_hop: rng.random_range(HOP_US),
            reply_hop: rng.random_range(HOP_US),
        }
    }
}

/// After how many ms a caller learns that its call has failed, where a script has lost, held or cut it.
///
/// MIT's own losses are told at once, and are few. A script can lose every message for seconds, and a
/// Raft that tries again at once would do nothing else all the while.
pub const FAILS_AFTER_MS: Range<u64> = 5..20;

/// Draws when a call fails, if a script makes it fail. Every call takes this one draw.
#[must_use]
pub fn fails_after(rng: &mut Rng) -> Span {
    ms(rng.random_range(FAILS_AFTER_MS))
}
