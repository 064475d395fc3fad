//! What a reader sees of a finding, word by word.

use std::path::{Path, PathBuf};

use expect_test::expect_file;
use report::explain::Explanation;
use report::{Failure, Story, text};

/// A file of this test's.
pub(crate) fn path(folder: &str, file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/report/explain").join(folder).join(file)
}

/// Asserts that the first finding is `id`, and that all are printed as they stand in `golden`. With
/// `UPDATE_EXPECT=1` in the environment they are written there.
pub(crate) fn assert_explained(
    id: &str,
    story: &Story,
    failure: &Failure,
    explanation: &Explanation,
) {
    let found: Vec<&str> = explanation.findings.iter().map(|finding| finding.id.as_str()).collect();
    assert_eq!(found.first(), Some(&id), "{}: {found:?}", failure.message);
    for finding in &explanation.findings {
        assert!(!finding.evidence.is_empty(), "{id} has no evidence");
    }

    let summary = text::summary(story, failure, explanation);
    let why = summary.find("  why ").expect("a summary says why");
    let servers = summary.find("\n  server 0 ").expect("a summary says what each server was");
    let golden = path("golden", &format!("{id}.txt"));
    expect_file![golden].assert_eq(&summary[why..=servers]);
}
