//! Numbers and times as sentences have them.

use std::time::Duration;

/// A stretch of virtual time, as a sentence has it: `at one instant`, `within 3 ms of virtual time`.
#[must_use]
pub fn within(time: Duration) -> String {
    match time.as_micros().div_ceil(1000) {
        0 => "at one instant".to_owned(),
        ms => format!("within {ms} ms of virtual time"),
    }
}

/// A number with a comma before each three digits.
///
/// ```
/// assert_eq!(sim::grouped(1_234_567), "1,234,567");
/// ```
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_up() {
        assert_eq!(within(Duration::ZERO), "at one instant");
        assert_eq!(within(Duration::from_micros(2950)), "within 3 ms of virtual time");
    }

    #[test]
    fn numbers_have_commas() {
        let numbers = [0, 999, 1000, 1_000_000];
        assert_eq!(numbers.map(grouped), ["0", "999", "1,000", "1,000,000"]);
    }
}
