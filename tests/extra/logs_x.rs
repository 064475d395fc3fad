//! Logs and commits, message by message (§5.3, §5.4).
#![expect(non_snake_case, reason = "as MIT names tests")]

use std::time::Duration;

use config::{Check, Config, FailureKind, Held, Messages, Needs, Purpose, Retry, Snapshots};
use tokio::time::{sleep, timeout};

use super::{
    accept, accept_unsent, acknowledges, cluster, has_entries, has_entry, reaches, refused,
    remembers,
};

/// Within which time X04 waits for a leader's next word: more than passes between heartbeats.
const SPEAKS_WITHIN: Duration = Duration::from_secs(1);

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
        let third = accept_unsent(&cfg, 4, [3]).await;

        // (c) S5 crashes; S1 comes back, is elected, and goes on with its entry: it gets to S3.
        cfg.crash1(4);
        cfg.start1(0);
        cfg.connect(0);
        remembers(&cfg, 0, second).await;
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
            cfg.fatal((FailureKind::Safety, Check::Committed { index: second }), message);
        }

        // (d) S1 crashes; S5 comes back, is elected, and replaces the entry.
        cfg.crash1(0);
        to_4th.lose_all();
        cfg.partition(&[]);
        cfg.start1(4);
        cfg.connect(4);
        remembers(&cfg, 4, third).await;
        cfg.partition(&[&[1, 2, 3, 4]]);
        cfg.elect(4).await;
        cfg.one(4, 4, Retry::Yes).await;

        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// AppendEntries come late that end before what the follower has acknowledged since.
#[test]
fn TestLateAppendEntriesX04() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Test (X04): late AppendEntries take nothing back");
        cfg.elect(0).await;
        cfg.partition(&[&[0, 1]]);

        // The first entry gets to server 1, and so does the next word from its leader, if that speaks of
        // entries. Copies of both are under way.
        let requests = cfg.hold(Messages::requests(Purpose::Append).from(0).to(1));
        let first = accept(&cfg, 0, 1);
        let ends_there = move |request: &Held| reaches(request) == Some(first);
        let next =
            || requests.first_that("that end at the first entry", Needs::Entries, ends_there);
        let request = next().await;
        let mut late = vec![request.copy()];
        request.deliver().await;
        if let Ok(request) = timeout(SPEAKS_WITHIN, next()).await {
            late.push(request.copy());
            request.deliver().await;
        }
        drop(requests);

        // The second entry is committed.
        let second = accept(&cfg, 0, 2);
        cfg.wait(second, 2, None).await;

        // The copies come. Then the leader is gone, and server 1 has to have both entries.
        cfg.partition(&[&[1, 2]]);
        for request in late {
            request.deliver().await;
        }
        cfg.elect(1).await;
        let third = accept(&cfg, 1, 3);
        if third <= second {
            let message = format!(
                "server 1 leads without the committed entry at index {second}: late AppendEntries that \
                 end at index {first} have removed it"
            );
            cfg.fatal((FailureKind::Safety, has_entry(1, second)), message);
        }

        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// A follower's answer to a leader comes when that leader leads again, in a later term, and its log is
/// another.
#[test]
fn TestAnswerToFormerTermX08() {
    config::test(|t| async move {
        let cfg = cluster(&t, 5, Snapshots::Off);
        cfg.begin("Test (X08): an answer is for one leadership");
        cfg.elect(0).await;
        cfg.one(1, 5, Retry::Yes).await;

        // Entries get to server 1; its answer is under way.
        cfg.partition(&[&[0, 1]]);
        let acks = cfg.hold(Messages::replies(Purpose::Append).from(1).to(0));
        let indexes = [2, 3, 4, 5].map(|command| accept(&cfg, 0, command));
        let last = indexes[3];
        let late = acknowledges(&acks, last).await;

        // The others agree on other entries, which take the place of all these.
        cfg.partition(&[&[2, 3, 4]]);
        acks.lose_all();
        replace(&cfg).await;

        // Server 0 leads again, and its next entry is on two of five servers.
        let next = on_two_of_five(&cfg).await;

        // The answer comes.
        late.deliver().await;
        sleep(Duration::from_millis(200)).await;
        if cfg.n_committed(next).0 > 0 {
            let message = format!(
                "index {next} is committed, though only two of five servers have it; an answer to a request of an \
                 earlier term, which ended at index {last}, has just reached server 0"
            );
            cfg.fatal((FailureKind::Safety, Check::Committed { index: next }), message);
        }

        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// A refusal comes when its leader leads again, and its log is shorter than when it was refused.
#[test]
fn TestRefusalOfFormerTermX23() {
    config::test(|t| async move {
        let cfg = cluster(&t, 5, Snapshots::Off);
        cfg.begin("Test (X23): a refusal is for one leadership");
        cfg.elect(0).await;
        cfg.one(1, 5, Retry::Yes).await;

        // Server 1 gets some of server 0's entries; then there are more.
        cfg.partition(&[&[0, 1]]);
        let acks = cfg.hold(Messages::replies(Purpose::Append).from(1).to(0));
        let last = (2..10).map(|command| accept(&cfg, 0, command)).fold(0, u64::max);
        acknowledges(&acks, last).await.deliver().await;
        drop(acks);
        cfg.partition(&[]);
        let unsent_index = accept_unsent(&cfg, 0, 10..14).await;

        // Server 0 crashes, comes back, and is elected again. What it sends to server 1 goes on behind
        // all of these, and is refused; the refusal is under way.
        let refusals = cfg.hold(Messages::replies(Purpose::Append).from(1).to(0));
        let unsent = cfg.hold(Messages::requests(Purpose::Append).from(0).to(4));
        cfg.restart(&[0]);
        remembers(&cfg, 0, unsent_index).await;
        cfg.partition(&[&[0, 1, 4]]);
        cfg.elect(0).await;
        let late = refused(&cfg, &refusals, last).await;

        // The others agree on other entries, which take the place of all these.
        cfg.partition(&[&[2, 3, 4]]);
        refusals.lose_all();
        unsent.lose_all();
        replace(&cfg).await;

        // Server 0 leads again when the refusal comes: it goes on from where its followers are now.
        cfg.elect(0).await;
        late.deliver().await;
        cfg.one(14, 5, Retry::Yes).await;

        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// A follower has acknowledged entries of an earlier leadership, and has others in their places when its
/// leader leads again.
#[test]
fn TestMatchOfFormerTermX24() {
    config::test(|t| async move {
        let cfg = cluster(&t, 5, Snapshots::Off);
        cfg.begin("Test (X24): a new leader knows of no match");
        cfg.elect(0).await;
        cfg.one(1, 5, Retry::Yes).await;

        // Server 1 acknowledges some of server 0's entries.
        cfg.partition(&[&[0, 1]]);
        let acks = cfg.hold(Messages::replies(Purpose::Append).from(1).to(0));
        let last = [2, 3, 4, 5].map(|command| accept(&cfg, 0, command))[3];
        acknowledges(&acks, last).await.deliver().await;
        drop(acks);

        // The others agree on other entries, which take the place of all these.
        cfg.partition(&[&[2, 3, 4]]);
        replace(&cfg).await;

        // Server 0 leads again, and its next entry is on two of five servers.
        let next = on_two_of_five(&cfg).await;
        sleep(Duration::from_millis(200)).await;
        if cfg.n_committed(next).0 > 0 {
            let message = format!(
                "index {next} is committed, though only two of five servers have it; in an earlier term server 1 had \
                 acknowledged what server 0 sent, up to index {last}"
            );
            cfg.fatal((FailureKind::Safety, Check::Committed { index: next }), message);
        }

        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}

/// Servers 2, 3 and 4, which are parted from the others, elect one of them, and agree on two entries, on
/// the second of them with the others.
async fn replace(cfg: &Config) {
    cfg.elect(2).await;
    cfg.one(6, 3, Retry::Yes).await;
    cfg.join();
    cfg.one(7, 5, Retry::Yes).await;
}

/// Server 0 is elected, and accepts an entry that server 4 acknowledges, and nobody else gets. Returns
/// its index.
async fn on_two_of_five(cfg: &Config) -> u64 {
    cfg.elect(0).await;
    cfg.partition(&[&[0, 4]]);
    let acks = cfg.hold(Messages::replies(Purpose::Append).from(4).to(0));
    let next = accept(cfg, 0, 8);
    acknowledges(&acks, next).await.deliver().await;
    next
}

/// A follower has entries that nobody else has, where its new leader's log has others, and these are
/// committed.
#[test]
fn TestCommitBehindDivergenceX11() {
    config::test(|t| async move {
        let cfg = cluster(&t, 3, Snapshots::Off);
        cfg.begin("Test (X11): a follower commits what it has from its leader");
        cfg.elect(2).await;
        cfg.one(1, 3, Retry::Yes).await;

        // Server 2 leads and is alone with its entries.
        cfg.partition(&[]);
        for command in 2..8 {
            accept(&cfg, 2, command);
        }

        // The others agree on other entries at these indexes.
        cfg.partition(&[&[0, 1]]);
        cfg.elect(0).await;
        for command in 12..18 {
            cfg.one(command, 2, Retry::Yes).await;
        }

        // Server 2 comes back. Whatever it hears first, it applies what the others have.
        cfg.join();
        cfg.elect(0).await;
        let index = cfg.one(20, 3, Retry::Yes).await;
        for index in 1..index {
            cfg.n_committed(index);
        }

        cfg.heal();
        cfg.check_progress().await;
        cfg.end();
    });
}
