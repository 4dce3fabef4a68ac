//! One call under a memory limit of half the input, for workloads whose input is a file: who
//! processes a file that is larger than the memory, and who runs out?

use std::path::Path;

use workloads::{Error, Size};

use super::{Instrument, Observed, repeat};
use crate::child::Stop;
use crate::contenders::{Case, Job};
use crate::launch::{CellRun, Sampled};
use crate::protocol::{Round, Sample};

pub(crate) struct Limited;

impl Instrument for Limited {
    fn name(&self) -> &'static str {
        "limited"
    }

    fn about(&self) -> &'static str {
        "one call with half as much memory as the input file is large"
    }

    fn size(&self, size: Size) -> Size {
        // Half of a smaller file would not hold the stacks of the threads.
        size.max(Size::Default)
    }

    fn applies(&self, case: &Case) -> Result<(), String> {
        if case.name.starts_with("large-file/") {
            Ok(())
        } else {
            Err("only for workloads whose input is one large file".to_owned())
        }
    }

    fn measure(&self, run: &CellRun<'_>) -> Result<Sampled, Stop> {
        let limit = run.bytes / 2;
        run.with_memory(limit).probe(&[Round {
            seed: run.seed,
            repeats: 1,
            last: true,
        }])
    }

    fn observe(
        &self,
        job: &mut dyn Job,
        round: &Round,
        _: Option<&Path>,
    ) -> Result<Observed, Error> {
        repeat(job, round)?;
        Ok(Observed::Samples(vec![Sample::new(
            "completes",
            "count",
            true,
            1,
        )]))
    }
}
