//! The controls of a run: a baseline against itself, which must not differ, and the same baseline with a
//! known share of extra work, which ought to be seen. Where the first fails no time is believed.

use serde::{Deserialize, Serialize};

use crate::claims::Rules;
use crate::compare::{Comparison, compare};
use crate::figures::Figures;
use crate::record::{CONTROL, CONTROLLED, HANDICAP};
use crate::{metrics, stats, units};

/// The controls of one workload by one clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Control {
    /// The workload.
    pub workload: String,
    /// The clock.
    pub metric: String,
    /// The baseline against itself.
    pub comparison: Option<Comparison>,
    /// Why there is none.
    pub why: Option<String>,
    /// P-value that both are equal, adjusted for all controls of the run; `null` before the first look.
    pub p_adjusted: Option<f64>,
    /// Whether the baseline differs from itself, which casts doubt on every time of the run.
    pub differs: bool,
    /// The smallest ratio above 1 that a run like this shows nine times out of ten, for one comparison
    /// with the control's spread and number of blocks.
    pub detectable: Option<f64>,
    /// The slowed baseline, by the wall clock only.
    pub handicap: Option<Handicap>,
}

/// A baseline slowed on purpose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Handicap {
    /// What is added to each call, as a share of the call's own wall time.
    pub share: f64,
    /// The baseline over the slowed one: 1 / (1 + share), if all is well.
    pub comparison: Comparison,
    /// Whether the interval lies below 1.
    pub seen: bool,
}

/// Whether a contender is here to control and not to contend.
pub fn is_control(contender: &str) -> bool {
    contender == CONTROL || contender == HANDICAP
}

/// The controls of every workload that has any, by each of these clocks.
pub(crate) fn examine(figures: &Figures<'_>, rules: &Rules, clocks: &[&str]) -> Vec<Control> {
    let mut controls = Vec::new();
    let mut tests = Vec::new();
    let workloads = figures.workloads_with(CONTROL);
    for (workload, clock) in workloads
        .iter()
        .flat_map(|w| clocks.iter().map(move |c| (w, c)))
    {
        let against =
            |contender| compare(figures, workload, contender, CONTROLLED, clock, rules.level);
        let (comparison, why) = match against(CONTROL) {
            Ok(comparison) => (Some(comparison), None),
            Err(why) => (None, Some(why)),
        };
        let logs = comparison.as_ref().map_or(&[][..], |c| &c.logs);
        tests.push((tests.len(), stats::sequential(logs, 0.0).p));
        let share = figures
            .run
            .map_or(0.0, |run| f64::from(run.handicap) / 1000.0);
        let slowed = (*clock == metrics::WALL_TIME && share > 0.0).then(|| against(HANDICAP).ok());
        controls.push(Control {
            workload: (*workload).to_owned(),
            metric: (*clock).to_owned(),
            p_adjusted: None,
            differs: false,
            detectable: stats::detectable(logs, rules.level).map(f64::exp),
            handicap: slowed.flatten().map(|comparison| Handicap {
                share,
                seen: seen(&comparison.logs, rules.level),
                comparison,
            }),
            comparison,
            why,
        });
    }
    for (control, p) in controls.iter_mut().zip(stats::holm(&tests)) {
        let looked = control
            .comparison
            .as_ref()
            .is_some_and(|c| c.interval.is_some());
        control.p_adjusted = looked.then_some(p);
        control.differs = looked && p <= 1.0 - rules.level;
    }
    controls
}

fn seen(logs: &[f64], level: f64) -> bool {
    let found = stats::sequential(logs, 0.0);
    found.p <= 1.0 - level && !found.above
}

/// What the controls of a run come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Sums {
    /// Workloads with a control.
    pub workloads: usize,
    /// Those that have been looked at and whose baseline equals itself by every clock.
    pub equal: usize,
    /// Those whose baseline differs from itself.
    pub differing: Vec<String>,
    /// Workloads with a slowed baseline that has been looked at.
    pub slowed: usize,
    /// Those in which it was seen.
    pub seen: usize,
    /// The share by which it is slowed.
    pub share: f64,
    /// The smallest and the largest ratio that a workload's control could show, by the clock that does it
    /// better.
    pub detectable: Option<(f64, f64)>,
}

/// Adds the controls up; `None` of a run without.
pub fn sums(controls: &[Control]) -> Option<Sums> {
    let mut sums = Sums {
        workloads: 0,
        equal: 0,
        differing: Vec::new(),
        slowed: 0,
        seen: 0,
        share: 0.0,
        detectable: None,
    };
    for of in controls.chunk_by(|a, b| a.workload == b.workload) {
        sums.workloads += 1;
        if of.iter().any(|control| control.differs) {
            sums.differing.push(of[0].workload.clone());
        } else if of.iter().all(|control| control.p_adjusted.is_some()) {
            sums.equal += 1;
        }
        for handicap in of.iter().filter_map(|control| control.handicap.as_ref()) {
            sums.share = handicap.share;
            sums.slowed += usize::from(handicap.comparison.interval.is_some());
            sums.seen += usize::from(handicap.seen);
        }
        let best = of
            .iter()
            .filter_map(|control| control.detectable)
            .reduce(f64::min);
        if let Some(best) = best {
            let (low, high) = sums.detectable.unwrap_or((best, best));
            sums.detectable = Some((low.min(best), high.max(best)));
        }
    }
    (sums.workloads > 0).then_some(sums)
}

impl Sums {
    /// In one line of at most 80 columns.
    pub fn words(&self) -> String {
        if let [first, others @ ..] = &self.differing[..] {
            let first: String = first.chars().take(30).collect();
            let more = match others.len() {
                0 => String::new(),
                n => format!(" and {n} more"),
            };
            return format!("control: {first}{more} differs from itself, no time is believed");
        }
        let Some((low, high)) = self.detectable else {
            return "control: too few blocks to judge by".to_owned();
        };
        let mut words = match self.workloads - self.equal {
            0 => format!("control: {0} of {0} equal themselves", self.equal),
            unjudged => format!("control: {} equal, {unjudged} unjudged", self.equal),
        };
        if self.slowed > 0 {
            let share = units::digits(100.0 * self.share);
            let share = share.trim_end_matches('0').trim_end_matches('.');
            words += &format!(
                "; {share} % slower seen in {} of {}",
                self.seen, self.slowed
            );
        }
        let (low, high) = (percent_above(low), percent_above(high));
        words + &format!("; shows {low} to {high} %")
    }
}

/// By how many percent a ratio is above 1, with two significant digits.
pub fn percent_above(ratio: f64) -> String {
    let percent = 100.0 * (ratio - 1.0);
    match percent {
        p if p < 9.95 => format!("{p:.1}"),
        p => format!("{p:.0}"),
    }
}
