//! What faults make of one call, and what is decided of its reply.

use std::ops::RangeInclusive;

use chance::fate::{Span, ms};
use nemesis::Faults;
use rand::RngExt as _;
use sim::Rng;

/// What is decided of a call's reply, once the network's switches are taken into account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReplyFate {
    /// What it takes in any case.
    pub(crate) hop: Span,
    /// How late it is.
    pub(crate) lateness: Span,
    /// Whether it is lost, and how much later than the reply its caller learns that.
    pub(crate) lost_after: Option<Span>,
}

/// What faults make of one call; without faults, nothing. Each call takes the same number of draws.
#[derive(Default)]
pub(crate) struct Mishap {
    pub(crate) request_delay: Option<Span>,
    pub(crate) reply_delay: Span,
    pub(crate) request_lost: bool,
    pub(crate) reply_lost: bool,
    /// How late the request is when it comes a second time.
    pub(crate) doubled: Option<Span>,
}

impl Mishap {
    pub(crate) fn draw(faults: &Faults, rng: &mut Rng) -> Mishap {
        let mut happens = |of_1000| rng.random_range(0..1000) < of_1000;
        let late_request = happens(faults.late_requests);
        let late_reply = happens(faults.late_replies);
        let request_lost = happens(faults.lost_requests);
        let reply_lost = happens(faults.lost_replies);
        let doubled = happens(faults.doubled_requests);
        let mut span = |range: &RangeInclusive<u64>| ms(rng.random_range(range.clone()));
        let request_delay = span(&faults.request_delay_ms);
        let reply_delay = span(&faults.reply_delay_ms);
        let second_delay = span(&faults.request_delay_ms);
        Mishap {
            request_delay: late_request.then_some(request_delay),
            reply_delay: if late_reply { reply_delay } else { 0 },
            request_lost,
            reply_lost,
            doubled: doubled.then_some(second_delay),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    /// Each delay is drawn by itself, so that a request's copy may come before it or after it.
    #[test]
    fn a_request_and_its_copy_are_late_each_by_its_own_delay() {
        let faults = Faults {
            late_requests: 1000,
            late_replies: 1000,
            doubled_requests: 1000,
            request_delay_ms: 10..=20,
            reply_delay_ms: 30..=40,
            ..Faults::NONE
        };
        let mut rng = Rng::seed_from_u64(1);
        let drawn: Vec<(Span, Span)> = (0..100)
            .map(|_| {
                let mishap = Mishap::draw(&faults, &mut rng);
                assert!((ms(30)..=ms(40)).contains(&mishap.reply_delay));
                let request = mishap.request_delay.expect("each request is late");
                (request, mishap.doubled.expect("each request is doubled"))
            })
            .collect();
        let range = ms(10)..=ms(20);
        assert!(drawn.iter().all(|(one, other)| range.contains(one) && range.contains(other)));
        assert!(drawn.iter().any(|(request, copy)| copy < request), "{drawn:?}");
        assert!(drawn.iter().any(|(request, copy)| copy > request), "{drawn:?}");
    }
}
