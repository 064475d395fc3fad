//! A campaign in words, in Markdown.

use std::collections::BTreeMap;

use askama::Template;

use super::campaign::{ENOUGH_CPU, ENOUGH_RUNS, ENOUGH_TESTS};
use super::judgement::{Judgement, is_certain, judge, places};
use super::stored::{CONTROL, Cell, Failing, Known, Mutants, Said};
use crate::table::percent;
use crate::zoo::{Explained, cell_text};

const NONE: &str = "-";

#[derive(Template)]
#[template(path = "mutants.md")]
struct Page {
    profile: String,
    seeds: u64,
    first: u64,
    /// How many runs of the right Raft fail.
    control: Option<usize>,
    tester: u64,
    run: usize,
    all: usize,
    killed: usize,
    survived: usize,
    not_built: usize,
    scores: Vec<Score>,
    itself: usize,
    functions: Vec<Function>,
    wrong: Vec<Row>,
    unclear: Vec<Row>,
    survivors: Vec<String>,
    enough_tests: usize,
    enough_runs: usize,
    enough_cpu: u64,
    cpu: String,
    has_zoo: bool,
}

/// A line of the score, in words.
struct Score {
    name: String,
    runs: u64,
    right: String,
    vague: String,
    unknown: String,
    wrong: String,
    certain: String,
}

/// A function, and what is said of its mutants.
#[derive(Default)]
struct Function {
    name: String,
    rules: String,
    mutants: usize,
    killed: usize,
    runs: usize,
    right: usize,
    vague: usize,
    unknown: usize,
    wrong: usize,
}

/// Failed runs of a mutant that say the same, by the first of them.
struct Row {
    mutant: String,
    mutant_cell: String,
    test: String,
    seed: u64,
    said: String,
    places: String,
    certain: bool,
    runs: usize,
    /// All of the mutant's failed runs.
    of: usize,
}

/// A failed run, judged.
struct Judged<'a> {
    mutant: &'a Known,
    failing: &'a Failing,
    judgement: Judgement,
    /// Its share in what is said of its mutant.
    weight: f64,
}

/// The report, beside the zoo's score if there is one.
pub(crate) fn report(campaign: &Mutants, zoo: Option<Explained>) -> String {
    let plan = &campaign.plan;
    let run = || plan.mutants.iter().filter_map(|known| Some((known, campaign.cell(&known.name)?)));
    let judged: Vec<Judged<'_>> = run().flat_map(|(known, cell)| judged(known, cell)).collect();
    let scored: Vec<&Judged<'_>> =
        judged.iter().filter(|run| run.judgement != Judgement::Itself).collect();
    let mut scores = vec![
        score("mutants, each run", &scored, |_| 1.0),
        score("mutants, each mutant once", &scored, |run| run.weight),
    ];
    scores.extend(zoo.map(zoo_score));
    let survivors: Vec<String> = run()
        .filter(|(_, cell)| cell.built && cell.failures.is_empty())
        .map(|(known, cell)| {
            let is_cut = cell.cpu > ENOUGH_CPU.as_secs_f64();
            let cut = if is_cut { " (not all tests were run: it takes too long)" } else { "" };
            format!("`{}`{cut}", known.name)
        })
        .collect();
    let rows = |judgements: &[Judgement]| {
        rows(judged.iter().filter(|run| judgements.contains(&run.judgement)), campaign)
    };
    let page = Page {
        profile: plan.profile.clone(),
        seeds: plan.seeds.count,
        first: plan.seeds.first,
        control: campaign.cell(CONTROL).map(|cell| cell.failures.len()),
        tester: campaign.cells.iter().map(|cell| cell.tester).sum(),
        run: run().count(),
        all: plan.mutants.len(),
        killed: run().filter(|(_, cell)| !cell.failures.is_empty()).count(),
        survived: survivors.len(),
        not_built: run().filter(|(_, cell)| !cell.built).count(),
        scores,
        itself: judged.len() - scored.len(),
        functions: functions(campaign, &judged),
        wrong: rows(&[Judgement::Wrong]),
        unclear: rows(&[Judgement::Vague, Judgement::Unknown]),
        survivors,
        enough_tests: ENOUGH_TESTS,
        enough_runs: ENOUGH_RUNS,
        enough_cpu: ENOUGH_CPU.as_secs(),
        cpu: format!("{:.0}", campaign.cells.iter().map(|cell| cell.cpu).sum::<f64>()),
        has_zoo: zoo.is_some(),
    };
    let mut text = page.render().expect("writing to a string can't fail").trim_end().to_owned();
    text.push('\n');
    text
}

fn judged<'a>(mutant: &'a Known, cell: &'a Cell) -> impl Iterator<Item = Judged<'a>> {
    let judgement = |failing: &Failing| judge(&failing.told, &mutant.rules);
    let is_scored = |failing: &&Failing| judgement(failing) != Judgement::Itself;
    let scored = cell.failures.iter().filter(is_scored).count();
    cell.failures.iter().map(move |failing| Judged {
        mutant,
        failing,
        judgement: judgement(failing),
        weight: 1.0 / scored.max(1) as f64,
    })
}

fn score(name: &str, runs: &[&Judged<'_>], weight: impl Fn(&Judged<'_>) -> f64) -> Score {
    let sum = |is_meant: &dyn Fn(&Judged<'_>) -> bool| -> f64 {
        runs.iter().filter(|run| is_meant(run)).map(|run| weight(run)).fold(0.0, |a, b| a + b)
    };
    let all = sum(&|_| true).max(f64::MIN_POSITIVE);
    let share = |judgement| percent(sum(&|run| run.judgement == judgement) / all);
    Score {
        name: name.to_owned(),
        runs: runs.len() as u64,
        right: share(Judgement::Right),
        vague: share(Judgement::Vague),
        unknown: share(Judgement::Unknown),
        wrong: share(Judgement::Wrong),
        certain: percent(
            sum(&|run| run.judgement == Judgement::Wrong && is_certain(&run.failing.told)) / all,
        ),
    }
}

fn zoo_score(zoo: Explained) -> Score {
    let Explained { bugs, failures, right, unknown } = zoo;
    let share = |count: u64| percent(count as f64 / failures.max(1) as f64);
    Score {
        name: format!("the zoo's {bugs} bugs, each run"),
        runs: failures,
        right: share(right),
        vague: NONE.to_owned(),
        unknown: share(unknown),
        wrong: share(failures.saturating_sub(right + unknown)),
        certain: NONE.to_owned(),
    }
}

fn functions(campaign: &Mutants, judged: &[Judged<'_>]) -> Vec<Function> {
    let mut functions: BTreeMap<&str, Function> = BTreeMap::new();
    for known in &campaign.plan.mutants {
        let Some(cell) = campaign.cell(&known.name) else { continue };
        let function = functions.entry(&known.function).or_default();
        function.name.clone_from(&known.function);
        function.rules = known.rules.join(", ");
        function.mutants += 1;
        function.killed += usize::from(!cell.failures.is_empty());
    }
    for run in judged {
        let Some(function) = functions.get_mut(&*run.mutant.function) else { continue };
        function.runs += 1;
        match run.judgement {
            Judgement::Right => function.right += 1,
            Judgement::Vague => function.vague += 1,
            Judgement::Unknown => function.unknown += 1,
            Judgement::Wrong => function.wrong += 1,
            Judgement::Itself => {}
        }
    }
    functions.into_values().collect()
}

/// The runs, those of a mutant that say the same in one row.
fn rows<'a>(runs: impl Iterator<Item = &'a Judged<'a>>, campaign: &Mutants) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for Judged { mutant, failing, .. } in runs {
        let said = match &failing.told {
            Said::Finding { id, .. } | Said::Monitor { id } => id.clone(),
            Said::Itself { .. } | Said::Nothing => cell_text(&failing.check),
        };
        let same = |row: &&mut Row| row.mutant == mutant.name && row.said == said;
        if let Some(row) = rows.iter_mut().find(same) {
            row.runs += 1;
            continue;
        }
        rows.push(Row {
            mutant: mutant.name.clone(),
            mutant_cell: cell_text(&mutant.name),
            test: failing.test.clone(),
            seed: failing.seed,
            places: match places(&failing.told) {
                [] => "no place that is known".to_owned(),
                places => places.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            },
            certain: is_certain(&failing.told),
            runs: 1,
            of: campaign.cell(&mutant.name).map_or(0, |cell| cell.failures.len()),
            said,
        });
    }
    rows
}
