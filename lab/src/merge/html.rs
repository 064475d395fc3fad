//! A page with plots, in one file: a row for each submission, and for each test the rate of its failures with the
//! interval that the true one lies in.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use askama::Template;
use report::Time;

use super::items::{CAUSES, Item, Sheet};
use crate::course::Course;
use crate::error::Error;
use crate::statistics::interval;
use crate::table::{between, percent};
use crate::tally::Cause;

/// The width of a plot, in its own units.
const WIDTH: f64 = 200.0;

/// How many marks a line of a plot can have.
const MARKS: u32 = 400;

/// How high the line of a cause is, in the plot of the times of failures.
const CAUSE_HEIGHT: usize = 14;

/// The pages of drawn runs that lie beside results.
#[derive(Debug, Default)]
pub(super) struct Pages {
    /// By the folder's name, which in a class is the submission's, and the page's own, without its ending.
    found: BTreeMap<(String, String), String>,
}

impl Pages {
    /// Those beside `results`, as a page in the folder `from` names them.
    pub(super) fn beside(results: &[PathBuf], from: &Path) -> Pages {
        let from = from.canonicalize().unwrap_or_default();
        let mut found = BTreeMap::new();
        let folders = results.iter().filter_map(|file| file.parent()?.canonicalize().ok());
        for folder in folders {
            let name = text(folder.file_name());
            for page in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = page.path();
                if path.extension().is_some_and(|ending| ending == "html") {
                    let link = path.strip_prefix(&from).unwrap_or(&path);
                    found.insert(
                        (name.clone(), text(path.file_stem())),
                        text(Some(link.as_os_str())),
                    );
                }
            }
        }
        Pages { found }
    }

    /// The page of a run of this submission, or of the user's own code if that has no name.
    fn of(&self, submission: &str, file: &str) -> Option<String> {
        if submission.is_empty() {
            return self
                .found
                .iter()
                .find(|((_, name), _)| name == file)
                .map(|(_, page)| page.clone());
        }
        self.found.get(&(submission.to_owned(), file.to_owned())).cloned()
    }
}

fn text(name: Option<&OsStr>) -> String {
    name.unwrap_or_default().to_string_lossy().into_owned()
}

#[derive(Template)]
#[template(path = "grades.html")]
struct Page<'a> {
    title: &'a str,
    deadline: &'a str,
    sheets: Vec<Shown<'a>>,
    max: f64,
    /// Up to when the plots of the times of failures go.
    latest: String,
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
    /// For each cause, where in the plot its runs fail.
    times: Vec<Vec<f64>>,
    /// Seeds whose runs are drawn, and where.
    drawn: Vec<(u64, String)>,
}

impl Row<'_> {
    fn height(&self) -> usize {
        self.times.len() * CAUSE_HEIGHT
    }
}

struct Plot {
    at: f64,
    low: f64,
    width: f64,
}

/// The page, with links to those of its failed runs that are drawn.
pub(super) fn html(sheets: &[Sheet], course: &Course, pages: &Pages) -> Result<String, Error> {
    let causes = sheets.iter().flat_map(|sheet| &sheet.items).flat_map(|item| &item.causes);
    let latest = causes.flat_map(|cause| &cause.runs).map(|(_, at)| at.0).max().unwrap_or(0);
    let title = if course.name.is_empty() { "Results" } else { &course.name };
    let page = Page {
        title,
        deadline: &course.deadline,
        sheets: sheets.iter().map(|sheet| shown(sheet, latest, pages)).collect(),
        max: sheets.first().map_or(0.0, |sheet| sheet.max),
        latest: format!("{:.1}", Time(latest)),
    };
    page.render().map_err(|error| Error::NotMerged(error.to_string()))
}

fn shown<'a>(sheet: &'a Sheet, latest: u64, pages: &Pages) -> Shown<'a> {
    Shown {
        sheet,
        passed: sheet.items.iter().filter(|item| item.is_passed()).count(),
        bar: if sheet.max > 0.0 { (sheet.sum / sheet.max * WIDTH).round() } else { 0.0 },
        rows: sheet.items.iter().map(|item| row(item, &sheet.submission, latest, pages)).collect(),
    }
}

fn row<'a>(item: &'a Item, submission: &str, latest: u64, pages: &Pages) -> Row<'a> {
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
    // Marks nearer to each other than one can see are one.
    let near = |at: Time| at.0 * u64::from(MARKS) / latest.max(1);
    let times = |cause: &Cause| -> Vec<f64> {
        let marks: BTreeSet<u64> = cause.runs.iter().map(|(_, at)| near(*at)).collect();
        marks.iter().map(|&mark| place(mark as f64 / f64::from(MARKS))).collect()
    };
    let page = |(seed, file): &(u64, String)| Some((*seed, pages.of(submission, file)?));
    Row {
        item,
        plot,
        rate,
        times: item.causes.iter().take(CAUSES).map(times).collect(),
        drawn: item.files.iter().filter_map(page).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::items::tests::{sheets, unjudged};
    use super::*;
    use crate::sheet::Seeds;

    #[test]
    fn what_could_not_be_judged_stands_out() {
        let page = html(&[unjudged()], &Course::default(), &Pages::default()).expect("a page");
        assert!(page.contains(r#"<td class="failed">unjudged</td>"#), "{page}");
        assert!(page.contains("<pre>2 of 3 runs that passed could not be judged"), "{page}");
    }

    #[test]
    fn the_page_has_all_in_one_file() {
        let course = Course::default();
        let page = html(&sheets(Seeds::Hidden), &course, &Pages::default()).expect("a page");
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

    #[test]
    fn failures_are_plotted_and_lead_to_their_pages() {
        let folder = tempfile::tempdir().expect("a folder");
        let bobs = folder.path().join("grades/bob");
        fs::create_dir_all(&bobs).expect("a folder");
        fs::write(bobs.join("TestBackup3B-2.html"), "").expect("a file");
        let course = Course::default();
        let drawn = |seeds, from: &Path| {
            let pages = Pages::beside(&[bobs.join("results.jsonl")], from);
            html(&sheets(seeds), &course, &pages).expect("a page")
        };
        let page = drawn(Seeds::Shown, &folder.path().join("grades"));
        assert!(page.contains(r#"<a href="bob/TestBackup3B-2.html">seed 2</a>"#), "{page}");
        // It is the only failure, and so the latest.
        assert!(page.contains(r#"<path d="M200,2v10""#), "{page}");
        assert!(page.contains("0 to 2.5 s"), "{page}");
        let elsewhere = drawn(Seeds::Shown, Path::new("/nowhere"));
        let whole = bobs.canonicalize().expect("it is there").join("TestBackup3B-2.html");
        assert!(elsewhere.contains(&format!(r#"<a href="{}">"#, whole.display())), "{elsewhere}");
        // A page shows its seed.
        assert!(!drawn(Seeds::Hidden, folder.path()).contains("href"));
    }
}
