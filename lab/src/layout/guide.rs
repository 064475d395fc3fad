//! The guide as a workspace has it: pages that can be read as they are, in an editor or where the workspace is pushed
//! to.

use std::fs;
use std::path::Path;

use crate::error::Error;

/// What mdBook replaces by a file's content: `{{#include path}}`, or by a part of it: `{{#include path:part}}`.
const OPEN: &str = "{{#include ";
const CLOSE: &str = "}}";

/// A page with the content of the files that it includes, in which the checkout's pages `names` are called by their
/// place in the folder `docs`.
pub(super) fn page(path: &Path, docs: &Path, names: &[&str]) -> Result<String, Error> {
    let text = read(path)?;
    let folder = path.parent().unwrap_or(path);
    let mut pieces = text.split(OPEN);
    let mut page = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let Some((include, rest)) = piece.split_once(CLOSE) else {
            page.push_str(OPEN);
            page.push_str(piece);
            continue;
        };
        let (file, part) =
            include.split_once(':').map_or((include, None), |(file, part)| (file, Some(part)));
        let content = read(&folder.join(file.trim()))?;
        page.push_str(
            match part {
                Some(part) => self::part(&content, part.trim()),
                None => &content,
            }
            .trim_end(),
        );
        page.push_str(rest);
    }
    for name in names {
        page = page.replace(&format!("`docs/{name}`"), &format!("`{}`", docs.join(name).display()));
    }
    Ok(page)
}

/// The lines between those that have `ANCHOR: name` and `ANCHOR_END: name`. Nothing if there are none: the guide's
/// own check finds that.
fn part<'a>(content: &'a str, name: &str) -> &'a str {
    let behind = |mark: String| {
        content.lines().find(|line| line.trim_end().ends_with(&mark)).map(|line| {
            // Both are parts of the same text.
            let start = line.as_ptr().addr() - content.as_ptr().addr();
            (start, start + line.len())
        })
    };
    match (behind(format!("ANCHOR: {name}")), behind(format!("ANCHOR_END: {name}"))) {
        (Some((_, start)), Some((end, _))) if start < end => {
            let inner = content[start..end].trim_start_matches('\n');
            &inner[..inner.rfind('\n').map_or(0, |last| last + 1)]
        }
        _ => "",
    }
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| Error::read(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_what_stands_between_its_marks() {
        let content = "a\n    // ANCHOR: b\n    b\n    c\n    // ANCHOR_END: b\nd\n";
        assert_eq!(part(content, "b"), "    b\n    c\n");
        assert_eq!(part(content, "no such part"), "");
    }
}
