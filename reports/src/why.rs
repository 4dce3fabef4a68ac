//! Why a contender takes less time than a baseline, or more: one sentence from the figures at hand, and the
//! functions whose share of the CPU changed most.
//!
//! A figure is named only if it shows the same direction as the time, and if the difference could matter
//! at all: three page faults fewer explain no millisecond. What each event costs is known roughly, which
//! is enough to tell what could matter from what could not. Instruments measure at sizes of their own, so that
//! their figures count for each item.

use serde::{Deserialize, Serialize};

use crate::compare::{Comparison, compare};
use crate::figures::Figures;
use crate::record::{Cell, Function};
use crate::{metrics, units};

/// What speaks for a difference in time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Why {
    /// One sentence without a full stop.
    pub sentence: String,
    /// The metrics that it names, the one that could explain most first.
    pub metrics: Vec<String>,
    /// The functions whose share of the CPU samples differs most, largest difference first.
    pub functions: Vec<Shift>,
}

/// A function's share of the CPU samples of both, 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shift {
    /// The function's name as recorded.
    pub name: String,
    /// Its share of the baseline's samples.
    pub baseline: f64,
    /// Its share of the contender's samples.
    pub contender: f64,
}

/// What can cost time: the metric, what one event costs in nanoseconds on a machine of today, roughly, and
/// its noun.
const COSTS: [(&str, f64, &str); 7] = [
    ("instructions", 0.3, "instructions"),
    ("l1-misses", 3.0, "first-level cache misses"),
    ("last-level-misses", 80.0, "last-level cache misses"),
    ("heap-blocks", 50.0, "heap allocations"),
    ("heap-bytes", 0.1, "heap bytes"),
    ("minor-faults", 500.0, "minor page faults"),
    ("major-faults", 1e5, "major page faults"),
];

/// A figure is named from this share of the difference in time on that it could explain.
const WORTH_NAMING: f64 = 0.1;
/// A difference of less than this share, in percent, is no reason for anything.
const CHANGED: f64 = 1.05;
/// How many figures a sentence names.
const NAMED: usize = 3;
/// How many functions are named, and by how many standard errors the share of each must have changed.
const FUNCTIONS: usize = 5;
const SHIFTED: f64 = 3.0;
/// With fewer CPU samples than this a share says nothing.
const FEWEST_SAMPLES: u64 = 20;

/// Why `contender` differs from `baseline` in `time`, a comparison by a clock; `None` where the times are
/// not told apart, so that there is nothing to explain.
pub fn explain(
    figures: &Figures<'_>,
    workload: &str,
    contender: &str,
    baseline: &str,
    time: &Comparison,
    level: f64,
) -> Option<Why> {
    let (low, high) = time.bounds()?;
    let faster = low > 1.0;
    if !(faster || high < 1.0) {
        return None;
    }
    let pair = Pair {
        figures,
        workload,
        contender,
        baseline,
        time,
        level,
        faster,
    };
    let mut causes: Vec<Cause> = COSTS
        .iter()
        .filter_map(|(metric, cost, noun)| pair.counted(metric, *cost, noun))
        .chain(pair.cores())
        .chain(pair.waits())
        .filter(|cause| cause.share >= WORTH_NAMING)
        .collect();
    causes.sort_by(|a, b| b.share.total_cmp(&a.share));
    causes.truncate(NAMED);
    let ratio = time.ratio?;
    let change = match faster {
        true => format!("{}x less time", units::digits(ratio)),
        false => format!("{}x more time", units::digits(1.0 / ratio)),
    };
    let words: Vec<&str> = causes.iter().map(|cause| cause.words.as_str()).collect();
    let reason = match (words.is_empty(), pair.counts_anything()) {
        (false, _) => words.join(", "),
        (true, true) => "none of the counts explains it".to_owned(),
        (true, false) => "nothing was counted that could explain it".to_owned(),
    };
    Some(Why {
        sentence: format!("{change}: {reason}"),
        metrics: causes.into_iter().map(|cause| cause.metric).collect(),
        functions: pair.functions(),
    })
}

struct Cause {
    metric: String,
    words: String,
    /// The share of the difference in time that it could explain.
    share: f64,
}

struct Pair<'a> {
    figures: &'a Figures<'a>,
    workload: &'a str,
    contender: &'a str,
    baseline: &'a str,
    time: &'a Comparison,
    level: f64,
    faster: bool,
}

impl Pair<'_> {
    fn compare(&self, metric: &str) -> Option<Comparison> {
        let (workload, level) = (self.workload, self.level);
        compare(
            self.figures,
            workload,
            self.contender,
            self.baseline,
            metric,
            level,
        )
        .ok()
    }

    fn counts_anything(&self) -> bool {
        COSTS.iter().any(|cost| self.compare(cost.0).is_some())
    }

    fn cell(&self, contender: &str, size: &str) -> Cell {
        Cell {
            workload: self.workload.to_owned(),
            contender: contender.to_owned(),
            size: size.to_owned(),
        }
    }

    /// By how much longer the slower one takes, in nanoseconds.
    fn difference(&self) -> f64 {
        (self.time.baseline_value - self.time.contender_value).abs()
    }

    /// How many times more items a timed call has than one at another size.
    fn scale(&self, size: &str) -> Option<f64> {
        let items = |size: &str| {
            let cell = self.cell(self.contender, size);
            let found = self.figures.probes(&cell).map(|probe| probe.items).max();
            found.filter(|items| *items > 0).map(|items| items as f64)
        };
        Some(items(&self.time.size)? / items(size)?)
    }

    /// A count, if it differs as the time does.
    fn counted(&self, metric: &str, cost: f64, noun: &str) -> Option<Cause> {
        let compared = self.compare(metric)?;
        let (low, high) = compared.bounds()?;
        let (theirs, mine) = (compared.baseline_value, compared.contender_value);
        let supports = match self.faster {
            true => low >= CHANGED,
            false => high <= 1.0 / CHANGED,
        };
        if !supports {
            return None;
        }
        let saved = (theirs - mine).abs() * cost * self.scale(&compared.size)?;
        let mut words = change(theirs, mine, noun, &compared.unit);
        if compared.size != self.time.size {
            words += &format!(" (size {})", compared.size);
        }
        Some(Cause {
            metric: metric.to_owned(),
            words,
            share: saved / self.difference(),
        })
    }

    /// Wall and CPU time of a call of both: the baseline's first.
    fn clocks(&self) -> Option<[(f64, f64); 2]> {
        let clocks = |contender: &str| {
            let cell = self.cell(contender, &self.time.size);
            let of = |metric| self.figures.sampled(&cell, metric)?.ok()?.typical();
            Some((of(metrics::WALL_TIME)?, of("cpu-time")?))
        };
        let both = [clocks(self.baseline)?, clocks(self.contender)?];
        let wall = self.time.metric == metrics::WALL_TIME;
        (wall && both.iter().all(|(wall, cpu)| *wall > 0.0 && *cpu > 0.0)).then_some(both)
    }

    /// The faster of the two keeps more cores busy.
    fn cores(&self) -> Option<Cause> {
        let [theirs, mine] = self.clocks()?;
        let busy = |(wall, cpu): (f64, f64)| cpu / wall;
        let (fast, slow) = match self.faster {
            true => (mine, theirs),
            false => (theirs, mine),
        };
        let (many, few) = (busy(fast), busy(slow).max(1.0));
        let words = format!("{:.1} cores busy against {:.1}", busy(mine), busy(theirs));
        (many > few * 1.2).then(|| Cause {
            metric: "cpu-time".to_owned(),
            words,
            // What the faster one would take on as few cores.
            share: (fast.1 / few - fast.0) / self.difference(),
        })
    }

    /// The slower of the two waits longer: no core works for it.
    fn waits(&self) -> Option<Cause> {
        let [theirs, mine] = self.clocks()?;
        let idle = |(wall, cpu): (f64, f64)| (wall - cpu).max(0.0);
        let (theirs, mine) = (idle(theirs), idle(mine));
        let saved = if self.faster {
            theirs - mine
        } else {
            mine - theirs
        };
        (saved > 0.0).then(|| Cause {
            metric: metrics::WALL_TIME.to_owned(),
            words: format!(
                "waits for {} against {}",
                units::value(mine, "ns"),
                units::value(theirs, "ns")
            ),
            share: saved / self.difference(),
        })
    }

    fn functions(&self) -> Vec<Shift> {
        let (Some(theirs), Some(mine)) =
            (self.profile(self.baseline), self.profile(self.contender))
        else {
            return Vec::new();
        };
        let share = |(functions, all): (&[Function], u64), name: &str| {
            let found = functions.iter().find(|function| function.name == name);
            found.map_or(0.0, |found| (found.samples as f64 / all as f64).min(1.0))
        };
        let mut names: Vec<&str> = Vec::new();
        for function in theirs.0.iter().chain(mine.0) {
            if !names.contains(&function.name.as_str()) {
                names.push(&function.name);
            }
        }
        let mut shifts: Vec<Shift> = names
            .into_iter()
            .map(|name| Shift {
                name: name.to_owned(),
                baseline: share(theirs, name),
                contender: share(mine, name),
            })
            .filter(|shift| shift.by() >= SHIFTED * shift.error(theirs.1, mine.1))
            .collect();
        shifts.sort_by(|a, b| b.by().total_cmp(&a.by()));
        shifts.truncate(FUNCTIONS);
        shifts
    }

    /// The functions of a profile and the number of all its samples, at the size of the times.
    fn profile(&self, contender: &str) -> Option<(&[Function], u64)> {
        let cell = self.cell(contender, &self.time.size);
        let probe = self.figures.by(&cell, "cpu").next()?;
        let series = probe
            .series
            .iter()
            .find(|series| series.metric == "profile-samples")?;
        let all = *series.values.first()?;
        (all >= FEWEST_SAMPLES && !probe.functions.is_empty()).then_some((&probe.functions, all))
    }
}

impl Shift {
    fn by(&self) -> f64 {
        (self.baseline - self.contender).abs()
    }

    /// The standard error of the difference, from the number of samples of both.
    fn error(&self, theirs: u64, mine: u64) -> f64 {
        let (theirs, mine) = (theirs as f64, mine as f64);
        let both = (self.baseline * theirs + self.contender * mine) / (theirs + mine);
        (both * (1.0 - both) * (1.0 / theirs + 1.0 / mine)).sqrt()
    }
}

/// `71 % fewer instructions`, `12x fewer`, `0 against 65,540 page faults`.
fn change(theirs: f64, mine: f64, noun: &str, unit: &str) -> String {
    if theirs == 0.0 || mine == 0.0 {
        let text = |value| match unit {
            "bytes" => units::value(value, unit),
            _ => grouped(value),
        };
        return format!("{} against {} {noun}", text(mine), text(theirs));
    }
    let ratio = theirs / mine;
    if ratio >= 10.0 {
        format!("{}x fewer {noun}", units::digits(ratio))
    } else if ratio > 1.0 {
        format!("{:.0} % fewer {noun}", 100.0 * (1.0 - 1.0 / ratio))
    } else if ratio > 0.5 {
        format!("{:.0} % more {noun}", 100.0 * (1.0 / ratio - 1.0))
    } else {
        format!("{}x more {noun}", units::digits(1.0 / ratio))
    }
}

/// A whole number with its thousands apart.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
