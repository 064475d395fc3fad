//! The attacks: each by the shortest way to it, mostly the C library's own functions, and what a program needs.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::ptr;
use std::thread;
use std::time::{Duration, Instant};

/// Tries an attack, and says what came of it.
pub(crate) fn run(attack: &str, on: &str) -> String {
    match attempt(attack, on) {
        Ok(()) => "done".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// What a function of the C library's says.
fn said(answer: libc::c_long) -> io::Result<()> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn attempt(attack: &str, on: &str) -> io::Result<()> {
    let number = || on.parse::<i32>().map_err(io::Error::other);
    match attack {
        "read" if fs::metadata(on)?.is_dir() => fs::read_dir(on).map(drop),
        "read" => fs::File::open(on)?.read(&mut [0; 16]).map(drop),
        "list" => fs::read_dir(on).map(drop),
        "write" => {
            fs::OpenOptions::new().write(true).create(true).truncate(false).open(on).map(drop)
        }
        "start" => Command::new(on).status().map(drop),
        "become" => Err(Command::new(on).exec()),
        "connect" => TcpStream::connect(on).map(drop),
        "listen" => TcpListener::bind(on).map(drop),
        "datagram" => std::net::UdpSocket::bind("127.0.0.1:0").map(drop),
        "local" => UnixStream::connect(on).map(drop),
        _ => by_the_c_library(attack, on, number),
    }
}

fn by_the_c_library(
    attack: &str,
    on: &str,
    number: impl Fn() -> io::Result<i32>,
) -> io::Result<()> {
    // SAFETY: each call is one that the kernel refuses or that does what it is for; pointers are null or to what
    // lives as long as the call.
    unsafe {
        match attack {
            "fork" => {
                let child = libc::fork();
                if child == 0 {
                    libc::_exit(0);
                }
                said(child.into())?;
                said(libc::waitpid(child, ptr::null_mut(), 0).into())
            }
            "kill" => said(libc::kill(number()?, 0).into()),
            "thread-kill" => said(libc::syscall(libc::SYS_tgkill, number()?, number()?, 0)),
            "queue" => {
                let signal: libc::siginfo_t = std::mem::zeroed();
                said(libc::syscall(libc::SYS_rt_sigqueueinfo, number()?, 0, &raw const signal))
            }
            "ptrace" => said(libc::syscall(libc::SYS_ptrace, libc::PTRACE_ATTACH, number()?, 0, 0)),
            "read-memory" => {
                let mut byte = 0_u8;
                let to = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
                said(libc::process_vm_readv(number()?, &raw const to, 1, &raw const to, 1, 0) as i64)
            }
            "memory-file" => said(libc::memfd_create(c"filled".as_ptr(), 0).into()),
            "shared-memory" => {
                said(libc::shmget(libc::IPC_PRIVATE, 4096, libc::IPC_CREAT | 0o600).into())
            }
            "outlive" => said(libc::prctl(libc::PR_SET_PDEATHSIG, 0).into()),
            "new-session" => said(libc::setsid().into()),
            "io-uring" => said(libc::syscall(libc::SYS_io_uring_setup, 1, ptr::null::<u8>())),
            "unshare" => said(libc::unshare(libc::CLONE_NEWUSER).into()),
            "stay-root" if libc::geteuid() == 0 => Ok(()),
            "stay-root" => Err(io::Error::from_raw_os_error(libc::EPERM)),
            "be-root" => said(libc::setuid(0).into()),
            "unconfine" => {
                said(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_STRICT).into())
            }
            "raise-limit" => {
                let most = libc::rlimit { rlim_cur: 1 << 40, rlim_max: 1 << 40 };
                said(libc::setrlimit(libc::RLIMIT_FSIZE, &raw const most).into())
            }
            "descriptors" => loop {
                said(libc::dup(0).into())?;
            },
            "fill" => {
                // The signal that comes with it would end the process.
                libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
                let file = fs::File::options().write(true).create(true).truncate(false).open(on)?;
                std::os::unix::fs::FileExt::write_at(&file, b"x", 4 << 30).map(drop)
            }
            "much-memory" => {
                let (size, flags) = (64 << 30, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
                let memory = libc::mmap(ptr::null_mut(), size, libc::PROT_READ, flags, -1, 0);
                said(if memory == libc::MAP_FAILED { -1 } else { 0 })
            }
            "descriptor" => said(libc::fcntl(number()?, libc::F_GETFD).into()),
            "own-signal" => {
                libc::signal(libc::SIGUSR1, libc::SIG_IGN);
                said(libc::raise(libc::SIGUSR1).into())?;
                said(libc::kill(libc::getpid(), libc::SIGUSR1).into())
            }
            _ => need(attack),
        }
    }
}

/// What a test needs.
fn need(need: &str) -> io::Result<()> {
    match need {
        "threads" => {
            let threads: Vec<_> = (0..8).map(|_| thread::Builder::new().spawn(|| ())).collect();
            for thread in threads {
                thread?.join().map_err(|_| io::Error::other("it panicked"))?;
            }
            Ok(())
        }
        "memory" => {
            let pages = vec![1_u8; 256 << 20];
            if pages.iter().step_by(4096).all(|&byte| byte == 1) {
                Ok(())
            } else {
                Err(io::Error::other(""))
            }
        }
        "time" => {
            let begun = Instant::now();
            thread::sleep(Duration::from_millis(1));
            if begun.elapsed() >= Duration::from_millis(1) {
                Ok(())
            } else {
                Err(io::Error::other(""))
            }
        }
        "random" => fs::File::open("/dev/urandom")?.read_exact(&mut [0; 4]),
        "pair" => {
            let (mut one, mut other) = UnixStream::pair()?;
            one.set_read_timeout(Some(Duration::from_secs(1)))?;
            other.write_all(b"word")?;
            one.read_exact(&mut [0; 4])
        }
        "own-stat" => {
            let threads = fs::read_dir("/proc/self/task")?;
            for thread in threads {
                fs::read(thread?.path().join("stat"))?;
            }
            fs::read("/proc/self/statm").map(drop)
        }
        "binary" => fs::read(std::env::current_exe()?).map(drop),
        "sleep" => {
            thread::sleep(Duration::from_secs(60));
            Ok(())
        }
        "loop" => loop {
            std::hint::spin_loop();
        },
        other => Err(io::Error::other(format!("there is no attack {other}"))),
    }
}
