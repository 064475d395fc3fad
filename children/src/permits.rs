//! How many children may run at the same time, in all calls together.

use std::num::NonZeroUsize;

use parking_lot::{Condvar, Mutex};

/// The right to run a child: there are so many, for all calls of [`run_in_children`](crate::run_in_children) that share them.
#[derive(Debug)]
pub struct Permits {
    free: Mutex<usize>,
    one_is_free: Condvar,
}

/// One such right, until it is dropped.
pub(crate) struct Permit<'a>(&'a Permits);

impl Permits {
    /// So many.
    #[must_use]
    pub fn new(jobs: NonZeroUsize) -> Permits {
        Permits { free: Mutex::new(jobs.get()), one_is_free: Condvar::new() }
    }

    /// Waits until one is free.
    pub(crate) fn acquire(&self) -> Permit<'_> {
        let mut free = self.free.lock();
        self.one_is_free.wait_while(&mut free, |free| *free == 0);
        *free -= 1;
        Permit(self)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        *self.0.free.lock() += 1;
        self.0.one_is_free.notify_one();
    }
}
