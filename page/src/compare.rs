//! A run beside another of the same test, step by step of the script.

use maud::{Markup, html};
use report::{Record, Time, without_numbers};
use serde::Serialize;

use crate::picture::{Course, course};
use crate::run::Run;

/// The first step in which two runs went otherwise, as a place in both; `None` if none did.
///
/// Two seeds differ in every time, and mostly in the servers that lead. So only what a script can see counts:
/// what it did, whether a leader was elected meanwhile, and whether the run failed there.
fn first_difference(run: &[Course], other: &[Course], failed: Option<Time>) -> Option<usize> {
    let is_failed = |step: &Course| failed.is_some_and(|at| step.at <= at.0 && at.0 <= step.until);
    let last_failed = run.iter().rposition(is_failed);
    let places = 0..run.len().max(other.len());
    places.into_iter().find(|&place| match (run.get(place), other.get(place)) {
        (Some(own), Some(its)) => {
            !is_same_step(own, its)
                || own.leaders.is_empty() != its.leaders.is_empty()
                || last_failed == Some(place)
        }
        _ => true,
    })
}

/// Whether the script did the same, to whichever server.
fn is_same_step(a: &Course, b: &Course) -> bool {
    without_numbers(&a.what) == without_numbers(&b.what)
}

/// How the other run lies beside the run.
#[derive(Debug, Serialize)]
pub(crate) struct Alignment {
    /// The times at which both were at the same step: in the run, and in the other.
    pairs: Vec<(u64, u64)>,
    /// When the first step began in which they went otherwise, in each; `None` where there is no such step.
    differ: [Option<u64>; 2],
}

/// How `other` lies beside `run`.
pub(crate) fn alignment(run: &Run<'_>, other: &Run<'_>) -> Alignment {
    let (own, its) = (course(&run.story), course(&other.story));
    let mut pairs: Vec<(u64, u64)> = own
        .iter()
        .zip(&its)
        .take_while(|(own, its)| is_same_step(own, its))
        .map(|(own, its)| (own.at, its.at))
        .collect();
    pairs.push((run.story.end.0, other.story.end.0));
    pairs.dedup_by_key(|pair| pair.0);
    let failed = run.record.failure.as_ref().map(|failure| failure.at);
    let first = first_difference(&own, &its, failed);
    let differ = [&own, &its].map(|course| course.get(first?).map(|step| step.at));
    Alignment { pairs, differ }
}

/// What the page says of the other run: its seed, how it ended, and both courses.
pub(crate) fn section(run: &Run<'_>, other: &Run<'_>) -> Markup {
    let (own, its) = (course(&run.story), course(&other.story));
    let failed = run.record.failure.as_ref().map(|failure| failure.at);
    let first = first_difference(&own, &its, failed);
    let ended = |record: &Record| if record.failure.is_some() { "fails" } else { "passes" };
    html! {
        section #compare {
            h2 { "Beside it: seed " (other.record.seed) ", which " (ended(other.record)) }
            p.note { "The same steps of the script stand below each other; between them, the other run's time \
                      is stretched. Two seeds always differ in times and in who leads, so a difference is a \
                      step in which a leader is elected in one run only, or in which the run fails." }
            div #other-stage {}
            table.numbers {
                thead {
                    tr { th { "step" } th colspan="4" { "this run, seed " (run.record.seed) }
                         th colspan="4" { "seed " (other.record.seed) } }
                    tr { th {} @for _ in 0..2 { th { "at" } th { "for" } th { "elections" } th { "elected" } } }
                }
                tbody { @for place in 0..own.len().max(its.len()) {
                    tr.different[first == Some(place)] {
                        td.step {
                            @if first == Some(place) { b { "first difference: " } }
                            (own.get(place).or(its.get(place)).map_or("", |step| &step.what))
                        }
                        @for step in [own.get(place), its.get(place)] { (cells(step)) }
                    }
                } }
            }
        }
    }
}

fn cells(step: Option<&Course>) -> Markup {
    let Some(step) = step else { return html! { td.none colspan="4" { "–" } } };
    let took = Time(step.until - step.at.min(step.until));
    let elected: Vec<String> =
        step.leaders.iter().map(|(server, term)| format!("S{server} (term {term})")).collect();
    html! {
        td { (Time(step.at)) " s" } td { (took) " s" } td { (step.elections) }
        td {
            @if elected.is_empty() && step.in_vain == 0 { "–" } @else if elected.is_empty() { "nobody" } @else { (elected.join(", ")) }
            @if step.in_vain > 0 {
                ", " (step.in_vain) @if step.in_vain == 1 { " look" } @else { " looks" } " in vain"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(at: u64, what: &str, leaders: &[(usize, u64)]) -> Course {
        let (what, leaders) = (what.to_owned(), leaders.to_vec());
        Course { at, until: at + 10, what, elections: 1, leaders, in_vain: 0 }
    }

    #[test]
    fn runs_differ_where_only_one_elects_or_fails() {
        let run = [step(0, "cut off server 1", &[(0, 1)]), step(10, "check_one_leader", &[])];
        let same = [step(0, "cut off server 2", &[(2, 3)]), step(90, "check_one_leader", &[])];
        assert_eq!(first_difference(&run, &same, None), None);
        assert_eq!(first_difference(&run, &same, Some(Time(15))), Some(1));
        let elects =
            [step(0, "cut off server 2", &[(2, 3)]), step(9, "check_one_leader", &[(1, 4)])];
        assert_eq!(first_difference(&run, &elects, None), Some(1));
        let other = [step(0, "connect server 1", &[(0, 1)])];
        assert_eq!(first_difference(&run, &other, None), Some(0));
        assert_eq!(first_difference(&run, &run[..1], None), Some(1));
    }
}
