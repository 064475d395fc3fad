//! What the network promises: MIT's own tests, every rule of its fault model, and its statistics.

mod bed;
mod counts;
mod delivery;
mod dying;
mod faults;
mod flags;
mod looks;
mod misuse;
mod mit;
mod model;
mod record;
mod rpc;
mod statistics;
mod streams;
