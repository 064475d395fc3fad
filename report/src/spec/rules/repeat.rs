//! What a run rests on: nothing in it depends on anything but its seed.

use super::rules;

rules! {
    NOT_REPEATABLE: Contract "not-repeatable" at [],
        "rule 11 of the contract; the lab's own rule",
        "the same seed gives the same run",
        "what can differ between two runs of a seed: a static that remembers earlier runs, futures::select! \
         (use tokio::select!), the order of a HashMap, an OS thread, the address of a value, or a clock or a \
         source of randomness other than the run's own (use tokio::time and the rand crate)";
}
