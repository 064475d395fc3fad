//! Asking cargo.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{Metadata, MetadataCommand};

use crate::error::Error;

/// The cargo that started this program, else the one that is found.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// What cargo knows of the workspace around the current folder, or of the one at `path`.
pub(crate) fn workspace(path: Option<&Path>) -> Result<Metadata, Error> {
    let mut command = MetadataCommand::new();
    command.no_deps();
    if let Some(path) = path {
        command.manifest_path(manifest(path)?);
    }
    command.exec().map_err(|error| {
        let text = match error {
            cargo_metadata::Error::CargoMetadata { stderr } => stderr,
            other => other.to_string(),
        };
        Error::NoWorkspace(text.trim_start_matches("error: ").trim_end().to_owned())
    })
}

/// The Cargo.toml that `path` is or has.
fn manifest(path: &Path) -> Result<PathBuf, Error> {
    if path.is_dir() {
        Ok(path.join("Cargo.toml"))
    } else if path.exists() {
        Ok(path.to_owned())
    } else {
        Err(Error::NoFolder(path.to_owned()))
    }
}
