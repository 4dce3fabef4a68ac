//! The verdicts of a run as one family: each test's looks, and Holm's adjustment over all of them, so that
//! the level holds for the whole page and not for each of its rows.

use std::collections::BTreeMap;

use crate::claims::Rules;
use crate::stats::{self, Sequential};
use crate::units;
use crate::verdict::{Decision, Verdict};

/// Decides every verdict whose comparison rests on blocks; leaves all others as they are.
pub(crate) fn decide(verdicts: &mut [Verdict], rules: &Rules) {
    let alpha = 1.0 - rules.level;
    // Two claims may ask the same of the same: that is one hypothesis.
    let mut hypotheses: BTreeMap<(Pair, u64), Vec<usize>> = BTreeMap::new();
    for (at, verdict) in verdicts.iter().enumerate() {
        if let Some(threshold) = by_blocks(verdict) {
            let same = hypotheses.entry((pair(verdict), threshold.to_bits()));
            same.or_default().push(at);
        }
    }
    let mut groups: BTreeMap<&Pair, usize> = BTreeMap::new();
    let mut tests = Vec::new();
    let mut looks = Vec::new();
    for ((pair, _), of) in &hypotheses {
        let next = groups.len();
        let group = *groups.entry(pair).or_insert(next);
        let verdict = &verdicts[of[0]];
        let found = looked_at(verdict);
        tests.push((group, found.p));
        looks.push(found);
    }
    let adjusted = stats::holm(&tests);
    let open = tests.iter().zip(&adjusted).filter(|(_, p)| **p > alpha);
    let mut open: Vec<usize> = open.map(|((group, _), _)| *group).collect();
    open.dedup();
    let family = Family {
        alpha,
        among: groups.len(),
        open: open.len(),
        margin: rules.margin,
    };
    for ((of, found), p) in hypotheses.values().zip(&looks).zip(&adjusted) {
        for &at in of {
            family.verdict(&mut verdicts[at], found, *p);
        }
    }
}

type Pair = [String; 4];

fn pair(verdict: &Verdict) -> Pair {
    [
        verdict.workload.clone(),
        verdict.contender.clone(),
        verdict.baseline.clone().unwrap_or_default(),
        verdict.metric.clone(),
    ]
}

/// The threshold of a verdict that is still to be decided from blocks.
fn by_blocks(verdict: &Verdict) -> Option<f64> {
    let open = verdict.decision == Decision::Inconclusive;
    let comparison = verdict.comparison.as_ref().filter(|_| open)?;
    verdict.threshold.filter(|_| !comparison.logs.is_empty())
}

fn looked_at(verdict: &Verdict) -> Sequential {
    let logs = verdict.comparison.as_ref().map_or(&[][..], |c| &c.logs);
    stats::sequential(logs, verdict.threshold.unwrap_or(1.0).ln())
}

/// What looks decide whose p-value, adjusted for the whole family, is this.
pub(crate) fn decided(found: &Sequential, adjusted: f64, alpha: f64) -> Option<Decision> {
    (adjusted <= alpha).then_some(match found.above {
        true => Decision::Confirmed,
        false => Decision::Refuted,
    })
}

/// Whether an interval of a ratio lies so near a threshold that the claim is too close to call.
pub(crate) fn too_close((low, high): (f64, f64), threshold: f64, margin: f64) -> bool {
    let close = threshold * (-margin).exp()..=threshold * margin.exp();
    close.contains(&low) && close.contains(&high)
}

struct Family {
    alpha: f64,
    /// Comparisons in all.
    among: usize,
    /// Comparisons that still have something undecided.
    open: usize,
    margin: f64,
}

impl Family {
    fn verdict(&self, verdict: &mut Verdict, found: &Sequential, adjusted: f64) {
        let (Some(comparison), Some(threshold)) = (&verdict.comparison, verdict.threshold) else {
            return;
        };
        let null = threshold.ln();
        verdict.p_value = Some(found.p);
        verdict.p_adjusted = Some(adjusted);
        let holds = |(low, high): (f64, f64)| low < threshold && threshold <= high;
        if let Some(decision) = decided(found, adjusted, self.alpha) {
            verdict.decision = decision;
            let since = comparison.bounds().is_some_and(holds);
            verdict.why = since.then(|| {
                let blocks = units::count(found.at, "block");
                format!("decided after {blocks}, which later ones do not take back")
            });
            return;
        }
        verdict.further_blocks =
            stats::further(&comparison.logs, null, self.alpha / self.open as f64);
        let Some((low, high)) = comparison.bounds() else {
            verdict.why.clone_from(&comparison.interval_missing);
            return;
        };
        verdict.within_margin = too_close((low, high), threshold, self.margin);
        verdict.why = Some(if verdict.within_margin {
            let margin = self.margin * 100.0;
            format!("the ratio lies within {margin} % of the claim, too close to call")
        } else if holds((low, high)) {
            "the interval holds the threshold".to_owned()
        } else {
            format!(
                "the interval alone would decide, but not as one of {}",
                units::count(self.among, "comparison")
            )
        });
    }
}
