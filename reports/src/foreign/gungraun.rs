//! The counts of gungraun, from the `summary.json` of each benchmark.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::Found;

/// The instructions of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The benchmark's name.
    pub benchmark: String,
    /// The process within it.
    pub process: String,
    /// Instructions from start to end, all threads together.
    pub instructions: u64,
}

#[derive(Deserialize)]
struct Summary {
    function_name: String,
    id: Option<String>,
    profiles: Vec<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    tool: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    total: Total,
}

#[derive(Deserialize)]
struct Total {
    metrics: BTreeMap<String, Metric>,
}

#[derive(Deserialize)]
struct Metric {
    values: Values,
}

/// The count of the latest run; that of the one before may stand beside it.
#[derive(Deserialize)]
struct Values {
    new: serde_json::Number,
}

/// Every process below `folder` whose instructions callgrind has counted.
pub fn read(folder: &Path) -> Found<Counted> {
    super::each(folder, "summary.json", |path| {
        let summary: Summary = super::json(path)?;
        let callgrind = summary.profiles.into_iter().find(|p| p.tool == "Callgrind");
        let mut metrics = callgrind
            .ok_or("no profile of callgrind")?
            .data
            .total
            .metrics;
        let metric = metrics.remove("Ir").ok_or("no count of instructions")?;
        Ok(Counted {
            benchmark: summary.function_name,
            process: summary.id.ok_or("no name of the process")?,
            instructions: metric
                .values
                .new
                .as_u64()
                .ok_or("a count that is not whole")?,
        })
    })
}
