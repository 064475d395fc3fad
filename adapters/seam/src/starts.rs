//! The index that `start` returns.

use raftapi::{Index, Start, Term};

/// Predicts at which index a command will be.
///
/// A foreign Raft takes a command by a queue, and appends it later. All commands of a term come from its leader's
/// `start`, in the order of the queue. So each has the index after the one before, and a term's first has the index
/// after all that the leader's log had when it was elected. If the leader refuses a command in the end, it leads no
/// longer, and will never lead in that term again: then the prediction is void, as the contract allows.
#[derive(Debug, Default)]
pub struct Starts {
    last: Option<Start>,
}

impl Starts {
    /// The next command's index and term, for a leader of `term` whose log has so many commands.
    pub fn next(&mut self, term: Term, commands: Index) -> Start {
        let before = match self.last {
            Some(last) if last.term == term => last.index,
            _ => commands,
        };
        let start = Start { index: before + 1, term };
        self.last = Some(start);
        start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terms_commands_follow_one_another_whatever_the_log_has_by_then() {
        let mut starts = Starts::default();
        assert_eq!(starts.next(2, 5), Start { index: 6, term: 2 });
        assert_eq!(starts.next(2, 5), Start { index: 7, term: 2 });
        assert_eq!(starts.next(2, 7), Start { index: 8, term: 2 });
    }

    #[test]
    fn a_new_term_begins_behind_the_log() {
        let mut starts = Starts::default();
        starts.next(2, 5);
        starts.next(2, 5);
        // The two were lost.
        assert_eq!(starts.next(4, 5), Start { index: 6, term: 4 });
    }
}
