//! What confined code is told when it tries to do harm.
//!
//! Each attack is tried by this binary itself, in a process that is confined as a submission's is. It prints what
//! came of it.

#![cfg(target_os = "linux")]

mod attacks;

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use confine::Confinement;
use tempfile::TempDir;

/// Says which attack the test `attacker` is to try, and on what.
const ATTACK: &str = "CONFINE_ATTACK";
const ON: &str = "CONFINE_ON";

/// What a process prints before and behind what came of an attack.
const BEGIN: &str = "came of it: ";

/// The other tests run it in a process of its own, confined. By itself it finds out that a name is known or isn't.
#[test]
fn attacker() {
    let Ok(attack) = std::env::var(ATTACK) else {
        assert_eq!(attacks::run("threads", ""), "done");
        return assert_eq!(attacks::run("by magic", ""), "there is no attack by magic");
    };
    let on = std::env::var(ON).unwrap_or_default();
    println!("\n{BEGIN}{}", attacks::run(&attack, &on));
}

/// This binary, and a secret that any user can read: Landlock alone keeps it.
struct Scene {
    folder: TempDir,
    binary: PathBuf,
    secret: PathBuf,
}

impl Scene {
    fn new() -> Scene {
        let folder = tempfile::tempdir().expect("a folder");
        let open = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its permissions");
        };
        open(folder.path(), 0o777);
        let binary = std::env::current_exe().expect("this binary");
        let secret = folder.path().join("secret");
        fs::write(&secret, "the course's key").expect("a file");
        open(&secret, 0o666);
        Scene { folder, binary, secret }
    }

    fn confinement(&self) -> Confinement {
        Confinement::of_runs(std::slice::from_ref(&self.binary), Duration::from_secs(5))
            .expect("it is made")
    }

    fn command(&self, attack: &str, on: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(["attacker", "--exact", "--nocapture", "--test-threads=1"]);
        command.env_clear().env(ATTACK, attack).env(ON, on).current_dir("/");
        command
    }

    /// What came of an attack, confined.
    fn attack(&self, attack: &str, on: &str) -> String {
        let mut command = self.command(attack, on);
        self.confinement().put_on(&mut command).expect("it can be put on");
        outcome(&mut command)
    }

    /// The same without confinement: else a test that is told "no" could be told so for another reason.
    fn attack_freely(&self, attack: &str, on: &str) -> String {
        outcome(&mut self.command(attack, on))
    }
}

/// What an attack has come to, or how its process ended.
fn outcome(command: &mut Command) -> String {
    let mut process = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let (mut text, mut errors) = (String::new(), String::new());
    process.stdout.take().expect("it is piped").read_to_string(&mut text).expect("it is text");
    process.stderr.take().expect("it is piped").read_to_string(&mut errors).expect("it is text");
    let status = process.wait().expect("it ends");
    match text.lines().find_map(|line| line.strip_prefix(BEGIN)) {
        Some(came) => came.to_owned(),
        None => format!("{status}: {text}{errors}"),
    }
}

/// Whether this machine has all that is tested here; else says so.
fn is_enforced(scene: &Scene) -> bool {
    let lacks = scene.confinement().lacks();
    let is_enforced =
        !lacks.iter().any(|lack| lack.starts_with("files") || lack.starts_with("system"));
    if !is_enforced {
        eprintln!("not tested, for this machine can't enforce {}", lacks.join(", "));
    }
    is_enforced
}

#[test]
fn harm_is_refused_and_each_attack_is_told_how() {
    let scene = Scene::new();
    if !is_enforced(&scene) {
        return;
    }
    let secret = scene.secret.to_str().expect("it is UTF-8");
    let new = scene.folder.path().join("new");
    let new = new.to_str().expect("it is UTF-8");
    let parent = std::process::id().to_string();
    let no_file = "Permission denied (os error 13)";
    let no_call = "Function not implemented (os error 38)";
    for (attack, on, told) in [
        ("read", secret, no_file),
        ("read", "/root", no_file),
        ("read", "/etc/passwd", no_file),
        ("write", secret, no_file),
        ("write", new, no_file),
        ("write", "/tmp/confine-was-here", no_file),
        ("write", "/dev/shm/confine-was-here", no_file),
        ("write", "/proc/self/mem", no_file),
        ("write", "/proc/self/oom_score_adj", no_file),
        ("list", scene.folder.path().to_str().expect("it is UTF-8"), no_file),
        ("start", "/bin/true", no_call),
        ("become", "/bin/true", no_file),
        ("fork", "", no_call),
        ("connect", "127.0.0.1:9", no_call),
        ("listen", "127.0.0.1:0", no_call),
        ("datagram", "", no_call),
        ("local", "/run/nobody", no_call),
        ("kill", &parent, no_call),
        ("thread-kill", &parent, no_call),
        ("queue", &parent, no_call),
        ("ptrace", &parent, no_call),
        ("read-memory", &parent, no_call),
        ("read", &format!("/proc/{parent}/environ"), no_file),
        ("read", &format!("/proc/{parent}/maps"), no_file),
        ("list", &format!("/proc/{parent}/fd"), no_file),
        ("memory-file", "", no_call),
        ("shared-memory", "", no_call),
        ("outlive", "", no_call),
        ("new-session", "", no_call),
        ("io-uring", "", no_call),
        ("unshare", "", no_call),
        ("be-root", "", no_call),
        ("unconfine", "", no_call),
        ("raise-limit", "", "Operation not permitted (os error 1)"),
        ("descriptors", "", "Too many open files (os error 24)"),
        ("much-memory", "", "Cannot allocate memory (os error 12)"),
    ] {
        assert_eq!(scene.attack(attack, on), told, "{attack} {on}");
    }
    assert_eq!(fs::read_to_string(&scene.secret).expect("it is there"), "the course's key");
    assert!(!Path::new(new).exists());
}

/// Copies a program by another one: of a file that this process writes, another test's child may have the descriptor, and
/// what somebody writes can't be started.
fn copy_program(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg(from).arg(to).status();
    assert!(copied.expect("cp can be started").success());
}

#[test]
fn what_root_starts_is_another_user_s() {
    let mut scene = Scene::new();
    if scene.attack_freely("stay-root", "") != "done" {
        eprintln!("not tested, for this isn't run by root");
        return;
    }
    // Where it is now, others may not reach it.
    let binary = scene.folder.path().join("attacker");
    copy_program(&scene.binary, &binary);
    scene.binary = binary;
    assert_eq!(scene.attack("stay-root", ""), "Operation not permitted (os error 1)");
}

/// A program that a run can read isn't one that it can start, unless its caller has named that file.
#[test]
fn a_run_starts_no_program_that_it_can_read() {
    let scene = Scene::new();
    if !is_enforced(&scene) {
        return;
    }
    let sources = scene.folder.path().join("sources");
    fs::create_dir(&sources).expect("a folder");
    let program = sources.join("program");
    copy_program(Path::new("/bin/true"), &program);
    let on = program.to_str().expect("it is UTF-8");
    let told = |reads: &[PathBuf], attack| {
        let mut command = scene.command(attack, on);
        let confinement = Confinement::of_runs(reads, Duration::from_secs(5));
        confinement.expect("it is made").put_on(&mut command).expect("it can be put on");
        outcome(&mut command)
    };
    let binary = scene.binary.clone();
    let no_file = "Permission denied (os error 13)";
    assert_eq!(told(&[binary.clone(), sources.clone()], "become"), no_file);
    assert_eq!(told(&[binary.clone(), sources], "read"), "done");
    let became = told(&[binary, program.clone()], "become");
    assert!(became.starts_with("exit status: 0"), "{became}");
}

#[test]
fn a_reader_reads_what_it_is_given_and_starts_nothing() {
    let scene = Scene::new();
    if !is_enforced(&scene) {
        return;
    }
    let given = scene.folder.path().join("given");
    fs::write(&given, "a submission's").expect("a file");
    let reads = [scene.binary.clone(), given.clone()];
    let reader = Confinement::of_readers(&reads, Duration::from_secs(10), 1 << 30);
    let reader = reader.expect("it is made");
    let given = given.to_str().expect("it is UTF-8");
    let (no_file, not_so) =
        ("Permission denied (os error 13)", "Operation not permitted (os error 1)");
    for (attack, on, told) in [
        ("read", given, "done"),
        ("threads", "", "done"),
        ("read", scene.secret.to_str().expect("it is UTF-8"), no_file),
        ("read", "/etc/passwd", no_file),
        ("write", given, no_file),
        ("become", "/bin/true", no_file),
        ("start", "/bin/true", not_so),
        ("fork", "", not_so),
        ("connect", "127.0.0.1:9", not_so),
        ("local", "/run/nobody", not_so),
        ("much-memory", "", "Cannot allocate memory (os error 12)"),
    ] {
        let mut command = scene.command(attack, on);
        reader.put_on(&mut command).expect("it can be put on");
        assert_eq!(outcome(&mut command), told, "{attack} {on}");
    }
}

/// The attacks are real: without confinement they have their way.
#[test]
fn the_same_attacks_work_without_confinement() {
    let scene = Scene::new();
    let secret = scene.secret.to_str().expect("it is UTF-8");
    for (attack, on) in [
        ("read", secret),
        ("write", secret),
        ("start", "/bin/true"),
        ("fork", ""),
        ("listen", "127.0.0.1:0"),
        ("datagram", ""),
        ("kill", &std::process::id().to_string()),
        ("memory-file", ""),
        ("outlive", ""),
    ] {
        assert_eq!(scene.attack_freely(attack, on), "done", "{attack} {on}");
    }
}

#[test]
fn what_a_test_needs_is_allowed() {
    let scene = Scene::new();
    for need in ["threads", "memory", "time", "random", "pair", "own-signal", "own-stat", "binary"]
    {
        assert_eq!(scene.attack(need, ""), "done", "{need}");
    }
}

#[test]
fn what_computes_for_ever_is_ended() {
    let scene = Scene::new();
    let mut command = scene.command("loop", "");
    let confinement =
        Confinement::of_runs(std::slice::from_ref(&scene.binary), Duration::from_secs(1));
    confinement.expect("it is made").put_on(&mut command).expect("it can be put on");
    let came = outcome(&mut command);
    assert!(came.starts_with("signal: 9") || came.starts_with("signal: 24"), "{came}");
}

/// A process dies with the thread that has started it, as with the whole program.
#[test]
fn nothing_outlives_its_parent() {
    let scene = Scene::new();
    let mut command = scene.command("sleep", "");
    scene.confinement().put_on(&mut command).expect("it can be put on");
    let start = move || command.stdout(Stdio::null()).spawn().expect("it starts");
    let mut process = std::thread::spawn(start).join().expect("it starts");
    let begun = Instant::now();
    let ended = loop {
        match process.try_wait().expect("it is ours") {
            Some(status) => break Some(status),
            None if begun.elapsed() > Duration::from_secs(20) => break None,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let _ = process.kill();
    assert!(ended.is_some_and(|status| status.to_string().starts_with("signal: 9")), "{ended:?}");
}

#[test]
fn a_descriptor_that_is_open_by_chance_is_closed() {
    use std::os::fd::{AsRawFd as _, IntoRawFd as _};
    let scene = Scene::new();
    let open = fs::File::open(&scene.secret).expect("it is there");
    // As a shell leaves one open: without the flag that the standard library sets.
    // SAFETY: it makes another descriptor of an open one.
    let left = unsafe { libc::dup(open.as_raw_fd()) };
    let on = left.to_string();
    assert_eq!(scene.attack_freely("descriptor", &on), "done");
    assert_eq!(scene.attack("descriptor", &on), "Bad file descriptor (os error 9)");
    // SAFETY: it is ours, and nobody else closes it.
    unsafe { libc::close(left) };
    let _ = open.into_raw_fd();
}

#[test]
fn a_build_writes_to_its_folder_and_reaches_nobody() {
    let scene = Scene::new();
    if !is_enforced(&scene) {
        return;
    }
    let target = scene.folder.path().join("target");
    fs::create_dir(&target).expect("a folder");
    let build = Confinement::of_builds(
        std::slice::from_ref(&scene.binary),
        std::slice::from_ref(&target),
        Duration::from_secs(10),
        8 << 30,
    )
    .expect("it is made");
    let inside = target.join("new");
    let secret = scene.secret.to_str().expect("it is UTF-8");
    let parent = std::process::id().to_string();
    let (no_file, not_so) =
        ("Permission denied (os error 13)", "Operation not permitted (os error 1)");
    for (attack, on, told) in [
        ("write", inside.to_str().expect("it is UTF-8"), "done"),
        ("fill", inside.to_str().expect("it is UTF-8"), "File too large (os error 27)"),
        ("much-memory", "", "Cannot allocate memory (os error 12)"),
        ("start", "/bin/true", "done"),
        ("read", secret, no_file),
        ("write", secret, no_file),
        ("list", "/root", no_file),
        ("connect", "127.0.0.1:9", not_so),
        ("local", "/run/nobody", not_so),
        ("kill", &parent, not_so),
        ("ptrace", &parent, not_so),
        ("read-memory", &parent, not_so),
        ("io-uring", "", not_so),
        ("unshare", "", not_so),
    ] {
        let mut command = scene.command(attack, on);
        build.put_on(&mut command).expect("it can be put on");
        if attack == "kill" && build.lacks().iter().any(|lack| lack.starts_with("signals")) {
            continue;
        }
        assert_eq!(outcome(&mut command), told, "{attack} {on}");
    }
    assert!(!build.can_read(&scene.secret) && build.can_read(&inside));
    assert!(build.can_read(Path::new("/etc/passwd")) && !build.can_read(Path::new("/root")));
}

/// `cargo test -p confine --test confine cost -- --ignored --nocapture` measures what a confinement costs a process.
#[test]
#[ignore = "it measures, and judges nothing"]
fn cost() {
    const TIMES: usize = 200;
    let scene = Scene::new();
    let confinement =
        Confinement::of_runs(&[scene.binary.clone(), "/bin/true".into()], Duration::from_secs(5));
    let confinement = confinement.expect("it is made");
    // A program that does nothing, by turns without and with.
    let mut times = [Vec::new(), Vec::new()];
    for turn in 0..2 * TIMES {
        let mut command = Command::new("/bin/true");
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null());
        let begun = Instant::now();
        if turn % 2 == 1 {
            confinement.put_on(&mut command).expect("it can be put on");
        }
        assert!(command.status().expect("it starts").success());
        times[turn % 2].push(begun.elapsed());
    }
    times.iter_mut().for_each(|times| times.sort());
    let [without, with] = times.map(|times| times[TIMES / 2]);
    println!("a process takes {without:?}, confined {with:?} (median of {TIMES})");
}
