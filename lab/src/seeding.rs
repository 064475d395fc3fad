//! Which seeds a test's runs have.

use std::fmt;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::suite::LabTest;

/// Which seed a test's first run has. Those of the others follow.
#[derive(Clone, Debug)]
pub(crate) enum Seeding {
    /// The same for each test.
    Same(u64),
    /// One that only those can know who have the course's key.
    Hidden { key: Key, submission: String },
}

/// A course's key.
#[derive(Clone)]
pub(crate) struct Key(Vec<u8>);

impl Key {
    pub(crate) fn new(secret: &[u8]) -> Key {
        Key(secret.trim_ascii().to_vec())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Seeding {
    /// The seed of the first run of a test.
    pub(crate) fn first(&self, test: &LabTest) -> u64 {
        match self {
            Seeding::Same(seed) => *seed,
            Seeding::Hidden { key, submission } => {
                let mut mac =
                    Hmac::<Sha256>::new_from_slice(&key.0).expect("a key may have any length");
                // Behind each part its length, so that no two triples are the same bytes.
                for part in [submission.as_str(), &test.name, &test.call.to_string()] {
                    mac.update(part.as_bytes());
                    mac.update(&(part.len() as u64).to_le_bytes());
                }
                let code = mac.finalize().into_bytes();
                u64::from_le_bytes(code[..8].try_into().expect("a code has 32 bytes"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(key: &str, submission: &str, test: &str) -> u64 {
        let key = Key::new(key.as_bytes());
        Seeding::Hidden { key, submission: submission.to_owned() }.first(&LabTest::for_tests(test))
    }

    #[test]
    fn hidden_seeds_hang_on_key_submission_and_test() {
        let one = hidden("secret", "alice", "TestReElection3A");
        assert_eq!(one, hidden("secret\n", "alice", "TestReElection3A"), "a file's last line ends");
        let others = [
            hidden("other", "alice", "TestReElection3A"),
            hidden("secret", "bob", "TestReElection3A"),
            hidden("secret", "alice", "TestBackup3B"),
            hidden("secret", "aliceTestReElection3", "A"),
        ];
        assert!(!others.contains(&one));
        assert_eq!(format!("{:?}", Key::new(b"secret")), "Key(…)");
    }
}
