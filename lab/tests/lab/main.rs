//! The program as its users meet it: each test runs it, in a student's workspace.

mod attacks;
mod calls;
mod class;
mod explore;
mod grade;
mod interrupt;
mod logs;
mod make;
mod merge;
mod misuse;
mod mutants;
mod outcome;
mod output;
mod reference;
mod replay;
mod student;
mod watch;
mod why;
mod why_measured;
mod zoo;
