//! The apply channel is a rendezvous, as an unbuffered channel is in Go.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use raftapi::{ApplyCh, ApplyMsg, ApplyReceiver, Index, apply_channel};
use sim::{Clock, Ending, Settings, Sim};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

const HOUR: Duration = Duration::from_secs(3600);

const SECOND: Duration = Duration::from_secs(1);

/// Runs `script` in virtual time with a channel, and returns what it returns.
fn run<T, Fut>(script: fn(Sim, ApplyCh, ApplyReceiver) -> Fut) -> T
where
    T: Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    let panics: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = panics.clone();
    let settings = Settings::new(1, Clock::Virtual, 10 * HOUR)
        .on_panic(move |panic| told.lock().expect("no panic here").push(panic.message));
    let script = move |sim| {
        let (apply_ch, receiver) = apply_channel();
        script(sim, apply_ch, receiver)
    };
    match sim::run(settings, script, |_, ending| ending) {
        Ending::Finished(result) => result,
        other => panic!("{other:?}: {:?}", panics.lock().expect("no panic there")),
    }
}

fn command(index: Index) -> ApplyMsg {
    ApplyMsg::Command { index, command: Bytes::from(format!("command {index}")) }
}

/// Begins to send commands, each from a task of its own, one after another.
async fn begin(apply_ch: &ApplyCh, indexes: std::ops::RangeInclusive<Index>) -> Vec<Sending> {
    let mut sends = Vec::new();
    for index in indexes {
        let apply_ch = apply_ch.clone();
        sends.push(tokio::spawn(async move { apply_ch.send(command(index)).await }));
        sleep(SECOND).await;
    }
    sends
}

type Sending = JoinHandle<()>;

/// Which of the sends have ended.
fn ended(sends: &[Sending]) -> Vec<bool> {
    sends.iter().map(JoinHandle::is_finished).collect()
}

#[test]
fn a_send_ends_when_its_message_is_taken_and_no_sooner() {
    run(|sim, apply_ch, mut receiver| async move {
        let sends = begin(&apply_ch, 1..=3).await;
        sleep(HOUR).await;
        for taken in 0..3 {
            let expected: Vec<_> = (0..3).map(|i| i < taken).collect();
            assert_eq!(ended(&sends), expected, "{taken} were taken");
            let before = sim.now();
            assert_eq!(receiver.recv().await, Some(command(taken + 1)));
            assert_eq!(sim.now(), before, "it was waiting");
            sleep(SECOND).await;
        }
        assert_eq!(ended(&sends), [true; 3]);
    });
}

#[test]
fn a_receiver_waits_for_a_message() {
    run(|sim, apply_ch, mut receiver| async move {
        let sender = tokio::spawn(async move {
            sleep(HOUR).await;
            apply_ch.send(command(1)).await;
            apply_ch
        });
        assert_eq!(receiver.recv().await, Some(command(1)));
        assert_eq!(sim.now(), HOUR);
        let apply_ch = sender.await.expect("no panic");
        assert_eq!(sim.now(), HOUR, "the sender went on at once");
        assert!(timeout(HOUR, receiver.recv()).await.is_err(), "there is no second message");
        drop(apply_ch);
    });
}

#[test]
fn a_receiver_that_gave_up_takes_nothing() {
    run(|_, apply_ch, mut receiver| async move {
        assert!(timeout(SECOND, receiver.recv()).await.is_err());
        let sends = begin(&apply_ch, 1..=1).await;
        assert_eq!(ended(&sends), [false]);
        assert_eq!(receiver.recv().await, Some(command(1)));
    });
}

#[test]
fn messages_arrive_in_the_order_of_sending_and_as_they_were() {
    run(|_, apply_ch, mut receiver| async move {
        let snapshot = ApplyMsg::Snapshot { index: 7, term: 3, snapshot: Bytes::from("state") };
        let sent: Vec<_> =
            (1..=7).map(command).chain([snapshot]).chain((8..50).map(command)).collect();
        let to_send = sent.clone();
        let sender = tokio::spawn(async move {
            for msg in to_send {
                apply_ch.send(msg).await;
            }
        });
        let mut received = Vec::new();
        while let Some(msg) = receiver.recv().await {
            received.push(msg);
        }
        assert_eq!(received, sent);
        sender.await.expect("no panic");
    });
}

#[test]
fn waiting_senders_are_served_first_come_first_served() {
    run(|_, apply_ch, mut receiver| async move {
        let sends = begin(&apply_ch, 1..=20).await;
        for index in 1..=20 {
            assert_eq!(receiver.recv().await, Some(command(index)));
        }
        join_all(sends).await.into_iter().for_each(|joined| joined.expect("no panic"));
    });
}

#[test]
fn a_message_to_a_receiver_that_is_gone_is_dropped_at_once() {
    run(|sim, apply_ch, receiver| async move {
        drop(receiver);
        for index in 1..=3 {
            apply_ch.send(command(index)).await;
        }
        assert_eq!(sim.now(), Duration::ZERO);
    });
}

#[test]
fn senders_that_wait_go_on_when_the_receiver_goes() {
    run(|sim, apply_ch, receiver| async move {
        let sends = begin(&apply_ch, 1..=3).await;
        assert_eq!(ended(&sends), [false; 3]);
        let before = sim.now();
        drop(receiver);
        join_all(sends).await.into_iter().for_each(|joined| joined.expect("no panic"));
        assert_eq!(sim.now(), before, "at once");
    });
}

#[test]
fn a_receiver_learns_that_all_senders_are_gone() {
    run(|sim, apply_ch, mut receiver| async move {
        let clone = apply_ch.clone();
        drop(apply_ch);
        assert!(timeout(HOUR, receiver.recv()).await.is_err(), "one is left");
        let before = sim.now();
        drop(clone);
        assert_eq!(receiver.recv().await, None);
        assert_eq!(receiver.recv().await, None);
        assert_eq!(sim.now(), before, "at once");
    });
}

#[test]
fn a_message_whose_sender_stopped_waiting_counts_all_the_same() {
    run(|_, apply_ch, mut receiver| async move {
        assert!(timeout(SECOND, apply_ch.send(command(1))).await.is_err());
        drop(apply_ch);
        assert_eq!(receiver.recv().await, Some(command(1)));
        assert_eq!(receiver.recv().await, None);
    });
}
