//! Writes PRODUCTION.md.

use std::fmt::Write as _;
use std::fs;

use statrs::distribution::{Beta, ContinuousCDF as _};

use crate::campaigns::{self, BUGS, Campaign, Role};
use crate::right;
use crate::share::{self, Share};
use crate::stored::{self, Measured};
use crate::{Error, adapters};

const HEAD: &str = include_str!("head.md");
const TAIL: &str = include_str!("tail.md");

/// Writes the page from what is stored.
pub(crate) fn write() -> Result<(), Error> {
    let all = stored::read()?;
    let path = adapters().join("PRODUCTION.md");
    fs::write(&path, page(&all, &share::read()?)).map_err(Error::file("write", &path))
}

fn page(all: &[Measured], shares: &[Share]) -> String {
    let mut page = HEAD.to_owned();
    for bug in BUGS {
        let _ = write!(
            page,
            "\n## {}: {}\n\n{}\n\nIn public: {}.\n\n",
            bug.id, bug.versions, bug.mechanism, bug.public
        );
        page += &table(all, |campaign| campaign.of == bug.id);
        for (campaign, measured) in measured(all).filter(|(it, _)| it.of == bug.id) {
            if campaign.role == Role::Bug {
                page += &seen(campaign, measured);
            }
        }
    }
    page += &right::section(all, shares);
    page + "\n" + TAIL
}

/// What is stored, in the order of the campaigns.
pub(crate) fn measured(all: &[Measured]) -> impl Iterator<Item = (&'static Campaign, &Measured)> {
    campaigns::all().flat_map(move |campaign| {
        let of = all.iter().filter(move |it| it.campaign == campaign.name);
        of.map(move |it| (campaign, it))
    })
}

fn table(all: &[Measured], is_asked: impl Fn(&Campaign) -> bool) -> String {
    let mut table =
        "| what | patches | test | runs | failed | rate, with its 95 % interval | CPU s a run |\n\
                     | --- | --- | --- | --: | --: | --- | --: |\n"
            .to_owned();
    for (campaign, it) in measured(all).filter(|(campaign, _)| is_asked(campaign)) {
        let patches = patches(campaign);
        let (low, high) = interval(it.failed, it.runs);
        let rate = it.failed as f64 / it.runs as f64;
        let _ = writeln!(
            table,
            "| {}, {} | {patches} | `{}` | {} | {} | {} ({} to {}) | {:.3} |",
            campaign.version,
            campaign.name,
            it.test,
            it.runs,
            it.failed,
            percent(rate),
            percent(low),
            percent(high),
            it.cpu_seconds / it.runs as f64,
        );
    }
    table
}

/// A campaign's patches, as the table has them.
pub(crate) fn patches(campaign: &Campaign) -> String {
    match campaign.patches {
        "" => "none".to_owned(),
        patches => format!("`{}`", patches.replace(',', "`, `")),
    }
}

/// How a test failed first, how often with which message, and how to see it again.
fn seen(campaign: &Campaign, it: &Measured) -> String {
    let Some(first) = &it.first else {
        return format!("\n`{}`, {}: no run failed.\n", it.test, campaign.name);
    };
    let variables: String =
        campaign.variables.iter().map(|(name, value)| format!("{name}={value} ")).collect();
    let mut text = format!(
        "\n`{}`, {}: seed {} fails with\n\n> {}\n\n",
        it.test,
        campaign.name,
        first.seed,
        first.message.lines().next().unwrap_or_default()
    );
    if let Some(finding) = &first.finding {
        let _ = write!(
            text,
            "Its first finding, {}: \"{}\" [{}]. ",
            finding.confidence, finding.what, finding.id
        );
    }
    let _ = write!(
        text,
        "Again:\n\n```sh\ncd adapters/{}\n{variables}LAB_SEED={} cargo test --release --test lab3 {}\n```\n",
        campaign.peer, first.seed, it.test
    );
    if it.messages.len() > 1 {
        text += "\nAll messages, with N for a number: ";
        let all: Vec<String> =
            it.messages.iter().map(|(message, times)| format!("\"{message}\" ({times})")).collect();
        text += &all.join(", ");
        text += ".\n";
    }
    text
}

pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// Between which rates the true one lies with 95 % confidence, by Clopper and Pearson.
pub(crate) fn interval(failed: u64, runs: u64) -> (f64, f64) {
    const TAIL: f64 = 0.025;
    let beta = |a: u64, b: u64| Beta::new(a as f64, b as f64).expect("both are positive");
    let low = match failed {
        0 => 0.0,
        _ => beta(failed, runs - failed + 1).inverse_cdf(TAIL),
    };
    let high = match runs - failed {
        0 => 1.0,
        passed => beta(failed + 1, passed).inverse_cdf(1.0 - TAIL),
    };
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::interval;

    #[test]
    fn no_failure_in_a_thousand_runs_bounds_the_rate() {
        let (low, high) = interval(0, 1000);
        assert!(low == 0.0 && (0.0036..0.0038).contains(&high), "{high}");
        assert_eq!(interval(10, 10).1, 1.0);
        let (low, high) = interval(756, 1000);
        assert!((0.727..0.730).contains(&low) && (0.781..0.784).contains(&high), "{low} {high}");
    }
}
