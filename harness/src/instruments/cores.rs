//! How time falls with the number of cores: the process is kept to one, two, four of them and so on, up to
//! all. Whoever sets up a thread for each core finds so many and no more.

use std::path::Path;

use workloads::Error;

use super::{Instrument, Observed};
use crate::child::Stop;
use crate::contenders::{Case, Job};
use crate::host;
use crate::launch::{CellRun, Sampled};
use crate::levels::{self, Step};
use crate::protocol::{Level, Round};

pub(crate) struct Cores;

impl Instrument for Cores {
    fn name(&self) -> &'static str {
        "cores"
    }

    fn about(&self) -> &'static str {
        "how time falls with the number of cores"
    }

    fn applies(&self, case: &Case) -> Result<(), String> {
        super::grows(case)
    }

    fn over_levels(&self) -> bool {
        true
    }

    fn measure(&self, run: &CellRun<'_>) -> Result<Sampled, Stop> {
        let steps: Vec<Step> = counts(host::cores())
            .into_iter()
            .map(|cores| Step {
                at: cores.into(),
                level: Level {
                    cores: Some(cores),
                    ..Level::default()
                },
            })
            .collect();
        Ok(run.sampled(levels::times(run, &steps)?))
    }

    fn observe(&self, _: &mut dyn Job, _: &Round, _: Option<&Path>) -> Result<Observed, Error> {
        super::by_others()
    }
}

/// Every number up to four, then about one and a half times the last, and all.
fn counts(all: u32) -> Vec<u32> {
    let mut counts = Vec::new();
    let mut next = 1;
    while next < all {
        counts.push(next);
        next = (next + 1).max(next * 3 / 2);
    }
    counts.push(all.max(1));
    counts
}

#[cfg(test)]
mod tests {
    use super::counts;

    #[test]
    fn all_cores_are_among_the_counts_and_few_are_left_out() {
        assert_eq!(counts(0), [1]);
        assert_eq!(counts(1), [1]);
        assert_eq!(counts(2), [1, 2]);
        assert_eq!(counts(4), [1, 2, 3, 4]);
        assert_eq!(counts(16), [1, 2, 3, 4, 6, 9, 13, 16]);
    }
}
