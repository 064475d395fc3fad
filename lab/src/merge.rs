//! `cargo lab merge`: results put together, and written in the form that a platform reads.
//!
//! * `items` are what all forms are made of: for each test, how many runs passed, the points, and what to tell a
//!   student.
//! * `junit`, `platforms`, `text` and `html` are the forms.

mod html;
mod items;
mod junit;
mod platforms;
mod text;

use std::fs;
use std::path::{Path, PathBuf};

use report::RESULTS;

use self::html::Pages;
use self::items::Sheet;
use crate::cli::{self, Form};
use crate::course::Course;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::{print, tell};
use crate::sheet::Seeds;
use crate::standing::Merged;
use crate::table::{DEFAULT_PACKAGE, causes, doubts, table};

/// Puts the files together, and writes the form that is asked for.
pub(crate) fn merge(asked: &cli::Merge) -> Result<Exit, Error> {
    let mut files = Vec::new();
    for path in &asked.files {
        find(path, &mut files)?;
    }
    let merged = Merged::read(&files)?;
    for note in merged.notes() {
        tell(&format!("note: {note}"));
    }
    let text = text_of(asked, &merged, &files)?;
    match &asked.out {
        None => print(&text),
        Some(path) => {
            // In one piece, so that nobody reads a half of it.
            let part = path.with_extension("part");
            let written = fs::write(&part, text).and_then(|()| fs::rename(&part, path));
            written.map_err(|error| Error::write(path, error))?;
        }
    }
    Ok(Exit::Passed)
}

/// The files that are meant by a path: itself, or all results in a folder.
fn find(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let before = files.len();
    find_in(path, files)?;
    if files.len() == before {
        return Err(Error::NotMerged(format!("there is no {RESULTS} in {}", path.display())));
    }
    Ok(())
}

fn find_in(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let failed = |error| Error::read(folder, error);
    let entries: std::io::Result<Vec<_>> = fs::read_dir(folder).map_err(failed)?.collect();
    let mut paths: Vec<PathBuf> = entries.map_err(failed)?.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() && !path.is_symlink() {
            find_in(&path, files)?;
        } else if path.ends_with(RESULTS) {
            files.push(path);
        }
    }
    Ok(())
}

fn text_of(asked: &cli::Merge, merged: &Merged, files: &[PathBuf]) -> Result<String, Error> {
    if asked.form == Form::Jsonl {
        return Ok(merged.lines().map(|line| line.text()).collect());
    }
    let course = asked.course.as_deref().map(Course::read).transpose()?.unwrap_or_default();
    let all = merged.all_tests();
    if all.is_empty() {
        return Err(Error::NotMerged("the files have no results".to_owned()));
    }
    let mut standings = merged.standings(&course.rules);
    if let Some(name) = &asked.submission {
        let names: Vec<&str> =
            standings.iter().map(|standing| standing.submission.as_str()).collect();
        if !names.contains(&name.as_str()) {
            let hint = crate::suite::suggestion(name, &names)
                .unwrap_or_else(|| format!("there are {}", names.join(", ")));
            return Err(Error::NotMerged(format!("no submission is called {name}; {hint}")));
        }
        standings.retain(|standing| standing.submission == *name);
    }
    let are_own = standings.iter().all(|standing| standing.submission.is_empty());
    let seeds = Seeds::shown(asked.reveal);
    if asked.form == Form::Table && are_own {
        let own = &standings[0];
        return Ok(format!(
            "{}\n{}{}",
            table(&own.tests, &own.tallies),
            causes(&own.tests, &own.tallies),
            doubts(&own.tests, &own.tallies, DEFAULT_PACKAGE)
        ));
    }
    let scheme = course.scheme(&all)?;
    if asked.form == Form::Table {
        return Ok(format!("{}\n", crate::sheet::Sheet::new(&standings, &scheme, seeds).table()));
    }
    let sheets: Vec<Sheet> =
        standings.iter().map(|standing| Sheet::new(standing, &scheme, seeds)).collect();
    let one = || match &sheets[..] {
        [one] => Ok(one),
        all => Err(Error::NotMerged(format!(
            "this format is for one submission, but the results have {}; choose one with --submission NAME",
            all.len()
        ))),
    };
    Ok(match asked.form {
        Form::Junit => junit::junit(&sheets),
        Form::Gradescope => platforms::gradescope(one()?, &course),
        Form::Autolab => platforms::autolab(one()?),
        Form::Prairielearn => platforms::prairielearn(one()?),
        Form::Classroom50 => platforms::classroom50(one()?),
        Form::Csv => text::csv(&sheets),
        Form::Markdown => text::markdown(&sheets),
        Form::Html => {
            // Pages show their seeds.
            let pages = match seeds {
                Seeds::Shown => {
                    let folder = asked.out.as_deref().and_then(Path::parent);
                    let is_named = |folder: &&Path| !folder.as_os_str().is_empty();
                    Pages::beside(files, folder.filter(is_named).unwrap_or(Path::new(".")))
                }
                Seeds::Hidden => Pages::default(),
            };
            html::html(&sheets, &course, &pages)?
        }
        Form::Table | Form::Jsonl => unreachable!("they were written before"),
    })
}
