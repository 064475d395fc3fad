//! What a run rests on: nothing in it depends on anything but its seed.

use super::rules;

rules! {
    NOT_REPEATABLE: Contract "not-repeatable" at [],
        "rule 11 of the contract; the lab's own rule",
        "the same seed is the same run",
        "what can differ between two runs of a seed: a static that remembers earlier runs, futures::select! \
         (use tokio::select!), the order of a HashMap, an OS thread, a clock or a source of randomness that is \
         not the run's (use tokio::time and the rand crate), an address";
}
