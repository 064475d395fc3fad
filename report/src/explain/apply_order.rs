//! Causes of `apply error: server … apply out of order`.

use super::finding::Finding;
use super::numbers::numbers;
use super::saves::{kept_old, not_saved, replaced_by_none};
use super::{Case, Cause, certain, evidence, referee};
use crate::story::{Applied, Life, Purpose, Story};

pub(super) const CAUSES: &[Cause] = &[
    applied_twice,
    snapshot_not_delivered,
    snapshot_index_forgotten,
    snapshot_lost,
    saved_taken_for_applied,
    left_out,
    referee::broken_rule,
];

/// Three lines of the paper's, in the words that a reader knows.
const IN_ORDER: &str = "if commitIndex > lastApplied: increment lastApplied, apply \
                        log[lastApplied] (Figure 2, All Servers 1; §5.3): each index once, none \
                        left out";

/// The message that was refused, and what came before it in the same life.
struct Refused<'a> {
    server: usize,
    life: Life,
    applied: &'a Applied,
    before: Option<&'a Applied>,
}

impl Refused<'_> {
    fn find<'a>(case: &Case<'a>) -> Option<Refused<'a>> {
        let story = case.story;
        let sentence = case.failure.message.lines().next()?;
        let said = numbers(sentence);
        let (server, index) = (*said.first()? as usize, *said.last()?);
        // What came at the same time may stand behind it.
        let mut applied = story.applied.iter().rev().filter(|applied| {
            applied.server.server as usize == server && applied.moment.at <= case.window.until
        });
        let refused = applied.find(|applied| applied.index == index)?;
        let before = applied.next().filter(|applied| applied.server == refused.server);
        let lives = story.lives.get(server)?;
        let life = *lives.iter().find(|life| life.incarnation == refused.server.incarnation)?;
        Some(Refused { server, life, applied: refused, before })
    }

    /// Behind which index it should have gone on, as far as is known.
    fn behind(&self, case: &Case<'_>) -> u64 {
        let sentence = case.failure.message.lines().next().unwrap_or_default();
        match (self.before, super::numbers::number_after(sentence, "expected index")) {
            (Some(before), _) => before.index,
            (None, Some(expected)) => expected.saturating_sub(1),
            (None, None) => {
                let all = case.story.applied.iter();
                let own = all.filter(|applied| {
                    applied.server.server as usize == self.server && applied.moment < self.life.from
                });
                own.map(|applied| applied.index).max().unwrap_or(0)
            }
        }
    }

    fn is_first_after_crash(&self) -> bool {
        self.before.is_none() && self.life.incarnation > 1
    }
}

fn applied_twice(case: &Case<'_>) -> Option<Finding> {
    let Refused { server, applied, before, .. } = Refused::find(case)?;
    let before = before?;
    if applied.index > before.index {
        return None;
    }
    let index = applied.index;
    let first = case.story.applied.iter().find(|other| {
        other.server == applied.server && other.index >= index && other.moment < applied.moment
    })?;
    let what = match first.command {
        Some(_) => format!("server {server} applied index {index}"),
        None => format!("server {server} applied a snapshot that covers index {}", first.index),
    };
    let proof = vec![
        evidence(first.moment.at, what, None),
        evidence(applied.moment.at, format!("it applied index {index} again"), None),
    ];
    let what = format!("server {server} applied an index a second time");
    let look = "who sends to the apply channel: one task, which sends what is behind lastApplied \
                and moves lastApplied before it lets go of the lock; and whether something moves \
                it back, such as a snapshot that is older";
    Some(certain("applied-twice", what, proof, [IN_ORDER, look]))
}

fn snapshot_not_delivered(case: &Case<'_>) -> Option<Finding> {
    let refused = Refused::find(case)?;
    let (server, index, behind) = (refused.server, refused.applied.index, refused.behind(case));
    let call =
        case.story.handled_by(server).filter(|call| call.purpose == Purpose::Snapshot).find(
            |call| {
                let covers = call.args.last_included_index;
                call.delivered.is_some_and(|delivered| delivered > refused.life.from)
                    && call.handled.is_some_and(|handled| handled < refused.applied.moment)
                    && covers > Some(behind)
                    && covers < Some(index)
            },
        )?;
    let covers = call.args.last_included_index?;
    let proof = vec![
        evidence(
            call.handled?.at,
            format!(
                "server {server} was sent a snapshot by server {} that covers everything up to \
                 index {covers}",
                call.from.server
            ),
            [call.id],
        ),
        evidence(
            refused.applied.moment.at,
            format!(
                "it applied index {index}; the last that its service had was index {behind}, and \
                 the snapshot it never got"
            ),
            None,
        ),
    ];
    let what = format!("server {server} took a snapshot and didn't hand it on to its service");
    let rule = "reset state machine using snapshot contents (Figure 13, InstallSnapshot 8; §7)";
    let look = "where InstallSnapshot moves lastApplied: the snapshot goes to the apply channel \
                before any later command";
    // It may have left the snapshot alone, and the entries out for another reason.
    Some(certain("snapshot-not-delivered", what, proof, [rule, look]).likely())
}

fn snapshot_index_forgotten(case: &Case<'_>) -> Option<Finding> {
    let refused = Refused::find(case)?;
    let (server, index, behind) = (refused.server, refused.applied.index, refused.behind(case));
    if !refused.is_first_after_crash() || index > behind {
        return None;
    }
    let proof = vec![
        evidence(
            refused.life.from.at,
            format!(
                "server {server} was restarted with a snapshot that covers everything up to \
                 index {behind}"
            ),
            None,
        ),
        evidence(refused.applied.moment.at, format!("it applied index {index} first"), None),
    ];
    let what = format!("server {server} went on before its snapshot after a crash");
    let rule = "a log that begins behind a snapshot keeps the snapshot's last index and term \
                (§7), and commitIndex and lastApplied begin there";
    let look = "what is read back after a crash: the snapshot's index, from which the log's \
                indexes count, and lastApplied";
    Some(certain("snapshot-index-forgotten", what, proof, [rule, look]))
}

/// The service began with an older snapshot than the log, or with none.
fn snapshot_lost(case: &Case<'_>) -> Option<Finding> {
    let refused = Refused::find(case)?;
    let (server, behind) = (refused.server, refused.behind(case));
    if !refused.is_first_after_crash() || refused.applied.index <= behind + 1 {
        return None;
    }
    let story = case.story;
    let until = refused.life.from;
    if behind == 0 {
        replaced_by_none(story, server, until).or_else(|| not_saved(story, server, until))
    } else {
        kept_old(story, server, until)
    }
}

fn saved_taken_for_applied(case: &Case<'_>) -> Option<Finding> {
    let refused = Refused::find(case)?;
    let (server, index, behind) = (refused.server, refused.applied.index, refused.behind(case));
    if !refused.is_first_after_crash() || index <= behind + 1 {
        return None;
    }
    // Else it is what it has come to know since.
    if !was_last(case.story, &refused, index - 1) && !knew_of_more(case.story, &refused) {
        return None;
    }
    // Behind a later snapshot it may begin there.
    if covered(case.story, server, index - 1) {
        return None;
    }
    let proof = vec![
        evidence(
            refused.life.from.at,
            format!(
                "server {server} was restarted; its service had everything up to index {behind}"
            ),
            None,
        ),
        evidence(
            refused.applied.moment.at,
            format!(
                "it applied index {index} first, and left out {}",
                indexes(behind + 1, index - 1)
            ),
            None,
        ),
    ];
    let what = format!("server {server} took for applied what it had only saved");
    let rule = "commitIndex and lastApplied are volatile: they begin at 0, or at the snapshot's \
                last index (Figure 2, Volatile state; §7)";
    let look = "what lastApplied and commitIndex are set to when a server begins";
    // That it leaves something out is certain, and how it comes to that is not.
    Some(certain("saved-taken-for-applied", what, proof, [rule, look]).likely())
}

/// Whether a server had been told in its present life that something behind what it applied is
/// committed: it did not just begin with the last.
fn knew_of_more(story: &Story, refused: &Refused<'_>) -> bool {
    story.handled_by(refused.server).any(|call| {
        let known = call.args.leader_commit.zip(call.up_to()).map(|(commit, end)| commit.min(end));
        call.reply.success == Some(true)
            && call.delivered > Some(refused.life.from)
            && call.handled < Some(refused.applied.moment)
            && known > Some(refused.applied.index)
    })
}

/// Whether `index` is the last that a server had applied before its present life, or where its log
/// ended then.
fn was_last(story: &Story, refused: &Refused<'_>, index: u64) -> bool {
    let (server, began) = (refused.server, refused.life.from);
    let applied = story
        .applied
        .iter()
        .filter(|applied| applied.server.server as usize == server && applied.moment < began);
    let confirmed = story.handled_by(server).filter_map(|call| {
        let handled = call.handled.filter(|&handled| handled < began)?;
        (call.reply.success == Some(true)).then_some((handled, call.up_to()?))
    });
    let proposed = story
        .proposals
        .iter()
        .filter(|proposal| proposal.server.server as usize == server && proposal.moment < began);
    let ends: Vec<_> =
        confirmed.chain(proposed.map(|proposal| (proposal.moment, proposal.index))).collect();
    let latest = ends.iter().max_by_key(|(moment, _)| *moment).map(|&(_, end)| end);
    let highest = ends.iter().map(|&(_, end)| end).max();
    let applied = applied.map(|applied| applied.index).max();
    applied == Some(index) || applied < Some(index) && [latest, highest].contains(&Some(index))
}

/// Whether a server has had a snapshot that covers `index`.
fn covered(story: &Story, server: usize, index: u64) -> bool {
    let made = story
        .snapshots
        .iter()
        .any(|snapshot| snapshot.server.server as usize == server && snapshot.index >= index);
    let sent = story.handled[server].iter().any(|&place| {
        story.calls[place].args.last_included_index.is_some_and(|covers| covers >= index)
    });
    made || sent
}

fn left_out(case: &Case<'_>) -> Option<Finding> {
    let refused = Refused::find(case)?;
    let (server, index, behind) = (refused.server, refused.applied.index, refused.behind(case));
    if index <= behind + 1
        || snapshot_not_delivered(case).is_some()
        || snapshot_lost(case).is_some()
        || saved_taken_for_applied(case).is_some()
    {
        return None;
    }
    let before = match refused.before {
        Some(before) => {
            evidence(before.moment.at, format!("server {server} applied index {behind}"), None)
        }
        None => evidence(refused.life.from.at, format!("server {server} came to life"), None),
    };
    let left_out = indexes(behind + 1, index - 1);
    let text = format!("the next that it applied is index {index}: it left out {left_out}");
    let proof = vec![before, evidence(refused.applied.moment.at, text, None)];
    let what = format!("server {server} left out {left_out} when it applied what was committed");
    let look = "how far lastApplied moves at a time, when commitIndex has gone up by more than one";
    Some(certain("apply-left-out", what, proof, [IN_ORDER, look]))
}

fn indexes(first: u64, last: u64) -> String {
    if first == last { format!("index {first}") } else { format!("the indexes {first} to {last}") }
}
