//! `cargo lab new`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::student::{command, folder, lab, run, skeleton, standing_alone};

#[test]
fn the_first_test_runs_at_once_and_says_what_is_missing() {
    // Locked: the versions are settled, and the first build has nothing to change.
    let first = ["test", "--locked", "TestInitialElection3A"];
    let ran = run(command(env!("CARGO"), skeleton()).args(first));
    ran.assert_code(101);
    ran.assert_prints("expected one leader, got none\n");
    ran.assert_prints("cargo test -p raft --test lab3 TestInitialElection3A");
    ran.assert_prints("the skeleton never starts an election: begin with `ticker`");
    // It is built into a folder elsewhere, by CARGO_TARGET_DIR: what is stored there is found all the same.
    let stored = ran.stdout.lines().find_map(|line| line.strip_prefix("  stored    "));
    let stored = skeleton().join(stored.expect("a history is stored"));
    assert!(stored.is_file(), "there is no {}", stored.display());
}

#[test]
fn all_is_in_the_first_commit() {
    let folder = standing_alone("committed");
    let git = |arguments: &[&str]| run(command("git", &folder).args(arguments));
    assert_eq!(git(&["log", "--oneline"]).stdout.lines().count(), 1);
    assert_eq!(git(&["status", "--short"]).stdout, "");
    let files = git(&["ls-files"]).stdout;
    for file in [
        ".cargo/config.toml",
        ".gitignore",
        "Cargo.lock",
        "Cargo.toml",
        "README.md",
        ".devcontainer/devcontainer.json",
        ".github/workflows/test.yml",
        ".gitlab-ci.yml",
        "rust-toolchain.toml",
        "tester/config/src/lib.rs",
        "tester/lab/src/main.rs",
        "tester/sim/Cargo.toml",
        "raft/Cargo.toml",
        "raft/src/lib.rs",
        "raft/src/raft.rs",
        "tests/extra/main.rs",
        "tests/raft/election_3a.rs",
        "tests/raft/main.rs",
        "tests/steps/main.rs",
    ] {
        assert!(files.lines().any(|line| line == file), "no {file} in:\n{files}");
    }
    // Each page that the guide names is there, or said to be elsewhere.
    let mut named = 0;
    for page in files.lines().filter(|file| file.starts_with("guide/")) {
        let text = fs::read_to_string(folder.join(page)).expect("it is text").replace('\n', " ");
        for (before, _) in text.match_indices("docs/") {
            let start = text[..before].rfind('`').map_or(before, |quote| quote + 1);
            let (path, rest) = text[start..].split_once('`').expect("a path ends");
            named += 1;
            let is_elsewhere = rest.starts_with(" in the harness's repository");
            assert!(is_elsewhere || folder.join(path).is_file(), "{page} names {path}");
        }
    }
    assert!(named > 3, "the guide names {named} pages");
    // No solution, and no test of the tester's own.
    for part in ["tester/zoo/", "tester/styles/", "raft/src/election.rs", "tester/sim/tests/"] {
        assert!(!files.lines().any(|line| line.contains(part)), "{part} in:\n{files}");
    }
}

/// Pushed and cloned elsewhere, where nothing else is. All compiles, the skeleton among it, and without a warning.
#[test]
fn a_workspace_stands_alone() {
    let origin = standing_alone("pushed");
    let clone = folder("cloned");
    run(command("git", &origin).args(["clone", "--quiet", "."]).arg(&clone)).assert_code(0);
    fs::remove_dir_all(&origin).unwrap();
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let files = run(command("git", &clone).args(["grep", "-l"]).arg(checkout)).stdout;
    assert_eq!(files, "", "these lead out of the workspace");
    let build = ["test", "--no-run", "--locked", "--offline", "--workspace"];
    let ran = run(command(env!("CARGO"), &clone).args(build));
    ran.assert_code(0);
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
}

#[test]
fn a_course_file_comes_along() {
    let parent = folder("course");
    fs::create_dir_all(&parent).unwrap();
    lab(&parent, &["new", "by-example", "--link", "--course"]).assert_code(0);
    let example = lab(&parent, &["grade", "--example-course"]).stdout;
    assert_eq!(fs::read_to_string(parent.join("by-example/lab.toml")).unwrap(), example);

    let course = "name = \"Ours\"\n[dependencies]\nitoa = { version = \"1\" }\n";
    fs::write(parent.join("ours.toml"), course).unwrap();
    lab(&parent, &["new", "ours", "--link", "--course", "ours.toml"]).assert_code(0);
    assert_eq!(fs::read_to_string(parent.join("ours/lab.toml")).unwrap(), course);
    let mut check = command(env!("CARGO"), &parent.join("ours"));
    let tree = run(check.args(["tree", "-p", "raft", "--depth", "1", "--offline"]));
    tree.assert_code(0);
    tree.assert_prints("itoa v1");

    fs::write(parent.join("bad.toml"), "nmae = \"Ours\"").unwrap();
    let ran = lab(&parent, &["new", "bad", "--course", "bad.toml"]);
    ran.assert_code(3);
    ran.assert_complains("nmae");
    assert!(!parent.join("bad").exists());
}

#[test]
fn an_upgrade_leaves_what_the_student_has_changed() {
    let folder = standing_alone("upgraded");
    let path = |name: &str| folder.join(name);
    let dir = folder.to_str().unwrap();
    lab(&folder, &["upgrade", dir]).assert_prints("already has this version of the tester");

    // An older tester's workspace: one file has other words, one is lacking, one is there no more.
    let record = path(".cargo/lab.json");
    let text = fs::read_to_string(&record).unwrap();
    let older = |name: &str, content: &str, record: String| {
        fs::write(path(name), content).unwrap();
        let mut record: serde_json::Value = serde_json::from_str(&record).unwrap();
        record["files"][name] = serde_json::Value::from(sha256(&path(name)));
        record.to_string()
    };
    let text = older("tester/sim/src/lib.rs", "// of old", text);
    let text = older("tests/raft/gone.rs", "// of old", text);
    fs::write(&record, text).unwrap();
    fs::remove_file(path("tests/raft/main.rs")).unwrap();
    // And the student's own changes.
    fs::write(path("raft/src/raft.rs"), "// mine").unwrap();
    fs::write(path("tests/raft/election_3a.rs"), "// mine, too").unwrap();

    let ran = lab(&folder, &["upgrade", dir]);
    ran.assert_code(0);
    ran.assert_prints("  tester/sim  1 replaced\n");
    ran.assert_prints("  tests/raft  1 added, 1 removed\n");
    ran.assert_prints("  tests/raft/election_3a.rs\n");
    let read = |name: &str| fs::read_to_string(path(name)).unwrap();
    assert_eq!(read("raft/src/raft.rs"), "// mine");
    assert_eq!(read("tests/raft/election_3a.rs"), "// mine, too");
    assert!(read("tests/raft/election_3a.rs.new").contains("TestInitialElection3A"));
    assert!(read("tester/sim/src/lib.rs").contains("mod"));
    assert!(path("tests/raft/main.rs").exists() && !path("tests/raft/gone.rs").exists());
}

/// The SHA-256 of a file, as coreutils tell it.
fn sha256(path: &Path) -> String {
    let ran = run(command("sha256sum", path.parent().unwrap()).arg(path));
    ran.stdout.split_whitespace().next().expect("a sum").to_owned()
}

#[test]
fn what_no_command_has_made_cannot_be_upgraded() {
    let folder = folder("foreign");
    fs::create_dir_all(&folder).unwrap();
    let ran = lab(&folder, &["upgrade", "."]);
    ran.assert_code(3);
    ran.assert_complains("failed to upgrade .: it has no .cargo/lab.json");
    lab(&folder, &["upgrade", "nowhere"]).assert_code(3);
}

#[test]
fn the_alias_leads_back_to_this_program() {
    let config = fs::read_to_string(skeleton().join(".cargo/config.toml")).unwrap();
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").replace("/lab/", "/");
    assert!(config.contains(&format!("{manifest:?}")), "{config}");
    assert!(config.contains("tokio_unstable"), "{config}");
}

/// The clock of a simulated cluster is the tester's. tokio's test-util can move it, and the tester itself
/// is built on that; so what a student asks for doesn't have it, and the lints forbid what it adds.
#[test]
fn the_cluster_s_clock_is_left_to_the_tester() {
    let manifest = fs::read_to_string(skeleton().join("Cargo.toml")).unwrap();
    let tokio = manifest.lines().find(|line| line.starts_with("tokio = ")).expect("it has tokio");
    assert!(tokio.contains("\"time\""), "{tokio}");
    assert!(!tokio.contains("test-util") && !tokio.contains("full"), "{tokio}");
    let lints = fs::read_to_string(skeleton().join("clippy.toml")).unwrap();
    for function in ["advance", "pause", "resume"] {
        let path = format!("{{ path = \"tokio::time::{function}\", reason = \"");
        assert!(lints.contains(&path), "no {path} in:\n{lints}");
    }
}

#[test]
fn without_git_there_is_a_note() {
    let tools = folder("tools");
    fs::create_dir_all(&tools).unwrap();
    let git = tools.join("git");
    fs::write(&git, "#!/bin/sh\necho out of order >&2\nexit 1\n").unwrap();
    fs::set_permissions(&git, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());

    let made = folder("made-without-git");
    let mut new = command(env!("CARGO_BIN_EXE_lab"), &tools);
    let ran = run(new.arg("new").arg(&made).env("PATH", path));
    ran.assert_code(0);
    ran.assert_prints("no git repository with a first commit: git init --quiet: out of order");
    assert!(made.join("raft/src/raft.rs").exists());
}

#[test]
fn nothing_is_overwritten() {
    let folder = folder("taken");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("thesis.txt"), "for years").unwrap();
    for taken in [".", "thesis.txt"] {
        let ran = lab(&folder, &["new", taken]);
        ran.assert_code(3);
        ran.assert_complains("it exists, and isn't an empty folder");
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn an_empty_folder_may_be_there() {
    let folder = folder("empty");
    fs::create_dir_all(&folder).unwrap();
    lab(&folder, &["new", "."]).assert_code(0);
    assert!(folder.join("raft/src/raft.rs").exists());
}

#[test]
fn a_workspace_inside_the_checkout_would_not_work() {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let inside = Path::new(env!("CARGO_MANIFEST_DIR"));
    for dir in ["my-lab", "../my-lab", "src/../../lab/deep/er"] {
        let ran = lab(inside, &["new", dir]);
        ran.assert_code(3);
        ran.assert_complains(&format!("error: failed to make {dir}: it is inside "));
        let instead = checkout.with_file_name(Path::new(dir).file_name().unwrap());
        ran.assert_complains(&format!("for example {}", instead.display()));
        assert!(!inside.join(dir).exists());
    }
}

#[test]
fn where_nothing_can_be_written_it_says_so() {
    let folder = folder("unwritable");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("file"), "").unwrap();
    let ran = lab(&folder, &["new", "file/lab"]);
    ran.assert_code(3);
    ran.assert_complains("error: failed to write file/lab/.cargo/config.toml: ");
}

#[test]
fn the_frame_of_an_adapter_is_a_package_of_its_own_that_uses_this_lab() {
    let parent = folder("adapter");
    fs::create_dir_all(&parent).expect("a folder");
    let made = lab(&parent, &["new", "--adapter", "mine"]);
    made.assert_code(0);
    made.assert_prints("src/lib.rs is the frame of an adapter");
    // Its Cargo.toml can be read, and all that it names is there.
    let mine = parent.join("mine");
    let metadata = ["metadata", "--format-version", "1", "--offline", "--no-deps"];
    let metadata = run(command(env!("CARGO"), &mine).args(metadata));
    metadata.assert_code(0);
    let metadata: serde_json::Value = serde_json::from_str(&metadata.stdout).expect("JSON");
    let targets = metadata["packages"][0]["targets"].as_array().expect("a list");
    for target in targets {
        let source = target["src_path"].as_str().expect("a path");
        assert!(Path::new(source).is_file(), "there is no {source}");
    }
    assert_eq!(targets.len(), 3, "a library and two tests");
    // It compiles as it is, with MIT's tests.
    let build = ["test", "--no-run", "--offline", "--lib", "--test", "lab3"];
    run(command(env!("CARGO"), &mine).args(build)).assert_code(0);
    // Nothing is overwritten.
    lab(&parent, &["new", "--adapter", "mine"]).assert_code(3);
}
