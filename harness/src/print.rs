//! Results on standard output, everything else on standard error. Whoever reads may stop reading, as
//! `head` does: that ends no run and is no error.

use std::io::{self, ErrorKind, Write};

use anyhow::Context;

/// Prints results.
///
/// # Errors
/// If standard output cannot be written, as on a full disk; not if nobody reads it any more.
pub(crate) fn result(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot print the results"),
    }
}

/// Prints a line for people.
pub(crate) fn note(line: &str) {
    // With nobody to tell there is nothing to do about it.
    let _ = writeln!(io::stderr(), "{line}");
}
