//! What a run is going to do: which cases, at which size, in how many blocks, within which limits.

use std::path::PathBuf;
use std::time::Duration;

use workloads::Size;

use crate::contenders::Case;
use crate::instruments::Instrument;

/// A plan, complete before anything is measured.
pub(crate) struct Plan {
    pub(crate) cases: Vec<Case>,
    /// In the order in which they are used.
    pub(crate) instruments: Vec<&'static dyn Instrument>,
    /// The size's name and what it stands for.
    pub(crate) size: String,
    pub(crate) size_class: Size,
    /// Blocks for each case.
    pub(crate) blocks: u32,
    pub(crate) seed: u64,
    /// The whole run ought to end within this.
    pub(crate) budget: Option<Duration>,
    /// How long a probe may take to answer.
    pub(crate) timeout: Duration,
    /// Private writable memory of a probe in bytes.
    pub(crate) memory: u64,
    /// The executable that probes are started from: this one.
    pub(crate) executable: PathBuf,
}

impl Plan {
    /// Number of cells.
    pub(crate) fn cells(&self) -> usize {
        self.cases.iter().map(|case| case.contenders.len()).sum()
    }

    /// Blocks of all workloads together.
    pub(crate) fn timed_blocks(&self) -> usize {
        self.blocks as usize * self.cases.len() * self.in_blocks().count()
    }

    /// The instruments that measure cell by cell.
    pub(crate) fn by_cell(&self) -> impl Iterator<Item = &'static dyn Instrument> {
        self.instruments
            .iter()
            .copied()
            .filter(|instrument| !instrument.in_blocks())
    }

    /// The instruments that compare contenders in blocks.
    pub(crate) fn in_blocks(&self) -> impl Iterator<Item = &'static dyn Instrument> {
        self.instruments
            .iter()
            .copied()
            .filter(|instrument| instrument.in_blocks())
    }
}
