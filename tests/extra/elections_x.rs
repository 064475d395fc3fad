//! Elections, message by message (§5.2): one vote a term, whatever happens in between.
#![expect(non_snake_case, reason = "as MIT names tests")]

use std::time::Duration;

use config::{FailureKind, Messages, Purpose, Snapshots};
use tokio::time::sleep;

use super::{cluster, of_one_term, term};

/// Two candidates of a term, and who votes for one of them hears that it leads before it is asked by
/// the other.
#[test]
fn TestOneVoteATermX02() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Test (X02): one vote a term");

        // Two stand again and again; they can't hear each other, and the third isn't there.
        cfg.crash1(2);
        cfg.partition(&[&[0, 2], &[1, 2]]);
        let asked = [0, 1].map(|i| cfg.hold(Messages::requests(Purpose::Vote).from(i).to(2)));
        let to_1 = cfg.hold(Messages::requests(Purpose::Vote).from(0).to(1));
        let [first, second] = of_one_term(&cfg, [&asked[0], &asked[1]], 3).await;
        let of_term = term(&cfg, &first);
        let late = to_1.next_that(|args| args.term == Some(of_term)).await;

        // The third comes, votes for one of them, and hears from it that it has won.
        cfg.start1(2);
        cfg.connect(2);
        let vote = first.deliver().await;
        if vote.and_then(|reply| reply.vote_granted) != Some(true) {
            cfg.fatal(FailureKind::Liveness, "server 2 has no vote for a candidate of a new term");
        }
        sleep(Duration::from_millis(10)).await;

        // The other one asks, in the same term.
        if second.deliver().await.and_then(|reply| reply.vote_granted) == Some(true) {
            let message = format!("server 2 votes for server 0 and for server 1 in term {of_term}");
            cfg.fatal(FailureKind::Safety, message);
        }

        // The loser hears from the winner, and is then asked by it: it has voted for itself.
        cfg.join();
        sleep(Duration::from_millis(200)).await;
        if late.deliver().await.and_then(|reply| reply.vote_granted) == Some(true) {
            let message = format!("server 1 votes for itself and for server 0 in term {of_term}");
            cfg.fatal(FailureKind::Safety, message);
        }

        drop((asked, to_1));
        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// A vote that comes when its election is over, and the next has begun, is no vote.
#[test]
fn TestLateVoteX03() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Test (X03): a vote is for one term");

        // One stands, one votes, and one isn't there.
        cfg.crash1(2);
        let silent = cfg.hold(Messages::all_requests().from(1));
        let votes = cfg.hold(Messages::replies(Purpose::Vote).from(1).to(0));
        let late = loop {
            let vote = votes.next().await;
            if vote.reply().and_then(|reply| reply.vote_granted) == Some(true) {
                break vote;
            }
            // It has stood itself in that term, or in a later one.
            vote.deliver().await;
        };

        // The next election begins, in which nobody hears of it.
        let asked = cfg.hold(Messages::requests(Purpose::Vote).from(0));
        let voted = term(&cfg, &late);
        asked.next_that(|args| args.term > Some(voted)).await;
        late.deliver().await;
        sleep(Duration::from_millis(1)).await;
        if let Some((now, true)) = cfg.get_state(0)
            && now > voted
        {
            let message = format!("server 0 leads term {now} by a vote of term {voted}");
            cfg.fatal(FailureKind::Safety, message);
        }

        asked.lose_all();
        silent.lose_all();
        votes.lose_all();
        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// A server votes, crashes, comes back, and is asked by another candidate in the same term.
#[test]
fn TestVoteSurvivesCrashX05() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Test (X05): a vote survives a crash");

        // Two stand again and again; they can't hear each other, and the third isn't there.
        cfg.crash1(2);
        cfg.partition(&[&[0, 2], &[1, 2]]);
        let asked = [0, 1].map(|i| cfg.hold(Messages::requests(Purpose::Vote).from(i).to(2)));
        let answers = cfg.hold(Messages::replies(Purpose::Vote).from(2));
        let [first, second] = of_one_term(&cfg, [&asked[0], &asked[1]], 3).await;
        let of_term = term(&cfg, &first);

        // It comes, votes, and crashes as soon as it has answered.
        cfg.start1(2);
        cfg.connect(2);
        let vote = first.deliver().await;
        if vote.and_then(|reply| reply.vote_granted) != Some(true) {
            cfg.fatal(FailureKind::Liveness, "server 2 has no vote for a candidate of a new term");
        }
        cfg.crash1(2);

        // It comes back, and the other one asks.
        cfg.start1(2);
        cfg.connect(2);
        if second.deliver().await.and_then(|reply| reply.vote_granted) == Some(true) {
            let message = format!(
                "server 2 votes for server 0 and, after a crash, for server 1 in term {of_term}"
            );
            cfg.fatal(FailureKind::Safety, message);
        }

        drop((asked, answers));
        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}
