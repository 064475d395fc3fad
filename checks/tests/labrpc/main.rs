//! What the network promises: MIT's own tests, every rule of its fault model, and its statistics.

mod bed;
mod changes;
mod counts;
mod dead_servers;
mod delivery;
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
