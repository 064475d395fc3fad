//! What is drawn: lanes, bars, arrows and states.

use page::{Count, End, Kind, Layout, MarkKind, Message, Picture, Verdict, statistics};
use report::explain::Explanation;
use report::{Outcome, Role, Story, explain};
use serde_json::Value;
use testkit::written::{Run, ask, heartbeat, refusal, success};

use crate::run::{behind, failed, read, seed_case};

fn picture(stored: &Value) -> Picture {
    let record = read(stored);
    let story = Story::new(&record.to_history(), record.servers as usize);
    let explanation = record.failure.as_ref().map(|failure| explain(&story, failure));
    Picture::of(&record, &story, &explanation.unwrap_or_default())
}

fn votes(picture: &Picture, from: u32, term: u64) -> Vec<&Message> {
    let is_meant = |own: &&Message| own.from == from && own.term == Some(term);
    picture.messages.iter().filter(is_meant).collect()
}

#[test]
fn the_seed_s_case_shows_when_votes_were_asked_for_and_when_the_answers_came() {
    let picture = picture(&failed(&seed_case()));
    assert_eq!(picture.window, [3_000_000, 8_000_000]);
    let [first, second] = votes(&picture, 2, 4)[..] else { panic!("two requests") };
    // One has not returned; the other has, after 6.4 s, and could not be delivered.
    assert_eq!((first.sent, first.returned, first.end), (1_400_000, None, End::Open));
    assert_eq!((second.returned, second.end), (Some(7_800_000), End::Unreachable));
    assert_eq!(second.delivered, None);
    // Each is a bar of its own in the lane of server 2, for as long as it was under way.
    assert_ne!(first.row, second.row);
    assert!(first.row.is_some() && second.row.is_some());
    assert_eq!(picture.lanes[2].rows, 2);
    // The picture opens with all that proves the finding, and ends with the failure.
    let flags: Vec<u64> = picture.flags.iter().filter(|flag| flag.is_first).map(|f| f.at).collect();
    assert_eq!(flags, [1_400_000, 2_000_000, 3_000_000], "{:?}", picture.flags);
    assert!(picture.opens[0] < 1_400_000 && picture.opens[1] > 8_000_000, "{:?}", picture.opens);
    assert_eq!(picture.flags[0].server, Some(2));
    assert!(first.is_proof && second.is_proof);
}

#[test]
fn a_lane_has_roles_terms_and_what_was_cut_off() {
    let picture = picture(&failed(&seed_case()));
    let lane = &picture.lanes[2];
    let stays: Vec<_> = lane.stays.iter().map(|stay| (stay.at, stay.role, stay.term)).collect();
    assert_eq!(
        stays,
        [
            (0, Some(Role::Follower), Some(0)),
            (300_000, Some(Role::Follower), Some(3)),
            (1_400_000, Some(Role::Candidate), Some(4))
        ]
    );
    assert_eq!(lane.cut, [[1_000_000, 3_000_000]]);
    assert_eq!(picture.lanes[1].cut, [[1_000_000, 8_000_000]], "to the end of the run");
    let marks = |server: usize| -> Vec<(u64, MarkKind, &str)> {
        let marks = picture.lanes[server].marks.iter();
        marks.map(|mark| (mark.at, mark.kind, picture.texts[mark.text].as_str())).collect()
    };
    assert_eq!(
        marks(2),
        [
            (300_000, MarkKind::Grant, "votes for S1 in term 3"),
            (1_400_000, MarkKind::Election, "starts an election, term 4")
        ]
    );
    assert_eq!(marks(1)[1], (300_000, MarkKind::Lead, "leads term 3"));
    let up: Vec<_> = picture.up.iter().map(|up| (up.at, &up.servers[..], up.is_majority)).collect();
    assert_eq!(
        up,
        [(0, &[0, 1, 2][..], true), (1_000_000, &[0][..], false), (3_000_000, &[0, 2][..], true)]
    );
}

#[test]
fn a_check_lasts_until_the_next_step_and_the_failing_one_to_the_failure() {
    let mut run = Run::new(3);
    run.step("check_terms").at(500).step("check_one_leader");
    run.at(900).looks(1).at(1000);
    let picture = picture(&failed(&run));
    let checks: Vec<_> =
        picture.checks.iter().map(|own| (own.at, own.until, own.has_failed)).collect();
    assert_eq!(checks, [(0, 500_000, false), (500_000, 1_000_000, true)]);
    assert_eq!((picture.looks[0].at, picture.looks[0].leader), (900_000, None));
    assert_eq!(picture.failed_at, Some(1_000_000));
}

#[test]
fn a_crash_empties_the_lane_and_its_calls_stay() {
    let mut run = Run::new(3);
    run.at(100).leads(0, 1);
    let lost = run.appends(0, 1, &behind(1, 0, &[1]));
    let late = run.appends(0, 2, &heartbeat(1));
    run.delivers(late).ends(late, &refusal(1));
    run.at(110)
        .returns(lost, Outcome::RequestLost)
        .at(300)
        .returns(late, Outcome::Replied)
        .at(400)
        .crash(0);
    let picture = picture(&run.stored());
    let last = picture.lanes[0].stays.last().expect("it was something");
    assert_eq!((last.at, last.role), (400_000, None));
    let [lost, late] = &picture.messages[..] else { panic!("two messages") };
    assert_eq!((lost.kind, lost.entries, lost.end), (Kind::Append, 1, End::RequestLost));
    assert_eq!(lost.row, None, "10 ms are no bar");
    assert_eq!((late.kind, late.verdict, late.row), (Kind::Heartbeat, Verdict::No, Some(0)));
    assert_eq!((late.delivered, late.returned), (Some(100_000), Some(300_000)));
    let says = &picture.texts[late.args.expect("it says something")];
    assert!(says.contains("prev_log_index: 0") && says.contains("entries: []"), "{says}");
}

#[test]
fn more_calls_than_rows_are_under_way_and_votes_have_a_row() {
    let mut run = Run::new(3);
    run.at(100).leads(0, 1);
    for _ in 0..20 {
        run.appends(0, 1, &heartbeat(1));
    }
    run.asks(0, 2, &ask(2));
    run.at(5000);
    let picture = picture(&run.stored());
    let rows: Vec<_> = picture.messages.iter().map(|own| own.row).collect();
    assert_eq!(rows.last(), Some(&Some(0)), "{rows:?}");
    assert_eq!(rows.iter().flatten().count(), 6);
    assert_eq!(picture.lanes[0].rows, 7, "one for all that have none");
    let layout = Layout::of(&picture);
    let lane = layout.lanes[0] + layout.role + layout.marks + 7 * layout.row;
    assert!(lane < layout.lanes[1], "{layout:?}");
    assert!(layout.lanes[2] + layout.role + layout.marks < layout.height);
}

#[test]
fn logs_are_known_by_what_messages_show() {
    let mut run = Run::new(3);
    run.at(100).leads(0, 1);
    run.propose_command(0, [1, 1], "100").propose_command(0, [2, 1], "200");
    let sent = run.appends(0, 1, &behind(1, 0, &[1, 1]));
    run.at(200).in_term(1, 1).delivers(sent).ends(sent, &success(1));
    run.returns(sent, Outcome::Replied).at(300);
    let picture = picture(&run.stored());
    let of = |server: u32| -> Vec<_> {
        let steps = picture.logs.iter().filter(|step| step.server == server);
        steps.map(|step| (step.at, step.kept, step.terms.clone())).collect()
    };
    assert_eq!(of(0)[0], (100_000, 0, vec![(1, 2)]));
    assert_eq!(of(1), [(200_000, 0, vec![(1, 2)])]);
    assert!(of(2).is_empty());
    let commands: Vec<_> =
        picture.commands.iter().map(|own| (own.0, own.1, &picture.texts[own.2])).collect();
    assert_eq!(commands, [(1, 1, &"\"100\"".to_owned()), (2, 1, &"\"200\"".to_owned())]);
}

#[test]
fn statistics_count_what_became_of_calls() {
    let record = read(&failed(&seed_case()));
    let story = Story::new(&record.to_history(), 3);
    let counts = statistics(&story);
    let count = |from, to| counts[&(from, to, Kind::Vote)];
    let one = Count { sent: 1, bytes: 64, ..Count::default() };
    assert_eq!(count(1, 2), Count { replied: 1, ..one });
    assert_eq!(count(2, 1), Count { unreachable: 1, ..one });
    assert_eq!(count(2, 0), Count { open: 1, ..one });
}

#[test]
fn a_run_of_nobody_is_drawn() {
    let mut run = Run::new(0);
    run.at(1);
    let picture = picture(&run.stored());
    assert!(picture.lanes.is_empty() && picture.messages.is_empty());
    assert!(picture.opens[0] < picture.opens[1]);
    assert_eq!(Explanation::default().findings.len(), 0);
}
