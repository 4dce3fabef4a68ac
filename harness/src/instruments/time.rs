//! Wall time and CPU time of one call, in nanoseconds. Contenders are compared in blocks, which
//! `schedule` conducts: every round has an input of its own, the same for all of them.

use std::path::Path;
use std::time::Instant;

use workloads::Error;

use super::{Instrument, Observed, repeat};
use crate::contenders::Job;
use crate::host;
use crate::protocol::{Round, Sample};

/// The name by which others have it measure.
pub(crate) const NAME: &str = "time";

pub(crate) struct Time;

impl Instrument for Time {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "wall and CPU time, round by round against the other contenders"
    }

    fn in_blocks(&self) -> bool {
        true
    }

    fn observe(
        &self,
        job: &mut dyn Job,
        round: &Round,
        _: Option<&Path>,
    ) -> Result<Observed, Error> {
        let cpu_before = host::cpu_time();
        let start = Instant::now();
        repeat(job, round)?;
        let wall = start.elapsed().as_nanos() as u64;
        let cpu_after = host::cpu_time();
        let mut samples = vec![Sample::new("wall-time", "ns", false, wall)];
        if let (Ok(before), Ok(after)) = (cpu_before, cpu_after) {
            samples.push(Sample::new("cpu-time", "ns", false, after - before));
        }
        Ok(Observed::Samples(samples))
    }
}
