//! The page as text: the same bytes for the same run, of a bounded size, and no markup of a student's.

use page::{page, page_within};
use report::Outcome;
use report::why::Why;
use serde_json::{Value, json};
use testkit::written::{Run, ask};

use crate::run::{behind, failed, read, seed_case};

/// The JSON in the element of the page with this id.
fn embedded(page: &str, id: &str) -> Value {
    let begin = format!("<script id=\"{id}\" type=\"application/json\">");
    let at = page.find(&begin).expect("it is there") + begin.len();
    let end = page[at..].find("</script>").expect("it ends");
    serde_json::from_str(&page[at..at + end]).expect("it is JSON")
}

#[test]
fn the_same_history_gives_the_same_bytes() {
    let record = read(&failed(&seed_case()));
    assert_eq!(page(&record, None, None), page(&read(&failed(&seed_case())), None, None));
    assert_eq!(page(&record, Some(&record), None), page(&record, Some(&record), None));
}

#[test]
fn header_explanation_and_still_picture_need_no_script() {
    let page = page(&read(&failed(&seed_case())), None, None);
    let (still, script) = page.split_at(page.find("<script").expect("there is a script"));
    for text in [
        "FAILED",
        "expected one leader, got none",
        "cargo test TestX",
        "election-not-restarted",
        "href=\"#t=1.4&amp;s=2&amp;c=",
        "<svg id=\"still\"",
        "candidate",
        "RequestVote term 4 to S1: unreachable, failed after 6.40 s",
        "S0 → S1",
    ] {
        assert!(still.contains(text), "no {text:?}");
    }
    assert!(script.contains("use strict"));
    for outside in ["http://", "https://", "src=\"", "@import", "url("] {
        assert!(!page.contains(outside), "{outside} is in the page");
    }
}

#[test]
fn a_student_s_texts_are_no_markup() {
    let hostile = "</script><script>x()</script><img src=x onerror=x()>\u{1b}[2J\u{202e}\u{2028}";
    let mut run = seed_case();
    run.logs(0, hostile).at(9000).step(hostile);
    let mut stored = failed(&run);
    for field in ["test", "replay", "clock", "banner"] {
        stored[field] = json!(hostile);
    }
    stored["warnings"] = json!([hostile]);
    stored["failure"]["message"] = json!(format!("{hostile}\n{hostile}"));
    let record = read(&stored);
    let page = page(&record, Some(&record), None);
    assert!(!page.contains("<script>x()") && !page.contains("<img"), "markup is markup");
    assert!(!page.contains(['\u{1b}', '\u{202e}', '\u{2028}']), "a control is in the page");
    // It is shown all the same.
    assert!(page.contains("&lt;img src=x onerror=x()&gt;\\u{1b}[2J\\u{202e}"));
    let texts = embedded(&page, "run")["texts"].to_string();
    assert!(texts.contains("</script><script>x()</script>"), "{texts}");
}

/// How large the pages of the long runs may be: those runs take some MB.
const LIMIT: usize = 400_000;

/// A leader that sends so many heartbeats, each of which is answered.
fn long(calls: u64, text: &str) -> Run {
    let mut run = Run::new(3);
    run.step("one").at(10).leads(0, 1);
    for call in 0..calls {
        run.at(10 + call);
        if call == calls * 9 / 10 {
            run.step("check_one_leader");
        }
        let id = run.appends(0, 1 + (call % 2) as u32, &behind(1, call, &[1]));
        let reply = json!({ "term": 1, "success": true, "text": format!("{text}{call}") });
        run.delivers(id)
            .ends(id, &reply)
            .returns(id, Outcome::Replied)
            .logs(0, &format!("{text} {call}"));
    }
    run
}

#[test]
fn of_a_long_run_the_failing_window_is_whole() {
    let calls = 3_000;
    let record = read(&failed(&long(calls, &"text ".repeat(6))));
    assert!(page(&record, None, None).len() > 2 * LIMIT, "it isn't long");
    let page = page_within(&record, None, None, LIMIT);
    assert!(page.len() <= LIMIT, "{} bytes", page.len());
    assert!(page.contains("id=\"left-out\""), "it isn't said that something is left out");
    let run = embedded(&page, "run");
    let rows = run["messages"].as_array().expect("a list");
    let window = run["window"][0].as_u64().expect("a time");
    let is_inside = |row: &&Value| row[6].as_u64() >= Some(window);
    let inside: Vec<&Value> = rows.iter().filter(is_inside).collect();
    assert_eq!(inside.len() as u64, calls / 10, "messages of the failing window");
    // Each with what it says.
    assert!(inside.iter().all(|row| row[12].as_i64() >= Some(0)));
}

#[test]
fn no_run_is_too_long_for_a_page() {
    // All of it is in the failing window.
    let mut run = long(600, &"text ".repeat(80));
    for term in 2..1_500 {
        run.at(5_000 + term).asks(0, 1, &ask(term));
    }
    run.at(100_000);
    let mut stored = failed(&run);
    let events = stored["events"].as_array_mut().expect("a list");
    events.retain(|event| event["what"] != "check_one_leader");
    let record = read(&stored);
    let alone = page_within(&record, None, None, LIMIT);
    assert!(alone.len() <= LIMIT, "{} bytes", alone.len());
    let compared = page_within(&record, Some(&record), None, LIMIT);
    assert!(compared.len() <= LIMIT, "{} bytes", compared.len());
    assert!(alone.contains("id=\"left-out\""));
    // What proves the finding is there, whatever is left out.
    let run = embedded(&alone, "run");
    let rows = run["messages"].as_array().expect("a list");
    assert!(rows.len() > 100, "{}", rows.len());
    for flag in run["flags"].as_array().expect("a list") {
        for call in flag["calls"].as_array().expect("a list") {
            assert!(rows.iter().any(|row| row[0] == *call), "call {call} is gone");
        }
    }
}

#[test]
fn what_is_missing_of_a_history_is_said() {
    let mut stored = failed(&seed_case());
    stored["dropped"] = json!(1234);
    let record = read(&stored);
    assert!(page(&record, None, None).contains("its 1234 oldest events are missing"));
}

/// What `cargo lab why` could have found about the seed's case.
fn found() -> Why {
    let point =
        |at, failed| json!({ "at": at, "runs": 30, "failed": failed, "least": 0.1, "most": 0.9 });
    let call = json!({ "call": { "id": 1, "method": "Raft.<b>", "from": { "server": 2, "incarnation": 1 },
        "to": 1, "term": 4, "sent": 1_400_000 } });
    let at_lost = json!({ "runs": 90, "failed": 90, "least": 0.96, "most": 1.0 });
    let why = json!({
        "format": 1, "test": "TestX", "seed": 7, "history": "h", "curve": [point(0, 4), point(1_400_000, 12), point(1_500_000, 30)],
        "failure": { "kind": "liveness", "message": "m", "location": "", "at": 9_000_000, "check": { "check": "script" } },
        "interval": { "open": 1_400_000, "last_pass": 1_400_000, "lost": 1_500_000, "felt": 1_500_000,
            "at_lost": at_lost, "since": at_lost },
        "sources": [], "tried": 8, "left_out": 0, "specification": null,
        "causes": [{ "what": call, "was": "no answer", "changed": ["told <at once>"], "tried": 4, "turned": 1, "variation": {} }],
    });
    serde_json::from_value(why).expect("it is what is stored")
}

#[test]
fn when_the_run_was_lost_is_told_and_drawn() {
    let record = read(&failed(&seed_case()));
    let asked = page(&record, None, Some(&found()));
    for text in [
        "Until when could it have passed?",
        "<a href=\"#t=1.4&amp;s=2&amp;c=1\">call 1, Raft.&lt;b&gt; of term 4, server 2 to 1, sent at 1.400 s</a>",
        "passes if: told &lt;at once&gt;",
        "from 1.500 s on, 90 of 90 do",
        "<polygon class=\"chance\"",
        "<rect class=\"lost\"",
    ] {
        assert!(asked.contains(text), "no {text:?}");
    }
    let picture = embedded(&asked, "run");
    assert_eq!(
        picture["chance"]["points"][1],
        json!({ "at": 1_400_000, "runs": 30, "failed": 12 })
    );
    let unasked = page(&record, None, None);
    assert!(unasked.contains("cargo lab why TestX --seed 7") && !unasked.contains("<polygon"));
    let mut never = found();
    never.interval = None;
    assert!(
        page(&record, None, Some(&never))
            .contains("Never: this code can't pass this test. 4 of 30 runs")
    );
}
