//! The records arranged for questions: which probes measured a cell, how they ended, and the samples of
//! one metric block by block. Judging and drawing both start from here.

use std::collections::{BTreeMap, BTreeSet};

use crate::record::{Cell, Failure, Limits, Needs, Outcome, Probe, Record, Run, Series};
use crate::{metrics, stats};

/// The records of a run, arranged. Where a block of a cell and instrument occurs twice, as after a
/// resumed run, the later record counts.
#[derive(Debug, Default)]
pub struct Figures<'a> {
    /// The run's description, if the file has one: the last, which a resumed run wrote.
    pub run: Option<&'a Run>,
    /// The takings of the machine's limits, in order.
    pub limits: Vec<&'a Limits>,
    needs: BTreeMap<(&'a str, &'a str), &'a Needs>,
    probes: BTreeMap<&'a Cell, BTreeMap<(&'a str, u32), &'a Probe>>,
}

/// Something that kept a cell from being measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle<'a> {
    /// A probe failed.
    Failed(Failure, &'a str),
    /// The instrument was missing or does not apply.
    NotMeasured(&'a str),
}

impl Obstacle<'_> {
    /// In words, `out of memory: ...` for instance.
    pub fn words(&self) -> String {
        match self {
            Obstacle::Failed(failure, "") => failure.words().to_owned(),
            Obstacle::Failed(failure, why) => format!("{}: {why}", failure.words()),
            Obstacle::NotMeasured(why) => (*why).to_owned(),
        }
    }
}

/// The samples of one metric of one cell.
#[derive(Clone, Debug)]
pub struct Sampled<'a> {
    /// `ns`, `bytes` or `count`.
    pub unit: &'a str,
    /// The instrument.
    pub instrument: &'a str,
    /// The measured values without warm-up, by block.
    pub blocks: BTreeMap<u32, &'a [u64]>,
    /// How many leading values of each block are left out as warm-up: rounds count from there.
    pub warm_up: BTreeMap<u32, usize>,
    /// The blocks that it took part in and that gave no values.
    pub spoilt: BTreeSet<u32>,
    /// The single value that every repetition gave, if the records call it exact and it is.
    pub exact: Option<u64>,
}

impl Sampled<'_> {
    /// All values, block after block.
    pub fn values(&self) -> Vec<f64> {
        let all = self.blocks.values().flat_map(|values| values.iter());
        all.map(|&v| v as f64).collect()
    }

    /// The exact value, or the median of all values.
    pub fn typical(&self) -> Option<f64> {
        match self.exact {
            Some(value) => Some(value as f64),
            None => stats::median(&self.values()),
        }
    }
}

impl<'a> Figures<'a> {
    /// Arranges the records.
    pub fn new(records: &'a [Record]) -> Self {
        let mut figures = Figures::default();
        for record in records {
            match record {
                Record::Run(run) => figures.run = Some(run),
                Record::Probe(probe) => {
                    let key = (probe.instrument.as_str(), probe.block);
                    figures
                        .probes
                        .entry(&probe.cell)
                        .or_default()
                        .insert(key, probe);
                }
                Record::Limits(limits) => figures.limits.push(limits),
                Record::Needs(needs) => {
                    let key = (needs.workload.as_str(), needs.size.as_str());
                    figures.needs.insert(key, needs);
                }
            }
        }
        figures
    }

    /// What a workload takes at the least, if the records say.
    pub fn needs(&self, workload: &str, size: &str) -> Option<&'a Needs> {
        self.needs.get(&(workload, size)).copied()
    }

    /// The cells that have a record, in order.
    pub fn cells(&self) -> impl Iterator<Item = &'a Cell> + '_ {
        self.probes.keys().copied()
    }

    /// Names of workload and contender that have a record at any size.
    pub fn pairs(&self) -> BTreeSet<(&'a str, &'a str)> {
        self.cells()
            .map(|c| (c.workload.as_str(), c.contender.as_str()))
            .collect()
    }

    /// The workloads in which a contender has a record at any size, in order.
    pub fn workloads_with(&self, contender: &str) -> BTreeSet<&'a str> {
        let of = self.cells().filter(|cell| cell.contender == contender);
        of.map(|cell| cell.workload.as_str()).collect()
    }

    /// The sizes at which a cell has records of an instrument: that of the run first, then the larger
    /// before the smaller.
    pub fn sizes(&self, workload: &str, contender: &str, instrument: &str) -> Vec<&'a str> {
        let main = self.run.map(|run| run.size.as_str());
        let mut sizes: Vec<&str> = self
            .probes
            .iter()
            .filter(|(cell, probes)| {
                cell.workload == workload
                    && cell.contender == contender
                    && probes.keys().any(|(of, _)| *of == instrument)
            })
            .map(|(cell, _)| cell.size.as_str())
            .collect();
        sizes.sort_by_key(|size| (Some(*size) != main, std::cmp::Reverse(rank(size))));
        sizes
    }

    /// The probes of a cell, by instrument and block.
    pub fn probes(&self, cell: &Cell) -> impl Iterator<Item = &'a Probe> + '_ {
        self.probes
            .get(cell)
            .into_iter()
            .flat_map(|probes| probes.values().copied())
    }

    /// The probes of a cell by one instrument, in order of their blocks.
    pub fn by(&self, cell: &Cell, instrument: &str) -> impl Iterator<Item = &'a Probe> {
        self.probes(cell)
            .filter(move |probe| probe.instrument == instrument)
    }

    /// The instrument whose records hold a metric for a cell: the metric's own where it has any.
    fn home(&self, cell: &Cell, metric: &str) -> Option<&'a str> {
        let own = metrics::find(metric).map(|metric| metric.instrument);
        self.probes(cell)
            .filter(|probe| probe.series.iter().any(|series| series.metric == metric))
            .map(|probe| probe.instrument.as_str())
            .max_by_key(|instrument| Some(*instrument) == own)
    }

    /// What failed in a cell under an instrument. A late service spoils its block only.
    pub fn failure(&self, cell: &Cell, instrument: &str) -> Option<Obstacle<'a>> {
        self.by(cell, instrument)
            .find_map(|probe| match &probe.outcome {
                Outcome::Failed {
                    failure: Failure::Service,
                    ..
                } => None,
                Outcome::Failed { failure, why } => Some(Obstacle::Failed(*failure, why)),
                _ => None,
            })
    }

    /// The samples of a metric, or what kept them from being taken; `None` where no record says.
    pub fn sampled(&self, cell: &Cell, metric: &str) -> Option<Result<Sampled<'a>, Obstacle<'a>>> {
        let own = metrics::find(metric).map(|metric| metric.instrument);
        let instrument = self.home(cell, metric).or_else(|| {
            own.filter(|own| self.by(cell, own).next().is_some())
                .and_then(|own| {
                    self.by(cell, own)
                        .next()
                        .map(|probe| probe.instrument.as_str())
                })
        })?;
        if let Some(failure) = self.failure(cell, instrument) {
            return Some(Err(failure));
        }
        let mut blocks = BTreeMap::new();
        let mut warm_up = BTreeMap::new();
        let mut spoilt = BTreeSet::new();
        let mut unit = "";
        let mut flagged = true;
        let mut obstacle = None;
        for probe in self.by(cell, instrument) {
            match &probe.outcome {
                Outcome::Measured => {}
                Outcome::NotMeasured { why } => {
                    spoilt.insert(probe.block);
                    obstacle = obstacle.or(Some(Obstacle::NotMeasured(why)));
                    continue;
                }
                Outcome::Failed { failure, why } => {
                    spoilt.insert(probe.block);
                    obstacle = obstacle.or(Some(Obstacle::Failed(*failure, why)));
                    continue;
                }
            }
            if let Some(series) = probe.series.iter().find(|s| s.metric == metric) {
                let values = measured(series);
                if !values.is_empty() {
                    unit = &series.unit;
                    flagged &= series.exact;
                    blocks.insert(probe.block, values);
                    warm_up.insert(probe.block, series.warm_up as usize);
                }
            }
        }
        let Some(first) = blocks.values().next().map(|values| values[0]) else {
            let why = obstacle.unwrap_or(Obstacle::NotMeasured("the record holds no value of it"));
            return Some(Err(why));
        };
        let same = blocks
            .values()
            .all(|values| values.iter().all(|v| *v == first));
        Some(Ok(Sampled {
            unit,
            instrument,
            blocks,
            warm_up,
            spoilt,
            exact: (flagged && same).then_some(first),
        }))
    }
}

/// The values of a series without its warm-up.
pub fn measured(series: &Series) -> &[u64] {
    series.values.get(series.warm_up as usize..).unwrap_or(&[])
}

/// Sizes from the smallest on; one that this version does not know comes first.
fn rank(size: &str) -> usize {
    ["tiny", "quick", "default", "large"]
        .iter()
        .position(|s| *s == size)
        .map_or(0, |i| i + 1)
}
