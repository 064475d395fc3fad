//! Single keys from a terminal, without waiting for Enter.
//!
//! Signals and the way in which lines are printed stay as they are: Ctrl-C interrupts. The terminal is as it was when
//! this is dropped.

use std::io::{self, IsTerminal as _, Read as _};

use nix::sys::termios::{
    LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr,
};

/// A terminal that gives each key as it is pressed.
pub(super) struct Keys {
    before: Termios,
}

impl Keys {
    /// `None` where no terminal is both read and written.
    pub(super) fn new() -> Option<Keys> {
        let stdin = io::stdin();
        if !stdin.is_terminal() || !io::stdout().is_terminal() {
            return None;
        }
        let before = tcgetattr(&stdin).ok()?;
        let mut single = before.clone();
        single.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO);
        // A read returns at once, with what is there.
        single.control_chars[SpecialCharacterIndices::VMIN as usize] = 0;
        single.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
        tcsetattr(&stdin, SetArg::TCSANOW, &single).ok()?;
        Some(Keys { before })
    }

    /// The key that was pressed since this was asked last; of several, the first.
    pub(super) fn pressed(&self) -> Option<char> {
        let mut key = [0];
        let count = io::stdin().lock().read(&mut key).ok()?;
        (count > 0).then(|| char::from(key[0]).to_ascii_lowercase())
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // If that fails there is nobody to tell, and nothing to do.
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &self.before);
    }
}
