//! A map whose keys are numbers that follow one another, nearly all of them.

use std::collections::BTreeMap;

/// A map from numbers that follow one another, such as those of calls and of log entries. Others may be among them,
/// which are only slower.
#[derive(Debug)]
pub(crate) struct Numbered<T> {
    /// The first number that was inserted.
    first: u64,
    /// What belongs to it and to those behind it.
    values: Vec<Option<T>>,
    /// What belongs to numbers that are before the first, or leave large gaps.
    far: BTreeMap<u64, Option<T>>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Numbered<T> {
        Numbered { first: 0, values: Vec::new(), far: BTreeMap::new() }
    }
}

impl<T> Numbered<T> {
    /// How large a gap between numbers may be.
    const GAP: usize = 1 << 16;

    pub(crate) fn insert(&mut self, number: u64, value: T) {
        *self.place(number) = Some(value);
    }

    /// What belongs to a number, which nothing does until it is told.
    pub(crate) fn get_or_insert_with(&mut self, number: u64, value: impl FnOnce() -> T) -> &mut T {
        self.place(number).get_or_insert_with(value)
    }

    pub(crate) fn get(&self, number: u64) -> Option<&T> {
        let near = self.near(number).and_then(|at| self.values.get(at)?.as_ref());
        near.or_else(|| self.far.get(&number)?.as_ref())
    }

    /// Where a number's value is kept.
    fn place(&mut self, number: u64) -> &mut Option<T> {
        if self.values.is_empty() {
            self.first = number;
        }
        match self.near(number) {
            Some(at) if at <= self.values.len() + Self::GAP && !self.far.contains_key(&number) => {
                if self.values.len() <= at {
                    self.values.resize_with(at + 1, || None);
                }
                &mut self.values[at]
            }
            _ => self.far.entry(number).or_default(),
        }
    }

    /// How far a number is behind the first.
    fn near(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.first)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_be_anything() {
        let mut map = Numbered::default();
        // The second is far behind the first until all between them are there.
        let far = 7 + Numbered::<u64>::GAP as u64 + 2;
        for number in [7, far, u64::MAX, 0].into_iter().chain(8..far).chain(far + 1..far + 9) {
            assert_eq!(map.get(number), None);
            map.insert(number, number);
            assert_eq!(map.get(number), Some(&number));
        }
        for number in [0, 7, 8, far - 1, far, far + 8, u64::MAX] {
            assert_eq!(*map.get_or_insert_with(number, || 1), number);
        }
        assert_eq!(map.get(1), None);
    }
}
