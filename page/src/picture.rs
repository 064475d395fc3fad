//! What is drawn of a run, as data: lanes, bars, arrows and states, all computed here. The page only draws
//! them, and so does the static picture.
//!
//! Times are in microseconds of the run's clock. What the code under test has written is
//! [escaped](report::text::escaped) before it gets here.

mod chance;
mod course;
mod grid;
mod lane;
mod message;
mod script;
mod texts;
mod view;

use report::explain::Explanation;
use report::{Record, Story};
use serde::Serialize;

pub use chance::{Chance, Drawn};
pub(crate) use course::{Course, course};
pub(crate) use grid::{LogStep, merged};
pub use lane::{Facts, Lane, Mark, MarkKind, Stay};
pub use message::{End, Kind, Message, Verdict};
pub use script::{Check, Fault, Look, Up};
use texts::Texts;
pub use view::Flag;

/// All that is drawn of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Picture {
    /// The test's name.
    pub test: String,
    /// The run's seed.
    pub seed: u64,
    /// When the run ended.
    pub end: u64,
    /// When what is known begins: 0, unless the history's oldest events are missing.
    pub since: u64,
    /// When the run failed; `None` if it passed.
    pub failed_at: Option<u64>,
    /// The failing check: from its beginning to the failure. Of a run that passed, all of it.
    pub window: [u64; 2],
    /// What the page shows first.
    pub opens: [u64; 2],
    /// When the failure became inevitable; `None` if nobody has asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chance: Option<Chance>,
    /// The script's checks, in order.
    pub checks: Vec<Check>,
    /// The script's looks for a leader, in order.
    pub looks: Vec<Look>,
    /// What the script changed, in order.
    pub faults: Vec<Fault>,
    /// Which servers were up, from each change on.
    pub up: Vec<Up>,
    /// A call that takes longer than this is a bar.
    pub long: u64,
    /// A lane for each server.
    pub lanes: Vec<Lane>,
    /// The messages, in the order of sending.
    pub messages: Vec<Message>,
    /// How each server's log changed, in order of time.
    pub logs: Vec<LogStep>,
    /// The commands that are known at an index in a term.
    pub commands: Vec<(u64, u64, usize)>,
    /// The moments of the evidence, numbered as in the explanation.
    pub flags: Vec<Flag>,
    /// The texts that others refer to by their number.
    pub texts: Vec<String>,
}

impl Picture {
    /// The whole picture of a run, however large.
    #[must_use]
    pub fn of(record: &Record, story: &Story, explanation: &Explanation) -> Picture {
        let mut texts = Texts::default();
        let flags = view::flags(story, explanation);
        let window = view::window(record, story);
        // Where nothing happens any more, time may go on.
        let end = story.end.max(record.end).0.max(window[1]);
        let mut messages = message::messages(record, story, &mut texts);
        message::place(&mut messages, story.servers, end, &flags);
        let mut lanes = lane::lanes(story, end, &mut texts);
        for (server, lane) in lanes.iter_mut().enumerate() {
            lane.rows = message::rows(&messages, server, end);
        }
        Picture {
            test: report::text::one_line(&record.test).into_owned(),
            seed: record.seed,
            end,
            since: story.since.0,
            failed_at: record.failure.is_some().then_some(window[1]),
            window,
            opens: view::opens([story.since.0, end], window, &flags, record.failure.is_some()),
            chance: None,
            checks: script::checks(record, story, end),
            looks: script::looks(story),
            faults: script::faults(story),
            up: script::up(story),
            lanes,
            long: message::LONG,
            messages,
            logs: grid::logs(story),
            commands: grid::commands(story, &mut texts),
            flags,
            texts: texts.into_list(),
        }
    }
}
