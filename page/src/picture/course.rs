//! The course of a run, step by step of its script: what two runs of a test are compared by.

use report::Story;
use report::text::one_line;
use serde::Serialize;

/// What happened from one step of the script to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Course {
    /// When the step began.
    pub(crate) at: u64,
    /// When the next did, or the run ended.
    pub(crate) until: u64,
    /// What the script did, in the tester's words.
    pub(crate) what: String,
    /// How many elections were started.
    pub(crate) elections: usize,
    /// The servers that became leader, with their terms.
    pub(crate) leaders: Vec<(usize, u64)>,
    /// How many looks found no leader.
    pub(crate) in_vain: usize,
}

/// The course of a run.
pub(crate) fn course(story: &Story) -> Vec<Course> {
    let mut led: Vec<(u64, usize, u64)> = Vec::new();
    for (server, views) in story.views.iter().enumerate() {
        let mut before = None;
        for view in views {
            if view.is_leader && before != Some(view.term) {
                led.push((view.moment.at.0, server, view.term));
            }
            before = view.is_leader.then_some(view.term);
        }
    }
    led.sort_unstable();
    let mut course: Vec<Course> = Vec::new();
    for (place, step) in story.steps.iter().enumerate() {
        let at = step.moment.at.0;
        let until = story.steps.get(place + 1).map_or(story.end, |next| next.moment.at).0;
        // What is at the end of the run belongs to the last step.
        let is_last = place + 1 == story.steps.len();
        let is_in = |when: u64| at <= when && (when < until || (is_last && when <= until));
        let begun = story.elections.iter().filter(|election| is_in(election.at.0));
        let leaders = led.iter().filter(|(when, ..)| is_in(*when));
        let looks = story.looks.iter().filter(|look| is_in(look.moment.at.0));
        course.push(Course {
            at,
            until,
            what: one_line(&step.what).into_owned(),
            elections: begun.count(),
            leaders: leaders.map(|&(_, server, term)| (server, term)).collect(),
            in_vain: looks.filter(|look| look.leader.is_none()).count(),
        });
    }
    course
}
