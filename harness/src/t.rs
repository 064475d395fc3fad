//! One run of a test: where failures, warnings and the history go.

use std::fmt;
use std::panic::{self, Location};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::task::Waker;

use parking_lot::{Mutex, MutexGuard};
use report::{
    Check, Demand, EventKind, Failure, FailureKind, History, Mark, Measured, Record, StepKind,
    Time, Unreadable, Variation, entry_line, text,
};
use sim::context::Context;
use sim::{Misuse, Misused, Panic, Sim};

use crate::blame::{self, Blame};
use crate::name::TestName;
use crate::settings::Settings;
use crate::source::{shown_file, shown_line};
use crate::store;

/// One run of a test, as the script sees it: what `t *testing.T` is in Go. Clones are the same run.
#[derive(Clone, Debug)]
pub struct T {
    pub(crate) sim: Sim,
    pub(crate) notes: Arc<Notes>,
}

/// What all runs of a test have in common.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) test: TestName,
    pub(crate) settings: Settings,
    /// Where their histories are to be stored, if at all.
    pub(crate) histories: Option<PathBuf>,
    /// How each run parts from its seed's, in turn; empty if none does.
    pub(crate) variations: Vec<Variation>,
    /// The run that is to be made again without its servers' code.
    pub(crate) judged: Option<Arc<Record>>,
}

/// Is told of what is recorded, before it is.
type OnRecord = Box<dyn Fn(Time, &EventKind) + Send + Sync>;

/// Says whether the task with this waker may make use of its turn.
type Gate = Box<dyn Fn(&Waker) -> bool + Send + Sync>;

/// What is noted in the course of a run.
pub(crate) struct Notes {
    pub(crate) job: Arc<Job>,
    /// Which run it is: its seed, or the first run's and its place behind that.
    pub(crate) number: u64,
    /// How it parts from its seed's.
    pub(crate) variation: Variation,
    history: Mutex<History>,
    failure: Mutex<Option<Failure>>,
    script: Mutex<ScriptState>,
    on_record: OnceLock<OnRecord>,
    gate: OnceLock<Gate>,
    /// The history's hash when the script came to its end.
    ended: OnceLock<u64>,
}

impl fmt::Debug for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notes").field("number", &self.number).finish_non_exhaustive()
    }
}

/// What the script has told so far.
#[derive(Debug, Default)]
pub(crate) struct ScriptState {
    pub(crate) banner: String,
    pub(crate) warnings: Vec<String>,
    /// What was warned of, as if it had failed the run.
    pub(crate) suspicions: Vec<Failure>,
    /// Why the rules could not judge the run, if they could not.
    pub(crate) unreadable: Option<Unreadable>,
    pub(crate) measured: Option<Measured>,
    pub(crate) participants: Option<Arc<dyn Participants>>,
    /// How many servers take part.
    pub(crate) servers: usize,
    /// The step that the script is at, and its line.
    pub(crate) step: Option<(&'static str, &'static Location<'static>)>,
    /// A broken safety rule fails this run, whatever the settings say.
    pub(crate) is_strict: bool,
    /// Why the script has skipped the run, if it has.
    pub(crate) skipped: Option<String>,
}

/// Those who take part in a run: a cluster of servers. The run asks them for what only they know.
pub trait Participants: fmt::Debug + Send + Sync {
    /// Records what each server is now, also if it isn't new. It is called when the run has failed, between
    /// polls, while all of them live.
    fn look(&self);

    /// The run is over: they end. They may fail at that.
    fn close(&self);
}

/// How far the lines of a panic's message are indented, all but the first: as what stands beside labels.
const MESSAGE: usize = 12;

/// What the script of a failed or skipped run unwinds with. Why it does has been noted.
struct Fatal;

impl Notes {
    /// A run of which nothing is noted yet.
    pub(crate) fn of_run(job: Arc<Job>, number: u64) -> Notes {
        Notes {
            number,
            variation: job.variation(number),
            job,
            history: Mutex::default(),
            failure: Mutex::default(),
            script: Mutex::default(),
            on_record: OnceLock::new(),
            gate: OnceLock::new(),
            ended: OnceLock::new(),
        }
    }

    /// What identifies the run: its history's hash, as it was when the script came to its end, if it did. What else
    /// happened at that instant is chance's.
    pub(crate) fn hash(&self, history: &History) -> u64 {
        self.ended.get().copied().unwrap_or_else(|| history.hash())
    }

    /// How many servers take part; 0 before they are attached.
    pub(crate) fn servers(&self) -> usize {
        self.script().servers
    }

    /// Notes a failure, unless there is one already.
    pub(crate) fn fail(&self, failure: Failure) {
        // Whatever is in it comes to a terminal.
        let message = text::escaped(&failure.message).into_owned();
        self.failure.lock().get_or_insert(Failure { message, ..failure });
    }

    pub(crate) fn failure(&self) -> Option<Failure> {
        self.failure.lock().clone()
    }

    pub(crate) fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock()
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, ScriptState> {
        self.script.lock()
    }

    /// Whether nobody is at the notes: a thread that died there would be for ever.
    pub(crate) fn are_free(&self) -> bool {
        [self.history.is_locked(), self.failure.is_locked(), self.script.is_locked()] == [false; 3]
    }

    /// A panic in anybody's code is a failure.
    pub(crate) fn panicked(&self, panic: Panic) {
        let Panic { message, is_assertion, location, at, context } = panic;
        let who = match context {
            Some(Context { owner, activity }) => {
                format!("server {} panicked in {activity}", owner.server)
            }
            None => "panicked".to_owned(),
        };
        self.fail(Failure {
            kind: FailureKind::Panic,
            check: Blame::of(context).panicked(is_assertion),
            message: format!("{who}: {}", text::indented(&message, MESSAGE)),
            location,
            at: Time::from(at),
        });
    }
}

impl Notes {
    /// What must not be done in a simulation is a failure, too.
    pub(crate) fn misused(&self, misused: Misused) {
        let Misused { misuse, location, at, context } = misused;
        let who = context.filter(|_| !misuse.names_server()).map_or(String::new(), |context| {
            format!("server {}, in {}: ", context.owner.server, context.activity)
        });
        let mut message = format!("{who}{}", text::indented(&misuse.to_string(), MESSAGE));
        // The others have no line, or have one that needs no debug information.
        let has_line = matches!(
            misuse,
            Misuse::BlockingSleep(_)
                | Misuse::OsThread
                | Misuse::File(_)
                | Misuse::Socket
                | Misuse::Process
        );
        if let Some(why) = sim::why_no_lines().filter(|_| has_line && location.is_none()) {
            message.push('\n');
            entry_line(&mut message, "line", format_args!("{why}"));
            message.truncate(message.trim_end().len());
        }
        self.fail(Failure {
            kind: FailureKind::Misuse,
            check: blame::did(&misuse, context),
            message,
            location: location.unwrap_or_default(),
            at: Time::from(at),
        });
    }
}

impl T {
    /// The run's clock, streams and stop.
    #[must_use]
    pub fn sim(&self) -> &Sim {
        &self.sim
    }

    /// How the tests are to be run.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.notes.job.settings
    }

    /// How the run parts from its seed's; by default it doesn't.
    #[must_use]
    pub fn variation(&self) -> &Variation {
        &self.notes.variation
    }

    /// The run's time.
    #[must_use]
    pub fn now(&self) -> Time {
        Time::from(self.sim.now())
    }

    /// The run's history so far. Nothing may be recorded while it is held.
    pub fn history(&self) -> MutexGuard<'_, History> {
        self.notes.history()
    }

    /// From now on `participants`, of which `servers` are servers, take part in the run.
    pub fn attach(&self, servers: usize, participants: Arc<dyn Participants>) {
        let mut script = self.notes.script();
        script.servers = servers;
        script.participants = Some(participants);
    }

    /// Names the test, in MIT's words: `Test (3A): initial election`.
    pub fn set_banner(&self, banner: &str) {
        self.notes.script().banner = banner.to_owned();
    }

    /// The test has passed, if nothing has failed, and has measured this. A script must come to it.
    pub fn end(&self, measured: Measured) {
        self.notes.script().measured = Some(measured);
    }

    /// Records that something has happened, now.
    pub fn record(&self, kind: EventKind) {
        self.record_at(self.now(), kind);
    }

    /// Records that something has happened.
    pub fn record_at(&self, at: Time, kind: EventKind) {
        if let Some(on_record) = self.notes.on_record.get() {
            on_record(at, &kind);
        }
        self.notes.history().record(at, kind);
    }

    /// From now on `on_record` is told of all that is recorded, before it is, but for what servers are seen to be. Locks
    /// of the network's may be held then. Only the first counts.
    pub fn on_record(&self, on_record: impl Fn(Time, &EventKind) + Send + Sync + 'static) {
        let _ = self.notes.on_record.set(Box::new(on_record));
    }

    /// From now on `gate` says whether script and network may make use of their turns. If not, it sees to it that they are
    /// woken later. Only the first counts.
    pub fn set_gate(&self, gate: impl Fn(&Waker) -> bool + Send + Sync + 'static) {
        let _ = self.notes.gate.set(Box::new(gate));
    }

    /// Whether the script or the network may make use of its turn.
    #[must_use]
    pub fn may_go_on(&self, waker: &Waker) -> bool {
        self.notes.gate.get().is_none_or(|gate| gate(waker))
    }

    /// Whether the run's record is to have [marks](Mark), so that the run can be made again without its servers' code.
    #[must_use]
    pub fn has_marks(&self) -> bool {
        store::has_marks()
    }

    /// Records a mark, where these are asked for.
    pub fn mark(&self, mark: impl FnOnce() -> Mark) {
        if self.has_marks() {
            self.notes.history().note(self.now(), EventKind::Mark(mark()));
        }
    }

    /// The run that this one is to be, without its servers' code.
    #[must_use]
    pub fn judged(&self) -> Option<Arc<Record>> {
        self.notes.job.judged.clone()
    }

    /// The script has come to its end, or ends the run. What happens later is no part of it.
    pub(crate) fn ends(&self) {
        if let Some(on_record) = self.notes.on_record.get() {
            on_record(self.now(), &EventKind::Mark(Mark::End));
        }
        self.mark(|| Mark::End);
        let hash = self.history().hash();
        let _ = self.notes.ended.set(hash);
    }

    /// Notes that the script has come to a step, in which it checks something or waits.
    pub fn step(&self, what: &'static str, location: &'static Location<'static>) {
        self.step_of(StepKind::Check, what, location);
    }

    /// Notes that the script has come to a step, in which it changes a server; how, is recorded next.
    pub fn step_to_change(&self, what: &'static str, location: &'static Location<'static>) {
        self.step_of(StepKind::Change, what, location);
    }

    fn step_of(&self, kind: StepKind, what: &'static str, location: &'static Location<'static>) {
        self.notes.script().step = Some((what, location));
        let (file, line) = (shown_file(location.file()), location.line());
        self.record(EventKind::Step { what: what.into(), file: file.into(), line, kind });
    }

    /// From now on a broken safety rule fails this run, as with `LAB_STRICT=1`.
    pub fn be_strict(&self) {
        self.notes.script().is_strict = true;
    }

    /// Prints a warning with the test's output. The run goes on.
    pub fn warn(&self, warning: impl Into<String>) {
        self.notes.script().warnings.push(warning.into());
    }

    /// Warns as [`warn`](T::warn) does, of what isn't as `check` has it although it is no failure. If the run passes,
    /// the report says why that is, as far as the run tells.
    pub fn suspect(&self, check: Check, warning: impl Into<String>) {
        let message = warning.into();
        self.warn(message.clone());
        let (kind, location, at) = (FailureKind::Liveness, String::new(), self.now());
        let failure = Failure { kind, check, message, location, at };
        self.notes.script().suspicions.push(failure);
    }

    /// Fails the run, at the script's line, and ends it: MIT's `t.Fatalf`. What was demanded is a
    /// [`FailureKind`], or that and a [`report::Check`], by which explanations go.
    ///
    /// Unwinds the caller. If another failure came first, that one is reported.
    #[track_caller]
    pub fn fatal(&self, demand: impl Into<Demand>, message: impl Into<String>) -> ! {
        self.fatal_at(Location::caller(), demand, message)
    }

    /// Ends the run without a failure: its scenario doesn't apply to the Raft under test, for this
    /// `reason`, such as "this Raft sends no snapshots". The run is reported as skipped, not as passed.
    /// If a failure came first, or a safety rule was broken until now, that is
    /// reported.
    ///
    /// Unwinds the caller.
    pub fn skip(&self, reason: impl Into<String>) -> ! {
        self.notes.script().skipped.get_or_insert(reason.into());
        self.ends();
        self.sim.stop();
        panic::resume_unwind(Box::new(Fatal))
    }

    /// Like [`T::fatal`], at this line.
    pub fn fatal_at(
        &self,
        location: &'static Location<'static>,
        demand: impl Into<Demand>,
        message: impl Into<String>,
    ) -> ! {
        self.fail_at(shown_line(location), demand.into(), message.into());
        panic::resume_unwind(Box::new(Fatal))
    }

    /// Fails the run from outside the script, which gets no further; at the script's present line.
    pub fn fail(&self, demand: impl Into<Demand>, message: String) {
        let step = self.notes.script().step;
        self.fail_at(
            step.map(|(_, location)| shown_line(location)).unwrap_or_default(),
            demand.into(),
            message,
        );
    }

    /// Fails the run, and stops it.
    fn fail_at(&self, location: String, demand: Demand, message: String) {
        let Demand { kind, check } = demand;
        self.notes.fail(Failure { kind, check, message, location, at: self.now() });
        self.sim.stop();
    }
}
