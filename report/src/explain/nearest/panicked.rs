//! What came to a server, and what it did, before it panicked.

use crate::event::{RpcId, Time};
use crate::explain::{Case, Evidence, Finding};
use crate::story::{Call, Life, Story};

use super::finding;

/// A server's life until it panicked.
struct Last<'a> {
    story: &'a Story,
    server: u32,
    life: &'a Life,
    until: Time,
}

/// The last of each kind that a server's life tells until the panic.
pub(super) fn before(case: &Case<'_>, server: u32, life: Option<u32>) -> Option<Finding> {
    let (story, until) = (case.story, case.window.until);
    let last = Last { story, server, life: story.life(server, life)?, until };
    let held = story.last_held(server, case.window.end());
    let held = held.map(|it| fact(it.moment.at, format!("server {server} {it}"), None));
    let all = [last.began(), last.request(), last.answer(), last.start(), held, last.applied()];
    let mut evidence: Vec<Evidence> = all.into_iter().flatten().collect();
    if evidence.is_empty() {
        return None;
    }
    evidence.sort_by_key(|fact| fact.at);
    let what = format!(
        "no known cause fits; these are the last events that reached server {server} before its panic"
    );
    let look = "the line of the panic: which of its values can't be right after these events, and where that \
                value was set";
    Some(finding(case, what, evidence, look, None))
}

fn fact(at: Time, text: String, call: Option<RpcId>) -> Evidence {
    Evidence { text, at, calls: call.into_iter().collect() }
}

impl Last<'_> {
    fn has(&self, at: Time) -> bool {
        self.life.from.at <= at && at <= self.until
    }

    fn began(&self) -> Option<Evidence> {
        let Last { story, server, life, .. } = *self;
        let saved = story.saved_by(server).rfind(|save| save.moment < life.from);
        let saved = saved.filter(|_| life.incarnation > 1)?;
        let snapshot = saved.its_snapshot();
        let text = format!(
            "server {server} was restarted with {} bytes of state and {snapshot}",
            saved.state
        );
        Some(fact(life.from.at, text, None))
    }

    /// The last request that came to it.
    fn request(&self) -> Option<Evidence> {
        let Last { story, server, life, .. } = *self;
        let came = story.calls.iter().filter(|call| {
            call.to == server && call.delivered.is_some_and(|at| at > life.from && self.has(at.at))
        });
        let call = came.max_by_key(|call| call.delivered)?;
        let open = if call.handled.is_none() { ", and hasn't answered it" } else { "" };
        let text = format!("server {server} got {}{open}", said(call));
        Some(fact(call.delivered?.at, text, Some(call.id)))
    }

    /// The last answer that came to it.
    fn answer(&self) -> Option<Evidence> {
        let own = self.story.sent_by(self.server as usize).filter(|call| {
            call.from.incarnation == self.life.incarnation
                && call.replied().is_some_and(|at| self.has(at))
        });
        let call = own.max_by_key(|call| call.replied())?;
        let [is_yes, is_no] =
            [call.is_accepted() || call.is_granted(), call.is_rejected() || call.is_denied()];
        let says = match (is_yes, is_no) {
            (true, _) => ", which is yes",
            (_, true) => ", which is no",
            _ => "",
        };
        let besides = call.says_besides().filter(|_| is_no);
        let besides = besides.map_or(String::new(), |besides| format!("; it says {besides}"));
        let text = format!("server {}'s answer arrived, to {}{says}{besides}", call.to, said(call));
        Some(fact(call.replied()?, text, Some(call.id)))
    }

    /// The last command that it took.
    fn start(&self) -> Option<Evidence> {
        let server = self.server;
        let own = self.story.proposed_by(server).rfind(|it| self.has(it.moment.at))?;
        let text =
            format!("server {server}'s start() returned index {} in term {}", own.index, own.term);
        Some(fact(own.moment.at, text, None))
    }

    /// The last that it applied.
    fn applied(&self) -> Option<Evidence> {
        let server = self.server;
        let own = self.story.applied_by(server).rfind(|it| self.has(it.moment.at))?;
        let text = format!("server {server} had applied up to index {}", own.index);
        Some(fact(own.moment.at, text, None))
    }
}

/// A call and what it says, in Raft's terms.
fn said(call: &Call) -> String {
    let (args, from) = (&call.args, call.from.server);
    let term = args.term.map_or(String::new(), |term| format!(" of term {term}"));
    let brings = match (&args.entries, args.prev_log_index, args.last_included_index) {
        (_, _, Some(index)) => format!(", a snapshot up to index {index}"),
        (Some(entries), Some(prev), None) => match entries.len() {
            0 => format!(", without entries, with prevLogIndex {prev}"),
            1 => format!(", the entry after index {prev}"),
            n => format!(", the {n} entries after index {prev}"),
        },
        _ => String::new(),
    };
    format!("server {from}'s {}{term}{brings}", call.method)
}
