//! A run, put together, and why it failed: what all parts of a page are made from.

use report::explain::Explanation;
use report::{Record, Story, explain};

use crate::picture::Picture;

/// A stored run, its story, and its explanation; an empty one if it passed.
pub(crate) struct Run<'a> {
    pub(crate) record: &'a Record,
    pub(crate) story: Story,
    pub(crate) explanation: Explanation,
}

impl<'a> Run<'a> {
    pub(crate) fn new(record: &'a Record) -> Run<'a> {
        let story = Story::new(&record.to_history(), record.servers as usize);
        let explanation = record.failure.as_ref().map(|failure| explain(&story, failure));
        Run { record, story, explanation: explanation.unwrap_or_default() }
    }

    pub(crate) fn picture(&self) -> Picture {
        Picture::of(self.record, &self.story, &self.explanation)
    }
}
