//! Running somebody else's tests: the parent is this program, which has none of their code, and the child is their
//! binary, confined.
//!
//! A run counts by what its child says on the socket between the two, and by nothing else: neither files, nor exit
//! codes, nor printed lines. A child that says nonsense, or ends before it has said anything, fails the run that it
//! was at, with a sentence.

use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use children::{Death, Done, Host, Isolation, Wants, settings, variables};
use confine::Confinement;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use report::{DeathKind, Process, RunResult};

use crate::error::Error;
use crate::leftovers;
use crate::process::Seeds;
use crate::stop;
use crate::suite::{LabTest, Suite};

/// How many runs of a process's seeds may hang or die before its others aren't begun.
const CASUALTIES: usize = 3;

/// The most bytes that a child may send of a run of which only the result is asked for. Those of all of a process's runs
/// are in memory at the same time.
const MOST: u64 = 4 << 20;

/// What children are told that are confined.
const VARIABLES: [(&str, &str); 3] =
    [(settings::STRICT, "1"), (settings::CLOCK, "virtual"), (variables::HIDES, "1")];

/// What children are to do besides making runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked<'a> {
    /// Nothing.
    Results,
    /// To send the runs themselves along with their results.
    Records,
    /// To send them so that they can be made again without their servers' code.
    WholeRecords,
    /// To make the run again whose record is in this file, without its servers' code.
    Judgement(&'a Path),
}

/// What came of some seeds.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) lines: Vec<RunResult>,
    /// The whole record of the last run, as it was sent.
    pub(crate) record: Option<Vec<u8>>,
    /// CPU time of the children.
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
}

/// Runs some seeds of a test until `late`, without confinement if the code is the user's own; `None` if this program was
/// stopped.
pub(crate) fn run(
    (suite, test): (&Suite, &LabTest),
    seeds: Seeds,
    confinement: Option<&Confinement>,
    late: Instant,
    asked: Asked<'_>,
) -> Result<Option<Ran>, Error> {
    let began = Instant::now();
    let (casualties, cpu) = (AtomicUsize::new(0), Mutex::new(Duration::ZERO));
    let host = Strange { suite, test, confinement, late, asked, casualties, cpu };
    let all: Vec<u64> = (0..seeds.count).map(|run| seeds.first.wrapping_add(run)).collect();
    let done = children::run_in_children(&all, NonZeroUsize::MIN, Isolation::Batch, &host);
    leftovers::end_all();
    let done = done.map_err(|error| test.not_started(error))?;
    if stop::is_asked() {
        return Ok(None);
    }
    let result = |done| match asked {
        Asked::Results => result(test, done).brief(),
        _ => result(test, done),
    };
    let mut lines: Vec<RunResult> = done.iter().map(result).collect();
    let not_run = seeds.count - lines.len() as u64;
    if let Some(last) = lines.iter_mut().rfind(|line| line.process != Process::Survived) {
        last.not_run = not_run;
    }
    let cpu = host.cpu.into_inner().unwrap_or_default();
    let record = done.last().and_then(|done| {
        let (_, record) = in_lines(done.result.as_ref().ok()?);
        Some(record?.to_vec()).filter(|_| asked == Asked::WholeRecords)
    });
    Ok(Some(Ran { lines, record, cpu, wall: began.elapsed() }))
}

/// How children are started that run a submission's test.
struct Strange<'a> {
    suite: &'a Suite,
    test: &'a LabTest,
    confinement: Option<&'a Confinement>,
    late: Instant,
    asked: Asked<'a>,
    casualties: AtomicUsize,
    cpu: Mutex<Duration>,
}

impl Host for Strange<'_> {
    fn command(&self) -> io::Result<Command> {
        let mut command = match self.confinement {
            Some(_) => self.suite.bare_command(self.test),
            None => self.suite.open_command(self.test),
        };
        command.arg("--test-threads=1").env(variables::CALL, self.test.call.to_string());
        match self.asked {
            Asked::Results | Asked::WholeRecords => {}
            Asked::Records => drop(command.env(variables::RECORDS, "1")),
            Asked::Judgement(record) => drop(command.env(variables::JUDGED, record)),
        }
        if let Some(confinement) = self.confinement {
            command.envs(VARIABLES);
            confinement.put_on(&mut command)?;
        }
        Ok(command)
    }

    fn wants(&self) -> Wants {
        match self.asked {
            Asked::WholeRecords => Wants::WholeRecords,
            _ => Wants::Results,
        }
    }

    fn most(&self) -> u64 {
        match self.asked {
            Asked::Results => MOST,
            _ => children::wire::MOST,
        }
    }

    fn start(&self, command: &mut Command) -> io::Result<Child> {
        leftovers::spawn(command)
    }

    fn kill(&self, child: &mut Child) {
        // It leads a group of its own, with all that it could start.
        let _ = killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL);
        let _ = child.kill();
    }

    fn has_ended(&self, child: u32, cpu: Duration) {
        leftovers::is_waited_for(child);
        if let Ok(mut sum) = self.cpu.lock() {
            *sum += cpu;
        }
    }

    fn is_interrupted(&self) -> bool {
        stop::is_asked()
    }

    fn deadline(&self) -> Option<Instant> {
        Some(if stop::is_asked() { Instant::now() } else { self.late })
    }

    fn is_enough(&self, done: &Done) -> bool {
        let is_casualty = result(self.test, done).process != Process::Survived;
        let before = self.casualties.fetch_add(usize::from(is_casualty), Ordering::Relaxed);
        before + usize::from(is_casualty) >= CASUALTIES
    }
}

/// The result of a run, by what its child has sent, or by how it died. What only this program can know of a run isn't
/// taken from it.
fn result(test: &LabTest, done: &Done) -> RunResult {
    let Done { seed, result, output, .. } = done;
    match result {
        Ok(bytes) => match RunResult::sent(in_lines(bytes).0, &test.name, test.call, *seed) {
            Ok(result) => RunResult {
                printed: output.clone(),
                not_run: 0,
                stored: None,
                note: None,
                ..result
            },
            Err(what) => died(test, *seed, &Death::Garbled(what), output),
        },
        Err(death) => died(test, *seed, death, output),
    }
}

/// What a child has sent of a run: its result, and in a line of its own its whole record, if that was asked for.
fn in_lines(sent: &[u8]) -> (&[u8], Option<&[u8]>) {
    match sent.iter().position(|&byte| byte == b'\n') {
        Some(end) => (&sent[..end], Some(&sent[end + 1..])),
        None => (sent, None),
    }
}

/// The result of a run of which the tester has none.
fn died(test: &LabTest, seed: u64, death: &Death, output: &str) -> RunResult {
    let kind = match death {
        Death::Exited(_) | Death::Garbled(_) => DeathKind::Misuse,
        Death::Silent => DeathKind::Silent,
        Death::Stopped | Death::Late => DeathKind::Late,
        Death::Signalled(_) | Death::NotAWorker => DeathKind::Crash,
    };
    RunResult::of_death(test.name.clone(), test.call, seed, (kind, &death.to_string()), output)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use report::FailureKind;

    use super::*;

    fn counted(sent: &str) -> RunResult {
        let test = LabTest::for_tests("TestReElection3A");
        let done =
            Done { seed: 7, result: Ok(sent.into()), output: "printed".to_owned(), is_last: false };
        result(&test, &done)
    }

    #[test]
    fn what_is_counted_of_a_run_has_a_bound() {
        let long = "x".repeat(1 << 20);
        let failed = format!(
            r#"{{"test":"TestReElection3A","seed":7,"banner":"{long}","warnings":["{long}"],"verdict":{{"failed":{{"failure":{{"kind":"panic","message":"{long}","location":"{long}","at":0}},"evidence":"{long}"}}}}}}"#
        );
        let brief = counted(&failed).brief();
        let text = serde_json::to_string(&brief).expect("it is plain data");
        assert!(text.len() < 64 << 10, "{} bytes", text.len());
        let failure = brief.failure().expect("it has failed");
        assert_eq!((failure.kind, &failure.message[..3]), (FailureKind::Panic, "xxx"));
        assert!(failure.message.ends_with("… (1048576 bytes)"), "{}", failure.message);
        let reason = format!(
            r#"{{"test":"TestReElection3A","seed":7,"verdict":{{"skipped":{{"reason":"{long}"}}}}}}"#
        );
        assert!(counted(&reason).brief().skipped().expect("it is skipped").len() < 20_000);
        // What an honest run says stays as it is.
        let short = r#"{"test":"TestReElection3A","seed":7,"warnings":["slow"],"verdict":{"passed":{"seconds":1.0}}}"#;
        let result = RunResult { printed: String::new(), ..counted(short) };
        assert_eq!(result.clone().brief(), result);
    }

    #[test]
    fn a_result_counts_only_for_the_run_that_it_came_for() {
        let passed = |seed: u64, test: &str, more: &str| {
            format!(
                r#"{{"test":"{test}","seed":{seed},"verdict":{{"passed":{{"seconds":1.0}}}}{more}}}"#
            )
        };
        let right = counted(&passed(7, "TestReElection3A", ""));
        assert!(right.failure().is_none() && right.printed == "printed", "{right:?}");
        let more = r#","not_run":18446744073709551615,"stored":"/etc/passwd","note":"trust me""#;
        let boasts = counted(&passed(7, "TestReElection3A", more));
        assert_eq!((boasts.not_run, boasts.stored, boasts.note), (0, None, None));
        for (sent, why) in [
            ("\u{1b}[2J".to_owned(), "4 bytes in place of a result: "),
            ("{}".to_owned(), "2 bytes in place of a result: missing field"),
            ("[".repeat(100_000), "100000 bytes in place of a result: "),
            (passed(8, "TestReElection3A", ""), "a result of seed 8 of TestReElection3A"),
            (passed(7, "TestBackup3B", ""), "a result of seed 7 of TestBackup3B"),
            (passed(7, "TestReElection3A", r#","call":2"#), "a result of seed 7 of"),
        ] {
            let result = counted(&sent);
            let failure = result.failure().expect("it has failed");
            let says = format!("the process sent the tester what it can't read: {why}");
            assert!(failure.message.starts_with(&says), "{}", failure.message);
            assert_eq!((failure.kind, result.process), (FailureKind::Misuse, Process::Died));
        }
    }

    /// Runs seed 7, where a shell that runs `script` stands in for a test's binary.
    fn run_shell(script: &str, patience: Duration) -> RunResult {
        let folder = tempfile::tempdir().expect("a folder");
        let shell = std::path::Path::new("/bin/bash").canonicalize().expect("there is bash");
        // As a test's binary is given its test's name, the shell is given the name of its script.
        let path = folder.path().join("TestReElection3A");
        let text = format!("read -r -N 32 -u $LAB_WORKER nonce\n{script}\n");
        fs::write(&path, text).expect("a file");
        for (path, mode) in [(folder.path(), 0o755), (path.as_path(), 0o644)] {
            let open = fs::Permissions::from_mode(mode);
            fs::set_permissions(path, open).expect("its permissions");
        }
        let cpu = Duration::from_secs(5);
        let confinement = Confinement::of_runs(&[path, shell.clone()], cpu).expect("it is made");
        let test = LabTest { binary: shell, ..LabTest::for_tests("TestReElection3A") };
        let suite = Suite {
            switches: Vec::new(),
            package: "raft".to_owned(),
            folder: folder.path().to_owned(),
            target: folder.path().to_owned(),
            tests: vec![test.clone()],
        };
        let (seeds, late) = (Seeds { first: 7, count: 1 }, Instant::now() + patience);
        let ran = run((&suite, &test), seeds, Some(&confinement), late, Asked::Results);
        let lines = ran.expect("bash starts").expect("nobody stops this").lines;
        let [line] = &lines[..] else { panic!("not one result: {lines:?}") };
        line.clone()
    }

    /// As bash's `printf` writes it: a frame of the process with this number, that says that seed 7 has passed.
    fn passed(nonce: &str) -> String {
        let result = r#"{"test":"TestReElection3A","seed":7,"verdict":{"passed":{}}}"#;
        let zeroes = r"\000\000\000\000\000\000\000";
        format!(
            r#"printf 'R%s\007{zeroes}\{:03o}{zeroes}%s\000{zeroes}' "{nonce}" '{result}' >&$LAB_WORKER"#,
            result.len()
        )
    }

    #[test]
    fn a_result_counts_only_with_the_number_of_its_process() {
        let ready = r#"printf "Y$nonce" >&$LAB_WORKER"#;
        let patience = Duration::from_secs(20);
        let right = run_shell(&format!("{ready}; {}; read -r", passed("$nonce")), patience);
        assert!(right.failure().is_none(), "{right:?}");
        let number = "0123456789abcdef0123456789abcdef";
        let garbled = "the process sent the tester what it can't read: a message that doesn't bear the number";
        for (script, says) in [
            (format!("{ready}; {}; read -r", passed(number)), garbled),
            (
                format!("{ready}; echo '  ... Passed --'; exit 0"),
                "the process was ended by exit(0)",
            ),
            (format!("{ready}; kill -9 $$"), "the process was ended by signal 9"),
            ("exit 0".to_owned(), "the process did not come to the point of running"),
        ] {
            let result = run_shell(&script, patience);
            let failure = result.failure().unwrap_or_else(|| panic!("{script} has passed"));
            assert!(failure.message.starts_with(says), "{script}: {}", failure.message);
        }
    }

    #[test]
    fn what_is_alive_and_never_done_is_ended() {
        let begun = Instant::now();
        let alive = r#"while :; do printf "A$nonce" >&$LAB_WORKER; done"#;
        let result = run_shell(
            &format!(r#"printf "Y$nonce" >&$LAB_WORKER; {alive}"#),
            Duration::from_secs(1),
        );
        let failure = result.failure().expect("it has failed");
        assert_eq!(failure.message, "the process took longer than allowed, and was ended");
        assert_eq!(result.process, Process::Hung);
        assert!(begun.elapsed() < Duration::from_secs(15), "it took {:?}", begun.elapsed());
    }
}
