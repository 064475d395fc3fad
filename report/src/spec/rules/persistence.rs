//! Persistent state on all servers (Figure 2), and what goes with a snapshot (§7).

use super::rules;
use crate::spec::Known;
use crate::spec::breach::{Basis, Breach, Fact};
use crate::spec::server::Shown;
use crate::story::{Call, HeldSnapshot, Moment, Proposal, Save, Story};

rules! {
    TERM_NOT_SAVED: Safety "term-not-saved" = "M3" at [PersistentState],
        "Figure 2, Persistent state; §5.1",
        "a server saves currentTerm before it answers",
        "what is saved and read back. Each change of the term must be saved";
    VOTE_NOT_SAVED: Safety "vote-not-saved" = "M2" at [PersistentState],
        "Figure 2, Persistent state; §5.2",
        "a server saves votedFor before it answers",
        "what is saved and read back. Each vote must be saved before the reply";
    LOG_NOT_SAVED: Safety "log-not-saved" = "M7" at [PersistentState],
        "Figure 2, Persistent state; §5.3",
        "a server saves log[] before it answers",
        "what is saved and read back. Each change of the log must be saved"
        => Asks asks_with_less_than_written;
    SNAPSHOT_NOT_SAVED: Safety "snapshot-not-saved" at [PersistentState, InstallSnapshot 5],
        "§7; Figure 13, InstallSnapshot 5",
        "a server saves a snapshot together with the log that begins after it, and keeps it saved; if a leader \
         sends a snapshot, the server saves it before it replies",
        "what snapshot() and the InstallSnapshot handler keep, and each call of the persister's save(). Its \
         second argument is the snapshot, and an empty one erases the stored snapshot";
    SNAPSHOT_NOT_READ_BACK: Safety "snapshot-not-read-back" at [PersistentState],
        "§7",
        "a server saves a snapshot together with the log that begins after it, and keeps it saved",
        "what is read back after a crash. It must include read_snapshot(), so that the next save() can store \
         the snapshot again. And check each place that saves: it has to pass the current snapshot, not an empty one";
    SNAPSHOT_ERASED: Safety "snapshot-erased" at [PersistentState],
        SNAPSHOT_NOT_READ_BACK.place,
        SNAPSHOT_NOT_READ_BACK.says,
        "each place that saves. It has to pass the current snapshot, not an empty one";
    OLD_SNAPSHOT_KEPT: Safety "old-snapshot-kept" at [Snapshots],
        "§7",
        "log and snapshot change together: a log that begins after a snapshot is useless without that \
         snapshot",
        "what snapshot() and the InstallSnapshot handler do with the new snapshot when there is already an \
         older one, and in which order. If a save comes between the change of the log and the change of the \
         snapshot, one of the two is new and the other old";
    STATE_FOR_SNAPSHOT: Safety "state-saved-as-snapshot" at [PersistentState],
        "§7; the persister's save()",
        "a server saves a snapshot together with the log that begins after it, and keeps it saved",
        "the two arguments of save(), and what is read back after a crash: read_raft_state() gives the state, \
         read_snapshot() gives the snapshot";
    SNAPSHOT_INDEX_FORGOTTEN: Safety "snapshot-index-forgotten" at [PersistentState, Snapshots],
        "§7; Figure 2, Volatile state",
        "a log that begins after a snapshot needs the snapshot's last index and term; commitIndex and \
         lastApplied begin at that index",
        "what is read back after a crash. It must include the snapshot's last index and term: the log's \
         indexes count from that index, and the check of prevLogIndex needs the term. And lastApplied must \
         begin at that index, not at 0";
    SNAPSHOT_TERM: Safety "snapshot-term-wrong" at [Snapshots, InstallSnapshot 6],
        "§7; Figure 13, lastIncludedTerm",
        "a server always knows the term of its snapshot's last entry: it reads the term from the log before it \
         cuts the log, saves it, reads it back, installs it, and sends it: as lastIncludedTerm, and as \
         prevLogTerm of a request that begins right after the snapshot",
        "every place that sets or reads the term of the snapshot's last entry: snapshot(), where InstallSnapshot \
         is sent and its handler, what is read back after a crash, and the function that returns the term at an index";
    NOT_RESTORED: Contract "saved-state-not-restored" at [PersistentState],
        "Figure 2, Persistent state; rule 5 of the contract",
        "a restarted server begins with what it saved: it can read back whatever it saves, and each value is \
         the same as before",
        "what is saved and what is read back, value by value. Both need the same order and types, and the \
         right variable: the term of the snapshot's last entry is not the term of the log's last entry. And \
         check a log that begins after a snapshot, an empty log, and a state that make() itself refuses";
    SAVED_FOR_APPLIED: Safety "saved-taken-for-applied" at [VolatileState],
        "Figure 2, Volatile state; §7",
        "commitIndex and lastApplied are volatile: they begin at 0, or at the snapshot's last index",
        "what lastApplied and commitIndex are set to when a server starts";
}

/// The highest term that the lives of a server before the present one have answered or sent, and so had
/// saved; `None` if it isn't the crash that took it.
pub(crate) fn promised(known: &Known<'_>, server: u32, until: Moment) -> Option<Shown> {
    let now = known.server(server).life;
    let reached = known.story.reached[server as usize].iter();
    let before = reached.take_while(|reached| reached.place < until.place).filter_map(|reached| {
        let call = &known.story.calls[reached.proof];
        let (life, moment) = if call.from.server == server {
            (call.from.incarnation, call.sent)
        } else {
            (call.answered_in?, call.handled?)
        };
        (life < now).then_some(Shown { term: reached.term, life, moment, call: Some(call.id) })
    });
    before.last().filter(|shown| fell_in_crash(known, server, shown, until))
}

/// Whether a server was seen in an earlier term than `shown` after that and before its last crash.
pub(super) fn fell_before_crash(known: &Known<'_>, server: u32, shown: &Shown) -> bool {
    let now = known.server(server).life;
    known.story.views[server as usize]
        .iter()
        .any(|view| view.incarnation < now && view.moment > shown.moment && view.term < shown.term)
}

/// Whether it may be its last crash that took the term `shown` from a server: it had not gone back from that
/// before, and has not been in such a term since, until then.
pub(super) fn fell_in_crash(known: &Known<'_>, server: u32, shown: &Shown, until: Moment) -> bool {
    let now = known.server(server).life;
    let mut views = known.story.views[server as usize].iter();
    let had_it_still =
        views.any(|view| view.incarnation == now && view.moment < until && view.term >= shown.term);
    !had_it_still && !fell_before_crash(known, server, shown)
}

/// After a crash a server does something in a way that it couldn't in a term as late as `least`, and an
/// earlier life of it was in one.
pub(super) fn term_forgotten(
    known: &Known<'_>,
    server: u32,
    least: u64,
    (moment, text, call): (Moment, String, &Call),
) -> Option<Breach> {
    let now = known.server(server);
    if now.shown.is_none_or(|shown| shown.life == now.life) {
        return None;
    }
    let before = promised(known, server, moment).filter(|before| before.term >= least)?;
    let breach = went_back(server, &before, moment);
    Some(breach.seen(moment.at, format!("after a crash, {text}"), [call.id]))
}

/// A server forgot its term in a crash: what it had been in.
pub(super) fn went_back(server: u32, before: &Shown, moment: Moment) -> Breach {
    let what = format!("server {server} forgot its term in a crash");
    let was = format!("before a crash, server {server} was in term {}", before.term);
    Breach::new(&TERM_NOT_SAVED, moment, server, what).seen(before.moment.at, was, before.call)
}

/// When a server had the entry at `index`.
pub(crate) fn had(known: &Known<'_>, server: u32, index: u64, until: Moment) -> Option<Fact> {
    let now = known.server(server);
    let before = |life: u32| if life < now.life { "before a crash, " } else { "" };
    if let Some(confirmed) = now.log.confirmed(index) {
        let text = format!(
            "{}server {server} confirmed its log up to index {}",
            before(confirmed.life),
            confirmed.up_to
        );
        return Some(Fact::new(Basis::Seen, confirmed.at, text, [confirmed.call]));
    }
    let own = own_command(known, server, index, until)?;
    let life = before(own.server.incarnation);
    let text = format!("{life}server {server} accepted a command at index {}", own.index);
    // start() may promise an index before the entry is in the log. What it has sent it has.
    let is_sent = known.story.sent_by(server as usize).any(|call| {
        call.from == own.server
            && call.args.term == Some(own.term)
            && call.sent < until
            && call.up_to().is_some_and(|last| last >= index)
    });
    Some(Fact::new(Basis::seen_if(is_sent), own.moment.at, text, None))
}

/// The server's own command that shows that it had the entry at `index`: as a leader it appended it.
fn own_command<'a>(
    known: &Known<'a>,
    server: u32,
    index: u64,
    until: Moment,
) -> Option<&'a Proposal> {
    let story = known.story;
    let before_then = story.proposals.partition_point(|own| own.moment < until);
    let mut own = story.proposals[..before_then].iter().rev();
    own.find(|own| own.server.server == server && own.index >= index)
        .filter(|_| !story.counts_other_entries)
}

/// What a server has answered since it confirmed `index`, or appended it as a leader, the latest first.
fn answered_since<'a>(
    known: &Known<'a>,
    server: u32,
    index: u64,
    until: Moment,
) -> impl Iterator<Item = &'a Call> {
    let confirmed = known.server(server).log.confirmed(index);
    let since = match confirmed {
        Some(confirmed) => Some((confirmed.at, Some(confirmed.call))),
        None => own_command(known, server, index, until).map(|own| (own.moment.at, None)),
    };
    let answered = known.story.handled_by(server as usize).rev();
    answered.filter(move |call| {
        let is_since =
            |at: Moment| since.is_some_and(|(since, by)| at.at >= since && by != Some(call.id));
        call.handled.is_some_and(|at| at < until && is_since(at))
    })
}

/// By so many bytes what a server saves gets smaller, at least, if an entry is gone; if a vote is.
const AN_ENTRY: u64 = 3;
pub(super) const A_VOTE: u64 = 1;

/// While a server handled this request, it saved less than the time before, by at least so many bytes: what was taken
/// away is no longer on its disk.
pub(super) fn saved_less(known: &Known<'_>, call: &Call, least: u64) -> Option<Fact> {
    let (delivered, handled) = call.delivered.zip(call.handled)?;
    let saves = &known.story.saved;
    let (earlier, others) = saves.split_at(saves.partition_point(|save| save.moment < delivered));
    let is_own = |save: &&Save| save.server.server == call.to;
    let mut before = earlier.iter().rfind(is_own);
    for save in others.iter().take_while(|save| save.moment <= handled).filter(is_own) {
        // A snapshot takes the place of entries.
        let of_life = before
            .filter(|before| before.server == save.server && before.snapshot == save.snapshot);
        let less = of_life.map_or(0, |before| before.state.saturating_sub(save.state));
        if less >= least {
            let text = format!(
                "while server {} handled a request from server {}, it saved a state {} smaller than the last one",
                call.to,
                call.from.server,
                crate::text::count(less as usize, "byte")
            );
            return Some(Fact::new(Basis::Seen, save.moment.at, text, [call.id]));
        }
        before = Some(save);
    }
    None
}

/// That a server handled a request which ends before an entry that it had.
pub(super) fn handled_it(short: &Call) -> Option<Fact> {
    let (handled, last) = short.handled.zip(short.up_to())?;
    let text = format!(
        "it then handled a request from server {} that ends at index {last}",
        short.from.server
    );
    Some(Fact::new(Basis::Seen, handled.at, text, [short.id]))
}

/// The last request that a server has accepted since it had the entry at `index`, and that ends before.
pub(crate) fn handled_shorter<'a>(
    known: &Known<'a>,
    server: u32,
    index: u64,
    until: Moment,
) -> Option<&'a Call> {
    let ends_before = |call: &&Call| call.up_to().is_some_and(|last| last < index);
    answered_since(known, server, index, until).filter(|call| call.is_accepted()).find(ends_before)
}

/// The last request that ends before `index`, has no entry that conflicted with the server's, and took from what it
/// saves, since it had the entry at `index`. Its reply may be lost.
pub(crate) fn cut_by<'a>(
    known: &Known<'a>,
    server: u32,
    index: u64,
    until: Moment,
) -> Option<(&'a Call, Fact)> {
    let log = &known.server(server).log;
    let agrees = |call: &Call| {
        let end = call.up_to().filter(|&end| end < index);
        let terms = call.args.prev_log_index.zip(end).map(|(prev, end)| prev + 1..=end);
        let differs =
            |at| log.term(at).zip(call.entry_term(at)).is_some_and(|(own, its)| own != its);
        terms.is_some_and(|mut terms| !terms.any(differs))
    };
    let answered = answered_since(known, server, index, until);
    let mut shorter = answered.filter(|call| call.is_append() && agrees(call));
    shorter.find_map(|call| Some((call, saved_less(known, call, AN_ENTRY)?)))
}

/// The last snapshot that ends before `index` and that a server was sent since it confirmed `index`.
pub(super) fn handled_older_snapshot<'a>(
    known: &Known<'a>,
    server: u32,
    index: u64,
    until: Moment,
) -> Option<&'a Call> {
    answered_since(known, server, index, until).find(|call| {
        call.is_snapshot()
            && call.is_answered_in_its_term()
            && call.args.last_included_index.is_some_and(|last| last < index)
    })
}

/// The last snapshot that a server had before its present life, if it covers `index` and was saved: then
/// another snapshot is stored than before.
pub(super) fn saved_snapshot(known: &Known<'_>, server: u32, index: u64) -> Option<HeldSnapshot> {
    let story = known.story;
    let began = known.server(server).began?;
    let snapshot = story.held_by(server, began).max_by_key(|held| held.moment)?;
    let mut saves = story.saved_by(server).rev().filter(|save| save.moment < began).peekable();
    let stored = saves.peek()?.snapshot;
    // What a leader sends is saved before it is applied.
    let is_older = |save: &&crate::story::Save| {
        save.moment < snapshot.moment && !(snapshot.is_installed && save.snapshot == stored)
    };
    let before = saves.find(is_older).map_or(0, |save| save.snapshot);
    (snapshot.index >= index && stored > 0 && stored != before).then_some(snapshot)
}

/// What a server saved has always had the same size, whatever was in its log.
pub(super) fn not_in_saves(known: &Known<'_>, server: u32, moment: Moment) -> Option<Fact> {
    // A log that is cut behind snapshots needn't grow.
    if known.story.has_held(server, moment) {
        return None;
    }
    let saves = known.story.saved_by(server).filter(|save| save.moment < moment && save.state > 0);
    let sizes: Vec<u64> = saves.map(|save| save.state).collect();
    let (least, most) = (sizes.iter().min()?, sizes.iter().max()?);
    let entries = known.server(server).log.last_index();
    // Each entry takes some bytes; a vote or a term takes another one or two.
    (sizes.len() > 1 && most - least < 2 * entries.max(2)).then(|| {
        let text = format!(
            "until then it had saved its state {} times, always {least} to {most} bytes, though its log had up \
             to {}",
            sizes.len(),
            crate::text::count(entries as usize, "entry")
        );
        Fact::new(Basis::Concluded, moment.at, text, None)
    })
}

/// A server's disk can't have an entry that it had before its last crash: it had saved nothing since the entry came.
pub(in crate::spec) fn came_after_last_save(
    known: &Known<'_>,
    server: u32,
    index: u64,
) -> Option<Fact> {
    let story = known.story;
    let began = known.server(server).began?;
    let last = story.saved_by(server).rfind(|save| save.moment < began).map(|save| save.moment);
    let is_before = |at: Moment| last.is_some_and(|last| at < last);
    // What a server appends of its own it saves before start() returns, and before it sends it. That the state grew then
    // shows it.
    let mut saves = story.saved_by(server).rev().skip_while(|save| save.moment >= began);
    let grew =
        saves.next().zip(saves.next()).is_some_and(|(last, before)| last.state > before.state);
    let is_own_before = |at: Moment| last.is_some_and(|last| at < last || grew && at.at == last.at);
    let brings = |call: &&Call| {
        let up_to = call.up_to().max(call.args.last_included_index);
        let is_taken = call.to == server && call.delivered.is_some_and(is_before);
        let is_own = call.from.server == server && is_own_before(call.sent);
        up_to >= Some(index) && (is_taken || is_own)
    };
    let mut own = story.proposed_by(server).filter(|own| own.index >= index);
    if story.dropped > 0
        || story.calls.iter().any(|call| brings(&call))
        || own.any(|own| is_own_before(own.moment))
    {
        return None;
    }
    let (at, text) = match last {
        Some(last) => (
            last.at,
            format!(
                "this was the last time that server {server} saved its state before the crash; the entry came \
                 later"
            ),
        ),
        None => (began.at, format!("server {server} had saved nothing before the crash")),
    };
    Some(Fact::new(Basis::Seen, at, text, None))
}

/// Whether a server has saved its state since it had a snapshot, and before its present life began.
pub(super) fn was_saved(known: &Known<'_>, server: u32, held: &HeldSnapshot) -> bool {
    let began = known.server(server).began;
    let mut saves = known.story.saved_by(server);
    // What a leader sends is saved before it is applied.
    held.is_installed || saves.any(|save| held.moment < save.moment && Some(save.moment) < began)
}

/// A save without the snapshot that the save before it had.
pub(crate) fn erased(story: &Story, before: &Save, save: &Save) -> Option<Breach> {
    if before.snapshot == 0 || save.snapshot > 0 {
        return None;
    }
    let server = save.server.server;
    let had = format!("server {server} saved a snapshot of {} bytes", before.snapshot);
    let none = "it saved its state but no snapshot";
    let breach = |rule, what| {
        Breach::new(rule, save.moment, server, what).seen(before.moment.at, had.clone(), None)
    };
    let erases =
        || format!("server {server} saved its state without the snapshot that it had saved");
    // What it has saved in this life it had no need to read back.
    if before.server == save.server {
        return Some(breach(&SNAPSHOT_ERASED, erases()).seen(save.moment.at, none, None));
    }
    let life = story.lives[server as usize].iter().rev().find(|life| life.from < save.moment)?;
    // What it saves again later it has read back.
    let breach = match saves_it_again(story, before, save) {
        true => breach(&SNAPSHOT_ERASED, erases()),
        false => {
            let what =
                format!("server {server} lost its saved snapshot in the first save after a crash");
            breach(&SNAPSHOT_NOT_READ_BACK, what).or(&SNAPSHOT_ERASED)
        }
    };
    let began = "it was restarted with what it had saved";
    let breach = breach.seen(life.from.at, began, None);
    // A single save doesn't tell what was read back.
    Some(breach.seen(save.moment.at, none, None).sure_if(false))
}

/// Whether a server saves a snapshot again in the life of `save`, though it has got none since: the one from before.
fn saves_it_again(story: &Story, before: &Save, save: &Save) -> bool {
    let server = save.server.server;
    let again = story.saved_by(server).find(|again| {
        again.server == save.server && again.moment > save.moment && again.snapshot > 0
    });
    again.is_some_and(|again| {
        let mut held = story.all_held_by(server, again.moment);
        again.snapshot == before.snapshot && !held.any(|held| held.server == save.server)
    })
}

/// A candidate's log ends before what it had written, on a disk that loses nothing.
fn asks_with_less_than_written(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let (term, index) = call.args.term.zip(call.args.last_log_index)?;
    let (number, server) = (call.from.server, known.server(call.from.server));
    let written = server.log.written_before;
    let is_shorter = server.log.last_index() <= index && index < written;
    if server.stood.contains(&term)
        || !is_shorter
        || !server.is_as_saved()
        || known.story.syncs_take_time
    {
        return None;
    }
    let began = server.began.unwrap_or(moment);
    let snapshot = known.story.held_by(number, began).max_by_key(|held| held.index);
    if let Some(snapshot) =
        snapshot.filter(|held| index < held.index && was_saved(known, number, held))
    {
        // A log that ends before the snapshot with which its server began is counted from there.
        let text =
            format!("it asked for votes in term {term} with a log that ended at index {index}");
        return Some(snapshot_index_forgotten(known, number, &snapshot, (moment, text, call)));
    }
    let what = format!("server {number} lost the entry at index {written} in a crash");
    let text = format!(
        "after a crash, it asked for votes in term {term} with a log that ended at index {index}"
    );
    let breach = Breach::new(&LOG_NOT_SAVED, moment, number, what);
    // What it saved since may have left that entry out, for nobody relied on it.
    Some(breach.facts(had(known, number, written, moment)).concluded(moment.at, text, [call.id]))
}

/// A server that was restarted with a snapshot acts as if it had none.
pub(crate) fn snapshot_index_forgotten(
    known: &Known<'_>,
    number: u32,
    snapshot: &HeldSnapshot,
    (moment, text, call): (Moment, String, &Call),
) -> Breach {
    let began = known.server(number).began.map_or(moment.at, |began| began.at);
    let up_to = snapshot.index;
    let what = format!("server {number} forgot in a crash where its snapshot ends");
    let had = format!("server {number} had a snapshot up to index {up_to}, and saved it");
    Breach::new(&SNAPSHOT_INDEX_FORGOTTEN, moment, number, what)
        .seen(snapshot.moment.at, had, None)
        .seen(began, "it was restarted with that snapshot".to_owned(), None)
        .concluded(moment.at, text, [call.id])
}
