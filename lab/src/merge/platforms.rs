//! What platforms for courses read. Each form is for one submission, as each platform grades one at a time.

use std::collections::BTreeMap;
use std::env;

use serde_json::{Value, json};

use super::items::{Item, JUDGED, Sheet};
use crate::course::{Course, rounded};
use crate::standing::Outcome;

/// The most that is told of a submission, in characters. PrairieLearn takes 1 MB in all, and Gradescope shows little
/// more than this.
const OUTPUT: usize = 50_000;

fn text(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("a value is plain data") + "\n"
}

fn short(text: &str) -> String {
    text.chars().take(OUTPUT).collect()
}

/// What is said of the whole.
fn summary(sheet: &Sheet) -> String {
    let mut lines =
        vec![format!("{}: {} of {} points", sheet.outcome.word(), sheet.sum, sheet.max)];
    lines.extend(sheet.deductions.iter().map(|(rule, points)| {
        let rule = if rule == "any" { "a rule" } else { rule };
        format!("{points} points off, because {rule} was broken")
    }));
    if !sheet.message.is_empty() {
        lines.push(sheet.message.clone());
    }
    lines.join("\n")
}

/// Gradescope's results.json.
pub(super) fn gradescope(sheet: &Sheet, course: &Course) -> String {
    let test = |(number, item): (usize, &Item)| {
        json!({
            "name": item.test,
            "number": format!("{}.{}", item.part, number + 1),
            "score": item.points,
            "max_score": item.max,
            "status": if item.is_passed() { "passed" } else { "failed" },
            "output": short(&item.message),
            "output_format": "text",
            "tags": [item.part],
        })
    };
    let mut output = summary(sheet);
    for (what, text) in [("course", &course.name), ("deadline", &course.deadline)] {
        if !text.is_empty() {
            output += &format!("\n{what}: {text}");
        }
    }
    let tests: Vec<Value> = sheet.items.iter().enumerate().map(test).collect();
    text(&json!({
        // It counts, and not the sum of the tests', from which nothing would be taken off.
        "score": sheet.sum,
        "execution_time": sheet.seconds.round(),
        "output": short(&output),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }))
}

/// The last line of what Autolab's autograder prints; before it, what the line can't say to whoever must look.
pub(super) fn autolab(sheet: &Sheet) -> String {
    let mut scores: BTreeMap<&str, f64> = BTreeMap::new();
    // A score of a problem that it doesn't have it takes for an error.
    for item in sheet.items.iter().filter(|item| item.part != JUDGED) {
        *scores.entry(&item.part).or_default() += item.exact;
    }
    for (_, points) in &sheet.deductions {
        *scores.entry("rules").or_default() -= points;
    }
    for points in scores.values_mut() {
        *points = rounded(*points);
    }
    let line = json!({ "scores": scores, "scoreboard": [sheet.sum] });
    let before = match sheet.outcome {
        Outcome::Unjudged => summary(sheet) + "\n",
        _ => String::new(),
    };
    format!("{before}{line}\n")
}

/// PrairieLearn's results.json.
pub(super) fn prairielearn(sheet: &Sheet) -> String {
    let tests: Vec<Value> = sheet
        .items
        .iter()
        .map(|item| {
            json!({
                "name": item.test,
                "description": format!("{} of {} runs passed", item.passed, item.asked),
                "points": item.points,
                "max_points": item.max,
                "output": item.message,
            })
        })
        .collect();
    let score = if sheet.max > 0.0 { sheet.sum / sheet.max } else { 0.0 };
    let mut all = json!({
        "gradable": true,
        "score": score.clamp(0.0, 1.0),
        "message": summary(sheet),
        "tests": tests,
    });
    // One that doesn't compile may be handed in again, and costs no attempt.
    if sheet.items.iter().all(|item| item.runs == 0) {
        all["gradable"] = json!(false);
        all["format_errors"] = json!([sheet.message]);
    }
    text(&all)
}

/// Classroom 50's result.json. What it says of the classroom comes from its variables.
pub(super) fn classroom50(sheet: &Sheet) -> String {
    let variable = |name: &str| env::var(name).unwrap_or_default();
    // Its scores are whole numbers.
    let whole = |points: f64| points.round() as i64;
    let tests: Vec<Value> = sheet
        .items
        .iter()
        .map(|item| {
            json!({
                "test-name": item.test,
                "passed": item.is_passed(),
                "score": whole(item.points),
                "max-score": whole(item.max),
                "output": item.message,
            })
        })
        .collect();
    text(&json!({
        "schema": "classroom50/result/v1",
        "classroom": variable("CLASSROOM"),
        "assignment": variable("ASSIGNMENT"),
        "submission": variable("SUBMISSION_TAG"),
        "commit": variable("COMMIT_URL"),
        "release": variable("RELEASE_URL"),
        "review": variable("REVIEW_URL"),
        "datetime": humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string(),
        "score": whole(sheet.sum),
        "max-score": whole(sheet.max),
        "tests": tests,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::items::tests::{sheets, unjudged};
    use super::*;
    use crate::sheet::Seeds;

    fn value(text: &str) -> Value {
        serde_json::from_str(text).expect("it is JSON")
    }

    #[test]
    fn gradescope_has_the_score_and_each_test() {
        let mut course = Course::default();
        "tonight".clone_into(&mut course.deadline);
        let [_, bob, carol] = &sheets(Seeds::Hidden)[..] else { panic!("three") };
        let bob = value(&gradescope(bob, &course));
        assert_eq!(bob["score"], json!(25.0));
        assert_eq!(bob["tests"][1]["status"], json!("failed"));
        assert_eq!(bob["tests"][0]["max_score"], json!(25.0));
        assert!(bob["output"].as_str().expect("text").ends_with("deadline: tonight"));
        let carol = value(&gradescope(carol, &course));
        assert_eq!(
            (&carol["score"], &carol["tests"][0]["output"]),
            (&json!(0.0), &json!("not run"))
        );
    }

    #[test]
    fn autolab_has_one_line() {
        let line = autolab(&sheets(Seeds::Hidden)[1]);
        assert_eq!(line, "{\"scoreboard\":[25.0],\"scores\":{\"3A\":25.0,\"3B\":0.0}}\n");
    }

    #[test]
    fn prairielearn_has_a_share_and_what_can_be_graded() {
        let [alice, bob, carol] = sheets(Seeds::Hidden).map_three(prairielearn);
        let scores = [&alice, &bob, &carol].map(|text| value(text)["score"].clone());
        assert_eq!(scores, [json!(1.0), json!(0.5), json!(0.0)]);
        assert_eq!(value(&carol)["gradable"], json!(false));
        assert_eq!(value(&bob)["gradable"], json!(true));
    }

    #[test]
    fn classroom50_has_whole_points() {
        let result = value(&classroom50(&sheets(Seeds::Hidden)[1]));
        assert_eq!(
            (&result["schema"], &result["score"]),
            (&json!("classroom50/result/v1"), &json!(25))
        );
        assert_eq!(result["tests"][1]["passed"], json!(false));
    }

    #[test]
    fn what_could_not_be_judged_is_shown_with_the_points() {
        let says = |text: &Value| text.as_str().is_some_and(|text| text.contains("not be judged"));
        let gradescope = value(&gradescope(&unjudged(), &Course::default()));
        let output = gradescope["output"].as_str().expect("text");
        assert!(output.starts_with("unjudged: 50 of 50 points\n2 of 3 runs"), "{output}");
        assert_eq!(
            (&gradescope["score"], gradescope["tests"][2]["status"].as_str()),
            (&json!(50.0), Some("failed"))
        );
        let prairielearn = value(&prairielearn(&unjudged()));
        assert!(says(&prairielearn["message"]) && prairielearn["score"] == json!(1.0));
        let classroom = value(&classroom50(&unjudged()));
        assert!(says(&classroom["tests"][2]["output"]));
        assert_eq!(classroom["tests"][2]["passed"], json!(false));
        let autolab = autolab(&unjudged());
        let (before, line) = autolab.trim_end().rsplit_once('\n').expect("two lines");
        assert!(before.contains("could not be judged"), "{before}");
        assert_eq!(line, "{\"scoreboard\":[50.0],\"scores\":{\"3A\":25.0,\"3B\":25.0}}");
    }

    trait MapThree {
        fn map_three(self, form: fn(&Sheet) -> String) -> [String; 3];
    }

    impl MapThree for Vec<Sheet> {
        fn map_three(self, form: fn(&Sheet) -> String) -> [String; 3] {
            let texts: Vec<String> = self.iter().map(form).collect();
            texts.try_into().expect("three")
        }
    }
}
