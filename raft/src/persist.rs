//! What survives a crash (Figure 2, "Persistent state"; Figure 13).

use std::iter;

use bytes::Bytes;
use labgob::{Decoder, Encoder};
use raftapi::{Index, Persister, Term};
use serde::{Deserialize, Serialize};

use crate::log::{Entry, Log};

/// What is saved before the log's entries.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Header {
    current_term: Term,
    voted_for: Option<usize>,
    base_index: Index,
    base_term: Term,
    /// How many entries follow.
    entries: usize,
}

/// What a server had saved; all at its beginning if it had saved nothing.
#[derive(Debug)]
pub(crate) struct Saved {
    pub(crate) current_term: Term,
    pub(crate) voted_for: Option<usize>,
    pub(crate) log: Log,
    pub(crate) snapshot: Bytes,
}

impl Saved {
    /// Reads what `persister` has.
    ///
    /// # Panics
    /// If that isn't what a server saves: a server without its past must not go on.
    pub(crate) fn read(persister: &Persister) -> Saved {
        let state = persister.read_raft_state();
        let snapshot = persister.read_snapshot();
        if state.is_empty() {
            return Saved { current_term: 0, voted_for: None, log: Log::new(0, 0), snapshot };
        }
        let mut decoder = Decoder::new(&state);
        let mut read = || -> Result<(Header, Log), labgob::Error> {
            let header: Header = decoder.decode()?;
            let mut log = Log::new(header.base_index, header.base_term);
            for _ in 0..header.entries {
                log.append(decoder.decode::<Entry>()?);
            }
            Ok((header, log))
        };
        let (header, log) = read().unwrap_or_else(|error| panic!("failed to restore: {error}"));
        Saved { current_term: header.current_term, voted_for: header.voted_for, log, snapshot }
    }
}

/// The bytes to be saved, in parts.
pub(crate) fn encode(current_term: Term, voted_for: Option<usize>, log: &Log) -> Vec<Bytes> {
    let mut encoder = Encoder::new();
    encoder.encode(&Header {
        current_term,
        voted_for,
        base_index: log.base_index(),
        base_term: log.base_term(),
        entries: (log.last_index() - log.base_index()) as usize,
    });
    iter::once(encoder.finish()).chain(log.encoded().parts()).collect()
}
