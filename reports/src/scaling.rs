//! How a cell scales: the exponent with which time or peak heap grow with the size of the input, and
//! throughput with cores or with requests in flight. `linear` and `constant` are ranges that a claim gives for
//! an exponent: confirmed where its whole interval lies within, refuted where it lies outside.
//!
//! Each block of fresh processes has all levels and so gives one estimate; blocks are independent, and the
//! interval is Student's over their estimates. Exponents of times are a family of their own: each is judged
//! at the level that, by Bonferroni's inequality, keeps that of the page for all of them together.

use serde::{Deserialize, Serialize};

use crate::claims::{Rules, Testable};
use crate::figures::{Figures, Obstacle};
use crate::record::{Cell, Outcome, Series};
use crate::stats::{self, Scalability};
use crate::verdict::{Decision, QUICK, UNTIMED, Verdict};
use crate::{metrics, units};

/// Fewer levels do not show whether what grows follows a law at all.
pub const FEWEST_LEVELS: usize = 4;

/// An exponent that claims may name.
#[derive(Debug)]
pub(crate) struct Law {
    /// The metric's name in claims.
    pub(crate) metric: &'static str,
    /// The series of the records that it is computed from.
    series: &'static str,
    /// Whether it is about items per second, rather than the values themselves.
    throughput: bool,
}

const fn law(metric: &'static str, series: &'static str, throughput: bool) -> Law {
    Law {
        metric,
        series,
        throughput,
    }
}

/// Every law.
pub(crate) const LAWS: [Law; 5] = [
    law("cpu-time-exponent", "scaled-cpu-time", false),
    law("wall-time-exponent", "scaled-wall-time", false),
    law(HEAP, "scaled-heap-peak", false),
    law("cores-exponent", "scaled-wall-time", true),
    law("requests-exponent", "scaled-wall-time", true),
];

const HEAP: &str = "heap-exponent";

/// Whether a metric is an exponent, which has no baseline.
pub(crate) fn is_exponent(metric: &str) -> bool {
    LAWS.iter().any(|law| law.metric == metric)
}

/// Whether it rests on times.
pub(crate) fn is_of_times(metric: &str) -> bool {
    is_exponent(metric) && metric != HEAP
}

/// The exponent of a power law.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Exponent {
    /// The estimate.
    pub value: f64,
    /// Its bounds; `null` for too few blocks. Of peak heap they hold every sample and the whole growth from
    /// the least to the most, and have no level.
    pub bounds: Option<[f64; 2]>,
    /// The level of the bounds, where they have one.
    pub level: Option<f64>,
    /// The first and the last level.
    pub range: [u64; 2],
    /// The size at which it was measured.
    pub size: String,
}

impl Exponent {
    /// `1.02 [0.99, 1.05]`.
    pub fn words(&self) -> String {
        let value = format!("{:.2}", self.value + 0.0);
        match self.bounds {
            Some([low, high]) if low < high => format!("{value} [{low:.2}, {high:.2}]"),
            Some(_) => format!("{value} exact"),
            None => format!("{value} without interval"),
        }
    }
}

/// What was measured at one level.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Point {
    /// Items, cores or requests in flight.
    pub(crate) at: u64,
    /// The median of all values, or items per second.
    pub(crate) value: f64,
    /// The same for each block of fresh processes.
    pub(crate) blocks: Vec<f64>,
    least: f64,
    most: f64,
}

/// The levels of a law that a cell has, from the lowest on, and the size of the cell.
pub(crate) fn curve<'a>(
    figures: &Figures<'a>,
    workload: &str,
    contender: &str,
    law: &Law,
) -> Result<(&'a str, Vec<Point>), String> {
    let instrument = metrics::find(law.metric).map_or("", |metric| metric.instrument);
    let sizes = figures.sizes(workload, contender, instrument);
    let Some(&size) = sizes.first() else {
        return Err(format!(
            "no {contender} in the {instrument} records of this workload"
        ));
    };
    let cell = Cell {
        workload: workload.to_owned(),
        contender: contender.to_owned(),
        size: size.to_owned(),
    };
    let mut points = Vec::new();
    for probe in figures.by(&cell, instrument) {
        match &probe.outcome {
            Outcome::Measured => {}
            Outcome::NotMeasured { why } => return Err(why.clone()),
            Outcome::Failed { failure, why } => {
                return Err(Obstacle::Failed(*failure, why).words());
            }
        }
        let series = probe.series.iter().filter(|s| s.metric == law.series);
        points.extend(series.filter_map(|series| point(series, law.throughput)));
    }
    points.sort_by_key(|point| point.at);
    points.dedup_by_key(|point| point.at);
    Ok((size, points))
}

fn point(series: &Series, throughput: bool) -> Option<Point> {
    let level = series.level?;
    let of = |value: &u64| match throughput {
        true => level.items as f64 * 1e9 / (*value).max(1) as f64,
        false => *value as f64,
    };
    let values: Vec<f64> = series.values.iter().map(of).collect();
    let each = values.len() / (level.blocks.max(1) as usize);
    Some(Point {
        at: level.at,
        value: stats::median(&values)?,
        blocks: values
            .chunks_exact(each.max(1))
            .filter_map(stats::median)
            .collect(),
        least: values.iter().copied().reduce(f64::min)?,
        most: values.iter().copied().reduce(f64::max)?,
    })
}

/// One estimate for each block that has all levels.
fn by_block<T>(points: &[Point], estimate: impl Fn(&[(f64, f64)]) -> Option<T>) -> Option<Vec<T>> {
    let blocks = points.iter().map(|point| point.blocks.len()).min()?;
    let of = |block: usize| {
        let points = points.iter().map(|p| (p.at as f64, p.blocks[block]));
        estimate(&points.collect::<Vec<_>>())
    };
    (0..blocks).map(of).collect()
}

fn too_few(points: &[Point], law: &Law) -> Option<String> {
    if points.len() >= FEWEST_LEVELS {
        return None;
    }
    let mut why = format!(
        "cannot be identified: needs {FEWEST_LEVELS} levels, has {}",
        points.len()
    );
    if let (true, [first, .., last]) = (law.throughput, points) {
        let gain = units::digits(last.value / first.value);
        why += &format!(
            "; {gain}x the throughput at {} against {}",
            last.at, first.at
        );
    }
    Some(why)
}

/// The exponent of a law for a cell, with bounds at `level`.
///
/// # Errors
/// Why there is none, in words.
pub(crate) fn exponent(
    figures: &Figures<'_>,
    workload: &str,
    contender: &str,
    law: &Law,
    level: f64,
) -> Result<Exponent, String> {
    let (size, points) = curve(figures, workload, contender, law)?;
    if let Some(why) = too_few(&points, law) {
        return Err(why);
    }
    let range = [points[0].at, points[points.len() - 1].at];
    let found = |value, bounds, level| Exponent {
        value,
        bounds,
        level,
        range,
        size: size.to_owned(),
    };
    if law.metric == HEAP {
        let (value, bounds) = heap(&points)?;
        return Ok(found(value, Some(bounds), None));
    }
    let zero = || "a value of zero has no logarithm".to_owned();
    let exponents = by_block(&points, stats::power).ok_or_else(zero)?;
    let (value, bounds) = stats::mean_interval(&exponents, level).ok_or_else(zero)?;
    let bounds = bounds.map(|(low, high)| [low, high]);
    Ok(found(value, bounds, bounds.map(|_| level)))
}

/// Exponent and bounds of peaks. What grows and shrinks again has an exponent of nought, so that the bounds
/// take in the growth from the least to the most as well.
fn heap(points: &[Point]) -> Result<(f64, [f64; 2]), String> {
    let most = points.iter().map(|p| p.most).fold(0.0, f64::max);
    if most == 0.0 {
        return Ok((0.0, [0.0; 2]));
    }
    let least = points.iter().map(|p| p.least).fold(f64::INFINITY, f64::min);
    let typical: Vec<_> = points.iter().map(|p| (p.at as f64, p.value)).collect();
    let slope = stats::power(&typical)
        .filter(|_| least > 0.0)
        .ok_or(format!(
            "nothing at one size and {} at another: no exponent",
            units::value(most, "bytes")
        ))?;
    let (first, last) = (&points[0], &points[points.len() - 1]);
    let span = (last.at as f64 / first.at as f64).ln();
    let ends = (last.least / first.most).ln() / span;
    Ok((
        slope,
        [slope.min(ends), slope.max((most / least).ln() / span)],
    ))
}

/// The universal scalability law of a cell: each number with its bounds, cut at nought.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scaled {
    pub(crate) sigma: (f64, Option<(f64, f64)>),
    pub(crate) kappa: (f64, Option<(f64, f64)>),
}

/// Fits the universal scalability law to each block.
///
/// # Errors
/// Why it cannot be identified.
pub(crate) fn scalability(points: &[Point], law: &Law, level: f64) -> Result<Scaled, String> {
    if let Some(why) = too_few(points, law) {
        return Err(why);
    }
    let fits = by_block(points, stats::scalability).ok_or("no block could be fitted")?;
    let of = |pick: fn(&Scalability) -> f64| {
        let values: Vec<f64> = fits.iter().map(pick).collect();
        let (mean, bounds) = stats::mean_interval(&values, level)?;
        Some((mean, bounds.map(|(low, high)| (low.max(0.0), high))))
    };
    let missing = || "no block has all levels".to_owned();
    Ok(Scaled {
        sigma: of(|fit| fit.sigma).ok_or_else(missing)?,
        kappa: of(|fit| fit.kappa).ok_or_else(missing)?,
    })
}

/// Decides the verdicts on exponents; leaves all others as they are.
pub(crate) fn decide(
    verdicts: &mut [Verdict],
    tests: &[Testable<'_>],
    figures: &Figures<'_>,
    rules: &Rules,
) {
    let of_times = |verdict: &&Verdict| is_of_times(&verdict.metric);
    let among = verdicts.iter().filter(of_times).count().max(1);
    let level = 1.0 - (1.0 - rules.level) / among as f64;
    for (verdict, test) in verdicts.iter_mut().zip(tests) {
        let law = LAWS.iter().find(|law| law.metric == verdict.metric);
        let (Some(law), Some(range)) = (law, test.claim.exponent) else {
            continue;
        };
        match exponent(figures, &verdict.workload, &verdict.contender, law, level) {
            Err(why) => verdict.why = Some(why),
            Ok(found) => {
                if is_of_times(law.metric) && UNTIMED.contains(&found.size.as_str()) {
                    verdict.why = Some(QUICK.to_owned());
                } else {
                    (verdict.decision, verdict.why) = within(&found, range);
                }
                verdict.exponent = Some(found);
            }
        }
    }
}

fn within(found: &Exponent, [from, to]: [f64; 2]) -> (Decision, Option<String>) {
    let claimed = format!("claimed {from} to {to}");
    match found.bounds {
        Some([low, high]) if from <= low && high <= to => (Decision::Confirmed, Some(claimed)),
        Some([low, high]) if high < from || to < low => (Decision::Refuted, Some(claimed)),
        Some(_) => (
            Decision::Inconclusive,
            Some(format!("{claimed}, and the interval reaches beyond")),
        ),
        None => (
            Decision::Inconclusive,
            Some(format!("{claimed}; too few blocks for an interval")),
        ),
    }
}
