//! Every workload with everything that contends in it, and how to open one of them as a [`Job`].
//!
//! Workloads and engines have types of their own and are visited, never listed here: the lists are in
//! their own crates, next to the modules.

use std::marker::PhantomData;
use std::time::Instant;

use engines::{Async, Engine};
use reports::record::{CONTROL, Cell, HANDICAP};
use workloads::{Answer, Error, Mismatch, Needs, Setting, Size, Workload};

use crate::protocol::Level;

/// The only thing that is ever measured. Nothing but [`Job::run`] happens inside a measured call.
pub trait Job {
    /// Makes the input of a seed the current one; the buffers of the last answer go into it.
    fn load(&mut self, seed: u64) -> Result<(), Error>;

    /// Does the work once and keeps the answer.
    fn run(&mut self) -> Result<(), Error>;

    /// Makes ready to run again on the same input.
    fn again(&mut self);

    /// Compares the answer with the reference.
    fn check(&self) -> Result<(), Mismatch>;

    /// Items and bytes of input that one run processes.
    fn extent(&self) -> (u64, u64);
}

/// A workload as the plan sees it.
#[derive(Clone, Debug)]
pub struct Case {
    /// `family/case`.
    pub name: &'static str,
    /// What is done, without a full stop.
    pub about: &'static str,
    /// Whether it needs the service.
    pub service: bool,
    /// Items and bytes of input that one run processes at a size.
    pub extent: fn(Size) -> (u64, u64),
    /// What one run takes at the least at a size.
    pub needs: fn(Size) -> Needs,
    /// Baselines first, then engines, in a stable order.
    pub contenders: Vec<&'static str>,
}

/// The engine whose number of requests in flight can be set for a measurement.
pub const IN_FLIGHT: &str = "async";

/// The names of the baselines that every workload carries.
pub const BASELINES: [&str; 2] = ["eager", "idiomatic"];

/// Every case. Fixtures misbehave on purpose, to test the harness itself.
pub fn cases(fixtures: bool) -> Vec<Case> {
    let engines = engine_names();
    let mut list = List {
        engines,
        cases: Vec::new(),
    };
    workloads::each(&mut list);
    if fixtures {
        crate::fixtures::each(&mut list);
    }
    list.cases
}

/// The names of the engines.
pub fn engine_names() -> Vec<&'static str> {
    struct Names(Vec<&'static str>);
    impl engines::Visitor for Names {
        fn visit<E: Engine + Default + 'static>(&mut self, engine: E) {
            self.0.push(engine.name());
        }
    }
    let mut names = Names(Vec::new());
    engines::each(&mut names);
    names.0
}

struct List {
    engines: Vec<&'static str>,
    cases: Vec<Case>,
}

impl workloads::Visitor for List {
    fn visit<W: Workload>(&mut self, _: W) {
        let contenders = BASELINES.iter().chain(&self.engines).copied().collect();
        self.cases.push(Case {
            name: W::NAME,
            about: W::ABOUT,
            service: W::SERVICE,
            extent: |size| {
                let workload = W::default();
                (workload.items(size), workload.bytes(size))
            },
            needs: |size| W::default().needs(size),
            contenders,
        });
    }
}

/// Opens a cell, or `None` if there is no such workload or contender. `handicap` is what slows the
/// slowed control, in thousandths of a call's own wall time; of `level` the requests in flight count here.
pub fn open(cell: &Cell, setting: &Setting, handicap: u32, level: Level) -> Option<Box<dyn Job>> {
    let mut find = Find {
        cell,
        setting,
        handicap,
        in_flight: level.in_flight,
        job: None,
    };
    workloads::each(&mut find);
    crate::fixtures::each(&mut find);
    find.job.or_else(|| crate::known::open(cell))
}

struct Find<'a> {
    cell: &'a Cell,
    setting: &'a Setting,
    handicap: u32,
    in_flight: Option<u32>,
    job: Option<Box<dyn Job>>,
}

impl workloads::Visitor for Find<'_> {
    fn visit<W: Workload>(&mut self, _: W) {
        let cell = self.cell;
        if W::NAME != cell.workload {
            return;
        }
        self.job = match cell.contender.as_str() {
            "eager" => Some(boxed(self.setting, W::eager)),
            "idiomatic" | CONTROL => Some(boxed(self.setting, W::idiomatic)),
            HANDICAP => Some(Box::new(Slowed {
                job: boxed(self.setting, W::idiomatic),
                share: f64::from(self.handicap) / 1000.0,
            })),
            IN_FLIGHT if self.in_flight.is_some() => {
                let in_flight = self.in_flight.unwrap_or(1) as usize;
                let engine = Async::default().in_flight(in_flight);
                let run = move |workload: &W, input: &mut W::Input| workload.run(&engine, input);
                Some(boxed(self.setting, run))
            }
            name => {
                let mut on = OnEngine::<W> {
                    name,
                    setting: self.setting,
                    job: None,
                    of: PhantomData,
                };
                engines::each(&mut on);
                on.job
            }
        };
    }
}

struct OnEngine<'a, W> {
    name: &'a str,
    setting: &'a Setting,
    job: Option<Box<dyn Job>>,
    of: PhantomData<fn() -> W>,
}

impl<W: Workload> engines::Visitor for OnEngine<'_, W> {
    fn visit<E: Engine + Default + 'static>(&mut self, engine: E) {
        if engine.name() == self.name {
            self.job = Some(boxed(
                self.setting,
                move |workload: &W, input: &mut W::Input| workload.run(&engine, input),
            ));
        }
    }
}

fn boxed<W, R>(setting: &Setting, run: R) -> Box<dyn Job>
where
    W: Workload,
    R: Fn(&W, &mut W::Input) -> Result<Answer, Error> + 'static,
{
    let setting = setting.clone();
    Box::new(Contender {
        workload: W::default(),
        setting,
        run,
        input: None,
        answer: None,
    })
}

struct Contender<W: Workload, R> {
    workload: W,
    setting: Setting,
    run: R,
    input: Option<W::Input>,
    answer: Option<Answer>,
}

impl<W, R> Job for Contender<W, R>
where
    W: Workload,
    R: Fn(&W, &mut W::Input) -> Result<Answer, Error>,
{
    fn load(&mut self, seed: u64) -> Result<(), Error> {
        // The old input goes first, so that two never lie in memory at once.
        self.input = None;
        let mut next = self.workload.prepare(&self.setting, seed)?;
        if let Some(answer) = self.answer.take() {
            self.workload.reuse(answer, &mut next);
        }
        self.input = Some(next);
        Ok(())
    }

    fn run(&mut self) -> Result<(), Error> {
        let input = self.input.as_mut().ok_or("run before load")?;
        debug_assert!(
            self.answer.is_none(),
            "dropping an answer would be measured"
        );
        self.answer = Some((self.run)(&self.workload, input)?);
        Ok(())
    }

    fn again(&mut self) {
        if let (Some(answer), Some(input)) = (self.answer.take(), self.input.as_mut()) {
            self.workload.reuse(answer, input);
        }
    }

    fn check(&self) -> Result<(), Mismatch> {
        let (Some(answer), Some(input)) = (&self.answer, &self.input) else {
            let place = "the run".to_owned();
            let (expected, got) = ("an answer".to_owned(), "none".to_owned());
            return Err(Mismatch {
                place,
                expected,
                got,
            });
        };
        answer
            .differs(&self.workload.reference(input))
            .map_or(Ok(()), Err)
    }

    fn extent(&self) -> (u64, u64) {
        let setting = &self.setting;
        let items = self.workload.items(setting.size);
        let bytes = self.workload.bytes(setting.size);
        (setting.items(items), setting.bytes(items, bytes))
    }
}

/// A job that takes longer by a known share: after its work it keeps the core busy.
struct Slowed {
    job: Box<dyn Job>,
    share: f64,
}

impl Job for Slowed {
    fn load(&mut self, seed: u64) -> Result<(), Error> {
        self.job.load(seed)
    }

    fn run(&mut self) -> Result<(), Error> {
        let begun = Instant::now();
        self.job.run()?;
        let until = begun.elapsed().mul_f64(1.0 + self.share);
        while begun.elapsed() < until {
            std::hint::spin_loop();
        }
        Ok(())
    }

    fn again(&mut self) {
        self.job.again();
    }

    fn check(&self) -> Result<(), Mismatch> {
        self.job.check()
    }

    fn extent(&self) -> (u64, u64) {
        self.job.extent()
    }
}

/// The sizes by name.
pub const SIZES: [(&str, Size); 4] = [
    ("tiny", Size::Tiny),
    ("quick", Size::Quick),
    ("default", Size::Default),
    ("large", Size::Large),
];

/// The size of a name.
pub fn size(name: &str) -> Option<Size> {
    SIZES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, size)| *size)
}

/// The name of a size.
pub fn name_of(size: Size) -> &'static str {
    SIZES
        .iter()
        .find(|(_, known)| *known == size)
        .map_or("default", |(name, _)| name)
}
