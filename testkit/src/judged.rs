//! Runs made again without their servers' code, as graders have them made: in a child of this process.

use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::Command;

use children::{Done, Host, Isolation, Wants, run_in_children};
use report::{Record, RunResult};

use crate::TestBinary;

/// How a child is started.
struct Child<'a> {
    binary: &'a TestBinary,
    /// The test's path in the binary.
    test: &'a str,
    variables: &'a [(&'a str, &'a str)],
    wants: Wants,
}

impl Host for Child<'_> {
    fn command(&self) -> io::Result<Command> {
        let mut command = Command::new(&self.binary.path);
        command
            .args([self.test, "--exact", "--nocapture", "--include-ignored", "--test-threads=1"])
            .env("CARGO_PKG_NAME", &self.binary.package)
            .env("LAB_WORKER_CALL", "1")
            .envs(self.variables.iter().copied());
        Ok(command)
    }

    fn wants(&self) -> Wants {
        self.wants
    }

    fn is_interrupted(&self) -> bool {
        false
    }

    fn is_enough(&self, _: &Done) -> bool {
        false
    }
}

impl TestBinary {
    /// Makes one run of the test with this path, and returns what came of it, with its whole record.
    ///
    /// # Panics
    /// If the process dies.
    #[must_use]
    pub fn whole_run(&self, test: &str, seed: u64, variables: &[(&str, &str)]) -> RunResult {
        self.child(test, seed, variables, Wants::WholeRecords)
    }

    /// Makes a run again, without its servers' code, and returns what came of it.
    ///
    /// # Panics
    /// If the process dies.
    #[must_use]
    pub fn judge(&self, test: &str, record: &Record, variables: &[(&str, &str)]) -> RunResult {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path: PathBuf = folder.path().join("record.json");
        let text = serde_json::to_vec(record).expect("a record is plain data");
        fs::write(&path, text).expect("a file in a new folder");
        let path = path.to_string_lossy();
        let variables = [variables, &[("LAB_WORKER_JUDGED", &*path)]].concat();
        self.child(test, record.seed, &variables, Wants::Results)
    }

    fn child(&self, test: &str, seed: u64, variables: &[(&str, &str)], wants: Wants) -> RunResult {
        let host = Child { binary: self, test, variables, wants };
        let done = run_in_children(&[seed], NonZeroUsize::MIN, Isolation::Process, &host);
        let done = done.expect("a child starts").pop().expect("one seed is one run");
        let sent = done.result.unwrap_or_else(|death| panic!("{test}: {death}: {}", done.output));
        let mut lines = sent.split(|&byte| byte == b'\n');
        let result = lines.next().map(serde_json::from_slice::<RunResult>);
        let record = lines.next().map(serde_json::from_slice::<Record>);
        let record = record.map(|record| Box::new(record.expect("it is a record")));
        RunResult { record, ..result.expect("there is a line").expect("it is a result") }
    }
}
