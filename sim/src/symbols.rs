//! Which line an address of the program is: looked up once for each address, and not at all where nobody
//! will read it.
//!
//! The first look into the debug information of a test binary takes some tenths of a second.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::ptr;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use crate::tester;

/// Tells a child that nobody reads its lines.
const NO_LINES: &str = "LAB_WORKER_NO_LINES";

/// A line of the program. One address stands for several where functions were inlined.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) file: PathBuf,
    pub(crate) number: u32,
    /// The function that it is in; empty where that isn't known.
    pub(crate) function: String,
}

/// Has the children that `command` starts look up no lines: for runs that are made again, of which the
/// lines are known.
pub fn without_lines(command: &mut Command) {
    command.env(NO_LINES, "1");
}

/// Whether lines are looked up in this process.
fn are_wanted() -> bool {
    static WANTED: OnceLock<bool> = OnceLock::new();
    *WANTED.get_or_init(|| env::var_os(NO_LINES).is_none())
}

/// The lines that `address` stands for, innermost first. Empty where the program doesn't tell, and where
/// they aren't wanted.
pub(crate) fn lines(address: usize) -> Arc<[Line]> {
    static KNOWN: Mutex<BTreeMap<usize, Arc<[Line]>>> = Mutex::new(BTreeMap::new());
    if !are_wanted() {
        return Arc::default();
    }
    let found = KNOWN.lock().get(&address).cloned();
    found.unwrap_or_else(|| {
        let found = look_up(address);
        KNOWN.lock().insert(address, found.clone());
        found
    })
}

fn look_up(address: usize) -> Arc<[Line]> {
    let mut lines = Vec::new();
    let address = ptr::without_provenance_mut(address);
    let mut add = |symbol: &backtrace::Symbol| {
        if let (Some(file), Some(number)) = (symbol.filename(), symbol.lineno()) {
            let function = symbol.name().map(|name| format!("{name:#}")).unwrap_or_default();
            lines.push(Line { file: file.to_owned(), number, function });
        }
    };
    tester::does(|| backtrace::resolve(address, &mut add));
    lines.into()
}

/// Why no line of the program can be told, and what to do about it; `None` if lines can be told.
#[must_use]
pub fn why_no_lines() -> Option<&'static str> {
    static HAS_LINES: OnceLock<bool> = OnceLock::new();
    // This function's own line: the standard library's have theirs whatever the program has.
    let look = || !are_wanted() || !look_up(why_no_lines as fn() -> _ as usize + 1).is_empty();
    (!*HAS_LINES.get_or_init(look)).then_some(if cfg!(debug_assertions) {
        "unknown, as this build has no debug information; set CARGO_PROFILE_DEV_DEBUG=line-tables-only, \
         or in Cargo.toml's [profile.dev] debug = \"line-tables-only\" and strip = \"none\""
    } else {
        "unknown, as this build has no debug information; set \
         CARGO_PROFILE_RELEASE_DEBUG=line-tables-only, or in Cargo.toml's [profile.release] debug = \
         \"line-tables-only\" and strip = \"none\""
    })
}
