//! One thread, no queue, and as little memory as the work allows: each item runs through all stages
//! into the sink before the next one is made (but for items that own nothing and have one result each,
//! of which an iterator's are gathered into batches of some pages), and the few buffers there are get
//! reused, also from one run to the next. A budget, where one is set, sizes the buffers and ends runs that need more.
//! Where memory becomes scarce all the same, what is idle is given back.

mod arena;
mod budget;
mod clean_up;
mod explain;
mod pool;
mod pressure;

use std::fmt;
use std::fs::File;
use std::io::Read;

pub use self::arena::Arena;
use self::budget::Budget;
pub use self::clean_up::Levels;
use self::clean_up::{Hook, Watch, trim_heap};
pub use self::pool::{Pool, Pooled};
pub use self::pressure::Pressure;
use crate::blocks::{
    batch_items, gathers, item_bytes, run_batch, run_iter, run_keyed, run_range, run_text,
};
use crate::engine::{Engine, Error};
use crate::exchange::{BUFFER_BYTES, Limits, RESPONSE_BYTES, run_requests};
use crate::explain::{Settings, Work};
use crate::in_turn::ends_span;
use crate::item::{Bytes, Keyed, Owned};
use crate::lines::{Buffer, ChunkError, Chunks, pieces};
use crate::memory::{LONGEST_RECORD, Memory};
use crate::pipeline::Pipeline;
use crate::sink::{LANES, SPAN, Sink};
use crate::source::{Files, Indexed, Protocol, RecordInput, Records, Requests};
use crate::stage::Stage;
use crate::whole::read_whole;

/// Bytes of results between two calls of the sink's `flush`: a few pages, which stay in the first
/// cache while they are lent out.
const BATCH_BYTES: usize = 16 << 10;

/// Bytes of a text that are read, or run, at once. Larger chunks gain nothing measurable.
const CHUNK_BYTES: usize = 64 << 10;

/// Requests in flight.
const WINDOW: usize = 64;

/// Idle buffers above this are freed rather than kept for the next run.
const KEPT_BYTES: usize = 1 << 20;

/// The engine that holds the least memory: lazy, single-threaded, with reused buffers and a budget.
///
/// ```
/// use engines::{Engine, Error, MemoryOptimized, Pipeline, collect, fold};
///
/// let engine = MemoryOptimized::default().memory(64 << 10);
/// let data = vec![1u32; 100_000];
/// let count = fold(|| 0, |n: &mut usize, _: u32| *n += 1, |n, m| *n += m);
/// assert_eq!(engine.run(&data[..], &Pipeline::new(), count).unwrap(), 100_000);
/// let all = engine.run(&data[..], &Pipeline::new(), collect());
/// assert!(matches!(all, Err(Error::Budget { needed: 400_000, .. })));
/// ```
///
/// # Which allocator
///
#[doc = include_str!("memory_optimized/allocators.md")]
pub struct MemoryOptimized {
    budget: Budget,
    record_bytes: usize,
    buffers: Pool<Vec<u8>>,
    watch: Option<Watch>,
    hook: Option<Hook>,
}

impl fmt::Debug for MemoryOptimized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryOptimized")
            .field("budget", &self.budget)
            .field("record_bytes", &self.record_bytes)
            .field("buffers", &self.buffers)
            .field("watch", &self.watch)
            .finish_non_exhaustive()
    }
}

impl Default for MemoryOptimized {
    fn default() -> Self {
        MemoryOptimized {
            budget: Budget(None),
            record_bytes: LONGEST_RECORD,
            buffers: Pool::buffers(1, KEPT_BYTES),
            watch: None,
            hook: None,
        }
    }
}

impl MemoryOptimized {
    /// Limits the heap bytes that one run holds in its buffers and its sink; a run that needs more
    /// ends with [`Error::Budget`]. There is no limit unless it is set.
    ///
    /// The check comes after each batch, so that a batch of a few pages of results, and a table or a
    /// vector that has just grown, may exceed the budget for a moment. Memory is seen where a sink
    /// reports it ([`Sink::bytes`]); what items and accumulators own themselves is not.
    #[must_use]
    pub fn memory(mut self, bytes: usize) -> Self {
        self.budget = Budget(Some(bytes));
        // A buffer that has grown in one run must not take the next one's room.
        self.buffers = Pool::buffers(1, self.budget.buffer(KEPT_BYTES));
        self
    }

    /// Sets the bytes of the longest record, without its line end, 256 MiB unless set; a longer one is
    /// [`Error::Record`].
    #[must_use]
    pub fn longest_record(mut self, bytes: usize) -> Self {
        self.record_bytes = bytes;
        self
    }

    /// Has runs look after a batch, every 10 ms at most, how scarce memory is, and clean up when one of
    /// `levels` is exceeded: the run goes on with batches and chunks of half the size, a buffer that
    /// has grown for a long record or a large file shrinks, and [`MemoryOptimized::clean_up`] does
    /// the rest. A second has to pass between two clean-ups. Nobody looks unless this is set; it costs 1%
    /// of a run over numbers, and less where items cost more.
    ///
    /// ```
    /// use engines::{Engine, Levels, MemoryOptimized, Pipeline, Pool, sum};
    ///
    /// static ROWS: Pool<Vec<u64>> = Pool::buffers(8, 1 << 20);
    /// let levels = Levels { share: 0.8, ..Levels::default() };
    /// let engine = MemoryOptimized::default()
    ///     .clean_up_above(levels)
    ///     .when_cleaning(|_| {
    ///         ROWS.drain();
    ///     });
    /// assert_eq!(engine.run(&[1.0, 2.0][..], &Pipeline::new(), sum()).unwrap(), 3.0);
    /// ```
    #[must_use]
    pub fn clean_up_above(mut self, levels: Levels) -> Self {
        self.watch = Some(Watch::new(levels));
        self
    }

    /// Has `free` called at each clean-up with the pressure that led to it, for what the engine cannot
    /// know of: a cache to be dropped, a [`Pool`] to be [drained](Pool::drain).
    #[must_use]
    pub fn when_cleaning(mut self, free: impl Fn(&Pressure) + Send + Sync + 'static) -> Self {
        self.hook = Some(Box::new(free));
        self
    }

    /// Frees the buffers that wait for the next run, and has the allocator give back to the system what
    /// is free, of the whole process, where it is glibc's: that takes some milliseconds in a
    /// large heap.
    pub fn clean_up(&self) {
        self.buffers.drain();
        trim_heap();
    }

    /// Cleans up if memory is scarce, and says whether it was.
    fn relieve(&self) -> bool {
        let Some(now) = self.watch.as_ref().and_then(Watch::alarm) else {
            return false;
        };
        if let Some(free) = &self.hook {
            free(&now);
        }
        // Last, so that the system gets what the user has freed.
        self.clean_up();
        true
    }

    /// Items between two calls of the sink's `flush`.
    fn batch<S: Stage<In>, In: crate::item::Item>(&self) -> usize {
        batch_items(self.budget.buffer(BATCH_BYTES), item_bytes::<S::Out>())
    }

    /// Runs the records that `reader` yields.
    fn read_records<S, K>(
        &self,
        reader: impl Read,
        failed: impl FnOnce(std::io::Error) -> Error,
        pipeline: &Pipeline<Bytes, S>,
        sink: K,
    ) -> Result<K::Output, Error>
    where
        S: Stage<Bytes> + Sync,
        K: Sink<S::Out>,
    {
        let mut part = sink.part();
        let mut local = pipeline.stage.local();
        let mut size = self.budget.buffer(CHUNK_BYTES);
        let (limit, longest) = (self.budget.limit(), self.record_bytes);
        let mut chunks = Chunks::new(self.buffers.take(), reader, size, limit, longest);
        loop {
            match chunks.next() {
                Ok([]) => break,
                Ok(text) => {
                    let stage = &pipeline.stage;
                    run_text(text, longest, stage, &mut local, &sink, &mut part)?;
                }
                Err(ChunkError::Io(error)) => return Err(failed(error)),
                Err(ChunkError::TooLong(error)) => return Err(error),
            }
            sink.flush(&mut part);
            self.budget.check(chunks.bytes() + sink.bytes(&part))?;
            if self.relieve() {
                size = halved(size);
                chunks.shrink(size);
            }
        }
        Ok(sink.finish(part))
    }
}

/// Half a chunk, but a page at least, unless the budget did not allow for one in the first place.
fn halved(chunk: usize) -> usize {
    (chunk / 2).max(chunk.min(4096))
}

impl Engine for MemoryOptimized {
    fn name(&self) -> &'static str {
        "memory-optimized"
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
        let stage = &pipeline.stage;
        let mut part = sink.part();
        let mut local = pipeline.stage.local();
        let n = source.len();
        if S::ONE_TO_ONE {
            Memory::reserve(&sink, &mut part, n, self.budget.limit())?;
        }
        let mut batch = self.batch::<S, _>();
        let mut start = 0;
        while start < n {
            let end = n.min(start + batch);
            run_range(source, start..end, stage, &mut local, &sink, &mut part)?;
            if end.is_multiple_of(SPAN) || end == n {
                sink.seal(&mut part);
            }
            sink.flush(&mut part);
            self.budget.check(sink.bytes(&part))?;
            start = end;
            if self.relieve() {
                // Still a power of two, so that batches end where spans do.
                batch = (batch / 2).max(LANES);
            }
        }
        Ok(sink.finish(part))
    }

    fn iterate<I, S, K>(
        &self,
        mut source: I,
        pipeline: &Pipeline<Owned<I::Item>, S>,
        sink: K,
    ) -> Result<K::Output, Error>
    where
        I: Iterator<Item: Send> + Send,
        S: Stage<Owned<I::Item>> + Sync,
        K: Sink<S::Out>,
    {
        let stage = &pipeline.stage;
        let mut part = sink.part();
        let mut local = pipeline.stage.local();
        let each = item_bytes::<S::Out>();
        if S::ONE_TO_ONE {
            let least = source.size_hint().0;
            Memory::reserve(&sink, &mut part, least, self.budget.limit())?;
        }
        let gathers = gathers::<I::Item, _, S>();
        let mut gathered = Vec::new();
        let held = if gathers { size_of::<I::Item>() } else { 0 };
        let mut batch = batch_items(self.budget.buffer(BATCH_BYTES), each + held);
        let mut seen = 0;
        loop {
            let taken = if gathers {
                gathered.extend(source.by_ref().take(batch));
                let taken = gathered.len();
                run_batch(&mut gathered, stage, &mut local, &sink, &mut part)?;
                taken
            } else {
                // Item by item, so that only one of them is alive at a time.
                run_iter(&mut source, batch, stage, &mut local, &sink, &mut part)?
            };
            seen += taken;
            if ends_span(taken, seen, taken < batch) {
                sink.seal(&mut part);
            }
            sink.flush(&mut part);
            self.budget
                .check(gathered.capacity() * held + sink.bytes(&part))?;
            if taken < batch {
                return Ok(sink.finish(part));
            }
            if self.relieve() {
                batch = (batch / 2).max(LANES);
                gathered.shrink_to(batch);
            }
        }
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
        match source.0 {
            RecordInput::Text(text) => {
                let mut part = sink.part();
                let mut local = pipeline.stage.local();
                // The text is the caller's and is only cut, so that the sink gets its batches.
                for piece in pieces(text, self.budget.buffer(CHUNK_BYTES)) {
                    let (stage, longest) = (&pipeline.stage, self.record_bytes);
                    run_text(piece, longest, stage, &mut local, &sink, &mut part)?;
                    sink.flush(&mut part);
                    self.budget.check(sink.bytes(&part))?;
                    self.relieve();
                }
                Ok(sink.finish(part))
            }
            RecordInput::File(path) => {
                let file = File::open(&path).map_err(Error::file(&path))?;
                self.read_records(file, Error::file(&path), pipeline, sink)
            }
            RecordInput::Reader(reader, path) => {
                self.read_records(reader, Error::reading(path), pipeline, sink)
            }
        }
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
        let limits = Limits {
            window: WINDOW,
            buffer_bytes: self.budget.buffer(BUFFER_BYTES),
            response_bytes: self.budget.limit().min(RESPONSE_BYTES),
            budget: self.budget.0.filter(|budget| *budget < RESPONSE_BYTES),
        };
        run_requests(&source, &pipeline.stage, sink, limits, self.budget.limit())
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
        let mut part = sink.part();
        let mut local = pipeline.stage.local();
        let mut buffer = self.buffers.take();
        let mut batch = self.budget.buffer(CHUNK_BYTES);
        buffer.grow(batch);
        let mut unflushed = 0;
        for (index, path) in source.0.iter().enumerate() {
            let end = read_whole(path, &mut buffer, 0, |size| {
                self.budget.check(size + sink.bytes(&part))
            })?;
            run_keyed(
                &buffer[..end],
                index,
                &pipeline.stage,
                &mut local,
                &sink,
                &mut part,
            )?;
            unflushed += end.max(BATCH_BYTES / WINDOW);
            if unflushed >= batch || index + 1 == source.0.len() {
                unflushed = 0;
                sink.flush(&mut part);
            }
            self.budget.check(buffer.held() + sink.bytes(&part))?;
            if self.relieve() {
                batch = halved(batch);
                buffer.shrink(batch);
            }
        }
        Ok(sink.finish(part))
    }
}

#[cfg(test)]
mod tests;
