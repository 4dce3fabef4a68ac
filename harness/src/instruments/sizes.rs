//! How time and peak heap grow with the number of items: five sizes, each twice the one before, up to that
//! of the run. The child side is that of the clock and of the heap.

use std::path::Path;

use workloads::{Error, Size};

use super::{Instrument, Observed};
use crate::child::Stop;
use crate::contenders::{Case, Job};
use crate::launch::{CellRun, Sampled};
use crate::levels::{self, Step};
use crate::protocol::{Level, Round};

pub(crate) struct Sizes;

/// The smallest is a sixteenth of the largest.
const HALVINGS: [u32; 5] = [4, 3, 2, 1, 0];

impl Instrument for Sizes {
    fn name(&self) -> &'static str {
        "sizes"
    }

    fn about(&self) -> &'static str {
        "how time and peak heap grow with the size of the input"
    }

    fn size(&self, size: Size) -> Size {
        // dhat takes minutes for some gigabytes.
        size.min(Size::Default)
    }

    fn applies(&self, case: &Case) -> Result<(), String> {
        super::grows(case)
    }

    fn over_levels(&self) -> bool {
        true
    }

    fn measure(&self, run: &CellRun<'_>) -> Result<Sampled, Stop> {
        let steps: Vec<Step> = HALVINGS
            .iter()
            .map(|halvings| {
                let items = (run.items >> halvings).max(1);
                let level = Level {
                    items: Some(items),
                    ..Level::default()
                };
                Step { at: items, level }
            })
            .collect();
        let mut series = levels::times(run, &steps)?;
        series.extend(levels::peaks(run, &steps)?);
        Ok(run.sampled(series))
    }

    fn observe(&self, _: &mut dyn Job, _: &Round, _: Option<&Path>) -> Result<Observed, Error> {
        super::by_others()
    }
}
