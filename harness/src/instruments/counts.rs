//! Instructions and simulated cache misses of one call, by Valgrind's callgrind: the same executable
//! makes two calls, then three, then four, and each difference is exactly one call, all threads
//! included. Two differences show that the count repeats and that it grows with the work.
//!
//! The simulated caches are always the same, whatever the machine has, so that counts can be
//! compared between machines of one instruction set.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use reports::record::Failure;
use workloads::{Error, Size};

use super::{Instrument, Observed, repeat};
use crate::contenders::{Case, Job};
use crate::launch::{CellRun, Sampled, Stop};
use crate::protocol::{Round, Sample};

pub(crate) struct Counts;

/// In the order of [`parse`].
const METRICS: [&str; 3] = ["instructions", "l1-misses", "last-level-misses"];

impl Instrument for Counts {
    fn name(&self) -> &'static str {
        "counts"
    }

    fn about(&self) -> &'static str {
        "instructions and cache misses of one call, simulated by Valgrind"
    }

    fn size(&self, _: Size) -> Size {
        Size::Tiny
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
        let mut words: Vec<OsString> = [
            "valgrind",
            "--tool=callgrind",
            "--cache-sim=yes",
            "--branch-sim=no",
            "--I1=32768,8,64",
            "--D1=32768,8,64",
            "--LL=8388608,16,64",
            "--quiet",
        ]
        .map(OsString::from)
        .to_vec();
        let mut out = OsString::from("--callgrind-out-file=");
        out.push(file.map_or(OsString::from("/dev/null"), |file| {
            file.as_os_str().to_owned()
        }));
        words.push(out);
        words
    }

    fn measure(&self, run: &CellRun<'_>) -> Result<Sampled, Stop> {
        let mut totals = Vec::new();
        let mut sampled = Sampled::default();
        for repeats in [2, 3, 4] {
            sampled = run.probe(&[Round {
                seed: run.seed,
                repeats,
                last: true,
            }])?;
            totals.push(read_totals(run)?);
        }
        let mut samples = Vec::new();
        for pair in totals.windows(2) {
            // One instruction can serve at most eight items, of eight bytes in a vector of 64.
            let instructions = pair[1][0].saturating_sub(pair[0][0]);
            if instructions < sampled.items / 8 {
                let why = format!("{instructions} instructions for {} items", sampled.items);
                return Err(Stop::failed(Failure::Protocol, &why));
            }
            // Misses can fall: the last call leaves other lines behind, and the end of the process
            // finds them. Less than nothing is nothing.
            for (i, metric) in METRICS.iter().enumerate() {
                let value = pair[1][i].saturating_sub(pair[0][i]);
                samples.push(Sample::new(metric, "count", true, value));
            }
        }
        sampled.replace(samples);
        Ok(sampled)
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

/// Whether Valgrind can be run.
fn valgrind() -> &'static Result<(), String> {
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

fn parse(text: &str) -> Option<[u64; 3]> {
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
