//! What servers do instead of what is due.

use report::{
    Accepted, Activity, Check, FailureKind, NetworkChange, Outcome, Role, TaskEnding, spec,
};
use serde_json::json;

use crate::demands::{ACCEPTED, Demanded, NO_LEADER, NOBODY};
use crate::run::{Ask, Run, append, ask, causes, denied, entries, granted, heartbeat, success};

/// Whether a run that fails by a check is explained by a rule, among others.
fn finds(mut run: Run, demand: Demanded, id: &str) -> bool {
    assert!(spec::RULES.iter().any(|rule| rule.id == id), "there is no rule {id}");
    run.network(NetworkChange::Reliable);
    causes(&run.fails(demand, "it fails").2).contains(&id)
}

/// A leader has taken a command.
fn one() -> Run {
    let mut run = Run::new(3);
    run.elect(0, 1).step("one").propose(0, 1, 1);
    run
}

#[test]
fn candidate_gives_up() {
    let rounds = |leads: bool| {
        let mut run = Run::new(5);
        run.step("elect");
        for term in 1..=5 {
            run.wait(300 + 60 * (term % 4));
            run.in_term(0, term).refuse(0, 1, term);
            run.vote(0, 2, term).vote(0, 3, term);
            if leads {
                run.leads(0, term).appends(0, 4, &heartbeat(term));
            }
        }
        finds(run, NO_LEADER, "candidate-gives-up")
    };
    assert!(rounds(false));
    assert!(!rounds(true));
}

#[test]
fn same_seed_everywhere() {
    let rounds = |waits: &[u64], differ: u64| {
        let mut run = Run::new(3);
        run.step("elect");
        let mut now = 0;
        for (term, wait) in (1..).zip(waits) {
            now += *wait;
            for server in [1, 2] {
                run.at(now + u64::from(server) * differ * (term % 3)).in_term(server, term);
                run.asks(server, 0, &ask(term));
            }
        }
        finds(run, NO_LEADER, "same-seed-everywhere")
    };
    let drawn = [310, 420, 350, 505, 390];
    assert!(rounds(&drawn, 0));
    assert!(!rounds(&drawn, 40));
    // A timeout that is drawn once, by chance the same; the first wait was longer, for there was a leader.
    assert!(!rounds(&[310, 975, 300, 300, 300, 300, 300, 300], 0));
}

#[test]
fn silent_since_restart() {
    let rounds = |stands: bool| {
        let mut run = Run::new(3);
        run.snapshot(1, 5).save(1, [10, 90]).restart(1).step("elect");
        for term in 1..=8 {
            run.wait(300 + 60 * (term % 4)).in_term(0, term).asks(0, 2, &ask(term));
            if stands {
                run.wait(150).in_term(1, term).asks(1, 2, &ask(term));
            }
        }
        finds(run, NO_LEADER, "silent-since-restart")
    };
    assert!(rounds(false));
    assert!(!rounds(true));
}

#[test]
fn reply_not_taken() {
    let rounds = |drops: bool| {
        let mut run = Run::new(3);
        run.step("elect");
        for term in 1..=6 {
            run.wait(300 + 60 * (term % 4)).in_term(0, term);
            let asked = [run.asks(0, 1, &ask(term)), run.asks(0, 2, &ask(term))];
            run.wait(5);
            for id in asked {
                if drops {
                    run.drops(id).wait(5).arrives(id).ends(id, &granted(term));
                } else {
                    run.answers(id, &denied(term));
                }
            }
        }
        finds(run, NO_LEADER, "reply-not-taken")
    };
    assert!(rounds(true));
    assert!(!rounds(false));
}

#[test]
fn task_ended() {
    let rounds = |ends: bool| {
        let mut run = one();
        run.accept(0, 1, &entries(1, &[1])).appends(0, 2, &entries(1, &[1]));
        if ends {
            run.wait(10).ends_task(0, 7, TaskEnding::Returned);
        }
        for _ in 0..16 {
            run.wait(100).accept(0, 1, &append(1, [1, 1], &[], 0));
        }
        finds(run, ACCEPTED, "task-ended")
    };
    assert!(rounds(true));
    assert!(!rounds(false));
}

#[test]
fn next_index_moved_at_sending() {
    let rounds = |again: bool, is_covered: bool| {
        let mut run = one();
        let lost = run.appends(0, 2, &entries(1, &[1]));
        run.wait(100).returns(lost, Outcome::RequestLost);
        if is_covered {
            run.snapshot(0, 1);
        }
        for _ in 0..9 {
            run.wait(100);
            match again {
                true => _ = run.appends(0, 2, &entries(1, &[1])),
                false => _ = run.reject(0, 2, &append(1, [1, 1], &[], 0)),
            }
        }
        finds(run, ACCEPTED, "next-index-moved-at-sending")
    };
    assert!(rounds(false, false));
    assert!(!rounds(true, false));
    assert!(!rounds(false, true), "its log has them no more");
}

#[test]
fn one_call_at_a_time() {
    let rounds = |overlap: bool| {
        let mut run = one();
        for _ in 0..4 {
            run.accept(0, 1, &heartbeat(1)).accept(0, 2, &heartbeat(1)).wait(100);
        }
        run.appends(0, 2, &entries(1, &[1]));
        for _ in 0..25 {
            run.accept(0, 1, &heartbeat(1)).wait(100);
            if overlap {
                run.appends(0, 2, &entries(1, &[1]));
            }
        }
        finds(run, ACCEPTED, "one-call-at-a-time")
    };
    assert!(rounds(false));
    assert!(!rounds(true));
}

#[test]
fn commit_not_told() {
    let rounds = |commit| {
        let mut run = one();
        run.accept(0, 1, &entries(1, &[1])).accept(0, 2, &entries(1, &[1])).apply(0, 1);
        for _ in 0..10 {
            run.wait(100);
            for server in [1, 2] {
                run.accept(0, server, &append(1, [1, 1], &[], commit));
            }
        }
        finds(run, ACCEPTED, "commit-not-told")
    };
    assert!(rounds(0));
    assert!(!rounds(1));
}

/// Server 0 has a snapshot of five commands, and server 2 nothing.
fn behind(meanwhile: fn(&mut Run)) -> Run {
    let mut run = Run::new(3);
    run.elect(0, 1).step("one");
    for index in 1..=5 {
        run.propose(0, index, 1);
    }
    run.accept(0, 1, &entries(1, &[1; 5]));
    for index in 1..=5 {
        run.apply(0, index);
    }
    run.snapshot(0, 5);
    for _ in 0..6 {
        run.wait(100);
        meanwhile(&mut run);
    }
    run
}

fn refused(run: &mut Run) {
    run.reject(0, 2, &append(1, [5, 1], &[], 5));
}

fn installed(run: &mut Run) {
    let sent = run.installs(0, 2, [5, 1]);
    run.answers(sent, &json!({ "term": 1 }));
}

#[test]
fn snapshot_not_sent() {
    assert!(finds(behind(refused), ACCEPTED, "snapshot-not-sent"));
    let mut run = behind(refused);
    installed(&mut run);
    assert!(!finds(run, ACCEPTED, "snapshot-not-sent"));
}

/// If a follower has applied or confirmed everything that the snapshot covers, it needs no snapshot.
#[test]
fn a_snapshot_that_nobody_needs() {
    let finds_it = |has: fn(&mut Run), prev: u64| {
        let mut run = behind(has);
        for _ in 0..6 {
            run.wait(300).reject(0, 2, &append(1, [prev, 1], &[], 5));
        }
        finds(run, ACCEPTED, "snapshot-not-sent")
    };
    let nothing = |_: &mut Run| {};
    let applied = |run: &mut Run| {
        let has = run.story().applied_by(2).count() as u64;
        if has < 5 {
            run.apply(2, has + 1);
        }
    };
    let confirmed = |run: &mut Run| _ = run.accept(0, 2, &append(1, [0, 0], &[1; 5], 0));
    for prev in [5, 6] {
        assert!(finds_it(nothing, prev), "{prev}");
        assert!(!finds_it(applied, prev), "{prev}");
        assert!(!finds_it(confirmed, prev), "{prev}");
    }
}

/// A follower reports that its log ends before the index that it has confirmed to its leader.
#[test]
fn a_follower_lacks_what_it_has_confirmed() {
    let finds_it = |confirms: bool, [own, leader_s]: [u64; 2]| {
        let mut run = one();
        run.propose(0, 2, 1).accept(0, 2, &entries(1, &[1, 1]));
        if confirms {
            run.accept(0, 1, &entries(1, &[1, 1]));
        }
        run.wait(2000).tell(1, (1, Role::Follower), [own, own.min(1)], 0);
        run.tell(0, (1, Role::Leader), [leader_s, leader_s.min(1)], 0);
        finds(run, ACCEPTED, "confirmed-not-appended")
    };
    assert!(finds_it(true, [1, 2]));
    assert!(!finds_it(false, [1, 2]));
    assert!(!finds_it(true, [2, 2]));
    assert!(!finds_it(true, [1, 1]), "its last_index may be something else");
    // What it told before it confirmed anything is out of date.
    let mut run = one();
    run.tell(1, (1, Role::Follower), [1, 1], 0);
    run.propose(0, 2, 1).accept(0, 2, &entries(1, &[1, 1])).accept(0, 1, &entries(1, &[1, 1]));
    run.wait(2000).tell(0, (1, Role::Leader), [2, 1], 0);
    assert!(!finds(run, ACCEPTED, "confirmed-not-appended"));
}

/// A leader has applied nothing since its restart with a snapshot. If it has committed nothing, the snapshot isn't the cause.
#[test]
fn a_leader_that_commits_nothing_since_its_restart() {
    let finds_it = |commit: Option<u64>| {
        let mut run = Run::new(3);
        run.snapshot(0, 5).save(0, [10, 90]).restart(0).elect(0, 2).step("one").propose(0, 6, 2);
        for follower in [1, 2] {
            let args = json!({
                "term": 2, "leader_id": 0, "prev_log_index": 5, "prev_log_term": 1,
                "entries": [{ "term": 2 }],
            });
            run.call(0, follower, "Raft.AppendEntries", args, success(2));
        }
        run.wait(4000).leads(0, 2);
        if let Some(commit) = commit {
            run.tell(0, (2, Role::Leader), [6, 2], commit);
        }
        let check = Check::Agreed { accepted: Some(Accepted { index: 6, term: Some(2) }) };
        let (_, _, explanation) = run.fails((FailureKind::Liveness, check), "it fails");
        let found = causes(&explanation);
        ["majority-not-committed", "snapshot-index-forgotten"].map(|id| found.contains(&id))
    };
    assert_eq!(finds_it(None), [true, false]);
    assert_eq!(finds_it(Some(6)), [false, true]);
}

/// A leader whose heartbeats are messages of their own sends nothing else.
#[test]
fn a_command_that_no_heartbeat_brings() {
    let finds_it = |heartbeat: serde_json::Value| {
        let mut run = one();
        for _ in 0..20 {
            run.call(0, 1, "Raft.Heartbeat", heartbeat.clone(), json!({ "term": 1 })).wait(100);
        }
        run.leads(0, 1);
        finds(run, ACCEPTED, "entry-not-sent")
    };
    assert!(finds_it(json!({ "term": 1, "leader_id": 0 })));
    let unread = json!({ "term": 1, "leader_id": 0, "more": [[1, 100]] });
    assert!(!finds_it(unread), "it may bring the command");
}

/// Heartbeats of a type of their own are answered, and a call with the command had failed before.
#[test]
fn a_command_that_is_not_sent_again() {
    let finds_it = |heartbeats: usize| {
        let mut run = one();
        let lost = run.crash(2).appends(0, 1, &entries(1, &[1]));
        run.wait(100).returns(lost, Outcome::RequestLost);
        for _ in 0..heartbeats {
            let heartbeat = json!({ "term": 1, "leader_id": 0 });
            run.wait(700).call(0, 1, "Raft.Heartbeat", heartbeat, json!({ "term": 1 }));
        }
        run.wait(700).leads(0, 1);
        finds(run, ACCEPTED, "entry-not-sent")
    };
    assert!(finds_it(3));
    assert!(!finds_it(2));
}

#[test]
fn snapshot_answer_ignored() {
    assert!(finds(behind(installed), ACCEPTED, "snapshot-answer-ignored"));
    assert!(!finds(behind(refused), ACCEPTED, "snapshot-answer-ignored"));
    assert!(!finds(behind(refused), NOBODY, "snapshot-answer-ignored"));
}

/// A leader asks the same again, has it right soon after, or not; and the command isn't applied.
#[test]
fn what_is_soon_right_holds_nothing_up() {
    let finds_it = |is_soon_right: bool| {
        let mut run = one();
        for _ in 0..6 {
            run.wait(100).reject(0, 1, &append(1, [5, 1], &[], 0));
        }
        if is_soon_right {
            run.wait(100).accept(0, 1, &entries(1, &[1]));
        }
        run.wait(3000);
        finds(run, ACCEPTED, "next-index-stays")
    };
    assert!(finds_it(false));
    assert!(!finds_it(true));
}

/// A leader that floods the network with the same request, which is refused each time.
#[test]
fn a_flood_of_refused_requests_has_a_cause() {
    let finds_it = |refused: bool| {
        let mut run = one();
        for _ in 0..60 {
            run.reject(0, 1, &append(1, [5, 1], &[], 0)).wait(1);
            if !refused {
                run.accept(0, 1, &append(1, [0, 0], &[1], 0)).wait(1);
            }
        }
        let (server, life) = (Some(0), Some(1));
        let activity = Activity::Elsewhere;
        let misused = Check::Misused { server, life, activity };
        finds(run, (FailureKind::Misuse, misused), "next-index-stays")
    };
    assert!(finds_it(true));
    assert!(!finds_it(false));
}

/// The leader tells its followers that a command is committed, but they don't apply it.
#[test]
fn a_leader_that_does_not_apply_accuses_nobody_of_ignoring_it() {
    let first = |leader_applies: bool| {
        let mut run = one();
        run.accept(0, 1, &entries(1, &[1])).accept(0, 2, &entries(1, &[1]));
        if leader_applies {
            run.apply(0, 1);
        }
        for _ in 0..20 {
            run.wait(100);
            run.accept(0, 1, &append(1, [1, 1], &[], 1)).accept(0, 2, &append(1, [1, 1], &[], 1));
        }
        run.network(NetworkChange::Reliable);
        let (_, _, explanation) = run.fails(ACCEPTED, "it fails");
        explanation.findings[0].id.clone()
    };
    assert_eq!(first(true), "heartbeat-commit-ignored");
    assert_eq!(first(false), "committed-not-applied");
}

#[test]
fn confirmation_ignored() {
    let sends = |again: u64| {
        let mut run = one();
        run.accept(0, 1, &entries(1, &[1]));
        for _ in 0..again {
            run.wait(100).accept(0, 1, &entries(1, &[1]));
        }
        run.wait(2000);
        finds(run, ACCEPTED, "confirmation-ignored")
    };
    assert!(sends(5));
    assert!(!sends(1));
}

#[test]
fn a_leader_without_votes_at_the_end() {
    let leads = |term: u64| {
        let mut run = Run::new(3);
        run.step("elect").vote(0, 1, 2).refuse(0, 1, 3).leads(0, term);
        finds(run, SCRIPT, "leads-without-majority")
    };
    assert!(leads(3), "by a vote of an earlier term");
    assert!(!leads(2));
}

#[test]
fn a_leader_panics_over_a_later_leader() {
    let panics = |leads: bool, term: u64| {
        let mut run = Run::new(3);
        run.vote(0, 1, 1);
        if leads {
            run.leads(0, 1);
        }
        let sent = run.appends(2, 0, &heartbeat(term));
        run.delivers(sent);
        finds(run, panicked("Raft.AppendEntries"), "term-not-adopted")
    };
    assert!(panics(true, 2));
    assert!(!panics(true, 1));
    assert!(!panics(false, 2));
}

#[test]
fn a_panic_over_a_snapshot_behind_the_log() {
    let panics = |index: u64| {
        let mut run = Run::new(3);
        run.elect(1, 1).tell(0, (1, report::Role::Follower), [3, 1], 0);
        let sent = run.installs(1, 0, [index, 1]);
        run.delivers(sent);
        finds(run, panicked("Raft.InstallSnapshot"), "log-kept-over-snapshot")
    };
    assert!(panics(5));
    assert!(!panics(3));
}

/// Server 0 has panicked in a handler.
fn panicked(method: &'static str) -> Demanded {
    let activity = Activity::Handler { method: method.into() };
    (
        FailureKind::Panic,
        Check::Panicked { server: Some(0), life: Some(1), activity, is_assertion: false },
    )
}

/// Server 0 has panicked in a task of its own.
const PANICKED_IN_TASK: Demanded = (
    FailureKind::Panic,
    Check::Panicked {
        server: Some(0),
        life: Some(1),
        activity: Activity::Task,
        is_assertion: false,
    },
);

/// A script's own demand.
const SCRIPT: Demanded = (FailureKind::Safety, Check::Script);

#[test]
fn several_servers_draw_their_timeout_once() {
    let first = |differ: u64| {
        let mut run = Run::new(3);
        run.crash(0).step("elect");
        for term in 1..=9 {
            run.wait(225);
            run.in_term(1, term).asks(1, 2, &ask(term));
            run.wait(differ * (term % 3));
            run.in_term(2, term).asks(2, 1, &ask(term));
            run.wait(60 - differ * (term % 3));
        }
        run.network(NetworkChange::Reliable);
        let (_, _, explanation) = run.fails(NO_LEADER, "it fails");
        explanation.findings.first().map(|finding| finding.what.clone())
    };
    let once = "server 1 and server 2 asked for votes at the same instants, always 0.28 s after the last \
                time: each draws its election timeout only once, or uses a constant";
    assert!(first(0).is_some_and(|what| what == once), "{:?}", first(0));
    assert!(first(20).is_some_and(|what| what != once), "{:?}", first(20));
}

/// Servers ask for pre-votes of this term, and all say no; or one says yes.
fn asks_before(term: u64, says_yes: bool) -> Run {
    let mut run = Run::new(3);
    run.in_term(0, 1).in_term(1, 1).step("elect");
    for round in 0..6 {
        run.wait(300 + 40 * (round % 3));
        let args =
            json!({ "term": term, "candidate_id": 0, "last_log_index": 0, "last_log_term": 0 });
        let reply = if says_yes && round == 3 { granted(1) } else { denied(1) };
        run.call(0, 1, "Raft.PreVote", args, reply);
    }
    run
}

#[test]
fn pre_votes_refused() {
    assert!(finds(asks_before(1, false), NO_LEADER, "pre-vote-in-own-term"));
    assert!(finds(asks_before(2, false), NO_LEADER, "pre-votes-refused"));
    assert!(!finds(asks_before(2, true), NO_LEADER, "pre-votes-refused"));
}

/// Servers come to one term after the other by questions about votes, whose sender is in the term itself or isn't.
fn raised_by_questions(in_term: bool) -> Run {
    let mut run = Run::new(3);
    run.step("elect");
    for term in 1..=6 {
        run.wait(300);
        if in_term {
            run.in_term(0, term);
        }
        let args =
            json!({ "term": term, "candidate_id": 0, "last_log_index": 0, "last_log_term": 0 });
        run.call(0, 1, "Raft.PreVote", args, granted(term)).in_term(1, term);
        run.wait(5).in_term(0, term);
    }
    run
}

#[test]
fn pre_votes_that_raise_terms() {
    assert!(finds(raised_by_questions(false), NO_LEADER, "pre-vote-raises-term"));
    assert!(!finds(raised_by_questions(true), NO_LEADER, "pre-vote-raises-term"));
}

#[test]
fn election_timer_dead_where_answers_say_nothing() {
    let heard = |reply: serde_json::Value| {
        let mut run = Run::new(3);
        run.in_term(0, 1).in_term(1, 1).in_term(2, 1).step("elect");
        for _ in 0..40 {
            let sent = run.wait(100).appends(0, 1, &heartbeat(1));
            run.answers(sent, &reply);
            let sent = run.appends(0, 2, &heartbeat(1));
            run.answers(sent, &reply);
        }
        finds(run, NO_LEADER, "election-timer-dead")
    };
    assert!(!heard(json!(null)));
}

#[test]
fn reply_of_former_term() {
    let votes = |term| {
        let mut run = Run::new(3);
        run.step("elect").wait(300).in_term(0, 2);
        for voter in [1, 2] {
            let asked = run.asks(0, voter, &ask(2));
            run.answers(asked, &granted(term));
        }
        run.wait(2000);
        run
    };
    assert!(finds(votes(1), NO_LEADER, "reply-of-former-term"));
    assert!(!finds(votes(2), NO_LEADER, "reply-of-former-term"));
    assert!(finds(votes(2), NO_LEADER, "majority-not-recognised"));
}

#[test]
fn a_leader_that_does_not_apply_what_it_tells_of() {
    let told = |applies: bool| {
        let mut run = one();
        for follower in [1, 2] {
            run.accept(0, follower, &entries(1, &[1]));
        }
        for follower in [1, 2] {
            run.accept(0, follower, &append(1, [1, 1], &[], 1)).apply(follower, 1);
        }
        if applies {
            run.apply(0, 1);
        }
        run.wait(2000);
        run
    };
    assert!(finds(told(false), ACCEPTED, "committed-not-applied"));
    assert!(!finds(told(true), ACCEPTED, "committed-not-applied"));
}

#[test]
fn requests_that_go_on_in_a_former_term() {
    let goes_on = |term| {
        let mut run = Run::new(3);
        run.elect(0, 1).step("elect").wait(10).in_term(0, 3).wait(200);
        for _ in 0..10 {
            run.wait(20).appends(0, 1, &heartbeat(term));
        }
        finds(run, NO_LEADER, "sends-in-former-term")
    };
    assert!(goes_on(1));
    assert!(!goes_on(3));
}

/// A leader that was cut off is back, and its successor has sent it nothing since, with an earlier call to it outstanding;
/// the successor is looked at once more at the very end.
#[test]
fn a_former_leader_is_not_told_of_its_successor() {
    let told = |outstanding: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1).leads(0, 1).disconnect(0).elect(1, 2).leads(1, 2);
        let sent = run.appends(1, 0, &heartbeat(2));
        if !outstanding {
            run.returns(sent, Outcome::Unreachable);
        }
        run.wait(500).connect(0);
        for _ in 0..5 {
            run.wait(100).accept(1, 2, &heartbeat(2));
        }
        run.disconnect(1).disconnect(2).wait(2000).step("check_no_leader");
        run.leads(0, 1).leads(1, 2);
        finds(run, (FailureKind::Safety, Check::NoSecondLeader), "one-call-at-a-time")
    };
    assert!(told(true));
    assert!(!told(false));
}

/// Heartbeats follow the leader's last entry, and what comes in between follows an index that doesn't go down.
#[test]
fn refusals_take_next_index_no_further_back() {
    let finds_it = |further_back: bool| {
        let mut run = one();
        for round in 0..8 {
            let prev = if further_back { 30 - round } else { 30 };
            run.wait(100).reject(0, 1, &append(1, [40, 1], &[], 0));
            run.wait(1).reject(0, 1, &append(1, [prev, 1], &[1], 0));
        }
        run.wait(3000);
        finds(run, ACCEPTED, "next-index-stays")
    };
    assert!(finds_it(false));
    assert!(!finds_it(true));
}

/// A server leads twice, and in between its follower loses what it had confirmed.
#[test]
fn next_index_begins_with_what_was_confirmed_before() {
    let finds_it = |confirmed: &[u64], id: &str| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).propose(0, 2, 1);
        run.accept(0, 1, &append(1, [0, 0], confirmed, 0));
        run.vote(2, 1, 2).leads(2, 2).propose(2, 1, 2).propose(2, 2, 2);
        run.accept(2, 0, &entries(2, &[2, 2])).accept(2, 1, &entries(2, &[2]));
        run.vote_with(0, 1, &Ask { term: 3, last_term: 2, last_index: 2 }).leads(0, 3);
        run.step("one").propose(0, 3, 3);
        for _ in 0..8 {
            run.wait(100).reject(0, 1, &append(3, [2, 2], &[3], 0));
        }
        run.wait(3000);
        let check = Check::Agreed { accepted: Some(Accepted { index: 3, term: Some(3) }) };
        finds(run, (FailureKind::Liveness, check), id)
    };
    assert!(finds_it(&[1, 1], "match-index-kept"));
    assert!(finds_it(&[1], "next-index-stays"));
}

/// What went wrong while a command's leader led counts, also if it leads no more at the end.
#[test]
fn what_a_deposed_leader_left_undone() {
    let sends = |again: bool| {
        let mut run = one();
        let lost = run.appends(0, 1, &entries(1, &[1]));
        run.appends(0, 2, &entries(1, &[1]));
        run.wait(50).returns(lost, Outcome::RequestLost);
        for _ in 0..15 {
            run.wait(100).accept(0, 1, &heartbeat(1));
        }
        if again {
            run.accept(0, 1, &entries(1, &[1]));
        }
        run.leads(0, 1).wait(10).in_term(0, 2);
        for term in 3..6 {
            run.wait(400).elect(2, term).leads(2, term).accept(2, 1, &heartbeat(term));
        }
        finds(run, ACCEPTED, "entry-not-sent")
    };
    assert!(sends(false));
    assert!(!sends(true));
}

/// A leader panics after the yes of a follower whose log is longer.
#[test]
fn a_panic_over_the_answer_of_a_longer_log() {
    let panics = |index: u64| {
        let mut run = Run::new(3);
        run.elect(1, 1).propose(1, 1, 1).accept(1, 0, &entries(1, &[1])).propose(1, index, 1);
        run.elect(0, 2).leads(0, 2).accept(0, 1, &append(2, [1, 1], &[], 0)).wait(100);
        finds(run, PANICKED_IN_TASK, "unsent-entry-counted")
    };
    assert!(panics(2));
    assert!(!panics(1));
}

/// A leader panics when it is elected again, with a shorter log than when it led before.
#[test]
fn a_panic_at_the_second_election() {
    let panics = |index: u64| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, index, 1);
        run.vote(2, 1, 2).leads(2, 2).propose(2, 1, 2).accept(2, 0, &entries(2, &[2]));
        run.wait(300).vote_with(0, 1, &Ask { term: 3, last_term: 2, last_index: 1 });
        finds(run, PANICKED_IN_TASK, "match-index-kept")
    };
    assert!(panics(9));
    assert!(!panics(1));
}

/// A follower that was away gets eight entries with each heartbeat.
#[test]
fn a_leader_that_sends_few_entries_at_a_time() {
    let waits = |most: u64, last: u64| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        for index in 1..=60 {
            run.propose(0, index, 1);
        }
        run.accept(0, 2, &entries(1, &[1; 8])).step("one").propose(0, 61, 1);
        let mut prev = 0;
        while prev < last {
            let some = vec![1; most.min(last - prev) as usize];
            run.wait(100).accept(0, 1, &append(1, [prev, prev.min(1)], &some, 0));
            prev += most;
        }
        run.wait(1000);
        let accepted = Some(Accepted { index: 61, term: Some(1) });
        let demand = (FailureKind::Liveness, Check::Agreed { accepted });
        finds(run, demand, "few-entries-a-request")
    };
    assert!(waits(8, 48));
    assert!(!waits(8, 61), "it has them all");
    assert!(!waits(5, 50), "others get more");
}

/// After a restart a server applies once more what it applied last before, and goes on from there.
#[test]
fn a_restarted_server_goes_on_where_it_was() {
    let first = |then: u64| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        for index in 1..=3 {
            run.propose(0, index, 1).apply(1, index);
        }
        run.restart(1).wait(300).propose(0, 4, 1).apply(1, 3).apply(1, then);
        let check = Check::InOrder { server: 1, index: 3, expected: Some(1) };
        finds(run, (FailureKind::Safety, check), "saved-taken-for-applied")
    };
    assert!(first(4));
    assert!(!first(9), "it may apply only the last");
    // Where another has begun with what it had applied before, that isn't how a server begins.
    let mut run = Run::new(3);
    run.elect(0, 1);
    for index in 1..=3 {
        run.propose(0, index, 1).apply(1, index).apply(2, index);
    }
    run.restart(2).wait(300).apply(2, 1).apply(2, 2).restart(1).wait(300);
    run.propose(0, 4, 1).apply(1, 3).apply(1, 4);
    let check = Check::InOrder { server: 1, index: 3, expected: Some(1) };
    assert!(!finds(run, (FailureKind::Safety, check), "saved-taken-for-applied"));
}

/// After a restart a server leaves out some of what it had in its log.
#[test]
fn a_restarted_server_begins_behind_what_it_had() {
    let first = |in_a_row: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        for index in 1..=4 {
            run.propose(0, index, 1).apply(1, index);
        }
        run.apply(2, 1).wait(if in_a_row { 0 } else { 100 }).apply(2, 2);
        run.wait(100).restart(1).wait(300).propose(0, 5, 1).apply(1, 3);
        let check = Check::InOrder { server: 1, index: 3, expected: Some(1) };
        finds(run, (FailureKind::Safety, check), "saved-taken-for-applied")
    };
    assert!(first(true));
    assert!(!first(false), "what sends to the services may leave something out");
}

/// A probe fails, and then only heartbeats are sent, which have a list of entries as all messages of this Raft.
#[test]
fn heartbeats_with_an_empty_list_bring_nothing() {
    let probes = |outcome: Option<Outcome>| {
        let mut run = one();
        let probe = run.appends(0, 1, &heartbeat(1));
        match outcome {
            Some(outcome) => run.wait(10).returns(probe, outcome),
            None => run.answers(probe, &success(1)),
        };
        run.accept(0, 2, &entries(1, &[1])).apply(0, 1).apply(2, 1);
        for _ in 0..30 {
            let beat = json!({ "term": 1, "leader_id": 0, "entries": [], "leader_commit": 0 });
            run.wait(100).call(0, 1, "Raft.AppendEntries", beat, success(1));
        }
        run
    };
    assert!(finds(probes(Some(Outcome::RequestLost)), ACCEPTED, "stops-at-failed-call"));
    assert!(!finds(probes(None), ACCEPTED, "stops-at-failed-call"));
}

/// A server whose task has ended refuses all, and sends nothing.
#[test]
fn a_server_that_does_nothing_since_its_task_has_ended() {
    let refuses = |ends: bool, agrees: bool| {
        let mut run = one();
        run.wait(100);
        if ends {
            run.ends_task(1, 7, TaskEnding::Returned);
        }
        run.accept(0, 2, &entries(1, &[1])).apply(0, 1);
        run.accept(0, 2, &append(1, [1, 1], &[], 1)).apply(2, 1);
        for _ in 0..30 {
            run.wait(100).reject(0, 1, &append(1, [1, 1], &[], 1));
        }
        if agrees {
            run.accept(0, 1, &entries(1, &[1]));
        }
        let (_, _, explanation) = run.fails(ACCEPTED, "it fails");
        causes(&explanation).first() == Some(&"task-ended")
    };
    assert!(refuses(true, false));
    assert!(!refuses(false, false));
    assert!(!refuses(true, true), "another task does its work");
}

/// A server comes to a term that it was asked about, and stands in it itself.
#[test]
fn who_stands_was_brought_to_its_term_by_nobody() {
    let raised = |stands: bool| {
        let mut run = Run::new(3);
        run.step("elect");
        for term in 1..=6 {
            let args =
                json!({ "term": term, "candidate_id": 0, "last_log_index": 0, "last_log_term": 0 });
            run.wait(300).call(0, 1, "Raft.PreVote", args, granted(term)).in_term(1, term);
            if stands {
                run.asks(1, 2, &ask(term));
            }
            run.wait(5).in_term(0, term);
        }
        finds(run, NO_LEADER, "pre-vote-raises-term")
    };
    assert!(raised(false));
    assert!(!raised(true));
}

/// A server that is restarted again and again stands before its present life.
#[test]
fn who_has_stood_in_a_former_life_has_a_timer() {
    let never = |stands: bool| {
        let mut run = Run::new(3);
        run.step("elect");
        for term in 1..=40 {
            run.wait(300 + term % 7).in_term(0, term).give(0, 1, term).give(0, 2, term);
            if stands && term == 3 {
                run.in_term(1, term).refuse(1, 2, term).restart(1);
            }
        }
        let (_, _, explanation) = run.fails(NO_LEADER, "it fails");
        format!("{explanation:?}").contains("and server 1 none")
    };
    assert!(never(false));
    assert!(!never(true));
}

/// Requests for votes come in between, and nobody knows whether they were refused.
#[test]
fn what_may_have_restarted_a_timer_leaves_its_length_open() {
    let waits = |answer: serde_json::Value| {
        let mut run = Run::new(3);
        run.step("elect").wait(300).in_term(0, 1).refuse(0, 1, 1).wait(1300);
        let asked = run.asks(1, 0, &ask(1));
        run.answers(asked, &answer).wait(200).in_term(0, 2).refuse(0, 1, 2).wait(100);
        finds(run, NO_LEADER, "election-timeout-too-long")
    };
    assert!(waits(json!({ "term": 2, "said": 7 })), "a later term refuses");
    assert!(!waits(json!({ "term": 1, "said": 7 })));
}

/// Answers that are enums, of which only one variant tells a term.
#[test]
fn an_answer_without_a_term_is_given_in_its_request_s() {
    let finds_it = |later: u64| {
        let mut run = one();
        for _ in 0..8 {
            let sent = run.wait(100).appends(0, 1, &append(1, [5, 1], &[], 0));
            if later > 1 {
                // Its own word tells that it is in a later term.
                let asked = run.asks(1, 2, &ask(later));
                run.answers(asked, &denied(later));
            }
            run.answers(sent, &json!({ "Conflict": { "had": null, "hint": 1 } }));
        }
        run.wait(3000);
        finds(run, ACCEPTED, "next-index-stays")
    };
    assert!(finds_it(1));
    assert!(!finds_it(2));
}

/// Messages that are tuples: nobody can read their terms, but what their servers are seen in.
#[test]
fn a_request_without_a_term_is_in_its_server_s() {
    let stands_again = |grows: u64| {
        let mut run = Run::new(3);
        run.step("elect");
        for round in 0..8 {
            for server in [1, 2] {
                let term = 2 + round * grows;
                run.wait(170).in_term(server, term);
                let args = json!([term, server, 0, 0]);
                let asked = run.sends(server, 0, "Raft.RequestVote", &args);
                run.answers(asked, &json!([term, false]));
            }
        }
        finds(run, NO_LEADER, "election-without-new-term")
    };
    assert!(stands_again(0));
    assert!(!stands_again(1));
}

/// Of the tasks that have ended, the timer's is the one that no other was spawned like.
#[test]
fn the_task_of_a_dead_timer() {
    let mut run = Run::new(3);
    run.elect(0, 1).step("elect").wait(10);
    run.ends_task(1, 7, TaskEnding::Returned).accept(0, 1, &heartbeat(1));
    run.accept(0, 2, &heartbeat(1)).wait(500);
    run.ends_task(1, 9, TaskEnding::Returned).ends_task(1, 9, TaskEnding::Returned);
    run.crash(0).wait(9000);
    let (_, _, explanation) = run.fails(NO_LEADER, "it fails");
    let finding = &explanation.findings[0];
    assert_eq!(finding.id, "election-timer-dead");
    let tells = |line: &str| finding.evidence.iter().any(|it| it.text.contains(line));
    assert!(tells(":7, returned") && !tells(":9, returned"), "{:?}", finding.evidence);
}
