//! What a run that gets nowhere was at: the sentence that fits, with the numbers that show it.
//!
//! That a run has failed is decided elsewhere, by limits of CPU time and memory. Here it is only told
//! why: an endless loop is another thing than a million calls, though both take two seconds.

use report::{Check, FailureKind, with_cause};
use sim::context::Context;
use sim::{Burst, Frame, FrameSize, Misuse, Sim, Work, grouped};
use supervisor::{Printed, Stuck, Why};

use crate::blame::Blame;
use crate::source::shown_line;

/// From how many on things that happen at one instant are a mass: a hundred servers that all start an
/// election at once need some thousands.
const MASS: u64 = 10_000;

/// From how many on calls within 10 ms, or tasks that are alive, are what a run has choked on.
const GREAT_MASS: u64 = 100_000;

/// How many bytes of arguments and replies within 10 ms take seconds to encode.
const MANY_BYTES: u64 = 32_000_000;

/// From how many bytes a message on it is large, in a burst of many.
const LARGE_MESSAGE: u64 = 10_000;

/// How much a server prints that does little else.
const MANY_LINES: u64 = 100_000;
const MUCH_PRINTED: u64 = 32_000_000;

/// An allocation of so many bytes is one too large, and not one too many.
const ONE_TOO_LARGE: u64 = 1 << 30;

/// What has become of a run, for the report.
#[derive(Debug)]
pub(crate) struct Diagnosis {
    pub(crate) kind: FailureKind,
    pub(crate) sentence: String,
    /// Whether the sentence names the server itself; else it is that of the code that was running.
    pub(crate) subject: Subject,
    /// The line, if it is another than the one that was running.
    pub(crate) location: Option<String>,
}

/// Which code a sentence is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The code that was running.
    RunningCode,
    /// The code that was running when it came to this, and not when it was looked at.
    Other(Context),
    /// The sentence says it: this server's, if it is a server's.
    Named(Option<u32>),
}

impl Diagnosis {
    fn new(kind: FailureKind, sentence: String) -> Diagnosis {
        Diagnosis { kind, sentence, subject: Subject::RunningCode, location: None }
    }

    /// What was demanded of the code.
    pub(crate) fn check(&self, stuck: &Stuck) -> Check {
        let blame = match self.subject {
            Subject::RunningCode => Blame::of(stuck.context),
            Subject::Other(context) => Blame::of(Some(context)),
            Subject::Named(Some(server)) => Blame::of_server(server, stuck.context),
            Subject::Named(None) => Blame::of(None),
        };
        match (self.kind, &stuck.why) {
            (FailureKind::Panic, _) => blame.panicked(false),
            (FailureKind::Misuse, _) => blame.misused(),
            (_, Why::Blocked) => blame.blocked(),
            _ => Check::InTime,
        }
    }
}

/// Says what a run was at that gets nowhere or ends its process; `sim` is the run, if it is known, and
/// `printed` the last that it printed.
pub(crate) fn diagnose(sim: Option<&Sim>, stuck: &Stuck, printed: &str) -> Diagnosis {
    let spawned = || sim.and_then(Sim::spawned_most).map(|(at, count)| (shown_line(at), count));
    let special = match stuck.why {
        Why::Loop => sim.and_then(|sim| still(&sim.work(), supervisor::printed(), spawned())),
        Why::Memory | Why::Slow { .. } => sim.and_then(|sim| masses(&sim.work(), spawned())),
        // It couldn't have the memory: of what it has had there may be a mass.
        Why::Signal(_) if failed_allocation(printed).is_some_and(|bytes| bytes < ONE_TOO_LARGE) => {
            sim.and_then(|sim| masses(&sim.work_so_far(), spawned()))
        }
        Why::Signal(signal) => death(signal, printed),
        Why::Blocked | Why::Overtime | Why::Drop | Why::Exit | Why::Interrupted => None,
    };
    special.unwrap_or_else(|| {
        let kind = match stuck.why {
            Why::Exit => FailureKind::Misuse,
            Why::Signal(_) => FailureKind::Panic,
            Why::Interrupted
            | Why::Loop
            | Why::Blocked
            | Why::Memory
            | Why::Slow { .. }
            | Why::Overtime
            | Why::Drop => FailureKind::Stuck,
        };
        Diagnosis::new(kind, with_cause(&stuck.why.to_string(), printed))
    })
}

/// What keeps the clock from moving, if it isn't a loop that does nothing else.
fn still(work: &Work, printed: Printed, spawned: Option<(String, u64)>) -> Option<Diagnosis> {
    if printed.goes_on && (printed.lines >= MANY_LINES || printed.bytes >= MUCH_PRINTED) {
        let sentence = format!(
            "it printed {} without letting any time pass. Print once for each event, such as an election, and \
             not in a loop without an .await",
            amount_printed(printed)
        );
        return Some(Diagnosis::new(FailureKind::Stuck, sentence));
    }
    if work.encodes {
        let sentence = "it passes arguments or a reply that take seconds to encode because they are so large, \
                        or whose own Serialize or Deserialize never ends. Send only what the other server lacks";
        return Some(Diagnosis::new(FailureKind::Stuck, sentence.to_owned()));
    }
    if let Some(mass) = mass_at_one_instant(work, spawned) {
        return Some(mass);
    }
    if work.takes_turns && work.polls >= MASS {
        let spawned_at = work.last_ran.and_then(|context| context.activity.spawned_at());
        let misuse = Misuse::TimeStandsStill { polls: work.polls, spawned_at };
        // Whether that task had its turn when it was looked at is chance.
        let subject = work.last_ran.map_or(Subject::RunningCode, Subject::Other);
        let diagnosis = Diagnosis::new(FailureKind::Misuse, misuse.to_string());
        return Some(Diagnosis { subject, ..diagnosis });
    }
    None
}

/// The mass of messages or tasks that the code makes now, if it does.
fn mass_at_one_instant(work: &Work, spawned: Option<(String, u64)>) -> Option<Diagnosis> {
    if let Some(burst) = work.sending.filter(is_large) {
        return Some(of_burst(Misuse::MassOfBytes, burst));
    }
    if let Some(burst) = work.calling.filter(|burst| burst.calls >= MASS) {
        return Some(of_burst(Misuse::MassOfCalls, burst));
    }
    if work.spawned >= MASS && work.spawned >= work.polls / 4 {
        let (spawned_now, within) = (work.spawned, work.spawned_within);
        let misuse = Misuse::MassOfTasks { spawned: spawned_now, within, spawned_at: None };
        let diagnosis = Diagnosis::new(FailureKind::Misuse, misuse.to_string());
        return Some(Diagnosis { location: spawned.map(|(at, _)| at), ..diagnosis });
    }
    None
}

/// What a run has choked on, if there is a mass of it.
fn masses(work: &Work, spawned: Option<(String, u64)>) -> Option<Diagnosis> {
    if let Some(mass) = mass_at_one_instant(work, spawned.clone()) {
        return Some(mass);
    }
    if let Some(burst) = work.most_bytes.filter(is_large) {
        return Some(of_burst(Misuse::MassOfBytes, burst));
    }
    if let Some(burst) = work.most_calls.filter(|burst| burst.calls >= GREAT_MASS) {
        return Some(of_burst(Misuse::MassOfCalls, burst));
    }
    let (at, count) = spawned.filter(|(_, count)| *count >= GREAT_MASS)?;
    let sentence = format!(
        "{} tasks that were spawned at {at} are alive, more than a run can carry. Spawn one task for each peer \
         or each message, and make sure that each task ends",
        grouped(count)
    );
    let diagnosis = Diagnosis::new(FailureKind::Stuck, sentence);
    Some(Diagnosis { location: Some(at), subject: Subject::Named(None), ..diagnosis })
}

/// Whether it is the size of its messages that a burst costs, and not their number.
fn is_large(burst: &Burst) -> bool {
    burst.bytes >= MANY_BYTES && burst.bytes / burst.calls.max(1) >= LARGE_MESSAGE
}

/// A sentence that names the server, and the line that it calls from.
fn of_burst(misuse: fn(Burst) -> Misuse, burst: Burst) -> Diagnosis {
    let diagnosis = Diagnosis::new(FailureKind::Misuse, misuse(burst).to_string());
    let subject = Subject::Named(Some(burst.server));
    Diagnosis { subject, location: burst.called_at.map(shown_line), ..diagnosis }
}

/// What a signal has come from, if that shows in numbers.
fn death(signal: i32, printed: &str) -> Option<Diagnosis> {
    let death = Why::Signal(signal);
    if printed.contains("has overflowed its stack") {
        let frame = supervisor::overflowing()?;
        let sentence = format!("{death}: {}", overflow(&frame));
        let diagnosis = Diagnosis::new(FailureKind::Panic, sentence);
        return Some(Diagnosis { location: frame.line, ..diagnosis });
    }
    let sentence = if let Some(bytes) = failed_allocation(printed)
        .filter(|bytes| *bytes >= ONE_TOO_LARGE && !is_growth(*bytes, supervisor::memory_held()))
    {
        format!(
            "{death}: it asked for {} at once, but a run may take 4 GiB in all. Look for a wrong length or \
             capacity, such as a difference below 0 that has wrapped around",
            size(bytes)
        )
    } else if supervisor::printed().bytes >= MUCH_PRINTED {
        format!(
            "{death}: it printed {}. Print once for each event, such as an election, and not in a loop",
            amount_printed(supervisor::printed())
        )
    } else {
        return None;
    };
    Some(Diagnosis::new(FailureKind::Panic, sentence))
}

/// Whether an allocation that has failed was to take the place of one that is there: a vector that grows asks
/// for twice of what it has.
fn is_growth(bytes: u64, held: Option<u64>) -> bool {
    held.is_some_and(|held| held >= bytes / 4)
}

fn overflow(Frame { stack, bytes, line }: &Frame) -> String {
    let bytes = match *bytes {
        FrameSize::Exactly(bytes) => mebibytes(bytes),
        FrameSize::AtLeast(bytes) => format!("more than {}", mebibytes(bytes)),
    };
    let line = line.as_ref().map_or(String::new(), |line| format!(" at {line}"));
    format!(
        "a thread has overflowed its stack, which has {}, by a frame of {bytes}{line}: one call that \
         keeps a large array or a large future on the stack. Keep it on the heap: an array as \
         vec![0; n], and a future in Box::pin() by a function of its own",
        mebibytes(*stack)
    )
}

/// How many bytes could not be had, if the standard library says so.
fn failed_allocation(printed: &str) -> Option<u64> {
    let (_, rest) = printed.rsplit_once("memory allocation of ")?;
    rest.split(' ').next()?.parse().ok()
}

fn amount_printed(printed: Printed) -> String {
    format!("{} lines ({})", grouped(printed.lines), size(printed.bytes))
}

/// So many bytes, in words.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{} MB", grouped(bytes / 1_000_000)),
    }
}

/// So many bytes of a stack, whose sizes are powers of two.
fn mebibytes(bytes: u64) -> String {
    match bytes >> 20 {
        0 => format!("{} KiB", bytes >> 10),
        mebibytes => format!("{} MiB", grouped(mebibytes)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOTHING: Printed = Printed { lines: 0, bytes: 0, goes_on: true };

    fn burst(calls: u64, bytes: u64, micros: u64) -> Option<Burst> {
        let lasted = Duration::from_micros(micros);
        Some(Burst { server: 2, calls, bytes, lasted, called_at: None })
    }

    #[track_caller]
    fn assert_begins(diagnosis: Option<Diagnosis>, text: &str) {
        let sentence = diagnosis.expect("something is a mass").sentence;
        assert!(sentence.starts_with(text), "{sentence}");
    }

    #[test]
    fn a_loop_that_does_nothing_else_is_nothing_special() {
        let work =
            Work { polls: 5000, spawned: 300, calling: burst(900, 1 << 20, 0), ..Work::default() };
        assert!(still(&work, NOTHING, None).is_none());
        assert!(masses(&work, Some(("raft.rs:1".to_owned(), 900))).is_none());
    }

    #[test]
    fn what_was_printed_before_a_loop_is_not_its_cause() {
        let printed = Printed { lines: 1 << 20, bytes: 1 << 24, goes_on: false };
        assert!(still(&Work::default(), printed, None).is_none());
        let printed = Printed { goes_on: true, ..printed };
        assert_begins(still(&Work::default(), printed, None), "it printed 1,048,576 lines (16 MB)");
    }

    #[test]
    fn each_mass_is_told_by_its_number() {
        let work = Work { spawned: 2_000_000, ..Work::default() };
        assert_begins(still(&work, NOTHING, None), "2,000,000 tasks were spawned at one instant");
        let work = Work { polls: 30_000, takes_turns: true, ..Work::default() };
        assert_begins(
            still(&work, NOTHING, None),
            "virtual time stands still: tasks were polled 30,000",
        );
        let work = Work { calling: burst(1_000_000, 9, 0), ..Work::default() };
        let text = "server 2 made 1,000,000 calls at one instant";
        assert_begins(still(&work, NOTHING, None), text);
        let work = Work { sending: burst(1, 200_000_000, 0), ..Work::default() };
        let text = "server 2 passed arguments and replies of 200 MB in 1 call at one instant";
        assert_begins(still(&work, NOTHING, None), text);
        let work = Work { encodes: true, ..Work::default() };
        assert_begins(
            still(&work, NOTHING, None),
            "it passes arguments or a reply that take seconds to encode",
        );
        let work = Work { most_calls: burst(1_000_000, 9, 2950), ..Work::default() };
        let text = "server 2 made 1,000,000 calls within 3 ms of virtual time";
        assert_begins(masses(&work, None), text);
        let spawned = Some(("raft.rs:7".to_owned(), 400_000));
        let text = "400,000 tasks that were spawned at raft.rs:7 are alive";
        assert_begins(masses(&Work::default(), spawned), text);
    }

    #[test]
    fn an_allocation_that_failed_is_read_from_what_was_printed() {
        let printed = "hello\nmemory allocation of 17179869184 bytes failed\n";
        assert_eq!(failed_allocation(printed), Some(17_179_869_184));
        assert_eq!(failed_allocation("hello"), None);
    }

    #[test]
    fn a_frame_is_told_in_the_stack_s_unit() {
        let line = Some("raft.rs:7 in raft::tick".to_owned());
        let frame = Frame { stack: 2 << 20, bytes: FrameSize::Exactly(64 << 20), line };
        let text = "which has 2 MiB, by a frame of 64 MiB at raft.rs:7 in raft::tick: one call";
        assert!(overflow(&frame).contains(text), "{}", overflow(&frame));
        let frame = Frame { bytes: FrameSize::AtLeast(3 << 19), line: None, ..frame };
        let text = "by a frame of more than 1 MiB: one call";
        assert!(overflow(&frame).contains(text), "{}", overflow(&frame));
    }

    #[test]
    fn a_vector_that_grows_is_no_wrong_length() {
        let gib = 1 << 30;
        assert!(is_growth(4 * gib, Some(2 * gib)), "it doubles");
        assert!(!is_growth(4 * gib, Some(gib / 64)), "the run held next to nothing");
        assert!(!is_growth(4 * gib, None));
    }
}
