//! The circumstances of a second opinion, which the benchmarks and `harness crosscheck` must agree on:
//! where `cargo bench` leaves its figures, and under which names.

use std::path::{Path, PathBuf};

use reports::record::Cell;
use workloads::Size;

use crate::contenders;

/// What Valgrind's callgrind is told, by us and by whoever counts after us.
pub const CALLGRIND: [&str; 6] = [
    "--cache-sim=yes",
    "--branch-sim=no",
    "--I1=32768,8,64",
    "--D1=32768,8,64",
    "--LL=8388608,16,64",
    // Its shared memory is named after the process and appears in /proc/self/maps, which the C library
    // reads at the start: five instructions more or less, by the digits of a number.
    "--vgdb=no",
];

/// The calls of the processes that are counted for a cell: one call is the difference between the first
/// and any other, and the others show whether it repeats.
pub const CALLS: [u32; 3] = [2, 3, 3];

/// The size at which instructions are counted.
pub const COUNTED: Size = Size::Tiny;

/// The seed of the inputs.
pub const SEED: u64 = 1;

/// A name as an identifier, as gungraun wants it: `numeric_sum` for `numeric/sum`.
pub fn identifier(name: &str) -> String {
    name.replace(|c: char| !c.is_ascii_alphanumeric(), "_")
}

/// The name of the `nth` process that is counted for a contender.
pub fn process(contender: &str, nth: usize) -> String {
    format!("{}_{nth}", identifier(contender))
}

/// Every cell at a size, controls and fixtures excluded, and whether it needs the service.
pub fn cells(size: Size) -> Vec<(Cell, bool)> {
    let cells = contenders::cases(false).into_iter().flat_map(|case| {
        case.contenders.into_iter().map(move |contender| {
            let cell = Cell {
                workload: case.name.to_owned(),
                contender: contender.to_owned(),
                size: contenders::name_of(size).to_owned(),
            };
            (cell, case.service)
        })
    });
    cells.collect()
}

/// The folders below cargo's target folder in which the second opinions lie.
#[derive(Clone, Debug)]
pub struct Folders {
    target: PathBuf,
}

impl Folders {
    /// Those below `target`.
    pub fn of(target: &Path) -> Folders {
        Folders {
            target: target.to_owned(),
        }
    }

    /// Cargo's target folder.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// The figures of criterion.
    pub fn criterion(&self) -> PathBuf {
        self.target.join("criterion")
    }

    /// The figures of gungraun.
    pub fn gungraun(&self) -> PathBuf {
        self.target.join("gungraun/harness/counts")
    }

    /// The executable whose instructions were counted: a copy, so that no later build takes its place.
    pub fn executable(&self) -> PathBuf {
        self.target.join("second-opinions/harness")
    }

    /// The input files of the cells that were counted.
    pub fn inputs(&self) -> PathBuf {
        self.target.join("second-opinions/inputs")
    }

    /// A folder for what lasts no longer than a comparison.
    pub fn scratch(&self) -> PathBuf {
        self.target.join("second-opinions/scratch")
    }

    /// What a counted process reads from its standard input.
    pub fn requests(&self, cell: &Cell, calls: u32) -> PathBuf {
        let (workload, contender) = (identifier(&cell.workload), identifier(&cell.contender));
        let name = format!("second-opinions/requests/{workload}-{contender}-{calls}");
        self.target.join(name)
    }
}
