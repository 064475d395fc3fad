//! The Cargo.toml files of a workspace, made from those of the checkout.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use toml_edit::{Array, DocumentMut, Item, Table, Value, value};

use crate::error::Error;

use super::{TESTER, Tester};

/// What stands over a workspace's Cargo.toml.
const ROOT_COMMENT: &str = "\
# Your workspace. The package `raft` is yours: what your Raft needs goes into raft/Cargo.toml. All else here is the
# tester's, and `cargo lab upgrade` writes it anew.
";

/// The checkout, by its Cargo.toml files.
pub(super) struct Checkout {
    folder: PathBuf,
    root: DocumentMut,
}

/// Where a key is looked for that every such file has.
fn table<'a>(item: &'a mut Item, path: &Path, key: &str) -> Result<&'a mut Table, Error> {
    item.as_table_mut().ok_or_else(|| Error::BadManifest {
        path: path.to_owned(),
        why: format!("it has no table `{key}`"),
    })
}

fn parse(path: &Path) -> Result<DocumentMut, Error> {
    let text = fs::read_to_string(path).map_err(|error| Error::read(path, error))?;
    text.parse().map_err(|error: toml_edit::TomlError| Error::BadManifest {
        path: path.to_owned(),
        why: error.to_string(),
    })
}

/// A string as TOML has it.
pub(crate) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

impl Checkout {
    pub(super) fn read(folder: &Path) -> Result<Checkout, Error> {
        let root = parse(&folder.join("Cargo.toml"))?;
        Ok(Checkout { folder: folder.to_owned(), root })
    }

    /// The Cargo.toml of the crate `name`, and where it is.
    fn manifest(&self, name: &str) -> Result<(DocumentMut, PathBuf), Error> {
        let path = self.folder.join(name).join("Cargo.toml");
        Ok((parse(&path)?, path))
    }

    /// The checkout's own crates that `wanted` need, with these.
    pub(super) fn closure(&self, wanted: &[&str]) -> Result<BTreeSet<String>, Error> {
        let mut found = BTreeSet::new();
        let mut open: Vec<String> = wanted.iter().map(|&name| name.to_owned()).collect();
        while let Some(name) = open.pop() {
            if found.contains(&name) {
                continue;
            }
            let (manifest, _) = self.manifest(&name)?;
            let needed = keys(&manifest, "dependencies");
            open.extend(needed.filter(|key| self.is_own(key)).map(str::to_owned));
            found.insert(name);
        }
        Ok(found)
    }

    /// Whether this is a crate of the checkout's.
    fn is_own(&self, name: &str) -> bool {
        let dependencies = &self.root["workspace"]["dependencies"];
        dependencies.get(name).is_some_and(|dependency| dependency.get("path").is_some())
    }

    /// The skeleton's dependencies, as lines: each as the workspace has it.
    pub(super) fn dependencies_of_skeleton(&self) -> Result<String, Error> {
        let (manifest, _) = self.manifest("handout")?;
        // What is optional stands in the template, beside its feature.
        let is_optional = |name: &str| {
            let dependency = &manifest["dependencies"][name];
            dependency.get("optional").and_then(Item::as_bool) == Some(true)
        };
        let lines: Vec<String> = keys(&manifest, "dependencies")
            .filter(|name| !is_optional(name))
            .map(|name| format!("{name}.workspace = true"))
            .collect();
        Ok(lines.join("\n"))
    }

    /// The Cargo.toml of a tester's crate in a workspace: what it is built by, and no tests.
    pub(super) fn member(&self, name: &str) -> Result<String, Error> {
        let (mut manifest, path) = self.manifest(name)?;
        for key in ["dev-dependencies", "test", "bench"] {
            manifest.remove(key);
        }
        if let Some(package) = manifest.get_mut("package") {
            let package = table(package, &path, "package")?;
            package.remove("metadata");
            for key in ["autotests", "autobenches"] {
                package.insert(key, value(false));
            }
        }
        let source = self.folder.join(name).join("src");
        if source.join("lib.rs").exists() {
            let lib = manifest.entry("lib").or_insert_with(toml_edit::table);
            let lib = table(lib, &path, "lib")?;
            lib.insert("test", value(false));
            lib.insert("doctest", value(false));
        }
        if source.join("main.rs").exists() && manifest.get("bin").is_none() {
            let mut bin = Table::new();
            bin.insert("name", value(name));
            bin.insert("path", value("src/main.rs"));
            bin.insert("test", value(false));
            let mut bins = toml_edit::ArrayOfTables::new();
            bins.push(bin);
            manifest.insert("bin", Item::ArrayOfTables(bins));
        }
        Ok(manifest.to_string())
    }

    /// The packages that a linked workspace certainly has: its own, those of its tester, and what these name.
    fn linked(&self) -> Result<BTreeSet<String>, Error> {
        let tester = self.closure(&["handout", "config"])?;
        let mut all = BTreeSet::from(["raft".to_owned()]);
        for name in &tester {
            let (manifest, _) = self.manifest(name)?;
            all.extend(keys(&manifest, "dependencies").map(str::to_owned));
        }
        all.extend(tester);
        Ok(all)
    }

    /// The workspace's own Cargo.toml, whose tester consists of `crates`.
    pub(super) fn root(&self, tester: Tester, crates: &BTreeSet<String>) -> Result<String, Error> {
        let path = self.folder.join("Cargo.toml");
        let mut root = self.root.clone();
        let mut used: BTreeSet<String> = BTreeSet::new();
        for name in crates.iter().map(String::as_str).chain(["handout"]) {
            let (manifest, _) = self.manifest(name)?;
            used.extend(keys(&manifest, "dependencies").map(str::to_owned));
        }
        used.insert("config".to_owned());
        // Whose tests it is for aren't there.
        if let Some(profiles) = root.get_mut("profile").and_then(Item::as_table_mut) {
            profiles.remove("checks");
            let packages = profiles.get_mut("dev").and_then(|dev| dev.get_mut("package"));
            if let Some(packages) = packages.and_then(Item::as_table_mut)
                && tester == Tester::Linked
            {
                // Of what isn't in the workspace cargo warns.
                let here = self.linked()?;
                packages.retain(|name, _| here.contains(name));
            }
        }
        let workspace = table(&mut root["workspace"], &path, "workspace")?;
        let mut members = vec!["raft".to_owned()];
        if tester == Tester::Copied {
            members.extend(crates.iter().map(|name| format!("{TESTER}/{name}")));
        }
        workspace.insert("members", value(Array::from_iter(members)));
        workspace.insert("default-members", value(Array::from_iter(["raft"])));
        workspace.decor_mut().set_prefix(ROOT_COMMENT);
        let dependencies = table(&mut workspace["dependencies"], &path, "workspace.dependencies")?;
        dependencies.retain(|name, _| used.contains(name));
        for (name, dependency) in dependencies.iter_mut() {
            if dependency.get("path").is_some()
                && let Some(place) = dependency.get_mut("path")
            {
                let name = name.get();
                *place = match tester {
                    Tester::Copied => value(format!("{TESTER}/{name}")),
                    Tester::Linked => {
                        let path = self.folder.join(name);
                        let path = path.to_str().ok_or_else(|| Error::NotUtf8(path.clone()))?;
                        value(path)
                    }
                };
            }
        }
        Ok(root.to_string())
    }
}

/// The keys of a table, if the file has it.
fn keys<'a>(manifest: &'a DocumentMut, name: &str) -> impl Iterator<Item = &'a str> {
    let table = manifest.get(name).and_then(Item::as_table);
    table.into_iter().flat_map(|table| table.iter().map(|(key, _)| key))
}
