//! `cargo lab new --adapter`: the frame of an adapter, by which a foreign Raft is tested.

use std::fs;
use std::path::Path;

use crate::create::{checkout, settle_versions, write};
use crate::error::Error;
use crate::layout::quoted;
use crate::output::print;

const MANIFEST: &str = include_str!("../templates/adapter/package.toml");
const SOURCE: &str = include_str!("../templates/adapter/lib.rs");
const CONFIG: &str = include_str!("../templates/new/config.toml");

/// What the frame uses of the checkout, by the name that the template has for it.
const USED: [(&str, &str); 7] = [
    ("labgob", "labgob"),
    ("labrpc", "labrpc"),
    ("raftapi", "raftapi"),
    ("seam", "adapters/seam"),
    ("config", "config"),
    ("lab3", "tests/raft/main.rs"),
    ("extra", "tests/extra/main.rs"),
];

/// Makes the frame in `dir`, which is free.
///
/// # Errors
///
/// If this program was built in a student's workspace, which has no adapters; if a file can't be read or written.
pub(crate) fn create(dir: &Path) -> Result<(), Error> {
    let checkout = checkout();
    if !checkout.join("adapters/seam").is_dir() {
        return Err(Error::NoSkeleton(checkout));
    }
    let path = |place: &Path| {
        let path = place.to_str().ok_or_else(|| Error::NotUtf8(place.to_owned()));
        path.map(quoted)
    };
    let mut manifest = MANIFEST.to_owned();
    for (name, place) in USED {
        manifest = manifest.replace(&format!("{{{name}}}"), &path(&checkout.join(place))?);
    }
    let lab = format!(
        r#""run", "--manifest-path", {}, "--package", "lab", "--""#,
        path(&checkout.join("Cargo.toml"))?
    );
    let versions = checkout.join("Cargo.lock");
    let versions = fs::read(&versions).map_err(|error| Error::read(&versions, error))?;
    write(&dir.join("Cargo.toml"), manifest.as_bytes())?;
    write(&dir.join("Cargo.lock"), &versions)?;
    write(&dir.join("src/lib.rs"), SOURCE.as_bytes())?;
    write(&dir.join(".cargo/config.toml"), CONFIG.replace("{lab}", &lab).as_bytes())?;
    write(&dir.join(".gitignore"), b"/target\n")?;
    settle_versions(dir);
    let (shown, page) = (dir.display(), checkout.join("docs/bring-your-own.md"));
    print(&format!(
        "{shown} is ready: src/lib.rs is the frame of an adapter, and {} explains it. It uses the lab in {}, by its \
         path. Begin with\n\n  cd {shown}\n  cargo test --test lab3 TestInitialElection3A\n",
        page.display(),
        checkout.display()
    ));
    Ok(())
}
