//! The grader's copy of the lab, and the manifests that workspaces for submissions have by it.

use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::Metadata;
use toml::{Table, Value};

use super::take::{Sources, take};
use crate::course::Course;
use crate::error::Error;

/// The package.
pub(super) const PACKAGE: &str = "raft";

/// What cargo's manifests call dependencies.
const DEPENDENCIES: [&str; 2] = ["dependencies", "dev-dependencies"];

/// Where the grader's copy is, and what its manifests say.
#[derive(Debug)]
pub(super) struct Copy {
    root: PathBuf,
    /// The folder of its package `raft`.
    package: PathBuf,
    root_manifest: Table,
    manifest: Table,
}

impl Copy {
    /// Finds the grader's copy.
    pub(super) fn of(metadata: &Metadata) -> Result<Copy, Error> {
        let root: PathBuf = metadata.workspace_root.clone().into();
        let packages = metadata.workspace_packages();
        let Some(package) = packages.iter().find(|package| package.name.as_str() == PACKAGE) else {
            let hint = format!(
                "the workspace {} has none; run it in your copy of the lab",
                root.display()
            );
            return Err(Error::NoPackage { package: PACKAGE.to_owned(), hint });
        };
        let package: PathBuf =
            package.manifest_path.parent().map(PathBuf::from).unwrap_or_default();
        let read = |folder: &Path| {
            let path = folder.join("Cargo.toml");
            let text = fs::read_to_string(&path).map_err(|error| Error::read(&path, error))?;
            let table = text.parse::<Table>();
            table.map_err(|error| {
                Error::NotPrepared(format!("{} isn't right: {error}", path.display()))
            })
        };
        Ok(Copy { root_manifest: read(&root)?, manifest: read(&package)?, root, package })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The sources of its own Raft.
    pub(super) fn sources(&self) -> Result<Sources, Error> {
        let folder = self.package.join("src");
        let taken = take(&folder, b"").map_err(|why| {
            Error::NotPrepared(format!("{} isn't a Raft: {why}", folder.display()))
        })?;
        Ok(taken.sources)
    }

    /// The root manifest of a workspace for submissions: the grader's, with one member.
    pub(super) fn workspace_manifest(&self) -> Table {
        let theirs = self
            .root_manifest
            .get("workspace")
            .and_then(Value::as_table)
            .cloned()
            .unwrap_or_default();
        let mut workspace = Table::new();
        for key in ["resolver", "package", "dependencies", "lints"] {
            workspace.extend(theirs.get(key).map(|value| (key.to_owned(), value.clone())));
        }
        workspace.insert("members".to_owned(), Value::from(vec![PACKAGE]));
        for dependency in table_mut(&mut workspace, "dependencies").iter_mut() {
            make_absolute(dependency.1, &self.root);
        }
        let mut manifest = Table::new();
        manifest.insert("workspace".to_owned(), Value::Table(workspace));
        for key in ["profile", "patch"] {
            manifest
                .extend(self.root_manifest.get(key).map(|value| (key.to_owned(), value.clone())));
        }
        for patched in table_mut(&mut manifest, "patch")
            .iter_mut()
            .filter_map(|(_, table)| table.as_table_mut())
        {
            patched.iter_mut().for_each(|(_, dependency)| make_absolute(dependency, &self.root));
        }
        manifest
    }

    /// The manifest of the package `raft` of the workspace number `number`.
    pub(super) fn package_manifest(&self, course: &Course, number: usize) -> Table {
        let mut manifest = self.manifest.clone();
        let package = table_mut(&mut manifest, "package");
        // Where several share a target folder, cargo tells packages apart by name and version.
        package.insert("version".to_owned(), Value::from(format!("0.1.0+grade{number}")));
        for key in ["build", "autobins", "autoexamples", "autotests", "autobenches"] {
            package.insert(key.to_owned(), Value::from(false));
        }
        for key in ["build-dependencies", "bin", "example", "bench", "workspace", "profile"] {
            manifest.remove(key);
        }
        for key in DEPENDENCIES {
            for (_, dependency) in table_mut(&mut manifest, key).iter_mut() {
                make_absolute(dependency, &self.package);
            }
        }
        table_mut(&mut manifest, "dependencies").extend(course.dependencies.clone());
        // Refuses also what the compiler does without the word: no_mangle, link_section, extern blocks.
        let lints = Table::from_iter([("unsafe_code".to_owned(), Value::from("forbid"))]);
        manifest.insert(
            "lints".to_owned(),
            Value::Table(Table::from_iter([("rust".to_owned(), Value::Table(lints))])),
        );
        manifest
    }
}

fn table_mut<'a>(table: &'a mut Table, key: &str) -> &'a mut Table {
    let value = table.entry(key).or_insert_with(|| Value::Table(Table::new()));
    if !value.is_table() {
        *value = Value::Table(Table::new());
    }
    value.as_table_mut().expect("it is one")
}

/// Makes a dependency's path one that means the same elsewhere.
fn make_absolute(dependency: &mut Value, folder: &Path) {
    if let Some(path) = dependency.get_mut("path")
        && let Some(text) = path.as_str()
    {
        let absolute = folder.join(text);
        let absolute = absolute.canonicalize().unwrap_or(absolute);
        *path = Value::from(absolute.to_string_lossy().into_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_submission_s_manifest_is_the_grader_s_without_what_builds() {
        let manifest: Table = r#"
            [package]
            name = "raft"
            version.workspace = true
            build = "build.rs"
            [dependencies]
            labrpc = { path = "../labrpc" }
            serde = "1"
            [build-dependencies]
            cc = "1"
            [lints]
            workspace = true
        "#
        .parse()
        .expect("a manifest");
        let copy = Copy {
            root: "/lab".into(),
            package: "/lab/raft".into(),
            root_manifest: Table::new(),
            manifest,
        };
        let course = Course::default();
        let made = copy.package_manifest(&course, 3);
        assert_eq!(made["package"]["build"], Value::from(false));
        assert_eq!(made["package"]["version"], Value::from("0.1.0+grade3"));
        assert_eq!(made["lints"]["rust"]["unsafe_code"], Value::from("forbid"));
        assert_eq!(made["dependencies"]["labrpc"]["path"], Value::from("/lab/raft/../labrpc"));
        assert!(!made.contains_key("build-dependencies"));
    }
}
