//! A noisy, shared, virtual machine, simulated from a seed with every disturbance that real ones have:
//! noise, spikes, drift, neighbours, and a layout of each process that favours or hinders it for a whole
//! block.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::trial::Trial;
use crate::stats::block_value;

/// Rounds of a block.
const ROUNDS: usize = 7;

/// The machine.
#[derive(Debug)]
pub struct Machine {
    random: ChaCha8Rng,
    drift: f64,
    neighbour: f64,
}

/// How a process behaves for as long as it lives, as logarithms of a factor on its times.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// Of every call: its work, and what its addresses make of it.
    pub level: f64,
    /// Of each call more than of the one before.
    pub slope: f64,
    /// Probability that a call stalls for as long as it takes.
    pub stalls: f64,
}

impl Machine {
    /// A machine whose every disturbance follows from the seed.
    pub fn new(seed: u64) -> Machine {
        Machine {
            random: ChaCha8Rng::seed_from_u64(seed),
            drift: 0.0,
            neighbour: 0.0,
        }
    }

    fn uniform(&mut self) -> f64 {
        self.random.random()
    }

    /// Normally distributed (G. E. P. Box, M. E. Muller 1958).
    pub fn normal(&mut self, deviation: f64) -> f64 {
        let (u, v) = (self.uniform(), self.uniform());
        deviation * (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    /// One sample in nanoseconds of work that takes 10 ms e^`log`.
    fn sample(&mut self, log: f64, stalls: f64) -> u64 {
        // From one sample to the next the machine gets slower or faster for good, and a neighbour comes,
        // goes, or takes what it likes.
        self.drift += self.normal(0.001);
        if self.uniform() < 0.01 {
            self.neighbour = if self.neighbour > 0.0 { 0.0 } else { 0.3 };
        }
        let stolen = self.neighbour * self.uniform();
        let spike = if self.uniform() < 0.03 {
            self.uniform()
        } else {
            0.0
        };
        let stall = if stalls > 0.0 && self.uniform() < stalls {
            1.0
        } else {
            0.0
        };
        let noise = self.normal(0.015);
        (1e7 * (log + self.drift + noise + stolen + spike + stall).exp()) as u64
    }

    /// The value of a block of these two processes, in each round one after the other by coin.
    pub fn block(&mut self, heavier: Process, lighter: Process) -> f64 {
        let (mut of_heavier, mut of_lighter) = ([0; ROUNDS], [0; ROUNDS]);
        for round in 0..ROUNDS {
            let at = |process: Process| process.level + process.slope * round as f64;
            let first = self.uniform() < 0.5;
            if first {
                of_heavier[round] = self.sample(at(heavier), heavier.stalls);
            }
            of_lighter[round] = self.sample(at(lighter), lighter.stalls);
            if !first {
                of_heavier[round] = self.sample(at(heavier), heavier.stalls);
            }
        }
        // Samples are some 10 ms and never 0, so that there always is a value.
        block_value(&of_heavier, &of_lighter).unwrap_or(0.0)
    }

    /// The value of a block of a trial.
    pub fn trial(&mut self, trial: &Trial) -> f64 {
        let heavier = self.process(trial, trial.truth.ln());
        let lighter = self.process(trial, 0.0);
        self.block(heavier, lighter)
    }

    fn process(&mut self, trial: &Trial, work: f64) -> Process {
        let layout = if trial.name == "layout" { 0.03 } else { 0.015 };
        let slow = trial.name == "bimodal" && self.uniform() < 0.5;
        Process {
            level: work + self.normal(layout) + if slow { 0.05 } else { 0.0 },
            slope: if trial.name == "drifting" { 0.01 } else { 0.0 },
            stalls: if trial.name == "stalls" { 0.05 } else { 0.0 },
        }
    }
}
