//! The threads that work for runs: which they are, and signals to them.

use std::sync::atomic::{AtomicI32, Ordering};

use libc::c_int;

/// A thread of this process, by the kernel's number. It may have ended: then no signal reaches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Thread(pub(crate) i32);

impl Thread {
    /// The calling thread.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn own() -> Thread {
        Thread(nix::unistd::gettid().as_raw())
    }

    /// The calling thread, which has no number here.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(crate) fn own() -> Thread {
        Thread(0)
    }

    /// Sends it a signal. Returns false if it has ended. Fit for handlers.
    pub(crate) fn signal(self, signal: c_int) -> bool {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            let process = nix::unistd::getpid().as_raw();
            // SAFETY: the kernel looks for a thread of this process with this number; where there is none it
            // does nothing.
            let sent = unsafe { libc::syscall(libc::SYS_tgkill, process, self.0, signal) };
            sent == 0
        }
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        {
            let _ = signal;
            false
        }
    }
}

/// How many threads can be enrolled at a time. A run by the real clock has about six of them.
const PLACES: usize = 64;

/// The threads that work for runs; 0 where a place is free.
static OF_RUNS: [AtomicI32; PLACES] = [const { AtomicI32::new(0) }; PLACES];

/// The calling thread's place among those that work for runs, until it is dropped.
#[derive(Debug)]
pub(crate) struct Enrolled {
    /// `None` if all places were taken.
    place: Option<&'static AtomicI32>,
}

/// The calling thread works for a run from now on.
pub(crate) fn enrol() -> Enrolled {
    let Thread(own) = Thread::own();
    let take = |place: &&AtomicI32| {
        place.compare_exchange(0, own, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    };
    Enrolled { place: OF_RUNS.iter().find(take) }
}

impl Drop for Enrolled {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            place.store(0, Ordering::Relaxed);
        }
    }
}

/// The threads that work for runs. Fit for handlers.
pub(crate) fn of_runs() -> impl Iterator<Item = Thread> {
    let numbers = OF_RUNS.iter().map(|place| place.load(Ordering::Relaxed));
    numbers.filter(|&number| number != 0).map(Thread)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::{Thread, enrol, of_runs};

    #[test]
    fn the_end_of_one_thread_leaves_the_others_enrolled() {
        let first = enrol();
        let (enrolled, is_enrolled) = mpsc::channel();
        let (end, may_end) = mpsc::channel::<()>();
        let second = thread::spawn(move || {
            let place = enrol();
            enrolled.send(Thread::own()).expect("it is waited for");
            may_end.recv().expect("it is told");
            drop(place);
        });
        let other = is_enrolled.recv().expect("it is told");
        assert!(of_runs().any(|thread| thread == other));
        end.send(()).expect("it waits");
        second.join().expect("it doesn't panic");
        assert!(of_runs().all(|thread| thread != other));
        assert!(of_runs().any(|thread| thread == Thread::own()));
        assert!(!other.signal(0), "it has ended");
        assert!(Thread::own().signal(0));
        drop(first);
        assert!(of_runs().all(|thread| thread != Thread::own()));
    }
}
