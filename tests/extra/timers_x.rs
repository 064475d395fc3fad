//! Election timers: what restarts them, what doesn't, and what happens when all begin at once (§5.2).
#![expect(non_snake_case, reason = "as MIT names tests")]

use std::time::Duration;

use config::{
    Budget, Check, Config, FailureKind, Faults, Fields, Held, Link, Messages, Needs, Purpose,
    Retry, Snapshots, Switch,
};
use tokio::time::{Instant, sleep};

use super::{accept, cluster};

/// How long a candidate asks in vain: less than the network takes to tell it that nobody is there.
const IN_VAIN: Duration = Duration::from_secs(6);

/// How long a server may take to start an election. The lab wants a new leader within 5 s.
const STANDS_WITHIN: Duration = Duration::from_millis(3300);

/// How often it is asked meanwhile: more often than any timer fires.
const PAUSE: Duration = Duration::from_millis(150);

/// Within which time X29 wants a leader's next word: several of its heartbeat intervals.
const IN_A_ROW: Duration = Duration::from_secs(1);

/// Within which time a leader sends heartbeats.
const HEARS_WITHIN: Duration = Duration::from_millis(600);

/// For how long a leader has sent nothing that should have sent one or two heartbeats.
const SILENT: Duration = Duration::from_millis(200);

/// How long nobody asks for anything in X22.
const IDLE: Duration = Duration::from_secs(3);

/// How many RPCs three servers may need for that: three times what the lab's `TestCount3B` allows for a
/// second.
const IDLE_RPCS: u64 = 3 * 60;

/// How long X13 waits for a leader while a rival, which can't win, asks in rising terms. A Raft may restart
/// its timer with each of them; then each election is a toss of a coin, and where its ticker sleeps for 600
/// to 900 ms and looks what came meanwhile, one run in twenty has no leader after this time, and one in two
/// hundred has none after twice as much. So nobody is blamed then; the rival is stopped.
const RIVALS_TIME: Duration = Duration::from_secs(20);

/// Within which time one of two equal servers leads after that. There are 15 elections even if each takes
/// 3.3 s. One of them fails only if both servers start it before the other's request comes, which is next to
/// at once on this network: that is rarer than one in 7 wherever timers are drawn from more than a few ms.
/// All fail in fewer than one of 7^15, more than 2^40, runs.
const LEADS_WITHIN: Duration = Duration::from_secs(50);

/// A candidate's calls come to nothing for seconds: it begins the next election all the same.
#[test]
fn TestSilentPeersX12() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Test (X12): a candidate doesn't wait for answers");

        // Server 1 is alone, and its calls neither succeed nor fail.
        cfg.crash1(0);
        cfg.crash1(2);
        let asked = cfg.hold(Messages::all_requests().from(1).to(2));
        let others = cfg.hold(Messages::all_requests().from(1).to(0));
        asked.next().await;
        let in_term = |cfg: &Config| cfg.get_state(1).map_or(0, |(term, _)| term);
        let first = in_term(&cfg);
        sleep(IN_VAIN).await;

        // It has begun more elections: in new terms, or, if it asks before it takes one, by asking again.
        let (terms, again) = (in_term(&cfg) - first, asked.count());
        if terms < 2 && again < 2 {
            let message = format!(
                "server 1 asked for votes, got no answer for 6 s, and began {terms} more elections in that time"
            );
            cfg.fatal((FailureKind::Liveness, Check::OneLeader), message);
        }

        asked.lose_all();
        others.lose_all();
        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// Requests that a server refuses don't keep it from leading. A request in a higher term may restart its
/// timer, as in some Rafts that are in use, as long as there is a leader in the end; one that tells it
/// nothing may not.
#[test]
fn TestRefusedRequestsX13() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Test (X13): refused requests don't restart the election timer");

        // A word of a leader's is under way, and will come when there has been another leader.
        cfg.elect(0).await;
        let appends = cfg.hold(Messages::requests(Purpose::Append).from(0).to(1));
        let append = appends.next().await;
        let of_former_leader = append.copy();
        append.deliver().await;
        drop(appends);
        cfg.elect(2).await;
        cfg.one(1, 3, Retry::Yes).await;

        // Server 2 lacks a committed entry, and asks for votes again and again.
        cfg.partition(&[&[0, 1]]);
        cfg.elect(0).await;
        cfg.one(2, 2, Retry::Yes).await;
        cfg.crash1(0);
        cfg.crash1(1);
        // It has led, and would go on as a leader.
        cfg.restart(&[2]);
        let asked = cfg.hold(Messages::all_requests().from(2).to(1));
        let of_earlier_term = asked.next().await;
        drop(asked);

        // Server 1 gets all that server 2 asks, in terms that rise.
        cfg.join();
        cfg.start1(1);
        cfg.connect(1);
        leads_despite_rival(&cfg).await;
        cfg.crash1(1);
        cfg.crash1(2);

        // It gets the same request again and again.
        let what = "vote requests of an earlier term";
        stands_despite(&cfg, &of_earlier_term, what).await;

        // It hears from a former leader.
        let what = "AppendEntries of an earlier term";
        stands_despite(&cfg, &of_former_leader, what).await;

        drop((of_earlier_term, of_former_leader));
        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// Checks that server 1 leads, whose only rival asks for votes that it can't get; or, if that may be by bad
/// luck, that it or server 0, whose log is as good, leads when the rival is gone.
async fn leads_despite_rival(cfg: &Config) {
    if leads_within(cfg, &[1], RIVALS_TIME).await {
        return;
    }
    cfg.crash1(2);
    cfg.start1(0);
    cfg.connect(0);
    if !leads_within(cfg, &[0, 1], LEADS_WITHIN).await {
        let message = "servers 0 and 1 have all committed entries, and neither leads 50 s after server 2 has \
                       stopped asking for votes in rising terms";
        cfg.fatal((FailureKind::Liveness, Check::OneLeader), message);
    }
    cfg.crash1(0);
}

/// Waits until one of these servers leads. `false` if none does within this time.
async fn leads_within(cfg: &Config, servers: &[usize], time: Duration) -> bool {
    let begun = Instant::now();
    while !servers.iter().any(|&i| cfg.is_leader(i)) {
        if begun.elapsed() > time {
            return false;
        }
        sleep(Duration::from_millis(1)).await;
    }
    true
}

/// Starts server 1, which hears nothing but `request`, and checks that it starts an election. Crashes it
/// then.
async fn stands_despite(cfg: &Config, request: &Held, what: &str) {
    let stands = cfg.hold(Messages::all_requests().from(1));
    cfg.start1(1);
    cfg.connect(1);
    let begun = Instant::now();
    while stands.count() == 0 && begun.elapsed() <= STANDS_WITHIN {
        let reply = request.deliver_copy().await;
        // Whoever answers with a later term has refused, whatever it says besides.
        let agrees =
            |reply: &Fields| reply.gives_vote() == Some(true) && reply.term <= request.args().term;
        if reply.is_some_and(|reply| agrees(&reply)) {
            cfg.fatal(FailureKind::Safety, format!("server 1 doesn't refuse {what}"));
        }
        sleep(PAUSE).await;
    }
    if stands.count() == 0 {
        let message = format!("server 1 gets nothing but {what} for 3.3 s, and starts no election");
        cfg.fatal((FailureKind::Liveness, Check::OneLeader), message);
    }
    stands.lose_all();
    cfg.crash1(1);
}

/// Nothing fails: whoever leads goes on leading, with commands and without, and says so no more often
/// than the lab allows. So does who has led before.
#[test]
fn TestLeaderStaysX22() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Test (X22): a leader stays as long as nothing fails");

        // Two servers lead in turn, each four times.
        for leader in [0, 1, 0, 1, 0, 1, 0, 1] {
            cfg.elect(leader).await;
            cfg.one(cfg.random_value(), 3, Retry::Yes).await;
        }
        // What others asked before is settled.
        sleep(Duration::from_secs(2)).await;
        let leader = cfg.check_one_leader().await;
        let before = cfg.get_state(leader);

        // It has nothing to do; then it has.
        let rpcs = cfg.rpc_total();
        sleep(IDLE).await;
        let rpcs = cfg.rpc_total() - rpcs;
        if rpcs > IDLE_RPCS {
            let message = format!("too many RPCs ({rpcs}) for 3 seconds of idleness");
            cfg.fatal((FailureKind::Budget, Check::Budget { of: Budget::Calls }), message);
        }
        for _ in 0..10 {
            cfg.one(cfg.random_value(), 3, Retry::Yes).await;
            sleep(Duration::from_millis(200)).await;
        }
        let after = cfg.get_state(leader);
        if after != before {
            let of = |state: Option<(u64, bool)>| state.map_or(0, |(term, _)| term);
            let message = format!(
                "server {leader} led term {} and has lost its leadership (term {} now), though nothing failed",
                of(before),
                of(after)
            );
            let check = Check::LeaderStays { server: leader as u32 };
            cfg.fatal((FailureKind::Liveness, check), message);
        }

        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// All servers are started at the same instant, again and again.
#[test]
fn TestAlignedTimersX20() {
    config::test(|t| async move {
        let cfg = cluster(&t, 5, Snapshots::Off);
        cfg.begin("Test (X20): servers that start at the same instant");
        for servers in [5, 4, 3, 5, 4, 3] {
            // Whoever isn't among them stays down: of three all have to agree.
            (0..5).for_each(|i| cfg.crash1(i));
            let first = cfg.random_range(0..5);
            let started = (first..first + servers).map(|i| i % 5);
            started.clone().for_each(|i| cfg.start1(i));
            started.for_each(|i| cfg.connect(i));
            cfg.check_one_leader().await;
            cfg.one(cfg.random_value(), servers, Retry::Yes).await;
        }
        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// A call to a follower has no answer for as long as it likes: its leader goes on with heartbeats, so that
/// the follower starts no election.
#[test]
fn TestCallWithoutAnswerX29() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Test (X29): a heartbeat doesn't wait for an answer");
        cfg.elect(0).await;
        cfg.one(1, 3, Retry::Yes).await;

        // A heartbeat neither comes nor fails.
        let appends = cfg.hold(Messages::requests(Purpose::Append).from(0).to(1));
        let heartbeat = appends.next().await;
        drop(appends);
        hears_from_leader(&cfg, "a heartbeat").await;
        heartbeat.deliver().await;

        // Nor do entries.
        cfg.one(2, 3, Retry::Yes).await;
        let appends = cfg.hold(Messages::requests(Purpose::Append).from(0).to(1));
        accept(&cfg, 0, 3);
        let has_entries =
            |held: &Held| held.args().entries.is_some_and(|entries| !entries.is_empty());
        let entries = appends.first_that("with entries", Needs::Entries, has_entries).await;
        drop(appends);
        hears_from_leader(&cfg, "entries").await;
        entries.deliver().await;

        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// Checks that server 1 hears again and again from server 0, which leads and whose call to it is under way.
async fn hears_from_leader(cfg: &Config, under_way: &str) {
    let heard = cfg.count(Messages::all_requests().from(0).to(1));
    let first = cfg.get_state(0);
    for _ in 0..4 {
        sleep(IN_A_ROW).await;
        if heard.take() == 0 {
            let message = format!(
                "server 0 leads, and sends server 1 nothing for 1 s, with {under_way} to it under way"
            );
            cfg.fatal((FailureKind::Liveness, Check::Replicated), message);
        }
    }
    if cfg.get_state(0) != first {
        let message = format!(
            "server 0 led, and has lost its leadership, with {under_way} to server 1 under way"
        );
        cfg.fatal((FailureKind::Liveness, Check::LeaderStays { server: 0 }), message);
    }
}

/// A leader doesn't know for seconds what a follower lacks, since no answer comes. The follower refuses its
/// entries, and starts no election: it hears from the leader of its term.
#[test]
fn TestRefusingFollowerX31() {
    config::test(|t| async move {
        let cfg = cluster(&t, 5, Snapshots::Off);
        cfg.begin("Test (X31): entries that are refused restart the election timer");
        cfg.elect(0).await;
        cfg.one(1, 5, Retry::Yes).await;

        // Server 1 misses some commands, and an election. It comes back, hears all, and isn't heard.
        cfg.crash1(1);
        for command in 2..5 {
            cfg.one(command, 4, Retry::Yes).await;
        }
        cfg.elect(2).await;
        cfg.start1(1);
        cfg.connect(1);
        for to in [0, 2, 3, 4] {
            cfg.set_link(Link { from: 1, to }, Switch::Off);
        }
        sleep(HEARS_WITHIN).await;
        let before = cfg.get_state(1);
        let asked = cfg.count(Messages::requests(Purpose::Vote).from(1));
        let heard = cfg.count(Messages::all_requests().from(2).to(1));
        let begun = Instant::now();
        let mut last = begun;
        while begun.elapsed() < IN_VAIN {
            sleep(Duration::from_millis(10)).await;
            let has_heard = heard.take() > 0;
            if asked.take() == 0 && cfg.get_state(1) == before {
                last = if has_heard { Instant::now() } else { last };
                continue;
            }
            let silent = last.elapsed();
            let message = if silent < SILENT {
                format!(
                    "server 1 started an election {} ms after a request from server 2, which leads: also requests whose \
                     entries it refuses must restart its election timer",
                    silent.as_millis()
                )
            } else {
                format!(
                    "server 1 started an election: server 2, which leads, had sent it nothing for {} ms",
                    silent.as_millis()
                )
            };
            cfg.fatal((FailureKind::Liveness, Check::LeaderStays { server: 2 }), message);
        }

        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// Each message takes longer than passes between two heartbeats: a leader stays, gets commands agreed upon,
/// and another is elected when it crashes.
#[test]
fn TestSlowMessagesX32() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Test (X32): messages take longer than a heartbeat interval");
        cfg.elect(0).await;
        cfg.one(1, 3, Retry::Yes).await;
        // What others asked before is settled.
        sleep(Duration::from_secs(2)).await;

        // All messages become slow, little by little: no heartbeat comes much later than the one before.
        let before = cfg.get_state(0);
        for request_delay_ms in [40..=60, 80..=100, 120..=150] {
            cfg.set_faults(Faults { late_requests: 1000, request_delay_ms, ..Faults::NONE });
            sleep(Duration::from_secs(1)).await;
        }
        for command in 2..7 {
            cfg.one(command, 3, Retry::No).await;
        }
        if cfg.get_state(0) != before {
            let message = "server 0 led, and has lost its leadership, though nothing failed and all messages \
                           took 120 to 150 ms";
            cfg.fatal((FailureKind::Liveness, Check::LeaderStays { server: 0 }), message);
        }

        // It crashes. The two that are left need each other's votes.
        cfg.crash1(0);
        if !leads_within(&cfg, &[1, 2], LEADS_WITHIN).await {
            let message = "servers 1 and 2 are connected, all messages take 120 to 150 ms, and neither leads \
                           after 50 s";
            cfg.fatal((FailureKind::Liveness, Check::OneLeader), message);
        }

        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}
