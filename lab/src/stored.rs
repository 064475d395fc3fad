//! A campaign as it is stored: JSON lines, the first of which says what is run, and each other what came
//! of one piece of it, a cell. Lines are only ever added, so a campaign that was cut off can go on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The file of a campaign for which `out` is asked: `out` itself if it ends as such files do, else the file `name` in
/// the folder `out`.
pub(crate) fn campaign_file(out: &Path, name: &str) -> PathBuf {
    if out.extension().is_some_and(|end| end == "jsonl") { out.to_owned() } else { out.join(name) }
}

/// What is run.
pub(crate) trait Plan: Clone + Serialize + DeserializeOwned {
    /// The form of the file. Another number is another form.
    const FORM: u32;

    /// The form of the file that this was read from.
    fn form(&self) -> u32;

    /// In what this plan isn't `other`; `None` if it is.
    fn difference(&self, other: &Self) -> Option<String>;
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line<P, C> {
    Plan(P),
    Cell(C),
}

/// A campaign, as far as it has come.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Campaign<P, C> {
    pub(crate) plan: P,
    pub(crate) cells: Vec<C>,
}

impl<P: Plan, C: DeserializeOwned> Campaign<P, C> {
    /// Reads a campaign. What was being written when it was cut off isn't part of it.
    pub(crate) fn read(path: &Path) -> Result<Campaign<P, C>, Error> {
        let why = |why: String| Error::NoCampaign { path: path.to_owned(), why };
        let text = fs::read_to_string(path)
            .map_err(|error| why(format!("failed to read a campaign: {error}")))?;
        let mut plan = None;
        let mut cells: Vec<C> = Vec::new();
        for (number, line) in whole_lines(&text).lines().enumerate() {
            let line = serde_json::from_str(line).map_err(|error| {
                why(format!("failed to read line {} of a campaign: {error}", number + 1))
            })?;
            match line {
                Line::Plan(first) if plan.is_none() => plan = Some(first),
                Line::Cell(cell) if plan.is_some() => cells.push(cell),
                Line::Plan(_) => return Err(why("a campaign has one plan, not two".to_owned())),
                Line::Cell(_) => return Err(why("a campaign begins with its plan".to_owned())),
            }
        }
        let plan: P = plan.ok_or_else(|| why("a campaign begins with its plan".to_owned()))?;
        if plan.form() != P::FORM {
            let (form, reads) = (plan.form(), P::FORM);
            return Err(why(format!(
                "the campaign is of form {form}, and this reads form {reads}"
            )));
        }
        Ok(Campaign { plan, cells })
    }
}

/// The file that a campaign is added to.
#[derive(Debug)]
pub(crate) struct Store {
    file: File,
}

impl Store {
    /// Begins a campaign in a new file.
    pub(crate) fn create<P: Plan, C: Serialize>(
        path: &Path,
        plan: P,
    ) -> Result<(Store, Campaign<P, C>), Error> {
        let write = |error| Error::write(path, error);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(write)?;
        }
        let file = OpenOptions::new().create_new(true).append(true).open(path);
        let file = file.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Error::Taken(path.to_owned()),
            _ => write(error),
        })?;
        let mut store = Store { file };
        store.write(&Line::<&P, C>::Plan(&plan)).map_err(write)?;
        Ok((store, Campaign { plan, cells: Vec::new() }))
    }

    /// Goes on with the campaign in a file, if it is by the same plan.
    pub(crate) fn resume<P: Plan, C: DeserializeOwned>(
        path: &Path,
        plan: &P,
    ) -> Result<(Store, Campaign<P, C>), Error> {
        let write = |error| Error::write(path, error);
        let campaign: Campaign<P, C> = Campaign::read(path)?;
        if let Some(what) = campaign.plan.difference(plan) {
            return Err(Error::NotTheSame { path: path.to_owned(), what });
        }
        let text = fs::read_to_string(path).map_err(|error| Error::read(path, error))?;
        let file = OpenOptions::new().append(true).open(path).map_err(write)?;
        file.set_len(whole_lines(&text).len() as u64).map_err(write)?;
        Ok((Store { file }, campaign))
    }

    /// Adds what came of a piece.
    pub(crate) fn add<C: Serialize>(&mut self, cell: &C) -> io::Result<()> {
        self.write(&Line::<(), &C>::Cell(cell))
    }

    fn write(&mut self, line: &impl Serialize) -> io::Result<()> {
        // In one piece, so that a campaign that is cut off leaves no more than one broken line.
        self.file.write_all(format!("{}\n", serde_json::to_string(line)?).as_bytes())
    }
}

/// The lines that have been written to their end.
fn whole_lines(text: &str) -> &str {
    &text[..text.rfind('\n').map_or(0, |end| end + 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_asked_for_by_their_folder_or_by_their_file() {
        let file = |out: &str| campaign_file(Path::new(out), "zoo.jsonl");
        assert_eq!(file("results"), Path::new("results/zoo.jsonl"));
        assert_eq!(file("results/mine.jsonl"), Path::new("results/mine.jsonl"));
    }
}
