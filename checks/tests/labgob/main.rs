//! labgob as its users see it.

mod damage;
mod limits;
mod mit;
mod round_trip;
mod values;
