//! The parent side of a probe: starts this same executable anew, talks to it with a time limit, and
//! turns every way in which it can end into a value. No child outlives the value that stands for it.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child as Process, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use reports::record::{Cell, Failure, Series};

use crate::instruments::Instrument;
use crate::interrupt;
use crate::probe::OUT_OF_MEMORY;
use crate::protocol::{Open, Reply, Request, Round, Sample, VERSION};

/// Why a measurement stopped early.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stop {
    /// The cell did not do its work.
    Failed {
        failure: Failure,
        /// One clause, without a full stop.
        why: String,
    },
    /// The instrument does not apply.
    NotMeasured {
        /// One clause, without a full stop.
        why: String,
    },
    /// The user wants the run to end.
    Interrupted,
}

impl Stop {
    pub(crate) fn failed(failure: Failure, why: &str) -> Stop {
        Stop::Failed {
            failure,
            why: why.to_owned(),
        }
    }
}

/// Where a child's addresses lie: the same for all contenders of a block, other in the next.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Layout {
    /// Bytes added to the environment, which moves the stack.
    pub(crate) padding: usize,
    /// Bytes leaked at the start, which move the heap.
    pub(crate) heap_offset: usize,
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
}

/// One cell under one instrument.
pub(crate) struct CellRun<'a> {
    pub(crate) launcher: &'a Launcher,
    pub(crate) instrument: &'a dyn Instrument,
    pub(crate) cell: &'a Cell,
    pub(crate) seed: u64,
    /// Bytes of input of one call.
    pub(crate) bytes: u64,
    /// Where the instrument leaves its file.
    pub(crate) file: Option<PathBuf>,
    pub(crate) layout: Layout,
    pub(crate) memory: u64,
}

impl CellRun<'_> {
    /// The same with a memory limit of its own, in bytes.
    pub(crate) fn with_memory(&self, memory: u64) -> CellRun<'_> {
        CellRun {
            file: self.file.clone(),
            memory,
            ..*self
        }
    }

    /// Starts a probe and opens the cell in it.
    pub(crate) fn open(&self) -> Result<Probe, Stop> {
        let wrapper = self.instrument.wrapper(self.file.as_deref());
        let mut probe = Probe::start(&self.launcher.executable, &wrapper, self.layout)?;
        let open = Request::Open(Open {
            protocol: VERSION,
            cell: self.cell.clone(),
            instrument: self.instrument.name().to_owned(),
            inputs: self.launcher.inputs.clone(),
            file: self.file.clone(),
            service: self.launcher.service,
            heap_offset: self.layout.heap_offset,
            memory_limit: self.memory,
        });
        match probe.ask(&open, self.launcher.timeout)? {
            Reply::Ready { items, bytes } => {
                probe.sampled = Sampled {
                    items,
                    bytes,
                    series: Vec::new(),
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
    fn start(executable: &PathBuf, wrapper: &[OsString], layout: Layout) -> Result<Probe, Stop> {
        let mut command = match wrapper {
            [] => Command::new(executable),
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments).arg(executable);
                command
            }
        };
        command
            .arg("probe")
            .env("TWOFOLD_PADDING", "x".repeat(layout.padding));
        let child = Child::start(command)?;
        Ok(Probe {
            child,
            sampled: Sampled::default(),
        })
    }

    /// Takes one sample; returns it, and keeps it.
    pub(crate) fn round(&mut self, round: &Round, timeout: Duration) -> Result<Vec<Sample>, Stop> {
        match self.ask(&Request::Round(*round), timeout)? {
            Reply::Sampled { samples } => {
                self.sampled.add(samples.clone());
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
        self.child.input = None;
        let status = self.child.wait(timeout)?;
        if status.success() {
            Ok(self.sampled)
        } else {
            Err(ended(status, ""))
        }
    }
}

fn unexpected(reply: &Reply) -> Stop {
    Stop::failed(
        Failure::Protocol,
        &format!("a reply out of order: {reply:?}"),
    )
}

/// How a process ended that ought not to have.
fn ended(status: ExitStatus, said: &str) -> Stop {
    if status.code() == Some(OUT_OF_MEMORY) {
        return Stop::failed(Failure::OutOfMemory, "ran past its memory limit");
    }
    let said = if said.is_empty() {
        String::new()
    } else {
        format!(": {said}")
    };
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return Stop::failed(Failure::Killed, &format!("by signal {signal}{said}"));
    }
    let code = status.code().map_or("no exit code".to_owned(), |code| {
        format!("exit code {code}")
    });
    Stop::failed(
        Failure::Protocol,
        &format!("ended without an answer, {code}{said}"),
    )
}

/// The longest answer that is read.
const LONGEST_ANSWER: u64 = 1 << 20;
/// How often a wait looks whether the user wants the run to end.
const LOOK: Duration = Duration::from_millis(100);

/// A process that answers lines with lines; killed and reaped when dropped.
pub(crate) struct Child {
    process: Process,
    input: Option<ChildStdin>,
    answers: Receiver<io::Result<String>>,
    /// The last that it wrote on standard error.
    said: Arc<Mutex<Vec<u8>>>,
}

impl Child {
    /// Starts it in a process group of its own, so that Ctrl-C reaches only the harness.
    pub(crate) fn start(mut command: Command) -> Result<Child, Stop> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut process = command.spawn().map_err(|error| {
            let program = command.get_program().to_string_lossy();
            Stop::failed(Failure::Error, &format!("cannot start {program}: {error}"))
        })?;
        let input = process.stdin.take();
        let (sender, answers) = channel();
        let said = Arc::new(Mutex::new(Vec::new()));
        if let Some(output) = process.stdout.take() {
            thread::spawn(move || {
                let mut output = BufReader::new(output);
                loop {
                    let mut line = String::new();
                    let read = output.by_ref().take(LONGEST_ANSWER).read_line(&mut line);
                    let more = match &read {
                        Ok(0) => break,
                        Ok(_) => line.ends_with('\n'),
                        Err(_) => false,
                    };
                    let line = if more {
                        Ok(line)
                    } else {
                        Err(read
                            .err()
                            .unwrap_or_else(|| io::Error::other("an endless line")))
                    };
                    if sender.send(line).is_err() || !more {
                        break;
                    }
                }
            });
        }
        if let Some(mut errors) = process.stderr.take() {
            let said = Arc::clone(&said);
            thread::spawn(move || {
                let mut buffer = [0; 1024];
                while let Ok(n @ 1..) = errors.read(&mut buffer) {
                    if let Ok(mut said) = said.lock() {
                        said.extend_from_slice(&buffer[..n]);
                        let surplus = said.len().saturating_sub(1024);
                        said.drain(..surplus);
                    }
                }
            });
        }
        Ok(Child {
            process,
            input,
            answers,
            said,
        })
    }

    /// Writes a line and waits for the line that answers it.
    pub(crate) fn ask(&mut self, line: &str, timeout: Duration) -> Result<String, Stop> {
        // If it no longer reads, its end says more than this error.
        if let Some(input) = &mut self.input {
            let _ = input
                .write_all(format!("{line}\n").as_bytes())
                .and_then(|()| input.flush());
        }
        self.answer(timeout)
    }

    /// Waits for a line.
    pub(crate) fn answer(&mut self, timeout: Duration) -> Result<String, Stop> {
        let deadline = Instant::now() + timeout;
        loop {
            if interrupt::requested() {
                return Err(Stop::Interrupted);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.answers.recv_timeout(left.min(LOOK)) {
                Ok(Ok(line)) => return Ok(line),
                Ok(Err(error)) => {
                    let why = format!("its answer cannot be read: {error}");
                    return Err(Stop::failed(Failure::Protocol, &why));
                }
                Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                    let why = format!("no answer within {} s", timeout.as_secs_f64());
                    return Err(Stop::failed(Failure::TimedOut, &why));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.wait(Duration::from_secs(5))?;
                    return Err(ended(status, &self.last_words()));
                }
            }
        }
    }

    fn wait(&mut self, timeout: Duration) -> Result<ExitStatus, Stop> {
        let deadline = Instant::now() + timeout;
        let mut pause = Duration::from_micros(200);
        loop {
            match self.process.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if interrupt::requested() => return Err(Stop::Interrupted),
                Ok(None) if Instant::now() > deadline => {
                    return Err(Stop::failed(Failure::TimedOut, "does not end"));
                }
                Ok(None) => {
                    thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(20));
                }
                Err(error) => return Err(Stop::failed(Failure::Error, &error.to_string())),
            }
        }
    }

    /// The last line that it wrote on standard error.
    fn last_words(&self) -> String {
        let Ok(said) = self.said.lock() else {
            return String::new();
        };
        let said = String::from_utf8_lossy(&said);
        said.trim_end()
            .lines()
            .next_back()
            .unwrap_or_default()
            .trim()
            .to_owned()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Ok(Some(_)) = self.process.try_wait() {
            return;
        }
        #[cfg(unix)]
        // SAFETY: passes integers only. The process has not been reaped, so that its number, which is
        // that of its group, is still its own.
        unsafe {
            libc::kill(-(self.process.id() as i32), libc::SIGKILL)
        };
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
