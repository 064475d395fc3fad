//! Explanations: each cause is found in a run that has it, and says what its reader needs.

mod built;
mod crashed;
mod cut;
mod get_state;
mod golden;
mod incarnations;
mod leaderless;
mod learned;
mod names;
mod nearest;
mod shown;
mod silent;
mod slips;
mod stored;
mod styles;
mod untrue;
mod waits;
