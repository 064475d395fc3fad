//! The rules that a cluster's tests reach only by luck, each by itself.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use raftapi::{Index, Persister, Role, Term};

use crate::log::{Entry, Log};
use crate::progress::Progress;
use crate::rpc::{AppendEntriesArgs, Conflict, RequestVoteArgs};
use crate::state::{ELECTION_TIMEOUT_MS, State};

fn entry(term: Term) -> Entry {
    Entry { term, command: Bytes::from(format!("of term {term}")) }
}

/// A log with entries of these terms.
fn log(terms: &[Term]) -> Log {
    let mut log = Log::new(0, 0);
    for &term in terms {
        log.append(entry(term));
    }
    log
}

fn terms(log: &Log) -> Vec<Term> {
    (log.base_index() + 1..=log.last_index()).map(|index| log.term_at(index).unwrap()).collect()
}

/// Server 0 of `servers` with a log of these terms, in the last one.
fn server(terms: &[Term], servers: usize) -> State {
    let mut state = State::new(0, servers, Arc::new(Persister::new()));
    state.log = log(terms);
    state.current_term = terms.last().copied().unwrap_or(0);
    state
}

/// Server 0 of `servers`, elected for `term`.
fn leader(terms: &[Term], term: Term, servers: usize) -> State {
    let mut state = server(terms, servers);
    state.current_term = term - 1;
    state.start_election();
    let mut voters = 1..servers;
    while state.role != Role::Leader {
        state.count_vote(voters.next().expect("a majority is among all servers"));
    }
    state
}

fn append(prev_log_index: Index, prev_log_term: Term, terms: &[Term]) -> AppendEntriesArgs {
    AppendEntriesArgs {
        term: 9,
        leader_id: 1,
        prev_log_index,
        prev_log_term,
        entries: terms.iter().copied().map(entry).collect(),
        leader_commit: 0,
    }
}

#[test]
fn a_log_cut_at_either_end_knows_what_is_left() {
    let mut log = log(&[1, 1, 2, 2, 2, 4]);
    assert_eq!(log.first_index_of_term_at(5), 3);
    assert_eq!(log.last_index_of_term(2), Some(5));
    assert_eq!(log.last_index_of_term(3), None);
    log.compact(4);
    assert_eq!((log.base_index(), log.base_term(), log.last_index()), (4, 2, 6));
    assert_eq!((log.term_at(3), log.term_at(4), log.term_at(5)), (None, Some(2), Some(2)));
    assert_eq!(log.first_index_of_term_at(5), 5, "what is in the snapshot can't be asked for");
    log.truncate(6);
    assert_eq!((log.last_index(), log.last_term()), (5, 2));
    log.append(entry(7));
    assert_eq!(terms(&log), [2, 7]);
    // What is encoded is what is there.
    let mut expected = labgob::encode(&entry(2)).to_vec();
    expected.extend_from_slice(&labgob::encode(&entry(7)));
    assert_eq!(log.encoded().parts().collect::<Vec<_>>().concat(), expected);
}

#[test]
fn a_long_log_is_encoded_in_parts() {
    let mut log = log(&[]);
    for term in 1..=1000 {
        log.append(entry(term));
    }
    let encoded = |log: &Log| log.encoded().parts().collect::<Vec<_>>().concat();
    let expected = |terms: Range<Term>| {
        terms.map(|term| labgob::encode(&entry(term)).to_vec()).collect::<Vec<_>>().concat()
    };
    assert!(log.encoded().parts().count() > 2);
    assert_eq!(encoded(&log), expected(1..1001));
    log.compact(100);
    log.truncate(501);
    assert_eq!(encoded(&log), expected(101..501));
    log.append(entry(501));
    assert_eq!(encoded(&log), expected(101..502));
    log.compact(450);
    log.truncate(451);
    assert_eq!(encoded(&log), expected(0..0));
}

#[test]
fn what_was_saved_is_restored() {
    let persister = Arc::new(Persister::new());
    let mut state = State::new(2, 3, persister.clone());
    state.observe_term(3);
    state.voted_for = Some(1);
    state.log = log(&[1, 2, 2, 3]);
    state.commit_index = 2;
    state.take_snapshot(2, Bytes::from("a snapshot"));
    let restored = State::new(2, 3, Arc::new(persister.copy()));
    assert_eq!((restored.current_term, restored.voted_for), (3, Some(1)));
    assert_eq!((restored.log.base_index(), restored.log.base_term()), (2, 2));
    assert_eq!(terms(&restored.log), [2, 3]);
    assert_eq!((restored.commit_index, restored.last_applied), (2, 2));
    assert_eq!(restored.snapshot, "a snapshot");
}

#[test]
fn a_vote_is_saved_once_and_together_with_its_term() {
    let persister = Arc::new(Persister::new());
    let mut state = State::new(0, 3, persister.clone());
    let ask = |candidate_id, term| RequestVoteArgs {
        term,
        candidate_id,
        last_log_index: 0,
        last_log_term: 0,
    };
    assert!(state.vote(&ask(1, 4)));
    assert_eq!(persister.written(), 1, "the term and the vote in it");
    assert!(state.vote(&ask(1, 4)), "asked again, the same answer");
    assert!(!state.vote(&ask(2, 4)), "one vote a term");
    assert!(!state.vote(&ask(2, 3)), "an earlier term");
    assert_eq!(persister.written(), 1, "nothing has changed");
    state.log.append(entry(4));
    assert!(!state.vote(&ask(2, 5)), "the candidate's log is behind");
    assert_eq!(persister.written(), 2, "a new term is saved without a vote, too");
    state.log.truncate(1);
    assert!(state.vote(&ask(2, 5)));
    assert_eq!(persister.written(), 3, "a vote in a term that is known already");
    let restored = State::new(0, 3, Arc::new(persister.copy()));
    assert_eq!((restored.current_term, restored.voted_for), (5, Some(2)));
}

/// Followers 2: "without … granting vote to candidate".
#[test]
fn the_election_timer_starts_anew_with_a_vote_and_with_no_refusal() {
    let mut state = server(&[1, 2], 3);
    let ask = |last_log_term| RequestVoteArgs {
        term: 3,
        candidate_id: 1,
        last_log_index: 2,
        last_log_term,
    };
    let due = state.election_deadline - Duration::from_millis(ELECTION_TIMEOUT_MS.end);
    state.election_deadline = due;
    assert!(!state.vote(&ask(1)), "the candidate's log is behind");
    assert_eq!(state.election_deadline, due, "a refusal, and a new term by itself, leave it");
    assert!(state.vote(&ask(2)));
    assert!(state.election_deadline > due, "a vote resets it");
}

#[test]
fn an_old_message_deletes_nothing() {
    let mut state = server(&[1, 1, 2, 2], 3);
    state.append_new(&append(1, 1, &[1]));
    assert_eq!(terms(&state.log), [1, 1, 2, 2]);
    state.append_new(&append(0, 0, &[]));
    assert_eq!(terms(&state.log), [1, 1, 2, 2]);
}

#[test]
fn a_conflict_is_deleted_with_all_that_follows() {
    let mut state = server(&[1, 1, 2, 2], 3);
    state.append_new(&append(1, 1, &[1, 3]));
    assert_eq!(terms(&state.log), [1, 1, 3]);
}

#[test]
#[should_panic(expected = "a committed entry would be deleted")]
fn a_committed_entry_is_never_deleted() {
    let mut state = server(&[1, 1, 2], 3);
    state.commit_index = 3;
    state.append_new(&append(2, 1, &[3]));
}

/// ```text
///             1  2  3  4  5  6  7
/// follower    1  2  2  2
///             ^  ^        ^
///             |  |        x_len is 5, whatever the leader has behind the follower's end
///             |  x_index is 2 for x_term 2, if the leader has another term at 4
///             both have it
/// ```
#[test]
fn a_follower_tells_where_its_log_differs() {
    let state = server(&[1, 2, 2, 2], 3);
    assert_eq!(state.conflict_at(4, 2), None);
    assert_eq!(state.conflict_at(0, 0), None);
    assert_eq!(state.conflict_at(4, 3), Some(Conflict::OtherTerm { x_term: 2, x_index: 2 }));
    assert_eq!(state.conflict_at(5, 3), Some(Conflict::TooShort { x_len: 5 }));
    assert_eq!(state.conflict_at(7, 3), Some(Conflict::TooShort { x_len: 5 }));
}

/// ```text
///             1  2  3  4  5     next_index
/// leader      1  1  3  3  5     6
/// server 1    1  1  4  4  4     3: the leader has nothing of term 4, which begins at 3
/// server 2    1  1  1  1  1     3: the leader's last entry of term 1 is at 2
/// short       1                 2: the log ends there
/// ```
#[test]
fn a_leader_backs_up_by_a_term_and_never_for_an_old_answer() {
    let mut state = leader(&[1, 1, 3, 3, 5], 6, 3);
    assert_eq!(state.followers[1].next_index(), 6);
    // The follower has a term that the leader hasn't: go to where it begins.
    let foreign = Conflict::OtherTerm { x_term: 4, x_index: 3 };
    assert!(state.back_up(1, 5, foreign));
    assert_eq!(state.followers[1].next_index(), 3);
    // The same answer again is to a request that was sent before.
    assert!(!state.back_up(1, 5, foreign));
    // It has a term that the leader has, too: go behind the leader's last entry of it.
    let shared = Conflict::OtherTerm { x_term: 1, x_index: 1 };
    assert!(state.back_up(2, 5, shared));
    assert_eq!(state.followers[2].next_index(), 3);
    // Its log is short.
    let mut state = leader(&[1, 1, 3, 3, 5], 6, 3);
    assert!(state.back_up(2, 5, Conflict::TooShort { x_len: 2 }));
    assert_eq!(state.followers[2].next_index(), 2);
}

/// ```text
///            next_index
///                v
///  1  2  3  4  5  6        the follower has confirmed 1 to 3
///        ^
///   match_index
/// ```
#[test]
fn a_follower_is_never_sent_again_what_it_has_confirmed() {
    let mut progress = Progress::new(5);
    progress.acknowledged(3);
    assert_eq!((progress.match_index(), progress.next_index()), (3, 6));
    progress.acknowledged(2);
    assert_eq!((progress.match_index(), progress.next_index()), (3, 6), "an old confirmation");
    assert!(progress.refused(5, 1));
    assert_eq!((progress.match_index(), progress.next_index()), (3, 4), "not below 4");
    assert!(!progress.refused(3, 1), "an old refusal: it has confirmed 3 since");
    progress.acknowledged(9);
    assert_eq!((progress.match_index(), progress.next_index()), (9, 10));
}

/// Figure 7: a leader at the beginning of its term 8, and six logs that its followers may have.
///
/// ```text
///          1  2  3  4  5  6  7  8  9 10 11 12
/// leader   1  1  1  4  4  5  5  6  6  6
/// (a)      1  1  1  4  4  5  5  6  6
/// (b)      1  1  1  4
/// (c)      1  1  1  4  4  5  5  6  6  6  6
/// (d)      1  1  1  4  4  5  5  6  6  6  7  7
/// (e)      1  1  1  4  4  4  4
/// (f)      1  1  1  2  2  2  3  3  3  3  3
/// ```
#[test]
fn a_leader_brings_each_log_of_figure_7_to_agree_with_its_own() {
    const LEADER: [Term; 10] = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
    let followers: [(&[Term], u64); 6] = [
        (&[1, 1, 1, 4, 4, 5, 5, 6, 6], 1),
        (&[1, 1, 1, 4], 1),
        // Its entry 11 goes when the leader has one there.
        (&[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6], 0),
        (&[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7], 0),
        // Of term 4 the leader's last entry is 5.
        (&[1, 1, 1, 4, 4, 4, 4], 2),
        // It has two terms that the leader hasn't, and refuses for the later one first.
        (&[1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3], 2),
    ];
    for (log, expected_refusals) in followers {
        let mut leader = leader(&LEADER, 8, 7);
        let mut follower = server(log, 7);
        // The leader takes a command, so that there is an entry 11.
        leader.append_command(Bytes::from("of term 8"));
        let mut refusals = 0;
        loop {
            let prev_log_index = leader.followers[1].next_index() - 1;
            let prev_log_term = leader.log.term_at(prev_log_index).unwrap();
            let Some(conflict) = follower.conflict_at(prev_log_index, prev_log_term) else {
                let entries = leader.log.entries_from(prev_log_index + 1, LEADER.len());
                let args = append(prev_log_index, prev_log_term, &[]);
                follower.append_new(&AppendEntriesArgs { entries, ..args });
                break;
            };
            assert!(leader.back_up(1, prev_log_index, conflict), "{log:?}: {conflict:?}");
            refusals += 1;
        }
        assert_eq!(terms(&follower.log), terms(&leader.log), "{log:?}");
        assert_eq!(refusals, expected_refusals, "{log:?}");
    }
}

/// Figure 8, with the leader of each moment marked by `*`.
///
/// ```text
///       (a)  1  2       (b)  1  2       (c)  1  2  3    (d)  1  2  3    (e)  1  2  3
///  S1      * 1  2            1  2          * 1  2  4         1  3          * 1  2  4
///  S2        1  2            1  2            1  2            1  3            1  2  4
///  S3        1               1               1  2            1  3            1  2  4
///  S4        1               1               1               1  3            1
///  S5        1             * 1  3            1  3          * 1  3            1  3
/// ```
///
/// S1 leads term 2 in (a), S5 term 3 in (b), S1 term 4 in (c). There the entry of term 2 is on a
/// majority, and still not committed: (d) may follow, in which S5 wins term 5 by the votes of S2, S3 and
/// S4 and overwrites it. Or (e) follows instead: an entry of S1's own term 4 is on a majority. Then S5
/// can't win any more, and both entries are committed.
#[test]
fn an_entry_of_an_earlier_term_is_not_committed_by_counting() {
    let mut s1 = leader(&[1, 2], 4, 5);
    s1.append_command(Bytes::from("of term 4"));
    let [s2, s3] = [1, 2];
    s1.followers[s2].acknowledged(2);
    s1.followers[s3].acknowledged(2);
    assert!(!s1.advance_commit_index(), "(c): entry 2 is of an earlier term");
    assert_eq!(s1.commit_index, 0);
    s1.followers[s2].acknowledged(3);
    assert!(!s1.advance_commit_index(), "two of five have entry 3");
    s1.followers[s3].acknowledged(3);
    assert!(s1.advance_commit_index(), "(e)");
    assert_eq!(s1.commit_index, 3);
}

#[test]
fn a_majority_is_more_than_half_of_an_even_cluster_too() {
    let mut state = leader(&[], 1, 4);
    state.append_command(Bytes::from("x"));
    state.followers[1].acknowledged(1);
    assert!(!state.advance_commit_index(), "two of four");
    state.followers[3].acknowledged(1);
    assert!(state.advance_commit_index());
}

#[test]
fn a_snapshot_that_is_older_than_the_last_changes_nothing() {
    let mut state = server(&[1, 1, 1], 3);
    state.commit_index = 3;
    state.take_snapshot(2, Bytes::from("two"));
    state.take_snapshot(1, Bytes::from("one"));
    assert_eq!((state.log.base_index(), state.snapshot), (2, Bytes::from("two")));
}

/// The functions that the sources have, each behind its type: `State::vote`.
fn functions() -> BTreeSet<String> {
    let sources = [
        include_str!("apply.rs"),
        include_str!("election.rs"),
        include_str!("encoded.rs"),
        include_str!("log.rs"),
        include_str!("persist.rs"),
        include_str!("progress.rs"),
        include_str!("replication.rs"),
        include_str!("server.rs"),
        include_str!("snapshot.rs"),
        include_str!("state.rs"),
    ];
    let mut found = BTreeSet::new();
    for source in sources {
        let mut of = None;
        for line in source.lines() {
            if let Some(head) = line.strip_prefix("impl ").and_then(|rest| rest.strip_suffix(" {"))
            {
                of = head.split(' ').next_back();
            } else if line == "}" {
                of = None;
            }
            let Some((before, rest)) = line.split_once("fn ") else { continue };
            let name: String =
                rest.chars().take_while(|&c| c.is_alphanumeric() || c == '_').collect();
            let is_function =
                before.split_whitespace().all(|word| word.starts_with("pub") || word == "async");
            if is_function {
                found.insert(of.map_or(name.clone(), |of| format!("{of}::{name}")));
            }
        }
    }
    found
}

#[test]
fn every_function_is_in_the_table_of_rules_and_every_one_in_the_table_is_there() {
    let rows = include_str!("lib.rs").lines().filter_map(|line| line.strip_prefix("//! | "));
    let named: BTreeSet<String> = rows
        .filter_map(|row| row.split(" | ").nth(1))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned))
        .collect();
    assert_eq!(named, functions());
}
