//! The picture of a run: one HTML file that needs nothing else, made from a stored history.
//!
//! [`page`] is a pure function from a [`Record`](report::Record) to the text of the file: the same history gives the same
//! bytes. The file asks nobody for anything, opens from a disk, takes at most [`LIMIT`] bytes, and shows its
//! header, the explanation, a still picture and the statistics also where scripts are off.
//!
//! * [`Picture`] is what is drawn, as data: lanes, bars, arrows, states. All of it is computed here; the
//!   page's script and the still picture only draw it.
//! * [`Chance`] is when the failure became inevitable, if `cargo lab why` was asked.
//! * [`trace`] is the same run for [Perfetto](https://ui.perfetto.dev): Chrome's trace events.
//!
//! What the code under test has written is shown and never obeyed: it goes through
//! [`report::text::escaped`], and into HTML and JSON only by way of an escape.
//!
//! ```
//! let stored = r#"{"format": 1, "test": "TestX", "replay": "cargo test TestX", "seed": 7,
//!     "clock": "virtual", "banner": "Test (3A): x", "servers": 3, "end": 1000, "warnings": [],
//!     "events": []}"#;
//! let record = report::Record::read(stored)?;
//! assert!(page::page(&record, None, None).starts_with("<!DOCTYPE html>"));
//! # Ok::<(), String>(())
//! ```

mod compare;
mod embed;
mod explanation;
mod header;
mod html;
mod layout;
mod picture;
mod run;
mod statistics;
mod still;
mod thin;
mod trace;
mod why;

pub use html::{LIMIT, page, page_within};
pub use layout::Layout;
pub use picture::{
    Chance, Check, Drawn, End, Facts, Fault, Flag, Kind, Lane, Look, Mark, MarkKind, Message,
    Picture, Stay, Up, Verdict,
};
pub use statistics::{Count, statistics};
pub use trace::trace;
