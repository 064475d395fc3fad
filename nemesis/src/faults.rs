//! What a network can do beyond MIT's, as data.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// The way from one server to another. What goes it are the first one's requests to the other, and
/// its replies to the other's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Link {
    /// Whose messages go it.
    pub from: usize,
    /// To whom.
    pub to: usize,
}

/// How a network treats every call, beside what MIT's own switches make of it.
///
/// A request that is late goes to whoever stands under its server's name when it arrives: an instance
/// that was started meanwhile, too. MIT's requests are the instance's that stood there when they were
/// sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults {
    /// How late a late request is, in ms.
    pub request_delay_ms: RangeInclusive<u64>,
    /// How many of 1,000 requests are late.
    pub late_requests: u32,
    /// How late a late reply is, in ms.
    pub reply_delay_ms: RangeInclusive<u64>,
    /// How many of 1,000 replies are late.
    pub late_replies: u32,
    /// How many of 1,000 requests are lost.
    pub lost_requests: u32,
    /// How many of 1,000 replies are lost.
    pub lost_replies: u32,
    /// How many of 1,000 requests arrive a second time, as late as if they were late ones.
    pub doubled_requests: u32,
}

impl Faults {
    /// No faults.
    pub const NONE: Faults = Faults {
        request_delay_ms: 0..=0,
        late_requests: 0,
        reply_delay_ms: 0..=0,
        late_replies: 0,
        lost_requests: 0,
        lost_replies: 0,
        doubled_requests: 0,
    };

    /// The shares of 1,000, by their names.
    pub(crate) fn shares(&self) -> [(&'static str, u32); 5] {
        [
            ("late_requests", self.late_requests),
            ("late_replies", self.late_replies),
            ("lost_requests", self.lost_requests),
            ("lost_replies", self.lost_replies),
            ("doubled_requests", self.doubled_requests),
        ]
    }

    /// The same, to be changed.
    pub(crate) fn shares_mut(&mut self) -> [&mut u32; 5] {
        [
            &mut self.late_requests,
            &mut self.late_replies,
            &mut self.lost_requests,
            &mut self.lost_replies,
            &mut self.doubled_requests,
        ]
    }
}
