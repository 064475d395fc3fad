//! Logs and commits, message by message (§5.3, §5.4).
#![expect(non_snake_case, reason = "as MIT names tests")]

use std::time::Duration;

use config::{FailureKind, Messages, Purpose, Retry, Snapshots};
use tokio::time::sleep;

use super::{accept, cluster, has_entries};

/// Figure 8, (a) to (e): an entry of an earlier term is on a majority, and yet not committed.
///
/// ```text
///        (a)      (b)      (c)      (d)
///  S1    1 2 L    1 2 x    1 2 L    1 2 x
///  S2    1 2      1 2      1 2      1 3
///  S3    1        1        1 2      1 3
///  S4    1        1        1        1 3
///  S5    1        1 3 L    1 3 x    1 3 L
/// ```
///
/// Numbers are terms, L leads and x is crashed; S1 is server 0. In (c) S1 may not commit its entry of
/// term 2, for S5 can still be elected, as it is in (d).
#[test]
fn TestFigure8X01() {
    config::test(|t| async move {
        let cfg = cluster(&t, 5, Snapshots::Off);
        cfg.begin("Test (X01): Figure 8, step by step");
        cfg.elect(0).await;
        cfg.one(1, 5, Retry::Yes).await;

        // (a) S1 leads, and its next entry gets to S2 only.
        cfg.partition(&[&[0, 1]]);
        let acks = cfg.hold(Messages::replies(Purpose::Append).from(1).to(0));
        let second = accept(&cfg, 0, 2);
        has_entries(acks).await;

        // (b) S1 crashes; S5 is elected by S3 and S4, and accepts another entry there.
        cfg.crash1(0);
        cfg.partition(&[&[2, 3, 4]]);
        cfg.elect(4).await;
        cfg.partition(&[]);
        accept(&cfg, 4, 3);

        // (c) S5 crashes; S1 comes back, is elected, and goes on with its entry: it gets to S3.
        cfg.crash1(4);
        cfg.start1(0);
        cfg.connect(0);
        let to_4th = cfg.hold(Messages::requests(Purpose::Append).from(0).to(3));
        cfg.partition(&[&[0, 1, 2, 3]]);
        let acks = cfg.hold(Messages::replies(Purpose::Append).from(2).to(0));
        cfg.elect(0).await;
        has_entries(acks).await;
        sleep(Duration::from_millis(200)).await;
        if cfg.n_committed(second).0 > 0 {
            let message = format!(
                "index {second} is committed, though its entry is of an earlier term and can still be \
                 replaced (Figure 8)"
            );
            cfg.fatal(FailureKind::Safety, message);
        }

        // (d) S1 crashes; S5 comes back, is elected, and replaces the entry.
        cfg.crash1(0);
        to_4th.lose_all();
        cfg.start1(4);
        cfg.connect(4);
        cfg.partition(&[&[1, 2, 3, 4]]);
        cfg.elect(4).await;
        cfg.one(4, 4, Retry::Yes).await;

        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}
