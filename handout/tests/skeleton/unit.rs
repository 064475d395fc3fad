//! The tests that the skeleton has as comments are those that the reference passes.

use std::fs;
use std::path::Path;

use expect_test::expect_file;

/// Where they begin in the skeleton.
const BEGIN: &str = "// /// Server 1 or 2 asks for the vote";

#[test]
fn what_stands_in_comments_is_what_the_reference_passes() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &Path| fs::read_to_string(path).expect("it is there");
    let reference = read(&here.join("../raft/src/unit.rs"));
    let (_, rest) = reference.split_once("// ANCHOR: tests\n").expect("a beginning");
    let (tests, _) = rest.split_once("// ANCHOR_END: tests\n").expect("an end");
    let is_anchor = |line: &&str| line.trim_start().starts_with("// ANCHOR");
    let commented: String = tests
        .lines()
        .filter(|line| !is_anchor(line))
        .map(|line| format!("{}\n", format!("// {line}").trim_end()))
        .collect();

    let path = here.join("src/unit.rs");
    let skeleton = read(&path);
    let begin = skeleton.find(BEGIN).expect("the tests begin");
    let own = &skeleton[..begin];
    expect_file![&path].assert_eq(&format!("{own}{commented}"));
}
