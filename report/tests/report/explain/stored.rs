//! Runs of wrong Rafts, cut down to what their explanation rests on.

use std::fs;
use std::path::PathBuf;

use report::{Record, Story, explain};

use crate::explain::golden::{assert_explained, path};
use crate::run::causes;

/// Every stored run, by the id of the finding that explains it.
fn stored() -> Vec<(String, Record)> {
    let mut files: Vec<_> = fs::read_dir(path("histories", ""))
        .expect("there is a folder of histories")
        .map(|file| file.expect("it can be read").path())
        .collect();
    files.sort();
    let read = |file: PathBuf| {
        let id = file.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).expect("a history can be read");
        let record = Record::read(&text).unwrap_or_else(|error| panic!("{id}: {error}"));
        (id, record)
    };
    files.into_iter().map(read).collect()
}

#[test]
fn each_stored_run_is_explained() {
    let all = stored();
    assert!(all.len() >= 30, "{} histories", all.len());
    let explained: Vec<_> = all
        .into_iter()
        .map(|(id, record)| {
            let story = Story::new(&record.to_history(), record.servers as usize);
            let failure = record.failure.expect("the run has failed");
            let explanation = explain(&story, &failure);
            (id, story, failure, explanation)
        })
        .collect();
    let others: Vec<_> = explained
        .iter()
        .filter(|(id, .., explanation)| causes(explanation).first() != Some(&&**id))
        .map(|(id, .., explanation)| format!("{id}: {:?}", causes(explanation)))
        .collect();
    for (id, story, failure, explanation) in &explained {
        if causes(explanation).first() == Some(&&**id) {
            assert_explained(id, story, failure, explanation);
        }
    }
    assert!(others.is_empty(), "{others:#?}");
}
