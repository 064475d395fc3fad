//! Tables as text: CSV for programs, Markdown for pages.

use std::fmt::Write as _;

use super::items::Sheet;
use crate::statistics::interval;
use crate::table::{between, percent};

const CANNOT_FAIL: &str = "writing to memory can't fail";

/// A line for each submission and test.
pub(super) fn csv(sheets: &[Sheet]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = [
        "submission",
        "verdict",
        "part",
        "test",
        "asked",
        "runs",
        "passed",
        "failed",
        "skipped",
        "rate",
        "low",
        "high",
        "points",
        "max",
        "cause",
        "seconds",
    ];
    writer.write_record(head).expect(CANNOT_FAIL);
    for sheet in sheets {
        for item in &sheet.items {
            let played = item.passed + item.failed;
            let (low, high) = interval(item.failed, played);
            let share =
                |share: f64| if played == 0 { String::new() } else { format!("{share:.6}") };
            let cause = item.causes.first().map(|cause| cause.cause.clone()).unwrap_or_default();
            let numbers = [item.asked, item.runs, item.passed, item.failed, item.skipped]
                .map(|count| count.to_string());
            let mut record = vec![inert(&sheet.submission), sheet.outcome.word().to_owned()];
            record.extend([item.part.clone(), item.test.clone()]);
            record.extend(numbers);
            record.extend([item.failed as f64 / played as f64, low, high].map(share));
            record.extend([
                item.points.to_string(),
                item.max.to_string(),
                inert(&cause),
                format!("{:.3}", item.seconds),
            ]);
            writer.write_record(record).expect(CANNOT_FAIL);
        }
    }
    String::from_utf8(writer.into_inner().expect(CANNOT_FAIL)).expect("it was text")
}

/// Text of a submission's in a cell of a CSV file: what a spreadsheet would compute begins with an apostrophe, by which
/// spreadsheets know text.
fn inert(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if is_formula { format!("'{text}") } else { text.to_owned() }
}

/// Text in a cell of a Markdown table.
fn cell(text: &str) -> String {
    let mut cell = String::new();
    for c in text.chars() {
        match c {
            '|' | '<' | '>' | '*' | '_' | '`' | '[' | ']' | '\\' => cell.extend(['\\', c]),
            '\n' => cell.push_str("; "),
            c => cell.push(c),
        }
    }
    cell
}

/// A table of submissions, and of each what failed.
pub(super) fn markdown(sheets: &[Sheet]) -> String {
    let mut text =
        "| submission | verdict | tests passed | points |\n| --- | --- | --: | --: |\n".to_owned();
    for sheet in sheets {
        let passed = sheet.items.iter().filter(|item| item.is_passed()).count();
        writeln!(
            text,
            "| {} | {} | {passed} of {} | {} of {} |",
            cell(sheet.name()),
            sheet.outcome.word(),
            sheet.items.len(),
            sheet.sum,
            sheet.max
        )
        .expect(CANNOT_FAIL);
    }
    for sheet in sheets {
        let failing: Vec<_> =
            sheet.items.iter().filter(|item| item.runs > 0 && !item.is_passed()).collect();
        if failing.is_empty() && sheet.message.is_empty() && sheet.deductions.is_empty() {
            continue;
        }
        writeln!(text, "\n## {}\n", cell(sheet.name())).expect(CANNOT_FAIL);
        for line in sheet.message.lines() {
            writeln!(text, "{}\n", cell(line)).expect(CANNOT_FAIL);
        }
        for (rule, points) in &sheet.deductions {
            writeln!(text, "{points} points off for a broken rule ({})\n", cell(rule))
                .expect(CANNOT_FAIL);
        }
        if failing.is_empty() {
            continue;
        }
        text += "| test | failed | rate | 95 % | points | causes |\n| --- | --: | --: | --: | --: | --- |\n";
        for item in failing {
            let played = item.passed + item.failed;
            let causes: Vec<String> = item
                .causes
                .iter()
                .map(|cause| format!("{} x {}", cause.runs.len(), cause.sentence))
                .collect();
            let rate = if played == 0 {
                "-".to_owned()
            } else {
                percent(item.failed as f64 / played as f64)
            };
            writeln!(
                text,
                "| {} | {} of {} | {rate} | {} | {} of {} | {} |",
                cell(&item.test),
                item.failed,
                item.runs,
                between(item.failed, played),
                item.points,
                item.max,
                cell(&causes.join("\n"))
            )
            .expect(CANNOT_FAIL);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::items::tests::sheets;
    use super::*;
    use crate::sheet::Seeds;

    #[test]
    fn csv_has_a_line_for_each_submission_and_test() {
        let text = csv(&sheets(Seeds::Hidden));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 7);
        assert_eq!(
            lines[4],
            "bob,failed,3B,TestBackup3B,2,2,1,1,0,0.500000,0.012579,0.987421,0,25,liveness,0.006"
        );
        assert_eq!(lines[6], "carol,not built,3B,TestBackup3B,2,0,0,0,0,,,,0,25,,0.000");
    }

    #[test]
    fn a_spreadsheet_computes_nothing_of_a_submission_s() {
        let mut sheets = sheets(Seeds::Hidden);
        sheets[1].submission = "=HYPERLINK(\"https://example.org\")".to_owned();
        let text = csv(&sheets);
        assert!(text.contains("\n\"'=HYPERLINK("), "{text}");
        assert_eq!(inert("bob=1"), "bob=1");
    }

    #[test]
    fn markdown_says_what_failed() {
        let text = markdown(&sheets(Seeds::Hidden));
        assert!(text.contains("| alice | passed | 2 of 2 | 50 of 50 |\n"), "{text}");
        assert!(text.contains("1 x no \\<leader\\> & \"none\" |\n"), "{text}");
        assert!(text.contains("## carol\n\nerror\\[E0308\\]: mismatched types\n"), "{text}");
        assert!(!text.contains("## alice"), "{text}");
    }
}
