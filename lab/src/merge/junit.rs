//! JUnit XML: a suite for each submission, a case for each test.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::items::{Item, JUDGED, Sheet};

/// The report.
pub(super) fn junit(sheets: &[Sheet]) -> String {
    let mut report = Report::new("cargo lab");
    for sheet in sheets {
        let mut suite = TestSuite::new(sheet.name());
        suite.set_time(Duration::from_secs_f64(sheet.seconds));
        suite.add_property(Property::new("points", sheet.sum.to_string()));
        suite.add_property(Property::new("verdict", sheet.outcome.word()));
        suite.add_test_cases(sheet.items.iter().map(|item| case(sheet, item)));
        report.add_test_suite(suite);
    }
    report.to_string().expect("writing to a string can't fail")
}

fn case(sheet: &Sheet, item: &Item) -> TestCase {
    let status = if item.asked > 0 && item.skipped == item.asked {
        let mut status = TestCaseStatus::skipped();
        status.set_message(item.message.clone());
        status
    } else if item.is_passed() {
        TestCaseStatus::success()
    } else {
        // Nothing is known of a test that wasn't run, but why.
        let is_unknown = item.runs == 0 && item.part != JUDGED;
        let kind = if is_unknown { NonSuccessKind::Error } else { NonSuccessKind::Failure };
        let mut status = TestCaseStatus::non_success(kind);
        let first = item.message.lines().next().unwrap_or_default();
        let why = if is_unknown { &sheet.message } else { first };
        status.set_message(why.to_owned());
        status.set_type(match item.causes.first() {
            Some(cause) => cause.cause.clone(),
            None if item.part == JUDGED => "not judged".to_owned(),
            None => "not run".to_owned(),
        });
        status.set_description(item.message.clone());
        status
    };
    let mut case = TestCase::new(item.test.clone(), status);
    case.set_classname(sheet.name());
    case.set_time(Duration::from_secs_f64(item.seconds));
    for (name, count) in [("runs", item.runs), ("passed", item.passed)] {
        case.add_property(Property::new(name, count.to_string()));
    }
    case
}

#[cfg(test)]
mod tests {
    use super::super::items::tests::{sheets, unjudged};
    use super::*;
    use crate::sheet::Seeds;

    #[test]
    fn what_could_not_be_judged_is_no_success() {
        let xml = junit(&[unjudged()]);
        assert!(xml.contains(r#"tests="3" skipped="0" failures="1" errors="0""#), "{xml}");
        let said = r#"<failure message="2 of 3 runs that passed could not be judged without"#;
        assert!(xml.contains(said) && xml.contains(r#"type="not judged""#), "{xml}");
        assert!(xml.contains(r#"name="verdict" value="unjudged""#), "{xml}");
    }

    #[test]
    fn each_submission_is_a_suite() {
        let xml = junit(&sheets(Seeds::Hidden));
        assert!(
            xml.contains(
                r#"<testsuites name="cargo lab" tests="6" skipped="0" failures="1" errors="2""#
            ),
            "{xml}"
        );
        assert!(xml.contains(r#"<testsuite name="bob" tests="2""#), "{xml}");
        assert!(xml.contains("no &lt;leader&gt; &amp; &quot;none&quot;"), "{xml}");
        assert!(
            xml.contains(r#"<error message="error[E0308]: mismatched types" type="not run">"#),
            "{xml}"
        );
    }
}
