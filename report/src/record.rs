//! The stored form of a run.

use serde::{Deserialize, Serialize};

use crate::event::{Event, Time};
use crate::failure::Failure;
use crate::history::History;

/// A run as it is stored: what it was, how it ended, and what happened.
///
/// It is one JSON object. `format` goes up when a reader of the old form could no longer read the new
/// one; fields may be added without that.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// The number of this form: [`Record::FORMAT`].
    pub format: u32,
    /// The test's name.
    pub test: String,
    /// The command that repeats the run.
    pub replay: String,
    /// The seed.
    pub seed: u64,
    /// Whether time was `virtual` or `real`.
    pub clock: String,
    /// The test's banner, such as `Test (3A): initial election`.
    pub banner: String,
    /// How many servers the cluster had.
    pub servers: u32,
    /// Why the run failed; `None` if it passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The hash of the run's history, as the test's report has it.
    #[serde(default)]
    pub history: String,
    /// When the run ended.
    pub end: Time,
    /// What the tester warned of.
    pub warnings: Vec<String>,
    /// How many of the oldest events are missing.
    #[serde(default)]
    pub dropped: u64,
    /// What happened, in order.
    pub events: Vec<Event>,
}

impl PartialEq for Record {
    /// Whether two are of the same run and came out alike: what happened is compared by its hash.
    fn eq(&self, other: &Record) -> bool {
        let key = |record: &Record| (record.test.clone(), record.seed, record.history.clone());
        key(self) == key(other) && self.failure == other.failure && self.end == other.end
    }
}

impl Record {
    /// The form that is written here.
    pub const FORMAT: u32 = 1;

    /// Reads a stored run.
    ///
    /// # Errors
    /// If `text` isn't one, or is of a later form: what is wrong and where.
    pub fn read(text: &str) -> Result<Record, String> {
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        let error = |error: serde_json::Error| format!("failed to read a run's history: {error}");
        let Form { format } = serde_json::from_str(text).map_err(error)?;
        if format > Record::FORMAT {
            return Err(format!(
                "failed to read a run's history: it is of form {format}, and this program reads \
                 up to form {}",
                Record::FORMAT
            ));
        }
        serde_json::from_str(text).map_err(error)
    }

    /// Has its messages be stored whole: see [`Payload::whole`](crate::Payload::whole).
    pub fn be_whole(&mut self) {
        self.events.iter_mut().for_each(|event| *event = event.whole());
    }

    /// The events as a history.
    #[must_use]
    pub fn to_history(&self) -> History {
        let mut history = History::stored(self.dropped);
        for Event { at, kind } in &self.events {
            history.record(*at, kind.clone());
        }
        history
    }
}
