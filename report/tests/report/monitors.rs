//! Each monitor on a history that trips it, and on a legal one that looks alike.

mod m01;
mod m02;
mod m03;
mod m04;
mod m05;
mod m06;
mod m07;
mod m08;
mod m09;
mod m10;
mod m11;
mod m17;
mod m21;
