//! The ways to observe a run. Each instrument is one file with both of its sides: what the harness
//! does (parent) and what the probe does around the measured call (child).

mod concurrency;
mod cores;
pub(crate) mod counts;
mod cpu;
mod heap;
mod limited;
mod resident;
mod sizes;
pub(crate) mod time;

use std::ffi::OsString;
use std::path::Path;

use reports::record::Function;
use workloads::{Error, Size};

use crate::child::Stop;
use crate::contenders::{Case, Job};
use crate::launch::{CellRun, Sampled};
use crate::protocol::{Round, Sample};

/// Every instrument, in the order in which a run uses them: times last, when nothing else runs.
pub(crate) const ALL: &[&dyn Instrument] = &[
    &resident::Resident,
    &limited::Limited,
    &heap::Heap,
    &counts::Counts,
    &cpu::Cpu,
    &sizes::Sizes,
    &cores::Cores,
    &concurrency::Concurrency,
    &time::Time,
];

/// The instrument of a name.
pub(crate) fn find(name: &str) -> Option<&'static dyn Instrument> {
    ALL.iter()
        .copied()
        .find(|instrument| instrument.name() == name)
}

/// A way to observe a run.
pub(crate) trait Instrument: Sync {
    /// Its name, one word.
    fn name(&self) -> &'static str;

    /// What it finds out, without a full stop.
    fn about(&self) -> &'static str;

    /// The size at which it measures in a run at `size`.
    fn size(&self, size: Size) -> Size {
        size
    }

    /// Whether what it needs is on this machine.
    ///
    /// # Errors
    /// What is missing and how to get it, as one clause.
    fn available(&self) -> Result<(), String> {
        Ok(())
    }

    /// Whether it suits `case`.
    ///
    /// # Errors
    /// Why it does not, as one clause.
    fn applies(&self, case: &Case) -> Result<(), String> {
        let _ = case;
        Ok(())
    }

    /// Whether it compares contenders in blocks while nothing else runs, rather than cell by cell.
    fn in_blocks(&self) -> bool {
        false
    }

    /// Whether it measures over levels of something, with times among the figures: alone, and, unless the
    /// user asks for it, only where a claim needs it.
    fn over_levels(&self) -> bool {
        false
    }

    /// Ending of the file that it leaves, if it leaves one.
    fn leaves(&self) -> Option<&'static str> {
        None
    }

    /// The program that the probe runs under, with its arguments.
    fn wrapper(&self, file: Option<&Path>) -> Vec<OsString> {
        let _ = file;
        Vec::new()
    }

    /// Parent: measures one cell. The default takes one sample in one probe.
    ///
    /// # Errors
    /// If the probe stops early.
    fn measure(&self, run: &CellRun<'_>) -> Result<Sampled, Stop> {
        run.probe(&[Round {
            seed: run.seed,
            repeats: 1,
            last: true,
        }])
    }

    /// Child: called once before the cell is opened.
    fn begin(&self) {}

    /// Child: takes one sample.
    ///
    /// # Errors
    /// If the contender fails.
    fn observe(
        &self,
        job: &mut dyn Job,
        round: &Round,
        file: Option<&Path>,
    ) -> Result<Observed, Error>;
}

/// What came of observing.
pub(crate) enum Observed {
    /// One value of each metric.
    Samples(Vec<Sample>),
    /// The same, and where the CPU was found.
    Profile(Vec<Sample>, Vec<Function>),
    /// The instrument does not work here, and why.
    Nothing(String),
}

/// Whether the input of a case can be made of any size.
fn grows(case: &Case) -> Result<(), String> {
    match case.name.starts_with("fixture/") {
        true => Err("a fixture has one size only".to_owned()),
        false => Ok(()),
    }
}

/// The child side of an instrument that has others measure.
fn by_others() -> Result<Observed, Error> {
    Ok(Observed::Nothing(
        "this instrument has no probe of its own".to_owned(),
    ))
}

/// Calls the job as often as the round says.
fn repeat(job: &mut dyn Job, round: &Round) -> Result<(), Error> {
    for call in 0..round.repeats {
        if call > 0 {
            job.again();
        }
        job.run()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_in_the_list() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/instruments");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| {
                entry
                    .unwrap()
                    .path()
                    .file_stem()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        let mut listed: Vec<_> = ALL.iter().map(|i| i.name().to_owned()).collect();
        files.sort();
        listed.sort();
        assert_eq!(files, listed);
    }
}
