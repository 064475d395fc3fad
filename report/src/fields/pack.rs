//! The fields in few bytes, as they are kept beside a message.

use super::{Fields, Named, Names, Slot};

/// How many entries are read at most: a stored history that is damaged may claim more than there is memory.
const MOST_ENTRIES: usize = 1 << 24;

/// Stands before the set of names that are guessed.
const GUESSED: u8 = 0x40;

/// Stands before the number of commands up to `prevLogIndex`.
const COMMANDS_BEFORE: u8 = 0x41;

impl Fields {
    /// Packs the fields behind what is in `bytes`: a number for each field that is there, and its
    /// value. Entries of one term, as most are, take the room of one.
    pub(crate) fn pack(&self, bytes: &mut Vec<u8>) {
        let Fields {
            term,
            sender,
            last_log_index,
            last_log_term,
            vote_granted,
            prev_log_index,
            prev_log_term,
            entries,
            leader_commit,
            success,
            last_included_index,
            last_included_term,
            named,
            done,
            commands_before,
            guessed,
        } = self;
        let numbers = [
            (Slot::Term, *term),
            (Slot::Sender, *sender),
            (Slot::LastLogIndex, *last_log_index),
            (Slot::LastLogTerm, *last_log_term),
            (Slot::VoteGranted, vote_granted.map(u64::from)),
            (Slot::PrevLogIndex, *prev_log_index),
            (Slot::PrevLogTerm, *prev_log_term),
            (Slot::LeaderCommit, *leader_commit),
            (Slot::Success, success.map(u64::from)),
            (Slot::LastIncludedIndex, *last_included_index),
            (Slot::LastIncludedTerm, *last_included_term),
            (Slot::Named, named.map(|named| named as u64)),
            (Slot::Done, done.map(u64::from)),
        ];
        for (slot, number) in numbers {
            if let Some(number) = number {
                bytes.push(slot as u8);
                pack_number(bytes, number);
            }
        }
        if let Some(commands) = commands_before {
            bytes.push(COMMANDS_BEFORE);
            pack_number(bytes, *commands);
        }
        if !guessed.is_empty() {
            bytes.push(GUESSED);
            pack_number(bytes, u64::from(guessed.0));
        }
        if let Some(entries) = entries {
            bytes.push(Slot::Entries as u8);
            for run in entries.chunk_by(|one, next| one == next) {
                pack_number(bytes, run.len() as u64);
                bytes.push(u8::from(run[0].is_some()));
                pack_number(bytes, run[0].unwrap_or(0));
            }
        }
    }

    /// Packs the fields into at most so many bytes; without the terms of the entries, of which there is only
    /// how many they are, if they take more.
    pub(crate) fn pack_within(mut self, most: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.pack(&mut bytes);
        if bytes.len() > most {
            bytes.clear();
            self.forget(Slot::EntryTerm);
            self.pack(&mut bytes);
        }
        bytes
    }

    /// Reads what [`Fields::pack`] has written.
    pub(crate) fn unpack(mut bytes: &[u8]) -> Fields {
        let mut fields = Fields::default();
        while let Some((&slot, rest)) = bytes.split_first() {
            bytes = rest;
            if slot == Slot::Entries as u8 {
                fields.entries = Some(unpack_entries(&mut bytes));
                continue;
            }
            let number = unpack_number(&mut bytes);
            match slot {
                GUESSED => fields.guessed = Names(number as u16),
                COMMANDS_BEFORE => fields.commands_before = Some(number),
                slot if slot == Slot::Done as u8 => fields.done = Some(number != 0),
                slot if slot == Slot::Success as u8 => fields.success = Some(number != 0),
                slot if slot == Slot::VoteGranted as u8 => fields.vote_granted = Some(number != 0),
                slot if slot == Slot::Named as u8 => fields.named = Named::numbered(number),
                slot => {
                    if let Some(place) = fields.number(slot) {
                        *place = Some(number);
                    }
                }
            }
        }
        fields
    }
}

/// Packs a number: seven bits to a byte, the lowest first; all but the last have the eighth.
fn pack_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn unpack_number(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let Some((&byte, rest)) = bytes.split_first() else { break };
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    number
}

fn unpack_entries(bytes: &mut &[u8]) -> Vec<Option<u64>> {
    let mut entries = Vec::new();
    // They are the last that is packed.
    while !bytes.is_empty() {
        let count = unpack_number(bytes) as usize;
        let is_known = unpack_number(bytes) != 0;
        let term = unpack_number(bytes);
        let len = entries.len().saturating_add(count).min(MOST_ENTRIES);
        entries.resize(len, is_known.then_some(term));
    }
    entries
}
