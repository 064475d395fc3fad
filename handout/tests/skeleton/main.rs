//! The skeleton is what a student should find: it compiles, its example works, and every test fails
//! and says why.

mod example;
mod fails;
mod unit;
