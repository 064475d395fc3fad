//! Bytes that grow at their end, shrink at both ends, and are saved often.

use std::collections::VecDeque;

use bytes::Bytes;

/// So many bytes make a part that is saved without being copied.
const PART: usize = 4096;

/// A row of bytes. All but its last few thousand are in parts that a saved state can share.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    parts: VecDeque<Bytes>,
    /// What is behind the parts; less than one.
    rest: Vec<u8>,
}

impl Encoded {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        if self.rest.len() >= PART {
            self.parts.push_back(Bytes::copy_from_slice(&self.rest));
            self.rest.clear();
        }
    }

    /// Removes so many bytes from the beginning.
    pub(crate) fn cut_front(&mut self, mut count: usize) {
        while let Some(first) = self.parts.front_mut() {
            if count < first.len() {
                *first = first.split_off(count);
                return;
            }
            count -= first.len();
            self.parts.pop_front();
        }
        self.rest.drain(..count);
    }

    /// Removes so many bytes from the end.
    pub(crate) fn cut_back(&mut self, mut count: usize) {
        while count > self.rest.len() {
            count -= self.rest.len();
            self.rest = self.parts.pop_back().map(Vec::from).expect("there are so many bytes");
        }
        self.rest.truncate(self.rest.len() - count);
    }

    /// All bytes, in parts.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Bytes> {
        self.parts.iter().cloned().chain([Bytes::copy_from_slice(&self.rest)])
    }
}
