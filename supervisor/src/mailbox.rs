//! A place for one letter, which a signal's handler writes and an ordinary thread reads.
//!
//! The place is there before the signal comes, so a handler neither allocates nor locks to leave its
//! letter. One atomic says how far it has come and for which question it is: an answer to an earlier
//! question never passes for one to the present question.
//!
//! A letter may be written several times, and another handler may interrupt its writer at any point and
//! let it be read as it is. So there are two pages, and the same atomic says which of them was written
//! last, to its end. The next is written to the other.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU64, Ordering};

/// The lowest bits of a mailbox's state.
const PHASE: u64 = 0b11;
/// No letter is wanted.
const CLOSED: u64 = 0;
/// A letter is wanted.
const OPEN: u64 = 1;
/// A letter is being written.
const WRITING: u64 = 2;
/// A letter lies there to be read.
const FULL: u64 = 3;

/// The next bits: which page is written, if one is.
const PAGE: u64 = 0b1100;
const FIRST: u64 = 0b0100;
const SECOND: u64 = 0b1000;

/// The other bits are the question's key, of which there are so many.
pub(crate) const KEY_BITS: u32 = u64::BITS - KEY_SHIFT;
const KEY_SHIFT: u32 = 4;

/// A place for one letter at a time; see the module. Only one thread opens, closes and reads it.
pub(crate) struct Mailbox<T> {
    state: AtomicU64,
    pages: [UnsafeCell<Option<T>>; 2],
}

// SAFETY: a page is touched by two only. One has moved the state from OPEN to WRITING, and writes the page
// that the state doesn't name. The other reads the page that the state names while it is FULL, and nobody
// writes that before the same thread opens the mailbox again.
unsafe impl<T: Copy + Send> Sync for Mailbox<T> {}

impl<T: Copy> Mailbox<T> {
    /// A mailbox that wants no letter.
    pub(crate) const fn closed() -> Mailbox<T> {
        Mailbox::new(CLOSED)
    }

    /// A mailbox that wants one letter, to the question 0.
    pub(crate) const fn opened() -> Mailbox<T> {
        Mailbox::new(OPEN)
    }

    const fn new(state: u64) -> Mailbox<T> {
        Mailbox { state: AtomicU64::new(state), pages: [const { UnsafeCell::new(None) }; 2] }
    }

    /// Wants a letter to the question `key`, of at most [`KEY_BITS`]. Returns whether it can have one: not
    /// while an earlier letter is still being written.
    pub(crate) fn open(&self, key: u64) -> bool {
        let before = self.state.load(Ordering::Acquire);
        // A writer begins only where the state is OPEN; then this step fails.
        let opened = (key << KEY_SHIFT) | OPEN;
        before & PHASE != WRITING
            && self
                .state
                .compare_exchange(before, opened, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
    }

    /// Wants no letter to the question `key` any more, if none has been begun.
    pub(crate) fn close(&self, key: u64) {
        let key = key << KEY_SHIFT;
        // If this fails a letter has been begun, and may be read when it is there.
        let _ = self.state.compare_exchange(
            key | OPEN,
            key | CLOSED,
            Ordering::AcqRel,
            Ordering::Relaxed,
        );
    }

    /// The letter to the question `key`, if it lies there.
    pub(crate) fn read(&self, key: u64) -> Option<T> {
        let state = self.state.load(Ordering::Acquire);
        if state & !PAGE != (key << KEY_SHIFT) | FULL {
            return None;
        }
        let page = match state & PAGE {
            FIRST => &self.pages[0],
            SECOND => &self.pages[1],
            _ => return None, // it was finished before anything was written
        };
        // SAFETY: nobody writes to this page while the state is FULL and names it.
        unsafe { *page.get() }
    }

    /// Begins a letter, if one is wanted to a question whose key is `mine`. For handlers.
    pub(crate) fn begin(&self, mine: impl FnOnce(u64) -> bool) -> Option<Letter<'_, T>> {
        let state = self.state.load(Ordering::Acquire);
        if state & PHASE != OPEN || !mine(state >> KEY_SHIFT) {
            return None;
        }
        let writing = state & !PHASE | WRITING;
        self.state
            .compare_exchange(state, writing, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
            .then_some(Letter(self))
    }

    /// Lets the letter that has been begun be read as it was written last. Returns whether there is one. For
    /// a handler that interrupts the handler which writes the letter, and won't let it go on.
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
        self.write_by(|page| *page = Some(letter));
    }

    fn write_by(&self, write: impl FnOnce(&mut Option<T>)) {
        let Letter(Mailbox { state, pages }) = self;
        let before = state.load(Ordering::Relaxed);
        if before & PHASE != WRITING {
            return; // somebody has finished it
        }
        let (page, named) =
            if before & PAGE == FIRST { (&pages[1], SECOND) } else { (&pages[0], FIRST) };
        // SAFETY: this is the one writer, as it has moved the state from OPEN to WRITING, and nobody reads
        // the page before the state names it.
        write(unsafe { &mut *page.get() });
        let after = before & !PAGE | named;
        // If this fails it was finished meanwhile, with what was there before.
        let _ = state.compare_exchange(before, after, Ordering::Release, Ordering::Relaxed);
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
    fn half_a_letter_is_never_read() {
        let mailbox = Mailbox::opened();
        let letter = mailbox.begin(|_| true).expect("a letter is wanted");
        letter.write(["one"; 2]);
        letter.write(["two"; 2]);
        letter.write_by(|page| {
            *page = Some(["three", "two"]);
            assert!(mailbox.finish(), "another handler is faster");
            *page = Some(["three"; 2]);
        });
        assert_eq!(mailbox.read(0), Some(["two"; 2]));
        letter.write(["four"; 2]);
        letter.finish();
        assert_eq!(mailbox.read(0), Some(["two"; 2]));

        // Nor is one that was written before.
        assert!(mailbox.open(1));
        let letter = mailbox.begin(|_| true).expect("a letter is wanted");
        letter.write_by(|_| assert!(mailbox.finish()));
        assert_eq!(mailbox.read(1), None);
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
