//! A page with plots, in one file: a row for each submission, and for each test the rate of its failures with the
//! interval that the true one lies in.

use askama::Template;

use super::items::{Item, Sheet};
use crate::course::Course;
use crate::error::Error;
use crate::statistics::interval;
use crate::table::{between, percent};

/// The width of a plot, in its own units.
const WIDTH: f64 = 200.0;

#[derive(Template)]
#[template(path = "grades.html")]
struct Page<'a> {
    title: &'a str,
    deadline: &'a str,
    sheets: Vec<Shown<'a>>,
    max: f64,
}

struct Shown<'a> {
    sheet: &'a Sheet,
    passed: usize,
    /// How long its bar of points is.
    bar: f64,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    item: &'a Item,
    /// Where the rate of passes is in the plot, and between which places the true one lies; `None` if nothing was run.
    plot: Option<Plot>,
    rate: String,
}

struct Plot {
    at: f64,
    low: f64,
    width: f64,
}

/// The page.
pub(super) fn html(sheets: &[Sheet], course: &Course) -> Result<String, Error> {
    let title = if course.name.is_empty() { "Results" } else { &course.name };
    let page = Page {
        title,
        deadline: &course.deadline,
        sheets: sheets.iter().map(shown).collect(),
        max: sheets.first().map_or(0.0, |sheet| sheet.max),
    };
    page.render().map_err(|error| Error::NotMerged(error.to_string()))
}

fn shown(sheet: &Sheet) -> Shown<'_> {
    Shown {
        sheet,
        passed: sheet.items.iter().filter(|item| item.is_passed()).count(),
        bar: if sheet.max > 0.0 { (sheet.sum / sheet.max * WIDTH).round() } else { 0.0 },
        rows: sheet.items.iter().map(row).collect(),
    }
}

fn row(item: &Item) -> Row<'_> {
    let played = item.passed + item.failed;
    let place = |share: f64| (share * WIDTH * 10.0).round() / 10.0;
    let plot = (played > 0).then(|| {
        let (low, high) = interval(item.failed, played);
        let at = place(1.0 - item.failed as f64 / played as f64);
        Plot { at, low: place(1.0 - high), width: place(high - low) }
    });
    let rate = match played {
        0 => "-".to_owned(),
        _ => format!(
            "{} ({})",
            percent(item.failed as f64 / played as f64),
            between(item.failed, played)
        ),
    };
    Row { item, plot, rate }
}

#[cfg(test)]
mod tests {
    use super::super::items::tests::{sheets, unjudged};
    use super::*;
    use crate::sheet::Seeds;

    #[test]
    fn what_could_not_be_judged_stands_out() {
        let page = html(&[unjudged()], &Course::default()).expect("a page");
        assert!(page.contains(r#"<td class="failed">unjudged</td>"#), "{page}");
        assert!(page.contains("<pre>2 of 3 runs that passed could not be judged"), "{page}");
    }

    #[test]
    fn the_page_has_all_in_one_file() {
        let page = html(&sheets(Seeds::Hidden), &Course::default()).expect("a page");
        for name in ["alice", "bob", "carol"] {
            assert!(page.contains(&format!("<summary>{name}")), "{page}");
        }
        assert!(page.contains("<svg") && page.contains("50 % (1.3\u{2013}99 %)"), "{page}");
        // What comes from a submission stays text.
        assert!(!page.contains("<leader>"), "{page}");
        for foreign in ["http://", "https://", "src=", "<script", "@import"] {
            assert!(!page.contains(foreign), "{foreign}");
        }
    }
}
