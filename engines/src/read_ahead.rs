//! Reading on threads of its own, ahead of those that work: a reader in chunks of whole records, and
//! files in batches. A fixed number of buffers bounds how far ahead, and the memory.

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Scope};

use crate::blocks::{run_keyed, run_text};
use crate::cancel::Cancel;
use crate::conveyor::{Conveyor, Full};
use crate::cutter::Cutter;
use crate::depth::{Depth, Readers};
use crate::engine::Error;
use crate::explain::{Bytes as Size, Count};
use crate::item::{Bytes, Item, Keyed};
use crate::memory::Memory;
use crate::sink::Sink;
use crate::stage::Stage;
use crate::whole::read_whole;
use crate::workers::{Crew, OnDrop, run_claims};

/// Buffers for each thread that reads: one to fill, and one or two that wait or are worked on.
const BUFFERS: usize = 3;

/// Files that a thread claims at once, at most.
const FILES: usize = 32;

/// How far ahead of so many workers [`run_reader`] reads, in words.
pub(crate) fn of_reader(workers: usize) -> String {
    let buffers = workers + BUFFERS - 1;
    format!(
        "1 thread that reads, up to {} in all",
        Count(buffers, "chunk")
    )
}

/// How far ahead [`run_files`] reads with so many threads, in words.
pub(crate) fn of_files(threads: &str) -> String {
    format!("{threads} to read, with {BUFFERS} batches each")
}

/// The batches of [`run_files`], in words.
pub(crate) fn batches(size: usize) -> String {
    format!("up to {FILES} files, of about {} together", Size(size))
}

/// A chunk of text.
#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    length: usize,
}

/// Contents of files, end to end.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    /// Position of the first file in the list of paths.
    first: usize,
    /// Where each file's contents end.
    ends: Vec<usize>,
}

/// Runs the records that `cutter` yields, read on a thread of its own.
pub(crate) fn run_reader<R, S, K>(
    crew: &(impl Crew + Sync),
    mut cutter: Cutter<R>,
    stage: &S,
    sink: &K,
    memory: Memory,
) -> Result<K::Part, Error>
where
    R: Read + Send,
    S: Stage<Bytes> + Sync,
    K: Sink<S::Out>,
{
    let conveyor = Conveyor::new(1, crew.size() + BUFFERS - 1);
    // One thread reads, so that nobody else wants the lock.
    let cutter = Mutex::new(&mut cutter);
    let read = |_, _: &dyn Fn()| {
        let mut cutter = cutter.lock().unwrap_or_else(PoisonError::into_inner);
        let mut number = 0;
        while let Some(mut chunk) = conveyor.take_free(0) {
            let Chunk { bytes, length } = &mut chunk;
            *length = cutter.next(bytes, || !conveyor.halted())?;
            if *length == 0 {
                break;
            }
            conveyor.put_full(0, number..number + 1, chunk);
            number += 1;
        }
        Ok(())
    };
    run_ahead(
        crew,
        Readers::fixed(1),
        read,
        &conveyor,
        || stage.local(),
        |chunk: &Chunk, local: &mut S::Local, part: &mut K::Part| {
            run_text(
                &chunk.bytes[..chunk.length],
                memory.record,
                stage,
                local,
                sink,
                part,
            )
        },
        sink,
        memory,
    )
}

/// Runs the files at `paths`, read on as many threads as `readers` says into buffers of about `size`
/// bytes, which grow for a file that is longer. If `cancel` is used, the files that were begun are run.
#[expect(
    clippy::too_many_arguments,
    reason = "what to read and how, and what becomes of it"
)]
pub(crate) fn run_files<S, K>(
    crew: &(impl Crew + Sync),
    readers: Readers,
    paths: &[PathBuf],
    size: usize,
    stage: &S,
    sink: &K,
    memory: Memory,
    cancel: Option<&Cancel>,
) -> Result<K::Part, Error>
where
    S: Stage<Keyed<usize>> + Sync,
    K: Sink<S::Out>,
{
    let readers = readers.at_most(paths.len());
    // Few files are shared out one by one: where each has to be waited for, depth is everything.
    let share = (paths.len() / (4 * readers.most)).clamp(1, FILES);
    let conveyor = Conveyor::<Batch>::new(readers.most, BUFFERS);
    let cursor = AtomicUsize::new(0);
    let depth = Depth::new(readers);
    let read_batches = |reader, more: &dyn Fn()| {
        loop {
            // Before anything is claimed: what is read has no gaps, and all of it is run.
            if cancel.is_some_and(Cancel::is_cancelled)
                && cursor.load(Ordering::Relaxed) < paths.len()
            {
                return Err(Error::Cancelled);
            }
            let mut start = cursor.fetch_add(share, Ordering::Relaxed);
            if start >= paths.len() {
                return Ok(());
            }
            let end = (start + share).min(paths.len());
            while start < end {
                let Some(mut batch) = conveyor.take_free(reader) else {
                    return Ok(());
                };
                if batch.bytes.is_empty() {
                    batch.bytes.resize(size.min(memory.worker), 0);
                }
                batch.first = start;
                batch.ends.clear();
                let mut filled = 0;
                let watch = depth.watch();
                // One file at least; more while most of the buffer is free.
                while start < end && (batch.ends.is_empty() || filled < size / 2) {
                    let allow = |bytes| Memory::check(bytes, memory.worker);
                    filled = read_whole(&paths[start], &mut batch.bytes, filled, allow)?;
                    batch.ends.push(filled);
                    start += 1;
                }
                if depth.is_short(watch, batch.ends.len()) {
                    more();
                }
                conveyor.put_full(reader, batch.first..start, batch);
            }
        }
    };
    let read = |reader, more: &dyn Fn()| {
        let result = read_batches(reader, more);
        if !matches!(result, Ok(()) | Err(Error::Cancelled)) {
            // The others must not wait for what will never come.
            conveyor.halt();
        }
        result
    };
    run_ahead(
        crew,
        readers,
        read,
        &conveyor,
        || stage.local(),
        |batch: &Batch, local: &mut S::Local, part: &mut K::Part| {
            let mut start = 0;
            for (i, end) in batch.ends.iter().enumerate() {
                let contents = &batch.bytes[start..*end];
                run_keyed(contents, batch.first + i, stage, local, sink, part)?;
                start = *end;
            }
            Ok(())
        },
        sink,
        memory,
    )
}

/// Lets `fill` run on threads of its own, each with its number, while the crew works on what the
/// conveyor brings. There are as many as `readers` says, and one more whenever one of them calls the
/// function that it is given, up to the greatest number.
#[expect(
    clippy::too_many_arguments,
    reason = "two kinds of threads, and what each is to do"
)]
fn run_ahead<B, F, T, Out, K>(
    crew: &(impl Crew + Sync),
    readers: Readers,
    fill: F,
    conveyor: &Conveyor<B>,
    local: impl Fn() -> T + Sync,
    work: impl Fn(&B, &mut T, &mut K::Part) -> Result<(), Error> + Sync,
    sink: &K,
    memory: Memory,
) -> Result<K::Part, Error>
where
    B: Default + Send,
    F: Fn(usize, &dyn Fn()) -> Result<(), Error> + Sync,
    Out: Item,
    K: Sink<Out>,
{
    let fillers = Fillers {
        fill,
        conveyor,
        most: readers.most,
        started: AtomicUsize::new(0),
        ended: Mutex::new(Vec::new()),
    };
    let result = thread::scope(|scope| {
        // When the emptiers are gone, for better or worse, whatever is still to be read is not wanted: the
        // scope waits for the fillers, also where a panic leaves it.
        let _halts = OnDrop(|| conveyor.halt());
        for number in 0..readers.first {
            let started = fillers.start(scope);
            // Those that there are do the work of all.
            if number == 0 {
                started.map_err(Error::io("start a thread that reads"))?;
            }
        }
        run_claims(
            crew,
            sink,
            memory,
            || (None::<Full<B>>, local()),
            |(held, _)| {
                if let Some(held) = held.take() {
                    conveyor.put_free(held);
                }
                Ok(conveyor.take_full().map(|(number, full)| {
                    *held = Some(full);
                    number
                }))
            },
            |(held, local), _, part| {
                let held = held.as_ref().expect("the piece just claimed");
                work(&held.buffer, local, part)
            },
            || conveyor.halt(),
        )
    });
    let ended = fillers.ended.into_inner();
    for ended in ended.unwrap_or_else(PoisonError::into_inner) {
        match ended {
            Ok(read) => read?,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
    result
}

/// Threads that fill buffers.
struct Fillers<'c, B, F> {
    fill: F,
    conveyor: &'c Conveyor<B>,
    most: usize,
    started: AtomicUsize,
    /// How those have ended that have.
    ended: Mutex<Vec<thread::Result<Result<(), Error>>>>,
}

impl<B, F> Fillers<'_, B, F>
where
    B: Default + Send,
    F: Fn(usize, &dyn Fn()) -> Result<(), Error> + Sync,
{
    /// Starts one more thread, unless there are as many as may be.
    fn start<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>) -> io::Result<()> {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        if number >= self.most {
            return Ok(());
        }
        self.conveyor.begin();
        let more = move || {
            // Those that there are do the work of all.
            let _ = self.start(scope);
        };
        let body = move || {
            // Nobody sees what a panic has left: it ends the run, and goes on in the caller.
            let fill = AssertUnwindSafe(|| (self.fill)(number, &more));
            let ended = catch_unwind(fill);
            if ended.is_err() {
                self.conveyor.halt();
            }
            let mut all = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(ended);
            drop(all);
            self.conveyor.end();
        };
        let started = thread::Builder::new().spawn_scoped(scope, body);
        if started.is_err() {
            self.conveyor.end();
        }
        started.map(drop)
    }
}
