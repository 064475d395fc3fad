//! Where in the paper a finding points to, and whether that is where the mutant is.

use report::explain::Confidence;

use super::stored::Said;

/// The findings and the safety monitors, and the rules that each names: a box of Figure 2 or 13 with the
/// rule's number, or the box alone if it names no rule of it. `Contract` is the list in `raftapi`,
/// `Snapshots` is section 7, `Fast backup` is the end of section 5.3.
const PLACES: &[(&str, &[&str])] = &[
    ("next-index-stays", &["Leaders 3"]),
    ("back-one-by-one", &["Fast backup"]),
    ("entry-not-sent", &["Leaders 3"]),
    ("majority-not-committed", &["Leaders 4"]),
    ("heartbeat-commit-ignored", &["AppendEntries 5"]),
    ("committed-not-applied", &["All Servers 1"]),
    ("applies-late", &["All Servers 1"]),
    ("applied-twice", &["All Servers 1"]),
    ("apply-left-out", &["All Servers 1"]),
    ("snapshot-not-delivered", &["InstallSnapshot 8"]),
    ("snapshot-index-forgotten", &["Persistent state", "Snapshots"]),
    ("saved-taken-for-applied", &["Volatile state"]),
    ("killed-server-waits", &["Contract 12"]),
    ("lock-held-while-applying", &["Contract 8"]),
    ("start-waits", &["Contract 2"]),
    ("confirmed-sent-again", &["Leaders 3"]),
    ("sent-twice", &["Leaders 3"]),
    ("one-entry-a-request", &["AppendEntries", "Leaders 3"]),
    ("heartbeats-without-pause", &["Leaders 1"]),
    ("heartbeats-too-often", &["Leaders 1"]),
    ("heartbeats-too-seldom", &["Leaders 1"]),
    ("one-command-at-a-time", &["Leaders 2", "Contract 2"]),
    ("leader-refuses-commands", &["Leaders 2"]),
    ("waits-for-all-replies", &["Candidates 2"]),
    ("majority-not-recognised", &["Candidates 2"]),
    ("timeout-always-the-same", &["Election timeout"]),
    ("votes-split", &["Election timeout"]),
    ("election-timeout-too-long", &["Election timeout"]),
    ("election-timer-dead", &["Followers 2", "Candidates 4"]),
    ("election-not-restarted", &["Candidates 4"]),
    ("election-without-new-term", &["Candidates 1"]),
    ("election-despite-leader", &["Followers 2"]),
    ("server-hangs", &["Contract 10"]),
    ("leader-not-told", &["Contract 4"]),
    ("leader-only-told", &["Contract 4"]),
    ("term-not-told", &["Contract 4"]),
    ("term-not-adopted", &["All Servers 2"]),
    ("term-went-back", &["All Servers 2", "AppendEntries 1"]),
    ("timer-reset-by-stale-leader", &["Followers 2"]),
    ("timer-reset-by-refusal", &["Followers 2"]),
    ("vote-refused-without-reason", &["RequestVote 2"]),
    ("voted-twice", &["RequestVote 2"]),
    ("vote-for-outdated-log", &["RequestVote 2"]),
    ("longer-log-preferred", &["RequestVote 2"]),
    ("vote-not-saved", &["Persistent state"]),
    ("term-not-saved", &["Persistent state"]),
    ("log-not-saved", &["Persistent state"]),
    ("leads-without-majority", &["Candidates 2"]),
    ("two-leaders", &["RequestVote", "Candidates"]),
    ("leader-replaced-at-once", &["Leaders 1"]),
    ("leader-gives-up", &["All Servers 2", "Leaders 3"]),
    ("sends-in-turn", &["Leaders 1", "Leaders 3", "Candidates 1"]),
    ("late-reply-heeded", &["Candidates 2", "Leaders 3"]),
    ("answer-without-term", &["RequestVote 1", "AppendEntries 1"]),
    ("unsent-entry-counted", &["Leaders 3"]),
    ("commits-without-majority", &["Leaders 4"]),
    ("old-term-committed", &["Leaders 4"]),
    ("commits-beyond-new-entries", &["AppendEntries 5"]),
    ("conflicting-suffix-kept", &["AppendEntries 3"]),
    ("log-truncated", &["AppendEntries 3"]),
    ("log-mismatch-accepted", &["AppendEntries 2"]),
    ("covered-entry-refused", &["AppendEntries 2", "Snapshots"]),
    ("request-below-snapshot", &["AppendEntries 2", "Snapshots"]),
    ("old-leader-obeyed", &["AppendEntries 1"]),
    ("index-from-zero", &["Leaders 2", "Contract 3"]),
    ("index-given-twice", &["Leaders 2"]),
    ("entry-nobody-asked-for", &["Leaders 2"]),
    ("entry-of-a-new-leader", &["Leaders 2"]),
    ("log-dropped-for-snapshot", &["InstallSnapshot 6"]),
    ("snapshot-offset-ignored", &["Snapshots"]),
    ("snapshot-not-saved", &["Persistent state", "InstallSnapshot 5"]),
    ("snapshot-not-read-back", &["Persistent state"]),
    ("state-saved-as-snapshot", &["Persistent state"]),
    ("old-snapshot-kept", &["Snapshots"]),
    ("log-not-cut", &["Snapshots"]),
    ("snapshot-ignored", &["Snapshots"]),
    ("snapshot-goes-back", &["InstallSnapshot"]),
    ("snapshot-of-another-index", &["InstallSnapshot", "Snapshots"]),
    ("snapshot-empty", &["InstallSnapshot 8"]),
    ("deposed-leader-sends", &["All Servers 2"]),
    ("voter-counted-twice", &["Candidates 2"]),
    ("candidate-gives-up", &["Candidates 2"]),
    ("same-seed-everywhere", &["Election timeout"]),
    ("silent-since-restart", &["Followers 2", "Snapshots"]),
    ("handlers-overlap", &["RequestVote 2", "Contract 10"]),
    ("fitting-entries-refused", &["AppendEntries 2"]),
    ("commit-of-refused-request", &["AppendEntries 5", "AppendEntries 2"]),
    ("prev-log-term-wrong", &["Leaders 3"]),
    ("next-index-beyond-log", &["Leaders 3"]),
    ("next-index-moved-at-sending", &["Leaders 3"]),
    ("leader-lacks-committed", &["RequestVote 2"]),
    ("one-call-at-a-time", &["Leaders 1", "Leaders 3"]),
    ("commit-not-told", &["Leaders 3", "Leaders 4"]),
    ("log-kept-over-snapshot", &["InstallSnapshot 6", "InstallSnapshot 7"]),
    ("snapshot-not-sent", &["Snapshots", "Leaders 3"]),
    ("snapshot-answer-ignored", &["Snapshots", "Leaders 3"]),
    ("snapshot-term-wrong", &["Snapshots", "InstallSnapshot 6"]),
    ("says-another-state", &["Candidates 1", "RequestVote 2"]),
    ("entry-of-term-zero", &["Leaders 3", "Snapshots"]),
    ("commit-goes-back", &["Volatile state"]),
    ("two-commands-at-an-index", &["AppendEntries", "Leaders"]),
    ("applied-at-another-index", &["AppendEntries 4", "Snapshots"]),
    ("reply-not-taken", &["Contract 10"]),
    ("task-ended", &["Contract 1"]),
];

/// Boxes between which a message or a timer passes. What is wrong in one is seen in the other.
const NEIGHBOURS: &[[&str; 2]] = &[
    ["Candidates", "RequestVote"],
    ["Leaders", "AppendEntries"],
    ["Fast backup", "Leaders"],
    ["Fast backup", "AppendEntries"],
    ["Snapshots", "InstallSnapshot"],
    ["Snapshots", "Persistent state"],
    ["Followers", "Candidates"],
    ["Election timeout", "Followers"],
    ["Election timeout", "Candidates"],
];

/// What a first finding is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Judgement {
    /// It names a rule of the mutated function.
    Right,
    /// It names the box of such a rule, or another rule of it, or a neighbouring box.
    Vague,
    /// There is none.
    Unknown,
    /// It names something else.
    Wrong,
    /// There is none, and the failure's own sentence and line tell what is wrong: a panic, a misuse, a run
    /// that hung.
    Itself,
}

/// What is named by what a run says first; nothing for an id that isn't in the table.
pub(crate) fn places(said: &Said) -> &'static [&'static str] {
    let (Said::Finding { id, .. } | Said::Monitor { id }) = said else { return &[] };
    PLACES.iter().find(|(known, _)| known == id).map_or(&[], |(_, places)| places)
}

/// Whether what is said claims to be proven.
pub(crate) fn is_certain(said: &Said) -> bool {
    matches!(said, Said::Finding { confidence: Confidence::Certain, .. } | Said::Monitor { .. })
}

/// Judges what a run says first about a function that has a part in `rules`.
pub(crate) fn judge(said: &Said, rules: &[String]) -> Judgement {
    let places = match said {
        Said::Nothing | Said::Finding { confidence: Confidence::Unknown, .. } => {
            return Judgement::Unknown;
        }
        Said::Itself { .. } => return Judgement::Itself,
        Said::Finding { .. } | Said::Monitor { .. } => places(said),
    };
    // A box alone is no rule of it, but where the box has none.
    let is_rule = |place: &str| place.ends_with(|c: char| c.is_ascii_digit()) || !has_rules(place);
    let pairs = || places.iter().flat_map(|&place| rules.iter().map(move |rule| (place, &**rule)));
    if pairs().any(|(place, rule)| is_rule(place) && place == rule) {
        Judgement::Right
    } else if pairs().any(|(place, rule)| is_near(of(place), of(rule))) {
        Judgement::Vague
    } else {
        Judgement::Wrong
    }
}

/// The box of a rule.
fn of(place: &str) -> &str {
    place.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ')
}

fn has_rules(name: &str) -> bool {
    PLACES.iter().flat_map(|(_, places)| *places).any(|place| of(place) == name && *place != name)
}

fn is_near(a: &str, b: &str) -> bool {
    // The rules of the contract have nothing in common.
    (a == b && a != "Contract") || NEIGHBOURS.contains(&[a, b]) || NEIGHBOURS.contains(&[b, a])
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn judged(id: &str, rules: &[&str]) -> Judgement {
        let said = Said::Finding { id: id.to_owned(), confidence: Confidence::Certain };
        judge(&said, &rules.iter().map(|&rule| rule.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_finding_is_judged_by_its_rule_then_by_its_box() {
        assert_eq!(judged("voted-twice", &["RequestVote 1", "RequestVote 2"]), Judgement::Right);
        assert_eq!(judged("vote-not-saved", &["Persistent state"]), Judgement::Right);
        assert_eq!(judged("voted-twice", &["RequestVote 1"]), Judgement::Vague);
        assert_eq!(judged("voted-twice", &["Candidates 2"]), Judgement::Vague, "a neighbour");
        assert_eq!(judged("snapshot-goes-back", &["InstallSnapshot 6"]), Judgement::Vague);
        assert_eq!(judged("voted-twice", &["Leaders 4"]), Judgement::Wrong);
        assert_eq!(judged("term-not-told", &["Contract 2"]), Judgement::Wrong);
        assert_eq!(judged("nobody-knows-it", &["Leaders 4"]), Judgement::Wrong);
        assert_eq!(judged("voted-twice", &[]), Judgement::Wrong);
        assert_eq!(judge(&Said::Nothing, &[]), Judgement::Unknown);
        assert_eq!(judge(&Said::Itself { kind: "panic".to_owned() }, &[]), Judgement::Itself);
    }

    #[test]
    fn every_finding_that_is_shown_word_by_word_has_a_place() {
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../report/tests/report/explain/golden");
        for file in fs::read_dir(golden).expect("there is a folder") {
            let name = file.expect("it can be read").file_name().into_string().expect("text");
            let id = name.trim_end_matches(".txt");
            assert!(PLACES.iter().any(|(known, _)| *known == id), "{id} has no place");
        }
    }
}
