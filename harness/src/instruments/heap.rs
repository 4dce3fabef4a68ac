//! Heap blocks, bytes and peak of one call, by dhat, with the places that allocated as a profile.
//! Three calls on one input after a warm-up: where they agree the figure is exact.

use std::path::Path;

use workloads::{Error, Size};

use super::{Instrument, Observed, repeat};
use crate::child::Stop;
use crate::contenders::Job;
use crate::launch::{CellRun, Sampled};
use crate::protocol::{Round, Sample};
use crate::{allocator, randomness};

pub(crate) struct Heap;

impl Instrument for Heap {
    fn name(&self) -> &'static str {
        "heap"
    }

    fn about(&self) -> &'static str {
        "heap blocks, bytes and peak, all threads, by dhat"
    }

    fn size(&self, size: Size) -> Size {
        // dhat makes every allocation 20 to 30 times slower.
        size.min(Size::Quick)
    }

    fn leaves(&self) -> Option<&'static str> {
        Some("dhat.json")
    }

    fn measure(&self, run: &CellRun<'_>) -> Result<Sampled, Stop> {
        let round = Round {
            seed: run.seed,
            repeats: 1,
            last: false,
        };
        let mut sampled = run.probe(&[
            round,
            round,
            round,
            Round {
                last: true,
                ..round
            },
        ])?;
        sampled.drop_first();
        Ok(sampled)
    }

    fn begin(&self) {
        allocator::count_allocations();
        randomness::fix();
    }

    fn observe(
        &self,
        job: &mut dyn Job,
        round: &Round,
        file: Option<&Path>,
    ) -> Result<Observed, Error> {
        let profiler = match file {
            Some(file) if round.last => dhat::Profiler::builder().file_name(file).build(),
            _ => dhat::Profiler::builder().testing().build(),
        };
        let outcome = repeat(job, round);
        let stats = dhat::HeapStats::get();
        drop(profiler);
        outcome?;
        Ok(Observed::Samples(vec![
            Sample::new("heap-blocks", "count", true, stats.total_blocks),
            Sample::new("heap-bytes", "bytes", true, stats.total_bytes),
            Sample::new("heap-peak", "bytes", true, stats.max_bytes as u64),
        ]))
    }
}
