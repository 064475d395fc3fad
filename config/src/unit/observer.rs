//! What happens to a single server, printed: the report of a failed run shows what it has printed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use harness::{T, misused};
use labrpc::Observer;
use parking_lot::Mutex;
use report::{Caller, EventKind, FailureKind, Outcome, Payload, RpcId, Time, text};

/// How much is printed of a message, in characters.
const SHOWN: usize = 300;

/// Prints each message, and what becomes of it.
pub(super) struct Printer {
    t: T,
    /// The calls under way.
    calls: Mutex<BTreeMap<RpcId, Call>>,
}

struct Call {
    from: Option<Caller>,
    to: Option<u32>,
    method: Cow<'static, str>,
}

impl Printer {
    pub(super) fn new(t: &T) -> Printer {
        Printer { t: t.clone(), calls: Mutex::default() }
    }
}

impl Observer for Printer {
    fn record(&self, at: Time, kind: EventKind) {
        let mut calls = self.calls.lock();
        match kind {
            EventKind::RpcSent { id, from, to, method, args } => {
                let call = Call { from, to, method };
                print(at, &format!("{} {}", call.head("calls"), shown(&args)));
                calls.insert(id, call);
            }
            EventKind::RpcHandled { id, reply } => {
                if let Some(call) = calls.get(&id) {
                    print(at, &format!("{} {}", call.head("gets"), shown(&reply)));
                }
            }
            EventKind::RpcReturned { id, outcome } => {
                if let Some(call) = calls.remove(&id).filter(|_| outcome != Outcome::Replied) {
                    print(at, &format!("{} no reply: {outcome}", call.head("gets")));
                }
            }
            _ => {}
        }
    }

    fn fatal(&self, message: String) {
        // Whoever calls this has entered the context of the code that is at fault.
        self.t.fail((FailureKind::Misuse, misused()), message);
    }
}

impl Call {
    /// Who does what with it.
    fn head(&self, does: &str) -> String {
        let mut head = match self.from {
            Some(Caller { server, .. }) => format!("server {server}"),
            None => "the test".to_owned(),
        };
        write!(head, " {does} {}", self.method).expect("writing to a string can't fail");
        if let Some(to) = self.to {
            let of = if does == "gets" { "from" } else { "of" };
            write!(head, " {of} server {to}").expect("writing to a string can't fail");
        }
        head
    }
}

fn shown(payload: &Payload) -> String {
    let text = match payload.render() {
        Ok(value) => value.to_string(),
        Err(error) => format!("{} bytes ({error})", payload.wire_len()),
    };
    if text.chars().count() <= SHOWN {
        return text;
    }
    text.chars().take(SHOWN).chain(['…']).collect()
}

/// Prints that something has happened.
pub(super) fn print(at: Time, what: &str) {
    println!("{at} s  {}", text::one_line(what));
}
