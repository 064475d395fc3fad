//! Plans: what is drawn, what can't be followed, what is left of one, and how it is written.

mod checked;
mod drawn;
mod plans;
mod shrunk;
mod written;
