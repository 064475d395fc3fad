//! Faults beyond MIT's, for scripts of our own: groups, links that work one way, messages that are
//! late or doubled, and the end of all faults.

use std::panic::Location;
use std::time::Duration;

use labrpc::{Faults, Link, Reliability, Switch};
use raftapi::Index;
use tokio::time::sleep;

use crate::agreement::Retry;
use crate::cluster::Config;

/// How long a cluster without faults has before [`Config::check_progress`] wants agreement: what was
/// sent before takes up to some seconds to come to nothing.
const SETTLE: Duration = Duration::from_secs(3);

impl Config {
    /// Switches faults beyond MIT's; see [`Faults`].
    ///
    /// # Panics
    /// If a range of times is empty.
    #[track_caller]
    pub fn set_faults(&self, faults: Faults) {
        let Faults { request_delay_ms, reply_delay_ms, .. } = &faults;
        for range in [request_delay_ms, reply_delay_ms] {
            let (start, end) = (range.start(), range.end());
            assert!(
                !range.is_empty(),
                "messages are late by {start} to {end} ms: the range is empty"
            );
        }
        self.note_network(describe(&faults));
        self.network().set_faults(faults);
    }

    /// Switches the way from one server to another; the way back is another link.
    pub fn set_link(&self, link: Link, switch: Switch) {
        let Link { from, to } = link;
        self.network().set_link(link, switch);
        self.note_network(match switch {
            Switch::On => format!("the link from server {from} to server {to} opens"),
            Switch::Off => format!("the link from server {from} to server {to} closes"),
        });
    }

    /// Cuts the servers into groups: messages go within a group, and between no two. Who is in none of
    /// them is alone. Each partition takes the place of the one before, and of [`Config::set_link`].
    pub fn partition(&self, groups: &[&[usize]]) {
        let together = |a, b| groups.iter().any(|group| group.contains(&a) && group.contains(&b));
        self.set_links(|link| if together(link.from, link.to) { Switch::On } else { Switch::Off });
        let alone = |i: &usize| !groups.iter().any(|group| group.contains(i));
        let alone: Vec<[usize; 1]> = (0..self.servers()).filter(alone).map(|i| [i]).collect();
        let all = groups.iter().copied().chain(alone.iter().map(<[usize; 1]>::as_slice));
        let group = |group: &[usize]| {
            let members: Vec<String> = group.iter().map(ToString::to_string).collect();
            format!("{{{}}}", members.join(", "))
        };
        self.note_network(match groups {
            [] => "each server is alone".to_owned(),
            _ => format!("partition {}", all.map(group).collect::<Vec<_>>().join(" | ")),
        });
    }

    /// Lets messages go from every server to every other.
    pub fn join(&self) {
        self.set_links(|_| Switch::On);
        self.note_network("all links open");
    }

    /// Whether messages go from one server to another and back, as far as links are concerned.
    pub(crate) fn reach(&self, a: usize, b: usize) -> bool {
        let network = self.network();
        !network.is_cut(Link { from: a, to: b }) && !network.is_cut(Link { from: b, to: a })
    }

    fn set_links(&self, switch: impl Fn(Link) -> Switch) {
        let servers = self.servers();
        for from in 0..servers {
            for to in (0..servers).filter(|&to| to != from) {
                let link = Link { from, to };
                self.network().set_link(link, switch(link));
            }
        }
    }

    /// Ends all faults: every server is started and connected, every link works, nothing is lost or
    /// late, disks and services are quick. A [`Hold`](crate::Hold) goes on holding until it is dropped.
    #[track_caller]
    pub fn heal(&self) {
        self.t.step("heal", Location::caller());
        let network = self.network();
        network.set_faults(Faults::NONE);
        network.set_reliability(Reliability::Reliable);
        network.set_long_reordering(Switch::Off);
        self.set_links(|_| Switch::On);
        self.disks().be_perfect();
        self.note_network("all faults end");
        for i in 0..self.servers() {
            if !self.is_live(i) {
                self.start1(i);
            }
            if !self.is_connected(i) {
                self.connect(i);
            }
        }
    }

    /// Checks that a cluster without faults gets somewhere: after 3 s all servers agree on a command
    /// of [`Config::random_value`]. Returns its index.
    ///
    /// Fails the run with `one(…) failed to reach agreement` (liveness) after 10 s more.
    #[track_caller]
    pub fn check_progress(&self) -> impl Future<Output = Index> + Send {
        let one = self.one(self.random_value(), self.servers(), Retry::Yes);
        async move {
            sleep(SETTLE).await;
            one.await
        }
    }
}

/// A network's faults, in words.
fn describe(faults: &Faults) -> String {
    let Faults { request_delay_ms, reply_delay_ms, .. } = faults;
    let percent = |of_1000: u32| f64::from(of_1000) / 10.0;
    let late = |of_1000, what, delay: &std::ops::RangeInclusive<u64>| {
        format!(
            "{} % of {what} are late by {} to {} ms",
            percent(of_1000),
            delay.start(),
            delay.end()
        )
    };
    let kinds = [
        (faults.late_requests, late(faults.late_requests, "requests", request_delay_ms)),
        (faults.late_replies, late(faults.late_replies, "replies", reply_delay_ms)),
        (faults.lost_requests, format!("{} % of requests are lost", percent(faults.lost_requests))),
        (faults.lost_replies, format!("{} % of replies are lost", percent(faults.lost_replies))),
        (
            faults.doubled_requests,
            format!("{} % of requests arrive twice", percent(faults.doubled_requests)),
        ),
    ];
    let kinds: Vec<String> =
        kinds.into_iter().filter(|&(of_1000, _)| of_1000 > 0).map(|(_, what)| what).collect();
    if kinds.is_empty() { "no extra message faults".to_owned() } else { kinds.join(", ") }
}
