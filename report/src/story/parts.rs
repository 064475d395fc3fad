//! A request's parts, whatever its author calls them: its numbers, each with the way to it; its lists; and the words
//! and flags that tell requests of one kind from those of another.

use serde_json::Value;

/// How long a word may be that tells kinds apart, in bytes, and how many parts a message without names may have.
const WORD: usize = 24;
const PARTS: usize = 12;

/// The numbers of a message, or of an entry, each with the way to it.
pub(super) type Numbers = Vec<(String, u64)>;

/// A request, taken apart.
#[derive(Default)]
pub(super) struct Parts {
    /// Words and flags, and of what they are said.
    pub(super) words: String,
    pub(super) numbers: Numbers,
    /// Its lists, each with the numbers of its elements.
    pub(super) lists: Vec<(String, Vec<Numbers>)>,
}

impl Parts {
    pub(super) fn of(value: &Value) -> Parts {
        let mut parts = Parts::default();
        match value {
            // A message without names.
            Value::Array(all) if all.len() <= PARTS => parts.take_all(all, ""),
            _ => parts.take(value, ""),
        }
        parts
    }

    fn take(&mut self, value: &Value, path: &str) {
        match value {
            Value::Number(number) => {
                self.numbers.extend(number.as_u64().map(|number| (path.to_owned(), number)));
            }
            Value::String(word) if word.len() <= WORD => self.words += &format!("{path}={word} "),
            Value::Object(fields) => {
                if let (1, Some((variant, _))) = (fields.len(), fields.iter().next()) {
                    self.words += &format!("{path}={variant} ");
                }
                fields.iter().for_each(|(name, value)| self.take(value, &format!("{path}/{name}")));
            }
            Value::Array(all) if is_tuple(all) => self.take_all(all, path),
            Value::Array(all) if !all.first().is_some_and(Value::is_number) => {
                let entries = all.iter().flat_map(|entry| Parts::of(entry).entries()).collect();
                self.lists.push((path.to_owned(), entries));
            }
            Value::Bool(flag) => self.words += &format!("{path}={flag} "),
            Value::Null | Value::String(_) | Value::Array(_) => {}
        }
    }

    fn take_all(&mut self, all: &[Value], path: &str) {
        all.iter().enumerate().for_each(|(n, value)| self.take(value, &format!("{path}/{n}")));
    }

    /// The entries that an element of a list stands for: one for each command, if it has a list of them.
    fn entries(self) -> impl Iterator<Item = Numbers> {
        let times = match &*self.lists {
            [(_, commands)] if !self.numbers.is_empty() => commands.len().max(1),
            _ => 1,
        };
        std::iter::repeat_n(self.numbers, times)
    }

    pub(super) fn number(&self, path: &str) -> Option<u64> {
        number(&self.numbers, path)
    }

    pub(super) fn list(&self, path: &str) -> Option<&Vec<Numbers>> {
        self.lists.iter().find(|(own, _)| own == path).map(|(_, entries)| entries)
    }
}

pub(super) fn number(numbers: &Numbers, path: &str) -> Option<u64> {
    numbers.iter().find(|(own, _)| own == path).map(|&(_, number)| number)
}

/// Whether it may be a tuple that begins with a number, and no list of them.
fn is_tuple(all: &[Value]) -> bool {
    let begins = all.first().is_some_and(Value::is_number);
    begins && (all.len() <= 2 || all.len() <= PARTS && !all.iter().all(Value::is_number))
}
