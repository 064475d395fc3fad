//! Where the runs stand: whoever has nothing to do takes some of a test's runs from the queue, and brings back what
//! came of them.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::row::{Known, Row};
use super::{Counted, Plan};
use crate::error::Error;
use crate::output::tell;
use crate::process::{Ended, Seeds};
use crate::progress::Progress;
use crate::record::Record;
use crate::stop;
use crate::suite::LabTest;

/// How often whoever has nothing to do looks for work.
const LOOK: Duration = Duration::from_millis(100);

/// In how many tests nothing but hangs must have been seen for one to be enough in the others: each takes seconds, and
/// code that hangs wherever it runs would keep a grader for minutes.
const HUNG_TESTS: usize = 3;

/// Some runs of a test, which follow one another.
#[derive(Clone, Debug)]
struct Chunk {
    /// The test's place in the queue.
    place: usize,
    test: LabTest,
    call: Known,
    seeds: Seeds,
}

struct Queue<'a> {
    rows: Vec<Row>,
    progress: &'a mut Progress,
    /// How many chunks are being run.
    under_way: usize,
    error: Option<Error>,
}

/// Runs all that a plan has left.
pub(super) fn run(plan: &Plan<'_>, earlier: &[Record], progress: &mut Progress) -> Counted {
    let mut rows = rows(plan, earlier);
    expect_hangs(&mut rows);
    let queue = Mutex::new(Queue { rows, progress, under_way: 0, error: None });
    let changed = Condvar::new();
    #[expect(clippy::disallowed_methods, reason = "nothing is simulated in this program")]
    thread::scope(|scope| {
        for _ in 0..plan.jobs {
            scope.spawn(|| work(plan, &queue, &changed));
        }
    });
    let mut queue = queue.into_inner().unwrap_or_else(PoisonError::into_inner);
    queue.rows.retain(|row| row.call == Known::There);
    queue.rows.sort_by_key(|row| (row.order, row.test.call));
    let (tests, tallies) = queue.rows.into_iter().map(|row| (row.test, row.tally)).unzip();
    Counted { tests, tallies, error: queue.error }
}

/// All tests, and of each function the calls that are known: by the `earlier` runs, or as they are asked for.
fn rows(plan: &Plan<'_>, earlier: &[Record]) -> Vec<Row> {
    let call = plan.call.unwrap_or(1);
    let known = if call == 1 { Known::There } else { Known::NotYet };
    let mut rows = Vec::new();
    for (order, test) in plan.suite.tests.iter().enumerate() {
        let mut row = Row::new(plan, order, test.at(call), known, earlier);
        // Whether there is another call shows by the first runs of the last one.
        while plan.call.is_none() && row.tally.runs > 0 {
            let next = Row::new(plan, order, test.at(row.test.call + 1), Known::NotYet, earlier);
            rows.push(std::mem::replace(&mut row, next));
        }
        rows.push(row);
    }
    rows
}

/// Takes chunks from the queue until there are no more.
fn work(plan: &Plan<'_>, queue: &Mutex<Queue<'_>>, changed: &Condvar) {
    while let Some(chunk) = next(plan, lock(queue), changed) {
        let began = Instant::now();
        let ended = plan.run_seeds(&chunk.test, chunk.seeds, chunk.call == Known::NotYet);
        let mut queue = lock(queue);
        queue.under_way -= 1;
        match ended {
            Ok(None) => {}
            Ok(Some(ended)) => enter(plan, &mut queue, &chunk, ended, began),
            Err(error) => drop(queue.error.get_or_insert(error)),
        }
        changed.notify_all();
    }
}

/// The next chunk; waits for one as long as there may be more.
fn next(plan: &Plan<'_>, mut queue: MutexGuard<'_, Queue<'_>>, changed: &Condvar) -> Option<Chunk> {
    loop {
        let is_late = plan.limits.until.is_some_and(|until| Instant::now() >= until);
        if stop::is_asked() || is_late || queue.error.is_some() {
            return None;
        }
        if let Some(chunk) = take(plan, &mut queue) {
            queue.under_way += 1;
            return Some(chunk);
        }
        if queue.under_way == 0 {
            return None;
        }
        let waited = changed.wait_timeout(queue, LOOK);
        queue = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// A chunk of the first test that has runs left; where the time is limited, of the one that has had least.
fn take(plan: &Plan<'_>, queue: &mut Queue<'_>) -> Option<Chunk> {
    let mut open = queue.rows.iter_mut().enumerate().filter(|(_, row)| row.is_open(plan));
    let (place, row) = match plan.limits.until {
        None => open.next()?,
        Some(_) => open.min_by(|(_, a), (_, b)| a.share_made().total_cmp(&b.share_made()))?,
    };
    let seeds = row.take(plan);
    Some(Chunk { place, test: row.test.clone(), call: row.call, seeds })
}

/// Enters what came of a chunk. Behind a test's first runs, its function's next call is looked for.
fn enter(plan: &Plan<'_>, queue: &mut Queue<'_>, chunk: &Chunk, ended: Ended, began: Instant) {
    let Queue { rows, progress, .. } = queue;
    let row = &mut rows[chunk.place];
    if row.call == Known::NotYet {
        row.call = if ended.lines.is_empty() { Known::Missing } else { Known::There };
    }
    if row.call == Known::Missing {
        if !ended.status.success() {
            tell(&unknown(&row.test));
        }
        return;
    }
    let is_first = row.tally.runs == 0;
    let run_of = row.run_of();
    row.tally.add(ended.lines, began, run_of, ended.report);
    if is_first && plan.call.is_none() {
        let (order, call) = (row.order, row.test.call + 1);
        let next = row.test.at(call);
        // Of several first chunks one is the first to come back.
        if !rows.iter().any(|row| row.order == order && row.test.call == call) {
            rows.push(Row::new(plan, order, next, Known::NotYet, &[]));
        }
    }
    expect_hangs(rows);
    let row = &rows[chunk.place];
    progress.show(chunk.place, &row.test, &row.tally, row.is_done(plan));
}

/// Where enough tests do nothing but hang, one hang of each other test will do.
fn expect_hangs(rows: &mut [Row]) {
    if rows.iter().filter(|row| row.tally.only_hangs()).count() >= HUNG_TESTS {
        rows.iter_mut().for_each(|row| row.tally.expect_hangs());
    }
}

/// What is said where it can't be told whether there is such a call.
fn unknown(test: &LabTest) -> String {
    format!(
        "note: the function of {} fails when its earlier calls of config::test() aren't run; whether it makes a \
         call {} isn't known",
        test.name, test.call
    )
}

fn lock<'a, 'b>(queue: &'a Mutex<Queue<'b>>) -> MutexGuard<'a, Queue<'b>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}
