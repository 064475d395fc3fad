//! What is said of why a failure became inevitable, wherever it is shown.

use std::fmt::Write as _;

use super::escaped;
use crate::variation::Source;
use crate::why::{Cause, Relation, Share, Specified, Subject, Why};

/// What could be changed alone, such as `call 51, Raft.RequestVote of term 5, server 0 to 2, sent at 2.491 s`.
#[must_use]
pub fn subject(what: &Subject) -> String {
    match what {
        Subject::Call { id, method, from, to, term, sent } => {
            let method = escaped(method);
            let term = term.map_or(String::new(), |term| format!(" of term {term}"));
            format!(
                "call {}, {method}{term}, server {} to {to}, sent at {sent:.3} s",
                id.0, from.server
            )
        }
        Subject::Draw { server, at } => format!("a timer: server {server}'s draw at {at:.3} s"),
    }
}

/// After which changes of a cause the run passes.
#[must_use]
pub fn passes_if(cause: &Cause) -> String {
    match cause.what {
        Subject::Draw { .. } => {
            format!("it draws other numbers ({} of {} others pass)", cause.turned, cause.tried)
        }
        Subject::Call { .. } => cause.changed.join("; or "),
    }
}

/// How many changes were tried.
#[must_use]
pub fn tried(why: &Why) -> String {
    let more = match why.left_out {
        0 => String::new(),
        left_out => format!("; {left_out} more were too many to try"),
    };
    format!("{} single changes were tried in this interval{more}", why.tried)
}

/// Why no cause was found.
#[must_use]
pub fn no_cause(why: &Why) -> &'static str {
    let decided = |share: &&Share| share.tally.failed < share.tally.runs;
    let decided: Vec<Source> =
        why.sources.iter().filter(decided).map(|share| share.source).collect();
    match decided[..] {
        [Source::Script] => "The script's choices decided, and they can't be changed one at a time",
        [] => "More than one part of chance led to the failure",
        _ => "More than one thing led to the failure, or the script's own choices did",
    }
}

/// A part of what chance decides, in words.
#[must_use]
pub fn source(source: Source) -> &'static str {
    match source {
        Source::Script => "the script's choices",
        Source::Network => "the network's delays and losses",
        Source::Servers => "the servers' random numbers",
    }
}

/// Whether the explanation's first finding and the curve agree.
#[must_use]
pub fn agreement(specified: &Specified) -> String {
    let Specified { from, at, again, relation, id, .. } = specified;
    let mut when =
        if from == at { format!("at {at:.3} s") } else { format!("from {from:.3} s to {at:.3} s") };
    if let Some(again) = again {
        let _ = write!(when, ", and again at {again:.3} s");
    }
    let verdict = match relation {
        Relation::Within => "fits the interval, so the two agree",
        Relation::Before => {
            "before the interval: the two disagree. The run could still pass after it, so it alone didn't decide"
        }
        Relation::After => {
            "after the interval: the two disagree. The failure was inevitable before it, so it may be a consequence"
        }
        Relation::CannotPass => "there is no interval to compare it with: every run fails",
    };
    format!("{id}, {when}: {verdict}")
}
