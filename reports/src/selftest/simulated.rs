//! Thousands of comparisons on the simulated machine, each stopped and judged as a real one.

use serde::{Deserialize, Serialize};

use super::judge::{self, Judge};
use super::machine::Machine;
use super::trial::{TRIALS, Trial};

/// What the comparisons of one trial came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counts {
    /// The trial's name.
    pub trial: String,
    /// Comparisons.
    pub count: usize,
    /// With a false verdict.
    pub wrong: usize,
    /// With the right verdict.
    pub found: usize,
    /// With an interval.
    pub intervals: usize,
    /// With an interval that holds the truth.
    pub covered: usize,
    /// With a ratio within 1 % of the truth.
    pub near: usize,
    /// Blocks of all of them together.
    pub blocks: usize,
    /// Sum of the logarithms of ratio over truth.
    pub offsets: f64,
}

impl Counts {
    /// Adds a comparison that is over.
    pub fn add(&mut self, judge: &dyn Judge, logs: &[f64], trial: &Trial) {
        let verdict = judge::verdict(judge, logs, trial);
        let offset = verdict
            .ratio
            .map_or(0.0, |ratio| (ratio / trial.truth).ln());
        self.count += 1;
        self.wrong += usize::from(verdict.wrong);
        self.found += usize::from(verdict.found);
        self.intervals += usize::from(verdict.covers.is_some());
        self.covered += usize::from(verdict.covers == Some(true));
        self.near += usize::from(offset.abs() <= judge::NEAR);
        self.blocks += logs.len();
        self.offsets += offset;
    }
}

/// Runs `count` comparisons of each trial that is `wanted`, on machines that follow from the seed.
pub fn run(
    judge: &dyn Judge,
    seed: u64,
    count: usize,
    wanted: &dyn Fn(&Trial) -> bool,
) -> Vec<Counts> {
    let of = |(at, trial): (usize, &Trial)| {
        // A machine of its own for each, so that a trial shows the same with or without the others.
        let mut machine = Machine::new(seed.wrapping_add(at as u64));
        let mut counts = Counts {
            trial: trial.name.to_owned(),
            ..Counts::default()
        };
        for _ in 0..count {
            let mut logs = vec![machine.trial(trial)];
            while !judge::is_over(judge, &logs, trial) {
                logs.push(machine.trial(trial));
            }
            counts.add(judge, &logs, trial);
        }
        counts
    };
    let all = TRIALS.iter().enumerate();
    all.filter(|(_, trial)| wanted(trial)).map(of).collect()
}
