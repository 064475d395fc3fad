//! Tests of one server by itself: what they can do, and what is said when the server doesn't do it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use config::unit::{self, Request, Single};
use labrpc::{ClientEnd, Service};
use raftapi::{ApplyCh, ApplyMsg, Command, Index, Persister, Raft, Start, Term};
use testkit::{Victim, victims};
use tokio::time::sleep;

use crate::child::{FAILED, PASSED, run};

pub(crate) const VICTIMS: &[Victim] = victims![
    everything,
    hangs,
    panics,
    lacks_a_method,
    asks_with_another_type,
    asks_nobody,
    applies_nothing,
    misjudged,
];

/// A server that does as it is told: its messages are numbers and texts.
struct Obedient {
    peers: Vec<ClientEnd>,
    persister: Arc<Persister>,
    apply_ch: ApplyCh,
}

impl Obedient {
    /// Saves a number, and tells the one that was saved before.
    async fn save(self: Arc<Self>, number: u8) -> Option<u8> {
        let before = self.persister.read_raft_state().first().copied();
        self.persister.save(vec![number].into(), Bytes::new());
        before
    }

    async fn hang(self: Arc<Self>, _: ()) {
        std::future::pending::<()>().await;
    }

    async fn panic(self: Arc<Self>, _: ()) {
        panic!("no log");
    }

    /// Asks a server for a text, and applies that.
    async fn ask(self: Arc<Self>, server: usize) -> bool {
        let text: Option<String> = self.peers[server].call("Raft.Tell", &7_u8).await;
        let Some(text) = text else { return false };
        let command = Bytes::from(text);
        self.apply_ch.send(ApplyMsg::Command { index: 1, command }).await;
        true
    }
}

impl Raft for Obedient {
    fn start(&self, _: Command) -> Option<Start> {
        Some(Start { index: 3, term: 4 })
    }
    fn get_state(&self) -> (Term, bool) {
        (9, true)
    }
    fn snapshot(&self, _: Index, snapshot: Bytes) {
        self.persister.save(self.persister.read_raft_state(), snapshot);
    }
    fn service(self: Arc<Self>) -> Service {
        Service::new("Raft", self)
            .method("Save", Obedient::save)
            .method("Hang", Obedient::hang)
            .method("Panic", Obedient::panic)
            .method("Ask", Obedient::ask)
    }
    fn kill(&self) {}
}

fn make(
    peers: Vec<ClientEnd>,
    _me: usize,
    persister: Arc<Persister>,
    apply_ch: ApplyCh,
) -> Arc<dyn Raft> {
    Arc::new(Obedient { peers, persister, apply_ch })
}

fn everything() {
    unit::test(|t| async move {
        let server = Single::new(&t, 3, make);
        assert_eq!(server.call::<_, Option<u8>>("Raft.Save", &5_u8).await, None);
        assert_eq!(server.times_saved(), 1);
        server.snapshot(1, "a snapshot");
        assert_eq!(server.saved().read_snapshot(), "a snapshot");
        server.restart();
        assert_eq!(server.times_saved(), 0);
        assert_eq!(server.call::<_, Option<u8>>("Raft.Save", &6_u8).await, Some(5));
        assert_eq!(server.get_state(), (9, true));
        assert_eq!(server.start("a command"), Some(Start { index: 3, term: 4 }));
        assert_eq!(server.debug_state(), None);

        // What it asks of others, the script answers or loses, in any order.
        let ask = |to: usize| {
            let server = server.clone();
            tokio::spawn(async move { server.call::<_, bool>("Raft.Ask", &to).await })
        };
        let (first, second) = (ask(1), ask(2));
        let to_2: Request<u8> = server.next_to(2, "Raft.Tell").await;
        to_2.reply(&"two".to_owned());
        assert!(second.await.expect("it ends"));
        let to_1: Request<u8> = server.next("Raft.Tell").await;
        assert_eq!((to_1.to, to_1.args), (1, 7));
        to_1.lose();
        assert!(!first.await.expect("it ends"), "it learns that there is no reply");
        let two = ApplyMsg::Command { index: 1, command: Bytes::from("two") };
        assert_eq!(server.next_applied().await, two);
        assert_eq!(server.applied(), [two]);

        // What it has asked before a crash is lost.
        let third = ask(1);
        while !third.is_finished() {
            server.lose_requests();
            sleep(Duration::from_millis(1)).await;
        }
        assert!(!third.await.expect("it ends"));
        assert!(server.try_next::<u8>("Raft.Tell").is_none());

        let saved = Persister::new();
        saved.save(vec![8].into(), Bytes::new());
        let server = Single::with_saved(&t, 3, saved, make);
        assert_eq!(server.call::<_, Option<u8>>("Raft.Save", &6_u8).await, Some(8));
    });
}

#[test]
fn a_test_of_one_server_passes_in_silence() {
    for clock in ["virtual", "real"] {
        let ran = run(&["unit::everything"], &[("LAB_CLOCK", clock), ("LAB_ITERS", "3")]);
        ran.assert_status(PASSED);
        assert_eq!(ran.results.len(), 3);
        assert!(!ran.output.contains("Passed"), "{}", ran.output);
    }
}

/// Runs the victim, whose report says so.
fn fails(victim: &str, says: &[&str]) {
    let ran = run(&[&format!("unit::{victim}")], &[("LAB_SEED", "7")]);
    ran.assert_status(FAILED);
    ran.assert_says(says);
}

fn hangs() {
    unit::test(|t| async move { Single::new(&t, 3, make).call("Raft.Hang", &()).await });
}

#[test]
fn a_handler_that_waits_for_ever_is_named() {
    let says = "server 0 has not answered within 5 s: Raft.Hang\n  kind      liveness\n";
    fails("hangs", &[says, "checks/tests/isolation/unit.rs:", "LAB_SEED=7"]);
}

fn panics() {
    unit::test(|t| async move { Single::new(&t, 3, make).call("Raft.Panic", &()).await });
}

#[test]
fn a_panic_is_the_server_s() {
    fails("panics", &["server 0 panicked in the handler of Raft.Panic: no log\n"]);
}

fn lacks_a_method() {
    unit::test(|t| async move { Single::new(&t, 3, make).call("Raft.Vote", &()).await });
}

#[test]
fn a_method_that_there_is_not_is_named_with_those_that_there_are() {
    let says =
        "unknown method Vote in Raft.Vote; expecting one of [Save Hang Panic Ask]; the call is at";
    fails("lacks_a_method", &[says]);
}

fn asks_with_another_type() {
    unit::test(|t| async move {
        let server = Single::new(&t, 3, make);
        let asking = server.call::<_, bool>("Raft.Ask", &1_usize);
        let request = server.next::<String>("Raft.Tell");
        let (_, request) = tokio::join!(asking, request);
        drop(request);
    });
}

#[test]
fn a_request_of_another_type_is_said_so() {
    let says = "the arguments of Raft.Tell are not what the script takes them for: ";
    fails("asks_with_another_type", &[says, "  kind      misuse\n"]);
}

fn asks_nobody() {
    unit::test(
        |t| async move { drop(Single::new(&t, 3, make).next_to::<u8>(2, "Raft.Tell").await) },
    );
}

#[test]
fn a_request_that_does_not_come_is_said_so() {
    fails("asks_nobody", &["server 0 has not called Raft.Tell of server 2 for 5 s\n"]);
}

fn applies_nothing() {
    unit::test(|t| async move { drop(Single::new(&t, 3, make).next_applied().await) });
}

#[test]
fn what_is_not_applied_is_said_so() {
    fails("applies_nothing", &["server 0 has applied nothing more for 5 s\n"]);
}

fn misjudged() {
    unit::test(|t| async move {
        let server = Single::new(&t, 3, make);
        let before: Option<u8> = server.call("Raft.Save", &5_u8).await;
        assert_eq!(before, Some(1), "what was saved");
    });
}

#[test]
fn a_reply_that_is_not_as_expected_is_shown_with_all_messages() {
    let messages = "
    0.00 s  the test calls Raft.Save of server 0 5
    0.00 s  the test gets Raft.Save from server 0 null
";
    fails("misjudged", &["what was saved", messages]);
}
