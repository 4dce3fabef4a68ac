//! Reading on threads of its own, ahead of those that work: a reader in chunks of whole records, and
//! files in batches. A fixed number of buffers bounds how far ahead, and the memory.

use std::io::Read;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ScopedJoinHandle};

use crate::blocks::{run_keyed, run_text};
use crate::conveyor::{Conveyor, Full};
use crate::cutter::Cutter;
use crate::engine::Error;
use crate::item::{Bytes, Item, Keyed};
use crate::sink::Sink;
use crate::stage::Stage;
use crate::whole::read_whole;
use crate::workers::{Crew, Memory, run_claims};

/// Buffers for each thread that reads: one to fill, and one or two that wait or are worked on.
const BUFFERS: usize = 3;

/// Files that a thread claims at once, at most.
const FILES: usize = 32;

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
    let read = |_| {
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
        [read],
        &conveyor,
        || stage.local(),
        |chunk: &Chunk, local: &mut S::Local, part: &mut K::Part| {
            run_text(&chunk.bytes[..chunk.length], stage, local, sink, part)
        },
        sink,
        memory,
    )
}

/// Runs the files at `paths`, read on `readers` threads into buffers of about `size` bytes, which
/// grow for a file that is longer.
pub(crate) fn run_files<S, K>(
    crew: &(impl Crew + Sync),
    readers: usize,
    paths: &[PathBuf],
    size: usize,
    stage: &S,
    sink: &K,
    memory: Memory,
) -> Result<K::Part, Error>
where
    S: Stage<Keyed<usize>> + Sync,
    K: Sink<S::Out>,
{
    let readers = readers.clamp(1, paths.len().max(1));
    // Few files are shared out one by one: where each has to be waited for, depth is everything.
    let share = (paths.len() / (4 * readers)).clamp(1, FILES);
    let conveyor = Conveyor::<Batch>::new(readers, BUFFERS);
    let cursor = AtomicUsize::new(0);
    let read_batches = |reader| {
        loop {
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
                // One file at least; more while most of the buffer is free.
                while start < end && (batch.ends.is_empty() || filled < size / 2) {
                    let allow = |bytes| Memory::check(bytes, memory.worker);
                    filled = read_whole(&paths[start], &mut batch.bytes, filled, allow)?;
                    batch.ends.push(filled);
                    start += 1;
                }
                conveyor.put_full(reader, batch.first..start, batch);
            }
        }
    };
    let read = |reader| {
        let result = read_batches(reader);
        if result.is_err() {
            // The others must not wait for what will never come.
            conveyor.halt();
        }
        result
    };
    run_ahead(
        crew,
        (0..readers).map(|_| &read),
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

/// Lets each of `fillers` run on a thread of its own with its number, while the crew works on what
/// the conveyor brings.
fn run_ahead<B, F, T, Out, K>(
    crew: &(impl Crew + Sync),
    fillers: impl IntoIterator<Item = F>,
    conveyor: &Conveyor<B>,
    local: impl Fn() -> T + Sync,
    work: impl Fn(&B, &mut T, &mut K::Part) -> Result<(), Error> + Sync,
    sink: &K,
    memory: Memory,
) -> Result<K::Part, Error>
where
    B: Default + Send,
    F: FnOnce(usize) -> Result<(), Error> + Send,
    Out: Item,
    K: Sink<Out>,
{
    thread::scope(|scope| {
        let mut threads: Vec<ScopedJoinHandle<'_, Result<(), Error>>> = Vec::new();
        let mut failed = None;
        for (number, fill) in fillers.into_iter().enumerate() {
            let body = move || {
                // Also when the filler panics: whoever empties must not wait for it.
                let _ended = Ended(conveyor);
                fill(number)
            };
            match thread::Builder::new().spawn_scoped(scope, body) {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    conveyor.end();
                    failed = Some(error);
                }
            }
        }
        if threads.is_empty()
            && let Some(error) = failed
        {
            return Err(Error::io("start a thread that reads")(error));
        }
        let result = run_claims(
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
        );
        // The emptiers are gone, for better or worse: whatever is still to be read is not wanted.
        conveyor.halt();
        let mut read = Ok(());
        for thread in threads {
            match thread.join() {
                Ok(result) => read = read.and(result),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        read.and(result)
    })
}

/// Tells the conveyor, when dropped, that a filler has ended.
struct Ended<'c, B: Default>(&'c Conveyor<B>);

impl<B: Default> Drop for Ended<'_, B> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.halt();
        }
        self.0.end();
    }
}
