//! What a failure's sentence says, as numbers.

/// All numbers in `text`, in order; those in names don't count.
pub(super) fn numbers(text: &str) -> Vec<u64> {
    let mut numbers = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let is_word = rest[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let digits = &rest[start..];
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        if !is_word && let Ok(number) = digits[..end].parse() {
            numbers.push(number);
        }
        rest = &digits[end..];
    }
    numbers
}

/// The number behind `word` in `text`.
pub(super) fn number_after(text: &str, word: &str) -> Option<u64> {
    let (_, rest) = text.split_once(word)?;
    numbers(rest).first().copied()
}
