//! What the program prints. Where it can't be printed the program goes on and ends as it would have; `main`
//! then says so, unless it is because the reader has gone.

use std::io::{self, Write};
use std::sync::OnceLock;

/// Why something couldn't be printed, the first time.
static FAILED: OnceLock<io::Error> = OnceLock::new();

/// Prints to standard output.
pub(crate) fn print(text: &str) {
    note(write(&mut io::stdout().lock(), text));
}

/// Prints text with colours to standard output, and without where it has none.
pub(crate) fn print_painted(text: &str) {
    note(write(&mut anstream::stdout().lock(), text));
}

/// Tells the user something beside the results, on standard error. If that fails there is no place to say
/// so.
pub(crate) fn tell(text: &str) {
    let _ = write(&mut io::stderr().lock(), &format!("{text}\n"));
}

/// Why something couldn't be printed. A pipe that is closed, such as that of a pager which is left, is no
/// reason to complain.
pub(crate) fn failure() -> Option<&'static io::Error> {
    FAILED.get().filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
}

/// Notes that something couldn't be printed.
pub(crate) fn note(printed: io::Result<()>) {
    if let Err(error) = printed {
        let _ = FAILED.set(error);
    }
}

/// At once, for what is left in a buffer is lost without a word.
fn write(to: &mut impl Write, text: &str) -> io::Result<()> {
    to.write_all(text.as_bytes()).and_then(|()| to.flush())
}
