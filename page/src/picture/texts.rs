//! Texts that are drawn or shown, each kept once.

use std::collections::BTreeMap;

use report::Payload;
use report::text::one_line;
use serde_json::Value;

/// How many characters of a text are kept.
const LONGEST: usize = 400;

/// How many elements of a list are shown at each end.
const SHOWN: usize = 3;

/// A list of texts, each of which is there once.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    numbers: BTreeMap<String, usize>,
}

impl Texts {
    /// The number of `text`, which is escaped and cut to a readable length first.
    pub(crate) fn number(&mut self, text: &str) -> usize {
        let next = self.numbers.len();
        *self.numbers.entry(cut(&one_line(text), LONGEST)).or_insert(next)
    }

    /// All texts, by their numbers.
    pub(crate) fn into_list(self) -> Vec<String> {
        let mut list = vec![String::new(); self.numbers.len()];
        for (text, number) in self.numbers {
            list[number] = text;
        }
        list
    }
}

/// The first `longest` characters of `text`.
pub(crate) fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What a message says, for a reader: `term: 4, candidate_id: 2`.
pub(crate) fn message_text(message: &Payload) -> String {
    let mut text = String::new();
    match message.render() {
        Ok(Value::Object(fields)) => {
            for (name, value) in &fields {
                if !text.is_empty() {
                    text.push_str(", ");
                }
                text.push_str(name);
                text.push_str(": ");
                write(&mut text, value);
            }
        }
        Ok(value) => write(&mut text, &value),
        Err(error) => text = format!("{} bytes; {error}", message.wire_len()),
    }
    text
}

/// A value as in JSON, with neither quotes around names nor the middle of long lists.
fn write(text: &mut String, value: &Value) {
    if text.len() > 4 * LONGEST {
        return; // it will be cut
    }
    match value {
        Value::Array(items) => {
            text.push('[');
            for (i, item) in items.iter().enumerate() {
                let is_long = items.len() > 2 * SHOWN + 1;
                if is_long && i >= SHOWN && items.len() - i > SHOWN {
                    if i == SHOWN {
                        text.push_str(&format!(", … {} more …", items.len() - 2 * SHOWN));
                    }
                    continue;
                }
                if i > 0 {
                    text.push_str(", ");
                }
                write(text, item);
            }
            text.push(']');
        }
        Value::Object(fields) => {
            text.push('{');
            for (i, (name, value)) in fields.iter().enumerate() {
                if i > 0 {
                    text.push_str(", ");
                }
                text.push_str(name);
                text.push_str(": ");
                write(text, value);
            }
            text.push('}');
        }
        Value::String(string) => text.push_str(&format!("{:?}", cut(string, LONGEST))),
        value => text.push_str(&value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use report::Fields;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_is_shown_by_its_fields_and_long_lists_by_their_ends() {
        let bytes = serde_json::to_vec(&json!({
            "term": 4, "entries": [1, 2, 3, 4, 5, 6, 7, 8, 9], "name": "<b>\u{1b}"
        }));
        let message = Payload::new(&bytes.expect("it is JSON"), &Fields::default(), |bytes| {
            serde_json::from_slice(bytes).map_err(|error| error.to_string())
        });
        let text = message_text(&message);
        assert!(text.contains("term: 4"), "{text}");
        assert!(text.contains("entries: [1, 2, 3, … 3 more …, 7, 8, 9]"), "{text}");
        let mut texts = Texts::default();
        assert_eq!((texts.number(&text), texts.number("\u{202e}"), texts.number(&text)), (0, 1, 0));
        let list = texts.into_list();
        assert_eq!(list[1], r"\u{202e}");
        assert!(!list[0].contains('\u{1b}') && list[0].contains("<b>"), "{}", list[0]);
    }
}
