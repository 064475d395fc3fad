//! A plan as a test.

use std::fmt::Write as _;

use crate::faults::{Faults, Link};
use crate::plan::{Act, Plan, Timed};

impl Plan {
    /// The plan as a test function, which can be pasted into any file of tests and does there what the
    /// plan says. `found` says in a few words what is wrong with it.
    #[must_use]
    pub fn script(&self, found: &str) -> String {
        let mut body = String::new();
        let mut now = 0;
        for Timed { at_ms, act } in &self.acts {
            if *at_ms > now {
                line(&mut body, &format!("cfg.at({at_ms}).await;"));
                now = *at_ms;
            }
            for call in calls(act) {
                line(&mut body, &call);
            }
        }
        let mut uses = vec!["Reliability", "Snapshots", "Load", "make_config"];
        for name in ["Faults", "Link", "Switch"] {
            if body.contains(&format!("{name} {{")) || body.contains(&format!("{name}::")) {
                uses.push(name);
            }
        }
        uses.sort_unstable_by_key(|name| (name.starts_with(char::is_lowercase), *name));
        let Plan { seed, servers, snapshots, load, end_ms, .. } = self;
        let snapshots = if *snapshots { "Uneven" } else { "Off" };
        let (every_ms, burst) = (load.every_ms, load.burst);
        format!(
            "/// {found}\n\
             #[test]\n\
             #[expect(non_snake_case, reason = \"as MIT names tests\")]\n\
             fn TestFound{seed}() {{\n    \
                 use config::{{{uses}}};\n\n    \
                 config::test_with_seed({seed}, |t| async move {{\n        \
                     t.be_strict();\n        \
                     let cfg = make_config(&t, {servers}, Reliability::Reliable, \
                         Snapshots::{snapshots}, raft::make);\n        \
                     cfg.begin(\"Found: seed {seed}\");\n        \
                     let load = cfg.load(Load {{ every_ms: {every_ms}, burst: {burst} }});\n\
                     {body}        \
                     cfg.at({end_ms}).await;\n        \
                     drop(load);\n        \
                     cfg.heal();\n        \
                     cfg.check_progress().await;\n        \
                     cfg.end();\n    \
                 }});\n\
             }}\n",
            uses = uses.join(", "),
        )
    }
}

fn line(body: &mut String, text: &str) {
    let _ = writeln!(body, "        {text}");
}

/// The calls that make an act happen.
fn calls(act: &Act) -> Vec<String> {
    let link = |Link { from, to }: &Link, switch: &str| {
        vec![format!("cfg.set_link(Link {{ from: {from}, to: {to} }}, Switch::{switch});")]
    };
    match act {
        Act::Partition(groups) => {
            let groups: Vec<String> = groups.iter().map(|group| format!("&{group:?}")).collect();
            vec![format!("cfg.partition(&[{}]);", groups.join(", "))]
        }
        Act::Join => vec!["cfg.join();".to_owned()],
        Act::CutLink(cut) => link(cut, "Off"),
        Act::MendLink(mended) => link(mended, "On"),
        Act::Disconnect(i) => vec![format!("cfg.disconnect({i});")],
        Act::Connect(i) => vec![format!("cfg.connect({i});")],
        Act::DisconnectLeader => {
            vec!["cfg.leader().inspect(|&leader| cfg.disconnect(leader));".to_owned()]
        }
        Act::Crash(i) => vec![format!("cfg.crash1({i});")],
        Act::CrashLeader => vec!["cfg.leader().inspect(|&leader| cfg.crash1(leader));".to_owned()],
        Act::Start(i) => vec![format!("cfg.restart(&[{i}]);")],
        Act::Restart(servers) => vec![format!("cfg.restart(&{servers:?});")],
        Act::Unreliable(true) => vec!["cfg.set_reliability(Reliability::Unreliable);".to_owned()],
        Act::Unreliable(false) => vec!["cfg.set_reliability(Reliability::Reliable);".to_owned()],
        Act::LongReordering(true) => vec!["cfg.set_long_reordering(Switch::On);".to_owned()],
        Act::LongReordering(false) => vec!["cfg.set_long_reordering(Switch::Off);".to_owned()],
        Act::Faults(faults) => vec![format!("cfg.set_faults({});", faults_text(faults))],
        Act::SyncTime(ms) => vec![format!("cfg.set_sync_time({}..={});", ms.start(), ms.end())],
        Act::ApplyTime(ms) => vec![format!("cfg.set_apply_time({ms});")],
    }
}

/// How many fields [`Faults`] has.
const FIELDS: usize = 7;

/// The faults that there are, as an expression.
fn faults_text(faults: &Faults) -> String {
    let Faults { request_delay_ms, reply_delay_ms, .. } = faults;
    let mut fields = Vec::new();
    if faults.late_requests + faults.doubled_requests > 0 {
        let (from, to) = (request_delay_ms.start(), request_delay_ms.end());
        fields.push(format!("request_delay_ms: {from}..={to}"));
    }
    if faults.late_replies > 0 {
        let (from, to) = (reply_delay_ms.start(), reply_delay_ms.end());
        fields.push(format!("reply_delay_ms: {from}..={to}"));
    }
    let there = faults.shares().into_iter().filter(|&(_, share)| share > 0);
    fields.extend(there.map(|(name, share)| format!("{name}: {share}")));
    if fields.is_empty() {
        return "Faults::NONE".to_owned();
    }
    // Clippy objects to a rest where none is left.
    if fields.len() < FIELDS {
        fields.push("..Faults::NONE".to_owned());
    }
    format!("Faults {{ {} }}", fields.join(", "))
}
