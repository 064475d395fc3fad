//! The number that a parent gives a child, and that all of the child's messages bear.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};

/// How many random bytes it is made of.
const BYTES: usize = 16;

/// How long it is as text.
const LEN: usize = 2 * BYTES;

/// A number that nobody can guess: hexadecimal digits, as text. Each child has its own, and hears it before
/// anything else.
#[derive(Clone, PartialEq, Eq)]
pub struct Nonce([u8; LEN]);

impl Nonce {
    /// A fresh one, which the system draws.
    pub(crate) fn fresh() -> io::Result<Nonce> {
        let mut drawn = [0; BYTES];
        File::open("/dev/urandom")?.read_exact(&mut drawn)?;
        let mut text = String::with_capacity(LEN);
        for byte in drawn {
            let _ = write!(text, "{byte:02x}");
        }
        Ok(Nonce(text.into_bytes().try_into().expect("each byte has two digits")))
    }

    /// Reads the one that a parent gives.
    pub(crate) fn read(from: &mut impl Read) -> io::Result<Nonce> {
        let mut text = [0; LEN];
        from.read_exact(&mut text)?;
        Ok(Nonce(text))
    }

    pub(crate) fn text(&self) -> &[u8; LEN] {
        &self.0
    }

    #[cfg(test)]
    pub(crate) const fn for_tests(text: [u8; LEN]) -> Nonce {
        Nonce(text)
    }
}

impl std::fmt::Debug for Nonce {
    /// Nothing of it: it is no secret that is printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Nonce")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_another_and_made_of_digits() {
        let [one, other] = [(); 2].map(|()| Nonce::fresh().expect("the system draws"));
        assert_ne!(one.text(), other.text());
        assert!(one.text().iter().all(u8::is_ascii_hexdigit), "{:?}", one.text());
        assert_eq!(Nonce::read(&mut &one.text()[..]).expect("it is there"), one);
    }
}
