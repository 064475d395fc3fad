//! What is drawn of a run, how large its page is, and what its trace says.

mod drawn;
mod pages;
mod run;
mod traces;
