//! Where the time goes: stacks sampled by pprof while the call is repeated, drawn as a flame graph.
//! Blocked time is invisible to it. The profiler can crash, so that this probe is disposable and
//! tried twice.

use std::path::Path;
use std::time::{Duration, Instant};

use workloads::Error;

use super::{Instrument, Observed};
use crate::child::Stop;
use crate::contenders::Job;
#[cfg(unix)]
use crate::functions;
use crate::launch::{CellRun, Sampled};
use crate::protocol::Round;
#[cfg(unix)]
use crate::protocol::Sample;

/// For how long one probe is sampled.
const DURATION: Duration = Duration::from_millis(400);
/// Samples a second; the kernel's tick limits it to about 250 on many machines.
const FREQUENCY: i32 = 997;

pub(crate) struct Cpu;

impl Instrument for Cpu {
    fn name(&self) -> &'static str {
        "cpu"
    }

    fn about(&self) -> &'static str {
        "where the CPU time goes, as a flame graph, by pprof"
    }

    fn leaves(&self) -> Option<&'static str> {
        Some("svg")
    }

    fn measure(&self, run: &CellRun<'_>) -> Result<Sampled, Stop> {
        let rounds = [Round {
            seed: run.seed,
            repeats: 1,
            last: true,
        }];
        match run.probe(&rounds) {
            Err(Stop::Failed { .. }) => match run.probe(&rounds) {
                Err(Stop::Failed { failure, why }) => {
                    let why = format!("the profile probe failed twice: {}: {why}", failure.words());
                    Err(Stop::NotMeasured { why })
                }
                other => other,
            },
            other => other,
        }
    }

    #[cfg(unix)]
    fn observe(
        &self,
        job: &mut dyn Job,
        _: &Round,
        file: Option<&Path>,
    ) -> Result<Observed, Error> {
        let nothing = |error: &dyn std::fmt::Display| {
            Ok(Observed::Nothing(format!(
                "the profiler does not work here: {error}"
            )))
        };
        let guard = match pprof::ProfilerGuardBuilder::default()
            .frequency(FREQUENCY)
            .build()
        {
            Ok(guard) => guard,
            Err(error) => return nothing(&error),
        };
        let start = Instant::now();
        job.run()?;
        while start.elapsed() < DURATION {
            job.again();
            job.run()?;
        }
        let report = match guard.report().build() {
            Ok(report) => report,
            Err(error) => return nothing(&error),
        };
        let samples = report
            .data
            .values()
            .map(|count| count.unsigned_abs() as u64)
            .sum();
        if samples == 0 {
            return nothing(&"no sample was taken: the call spends its time waiting");
        }
        if let Some(file) = file
            && let Err(error) = report.flamegraph(std::fs::File::create(file)?)
        {
            return nothing(&error);
        }
        let found = report.data.iter().filter_map(|(frames, count)| {
            let places = frames
                .frames
                .first()?
                .iter()
                .map(|symbol| functions::Place {
                    name: symbol.name(),
                    file: symbol.filename.clone().unwrap_or_default(),
                });
            let name = functions::innermost(&places.collect::<Vec<_>>())?;
            Some((name, count.unsigned_abs() as u64))
        });
        let functions = functions::ranked(found);
        let samples = Sample::new("profile-samples", "count", false, samples);
        Ok(Observed::Profile(vec![samples], functions))
    }

    #[cfg(not(unix))]
    fn observe(&self, _: &mut dyn Job, _: &Round, _: Option<&Path>) -> Result<Observed, Error> {
        Ok(Observed::Nothing("needs Unix".to_owned()))
    }
}
