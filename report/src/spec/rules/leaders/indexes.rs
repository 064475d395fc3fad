//! Whether the entries of a request are those of the indexes that it says.

use memchr::memmem;

use super::{ANOTHER_PLACE, NOBODY_ASKED};
use crate::spec::breach::Breach;
use crate::spec::rules::contract::MOVED;
use crate::spec::rules::install_snapshot::{OFFSET_IGNORED, counts_otherwise};
use crate::story::{Call, Proposal, Story};

/// How many bytes of requests are searched.
const SEARCHED: usize = 1 << 26;

/// Where a log has entries that nobody asked for, or a server applies what belongs elsewhere, a leader may have sent
/// entries as others than they are: that comes first. If messages count entries that aren't commands, their indexes are
/// never those of `start()`, and say nothing about it.
pub(crate) fn name_the_request(story: &Story, breaches: &mut Vec<Breach>) {
    if story.counts_other_entries {
        return;
    }
    let doubtful = [NOBODY_ASKED.id, MOVED.id];
    let first = breaches.iter().filter(|breach| doubtful.contains(&breach.rule.id));
    let Some(first) = first.map(|breach| breach.at).min() else { return };
    if let Some(breach) = of_another_index(story).filter(|breach| breach.at <= first) {
        breaches.insert(0, breach);
    }
}

/// The first request with an entry that its sender has taken itself, in that term, at an index that isn't one of
/// those that the request says.
fn of_another_index(story: &Story) -> Option<Breach> {
    let mut searched = 0;
    story.calls.iter().filter(|call| call.is_append() && !call.is_copy).find_map(|call| {
        let message = call.brings.as_ref().filter(|_| call.has_entries() && searched < SEARCHED)?;
        let (first, last) = (call.args.prev_log_index? + 1, call.up_to()?);
        let own = story.proposals.iter().filter(|own| {
            own.server == call.from && Some(own.term) == call.args.term && own.moment < call.sent
        });
        let own =
            own.filter(|own| own.command.is_searchable() && !(first..=last).contains(&own.index));
        let found = own.filter(|own| {
            searched += message.bytes().len();
            memmem::find(message.bytes(), own.command.bytes()).is_some()
        });
        let own = found.into_iter().find(|own| is_only_one(story, own))?;
        Some(sent_as(story, call, own, (first, last)))
    })
}

/// Whether a command was taken once only.
fn is_only_one(story: &Story, own: &Proposal) -> bool {
    let same = |other: &&Proposal| other.command.bytes() == own.command.bytes();
    story.proposals.iter().filter(same).count() == 1
}

fn sent_as(story: &Story, call: &Call, own: &Proposal, (first, last): (u64, u64)) -> Breach {
    let number = call.from.server;
    let made =
        story.snapshots_between(own.moment, call.sent).rfind(|made| made.server == call.from);
    let (rule, what) = match made {
        Some(made) => (&OFFSET_IGNORED, counts_otherwise(made)),
        None => {
            let what = format!(
                "server {number} sent entries with other indexes than they have in its log"
            );
            (&ANOTHER_PLACE, what)
        }
    };
    let took = format!(
        "server {number}'s start() returned index {} in term {} for {:?}",
        own.index, own.term, own.command
    );
    let text = format!(
        "in the same term it sent that command to server {}, in a request that claims to bring {}",
        call.to,
        crate::spec::rules::contract::indexes(first, last)
    );
    let breach = Breach::new(rule, call.sent, number, what).seen(own.moment.at, took, None);
    // What start() returned may be wrong, too.
    breach.seen(call.sent.at, text, [call.id]).sure_if(false)
}
