//! The parallel engine: a pool of threads that claim pieces of the input from an atomic counter.
//!
//! Claiming lets a fast worker take more than a slow one, and it costs one atomic addition for a
//! piece of up to a quarter million items. Each worker has buffers and a part of the sink of its own,
//! so that nothing is shared while it works; parts are joined at the end, or piece by piece in the
//! order of the input for sinks that ask for it.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::blocks::{run_batch, run_keyed, run_range};
use crate::chunks::{FileChunks, ReaderChunks, Text, TextChunks, open, run_chunks};
use crate::cutter::Cutter;
use crate::engine::{Engine, Error};
use crate::exchange::{Connection, Limits, RESPONSE_BYTES};
use crate::in_order::InOrder;
use crate::item::{Bytes, Item, Keyed, Owned};
use crate::pipeline::Pipeline;
use crate::sink::{Order, SPAN, Sink};
use crate::source::{Files, Indexed, Protocol, Records, Requests};
use crate::stage::Stage;
use crate::whole::read_whole;
use crate::workers::{Crew, Memory, Threads, available_workers, continue_claims, run_claims};

/// Runs pipelines on several threads, which the engine starts with its first run that needs them and
/// keeps until it is dropped.
///
/// ```
/// use engines::{Engine, Parallel, Pipeline, sum};
///
/// let data: Vec<f64> = (0..1_000_000).map(f64::from).collect();
/// let squares = Pipeline::new().map(|x: f64| x * x);
/// let total = Parallel::default().workers(2).run(&data[..], &squares, sum()).unwrap();
/// assert_eq!(total.round(), 333332833333500000.0);
/// ```
///
/// A run that is started from a stage of another run of the same engine takes place on the thread
/// that started it. An error on one worker stops the others after the piece that they work on; while
/// a reader blocks, it stops them only once the read returns.
pub struct Parallel {
    workers: usize,
    worth_waking: Duration,
    chunk_bytes: usize,
    record_bytes: usize,
    worker_memory: usize,
    in_flight: usize,
    pool: OnceLock<Option<rayon::ThreadPool>>,
}

impl Default for Parallel {
    /// One worker for each processor that the process may use; no limit on memory.
    fn default() -> Self {
        Parallel {
            workers: available_workers(),
            worth_waking: Duration::from_micros(100),
            chunk_bytes: 512 << 10,
            record_bytes: 256 << 20,
            worker_memory: usize::MAX,
            in_flight: 256,
            pool: OnceLock::new(),
        }
    }
}

impl Parallel {
    /// Sets the number of workers, at least 1.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self.pool = OnceLock::new();
        self
    }

    /// Sets how much time the other workers must be expected to save on an indexed source before they
    /// are woken, 100 us unless set, which is what waking them can cost. Until then the calling thread
    /// works alone, and judges by how far it has come: so a short run is not slower than on one
    /// thread, whatever an item costs.
    pub fn worth_waking(mut self, saving: Duration) -> Self {
        self.worth_waking = saving;
        self
    }

    /// Sets the bytes of text that a worker claims at once, at least 1: 512 KiB unless set. A text
    /// that is shorter than one chunk for each worker is cut into smaller ones, of at least 16 KiB.
    pub fn chunk_bytes(mut self, bytes: usize) -> Self {
        self.chunk_bytes = bytes.max(1);
        self
    }

    /// Sets the bytes of the longest record of a file or a reader, 256 MiB unless set; a longer one is
    /// [`Error::Budget`].
    pub fn longest_record(mut self, bytes: usize) -> Self {
        self.record_bytes = bytes;
        self
    }

    /// Sets what a worker may hold, in bytes: a file or a chunk of text, and its part of the sink; what
    /// is joined may take as much as all workers together. More than that is [`Error::Budget`]. There
    /// is no limit unless it is set.
    pub fn worker_memory(mut self, bytes: usize) -> Self {
        self.worker_memory = bytes;
        self
    }

    /// Sets the number of requests that each worker has under way on its connection, at least 1: 256
    /// unless set.
    pub fn in_flight(mut self, requests: usize) -> Self {
        self.in_flight = requests.max(1);
        self
    }

    fn memory(&self) -> Memory {
        Memory::new(self.worker_memory, self.workers)
    }

    /// The pool, or the calling thread alone where there is no use for others.
    fn crew(&self, alone: bool) -> Workers<'_> {
        if alone || self.workers == 1 {
            return Workers::Caller;
        }
        let pool = self.pool.get_or_init(|| {
            let builder = rayon::ThreadPoolBuilder::new().num_threads(self.workers);
            // Where the system refuses the threads, the caller's does the work of all.
            builder.build().ok()
        });
        match pool {
            // A worker that waited for the others here might be the one that they wait for.
            Some(pool) if pool.current_thread_index().is_none() => Workers::Pool(pool),
            _ => Workers::Caller,
        }
    }

    /// Works alone until it is worth waking others; returns how many items are done.
    fn begin<X, S, K>(
        &self,
        source: X,
        stage: &S,
        sink: &K,
        part: &mut K::Part,
    ) -> Result<usize, Error>
    where
        X: Indexed,
        S: Stage<Owned<X::Item>>,
        K: Sink<S::Out>,
    {
        if self.workers > 1 && self.worth_waking.is_zero() {
            return Ok(0);
        }
        let mut local = stage.local();
        let (length, clock) = (source.len(), Instant::now());
        let (mut done, mut piece) = (0, FIRST_PIECE);
        while done < length {
            let size = if by_span::<S::Out, K>() { SPAN } else { piece };
            let end = (done + size).min(length);
            run_spans(source, done..end, stage, &mut local, sink, part)?;
            sink.flush(part);
            Memory::check(sink.bytes(part), self.memory().joined)?;
            done = end;
            piece = (2 * piece).min(SPAN);
            let taken = clock.elapsed();
            if taken > LOOK {
                let others = (self.workers - 1) as f64 / self.workers as f64;
                let saving = taken.as_secs_f64() / done as f64 * (length - done) as f64 * others;
                if saving > self.worth_waking.as_secs_f64() {
                    break;
                }
            }
        }
        Ok(done)
    }

    /// Bytes of a text that are claimed at once: less than set where the text is short.
    fn chunk(&self, length: u64) -> usize {
        let share = length / (self.workers as u64 * CLAIMS_PER_WORKER as u64);
        let least = self.chunk_bytes.min(16 << 10);
        usize::try_from(share)
            .unwrap_or(usize::MAX)
            .clamp(least, self.chunk_bytes)
    }
}

/// Runs the items at `range` and seals at the end of each span.
fn run_spans<X, S, K>(
    source: X,
    range: Range<usize>,
    stage: &S,
    local: &mut S::Local,
    sink: &K,
    part: &mut K::Part,
) -> Result<(), Error>
where
    X: Indexed,
    S: Stage<Owned<X::Item>>,
    K: Sink<S::Out>,
{
    let mut start = range.start;
    while start < range.end {
        let stop = (start + 1).next_multiple_of(SPAN).min(range.end);
        run_range(source, start..stop, stage, local, sink, part)?;
        if stop.is_multiple_of(SPAN) || stop == source.len() {
            sink.seal(part);
        }
        start = stop;
    }
    Ok(())
}

/// How many pieces a worker should find even in a small input, so that one that is held up can leave
/// work to the others.
const CLAIMS_PER_WORKER: usize = 8;

/// Items that the calling thread works on before it looks at the clock for the first time: few, since
/// one may take long.
const FIRST_PIECE: usize = 16;

/// How long the calling thread works before what it has done tells how long the rest will take.
const LOOK: Duration = Duration::from_micros(10);

/// Items of an iterator that are taken under one lock, where spans do not matter to the sink.
const BATCH: usize = 4096;

enum Workers<'p> {
    Caller,
    Pool(&'p rayon::ThreadPool),
}

impl Crew for Workers<'_> {
    fn size(&self) -> usize {
        match self {
            Workers::Caller => 1,
            Workers::Pool(pool) => pool.current_num_threads(),
        }
    }

    fn each<R: Send>(&self, work: impl Fn(usize) -> R + Sync) -> Vec<R> {
        match self {
            Workers::Caller => Threads(1).each(work),
            Workers::Pool(pool) => pool.broadcast(|context| work(context.index())),
        }
    }
}

/// Whether a sink needs a part for each span, so that its roundings fall in the same places.
fn by_span<Out: Item, K: Sink<Out>>() -> bool {
    K::ORDER == Order::Input && K::SPANS
}

impl Engine for Parallel {
    fn name(&self) -> &'static str {
        "parallel"
    }

    fn indexed<X, S, K>(
        &self,
        source: X,
        pipeline: &Pipeline<Owned<X::Item>, S>,
        sink: K,
    ) -> Result<K::Output, Error>
    where
        X: Indexed,
        S: Stage<Owned<X::Item>> + Sync,
        K: Sink<S::Out>,
    {
        let length = source.len();
        let stage = &pipeline.stage;
        let mut begun = sink.part();
        if S::ONE_TO_ONE {
            sink.reserve(&mut begun, length);
            Memory::check(sink.bytes(&begun), self.memory().joined)?;
        }
        let offset = self.begin(source, stage, &sink, &mut begun)?;
        if offset == length {
            return Ok(sink.finish(begun));
        }
        let crew = self.crew(false);
        let left = length - offset;
        let size = match left / (crew.size() * CLAIMS_PER_WORKER) {
            _ if by_span::<S::Out, K>() => SPAN,
            share @ 0..64 => share.max(1),
            share @ 64..SPAN => share.next_multiple_of(64),
            share => (share - share % SPAN).min(4 * SPAN),
        };
        let cursor = AtomicUsize::new(0);
        let joins = K::ORDER == Order::Input;
        let part = continue_claims(
            begun,
            &crew,
            &sink,
            self.memory(),
            || stage.local(),
            |_| {
                let number = cursor.fetch_add(1, Ordering::Relaxed);
                Ok((number < left.div_ceil(size)).then_some(number))
            },
            |local, number, part| {
                let start = offset + number * size;
                let end = (start + size).min(length);
                if S::ONE_TO_ONE && joins {
                    sink.reserve(part, end - start);
                }
                run_spans(source, start..end, stage, local, &sink, part)
            },
            || (),
        )?;
        Ok(sink.finish(part))
    }

    fn iterate<I, S, K>(
        &self,
        source: I,
        pipeline: &Pipeline<Owned<I::Item>, S>,
        sink: K,
    ) -> Result<K::Output, Error>
    where
        I: Iterator<Item: Send> + Send,
        S: Stage<Owned<I::Item>> + Sync,
        K: Sink<S::Out>,
    {
        // An upper bound that is known tells whether it is worth waking others.
        let crew = self.crew(source.size_hint().1.is_some_and(|most| most < 2));
        let size = if by_span::<S::Out, K>() { SPAN } else { BATCH };
        let shared = Mutex::new((source, 0));
        let part = run_claims(
            &crew,
            &sink,
            self.memory(),
            || (Vec::new(), pipeline.stage.local()),
            |(batch, _)| {
                // An iterator that has panicked is not asked again.
                let Ok(mut shared) = shared.lock() else {
                    return Ok(None);
                };
                let (items, number) = &mut *shared;
                batch.extend(items.by_ref().take(size));
                if batch.is_empty() {
                    return Ok(None);
                }
                *number += 1;
                Ok(Some(*number - 1))
            },
            |(batch, local), number, part| {
                let short = batch.len() < size;
                run_batch(batch, &pipeline.stage, local, &sink, part)?;
                if short || ((number + 1) * size).is_multiple_of(SPAN) {
                    sink.seal(part);
                }
                Ok(())
            },
            || (),
        )?;
        Ok(sink.finish(part))
    }

    fn records<S, K>(
        &self,
        source: Records<'_>,
        pipeline: &Pipeline<Bytes, S>,
        sink: K,
    ) -> Result<K::Output, Error>
    where
        S: Stage<Bytes> + Sync,
        K: Sink<S::Out>,
    {
        let stage = &pipeline.stage;
        let limit = self.record_bytes.min(self.worker_memory);
        let part = match open(source)? {
            Text::Memory(text) => {
                let size = self.chunk(text.len() as u64);
                let chunks = TextChunks::new(text, size);
                let crew = self.crew(text.len() <= size);
                run_chunks(&crew, &chunks, stage, &sink, self.memory())
            }
            Text::File { file, path, length } => {
                let size = self.chunk(length).min(limit).max(1);
                let chunks = FileChunks::new(file, path, length, size, limit);
                let crew = self.crew(length <= size as u64);
                run_chunks(&crew, &chunks, stage, &sink, self.memory())
            }
            Text::Reader(reader, path) => {
                let size = self.chunk_bytes.min(limit);
                let cutter = Cutter::new(reader, size, limit, true).of(path);
                let chunks = ReaderChunks::new(cutter);
                run_chunks(&self.crew(false), &chunks, stage, &sink, self.memory())
            }
        }?;
        Ok(sink.finish(part))
    }

    fn requests<P, S, K>(
        &self,
        source: Requests<'_, P>,
        pipeline: &Pipeline<Keyed<usize>, S>,
        sink: K,
    ) -> Result<K::Output, Error>
    where
        P: Protocol,
        S: Stage<Keyed<usize>> + Sync,
        K: Sink<S::Out>,
    {
        let length = source.keys.len();
        let crew = self.crew(length < 2);
        // A claim ends when its last response is there: it is long, so that this is rarely waited for.
        let size = (length / (crew.size() * 2)).clamp(1, 16 * self.in_flight);
        let limits = Limits {
            response_bytes: RESPONSE_BYTES.min(self.worker_memory),
            budget: (self.worker_memory < RESPONSE_BYTES).then_some(self.worker_memory),
            ..Limits::window(self.in_flight)
        };
        let cursor = AtomicUsize::new(0);
        let part = run_claims(
            &crew,
            &sink,
            self.memory(),
            || (None, pipeline.stage.local()),
            |_| {
                let number = cursor.fetch_add(1, Ordering::Relaxed);
                Ok((number < length.div_ceil(size)).then_some(number))
            },
            |(connection, local), number, part| {
                let connection = match connection {
                    Some(connection) => connection,
                    none => none.insert(Connection::open(source.address)?),
                };
                let range = number * size..((number + 1) * size).min(length);
                let empty = std::mem::replace(part, sink.part());
                let mut results = InOrder::new(empty, range.start);
                let mut exchange =
                    connection.pipelined(source.protocol, source.keys, range, limits);
                while exchange.step(|index, body| {
                    results.add(index, &sink, |part| {
                        run_keyed(body, index, &pipeline.stage, local, &sink, part)
                    })
                })? {
                    Memory::check(results.bytes(&sink) + exchange.bytes(), self.worker_memory)?;
                }
                *part = results.part;
                Ok(())
            },
            || (),
        )?;
        Ok(sink.finish(part))
    }

    fn files<S, K>(
        &self,
        source: Files<'_>,
        pipeline: &Pipeline<Keyed<usize>, S>,
        sink: K,
    ) -> Result<K::Output, Error>
    where
        S: Stage<Keyed<usize>> + Sync,
        K: Sink<S::Out>,
    {
        let paths = source.0;
        let cursor = AtomicUsize::new(0);
        let part = run_claims(
            &self.crew(paths.len() < 2),
            &sink,
            self.memory(),
            || {
                (
                    vec![0; FILE_BYTES.min(self.worker_memory)],
                    pipeline.stage.local(),
                )
            },
            |_| {
                let number = cursor.fetch_add(1, Ordering::Relaxed);
                Ok((number < paths.len()).then_some(number))
            },
            |(buffer, local), number, part| {
                let end = read_whole(&paths[number], buffer, 0, |bytes| {
                    Memory::check(bytes, self.worker_memory)
                })?;
                run_keyed(&buffer[..end], number, &pipeline.stage, local, &sink, part)
            },
            || (),
        )?;
        Ok(sink.finish(part))
    }
}

/// Bytes of a worker's buffer for files, until it meets a longer one.
const FILE_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests;
