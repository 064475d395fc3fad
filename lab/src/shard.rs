//! `--shard I/N`: which part of the work one of N machines does.
//!
//! A shard is a pure function of I, N and what is asked for: it doesn't depend on the machine, on other shards, or on
//! how many runs a machine makes at the same time. So all N together make each run once.

use std::env;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use children::settings;
/// One of several parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    /// Which one, from 0.
    index: u64,
    /// How many there are.
    total: u64,
}

/// Where batch systems say which of their jobs this is: the variables with the index and the number, and what the
/// first job's index is.
const SYSTEMS: [(&str, &str, u64); 3] = [
    ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", 0),
    // Kubernetes doesn't tell the number; the job's template has to, by LAB_SHARDS.
    ("JOB_COMPLETION_INDEX", settings::SHARDS, 0),
    ("CI_NODE_INDEX", "CI_NODE_TOTAL", 1),
];

impl Shard {
    /// The only part: everything.
    pub(crate) const ALL: Shard = Shard { index: 0, total: 1 };

    /// What the batch system around this program says, if `--shard auto` asks for it.
    fn from_system(variable: impl Fn(&str) -> Option<String>) -> Result<Shard, String> {
        for (index_name, total_name, first) in SYSTEMS {
            let Some(index) = variable(index_name) else { continue };
            let Some(total) = variable(total_name) else {
                return Err(format!(
                    "{index_name}={index} says which part, but {total_name} isn't set: of how many?"
                ));
            };
            // An array that is numbered from elsewhere says where it begins.
            let first = match index_name {
                "SLURM_ARRAY_TASK_ID" => variable("SLURM_ARRAY_TASK_MIN"),
                _ => None,
            }
            .unwrap_or_else(|| first.to_string());
            let number = |name: &str, text: &str| {
                text.parse().map_err(|_| format!("{name}={text} is no whole number"))
            };
            let (index, total) = (number(index_name, &index)?, number(total_name, &total)?);
            let first: u64 = number("the first index", &first)?;
            return Shard::new(index.checked_sub(first), total).ok_or_else(|| {
                format!("{index_name}={index} isn't one of {total} parts from {first} on")
            });
        }
        let names: Vec<&str> = SYSTEMS.iter().map(|(index, ..)| *index).collect();
        Err(format!("`auto` needs one of {} in the environment", names.join(", ")))
    }

    fn new(index: Option<u64>, total: u64) -> Option<Shard> {
        index.filter(|&index| index < total).map(|index| Shard { index, total })
    }

    pub(crate) fn is_all(self) -> bool {
        self == Shard::ALL
    }

    /// Which of `runs` runs of the test number `place` it makes. They follow one another. Where there are fewer runs
    /// than parts, each test leaves out others, so that all parts have about as much to do.
    pub(crate) fn runs(self, runs: u64, place: usize) -> Range<u64> {
        let turned = (u128::from(self.index) + place as u128) % u128::from(self.total);
        let share = |part: u128| (u128::from(runs) * part / u128::from(self.total)) as u64;
        share(turned)..share(turned + 1)
    }

    /// Whether it has a part in the piece number `place` of `pieces`, and which part of that. Each piece is one
    /// shard's alone, but where there are more shards than pieces.
    pub(crate) fn of_piece(self, place: usize, pieces: usize) -> Option<Shard> {
        let (place, pieces) = (place as u64, pieces as u64);
        if self.total <= pieces {
            return (place % self.total == self.index).then_some(Shard::ALL);
        }
        let total = (self.total - place).div_ceil(pieces);
        (self.index % pieces == place).then_some(Shard { index: self.index / pieces, total })
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        if text == "auto" {
            return Shard::from_system(|name| env::var(name).ok());
        }
        let parts = text.split_once('/').and_then(|(index, total)| {
            Shard::new(index.parse::<u64>().ok()?.checked_sub(1), total.parse().ok()?)
        });
        parts.ok_or_else(|| "it is I/N, with I from 1 to N, such as 3/16; or `auto`".to_owned())
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shards(total: u64) -> impl Iterator<Item = Shard> {
        (0..total).map(move |index| Shard { index, total })
    }

    #[test]
    fn each_run_is_made_once() {
        for (runs, total) in [(100, 16), (3, 16), (1, 1), (0, 4), (1000, 7)] {
            for place in [0, 1, 27] {
                let mut made: Vec<u64> =
                    shards(total).flat_map(|shard| shard.runs(runs, place)).collect();
                made.sort_unstable();
                assert_eq!(made, (0..runs).collect::<Vec<_>>(), "{runs} runs, {total} shards");
            }
        }
    }

    #[test]
    fn few_runs_of_many_tests_are_shared_out_too() {
        let most = shards(16)
            .map(|shard| (0..28).map(|place| shard.runs(1, place).count()).sum::<usize>());
        assert_eq!(most.max(), Some(2));
    }

    #[test]
    fn each_piece_is_done_once() {
        for (pieces, total) in [(50, 16), (3, 16), (1, 4), (5, 5), (7, 3)] {
            for place in 0..pieces {
                let mut made: Vec<u64> = shards(total)
                    .filter_map(|shard| shard.of_piece(place, pieces))
                    .flat_map(|part| part.runs(40, 0))
                    .collect();
                made.sort_unstable();
                assert_eq!(
                    made,
                    (0..40).collect::<Vec<_>>(),
                    "piece {place} of {pieces}, {total} shards"
                );
            }
        }
    }

    #[test]
    fn it_is_read_from_the_command_line() {
        assert_eq!("3/16".parse(), Ok(Shard { index: 2, total: 16 }));
        for wrong in ["0/4", "5/4", "1", "a/b", "1/0", "/", "-1/3"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn batch_systems_say_which_job_this_is() {
        let system = |variables: &[(&str, &str)]| {
            Shard::from_system(|name| {
                variables
                    .iter()
                    .find(|(other, _)| *other == name)
                    .map(|(_, value)| (*value).to_owned())
            })
        };
        let third = Ok(Shard { index: 2, total: 16 });
        assert_eq!(
            system(&[("SLURM_ARRAY_TASK_ID", "2"), ("SLURM_ARRAY_TASK_COUNT", "16")]),
            third
        );
        assert_eq!(
            system(&[
                ("SLURM_ARRAY_TASK_ID", "3"),
                ("SLURM_ARRAY_TASK_COUNT", "16"),
                ("SLURM_ARRAY_TASK_MIN", "1")
            ]),
            third
        );
        assert_eq!(system(&[("JOB_COMPLETION_INDEX", "2"), (settings::SHARDS, "16")]), third);
        assert_eq!(system(&[("CI_NODE_INDEX", "3"), ("CI_NODE_TOTAL", "16")]), third);
        assert!(system(&[]).unwrap_err().contains("CI_NODE_INDEX"));
        assert!(system(&[("JOB_COMPLETION_INDEX", "2")]).unwrap_err().contains(settings::SHARDS));
        assert!(system(&[("CI_NODE_INDEX", "0"), ("CI_NODE_TOTAL", "16")]).is_err());
    }
}
