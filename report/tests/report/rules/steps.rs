//! Steps that no rule permits.

use report::explain::{Confidence, overlooked};
use report::spec::broken_promises;
use report::{Outcome, Role, spec};
use serde_json::{Value, json};

use crate::run::{
    Append, Ask, Run, append, ask, denied, entries, granted, heartbeat, refusal, success,
};

/// Whether a rule is broken in a run, for certain or not.
fn breaks(run: &Run, id: &str) -> bool {
    assert!(spec::RULES.iter().any(|rule| rule.id == id), "there is no rule {id}");
    spec::judge(&run.story()).iter().any(|breach| breach.rule.id == id)
}

/// Server 0 leads term 2, and has applied the command that it took.
fn applied() -> Run {
    let mut run = Run::new(3);
    run.elect(0, 2).propose(0, 1, 2);
    run.accept(0, 1, &entries(2, &[2])).apply(0, 1);
    run
}

#[test]
fn handlers_overlap() {
    let votes = |then| {
        let mut run = Run::new(3);
        let (one, two) = (run.asks(0, 2, &ask(1)), run.asks(1, 2, &ask(1)));
        run.delivers(one).delivers(two).ends(one, &granted(1)).ends(two, &then);
        breaks(&run, "handlers-overlap")
    };
    assert!(votes(granted(1)));
    assert!(!votes(denied(1)));
}

#[test]
fn fitting_entries_refused() {
    let behind = || append(1, [2, 1], &[], 0);
    let mut run = Run::new(3);
    run.accept(0, 1, &entries(1, &[1, 1])).wait(10).reject(0, 1, &behind()).wait(10);
    run.accept(0, 1, &behind());
    assert!(breaks(&run, "fitting-entries-refused"));

    let mut run = Run::new(3);
    run.reject(0, 1, &behind()).wait(10).accept(0, 1, &entries(1, &[1, 1])).wait(10);
    run.accept(0, 1, &behind());
    assert!(!breaks(&run, "fitting-entries-refused"));
}

/// A refusal of what fits any log tells nothing of the log, nor do others of that server.
#[test]
fn who_refuses_anything_has_not_lost_an_entry() {
    let refuses = |index| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).propose(0, 2, 1).accept(0, 1, &entries(1, &[1, 1]));
        // It may have cut its log there.
        run.accept(0, 1, &entries(1, &[1])).wait(10);
        run.reject(0, 1, &append(1, [2, 1], &[], 0)).wait(10);
        let prev = if index == 0 { [0, 0] } else { [index, 1] };
        run.reject(0, 1, &append(1, prev, &[1], 0));
        breaks(&run, "log-truncated")
    };
    assert!(!refuses(0));
    assert!(refuses(1));
}

#[test]
fn commit_of_refused_request() {
    // Server 1 has so many of its leader's entries. It refuses a request that comes too early and says that two are
    // committed: of entries that it has taken before it may believe that.
    let applies = |entries_before: &[u64]| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).propose(0, 2, 1);
        run.accept(0, 2, &entries(1, &[1, 1])).accept(0, 1, &entries(1, entries_before));
        run.reject(0, 1, &append(1, [4, 1], &[1], 2)).apply(1, 1).apply(1, 2);
        breaks(&run, "commit-of-refused-request")
    };
    assert!(applies(&[1]));
    assert!(!applies(&[1, 1]));
}

#[test]
fn deposed_leader_sends() {
    let sends = |term| {
        let mut run = Run::new(3);
        run.elect(0, 1).in_term(1, 2);
        let asked = run.asks(1, 0, &ask(2));
        run.answers(asked, &denied(2)).appends(0, 2, &heartbeat(term));
        breaks(&run, "deposed-leader-sends")
    };
    assert!(sends(2));
    // It was about to send this.
    assert!(!sends(1));
    // It is a candidate, and nobody has seen it lead. If somebody has, it has counted too few votes.
    let stands = |leads: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1).wait(100).in_term(0, 2);
        run.asks(0, 1, &ask(2));
        if leads {
            run.leads(0, 2);
        }
        run.appends(0, 2, &heartbeat(2));
        ["deposed-leader-sends", "leads-without-majority"].map(|id| breaks(&run, id))
    };
    assert_eq!(stands(false), [true, false]);
    assert_eq!(stands(true), [false, true]);
}

#[test]
fn voter_counted_twice() {
    let leads = |voters: &[u32]| {
        let mut run = Run::new(5);
        run.in_term(0, 1);
        voters.iter().for_each(|&voter| _ = run.vote(0, voter, 1));
        run.appends(0, 4, &heartbeat(1));
        breaks(&run, "voter-counted-twice")
    };
    assert!(leads(&[1, 1]));
    assert!(!leads(&[1, 1, 2]));
}

#[test]
fn prev_log_term_wrong() {
    let says = |term| {
        let mut run = applied();
        run.appends(0, 2, &append(2, [1, term], &[], 1));
        breaks(&run, "prev-log-term-wrong")
    };
    assert!(says(1));
    assert!(!says(2));
}

#[test]
fn snapshot_term_wrong() {
    let says = |term| {
        let mut run = applied();
        run.snapshot(0, 1).appends(0, 2, &append(2, [1, term], &[], 1));
        breaks(&run, "snapshot-term-wrong")
    };
    assert!(says(0));
    assert!(says(1));
    assert!(!says(2));
}

#[test]
fn entry_of_term_zero() {
    let says = |prev| {
        let mut run = applied();
        run.appends(0, 2, &append(2, prev, &[], 1));
        breaks(&run, "entry-of-term-zero")
    };
    assert!(says([1, 0]));
    assert!(!says([0, 0]));
}

#[test]
fn says_another_state() {
    let asks = |last_index| {
        let mut run = Run::new(3);
        run.accept(0, 1, &entries(1, &[1, 1])).wait(10).in_term(1, 2);
        run.asks(1, 2, &Ask { term: 2, last_term: 1, last_index });
        run.wait(10).accept(2, 1, &append(3, [2, 1], &[], 0));
        breaks(&run, "says-another-state")
    };
    assert!(asks(1));
    assert!(!asks(2));
}

#[test]
fn log_kept_over_snapshot() {
    let asks = |last_term, last_index| {
        let mut run = Run::new(3);
        run.accept(0, 2, &entries(1, &[1, 1, 1, 1]));
        let taken = run.installs(1, 2, [2, 2]);
        run.answers(taken, &json!({ "term": 2 })).wait(10).in_term(2, 3);
        run.asks(2, 0, &Ask { term: 3, last_term, last_index });
        breaks(&run, "log-kept-over-snapshot")
    };
    assert!(asks(1, 4));
    assert!(!asks(2, 2));
}

#[test]
fn applied_at_another_index() {
    let applies = |index| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).apply(1, index);
        breaks(&run, "applied-at-another-index")
    };
    assert!(applies(2));
    assert!(!applies(1));
}

#[test]
fn commit_goes_back() {
    let tells = |commit| {
        let mut run = Run::new(3);
        run.tell(1, (1, Role::Follower), [9, 1], 5).wait(200);
        run.tell(1, (1, Role::Follower), [9, 1], commit);
        breaks(&run, "commit-goes-back")
    };
    assert!(tells(4));
    assert!(!tells(5));
}

#[test]
fn an_entry_that_was_accepted_and_not_taken_over() {
    let applies = |command: &str| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose_command(0, [1, 1], "a").accept(0, 1, &entries(1, &[1]));
        run.elect(2, 2).propose_command(2, [1, 2], "b").accept(2, 1, &entries(2, &[2]));
        run.accept(2, 0, &entries(2, &[2])).accept(2, 1, &append(2, [1, 2], &[], 1));
        run.apply_command(1, 1, command);
        breaks(&run, "conflicting-suffix-kept")
    };
    assert!(applies("a"));
    assert!(!applies("b"));
    // A later leader's request has brought it back, and its handler has yet to end.
    let mut run = Run::new(3);
    run.elect(0, 1).propose_command(0, [1, 1], "a").accept(0, 1, &entries(1, &[1]));
    run.elect(2, 2).propose_command(2, [1, 2], "b").accept(2, 1, &entries(2, &[2]));
    run.elect(0, 3);
    let sent = run.appends(0, 1, &append(3, [0, 0], &[1], 1));
    run.delivers(sent).apply_command(1, 1, "a").ends(sent, &success(3));
    assert!(!breaks(&run, "conflicting-suffix-kept"));
}

/// A request that was sent before a snapshot may come after it: what the snapshot covers is compared with
/// nothing.
#[test]
fn a_late_request_within_a_snapshot() {
    let accepts = |installs: bool| {
        let mut run = Run::new(3);
        run.accept(0, 1, &entries(1, &[1, 1, 1]));
        run.elect(2, 2);
        if installs {
            let sent = run.installs(2, 1, [5, 2]);
            run.delivers(sent).apply_snapshot(1, 5, 20).ends(sent, &json!({"term": 2}));
        }
        run.accept(2, 1, &append(2, [2, 2], &[2, 2, 2], 0));
        breaks(&run, "log-mismatch-accepted")
    };
    assert!(accepts(false));
    assert!(!accepts(true));
}

/// A snapshot whose last entry isn't the server's own takes along all that follows, also if nobody sees that it is handed
/// on.
#[test]
fn what_follows_a_snapshot_may_be_gone_with_it() {
    let mut run = Run::new(3);
    run.elect(1, 1).appends(1, 2, &entries(1, &[1, 1, 1, 1]));
    run.wait(50).in_term(1, 2);
    let sent = run.installs(2, 1, [2, 2]);
    run.answers(sent, &json!({ "term": 2 })).wait(3000).in_term(1, 3);
    run.asks(1, 0, &Ask { term: 3, last_term: 2, last_index: 2 });
    run.wait(3000).step("wait");
    assert!(!breaks(&run, "log-truncated"));
}

#[test]
fn a_request_that_nothing_precedes_is_refused() {
    let mut run = Run::new(3);
    run.elect(0, 1).reject(0, 1, &heartbeat(1));
    assert!(breaks(&run, "fitting-entries-refused"));
    // Of an earlier term; and one that comes to a server that has more, and takes it for old.
    let mut run = Run::new(3);
    run.elect(0, 1);
    let late = run.appends(0, 1, &heartbeat(1));
    run.elect(2, 2).in_term(1, 2).answers(late, &refusal(2));
    assert!(!breaks(&run, "fitting-entries-refused"));
    let mut run = Run::new(3);
    run.elect(0, 1).propose(0, 1, 1);
    run.accept(0, 1, &entries(1, &[1])).reject(0, 1, &heartbeat(1));
    assert!(!breaks(&run, "fitting-entries-refused"));
}

#[test]
fn a_refusal_is_counted() {
    let commits = |then: fn(&mut Run, &crate::run::Append<'_>)| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).propose(0, 2, 1);
        then(&mut run, &append(1, [1, 1], &[1], 0));
        run.appends(0, 2, &append(1, [0, 0], &[1, 1], 2));
        let id = "refusal-counted";
        let others = ["commits-without-majority", "committed-before-any-answer"];
        let is_other = others.iter().any(|other| breaks(&run, other));
        assert_eq!(run.trips("M21"), breaks(&run, id) || is_other);
        breaks(&run, id)
    };
    assert!(commits(|run, request| _ = run.reject(0, 1, request)));
    assert!(!commits(|run, request| _ = run.appends(0, 1, request)), "without any answer");
    assert!(!commits(|run, request| _ = run.accept(0, 1, request)));
}

#[test]
fn a_snapshot_that_is_answered_and_not_installed() {
    let answers = |takes: bool, then: fn(&mut Run)| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).propose(0, 2, 1).snapshot(0, 2);
        let sent = run.installs(0, 1, [2, 1]);
        run.answers(sent, &json!({"term": 1}));
        if takes {
            run.wait(5).apply_snapshot(1, 2, 20);
        }
        then(run.wait(100));
        run.wait(1500).appends(0, 2, &heartbeat(1));
        breaks(&run, "snapshot-not-delivered")
    };
    let refuses = |run: &mut Run| _ = run.reject(0, 1, &append(1, [2, 1], &[], 0));
    let tells = |run: &mut Run| _ = run.tell(1, (1, Role::Follower), [0, 0], 0);
    assert!(answers(false, refuses));
    assert!(answers(false, tells));
    assert!(!answers(true, refuses), "it may refuse for another reason");
    assert!(!answers(false, |_| {}), "nothing shows whether it has it");
}

#[test]
fn a_snapshot_of_a_leader_whose_term_is_over() {
    let takes = |term: u64| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).snapshot(0, 1);
        run.elect(2, term).accept(2, 1, &heartbeat(term));
        let sent = run.installs(0, 1, [1, 1]);
        run.arrives(sent).apply_snapshot(1, 1, 20).ends(sent, &json!({"term": term}));
        breaks(&run, "old-leader-s-snapshot")
    };
    assert!(takes(2));
    // It was current when it came: the handler took its time.
    let mut run = Run::new(3);
    run.elect(0, 1).propose(0, 1, 1).snapshot(0, 1);
    let sent = run.installs(0, 1, [1, 1]);
    run.arrives(sent);
    run.elect(2, 2).accept(2, 1, &heartbeat(2));
    run.apply_snapshot(1, 1, 20).ends(sent, &json!({"term": 2}));
    assert!(!breaks(&run, "old-leader-s-snapshot"));
}

#[test]
fn what_no_client_has_started_is_applied() {
    let applies = |command: &str| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose_command(0, [1, 1], "a command").apply_command(0, 1, command);
        breaks(&run, "applied-what-nobody-started")
    };
    assert!(applies("no command"));
    assert!(!applies("a command"));
    // Its start() has yet to return.
    let mut run = Run::new(3);
    run.elect(0, 1).apply_command(0, 1, "a command").propose_command(0, [1, 1], "a command");
    assert!(!breaks(&run, "applied-what-nobody-started"));
}

#[test]
fn an_entry_that_was_replaced_is_there_still() {
    let asks = |last_term: u64| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).accept(0, 1, &entries(1, &[1]));
        run.elect(2, 2).propose(2, 1, 2).accept(2, 1, &entries(2, &[2]));
        run.wait(500).in_term(1, 3).asks(1, 0, &Ask { term: 3, last_term, last_index: 1 });
        breaks(&run, "conflicting-suffix-kept")
    };
    assert!(asks(1));
    assert!(!asks(2));
}

/// Server 0 leads, and sends its blank entry and then the first command, which has index 1 in the lab and index 2 in its
/// messages. They say so, or don't.
fn with_a_blank_entry(says_so: bool) -> Run {
    let mut run = Run::new(3);
    run.elect(0, 1).propose(0, 1, 1);
    for (prev, commit) in [(0, 0), (1, 1), (2, 2)] {
        for server in [1, 2] {
            let sent = if prev < 2 { json!([{ "term": 1 }]) } else { json!([]) };
            let mut args = json!({
                "term": 1, "leader_id": 0, "prev_log_index": prev, "prev_log_term": prev.min(1),
                "entries": sent, "leader_commit": commit,
            });
            if says_so {
                args["commands_before"] = json!(prev / 2);
            }
            let id = run.sends(0, server, "Raft.AppendEntries", &args);
            run.arrives(id).answers(id, &success(1));
        }
    }
    run.apply(0, 1).apply(1, 1).apply(2, 1);
    run
}

#[test]
fn entries_that_the_lab_gives_no_index_are_no_breach_if_messages_say_so() {
    let broken = |run: &Run| spec::judge(&run.story()).len();
    assert!(broken(&with_a_blank_entry(false)) > 0);
    let run = with_a_blank_entry(true);
    assert_eq!(broken(&run), 0, "{:?}", spec::judge(&run.story()));
}

#[test]
fn a_leader_that_counts_other_entries_may_accept_more_than_its_messages_show() {
    let broken = |says_so: bool| {
        let mut run = with_a_blank_entry(says_so);
        (2..=6).for_each(|index| _ = run.propose(0, index, 1));
        // It tells of them first when it asks for votes.
        run.wait(500).in_term(0, 2);
        run.asks(0, 1, &Ask { last_index: 7, last_term: 1, ..ask(2) });
        spec::judge(&run.story()).len()
    };
    assert!(broken(false) > 0);
    assert_eq!(broken(true), 0);
}

#[test]
fn a_leader_whose_messages_count_other_entries_is_judged_by_them() {
    // Its second term begins with a log that lacks what a majority had confirmed in its first.
    let mut run = with_a_blank_entry(true);
    let ask = Ask { last_index: 0, last_term: 0, ..ask(2) };
    run.in_term(1, 2).vote_with(1, 2, &ask);
    assert!(breaks(&run, "vote-for-outdated-log"));
}

#[test]
fn a_voter_that_counts_other_entries_may_have_accepted_more_than_its_messages_show() {
    let stays = |last_term| {
        let mut run = with_a_blank_entry(true);
        (2..=6).for_each(|index| _ = run.propose(0, index, 1));
        run.restart(0).wait(3000).in_term(0, 1).in_term(1, 3);
        let id = run.asks(1, 0, &Ask { last_index: 3, last_term, ..ask(3) });
        run.answers(id, &denied(1)).wait(200).in_term(0, 1);
        breaks(&run, "term-not-adopted")
    };
    assert!(!stays(1), "its log may be more up-to-date, and it may compare the logs first");
    assert!(stays(2), "it has accepted nothing in term 2");
}

/// Of a server that was interrupted nobody knows whether its log goes on.
#[test]
fn a_voter_whose_log_may_go_on_may_compare_it_first() {
    let stays = |last_term| {
        let mut run = Run::new(3);
        run.accept(0, 1, &entries(1, &[1]));
        let append = run.appends(0, 1, &append(1, [1, 1], &[1, 1], 0));
        run.arrives(append).wait(1).restart(1).wait(3000).in_term(1, 1).in_term(2, 3);
        let id = run.asks(2, 1, &Ask { last_index: 2, last_term, ..ask(3) });
        run.answers(id, &denied(1)).wait(200).in_term(1, 1);
        breaks(&run, "term-not-adopted")
    };
    assert!(!stays(1));
    assert!(stays(2), "it can have no entry of term 2");
}

#[test]
fn what_a_new_leader_appends_isnt_what_it_lost() {
    // Server 1 loses its log in a crash. Elected all the same, it appends an entry that is no command.
    let mut run = with_a_blank_entry(true);
    run.restart(1).restart(2).wait(500).in_term(1, 2).vote_with(1, 2, &ask(2)).leads(1, 2);
    let args = json!({
        "term": 2, "leader_id": 1, "prev_log_index": 0, "prev_log_term": 0, "entries": [{ "term": 2 }],
        "leader_commit": 0, "commands_before": 0,
    });
    run.sends(1, 2, "Raft.AppendEntries", &args);
    assert!(breaks(&run, "log-not-saved"));
    assert!(!breaks(&run, "says-another-state"));
}

/// A leader and server 1, whose log has entries 1 to 5, and a snapshot that its service calls the one of index 4. If
/// messages count other entries, too, it ends at index 5 of theirs.
fn with_a_snapshot(counts_others: bool) -> Run {
    let mut run = Run::new(3);
    run.elect(0, 1);
    let mut send = |prev: u64, entries: &[u64], commit: u64| {
        let entries: Vec<Value> = entries.iter().map(|term| json!({"term": term})).collect();
        let mut args = json!({
            "term": 1, "leader_id": 0, "prev_log_index": prev, "prev_log_term": u64::from(prev > 0),
            "entries": entries, "leader_commit": commit,
        });
        if counts_others {
            args["commands_before"] = json!(prev.saturating_sub(1));
        }
        run.call(0, 1, "Raft.AppendEntries", args, success(1));
    };
    send(0, &[1; 5], 0);
    send(5, &[], 5);
    (1..=4).for_each(|index| _ = run.apply(1, index));
    run.save(1, [90, 0]).snapshot(1, 4).save(1, [20, 40]);
    run
}

#[test]
fn what_a_snapshot_may_cover_may_be_refused_where_messages_count_other_entries() {
    let refuses = |counts_others: bool| {
        let mut run = with_a_snapshot(counts_others);
        run.restart(1).wait(100).in_term(1, 1);
        run.reject(0, 1, &append(1, [5, 1], &[], 5));
        spec::unsafe_steps(&run.story()).len()
    };
    assert_eq!(refuses(true), 0);
    assert_eq!(refuses(false), 1, "it has lost the entry at index 5");
}

#[test]
fn an_old_leader_s_snapshot_has_another_index_where_messages_count_other_entries() {
    let takes = |counts_others: bool| {
        let mut run = with_a_snapshot(counts_others);
        // Server 1 refuses a former leader's snapshot up to index 7, and takes one up to 8 from the new leader.
        run.in_term(1, 2).vote_with(1, 2, &Ask { last_index: 5, last_term: 1, ..ask(2) });
        let old = run.installs(0, 1, [7, 1]);
        run.answers(old, &json!({"term": 2})).elect(2, 3);
        run.installs(2, 1, [8, 3]);
        breaks(run.wait(10).apply_snapshot(1, 7, 40), "old-leader-s-snapshot")
    };
    assert!(!takes(true), "the service's index 7 is index 8 of the messages");
    assert!(takes(false));
}

#[test]
fn a_vote_may_tell_what_is_committed() {
    // Server 1 applies what its leader hasn't told it, after it was asked for its vote, or after it has asked.
    let applies = |asks: [u32; 2], told: Value| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1);
        run.accept(0, 1, &entries(1, &[1])).accept(0, 2, &entries(1, &[1])).apply(0, 1);
        run.accept(0, 2, &append(1, [1, 1], &[], 1)).apply(2, 1);
        let [candidate, voter] = asks;
        let mut args = json!({
            "term": 2, "candidate_id": candidate, "last_log_index": 1, "last_log_term": 1,
        });
        args["commit"] = told;
        run.in_term(candidate, 2);
        run.call(candidate, voter, "Raft.RequestVote", args, granted(2));
        breaks(run.apply(1, 1), "commits-beyond-new-entries")
    };
    assert!(!applies([2, 1], json!(1)), "the candidate says so");
    assert!(applies([2, 1], json!(0)));
    assert!(applies([2, 1], Value::Null));
    assert!(!applies([1, 2], json!(0)), "the voter may have answered so");
    assert!(applies([1, 2], Value::Null), "voters say no such thing here");
}

#[test]
fn a_follower_may_remember_what_an_earlier_request_of_its_leader_brought() {
    let knows = |term| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).propose(0, 2, 1);
        run.accept(0, 1, &entries(1, &[1, 1])).accept(0, 2, &entries(1, &[1, 1])).apply(0, 2);
        if term == 2 {
            run.elect(2, 2);
        }
        let leader = if term == 2 { 2 } else { 0 };
        // A late copy of an older request, with a newer commit index.
        run.accept(leader, 1, &append(term, [0, 0], &[1], 2));
        breaks(run.apply(1, 1).apply(1, 2), "commits-beyond-new-entries")
    };
    assert!(!knows(1));
    assert!(knows(2), "another leader's entries are another's");
}

#[test]
fn a_follower_may_remember_what_a_request_told_that_it_refused() {
    let breaks_it = |takes_earlier: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        (1..=3).for_each(|index| _ = run.propose(0, index, 1));
        run.accept(0, 2, &entries(1, &[1; 3])).apply(0, 1).apply(0, 2);
        // The first that comes to it is the later request; the earlier one knows of no commit.
        run.reject(0, 1, &append(1, [2, 1], &[1], 2));
        if takes_earlier {
            run.accept(0, 1, &entries(1, &[1, 1]));
        }
        breaks(run.apply(1, 1), "commit-of-refused-request")
    };
    assert!(!breaks_it(true), "its log is the leader's up to what is committed");
    assert!(breaks_it(false));
}

#[test]
fn a_follower_may_cut_its_log_where_it_refuses() {
    let cut = |prev_term, crashes: bool| {
        let mut run = Run::new(3);
        run.accept(0, 1, &entries(1, &[1, 1])).wait(10);
        if crashes {
            run.restart(1).wait(10);
        }
        run.in_term(1, 3).reject(2, 1, &append(3, [2, prev_term], &[3], 0)).wait(10);
        let ask = Ask { last_index: 1, last_term: 1, ..ask(4) };
        run.in_term(1, 4).asks(1, 0, &ask);
        run.trips("M7")
    };
    for crashes in [false, true] {
        assert!(!cut(2, crashes), "the entry at index 2 isn't the leader's");
        assert!(cut(1, crashes), "it is");
    }
}

#[test]
fn votes_count_in_a_later_life() {
    let leads = |is_elected: bool| {
        let mut run = Run::new(3);
        run.in_term(0, 1);
        match is_elected {
            true => run.vote(0, 1, 1).leads(0, 1),
            false => run.refuse(0, 1, 1),
        };
        run.restart(0).in_term(0, 1).leads(0, 1).appends(0, 1, &heartbeat(1));
        breaks(&run, "leads-without-majority")
    };
    assert!(!leads(true));
    assert!(leads(false));
}

/// A follower is sent an entry, in a field of this name, and then what follows the entry at `prev`.
fn accepts_behind(name: &str, prev: u64) -> bool {
    let mut run = Run::new(3);
    run.elect(0, 1).propose(0, 1, 1);
    for (prev, entries) in [(0, json!([{ "term": 1, "command": "100" }])), (prev, json!([]))] {
        let mut args = json!({
            "term": 1, "leader_id": 0, "prev_log_index": prev, "prev_log_term": prev.min(1), "leader_commit": 0,
        });
        args[name] = entries;
        let sent = run.sends(0, 1, "Raft.AppendEntries", &args);
        run.answers(sent, &success(1));
    }
    breaks(&run, "log-mismatch-accepted")
}

#[test]
fn entries_that_nobody_can_read_may_be_in_a_log() {
    assert!(!accepts_behind("entries", 1));
    assert!(accepts_behind("entries", 2));
    assert!(!accepts_behind("slots", 1));
}

/// What the run shows to be something else isn't taken for a term.
#[test]
fn numbers_that_cannot_be_terms_are_none() {
    let mut run = Run::new(3);
    run.elect(0, 1);
    for index in 1..=3 {
        run.propose(0, index, 1);
        let args = json!({
            "term": 1, "leader_id": 0, "prev_log_index": index - 1, "prev_log_term": u64::from(index > 1),
            "leader_commit": 0, "entries": [{ "serial": 10 + index, "command": "100" }],
        });
        run.call(0, 1, "Raft.AppendEntries", args, success(1));
    }
    assert!(!breaks(&run, "log-mismatch-accepted"));
}

#[test]
fn a_message_that_nobody_can_read_may_have_been_a_snapshot() {
    let accepts = |method, end, index: u64| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        if let Some(end) = end {
            let mut args = json!({ "term": 1, "leader_id": 0, "image": "of all five commands" });
            args[end] = json!(5);
            run.call(0, 1, method, args, json!({ "term": 1 }));
        }
        run.accept(0, 1, &append(1, [index, 1], &[], 0));
        breaks(&run, "log-mismatch-accepted")
    };
    assert!(accepts("Raft.Image", None, 5));
    assert!(!accepts("Raft.Image", Some("image_up_to"), 5));
    assert!(!accepts("Raft.InstallSnapshot", Some("up_to"), 5));
    // The last entry that a snapshot speaks of is the last that it includes.
    assert!(!accepts("Raft.InstallSnapshot", Some("lastIdx"), 5));
    assert!(accepts("Raft.InstallSnapshot", Some("lastIdx"), 6));
}

/// A leader's `start()` returns `index` for a command, which is applied at index 1.
#[test]
fn start_index_wrong() {
    let breaks_at = |index| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, index, 1).accept(0, 1, &entries(1, &[1])).apply(0, 1);
        breaks(&run, "start-index-wrong")
    };
    assert!(breaks_at(2));
    assert!(!breaks_at(1));
}

/// A leader applies its own command elsewhere than where its `start()` said, and nothing has moved its entries.
#[test]
fn start_returned_another_index_than_the_leader_applies() {
    let breaks_at = |server: u32, id: &str| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose_command(0, [2, 1], "a command");
        run.apply_command(server, 1, "a command");
        breaks(&run, id)
    };
    assert!(breaks_at(0, "start-index-wrong"));
    assert!(breaks_at(1, "applied-at-another-index"));
}

/// A leader's `start()` goes on counting from a command that never came into its log.
#[test]
fn command_not_appended() {
    let breaks_if = |is_lost: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose_command(0, [1, 1], "the first command");
        run.accept(0, 1, &entries(1, &[1])).propose_command(0, [2, 1], "the second command");
        // Its next term begins with a log that has the first only.
        let ask = Ask { last_index: 1, last_term: 1, ..ask(2) };
        run.wait(10).in_term(0, 2).vote_with(0, 1, &ask).leads(0, 2);
        run.propose_command(0, [3, 2], "the third command").wait(10);
        match is_lost {
            true => run.accept(0, 1, &append(2, [1, 1], &[], 0)),
            false => run.accept(0, 1, &append(2, [3, 2], &[], 0)),
        };
        breaks(&run, "command-not-appended")
    };
    assert!(breaks_if(true));
    assert!(!breaks_if(false));
}

/// What was confirmed and is then refused was cut by a request in between, or was never there.
#[test]
fn confirmed_not_appended() {
    let refuses = |is_cut: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1).accept(0, 1, &entries(1, &[1])).wait(10);
        run.accept(0, 1, &entries(1, &[1, 1])).wait(10);
        if is_cut {
            run.accept(0, 1, &entries(1, &[1])).wait(10);
        }
        run.reject(0, 1, &append(1, [2, 1], &[], 0));
        breaks(&run, "confirmed-not-appended")
    };
    assert!(refuses(false));
    assert!(!refuses(true));
}

#[test]
fn start_term_wrong() {
    let starts = |term| {
        let mut run = Run::new(3);
        run.elect(0, 1).elect(0, 2).appends(0, 1, &heartbeat(2));
        breaks(run.wait(10).propose(0, 1, term), "start-term-wrong")
    };
    assert!(starts(1));
    assert!(!starts(2));
}

#[test]
fn sends_in_former_term() {
    let refused = |term| {
        let mut run = Run::new(3);
        run.elect(0, 1).appends(0, 1, &heartbeat(1));
        run.wait(100).elect(0, 2).appends(0, 1, &heartbeat(2));
        let call = run.wait(50).appends(0, 1, &heartbeat(term));
        run.answers(call, &refusal(2));
        breaks(run.in_term(0, 2), "sends-in-former-term")
    };
    assert!(refused(1));
    assert!(!refused(2));
}

#[test]
fn own_vote_counted_twice() {
    let elected = |asked| {
        let mut run = Run::new(5);
        run.in_term(0, 1);
        for voter in asked {
            run.vote(0, voter, 1);
        }
        run.appends(0, 4, &heartbeat(1));
        breaks(&run, "voter-counted-twice")
    };
    assert!(elected([0, 1]));
    assert!(!elected([1, 2]));
}

/// A leader commits by what a follower confirmed to it in a term before another leader's.
#[test]
fn what_was_confirmed_in_an_earlier_term_is_counted() {
    let commits = |confirmed: &[u64], is_late: bool, rule: &str| {
        let mut run = Run::new(5);
        run.vote(0, 3, 1).vote(0, 4, 1).leads(0, 1).propose(0, 1, 1).propose(0, 2, 1);
        let kept = run.appends(0, 1, &append(1, [0, 0], confirmed, 0));
        run.arrives(kept).ends(kept, &success(1));
        if !is_late {
            run.returns(kept, Outcome::Replied);
        }
        run.vote(2, 3, 2).vote(2, 4, 2).leads(2, 2).propose(2, 1, 2);
        run.accept(2, 0, &entries(2, &[2])).accept(2, 1, &entries(2, &[2]));
        let ask = Ask { term: 3, last_term: 2, last_index: 1 };
        run.vote_with(0, 3, &ask).vote_with(0, 4, &ask).leads(0, 3).propose(0, 2, 3);
        if is_late {
            run.returns(kept, Outcome::Replied);
        }
        run.accept(0, 2, &append(3, [1, 2], &[3], 0)).appends(0, 3, &append(3, [1, 2], &[3], 2));
        assert!(run.trips("M21"));
        breaks(&run, rule)
    };
    assert!(commits(&[1, 1], false, "match-index-kept"));
    assert!(!commits(&[1], false, "match-index-kept"));
    assert!(commits(&[1, 1], true, "former-reply-counted"));
    assert!(!commits(&[1, 1], true, "match-index-kept"));
}

/// A request is handled, and what its receiver saves meanwhile has this size.
fn handled_and_saved(run: &mut Run, to: u32, request: &Append<'_>, state: u64) {
    let call = run.appends(0, to, request);
    run.arrives(call).save(to, [state, 0]).replies(call, &success(1));
}

/// An entry is gone after a crash. What was saved shows whether a request had taken it before.
#[test]
fn what_a_request_took_from_the_disk_a_crash_has_not_taken() {
    let breaks = |state: u64, rule: &str| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).propose(0, 2, 1);
        handled_and_saved(&mut run, 1, &append(1, [0, 0], &[1, 1], 0), 50);
        handled_and_saved(&mut run, 1, &append(1, [0, 0], &[1], 0), state);
        let ask = Ask { term: 2, last_term: 1, last_index: 1 };
        run.restart(1).wait(500).in_term(1, 2).vote_with(1, 2, &ask);
        breaks(&run, rule)
    };
    assert!(breaks(40, "log-truncated") && !breaks(40, "log-not-saved"));
    assert!(breaks(50, "log-not-saved") && !breaks(50, "log-truncated"));
}

/// The same of a vote.
#[test]
fn a_vote_that_a_request_took_from_the_disk_is_not_lost_in_a_crash() {
    let breaks = |state: u64, rule: &str| {
        let mut run = Run::new(3);
        run.vote(0, 1, 1).save(1, [20, 0]).leads(0, 1);
        handled_and_saved(&mut run, 1, &heartbeat(1), state);
        run.restart(1).vote(2, 1, 1);
        breaks(&run, rule)
    };
    assert!(breaks(19, "voted-twice") && !breaks(19, "vote-not-saved"));
    assert!(breaks(20, "vote-not-saved") && !breaks(20, "voted-twice"));
}

/// A server that is restarted applies what no leader has told it of.
#[test]
fn a_restarted_server_calls_its_whole_log_committed() {
    let broken = |hears: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).propose(0, 2, 1);
        run.accept(0, 1, &entries(1, &[1, 1])).restart(1);
        if hears {
            run.accept(0, 1, &append(1, [0, 0], &[], 0));
        }
        run.wait(100).apply(1, 1);
        assert!(
            breaks(&run, "saved-taken-for-applied") || breaks(&run, "commits-beyond-new-entries")
        );
        breaks(&run, "saved-taken-for-applied")
    };
    assert!(broken(false));
    assert!(!broken(true));
}

/// A server that saves what it takes has confirmed an entry without a save: it never had it, whatever came since.
#[test]
fn what_is_confirmed_without_a_save_was_never_appended() {
    let refuses = |is_saved: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        for (entries, is_saved) in [(&[1][..], true), (&[1, 1], is_saved)] {
            let id = run.appends(0, 1, &append(1, [0, 0], entries, 0));
            run.wait(1).arrives(id);
            if is_saved {
                run.save(1, [20 * entries.len() as u64, 0]);
            }
            run.replies(id, &success(1)).wait(10);
        }
        // Another request comes in between, which might have cut it.
        run.accept(0, 1, &entries(1, &[1])).wait(10);
        run.reject(0, 1, &append(1, [2, 1], &[], 0));
        ["confirmed-not-appended", "log-truncated"].map(|id| breaks(&run, id))
    };
    assert_eq!(refuses(false), [true, false]);
    assert_eq!(refuses(true), [false, true]);
}

/// The entry right behind a new snapshot is gone: the cut took one too many.
#[test]
fn what_is_lost_right_behind_a_snapshot_was_cut_with_it() {
    let refuses = |up_to: u64| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        (1..=3).for_each(|index| _ = run.propose(0, index, 1));
        run.accept(0, 1, &append(1, [0, 0], &[1, 1, 1], 0)).accept(0, 2, &entries(1, &[1, 1, 1]));
        run.accept(0, 1, &append(1, [3, 1], &[], 2)).apply(1, 1).apply(1, 2);
        run.snapshot(1, up_to).wait(10);
        run.reject(0, 1, &append(1, [3, 1], &[], 2));
        breaks(&run, "snapshot-offset-ignored")
    };
    assert!(refuses(2));
    assert!(!refuses(1));
}

/// A save without the snapshot that the one before it had: a run that passes tells it, and no rule fails the run.
#[test]
fn a_save_that_leaves_the_snapshot_out() {
    let told = |change: &dyn Fn(&mut Run)| {
        let mut run = Run::new(3);
        run.elect(0, 1).wait(10).save(1, [40, 100]).wait(10);
        change(&mut run);
        run.save(1, [40, 0]);
        let story = run.story();
        assert!(broken_promises(&story).is_empty());
        let told = overlooked(&story, &[]);
        told.iter().any(|it| it.id == "snapshot-erased" && it.confidence == Confidence::Likely)
    };
    assert!(told(&|_| {}));
    assert!(!told(&|run| _ = run.restart(1).wait(10)), "the first may not have been on the disk");
}

/// `start()` counts on from an earlier term, whose entries another leader has replaced.
#[test]
fn start_goes_on_from_an_earlier_term() {
    let returns = |index: u64| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        (1..=5).for_each(|index| _ = run.propose(0, index, 1));
        run.vote(2, 1, 2).leads(2, 2).propose(2, 1, 2).accept(2, 0, &entries(2, &[2]));
        let ask = Ask { term: 3, last_term: 2, last_index: 1 };
        run.vote_with(0, 1, &ask).leads(0, 3).propose(0, index, 3);
        [breaks(&run, "start-index-wrong"), breaks(&run, "entry-nobody-asked-for")]
    };
    assert_eq!(returns(6), [true, false]);
    assert_eq!(returns(4), [false, true]);
    assert_eq!(returns(2), [false, false]);
}

/// A candidate refuses the leader of its own term, as if only a later one counted.
#[test]
fn a_candidate_does_not_follow_the_leader_of_its_term() {
    let refuses = |prev: [u64; 2], term: u64| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1);
        run.accept(0, 1, &entries(1, &[1])).accept(0, 2, &entries(1, &[1]));
        let ask = Ask { term: 2, last_term: 1, last_index: 1 };
        run.in_term(1, 2);
        run.asks(1, 0, &ask);
        run.vote_with(0, 2, &Ask { term, ..ask }).leads(0, term);
        run.reject(0, 1, &append(term, prev, &[], 0));
        ["leader-not-followed", "confirmed-not-appended"].map(|id| breaks(&run, id))
    };
    assert_eq!(refuses([1, 1], 2), [true, false]);
    assert_eq!(refuses([5, 1], 2), [false, false], "it has no such entry");
    assert_eq!(refuses([1, 1], 3), [false, true], "it stood in an earlier term");
}

/// Who has followed the leader of its term is no candidate any more.
#[test]
fn who_has_followed_a_leader_is_no_candidate() {
    let refuses = |has_followed: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).accept(0, 1, &entries(1, &[1])).in_term(1, 2);
        let ask = Ask { term: 2, last_term: 1, last_index: 1 };
        run.asks(1, 0, &ask);
        run.vote_with(0, 2, &ask).leads(0, 2);
        if has_followed {
            run.accept(0, 1, &append(2, [0, 0], &[1], 0));
        }
        run.wait(10).reject(0, 1, &append(2, [1, 1], &[], 0));
        breaks(&run, "leader-not-followed")
    };
    assert!(refuses(false));
    assert!(!refuses(true));
}

/// A voter whose log ends where its snapshot does votes for a shorter log. What it tells of its last entry shows why.
#[test]
fn a_voter_takes_another_term_for_the_end_of_its_snapshot() {
    let breaks = |term: u64, rule: &str| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).propose(0, 2, 1).accept(0, 1, &entries(1, &[1, 1]));
        run.apply(1, 1).apply(1, 2).snapshot(1, 2).wait(500).in_term(2, 2);
        let ask = Ask { term: 2, last_term: 1, last_index: 1 };
        let asked = run.asks(2, 1, &ask);
        run.arrives(asked).ends(asked, &granted(2)).tell(1, (2, Role::Follower), [2, term], 2);
        breaks(&run, rule)
    };
    assert!(breaks(0, "snapshot-term-wrong") && !breaks(0, "vote-for-outdated-log"));
    assert!(breaks(1, "vote-for-outdated-log") && !breaks(1, "snapshot-term-wrong"));
}

/// A follower tells of an entry with the term of the request that brought it.
#[test]
fn an_entry_keeps_its_term() {
    let breaks = |told: u64| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).accept(0, 2, &entries(1, &[1]));
        run.elect(2, 3).accept(2, 1, &append(3, [0, 0], &[1], 0)).wait(10);
        let id = run.appends(2, 1, &append(3, [1, 1], &[], 0));
        let refusal = json!({ "term": 3, "success": false, "conflict_term": told });
        run.answers(id, &refusal);
        breaks(&run, "entry-term-changed")
    };
    assert!(breaks(3));
    assert!(!breaks(2));
    let stands = |last_term: u64| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).accept(0, 2, &entries(1, &[1]));
        run.elect(2, 3).accept(2, 1, &append(3, [0, 0], &[1], 0)).wait(500);
        run.in_term(1, 4).asks(1, 0, &Ask { term: 4, last_term, last_index: 1 });
        super::broken(&run).contains(&"entry-term-changed")
    };
    assert!(stands(3));
    assert!(!stands(1));
}
