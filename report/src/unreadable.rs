//! What a reader must know of a run whose messages say too little for the rules to judge it.

use crate::spec;
use crate::story::Story;

/// Of a cluster of which nothing can be read.
const UNWATCHABLE: &str = "warning: this cluster can't be watched: no message between its servers tells a term or a vote that can be \
     read, so that most rules of Raft's weren't checked. Give the fields of the messages the names of Figure 2";

/// Of a cluster whose messages don't have the commands that they say that they bring.
const HIDDEN: &str = "warning: this cluster can't be watched: messages between its servers say that they bring entries, and none has \
     the bytes of a command, so that nobody can see how commands come to the servers that apply them. Send each \
     command as start() took it";

/// How both begin.
const BEGINS: &str = "warning: this cluster can't be watched: ";

/// Whether a run has this among its warnings: its rules weren't checked, or not all.
#[must_use]
pub fn is_unreadable(warnings: &[String]) -> bool {
    warnings.iter().any(|warning| warning.starts_with(BEGINS))
}

/// The warning that a run of this story needs because its messages can't be read; `None` if they can.
#[must_use]
pub fn unreadable(story: &Story) -> Option<&'static str> {
    if !spec::tells(story) {
        Some(UNWATCHABLE)
    } else if spec::hides_commands(story) {
        Some(HIDDEN)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_of_it_is_told_from_others() {
        for warning in [UNWATCHABLE, HIDDEN] {
            assert!(is_unreadable(&["warning: slow".to_owned(), warning.to_owned()]), "{warning}");
        }
        assert!(!is_unreadable(&["warning: slow".to_owned()]));
    }
}
