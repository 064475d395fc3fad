//! A place for one letter, which a signal's handler writes and an ordinary thread reads.
//!
//! The place is there before the signal comes, so a handler neither allocates nor locks to leave its
//! letter. One atomic says how far it has come and for which question it is: an answer to an earlier
//! question never passes for one to the present question.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU64, Ordering};

/// The lowest bits of a mailbox's state. The others are the question's key.
const PHASE: u64 = 0b11;
/// No letter is wanted.
const CLOSED: u64 = 0;
/// A letter is wanted.
const OPEN: u64 = 1;
/// A letter is being written.
const WRITING: u64 = 2;
/// A letter lies there to be read.
const FULL: u64 = 3;

/// A place for one letter at a time; see the module. Only one thread opens, closes and reads it.
pub(crate) struct Mailbox<T> {
    state: AtomicU64,
    letter: UnsafeCell<Option<T>>,
}

// SAFETY: the letter is touched by two only. One has moved the state from OPEN to WRITING, and writes.
// The other reads while the state is FULL, and nobody writes before the same thread opens it again.
unsafe impl<T: Copy + Send> Sync for Mailbox<T> {}

impl<T: Copy> Mailbox<T> {
    /// A mailbox that wants no letter.
    pub(crate) const fn closed() -> Mailbox<T> {
        Mailbox { state: AtomicU64::new(CLOSED), letter: UnsafeCell::new(None) }
    }

    /// A mailbox that wants one letter, to the question 0.
    pub(crate) const fn opened() -> Mailbox<T> {
        Mailbox { state: AtomicU64::new(OPEN), letter: UnsafeCell::new(None) }
    }

    /// Wants a letter to the question `key`, of at most 62 bits. Returns whether it can have one: not
    /// while an earlier letter is still being written.
    pub(crate) fn open(&self, key: u64) -> bool {
        let before = self.state.load(Ordering::Acquire);
        // A writer begins only where the state is OPEN; then this step fails.
        let opened = (key << 2) | OPEN;
        before & PHASE != WRITING
            && self
                .state
                .compare_exchange(before, opened, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
    }

    /// Wants no letter to the question `key` any more, if none has been begun.
    pub(crate) fn close(&self, key: u64) {
        let (open, closed) = ((key << 2) | OPEN, (key << 2) | CLOSED);
        // If this fails a letter has been begun, and may be read when it is there.
        let _ = self.state.compare_exchange(open, closed, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// The letter to the question `key`, if it lies there.
    pub(crate) fn read(&self, key: u64) -> Option<T> {
        if self.state.load(Ordering::Acquire) != (key << 2) | FULL {
            return None;
        }
        // SAFETY: nobody writes while the state is FULL.
        unsafe { *self.letter.get() }
    }

    /// Begins a letter, if one is wanted to a question whose key is `mine`. For handlers.
    pub(crate) fn begin(&self, mine: impl FnOnce(u64) -> bool) -> Option<Letter<'_, T>> {
        let state = self.state.load(Ordering::Acquire);
        if state & PHASE != OPEN || !mine(state >> 2) {
            return None;
        }
        let writing = state & !PHASE | WRITING;
        self.state
            .compare_exchange(state, writing, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
            .then_some(Letter(self))
    }

    /// Lets the letter that has been begun be read as it is. Returns whether there is one. For a handler
    /// that interrupts the handler which writes the letter, and won't let it go on.
    pub(crate) fn finish(&self) -> bool {
        let state = self.state.load(Ordering::Relaxed);
        if state & PHASE != WRITING {
            return false;
        }
        self.state.store(state | FULL, Ordering::Release);
        true
    }
}

/// A letter that has been begun.
pub(crate) struct Letter<'a, T>(&'a Mailbox<T>);

impl<T: Copy> Letter<'_, T> {
    /// Writes the letter, in place of what was written before.
    pub(crate) fn write(&self, letter: T) {
        // SAFETY: this is the one writer, as it has moved the state from OPEN to WRITING.
        unsafe { *self.0.letter.get() = Some(letter) };
    }

    /// Lets it be read.
    pub(crate) fn finish(self) {
        self.0.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::Mailbox;

    #[test]
    fn a_letter_is_read_as_the_answer_to_its_own_question_only() {
        let mailbox = Mailbox::closed();
        assert!(mailbox.begin(|_| true).is_none(), "nobody has asked");
        assert!(mailbox.open(7));
        assert!(mailbox.begin(|key| key == 6).is_none(), "another was asked");
        let letter = mailbox.begin(|key| key == 7).expect("a letter is wanted");
        assert!(mailbox.begin(|_| true).is_none(), "it is being written");
        letter.write("seven");
        assert_eq!(mailbox.read(7), None, "it isn't finished");
        letter.finish();
        assert_eq!((mailbox.read(6), mailbox.read(7)), (None, Some("seven")));
        assert!(mailbox.open(8));
        assert_eq!((mailbox.read(7), mailbox.read(8)), (None, None));
    }

    #[test]
    fn a_letter_that_is_late_is_never_another_s() {
        let mailbox = Mailbox::closed();
        assert!(mailbox.open(1));
        let late = mailbox.begin(|_| true).expect("a letter is wanted");
        mailbox.close(1);
        assert!(!mailbox.open(2), "the first is still being written");
        late.write("one");
        late.finish();
        assert!(mailbox.open(2));
        assert_eq!(mailbox.read(2), None);
        mailbox.close(2);
        assert!(mailbox.begin(|_| true).is_none(), "it was closed");
    }

    #[test]
    fn a_letter_can_be_finished_by_whoever_interrupts_its_writer() {
        let mailbox = Mailbox::opened();
        assert!(!mailbox.finish());
        let letter = mailbox.begin(|_| true).expect("a letter is wanted");
        letter.write("half");
        assert!(mailbox.finish());
        assert_eq!(mailbox.read(0), Some("half"));
        assert!(!mailbox.finish());
    }
}
