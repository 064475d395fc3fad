//! How a child comes to its parent: by a socket that it inherits, on a descriptor that a variable names.
//!
//! It isn't the standard input or output, which all code reads and writes.

use std::env;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::OnceLock;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};

use crate::nonce::Nonce;
use crate::variables::{CHILD, HIDES};

/// The first descriptor that isn't a standard one.
const FIRST: RawFd = 3;

/// Whether this process was started by [`run_in_children`](crate::run_in_children).
#[must_use]
pub fn is_child() -> bool {
    // The variable goes when it has been read.
    static IS_CHILD: OnceLock<bool> = OnceLock::new();
    *IS_CHILD.get_or_init(|| env::var_os(CHILD).is_some())
}

/// What a parent wants of its child's runs. It says so on the socket, and not by a variable, which the code under test
/// could read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// What came of them.
    Results,
    /// That, and all that is needed to make them again without the code under test.
    WholeRecords,
}

impl Wants {
    pub(crate) fn byte(self) -> u8 {
        match self {
            Wants::Results => b'r',
            Wants::WholeRecords => b'w',
        }
    }

    fn read(from: &mut impl Read) -> io::Result<Wants> {
        let mut byte = [0];
        from.read_exact(&mut byte)?;
        let all = [Wants::Results, Wants::WholeRecords];
        all.into_iter()
            .find(|wants| wants.byte() == byte[0])
            .ok_or(io::ErrorKind::InvalidData.into())
    }
}

/// The socket to this process's parent, the number that its messages must bear, and what the parent wants. It is to be
/// called once, before anything else of this process opens files, and while no other thread reads the environment: the
/// code that runs later doesn't find in it on which descriptor the parent is.
///
/// # Errors
/// If this process was not started by [`run_in_children`](crate::run_in_children).
pub fn to_parent() -> io::Result<(UnixStream, Nonce, Wants)> {
    let wrong = || io::Error::other(format!("{CHILD} names no descriptor of a parent's"));
    let named = env::var(CHILD).map_err(|_| wrong())?;
    let hides = env::var_os(HIDES).is_some();
    assert!(is_child(), "its variable is set");
    for name in [CHILD, HIDES] {
        // SAFETY: by this function's contract no other thread is at the environment.
        unsafe { env::remove_var(name) };
    }
    if hides {
        hide();
    }
    let number = named.parse().ok().filter(|&number: &RawFd| number >= FIRST).ok_or_else(wrong)?;
    // SAFETY: the parent has made it for this process and nobody else here knows of it; if it isn't open, all that is
    // asked of it fails.
    let mut socket = UnixStream::from(unsafe { OwnedFd::from_raw_fd(number) });
    // What this process starts must not inherit it.
    fcntl(&socket, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).map_err(|_| wrong())?;
    let nonce = Nonce::read(&mut socket)?;
    let wants = Wants::read(&mut socket)?;
    Ok((socket, nonce, wants))
}

/// Makes `/proc/self/mem` and `/proc/self/environ` files of root's, which nobody else can open. Where that can't be done
/// they stay as they are.
fn hide() {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_dumpable(false);
}

/// Has the process that `command` starts inherit `socket`, and know of it. The socket must live until then.
pub(crate) fn pass_on(command: &mut Command, socket: &impl AsFd) {
    let number = socket.as_fd().as_raw_fd();
    command.env(CHILD, number.to_string());
    let keep = move || {
        // SAFETY: the descriptor is the caller's, and is open until the process has started.
        let socket = unsafe { std::os::fd::BorrowedFd::borrow_raw(number) };
        fcntl(socket, FcntlArg::F_SETFD(FdFlag::empty()))?;
        Ok(())
    };
    // SAFETY: the closure makes one system call and neither allocates nor locks.
    unsafe { command.pre_exec(keep) };
}
