//! The exit codes, which scripts rely on, and the errors that lead to them.

use std::fmt;
use std::process::ExitCode;

/// Something in the harness itself failed.
pub(crate) const INTERNAL: u8 = 1;
/// The command line or an input file is wrong.
pub(crate) const USAGE: u8 = 2;
/// What was claimed of commands is refuted.
pub(crate) const REFUTED: u8 = 10;
/// What was claimed of commands is neither confirmed nor refuted.
pub(crate) const INCONCLUSIVE: u8 = 11;
/// A cell crashed, hung or answered wrongly, and the rest was measured; or a report is not that of its records.
pub(crate) const CELL_FAILED: u8 = 12;
/// The machine is unfit to measure on, and `--strict-env` was given.
pub(crate) const UNFIT: u8 = 13;
/// The selftest has shown that a promise does not hold.
pub(crate) const PROMISE_BROKEN: u8 = 14;
/// Ended by Ctrl-C or another signal; what was measured is kept.
pub(crate) const INTERRUPTED: i32 = 130;

/// A mistake of the user's, told with what to do about it.
#[derive(Debug)]
pub(crate) struct Usage {
    /// A stable code such as `H003`.
    pub(crate) code: &'static str,
    pub(crate) what: String,
    /// The next thing to try.
    pub(crate) help: String,
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)
    }
}

impl std::error::Error for Usage {}

/// Makes an error of the user's.
pub(crate) fn usage(code: &'static str, what: impl Into<String>, help: &str) -> anyhow::Error {
    Usage {
        code,
        what: what.into(),
        help: help.to_owned(),
    }
    .into()
}

/// Prints an error and returns its exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    match error.downcast_ref::<Usage>() {
        Some(usage) => {
            crate::print::note(&format!("error[{}]: {}", usage.code, usage.what));
            if !usage.help.is_empty() {
                crate::print::note(&format!("  help: {}", usage.help));
            }
            ExitCode::from(USAGE)
        }
        None => {
            crate::print::note(&format!("error: {error:#}"));
            ExitCode::from(INTERNAL)
        }
    }
}
