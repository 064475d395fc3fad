//! What a run promises: the same seed is the same run, in virtual time, and every end is told.

mod context;
mod endings;
mod helper;
mod misuse;
mod older;
mod panics;
mod redraw;
mod replay;
mod streams;
mod time;
