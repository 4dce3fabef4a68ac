//! The estimates of criterion, from `benchmark.json` and `estimates.json` of its latest run.

use std::path::Path;

use serde::Deserialize;

use super::Found;
use crate::record::Cell;

/// The median time of one call.
#[derive(Clone, Debug, PartialEq)]
pub struct Timed {
    /// Group, function and parameter of the benchmark: workload, contender and size.
    pub cell: Cell,
    /// The median in nanoseconds.
    pub median: f64,
    /// The ends of its interval.
    pub interval: (f64, f64),
    /// The level of the interval, 0.95 for instance.
    pub level: f64,
}

#[derive(Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: Option<String>,
    value_str: Option<String>,
}

#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
    confidence_interval: Interval,
}

#[derive(Deserialize)]
struct Interval {
    confidence_level: f64,
    lower_bound: f64,
    upper_bound: f64,
}

/// Every benchmark below `folder` that has a group, a function and a parameter, by its latest run.
pub fn read(folder: &Path) -> Found<Timed> {
    let mut found = super::each(folder, "estimates.json", |path| {
        let run = path.parent().unwrap_or(path);
        // Beside the latest run lie the one before, named baselines and their changes.
        if run.file_name().is_none_or(|name| name != "new") {
            return Ok(None);
        }
        let benchmark: Benchmark = super::json(&run.join("benchmark.json"))
            .map_err(|why| format!("the benchmark.json beside it: {why}"))?;
        let (Some(contender), Some(size)) = (benchmark.function_id, benchmark.value_str) else {
            return Ok(None);
        };
        let Estimates { median } = super::json(path)?;
        let interval = median.confidence_interval;
        Ok(Some(Timed {
            cell: Cell {
                workload: benchmark.group_id,
                contender,
                size,
            },
            median: median.point_estimate,
            interval: (interval.lower_bound, interval.upper_bound),
            level: interval.confidence_level,
        }))
    });
    Found {
        problems: std::mem::take(&mut found.problems),
        figures: found.figures.into_iter().flatten().collect(),
    }
}
