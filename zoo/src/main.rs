//! The program `zoo`: lists the bugs that there are.
//!
//! `cargo run -q -p zoo` prints a table for people, with `--json` an object a line for programs.

use std::io::{self, Write as _};

use clap::Parser;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};
use report::{BugKind, KnownBug};
use zoo::{Bug, Kind};

/// Lists the zoo's bugs: where in the lab each belongs, what is wrong with it, and the rule that it breaks
#[derive(Debug, Parser)]
#[command(name = "zoo", version)]
struct Cli {
    /// An object a line, with what a failed run is to name as the cause
    #[arg(long)]
    json: bool,
}

fn main() {
    let bugs = Bug::all().filter(|&bug| bug != Bug::None);
    let text = if Cli::parse().json { json(bugs) } else { table(bugs) };
    // A closed pipe is no reason to say more.
    _ = writeln!(io::stdout(), "{}", text.trim_end());
}

fn json(bugs: impl Iterator<Item = Bug>) -> String {
    let rows = bugs.map(|bug| KnownBug {
        name: bug.to_string(),
        part: bug.part().to_string(),
        kind: match bug.kind() {
            Kind::Safety => BugKind::Safety,
            Kind::Liveness => BugKind::Liveness,
            Kind::Service => BugKind::Service,
            Kind::Budget => BugKind::Budget,
            Kind::Harmless { .. } => BugKind::Harmless,
        },
        rule: rule(bug),
        words: bug.rule().words.to_owned(),
        symptom: bug.symptom().to_owned(),
        harmless: match bug.kind() {
            Kind::Harmless { reason } => Some(reason.to_owned()),
            _ => None,
        },
        causes: bug.causes().iter().map(|&cause| cause.to_owned()).collect(),
        source: bug.source().to_owned(),
    });
    rows.map(|row| serde_json::to_string(&row).expect("a row is JSON") + "\n").collect()
}

fn rule(bug: Bug) -> String {
    format!("{} ({})", bug.breaks(), bug.rule().section)
}

fn table(bugs: impl Iterator<Item = Bug>) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["bug", "part", "kind", "the broken rule"]);
    for bug in bugs {
        let (part, kind) = (bug.part().to_string(), bug.kind().to_string());
        table.add_row([bug.to_string(), part, kind, rule(bug)]);
    }
    // In a narrow terminal the rule may take several lines, but each name must stay in one piece.
    for column in table.column_iter_mut().take(3) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    table.to_string()
}
