//! What a server has promised or acknowledged survives its crash (Figure 2, "Persistent state: updated
//! on stable storage before responding to RPCs").
#![expect(non_snake_case, reason = "as MIT names tests")]

use config::{Check, Config, FailureKind, Messages, Purpose, Retry, Saved, Snapshots};
use tokio::time::Instant;

use super::{
    accept, acknowledges, cluster, has_entry, is_vote, may_meet_still, of_one_term, stand_alone,
    term,
};

/// A server votes, for another and for itself, crashes, comes back, and is asked by another candidate in
/// the same term.
#[test]
fn TestVoteSurvivesCrashX05() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Test (X05): a vote survives a crash");
        vote_and_crash(&cfg).await;
        cfg.heal();
        cfg.one(1, 3, Retry::Yes).await;
        stand_and_crash(&cfg).await;
        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// A follower acknowledges an entry and crashes; then the leader that has committed it does.
#[test]
fn TestEntriesSurviveCrashX06() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Test (X06): acknowledged entries survive crashes");
        acknowledge_and_crash(&cfg).await;
        cfg.heal();
        cfg.one(10, 3, Retry::Yes).await;
        commit_and_crash(&cfg).await;
        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// A follower acknowledges a snapshot that its leader has sent, and crashes: the snapshot is saved.
#[test]
fn TestInstalledSnapshotSurvivesCrashX25() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::On);
        cfg.begin("Test (X25): an installed snapshot survives a crash");

        // Server 2 misses so much that it needs a snapshot.
        cfg.crash1(2);
        for command in 0..25 {
            cfg.one(command, 2, Retry::Yes).await;
        }
        let snapshots = cfg.hold(Messages::requests(Purpose::Snapshot).to(2));
        cfg.start1(2);
        cfg.connect(2);

        // It gets one, and crashes as soon as it has answered. Of one that comes in pieces (Figure 13) only
        // the last counts.
        let snapshot = loop {
            let snapshot = snapshots.next().await;
            match snapshot.args().done {
                Some(false) => _ = snapshot.deliver().await,
                Some(true) => break snapshot,
                // Less than the snapshot is a piece of it, and which piece is the last isn't told.
                None if snapshot.size() < smallest(&cfg) => {
                    cfg.skip("can't read this Raft's messages: its snapshots come in pieces, and none has done")
                }
                None => break snapshot,
            }
        };
        let answers = cfg.hold(Messages::replies(Purpose::Snapshot).from(2));
        let of_term = term(&cfg, &snapshot);
        let answer = snapshot.deliver().await;
        cfg.crash1(2);
        let is_taken = answer.is_some_and(|answer| cfg.told(answer.term, "term") == of_term);
        if is_taken && cfg.snapshot_size(2) == 0 {
            let message = "server 2 acknowledged a snapshot, but had saved none when it crashed";
            let check = Check::Saved { server: 2, what: Saved::Snapshot };
            cfg.fatal((FailureKind::Safety, check), message);
        }

        drop((snapshots, answers));
        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// The size of the smallest snapshot that servers 0 and 1 have, in bytes: one of them sends its own.
fn smallest(cfg: &Config) -> usize {
    let sizes = [0, 1].map(|server| cfg.snapshot_size(server));
    sizes.into_iter().filter(|&size| size > 0).min().unwrap_or(0)
}

/// A server crashes when it has saved something, and before it sends what was to follow.
#[test]
fn TestCrashAtSaveX07() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Test (X07): crashes between saving and sending");

        // A leader takes a command, and crashes before anybody hears of it.
        let led = cfg.elect(0).await;
        cfg.one(1, 3, Retry::Yes).await;
        let crashed = cfg.crash_at_save(0);
        cfg.start(0, 2);
        crashed.await;
        check_term_after_crash(&cfg, 0, led);
        cfg.one(3, 3, Retry::Yes).await;

        // A follower of a later term's leader starts an election, and crashes before anybody is asked.
        let followed = cfg.elect(0).await;
        cfg.one(4, 3, Retry::Yes).await;
        cfg.crash1(0);
        let silent = cfg.hold(Messages::all_requests().from(2));
        cfg.crash_at_save(1).await;
        silent.lose_all();
        check_term_after_crash(&cfg, 1, followed);

        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// The same crashes, on disks that take their time.
#[test]
fn TestSlowDisksX21() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Test (X21): crashes with slow disks");
        cfg.set_sync_time(1..=50);
        vote_and_crash(&cfg).await;
        cfg.heal();
        cfg.one(9, 3, Retry::Yes).await;
        cfg.set_sync_time(1..=50);
        acknowledge_and_crash(&cfg).await;
        cfg.heal();
        cfg.one(10, 3, Retry::Yes).await;
        cfg.set_sync_time(1..=50);
        commit_and_crash(&cfg).await;
        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// Server 2 votes, crashes, comes back, and is asked by another candidate in the same term.
async fn vote_and_crash(cfg: &Config) {
    // Two stand again and again; they can't hear each other, and the third isn't there.
    cfg.crash1(2);
    cfg.partition(&[&[0, 2], &[1, 2]]);
    let asked = [0, 1].map(|i| cfg.hold(Messages::requests(Purpose::Vote).from(i).to(2)));
    let answers = cfg.hold(Messages::replies(Purpose::Vote).from(2));
    stand_alone(cfg, [0, 1]).await;
    let [first, second] = of_one_term(cfg, [&asked[0], &asked[1]], 3).await;
    let of_term = term(cfg, &first);

    // It comes, votes, and crashes as soon as it has answered.
    cfg.start1(2);
    cfg.connect(2);
    if !is_vote(cfg, first.deliver().await) {
        let message = "server 2 has no vote for a candidate of a new term";
        cfg.fatal((FailureKind::Liveness, Check::OneLeader), message);
    }
    cfg.crash1(2);

    // It comes back, and the other one asks.
    cfg.start1(2);
    cfg.connect(2);
    if is_vote(cfg, second.deliver().await) {
        let message = format!(
            "server 2 votes for server 0 and, after a crash, for server 1 in term {of_term}"
        );
        cfg.fatal(FailureKind::Safety, message);
    }
    drop((asked, answers));
}

/// Server 1 starts an election, crashes, comes back, and is asked by another candidate of that term.
async fn stand_and_crash(cfg: &Config) {
    // Both stand again and again, and nobody hears them.
    cfg.crash1(2);
    cfg.partition(&[]);
    let [to_1, to_0] =
        [(0, 1), (1, 0)].map(|(a, b)| cfg.hold(Messages::requests(Purpose::Vote).from(a).to(b)));
    // Who has led would go on as a leader.
    cfg.restart(&[0, 1]);
    stand_alone(cfg, [0, 1]).await;
    let begun = Instant::now();
    let (of_term, rival) = loop {
        may_meet_still(cfg, begun);
        // Its earlier requests are there, too.
        let of_term = term(cfg, &to_0.next().await);
        let is_in = |i: usize| cfg.get_state(i).map_or(0, |(term, _)| term);
        // The other one has stood in that term, or will, unless it leaves it out.
        let stood = to_1.take_that(|args| args.term == Some(of_term));
        if is_in(1) != of_term || stood.is_none() && is_in(0) > of_term {
            continue;
        }
        cfg.crash1(1);
        let rival = match stood {
            Some(rival) => rival,
            None => to_1.next_that(|args| args.term >= Some(of_term)).await,
        };
        cfg.start1(1);
        cfg.connect(1);
        if term(cfg, &rival) == of_term {
            break (of_term, rival);
        }
    };
    if is_vote(cfg, rival.deliver().await) {
        let message = format!(
            "server 1 was a candidate in term {of_term} and, after a crash, voted for server 0 in that term"
        );
        cfg.fatal(FailureKind::Safety, message);
    }
    drop((to_1, to_0));
}

/// Server 1 crashes as soon as it has said that it has an entry. Then the leader commits it, and is gone.
async fn acknowledge_and_crash(cfg: &Config) {
    // Server 2 isn't there.
    cfg.elect(0).await;
    cfg.partition(&[&[0, 1]]);
    let acks = cfg.hold(Messages::replies(Purpose::Append).from(1).to(0));
    let kept = accept(cfg, 0, 2);
    let ack = acknowledges(&acks, kept).await;
    cfg.crash1(1);
    ack.deliver().await;
    cfg.wait(kept, 1, None).await;

    // Server 1 comes back, and is elected by server 2.
    cfg.start1(1);
    cfg.connect(1);
    cfg.partition(&[&[1, 2]]);
    cfg.elect(1).await;
    check_kept(cfg, 1, kept);
    drop(acks);
}

/// Server 0 crashes as soon as an entry of its own is committed.
async fn commit_and_crash(cfg: &Config) {
    // Server 2 isn't there.
    cfg.elect(0).await;
    cfg.partition(&[&[0, 1]]);
    let kept = accept(cfg, 0, 11);
    cfg.wait(kept, 1, None).await;
    cfg.crash1(0);

    // Server 0 comes back, and is elected by server 2.
    cfg.start1(0);
    cfg.connect(0);
    cfg.partition(&[&[0, 2]]);
    cfg.elect(0).await;
    check_kept(cfg, 0, kept);
}

/// Checks that a leader has what is committed at `kept`.
#[track_caller]
fn check_kept(cfg: &Config, leader: usize, kept: u64) {
    let next = accept(cfg, leader, 12);
    if next <= kept {
        let message = format!(
            "server {leader} leads without the committed entry at index {kept}, which it had before: it puts \
             another entry at index {next}"
        );
        cfg.fatal((FailureKind::Safety, has_entry(leader, kept)), message);
    }
}

/// Starts a crashed server, and checks that it remembers `known`, a term in which others know it to
/// have been.
#[track_caller]
fn check_term_after_crash(cfg: &Config, i: usize, known: u64) {
    cfg.start1(i);
    cfg.connect(i);
    if let Some((term, _)) = cfg.get_state(i)
        && term < known
    {
        let message =
            format!("server {i} was in term {known}, but is in term {term} after a crash");
        cfg.fatal(FailureKind::Safety, message);
    }
}
