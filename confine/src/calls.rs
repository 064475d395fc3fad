//! Which system calls a process may make: seccomp's filters.
//!
//! A run has a list of calls that it may make: all others fail as if the kernel didn't have them, which the C library
//! is used to. So what a newer kernel adds is refused, too. A build has a list of calls that it may not make, as a
//! compiler, a linker and cargo make many. A reader has the same list, and makes no process either.

use std::collections::BTreeMap;
use std::io;

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use crate::rules::Kind;

/// Stands in a filter for the process's own number, which isn't known before there is the process. No process has it:
/// the highest is 4194304.
const ITSELF: u32 = 0x7fc0_ffee;

/// What a run may do: compute, wait, have threads, memory and timers, read files that are open to it, and write to its
/// own descriptors.
const ALLOWED: &[c_long] = &[
    // Descriptors and files.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_openat,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_fcntl,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_ftruncate,
    libc::SYS_pipe2,
    libc::SYS_eventfd2,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    // The tester's own sockets, which it inherits or makes in pairs.
    libc::SYS_recvfrom,
    libc::SYS_shutdown,
    libc::SYS_setsockopt,
    libc::SYS_getsockopt,
    // Memory.
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_mincore,
    libc::SYS_msync,
    libc::SYS_membarrier,
    // Threads, and what they wait for.
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_get_robust_list,
    libc::SYS_rseq,
    libc::SYS_set_tid_address,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_getcpu,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_restart_syscall,
    // Time and chance.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_times,
    libc::SYS_getrandom,
    // Signals, as they come.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_rt_sigsuspend,
    libc::SYS_sigaltstack,
    // What it is itself.
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getpgid,
    libc::SYS_getsid,
    libc::SYS_getrusage,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    // Its end, and its beginning. The files' rules let it start two programs only: itself and its loader, which may map
    // what else a run reads. Whatever it becomes so, it keeps these filters, those rules and its limits.
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_execve,
];

/// The same by the names that only this architecture still has.
#[cfg(target_arch = "x86_64")]
const ALLOWED_OLD: &[c_long] = &[
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_epoll_wait,
    libc::SYS_pipe,
    libc::SYS_dup2,
    libc::SYS_getpgrp,
    libc::SYS_getrlimit,
    libc::SYS_setrlimit,
    libc::SYS_time,
    libc::SYS_pause,
    libc::SYS_arch_prctl,
];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_OLD: &[c_long] = &[];

/// What a build may not do: reach other processes, the network, and what only the machine's owner has business with.
const FORBIDDEN: &[c_long] = &[
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_shmget,
    libc::SYS_msgget,
    libc::SYS_semget,
    libc::SYS_mq_open,
];

/// The older calls that make a process, which only this architecture still has.
#[cfg(target_arch = "x86_64")]
const FORKS: &[c_long] = &[libc::SYS_fork, libc::SYS_vfork];
#[cfg(not(target_arch = "x86_64"))]
const FORKS: &[c_long] = &[];

/// What a test asks of descriptors: whether one is a terminal and how wide, how much can be read, and how it behaves.
const REQUESTS: [u64; 5] =
    [libc::TCGETS, libc::TIOCGWINSZ, libc::FIONREAD, libc::FIONBIO, libc::FIOCLEX];

/// What a process may set of itself by prctl: its threads' names, the names of memory, and whether it can look into its
/// own. Not by what signal it dies
/// with its parent.
const SETTINGS: [i32; 7] = [
    libc::PR_SET_NAME,
    libc::PR_GET_NAME,
    libc::PR_GET_DUMPABLE,
    libc::PR_SET_DUMPABLE,
    libc::PR_GET_PDEATHSIG,
    libc::PR_CAPBSET_READ,
    libc::PR_SET_VMA,
];

/// The filters of a process, in the order in which they are put on.
#[derive(Clone, Debug)]
pub(crate) struct Filters([BpfProgram; 2]);

impl Filters {
    /// Those for `kind`; `None` on a machine for which filters can't be written.
    pub(crate) fn of(kind: Kind) -> io::Result<Option<Filters>> {
        let Ok(arch) = TargetArch::try_from(std::env::consts::ARCH) else { return Ok(None) };
        let main = match kind {
            Kind::Run => {
                filter(allowed()?, SeccompAction::Errno(ENOSYS), SeccompAction::Allow, arch)
            }
            Kind::Build => {
                filter(forbidden(), SeccompAction::Allow, SeccompAction::Errno(EPERM), arch)
            }
            Kind::Reader => {
                let mut forbidden = forbidden();
                forbidden.extend(no_process()?);
                filter(forbidden, SeccompAction::Allow, SeccompAction::Errno(EPERM), arch)
            }
        };
        // Its flags are in memory, which no filter can read. The C library takes the older call, then.
        let newer = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
        let newer = filter(newer, SeccompAction::Allow, SeccompAction::Errno(ENOSYS), arch);
        Ok(Some(Filters([newer?, main?])))
    }

    /// Writes the number of the process that calls it in the place of its own. It neither allocates nor locks.
    pub(crate) fn is_for(&mut self, process: u32) {
        for instruction in self.0.iter_mut().flatten() {
            if instruction.k == ITSELF {
                instruction.k = process;
            }
        }
    }

    /// Puts them on the calling thread, for ever. It makes system calls and, if all goes well, nothing else.
    pub(crate) fn put_on(&self) -> io::Result<()> {
        for filter in &self.0 {
            seccompiler::apply_filter(filter).map_err(|_| io::Error::last_os_error())?;
        }
        Ok(())
    }
}

const ENOSYS: u32 = libc::ENOSYS.cast_unsigned();
const EPERM: u32 = libc::EPERM.cast_unsigned();

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn filter(
    rules: Rules,
    otherwise: SeccompAction,
    matching: SeccompAction,
    arch: TargetArch,
) -> io::Result<BpfProgram> {
    let filter = SeccompFilter::new(rules, otherwise, matching, arch);
    filter.and_then(TryInto::try_into).map_err(io::Error::other)
}

/// The calls that a build may not make.
fn forbidden() -> Rules {
    FORBIDDEN.iter().map(|&call| (call, Vec::new())).collect()
}

/// The calls that make a process. Those that make a thread aren't among them.
fn no_process() -> io::Result<Rules> {
    let no_thread = SeccompCmpOp::MaskedEq(libc::CLONE_THREAD as u64);
    let clone = vec![rule([condition(0, no_thread, 0)?])?];
    let old = FORKS.iter().map(|&call| (call, Vec::new()));
    Ok(old.chain([(libc::SYS_clone, clone)]).collect())
}

/// The calls that a run may make, each with what its arguments must be.
fn allowed() -> io::Result<Rules> {
    let mut rules: Rules = ALLOWED.iter().chain(ALLOWED_OLD).map(|&call| (call, vec![])).collect();
    let equal = |argument, value| condition(argument, SeccompCmpOp::Eq, value);
    let masked = |argument, mask, value| condition(argument, SeccompCmpOp::MaskedEq(mask), value);
    // A thread, and no process.
    let thread = libc::CLONE_THREAD as u64;
    rules.insert(libc::SYS_clone, vec![rule([masked(0, thread, thread)?])?]);
    // A signal to itself, and to nobody else.
    for call in [libc::SYS_kill, libc::SYS_tgkill] {
        rules.insert(call, vec![rule([equal(0, u64::from(ITSELF))?])?]);
    }
    // Its own limits.
    let own = [rule([equal(0, 0)?])?, rule([equal(0, u64::from(ITSELF))?])?];
    rules.insert(libc::SYS_prlimit64, own.into());
    // A pair of sockets that are connected to each other. They send to nobody else: without an address.
    let stream = libc::SOCK_STREAM as u64;
    let pair = [equal(0, libc::AF_UNIX as u64)?, masked(1, 0xf, stream)?];
    rules.insert(libc::SYS_socketpair, vec![rule(pair)?]);
    let no_address = SeccompCondition::new(4, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0);
    let no_address = no_address.map_err(io::Error::other)?;
    rules.insert(libc::SYS_sendto, vec![rule([no_address])?]);
    let any = |argument, values: &mut dyn Iterator<Item = u64>| -> io::Result<Vec<SeccompRule>> {
        values.map(|value| rule([equal(argument, value)?])).collect()
    };
    rules.insert(libc::SYS_ioctl, any(1, &mut REQUESTS.into_iter())?);
    rules.insert(libc::SYS_prctl, any(0, &mut SETTINGS.iter().map(|&setting| setting as u64))?);
    Ok(rules)
}

fn condition(argument: u8, is: SeccompCmpOp, value: u64) -> io::Result<SeccompCondition> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, is, value).map_err(io::Error::other)
}

fn rule<const N: usize>(conditions: [SeccompCondition; N]) -> io::Result<SeccompRule> {
    SeccompRule::new(conditions.into()).map_err(io::Error::other)
}
