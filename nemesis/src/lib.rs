//! What goes wrong in a run, as data: drawn from a seed, made smaller, and written down as a test.
//!
//! A [`Plan`] says how many servers a cluster has, what its clients ask of it, and what befalls it at
//! which time. It knows no network and no Raft: the tester makes it happen.
//!
//! * [`Plan::draw`] draws one from a seed. Each plan has faults of some kinds and none of others, at a
//!   pace of its own: what one mixture never shows, another shows often.
//! * [`shrink`] makes a plan smaller, as long as the same thing is found with it.
//! * [`Plan::script`] writes it down as a test that can be pasted into a file.
//!
//! ```
//! let plan = nemesis::Plan::draw(1);
//! assert_eq!(plan, nemesis::Plan::draw(1));
//! // Whatever is wrong with one act is wrong without the others.
//! let at_least_one = |plan: &nemesis::Plan| !plan.acts.is_empty();
//! assert_eq!(nemesis::shrink(&plan, at_least_one).acts.len(), 1);
//! ```

mod draw;
mod faults;
mod plan;
mod script;
mod shrink;

pub use faults::{Faults, Link};
pub use plan::{Act, Load, Plan, Timed};
pub use shrink::{shrink, shrink_with};

/// The folder of this crate's sources, no line of which is the user's.
#[doc(hidden)]
pub const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
