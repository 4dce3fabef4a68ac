//! A run: measures the cells of a plan and appends what each probe reports to the record file at
//! once, so that whatever ends the run, everything measured before is kept.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use reports::record::{Cell, Failure, Outcome, Probe, Record};
use reports::slug;

use crate::child::Stop;
use crate::contenders::{self, Case};
use crate::instruments::Instrument;
use crate::launch::{CellRun, Launcher, Layout};
use crate::pace::Pace;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::schedule::{Block, derive, outcome};
use crate::service::Service;
use crate::store::Store;

/// Of a budget, the share that instruments other than the clock may use.
const SHARE_BEFORE_TIMES: f64 = 0.5;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Everything planned was measured.
    Complete,
    /// The user ended it.
    Interrupted,
    /// The budget was spent after this many passes over all blocks.
    Spent(u32),
}

/// Measures what the plan says and `store` does not have yet.
///
/// # Errors
/// If the record file cannot be written or the service does not start.
pub(crate) fn run(plan: &Plan, store: &Store, progress: &mut Progress) -> anyhow::Result<Ended> {
    let started = Instant::now();
    let service = match plan.cases.iter().any(|case| case.service) {
        true => Some(Service::start(&plan.executable)?),
        false => None,
    };
    let launcher = Launcher {
        executable: plan.executable.clone(),
        inputs: store.inputs()?,
        service: service.as_ref().map(|service| service.address),
        timeout: plan.timeout,
        memory: plan.memory,
    };
    let run = Running {
        plan,
        store,
        launcher,
        service,
        started,
        late: AtomicU32::new(0),
        done: store.done(),
    };
    let ended = run.everything(progress);
    progress.clear();
    store.remove_inputs();
    ended
}

struct Running<'a> {
    plan: &'a Plan,
    store: &'a Store,
    launcher: Launcher,
    service: Option<Service>,
    started: Instant,
    /// Blocks that the service has spoilt and that have not been made up for.
    late: AtomicU32,
    /// What an earlier, interrupted run has measured.
    done: HashSet<(Cell, String, u32)>,
}

/// One cell, to be measured by every instrument but the clock.
struct Task<'a> {
    case: &'a Case,
    contender: &'static str,
    instruments: Vec<(&'static dyn Instrument, Cell)>,
}

fn cell(case: &Case, contender: &str, size: &str) -> Cell {
    let (workload, contender) = (case.name.to_owned(), contender.to_owned());
    Cell {
        workload,
        contender,
        size: size.to_owned(),
    }
}

impl Running<'_> {
    fn everything(&self, progress: &mut Progress) -> anyhow::Result<Ended> {
        let mut pace = Pace::load(self.store.folder());
        let ended = match self.cells(progress, &mut pace)? {
            Ended::Complete => self.blocks(progress, &mut pace)?,
            ended => ended,
        };
        if ended == Ended::Complete && self.plan.budget.is_none() {
            pace.save(self.store.folder());
        }
        Ok(ended)
    }

    fn spent(&self, share: f64) -> bool {
        self.plan
            .budget
            .is_some_and(|budget| self.started.elapsed() > budget.mul_f64(share))
    }

    fn is_done(&self, cell: &Cell, instrument: &str, block: u32) -> bool {
        self.done
            .contains(&(cell.clone(), instrument.to_owned(), block))
    }

    /// Everything but times, on as many lanes as there are cores up to two: nothing is timed meanwhile.
    fn cells(&self, progress: &mut Progress, pace: &mut Pace) -> anyhow::Result<Ended> {
        let tasks = self.tasks();
        let total = tasks.len();
        let queue = Mutex::new(tasks.into_iter());
        let shared = Mutex::new((progress, pace, 0usize));
        let lane = || -> anyhow::Result<Ended> {
            loop {
                let Some(task) = queue.lock().ok().and_then(|mut queue| queue.next()) else {
                    return Ok(Ended::Complete);
                };
                let mut took = Vec::new();
                for (instrument, cell) in &task.instruments {
                    let begun = Instant::now();
                    let Some(record) = self.cell(task.case, *instrument, cell) else {
                        return Ok(Ended::Interrupted);
                    };
                    self.store.append(&[Record::Probe(record)])?;
                    took.push((instrument.name(), begun.elapsed()));
                }
                if let Ok(mut shared) = shared.lock() {
                    let (progress, pace, finished) = &mut *shared;
                    *finished += 1;
                    for (instrument, took) in took {
                        pace.note(&self.plan.size, instrument, took);
                    }
                    let left = pace.cells_left(self.plan, total - *finished);
                    progress.cell(*finished, total, task.case.name, task.contender, left);
                }
            }
        };
        let lanes = thread::available_parallelism().map_or(1, |cores| cores.get().min(2));
        let ends: Vec<_> = thread::scope(|scope| {
            let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(lane)).collect();
            lanes.into_iter().map(|lane| lane.join()).collect()
        });
        let mut ended = Ended::Complete;
        for end in ends {
            match end {
                Ok(Ok(Ended::Complete)) => {}
                Ok(Ok(other)) => ended = other,
                Ok(Err(error)) => return Err(error),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(ended)
    }

    /// What is still to be measured, cell by cell.
    fn tasks(&self) -> Vec<Task<'_>> {
        let mut tasks = Vec::new();
        for case in &self.plan.cases {
            for &contender in &case.contenders {
                let instruments: Vec<_> = self
                    .plan
                    .by_cell()
                    .map(|instrument| {
                        let size = contenders::name_of(instrument.size(self.plan.size_class));
                        (instrument, cell(case, contender, size))
                    })
                    .filter(|(instrument, cell)| !self.is_done(cell, instrument.name(), 0))
                    .collect();
                if !instruments.is_empty() {
                    tasks.push(Task {
                        case,
                        contender,
                        instruments,
                    });
                }
            }
        }
        tasks
    }

    /// The record of one cell; `None` if interrupted.
    fn cell(&self, case: &Case, instrument: &dyn Instrument, cell: &Cell) -> Option<Probe> {
        // One seed for all contenders of a case: they get the same input.
        let seed = derive(self.plan.seed, &["input", case.name]);
        let size = contenders::size(&cell.size)?;
        let (items, bytes) = (case.extent)(size);
        let mut record = Probe {
            cell: cell.clone(),
            instrument: instrument.name().to_owned(),
            block: 0,
            seed,
            items,
            bytes,
            outcome: Outcome::Measured,
            series: Vec::new(),
            files: Vec::new(),
        };
        let budget = || match self.spent(SHARE_BEFORE_TIMES) {
            true => Err("the budget was spent".to_owned()),
            false => Ok(()),
        };
        let applies = instrument
            .applies(case)
            .and_then(|()| instrument.available());
        if let Err(why) = applies.and_then(|()| budget()) {
            record.outcome = Outcome::NotMeasured { why };
            return Some(record);
        }
        let name = instrument.leaves().map(|ending| {
            let cell = format!(
                "{}.{}",
                slug::flat(&cell.workload),
                slug::flat(&cell.contender)
            );
            format!("files/{}/{cell}.{ending}", instrument.name())
        });
        let file = name.as_ref().map(|name| self.store.file(name));
        let run = CellRun {
            launcher: &self.launcher,
            instrument: instrument.name(),
            wrapper: instrument.wrapper(file.as_deref()),
            cell,
            seed,
            bytes,
            file,
            layout: Layout::default(),
            memory: self.launcher.memory,
        };
        match instrument.measure(&run) {
            Ok(mut sampled) => {
                sampled.demote();
                record.series = sampled.series;
                // A file that cannot be cleaned of this machine's paths is not offered to anyone.
                record.files = name
                    .into_iter()
                    .filter(|name| self.store.scrub(name).is_ok())
                    .collect();
            }
            Err(stop) => record.outcome = outcome(stop).ok()?,
        }
        Some(record)
    }

    /// Times, round-robin over the cases, so that the blocks of one case lie far apart.
    fn blocks(&self, progress: &mut Progress, pace: &mut Pace) -> anyhow::Result<Ended> {
        let mut cases: Vec<&Case> = self.plan.cases.iter().collect();
        let total = self.plan.timed_blocks();
        let mut finished = 0;
        if total == 0 {
            return Ok(Ended::Complete);
        }
        let mut longest = Duration::ZERO;
        for number in 0..self.plan.blocks {
            let pass = Instant::now();
            let order = derive(self.plan.seed, &["order", &number.to_string()]);
            cases.shuffle(&mut ChaCha8Rng::seed_from_u64(order));
            let over = |budget: Duration| self.started.elapsed() + longest > budget;
            if number > 0 && self.plan.budget.is_some_and(over) {
                return Ok(Ended::Spent(number));
            }
            for case in &cases {
                for instrument in self.plan.in_blocks() {
                    let begun = Instant::now();
                    progress.before_block(finished, total, case.name, number);
                    match self.block(case, instrument, number)? {
                        Ended::Complete => {}
                        ended => return Ok(ended),
                    }
                    finished += 1;
                    pace.note(
                        &self.plan.size,
                        &format!("block {}", case.name),
                        begun.elapsed(),
                    );
                }
            }
            progress.pass(
                number + 1,
                self.plan.blocks,
                pace.blocks_left(self.plan, finished),
            );
            longest = longest.max(pass.elapsed());
        }
        self.make_up()
    }

    /// Measures a further block for each that the service has spoilt, as long as there is hope: it was
    /// left out for the service's sake and not for what it showed.
    fn make_up(&self) -> anyhow::Result<Ended> {
        for number in self.plan.blocks..2 * self.plan.blocks {
            let spoilt = self.late.load(Ordering::Relaxed);
            if spoilt == 0 || self.spent(1.0) {
                break;
            }
            self.late.store(spoilt - 1, Ordering::Relaxed);
            for case in self.plan.cases.iter().filter(|case| case.service) {
                for instrument in self.plan.in_blocks() {
                    if self.block(case, instrument, number)? == Ended::Interrupted {
                        return Ok(Ended::Interrupted);
                    }
                }
            }
        }
        Ok(Ended::Complete)
    }

    fn block(
        &self,
        case: &Case,
        instrument: &dyn Instrument,
        number: u32,
    ) -> anyhow::Result<Ended> {
        let cell = |contender: &str| cell(case, contender, &self.plan.size);
        // One that lacks a contender, or has a failed one, is measured anew as a whole: its rounds belong
        // together, and the later record counts.
        if case
            .contenders
            .iter()
            .all(|c| self.is_done(&cell(c), instrument.name(), number))
        {
            return Ok(Ended::Complete);
        }
        if let Some(service) = self.service.as_ref().filter(|_| case.service) {
            service.reset().context("the service does not answer")?;
        }
        let block = Block {
            launcher: &self.launcher,
            instrument: instrument.name(),
            workload: case.name,
            size: &self.plan.size,
            contenders: &case.contenders,
            seed: self.plan.seed,
            number,
        };
        let mut records = match block.measure() {
            Ok(records) => records,
            Err(Stop::Interrupted) => return Ok(Ended::Interrupted),
            Err(stop) => anyhow::bail!("a block stopped: {stop:?}"),
        };
        if let Some(service) = self.service.as_ref().filter(|_| case.service)
            && let Err(late) = service.verify()
            && let Ok(Outcome::Failed {
                failure: Failure::Service,
                why,
            }) = outcome(late)
        {
            // The times say more about the service than about the contenders: kept, but not used.
            self.late.fetch_add(1, Ordering::Relaxed);
            for record in &mut records {
                if record.outcome == Outcome::Measured {
                    record.outcome = Outcome::NotMeasured {
                        why: format!("service too late: {why}"),
                    };
                }
            }
        }
        let records: Vec<_> = records.into_iter().map(Record::Probe).collect();
        self.store.append(&records)?;
        Ok(Ended::Complete)
    }
}
