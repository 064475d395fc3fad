//! A stored run as text.

use super::summary::gaps;
use super::{entry, escaped, finding, summary, whole_timeline};
use crate::explain::{explain, overlooked};
use crate::record::Record;
use crate::spec;
use crate::story::Story;

/// How a stored run ended, why, and all that happened.
#[must_use]
pub fn report(record: &Record) -> String {
    let story = Story::new(&record.to_history(), record.servers as usize);
    let explanation = record.failure.as_ref().map(|failure| explain(&story, failure));
    let explanation = explanation.unwrap_or_default();
    let mut text = match &record.failure {
        Some(failure) => format!("{}\n", failure.message),
        None => "passed\n".to_owned(),
    };
    if let Some(failure) = &record.failure {
        entry(&mut text, "kind", &failure.kind.to_string());
    }
    entry(&mut text, "test", &format!("{}: {}", record.test, record.banner));
    entry(&mut text, "time", &format!("{} s, {}", record.end, record.clock));
    if let Some(failure) = &record.failure {
        let step = story.step_at(failure.at).and_then(|step| {
            let (file, line) = step.line.as_ref()?;
            Some((format!("{file}:{line}"), &step.what))
        });
        if !failure.location.is_empty()
            && step.as_ref().is_none_or(|(line, _)| *line != failure.location)
        {
            entry(&mut text, "line", &failure.location);
        }
        if let Some((line, what)) = step {
            entry(&mut text, "script", &format!("{line}, in {what}()"));
        }
        text.push_str(&summary(&story, failure, &explanation));
    } else {
        gaps(&mut text, &story);
        // It has passed, and yet this is wrong.
        for overlooked in overlooked(&story, &spec::broken_promises(&story)) {
            text.push_str(&finding("why", &overlooked));
        }
    }
    for breach in spec::judge(&story) {
        let rule = breach.rule;
        let what = format!("{} at {} s: {}", rule.name(), breach.at.at, breach.what);
        entry(&mut text, "rule", &format!("{what} (rule: {}; {})", rule.says, rule.place));
    }
    for warning in &record.warnings {
        entry(&mut text, "warning", warning.trim_start_matches("warning: "));
    }
    entry(&mut text, "seed", &record.seed.to_string());
    entry(&mut text, "history", &record.history);
    entry(&mut text, "replay", &record.replay);
    text.push('\n');
    text.push_str(&whole_timeline(&story, record.failure.as_ref(), &explanation));
    // A stored history can hold anything.
    escaped(&text).into_owned()
}
