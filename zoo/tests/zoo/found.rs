//! Scripts as exploration writes them, pasted below: each does what its plan says.

use config::{FailureKind, Verdict};
use nemesis::Plan;
use zoo::Bug;

use crate::child::{Expected, Runs, run, run_in};
use crate::explored::{EXPLORE, follow};

#[path = "../../../nemesis/tests/nemesis/plans.rs"]
mod plans;

/// The plan that `LAB_BUG=CommitsOldTerms cargo lab explore -p zoo --seed 1` left.
const PLAN: &str = r#"{"seed":7,"servers":4,"snapshots":false,"load":{"every_ms":100,"burst":1},"acts":[{"at_ms":0,"act":{"partition":[[0,2,3],[1]]}},{"at_ms":680,"act":{"partition":[[0,1,3],[2]]}}],"end_ms":780}"#;

/// What it said of it.
const FOUND: &str = "rule old-term-committed (M8): server 3 treated an entry of term 1 as committed before any entry of its own term 3";

/// rule old-term-committed (M8): server 3 treated an entry of term 1 as committed before any entry of its own term 3
#[test]
#[expect(non_snake_case, reason = "as MIT names tests")]
fn FoundCommitsOldTerms() {
    use config::{Load, Reliability, Snapshots, make_config};

    config::test_with_seed(7, |t| async move {
        t.be_strict();
        let cfg = make_config(&t, 4, Reliability::Reliable, Snapshots::Off, raft::make);
        cfg.begin("Found: seed 7");
        let load = cfg.load(Load { every_ms: 100, burst: 1 });
        cfg.partition(&[&[0, 2, 3], &[1]]);
        cfg.at(680).await;
        cfg.partition(&[&[0, 1, 3], &[2]]);
        cfg.at(780).await;
        drop(load);
        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// nothing is wrong
#[test]
#[expect(non_snake_case, reason = "as MIT names tests")]
fn FoundEveryAct() {
    use config::{Faults, Link, Load, Reliability, Snapshots, Switch, make_config};

    config::test_with_seed(7, |t| async move {
        t.be_strict();
        let cfg = make_config(&t, 3, Reliability::Reliable, Snapshots::Uneven, raft::make);
        cfg.begin("Found: seed 7");
        let load = cfg.load(Load { every_ms: 30, burst: 2 });
        cfg.at(100).await;
        cfg.partition(&[&[0, 1], &[2]]);
        cfg.at(200).await;
        cfg.join();
        cfg.at(300).await;
        cfg.set_link(Link { from: 0, to: 2 }, Switch::Off);
        cfg.at(400).await;
        cfg.set_link(Link { from: 0, to: 2 }, Switch::On);
        cfg.at(500).await;
        cfg.disconnect(1);
        cfg.at(600).await;
        cfg.connect(1);
        cfg.at(700).await;
        cfg.leader().inspect(|&leader| cfg.disconnect(leader));
        cfg.at(800).await;
        cfg.crash1(2);
        cfg.at(900).await;
        cfg.leader().inspect(|&leader| cfg.crash1(leader));
        cfg.at(1000).await;
        cfg.restart(&[2]);
        cfg.at(1100).await;
        cfg.restart(&[0, 1, 2]);
        cfg.at(1200).await;
        cfg.set_reliability(Reliability::Unreliable);
        cfg.at(1300).await;
        cfg.set_reliability(Reliability::Reliable);
        cfg.at(1400).await;
        cfg.set_long_reordering(Switch::On);
        cfg.at(1500).await;
        cfg.set_long_reordering(Switch::Off);
        cfg.at(1600).await;
        cfg.set_faults(Faults {
            request_delay_ms: 1..=20,
            reply_delay_ms: 5..=40,
            late_requests: 500,
            late_replies: 250,
            lost_requests: 10,
            lost_replies: 20,
            doubled_requests: 100,
        });
        cfg.at(1700).await;
        cfg.set_faults(Faults { lost_replies: 30, ..Faults::NONE });
        cfg.at(1800).await;
        cfg.set_faults(Faults { request_delay_ms: 3..=4, doubled_requests: 40, ..Faults::NONE });
        cfg.at(1900).await;
        cfg.set_faults(Faults::NONE);
        cfg.at(2000).await;
        cfg.set_sync_time(1..=10);
        cfg.at(2100).await;
        cfg.set_apply_time(5);
        cfg.at(4000).await;
        drop(load);
        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

fn plan() -> Plan {
    serde_json::from_str(PLAN).expect("it is a plan")
}

fn every_act() -> Plan {
    plans::plan(3, plans::every_act())
}

/// Asserts that this file has the script, with `name` for its name: all but what rustfmt changes.
#[track_caller]
fn assert_pasted(script: &str, name: &str) {
    let dense = |text: &str| text.split_whitespace().collect::<String>().replace(",}", "}");
    let script = dense(&script.replace("TestFound7", name));
    let file = dense(include_str!("found.rs"));
    assert!(file.contains(&script), "not in this file:\n{script}");
}

#[test]
fn the_scripts_are_what_is_written_of_their_plans() {
    assert_pasted(&plan().script(FOUND), "FoundCommitsOldTerms");
    assert_pasted(&every_act().script("nothing is wrong"), "FoundEveryAct");
}

const COMMITS_OLD_TERMS: &str = "found::FoundCommitsOldTerms";
const EVERY_ACT: &str = "found::FoundEveryAct";

#[test]
fn the_script_finds_the_bug_and_nothing_else() {
    let runs = run(COMMITS_OLD_TERMS, Bug::CommitsOldTerms, 7..=56);
    let message = "rule old-term-committed (MN): server N treated an entry of term N as committed before any entry of its own term N";
    let expected = Expected::anywhere(FailureKind::Safety, message);
    let [found] = runs.assert_only([expected]);
    assert!(found > 0, "none of 50 seeds finds it");
    let failures: Vec<_> = run(COMMITS_OLD_TERMS, Bug::None, 7..=56).failures().cloned().collect();
    assert_eq!(failures, []);
}

/// How each run ended, as far as it doesn't say where the script is.
fn ends(runs: &Runs) -> Vec<String> {
    let end = |verdict: &Verdict| match verdict {
        Verdict::Passed(measured) => format!("passed: {measured:?}"),
        Verdict::Skipped { reason } => format!("skipped: {reason}"),
        Verdict::Failed { failure, .. } => format!("at {}: {}", failure.at, failure.message),
    };
    runs.results.iter().map(|result| end(&result.verdict)).collect()
}

#[test]
fn a_script_does_what_its_plan_does() {
    for (script, plan) in [(COMMITS_OLD_TERMS, plan()), (EVERY_ACT, every_act())] {
        for bug in [Bug::None, Bug::CommitsOldTerms, Bug::NeverSavesLog, Bug::VotesTwice] {
            let by_script = run(script, bug, 1..=20);
            let by_plan = follow(&plan, bug, 1..=20);
            assert_eq!(ends(&by_script), ends(&by_plan), "{script} with {bug}");
        }
    }
    // Without a plan these seeds do something else.
    let drawn = run_in(EXPLORE, [("LAB_BUG", Bug::None.to_string())], 1..=20);
    assert_ne!(ends(&drawn), ends(&follow(&plan(), Bug::None, 1..=20)));
}
