//! The C library's real functions, where this program has others of the same names: those of the next object in the
//! search order.

use std::ffi::{CStr, c_void};
use std::marker::PhantomData;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

/// Whether all real functions have been looked up.
static RESOLVED: AtomicBool = AtomicBool::new(false);

/// Has `look_up` look up the real functions, once a process. It comes before the first run and before the first handler
/// of a signal: `dlsym` takes locks, and a handler may have interrupted who holds them.
pub(crate) fn resolve(look_up: impl FnOnce()) {
    if !RESOLVED.load(Ordering::Relaxed) {
        look_up();
        RESOLVED.store(true, Ordering::Release);
    }
}

/// A function of type `F`.
pub(crate) struct Real<F> {
    name: &'static CStr,
    address: AtomicPtr<c_void>,
    function: PhantomData<F>,
}

impl<F: Copy> Real<F> {
    /// The function of this name.
    ///
    /// # Safety
    /// The function that goes by `name` must be of type `F`, which is a pointer to a function.
    pub(crate) const unsafe fn new(name: &'static CStr) -> Real<F> {
        assert!(size_of::<F>() == size_of::<*mut c_void>());
        Real { name, address: AtomicPtr::new(ptr::null_mut()), function: PhantomData }
    }

    /// The function; `None` where there is none, as in a statically linked program. Only a call that comes
    /// before [`resolve`] looks it up.
    pub(crate) fn get(&self) -> Option<F> {
        let mut address = self.address.load(Ordering::Relaxed);
        if address.is_null() && !RESOLVED.load(Ordering::Acquire) {
            address = self.look_up();
        }
        // SAFETY: the address is the function's, which is of type F by the contract of `new`.
        (!address.is_null()).then(|| unsafe { mem::transmute_copy::<*mut c_void, F>(&address) })
    }

    #[cold]
    pub(crate) fn look_up(&self) -> *mut c_void {
        // SAFETY: the name is a C string and RTLD_NEXT is a valid handle.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        self.address.store(found, Ordering::Relaxed);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is resolved early is never looked up again, be it there or not.
    #[test]
    fn what_is_not_there_is_not_looked_for_twice() {
        type Function = unsafe extern "C" fn();
        // SAFETY: neither is called.
        let (there, not_there) = unsafe {
            (Real::<Function>::new(c"getpid"), Real::<Function>::new(c"no_such_function"))
        };
        crate::run::prepare();
        assert!(RESOLVED.load(Ordering::Relaxed));
        assert!(there.get().is_none(), "it was looked up after all had been");
        there.look_up();
        not_there.look_up();
        assert!(there.get().is_some() && not_there.get().is_none());
    }
}
