//! The door for scripts: the runner's, with all of the tester behind it.

use harness::T;

/// Where the sources are of this crate and of those that it is made of, but for the runner's.
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
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::SOURCES;

    /// Who adds a crate to the tester's dependencies adds it to the list.
    #[test]
    fn each_crate_that_the_tester_is_made_of_is_known() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let manifest = fs::read_to_string(here.join("Cargo.toml")).expect("it is there");
        let (_, rest) = manifest.split_once("[dependencies]\n").expect("it has dependencies");
        let (dependencies, _) = rest.split_once("\n[").expect("something follows");
        for line in dependencies.lines() {
            let name = line.split(['.', ' ']).next().expect("a name");
            let source = here.join("..").join(name).join("src");
            // Of what the runner and a run are made of, they know themselves.
            if source.is_dir() && !["harness", "report", "sim"].contains(&name) {
                let end = format!("/{name}/src");
                assert!(SOURCES.iter().any(|source| source.ends_with(&end)), "{name} isn't known");
            }
        }
    }
}
