//! Your own tests of single handlers: this server is yours, and the test is in the place of all others.
//!
//! The clock is virtual, as in the other tests, and `LAB_SEED` repeats a run. When a test fails, the report shows each
//! message. The page of `config::unit` has all that a test can do:
//! `cargo doc --open --package config`.

use config::unit::{self, Single};

use crate::raft::{ExampleArgs, ExampleReply, make};

/// The RPC that the skeleton comes with. Delete this test together with it.
#[test]
fn the_example_rpc_answers() {
    unit::test(|t| async move {
        let server = Single::new(&t, 3, make);
        let reply: ExampleReply = server.call("Raft.Example", &ExampleArgs { x: 99 }).await;
        assert_eq!(reply.y, 100);
    });
}

/// What your code logs by `tracing` can be tested, too. The crate for it isn't compiled until you ask for it:
/// `cargo test --features logs`. Such a test calls your functions itself: what a `Single` logs is another
/// thread's.
#[cfg(feature = "logs")]
#[tracing_test::traced_test]
#[test]
fn what_is_logged_can_be_tested() {
    tracing::info!(topic = "VOTE", "granted to {}", 2);
    assert!(logs_contain("granted to 2"));
}

// Figure 7, and some rules of Figure 2. Remove the comment signs of a test when your messages have the fields that it
// uses: the first one in 3A, those of logs in 3B. Each says which part it is for. The names are Figure 2's.
//
// use std::time::Duration;
//
// use bytes::Bytes;
// use config::unit::Request;
// use raftapi::{ApplyMsg, Index, Term};
// use tokio::time::sleep;
//
// use crate::raft::{AppendEntriesArgs, AppendEntriesReply, Entry, RequestVoteArgs, RequestVoteReply};
//
// /// A follower's reply: it has the entries.
// fn accepted(term: Term) -> AppendEntriesReply {
//     AppendEntriesReply { term, success: true }
// }
//
// /// A follower's reply: it doesn't have the leader's entry at `prev_log_index`.
// fn refused(term: Term, _prev_log_index: Index) -> AppendEntriesReply {
//     AppendEntriesReply { term, success: false }
// }
//
// /// Server 1 or 2 asks for the vote, with an empty log.
// fn ask(term: Term, candidate_id: usize) -> RequestVoteArgs {
//     RequestVoteArgs { term, candidate_id, last_log_index: 0, last_log_term: 0 }
// }
//
// /// 3A. Figure 2, RequestVote 1 and 2.
// #[test]
// fn a_vote_is_given_once_a_term() {
//     unit::test(|t| async move {
//         let server = Single::new(&t, 3, make);
//         let reply: RequestVoteReply = server.call("Raft.RequestVote", &ask(5, 1)).await;
//         assert!(reply.vote_granted, "the first candidate of term 5");
//         assert_eq!((reply.term, server.get_state()), (5, (5, false)));
//
//         let reply: RequestVoteReply = server.call("Raft.RequestVote", &ask(5, 2)).await;
//         assert!(!reply.vote_granted, "another candidate of the same term");
//         let reply: RequestVoteReply = server.call("Raft.RequestVote", &ask(5, 1)).await;
//         assert!(reply.vote_granted, "the same candidate again: its first reply may be lost");
//         let reply: RequestVoteReply = server.call("Raft.RequestVote", &ask(4, 2)).await;
//         assert_eq!((reply.vote_granted, reply.term), (false, 5), "a candidate of an earlier term");
//         let reply: RequestVoteReply = server.call("Raft.RequestVote", &ask(6, 2)).await;
//         assert!(reply.vote_granted, "a new term, a new vote");
//     });
// }
//
// /// 3C. Figure 2, "Persistent state on all servers".
// #[test]
// fn a_vote_survives_a_crash() {
//     unit::test(|t| async move {
//         let server = Single::new(&t, 3, make);
//         let reply: RequestVoteReply = server.call("Raft.RequestVote", &ask(5, 1)).await;
//         assert!(reply.vote_granted);
//         server.restart();
//         assert_eq!(server.get_state(), (5, false), "the term is saved");
//         let reply: RequestVoteReply = server.call("Raft.RequestVote", &ask(5, 2)).await;
//         assert!(!reply.vote_granted, "the vote is saved");
//     });
// }
//
// /// The leader's log in Figure 7: the terms of its entries, from index 1 on.
// const LEADER: [Term; 10] = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
//
// /// The followers' logs, (a) to (f).
// const FOLLOWERS: [&[Term]; 6] = [
//     &[1, 1, 1, 4, 4, 5, 5, 6, 6],
//     &[1, 1, 1, 4],
//     &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
//     &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
//     &[1, 1, 1, 4, 4, 4, 4],
//     &[1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
// ];
//
// fn command(index: Index, term: Term) -> Bytes {
//     Bytes::from(format!("command {index} of term {term}"))
// }
//
// /// The leader of `term` sends those entries of `log` that follow index `prev`.
// fn append(term: Term, log: &[Term], prev: usize, leader_commit: Index) -> AppendEntriesArgs {
//     let entry = |(index, &term)| Entry { term, command: command(index, term) };
//     AppendEntriesArgs {
//         term,
//         leader_id: 1,
//         prev_log_index: prev as Index,
//         prev_log_term: if prev == 0 { 0 } else { log[prev - 1] },
//         entries: (1..).zip(log).skip(prev).map(entry).collect(),
//         leader_commit,
//     }
// }
//
// /// 3B. Figure 7, seen by each follower: the leader of term 8 goes back to where the logs agree.
// #[test]
// fn each_follower_of_figure_7_takes_over_the_leader_s_log() {
//     for log in FOLLOWERS {
//         unit::test(move |t| async move {
//             let server = Single::new(&t, 7, make);
//             let last_term = log[log.len() - 1];
//             let before = append(last_term, log, 0, 0);
//             let reply: AppendEntriesReply = server.call("Raft.AppendEntries", &before).await;
//             assert!(reply.success, "any log begins alike at index 0");
//
//             let mut prev = LEADER.len();
//             loop {
//                 let args = append(8, &LEADER, prev, 0);
//                 let reply: AppendEntriesReply = server.call("Raft.AppendEntries", &args).await;
//                 assert_eq!(reply.term, 8);
//                 if reply.success {
//                     break;
//                 }
//                 prev -= 1;
//             }
//             let alike = LEADER.iter().zip(log).take_while(|(ours, theirs)| ours == theirs).count();
//             assert_eq!(prev, alike, "where {log:?} and the leader's log agree");
//
//             // Now it has the leader's log, and applies it when it hears that it is committed.
//             let heartbeat = append(8, &LEADER, LEADER.len(), 10);
//             let reply: AppendEntriesReply = server.call("Raft.AppendEntries", &heartbeat).await;
//             assert!(reply.success);
//             for (index, term) in (1..).zip(LEADER) {
//                 let command = command(index, term);
//                 assert_eq!(server.next_applied().await, ApplyMsg::Command { index, command });
//             }
//         });
//     }
// }
//
// /// 3B. Figure 2, AppendEntries 3: only what conflicts is deleted, since a message may be an old one.
// #[test]
// fn an_old_message_deletes_nothing() {
//     unit::test(|t| async move {
//         let server = Single::new(&t, 3, make);
//         for sent in [&LEADER[..], &LEADER[..4], &[]] {
//             let args = append(6, sent, 0, 0);
//             let reply: AppendEntriesReply = server.call("Raft.AppendEntries", &args).await;
//             assert!(reply.success);
//         }
//         let args = append(6, &LEADER, LEADER.len(), 0);
//         let reply: AppendEntriesReply = server.call("Raft.AppendEntries", &args).await;
//         assert!(reply.success, "the last entry is gone");
//     });
// }
//
// /// 3C. What a follower has accepted, it has saved.
// #[test]
// fn an_accepted_log_survives_a_crash() {
//     unit::test(|t| async move {
//         let server = Single::new(&t, 3, make);
//         let args = append(6, &LEADER, 0, 0);
//         let reply: AppendEntriesReply = server.call("Raft.AppendEntries", &args).await;
//         assert!(reply.success);
//         server.restart();
//         let args = append(6, &LEADER, LEADER.len(), 0);
//         let reply: AppendEntriesReply = server.call("Raft.AppendEntries", &args).await;
//         assert!(reply.success, "the last entry is gone");
//     });
// }
//
// /// 3B. Figure 7, seen by the leader: server 1 has each of the logs in turn, and the leader brings it into line.
// #[test]
// fn the_leader_of_figure_7_brings_each_log_into_line() {
//     for log in FOLLOWERS {
//         unit::test(move |t| async move {
//             let server = Single::new(&t, 7, make);
//             let before = append(6, &LEADER, 0, 0);
//             let reply: AppendEntriesReply = server.call("Raft.AppendEntries", &before).await;
//             assert!(reply.success);
//
//             // It hears from no leader, and starts elections. Nobody answers in term 7; in term 8 all vote for it.
//             while server.get_state() != (8, true) {
//                 sleep(Duration::from_millis(10)).await;
//                 let request = server.try_next::<RequestVoteArgs>("Raft.RequestVote");
//                 if let Some(request) = request.filter(|request| request.args.term == 8) {
//                     let RequestVoteArgs { term, last_log_index, last_log_term, .. } = request.args;
//                     assert_eq!((last_log_index, last_log_term), (10, 6));
//                     request.reply(&RequestVoteReply { term, vote_granted: true });
//                 }
//             }
//
//             // Server 1 does what Figure 2 says, until it has agreed to all that the leader has.
//             let (mut follower, mut agrees) = (log.to_vec(), false);
//             while !(agrees && follower.starts_with(&LEADER)) {
//                 let request: Request<AppendEntriesArgs> =
//                     server.next_to(1, "Raft.AppendEntries").await;
//                 let args = &request.args;
//                 let prev = args.prev_log_index as usize;
//                 agrees = prev == 0 || follower.get(prev - 1) == Some(&args.prev_log_term);
//                 if !agrees {
//                     let reply = refused(8, args.prev_log_index);
//                     request.reply(&reply);
//                     continue;
//                 }
//                 for (at, entry) in (prev..).zip(&args.entries) {
//                     if follower.get(at) != Some(&entry.term) {
//                         follower.truncate(at);
//                         follower.push(entry.term);
//                     }
//                 }
//                 request.reply(&accepted(8));
//             }
//         });
//     }
// }
