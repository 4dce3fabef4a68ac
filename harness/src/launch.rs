//! The parent side of a probe: starts this same executable anew, asks it for samples, and gathers them.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use reports::record::{Cell, Failure, Function, Series};

use crate::child::{Child, Stop};
use crate::host;
use crate::protocol::{Level, Open, Reply, Request, Round, Sample, VERSION};

/// Where a child's addresses lie: the same for all contenders of a block, other in the next.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Layout {
    /// Bytes added to the environment, which moves the stack.
    pub(crate) padding: usize,
    /// Bytes leaked at the start, which move the heap.
    pub(crate) heap_offset: usize,
    /// Limit of the stack in bytes, below which all else is mapped; 0 leaves it, and where the kernel puts
    /// things at random.
    pub(crate) stack: u64,
}

impl Layout {
    /// One that is used for a block.
    pub(crate) fn drawn(random: &mut ChaCha8Rng) -> Layout {
        Layout {
            padding: random.random_range(0..4096),
            heap_offset: random.random_range(0..65536),
            // In pages. Below 128 MiB the kernel reckons with that much, and nothing would move.
            stack: random.random_range(36 << 10..68 << 10) << 12,
        }
    }
}

/// What all probes of a run have in common.
#[derive(Clone, Debug)]
pub(crate) struct Launcher {
    pub(crate) executable: PathBuf,
    /// Folder of the input files.
    pub(crate) inputs: PathBuf,
    /// The service, if a workload needs one.
    pub(crate) service: Option<SocketAddr>,
    /// How long a probe may take to answer one request.
    pub(crate) timeout: Duration,
    /// Private writable memory that a probe may have, in bytes; 0 for no limit.
    pub(crate) memory: u64,
    /// What slows the slowed control, in thousandths of a call's own wall time.
    pub(crate) handicap: u32,
}

/// One cell under one instrument.
pub(crate) struct CellRun<'a> {
    pub(crate) launcher: &'a Launcher,
    /// The instrument's name.
    pub(crate) instrument: &'a str,
    /// The program that the probe runs under, with its arguments; empty for none.
    pub(crate) wrapper: Vec<OsString>,
    pub(crate) cell: &'a Cell,
    pub(crate) seed: u64,
    /// Items of one call.
    pub(crate) items: u64,
    /// Bytes of input of one call.
    pub(crate) bytes: u64,
    /// Where the instrument leaves its file.
    pub(crate) file: Option<PathBuf>,
    pub(crate) layout: Layout,
    pub(crate) memory: u64,
    pub(crate) level: Level,
}

impl CellRun<'_> {
    /// The same with a memory limit of its own, in bytes; 0 for none.
    pub(crate) fn with_memory(&self, memory: u64) -> CellRun<'_> {
        let (file, wrapper) = (self.file.clone(), self.wrapper.clone());
        CellRun {
            file,
            wrapper,
            memory,
            ..*self
        }
    }

    /// The same by another instrument, which needs no wrapper and leaves no file.
    pub(crate) fn by<'b>(&'b self, instrument: &'b str) -> CellRun<'b> {
        CellRun {
            instrument,
            wrapper: Vec::new(),
            file: None,
            ..*self
        }
    }

    /// The same at another level and with addresses of its own.
    pub(crate) fn at<'b>(&'b self, level: Level, layout: Layout) -> CellRun<'b> {
        CellRun {
            wrapper: Vec::new(),
            file: None,
            layout,
            level,
            ..*self
        }
    }

    /// These series as what was sampled.
    pub(crate) fn sampled(&self, series: Vec<Series>) -> Sampled {
        Sampled {
            items: self.items,
            bytes: self.bytes,
            series,
            functions: Vec::new(),
        }
    }

    /// Starts a probe and opens the cell in it.
    pub(crate) fn open(&self) -> Result<Probe, Stop> {
        let mut probe = Probe::start(self.launcher, &self.wrapper, self.layout)?;
        let open = Request::Open(Box::new(Open {
            protocol: VERSION,
            cell: self.cell.clone(),
            instrument: self.instrument.to_owned(),
            inputs: self.launcher.inputs.clone(),
            file: self.file.clone(),
            service: self.launcher.service,
            heap_offset: self.layout.heap_offset,
            handicap: self.launcher.handicap,
            memory_limit: self.memory,
            level: self.level,
        }));
        match probe.ask(&open, self.launcher.timeout)? {
            Reply::Ready { items, bytes } => {
                probe.sampled = Sampled {
                    items,
                    bytes,
                    ..Sampled::default()
                };
                Ok(probe)
            }
            reply => Err(unexpected(&reply)),
        }
    }

    /// Takes the samples of `rounds` in one probe and waits until it has ended.
    pub(crate) fn probe(&self, rounds: &[Round]) -> Result<Sampled, Stop> {
        let mut probe = self.open()?;
        for round in rounds {
            probe.round(round, self.launcher.timeout)?;
        }
        probe.close(self.launcher.timeout)
    }
}

/// Everything that a probe has reported so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sampled {
    pub(crate) items: u64,
    pub(crate) bytes: u64,
    pub(crate) series: Vec<Series>,
    /// Where the last profile found the CPU.
    pub(crate) functions: Vec<Function>,
}

impl Sampled {
    fn add(&mut self, samples: Vec<Sample>) {
        for Sample {
            metric,
            unit,
            exact,
            value,
        } in samples
        {
            match self
                .series
                .iter_mut()
                .find(|series| series.metric == metric)
            {
                Some(series) => series.values.push(value),
                None => self.series.push(Series {
                    metric,
                    unit,
                    exact,
                    warm_up: 0,
                    values: vec![value],
                    places: Vec::new(),
                    level: None,
                }),
            }
        }
    }

    /// Leaves out the first value of each series, a warm-up that the instrument does not report.
    pub(crate) fn drop_first(&mut self) {
        for series in &mut self.series {
            series.values.remove(0);
        }
    }

    /// Adds the samples of another probe of the same cell.
    pub(crate) fn append(&mut self, other: Sampled) {
        for series in other.series {
            match self
                .series
                .iter_mut()
                .find(|mine| mine.metric == series.metric)
            {
                Some(mine) => mine.values.extend(series.values),
                None => self.series.push(series),
            }
        }
    }

    /// Puts samples that the parent has computed in place of the probe's.
    pub(crate) fn replace(&mut self, samples: Vec<Sample>) {
        self.series.clear();
        self.add(samples);
    }

    /// An exact metric whose values differ is a sampled one.
    pub(crate) fn demote(&mut self) {
        for series in &mut self.series {
            series.exact &= series.values.windows(2).all(|pair| pair[0] == pair[1]);
        }
    }
}

/// A child that is ready for rounds.
pub(crate) struct Probe {
    child: Child,
    pub(crate) sampled: Sampled,
}

impl Probe {
    fn start(launcher: &Launcher, wrapper: &[OsString], layout: Layout) -> Result<Probe, Stop> {
        let mut command = match wrapper {
            [] => Command::new(&launcher.executable),
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments).arg(&launcher.executable);
                command
            }
        };
        command
            .arg("probe")
            .env("TWOFOLD_PADDING", "x".repeat(layout.padding))
            // What a profiler or a killed probe leaves behind goes with the inputs.
            .env("TMPDIR", &launcher.inputs);
        if layout.stack > 0 {
            host::lay_out(&mut command, layout.stack);
        }
        let child = Child::start(command)?;
        Ok(Probe {
            child,
            sampled: Sampled::default(),
        })
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Takes one sample; returns it, and keeps it.
    pub(crate) fn round(&mut self, round: &Round, timeout: Duration) -> Result<Vec<Sample>, Stop> {
        match self.ask(&Request::Round(*round), timeout)? {
            Reply::Sampled { samples, functions } => {
                self.sampled.add(samples.clone());
                self.sampled.functions = functions;
                Ok(samples)
            }
            reply => Err(unexpected(&reply)),
        }
    }

    fn ask(&mut self, request: &Request, timeout: Duration) -> Result<Reply, Stop> {
        let line = serde_json::to_string(request)
            .map_err(|error| Stop::failed(Failure::Protocol, &error.to_string()))?;
        let answer = self.child.ask(&line, timeout)?;
        match serde_json::from_str(&answer) {
            Ok(Reply::Failed { failure, why }) => Err(Stop::Failed { failure, why }),
            Ok(Reply::NotMeasured { why }) => Err(Stop::NotMeasured { why }),
            Ok(reply) => Ok(reply),
            Err(error) => {
                let why = format!("its answer is not a reply: {error}");
                Err(Stop::failed(Failure::Protocol, &why))
            }
        }
    }

    /// Ends the input, waits for the end, and returns what was sampled.
    pub(crate) fn close(mut self, timeout: Duration) -> Result<Sampled, Stop> {
        self.child.end(timeout)?;
        Ok(self.sampled)
    }
}

fn unexpected(reply: &Reply) -> Stop {
    Stop::failed(
        Failure::Protocol,
        &format!("a reply out of order: {reply:?}"),
    )
}
