//! The door for scripts: the runner's, with all of the tester behind it.

use harness::T;

/// Where the sources are of this crate and of those that it is made of, but for what the runner is made of.
const SOURCES: [&str; 5] = [
    concat!(env!("CARGO_MANIFEST_DIR"), "/src"),
    labgob::SOURCE,
    labrpc::SOURCE,
    nemesis::SOURCE,
    raftapi::SOURCE,
];

/// Runs a test's script, once for each seed that the [`Settings`](crate::Settings) ask for. Call it in a
/// `#[test]` function, or in what that calls, on the thread that the test runner has made for it: the
/// thread's name tells which test this is.
///
/// The runs are in child processes of the test's own binary, which call the test function again. If
/// all runs pass, prints MIT's two lines, also where the test's output is captured. If one fails,
/// prints the report of the first failing seed and fails the test.
///
/// A test function may call it several times, as in `for n in [3, 5] { config::test(move |t| …) }`. Each
/// call is a test of its own, with its own seeds and its own children. So the function must make the same
/// calls, in the same order, whichever process it is in.
///
/// # Panics
/// If a run fails, or if the environment's settings make no sense. That is how a test fails.
#[track_caller]
pub fn test<S, Fut>(script: S)
where
    S: Fn(T) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    leave_out_own_lines();
    harness::test(script);
}

/// Like [`test()`], with this first seed unless `LAB_SEED` names another: for a script that shows
/// something with that seed.
///
/// # Panics
/// As [`test()`] does.
#[track_caller]
pub fn test_with_seed<S, Fut>(seed: u64, script: S)
where
    S: Fn(T) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    leave_out_own_lines();
    harness::test_with_seed(seed, script);
}

/// None of the tester's lines is the user's.
pub(crate) fn leave_out_own_lines() {
    sim::leave_out_lines_of(&SOURCES);
    harness::leave_out_own_lines();
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::leave_out_own_lines;

    /// Adds the crate in the folder `name` of the workspace, and all crates in it that it depends on.
    fn add(workspace: &Path, name: &str, crates: &mut BTreeSet<String>) {
        if !crates.insert(name.to_owned()) {
            return;
        }
        let manifest = fs::read_to_string(workspace.join(name).join("Cargo.toml"));
        let manifest = manifest.expect("a crate has a manifest");
        let Some((_, rest)) = manifest.split_once("[dependencies]\n") else { return };
        for line in rest.lines().take_while(|line| !line.starts_with('[')) {
            let name = line.split(['.', ' ']).next().expect("a line has a beginning");
            if !name.is_empty() && workspace.join(name).join("src").is_dir() {
                add(workspace, name, crates);
            }
        }
    }

    /// Who adds a crate to what the tester is made of, directly or not, has its lines left out.
    #[test]
    fn no_line_of_a_crate_that_the_tester_is_made_of_is_the_users() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let workspace = here.parent().expect("the crate is in the workspace");
        let mut crates = BTreeSet::new();
        add(workspace, "config", &mut crates);
        assert!(crates.contains("chance"), "config is made of {crates:?}");
        leave_out_own_lines();
        for name in crates {
            let file = workspace.join(&name).join("src/lib.rs");
            assert!(sim::is_harness(&file), "the lines of {name} count as the user's");
        }
    }
}
