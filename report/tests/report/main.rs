//! What is made of a run, on histories that are written down call by call.

mod monitors;
mod put_together;
mod sketch;
mod stored;
