//! `cargo lab grade` and submissions that mean harm: what each gets, and what it is told.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::grade::{grade, grade_by, row, submit, write};
use crate::student::{folder, lab, path};

/// What is tried in `make`, with what each attempt is told printed. `FILES` are paths of the grader's.
const HOSTILE: &str = r#"if me == 0 {
        use std::fs::{self, OpenOptions};
        let parent = std::os::unix::process::parent_id();
        let told = |what: &str, told: Result<(), String>| println!("tried to {what}: {told:?}");
        let error = |error: std::io::Error| error.to_string();
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("LAB_")) {
            println!("has {name}");
        }
        told("read the key", fs::read_to_string("KEY").map(|key| println!("{key}")).map_err(error));
        told("read another", fs::read_to_string("OTHER/raft/src/lib.rs").map(|_| ()).map_err(error));
        told("forge results", OpenOptions::new().append(true).open("OUT/results.jsonl").map(|_| ()).map_err(error));
        told("fill the disk", fs::write("OUT/filled", "x").map_err(error));
        told("write memory", OpenOptions::new().write(true).open("/proc/self/mem").map(|_| ()).map_err(error));
        told("read memory", std::fs::File::open("/proc/self/mem").map(|_| ()).map_err(error));
        told("read what it began with", fs::read("/proc/self/environ").map(|_| ()).map_err(error));
        told("read the grader", fs::read(format!("/proc/{parent}/environ")).map(|_| ()).map_err(error));
        told("end the grader", std::process::Command::new("kill").arg(parent.to_string()).status().map(|_| ()).map_err(error));
        told("live on", std::process::Command::new("sleep").arg("4712").spawn().map(|_| ()).map_err(error));
        told("call home", std::net::TcpStream::connect("127.0.0.1:9").map(|_| ()).map_err(error));
    }"#;

/// A Raft whose servers share a variable of their thread: what one is given, all apply. If `SHAM` is set, they also
/// send messages that look like Raft's in all but one: their entries have no commands.
const ORACLE: &str = r#"use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use bytes::Bytes;
use labrpc::{ClientEnd, Service};
use raftapi::{ApplyCh, ApplyMsg, Command, Index, Persister, Raft, Start, Term};
use serde::{Deserialize, Serialize};
thread_local! { static LOG: RefCell<Vec<Command>> = const { RefCell::new(Vec::new()) }; }
#[derive(Serialize, Deserialize)]
struct RequestVoteArgs { term: u64, candidate_id: usize, last_log_index: u64, last_log_term: u64 }
#[derive(Serialize, Deserialize)]
struct RequestVoteReply { term: u64, vote_granted: bool }
#[derive(Serialize, Deserialize)]
struct Entry { term: u64 }
#[derive(Serialize, Deserialize)]
struct AppendEntriesArgs {
    term: u64, leader_id: usize, prev_log_index: u64, prev_log_term: u64, entries: Vec<Entry>, leader_commit: u64,
}
#[derive(Serialize, Deserialize)]
struct AppendEntriesReply { term: u64, success: bool }
struct Oracle { me: usize, leads: AtomicBool, term: AtomicU64, commit: AtomicU64 }
pub fn make(peers: Vec<ClientEnd>, me: usize, _: Arc<Persister>, ch: ApplyCh) -> Arc<dyn Raft> {
    let (leads, term) = (AtomicBool::new(!SHAM && me == 0), AtomicU64::new(u64::from(!SHAM)));
    let commit = AtomicU64::new(if SHAM { 0 } else { u64::MAX });
    let raft = Arc::new(Oracle { me, leads, term, commit });
    tokio::spawn(raft.clone().apply(ch));
    if SHAM && me == 0 { tokio::spawn(raft.clone().lead(peers)); }
    raft
}
impl Oracle {
    async fn apply(self: Arc<Self>, ch: ApplyCh) {
        let mut index = 0;
        loop {
            tokio::time::sleep(Duration::from_millis(10)).await;
            while index < self.commit.load(Relaxed) {
                let Some(command) = LOG.with_borrow(|log| log.get(index as usize).cloned()) else { break };
                index += 1;
                ch.send(ApplyMsg::Command { index, command }).await;
            }
        }
    }
    async fn lead(self: Arc<Self>, peers: Vec<ClientEnd>) {
        tokio::time::sleep(Duration::from_millis(200)).await;
        self.term.store(1, Relaxed);
        for peer in &peers[1..] {
            let args = RequestVoteArgs { term: 1, candidate_id: 0, last_log_index: 0, last_log_term: 0 };
            let _ = peer.call::<_, RequestVoteReply>("Raft.RequestVote", &args).await;
        }
        self.leads.store(true, Relaxed);
        loop {
            let count = LOG.with_borrow(Vec::len);
            for peer in &peers[1..] {
                let args = AppendEntriesArgs {
                    term: 1,
                    leader_id: 0,
                    prev_log_index: 0,
                    prev_log_term: 0,
                    entries: (0..count).map(|_| Entry { term: 1 }).collect(),
                    leader_commit: self.commit.load(Relaxed),
                };
                let _ = peer.call::<_, AppendEntriesReply>("Raft.AppendEntries", &args).await;
            }
            self.commit.store(count as u64, Relaxed);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    async fn request_vote(self: Arc<Self>, _: RequestVoteArgs) -> RequestVoteReply {
        self.term.store(1, Relaxed);
        RequestVoteReply { term: 1, vote_granted: true }
    }
    async fn append_entries(self: Arc<Self>, args: AppendEntriesArgs) -> AppendEntriesReply {
        self.commit.store(args.leader_commit, Relaxed);
        AppendEntriesReply { term: 1, success: true }
    }
}
impl Raft for Oracle {
    fn start(&self, command: Command) -> Option<Start> {
        if !self.leads.load(Relaxed) { return None; }
        LOG.with_borrow_mut(|log| log.push(command));
        Some(Start { index: LOG.with_borrow(|log| log.len() as Index), term: 1 })
    }
    fn get_state(&self) -> (Term, bool) { (self.term.load(Relaxed), self.me == 0 && self.leads.load(Relaxed)) }
    fn snapshot(&self, _: Index, _: Bytes) {}
    fn service(self: Arc<Self>) -> Service {
        Service::new("Raft", self)
            .method("RequestVote", Oracle::request_vote)
            .method("AppendEntries", Oracle::append_entries)
    }
    fn kill(&self) {}
}
"#;

/// Items before the reference's own.
fn submit_with_item(folder: &Path, item: &str) {
    submit(folder, "");
    let lib = folder.join("lib.rs");
    let text = fs::read_to_string(&lib).expect("the reference is there");
    write(&lib, &format!("{text}\n{item}\n"));
}

/// The report on the first run in a submission's folder for results.
fn report_of(folder: &Path) -> String {
    let files = fs::read_dir(folder).expect("there are results");
    let mut paths = files.map(|file| file.expect("it is there").path());
    let report = paths.find(|path| path.extension().is_some_and(|end| end == "txt"));
    fs::read_to_string(report.expect("there is a report")).expect("it is text")
}

#[test]
fn no_attack_changes_a_verdict_or_harms_the_machine() {
    let all = folder("attackers");
    let out = folder("grades-of-attackers");
    let key = folder("key-of-course").join("key");
    write(&key, "this is the course's key");
    // The confinement keeps it, not its permissions.
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("its permissions");

    let hostile = HOSTILE.replace("KEY", path(&key)).replace("OTHER", path(&all.join("builds")));
    submit(&all.join("hostile/raft/src"), &hostile.replace("OUT", path(&out.join("hostile"))));
    let send = "#[unsafe(no_mangle)]\npub extern \"C\" fn send() -> isize { 0 }";
    submit_with_item(&all.join("mangles/raft/src"), send);
    let early = "extern \"C\" fn early() { std::process::exit(0) }\n#[used]\n\
                 #[unsafe(link_section = \".init_array\")]\nstatic EARLY: extern \"C\" fn() = early;";
    submit_with_item(&all.join("early/raft/src"), early);
    let naked = "#[unsafe(naked)]\nextern \"C\" fn any() { core::arch::naked_asm!(\"ret\") }";
    submit_with_item(&all.join("naked/raft/src"), naked);
    // Serde makes code of it.
    let hidden = "#[derive(serde::Serialize)]\n#[serde(bound = \"[u8; { include_bytes!(\\\"/etc/passwd\\\").len() }]: Sized\")]\n\
                  pub struct Hidden(u8);";
    submit_with_item(&all.join("hides/raft/src"), hidden);
    let leak = "pub const KEY: &str = env!(\"LAB_COURSE_KEY\");";
    submit_with_item(&all.join("leaks/raft/src"), leak);
    // What runs at build time, if it did.
    let marker = all.join("was-here");
    let sees = "const { assert!(option_env!(\"SOME_TOKEN\").is_none()) };";
    submit(&all.join("builds/raft/src"), sees);
    let manifest = "[package]\nname = \"raft\"\nbuild = \"build.rs\"\n";
    write(&all.join("builds/raft/Cargo.toml"), manifest);
    let script = format!("fn main() {{ std::fs::write({:?}, \"\").unwrap(); }}", path(&marker));
    write(&all.join("builds/raft/build.rs"), &script);

    let ran = grade(&all, &out, &["--key", path(&key)]);
    ran.assert_code(0);
    for (name, verdict) in [
        ("builds", "passed"),
        ("early", "refused"),
        ("hides", "not built"),
        ("hostile", "failed"),
        ("leaks", "not built"),
        ("mangles", "refused"),
        ("naked", "refused"),
    ] {
        assert_eq!(row(&ran, name)[1], verdict, "{name}:\n{}\n{}", ran.stdout, ran.stderr);
    }
    assert_eq!(row(&ran, "hostile")[2..4], ["0/2", "0 / 10"]);
    for name in ["early", "mangles", "naked"] {
        let place = format!("refused      {name}: lib.rs:");
        let line = ran.stderr.lines().find(|line| line.contains(&place));
        let told = "unsafe isn't allowed in an attribute or a macro";
        assert!(line.is_some_and(|line| line.contains(told)), "{name}:\n{}", ran.stderr);
    }
    ran.assert_complains("not built    hides: the compiler took in /etc/passwd, which isn't one");
    let log = fs::read_to_string(out.join("leaks/build.log")).expect("there is a log");
    let why = "environment variable `LAB_COURSE_KEY` not defined";
    assert!(log.contains(why), "{why:?} isn't in:\n{log}");
    assert!(!marker.exists(), "a build script was run");
    assert!(!out.join("hostile/filled").exists(), "it has written a file");

    let told = report_of(&out.join("hostile"));
    let is_enforced = !ran.stderr.contains("this machine can't enforce: files");
    if is_enforced {
        for (attempt, answer) in [
            ("read the key", "Permission denied (os error 13)"),
            ("read another", "Permission denied (os error 13)"),
            ("forge results", "Permission denied (os error 13)"),
            ("fill the disk", "Permission denied (os error 13)"),
            ("write memory", "Permission denied (os error 13)"),
            ("read the grader", "Permission denied (os error 13)"),
        ] {
            let line = format!(r#"tried to {attempt}: Err("{answer}")"#);
            assert!(told.contains(&line), "no {line} in:\n{told}");
        }
    }
    // Root may open all.
    if is_enforced && !ran.stderr.contains("another user") {
        for attempt in ["read memory", "read what it began with"] {
            let line = format!(r#"tried to {attempt}: Err("Permission denied (os error 13)")"#);
            assert!(told.contains(&line), "no {line} in:\n{told}");
        }
    }
    let is_told_of_parent = told.lines().any(|line| line.trim() == "has LAB_WORKER");
    assert!(!is_told_of_parent && told.contains("has LAB_WORKER_CALL"), "{told}");
    for attempt in ["end the grader", "live on", "call home"] {
        let line = format!(r#"tried to {attempt}: Err("Operation not permitted (os error 1)")"#);
        assert!(told.contains(&line), "no {line} in:\n{told}");
    }
    assert!(told.contains("was opened: the contents of files don't follow the seed"), "{told}");
    assert!(told.contains("has LAB_STRICT") && !told.contains("has LAB_SEED"), "{told}");
    assert!(!told.contains("the course's key"), "{told}");
    assert!(!crate::grade::is_running("4712"), "what a submission has started goes on");
}

/// MIT's checks pass both; what no message has brought is what fails them.
#[test]
fn servers_that_share_a_variable_are_caught_whatever_they_send() {
    let all = folder("oracles");
    let out = folder("grades-of-oracles");
    for (name, sham) in [("silent", false), ("sham", true)] {
        let source = format!("const SHAM: bool = {sham};\n{ORACLE}");
        write(&all.join(name).join("raft/src/lib.rs"), &source);
    }
    let course = "[runs]\neach = 1\n[points]\nTestBasicAgree3B = 10\n";
    let ran = grade_by(course, &all, &out, &[]);
    ran.assert_code(0);
    for name in ["silent", "sham"] {
        assert_eq!(row(&ran, name)[1], "failed", "{name}:\n{}\n{}", ran.stdout, ran.stderr);
        let told = report_of(&out.join(name));
        assert!(told.starts_with("rule knows-what-nothing-told: "), "{name}:\n{told}");
        ran.assert_prints("its servers could share state without a message: lib.rs:");
    }
    // Who wants it otherwise has it refused before it is built.
    let strict = format!("{course}[rules]\nshared_state = \"refuse\"\n");
    let again = grade_by(&strict, &all, &out, &["--resume"]);
    again.assert_code(0);
    for name in ["silent", "sham"] {
        let row = row(&again, name);
        assert_eq!(row[1], "refused", "{name}:\n{}", again.stdout);
        assert!(row.join(" ").contains("could share state without a message: lib.rs:"), "{row:?}");
    }
}

/// What a compiler works on without end, or takes all memory for.
#[test]
fn a_build_that_takes_too_much_is_ended() {
    let all = folder("bombs");
    let out = folder("grades-of-bombs");
    let time = "#![allow(long_running_const_eval)]\n\
                pub const X: u64 = { let mut n = 0_u64; while n < u64::MAX { n += 1; } n };\n";
    let memory = "pub const X: &[u8] = &[1; 6 << 30];\n";
    let crash = format!("pub fn f(a: bool) -> bool {{ {}a }}", "!".repeat(100_000));
    for (name, source) in [("time", time), ("memory", memory), ("crash", &crash)] {
        write(&all.join(name).join("raft/src/lib.rs"), source);
    }
    let course = "[limits]\nbuild = \"3s\"\nmemory = \"3GiB\"\n[points]\nTestBasicAgree3B = 10\n";
    let ran = grade_by(course, &all, &out, &["--jobs", "1"]);
    ran.assert_code(0);
    ran.assert_complains("not built    time: building it took more than 3s");
    ran.assert_complains("not built    crash: the compiler crashed on it: signal 11, SIGSEGV");
    let told = "not built    memory: error[E0080]: tried to allocate more memory than available";
    ran.assert_complains(told);
}

/// What is handed in to harm whoever reads it. Nothing of it is built; and each is refused by itself, in one line.
#[test]
fn what_harms_its_reader_is_refused_and_the_others_are_graded() {
    let all = folder("harmful-to-read");
    let out = folder("grades-of-harmful-to-read");
    let lib = "raft/src/lib.rs";
    let deep = format!("pub fn deep() {{ {}{} }}", "(".repeat(100_000), ")".repeat(100_000));
    write(&all.join("deep").join(lib), &deep);
    let through = "macro_rules! w { ($m:meta) => { #[$m] mod o; } } w!(path = \"/etc/hostname\");";
    write(&all.join("macro").join(lib), through);
    write(
        &all.join("shell").join(lib),
        "#!/bin/sh \"\nconst S: &str = include_str!(\"/etc/hostname\");",
    );
    write(
        &all.join("visualizer").join(lib),
        "#![debugger_visualizer(gdb_script_file = \"/etc/hostname\")]",
    );
    std::os::unix::fs::symlink("deep", all.join("link")).expect("a link");
    // No commit, which git says in more than a line.
    write(&all.join("repository.git/HEAD"), &format!("{}\n", "0123456789".repeat(4)));
    for name in ["objects", "refs"] {
        fs::create_dir(all.join("repository.git").join(name)).expect("a folder");
    }
    // A name of 1 TiB.
    let mut header = vec![0; 512];
    header[124..136].copy_from_slice(b"\x80\0\0\0\0\0\x01\0\0\0\0\0");
    header[156] = b'L';
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header.resize(1 << 20, b'x');
    fs::write(all.join("name.tar"), header).expect("a file");
    write(&all.join("zz-last").join(lib), "include!(\"/etc/hostname\");");

    let ran = grade(&all, &out, &[]);
    ran.assert_code(0);
    for (name, why) in [
        ("deep", "lib.rs:1: more than 256 brackets are nested"),
        ("link", "it is a link; only folders, repositories and archives are taken"),
        ("macro", "lib.rs:1: a macro has a mod here and the word path at lib.rs:1"),
        ("name", "a name or other details of more than 64 KiB"),
        ("repository", "git ls-tree failed: fatal: "),
        ("shell", "lib.rs:1: it begins with #!, a line for a shell"),
        ("visualizer", "lib.rs:1: debugger_visualizer isn't allowed"),
        ("zz-last", "lib.rs:1: include! names"),
    ] {
        assert_eq!(row(&ran, name)[1], "refused", "{name}:\n{}\n{}", ran.stdout, ran.stderr);
        let line = ran.stderr.lines().find(|line| line.contains(&format!(" {name}: ")));
        assert!(line.is_some_and(|line| line.contains(why)), "{name}:\n{}", ran.stderr);
    }
    ran.assert_prints("8 submissions: 8 refused");
}

/// It finds out that a run is being made again, and fails then, so that nobody can judge it.
#[test]
fn a_submission_whose_runs_cannot_be_judged_has_not_passed() {
    let (all, out) = (folder("shy"), folder("grades-of-the-shy"));
    let results = out.join("shy/results.jsonl");
    // Whether a file is there is nothing that Landlock hides.
    let shy = format!("assert!(std::fs::metadata({results:?}).is_err(), \"not now\");");
    submit(&all.join("shy/raft/src"), &shy);
    submit(&all.join("right/raft/src"), "");
    let course = "[runs]\neach = 1\n[points]\nTestInitialElection3A = 10\n";
    let ran = grade_by(course, &all, &out, &[]);
    ran.assert_code(0);
    assert_eq!(row(&ran, "right")[1..], ["passed", "1/1", "10 / 10", ""]);
    assert_eq!(row(&ran, "shy")[1..4], ["unjudged", "1/1", "10 / 10"]);
    ran.assert_complains("unjudged     shy: 10 of 10 points");
    ran.assert_prints("2 submissions: 1 passed, 1 unjudged");
    let verdict = fs::read_to_string(&results).expect("there are results");
    for said in [
        r#""shortage":{"wanted":1,"judged":0}"#,
        "made again, it failed: server 0 panicked in make",
    ] {
        assert!(verdict.contains(said), "no {said} in:\n{verdict}");
    }
    // It stays so, and whoever reads no table sees it, too.
    let again = grade_by(course, &all, &out, &["--resume"]);
    assert_eq!(row(&again, "shy")[1], "unjudged");
    let merged = lab(&out, &["merge", ".", "--form", "junit"]);
    merged.assert_code(0);
    merged.assert_prints("1 of 1 runs that passed could not be judged");
}
