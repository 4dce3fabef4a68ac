//! The blocks in which times are compared: a fresh process for each contender, all alive, one running
//! at a time, round by round in an order drawn anew, every round with an input of its own that is the
//! same for all. Everything that is drawn follows from the run's seed.

use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use reports::record::{Cell, Disturbance, Outcome, Probe as Record};

use crate::child::Stop;
use crate::disturbance::Watch;
use crate::host;
use crate::launch::{CellRun, Launcher, Layout, Probe};
use crate::protocol::{Level, Round};
use crate::seeds::derive;

/// Warm-up rounds and measured rounds of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rounds {
    pub(crate) warm_up: u32,
    pub(crate) measured: u32,
}

impl Rounds {
    /// The most rounds of a block: briefer work needs more of them to say as much.
    pub(crate) const MOST: Rounds = Rounds {
        warm_up: 3,
        measured: 31,
    };

    /// As many rounds as fit a fifth of a second for each contender, which takes `turn` for one, with what
    /// is done before and after the call. Few rounds of long work say as much as many.
    pub(crate) fn of(turn: Duration) -> Rounds {
        let fit = Duration::from_millis(200).as_nanos() / turn.as_nanos().max(1);
        let measured = u32::try_from(fit).unwrap_or(u32::MAX);
        Rounds {
            warm_up: if measured < 7 {
                1
            } else {
                Rounds::MOST.warm_up
            },
            measured: measured.clamp(3, Rounds::MOST.measured),
        }
    }
}

/// The block number `block` of a case.
pub(crate) struct Block<'a> {
    pub(crate) launcher: &'a Launcher,
    pub(crate) instrument: &'a str,
    pub(crate) workload: &'a str,
    pub(crate) size: &'a str,
    pub(crate) contenders: &'a [String],
    pub(crate) seed: u64,
    pub(crate) number: u32,
    /// A process that was there before and works for the block.
    pub(crate) alongside: Option<u32>,
    /// How many rounds; as many as suit the work if `None`.
    pub(crate) rounds: Option<Rounds>,
}

struct Arm {
    cell: Cell,
    probe: Option<Probe>,
    outcome: Outcome,
    places: Vec<u32>,
}

impl Block<'_> {
    /// Measures the block; one record for each contender, failures included.
    ///
    /// # Errors
    /// Only [`Stop::Interrupted`].
    pub(crate) fn measure(&self) -> Result<Vec<Record>, Stop> {
        let number = self.number.to_string();
        let block_seed = derive(self.seed, &["block", self.workload, &number]);
        let mut random = ChaCha8Rng::seed_from_u64(block_seed);
        let layout = Layout::drawn(&mut random);
        let mut order: Vec<usize> = (0..self.contenders.len()).collect();
        let mut arms: Vec<_> = self.contenders.iter().map(|name| self.arm(name)).collect();
        order.shuffle(&mut random);
        let watch = Watch::begin(self.alongside);
        for &at in &order {
            self.open(&mut arms[at], block_seed, layout)?;
        }
        // Consecutive seeds, so that workloads that keep a pool of inputs never repeat the last one.
        let mut seed =
            derive(self.seed, &["input", self.workload]).wrapping_add(u64::from(self.number) * 64);
        let mut next = || {
            seed = seed.wrapping_add(1);
            seed
        };
        let begun = Instant::now();
        self.round(&mut arms, &mut order, &mut random, next())?;
        // The first round decides, on average, before any ratio is known.
        let turn = begun.elapsed() / self.contenders.len().max(1) as u32;
        let rounds = self.rounds.unwrap_or_else(|| Rounds::of(turn));
        for _ in 1..rounds.warm_up + rounds.measured {
            self.round(&mut arms, &mut order, &mut random, next())?;
        }
        let alive = arms.iter().filter_map(|arm| arm.probe.as_ref());
        let disturbed = watch.end(&alive.map(Probe::id).collect::<Vec<_>>());
        arms.into_iter()
            .map(|arm| self.close(arm, block_seed, rounds, disturbed))
            .collect()
    }

    fn arm(&self, contender: &str) -> Arm {
        let cell = Cell {
            workload: self.workload.to_owned(),
            contender: contender.to_owned(),
            size: self.size.to_owned(),
        };
        Arm {
            cell,
            probe: None,
            outcome: Outcome::Measured,
            places: Vec::new(),
        }
    }

    fn open(&self, arm: &mut Arm, seed: u64, layout: Layout) -> Result<(), Stop> {
        let run = CellRun {
            launcher: self.launcher,
            instrument: self.instrument,
            wrapper: Vec::new(),
            cell: &arm.cell,
            seed,
            items: 0,
            bytes: 0,
            file: None,
            layout,
            memory: self.launcher.memory,
            level: Level::default(),
        };
        match run.open() {
            Ok(probe) => arm.probe = Some(probe),
            Err(stop) => arm.outcome = outcome(stop)?,
        }
        Ok(())
    }

    fn round(
        &self,
        arms: &mut [Arm],
        order: &mut [usize],
        random: &mut ChaCha8Rng,
        seed: u64,
    ) -> Result<(), Stop> {
        order.shuffle(random);
        for (place, &at) in order.iter().enumerate() {
            let arm = &mut arms[at];
            let Some(probe) = arm
                .probe
                .as_mut()
                .filter(|_| arm.outcome == Outcome::Measured)
            else {
                continue;
            };
            match probe.round(
                &Round {
                    seed,
                    repeats: 1,
                    last: false,
                },
                self.launcher.timeout,
            ) {
                Ok(_) => arm.places.push(place as u32),
                Err(stop) => arm.outcome = outcome(stop)?,
            }
        }
        Ok(())
    }

    fn close(
        &self,
        arm: Arm,
        seed: u64,
        rounds: Rounds,
        disturbed: Disturbance,
    ) -> Result<Record, Stop> {
        let Arm {
            cell,
            probe,
            mut outcome,
            places,
        } = arm;
        let mut sampled = probe
            .as_ref()
            .map(|probe| probe.sampled.clone())
            .unwrap_or_default();
        let waited = probe.as_ref().and_then(|probe| host::waited(probe.id()));
        if let (Some(probe), Outcome::Measured) = (probe, &outcome) {
            match probe.close(self.launcher.timeout) {
                Ok(_) => {}
                Err(stop) => outcome = self::outcome(stop)?,
            }
        }
        for series in &mut sampled.series {
            series.warm_up = rounds.warm_up.min(series.values.len() as u32);
            series.places.clone_from(&places);
        }
        Ok(Record {
            cell,
            instrument: self.instrument.to_owned(),
            block: self.number,
            seed,
            items: sampled.items,
            bytes: sampled.bytes,
            outcome,
            series: sampled.series,
            files: Vec::new(),
            disturbed: Some(Disturbance {
                waited,
                ..disturbed
            }),
            functions: Vec::new(),
        })
    }
}

/// The outcome to record for a stop; an interruption is handed on.
pub(crate) fn outcome(stop: Stop) -> Result<Outcome, Stop> {
    match stop {
        Stop::Failed { failure, why } => Ok(Outcome::Failed { failure, why }),
        Stop::NotMeasured { why } => Ok(Outcome::NotMeasured { why }),
        Stop::Interrupted => Err(Stop::Interrupted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_the_work_the_fewer_the_rounds() {
        let of = |milliseconds| {
            let rounds = Rounds::of(Duration::from_millis(milliseconds));
            (rounds.warm_up, rounds.measured)
        };
        assert_eq!([of(0), of(1), of(10)], [(3, 31), (3, 31), (3, 20)]);
        assert_eq!([of(28), of(29), of(1000)], [(3, 7), (1, 6), (1, 3)]);
    }
}
