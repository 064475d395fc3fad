//! The part of PRODUCTION.md about right Rafts: they must pass, and their reports must be silent.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::campaigns::{Campaign, Role};
use crate::exempt::{self, EXEMPT};
use crate::report::{interval, measured, patches, percent};
use crate::share::{self, Share};
use crate::stored::Measured;

/// The section.
pub(crate) fn section(all: &[Measured], shares: &[Share]) -> String {
    let mut text = "\n## Right Rafts\n\n\
        With `LAB_STRICT=1`, so that a broken safety rule fails a run even if no test notices. A run \"complains\" if it \
        passed and its report has a finding or a warning. `TestExplore` draws a new scenario from each seed \
        (`docs/explore.md`).\n\n"
        .to_owned();
    text += "| what | patches | tests | runs | failed | rate, with its 95 % interval | skipped | complain | CPU s a run |\n\
             | --- | --- | --: | --: | --: | --- | --: | --: | --: |\n";
    let mut seen: Vec<(&'static Campaign, Vec<&Measured>)> = Vec::new();
    let is_asked = |(campaign, it): &(&'static Campaign, &Measured)| {
        campaign.role == Role::Right && exempt::reason(campaign.peer, &it.test).is_none()
    };
    for (campaign, it) in measured(all).filter(is_asked) {
        match seen.last_mut() {
            Some((last, tests)) if last.name == campaign.name => tests.push(it),
            _ => seen.push((campaign, vec![it])),
        }
    }
    for (campaign, tests) in &seen {
        let sum = |of: fn(&Measured) -> u64| tests.iter().map(|it| of(it)).sum::<u64>();
        let (runs, failed) = (sum(|it| it.runs), sum(|it| it.failed));
        let (low, high) = interval(failed, runs);
        let complain = sum(|it| it.said.iter().map(|(_, runs)| runs).sum());
        let cpu: f64 = tests.iter().map(|it| it.cpu_seconds).sum();
        let _ = writeln!(
            text,
            "| {}, {} | {} | {} | {runs} | {failed} | {} ({} to {}) | {} | {complain} | {:.3} |",
            campaign.version,
            campaign.name,
            patches(campaign),
            tests.len(),
            percent(failed as f64 / runs as f64),
            percent(low),
            percent(high),
            sum(|it| it.skipped),
            cpu / runs as f64,
        );
    }
    text += &exceptions(&seen);
    text += &exempt();
    text + &share::section(shares)
}

/// The tests with runs that failed, were skipped or complained.
fn exceptions(seen: &[(&'static Campaign, Vec<&Measured>)]) -> String {
    let mut text = String::new();
    for (campaign, tests) in seen {
        for it in tests {
            let mut said: BTreeMap<&str, u64> = BTreeMap::new();
            said.extend(it.said.iter().map(|(what, runs)| (&**what, *runs)));
            if let Some(first) = &it.first {
                let finding = first.finding.as_ref().map(|finding| format!(" [{}]", finding.id));
                let _ = writeln!(
                    text,
                    "* {}, `{}`: {} failed; seed {} with \"{}\"{}",
                    campaign.name,
                    it.test,
                    it.failed,
                    first.seed,
                    first.message,
                    finding.unwrap_or_default()
                );
            }
            if it.skipped > 0 {
                let reasons: Vec<&str> = it.reasons.iter().map(|(reason, _)| &**reason).collect();
                let reasons = match reasons[..] {
                    [] => String::new(),
                    _ => format!(": \"{}\"", reasons.join("\", \"")),
                };
                let _ = writeln!(
                    text,
                    "* {}, `{}`: {} skipped{reasons}",
                    campaign.name, it.test, it.skipped
                );
            }
            for (what, runs) in said {
                let _ = writeln!(text, "* {}, `{}`: {runs} say \"{what}\"", campaign.name, it.test);
            }
        }
    }
    match text.is_empty() {
        true => text,
        false => format!("\nAll that failed, were skipped, or complain:\n\n{text}"),
    }
}

fn exempt() -> String {
    let mut text =
        "\nTests that aren't asked of a peer:\n\n| peers | tests | why |\n| --- | --- | --- |\n"
            .to_owned();
    for it in EXEMPT {
        let (peers, tests) = (it.peers.join(", "), it.tests.join("`, `"));
        let _ = writeln!(text, "| {peers} | `{tests}` | {} |", it.reason);
    }
    text
}
