//! What files of results say together: of each submission, or of the user's own code, how each test went.
//!
//! Putting them together is idempotent, and the order of the files has no say in it: a run that comes twice counts
//! once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::course::{CANNOT_BE_READ, Points, Rules, Scheme, Scored};
use crate::error::Error;
use crate::record::{Done, End, Line, Record, Shortage, read_file};
use crate::suite::LabTest;
use crate::tally::Tally;

/// How many of the files' shortcomings are named.
const NAMED: usize = 8;

/// How a submission stands; the user's own code has no name.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) submission: String,
    pub(crate) tests: Vec<LabTest>,
    /// In the same order.
    pub(crate) tallies: Vec<Tally>,
    /// How it ended; `None` if that isn't known, because not all runs are made.
    pub(crate) end: Option<End>,
    /// How many of its runs could be judged, if those are too few.
    pub(crate) shortage: Option<Shortage>,
    pub(crate) notes: Vec<String>,
}

/// What became of a submission, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    NotBuilt,
    Refused,
    /// Too few of its runs could be judged: somebody has to look.
    Unjudged,
    OutOfTime,
    Unfinished,
}

impl Outcome {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Failed => "failed",
            Outcome::NotBuilt => "not built",
            Outcome::Refused => "refused",
            Outcome::Unjudged => "unjudged",
            Outcome::OutOfTime => "out of time",
            Outcome::Unfinished => "unfinished",
        }
    }
}

/// Some files put together.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    /// By submission, test, call and seed.
    runs: BTreeMap<(String, String, u32, u64), Record>,
    done: BTreeMap<String, Vec<Done>>,
    /// How many runs of a test were asked for, where there is no submission.
    asked: BTreeMap<String, u64>,
    /// Which parts there are, of how many.
    shards: BTreeMap<u64, BTreeSet<u64>>,
    /// By submission and test, the code and the file that first had it.
    code: BTreeMap<(String, String), (String, PathBuf)>,
    /// How many runs came out otherwise in another file.
    differ: u64,
}

impl Merged {
    /// Puts files together.
    ///
    /// # Errors
    /// If a file can't be read, or is broken, or if two are of different code.
    pub(crate) fn read<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> Result<Merged, Error> {
        let mut merged = Merged::default();
        for file in files {
            for line in read_file(file)? {
                merged.add(line, file)?;
            }
        }
        Ok(merged)
    }

    fn add(&mut self, line: Line, file: &Path) -> Result<(), Error> {
        match line {
            Line::Asked(asked) => {
                self.note_shard(&asked.shard);
                for test in asked.tests {
                    let runs = self.asked.entry(test).or_default();
                    *runs = (*runs).max(asked.runs);
                }
            }
            Line::Done(done) => {
                self.note_shard(&done.shard);
                let all = self.done.entry(done.submission.clone()).or_default();
                if !all.contains(&done) {
                    all.push(done);
                }
            }
            Line::Run(record) => self.add_run(*record, file)?,
        }
        Ok(())
    }

    fn add_run(&mut self, record: Record, file: &Path) -> Result<(), Error> {
        let (submission, test, call, seed) = record.key();
        let of = (submission.to_owned(), test.to_owned());
        let key = (of.0.clone(), of.1.clone(), call, seed);
        let binary = &record.stamp.binary;
        let (first, first_file) =
            self.code.entry(of).or_insert_with(|| (binary.clone(), file.to_owned()));
        if first != binary {
            let whose =
                if submission.is_empty() { String::new() } else { format!(" of {submission}") };
            let short = |hash: &str| hash.get(..12).unwrap_or("unknown").to_owned();
            return Err(Error::NotMerged(format!(
                "the runs of {test}{whose} are of different code: {} in {}, {} in {}. Merge the results of one build",
                short(first),
                first_file.display(),
                short(binary),
                file.display()
            )));
        }
        match self.runs.get_mut(&key) {
            None => drop(self.runs.insert(key, record)),
            Some(other) if other.result.is_same_run(&record.result) => {}
            Some(other) => {
                self.differ += 1;
                // One that fails says more than one that passes, whichever came first.
                let rank = |record: &Record| {
                    (record.result.failure().is_none(), Line::Run(Box::new(record.clone())).text())
                };
                if rank(&record) < rank(other) {
                    *other = record;
                }
            }
        }
        Ok(())
    }

    fn note_shard(&mut self, shard: &str) {
        let numbers = shard
            .split_once('/')
            .and_then(|(index, total)| Some((index.parse().ok()?, total.parse().ok()?)));
        if let Some((index, total)) = numbers {
            self.shards.entry(total).or_default().insert(index);
        }
    }

    /// All runs, each once, and in an order that doesn't depend on the files'.
    pub(crate) fn lines(&self) -> impl Iterator<Item = Line> {
        let runs = self.runs.values().map(|record| Line::Run(Box::new(record.clone())));
        runs.chain(self.done.values().flatten().map(|done| Line::Done(done.clone())))
    }

    /// What the reader must know of the files, in whole sentences.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for (total, parts) in &self.shards {
            let missing: Vec<String> = (1..=*total)
                .filter(|part| !parts.contains(part))
                .map(|part| part.to_string())
                .collect();
            if !missing.is_empty() {
                let more = if missing.len() > NAMED { ", …" } else { "" };
                let named = missing[..missing.len().min(NAMED)].join(", ");
                let (count, noun) =
                    (missing.len(), if missing.len() == 1 { "part is" } else { "parts are" });
                notes.push(format!("of {total} parts, {count} {noun} missing: {named}{more}"));
            }
        }
        if self.differ > 0 {
            let differ = self.differ;
            notes.push(format!(
                "{differ} runs ended differently in another file, with the same seed and code; where one \
                 failed, that counts"
            ));
        }
        notes
    }

    /// All tests that anything is known of, in the order of the lab.
    pub(crate) fn all_tests(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        let done = self.done.values().flatten().flat_map(|done| done.tests.iter());
        let run = self.runs.keys().map(|(_, test, ..)| test);
        for test in done.chain(self.asked.keys()).chain(run) {
            if !all.contains(test) {
                all.push(test.clone());
            }
        }
        all.sort_by_key(|test| crate::suite::part(test).to_owned());
        all
    }

    /// How each submission stands by these rules, by name.
    pub(crate) fn standings(&self, rules: &Rules) -> Vec<Standing> {
        let run = self.runs.keys().map(|(submission, ..)| submission);
        let names: BTreeSet<&String> = self.done.keys().chain(run).collect();
        names.into_iter().map(|name| self.standing(name, rules)).collect()
    }

    fn standing(&self, submission: &str, rules: &Rules) -> Standing {
        let done = self.done.get(submission).map_or(&[][..], Vec::as_slice);
        let all = self.all_tests();
        let mut rows: BTreeMap<(usize, u32), (LabTest, Tally)> = BTreeMap::new();
        let order = |test: &str| all.iter().position(|other| other == test).unwrap_or(all.len());
        let asked = |test: &str| match done.first() {
            Some(done) => done.runs,
            None => self.asked.get(test).copied().unwrap_or(0),
        };
        for test in done.iter().flat_map(|done| &done.tests) {
            let tally = Tally::of(asked(test));
            rows.entry((order(test), 1)).or_insert_with(|| (LabTest::named(test, 1), tally));
        }
        let ours = self.runs.iter().filter(|((other, ..), _)| other == submission);
        for ((_, test, call, _), record) in ours {
            let fresh = || (LabTest::named(test, *call), Tally::of(asked(test)));
            let (_, tally) = rows.entry((order(test), *call)).or_insert_with(fresh);
            // Seeds are in order here, which is that of the runs but where they wrap around.
            tally.add_earlier(rules.applied_to(record.clone()), |seed| seed);
            tally.asked = tally.asked.max(tally.runs);
        }
        let (tests, tallies) = rows.into_values().unzip();
        let severity = |end: &&End| match end {
            End::Refused { .. } => 3,
            End::NotBuilt { .. } => 2,
            End::OutOfTime { .. } => 1,
            End::Run => 0,
        };
        let end = done.iter().map(|done| &done.end).max_by_key(severity).cloned();
        let notes: BTreeSet<&String> = done.iter().flat_map(|done| &done.notes).collect();
        let notes = notes.into_iter().cloned().collect();
        let shortages = done.iter().filter_map(|done| done.shortage);
        let shortage = shortages.reduce(|one, other| Shortage {
            wanted: one.wanted + other.wanted,
            judged: one.judged + other.judged,
        });
        Standing { submission: submission.to_owned(), tests, tallies, end, shortage, notes }
    }
}

impl Standing {
    /// What became of it, in a word.
    pub(crate) fn outcome(&self) -> Outcome {
        let passes = |tally: &Tally| tally.passed() + tally.skipped() >= tally.asked;
        match &self.end {
            Some(End::NotBuilt { .. }) => Outcome::NotBuilt,
            Some(End::Refused { .. }) => Outcome::Refused,
            _ if self.shortage.is_some() => Outcome::Unjudged,
            Some(End::OutOfTime { .. }) => Outcome::OutOfTime,
            _ if self.tallies.iter().any(|tally| !tally.failures.is_empty()) => Outcome::Failed,
            None if !self.submission.is_empty() => Outcome::Unfinished,
            _ if self.tallies.iter().all(passes) => Outcome::Passed,
            _ => Outcome::Unfinished,
        }
    }

    /// Why it wasn't run, or not to its end.
    pub(crate) fn why_not_run(&self) -> Option<String> {
        match self.end.as_ref()? {
            End::NotBuilt { why } | End::Refused { why } => Some(why.clone()),
            End::OutOfTime { limit } => Some(format!("it took more than {limit}")),
            End::Run => None,
        }
    }

    /// What else is to be known of it, in whole sentences.
    pub(crate) fn remarks(&self) -> Vec<String> {
        let shortage = self.shortage.map(|shortage| shortage.to_string());
        let all = shortage.into_iter().chain(self.unreadable()).chain(self.notes.iter().cloned());
        all.collect()
    }

    /// A sentence about runs whose rules could not be checked.
    fn unreadable(&self) -> Option<String> {
        let sum = |count: fn(&Tally) -> u64| self.tallies.iter().map(count).sum::<u64>();
        let (unreadable, runs) = (sum(|tally| tally.unreadable), sum(|tally| tally.runs));
        (unreadable > 0).then(|| {
            format!(
                "in {unreadable} of {runs} runs the rules could not be checked: {CANNOT_BE_READ}"
            )
        })
    }

    /// How many points it has.
    pub(crate) fn points(&self, scheme: &Scheme) -> Points {
        scheme.points(|test| self.scored(test))
    }

    /// How a test went, in all of its calls.
    fn scored(&self, test: &str) -> Scored {
        let mut scored = Scored::default();
        let ours = self.tests.iter().zip(&self.tallies).filter(|(other, _)| other.name == test);
        for (_, tally) in ours {
            let rules = tally.failures.values().filter_map(|failed| failed.rule.clone());
            let rules: Vec<String> = rules.collect();
            scored.asked += tally.asked;
            scored.passed += tally.passed();
            scored.skipped += tally.skipped();
            scored.broke_a_rule += rules.len() as u64;
            scored.rules.extend(rules);
        }
        scored
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::course::Course;

    /// A line of a run of a test, which failed with `failed` unless that is empty.
    pub(crate) fn run(submission: &str, test: &str, seed: u64, failed: &str) -> String {
        let verdict = if failed.is_empty() {
            r#"{"passed":{"seconds":4.0,"rpcs":90}}"#.to_owned()
        } else {
            format!(
                r#"{{"failed":{{"failure":{{"kind":"liveness","message":"{failed}","location":"","at":2500000}}}}}}"#
            )
        };
        let cause = if failed.is_empty() { "" } else { r#","cause":"election-not-restarted""# };
        format!(
            r#"{{"test":"{test}","seed":{seed},"verdict":{verdict},"submission":"{submission}","binary":"code-of-{submission}","version":"0.1.0","wall_ms":3.0,"cpu_ms":2.0{cause}}}"#
        ) + "\n"
    }

    pub(crate) fn done(submission: &str, shard: &str, runs: u64, end: &str) -> String {
        format!(
            r#"{{"done":{{"submission":"{submission}","binary":"code-of-{submission}","version":"0.1.0","shard":"{shard}","runs":{runs},"tests":["TestReElection3A","TestBackup3B"],"end":{end}}}}}"#
        ) + "\n"
    }

    /// Three submissions: one right, one that fails, one that doesn't compile.
    pub(crate) fn three() -> Merged {
        let mut text = String::new();
        for (name, failed) in [("alice", ""), ("bob", "no <leader> & \\\"none\\\"")] {
            for seed in 1..=2 {
                text += &run(name, "TestReElection3A", seed, "");
                text += &run(name, "TestBackup3B", seed, if seed == 2 { failed } else { "" });
            }
            text += &done(name, "1/1", 2, r#""run""#);
        }
        text +=
            &done("carol", "1/1", 2, r#"{"not-built":{"why":"error[E0308]: mismatched types"}}"#);
        merged(&[&text]).expect("they fit together")
    }

    fn merged(files: &[&str]) -> Result<Merged, Error> {
        let folder = tempfile::tempdir().expect("a folder");
        let paths: Vec<PathBuf> =
            (0..files.len()).map(|i| folder.path().join(format!("{i}.jsonl"))).collect();
        for (path, text) in paths.iter().zip(files) {
            std::fs::write(path, text).expect("a file");
        }
        Merged::read(&paths)
    }

    fn texts(merged: &Merged) -> Vec<String> {
        merged.lines().map(|line| line.text()).collect()
    }

    #[test]
    fn merging_again_and_otherwise_changes_nothing() {
        let [a, b] = [run("bob", "TestBackup3B", 1, ""), run("bob", "TestBackup3B", 2, "no")];
        let once = texts(&merged(&[&a, &b]).expect("one"));
        assert_eq!(once.len(), 2);
        assert_eq!(texts(&merged(&[&b, &a, &b]).expect("the same")), once);
        assert_eq!(texts(&merged(&[&once.concat()]).expect("again")), once);
        // Of two runs that differ the failed one counts, whichever comes first.
        let c = run("bob", "TestBackup3B", 1, "no");
        let both = merged(&[&a, &c]).expect("they differ");
        assert_eq!(texts(&both), texts(&merged(&[&c, &a]).expect("they differ")));
        assert!(both.notes()[0].contains("1 runs ended differently"), "{:?}", both.notes());
        assert!(texts(&both)[0].contains("failed"));
    }

    #[test]
    fn results_of_different_code_are_not_mixed() {
        let [a, b] = [run("", "TestBackup3B", 1, ""), run("", "TestBackup3B", 2, "")];
        let b = b.replace("code-of-", "code-of-another");
        let why = merged(&[&a, &b]).expect_err("they are of two builds").to_string();
        assert!(
            why.contains("TestBackup3B are of different code") && why.contains("1.jsonl"),
            "{why}"
        );
    }

    #[test]
    fn parts_that_are_missing_are_said() {
        let parts = [done("bob", "1/3", 2, r#""run""#), done("bob", "3/3", 2, r#""run""#)];
        let notes = merged(&[&parts[0], &parts[1]]).expect("two parts").notes();
        assert_eq!(notes, ["of 3 parts, 1 part is missing: 2"]);
    }

    #[test]
    fn of_whom_too_few_runs_could_be_judged_somebody_has_to_look_at() {
        let all =
            run("mallory", "TestReElection3A", 1, "") + &run("mallory", "TestBackup3B", 1, "");
        let part = |shard, judged| {
            let short = format!(r#""run","shortage":{{"wanted":3,"judged":{judged}}}"#);
            done("mallory", shard, 1, &short)
        };
        let merged = merged(&[&all, &part("1/2", 2), &part("2/2", 0)]).expect("two parts");
        let standing = &merged.standings(&Rules::default())[0];
        assert_eq!(standing.outcome(), Outcome::Unjudged);
        // Its points are shown.
        let scheme = Course::default().scheme(&merged.all_tests()).expect("a scheme");
        assert_eq!(standing.points(&scheme).sum, 50.0);
        let [remark] = &standing.remarks()[..] else { panic!("{:?}", standing.remarks()) };
        assert!(remark.starts_with("4 of 6 runs that passed could not be judged"), "{remark}");
        // Nor does a run that fails hide it.
        let fails = run("mallory", "TestBackup3B", 2, "no leader");
        let merged = super::tests::merged(&[&all, &fails, &part("1/1", 0)]).expect("a part");
        assert_eq!(merged.standings(&Rules::default())[0].outcome(), Outcome::Unjudged);
    }

    #[test]
    fn runs_that_cannot_be_read_are_noted_or_fail() {
        let read = run("bob", "TestReElection3A", 1, "");
        let warned = r#""unreadable":"terms","submission""#;
        let unread = run("bob", "TestBackup3B", 1, "").replace(r#""submission""#, warned);
        let course = |text: &str| Course::parse(text).expect("a course");
        let by = |merged: &Merged, course: &Course| {
            let standing = merged.standings(&course.rules).swap_remove(0);
            let scheme = course.scheme(&merged.all_tests()).expect("a scheme");
            (standing.outcome(), standing.points(&scheme).sum, standing.remarks())
        };
        let said = "in 1 of 2 runs the rules could not be checked: the messages between its servers can't be read";
        let with = |outcome, points| (outcome, points, vec![said.to_owned()]);
        let notes = course("[rules]\nunreadable = \"note\"\n");
        let fails = course("[rules]\nunreadable = \"fail\"\n");
        // A run that was skipped because nobody could read it counts no more than one that passed.
        let passed = r#"{"passed":{"seconds":4.0,"rpcs":90}}"#;
        let skipped = unread.replace(passed, r#"{"skipped":{"reason":"can't read"}}"#);
        assert_ne!(skipped, unread);
        for unread in [unread, skipped] {
            let done = done("bob", "1/1", 1, r#""run""#);
            let merged = merged(&[&read, &unread, &done]).expect("runs");
            assert_eq!(by(&merged, &Course::default()), with(Outcome::Passed, 50.0));
            assert_eq!(by(&merged, &notes), with(Outcome::Passed, 50.0));
            assert_eq!(by(&merged, &fails), with(Outcome::Failed, 25.0));
        }
    }

    #[test]
    fn a_submission_s_points_and_outcome_follow_from_its_runs() {
        let merged = three();
        let scheme = Course::default().scheme(&merged.all_tests()).expect("a scheme");
        let of = |standing: &Standing| (standing.outcome(), standing.points(&scheme).sum);
        let standings = merged.standings(&Rules::default());
        let expected = [(Outcome::Passed, 50.0), (Outcome::Failed, 25.0), (Outcome::NotBuilt, 0.0)];
        assert_eq!(standings.iter().map(of).collect::<Vec<_>>(), expected);
        assert_eq!(standings[2].why_not_run().as_deref(), Some("error[E0308]: mismatched types"));
        // Without its last line, it isn't known whether more was to come.
        let half = super::tests::merged(&[&run("bob", "TestBackup3B", 1, "")]).expect("a run");
        assert_eq!(half.standings(&Rules::default())[0].outcome(), Outcome::Unfinished);
    }
}
