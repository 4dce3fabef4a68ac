//! Which blocks something else in the machine has hit: time stolen by the hypervisor, a busy neighbour, or
//! a lack of memory. A block that was hit counts as any other, and it is told that it was; where others took
//! cores away in most blocks of a workload, its wall times decide nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::claims::Rules;
use crate::metrics;
use crate::record::{Disturbance, Probe, Record};
use crate::units;
use crate::verdict::{Decision, Verdict};

/// From this share of a block's wall time on, stolen time counts as a hit: blocks of one comparison
/// differ by one to two percent on a quiet machine, so that less than one cannot be told from that.
const STOLEN: f64 = 0.01;

/// From this share of a block's wall time on, CPU time of other processes counts as a hit. An idle system
/// takes one to three hundredths of a core for itself; a tenth takes a core away from a contender with
/// as many threads as there are cores in one round of ten, which a median begins to feel.
const NEIGHBOUR: f64 = 0.10;

/// From this share of a block's wall time on, waiting for memory counts as a hit, for the same reason as
/// stolen time.
const MEMORY: f64 = 0.01;

/// What hit a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Hits {
    /// The hypervisor took time away.
    pub stolen: bool,
    /// Other processes took CPU time.
    pub neighbour: bool,
    /// Processes waited for memory.
    pub memory: bool,
}

impl Hits {
    /// Whether anything did.
    pub fn any(self) -> bool {
        self.stolen || self.neighbour || self.memory
    }

    /// What hit a block of which this is recorded.
    ///
    /// ```
    /// use reports::{disturbed::Hits, record::Disturbance};
    ///
    /// let quiet = Disturbance { wall: 1_000_000_000, stolen: Some(0), ..Disturbance::default() };
    /// assert!(!Hits::of(&quiet).any());
    /// let hit = Disturbance { stolen: Some(20_000_000), ..quiet };
    /// assert!(Hits::of(&hit).stolen);
    /// ```
    pub fn of(disturbance: &Disturbance) -> Hits {
        let wall = disturbance.wall as f64;
        let from = |part: Option<u64>, share| part.is_some_and(|part| part as f64 > share * wall);
        Hits {
            stolen: from(disturbance.stolen, STOLEN),
            neighbour: from(disturbance.others, NEIGHBOUR),
            memory: from(disturbance.memory_pressure, MEMORY),
        }
    }
}

/// What hit a block, if anything did: `stolen time 2.1 % of the block, other processes took 0.85 cores`.
pub(crate) fn told(disturbance: &Disturbance) -> Option<String> {
    let hits = Hits::of(disturbance);
    if !hits.any() {
        return None;
    }
    let share = |part: Option<u64>| part.unwrap_or(0) as f64 / disturbance.wall.max(1) as f64;
    let percent = |part| units::digits(100.0 * share(part));
    let mut parts = Vec::new();
    if hits.stolen {
        parts.push(format!(
            "stolen time {} % of the block",
            percent(disturbance.stolen)
        ));
    }
    if hits.neighbour {
        let cores = units::digits(share(disturbance.others));
        parts.push(format!("other processes took {cores} cores"));
    }
    if hits.memory {
        let percent = percent(disturbance.memory_pressure);
        parts.push(format!(
            "something waited for memory {percent} % of the block"
        ));
    }
    if let Some(waited) = disturbance.waited {
        let waited = units::value(waited as f64, "ns");
        parts.push(format!("its process waited {waited} for a core"));
    }
    Some(parts.join(", "))
}

/// How many blocks were hit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Sums {
    /// Blocks of which it is recorded.
    pub blocks: usize,
    /// Blocks of which it is not: the system or the version that measured them does not tell.
    pub unknown: usize,
    /// Those hit by stolen time.
    pub stolen: usize,
    /// Those hit by a busy neighbour.
    pub neighbour: usize,
    /// Those hit by a lack of memory.
    pub memory: usize,
}

/// Adds up the blocks in which times were taken, each once however many contenders it had.
pub fn sums(records: &[Record]) -> Sums {
    let probes = records.iter().filter_map(|record| match record {
        Record::Probe(probe) => Some(probe),
        _ => None,
    });
    of(probes)
}

/// Leaves open what was decided by wall times of a workload in most of whose blocks others took cores away:
/// another number of cores, another ratio, for what has more threads than cores are left. CPU times stand.
/// An endless loop beside a run takes 0.8 to 1 core, a machine at rest up to 0.1 in single blocks.
pub(crate) fn leave_open(verdicts: &mut [Verdict], records: &[Record], rules: &Rules) {
    let Some(cores) = rules.crowded else {
        return;
    };
    let mut blocks: BTreeMap<(&str, u32), bool> = BTreeMap::new();
    for record in records {
        if let Record::Probe(probe) = record
            && probe.instrument == metrics::TIME
            && let Some(disturbance) = &probe.disturbed
        {
            let others = disturbance.others.unwrap_or(0) as f64;
            let crowded = others > cores * disturbance.wall as f64;
            blocks.insert((&probe.cell.workload, probe.block), crowded);
        }
    }
    let decided = |v: &Verdict| matches!(v.decision, Decision::Confirmed | Decision::Refuted);
    for verdict in verdicts {
        if !decided(verdict) || verdict.metric != metrics::WALL_TIME {
            continue;
        }
        let of = blocks.iter().filter(|((w, _), _)| *w == verdict.workload);
        let (count, crowded) = of.fold((0, 0), |(count, crowded), (_, hit)| {
            (count + 1, crowded + usize::from(*hit))
        });
        if 2 * crowded > count {
            verdict.decision = Decision::Inconclusive;
            verdict.why = Some(format!(
                "other processes took cores away in {crowded} of {}",
                units::count(count, "block")
            ));
        }
    }
}

/// The same for some probes.
pub(crate) fn of<'a>(probes: impl Iterator<Item = &'a Probe>) -> Sums {
    let mut blocks: BTreeMap<(&str, &str, u32), Option<Hits>> = BTreeMap::new();
    for probe in probes.filter(|probe| probe.instrument == metrics::TIME) {
        let key = (
            probe.cell.workload.as_str(),
            probe.cell.size.as_str(),
            probe.block,
        );
        // A block that was taken again counts as it was the last time, as its times do.
        blocks.insert(key, probe.disturbed.as_ref().map(Hits::of));
    }
    let mut sums = Sums::default();
    for hits in blocks.values() {
        let Some(hits) = hits else {
            sums.unknown += 1;
            continue;
        };
        sums.blocks += 1;
        sums.stolen += usize::from(hits.stolen);
        sums.neighbour += usize::from(hits.neighbour);
        sums.memory += usize::from(hits.memory);
    }
    sums
}

impl Sums {
    /// Whether any block was hit.
    pub fn any(&self) -> bool {
        self.stolen + self.neighbour + self.memory > 0
    }

    /// In one line of at most 80 columns: `3 of 45 blocks hit by stolen time, 2 by a neighbour: kept`.
    pub fn words(&self) -> String {
        if self.blocks == 0 {
            return "disturbances of blocks were not measured".to_owned();
        }
        let hits = [
            (self.stolen, "stolen time"),
            (self.neighbour, "a neighbour"),
            (self.memory, "paging"),
        ];
        let hits: Vec<_> = hits.into_iter().filter(|(count, _)| *count > 0).collect();
        let Some(((first, by), others)) = hits.split_first() else {
            return format!("no block of {} was hit by anything else", self.blocks);
        };
        let others = others
            .iter()
            .map(|(count, by)| format!(", {count} by {by}"));
        format!(
            "{first} of {} hit by {by}{}: kept",
            units::count(self.blocks, "block"),
            others.collect::<String>()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Cell, Outcome};

    fn probe(block: u32, contender: &str, disturbed: Option<Disturbance>) -> Record {
        Record::Probe(Probe {
            cell: Cell {
                workload: "w".to_owned(),
                contender: contender.to_owned(),
                size: "default".to_owned(),
            },
            instrument: metrics::TIME.to_owned(),
            block,
            seed: 1,
            items: 1,
            bytes: 1,
            outcome: Outcome::Measured,
            series: Vec::new(),
            functions: Vec::new(),
            files: Vec::new(),
            disturbed,
        })
    }

    const QUIET: Disturbance = Disturbance {
        wall: 1_000_000_000,
        stolen: Some(9_000_000),
        others: Some(90_000_000),
        waited: Some(3_000_000),
        cpu_pressure: Some(900_000_000),
        memory_pressure: Some(0),
    };

    #[test]
    fn each_block_counts_once_and_each_hit_of_it() {
        let stolen = Disturbance {
            stolen: Some(11_000_000),
            ..QUIET
        };
        let both = Disturbance {
            others: Some(1_500_000_000),
            ..stolen
        };
        let records = [
            probe(0, "a", Some(QUIET)),
            probe(0, "b", Some(QUIET)),
            probe(1, "a", Some(stolen)),
            probe(1, "b", Some(stolen)),
            probe(2, "a", Some(both)),
            probe(3, "a", None),
        ];
        let found = sums(&records);
        let wanted = Sums {
            blocks: 3,
            unknown: 1,
            stolen: 2,
            neighbour: 1,
            memory: 0,
        };
        assert_eq!(found, wanted);
        let words = "2 of 3 blocks hit by stolen time, 1 by a neighbour: kept";
        assert_eq!(found.words(), words);
        assert!(sums(&records[..2]).words().starts_with("no block of 1 "));
        assert!(sums(&records[5..]).words().ends_with("not measured"));
        let all = Sums {
            blocks: 640,
            unknown: 0,
            stolen: 640,
            neighbour: 640,
            memory: 640,
        };
        assert!(all.words().len() <= 80, "{}", all.words());
        assert_eq!(told(&QUIET), None);
        let words = told(&both).unwrap();
        let wanted = "stolen time 1.10 % of the block, other processes took 1.50 cores, \
            its process waited 3.00 ms for a core";
        assert_eq!(words, wanted);
    }
}
