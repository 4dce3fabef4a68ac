//! A run: measures the cells of a plan and appends what each probe reports to the record file at
//! once, so that whatever ends the run, everything measured before is kept.

use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use reports::record::{Cell, Failure, Outcome, Probe, Record};
use reports::{metrics, slug};

use crate::child::Stop;
use crate::contenders::{self, Case};
use crate::instruments::Instrument;
use crate::interrupt;
use crate::launch::{CellRun, Launcher, Layout};
use crate::limits;
use crate::pace::{BLOCKS, LEVELS, Pace};
use crate::plan::Plan;
use crate::progress::Progress;
use crate::protocol::Level;
use crate::schedule::{Block, outcome};
use crate::seeds::derive;
use crate::service::Service;
use crate::store::Store;
use crate::turns::Turns;

/// Of a budget, the share that instruments other than the clock may use.
const SHARE_BEFORE_TIMES: f64 = 0.5;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Everything planned was measured.
    Complete,
    /// The user ended it.
    Interrupted,
    /// The time was spent with this many tests of times undecided.
    Spent(usize),
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
        handicap: plan.handicap,
    };
    let run = Running {
        plan,
        store,
        launcher,
        service,
        started,
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
            Ended::Complete => match self.levels(progress, &mut pace)? {
                Ended::Complete => self.blocks(progress, &mut pace)?,
                ended => ended,
            },
            ended => ended,
        };
        if ended != Ended::Interrupted && self.plan.budget.is_none() {
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
        let tasks = self.tasks(|_, _| self.plan.by_cell().collect());
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

    /// How cells scale, one at a time: times are among the figures.
    fn levels(&self, progress: &Progress, pace: &mut Pace) -> anyhow::Result<Ended> {
        let begun = Instant::now();
        let tasks =
            self.tasks(|case, contender| self.plan.over_levels(case.name, contender).collect());
        let total = tasks.len();
        for (finished, task) in tasks.into_iter().enumerate() {
            for (instrument, cell) in &task.instruments {
                let Some(record) = self.cell(task.case, *instrument, cell) else {
                    return Ok(Ended::Interrupted);
                };
                self.store.append(&[Record::Probe(record)])?;
            }
            progress.cell(finished + 1, total, task.case.name, task.contender, None);
        }
        pace.note(&self.plan.size, LEVELS, begun.elapsed());
        Ok(Ended::Complete)
    }

    /// What is still to be measured, cell by cell, of the instruments that each takes.
    fn tasks(&self, takes: impl Fn(&Case, &str) -> Vec<&'static dyn Instrument>) -> Vec<Task<'_>> {
        let mut tasks = Vec::new();
        for case in &self.plan.cases {
            for &contender in &case.contenders {
                let instruments: Vec<_> = takes(case, contender)
                    .into_iter()
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
            disturbed: None,
            functions: Vec::new(),
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
            items,
            bytes,
            file,
            layout: Layout::default(),
            memory: self.launcher.memory,
            level: Level::default(),
        };
        match instrument.measure(&run) {
            Ok(mut sampled) => {
                sampled.demote();
                record.series = sampled.series;
                record.functions = sampled.functions;
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

    /// Times, in turns of the cases, until nothing is open that a further block could decide.
    fn blocks(&self, progress: &mut Progress, pace: &mut Pace) -> anyhow::Result<Ended> {
        let plan = self.plan;
        let Some(instrument) = plan.in_blocks().next() else {
            return Ok(Ended::Complete);
        };
        let begun = Instant::now();
        let mut records = self.store.earlier().to_vec();
        self.needs(&mut records)?;
        if !self.limits(&mut records)? {
            return Ok(Ended::Interrupted);
        }
        for (case, number, contenders) in self.spoilt(instrument) {
            if !self.block(case, instrument, number, &contenders, &mut records)? {
                return Ok(Ended::Interrupted);
            }
        }
        let ended = self.turns(instrument, &mut records, progress)?;
        if ended != Ended::Interrupted && !self.limits(&mut records)? {
            return Ok(Ended::Interrupted);
        }
        pace.note(&plan.size, BLOCKS, begun.elapsed());
        Ok(ended)
    }

    /// Records what the workloads take at the least, as far as `records` do not say so.
    fn needs(&self, records: &mut Vec<Record>) -> anyhow::Result<()> {
        let plan = self.plan;
        let needs = |case| Record::Needs(limits::needs(case, plan.size_class, &plan.size));
        let needs = plan.cases.iter().map(needs);
        let new: Vec<_> = needs.filter(|needs| !records.contains(needs)).collect();
        self.store.append(&new)?;
        records.extend(new);
        Ok(())
    }

    /// Takes the machine's limits and records them; `false` if interrupted.
    fn limits(&self, records: &mut Vec<Record>) -> anyhow::Result<bool> {
        let taken = records.iter().filter(|r| matches!(r, Record::Limits(_)));
        let (plan, taking) = (self.plan, taken.count() as u32);
        let folder = &self.launcher.inputs;
        match limits::take(&plan.executable, folder, plan.size_class, taking) {
            Ok(limits) => {
                let taken = [Record::Limits(limits)];
                self.store.append(&taken)?;
                records.extend(taken);
                Ok(true)
            }
            Err(Stop::Interrupted) => Ok(false),
            Err(stop) => anyhow::bail!("the limits were not taken: {stop:?}"),
        }
    }

    /// Gives every workload with something open its turn, pass after pass, as long as there is time.
    fn turns(
        &self,
        instrument: &dyn Instrument,
        records: &mut Vec<Record>,
        progress: &Progress,
    ) -> anyhow::Result<Ended> {
        let plan = self.plan;
        let timed = plan.timed();
        let mut turns = Turns::new(plan.apart);
        // A budget that the user gives holds from the second pass on, the usual one from the first look on.
        let (limit, least) = match plan.budget {
            Some(budget) => (Some(budget), 1),
            None => (plan.allowance, reports::stats::LOOKS[0]),
        };
        let left = || limit.map(|limit| limit.saturating_sub(self.started.elapsed()));
        for pass in 0.. {
            let outlook = reports::outlook(records, &plan.claims, &plan.size, &timed, plan.blocks);
            let over = || left().filter(|_| pass >= least);
            if pass > 0 {
                progress.pass(&outlook, over());
            }
            let mut waiting = outlook.open.clone();
            if waiting.is_empty() {
                break;
            }
            if let Some(left) = over() {
                waiting = turns.in_reach(waiting, left);
            }
            let order = derive(plan.seed, &["order", &pass.to_string()]);
            waiting.shuffle(&mut ChaCha8Rng::seed_from_u64(order));
            let mut idle = true;
            while let Some((next, wait)) = turns.next(&waiting, Instant::now()) {
                let open = waiting.remove(next);
                if over().is_some_and(|left| left < wait + turns.block(&open.workload)) {
                    continue;
                }
                if !pause(wait) {
                    return Ok(Ended::Interrupted);
                }
                let case = plan.cases.iter().find(|case| case.name == open.workload);
                let case = case.context("a workload that is not in the plan")?;
                let number = next_number(records, case.name);
                progress.before_block(&outlook, case.name, number);
                let block = Instant::now();
                if !self.block(case, instrument, number, &open.contenders, records)? {
                    return Ok(Ended::Interrupted);
                }
                turns.note(case.name, block);
                idle = false;
            }
            if idle {
                return Ok(Ended::Spent(outlook.undecided));
            }
        }
        Ok(Ended::Complete)
    }

    /// The blocks of an earlier run in which something failed: it may have been killed by accident. They
    /// are measured anew as a whole, since their rounds belong together, and the later record counts.
    fn spoilt(&self, instrument: &dyn Instrument) -> Vec<(&Case, u32, Vec<String>)> {
        let mut blocks: BTreeMap<(&str, u32), (bool, Vec<String>)> = BTreeMap::new();
        for record in self.store.earlier() {
            let Record::Probe(probe) = record else {
                continue;
            };
            let cell = &probe.cell;
            if probe.instrument != instrument.name() || cell.size != self.plan.size {
                continue;
            }
            let block = blocks.entry((&cell.workload, probe.block)).or_default();
            block.0 |= matches!(probe.outcome, Outcome::Failed { .. });
            if !block.1.contains(&cell.contender) {
                block.1.push(cell.contender.clone());
            }
        }
        let failed = blocks.into_iter().filter(|(_, (failed, _))| *failed);
        failed
            .filter_map(|((workload, number), (_, contenders))| {
                let case = self.plan.cases.iter().find(|case| case.name == workload)?;
                Some((case, number, contenders))
            })
            .collect()
    }

    /// Measures a block and appends its records to the file and to `records`; `false` if interrupted.
    fn block(
        &self,
        case: &Case,
        instrument: &dyn Instrument,
        number: u32,
        contenders: &[String],
        records: &mut Vec<Record>,
    ) -> anyhow::Result<bool> {
        if let Some(service) = self.service.as_ref().filter(|_| case.service) {
            service.reset().context("the service does not answer")?;
        }
        let block = Block {
            launcher: &self.launcher,
            instrument: instrument.name(),
            workload: case.name,
            size: &self.plan.size,
            contenders,
            seed: self.plan.seed,
            number,
            alongside: self.service.as_ref().map(|service| service.id),
            rounds: None,
        };
        let mut probes = match block.measure() {
            Ok(probes) => probes,
            Err(Stop::Interrupted) => return Ok(false),
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
            for probe in &mut probes {
                if probe.outcome == Outcome::Measured {
                    probe.outcome = Outcome::NotMeasured {
                        why: format!("service too late: {why}"),
                    };
                }
            }
        }
        let probes: Vec<_> = probes.into_iter().map(Record::Probe).collect();
        self.store.append(&probes)?;
        records.extend(probes);
        Ok(true)
    }
}

/// Waits, unless the user wants the run to end; returns whether it may go on.
pub(crate) fn pause(wait: Duration) -> bool {
    let until = Instant::now() + wait;
    while !interrupt::requested() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        thread::sleep(left.min(Duration::from_millis(50)));
    }
    false
}

/// The number after the last block of a workload.
fn next_number(records: &[Record], workload: &str) -> u32 {
    let of = records.iter().filter_map(|record| match record {
        Record::Probe(probe) => Some(probe),
        _ => None,
    });
    let blocks = of.filter(|p| p.instrument == metrics::TIME && p.cell.workload == workload);
    blocks.map(|probe| probe.block + 1).max().unwrap_or(0)
}
