//! How a child died, in words.

use std::fmt;

/// How a child died before its run had a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Death {
    /// It ended by itself with this exit code.
    Exited(i32),
    /// It was ended by this signal.
    Signalled(i32),
    /// It gave no sign of life and was killed.
    Silent,
    /// It was stopped by a signal such as SIGSTOP, and killed.
    Stopped,
    /// It had taken all the time that it was given, and was killed.
    Late,
    /// It never became a worker: the command doesn't lead to one.
    NotAWorker,
    /// It sent this, which no worker sends, and was killed.
    Garbled(String),
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Death::Exited(code) => write!(f, "the process was ended by exit({code})"),
            Death::Signalled(signal) => {
                write!(f, "the process was ended by signal {signal}")?;
                match *signal {
                    libc::SIGABRT => f.write_str(" (abort)"),
                    libc::SIGBUS => f.write_str(" (memory access beyond what there is)"),
                    libc::SIGFPE => f.write_str(" (impossible arithmetic)"),
                    libc::SIGILL => f.write_str(" (illegal instruction)"),
                    libc::SIGSEGV => f.write_str(" (invalid memory access)"),
                    libc::SIGKILL => f.write_str(" (killed from outside, or out of memory)"),
                    libc::SIGXFSZ => f.write_str(" (it printed more than a file may hold)"),
                    _ => Ok(()),
                }
            }
            Death::Silent => f.write_str("the process gave no sign of life"),
            Death::Stopped => f.write_str(
                "the process was stopped by a signal such as SIGSTOP, and did not continue",
            ),
            Death::Late => f.write_str("the process took longer than allowed, and was ended"),
            Death::NotAWorker => f.write_str("the process did not come to the point of running"),
            Death::Garbled(what) => write!(
                f,
                "the process sent the tester what it can't read: {what}; code under test must not write to a \
                 file descriptor that it hasn't opened"
            ),
        }
    }
}
