//! One run of a script, from its seed to its result.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::File;
use std::future::poll_fn;
use std::io::{self, Write as _};
use std::mem;
use std::os::fd::AsFd as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use report::explain::{Confidence, Explanation, Finding, overlooked};
use report::spec::{self, Breach, Kind, Rule};
use report::story::Step;
use report::{
    Check, Demand, Failure, FailureKind, Process, Record, RunResult, Story, Time, Unreadable,
    Verdict, entry_line, text,
};
use sim::context::{Context, Owner};
use sim::{Clock, ClockGuard, Ending, Meddling, Misuse};

use crate::diagnosis::{Subject, diagnose};
use crate::name::TestName;
use crate::overdue::{warn_of_handlers, warn_of_tasks};
use crate::settings::Report;
use crate::source::shown_line;
use crate::t::{Job, Notes, T};
use crate::{store, trace, vary};

/// How long a test may take, in the run's own time (MIT: 120 s of real time).
const LIMIT: Duration = Duration::from_secs(120);

/// The run that is under way, for whoever has to report on it from outside.
static CURRENT: Mutex<Option<T>> = Mutex::new(None);

thread_local! {
    /// The run of this thread. By the virtual clock a run has one thread.
    static OF_THREAD: RefCell<Option<T>> = const { RefCell::new(None) };
}

/// The run that this code belongs to, as far as that can be told.
pub(crate) fn current() -> Option<T> {
    let here = OF_THREAD.try_with(|run| run.borrow().clone()).ok().flatten();
    here.or_else(|| CURRENT.lock().clone().filter(|t| t.sim.clock() == Clock::Real))
}

/// What is done about a run of this seed that wants to end the process.
pub(crate) type OnExit = fn(&Job, u64, &supervisor::Stuck);

/// A test's script, whatever its type: what runs it is compiled once, and not once for each test.
pub(crate) type Script = Arc<dyn Fn(T) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Runs `script` once. If it meddles with the clock, runs it once more to find out at which line.
/// Tells `on_exit` if it wants to end the process, in which the tester itself runs.
pub(crate) fn run(job: Arc<Job>, seed: u64, script: Script, on_exit: OnExit) -> RunResult {
    let clock = job.settings.clock;
    let mut run = run_guarded(job.clone(), seed, script.clone(), (ClockGuard::Notices, on_exit));
    if run.has_meddled && clock == Clock::Virtual {
        let again = run_guarded(job, seed, script, (ClockGuard::Refuses, on_exit));
        if let (true, Some(named)) = (again.has_meddled, again.result.failure())
            && let Verdict::Failed { failure, .. } = &mut run.result.verdict
        {
            failure.location.clone_from(&named.location);
        }
    }
    run.result
}

/// A run that is over.
struct Run {
    result: RunResult,
    /// Whether it has moved the clock, or set it going.
    has_meddled: bool,
}

fn run_guarded(
    job: Arc<Job>,
    seed: u64,
    script: Script,
    (guard, on_exit): (ClockGuard, OnExit),
) -> Run {
    let settings = sim::Settings::new(job.seed(seed), job.settings.clock, LIMIT);
    let exiting = job.clone();
    let notes = Arc::new(Notes::of_run(job, seed));
    let settings = vary::settings(settings, &notes.variation);
    let (panicked, misused) = (notes.clone(), notes.clone());
    let meddled = Arc::new(AtomicBool::new(false));
    let meddles = meddled.clone();
    let settings = settings
        .clock_guard(guard)
        .on_panic(move |panic| panicked.panicked(panic))
        .on_misuse(move |misuse| {
            let is_unseen = !matches!(misuse.misuse, Misuse::Clock(Meddling::Paused));
            if matches!(misuse.misuse, Misuse::Clock(_)) && is_unseen {
                meddles.store(true, Ordering::Relaxed);
            }
            misused.misused(misuse);
        })
        .on_exit(move |exit| on_exit(&exiting, seed, &supervisor::Stuck::exited(exit)));
    let for_script = notes.clone();
    let result = sim::run(
        settings,
        move |sim| {
            let t = T { sim, notes: for_script };
            *CURRENT.lock() = Some(t.clone());
            OF_THREAD.replace(Some(t.clone()));
            let turns = t.clone();
            let mut script = script(t);
            async move {
                let go_on = |task: &mut TaskContext<'_>| match turns.may_go_on(task.waker()) {
                    true => script.as_mut().poll(task),
                    false => Poll::Pending,
                };
                poll_fn(go_on).await;
                turns.ends();
            }
        },
        move |sim, ending| {
            let result = conclude(&T { sim: sim.clone(), notes }, ending);
            OF_THREAD.take();
            result
        },
    );
    // Not while the lock is held: whoever has to report on a run that is stuck takes it.
    let over = CURRENT.lock().take();
    drop(over);
    Run { result, has_meddled: meddled.load(Ordering::Relaxed) }
}

/// Reads from a run that has ended what came of it, and lets its servers go.
///
/// The servers' values may be dropped before, behind this, or in it, but not while nobody watches.
fn conclude(t: &T, ending: Ending<()>) -> RunResult {
    let notes = &t.notes;
    let fail = |demand: Demand, message: &str| {
        let location =
            notes.script().step.map(|(_, location)| shown_line(location)).unwrap_or_default();
        let Demand { kind, check } = demand;
        notes.fail(Failure { kind, check, message: message.to_owned(), location, at: t.now() });
    };
    match ending {
        Ending::Finished(()) if notes.script().skipped.is_some() => {}
        Ending::Finished(()) if notes.script().measured.is_none() => {
            fail(FailureKind::Tester.into(), "the script ended without calling end()");
        }
        Ending::Finished(()) => {}
        Ending::Unwound(_) | Ending::Stopped if notes.script().skipped.is_some() => {}
        Ending::Unwound(_) | Ending::Stopped => {
            // Whatever unwound or stopped the run has noted why; this is for what did not.
            fail(FailureKind::Tester.into(), "the run was ended without a reason");
        }
        Ending::OutOfTime => {
            fail((FailureKind::Stuck, Check::InTime).into(), "test took longer than 120 seconds");
        }
    }
    let participants = notes.script().participants.take();
    if let Some(participants) = &participants
        && notes.failure().is_some()
    {
        // They are asked between polls, while they still live.
        participants.look();
    }
    let is_judged = is_shown(t) || is_strict(t);
    let story = is_judged.then(|| Story::new(&notes.history(), notes.servers()));
    if let Some(story) = &story {
        warn_of_tasks(t, story);
        warn_of_handlers(t, story);
    }
    if let Some(participants) = participants {
        participants.close();
    }
    // To judge a run in which much has happened takes a while, in which no clock moves.
    sim::run_is_over(|| match &story {
        Some(story) => judged(t, story),
        None => result(t, verdict(t, |failure| Verdict::unexplained(failure, String::new()))),
    })
}

/// Whether anybody reads more of a run than its verdict. Of varied runs only that counts, unless somebody wants to see
/// one.
fn is_shown(t: &T) -> bool {
    let job = &t.notes.job;
    !job.is_varied() || job.histories.is_some()
}

/// Whether broken rules fail a run.
fn is_strict(t: &T) -> bool {
    t.notes.job.settings.strict || t.notes.script().is_strict
}

/// The verdict on a run. `failed` makes it if the run has failed.
fn verdict(t: &T, failed: impl FnOnce(Failure) -> Verdict) -> Verdict {
    let skipped = t.notes.script().skipped.take();
    match (t.notes.failure(), skipped) {
        (Some(failure), _) => failed(failure),
        (None, Some(reason)) => Verdict::Skipped { reason },
        (None, None) => {
            Verdict::Passed(t.notes.script().measured.expect("a run without it has failed"))
        }
    }
}

/// Judges a run by what it has left. No code under test runs here.
fn judged(t: &T, story: &Story) -> RunResult {
    let broken = judge(t, story);
    let verdict = verdict(t, |failure| failed(t, story, failure, String::new()));
    print!("{}", log(t));
    let doubts = doubts(t, story, &broken, &verdict);
    if verdict.failure().is_none() {
        warn_of_unsafe(t, &broken, &doubts);
    }
    RunResult { doubts, ..result(t, verdict) }
}

/// What is wrong although the run has passed, each rule once: why things were as the script has warned of, and what
/// no check has noticed.
fn doubts(t: &T, story: &Story, broken: &[Breach], verdict: &Verdict) -> Vec<Finding> {
    let Verdict::Passed(_) = verdict else { return Vec::new() };
    let suspicions = mem::take(&mut t.notes.script().suspicions);
    let first = |suspicion: &Failure| report::explain(story, suspicion).findings.into_iter().next();
    let suspected = suspicions.iter().filter_map(first);
    let suspected = suspected.filter(|finding| finding.confidence != Confidence::Unknown);
    let mut told = BTreeSet::new();
    let all = suspected.chain(overlooked(story, broken));
    all.filter(|finding| told.insert(finding.id.clone())).collect()
}

/// Holds a run against the rules: what is unsafe fails it, if that is asked for. Returns the promises that it is proven
/// to break.
fn judge(t: &T, story: &Story) -> Vec<Breach> {
    if t.notes.failure().is_some() {
        return Vec::new(); // they are heard as evidence then
    }
    if let Some(why) = Unreadable::of(story) {
        t.notes.script().unreadable = Some(why);
        t.warn(why.to_string());
    }
    let broken = spec::broken_promises(story);
    let mut first = broken.iter().filter(|breach| breach.rule.kind == Kind::Safety);
    if let Some(breach) = first.next().filter(|_| is_strict(t)) {
        let Rule { id, says, place, .. } = *breach.rule;
        t.notes.fail(Failure {
            kind: FailureKind::Safety,
            check: Check::Rule { id: id.into() },
            message: format!(
                "rule {}: {}\n  rule      {says} ({place})",
                breach.rule.name(),
                breach.what
            ),
            location: String::new(),
            at: breach.at.at,
        });
    }
    broken
}

/// Warns of what is unsafe, unless a finding says it better.
fn warn_of_unsafe(t: &T, broken: &[Breach], doubts: &[Finding]) {
    let is_found = |rule: &Rule| doubts.iter().any(|doubt| doubt.id == rule.id);
    let is_unsafe = |breach: &&Breach| breach.rule.kind == Kind::Safety && !is_found(breach.rule);
    for breach in broken.iter().filter(is_unsafe) {
        let Rule { says, place, .. } = *breach.rule;
        let (name, at, what) = (breach.rule.name(), breach.at.at, &breach.what);
        t.warn(format!(
            "warning: rule {name} at {at} s: {what} (rule: {says}; {place}). LAB_STRICT=1 fails the run"
        ));
    }
}

/// The script's step and its line.
pub(crate) fn script_line(t: &T) -> String {
    let mut text = String::new();
    if let Some((what, location)) = t.notes.script().step {
        entry_line(&mut text, "script", format_args!("{}, in {what}()", shown_line(location)));
    }
    text
}

/// The same of an earlier step.
fn step_line(step: &Step) -> String {
    let mut text = String::new();
    if let Some((file, number)) = &step.line {
        entry_line(&mut text, "script", format_args!("{file}:{number}, in {}()", step.what));
    }
    text
}

/// The verdict on a run that has failed: with all that its story tells, and with what else is known.
fn failed(t: &T, story: &Story, failure: Failure, more: String) -> Verdict {
    let mut evidence = match &failure.check {
        // It was noticed when the script was over.
        Check::Rule { .. } => story.step_at(failure.at).map_or(String::new(), step_line),
        _ => script_line(t),
    };
    let (mut timeline, mut explanation) = (String::new(), Explanation::default());
    if story.servers > 0 && is_shown(t) {
        explanation = report::explain(story, &failure);
        evidence.push_str(&text::summary(story, &failure, &explanation));
        timeline = text::timeline(story, &failure, &explanation);
    }
    evidence.push_str(&more);
    Verdict::Failed { failure, evidence, timeline, explanation }
}

fn result(t: &T, verdict: Verdict) -> RunResult {
    let Job { test, settings, histories, .. } = &*t.notes.job;
    let failure = verdict.failure().cloned();
    let (mut stored, mut note) = (None, None);
    if let Some(folder) = histories
        && (failure.is_some() || settings.report == Report::Always)
    {
        match store::save(folder, test.call, record(t, failure)) {
            Ok(path) => stored = path,
            Err(error) => {
                note =
                    Some(format!("failed to store the history in {}: {error}", folder.display()));
            }
        }
    }
    let sent = store::sends_records().then(|| {
        let mut record = record(t, verdict.failure().cloned());
        if store::has_marks() {
            record.be_whole();
        }
        Box::new(record)
    });
    let story = t.notes.script();
    let history = t.notes.history();
    let trace = trace::is_wanted().then(|| {
        let events = history.events().iter();
        let line = |event| serde_json::to_string(event).unwrap_or_else(|error| error.to_string());
        events.map(line).collect()
    });
    let prefix = t.notes.variation.prefix.and_then(|until| history.hash_before(until));
    let draws = vary::draws(&t.sim);
    RunResult {
        test: test.short.clone(),
        call: test.call.ordinal,
        seed: t.notes.number,
        choices: test.choices.clone(),
        verdict,
        process: Process::Survived,
        not_run: 0,
        banner: story.banner.clone(),
        warnings: story.warnings.clone(),
        unreadable: story.unreadable,
        doubts: Vec::new(),
        history: t.notes.hash(&history),
        printed: String::new(),
        note,
        stored,
        trace,
        record: sent,
        prefix,
        draws,
    }
}

/// What servers logged in a run, if that is to be printed: where what it printed itself goes.
fn log(t: &T) -> String {
    let level = t.notes.job.settings.log.into_level();
    level.map_or(String::new(), |level| text::log(&t.notes.history(), Some(level.as_str())))
}

/// The run as it is stored.
fn record(t: &T, failure: Option<Failure>) -> Record {
    let Job { test, settings, .. } = &*t.notes.job;
    let seed = t.sim.seed();
    let story = t.notes.script();
    let history = t.notes.history();
    Record {
        format: Record::FORMAT,
        test: test.short.clone(),
        replay: test.replay_command(settings, seed),
        seed,
        clock: match settings.clock {
            Clock::Virtual => "virtual".to_owned(),
            Clock::Real => "real".to_owned(),
        },
        banner: story.banner.clone(),
        servers: story.servers as u32,
        failure,
        history: format!("{:016x}", t.notes.hash(&history)),
        end: t.now(),
        warnings: story.warnings.clone(),
        dropped: history.dropped(),
        events: history.events().to_vec(),
    }
}

/// The result of the run that is under way in this process and gets nowhere, or ends here; it has
/// `printed` this. The simulated thread is beyond asking, and may hold any lock of the code under test.
pub(crate) fn stuck(
    test: &TestName,
    seed: u64,
    stuck: &supervisor::Stuck,
    printed: &str,
) -> RunResult {
    let t = current().or_else(|| CURRENT.lock().clone());
    let sim = t.as_ref().map(|t| t.sim.clone());
    // A thread that has died while it told the tester something keeps the tester's lock.
    let is_dead = matches!(stuck.why, supervisor::Why::Signal(_));
    let t = t.filter(|t| !is_dead || t.notes.are_free());
    let story = t.as_ref().map(|t| Story::new(&t.notes.history(), t.notes.servers()));
    let process = match stuck.why {
        supervisor::Why::Exit | supervisor::Why::Signal(_) | supervisor::Why::Interrupted => {
            Process::Died
        }
        supervisor::Why::Loop
        | supervisor::Why::Blocked
        | supervisor::Why::Memory
        | supervisor::Why::Slow { .. }
        | supervisor::Why::Overtime
        | supervisor::Why::Drop => Process::Hung,
    };
    let diagnosis = diagnose(sim.as_ref(), stuck, printed);
    let context = match diagnosis.subject {
        Subject::RunningCode => stuck.context,
        Subject::Other(context) => Some(context),
        Subject::Named(_) => None,
    };
    let who = context.map_or(String::new(), |Context { owner, activity }| {
        let crashed = story.as_ref().and_then(|story| crashed_at(story, owner));
        let crashed = crashed.map_or(String::new(), |at| format!(", crashed at {at} s"));
        format!("server {}{crashed}, in {activity}: ", owner.server)
    });
    let innermost = || stuck.stack.first().cloned();
    // Between its turns a task is on no stack.
    let spawned = || context?.activity.spawned_at().map(shown_line);
    let failure = Failure {
        kind: diagnosis.kind,
        check: diagnosis.check(stuck),
        message: format!("{who}{}", diagnosis.sentence),
        location: diagnosis.location.or_else(innermost).or_else(spawned).unwrap_or_default(),
        at: t.as_ref().map_or(Time(0), T::now),
    };
    let mut evidence = String::new();
    if let Some(why) = stuck.no_lines {
        entry_line(&mut evidence, "stack", format_args!("{why}"));
    }
    for (i, frame) in stuck.stack.iter().enumerate() {
        let label = if i == 0 { "stack" } else { "" };
        entry_line(&mut evidence, label, format_args!("{frame}"));
    }
    // What was noted before may be the reason, such as a blocking sleep in a loop.
    let noted = t.as_ref().and_then(|t| t.notes.failure());
    let is_over = stuck.why == supervisor::Why::Drop;
    if (is_dead || is_over) && noted.is_some() {
        entry_line(&mut evidence, "then", format_args!("{}", failure.message));
    }
    let failure = noted.unwrap_or(failure);
    let result = match t.as_ref().zip(story) {
        Some((t, story)) => {
            let verdict = failed(t, &story, failure, evidence);
            // Not by `print!`: the simulated thread may hold its lock.
            let stdout = io::stdout().as_fd().try_clone_to_owned().map(File::from);
            let _ = stdout.and_then(|mut stdout| stdout.write_all(log(t).as_bytes()));
            result(t, verdict)
        }
        None => test.result_without_run(seed, Verdict::unexplained(failure, evidence)),
    };
    RunResult { process, ..result }
}

/// When the life ended whose code it is; `None` if it goes on.
fn crashed_at(story: &Story, owner: Owner) -> Option<Time> {
    let mut lives = story.lives.get(owner.server as usize)?.iter();
    Some(lives.find(|life| life.incarnation == owner.incarnation)?.until?.at)
}
