//! What a workspace was given, so that an upgrade knows which files its student has changed.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::create::write;
use crate::error::Error;
use crate::layout::{Files, Tester, is_students};

/// Where it is kept, in the workspace.
const FILE: &str = ".cargo/lab.json";

/// The tester's files of a workspace.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Written {
    /// Whether the workspace uses a tester elsewhere.
    pub(crate) linked: bool,
    /// The SHA-256 of each file as it was written, by its path.
    pub(crate) files: BTreeMap<PathBuf, String>,
}

impl Written {
    pub(crate) fn of(tester: Tester, files: &Files) -> Written {
        let ours = files.iter().filter(|(path, _)| !is_students(path));
        let files = ours.map(|(path, content)| (path.clone(), hash(content))).collect();
        Written { linked: tester == Tester::Linked, files }
    }

    /// Of the workspace in `dir`. `None` if there is no such file.
    pub(crate) fn read(dir: &Path) -> Result<Option<Written>, Error> {
        let path = dir.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::read(&path, error)),
        };
        let bad = |error: serde_json::Error| Error::BadManifest { path, why: error.to_string() };
        serde_json::from_str(&text).map(Some).map_err(bad)
    }

    pub(crate) fn save(&self, dir: &Path) -> Result<(), Error> {
        let mut text = serde_json::to_string_pretty(self).expect("paths are UTF-8");
        text.push('\n');
        write(&dir.join(FILE), text.as_bytes())
    }

    /// Whether the file at `path` is as it was written, with this `content`.
    pub(crate) fn is_untouched(&self, path: &Path, content: &[u8]) -> bool {
        self.files.get(path).is_some_and(|known| *known == hash(content))
    }
}

fn hash(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}
