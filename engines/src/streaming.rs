//! The streaming engine: a bounded amount of memory for input of any length, and results while the
//! input still arrives.
//!
//! Files are read in chunks with positioned reads, into one buffer for each thread; pipes, and whole
//! files by the thousand, are read ahead on threads of their own into a fixed set of buffers. Records
//! are borrowed from these buffers and never copied.

mod explain;
#[cfg(target_os = "linux")]
mod guard;
#[cfg(target_os = "linux")]
mod mapped;

#[cfg(target_os = "linux")]
use self::mapped::MapChunks;
use crate::chunks::{FileChunks, MOST_CHUNK, Text, TextChunks, open, run_chunks};
use crate::cutter::Cutter;
use crate::depth::Readers;
use crate::engine::{Engine, Error};
use crate::exchange::{Limits, RESPONSE_BYTES, run_requests};
use crate::explain::{Settings, Work};
use crate::in_turn::{run_indexed, run_iterator};
use crate::item::{Bytes, Keyed, Owned};
use crate::memory::{LONGEST_RECORD, Memory};
use crate::pipeline::Pipeline;
use crate::read_ahead::{run_files, run_reader};
use crate::sink::Sink;
use crate::source::{Files, Indexed, Protocol, Records, Requests};
use crate::stage::Stage;
use crate::workers::{MOST_WORKERS, Threads, available_workers};

/// How a regular file is read, up to the length that it has when the run starts. If another process
/// makes it shorter before the end, the run fails with [`Error::File`].
///
/// ```
/// use engines::{Engine, Pipeline, Reader, Records, Streaming, collect};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("words");
/// std::fs::write(&path, "one\nthree").unwrap();
/// let engine = Streaming::default().reader(Reader::Map);
/// let lengths = Pipeline::records().map(|line| line.len());
/// assert_eq!(engine.run(Records::file(&path), &lengths, collect()).unwrap(), [3, 5]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reader {
    /// With positioned reads into a buffer for each thread.
    #[default]
    Read,
    /// Mapped into memory, on Linux; elsewhere, and where 64 files are mapped at the same time, as
    /// [`Reader::Read`]. It is no faster while the file is in the page cache, and slower when it is not.
    ///
    /// The first run installs a handler for `SIGBUS`, for good, which knows the mapped files and passes
    /// everything else on to the handler that was there before. Stages may see zeros in place of bytes
    /// that have just been lost, before the run fails.
    Map,
}

/// Runs pipelines over input that is longer than memory, or that is still arriving.
///
/// ```
/// use engines::{Engine, Pipeline, Records, Streaming, batches};
///
/// let lengths = Pipeline::records().map(|line| line.len());
/// let mut longest = 0;
/// let sink = batches(|batch: &[usize]| longest = longest.max(batch.iter().copied().max().unwrap_or(0)));
/// Streaming::default().run(Records::reader(&b"one\nthree\n"[..]), &lengths, sink).unwrap();
/// assert_eq!(longest, 5);
/// ```
///
/// Items in memory, iterators and requests run on the calling thread, in batches that are handed to
/// the sink as they come. If a run fails while a reader blocks, it returns once the read does.
#[derive(Clone, Debug)]
pub struct Streaming {
    workers: usize,
    readers: usize,
    chunk_bytes: usize,
    record_bytes: usize,
    memory: usize,
    window: usize,
    reader: Reader,
}

impl Default for Streaming {
    /// Chunks of 256 KiB, one worker for each processor that the process may use.
    fn default() -> Self {
        let workers = available_workers();
        Streaming {
            workers,
            readers: workers,
            chunk_bytes: 256 << 10,
            record_bytes: LONGEST_RECORD,
            memory: usize::MAX,
            window: 256,
            reader: Reader::Read,
        }
    }
}

impl Streaming {
    /// Sets the number of threads that process records and files, 1 to 4,096.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.clamp(1, MOST_WORKERS);
        self
    }

    /// Sets the number of threads that read whole files ahead, 1 to 4,096; as many as there are
    /// processors unless set. Each has three buffers.
    #[must_use]
    pub fn readers(mut self, readers: usize) -> Self {
        self.readers = readers.clamp(1, MOST_WORKERS);
        self
    }

    /// Sets the bytes of a chunk of text or of a batch of files, 1 to 1 GiB: 256 KiB unless set. A run
    /// over a file holds one chunk for each worker, a run over a reader two more.
    #[must_use]
    pub fn chunk_bytes(mut self, bytes: usize) -> Self {
        self.chunk_bytes = bytes.clamp(1, MOST_CHUNK);
        self
    }

    /// Sets the bytes of the longest record, without its line end, 256 MiB unless set: the buffer of a
    /// chunk grows by them at most. A longer one is [`Error::Record`].
    #[must_use]
    pub fn longest_record(mut self, bytes: usize) -> Self {
        self.record_bytes = bytes;
        self
    }

    /// Sets what any one buffer, and what the sink keeps, may take in bytes; more is
    /// [`Error::Budget`]. There is no limit unless it is set.
    #[must_use]
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// Sets the number of requests under way, at least 1: 256 unless set.
    #[must_use]
    pub fn window(mut self, requests: usize) -> Self {
        self.window = requests.max(1);
        self
    }

    /// Sets how regular files are read.
    #[must_use]
    pub fn reader(mut self, reader: Reader) -> Self {
        self.reader = reader;
        self
    }

    fn limits(&self) -> Memory {
        Memory {
            record: self.record_bytes,
            ..Memory::new(self.memory, 1)
        }
    }

    /// Bytes of a chunk. A record that begins at its end has as much room again.
    fn chunk(&self) -> usize {
        self.chunk_bytes.min(self.memory / 2).max(1)
    }

    /// The workers that there is use for in a text of this length.
    fn crew(&self, length: u64, size: usize) -> Threads {
        let chunks = usize::try_from(length.div_ceil(size as u64)).unwrap_or(usize::MAX);
        Threads(self.workers.min(chunks))
    }
}

impl Engine for Streaming {
    fn name(&self) -> &'static str {
        "streaming"
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
        let part = run_indexed(source, &pipeline.stage, &sink, self.limits())?;
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
        let part = run_iterator(source, &pipeline.stage, &sink, self.limits())?;
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
        let size = self.chunk();
        let part = match open(source)? {
            Text::Memory(text) => {
                let crew = self.crew(text.len() as u64, size);
                run_chunks(&crew, &TextChunks::new(text, size), stage, &sink, memory)
            }
            Text::File { file, path, length } => {
                let crew = self.crew(length, size);
                #[cfg(target_os = "linux")]
                if self.reader == Reader::Map
                    && let Some(chunks) = MapChunks::new(&file, &path, length, size)?
                {
                    let part = run_chunks(&crew, &chunks, stage, &sink, memory)?;
                    return Ok(sink.finish(part));
                }
                let chunks = FileChunks::new(file, path, length, size, memory);
                run_chunks(&crew, &chunks, stage, &sink, memory)
            }
            Text::Reader(reader, path) => {
                // A chunk goes on as soon as it has a record, so that results do not wait for more.
                let cutter = Cutter::new(reader, size, memory, false).of(path);
                run_reader(&Threads(self.workers), cutter, stage, &sink, memory)
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
        let limits = Limits {
            response_bytes: RESPONSE_BYTES.min(self.memory),
            budget: (self.memory < RESPONSE_BYTES).then_some(self.memory),
            ..Limits::window(self.window)
        };
        run_requests(&source, &pipeline.stage, sink, limits, self.memory)
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
        let part = run_files(
            &Threads(self.workers.min(source.0.len())),
            Readers::fixed(self.readers),
            source.0,
            self.chunk_bytes,
            &pipeline.stage,
            &sink,
            self.limits(),
            None,
        )?;
        Ok(sink.finish(part))
    }
}

#[cfg(test)]
mod tests;
