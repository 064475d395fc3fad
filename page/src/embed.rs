//! Data in a page.

use serde::Serialize;

/// `value` as JSON that may stand in a `<script>` element: there `<` could end it, or begin a comment.
pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value)
        .expect("it is plain data")
        .replace('<', "\\u003c")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}
