//! Records built in code, for tests whose right answer is known beforehand. The noise is a fixed
//! sequence, so that every test sees the same run.

#![allow(dead_code, reason = "each test file uses its own part")]

use reports::claims::{self, Claims};
use reports::record::{Cache, Cell, Failure, Machine, Outcome, Probe, Record, Run, Series};

/// A run under construction.
pub(crate) struct Synthetic {
    /// What has been recorded.
    pub(crate) records: Vec<Record>,
    size: String,
}

impl Synthetic {
    /// A run at a size on a machine with two cores.
    pub(crate) fn new(size: &str) -> Self {
        Synthetic {
            records: vec![Record::Run(run(size))],
            size: size.to_owned(),
        }
    }

    /// Wall and CPU times in blocks: each contender takes its factor times 10 ms, with 3 % of noise.
    pub(crate) fn times(mut self, workload: &str, contenders: &[(&str, f64)], blocks: u32) -> Self {
        for block in 0..blocks {
            for (place, (contender, factor)) in contenders.iter().enumerate() {
                let values: Vec<u64> = (0..8)
                    .map(|round| {
                        let step = u64::from(block) * 31 + round * 17 + place as u64 * 7919;
                        let noise = mixed(step) as f64 / (1u64 << 32) as f64 - 0.5;
                        let slow = if round == 0 { 1.4 } else { 1.0 };
                        (1e7 * factor * slow * (1.0 + 0.06 * noise)) as u64
                    })
                    .collect();
                let both = vec![
                    series("wall-time", "ns", false, 1, &values),
                    series("cpu-time", "ns", false, 1, &values),
                ];
                let at = cell(workload, contender, &self.size);
                self.records.push(probe(at, "time", block, both));
            }
        }
        self
    }

    /// Exact heap figures.
    pub(crate) fn heap(mut self, workload: &str, contenders: &[(&str, u64)]) -> Self {
        for (contender, peak) in contenders {
            let all = vec![
                series("heap-peak", "bytes", true, 0, &[*peak; 3]),
                series("heap-blocks", "count", true, 0, &[*peak / 64; 3]),
            ];
            let at = cell(workload, contender, &self.size);
            self.records.push(probe(at, "heap", 0, all));
        }
        self
    }
}

/// Thirty-two bits that look random (the finaliser of SplitMix64, Steele and others 2014).
fn mixed(step: u64) -> u64 {
    let mut z = (step + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) >> 32
}

/// The line that describes a run.
pub(crate) fn run(size: &str) -> Run {
    Run {
        build: String::new(),
        started: "2031-04-02T14:10:00Z".to_owned(),
        seed: 7,
        size: size.to_owned(),
        commit: "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678".to_owned(),
        dirty: true,
        toolchain: "rustc 1.95.0".to_owned(),
        profile: "dev, opt-level 3".to_owned(),
        machine: Machine {
            system: "Linux 6.1".to_owned(),
            architecture: "x86_64".to_owned(),
            processor: "Synthetic 5 <fast>".to_owned(),
            cores: 2,
            memory: 8 << 30,
            caches: vec![
                Cache {
                    level: 1,
                    bytes: 48 << 10,
                },
                Cache {
                    level: 2,
                    bytes: 1 << 20,
                },
                Cache {
                    level: 3,
                    bytes: 32 << 20,
                },
            ],
            extensions: vec!["avx2".to_owned(), "avx512".to_owned()],
            virtual_machine: true,
            caveats: vec![
                "shared virtual machine".to_owned(),
                "no hardware counters: misses are simulated".to_owned(),
            ],
            findings: Vec::new(),
        },
        blocks: 8,
        handicap: 0,
        warm_up: 1,
        rounds: 7,
    }
}

/// A cell.
pub(crate) fn cell(workload: &str, contender: &str, size: &str) -> Cell {
    Cell {
        workload: workload.to_owned(),
        contender: contender.to_owned(),
        size: size.to_owned(),
    }
}

/// A series.
pub(crate) fn series(
    metric: &str,
    unit: &str,
    exact: bool,
    warm_up: u32,
    values: &[u64],
) -> Series {
    Series {
        metric: metric.to_owned(),
        unit: unit.to_owned(),
        exact,
        warm_up,
        values: values.to_vec(),
        places: Vec::new(),
        level: None,
    }
}

/// A probe that measured.
pub(crate) fn probe(cell: Cell, instrument: &str, block: u32, series: Vec<Series>) -> Record {
    with(cell, instrument, block, Outcome::Measured, series)
}

/// A probe that failed.
pub(crate) fn failed(
    cell: Cell,
    instrument: &str,
    block: u32,
    failure: Failure,
    why: &str,
) -> Record {
    let why = why.to_owned();
    with(
        cell,
        instrument,
        block,
        Outcome::Failed { failure, why },
        Vec::new(),
    )
}

/// A probe that could not start.
pub(crate) fn not_measured(cell: Cell, instrument: &str, why: &str) -> Record {
    with(
        cell,
        instrument,
        0,
        Outcome::NotMeasured {
            why: why.to_owned(),
        },
        Vec::new(),
    )
}

fn with(cell: Cell, instrument: &str, block: u32, outcome: Outcome, series: Vec<Series>) -> Record {
    Record::Probe(Probe {
        cell,
        instrument: instrument.to_owned(),
        block,
        seed: 11,
        items: 50_000,
        bytes: 400_000,
        outcome,
        series,
        files: Vec::new(),
        disturbed: None,
        functions: Vec::new(),
    })
}

/// A claim of `fast` over `eager` on `w/x` as the text of a file.
pub(crate) fn claims_text(metric: &str, at_least: &str) -> String {
    format!(
        "[verdict]\nlevel = 0.99\nbaselines = [\"eager\"]\nmatrix = \"wall-time\"\n\
         tints = [1.0, 2.0, 4.0]\n\n[[claim]]\nid = \"c\"\nsource = \"ours\"\n\
         sentence = \"fast is at least {{threshold}} as fast as {{baseline}}\"\n\
         metric = \"{metric}\"\nworkloads = [\"w/x\"]\ncontender = \"fast\"\n\
         at-least = {at_least}\n"
    )
}

/// The same, parsed.
pub(crate) fn claims_of(metric: &str, at_least: &str) -> Claims {
    claims::parse(&claims_text(metric, at_least), "claims.toml").unwrap()
}
