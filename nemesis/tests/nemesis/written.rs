//! A plan as a test.

use nemesis::{Act, Plan};

use crate::plans::{every_act, plan};

/// The calls of a script between its load and its end.
fn calls(plan: &Plan) -> Vec<String> {
    let script = plan.script("it is wrong");
    let calls = script.lines().map(str::trim).skip_while(|line| !line.contains("cfg.load("));
    let end = format!("cfg.at({}).await;", plan.end_ms);
    calls.skip(1).take_while(|line| *line != end).map(str::to_owned).collect()
}

#[test]
fn every_act_is_a_call() {
    let expected = [
        "cfg.partition(&[&[0, 1], &[2]]);",
        "cfg.join();",
        "cfg.set_link(Link { from: 0, to: 2 }, Switch::Off);",
        "cfg.set_link(Link { from: 0, to: 2 }, Switch::On);",
        "cfg.disconnect(1);",
        "cfg.connect(1);",
        "cfg.leader().inspect(|&leader| cfg.disconnect(leader));",
        "cfg.crash1(2);",
        "cfg.leader().inspect(|&leader| cfg.crash1(leader));",
        "cfg.restart(&[2]);",
        "cfg.restart(&[0, 1, 2]);",
        "cfg.set_reliability(Reliability::Unreliable);",
        "cfg.set_reliability(Reliability::Reliable);",
        "cfg.set_long_reordering(Switch::On);",
        "cfg.set_long_reordering(Switch::Off);",
        "cfg.set_faults(Faults { request_delay_ms: 1..=20, reply_delay_ms: 5..=40, \
         late_requests: 500, late_replies: 250, lost_requests: 10, lost_replies: 20, \
         doubled_requests: 100 });",
        "cfg.set_faults(Faults { lost_replies: 30, ..Faults::NONE });",
        "cfg.set_faults(Faults { request_delay_ms: 3..=4, doubled_requests: 40, ..Faults::NONE });",
        "cfg.set_faults(Faults::NONE);",
        "cfg.set_sync_time(1..=10);",
        "cfg.set_apply_time(5);",
    ];
    assert_eq!(expected.len(), every_act().len());
    for (act, call) in every_act().into_iter().zip(expected) {
        assert_eq!(calls(&plan(3, vec![act])), ["cfg.at(100).await;", call]);
    }
}

#[test]
fn acts_of_one_time_wait_once() {
    let mut plan = plan(3, vec![Act::Join, Act::Crash(1), Act::CrashLeader, Act::Start(1)]);
    for (timed, at_ms) in plan.acts.iter_mut().zip([0, 0, 250, 250]) {
        timed.at_ms = at_ms;
    }
    assert_eq!(
        calls(&plan),
        [
            "cfg.join();",
            "cfg.crash1(1);",
            "cfg.at(250).await;",
            "cfg.leader().inspect(|&leader| cfg.crash1(leader));",
            "cfg.restart(&[1]);",
        ]
    );
}

#[test]
fn the_whole_is_a_test() {
    let plan = plan(5, vec![Act::Disconnect(4)]);
    let script = r#"/// monitor M8: it commits
#[test]
#[expect(non_snake_case, reason = "as MIT names tests")]
fn TestFound7() {
    use config::{Load, Reliability, Snapshots, make_config};

    config::test_with_seed(7, |t| async move {
        t.be_strict();
        let cfg = make_config(&t, 5, Reliability::Reliable, Snapshots::Uneven, raft::make);
        cfg.begin("Found: seed 7");
        let load = cfg.load(Load { every_ms: 30, burst: 2 });
        cfg.at(100).await;
        cfg.disconnect(4);
        cfg.at(4000).await;
        drop(load);
        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}
"#;
    assert_eq!(plan.script("monitor M8: it commits"), script);
    let without = Plan { snapshots: false, ..plan };
    assert_eq!(
        without.script("monitor M8: it commits"),
        script.replace("Snapshots::Uneven", "Snapshots::Off")
    );
}

/// Of what isn't used the compiler would warn.
#[test]
fn what_is_used_is_imported() {
    let uses = |acts: Vec<Act>| {
        let script = plan(3, acts).script("it is wrong");
        let line = script.lines().find(|line| line.trim().starts_with("use ")).map(str::trim);
        line.expect("an import").to_owned()
    };
    let [link, faults] = [2, 15].map(|place| every_act()[place].clone());
    let all = "use config::{Faults, Link, Load, Reliability, Snapshots, Switch, make_config};";
    assert_eq!(uses(every_act()), all);
    assert_eq!(uses(vec![Act::LongReordering(true)]), all.replace("Faults, Link, ", ""));
    assert_eq!(uses(vec![link]), all.replace("Faults, ", ""));
    let only_faults = all.replace("Link, ", "").replace("Switch, ", "");
    assert_eq!(uses(vec![faults]), only_faults);
    assert_eq!(uses(vec![every_act()[18].clone()]), only_faults);
}
