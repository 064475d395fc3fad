//! Promises to the tester that aren't kept, and messages that the other side doesn't understand.

use super::raft::Flaw;
use super::{Mistake, flaw, in_handler};
use crate::server::Habits;
use futures::future::FutureExt as _;

pub(super) fn list() -> Vec<Mistake> {
    vec![
        flaw("the first index is 0", Flaw::CountsFromZero),
        flaw("an index is left out on the apply channel", Flaw::LeavesAnIndexOut),
        flaw("a command is applied twice", Flaw::AppliesTwice),
        flaw("a follower applies another command than the leader", Flaw::AppliesAnother),
        flaw("nothing is ever sent to the apply channel", Flaw::NeverApplies),
        flaw("start() gives the same index again", Flaw::GivesTheSameIndexAgain),
        flaw("get_state() never says that it leads", Flaw::NobodyLeads),
        flaw("get_state() always says that it leads", Flaw::EverybodyLeads),
        flaw("what was saved is decoded as another type", Flaw::PanicsWhenRestored),
        flaw("tasks go on after kill()", Flaw::OutlivesItsKill),
        flaw("a panic in snapshot()", Flaw::PanicsInSnapshot),
        flaw("an index behind the log's end", Flaw::IndexesBehindTheLog),
        flaw("a subtraction below 0 (`next_index - 1`)", Flaw::SubtractsBelowZero),
        flaw("a call to a service that nobody has", Flaw::CallsAnotherService),
        flaw("a call to a method that nobody has", Flaw::CallsAnotherMethod),
        flaw("arguments of another type than the handler's", Flaw::SendsAnotherType),
        flaw("a reply of another type is expected", Flaw::ExpectsAnotherReply),
        flaw("a method is added twice", Flaw::AddsAMethodTwice),
        flaw("a message with #[serde(untagged)]", Flaw::SendsWhatCannotBeEncoded),
        in_handler("a handler that never returns", || std::future::pending().boxed()),
        Mistake::of("no mistake at all", Habits::GOOD),
    ]
}
