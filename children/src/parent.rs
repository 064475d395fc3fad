//! Handing out seeds to children, and collecting what comes of them.
//!
//! A child that dies or falls silent costs the one seed that it was at; the parent says how it died and goes on with
//! another child. What the code under test prints goes to a file that parent and child share, and comes back with the
//! run's result.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, Write as _};
use std::net::Shutdown;
use std::num::NonZeroUsize;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parking_lot::Mutex;

use crate::connection::{self, Wants};
use crate::death::Death;
use crate::nonce::Nonce;
use crate::output;
use crate::patience::{self, Silence};
use crate::permits::Permits;
use crate::proc_stat::Stat;
use crate::wire::{self, Frame};

/// How long a child may take to end when it has closed its end of the socket.
const END: Duration = Duration::from_secs(3);

/// How long a child that is asked to stop may take to tell how far its run had come.
const TELL: Duration = Duration::from_secs(8);

/// How much later than its child a process may be interrupted.
const INTERRUPT: Duration = Duration::from_millis(500);

/// How often it is looked at meanwhile.
const LOOK_FOR_END: Duration = Duration::from_millis(5);

/// How many seeds a child has in hand: enough that it never waits for the next. Fewer where there are
/// few, so that each child has its share.
const IN_HAND: usize = 32;

/// What came of one seed.
#[derive(Debug)]
pub struct Done {
    /// The seed.
    pub seed: u64,
    /// The result that the child sent, or how it died.
    pub result: Result<Vec<u8>, Death>,
    /// What the run printed, or its last part.
    pub output: String,
    /// Whether its process ended with it.
    pub is_last: bool,
}

/// How the runs are shared out among processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// A child takes one seed after another.
    Batch,
    /// Each run has a child of its own.
    Process,
}

/// Who has runs made in children: how these are started and ended, and when it is enough.
pub trait Host: Sync {
    /// The command that starts a child.
    ///
    /// # Errors
    /// If there can't be one.
    fn command(&self) -> io::Result<Command>;

    /// What it wants of the runs.
    fn wants(&self) -> Wants {
        Wants::Results
    }

    /// The most bytes that the result of a run may have.
    fn most(&self) -> u64 {
        wire::MOST
    }

    /// Starts a child.
    ///
    /// # Errors
    /// If it can't be started.
    fn start(&self, command: &mut Command) -> io::Result<Child> {
        command.spawn()
    }

    /// Ends a child by force.
    fn kill(&self, child: &mut Child) {
        let _ = child.kill();
    }

    /// A child, which had this number, has been waited for. It has used so much CPU time, as far as that is known.
    fn has_ended(&self, _child: u32, _cpu: Duration) {}

    /// What limits children of all calls together; `None` if nothing does.
    fn permits(&self) -> Option<&Permits> {
        None
    }

    /// Whether the user has had enough: no more runs are begun, and children are asked to stop.
    fn is_interrupted(&self) -> bool;

    /// When a child that still runs is ended by force; `None` for never.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Whether no more runs are to be begun, now that this has come of one.
    fn is_enough(&self, done: &Done) -> bool;
}

/// Runs all `seeds` in children, at most `jobs` of them at a time, and returns what came of each, in the seeds' order.
///
/// Asks after each run whether that was enough. If it was, or if the host is interrupted, no more
/// are begun, and those that were not are missing in what is returned.
///
/// # Errors
/// If a child can't be started.
pub fn run_in_children(
    seeds: &[u64],
    jobs: NonZeroUsize,
    isolation: Isolation,
    host: &dyn Host,
) -> io::Result<Vec<Done>> {
    let workers = jobs.get().min(seeds.len());
    let in_hand = IN_HAND.min(seeds.len().div_ceil(workers.max(1)));
    let queue = Queue::new(seeds, in_hand, host);
    let work = || -> io::Result<()> {
        while !queue.is_empty() {
            let _permit = host.permits().map(Permits::acquire);
            queue.serve_one_child(isolation)?;
        }
        Ok(())
    };
    let outcome = thread::scope(|scope| {
        let name = thread::current().name().unwrap_or("run").to_owned();
        let threads: Vec<_> = (0..workers)
            .map(|_| {
                let thread = thread::Builder::new().name(name.clone());
                thread.spawn_scoped(scope, work)
            })
            .collect::<io::Result<_>>()?;
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().expect("a worker's thread doesn't panic"))
    });
    outcome?;
    let mut done = queue.done.into_inner();
    done.sort_by_key(|(position, _)| *position);
    Ok(done.into_iter().map(|(_, done)| done).collect())
}

/// Makes the process that `command` starts have the same addresses each time, where the system can.
pub fn without_address_randomisation(command: &mut Command) {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::personality::{self, Persona};
        let fix = || {
            // Where that is forbidden the addresses stay random, which is what they'd be anyway.
            let _ = personality::set(Persona::ADDR_NO_RANDOMIZE);
            Ok(())
        };
        // SAFETY: the closure makes one system call and neither allocates nor locks.
        unsafe { std::os::unix::process::CommandExt::pre_exec(command, fix) };
    }
}

/// A seed and its place among all.
type Job = (usize, u64);

/// What is left to do, and what is done.
struct Queue<'a> {
    host: &'a dyn Host,
    /// Whether no more are to be begun.
    is_closed: AtomicBool,
    /// How many seeds a child has in hand.
    in_hand: usize,
    todo: Mutex<VecDeque<Job>>,
    /// Seeds of which one took its child along, to be run one by one.
    suspects: Mutex<VecDeque<Job>>,
    done: Mutex<Vec<(usize, Done)>>,
}

impl<'a> Queue<'a> {
    fn new(seeds: &[u64], in_hand: usize, host: &'a dyn Host) -> Queue<'a> {
        Queue {
            host,
            is_closed: AtomicBool::new(false),
            in_hand,
            todo: Mutex::new(seeds.iter().copied().enumerate().collect()),
            suspects: Mutex::new(VecDeque::new()),
            done: Mutex::new(Vec::with_capacity(seeds.len())),
        }
    }

    fn is_empty(&self) -> bool {
        self.is_closed() || self.todo.lock().is_empty() && self.suspects.lock().is_empty()
    }

    fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed) || self.host.is_interrupted()
    }

    fn next(&self, source: &Mutex<VecDeque<Job>>) -> Option<Job> {
        if self.is_closed() { None } else { source.lock().pop_front() }
    }

    fn finish(&self, (position, _): Job, done: Done) {
        if self.host.is_enough(&done) {
            self.is_closed.store(true, Ordering::Relaxed);
        }
        self.done.lock().push((position, done));
    }

    /// Starts a child and gives it seeds until there are none left or it dies.
    fn serve_one_child(&self, isolation: Isolation) -> io::Result<()> {
        // Suspects run one by one, so that it is plain which of them it was.
        let (source, in_hand) = match (isolation, self.suspects.lock().is_empty()) {
            (Isolation::Batch, true) => (&self.todo, self.in_hand),
            (Isolation::Batch, false) => (&self.suspects, 1),
            (Isolation::Process, true) => (&self.todo, 1),
            (Isolation::Process, false) => (&self.suspects, 1),
        };
        let mut served = 0;
        let mut child = Worker::start(self.host)?;
        let mut given: VecDeque<Job> = VecDeque::new();
        loop {
            while given.len() < in_hand && (isolation == Isolation::Batch || served == 0) {
                let Some(job) = self.next(source) else { break };
                served += 1;
                given.push_back(job);
                if child.give(job.1).is_err() {
                    break; // it has died, as the next read will tell
                }
            }
            if given.is_empty() {
                child.dismiss();
                return Ok(());
            }
            let is_given = |seed| given.iter().position(|job| job.1 == seed);
            let word = child.next().and_then(|frame| match frame {
                Frame::Ready | Frame::Alive | Frame::Leaving => Ok(None),
                Frame::Result { seed, result, output } => match is_given(seed) {
                    Some(place) => Ok(Some((place, result, output))),
                    None => Err(Some(Death::Garbled(format!(
                        "a result of seed {seed}, which it wasn't given"
                    )))),
                },
            });
            match word {
                Ok(None) => {}
                Ok(Some((place, result, output))) => {
                    let job = given.remove(place).expect("it is there");
                    let seed = job.1;
                    let output = String::from_utf8_lossy(&output).into_owned();
                    let is_last = child.is_leaving;
                    self.finish(job, Done { seed, result: Ok(result), output, is_last });
                    if child.is_leaving {
                        // The others are not to blame for its end.
                        given.into_iter().rev().for_each(|job| source.lock().push_front(job));
                        child.dismiss();
                        return Ok(());
                    }
                }
                Err(death) => {
                    let (death, output) = child.bury(death);
                    if is_of_an_interrupt(self.host, &death) {
                        return Ok(());
                    }
                    if given.len() == 1 || death == Death::NotAWorker {
                        for job in given {
                            let (result, output) = (Err(death.clone()), output.clone());
                            self.finish(job, Done { seed: job.1, result, output, is_last: true });
                        }
                    } else {
                        self.suspects.lock().extend(given);
                    }
                    return Ok(());
                }
            }
        }
    }
}

/// Whether a child has died because the user has had enough, so that no run is to blame. The signal that
/// ends a group of processes may come to the child first.
fn is_of_an_interrupt(host: &dyn Host, death: &Death) -> bool {
    let may_be_first = match death {
        Death::NotAWorker => true,
        Death::Signalled(signal) => [libc::SIGINT, libc::SIGTERM, libc::SIGHUP].contains(signal),
        Death::Exited(_) | Death::Silent | Death::Stopped | Death::Late => false,
        Death::Garbled(_) => return false,
    };
    let begun = Instant::now();
    while may_be_first && !host.is_interrupted() && begun.elapsed() < INTERRUPT {
        thread::sleep(LOOK_FOR_END);
    }
    host.is_interrupted()
}

/// A child, as its parent sees it.
struct Worker<'a> {
    host: &'a dyn Host,
    nonce: Nonce,
    process: Child,
    socket: UnixStream,
    reader: BufReader<UnixStream>,
    output: File,
    is_ready: bool,
    is_leaving: bool,
    /// When it was asked to stop.
    asked_to_stop: Option<Instant>,
}

impl<'a> Worker<'a> {
    fn start(host: &'a dyn Host) -> io::Result<Worker<'a>> {
        let (mut socket, theirs) = UnixStream::pair()?;
        socket.set_read_timeout(Some(patience::AT_MOST))?; // for the rest of what it has begun to say
        let output = output::nameless_file()?;
        let nonce = Nonce::fresh()?;
        socket.write_all(nonce.text())?;
        socket.write_all(&[host.wants().byte()])?;
        let mut command = host.command()?;
        command
            .stdin(Stdio::null())
            .stdout(Stdio::from(output.try_clone()?))
            .stderr(Stdio::from(output.try_clone()?));
        connection::pass_on(&mut command, &theirs);
        let process = host.start(&mut command)?;
        let reader = BufReader::new(socket.try_clone()?);
        let (is_ready, is_leaving, asked_to_stop) = (false, false, None);
        Ok(Worker {
            host,
            nonce,
            process,
            socket,
            reader,
            output,
            is_ready,
            is_leaving,
            asked_to_stop,
        })
    }

    fn give(&mut self, seed: u64) -> io::Result<()> {
        self.socket.write_all(&seed.to_le_bytes())
    }

    /// The child's next word; or, if there will be none, what it has died of so far as that is known.
    fn next(&mut self) -> Result<Frame, Option<Death>> {
        if self.is_late() {
            return Err(Some(Death::Late));
        }
        if self.reader.buffer().is_empty() {
            self.wait_for_word()?;
        }
        let mut reader = Until { from: &mut self.reader, host: self.host };
        let frame = wire::read(&mut reader, &self.nonce, self.host.most()).map_err(|error| {
            let is_garbled = error.kind() == io::ErrorKind::InvalidData;
            let garbled = is_garbled.then(|| Death::Garbled(error.to_string()));
            garbled.or_else(|| is_late(self.host).then_some(Death::Late))
        })?;
        self.is_ready |= matches!(frame, Frame::Ready);
        self.is_leaving |= matches!(frame, Frame::Leaving);
        Ok(frame)
    }

    fn wait_for_word(&mut self) -> Result<(), Option<Death>> {
        let mut silence = Silence::begin(self.process.id());
        loop {
            if self.host.is_interrupted() && self.is_ready {
                let asked = self.asked_to_stop.get_or_insert_with(|| {
                    // It may have heard of it already, together with this process.
                    interrupt(self.process.id());
                    Instant::now()
                });
                if asked.elapsed() > TELL {
                    return Err(Some(Death::Late));
                }
            }
            if self.is_late() {
                return Err(Some(Death::Late));
            }
            // As a rule the socket's other end is closed when it ends; but not if a process that it has
            // started holds it, too. What it said before is still there to be read.
            let has_ended = self.process.try_wait().is_ok_and(|status| status.is_some());
            if self.has_word(if has_ended { Duration::ZERO } else { patience::LOOK }) {
                return Ok(());
            }
            if has_ended {
                return Err(None);
            }
            if let Some(death) = silence.look(self.is_ready) {
                return Err(Some(death));
            }
        }
    }

    fn is_late(&self) -> bool {
        is_late(self.host)
    }

    /// Whether there is something to read, or the end of it. Waits for at most so long.
    fn has_word(&self, at_most: Duration) -> bool {
        let mut socket = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        let at_most = PollTimeout::try_from(at_most).unwrap_or(PollTimeout::ZERO);
        poll(&mut socket, at_most).is_ok_and(|ready| ready > 0)
    }

    /// There is nothing left to do for the child.
    fn dismiss(mut self) {
        // It ends by itself when it reads the end of its input; if it is beyond reading, by force.
        let _ = self.socket.shutdown(Shutdown::Both);
        self.end();
    }

    fn end(&mut self) {
        let stat = Stat::read(&PathBuf::from(format!("/proc/{}", self.process.id())));
        self.host.kill(&mut self.process);
        let _ = self.process.wait();
        self.host.has_ended(self.process.id(), stat.map_or(Duration::ZERO, |stat| stat.cpu));
    }

    /// Finds out how the child died, unless that is known, and what it has printed. It may be alive, but
    /// not for long.
    fn bury(mut self, known: Option<Death>) -> (Death, String) {
        let begun = Instant::now();
        let mut status = None;
        while known.is_none() && status.is_none() && begun.elapsed() < END {
            status = self.process.try_wait().unwrap_or_default();
            if status.is_none() {
                thread::sleep(LOOK_FOR_END);
            }
        }
        self.end();
        let death = match known.or(status.map(how)) {
            _ if !self.is_ready => Death::NotAWorker,
            Some(death) => death,
            None => Death::Silent,
        };
        (death, output::tail(&mut self.output))
    }
}

fn is_late(host: &dyn Host) -> bool {
    host.deadline().is_some_and(|deadline| Instant::now() >= deadline)
}

/// Asks a process to stop. If it has ended meanwhile there is nobody to ask.
fn interrupt(process: u32) {
    if let Ok(process) = i32::try_from(process) {
        let _ = kill(Pid::from_raw(process), Signal::SIGTERM);
    }
}

/// What a child sends, as long as it isn't late: it may send a frame byte by byte.
struct Until<'a, R> {
    from: &'a mut R,
    host: &'a dyn Host,
}

impl<R: io::Read> io::Read for Until<'_, R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if is_late(self.host) { Err(io::ErrorKind::TimedOut.into()) } else { self.from.read(to) }
    }
}

fn how(status: ExitStatus) -> Death {
    match (status.code(), status.signal()) {
        (Some(code), _) => Death::Exited(code),
        (None, Some(signal)) => Death::Signalled(signal),
        (None, None) => Death::Silent,
    }
}
