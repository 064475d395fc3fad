//! Steps 1 to 6: from one RPC to a leader that stays, and one that gives way (§5.1, §5.2).
#![expect(non_snake_case, reason = "as MIT names tests")]

use std::time::Duration;

use config::{Budget, Check, Config, FailureKind, Faults, Messages, Snapshots};
use raftapi::Term;
use tokio::time::{Instant, sleep};

use super::{LOOK, cluster, soon};

/// How long a server may hear from nobody until it asks for votes. The lab wants a new leader within 5 s.
const ASKS_WITHIN: Duration = Duration::from_secs(5);

/// How long a candidate gets no answer in step 4: less than the network takes to report a call as failed.
const IN_VAIN: Duration = Duration::from_secs(6);

/// How long nothing fails in step 5.
const QUIET: Duration = Duration::from_secs(3);

/// How many RPCs three servers may need for that: three times what MIT's `TestCount3B` allows for a second.
const QUIET_RPCS: u64 = 3 * 60;

/// Within which time a former leader is a follower in step 6. It needs a heartbeat; or an election, if it has
/// given up its leadership and asks for votes.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(5);

/// Within which time somebody is elected in step 3, where each message takes 100 to 150 ms. If one election
/// in two comes to nothing, and each takes 1 s, all fail in one of 2^60 runs.
const ELECTED_WITHIN: Duration = Duration::from_secs(60);

/// Step 1. A server that hears from nobody calls another one, and the other one answers.
#[test]
fn TestStep01RpcIsAnswered() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Step 1: one RPC, there and back");
        let (asked, answered) =
            (cfg.hold(Messages::all_requests()), cfg.count(Messages::all_replies()));

        // Somebody calls somebody.
        if !soon(ASKS_WITHIN, || asked.count() > 0).await {
            let message = "no server has called another one within 5 s";
            cfg.fatal((FailureKind::Liveness, Check::OneLeader), message);
        }

        // The call gets an answer.
        asked.release();
        if !soon(Duration::from_secs(1), || answered.take() > 0).await {
            let message = "a server was called, and its handler has not answered within 1 s";
            cfg.fatal((FailureKind::Liveness, Check::OneLeader), message);
        }
        cfg.end();
    });
}

/// Step 2. Terms go up, and a server that hears of a higher term is in it.
#[test]
fn TestStep02TermsSpread() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Step 2: all servers get to the same term");
        let terms = || (0..3).filter_map(|i| cfg.get_state(i)).map(|(term, _)| term);

        // A server that starts an election tells its term to all.
        let are_together = || terms().min() == terms().max() && terms().min() > Some(0);
        if !soon(ASKS_WITHIN, are_together).await {
            let message =
                format!("servers are in the terms {:?} after 5 s", terms().collect::<Vec<_>>());
            cfg.fatal((FailureKind::Liveness, Check::SameTerm), message);
        }

        // Whatever happens then, no term goes down.
        let mut before: Vec<Term> = terms().collect();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(2) {
            sleep(LOOK).await;
            let now: Vec<Term> = terms().collect();
            if let Some(i) = (0..3).find(|&i| now[i] < before[i]) {
                let message =
                    format!("server {i} was in term {}, and is in term {}", before[i], now[i]);
                cfg.fatal(FailureKind::Safety, message);
            }
            before = now;
        }
        cfg.end();
    });
}

/// Step 3. A candidate with the votes of a majority leads, and in each term at most one does. Messages are
/// slow, so that several servers become candidates of the same term.
#[test]
fn TestStep03LeaderIsElected() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Step 3: a majority elects one leader");
        let request_delay_ms = 100..=150;
        cfg.set_faults(Faults { late_requests: 1000, request_delay_ms, ..Faults::NONE });

        let (mut term, mut leader) = elected(&cfg, 0).await;
        for _ in 0..5 {
            // It is cut off, and the two others elect the next one.
            let former = leader;
            cfg.disconnect(former);
            (term, leader) = elected(&cfg, term).await;
            cfg.connect(former);
        }
        cfg.end();
    });
}

/// Waits until a connected server leads a term above `last`, and returns both. Meanwhile no two servers lead
/// the same term.
async fn elected(cfg: &Config, last: Term) -> (Term, usize) {
    let leads = |i: usize| cfg.get_state(i).and_then(|(term, leads)| leads.then_some((term, i)));
    let begun = Instant::now();
    loop {
        let leaders: Vec<(Term, usize)> = (0..cfg.servers()).filter_map(leads).collect();
        for &(term, i) in &leaders {
            if let Some((_, j)) = leaders.iter().find(|&&(other, j)| other == term && j > i) {
                let message = format!("servers {i} and {j} both lead term {term}");
                cfg.fatal((FailureKind::Safety, Check::NoSecondLeader), message);
            }
        }
        let new = leaders.into_iter().find(|&(term, i)| term > last && cfg.is_connected(i));
        if let Some(leader) = new {
            return leader;
        }
        if begun.elapsed() > ELECTED_WITHIN {
            let message = "a majority is connected, and no server is elected in 60 s";
            cfg.fatal((FailureKind::Liveness, Check::OneLeader), message);
        }
        sleep(LOOK).await;
    }
}

/// Step 4. A candidate that gets no answer starts the next election, and timeouts differ enough for one to
/// win.
#[test]
fn TestStep04CandidateTriesAgain() {
    config::test(|t| async move {
        let cfg = cluster(&t, 5, Snapshots::Off);
        cfg.begin("Step 4: an election that comes to nothing is followed by another");

        // Server 1 is alone, and its calls neither succeed nor fail.
        [0, 2, 3, 4].into_iter().for_each(|i| cfg.crash1(i));
        let asked = cfg.hold(Messages::all_requests().from(1));
        let in_term = || cfg.get_state(1).map_or(0, |(term, _)| term);
        if !soon(ASKS_WITHIN, || asked.count() > 0).await {
            let message = "server 1 hears from nobody for 5 s, and calls nobody";
            cfg.fatal((FailureKind::Liveness, Check::OneLeader), message);
        }
        let (first, calls) = (in_term(), asked.count());
        sleep(IN_VAIN).await;

        // It has started more elections: in new terms, or, if it asks before it takes one, by asking again.
        let (terms, calls) = (in_term() - first, asked.count() - calls);
        if terms < 2 && calls < 2 {
            let message = format!(
                "server 1 has asked for votes, got no answer for 6 s, and has started {terms} more elections"
            );
            cfg.fatal((FailureKind::Liveness, Check::OneLeader), message);
        }
        asked.lose_all();

        // All servers start at the same instant. One of them is elected all the same.
        for _ in 0..4 {
            (0..5).for_each(|i| cfg.start1(i));
            (0..5).for_each(|i| cfg.connect(i));
            cfg.check_one_leader().await;
            (0..5).for_each(|i| cfg.crash1(i));
        }
        cfg.end();
    });
}

/// Step 5. As long as nothing fails a leader stays the leader, by heartbeats that aren't too many.
#[test]
fn TestStep05LeaderStays() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Step 5: heartbeats keep a leader");
        cfg.check_one_leader().await;
        // Elections that were under way are over.
        sleep(Duration::from_secs(1)).await;
        let leader = cfg.check_one_leader().await;
        let (before, rpcs) = (cfg.get_state(leader), cfg.rpc_total());

        sleep(QUIET).await;

        let (after, rpcs) = (cfg.get_state(leader), cfg.rpc_total() - rpcs);
        if after != before {
            let message = format!(
                "server {leader} led term {}, and has lost its leadership within 3 s, though nothing failed",
                before.map_or(0, |(term, _)| term)
            );
            let check = Check::LeaderStays { server: leader as u32 };
            cfg.fatal((FailureKind::Liveness, check), message);
        }
        if rpcs > QUIET_RPCS {
            let message = format!("too many RPCs ({rpcs}) for 3 seconds of idleness");
            cfg.fatal((FailureKind::Budget, Check::Budget { of: Budget::Calls }), message);
        }
        cfg.end();
    });
}

/// Step 6. A leader that was cut off learns that there is another one, and follows.
#[test]
fn TestStep06FormerLeaderFollows() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Step 6: a former leader follows the new one");
        for _ in 0..3 {
            let former = cfg.check_one_leader().await;

            // It is cut off, and the two others elect a new leader.
            cfg.disconnect(former);
            cfg.check_one_leader().await;

            // It comes back, and hears of the new term.
            cfg.connect(former);
            let states = || (0..3).filter_map(|i| cfg.get_state(i));
            let follows = || {
                let terms = states().map(|(term, _)| term);
                terms.clone().min() == terms.max()
                    && states().filter(|(_, leads)| *leads).count() == 1
            };
            if !soon(FOLLOWS_WITHIN, follows).await {
                let message = format!(
                    "server {former} was cut off and is back for 5 s; terms and leaders are {:?}",
                    states().collect::<Vec<_>>()
                );
                let check = Check::TermAdopted { server: former as u32 };
                cfg.fatal((FailureKind::Liveness, check), message);
            }
        }
        cfg.end();
    });
}
