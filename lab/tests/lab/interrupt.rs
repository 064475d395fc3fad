//! Ctrl-C.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::student::{Ran, command, solved};

#[test]
#[expect(clippy::disallowed_methods, reason = "nothing is simulated in this test")]
fn what_is_known_so_far_is_shown() {
    let mut lab = command(env!("CARGO_BIN_EXE_lab"), solved());
    lab.args(["test", "TestManyElections3A", "-n", "10000000"]);
    let mut lab = lab.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let stderr = BufReader::new(lab.stderr.take().expect("a pipe"));
    let mut lines = stderr.lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("10000000 runs of each")), "it never begins");
    std::thread::sleep(Duration::from_secs(1));

    let interrupt = format!("kill -INT {}", lab.id());
    assert!(Command::new("sh").args(["-c", &interrupt]).status().expect("sh runs").success());
    let ran = Ran::from(lab.wait_with_output().expect("it ends"));
    ran.assert_code(130);
    ran.assert_prints("TestManyElections3A");
    ran.assert_prints(" 0 failures");
    ran.assert_prints("interrupted: this is not all");
}
