//! How long things took on this machine, to say how long they will take. It decides nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::plan::Plan;

const FILE: &str = "pace.json";

/// All blocks of a run together: how many it takes, the run itself finds out.
pub(crate) const BLOCKS: &str = "all blocks";

/// All cells over all levels.
pub(crate) const LEVELS: &str = "all levels";

/// Seconds by size and kind of work: each entry is a sum and how many it is the sum of.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Pace {
    /// From the last complete run here.
    last: BTreeMap<String, (f64, u32)>,
    /// From this run.
    #[serde(skip)]
    now: BTreeMap<String, (f64, u32)>,
}

fn key(size: &str, what: &str) -> String {
    format!("{size}: {what}")
}

impl Pace {
    /// The pace of the last run in `folder`, empty if there is none.
    pub(crate) fn load(folder: &Path) -> Pace {
        let text = std::fs::read(folder.join(FILE)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Keeps this run's pace for the next.
    pub(crate) fn save(&mut self, folder: &Path) {
        self.last.append(&mut self.now);
        if let Ok(text) = serde_json::to_vec(self) {
            // Without it the next estimate is rougher, that is all.
            let _ = std::fs::write(folder.join(FILE), text);
        }
    }

    /// Notes how long something took.
    pub(crate) fn note(&mut self, size: &str, what: &str, took: Duration) {
        let (sum, count) = self.now.entry(key(size, what)).or_default();
        *sum += took.as_secs_f64();
        *count += 1;
    }

    fn mean(&self, size: &str, what: &str) -> Option<f64> {
        let key = key(size, what);
        let mean = |(sum, count): &(f64, u32)| sum / f64::from(*count);
        self.now.get(&key).or_else(|| self.last.get(&key)).map(mean)
    }

    /// The time for all of `plan`, if an earlier run says enough to tell.
    pub(crate) fn whole(&self, plan: &Plan) -> Option<Duration> {
        let blocks = match plan.in_blocks().next() {
            Some(_) => self.mean(&plan.size, BLOCKS)?,
            None => 0.0,
        };
        let levels = self.mean(&plan.size, LEVELS).unwrap_or(0.0);
        Some(self.cells_left(plan, plan.cells())? + Duration::from_secs_f64(levels + blocks))
    }

    /// The time for the remaining cells, from the mean of all so far.
    pub(crate) fn cells_left(&self, plan: &Plan, left: usize) -> Option<Duration> {
        let means: Option<Vec<f64>> = plan
            .by_cell()
            .map(|instrument| self.mean(&plan.size, instrument.name()))
            .collect();
        // Two cells are measured at a time.
        Some(Duration::from_secs_f64(
            means?.iter().sum::<f64>() * left as f64 / 2.0,
        ))
    }
}

/// A duration as one says it beforehand: "about 40 s", "4-5 min".
pub(crate) fn about(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 90.0 {
        return format!("about {:.0} s", (seconds / 5.0).ceil().max(1.0) * 5.0);
    }
    let minutes = seconds / 60.0;
    format!("{:.0}-{:.0} min", minutes.floor(), (minutes * 1.2).ceil())
}
