//! A long list of a run, whose memory the next run takes over: to ask the system for it anew costs more than to fill it.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// What such lists are made of.
pub trait Kept: Sized + 'static {
    /// The empty list that is kept for the next run of this process.
    fn kept() -> &'static Mutex<Vec<Self>>;
}

/// How much memory a list may have to be kept, in bytes: the longest of the lab's tests stay below it.
const MOST: usize = 32 << 20;

/// A list that begins with the memory of one that was dropped, if there is one.
pub struct Reused<T: Kept>(Vec<T>);

impl<T: Kept> Default for Reused<T> {
    fn default() -> Reused<T> {
        // Nobody panics while the list is taken or put back.
        Reused(std::mem::take(&mut T::kept().lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl<T: Kept> Drop for Reused<T> {
    fn drop(&mut self) {
        self.0.clear();
        let mut kept = T::kept().lock().unwrap_or_else(PoisonError::into_inner);
        if (kept.capacity() + 1..=MOST / size_of::<T>()).contains(&self.0.capacity()) {
            std::mem::swap(&mut *kept, &mut self.0);
        }
    }
}

impl<T: Kept + Clone> Clone for Reused<T> {
    fn clone(&self) -> Reused<T> {
        let mut clone = Reused::default();
        clone.extend_from_slice(self);
        clone
    }
}

impl<T: Kept> Deref for Reused<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T: Kept> DerefMut for Reused<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.0
    }
}

impl<T: Kept + fmt::Debug> fmt::Debug for Reused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'a, T: Kept> IntoIterator for &'a Reused<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'a, T: Kept> IntoIterator for &'a mut Reused<T> {
    type Item = &'a mut T;
    type IntoIter = std::slice::IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Item(u8);

    impl Kept for Item {
        fn kept() -> &'static Mutex<Vec<Item>> {
            static KEPT: Mutex<Vec<Item>> = Mutex::new(Vec::new());
            &KEPT
        }
    }

    #[test]
    fn a_list_begins_empty_with_the_memory_of_the_longest_before() {
        let mut list = Reused::default();
        (0..100).for_each(|number| list.push(Item(number)));
        let (memory, room) = (list.as_ptr(), list.capacity());
        let clone = list.clone();
        assert_eq!(*clone, *list);
        drop(list);
        drop(clone); // is no longer than what is kept
        let next: Reused<Item> = Reused::default();
        assert_eq!((next.len(), next.as_ptr(), next.capacity()), (0, memory, room));
        assert_eq!(Reused::<Item>::default().capacity(), 0, "each is another");
        let mut long: Reused<Item> = Reused::default();
        long.reserve(MOST + 1);
        drop(long); // has more than is kept
        assert_eq!(Reused::<Item>::default().capacity(), 0);
    }
}
