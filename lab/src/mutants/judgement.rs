//! Where in the paper a finding points to, and whether that is where the mutant is.

use report::explain::Confidence;
use report::spec::{Part, Place, RULES};

use super::stored::Said;

/// Boxes between which a message or a timer passes. What is wrong in one is seen in the other.
const NEIGHBOURS: &[[Part; 2]] = &[
    [Part::Candidates, Part::RequestVote],
    [Part::Leaders, Part::AppendEntries],
    [Part::FastBackup, Part::Leaders],
    [Part::FastBackup, Part::AppendEntries],
    [Part::Snapshots, Part::InstallSnapshot],
    [Part::Snapshots, Part::PersistentState],
    [Part::Followers, Part::Candidates],
    [Part::ElectionTimeout, Part::Followers],
    [Part::ElectionTimeout, Part::Candidates],
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

/// What is named by what a run says first; nothing for an id that is no rule's.
pub(crate) fn places(said: &Said) -> &'static [Place] {
    let (Said::Finding { id, .. } | Said::Monitor { id }) = said else { return &[] };
    RULES.iter().find(|rule| rule.id == id).map_or(&[], |rule| rule.places)
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
    let is_rule = |place: &Place| place.number.is_some() || !has_rules(place.part);
    let rules: Vec<Place> = rules.iter().filter_map(|rule| Place::parse(rule)).collect();
    let pairs = || places.iter().flat_map(|place| rules.iter().map(move |rule| (place, rule)));
    if pairs().any(|(place, rule)| is_rule(place) && place == rule) {
        Judgement::Right
    } else if pairs().any(|(place, rule)| is_near(place.part, rule.part)) {
        Judgement::Vague
    } else {
        Judgement::Wrong
    }
}

fn has_rules(part: Part) -> bool {
    let mut places = RULES.iter().flat_map(|rule| rule.places);
    places.any(|place| place.part == part && place.number.is_some())
}

fn is_near(a: Part, b: Part) -> bool {
    // The rules of the contract have nothing in common.
    (a == b && a != Part::Contract) || NEIGHBOURS.contains(&[a, b]) || NEIGHBOURS.contains(&[b, a])
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
            let rule = RULES.iter().find(|rule| rule.id == id);
            assert!(rule.is_some_and(|rule| !rule.places.is_empty()), "{id} has no place");
        }
    }
}
