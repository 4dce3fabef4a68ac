//! The contenders of a selftest: a kernel that does so many units of work, and behaves as its name says.

pub mod kernels;

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use reports::record::Cell;
use reports::selftest::Trial;
use workloads::{Error, Mismatch};

use crate::contenders::Job;
use crate::seeds::derive;
use kernels::Kernel;

/// Units that are done before a call, on inputs of their own.
const REHEARSED: u32 = 100;
/// What comes before the kernel in the name of its workload.
const FAMILY: &str = "known/";
/// Units of the lighter one's work.
const UNITS: u32 = 100;

/// The workload of a kernel.
pub fn workload(kernel: &str) -> String {
    format!("{FAMILY}{kernel}")
}

/// The contenders of a trial, heavier and lighter. They have names of their own even where they are equal.
pub fn contenders(trial: &Trial) -> [String; 2] {
    let manner = match trial.group {
        "odd" => trial.name,
        _ => "plain",
    };
    [("a", trial.units), ("b", UNITS)].map(|(arm, units)| format!("{manner}-{units}-{arm}"))
}

/// Opens one of them; `None` if there is no such kernel or contender.
pub fn open(cell: &Cell) -> Option<Box<dyn Job>> {
    let name = cell.workload.strip_prefix(FAMILY)?;
    let (kernel, rehearsal) = (kernels::find(name)?, kernels::find(name)?);
    let mut parts = cell.contender.split('-');
    let manner = Manner::of(parts.next()?)?;
    let units = parts.next()?.parse().ok()?;
    Some(Box::new(Known {
        kernel,
        rehearsal,
        name: cell.contender.clone(),
        manner,
        units,
        calls: 0,
        process: Process::default(),
        answer: None,
    }))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Does its work.
    Plain,
    /// Every process draws whether it does 5 % more.
    Bimodal,
    /// Does 1 % more with each call.
    Drifting,
    /// Sleeps as long as its work takes, once in twenty calls.
    Stalls,
    /// Every process draws where its heap and its stack begin.
    Layout,
}

impl Manner {
    fn of(name: &str) -> Option<Manner> {
        match name {
            "plain" => Some(Manner::Plain),
            "bimodal" => Some(Manner::Bimodal),
            "drifting" => Some(Manner::Drifting),
            "stalls" => Some(Manner::Stalls),
            "layout" => Some(Manner::Layout),
            _ => None,
        }
    }
}

struct Known {
    kernel: Box<dyn Kernel>,
    /// The same kernel, to rehearse with.
    rehearsal: Box<dyn Kernel>,
    name: String,
    manner: Manner,
    units: u32,
    calls: u32,
    process: Process,
    answer: Option<u64>,
}

/// What the process has drawn.
#[derive(Default)]
struct Process {
    slow: bool,
    /// Frames of 64 bytes and more that lie between the caller and the work.
    depth: u32,
    stalls: bool,
}

/// How long a stall takes: about as long as a call.
const STALL: Duration = Duration::from_millis(4);

impl Job for Known {
    fn load(&mut self, seed: u64) -> Result<(), Error> {
        // Drawn by each contender for itself, unlike all else in a block.
        let mut random = ChaCha8Rng::seed_from_u64(derive(seed, &[&self.name]));
        if self.calls == 0 {
            self.process.slow = random.random();
            if self.manner == Manner::Layout {
                self.process.depth = random.random_range(0..64);
                let offset = random.random_range(0..1 << 16);
                std::hint::black_box(vec![0u8; offset].leak());
            }
        }
        self.process.stalls = random.random_range(0..20) == 0;
        let units = match self.manner {
            Manner::Bimodal if self.process.slow => self.units + 5,
            Manner::Drifting => self.units + self.calls,
            _ => self.units,
        };
        self.calls += 1;
        self.answer = None;
        self.kernel.load(seed, units);
        // The first units of a call would be dearer than the others, as code and predictors are cold after a
        // load, and twice the units would be less than twice the work.
        self.rehearsal.load(!seed, REHEARSED);
        std::hint::black_box(self.rehearsal.run());
        Ok(())
    }

    fn run(&mut self) -> Result<(), Error> {
        if self.manner == Manner::Stalls && self.process.stalls {
            std::thread::sleep(STALL);
        }
        self.answer = Some(deeper(self.process.depth, &*self.kernel));
        Ok(())
    }

    fn again(&mut self) {
        self.answer = None;
    }

    fn check(&self) -> Result<(), Mismatch> {
        let expected = self.kernel.expected();
        match self.answer == Some(expected) {
            true => Ok(()),
            false => Err(Mismatch {
                place: "the sum".to_owned(),
                expected: expected.to_string(),
                got: format!("{:?}", self.answer),
            }),
        }
    }

    fn extent(&self) -> (u64, u64) {
        (u64::from(self.units), 4096 * u64::from(self.units))
    }
}

/// Runs the kernel from further down the stack.
#[inline(never)]
fn deeper(depth: u32, kernel: &dyn Kernel) -> u64 {
    let frame = std::hint::black_box([depth; 16]);
    match frame[0] {
        0 => kernel.run(),
        n => std::hint::black_box(deeper(n - 1, kernel)),
    }
}

#[cfg(test)]
mod tests {
    use reports::selftest::TRIALS;

    use super::*;

    #[test]
    fn every_trial_has_two_contenders_that_answer_rightly() {
        for trial in &TRIALS {
            let names = contenders(trial);
            assert_ne!(names[0], names[1]);
            for (kernel, contender) in kernels::NAMES
                .iter()
                .flat_map(|k| names.iter().map(move |n| (k, n)))
            {
                let cell = Cell {
                    workload: workload(kernel),
                    contender: contender.clone(),
                    size: "default".to_owned(),
                };
                let mut job = open(&cell).unwrap();
                for seed in 0..3 {
                    job.load(seed).unwrap();
                    assert!(job.check().is_err(), "nothing has run");
                    job.run().unwrap();
                    assert!(job.check().is_ok(), "{contender}");
                }
            }
        }
    }
}
