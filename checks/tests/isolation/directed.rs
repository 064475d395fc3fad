//! What scripts do to a cluster beyond MIT's calls: each does what it says, and no more.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use config::{FailureKind, Faults, Link, Load, Messages, Needs, Purpose, Reliability, Switch};
use testkit::{Victim, victims};
use tokio::time::{Instant, sleep};

use crate::child::{FAILED, place, run};
use crate::server::{Habits, SERVERS as LISTENERS, make};
use crate::talkers::{SERVERS, Shared, Table, talkers};

pub(crate) const VICTIMS: &[Victim] = victims![
    restarts_and_panics,
    moves_the_clock,
    waits_for_a_save_in_vain,
    waits_for_messages_in_vain,
    waits_for_a_vote_of_a_server_that_is_down,
    waits_for_a_vote_that_nobody_can_read,
    gets_nowhere,
    explores
];

type Pairs = BTreeSet<(usize, usize)>;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What `f` makes of what the servers have told.
fn with<R>(table: &Table, f: impl FnOnce(&mut Shared) -> R) -> R {
    f(&mut table.lock().unwrap())
}

/// Who is heard by whom from now on, and who gets answers from whom.
async fn heard(table: &Table) -> (Pairs, Pairs) {
    // What was under way arrives.
    sleep(ms(100)).await;
    with(table, |now| (now.heard.clear(), now.answered.clear()));
    sleep(ms(300)).await;
    with(table, |now| (now.heard.clone(), now.answered.clone()))
}

/// All pairs of servers that are `together`.
fn pairs(together: impl Fn(usize, usize) -> bool) -> Pairs {
    let all = (0..SERVERS).flat_map(|a| (0..SERVERS).map(move |b| (a, b)));
    all.filter(|&(a, b)| a != b && together(a, b)).collect()
}

/// How long syncs take from now on, and what is applied.
async fn times(table: &Table) -> (Vec<Duration>, Vec<Duration>) {
    // What has begun ends.
    sleep(ms(100)).await;
    with(table, |now| (now.syncs.clear(), now.applies.clear()));
    sleep(ms(2_000)).await;
    let (syncs, applies) = with(table, |now| (now.syncs.clone(), now.applies.clone()));
    assert!(syncs.len() > 20 && applies.len() > 20, "{syncs:?} {applies:?}");
    (syncs, applies)
}

#[test]
fn a_link_is_one_way() {
    config::test(|t| async move {
        let (cfg, table) = talkers(&t);
        cfg.set_link(Link { from: 0, to: 2 }, Switch::Off);
        let (heard_by, answered) = heard(&table).await;
        assert_eq!(heard_by, pairs(|a, b| (a, b) != (0, 2)));
        // Neither is 0 answered by 2, which hears nothing, nor does 0's answer reach it.
        assert_eq!(answered, pairs(|a, b| (a, b) != (0, 2) && (a, b) != (2, 0)));

        cfg.set_link(Link { from: 0, to: 2 }, Switch::On);
        assert_eq!(heard(&table).await, (pairs(|_, _| true), pairs(|_, _| true)));
        cfg.end();
    });
}

#[test]
fn groups_are_apart_until_they_are_joined() {
    config::test(|t| async move {
        let (cfg, table) = talkers(&t);
        cfg.set_link(Link { from: 0, to: 1 }, Switch::Off);
        cfg.partition(&[&[0, 1], &[3, 2]]);
        assert_eq!(heard(&table).await.0, pairs(|a, b| (a < 2) == (b < 2)));

        // Another one takes its place; who is in no group is alone.
        cfg.partition(&[&[0, 2, 3]]);
        assert_eq!(heard(&table).await.0, pairs(|a, b| a != 1 && b != 1));

        cfg.join();
        assert_eq!(heard(&table).await.0, pairs(|_, _| true));
        cfg.end();
    });
}

#[test]
fn healing_ends_all_faults() {
    config::test(|t| async move {
        let (cfg, table) = talkers(&t);
        cfg.disconnect(0);
        cfg.crash1(1);
        cfg.set_link(Link { from: 2, to: 3 }, Switch::Off);
        cfg.set_faults(Faults { lost_requests: 1_000, ..Faults::NONE });
        cfg.set_reliability(Reliability::Unreliable);
        cfg.set_long_reordering(Switch::On);
        cfg.set_sync_time(50..=50);
        cfg.set_apply_time(50);
        assert_eq!(heard(&table).await, (pairs(|_, _| false), pairs(|_, _| false)));

        cfg.heal();
        assert!((0..SERVERS).all(|server| cfg.is_live(server) && cfg.is_connected(server)));
        assert_eq!(heard(&table).await, (pairs(|_, _| true), pairs(|_, _| true)));
        let made: Vec<usize> =
            with(&table, |now| now.made.iter().map(|made| made.server).collect());
        assert_eq!(made, [0, 1, 2, 3, 1], "those that were alive are left alone");
        let (syncs, applies) = times(&table).await;
        assert!(syncs.iter().chain(&applies).all(Duration::is_zero), "{syncs:?} {applies:?}");
        cfg.end();
    });
}

#[test]
fn servers_restart_together() {
    config::test(|t| async move {
        let (cfg, table) = talkers(&t);
        cfg.at(100).await;
        cfg.crash1(2);
        cfg.disconnect(3);
        cfg.at(500).await;
        let at = Instant::now();
        cfg.restart(&[1, 2, 3]);
        sleep(ms(100)).await;
        let made = with(&table, |now| now.made.split_off(SERVERS));
        let servers: Vec<usize> = made.iter().map(|made| made.server).collect();
        assert_eq!(servers, [1, 2, 3]);
        assert!(made.iter().all(|made| made.at == at), "{made:?}");
        // With what they had saved.
        assert!(made.iter().all(|made| made.saved.len() == 1), "{made:?}");
        assert_eq!(heard(&table).await.0, pairs(|_, _| true));
        cfg.end();
    });
}

fn restarts_and_panics() {
    config::test(|t| async move {
        let (cfg, _) = talkers(&t);
        cfg.restart(&[1, 2]);
        panic!("on purpose");
    });
}

#[test]
fn a_restart_is_at_the_script_s_line() {
    let ran = run(&["directed::restarts_and_panics"], &[("LAB_SEED", "1")]);
    ran.assert_status(FAILED);
    let text = "cfg.restart(&[1, 2]);";
    let line = place(("directed.rs", include_str!("directed.rs")), "restarts_and_panics", text);
    ran.assert_says(&[&format!("  script    {line}, in connect()\n")]);
}

#[test]
fn the_leader_is_connected_and_of_the_highest_term() {
    config::test(|t| async move {
        let (cfg, table) = talkers(&t);
        assert_eq!(cfg.leader(), None);
        with(&table, |now| now.states = [(3, true), (5, true), (4, true), (9, false)]);
        assert_eq!(cfg.leader(), Some(1));
        cfg.disconnect(1);
        assert_eq!(cfg.leader(), Some(2));
        cfg.crash1(2);
        assert_eq!(cfg.leader(), Some(0));
        cfg.connect(1);
        assert_eq!(cfg.leader(), Some(1));
        cfg.end();
    });
}

#[test]
fn clients_ask_every_server_until_they_are_dropped() {
    config::test(|t| async move {
        let (cfg, table) = talkers(&t);
        cfg.crash1(3);
        let load = cfg.load(Load { every_ms: 100, burst: 3 });
        sleep(ms(950)).await;
        drop(load);
        sleep(ms(1_000)).await;
        let asked = with(&table, |now| now.asked.clone());
        assert_eq!(asked[0].len(), 30);
        assert_eq!((&asked[1], &asked[2], asked[3].len()), (&asked[0], &asked[0], 0));
        let different: BTreeSet<_> = asked[0].iter().collect();
        assert_eq!(different.len(), 30, "a command was repeated");
        cfg.end();
    });
}

#[expect(clippy::disallowed_methods, reason = "the mistake that the test below is about")]
fn moves_the_clock() {
    config::test(|t| async move {
        let (cfg, _) = talkers(&t);
        sleep(ms(100)).await;
        tokio::time::advance(ms(5_000)).await;
        sleep(ms(100)).await;
        cfg.end();
    });
}

#[test]
fn a_script_that_moves_the_clock_is_noticed() {
    let ran = run(&["directed::moves_the_clock"], &[("LAB_SEED", "1")]);
    ran.assert_status(FAILED);
    ran.assert_says(&["tokio::time::advance(5s) moves the clock of the whole cluster"]);
}

#[test]
fn the_time_is_the_run_s() {
    config::test(|t| async move {
        let begun = Instant::now();
        let (cfg, _) = talkers(&t);
        sleep(ms(120)).await;
        cfg.at(500).await;
        assert_eq!(begun.elapsed(), ms(500));
        // What has passed is no reason to wait.
        cfg.at(300).await;
        assert_eq!(begun.elapsed(), ms(500));
        cfg.end();
    });
}

#[test]
fn a_server_crashes_at_its_save_before_it_tells_anybody() {
    config::test(|t| async move {
        let (cfg, table) = talkers(&t);
        sleep(ms(200)).await;
        cfg.crash_at_save(1).await;
        assert_eq!((0..SERVERS).filter(|&i| cfg.is_live(i)).collect::<Vec<_>>(), [0, 2, 3]);
        sleep(ms(300)).await;
        let (saved, told) = with(&table, |now| (now.saved[1], now.told[1]));
        assert_eq!(told + 1, saved, "the last that it saved was told, or it saved on");
        cfg.start1(1);
        let made = with(&table, |now| now.made.last().cloned()).expect("it was made");
        assert_eq!((made.server, &made.saved[..]), (1, &[saved][..]), "it lost what it had saved");
        cfg.end();
    });
}

fn waits_for_a_save_in_vain() {
    config::test(|t| async move {
        let (cfg, _) = talkers(&t);
        cfg.crash1(2);
        cfg.crash_at_save(2).await;
        cfg.end();
    });
}

#[test]
fn who_saves_nothing_is_named() {
    let ran = run(&["directed::waits_for_a_save_in_vain"], &[("LAB_SEED", "1")]);
    ran.assert_status(FAILED);
    ran.assert_says(&["server 2 has saved nothing for 10 s\n  kind      liveness\n"]);
    assert_eq!(
        ran.results[0].failure().map(|failure| failure.at.to_string()).as_deref(),
        Some("10.00")
    );
}

#[test]
fn a_script_waits_for_each_message_and_not_for_all_together() {
    config::test(|t| async move {
        let (cfg, _) = talkers(&t);
        let hold = cfg.hold(Messages::all_requests().from(1).to(2));
        let begun = Instant::now();
        let is_late = |_: &config::Held| begun.elapsed() > ms(12_000);
        hold.first_that("of the 13th second", Needs::Entries, is_late).await.lose();
        drop(hold);
        cfg.end();
    });
}

fn waits_for_messages_in_vain() {
    config::test(|t| async move {
        let (cfg, _) = talkers(&t);
        let hold = cfg.hold(Messages::all_requests().from(1).to(2));
        hold.first_that("of some day", Needs::Entries, |_| false).await.lose();
        cfg.end();
    });
}

#[test]
fn a_script_does_not_wait_for_ever() {
    let ran = run(&["directed::waits_for_messages_in_vain"], &[("LAB_SEED", "1")]);
    ran.assert_says(&["requests from server 1 to server 2 of some day came for 30 s\n"]);
}

/// Servers talk of what nobody can read.
fn waits_for_a_vote_of_a_server_that_is_down() {
    config::test(|t| async move {
        let (cfg, _) = talkers(&t);
        cfg.crash1(1);
        cfg.hold(Messages::requests(Purpose::Vote).from(1).to(2)).next().await.lose();
        cfg.end();
    });
}

fn waits_for_a_vote_that_nobody_can_read() {
    config::test(|t| async move {
        let (cfg, _) = talkers(&t);
        cfg.crash1(1);
        cfg.hold(Messages::replies(Purpose::Vote).from(2).to(3)).next().await.lose();
        cfg.end();
    });
}

/// What others say that nobody can read is no excuse for a server that says nothing.
#[test]
fn only_what_a_server_says_may_be_what_it_should_say() {
    let ran = run(&["directed::waits_for_a_vote_of_a_server_that_is_down"], &[("LAB_SEED", "1")]);
    let failure = ran.results[0].failure().expect("it has failed");
    assert_eq!(failure.kind, FailureKind::Liveness, "{failure:?}");
    let ran = run(&["directed::waits_for_a_vote_that_nobody_can_read"], &[("LAB_SEED", "1")]);
    let reason = ran.results[0].skipped().expect("it is skipped");
    assert!(reason.starts_with("can't read this Raft's messages: no call has "), "{reason}");
}

#[test]
fn disks_and_services_take_the_time_they_are_given() {
    config::test(|t| async move {
        let (cfg, table) = talkers(&t);
        let (syncs, applies) = times(&table).await;
        assert!(syncs.iter().chain(&applies).all(Duration::is_zero), "{syncs:?} {applies:?}");

        cfg.set_sync_time(20..=30);
        let (syncs, applies) = times(&table).await;
        assert!(syncs.iter().all(|time| (ms(20)..=ms(30)).contains(time)), "{syncs:?}");
        assert!(syncs.iter().collect::<BTreeSet<_>>().len() > 3, "{syncs:?} are one time");
        assert!(applies.iter().all(Duration::is_zero), "{applies:?}");

        cfg.set_apply_time(40);
        let (_, applies) = times(&table).await;
        assert!(applies.iter().all(|time| *time == ms(40)), "{applies:?}");

        // What is under way is done when all faults end.
        cfg.set_apply_time(600_000);
        sleep(ms(100)).await;
        cfg.heal();
        let (_, applies) = times(&table).await;
        assert!(applies.iter().all(Duration::is_zero), "{applies:?}");
        cfg.end();
    });
}

fn gets_nowhere() {
    config::test(|t| async move {
        let cfg = config::make_config(
            &t,
            LISTENERS,
            Reliability::Reliable,
            config::Snapshots::Off,
            |peers, me, _, _| make(peers, me, Habits::GOOD),
        );
        cfg.begin("Isolation: nobody leads");
        cfg.check_progress().await;
        cfg.end();
    });
}

#[test]
fn who_gets_nowhere_without_faults_fails() {
    let ran = run(&["directed::gets_nowhere"], &[("LAB_SEED", "1")]);
    ran.assert_status(FAILED);
    ran.assert_says(&["failed to reach agreement\n", "  kind      liveness\n"]);
    // Three seconds to settle, ten to agree.
    let failure = ran.results[0].failure().expect("it has failed");
    assert!(failure.at.to_string().starts_with("13.0"), "at {}", failure.at);
}

fn explores() {
    config::test(|t| async move {
        config::explore(&t, |peers, me, _, _| make(peers, me, Habits::GOOD)).await;
    });
}

#[test]
fn a_plan_that_can_t_be_followed_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::write(&file, text).expect("a file");
        file.to_str().expect("it is text").to_owned()
    };
    let plan = |servers| {
        format!(
            r#"{{"seed":1,"servers":{servers},"snapshots":false,"load":{{"every_ms":30,"burst":1}},"acts":[{{"at_ms":10,"act":{{"crash":2}}}}],"end_ms":50}}"#
        )
    };
    let here = std::env::current_dir().expect("a folder");
    for (plan, texts) in [
        (
            "nowhere.json".to_owned(),
            [
                "failed to read LAB_PLAN=nowhere.json: No such file or directory".to_owned(),
                format!("; expected a plan's file, by its whole path or from {}\n", here.display()),
            ],
        ),
        (
            file("text", "crash them all"),
            [
                "/text: expected value at line 1 column 1".to_owned(),
                "; expected a plan as `cargo lab explore` stores it, in JSON\n".to_owned(),
            ],
        ),
        (
            file("two", &plan(2)),
            [
                "failed to follow LAB_PLAN=".to_owned(),
                "/two: it names server 2 of 2; correct it there, or unset LAB_PLAN".to_owned(),
            ],
        ),
    ] {
        let ran = run(&["directed::explores"], &[("LAB_PLAN", &plan)]);
        ran.assert_status(FAILED);
        ran.assert_says(&["  kind      tester\n", &texts[0], &texts[1]]);
    }
    // One that can be followed is: here nobody ever leads.
    let three = file("three", &plan(3));
    let ran = run(&["directed::explores"], &[("LAB_PLAN", &three)]);
    ran.assert_says(&["failed to reach agreement\n", &format!(" LAB_PLAN='{three}' ")]);
}
