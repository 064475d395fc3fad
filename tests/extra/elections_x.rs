//! Elections, message by message (§5.2): one vote a term, whatever happens in between.
#![expect(non_snake_case, reason = "as MIT names tests")]

use std::time::Duration;

use config::{
    Check, Config, FailureKind, Fields, Held, Hold, Link, Messages, Needs, Purpose, Retry,
    Snapshots, Switch,
};
use raftapi::Term;
use tokio::time::{Instant, sleep, timeout};

use super::{accept, cluster, is_vote, of_one_term, stand_alone, term};

/// Within which time server 0 is elected in X34. Whoever starts an election first may be another, in each
/// attempt.
const ELECTED_WITHIN: Duration = Duration::from_secs(60);

/// Within which time a server knows that a call has failed in X34.
const LEARNS_WITHIN: Duration = Duration::from_millis(30);

/// How long each half of a cluster is alone in X26: long enough for some elections.
const HALVES: Duration = Duration::from_secs(4);

/// Two candidates of a term, and who votes for one of them hears that it leads before it is asked by
/// the other.
#[test]
fn TestOneVoteATermX02() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Test (X02): one vote a term");

        two_candidates(&cfg).await;
        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// Servers 0 and 1 are candidates of a term, and server 2 is asked by both.
async fn two_candidates(cfg: &Config) {
    // Two stand again and again; they can't hear each other, and the third isn't there.
    cfg.crash1(2);
    cfg.partition(&[&[0, 2], &[1, 2]]);
    let asked = [0, 1].map(|i| cfg.hold(Messages::requests(Purpose::Vote).from(i).to(2)));
    let to_1 = cfg.hold(Messages::requests(Purpose::Vote).from(0).to(1));
    stand_alone(cfg, [0, 1]).await;
    let [first, second] = of_one_term(cfg, [&asked[0], &asked[1]], 3).await;
    let of_term = term(cfg, &first);
    let late = to_1.next_that(|args| args.term == Some(of_term)).await;

    // The third comes, votes for one of them, and hears from it that it has won.
    cfg.start1(2);
    cfg.connect(2);
    if !is_vote(cfg, first.deliver().await) {
        let message = "server 2 has no vote for a candidate of a new term";
        cfg.fatal((FailureKind::Liveness, Check::OneLeader), message);
    }
    sleep(Duration::from_millis(10)).await;

    // The other one asks, in the same term.
    if is_vote(cfg, second.deliver().await) {
        let message = format!("server 2 votes for server 0 and for server 1 in term {of_term}");
        cfg.fatal(FailureKind::Safety, message);
    }

    // The loser hears from the winner, and is then asked by it: it has voted for itself.
    cfg.join();
    sleep(Duration::from_millis(200)).await;
    if is_vote(cfg, late.deliver().await) {
        let message = format!("server 1 votes for itself and for server 0 in term {of_term}");
        cfg.fatal(FailureKind::Safety, message);
    }
    drop((asked, to_1));
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
            if is_vote(&cfg, vote.reply()) {
                break vote;
            }
            // It has started an election itself in that term, or in a later one.
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

/// A leader that hears of a higher term by a reply to AppendEntries or InstallSnapshot, or a candidate by
/// one to RequestVote, is in that term and no leader.
#[test]
fn TestHigherTermInRepliesX14() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::On);
        cfg.begin("Test (X14): a reply with a higher term ends a leadership");

        // A leader is cut off; the others have a new term and another leader, and one of them answers.
        cfg.elect(0).await;
        cfg.one(1, 3, Retry::Yes).await;
        let term = leads_without(&cfg).await;
        if let Some(append) = latest(&cfg, Purpose::Append).await {
            let reply = append.deliver().await;
            check_stepped_down(&cfg, term, "AppendEntries", reply).await;
        }

        // Once more, with a follower that lacks what the leader has only as a snapshot.
        cfg.heal();
        cfg.one(2, 3, Retry::Yes).await;
        cfg.elect(0).await;
        cfg.partition(&[&[0, 2]]);
        for command in 3..28 {
            cfg.one(command, 2, Retry::Yes).await;
        }
        if cfg.is_leader(0) {
            let term = leads_without(&cfg).await;
            if let Some(snapshot) = latest(&cfg, Purpose::Snapshot).await {
                let reply = snapshot.deliver().await;
                check_stepped_down(&cfg, term, "InstallSnapshot", reply).await;
            }
        }

        // A server that was down for some elections comes back, alone, and asks for a vote.
        cfg.heal();
        cfg.one(28, 3, Retry::Yes).await;
        cfg.crash1(1);
        for [leader, other] in [[2, 0], [0, 2], [2, 0], [0, 2]] {
            cfg.crash1(other);
            cfg.start1(other);
            cfg.connect(other);
            cfg.elect(leader).await;
        }
        cfg.partition(&[&[0, 2]]);
        cfg.set_link(Link { from: 2, to: 1 }, Switch::On);
        let asked = cfg.hold(Messages::all_requests().from(1).to(2));
        cfg.start1(1);
        cfg.connect(1);
        let reply = asked.next().await.deliver().await;
        let told = reply.map_or(0, |reply| cfg.told(reply.term, "term"));
        let is_told = || cfg.get_state(1).is_some_and(|(now, _)| now >= told);
        if !soon(is_told).await {
            let message =
                format!("a candidate was told of term {told} by a reply, but isn't in that term");
            cfg.fatal((FailureKind::Safety, Check::TermAdopted { server: 1 }), message);
        }

        drop(asked);
        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// Cuts server 0 off, and has server 2 win an election with server 1. Returns the new term. Of what
/// server 1 sends, its replies get to server 0.
async fn leads_without(cfg: &Config) -> Term {
    cfg.partition(&[&[1, 2]]);
    let term = cfg.elect(2).await;
    cfg.set_link(Link { from: 1, to: 0 }, Switch::On);
    term
}

/// What server 0 sends to server 1 next, held; `None` if it leads no more, or has no such thing to send.
async fn latest(cfg: &Config, purpose: Purpose) -> Option<Held> {
    let requests = cfg.hold(Messages::requests(purpose).from(0).to(1));
    let begun = Instant::now();
    while cfg.is_leader(0) && begun.elapsed() < Duration::from_secs(2) {
        if let Some(request) = requests.take() {
            return Some(request);
        }
        sleep(Duration::from_millis(1)).await;
    }
    cfg.skip_if_unread(Messages::requests(purpose));
    None
}

/// Checks that server 0 follows in `term` now that server 1, which is in that term, has answered its request.
async fn check_stepped_down(cfg: &Config, term: Term, request: &str, reply: Option<Fields>) {
    let follows = || cfg.get_state(0).is_some_and(|(now, leads)| now >= term && !leads);
    if soon(follows).await {
        return;
    }
    let Some(reply) = reply else {
        let message = format!(
            "server 1, which is in term {term}, doesn't answer {request} of an earlier term"
        );
        cfg.fatal((FailureKind::Liveness, Check::Script), message)
    };
    // An answer that says nothing, to a request that is out of date, tells of no term.
    let told = cfg.told(reply.term, "term");
    if told < term {
        let message = format!(
            "server 1, which is in term {term}, answers {request} of an earlier term with term {told}, so that its \
             sender can't know that it leads no more"
        );
        cfg.fatal((FailureKind::Safety, Check::Script), message);
    }
    let message = format!(
        "server 0 was told of term {told} by a reply to {request}, but isn't a follower in that term"
    );
    cfg.fatal((FailureKind::Safety, Check::TermAdopted { server: 0 }), message);
}

/// Whether something holds within 0.1 s.
async fn soon(holds: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while !holds() {
        if begun.elapsed() > Duration::from_millis(100) {
            return false;
        }
        sleep(Duration::from_millis(1)).await;
    }
    true
}

/// A vote's reply is lost, and the candidate asks again. That it is refused then does no harm but delay.
#[test]
fn TestRepeatedRequestVoteX15() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Test (X15): asked again, the same answer");

        // One stands, and one votes for it; that answer is lost.
        cfg.crash1(0);
        let silent = cfg.hold(Messages::all_requests().from(2));
        let asked = cfg.hold(Messages::requests(Purpose::Vote).from(1).to(2));
        let request = loop {
            let request = asked.next().await;
            if is_vote(&cfg, request.deliver_copy().await) {
                break request;
            }
            request.deliver().await; // it has started an election itself meanwhile
        };
        let of_term = term(&cfg, &request);

        // It is asked again.
        let again = is_vote(&cfg, request.deliver().await);
        if !again && cfg.get_state(2).is_some_and(|(now, _)| now == of_term) {
            cfg.warn(
                "warning: a candidate that already has a vote asks for it again, and is refused (Figure 2)",
            );
        }

        silent.lose_all();
        drop(asked);
        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// Of four servers, two are no majority: neither for an election nor for an entry.
#[test]
fn TestEvenClusterX26() {
    config::test(|t| async move {
        let cfg = cluster(&t, 4, Snapshots::Off);
        cfg.begin("Test (X26): half of the servers are no majority");
        cfg.elect(0).await;
        cfg.one(1, 4, Retry::Yes).await;

        // Each half is alone: one with its leader, and one with none.
        cfg.partition(&[&[0, 1], &[2, 3]]);
        let index = cfg.start(0, 2).map(|start| start.index);
        let begun = Instant::now();
        while begun.elapsed() < HALVES {
            if let Some(leader) = [2, 3].into_iter().find(|&i| cfg.is_leader(i)) {
                let message = format!("server {leader} leads by the votes of two of four servers");
                cfg.fatal((FailureKind::Safety, Check::NoSecondLeader), message);
            }
            if let Some(index) = index.filter(|&index| cfg.n_committed(index).0 > 0) {
                let message =
                    format!("index {index} is committed, though only two of four servers have it");
                cfg.fatal((FailureKind::Safety, Check::Committed { index }), message);
            }
            sleep(Duration::from_millis(10)).await;
        }

        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// Several requests come to a server at the same instant. Each of its handlers may wait for something, and
/// what it has seen before that may not be so any more.
#[test]
fn TestRequestsAtOnceX33() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Test (X33): requests that come at the same instant");
        cfg.elect(0).await;
        cfg.one(1, 3, Retry::Yes).await;

        // The same entries come three times.
        for command in 2..5 {
            let appends = cfg.hold(Messages::requests(Purpose::Append).from(0).to(1));
            accept(&cfg, 0, command);
            let has_entries =
                |held: &Held| held.args().entries.is_some_and(|entries| !entries.is_empty());
            let entries = appends.first_that("with entries", Needs::Entries, has_entries).await;
            let again = entries.copy();
            tokio::join!(again.deliver_copy(), again.deliver_copy(), entries.deliver());
            drop(appends);
            sleep(Duration::from_millis(200)).await;
        }
        cfg.one(5, 3, Retry::Yes).await;

        // Two candidates of a term ask for the same vote.
        cfg.crash1(2);
        cfg.partition(&[&[0, 2], &[1, 2]]);
        cfg.restart(&[0, 1]);
        let asked = [0, 1].map(|i| cfg.hold(Messages::requests(Purpose::Vote).from(i).to(2)));
        stand_alone(&cfg, [0, 1]).await;
        let [first, second] = of_one_term(&cfg, [&asked[0], &asked[1]], 3).await;
        let of_term = term(&cfg, &first);
        cfg.start1(2);
        cfg.connect(2);
        // A handler that waits answers when nobody waits any more for what was delivered.
        let votes = cfg.hold(Messages::replies(Purpose::Vote).from(2));
        tokio::join!(first.deliver(), second.deliver());
        sleep(Duration::from_millis(50)).await;
        let replies = std::iter::from_fn(|| votes.take());
        let granted =
            replies.filter(|reply| term(&cfg, reply) == of_term && is_vote(&cfg, reply.reply()));
        if granted.count() > 1 {
            let message = format!(
                "server 2 votes for both server 0 and server 1 in term {of_term}: they ask at the same instant"
            );
            cfg.fatal(FailureKind::Safety, message);
        }
        drop((asked, votes));

        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// A majority votes for a candidate, and its votes come behind a refusal, or behind a call that fails.
#[test]
fn TestVotesBehindRefusalX34() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Test (X34): a refusal doesn't end an election");

        // Server 2 has an entry that nobody else has. It answers, and asks for nothing.
        cfg.elect(2).await;
        cfg.one(1, 3, Retry::Yes).await;
        let appends = cfg.hold(Messages::requests(Purpose::Append).from(2));
        let silent = [1, 2].map(|i| cfg.hold(Messages::requests(Purpose::Vote).from(i)));
        let to_2 = cfg.hold(Messages::requests(Purpose::Vote).from(0).to(2));
        let to_1 = cfg.hold(Messages::requests(Purpose::Vote).from(0).to(1));
        accept(&cfg, 2, 2);

        // Server 2 refuses its vote before server 1 is asked.
        let refused = async |request: Held| delivered(request).await;
        is_elected(&cfg, [&to_2, &to_1], "server 2 has refused", refused).await;

        // Server 2 can't be reached, which server 0 learns before server 1 is asked.
        cfg.crash1(2);
        cfg.restart(&[0]);
        let lost = async |request: Held| request.lose();
        is_elected(&cfg, [&to_2, &to_1], "its call to server 2 has failed", lost).await;

        drop((appends, silent, to_2, to_1));
        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// Checks that server 0 is elected by server 1, whatever was done `before` with its request to server 2. It
/// takes several elections if one of the others has started one, too, and is in a higher term.
async fn is_elected(
    cfg: &Config,
    [to_2, to_1]: [&Hold; 2],
    what: &str,
    before: impl AsyncFn(Held),
) {
    let begun = Instant::now();
    while !cfg.is_leader(0) {
        if begun.elapsed() > ELECTED_WITHIN {
            to_1.skip_if_unread();
            cfg.hold(Messages::replies(Purpose::Vote)).skip_if_unread();
            cfg.skip_if_hidden(Messages::requests(Purpose::Append).from(2));
            let message = format!(
                "server 0 asks server 1 for its vote when {what}, and isn't elected in {} s",
                ELECTED_WITHIN.as_secs()
            );
            cfg.fatal((FailureKind::Liveness, Check::OneLeader), message);
        }
        sleep(Duration::from_millis(1)).await;
        if to_1.count() == 0 {
            continue;
        }
        sleep(Duration::from_millis(5)).await;
        while let Some(request) = to_2.take() {
            before(request).await;
        }
        sleep(LEARNS_WITHIN).await;
        while let Some(request) = to_1.take() {
            delivered(request).await;
        }
        sleep(LEARNS_WITHIN).await;
        if !cfg.is_leader(0) {
            // Server 1 may have voted for itself in that term, and do so again and again if its election is always the
            // earlier one. With a timer that begins now it is as often the later one.
            cfg.restart(&[1]);
        }
    }
}

/// Delivers a request, and lets its answer come if that takes no time.
async fn delivered(request: Held) {
    _ = timeout(Duration::from_millis(5), request.deliver()).await;
}
