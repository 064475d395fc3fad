//! What is under way, by time: one heap.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::task::Waker;

use report::Outcome;

use crate::request::Request;

/// What happens next to a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// It reaches its server.
    Deliver,
    /// While its handler runs: is the server still alive?
    CheckAlive,
    /// It returns to its caller.
    Return(Outcome),
}

#[derive(Debug)]
pub(crate) struct Scheduled {
    /// When it happens, in microseconds, and below that its number: what happens at the same time
    /// happens first come first served. One number, for the heap compares little but these.
    pub(crate) turn: u128,
    pub(crate) request: Arc<Request>,
    pub(crate) step: Step,
}

/// When it is a step's turn, in microseconds.
pub(crate) fn at_us(turn: u128) -> u64 {
    (turn >> 64) as u64
}

impl Ord for Scheduled {
    /// The earliest is the greatest, since the heap gives out the greatest first.
    fn cmp(&self, other: &Scheduled) -> Ordering {
        other.turn.cmp(&self.turn)
    }
}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Scheduled) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Scheduled) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Scheduled {}

/// All that is under way, by time.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    pub(crate) heap: BinaryHeap<Scheduled>,
    next_sequence: u64,
    /// The pump, if it sleeps. Its waker is the runtime's own and only marks it as ready, so that it
    /// may be woken with the network's lock held.
    pub(crate) pump: Option<Waker>,
}

impl Schedule {
    /// Adds a step, to be done at `at_us`, and wakes the pump if the step comes before all others.
    pub(crate) fn push(&mut self, at_us: u64, request: Arc<Request>, step: Step) {
        let turn = (u128::from(at_us) << 64) + u128::from(self.next_sequence);
        self.next_sequence += 1;
        let is_first = self.heap.peek().is_none_or(|head| turn < head.turn);
        self.heap.push(Scheduled { turn, request, step });
        if is_first {
            self.wake_pump();
        }
    }

    /// Wakes the pump, if it sleeps.
    pub(crate) fn wake_pump(&mut self) {
        if let Some(pump) = self.pump.take() {
            pump.wake();
        }
    }
}
