//! What a run is going to do: which cases, at which size, in how many blocks, within which limits.

use std::path::PathBuf;
use std::time::Duration;

use reports::record::{CONTROL, CONTROLLED, HANDICAP};
use reports::{Claims, metrics};
use workloads::Size;

use crate::contenders::Case;
use crate::instruments::Instrument;

/// A plan, complete before anything is measured.
pub(crate) struct Plan {
    pub(crate) cases: Vec<Case>,
    /// In the order in which they are used.
    pub(crate) instruments: Vec<&'static dyn Instrument>,
    /// Whether the user chose them.
    pub(crate) chosen: bool,
    /// The size's name and what it stands for.
    pub(crate) size: String,
    pub(crate) size_class: Size,
    /// The most blocks for each case.
    pub(crate) blocks: u32,
    /// From the start of one block of a case to that of the next there is at least this.
    pub(crate) apart: Duration,
    /// What the verdicts depend on: a case is timed until nothing in it is open.
    pub(crate) claims: Claims,
    pub(crate) seed: u64,
    /// The whole run ought to end within this, if the user says so.
    pub(crate) budget: Option<Duration>,
    /// No block begins after this, once every case has had its first look; unless the user says
    /// otherwise.
    pub(crate) allowance: Option<Duration>,
    /// How long a probe may take to answer.
    pub(crate) timeout: Duration,
    /// Private writable memory of a probe in bytes.
    pub(crate) memory: u64,
    /// What slows the slowed control, in thousandths of a call's own wall time; 0 for no such control.
    pub(crate) handicap: u32,
    /// The executable that probes are started from: this one.
    pub(crate) executable: PathBuf,
}

impl Plan {
    /// Number of cells.
    pub(crate) fn cells(&self) -> usize {
        self.cases.iter().map(|case| case.contenders.len()).sum()
    }

    /// What takes part in blocks: each case with its contenders and, where there is the baseline that they
    /// repeat, the controls.
    pub(crate) fn timed(&self) -> Vec<(String, Vec<String>)> {
        let case = |case: &Case| {
            let mut contenders = case.contenders.clone();
            if contenders.contains(&CONTROLLED) {
                contenders.push(CONTROL);
                contenders.extend((self.handicap > 0).then_some(HANDICAP));
            }
            let contenders = contenders.into_iter().map(ToOwned::to_owned);
            (case.name.to_owned(), contenders.collect())
        };
        self.cases.iter().map(case).collect()
    }

    /// The instruments that measure cell by cell.
    pub(crate) fn by_cell(&self) -> impl Iterator<Item = &'static dyn Instrument> {
        self.instruments
            .iter()
            .copied()
            .filter(|instrument| !instrument.in_blocks() && !instrument.over_levels())
    }

    /// The instruments that measure a cell over levels: in a run of all instruments only where a claim needs
    /// it, since they take seconds for each cell.
    pub(crate) fn over_levels(
        &self,
        workload: &str,
        contender: &str,
    ) -> impl Iterator<Item = &'static dyn Instrument> {
        let needed = move |name: &str| {
            self.chosen
                || self.claims.claims.iter().any(|claim| {
                    metrics::find(&claim.metric).is_some_and(|metric| metric.instrument == name)
                        && claim.contender == contender
                        && claim.workloads.iter().any(|of| of == workload)
                })
        };
        let mut over_levels: Vec<_> = self.instruments.clone();
        over_levels.retain(|instrument| instrument.over_levels() && needed(instrument.name()));
        over_levels.into_iter()
    }

    /// The instruments that compare contenders in blocks.
    pub(crate) fn in_blocks(&self) -> impl Iterator<Item = &'static dyn Instrument> {
        self.instruments
            .iter()
            .copied()
            .filter(|instrument| instrument.in_blocks())
    }
}
