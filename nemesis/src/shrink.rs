//! Making a plan smaller.

use crate::plan::{Act, Load, Plan, Timed};

/// The smallest plan that can be found in which the same is wrong as in `plan`: with fewer acts, fewer
/// servers, in less time. `is_wrong` says whether it is; of `plan` itself it isn't asked.
///
/// It is asked some hundred times, and only of plans that pass [`Plan::check`] if `plan` does. The
/// seed stays as it is; see [`shrink_with`] for what hangs on chance.
pub fn shrink(plan: &Plan, mut is_wrong: impl FnMut(&Plan) -> bool) -> Plan {
    shrink_with(plan, |plan| is_wrong(plan).then(|| plan.clone()))
}

/// Like [`shrink`], where `find` may try several seeds: it answers with the plan in which the same is
/// wrong, which is the one that it was asked about, perhaps with another seed or an earlier end.
pub fn shrink_with(plan: &Plan, mut find: impl FnMut(&Plan) -> Option<Plan>) -> Plan {
    let mut smallest = plan.clone();
    loop {
        let before = smallest.clone();
        fewer_acts(&mut smallest, &mut find);
        fewer_servers(&mut smallest, &mut find);
        simpler(&mut smallest, &mut find);
        sooner(&mut smallest, &mut find);
        if size(&smallest) >= size(&before) {
            return smallest;
        }
    }
}

/// What is to become small.
fn size(plan: &Plan) -> (usize, usize, usize, u64) {
    let detail = |Timed { act, .. }: &Timed| match act {
        Act::Faults(faults) => faults.shares().into_iter().filter(|(_, share)| *share > 0).count(),
        act => act.servers().len(),
    };
    (plan.acts.len(), plan.servers, plan.acts.iter().map(detail).sum(), plan.end_ms)
}

type Find<'a> = &'a mut dyn FnMut(&Plan) -> Option<Plan>;

/// Takes `candidate` if the same is wrong with it.
fn accept(smallest: &mut Plan, candidate: Plan, find: Find<'_>) -> bool {
    if candidate == *smallest {
        return false;
    }
    let found = find(&candidate);
    let is_found = found.is_some();
    found.into_iter().for_each(|found| *smallest = found);
    is_found
}

/// Leaves out acts: the second half, quarters, and so on to single ones (Zeller's ddmin).
fn fewer_acts(smallest: &mut Plan, find: Find<'_>) {
    let mut size = smallest.acts.len().div_ceil(2);
    while size > 0 {
        let mut from = smallest.acts.len().saturating_sub(size);
        loop {
            let mut candidate = smallest.clone();
            let until = (from + size).min(candidate.acts.len());
            candidate.acts.drain(from..until);
            accept(smallest, candidate, find);
            if from == 0 {
                break;
            }
            from = from.saturating_sub(size).min(smallest.acts.len().saturating_sub(1));
        }
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
}

/// Leaves out servers, each in turn from the last, with all that names them.
fn fewer_servers(smallest: &mut Plan, find: Find<'_>) {
    for server in (0..smallest.servers).rev() {
        if smallest.servers > 1 {
            accept(smallest, without(smallest, server), find);
        }
    }
}

/// The plan without one server. Those behind it move up.
fn without(plan: &Plan, server: usize) -> Plan {
    let mut plan = Plan { servers: plan.servers - 1, ..plan.clone() };
    plan.acts.retain_mut(|Timed { act, .. }| match act {
        Act::Partition(groups) => {
            groups.iter_mut().for_each(|group| group.retain(|&other| other != server));
            groups.retain(|group| !group.is_empty());
            true
        }
        Act::Restart(servers) => {
            servers.retain(|&other| other != server);
            !servers.is_empty()
        }
        act => !act.servers().contains(&server),
    });
    let behind = plan.acts.iter_mut().flat_map(|timed| timed.act.servers_mut());
    behind.filter(|other| **other > server).for_each(|other| *other -= 1);
    plan
}

/// Simpler circumstances: no snapshots, fewer commands, milder faults, fewer restarts.
fn simpler(smallest: &mut Plan, find: Find<'_>) {
    accept(smallest, Plan { snapshots: false, ..smallest.clone() }, find);
    for every_ms in [250, 100, 30] {
        if smallest.load.every_ms < every_ms {
            let load = Load { every_ms, burst: 1 };
            accept(smallest, Plan { load, ..smallest.clone() }, find);
        }
    }
    for place in 0..smallest.acts.len() {
        let kinds = match &smallest.acts[place].act {
            Act::Faults(faults) => 0..faults.shares().len(),
            Act::Restart(servers) if servers.len() > 1 => 0..servers.len(),
            _ => 0..0,
        };
        for kind in kinds {
            let mut candidate = smallest.clone();
            match &mut candidate.acts[place].act {
                Act::Faults(faults) => *faults.shares_mut()[kind] = 0,
                Act::Restart(servers) if kind < servers.len() => drop(servers.remove(kind)),
                _ => {}
            }
            accept(smallest, candidate, find);
        }
    }
}

/// Less time: an earlier end, and shorter pauses.
fn sooner(smallest: &mut Plan, find: Find<'_>) {
    let last = smallest.acts.last().map_or(0, |timed| timed.at_ms);
    for more in [0, 100, 500, 1_000, 2_000] {
        if last + more < smallest.end_ms {
            let candidate = Plan { end_ms: last + more, ..smallest.clone() };
            if accept(smallest, candidate, find) {
                break;
            }
        }
    }
    for place in 0..smallest.acts.len() {
        let before = place.checked_sub(1).map_or(0, |place| smallest.acts[place].at_ms);
        let pause = smallest.acts[place].at_ms - before;
        for shorter in [0, pause / 4, pause / 2] {
            let by = pause - shorter;
            if by < 10 {
                continue;
            }
            let mut candidate = smallest.clone();
            candidate.acts[place..].iter_mut().for_each(|timed| timed.at_ms -= by);
            candidate.end_ms -= by;
            if accept(smallest, candidate, find) {
                break;
            }
        }
    }
    // Round times are easier to read.
    for step in [100, 10] {
        let mut candidate = smallest.clone();
        candidate.acts.iter_mut().for_each(|timed| timed.at_ms = timed.at_ms / step * step);
        candidate.end_ms = candidate.end_ms.div_ceil(step) * step;
        if accept(smallest, candidate, find) {
            break;
        }
    }
}
