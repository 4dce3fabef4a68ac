//! One thread that works in blocks which fit the caches: a block is read, run through all stages and
//! handed on while it is still near the core. Sizes come from the caches found at run time, and the
//! inner loops are compiled for every instruction set and picked at run time.

mod aligned;
mod caches;
mod explain;

use std::fs::File;
use std::io::Read;
use std::sync::{Mutex, PoisonError};

use self::aligned::AlignedBuffer;
pub use self::caches::Caches;
use crate::blocks::{
    batch_items, gathers, item_bytes, run_batch, run_iter, run_keyed, run_range, run_text,
};
use crate::engine::{Engine, Error};
use crate::exchange::{Limits, run_requests};
use crate::explain::{Settings, Work};
use crate::in_turn::ends_span;
use crate::item::{Bytes, Item, Keyed, Owned};
use crate::lines::{Buffer, ChunkError, Chunks, pieces};
use crate::memory::LONGEST_RECORD;
use crate::pipeline::Pipeline;
use crate::sink::{SPAN, Sink};
use crate::source::{Files, Indexed, Protocol, RecordInput, Records, Requests};
use crate::stage::Stage;
use crate::whole::read_whole;

/// Bytes that a response and its bookkeeping are taken to need when requests are sized to a cache.
const RESPONSE_GUESS: usize = 256;

/// The engine for data in memory: blocks sized to the caches, read buffers aligned to their lines,
/// vector instructions chosen at run time. It uses the calling thread only.
///
/// ```
/// use engines::{CacheAware, Engine, Pipeline, fill};
///
/// let data = [1.0, 4.0, 9.0];
/// let mut roots = [0.0; 3];
/// let root = Pipeline::new().map(f64::sqrt);
/// CacheAware::default().run(&data[..], &root, fill(&mut roots)).unwrap();
/// assert_eq!(roots, [1.0, 2.0, 3.0]);
/// ```
#[derive(Debug)]
pub struct CacheAware {
    caches: Caches,
    block_bytes: Option<usize>,
    record_bytes: usize,
    /// The read buffer, while no run uses it.
    buffer: Mutex<AlignedBuffer>,
}

impl Default for CacheAware {
    fn default() -> Self {
        CacheAware {
            caches: Caches::detect(),
            block_bytes: None,
            record_bytes: LONGEST_RECORD,
            buffer: Mutex::default(),
        }
    }
}

impl CacheAware {
    /// Sets the bytes of a block, input and output together, in place of the size derived from the
    /// caches, 1 byte to 64 MiB. A block has at least 32 and at most 65,536 items, whatever their size.
    #[must_use]
    pub fn block_bytes(mut self, bytes: usize) -> Self {
        self.block_bytes = Some(bytes.clamp(1, 64 << 20));
        self
    }

    /// Sets the bytes of the longest record, without its line end, 256 MiB unless set; a longer one is
    /// [`Error::Record`].
    #[must_use]
    pub fn longest_record(mut self, bytes: usize) -> Self {
        self.record_bytes = bytes;
        self
    }

    /// Bytes of a block of items. Half of the first cache: the other half is for the code's own data
    /// and for what the consumer of a block writes.
    fn item_block(&self) -> usize {
        self.block_bytes.unwrap_or(self.caches.l1 / 2).max(1)
    }

    /// Bytes of a block of text or of files. A quarter of the second cache: the text is read once,
    /// and tables of groups want the rest.
    fn text_block(&self) -> usize {
        let derived = (self.caches.l2 / 4).clamp(32 << 10, 1 << 20);
        self.block_bytes.unwrap_or(derived).max(1)
    }

    /// As many responses as the second cache holds beside the kernel's copies of them.
    fn window(&self) -> usize {
        (self.text_block() / RESPONSE_GUESS).clamp(64, 1024)
    }

    /// Items of a block of which input and output fit.
    fn block_items<In: Item, S: Stage<In>>(&self) -> usize {
        let each = item_bytes::<In>() + item_bytes::<S::Out>();
        batch_items(self.item_block(), each)
    }

    /// The read buffer, or a new one while another run uses it.
    fn take_buffer(&self) -> AlignedBuffer {
        let mut kept = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *kept)
    }

    /// Keeps the read buffer for the next run, unless a long record or file has made it larger than
    /// the second cache.
    fn keep_buffer(&self, buffer: AlignedBuffer) {
        if buffer.held() <= self.caches.l2 {
            *self.buffer.lock().unwrap_or_else(PoisonError::into_inner) = buffer;
        }
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
        let longest = self.record_bytes;
        let size = self.text_block();
        let mut chunks = Chunks::new(self.take_buffer(), reader, size, usize::MAX, longest);
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
        }
        self.keep_buffer(chunks.into_buffer());
        Ok(sink.finish(part))
    }
}

impl Engine for CacheAware {
    fn name(&self) -> &'static str {
        "cache-aware"
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
            sink.reserve(&mut part, n);
        }
        let block = self.block_items::<Owned<X::Item>, S>();
        for start in (0..n).step_by(block) {
            let end = n.min(start + block);
            run_range(source, start..end, stage, &mut local, &sink, &mut part)?;
            if end.is_multiple_of(SPAN) || end == n {
                sink.seal(&mut part);
            }
            sink.flush(&mut part);
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
        if S::ONE_TO_ONE {
            sink.reserve(&mut part, source.size_hint().0);
        }
        let block = self.block_items::<Owned<I::Item>, S>();
        let gathers = gathers::<I::Item, _, S>();
        let mut gathered = Vec::new();
        let mut seen = 0;
        loop {
            let taken = if gathers {
                gathered.extend(source.by_ref().take(block));
                let taken = gathered.len();
                run_batch(&mut gathered, stage, &mut local, &sink, &mut part)?;
                taken
            } else {
                run_iter(&mut source, block, stage, &mut local, &sink, &mut part)?
            };
            seen += taken;
            if ends_span(taken, seen, taken < block) {
                sink.seal(&mut part);
            }
            sink.flush(&mut part);
            if taken < block {
                return Ok(sink.finish(part));
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
                for piece in pieces(text, self.text_block()) {
                    let stage = &pipeline.stage;
                    run_text(
                        piece,
                        self.record_bytes,
                        stage,
                        &mut local,
                        &sink,
                        &mut part,
                    )?;
                    sink.flush(&mut part);
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
        run_requests(
            &source,
            &pipeline.stage,
            sink,
            Limits::window(self.window()),
            usize::MAX,
        )
    }

    /// Small files are read end to end into one block, which is then run as a whole: reading and
    /// computing take turns by the block, and do not push each other out of the first caches for
    /// every file.
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
        let mut buffer = self.take_buffer();
        let block = self.text_block();
        buffer.grow(block);
        // Where the contents of each file of the block end.
        let mut ends = Vec::new();
        let mut first = 0;
        while first < source.0.len() {
            let mut end = 0;
            // Half full is full: the next file is likely to find room without a second look at it.
            while first + ends.len() < source.0.len() && end <= block / 2 && ends.len() < 1024 {
                let path = &source.0[first + ends.len()];
                end = read_whole(path, &mut buffer, end, |_| Ok(()))?;
                ends.push(end);
            }
            let mut start = 0;
            for end in ends.drain(..) {
                let body = &buffer.space()[start..end];
                run_keyed(body, first, &pipeline.stage, &mut local, &sink, &mut part)?;
                start = end;
                first += 1;
            }
            sink.flush(&mut part);
        }
        self.keep_buffer(buffer);
        Ok(sink.finish(part))
    }
}
