//! Putting it on: what a new process does to itself before it becomes another program.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::ptr;

use landlock::RulesetCreated;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{
    Gid, Pid, Uid, geteuid, getpid, getppid, setgroups, setresgid, setresuid, setsid,
};

use crate::calls::Filters;
use crate::rules::{Kind, Rules};
use crate::{files, limits};

/// All that can be made before there is a process.
#[derive(Debug)]
pub(crate) struct Prepared {
    rules: RulesetCreated,
    filters: Option<Filters>,
}

impl Prepared {
    pub(crate) fn of(rules: &Rules) -> io::Result<Prepared> {
        let filters = if has_filters() { Filters::of(rules.kind)? } else { None };
        Ok(Prepared { rules: files::rules(rules)?, filters })
    }

    pub(crate) fn put_on(&self, command: &mut Command, of: &Rules) -> io::Result<()> {
        let mut rules = Some(self.rules.try_clone()?);
        let mut filters = self.filters.clone();
        let Rules { kind, cpu, memory, user, .. } = *of;
        let parent = getpid();
        let confine = move || {
            close_inherited();
            // A group of its own comes with it, which whoever ends the process ends as a whole.
            let _ = setsid();
            limits::set(kind, cpu, memory, user.is_some());
            if let Some(user) = user {
                become_user(user)?;
            }
            die_with(parent)?;
            if let Some(rules) = rules.take() {
                rules.restrict_self().map_err(|_| io::Error::last_os_error())?;
            }
            if let Some(filters) = &mut filters {
                filters.is_for(getpid().as_raw().cast_unsigned());
                filters.put_on()?;
            }
            Ok(())
        };
        // SAFETY: the closure makes system calls on what was made before, and takes no lock that another thread of
        // this process may hold: what it lets go are descriptors, and memory that the C library's allocator takes back
        // also behind a fork.
        unsafe { command.pre_exec(confine) };
        Ok(())
    }

    /// What this machine can't enforce.
    pub(crate) fn lacks(&self, of: &Rules) -> Vec<String> {
        let mut lacks = Vec::new();
        match landlock_form() {
            0 => lacks.push("files (the kernel has no Landlock)".to_owned()),
            form @ 1..3 => {
                lacks.push(format!("truncating files (Landlock has form {form}, not 3)"))
            }
            form @ 3..6 if of.kind == Kind::Build => {
                lacks.push(format!(
                    "signals of a build's processes (Landlock has form {form}, not 6)"
                ));
            }
            _ => {}
        }
        if self.filters.is_none() {
            lacks.push("system calls (the kernel has no seccomp filters)".to_owned());
        }
        if of.kind == Kind::Run && of.user.is_none() {
            let why = if geteuid().is_root() {
                "another user for submissions (others than root can't reach the folder of workspaces)"
            } else {
                "another user for submissions (this program isn't run by root)"
            };
            lacks.push(why.to_owned());
        }
        lacks
    }
}

/// Has what this process has inherited or left open end with the old program.
fn close_inherited() {
    let first = 3_u32;
    // SAFETY: sets a flag of descriptors; the standard library's own has it already. Where there is no such call,
    // descriptors of this program have the flag all the same.
    unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
}

fn become_user(user: u32) -> io::Result<()> {
    let (user, group) = (Uid::from_raw(user), Gid::from_raw(user));
    setgroups(&[])?;
    setresgid(group, group, group)?;
    setresuid(user, user, user)?;
    Ok(())
}

/// Has the kernel end this process with the thread that has started it, a thread of `parent`.
fn die_with(parent: Pid) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    if getppid() == parent {
        return Ok(());
    }
    // It has ended meanwhile.
    Err(io::ErrorKind::NotFound.into())
}

/// Whether the kernel has filters of system calls.
fn has_filters() -> bool {
    const SECCOMP_GET_ACTION_AVAIL: libc::c_uint = 2;
    let action: u32 = libc::SECCOMP_RET_ERRNO;
    // SAFETY: asks the kernel, which reads the number.
    let answer = unsafe {
        libc::syscall(libc::SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, ptr::from_ref(&action))
    };
    answer == 0
}

/// Which form of Landlock the kernel has; 0 if it has none.
fn landlock_form() -> i64 {
    const LANDLOCK_CREATE_RULESET_VERSION: libc::c_uint = 1;
    let nothing = ptr::null::<libc::c_void>();
    // SAFETY: asks the kernel for a number, and gives it nothing to read.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            nothing,
            0_usize,
            LANDLOCK_CREATE_RULESET_VERSION,
        )
    };
    answer.max(0)
}
