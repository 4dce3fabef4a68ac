//! Resident memory at its peak during the first call of a process, and the page faults of that call.
//! The peak is reset after set-up, so that neither set-up nor the parent's memory counts. Three
//! fresh processes.

use std::path::Path;

use workloads::Error;

use super::{Instrument, Observed, repeat};
use crate::child::Stop;
use crate::contenders::Job;
use crate::host;
use crate::launch::{CellRun, Sampled};
use crate::protocol::{Round, Sample};

pub(crate) struct Resident;

impl Instrument for Resident {
    fn name(&self) -> &'static str {
        "resident"
    }

    fn about(&self) -> &'static str {
        "peak resident memory and page faults of a process's first call"
    }

    fn measure(&self, run: &CellRun<'_>) -> Result<Sampled, Stop> {
        let round = Round {
            seed: run.seed,
            repeats: 1,
            last: true,
        };
        let mut all = run.probe(&[round])?;
        for _ in 0..2 {
            all.append(run.probe(&[round])?);
        }
        Ok(all)
    }

    fn observe(
        &self,
        job: &mut dyn Job,
        round: &Round,
        _: Option<&Path>,
    ) -> Result<Observed, Error> {
        let before = (host::reset_peak(), host::resident(), host::faults());
        repeat(job, round)?;
        let after = (host::faults(), host::resident());
        let ((reset, resident, faults), (faults_after, resident_after)) = (before, after);
        let figures = || {
            reset?;
            let (faults, faults_after) = (faults?, faults_after?);
            let (before, after) = (resident?, resident_after?);
            Ok(vec![
                Sample::new("resident-peak", "bytes", false, after.peak),
                Sample::new("resident-growth", "bytes", false, after.peak - before.now),
                Sample::new(
                    "minor-faults",
                    "count",
                    false,
                    faults_after.minor - faults.minor,
                ),
                Sample::new(
                    "major-faults",
                    "count",
                    false,
                    faults_after.major - faults.major,
                ),
            ])
        };
        Ok(match figures() {
            Ok(samples) => Observed::Samples(samples),
            Err(why) => Observed::Nothing(why),
        })
    }
}
