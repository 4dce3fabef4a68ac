//! From records to verdicts to pages. Everything here works from files alone: no clock, no probe, no
//! other crate of the workspace. [`judge`] turns records and claims into verdicts, [`outlook`] says what
//! is still open, [`render`] writes verdicts as pages that need no network and no script, [`summary()`]
//! prints them in 80 columns.

mod charts;
pub mod claims;
pub mod compare;
pub mod controls;
pub mod crosscheck;
pub mod disturbed;
mod family;
pub mod figures;
pub mod foreign;
pub mod limits;
pub mod metrics;
pub mod open;
pub mod pages;
pub mod recheck;
pub mod record;
pub mod scaling;
pub mod selftest;
pub mod slug;
pub mod stats;
pub mod summary;
pub mod units;
pub mod verdict;
pub mod versus;
pub mod why;

use std::io;
use std::path::Path;

pub use claims::Claims;
pub use open::{Open, Outlook, outlook};
pub use verdict::Judged;

use record::Record;

/// Verdicts on every claim, and the ratio of every cell to every baseline.
pub fn judge(records: &[Record], claims: &Claims) -> Judged {
    verdict::judge(records, claims)
}

/// The verdicts as a table for a terminal of 80 columns; [`summary::rows`] has them as data.
pub fn summary(judged: &Judged) -> String {
    summary::text(judged)
}

/// Writes the report into the folder `out`, which is created: `index.html`, its pages, `verdicts.json`,
/// a copy of the records, and copies of the files that the records name, read from `run_folder`.
///
/// # Errors
/// If a page cannot be written. A profile that cannot be read is said on its page and is no error.
pub fn render(
    judged: &Judged,
    records: &[Record],
    run_folder: &Path,
    out: &Path,
) -> io::Result<()> {
    pages::write(judged, records, run_folder, out)
}
