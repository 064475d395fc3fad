//! Runs of wrong Rafts, cut down to what their explanation rests on.

use std::fs;

use report::{Record, Story, explain};

use crate::explain::golden::{assert_explained, path};

#[test]
fn each_stored_run_is_explained() {
    let mut count = 0;
    let mut files: Vec<_> = fs::read_dir(path("histories", ""))
        .expect("there is a folder of histories")
        .map(|file| file.expect("it can be read").path())
        .collect();
    files.sort();
    for file in files {
        let id = file.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).expect("a history can be read");
        let record = Record::read(&text).unwrap_or_else(|error| panic!("{id}: {error}"));
        let story = Story::new(&record.to_history(), record.servers as usize);
        let failure = record.failure.expect("the run has failed");
        assert_explained(&id, &story, &failure, &explain(&story, &failure));
        count += 1;
    }
    assert!(count >= 30, "{count} histories");
}
