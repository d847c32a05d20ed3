//! The two streams of a command. Whoever reads one may be gone, as in `fabric run … | head -1`; that ends no run and no seal.

use std::fmt::Display;
use std::io::Write as _;

/// A line of the result, on standard output.
pub(crate) fn say(line: impl Display) {
    // Nobody is left to be told.
    let _ = writeln!(anstream::stdout().lock(), "{line}");
}

/// A whole document on standard output, byte by byte as it is.
pub(crate) fn pour(document: &[u8]) {
    let _ = std::io::stdout().lock().write_all(document);
}

/// A line about the command itself, on standard error.
pub(crate) fn tell(line: impl Display) {
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}
