//! What the kernel tells of processes and threads, where it has such files.

use std::fs;
use std::path::Path;
use std::time::Duration;

use nix::unistd::{SysconfVar, sysconf};

/// A process or a thread, as its `stat` file tells it.
#[derive(Clone, Copy, Debug)]
pub struct Stat {
    /// `S` for asleep, `T` for stopped by a signal, and more.
    pub state: char,
    /// The CPU time that it has used: a process with all its threads.
    pub cpu: Duration,
}

impl Stat {
    /// Reads the file in `folder`, which is a process's or a thread's in `/proc`; `None` where that can't be told.
    #[must_use]
    pub fn read(folder: &Path) -> Option<Stat> {
        let stat = fs::read_to_string(folder.join("stat")).ok()?;
        // The name, in parentheses, may hold anything; what follows it is fixed.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let state = fields.first()?.chars().next()?;
        let ticks = |field: usize| fields.get(field)?.parse::<u64>().ok();
        let per_second = constant(SysconfVar::CLK_TCK)?;
        let used = ticks(11)? + ticks(12)?;
        Some(Stat { state, cpu: Duration::from_millis(used * 1000 / per_second.max(1)) })
    }
}

/// The states of all threads of a process. Empty where they can't be told.
pub(crate) fn states_of_threads(process: u32) -> Vec<char> {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    let state = |folder: &Path| Stat::read(folder).map(|stat| stat.state);
    threads.filter_map(|thread| state(&thread.ok()?.path())).collect()
}

/// How much memory this process holds, in bytes; `None` where that can't be told.
#[must_use]
pub fn memory_held() -> Option<u64> {
    let pages: u64 =
        fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse().ok()?;
    Some(pages * constant(SysconfVar::PAGE_SIZE)?)
}

/// A constant of the system's.
fn constant(name: SysconfVar) -> Option<u64> {
    u64::try_from(sysconf(name).ok()??).ok()
}
