//! What is made of a run: monitors and explanations, on histories that are written down by hand or stored.

mod death;
mod demands;
mod explain;
mod monitors;
mod put_together;
mod rules;
mod stored;

use testkit::written as run;
