//! Memory for a thread's handlers to run on: an overflow of its own stack leaves them no other.

use std::cell::Cell;
use std::ffi::c_void;
use std::mem;
use std::num::NonZeroUsize;
use std::ptr::{self, NonNull};

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, mprotect, munmap};
use parking_lot::Mutex;

/// How much of it can be used, in bytes: for the frames of two signals, one of an overflow and one of the
/// abort that follows, and for the walk along the stack. It takes memory only where it is used.
const SIZE: usize = 128 << 10;

/// How much below that must not be touched, in bytes; a multiple of every page size. A handler that needs
/// more than there is dies there, and overwrites nobody's memory.
const GUARD: usize = 64 << 10;

/// The memory of one such stack.
struct Memory {
    /// Where the guard begins.
    guard: NonNull<c_void>,
}

// SAFETY: the memory is this value's own, and any thread may use it.
unsafe impl Send for Memory {}

/// The memory of a thread that has ended, for the next one: each run has a thread of its own.
static SPARE: Mutex<Option<Memory>> = Mutex::new(None);

impl Memory {
    fn new() -> Option<Memory> {
        const LEN: NonZeroUsize = NonZeroUsize::new(GUARD + SIZE).expect("it is not zero");
        let (flags, all) = (MapFlags::MAP_PRIVATE, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE);
        // SAFETY: the mapping is new, so nobody else uses it, and what is opened lies within it.
        unsafe {
            let guard = mmap_anonymous(None, LEN, ProtFlags::PROT_NONE, flags).ok()?;
            let memory = Memory { guard };
            mprotect(memory.usable(), SIZE, all).ok().map(|()| memory)
        }
    }

    /// Where the stack is.
    fn usable(&self) -> NonNull<c_void> {
        self.guard.map_addr(|address| address.saturating_add(GUARD))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: it is this value's own mapping, and no thread's stack.
        let _ = unsafe { munmap(self.guard, GUARD + SIZE) };
    }
}

thread_local! {
    /// Whether this thread has such a stack.
    static IS_THERE: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread has a [`HandlerStack`]. Fit for handlers: without one they may have little room.
pub(crate) fn is_there() -> bool {
    IS_THERE.get()
}

/// The calling thread's stack for handlers, until it is dropped. It must be dropped on the same thread.
pub(crate) struct HandlerStack {
    /// It is there until `drop`.
    memory: Option<Memory>,
}

impl HandlerStack {
    /// Gives the calling thread such a stack; `None` if there is no memory for it.
    pub(crate) fn install() -> Option<HandlerStack> {
        let memory = SPARE.lock().take().or_else(Memory::new)?;
        let usable = memory.usable().as_ptr();
        let stack = libc::stack_t { ss_sp: usable, ss_flags: 0, ss_size: SIZE };
        let is_there = set(&stack);
        IS_THERE.set(is_there);
        is_there.then_some(HandlerStack { memory: Some(memory) })
    }
}

impl Drop for HandlerStack {
    fn drop(&mut self) {
        IS_THERE.set(false);
        let none =
            libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: SIZE };
        let memory = self.memory.take();
        if set(&none) {
            let mut spare = SPARE.lock();
            *spare = spare.take().or(memory);
        } else {
            mem::forget(memory); // the kernel may still use it
        }
    }
}

/// Has the calling thread's handlers run there. Returns whether they will.
fn set(stack: &libc::stack_t) -> bool {
    // SAFETY: the kernel only notes where it is. Whoever gives memory keeps it until there is another stack.
    unsafe { libc::sigaltstack(stack, ptr::null_mut()) == 0 }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;

    use super::{GUARD, HandlerStack, SIZE};

    /// The permissions of the page at `address`.
    fn permissions(address: usize) -> Option<String> {
        let maps = fs::read_to_string("/proc/self/maps").expect("the kernel tells");
        let number = |text| usize::from_str_radix(text, 16).expect("an address");
        maps.lines().find_map(|line| {
            let (range, rest) = line.split_once(' ')?;
            let (from, to) = range.split_once('-')?;
            (number(from)..number(to)).contains(&address).then(|| rest[..4].to_owned())
        })
    }

    #[test]
    fn below_a_handler_s_stack_nothing_can_be_written() {
        let stack = HandlerStack::install().expect("there is memory");
        let memory = stack.memory.as_ref().expect("it is there");
        let (guard, usable) = (memory.guard.as_ptr().addr(), memory.usable().as_ptr().addr());
        assert_eq!(usable, guard + GUARD);
        for address in [guard, usable - 1] {
            assert_eq!(permissions(address).as_deref(), Some("---p"));
        }
        for address in [usable, usable + SIZE - 1] {
            assert_eq!(permissions(address).as_deref(), Some("rw-p"));
        }
    }
}
