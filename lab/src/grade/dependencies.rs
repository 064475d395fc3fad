//! What a submission's own Cargo.toml says. It counts for nothing, but tells why one doesn't compile. While a student
//! still works, `cargo lab test` and `cargo lab watch` say the same by their course file.

use std::fs;
use std::path::Path;

use toml::{Table, Value};

use crate::course::{Course, FILE};
use crate::error::Error;

/// What each Raft may use: the dependencies of the skeleton.
const SKELETON: [&str; 10] = [
    "bytes",
    "futures",
    "labgob",
    "labrpc",
    "raftapi",
    "rand",
    "serde",
    "tokio",
    "tracing",
    "tracing-test",
];

/// What is wrong with the crates that the package in `folder` asks for, by the course file of its workspace; `None` if
/// there is no such file, or nothing is wrong.
///
/// # Errors
/// If the course file can't be read.
pub(crate) fn remark(folder: &Path) -> Result<Option<String>, Error> {
    let Some(path) = folder.parent().map(|root| root.join(FILE)).filter(|path| path.is_file())
    else {
        return Ok(None);
    };
    let course = Course::read(&path)?;
    let course = course.dependencies.keys().map(String::as_str);
    let allowed: Vec<String> = SKELETON.into_iter().chain(course).map(str::to_owned).collect();
    let manifest = folder.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).map_err(|error| Error::read(&manifest, error))?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    Ok(not_allowed(Some(&text), &allowed).map(|what| {
        format!(
            "of {name}, {what}: {FILE} has the course's list, and a submission that needs more won't compile when it \
             is graded"
        )
    }))
}

/// A sentence about the crates that a manifest asks for and that submissions may not use.
pub(super) fn not_allowed(manifest: Option<&str>, allowed: &[String]) -> Option<String> {
    let manifest: Table = manifest?.parse().ok()?;
    let dependencies = manifest.get("dependencies").and_then(Value::as_table)?;
    let others: Vec<&str> = dependencies
        .keys()
        .map(String::as_str)
        .filter(|name| !allowed.iter().any(|other| other == name))
        .collect();
    let verb = if others.len() == 1 { "isn't" } else { "aren't" };
    (!others.is_empty())
        .then(|| format!("its Cargo.toml asks for {}, which {verb} allowed", others.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_skeleton_may_use_what_it_uses() {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../handout/Cargo.toml");
        let manifest: Table = fs::read_to_string(manifest).unwrap().parse().unwrap();
        let mut used: Vec<_> = manifest["dependencies"].as_table().unwrap().keys().collect();
        used.sort();
        assert_eq!(used, SKELETON.each_ref());
    }

    #[test]
    fn a_course_s_list_is_looked_at_before_a_submission_is() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("raft");
        fs::create_dir(&folder).unwrap();
        let manifest = "[dependencies]\nserde = \"1\"\narrayvec = \"0.7\"\nrayon = \"1\"\n";
        fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        let said = || remark(&folder).map_err(|error| error.to_string());
        assert_eq!(said(), Ok(None), "without a course file all is allowed");
        let course = root.path().join(FILE);
        fs::write(&course, "[dependencies]\narrayvec = \"0.7\"\n").unwrap();
        let told = said().unwrap().unwrap();
        assert!(
            told.starts_with("of raft, its Cargo.toml asks for rayon, which isn't allowed: "),
            "{told}"
        );
        fs::write(&course, "[dependencies]\narrayvec = \"0.7\"\nrayon = \"1\"\n").unwrap();
        assert_eq!(said(), Ok(None));
        fs::write(&course, "nmae = 1\n").unwrap();
        assert!(said().unwrap_err().contains("nmae"));
    }

    #[test]
    fn crates_that_are_not_allowed_are_named() {
        let allowed = ["serde".to_owned()];
        let said = |text| not_allowed(Some(text), &allowed);
        assert_eq!(said("[dependencies]\nserde = \"1\"\n"), None);
        let rayon = said("[dependencies]\nserde = \"1\"\nrayon = \"1\"\n");
        assert_eq!(rayon.as_deref(), Some("its Cargo.toml asks for rayon, which isn't allowed"));
        assert_eq!(said("no toml"), None);
        assert_eq!(not_allowed(None, &allowed), None);
    }
}
