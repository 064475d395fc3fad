//! The terminal for which a parent prints.

use std::env;

/// How many columns the terminal has: what `COLUMNS` says, else what standard output's terminal says. `None` if neither
/// says it.
#[must_use]
pub fn terminal_columns() -> Option<usize> {
    let said = env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    said.or_else(|| columns_of(libc::STDOUT_FILENO))
}

/// How many columns a descriptor's terminal has.
fn columns_of(descriptor: libc::c_int) -> Option<usize> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the kernel writes a `winsize` to where the pointer leads, or nothing.
    let told = unsafe { libc::ioctl(descriptor, libc::TIOCGWINSZ, &raw mut size) };
    (told == 0 && size.ws_col > 0).then_some(size.ws_col.into())
}
