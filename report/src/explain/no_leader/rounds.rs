//! Elections that come in rounds of which one server begins each.

use std::time::Duration;

use super::{NORMAL, evidence, requests, seconds, voters};
use crate::explain::{Case, Confidence, Finding};
use crate::story::Election;

/// How many intervals between elections must be the same, and how far they may differ.
const SAME: (usize, Duration) = (6, Duration::from_millis(5));

/// How many elections the others may have begun meanwhile.
const OTHERS: usize = 12;

/// A server's election timeout is always the same.
pub(super) fn timeout_always_the_same(case: &Case<'_>) -> Option<Finding> {
    let (least, spread) = SAME;
    for (server, elections) in voters(case) {
        let within = elections.iter().filter(|election| case.window.contains(election.at));
        let times: Vec<_> = within.map(|election| election.at).collect();
        let gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1].since(pair[0])).collect();
        let same = gaps.windows(least).find(|gaps| {
            let (min, max) = (gaps.iter().min(), gaps.iter().max());
            min.zip(max).is_some_and(|(min, max)| *max - *min <= spread)
        });
        let Some(gaps) = same else { continue };
        let text = format!(
            "server {server} began {} elections, {} of them in a row each {} after the one before",
            times.len(),
            gaps.len(),
            seconds(gaps[0])
        );
        return Some(Finding {
            id: "timeout-always-the-same".to_owned(),
            confidence: Confidence::Likely,
            what: format!("server {server}'s election timeout is the same each time"),
            evidence: vec![evidence(case.window.until, text, [])],
            rule: "election timeouts are chosen randomly, anew each time, so that it isn't always \
                   the same server that stands first (§5.2, §9.3)"
                .to_owned(),
            look: "where the election timeout is drawn: once for all, or as a constant".to_owned(),
            normal: Some(NORMAL.to_owned()),
        });
    }
    None
}

/// The others stand again and again, and a server that could never does.
pub(super) fn never_stands(case: &Case<'_>) -> Option<Finding> {
    let voters = voters(case);
    let within = |elections: &[Election]| {
        elections.iter().filter(|election| case.window.contains(election.at)).count()
    };
    let all: usize = voters.values().map(|elections| within(elections)).sum();
    let (server, elections) = voters.iter().find(|(_, elections)| within(elections) == 0)?;
    // Who waits for replies may not be dead.
    let waits = elections.last().is_some_and(|election| {
        requests(case.story, election).any(|call| call.is_outstanding(case.window.until))
    });
    // Where many vote, some never come to stand.
    let silent = voters.values().filter(|elections| within(elections) == 0).count();
    if all < OTHERS * silent || waits {
        return None;
    }
    let text = format!(
        "in the {} of the failing check the others began {all} elections, and server {server} none",
        seconds(case.window.until.since(case.window.from))
    );
    Some(Finding {
        id: "election-timer-dead".to_owned(),
        confidence: Confidence::Likely,
        what: "a server's election timer fires no more".to_owned(),
        evidence: vec![evidence(case.window.until, text, [])],
        rule: "if election timeout elapses: start new election, as a follower and as a candidate \
               (Figure 2, Followers and Candidates; §5.2)"
            .to_owned(),
        look: "whether the task of the election timer goes on in a loop for as long as the server \
               lives: also when it has voted, stood or led"
            .to_owned(),
        normal: Some(NORMAL.to_owned()),
    })
}
