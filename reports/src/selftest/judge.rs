//! When a comparison is over, and what it came to. [`Promised`] is how claims are judged; the trait is
//! there so that tests can show that a worse judge is found out.

use crate::family;
use crate::stats::{self, Estimate};
use crate::verdict::Decision;

use super::trial::Trial;

/// The ratio of a comparison lies this near the truth, as a share of it, or it is off.
pub const NEAR: f64 = 0.01;

/// Decides from the values of blocks, in the order in which they were taken.
pub trait Judge {
    /// Whether the logarithm of the ratio lies above `null`, if that is decided.
    fn decides(&self, logs: &[f64], null: f64) -> Option<bool>;

    /// Centre and interval; `None` of no values.
    fn estimate(&self, logs: &[f64]) -> Option<Estimate>;

    /// An interval within this share of a claim is too close to call.
    fn margin(&self) -> f64;
}

/// The judge of claims: what a comparison that stands alone would be told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Promised {
    /// Level of verdicts and intervals.
    pub level: f64,
    /// See [`Judge::margin`].
    pub margin: f64,
}

impl Judge for Promised {
    fn decides(&self, logs: &[f64], null: f64) -> Option<bool> {
        let found = stats::sequential(logs, null);
        let adjusted = stats::holm(&[(0, found.p)])[0];
        let decision = family::decided(&found, adjusted, 1.0 - self.level)?;
        Some(decision == Decision::Confirmed)
    }

    fn estimate(&self, logs: &[f64]) -> Option<Estimate> {
        stats::estimate(logs, self.level)
    }

    fn margin(&self) -> f64 {
        self.margin
    }
}

/// Whether a comparison is over after these values: decided, too close to call, or at the last look.
pub fn is_over(judge: &dyn Judge, logs: &[f64], trial: &Trial) -> bool {
    if !stats::LOOKS.contains(&logs.len()) {
        return logs.len() >= stats::LOOKS[stats::LOOKS.len() - 1];
    }
    if logs.len() == stats::LOOKS[stats::LOOKS.len() - 1] {
        return true;
    }
    let interval = judge.estimate(logs).and_then(|found| found.interval);
    let close = interval.is_some_and(|interval| {
        let ratios = (interval.low.exp(), interval.high.exp());
        family::too_close(ratios, trial.claim, judge.margin())
    });
    close || judge.decides(logs, trial.claim.ln()).is_some()
}

/// What a comparison came to, held against the truth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Whether what was decided is false.
    pub wrong: bool,
    /// Whether what is true and decidable was decided.
    pub found: bool,
    /// Whether the interval holds the truth; `None` where there is no interval.
    pub covers: Option<bool>,
    /// The ratio.
    pub ratio: Option<f64>,
}

/// Holds a comparison against the truth.
pub fn verdict(judge: &dyn Judge, logs: &[f64], trial: &Trial) -> Verdict {
    let decided = judge.decides(logs, trial.claim.ln());
    let right = (!trial.is_undecidable()).then_some(trial.truth > trial.claim);
    let estimate = judge.estimate(logs);
    let interval = estimate.and_then(|found| found.interval);
    let truth = trial.truth.ln();
    Verdict {
        wrong: decided.is_some() && decided != right,
        found: decided.is_some() && decided == right,
        covers: interval.map(|interval| interval.low <= truth && truth <= interval.high),
        ratio: estimate.map(|found| found.centre.exp()),
    }
}
