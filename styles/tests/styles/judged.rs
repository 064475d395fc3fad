//! A right Raft's run is made again without its code, and comes out the same, in any style. What isn't such a run
//! doesn't.

use report::{Event, EventKind, FailureKind, Mark, Outcome, Record, RunResult, Time};
use styles::Style;
use testkit::TestBinary;

/// Tests that have between them crashes, snapshots, a lossy network, many clients, disks that take time, a crash at a
/// save, a service that takes time.
const TESTS: [&str; 6] = [
    "lab3::election_3a::TestReElection3A",
    "lab3::persistence_3c::TestPersist13C",
    "lab3::snapshot_3d::TestSnapshotInit3D",
    "extra::crashes_x::TestCrashAtSaveX07",
    "extra::crashes_x::TestSlowDisksX21",
    "extra::snapshots_x::TestSlowServiceX16",
];

/// One of MIT's, with more of everything, which takes longer.
const LONG: &str = "lab3::persistence_3c::TestUnreliableAgree3C";

const STRICT: (&str, &str) = ("LAB_STRICT", "1");

fn binary() -> TestBinary {
    TestBinary::this(env!("CARGO_PKG_NAME"))
}

fn run_of(style: &str, test: &str, seed: u64) -> RunResult {
    binary().whole_run(test, seed, &[STRICT, ("LAB_STYLE", style)])
}

/// Makes a run again, with a style that the record isn't of: nobody calls it.
fn judge(test: &str, record: &Record) -> RunResult {
    binary().judge(test, record, &[STRICT])
}

#[test]
fn each_style_s_runs_are_made_again_without_it() {
    let styles = Style::ALL.map(|style| style.name);
    let of_each = styles.iter().flat_map(|style| TESTS.map(|test| (*style, test, 5)));
    // In this one's run, the script has turns too early when no servers' tasks are there to wait for.
    for (style, test, seed) in of_each.chain([("LeaderDiskInParallel", LONG, 6)]) {
        let run = run_of(style, test, seed);
        assert_eq!(run.failure(), None, "{style}, {test}");
        if run.skipped().is_some() {
            continue;
        }
        let again = judge(test, run.record.as_ref().expect("its record is asked for"));
        assert_eq!(again.verdict, run.verdict, "{style}, {test}");
        assert_eq!(again.history, run.history, "{style}, {test}");
    }
}

/// Changes the first event that `change` can change, in the second half of the run.
fn change(record: &mut Record, change: impl Fn(&mut Event) -> bool) {
    let half = record.events.len() / 2;
    assert!(record.events[half..].iter_mut().any(change), "there is none to change");
}

/// A way to forge a run.
type Forge = fn(&mut Record);

/// Ways to forge a run, and how the judge's sentence begins for each.
const FORGED: [(&str, Forge); 11] = [
    ("by the record, call ", |record| record.seed += 1),
    ("by the record, nothing; by seed and script, ", |record| {
        let half = record.events.len() / 2;
        record.events.truncate(half);
    }),
    ("by the record, ", |record| {
        change(record, |event| {
            let is_it = matches!(event.kind, EventKind::RpcDelivered { .. });
            event.at = Time(event.at.0 - u64::from(is_it));
            is_it
        });
    }),
    ("by the record, call ", |record| {
        change(record, |event| match &mut event.kind {
            EventKind::RpcReturned { outcome, .. } if *outcome == Outcome::Replied => {
                *outcome = Outcome::RequestLost;
                true
            }
            _ => false,
        });
    }),
    ("by the record, ", |record| {
        let half = record.events.len() / 2;
        let is_applied = |event: &Event| matches!(event.kind, EventKind::Applied { .. });
        let first = record.events[half..].iter().position(is_applied).expect("one is applied");
        record.events.remove(half + first);
    }),
    ("apply error: server ", |record| {
        change(record, |event| match &mut event.kind {
            EventKind::Applied { index, .. } => {
                *index += 1;
                true
            }
            _ => false,
        });
    }),
    ("apply error: commit index=", |record| {
        let applied = record.events.iter().find_map(|event| match &event.kind {
            EventKind::Applied { command, .. } => Some(command.clone()),
            _ => None,
        });
        let other = applied.expect("one is applied");
        change(record, |event| match &mut event.kind {
            EventKind::Applied { command, .. } => {
                *command = other.clone();
                true
            }
            _ => false,
        });
    }),
    ("by the record, ", |record| {
        change(record, |event| match &mut event.kind {
            EventKind::Mark(Mark::Started { answer: Some((index, _)), .. }) => {
                *index += 1;
                true
            }
            _ => false,
        });
    }),
    ("by the record, ", |record| {
        change(record, |event| match &mut event.kind {
            EventKind::Saved { server, .. } => {
                server.incarnation += 7;
                true
            }
            _ => false,
        });
    }),
    ("by the record, ", |record| {
        change(record, |event| match &mut event.kind {
            EventKind::Saved { state, .. } => {
                *state = u64::MAX;
                true
            }
            _ => false,
        });
    }),
    // Nobody has elected all of them.
    ("", |record| {
        for event in &mut record.events {
            if let EventKind::Mark(Mark::State { is_leader, .. }) = &mut event.kind {
                *is_leader = true;
            }
        }
    }),
];

#[test]
fn a_forged_run_is_told_by_its_first_event_that_is_wrong() {
    let test = "lab3::persistence_3c::TestPersist13C";
    let run = run_of("Plain", test, 1);
    let record = run.record.expect("its record is asked for");
    for (number, (says, forge)) in FORGED.into_iter().enumerate() {
        let mut forged = record.clone();
        forge(&mut forged);
        let judged = judge(test, &forged);
        let failure = judged.failure().unwrap_or_else(|| panic!("forgery {number} has passed"));
        assert!(failure.message.starts_with(says), "forgery {number}: {}", failure.message);
    }
    // Another script, or another number of servers, is another run from the start.
    let other = judge("lab3::agreement_3b::TestBasicAgree3B", &record);
    let failure = other.failure().expect("it is another test's");
    assert_eq!(failure.kind, FailureKind::Tester);
    assert!(failure.message.starts_with("by the record, the script reached "), "{failure:?}");
}

#[test]
fn what_cannot_be_made_again_is_said() {
    let test = "lab3::agreement_3b::TestBasicAgree3B";
    let run = run_of("Plain", test, 1);
    let record = run.record.expect("its record is asked for");
    let mut cut = record.clone();
    cut.dropped = 3;
    assert_eq!(judge(test, &cut).skipped(), Some("its record lacks the first 3 events"));
    let mut alone = record;
    let why = "server 1's get_state() does something besides answering".to_owned();
    let kind = EventKind::Mark(Mark::Alone { why: why.clone() });
    alone.events.push(Event { at: alone.end, kind });
    assert_eq!(judge(test, &alone).skipped(), Some(&*why));
}
