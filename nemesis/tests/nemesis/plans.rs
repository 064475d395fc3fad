//! Plans to test with.

use nemesis::{Act, Faults, Link, Load, Plan, Timed};

/// A plan with these acts, 100 ms apart.
pub(crate) fn plan(servers: usize, acts: Vec<Act>) -> Plan {
    let at_ms = (1..).map(|nth| nth * 100);
    let acts: Vec<Timed> = at_ms.zip(acts).map(|(at_ms, act)| Timed { at_ms, act }).collect();
    let load = Load { every_ms: 30, burst: 2 };
    Plan { seed: 7, servers, snapshots: true, load, acts, end_ms: 4_000 }
}

/// One act of each kind, and of those with several forms one of each form.
pub(crate) fn every_act() -> Vec<Act> {
    let some = Faults {
        request_delay_ms: 1..=20,
        late_requests: 500,
        reply_delay_ms: 5..=40,
        late_replies: 250,
        lost_requests: 10,
        lost_replies: 20,
        doubled_requests: 100,
    };
    vec![
        Act::Partition(vec![vec![0, 1], vec![2]]),
        Act::Join,
        Act::CutLink(Link { from: 0, to: 2 }),
        Act::MendLink(Link { from: 0, to: 2 }),
        Act::Disconnect(1),
        Act::Connect(1),
        Act::DisconnectLeader,
        Act::Crash(2),
        Act::CrashLeader,
        Act::Start(2),
        Act::Restart(vec![0, 1, 2]),
        Act::Unreliable(true),
        Act::Unreliable(false),
        Act::LongReordering(true),
        Act::LongReordering(false),
        Act::Faults(some),
        Act::Faults(Faults { request_delay_ms: 3..=4, lost_replies: 30, ..Faults::NONE }),
        Act::Faults(Faults { request_delay_ms: 3..=4, doubled_requests: 40, ..Faults::NONE }),
        Act::Faults(Faults::NONE),
        Act::SyncTime(1..=10),
        Act::ApplyTime(5),
    ]
}
