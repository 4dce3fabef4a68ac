//! Can this tool be trusted? Comparisons whose answer is known beforehand, simulated and real, judged by
//! the very functions that judge claims; how often verdicts were wrong, differences found and intervals
//! right, with binomial bounds; and whether that keeps the promise.
//!
//! [`trial`] says what is compared, [`judge`] when a comparison is over and what it came to, [`simulated`]
//! runs them on the machine of [`machine`], [`results`] is the file in which real ones are kept, [`tally()`]
//! adds both up and holds them against the promise, [`text()`] prints the sums.

pub mod judge;
pub mod machine;
pub mod results;
pub mod simulated;
pub mod tally;
mod text;
pub mod trial;

pub use judge::{Judge, Promised, Verdict};
pub use results::{Compared, Results, Route, Session};
pub use tally::{Row, State, tally};
pub use text::text;
pub use trial::{TRIALS, Trial};

use crate::compare::compare;
use crate::figures::Figures;
use crate::record::Record;

/// The results that come with this version: what the long form showed when it was last run; none if it
/// never was.
pub const COMMITTED: &str = include_str!("../../data/selftest.json");

/// The value of one block of a comparison: ln(time of `heavier` / time of `lighter`) by a clock, from the
/// records of its probes and as claims have it.
///
/// # Errors
/// Why the block has no value, in words.
pub fn value(
    block: &[Record],
    workload: &str,
    heavier: &str,
    lighter: &str,
    clock: &str,
    level: f64,
) -> Result<f64, String> {
    let figures = Figures::new(block);
    let found = compare(&figures, workload, lighter, heavier, clock, level)?;
    let log = found.logs.first().copied();
    log.ok_or_else(|| {
        found
            .interval_missing
            .unwrap_or_else(|| "no value".to_owned())
    })
}
