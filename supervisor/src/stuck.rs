//! Why a run gets nowhere, in words.

use std::fmt;
use std::time::Duration;

use children::Death;
use sim::context::Context;
use sim::{Exit, Stack};

/// A run that gets nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// Why.
    pub why: Why,
    /// The user's lines on the run's stack, innermost first. Empty where they can't be told.
    pub stack: Vec<String>,
    /// Why the program tells no line, and what to do about it, if that is why the stack is empty.
    pub no_lines: Option<&'static str>,
    /// Whose code it is, where that is known.
    pub context: Option<Context>,
}

/// Why a run gets nowhere. Its text says what to do instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It computes without end and never awaits.
    Loop,
    /// Its thread is blocked.
    Blocked,
    /// It holds more memory than any run needs.
    Memory,
    /// It gets somewhere, and takes more CPU time for that than any run needs.
    Slow {
        /// The CPU time that it took lately.
        cpu: Duration,
        /// How far its clock came meanwhile.
        clock: Duration,
    },
    /// By the real clock: it can't be ended when its time is up.
    Overtime,
    /// It is over, and a destructor that runs when its values are dropped doesn't end.
    Drop,
    /// It tried to end the process.
    Exit,
    /// It was ended by this signal.
    Signal(i32),
    /// The user has had enough.
    Interrupted,
}

impl Stuck {
    /// A run whose thread has this stack.
    pub(crate) fn at(why: Why, stack: &Stack, context: Option<Context>) -> Stuck {
        let lines = stack.users_lines();
        let no_lines = sim::why_no_lines().filter(|_| lines.is_empty() && !stack.is_empty());
        Stuck { why, stack: lines, no_lines, context }
    }

    /// A run whose code has ended the process, or tried to.
    #[must_use]
    pub fn exited(exit: &Exit) -> Stuck {
        Stuck::at(Why::Exit, &exit.stack, exit.context)
    }

    /// A run whose thread tells nothing.
    pub(crate) fn unseen(why: Why) -> Stuck {
        Stuck { why, stack: Vec::new(), no_lines: None, context: None }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Why::Signal(signal) => return Death::Signalled(*signal).fmt(f),
            Why::Slow { cpu, clock } => {
                return write!(
                    f,
                    "too much work: in {:.1} s of CPU time, the run's clock moved only {:.3} s; a run of the \
                     lab needs some hundredths of a second of CPU time for one second of its clock. Look for \
                     work that grows during the run: a whole log that is copied, sent or saved for each \
                     command, or tasks or calls that only pile up",
                    cpu.as_secs_f64(),
                    clock.as_secs_f64()
                );
            }
            Why::Loop => {
                "an endless loop: code runs without an .await that waits, so nothing else can run; in the \
                 loop, wait with tokio::time::sleep for at least a millisecond, or with a Notify. The clock \
                 stands still while code runs, so a loop that waits for Instant::now() to move never ends"
            }
            Why::Memory => {
                "too much memory: the run holds 2 GiB, but a run of the lab takes some tens of MiB; look for a \
                 Vec or a channel that only grows, or for tasks that are spawned and never end"
            }
            Why::Blocked => {
                "the simulated thread is blocked, and with it the whole cluster: by a mutex that is locked \
                 twice, or by a receive, a join or a lock that blocks; use tokio's channels and .await, and \
                 release a lock before you take it again"
            }
            Why::Overtime => {
                "the run's time is up, but the run can't be ended: the tester waits for a call of its own, \
                 such as get_state(), that is blocked or loops; release a lock before you take it again"
            }
            Why::Drop => {
                "the run was over, but a destructor never ended: the drop() of a server, or of something that \
                 it keeps, loops or is blocked. A destructor must not wait for anything, because tasks no \
                 longer run then"
            }
            Why::Interrupted => "interrupted: this is how far the run had come",
            Why::Exit => {
                "exit() was called, which would end the tester as well; return instead, or panic"
            }
        })
    }
}
