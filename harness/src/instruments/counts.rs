//! Instructions and simulated cache misses of one call, by Valgrind's callgrind: the same executable
//! makes two calls, then three, and the difference is exactly one call, all threads included. The
//! second of the two is run twice, which shows whether the count repeats.
//!
//! The simulated caches are always the same, whatever the machine has, so that counts can be
//! compared between machines of one instruction set.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use reports::record::Failure;
use workloads::{Error, Size};

use super::time::Time;
use super::{Instrument, Observed, repeat};
use crate::child::Stop;
use crate::contenders::{Case, Job};
use crate::launch::{CellRun, Sampled};
use crate::protocol::{Round, Sample};
use crate::randomness;
use crate::second::{CALLGRIND, CALLS, COUNTED};

pub(crate) struct Counts;

/// In the order of [`parse`].
const METRICS: [&str; 3] = ["instructions", "l1-misses", "last-level-misses"];

/// How often processes are counted whose difference cannot be a call's.
const ATTEMPTS: usize = 3;

impl Instrument for Counts {
    fn name(&self) -> &'static str {
        "counts"
    }

    fn about(&self) -> &'static str {
        "instructions and cache misses of one call, simulated by Valgrind"
    }

    fn size(&self, _: Size) -> Size {
        COUNTED
    }

    fn available(&self) -> Result<(), String> {
        valgrind().clone()
    }

    fn applies(&self, case: &Case) -> Result<(), String> {
        if case.service {
            return Err("Valgrind does not see the kernel, which does most of the work".to_owned());
        }
        Ok(())
    }

    fn leaves(&self) -> Option<&'static str> {
        Some("callgrind.out")
    }

    fn wrapper(&self, file: Option<&Path>) -> Vec<OsString> {
        callgrind(file)
    }

    fn measure(&self, run: &CellRun<'_>) -> Result<Sampled, Stop> {
        let round = |repeats| Round {
            seed: run.seed,
            repeats,
            last: true,
        };
        // The input files are made now, by a probe that is not counted.
        run.by(Time.name()).probe(&[round(1)])?;
        let mut why = String::new();
        for _ in 0..ATTEMPTS {
            let mut sampled = Sampled::default();
            let mut totals = |repeats| {
                sampled = run.probe(&[round(repeats)])?;
                read_totals(run)
            };
            let [two, threes @ ..] = CALLS;
            let (two, threes) = (totals(two)?, threes.map(&mut totals));
            let threes: Vec<_> = threes.into_iter().collect::<Result<_, _>>()?;
            let least = threes.iter().map(|three| three[0]).min().unwrap_or(0);
            let instructions = least.saturating_sub(two[0]);
            // One instruction can serve at most eight items, of eight bytes in a vector of 64.
            if instructions >= sampled.items / 8 {
                sampled.replace(differences(&two, &threes));
                return Ok(sampled);
            }
            why = format!("{instructions} instructions for {} items", sampled.items);
            if threes.iter().all(|three| three == &threes[0]) {
                return Err(Stop::failed(Failure::Protocol, &why));
            }
        }
        // Threads that wait for one another take now more instructions, now fewer.
        let why = format!("processes differ by more than a call takes: {why}");
        Err(Stop::NotMeasured { why })
    }

    fn begin(&self) {
        randomness::fix();
    }

    fn observe(
        &self,
        job: &mut dyn Job,
        round: &Round,
        _: Option<&Path>,
    ) -> Result<Observed, Error> {
        repeat(job, round)?;
        Ok(Observed::Samples(Vec::new()))
    }
}

/// One call's share of each metric, from totals of two calls and of three.
fn differences(two: &[u64; 3], threes: &[[u64; 3]]) -> Vec<Sample> {
    let mut samples = Vec::new();
    for three in threes {
        // Misses can fall: the last call leaves other lines behind, and the end of the process finds
        // them. Less than nothing is nothing.
        for (i, metric) in METRICS.iter().enumerate() {
            let value = three[i].saturating_sub(two[i]);
            samples.push(Sample::new(metric, "count", true, value));
        }
    }
    samples
}

/// Valgrind with every setting that a count depends on, and the file that it is to leave.
pub(crate) fn callgrind(file: Option<&Path>) -> Vec<OsString> {
    let fixed = ["valgrind", "--tool=callgrind", "--quiet"];
    let mut words: Vec<OsString> = fixed.iter().chain(&CALLGRIND).map(Into::into).collect();
    let mut out = OsString::from("--callgrind-out-file=");
    out.push(file.map_or(OsString::from("/dev/null"), |file| {
        file.as_os_str().to_owned()
    }));
    words.push(out);
    words
}

/// Whether Valgrind can be run.
pub(crate) fn valgrind() -> &'static Result<(), String> {
    static FOUND: OnceLock<Result<(), String>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let works = Command::new("valgrind").arg("--version").output();
        match works {
            Ok(output) if output.status.success() => Ok(()),
            Ok(_) => Err("`valgrind --version` fails".to_owned()),
            Err(_) => Err("needs Valgrind (`apt-get install valgrind`)".to_owned()),
        }
    })
}

/// Instructions, first-level misses and last-level misses of a whole process, from its file.
fn read_totals(run: &CellRun<'_>) -> Result<[u64; 3], Stop> {
    let unreadable = |why: &str| Stop::failed(Failure::Protocol, &format!("callgrind: {why}"));
    let file = run
        .file
        .as_deref()
        .ok_or_else(|| unreadable("no file asked for"))?;
    let text = std::fs::read_to_string(file).map_err(|error| unreadable(&error.to_string()))?;
    parse(&text).ok_or_else(|| unreadable("the file has no totals"))
}

/// The same from the file's text.
pub(crate) fn parse(text: &str) -> Option<[u64; 3]> {
    let field = |key| text.lines().rev().find_map(|line| line.strip_prefix(key));
    let events: Vec<&str> = text
        .lines()
        .find_map(|l| l.strip_prefix("events:"))?
        .split_whitespace()
        .collect();
    let values: Vec<u64> = field("totals:")?
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    let of = |names: &[&str]| {
        names.iter().try_fold(0, |sum, name| {
            let at = events.iter().position(|event| event == name)?;
            Some(sum + values.get(at)?)
        })
    };
    Some([
        of(&["Ir"])?,
        of(&["I1mr", "D1mr", "D1mw"])?,
        of(&["ILmr", "DLmr", "DLmw"])?,
    ])
}

#[cfg(test)]
mod tests {
    #[test]
    fn totals_are_found_by_the_names_of_the_events() {
        let text = "version: 1\nevents: Ir Dr Dw I1mr D1mr D1mw ILmr DLmr DLmw\n\
            summary: 1 1 1 1 1 1 1 1 1\n\ntotals: 100 20 10 1 2 3 4 5 6\n";
        assert_eq!(super::parse(text), Some([100, 6, 15]));
        assert_eq!(super::parse("events: Ir\ntotals: 5\n"), None);
        assert_eq!(super::parse(""), None);
    }
}
