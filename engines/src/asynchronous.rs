//! The asynchronous engine: as many requests under way as the service bears, on few threads.
//!
//! Each thread has a runtime of its own, which does nothing but wait for connections. Files cannot be
//! waited for in this way, so that they are read ahead on plain threads, in batches rather than one
//! task for each. Work that does not wait gains nothing: items in memory and iterators run on the
//! calling thread in batches, and no runtime is started for them.

mod conversation;
mod requests;
mod together;

use std::time::Duration;

use self::conversation::Terms;
use crate::chunks::{Text, TextChunks, open, run_chunks};
use crate::cutter::Cutter;
use crate::engine::{Engine, Error};
use crate::exchange::RESPONSE_BYTES;
use crate::in_turn::{run_indexed, run_iterator};
use crate::item::{Bytes, Keyed, Owned};
use crate::pipeline::Pipeline;
use crate::read_ahead::{run_files, run_reader};
use crate::sink::Sink;
use crate::source::{Files, Indexed, Protocol, Records, Requests};
use crate::stage::Stage;
use crate::workers::{Memory, Threads, available_workers};

/// Runs pipelines over input that has to be waited for: requests first of all, also files.
///
/// All requests under way share a few connections, as [`Protocol`] allows. For a service that takes
/// its time to answer on a connection before it reads on there is
/// [`connection_each`](Async::connection_each). If not all connections can be opened, those that could
/// be do the work, as long as there is one. A connection that fails later ends the run: whether the service has
/// acted on a request without an answer cannot be known, so that none is sent twice.
///
/// A run may be started on a thread that runs someone else's tokio runtime, and then takes place on
/// threads of its own; it blocks the caller all the same.
///
/// ```
/// use engines::{Async, Engine, Pipeline, collect};
///
/// // Allowed, but any other engine does it as well: nothing here has to be waited for.
/// let double = Pipeline::new().map(|n: u32| 2 * n);
/// assert_eq!(Async::default().run(&[1, 2][..], &double, collect()).unwrap(), [2, 4]);
/// ```
#[derive(Clone, Debug)]
pub struct Async {
    in_flight: usize,
    connections: Option<usize>,
    threads: usize,
    timeout: Duration,
    response_bytes: usize,
    file_readers: usize,
    chunk_bytes: usize,
    record_bytes: usize,
}

impl Default for Async {
    /// 1,000 requests in flight, a thread and a connection for each processor, 30 seconds for each
    /// request.
    fn default() -> Self {
        Async {
            in_flight: 1000,
            connections: Some(available_workers()),
            threads: available_workers(),
            timeout: Duration::from_secs(30),
            response_bytes: RESPONSE_BYTES,
            file_readers: 32,
            chunk_bytes: 256 << 10,
            record_bytes: 256 << 20,
        }
    }
}

impl Async {
    /// Sets the number of requests under way, at least 1.
    #[must_use]
    pub fn in_flight(mut self, requests: usize) -> Self {
        self.in_flight = requests.max(1);
        self
    }

    /// Shares this many connections, at least 1, among all requests under way: many requests go out
    /// in one write and many responses come in with one read, which saves most of the cost of a small
    /// request. The service must answer several requests on a connection, in any order.
    #[must_use]
    pub fn multiplexed(mut self, connections: usize) -> Self {
        self.connections = Some(connections.max(1));
        self
    }

    /// Gives each request under way a connection, which is kept for the next request: what a service
    /// needs that answers one request on a connection at a time.
    #[must_use]
    pub fn connection_each(mut self) -> Self {
        self.connections = None;
        self
    }

    /// Sets the number of threads, at least 1. Each has a runtime and a share of the connections.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Sets how long a connection may take to open, and a request from being sent to the end of its
    /// response; more is [`Error::Io`] with the kind `TimedOut`.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the bytes of the longest response, 64 MiB unless set; a longer one is an error.
    #[must_use]
    pub fn longest_response(mut self, bytes: usize) -> Self {
        self.response_bytes = bytes.max(1);
        self
    }

    /// Sets how many files are read at the same time, at least 1: 32 unless set, which a disk needs
    /// to be busy. Each has three buffers of the size of a chunk.
    #[must_use]
    pub fn file_readers(mut self, files: usize) -> Self {
        self.file_readers = files.max(1);
        self
    }

    /// Sets the bytes of a chunk of text or a batch of files, at least 1: 256 KiB unless set.
    #[must_use]
    pub fn chunk_bytes(mut self, bytes: usize) -> Self {
        self.chunk_bytes = bytes.max(1);
        self
    }
}

/// This engine has no budget of memory: what is under way bounds what it holds.
const NO_LIMIT: Memory = Memory {
    worker: usize::MAX,
    joined: usize::MAX,
    results: 0,
};

/// Bytes of the read buffer of a connection with one request at a time, and of one with many.
const ONE_BYTES: usize = 4 << 10;
const MANY_BYTES: usize = 64 << 10;

impl Engine for Async {
    fn name(&self) -> &'static str {
        "async"
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
        let part = run_indexed(source, &pipeline.stage, &sink, NO_LIMIT)?;
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
        let part = run_iterator(source, &pipeline.stage, &sink, NO_LIMIT)?;
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
        let (size, limit) = (self.chunk_bytes, self.record_bytes);
        let caller = Threads(1);
        let part = match open(source)? {
            Text::Memory(text) => run_chunks(
                &caller,
                &TextChunks::new(text, size),
                stage,
                &sink,
                NO_LIMIT,
            ),
            Text::File { file, path, .. } => {
                let cutter = Cutter::new(file, size, limit, true).of(Some(path));
                run_reader(&caller, cutter, stage, &sink, NO_LIMIT)
            }
            Text::Reader(reader, path) => {
                let cutter = Cutter::new(reader, size, limit, false).of(path);
                run_reader(&caller, cutter, stage, &sink, NO_LIMIT)
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
        if source.keys.is_empty() {
            let part = sink.part();
            return Ok(sink.finish(part));
        }
        let connections = self
            .connections
            .unwrap_or(self.in_flight)
            .min(self.in_flight);
        let terms = Terms {
            window: self.in_flight.div_ceil(connections),
            timeout: self.timeout,
            buffer_bytes: match self.connections {
                None => ONE_BYTES,
                Some(_) => MANY_BYTES,
            },
            response_bytes: self.response_bytes,
        };
        let (stage, lent) = (&pipeline.stage, &sink);
        let part = outside_of_runtimes(|| {
            requests::run(
                &source,
                stage,
                lent,
                connections,
                self.threads,
                terms,
                NO_LIMIT,
            )
        })?;
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
        let part = run_files(
            &Threads(self.threads.min(source.0.len())),
            self.file_readers,
            source.0,
            self.chunk_bytes,
            &pipeline.stage,
            &sink,
            NO_LIMIT,
        )?;
        Ok(sink.finish(part))
    }
}

/// Calls `f` on this thread, or on a new one if a runtime is running on this: one thread cannot run
/// two.
fn outside_of_runtimes<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    if tokio::runtime::Handle::try_current().is_err() {
        return f();
    }
    std::thread::scope(|scope| match scope.spawn(f).join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

#[cfg(test)]
mod tests;
