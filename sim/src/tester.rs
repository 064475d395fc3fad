//! Whether the tester's own code runs on a thread in place of the code under test: it may open files, to look up
//! lines and to store a history.

use std::cell::Cell;

thread_local! {
    // Without a destructor, so that reading it does nothing else at whatever point of a thread's life.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Does something of the tester's.
pub(crate) fn does<R>(f: impl FnOnce() -> R) -> R {
    struct Left;
    impl Drop for Left {
        fn drop(&mut self) {
            DEPTH.set(DEPTH.get() - 1);
        }
    }
    DEPTH.set(DEPTH.get() + 1);
    let _left = Left;
    f()
}

/// Whether it does something now.
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu", not(sim_no_interposition))),
    expect(dead_code, reason = "only the interposed functions ask")
)]
pub(crate) fn is_at_work() -> bool {
    DEPTH.get() > 0
}
