//! Steps 12 and 13: what survives a crash, and what a bad network may not break (Figure 2, "Persistent
//! state"; §5.5).
#![expect(non_snake_case, reason = "as MIT names tests")]

use std::time::Duration;

use config::{Check, FailureKind, Faults, Retry, Snapshots};
use raftapi::Start;
use tokio::time::sleep;

use super::cluster;

/// How long a server may take to say in which term it is after its restart.
const RESTORED_WITHIN: Duration = Duration::from_millis(100);

/// Step 12. All servers crash and restart. They are in the terms in which they were, and have their logs.
#[test]
fn TestStep12RestartKeepsState() {
    config::test(|t| async move {
        t.be_strict();
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Step 12: term and log survive a crash");
        cfg.one(101, 3, Retry::Yes).await;
        // The last answers are out, so their term is saved (rule 5).
        sleep(Duration::from_millis(500)).await;

        for command in 102..105 {
            let term = cfg.accepted(command - 1).map_or(0, |Start { term, .. }| term);
            (0..3).for_each(|i| cfg.crash1(i));

            // Nobody tells them anything.
            (0..3).for_each(|i| cfg.start1(i));
            sleep(RESTORED_WITHIN).await;
            for i in 0..3 {
                let restored = cfg.get_state(i).map_or(0, |(term, _)| term);
                if restored < term {
                    let message = format!(
                        "server {i} was in term {term}, and is in term {restored} after its restart"
                    );
                    cfg.fatal(FailureKind::Safety, message);
                }
            }

            // They go on behind what they had.
            (0..3).for_each(|i| cfg.connect(i));
            let index = cfg.one(command, 3, Retry::Yes).await;
            if index < command - 100 {
                let message = format!("got index {index} but expected {} or more", command - 100);
                cfg.fatal((FailureKind::Safety, Check::NextIndex { server: None }), message);
            }
            sleep(Duration::from_millis(500)).await;
        }
        cfg.end();
    });
}

/// Step 13. Messages come late, out of order and twice. Nothing that was agreed upon changes.
#[test]
fn TestStep13RepeatsDoNoHarm() {
    config::test(|t| async move {
        t.be_strict();
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Step 13: messages that are late or come twice do no harm");
        cfg.set_faults(Faults {
            late_requests: 500,
            request_delay_ms: 0..=60,
            late_replies: 500,
            reply_delay_ms: 0..=60,
            doubled_requests: 500,
            ..Faults::NONE
        });
        for round in 0..8 {
            // Several commands are under way at the same time.
            let leader = cfg.check_one_leader().await;
            for command in 0..5 {
                cfg.start(leader, 100 + 10 * round + command);
                sleep(Duration::from_millis(cfg.random_range(0..30))).await;
            }
            cfg.one(100 + 10 * round + 5, 3, Retry::Yes).await;
        }

        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}
