//! Part 3A: leader election (§5.2).
#![expect(non_snake_case, reason = "MIT's names")]

use std::time::Duration;

use config::{Check::TermStays, Config, FailureKind, Reliability, Snapshots, make_config};
use tokio::time::sleep;

/// Longer than any election should take. Only a unit of waiting: nothing is checked against it.
pub(crate) const RAFT_ELECTION_TIMEOUT: Duration = Duration::from_millis(1000);

#[test]
fn TestInitialElection3A() {
    config::test(|t| async move {
        let cfg = make_config(&t, 3, Reliability::Reliable, Snapshots::Off, raft::make);
        cfg.begin("Test (3A): initial election");

        // Somebody is elected.
        cfg.check_one_leader().await;

        // A moment later the news has reached everybody.
        sleep(Duration::from_millis(50)).await;
        let term1 = cfg.check_terms().expect("all servers are connected");
        if term1 < 1 {
            let message = format!("term is {term1}, but should be at least 1");
            cfg.fatal(FailureKind::Safety, message);
        }

        // Nothing fails, so nothing changes.
        sleep(2 * RAFT_ELECTION_TIMEOUT).await;
        if cfg.check_terms() != Some(term1) {
            cfg.suspect(TermStays, "warning: term changed even though there were no failures");
        }

        // There is still a leader.
        cfg.check_one_leader().await;

        cfg.end();
    });
}

#[test]
fn TestReElection3A() {
    config::test(|t| async move {
        re_election(&make_config(&t, 3, Reliability::Reliable, Snapshots::Off, raft::make)).await;
    });
}

/// The script of `TestReElection3A`, for any cluster of three.
pub(crate) async fn re_election(cfg: &Config) {
    let servers = cfg.servers();
    cfg.begin("Test (3A): election after network failure");

    let leader1 = cfg.check_one_leader().await;

    // The leader is cut off: the two others elect a new one.
    cfg.disconnect(leader1);
    cfg.check_one_leader().await;

    // The old leader comes back: it follows, and the new one goes on.
    cfg.connect(leader1);
    let leader2 = cfg.check_one_leader().await;

    // The leader and one more are cut off: the third, alone, can't be elected.
    cfg.disconnect(leader2);
    cfg.disconnect((leader2 + 1) % servers);
    sleep(2 * RAFT_ELECTION_TIMEOUT).await;
    cfg.check_no_leader();

    // Two of three are together again: they elect a leader.
    cfg.connect((leader2 + 1) % servers);
    cfg.check_one_leader().await;

    // The last one comes back: there is still a leader.
    cfg.connect(leader2);
    cfg.check_one_leader().await;

    cfg.end();
}

#[test]
fn TestManyElections3A() {
    config::test(|t| async move {
        let servers = 7;
        let cfg = make_config(&t, servers, Reliability::Reliable, Snapshots::Off, raft::make);
        cfg.begin("Test (3A): multiple elections");

        cfg.check_one_leader().await;

        for _ in 1..10 {
            // Up to three of the seven are cut off, perhaps the leader among them.
            let cut_off: [usize; 3] = std::array::from_fn(|_| cfg.random_range(0..servers));
            for server in cut_off {
                cfg.disconnect(server);
            }

            // The four or more that are left have a leader: the old one, or one they elect.
            cfg.check_one_leader().await;

            for server in cut_off {
                cfg.connect(server);
            }
        }

        cfg.check_one_leader().await;

        cfg.end();
    });
}
