//! Measures real comparisons, many of them in turn: the blocks of each lie some seconds apart, and the
//! gaps are filled by the others. Each ends as `reports` says, or when it has taken its time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::Context;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use reports::Open;
use reports::record::{Probe, Record};
use reports::selftest::results::rounded;
use reports::selftest::{Compared, Promised, Results, Route, Trial, judge, trial};

use super::busy::Busy;
use super::plan::Item;
use crate::child::Stop;
use crate::known;
use crate::launch::Launcher;
use crate::print;
use crate::run::{Ended, pause};
use crate::schedule::{Block, Rounds};
use crate::seeds::derive;
use crate::turns::Turns;

/// Rounds of a block: its inference is between blocks, so that more blocks say more than more rounds.
const ROUNDS: Rounds = Rounds {
    warm_up: 3,
    measured: 11,
};
/// Between two lines of progress.
const TELL: Duration = Duration::from_secs(10);

/// What all real comparisons of a session have in common.
pub(crate) struct Real<'a> {
    pub(crate) launcher: Launcher,
    pub(crate) judge: Promised,
    /// The number of this session among those of the results.
    pub(crate) session: usize,
    pub(crate) seed: u64,
    /// From one block of a comparison to its next there is at least this.
    pub(crate) apart: Duration,
    /// The most that the blocks of one comparison may take.
    pub(crate) each: Duration,
    /// When to end.
    pub(crate) until: Option<Instant>,
    pub(crate) quiet: bool,
    pub(crate) save: &'a dyn Fn(&Results) -> anyhow::Result<()>,
}

/// A comparison that waits for its first block of this session.
enum Start {
    /// Its place among the results.
    Begun(usize),
    Fresh(Box<Compared>),
}

impl Real<'_> {
    /// Measures what these items lack, idle ones before busy ones. What was measured is in `results`, and
    /// saved, however this ends.
    ///
    /// # Errors
    /// If results cannot be saved or nothing can be started.
    pub(crate) fn measure(&self, items: &[Item], results: &mut Results) -> anyhow::Result<Ended> {
        for busy in [false, true] {
            let of: Vec<_> = items.iter().filter(|item| item.busy == busy).collect();
            let waiting = self.waiting(&of, results);
            if waiting.is_empty() {
                continue;
            }
            let _load = match busy {
                true => Some(Busy::start(&self.launcher.executable).map_err(stopped)?),
                false => None,
            };
            let ended = self.turns(waiting, results);
            (self.save)(results)?;
            match ended? {
                Ended::Complete => {}
                other => return Ok(other),
            }
        }
        Ok(Ended::Complete)
    }

    /// The comparisons that are still to be measured, in random order; those that were begun before come
    /// first.
    fn waiting(&self, items: &[&Item], results: &Results) -> VecDeque<Start> {
        let mut random = ChaCha8Rng::seed_from_u64(derive(self.seed, &["order of comparisons"]));
        let mut begun = Vec::new();
        let mut fresh = Vec::new();
        for item in items {
            let open = results.comparisons.iter().enumerate();
            let open = open.filter(|(_, c)| item.has(c) && !c.over);
            begun.extend(open.map(|(at, _)| Start::Begun(at)));
            let numbers = item.begun(results)..item.count;
            fresh.extend(numbers.map(|number| Start::Fresh(Box::new(self.fresh(item, number)))));
        }
        begun.shuffle(&mut random);
        fresh.shuffle(&mut random);
        begun.into_iter().chain(fresh).collect()
    }

    fn fresh(&self, item: &Item, number: u32) -> Compared {
        let parts = [
            "comparison",
            item.trial.name,
            item.kernel,
            item.route.name(),
            if item.busy { "busy" } else { "idle" },
            &number.to_string(),
        ];
        Compared {
            session: self.session,
            trial: item.trial.name.to_owned(),
            kernel: item.kernel.to_owned(),
            route: item.route,
            busy: item.busy,
            number,
            seed: derive(self.seed, &parts),
            clock: clock(item.trial, item.route).to_owned(),
            seconds: 0.0,
            over: false,
            failure: None,
            logs: Vec::new(),
        }
    }

    fn turns(&self, mut waiting: VecDeque<Start>, results: &mut Results) -> anyhow::Result<Ended> {
        let mut turns = Turns::new(self.apart);
        let mut active: Vec<Open> = Vec::new();
        let all = waiting.len();
        let mut told = Instant::now();
        loop {
            if !self.quiet && told.elapsed() > TELL {
                let over = all - waiting.len() - active.len();
                print::note(&format!("[{over}/{all}] {} under way", active.len()));
                told = Instant::now();
            }
            let next = turns.next(&active, Instant::now());
            // Whoever would have to wait lets one more begin.
            let (at, wait) = match (next, waiting.front()) {
                (Some((at, wait)), None) => (at, wait),
                (Some((at, Duration::ZERO)), _) => (at, Duration::ZERO),
                (_, Some(_)) => (active.len(), Duration::ZERO),
                (None, None) => return Ok(Ended::Complete),
            };
            if self
                .until
                .is_some_and(|until| Instant::now() + wait >= until)
            {
                return Ok(Ended::Spent(active.len() + waiting.len()));
            }
            if !pause(wait) {
                return Ok(Ended::Interrupted);
            }
            if at == active.len() {
                let place = match waiting.pop_front().context("nothing waits")? {
                    Start::Begun(place) => place,
                    Start::Fresh(compared) => {
                        results.comparisons.push(*compared);
                        results.comparisons.len() - 1
                    }
                };
                active.push(Open {
                    workload: place.to_string(),
                    contenders: Vec::new(),
                    further: None,
                });
            }
            let open = active.remove(at);
            let begun = Instant::now();
            let place: usize = open.workload.parse()?;
            let compared = &mut results.comparisons[place];
            let measured = match compared.route {
                Route::Cells => self.block(compared),
                Route::Versus => super::commands::measure(self, compared),
            };
            match measured {
                Ok(()) => {}
                Err(Stop::Interrupted) => return Ok(Ended::Interrupted),
                Err(stop) => {
                    compared.failure = Some(words(&stop));
                    compared.over = true;
                }
            }
            turns.note(&open.workload, begun);
            match compared.over {
                true => (self.save)(results)?,
                // Whoever waits longest is asked first.
                false => active.push(open),
            }
        }
    }

    /// Measures one block of a comparison of cells.
    fn block(&self, compared: &mut Compared) -> Result<(), Stop> {
        let trial = find(compared)?;
        let contenders = known::contenders(trial);
        let workload = known::workload(&compared.kernel);
        let begun = Instant::now();
        let block = Block {
            launcher: &self.launcher,
            instrument: reports::metrics::TIME,
            workload: &workload,
            size: "default",
            contenders: &contenders,
            seed: compared.seed,
            number: compared.logs.len() as u32,
            rounds: Some(ROUNDS),
            alongside: None,
        };
        let records: Vec<_> = block.measure()?.into_iter().map(Record::Probe).collect();
        compared.seconds += begun.elapsed().as_secs_f64();
        let [heavier, lighter] = &contenders;
        let level = self.judge.level;
        let value = reports::selftest::value(
            &records,
            &workload,
            heavier,
            lighter,
            &compared.clock,
            level,
        );
        match value {
            Ok(log) => compared.logs.push(rounded(log)),
            Err(why) => return Err(failed(&records, why)),
        }
        compared.over = judge::is_over(&self.judge, &compared.logs, trial)
            || compared.seconds >= self.each.as_secs_f64();
        Ok(())
    }
}

/// The trial of a comparison.
pub(crate) fn find(compared: &Compared) -> Result<&'static Trial, Stop> {
    let unknown = || Stop::NotMeasured {
        why: format!("no trial {}", compared.trial),
    };
    trial::find(&compared.trial).ok_or_else(unknown)
}

/// The clock that decides: CPU time where one thread only computes, as in claims, and wall time of whole
/// commands and of what sleeps.
fn clock(trial: &Trial, route: Route) -> &'static str {
    match (route, trial.name) {
        (Route::Cells, "stalls") | (Route::Versus, _) => reports::metrics::WALL_TIME,
        (Route::Cells, _) => "cpu-time",
    }
}

/// The failure of a probe, which says more than that its value is missing.
fn failed(block: &[Record], why: String) -> Stop {
    let outcome = block.iter().find_map(|record| match record {
        Record::Probe(Probe {
            outcome: reports::record::Outcome::Failed { failure, why },
            ..
        }) => Some(Stop::Failed {
            failure: *failure,
            why: why.clone(),
        }),
        _ => None,
    });
    outcome.unwrap_or(Stop::NotMeasured { why })
}

fn words(stop: &Stop) -> String {
    match stop {
        Stop::Failed { failure, why } => format!("{}: {why}", failure.words()),
        Stop::NotMeasured { why } => why.clone(),
        Stop::Interrupted => "interrupted".to_owned(),
    }
}

fn stopped(stop: Stop) -> anyhow::Error {
    anyhow::anyhow!("cannot keep the other cores busy: {}", words(&stop))
}
