//! What a seed decides, as numbers: the random streams of a run, and what becomes of each call on its network.
//!
//! It knows no run and no network. So whoever reads a stored history can draw anew what the seed had in store for it.
//!
//! * [`Stream`] splits a run's seed, so that a draw from one stream never shifts another. Each end of a network has a part
//!   of [`Stream::Network`], by its name's [`key`].
//! * [`fate`] has every number of MIT's fault model, and [`Fate`](fate::Fate), all that chance decides of one call.

pub mod fate;
mod stream;

pub use stream::{Rng, Stream, key, mixed};

/// The folder of this crate's sources, no line of which is the user's.
#[doc(hidden)]
pub const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
