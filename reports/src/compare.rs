//! One contender against one baseline by one metric: the ratio baseline / contender and, unless the
//! metric is exact, the interval around it. More than one is always better for the contender.

use serde::{Deserialize, Serialize};

use crate::figures::{Figures, Sampled};
use crate::record::Cell;
use crate::{metrics, stats, units};

/// How two cells compare.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Comparison {
    /// The metric.
    pub metric: String,
    /// The size at which both were measured.
    pub size: String,
    /// Baseline over contender; `null` where the contender needs nothing of what the baseline needs.
    pub ratio: Option<f64>,
    /// What a missing ratio means, in words.
    pub ratio_words: Option<String>,
    /// The interval of the ratio; `null` for exact metrics and for too few blocks.
    pub interval: Option<Interval>,
    /// Why a sampled metric has no interval.
    pub interval_missing: Option<String>,
    /// For a metric that is neither exact nor measured in blocks: every ratio of a sample of the
    /// baseline to a sample of the contender lies within. It has no level.
    pub range: Option<Range>,
    /// Blocks of fresh processes that ratio and interval rest on: those of the last look, or all before
    /// the first.
    pub blocks: u32,
    /// Blocks that were spoilt for one of the two, by a late service for instance.
    pub blocks_left_out: u32,
    /// Whether both values are exact.
    pub exact: bool,
    /// The baseline's typical value.
    pub baseline_value: f64,
    /// The contender's typical value.
    pub contender_value: f64,
    /// Unit of both values.
    pub unit: String,
    /// The blocks' logarithms of ratios, in order of the blocks.
    pub logs: Vec<f64>,
}

/// A closed interval of a ratio.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
    /// Level reached, at least the one asked for.
    pub level: f64,
}

/// The smallest and the largest ratio of single samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The baseline's smallest over the contender's largest; `null` where the contender has none.
    pub low: Option<f64>,
    /// The baseline's largest over the contender's smallest; `null` where that is zero.
    pub high: Option<f64>,
    /// Samples of the one that has fewer.
    pub samples: u32,
}

impl Comparison {
    /// Bounds that the ratio lies between: the interval, the range, or the ratio itself where it is
    /// exact. Nothing of the baseline's need counts as without bound.
    pub fn bounds(&self) -> Option<(f64, f64)> {
        if let Some(range) = self.range {
            let bound = |bound: Option<f64>| bound.unwrap_or(f64::INFINITY);
            return Some((bound(range.low), bound(range.high)));
        }
        match (self.interval, self.exact, self.ratio) {
            (Some(interval), _, _) => Some((interval.low, interval.high)),
            (None, true, Some(ratio)) => Some((ratio, ratio)),
            (None, _, None) if self.ratio_words.is_some() => Some((f64::INFINITY, f64::INFINITY)),
            _ => None,
        }
    }
}

impl Comparison {
    /// The bounds in digits, for a terminal or a page; `∞` where there is none.
    pub fn range_words(&self) -> (String, String) {
        let words = |bound: f64| match bound.is_finite() {
            true => units::digits(bound),
            false => "∞".to_owned(),
        };
        self.bounds()
            .map_or_else(Default::default, |(low, high)| (words(low), words(high)))
    }
}

/// Compares two contenders on a workload, at the size of the run or else the largest that both have.
///
/// # Errors
/// Why they cannot be compared, in words.
pub fn compare(
    figures: &Figures<'_>,
    workload: &str,
    contender: &str,
    baseline: &str,
    metric: &str,
    level: f64,
) -> Result<Comparison, String> {
    let cell = |contender: &str, size: &str| Cell {
        workload: workload.to_owned(),
        contender: contender.to_owned(),
        size: size.to_owned(),
    };
    let instrument = metrics::find(metric).map_or("", |metric| metric.instrument);
    let sizes = figures.sizes(workload, contender, instrument);
    let others = figures.sizes(workload, baseline, instrument);
    let Some(size) = sizes.iter().find(|size| others.contains(size)).copied() else {
        let missing = match (sizes.is_empty(), others.is_empty()) {
            (true, true) => format!("neither {contender} nor {baseline}"),
            (true, false) => format!("no {contender}"),
            (false, true) => format!("no {baseline}"),
            (false, false) => "no common size".to_owned(),
        };
        return Err(format!(
            "{missing} in the {instrument} records of this workload"
        ));
    };
    let sampled = |contender: &str| match figures.sampled(&cell(contender, size), metric) {
        Some(Ok(sampled)) => Ok(sampled),
        Some(Err(obstacle)) => Err(format!("{contender}: {}", obstacle.words())),
        None => Err(format!("{contender}: no {metric} in the records")),
    };
    let mine = sampled(contender)?;
    let theirs = sampled(baseline)?;
    if mine.unit != theirs.unit {
        return Err(format!("units differ: {} and {}", mine.unit, theirs.unit));
    }
    Ok(ratio(&mine, &theirs, metric, size, level))
}

fn ratio(
    mine: &Sampled<'_>,
    theirs: &Sampled<'_>,
    metric: &str,
    size: &str,
    level: f64,
) -> Comparison {
    let mut result = Comparison {
        metric: metric.to_owned(),
        size: size.to_owned(),
        ratio: None,
        ratio_words: None,
        interval: None,
        interval_missing: None,
        range: None,
        blocks: 0,
        blocks_left_out: 0,
        exact: false,
        baseline_value: theirs.typical().unwrap_or(0.0),
        contender_value: mine.typical().unwrap_or(0.0),
        unit: mine.unit.to_owned(),
        logs: Vec::new(),
    };
    if let (Some(mine), Some(theirs)) = (mine.exact, theirs.exact) {
        result.exact = true;
        match (theirs, mine) {
            (0, 0) => result.ratio = Some(1.0),
            (_, 0) => result.ratio_words = Some("all of it".to_owned()),
            (theirs, mine) => result.ratio = Some(theirs as f64 / mine as f64),
        }
        return result;
    }
    if !metrics::is_time(metric) && mine.blocks.len() <= 1 && theirs.blocks.len() <= 1 {
        return unpaired(result, mine, theirs);
    }
    let mut zeros = 0;
    for (baseline, contender) in pairs(mine, theirs) {
        match stats::block_value(&baseline, &contender) {
            Some(log) => result.logs.push(log),
            None => zeros += 1,
        }
    }
    result.blocks = result.logs.len() as u32;
    result.blocks_left_out = mine.spoilt.union(&theirs.spoilt).count() as u32;
    if zeros > 0 {
        // A zero has no logarithm. The typical values still say something, but not with a level.
        result.logs.clear();
        result.interval_missing =
            Some("zeros among the values: no ratio in every round".to_owned());
        if result.contender_value > 0.0 {
            result.ratio = Some(result.baseline_value / result.contender_value);
        }
        return result;
    }
    match stats::estimate(&result.logs, level) {
        None => {
            result.interval_missing = Some("no block holds both contenders".to_owned());
        }
        Some(estimate) => {
            result.ratio = Some(estimate.centre.exp());
            result.blocks = estimate.values as u32;
            match estimate.interval {
                Some(found) => {
                    result.interval = Some(Interval {
                        low: found.low.exp(),
                        high: found.high.exp(),
                        level: found.level,
                    });
                }
                None => result.interval_missing = Some(no_interval(result.logs.len())),
            }
        }
    }
    result
}

// Samples that no round pairs: only what holds for all of them at once is sure.
fn unpaired(mut result: Comparison, mine: &Sampled<'_>, theirs: &Sampled<'_>) -> Comparison {
    let over = |baseline: f64, contender: f64| match (baseline, contender) {
        (0.0, 0.0) => Some(1.0),
        (_, 0.0) => None,
        (baseline, contender) => Some(baseline / contender),
    };
    let ends = |values: Vec<f64>| {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(0.0, f64::max);
        (low, high, values.len() as u32)
    };
    let (least, most, count) = ends(mine.values());
    let (their_least, their_most, their_count) = ends(theirs.values());
    result.ratio = over(result.baseline_value, result.contender_value);
    result.ratio_words = result.ratio.is_none().then(|| "all of it".to_owned());
    result.range = Some(Range {
        low: over(their_least, most),
        high: over(their_most, least),
        samples: count.min(their_count),
    });
    result
}

fn no_interval(blocks: usize) -> String {
    let fewest = stats::LOOKS[0];
    if blocks < fewest {
        return format!("too few blocks: {blocks} of at least {fewest}");
    }
    "all blocks have the same ratio, which gives no spread to judge by".to_owned()
}

/// A level in percent without idle digits: 99 for 0.99, 99.2 for 0.9921875.
pub fn percent(level: f64) -> String {
    let text = format!("{:.1}", level * 100.0);
    text.strip_suffix(".0")
        .map_or(text.clone(), ToOwned::to_owned)
}

type Rounds = (Vec<u64>, Vec<u64>);

// Baseline and contender, block by block. One that is exact has the same value in every block, so it
// needs no partner.
fn pairs(mine: &Sampled<'_>, theirs: &Sampled<'_>) -> Vec<Rounds> {
    if let Some(value) = theirs.exact {
        let blocks = mine.blocks.values();
        return blocks
            .map(|mine| (vec![value; mine.len()], mine.to_vec()))
            .collect();
    }
    if let Some(value) = mine.exact {
        let blocks = theirs.blocks.values();
        return blocks
            .map(|theirs| (theirs.to_vec(), vec![value; theirs.len()]))
            .collect();
    }
    let from = |sampled: &Sampled<'_>, block, start: usize| {
        let values: &[u64] = sampled.blocks.get(block)?;
        Some(values.get(start - sampled.warm_up.get(block)?..)?.to_vec())
    };
    let blocks = theirs.blocks.keys();
    blocks
        .filter_map(|block| {
            // Should their warm-ups differ, rounds still meet: both begin where the longer one ends.
            let start = *mine.warm_up.get(block)?.max(theirs.warm_up.get(block)?);
            Some((from(theirs, block, start)?, from(mine, block, start)?))
        })
        .collect()
}
