//! The state machine alone: what stands behind what.

use std::time::Duration;

use bytes::Bytes;
use raftapi::{ApplyMsg, Index};
use tracing_test::traced_test;

use crate::bug::Bug;
use crate::message::{
    AppendEntriesArgs, AppendEntriesReply, Number, Reply, Request, RequestVoteArgs,
    RequestVoteReply,
};
use crate::saved::Saved;
use crate::style::Style;

use super::{Input, Machine, Output, Taken, View, When};

const LATE: Duration = Duration::from_secs(2);

fn machine(style: &str) -> Machine {
    let style = style.parse().expect("there is such a style");
    Machine::new((0, 3), (style, Bug::None), (Saved::default(), Bytes::new()), 1)
}

/// Server 0 of three, which leads term 1 and has sent its first heartbeats. All is safe.
fn leader(style: &str) -> Machine {
    let mut machine = machine(style);
    let mut outputs = machine.step(LATE, []);
    for _ in ["pre-vote", "vote"] {
        let replies = requests(&outputs).into_iter().filter_map(|(to, request, _)| match request {
            Request::PreVote(args) => {
                Some(Reply::PreVote(RequestVoteReply { term: 0, ..grant(to, args.number) }))
            }
            Request::RequestVote(args) => Some(Reply::RequestVote(grant(to, args.number))),
            _ => None,
        });
        let replies: Vec<Input> = replies.map(Input::Reply).collect();
        outputs = machine.step(LATE, replies);
    }
    machine.step(LATE, [Input::Synced { write: 1 }]);
    assert_eq!(machine.shown(), View { term: 1, leads: true, next_index: 1 });
    let first = requests(&outputs);
    assert_eq!(first.len(), 2, "{outputs:?}");
    let replies = first.into_iter().map(|(to, request, _)| accept(to, &request));
    let replies: Vec<Input> = replies.collect();
    machine.step(LATE, replies);
    machine
}

fn grant(from: usize, number: Number) -> RequestVoteReply {
    RequestVoteReply { number, from, term: 1, vote_granted: true }
}

fn accept(from: usize, request: &Request) -> Input {
    Input::Reply(Reply::AppendEntries(AppendEntriesReply {
        number: request.number(),
        from,
        term: 1,
        success: true,
        retry_from: 0,
    }))
}

fn requests(outputs: &[Output]) -> Vec<(usize, Request, When)> {
    let sent = outputs.iter().filter_map(|output| match output {
        Output::Send { to, request, when } => Some((*to, request.clone(), *when)),
        _ => None,
    });
    sent.collect()
}

fn append(request: &Request) -> &AppendEntriesArgs {
    match request {
        Request::AppendEntries(args) => args,
        other => panic!("{other:?} is no AppendEntries"),
    }
}

fn applied(outputs: &[Output]) -> Vec<Index> {
    let applied = outputs.iter().filter_map(|output| match output {
        Output::Apply(ApplyMsg::Command { index, .. }) => Some(*index),
        _ => None,
    });
    applied.collect()
}

fn command(index: Index) -> Input {
    Input::Command(Taken { term: 1, index, command: Bytes::new() })
}

#[test]
fn a_vote_waits_for_the_disk() {
    let mut machine = machine("Actor");
    let args = RequestVoteArgs {
        number: 7,
        term: 1,
        candidate_id: 2,
        last_log_index: 0,
        last_log_term: 0,
    };
    let request = Request::RequestVote(args);
    let outputs = machine.step(Duration::ZERO, [Input::Request { ticket: 3, request }]);
    let [write, show, reply] = &outputs[..] else { panic!("{outputs:?}") };
    let Output::Write { write: 1, state, .. } = write else { panic!("{write:?}") };
    let saved: Saved = labgob::decode(state).expect("it was encoded here");
    assert_eq!((saved.current_term, saved.voted_for), (1, Some(2)));
    assert_eq!((show.when(), reply.when()), (When::Safe, When::Safe));
    let granted = RequestVoteReply { number: 7, from: 0, term: 1, vote_granted: true };
    let reply_expected = Output::Reply { ticket: 3, to: 2, reply: Reply::RequestVote(granted) };
    assert_eq!(*reply, reply_expected);
}

#[test]
fn a_leader_counts_itself_when_its_disk_is_done() {
    for (style, when) in [("Actor", When::Safe), ("LeaderDiskInParallel", When::Now)] {
        let mut machine = leader(style);
        let outputs = machine.step(LATE, [command(1)]);
        let [(first, request, sent), (second, other, _)] = &requests(&outputs)[..] else {
            panic!("{outputs:?}")
        };
        assert_eq!(*sent, when, "{style}");

        // One of three has it, and then the leader does, too.
        assert_eq!(applied(&machine.step(LATE, [accept(*first, request)])), [0; 0], "{style}");
        assert_eq!(applied(&machine.step(LATE, [Input::Synced { write: 2 }])), [1], "{style}");

        // Or both of the others have it.
        let outputs = machine.step(LATE, [accept(*second, other), command(2)]);
        let both = requests(&outputs).into_iter().filter(|(_, request, _)| {
            matches!(request, Request::AppendEntries(args) if !args.entries.is_empty())
        });
        let both: Vec<Input> = both.map(|(to, request, _)| accept(to, &request)).collect();
        assert_eq!(both.len(), 2, "{outputs:?}");
        assert_eq!(applied(&machine.step(LATE, both)), [2], "{style}");
    }
}

#[test]
fn entries_are_sent_ahead_and_taken_back() {
    let mut machine = leader("Actor");
    let mut sent = Vec::new();
    for index in 1..=3 {
        let outputs = machine.step(LATE, [command(index)]);
        let mut to_1 = requests(&outputs).into_iter().filter(|(to, ..)| *to == 1);
        let (_, request, _) = to_1.next().expect("it sends without waiting for replies");
        assert_eq!(
            (append(&request).prev_log_index, append(&request).entries.len()),
            (index - 1, 1)
        );
        sent.push(request);
    }

    // The second is lost, so the third is refused; the first has come.
    let refused = Input::Reply(Reply::AppendEntries(AppendEntriesReply {
        number: sent[2].number(),
        from: 1,
        term: 1,
        success: false,
        retry_from: 2,
    }));
    let outputs = machine.step(LATE, [accept(1, &sent[0]), refused]);
    let again = requests(&outputs);
    let [(1, request, _)] = &again[..] else { panic!("{outputs:?}") };
    assert_eq!((append(request).prev_log_index, append(request).entries.len()), (1, 2));

    // That the second was lost is no news.
    let outputs = machine.step(LATE, [Input::Lost(sent[1].number())]);
    assert_eq!(requests(&outputs), []);
}

#[test]
fn a_leader_that_hears_from_nobody_follows() {
    let mut machine = leader("Actor");
    let mut now = LATE;
    while machine.step(now, []).iter().all(|output| !matches!(output, Output::Show { .. })) {
        now = machine.wakes_at();
        assert!(now <= LATE + Duration::from_secs(1));
    }
    let View { term, leads, .. } = machine.shown();
    assert_eq!((term, leads, now), (1, false, LATE + Duration::from_millis(600)));
}

#[test]
fn each_style_has_a_name_of_its_own() {
    for style in Style::ALL {
        assert_eq!(style.name.parse(), Ok(style));
    }
}

#[test]
fn a_lost_request_is_repeated_at_once_where_that_is_the_style() {
    for (style, repeats) in [("Plain", 0), ("TriesAtOnce", 1)] {
        let mut machine = machine(style);
        let asked = requests(&machine.step(LATE, []));
        let (voter, request, _) = &asked[0];
        let again = requests(&machine.step(LATE, [Input::Lost(request.number())]));
        let to: Vec<usize> = again.iter().map(|(to, ..)| *to).collect();
        assert_eq!(to, vec![*voter; repeats], "{style}");
    }
}

#[test]
fn a_higher_term_restarts_the_timer_where_that_is_the_style() {
    for (style, restarts) in [("Plain", false), ("RestartsForTerms", true)] {
        let mut machine = machine(style);
        let asked = requests(&machine.step(LATE, []));
        let (voter, request, _) = &asked[0];
        let before = machine.wakes_at();
        let refused =
            RequestVoteReply { term: 9, vote_granted: false, ..grant(*voter, request.number()) };
        machine.step(LATE, [Input::Reply(Reply::RequestVote(refused))]);
        assert_eq!(machine.wakes_at() != before, restarts, "{style}");
    }
}

#[traced_test]
#[test]
fn what_becomes_of_a_leader_is_logged() {
    let mut machine = leader("Actor");
    assert!(logs_contain("starts an election me=0 term=1"));
    assert!(logs_contain("leads me=0 term=1"));
    assert!(!logs_contain("sees a higher term me=0 term=2"));
    let reply = RequestVoteReply { term: 2, vote_granted: false, ..grant(1, Number::default()) };
    machine.step(LATE, [Input::Reply(Reply::RequestVote(reply))]);
    assert!(logs_contain("sees a higher term me=0 term=2 was=1"));
}
