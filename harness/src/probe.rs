//! The child side of a measurement: opens one cell under one instrument and takes samples until its
//! input ends. It runs in a process of its own, so that nothing measured before it can matter.

use std::io::{self, BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use reports::record::Failure;
use workloads::Setting;

use crate::allocator;
use crate::contenders::{self, Job};
use crate::host;
use crate::instruments::{self, Observed};
use crate::protocol::{OUT_OF_MEMORY, Open, Reply, Request, Round, VERSION};

/// Why a probe ends early, as it tells the harness.
struct End(Reply);

fn failed(failure: Failure, why: impl ToString) -> End {
    End(Reply::Failed {
        failure,
        why: one_clause(&why.to_string()),
    })
}

/// A message as one clause, without line breaks and without a full stop.
fn one_clause(message: &str) -> String {
    let clause = message.split_whitespace().collect::<Vec<_>>().join(" ");
    clause.trim_end_matches('.').to_owned()
}

/// Serves requests from standard input. The exit code is 0 only if every request was answered.
pub(crate) fn main() -> ExitCode {
    host::die_with_parent();
    host::exit_on_abort(allocator::exhausted, OUT_OF_MEMORY);
    std::panic::set_hook(Box::new(|_| {}));
    let stdin = io::stdin().lock();
    let mut stdout = io::stdout().lock();
    match serve(stdin, &mut stdout) {
        Ok(()) => ExitCode::SUCCESS,
        Err(End(reply)) => {
            // If the harness is gone there is nobody left to tell.
            let _ = say(&mut stdout, &reply);
            ExitCode::FAILURE
        }
    }
}

fn say(out: &mut impl Write, reply: &Reply) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    out.write_all(&line)?;
    out.flush()
}

fn serve(input: impl BufRead, out: &mut impl Write) -> Result<(), End> {
    let mut opened = None;
    for line in input.lines() {
        let line = line.map_err(|error| failed(Failure::Protocol, error))?;
        let request = serde_json::from_str(&line)
            .map_err(|error| failed(Failure::Protocol, format!("not a request: {error}")))?;
        let reply = match (request, &mut opened) {
            (Request::Open(open), None) => {
                let probe = Opened::new(*open)?;
                let (items, bytes) = probe.job.extent();
                opened = Some(probe);
                Reply::Ready { items, bytes }
            }
            (Request::Round(round), Some(probe)) => probe.round(&round)?,
            _ => return Err(failed(Failure::Protocol, "requests out of order")),
        };
        say(out, &reply).map_err(|error| failed(Failure::Protocol, error))?;
    }
    Ok(())
}

struct Opened {
    open: Open,
    instrument: &'static dyn instruments::Instrument,
    job: Box<dyn Job>,
}

impl Opened {
    fn new(open: Open) -> Result<Opened, End> {
        if open.protocol != VERSION {
            let why = format!("protocol {} asked for, {VERSION} spoken", open.protocol);
            return Err(failed(Failure::Protocol, why));
        }
        std::hint::black_box(vec![0u8; open.heap_offset].leak());
        let instrument = instruments::find(&open.instrument)
            .ok_or_else(|| failed(Failure::Protocol, "no such instrument"))?;
        let size = contenders::size(&open.cell.size)
            .ok_or_else(|| failed(Failure::Protocol, "no such size"))?;
        let setting = Setting {
            size,
            items: open.level.items,
            folder: open.inputs.clone(),
            service: open.service,
        };
        // Before any thread is started: those started later inherit it.
        if let Some(cores) = open.level.cores {
            host::keep_to_cores(cores).map_err(|why| End(Reply::NotMeasured { why }))?;
        }
        instrument.begin();
        let job = guarded(|| {
            Ok(contenders::open(
                &open.cell,
                &setting,
                open.handicap,
                open.level,
            ))
        })?
        .ok_or_else(|| failed(Failure::Protocol, "no such cell"))?;
        Ok(Opened {
            open,
            instrument,
            job,
        })
    }

    fn round(&mut self, round: &Round) -> Result<Reply, End> {
        guarded(|| self.job.load(round.seed))?;
        if self.open.memory_limit > 0 {
            self.limit()?;
        }
        let file = self.open.file.as_deref();
        let observed = guarded(|| self.instrument.observe(&mut *self.job, round, file))?;
        let (samples, functions) = match observed {
            Observed::Samples(samples) => (samples, Vec::new()),
            Observed::Profile(samples, functions) => (samples, functions),
            Observed::Nothing(why) => return Err(End(Reply::NotMeasured { why })),
        };
        guarded(|| Ok(self.job.check()))?.map_err(|wrong| failed(Failure::WrongAnswer, wrong))?;
        Ok(Reply::Sampled { samples, functions })
    }

    /// Sets the memory limit, above what the set-up has taken.
    fn limit(&mut self) -> Result<(), End> {
        let limit = host::private_memory()
            .and_then(|used| host::limit_memory(used + self.open.memory_limit));
        self.open.memory_limit = 0;
        limit.map_err(|why| End(Reply::NotMeasured { why }))
    }
}

/// Runs what belongs to the contender: an error or a panic ends the probe and is reported.
fn guarded<T>(f: impl FnOnce() -> Result<T, workloads::Error>) -> Result<T, End> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(Ok(value)) => Ok(value),
        // An allocation that failed under the limit, whatever the contender makes of it.
        Ok(Err(error)) if allocator::exhausted() => Err(failed(Failure::OutOfMemory, error)),
        Ok(Err(error)) => Err(failed(Failure::Error, error)),
        Err(panic) => {
            let message = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("a panic without a message");
            Err(failed(Failure::Error, format!("panicked: {message}")))
        }
    }
}
