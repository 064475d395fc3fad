//! A right Raft in a wrong script: the leader crashes while its command is waited for.

use std::time::Duration;

use config::{FailureKind, Reliability, Retry, Snapshots, make_config};
use testkit::{VICTIM_TEST, VICTIM_VARIABLE, Victim, victims};
use tokio::time::sleep;

use crate::child::{Expected, run_with};

pub(crate) const VICTIMS: &[Victim] = victims![crashes_within_one];

fn crashes_within_one() {
    config::test(|t| async move {
        let cfg = make_config(&t, 3, Reliability::Reliable, Snapshots::Off, zoo::make);
        cfg.begin("Zoo: the leader crashes while its command is waited for");
        let leader = cfg.check_one_leader().await;
        for server in (0..3).filter(|&server| server != leader) {
            cfg.disconnect(server);
        }
        let crash = {
            let cfg = cfg.clone();
            async move {
                sleep(Duration::from_secs(1)).await;
                cfg.crash1(leader);
            }
        };
        tokio::spawn(crash);
        cfg.one(1, 3, Retry::No).await;
        cfg.end();
    });
}

#[test]
fn a_crash_within_one_is_told() {
    let victim = "crashed::crashes_within_one".to_owned();
    let variables = [("LAB_SEED", "1".to_owned()), (VICTIM_VARIABLE, victim)];
    let runs = run_with(variables, &[VICTIM_TEST, "--exact"]);
    let crashed = "one(N) failed to reach agreement\n  command   server N accepted it at index N in \
                   term N, and was crashed\n";
    assert_eq!(runs.assert_only([Expected::anywhere(FailureKind::Liveness, crashed)]), [1]);
}
