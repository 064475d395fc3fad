//! Elections that come at the same times: servers that draw the same timeouts, and votes that are split.

use std::collections::BTreeMap;
use std::time::Duration;

use super::elections::{present, voters};
use super::{range, seconds};
use crate::event::Time;
use crate::explain::Case;
use crate::spec::Breach;
use crate::spec::rules::candidates;
use crate::text::list;

/// How many intervals between elections must be the same, and how far they may differ.
const SAME: (usize, Duration) = (6, Duration::from_millis(5));

/// Which share of the intervals must be as long as the one before. If a timeout is one of a few ticks, it may be drawn
/// the same several times in a row, but not nearly always.
const NEARLY_ALWAYS: (usize, usize) = (3, 4);

/// Whether nearly all of these intervals are as long as the one before: a timeout that isn't drawn anew.
fn stays(gaps: &[Duration]) -> bool {
    let pairs = gaps.windows(2);
    let alike = pairs.clone().filter(|pair| pair[0].abs_diff(pair[1]) <= SAME.1).count();
    let (part, whole) = NEARLY_ALWAYS;
    whole * alike >= part * pairs.len()
}

/// A server's election timeout is always the same.
pub(super) fn always_the_same(case: &Case<'_>) -> Option<Breach> {
    let (least, spread) = SAME;
    for (server, elections) in voters(case) {
        let within = elections.iter().filter(|election| case.window.contains(election.at));
        let times: Vec<_> = within.map(|election| election.at).collect();
        let gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1].since(pair[0])).collect();
        if !stays(&gaps) {
            continue;
        }
        let same = gaps.windows(least).find(|gaps| {
            let (min, max) = (gaps.iter().min(), gaps.iter().max());
            min.zip(max).is_some_and(|(min, max)| *max - *min <= spread)
        });
        let Some(gaps) = same else { continue };
        let text = format!(
            "server {server} began {} elections; {} of them in a row began {} after the one before",
            times.len(),
            gaps.len(),
            seconds(gaps[0])
        );
        let what = format!("server {server}'s election timeout is the same each time");
        let breach = case.breach(&candidates::ALWAYS_THE_SAME, server as u32, what);
        return Some(breach.seen(case.window.until, text, None));
    }
    None
}

/// In less time than this no election can be won in which a message may be late.
const TOO_SOON: Duration = Duration::from_millis(50);

/// A server starts one election after the other, without waiting for what comes of it.
pub(super) fn at_once(case: &Case<'_>) -> Option<Breach> {
    let soon = voters(case).into_iter().filter_map(|(server, elections)| {
        let within = elections.iter().filter(|election| case.window.contains(election.at));
        let times: Vec<Time> = within.map(|election| election.at).collect();
        let is_soon = |pair: &&[Time]| pair[1].since(pair[0]) < TOO_SOON;
        let count = times.windows(2).filter(is_soon).count();
        let pair = times.windows(2).find(is_soon)?;
        let is_habit = count >= SAME.0 && 2 * count >= times.len();
        is_habit.then_some((count, server, times.len(), [pair[0], pair[1]]))
    });
    let (count, server, all, [first, second]) = soon.max()?;
    let what = format!("server {server} starts one election after another without waiting");
    let began = format!("server {server} started an election");
    let again = format!("it started another one {} ms later", second.since(first).as_millis());
    let often = format!(
        "of its {all} elections in the failing check, {count} began less than {} ms after the one before",
        TOO_SOON.as_millis()
    );
    Some(
        case.breach(&candidates::AT_ONCE, server as u32, what)
            .seen(first, began, None)
            .seen(second, again, None)
            .seen(case.window.until, often, None),
    )
}

/// Several servers ask for votes at the same instants, always after the same time: each draws its timeout once, and
/// they drew the same.
pub(super) fn drawn_once(case: &Case<'_>) -> Option<Breach> {
    let (least, spread) = SAME;
    let voters = voters(case).into_iter().map(|(server, elections)| {
        let within = elections.iter().filter(|election| case.window.contains(election.at));
        (server, within.map(|election| election.at).collect::<Vec<Time>>())
    });
    let even: Vec<(usize, Vec<Time>)> = voters
        .filter(|(_, times)| {
            let gaps = || times.windows(2).map(|pair| pair[1].since(pair[0]));
            let range = gaps().min().zip(gaps().max());
            times.len() > least && range.is_some_and(|(min, max)| max - min <= spread)
        })
        .collect();
    let is_same = |one: &[Time], other: &[Time]| {
        let mut pairs = one.iter().zip(other);
        pairs.all(|(one, other)| one.since(*other).max(other.since(*one)) <= spread)
    };
    let groups = even.iter().map(|(_, first)| {
        even.iter().filter(|(_, times)| is_same(first, times)).collect::<Vec<_>>()
    });
    let together = groups.max_by_key(Vec::len).filter(|together| together.len() >= 2)?;
    let (first, times) = together[0];
    let gap = seconds(times[1].since(times[0]));
    let who = list(together.iter().map(|(server, _)| format!("server {server}")));
    let what = format!(
        "{who} asked for votes at the same instants, always {gap} after the last time: each draws its election \
         timeout only once, or uses a constant"
    );
    let mut breach = case.breach(&candidates::ALWAYS_THE_SAME, *first as u32, what);
    breach.servers = together.iter().map(|(server, _)| *server as u32).collect();
    for at in times.iter().take(2) {
        breach = breach.seen(*at, format!("{who} asked for votes within 5 ms of each other"), None);
    }
    let text = format!(
        "they did so {} times in the failing check, {gap} apart, and split the votes each time",
        times.len()
    );
    Some(breach.seen(case.window.until, text, None))
}

/// Two servers drew the same timeouts each time, and these differ from each other.
pub(super) fn same_seed(case: &Case<'_>) -> Option<Breach> {
    const DRAWN: usize = 3;
    let all = present(case, 0..case.story.servers);
    let gaps: Vec<(usize, Vec<Duration>)> = all
        .iter()
        .map(|(&server, elections)| {
            let times: Vec<Time> = elections.iter().map(|election| election.at).collect();
            (server, times.windows(2).map(|pair| pair[1].since(pair[0])).collect())
        })
        .collect();
    let close = |one: &Duration, other: &Duration| one.abs_diff(*other) <= SAME.1;
    for (place, (one, own)) in gaps.iter().enumerate() {
        for (two, theirs) in &gaps[place + 1..] {
            let drawn = own.len().min(theirs.len());
            let (own, theirs) = (&own[own.len() - drawn..], &theirs[theirs.len() - drawn..]);
            let is_same = own.iter().zip(theirs).all(|(one, other)| close(one, other));
            if drawn < DRAWN || !is_same || stays(own) {
                continue;
            }
            let what = format!("servers {one} and {two} draw the same election timeouts");
            let drawn_ms = own.iter().take(5).map(|gap| format!("{} ms", gap.as_millis()));
            let text = format!(
                "servers {one} and {two} both waited {} between their elections, each time within 5 ms of \
                 each other",
                list(drawn_ms)
            );
            let mut breach = case.breach(&candidates::SAME_SEED, *one as u32, what);
            breach.servers.push(*two as u32);
            return Some(breach.seen(case.window.until, text, None));
        }
    }
    None
}

/// How close to each other two elections are that split the votes: within a few message delays.
const SAME_TIME: Duration = Duration::from_millis(30);

/// Several candidates stand at the same time, again and again.
pub(super) fn votes_split(case: &Case<'_>) -> Option<Breach> {
    let voters = voters(case);
    let mut rounds: BTreeMap<u64, Vec<(Time, usize)>> = BTreeMap::new();
    let mut gaps: Vec<Duration> = Vec::new();
    for (&server, elections) in &voters {
        for election in elections.iter().filter(|election| case.window.contains(election.at)) {
            rounds.entry(election.term).or_default().push((election.at, server));
        }
        let pairs = elections.iter().zip(elections.iter().skip(1));
        gaps.extend(pairs.map(|(one, next)| next.at.since(one.at)));
    }
    let mut split = Vec::new();
    for (term, candidates) in &mut rounds {
        candidates.sort();
        let (first, last) = (candidates.first()?.0, candidates.last()?.0);
        if candidates.len() >= 2 && last.since(first) <= SAME_TIME {
            split.push((*term, candidates.clone()));
        }
    }
    // Where most came to nothing otherwise, that is the reason.
    let first =
        split.first().filter(|_| split.len() >= 3 && split.len() * 2 >= rounds.len())?.1[0].1;
    let what =
        "several candidates start elections at the same time, again and again, and split the votes";
    let mut breach = case.breach(&candidates::SPLIT, first as u32, what.to_owned());
    for (term, candidates) in split.iter().take(2) {
        let (at, _) = candidates[0];
        let who = list(candidates.iter().map(|(_, server)| format!("server {server}")));
        let span = candidates[candidates.len() - 1].0.since(at).as_secs_f64() * 1e3;
        breach = breach.seen(
            at,
            format!("{who} started elections in term {term} within {span:.1} ms"),
            None,
        );
    }
    if let (Some(min), Some(max)) = (gaps.iter().min(), gaps.iter().max()) {
        let text = format!(
            "{} of {} elections of the failing check were split in this way; a server waited {} for its next \
             election",
            split.len(),
            rounds.len(),
            range(*min, *max)
        );
        breach = breach.seen(case.window.until, text, None);
    }
    Some(breach)
}
