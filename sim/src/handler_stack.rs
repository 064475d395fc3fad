//! Memory for a thread's handlers to run on: an overflow of its own stack leaves them no other.

use std::ffi::c_void;
use std::num::NonZeroUsize;
use std::ptr::{self, NonNull};

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

/// How much of it can be used, in bytes: for the frames of two signals, one of an overflow and one of the
/// abort that follows, and for the walk along the stack. It takes memory only where it is used.
const SIZE: usize = 128 << 10;

/// How much below that must not be touched, in bytes; a multiple of every page size. A handler that needs
/// more than there is dies there, and overwrites nobody's memory.
const GUARD: usize = 64 << 10;

/// The calling thread's stack for handlers, until it is dropped. It must be dropped on the same thread.
pub(crate) struct HandlerStack {
    /// Where the guard begins.
    memory: NonNull<c_void>,
}

impl HandlerStack {
    /// Gives the calling thread such a stack; `None` if there is no memory for it.
    pub(crate) fn install() -> Option<HandlerStack> {
        const LEN: NonZeroUsize = NonZeroUsize::new(GUARD + SIZE).expect("it is not zero");
        let (flags, all) = (MapFlags::MAP_PRIVATE, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE);
        // SAFETY: the mapping is new, so nobody else uses it; what is opened and given to the kernel lies
        // within it, and stays mapped until `drop` has taken it from the kernel.
        unsafe {
            let memory = mmap_anonymous(None, LEN, ProtFlags::PROT_NONE, flags).ok()?;
            let usable = memory.byte_add(GUARD);
            let stack = libc::stack_t { ss_sp: usable.as_ptr(), ss_flags: 0, ss_size: SIZE };
            if mprotect(usable, SIZE, all).is_err()
                || libc::sigaltstack(&raw const stack, ptr::null_mut()) != 0
            {
                let _ = munmap(memory, LEN.get());
                return None;
            }
            Some(HandlerStack { memory })
        }
    }
}

impl Drop for HandlerStack {
    fn drop(&mut self) {
        let none =
            libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: SIZE };
        // SAFETY: no handler runs on this thread now, and after the first call none will run on this
        // memory. It is this value's own mapping.
        unsafe {
            if libc::sigaltstack(&raw const none, ptr::null_mut()) == 0 {
                let _ = munmap(self.memory, GUARD + SIZE);
            }
        }
    }
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
        let guard = stack.memory.as_ptr().addr();
        let usable = guard + GUARD;
        for address in [guard, usable - 1] {
            assert_eq!(permissions(address).as_deref(), Some("---p"));
        }
        for address in [usable, usable + SIZE - 1] {
            assert_eq!(permissions(address).as_deref(), Some("rw-p"));
        }
        drop(stack);
        assert_ne!(permissions(usable).as_deref(), Some("rw-p"), "it has gone");
    }
}
