//! What happens to a single server, printed: the report of a failed run shows what it has printed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use harness::{T, misused};
use labrpc::Observer;
use parking_lot::Mutex;
use report::{Caller, EventKind, FailureKind, Outcome, Payload, RpcId, Time, text};

/// How much is printed of a message, in characters.
const SHOWN: usize = 600;

/// How many numbers in a row are printed; longer rows are somebody's bytes.
const NUMBERS: usize = 4;

/// How wide a line is. A report indents it by four columns.
const WIDTH: usize = 76;

/// Prints each message, and what becomes of it.
pub(super) struct Printer {
    t: T,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The calls under way.
    calls: BTreeMap<RpcId, Call>,
    /// What was sent last: candidates and leaders send the same to all.
    last_sent: Option<(Time, String)>,
}

struct Call {
    from: Option<Caller>,
    to: Option<u32>,
    method: Cow<'static, str>,
}

impl Printer {
    pub(super) fn new(t: &T) -> Printer {
        Printer { t: t.clone(), state: Mutex::default() }
    }
}

impl Observer for Printer {
    fn record(&self, at: Time, kind: EventKind) {
        let mut state = self.state.lock();
        match kind {
            EventKind::RpcSent { id, from, to, method, args } => {
                let call = Call { from, to, method };
                let sent = Some((at, format!("{} {}", call.method, shown(&args))));
                if from.is_some() && state.last_sent == sent {
                    print(at, &format!("{} likewise", call.head("calls")));
                } else {
                    print(at, &format!("{} {}", call.head("calls"), shown(&args)));
                }
                state.last_sent = sent;
                state.calls.insert(id, call);
            }
            EventKind::RpcHandled { id, reply } => {
                if let Some(call) = state.calls.get(&id) {
                    print(at, &format!("{} {}", call.head("gets"), shown(&reply)));
                }
            }
            EventKind::RpcReturned { id, outcome } => {
                if let Some(call) = state.calls.remove(&id).filter(|_| outcome != Outcome::Replied)
                {
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
    let text = match payload.render_shortened(NUMBERS) {
        // Lines end at blanks.
        Ok(value) => value.to_string().replace(",\"", ", \"").replace(",{", ", {"),
        Err(error) => format!("{} bytes ({error})", payload.wire_len()),
    };
    if text.chars().count() <= SHOWN {
        return text;
    }
    text.chars().take(SHOWN).chain(['…']).collect()
}

/// Prints that something has happened. Long lines go on below, where the first has begun.
pub(super) fn print(at: Time, what: &str) {
    let what = text::one_line(what);
    let head = format!("{at} s ");
    let indent = " ".repeat(head.len());
    let (mut lines, mut length) = (head, indent.len());
    for word in what.split(' ') {
        if length + 1 + word.chars().count() > WIDTH && length > indent.len() {
            lines.push('\n');
            lines.push_str(&indent);
            length = indent.len();
        }
        lines.push(' ');
        lines.push_str(word);
        length += 1 + word.chars().count();
    }
    println!("{lines}");
}
