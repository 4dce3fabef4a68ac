//! The parallel engine: a pool of threads that claim pieces of the input from an atomic counter.
//!
//! Claiming lets a fast worker take more than a slow one, and it costs one atomic addition for a
//! piece of up to a quarter million items. Each worker has buffers and a part of the sink of its own,
//! so that nothing is shared while it works; parts are joined at the end, or piece by piece in the
//! order of the input for sinks that ask for it.

mod explain;
mod indexed;
mod iterator;
mod pace;
mod records;
mod requests;

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use self::pace::Alone;
use crate::blocks::run_keyed;
use crate::chunks::{FileChunks, MOST_CHUNK, ReaderChunks, Text, TextChunks, open};
use crate::cutter::Cutter;
use crate::engine::{Engine, Error};
use crate::explain::{Settings, Work};
use crate::item::{Bytes, Item, Keyed, Owned};
use crate::memory::{LONGEST_RECORD, Memory, PARTS};
use crate::pipeline::Pipeline;
use crate::sink::Sink;
use crate::source::{Files, Indexed, Protocol, Records, Requests};
use crate::stage::Stage;
use crate::whole::read_whole;
use crate::workers::{Crew, MOST_WORKERS, available_workers, run_claims};

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
/// The calling thread is one of the workers. A run that is started from a stage of another parallel run
/// takes place on the thread that started it, and so does one that finds the engine's threads at work
/// for another run: no run waits for another. An error on one worker stops the others after the piece that they work on; while
/// a reader blocks, it stops them only once the read returns.
pub struct Parallel {
    workers: usize,
    worth_waking: Duration,
    chunk_bytes: usize,
    record_bytes: usize,
    worker_memory: usize,
    in_flight: usize,
    capacity: usize,
    pool: OnceLock<Option<rayon::ThreadPool>>,
    /// Whether a run has the pool.
    taken: AtomicBool,
}

impl Default for Parallel {
    /// One worker for each processor that the process may use; no limit on memory.
    fn default() -> Self {
        Parallel {
            workers: available_workers(),
            worth_waking: Duration::from_micros(100),
            chunk_bytes: 512 << 10,
            record_bytes: LONGEST_RECORD,
            worker_memory: usize::MAX,
            in_flight: 256,
            capacity: PARTS,
            pool: OnceLock::new(),
            taken: AtomicBool::new(false),
        }
    }
}

impl Parallel {
    /// Sets the number of workers, at least 1 and at most 4,096.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.clamp(1, MOST_WORKERS);
        self.pool = OnceLock::new();
        self
    }

    /// Sets how much time the other workers must be expected to save on records or items before they
    /// are woken, 100 us unless set, which is what waking them can cost. Until then the calling thread
    /// works alone, and judges by how far it has come: so a short run is not slower than on one
    /// thread, whatever an item costs. A sink that rounds by spans, such as [`sum`](crate::sum), is given
    /// whole spans, so that nothing overlaps before two of them are left behind the first.
    #[must_use]
    pub fn worth_waking(mut self, saving: Duration) -> Self {
        self.worth_waking = saving;
        self
    }

    /// Sets the bytes of text that a worker claims at once, 1 to 1 GiB: 512 KiB unless set. A text
    /// that is shorter than one chunk for each worker is cut into smaller ones, of at least 16 KiB, and so
    /// are the beginning of each text and its end.
    #[must_use]
    pub fn chunk_bytes(mut self, bytes: usize) -> Self {
        self.chunk_bytes = bytes.clamp(1, MOST_CHUNK);
        self
    }

    /// Sets the bytes of the longest record, without its line end, 256 MiB unless set; a longer one is
    /// [`Error::Record`].
    #[must_use]
    pub fn longest_record(mut self, bytes: usize) -> Self {
        self.record_bytes = bytes;
        self
    }

    /// Sets what a worker may hold, in bytes: a file or a chunk of text, and its part of the sink; what
    /// is joined may take as much as all workers together. More than that is [`Error::Budget`]. There
    /// is no limit unless it is set.
    #[must_use]
    pub fn memory(mut self, bytes: usize) -> Self {
        self.worker_memory = bytes;
        self
    }

    /// Sets the number of requests that each worker has under way on its connection, at least 1 and at
    /// most 1,048,576: 256 unless set.
    #[must_use]
    pub fn in_flight(mut self, requests: usize) -> Self {
        self.in_flight = requests.clamp(1, 1 << 20);
        self
    }

    /// Sets how many parts of an ordered result may be under way for each worker, at least 1: 4 unless
    /// set. A part is what a sink like [`collect`](crate::collect) or [`batches`](crate::batches) has
    /// made of one piece of the input. Whoever is that far ahead of the slowest piece waits for it: more
    /// parts take more memory, and fewer workers wait where pieces differ in cost. Parts that are
    /// written in place, as `collect` does where it knows how many results come, are not counted.
    #[must_use]
    pub fn capacity(mut self, parts: usize) -> Self {
        self.capacity = parts.max(1);
        self
    }

    fn limits(&self) -> Memory {
        let memory = Memory::new(self.worker_memory, self.workers);
        Memory {
            parts: self.capacity,
            record: self.record_bytes,
            ..memory
        }
    }

    fn alone(&self) -> Alone {
        Alone::new(self.workers, self.worth_waking)
    }

    /// The calling thread and the pool, or the calling thread alone where there is no use for others.
    fn crew_for(&self, pieces: usize) -> Workers<'_> {
        if pieces < 2 {
            return Workers(None);
        }
        self.crew()
    }

    fn crew(&self) -> Workers<'_> {
        // A worker that waited for others here might be the one that they wait for.
        if self.workers == 1 || WORKS.get() {
            return Workers(None);
        }
        let pool = self.pool.get_or_init(|| {
            let builder = rayon::ThreadPoolBuilder::new().num_threads(self.workers - 1);
            // Where the system refuses the threads, the caller's does the work of all.
            builder.build().ok()
        });
        let Some(pool) = pool else {
            return Workers(None);
        };
        let free = !self.taken.swap(true, Ordering::Acquire);
        Workers(free.then(|| Taken {
            pool,
            flag: &self.taken,
        }))
    }

    /// Bytes of a text that are claimed at once: less than set where the text is short.
    fn chunk(&self, length: u64) -> usize {
        let share = length / (self.workers as u64 * CLAIMS_PER_WORKER as u64);
        let least = self.chunk_bytes.min(LEAST_CHUNK);
        usize::try_from(share)
            .unwrap_or(usize::MAX)
            .clamp(least, self.chunk_bytes)
    }
}

/// Bytes of the shortest chunk, unless shorter ones are asked for.
const LEAST_CHUNK: usize = 16 << 10;

/// How many pieces a worker should find even in a small input, so that one that is held up can leave
/// work to the others.
const CLAIMS_PER_WORKER: usize = 8;

/// The calling thread and those of a pool, if there is one: the caller works on while they wake up.
struct Workers<'p>(Option<Taken<'p>>);

/// A pool that works for one run: the threads of a second one would wait for those of the first, which
/// may in turn wait for the second.
struct Taken<'p> {
    pool: &'p rayon::ThreadPool,
    flag: &'p AtomicBool,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.flag.store(false, Ordering::Release);
    }
}

thread_local! {
    /// Whether the thread works for a run that has several workers.
    static WORKS: Cell<bool> = const { Cell::new(false) };
}

/// Calls `work` as a worker of a run.
fn as_worker<R>(work: impl FnOnce() -> R) -> R {
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            WORKS.set(self.0);
        }
    }
    let _before = Before(WORKS.replace(true));
    work()
}

impl Crew for Workers<'_> {
    fn size(&self) -> usize {
        let taken = self.0.as_ref();
        1 + taken.map_or(0, |taken| taken.pool.current_num_threads())
    }

    fn each<R: Send>(&self, work: impl Fn(usize) -> R + Sync) -> Vec<R> {
        let Some(Taken { pool, .. }) = &self.0 else {
            return vec![work(0)];
        };
        let (work, results) = (&work, &Mutex::new(Vec::new()));
        pool.in_place_scope(|scope| {
            let work_as = move |number| {
                let result = as_worker(|| work(number));
                let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                results.push(result);
            };
            scope.spawn_broadcast(move |_, context| work_as(1 + context.index()));
            work_as(0);
        });
        let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut results)
    }
}

/// Whether a sink needs a part for each span, so that its roundings fall in the same places.
fn by_span<Out: Item, K: Sink<Out>>() -> bool {
    K::SPANS
}

impl Engine for Parallel {
    fn name(&self) -> &'static str {
        "parallel"
    }

    fn settings(&self, work: &Work) -> Settings {
        self.explained(work)
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
        let part = indexed::run(self, source, &pipeline.stage, &sink)?;
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
        let part = iterator::run(self, source, &pipeline.stage, &sink)?;
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
        let memory = self.limits();
        // A record that begins at the end of a chunk has as much room again.
        let most = (self.worker_memory / 2).max(1);
        let part = match open(source)? {
            Text::Memory(text) => {
                let length = text.len() as u64;
                let chunks =
                    TextChunks::new(text, self.chunk(length)).guided(self.workers, LEAST_CHUNK);
                records::run(self, &chunks, Some(length), stage, &sink)
            }
            Text::File { file, path, length } => {
                let size = self.chunk(length).min(most);
                let chunks = FileChunks::new(file, path, length, size, memory)
                    .guided(self.workers, LEAST_CHUNK);
                records::run(self, &chunks, Some(length), stage, &sink)
            }
            Text::Reader(reader, path) => {
                let size = self.chunk_bytes.min(most);
                let cutter = Cutter::new(reader, size, memory, true).of(path);
                let cutter = cutter.beginning(LEAST_CHUNK);
                records::run(self, &ReaderChunks::new(cutter), None, stage, &sink)
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
        let part = requests::run(self, &source, &pipeline.stage, &sink)?;
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
            &self.crew_for(paths.len()),
            &sink,
            self.limits(),
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
