//! Listening to the code under test: what it logs by `tracing` becomes part of the history.

use std::fmt::{self, Write as _};

use report::EventKind;
use sim::context;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::caller::caller;
use crate::run;

/// Listens, from now on and in all of this process, to events of `level` and more important ones.
///
/// If the code under test has a subscriber of its own, that one keeps the events.
pub(crate) fn listen(level: LevelFilter) {
    // An error says just that.
    let _ = tracing::subscriber::set_global_default(Listener { level });
}

/// Records events, and leaves spans alone.
struct Listener {
    level: LevelFilter,
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= self.level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let Some(t) = run::current() else { return };
        // The values' own code shows them. It may panic, and whether it does must not depend on
        // whether somebody listens.
        let text = sim::unnoticed(|| {
            let mut text = Text::default();
            event.record(&mut text);
            text.message + &text.fields
        });
        let metadata = event.metadata();
        let server = context::current().map(|context| caller(context.owner));
        t.record(EventKind::Logged {
            server,
            level: metadata.level().as_str().into(),
            target: metadata.target().into(),
            text: text.unwrap_or_else(|| "(panics when it is shown)".to_owned()),
        });
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// An event's message, and its fields.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let written = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
        // Only the value's own code can fail at that; what it has written so far stands.
        let _ = written;
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message.push_str(value),
            name => {
                self.fields.push(' ');
                self.fields.push_str(name);
                self.fields.push('=');
                self.fields.push_str(value);
            }
        }
    }
}
