//! Times over levels of something that a cell may scale with. Each block has a fresh process for each
//! level, all alive, one running at a time; in each round every level has its turn, in an order drawn
//! anew, so that whatever disturbs the machine disturbs all levels alike. A block by itself gives one
//! estimate of how the time grows.

use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use reports::record::{self, Series};

use crate::child::Stop;
use crate::instruments::time;
use crate::launch::{CellRun, Layout, Probe};
use crate::protocol::{Level, Round};
use crate::seeds::derive;

/// Blocks of fresh processes: an interval at 99 % from fewer is wide.
const BLOCKS: u32 = 8;
/// Blocks at sizes that decide nothing about times.
const QUICK_BLOCKS: u32 = 2;
/// How long the rounds of one block may take in all, loading and checking included.
const BLOCK: Duration = Duration::from_millis(300);

/// One level: what its figures are plotted over, and what differs from the usual.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) at: u64,
    pub(crate) level: Level,
}

/// The series of a level under the names that reports know.
fn series(metric: &str, unit: &str, exact: bool, values: Vec<u64>, level: record::Level) -> Series {
    Series {
        metric: format!("scaled-{metric}"),
        unit: unit.to_owned(),
        exact,
        warm_up: 0,
        values,
        places: Vec::new(),
        level: Some(level),
    }
}

/// Wall and CPU times at every step.
pub(crate) fn times(run: &CellRun<'_>, steps: &[Step]) -> Result<Vec<Series>, Stop> {
    let blocks = match run.cell.size.as_str() {
        "tiny" | "quick" => QUICK_BLOCKS,
        _ => BLOCKS,
    };
    let mut rounds = None;
    let mut of: Vec<Vec<Series>> = vec![Vec::new(); steps.len()];
    for block in 0..blocks {
        let seed = derive(run.seed, &["levels", run.instrument, &block.to_string()]);
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let layout = Layout::drawn(&mut random);
        let timed = run.by(time::NAME);
        let mut probes: Vec<Probe> = steps
            .iter()
            .map(|step| timed.at(step.level, layout).open())
            .collect::<Result<_, _>>()?;
        let timeout = run.launcher.timeout;
        let mut order: Vec<usize> = (0..steps.len()).collect();
        let mut round = |number: u64| -> Result<(), Stop> {
            order.shuffle(&mut random);
            let seed = seed.wrapping_add(number);
            for &at in &order {
                let round = Round {
                    seed,
                    repeats: 1,
                    last: false,
                };
                probes[at].round(&round, timeout)?;
            }
            Ok(())
        };
        // A warm-up, and how long a round takes: every block has as many as the first.
        let begun = Instant::now();
        round(0)?;
        let fit = BLOCK.as_nanos() / begun.elapsed().as_nanos().max(1);
        let rounds = *rounds.get_or_insert(fit.clamp(3, 15) as u64);
        for number in 1..=rounds {
            round(number)?;
        }
        for ((step, probe), series) in steps.iter().zip(probes).zip(&mut of) {
            let mut sampled = probe.close(timeout)?;
            sampled.drop_first();
            let level = record::Level {
                at: step.at,
                items: sampled.items,
                blocks,
            };
            for found in sampled.series {
                let name = format!("scaled-{}", found.metric);
                match series.iter_mut().find(|known| known.metric == name) {
                    Some(known) => known.values.extend(found.values),
                    None => series.push(self::series(
                        &found.metric,
                        &found.unit,
                        false,
                        found.values,
                        level,
                    )),
                }
            }
        }
    }
    Ok(of.into_iter().flatten().collect())
}

/// The peak of the heap at every step, after a warm-up.
pub(crate) fn peaks(run: &CellRun<'_>, steps: &[Step]) -> Result<Vec<Series>, Stop> {
    let counted = run.by("heap");
    let mut all = Vec::new();
    for step in steps {
        let round = Round {
            seed: run.seed,
            repeats: 1,
            last: false,
        };
        let mut sampled = counted
            .at(step.level, Layout::default())
            .probe(&[round; 3])?;
        sampled.drop_first();
        sampled.demote();
        let level = record::Level {
            at: step.at,
            items: sampled.items,
            blocks: 1,
        };
        let peak = sampled.series.into_iter().find(|s| s.metric == "heap-peak");
        all.extend(peak.map(|s| series(&s.metric, &s.unit, s.exact, s.values, level)));
    }
    Ok(all)
}
