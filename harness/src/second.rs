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

/// Whether gungraun's runner is the right one, from what it says of its version, if it is there.
///
/// # Errors
/// What is needed and how to get it, as one clause.
pub fn runner(said: Option<&str>) -> Result<(), String> {
    let version = version().ok_or("Cargo.lock has no gungraun")?;
    let install = format!("`cargo install --locked gungraun-runner --version {version}`");
    match said.map(str::trim) {
        Some(said) if said.split_whitespace().last() == Some(version) => Ok(()),
        Some(said) => Err(format!(
            "needs gungraun-runner in version {version}, not `{said}` ({install})"
        )),
        None => Err(format!("needs gungraun-runner ({install})")),
    }
}

/// The version of gungraun that the benchmarks are built with: its runner must have the same.
fn version() -> Option<&'static str> {
    let mut packages = include_str!("../../Cargo.lock").split("[[package]]");
    let gungraun = packages.find(|package| package.contains("\nname = \"gungraun\"\n"))?;
    gungraun.split("\nversion = \"").nth(1)?.split('"').next()
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_processes_have_one_name() {
        let mut names = HashSet::new();
        let cells = cells(COUNTED);
        for (cell, _) in &cells {
            for nth in 0..CALLS.len() {
                let benchmark = identifier(&cell.workload);
                let process = process(&cell.contender, nth);
                for name in [&benchmark, &process] {
                    assert!(
                        name.starts_with(|c: char| c.is_ascii_alphabetic()),
                        "{name}"
                    );
                }
                assert!(names.insert((benchmark, process)), "{cell:?}");
            }
        }
        assert_eq!(names.len(), cells.len() * CALLS.len());
        assert!(cells.len() >= 8 * 7, "{}", cells.len());
    }

    #[test]
    fn a_missing_runner_is_told_with_the_way_to_get_it() {
        let version = version().unwrap();
        assert!(version.starts_with("0."), "{version}");
        assert_eq!(
            runner(Some(&format!("gungraun-runner {version}\n"))),
            Ok(())
        );
        let install = format!("`cargo install --locked gungraun-runner --version {version}`");
        let missing = runner(None).unwrap_err();
        assert_eq!(missing, format!("needs gungraun-runner ({install})"));
        let other = runner(Some("gungraun-runner 0.1.0\n")).unwrap_err();
        assert!(other.contains("not `gungraun-runner 0.1.0`") && other.contains(&install));
        assert!(runner(Some("")).is_err());
    }
}
