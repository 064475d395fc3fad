//! Plans drawn from a seed.

use std::ops::RangeInclusive;

use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::faults::{Faults, Link};
use crate::plan::{Act, Load, Plan, Timed};

/// How many servers: small clusters show most, and even ones what an odd one can't.
const SERVERS: [usize; 16] = [3, 3, 3, 3, 3, 3, 5, 5, 5, 5, 5, 4, 4, 2, 6, 7];

/// When the faults end, in ms.
const END_MS: RangeInclusive<u64> = 1_500..=8_000;

/// How many commands a plan's load has at most, unless they come one by one.
const MOST_COMMANDS: u64 = 400;

/// The usual time between two acts, in ms.
const PACES_MS: [u64; 6] = [15, 40, 100, 200, 400, 800];

/// How long requests or replies may be late at most, in ms.
const LATE_MS: [u64; 5] = [20, 100, 400, 1_000, 2_500];

/// What is drawn, and what is known of the cluster by then.
struct Drawing {
    rng: Xoshiro256PlusPlus,
    servers: usize,
    live: Vec<bool>,
    connected: Vec<bool>,
    cut: Vec<Link>,
    is_parted: bool,
    is_unreliable: bool,
    is_reordering: bool,
}

/// The kinds of acts among which a plan draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Part,
    Link,
    CutOff,
    CutOffLeader,
    Crash,
    CrashLeader,
    Reboot,
    Align,
    Reliability,
    Reordering,
    Faults,
}

/// All of them.
const KINDS: [Kind; 11] = [
    Kind::Part,
    Kind::Link,
    Kind::CutOff,
    Kind::CutOffLeader,
    Kind::Crash,
    Kind::CrashLeader,
    Kind::Reboot,
    Kind::Align,
    Kind::Reliability,
    Kind::Reordering,
    Kind::Faults,
];

impl Plan {
    /// Draws a plan. The same seed is the same plan on every platform.
    #[must_use]
    pub fn draw(seed: u64) -> Plan {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let servers = *SERVERS.choose(&mut rng).expect("there are sizes");
        let mut drawing = Drawing {
            rng,
            servers,
            live: vec![true; servers],
            connected: vec![true; servers],
            cut: Vec::new(),
            is_parted: false,
            is_unreliable: false,
            is_reordering: false,
        };
        drawing.plan(seed)
    }
}

impl Drawing {
    fn plan(&mut self, seed: u64) -> Plan {
        let snapshots = self.rng.random_bool(0.4);
        let end_ms = self.rng.random_range(END_MS);
        let every_ms = *[10, 30, 100, 250].choose(&mut self.rng).expect("there are paces");
        let burst = *[1, 1, 1, 2, 5].choose(&mut self.rng).expect("there are bursts");
        // Long logs take time, and show no more than short ones.
        let burst = if end_ms / every_ms * burst > MOST_COMMANDS { 1 } else { burst };
        let load = Load { every_ms, burst };
        let pace = *PACES_MS.choose(&mut self.rng).expect("there are paces");
        let mut kinds: Vec<Kind> =
            KINDS.into_iter().filter(|_| self.rng.random_bool(0.45)).collect();
        if kinds.is_empty() {
            kinds.push(Kind::CrashLeader);
        }
        let mut acts: Vec<Timed> =
            self.circumstances(&kinds).into_iter().map(|act| Timed { at_ms: 0, act }).collect();
        let mut at_ms = self.rng.random_range(0..600);
        while at_ms < end_ms {
            let kind = *kinds.choose(&mut self.rng).expect("there is one");
            let act = self.act(kind);
            acts.push(Timed { at_ms, act });
            // Mostly in quick succession, now and then with a long pause, in which a cluster settles.
            at_ms += match self.rng.random_range(0..8) {
                0 => self.rng.random_range(0..=pace * 6),
                1 => 0,
                _ => self.rng.random_range(0..=pace * 2),
            };
            if self.rng.random_bool(0.03) {
                at_ms += 1_000;
            }
        }
        Plan { seed, servers: self.servers, snapshots, load, acts, end_ms }
    }

    /// What holds from the beginning.
    fn circumstances(&mut self, kinds: &[Kind]) -> Vec<Act> {
        let mut acts = Vec::new();
        for kind in [Kind::Reliability, Kind::Reordering, Kind::Faults] {
            if kinds.contains(&kind) && self.rng.random_bool(0.7) {
                acts.push(self.act(kind));
            }
        }
        if self.rng.random_bool(0.3) {
            let most = *[2, 10, 50, 200].choose(&mut self.rng).expect("there are times");
            acts.push(Act::SyncTime(1..=most));
        }
        if self.rng.random_bool(0.15) {
            acts.push(Act::ApplyTime(*[1, 5, 20].choose(&mut self.rng).expect("there are times")));
        }
        acts
    }

    fn act(&mut self, kind: Kind) -> Act {
        match kind {
            Kind::Part if self.is_parted && self.rng.random_bool(0.4) => {
                self.is_parted = false;
                self.cut.clear();
                Act::Join
            }
            Kind::Part => {
                self.is_parted = true;
                Act::Partition(self.groups())
            }
            Kind::Link => match self.cut.pop() {
                Some(link) if self.rng.random_bool(0.5) => Act::MendLink(link),
                link => {
                    self.cut.extend(link);
                    let from = self.anybody();
                    let to = (from + self.rng.random_range(1..self.servers)) % self.servers;
                    self.cut.push(Link { from, to });
                    Act::CutLink(Link { from, to })
                }
            },
            Kind::CutOff => {
                let i = self.anybody();
                self.connected[i] = !self.connected[i];
                if self.connected[i] { Act::Connect(i) } else { Act::Disconnect(i) }
            }
            // Whom that will be isn't known, so a later act connects anybody.
            Kind::CutOffLeader if self.rng.random_bool(0.5) => Act::DisconnectLeader,
            Kind::CutOffLeader => {
                let i = self.anybody();
                self.connected[i] = true;
                Act::Connect(i)
            }
            Kind::Crash => {
                let i = self.anybody();
                self.live[i] = !self.live[i];
                if self.live[i] { Act::Start(i) } else { Act::Crash(i) }
            }
            Kind::CrashLeader if self.rng.random_bool(0.5) => Act::CrashLeader,
            Kind::CrashLeader => {
                let i = self.anybody();
                self.live[i] = true;
                Act::Start(i)
            }
            Kind::Reboot => Act::Restart(vec![self.anybody()]),
            Kind::Align => {
                let mut servers: Vec<usize> = (0..self.servers).collect();
                if self.rng.random_bool(0.5) {
                    servers.shuffle(&mut self.rng);
                    servers.truncate(self.rng.random_range(1..=self.servers));
                    servers.sort_unstable();
                }
                Act::Restart(servers)
            }
            Kind::Reliability => {
                self.is_unreliable = !self.is_unreliable;
                Act::Unreliable(self.is_unreliable)
            }
            Kind::Reordering => {
                self.is_reordering = !self.is_reordering;
                Act::LongReordering(self.is_reordering)
            }
            Kind::Faults => Act::Faults(self.faults()),
        }
    }

    fn anybody(&mut self) -> usize {
        self.rng.random_range(0..self.servers)
    }

    /// Two or three groups; mostly one of them is a majority.
    fn groups(&mut self) -> Vec<Vec<usize>> {
        let mut servers: Vec<usize> = (0..self.servers).collect();
        servers.shuffle(&mut self.rng);
        let first = match self.rng.random_range(0..3) {
            0 => self.rng.random_range(1..=self.servers),
            _ => (self.servers / 2 + 1).min(self.servers),
        };
        let rest = servers.split_off(first);
        let mut groups = vec![servers];
        match rest.len() {
            0 => {}
            n if n > 1 && self.rng.random_bool(0.3) => {
                groups.extend(rest.chunks(n.div_ceil(2)).map(<[usize]>::to_vec));
            }
            _ => groups.push(rest),
        }
        groups.iter_mut().for_each(|group| group.sort_unstable());
        groups.sort_unstable();
        groups
    }

    fn faults(&mut self) -> Faults {
        let late = |rng: &mut Xoshiro256PlusPlus| {
            let most = *LATE_MS.choose(rng).expect("there are times");
            1..=rng.random_range(1..=most)
        };
        let mut share = |probability, most| {
            let is_there = self.rng.random_bool(probability);
            let share = self.rng.random_range(10..=most);
            if is_there { share } else { 0 }
        };
        let (late_requests, late_replies) = (share(0.6, 700), share(0.4, 700));
        let (lost_requests, lost_replies) = (share(0.2, 200), share(0.3, 300));
        let doubled_requests = share(0.4, 700);
        Faults {
            request_delay_ms: late(&mut self.rng),
            late_requests,
            reply_delay_ms: late(&mut self.rng),
            late_replies,
            lost_requests,
            lost_replies,
            doubled_requests,
        }
    }
}
