//! Rules on a history that breaks them, and on a legal one that looks alike: those of the steps first, then
//! those that are looked for under a failed check.

mod habits;
mod own;
mod roles;
mod steps;
