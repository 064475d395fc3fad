//! The lane of a server: what it was, and what it did.

use std::collections::BTreeMap;

use report::story::{Life, Moment};
use report::text::one_line;
use report::{Role, Story, TaskEnding};
use serde::Serialize;

use super::texts::Texts;

/// All that is drawn of a server, but for its messages.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Lane {
    /// What it was, from each change on.
    pub stays: Vec<Stay>,
    /// When it was cut off: from, until.
    pub cut: Vec<[u64; 2]>,
    /// What happened to it or was done by it at a moment.
    pub marks: Vec<Mark>,
    /// What it told of itself, from each change on.
    pub facts: Vec<Facts>,
    /// Up to which index it had applied, from each change on; a crash takes that back to 0.
    pub applied: Vec<(u64, u64)>,
    /// When it saved its state, and how large that was, in bytes.
    pub saved: Vec<(u64, u64)>,
    /// How many rows of bars it has for calls that took long.
    pub rows: usize,
}

/// What a server was, until the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stay {
    /// Since when.
    pub at: u64,
    /// Its role; `None` while it was crashed, or before it was started.
    pub role: Option<Role>,
    /// Its term; `None` if it isn't known.
    pub term: Option<u64>,
    /// In which life, from 1.
    pub life: u32,
}

impl Stay {
    /// Its term, for a reader.
    pub(crate) fn its_term(&self) -> String {
        self.term.map_or("?".to_owned(), |term| term.to_string())
    }
}

/// What a server told of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// Since when.
    pub at: u64,
    /// The candidate that it had voted for in its term.
    pub voted_for: Option<u64>,
    /// Its log's last entry: index and term.
    pub last: [u64; 2],
    /// Its commit index.
    pub commit: u64,
    /// The last index that its snapshot covered.
    pub snapshot: u64,
}

/// Something at a moment of a server's lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// When.
    pub at: u64,
    /// What sort of thing.
    pub kind: MarkKind,
    /// What, as a number in the picture's texts.
    pub text: usize,
}

/// What sort of thing a mark stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkKind {
    /// It was started again.
    Start,
    /// It was crashed.
    Crash,
    /// It started an election.
    Election,
    /// It became leader.
    Lead,
    /// It was leader no longer.
    StepDown,
    /// It granted its vote.
    Grant,
    /// It refused its vote.
    Deny,
    /// It accepted a command.
    Propose,
    /// It began to refuse commands.
    Refuse,
    /// It was given a snapshot by its service, or installed one.
    Snapshot,
    /// One of its tasks panicked, or was aborted.
    Task,
    /// It logged something.
    Log,
}

pub(crate) fn lanes(story: &Story, end: u64, texts: &mut Texts) -> Vec<Lane> {
    let mut lanes: Vec<Lane> =
        (0..story.servers).map(|server| lane(story, server, end, texts)).collect();
    for logged in &story.logged {
        if let Some(lane) = logged.server.and_then(|of| lanes.get_mut(of.server as usize)) {
            let text = texts.number(&format!("{}: {}", logged.level, logged.text));
            lane.marks.push(Mark { at: logged.moment.at.0, kind: MarkKind::Log, text });
        }
    }
    for lane in &mut lanes {
        lane.marks.sort_by_key(|mark| mark.at);
    }
    lanes
}

fn lane(story: &Story, server: usize, end: u64, texts: &mut Texts) -> Lane {
    let standings = story.standings(server);
    let mut marks = acts(story, server, texts);
    let mut led = None;
    for (moment, standing) in &standings {
        let leads = standing.filter(|standing| standing.role == Role::Leader);
        let leads = leads.and_then(|standing| standing.term);
        let (kind, text) = match (led, leads) {
            (before, Some(term)) if before != Some(term) => {
                (MarkKind::Lead, format!("leads term {term}"))
            }
            (Some(term), None) if standing.is_some() => {
                (MarkKind::StepDown, format!("steps down from leading term {term}"))
            }
            _ => continue,
        };
        led = leads;
        marks.push(Mark { at: moment.at.0, kind, text: texts.number(&text) });
    }
    let stays = standings.iter().map(|(moment, standing)| Stay {
        at: moment.at.0,
        role: standing.map(|standing| standing.role),
        term: standing.and_then(|standing| standing.term),
        life: standing.map_or(0, |standing| standing.incarnation),
    });
    let number = server as u32;
    Lane {
        stays: last_of_each(stays.collect(), |stay| stay.at),
        cut: cut(story, server, end),
        marks,
        facts: facts(story, server),
        applied: applied(story, number),
        saved: story.saved_by(number).map(|save| (save.moment.at.0, save.state)).collect(),
        rows: 0,
    }
}

/// What a server did, and what was done to it.
fn acts(story: &Story, server: usize, texts: &mut Texts) -> Vec<Mark> {
    let number = server as u32;
    let mut marks = Vec::new();
    let mut mark = |moment: Moment, kind, what: &str| {
        marks.push(Mark { at: moment.at.0, kind, text: texts.number(what) });
    };
    for life in &story.lives[server] {
        if life.incarnation > 1 {
            let what = format!("restarts: incarnation {}", life.incarnation);
            mark(life.from, MarkKind::Start, &what);
        }
        if let Some(until) = life.until {
            mark(until, MarkKind::Crash, "is crashed");
        }
    }
    for election in story.elections.iter().filter(|own| own.candidate.server == number) {
        let first = &story.calls[election.requests[0]];
        let what = format!("starts an election, term {}", election.term);
        mark(first.sent, MarkKind::Election, &what);
    }
    for call in story.handled_by(server).filter(|call| call.is_vote()) {
        let Some(handled) = call.handled else { continue };
        let (from, term) = (call.from.server, call.args.term.unwrap_or_default());
        if call.is_granted() {
            mark(handled, MarkKind::Grant, &format!("votes for S{from} in term {term}"));
        } else if call.is_denied() {
            mark(handled, MarkKind::Deny, &format!("refuses its vote to S{from} in term {term}"));
        }
    }
    for own in story.proposed_by(number) {
        let what = format!("accepts a command at index {}, term {}", own.index, own.term);
        mark(own.moment, MarkKind::Propose, &what);
    }
    for refusal in story.refusals.iter().filter(|refusal| refusal.server.server == number) {
        mark(refusal.moment, MarkKind::Refuse, "refuses commands: it says that it doesn't lead");
    }
    for made in story.snapshots.iter().filter(|made| made.server.server == number) {
        let what = format!("is given a snapshot up to index {}", made.index);
        mark(made.moment, MarkKind::Snapshot, &what);
    }
    for applied in story.applied_by(number).filter(|applied| applied.command.is_none()) {
        let what = format!("applies a snapshot up to index {}", applied.index);
        mark(applied.moment, MarkKind::Snapshot, &what);
    }
    for task in story.tasks.iter().filter(|task| task.server.server == number) {
        let how = match task.how {
            TaskEnding::Returned => continue, // as most do
            TaskEnding::Panicked => "panics",
            TaskEnding::LikelyAborted => "is aborted, or returns",
        };
        let what = format!("its task, spawned at {}, {how}", one_line(&task.place()));
        mark(task.moment, MarkKind::Task, &what);
    }
    marks
}

/// Of several at the same time, the last: nothing lies between them that could be drawn.
fn last_of_each<T>(items: Vec<T>, at: impl Fn(&T) -> u64) -> Vec<T> {
    let mut last: Vec<T> = Vec::with_capacity(items.len());
    for item in items {
        match last.last_mut() {
            Some(before) if at(before) == at(&item) => *before = item,
            _ => last.push(item),
        }
    }
    last
}

fn cut(story: &Story, server: usize, end: u64) -> Vec<[u64; 2]> {
    let mut cut: Vec<[u64; 2]> = Vec::new();
    let mut since = None;
    for link in &story.links[server] {
        match (link.is_up, since) {
            (false, None) => since = Some(link.moment.at.0),
            (true, Some(from)) => {
                cut.push([from, link.moment.at.0]);
                since = None;
            }
            _ => {}
        }
    }
    cut.extend(since.map(|from| [from, end]));
    cut.retain(|[from, until]| from < until);
    cut
}

fn facts(story: &Story, server: usize) -> Vec<Facts> {
    let told = story.views[server].iter().filter_map(|view| {
        let detail = view.detail.as_ref()?;
        Some(Facts {
            at: view.moment.at.0,
            voted_for: detail.voted_for,
            last: [detail.last_index, detail.last_term],
            commit: detail.commit_index,
            snapshot: detail.snapshot_index,
        })
    });
    last_of_each(told.collect(), |facts| facts.at)
}

fn applied(story: &Story, server: u32) -> Vec<(u64, u64)> {
    let mut up_to: BTreeMap<Moment, u64> = BTreeMap::new();
    for applied in story.applied_by(server) {
        up_to.insert(applied.moment, applied.index);
    }
    let crashed = story.lives[server as usize].iter().filter_map(|life: &Life| life.until);
    up_to.extend(crashed.map(|until| (until, 0)));
    let up_to = up_to.into_iter().map(|(moment, index)| (moment.at.0, index)).collect();
    last_of_each(up_to, |&(at, _)| at)
}
