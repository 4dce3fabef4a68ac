//! The asynchronous engine: as many requests under way as the service bears, on few threads.
//!
//! Each thread has a runtime of its own, which does nothing but wait for connections. Files cannot be
//! waited for in this way, so that they are read ahead on plain threads, in batches rather than one
//! task for each. Work that does not wait gains nothing: items in memory and iterators run on the
//! calling thread in batches, and no runtime is started for them.

mod connection;
mod conversation;
mod explain;
mod limit;
mod pool;
mod requests;
mod retry;
mod together;
mod turns;

use std::time::Duration;

use self::conversation::Terms;
use self::pool::{Keep, Pool};
use self::requests::Plan;
pub use self::retry::Retry;
use crate::cancel::Cancel;
use crate::chunks::{MOST_CHUNK, Text, TextChunks, open, run_chunks};
use crate::cutter::Cutter;
use crate::depth::Readers;
use crate::engine::{Engine, Error};
use crate::exchange::RESPONSE_BYTES;
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

/// Runs pipelines over input that has to be waited for: requests first of all, also files.
///
/// All requests under way share a few connections, as [`Protocol`] allows. For a service that takes
/// its time to answer on a connection before it reads on there is
/// [`connection_each`](Async::connection_each). If not all connections can be opened, those that could
/// be do the work, as long as there is one. A connection that fails later ends the run, unless
/// [`retries`](Async::retries) are allowed: whether the service has acted on a request without an
/// answer cannot be known.
///
/// Connections are kept from run to run, for all clones of an engine, and closed when the last of
/// these is dropped; see [`keep`](Async::keep). A service may close a connection while it is idle.
/// This is noticed before it is used, or by its failing before anything has come: then another takes
/// its place, with the same requests, also without retries. (A service that takes a request from
/// a connection which was idle and closes it without a word so gets the request again.)
///
/// Threads live as long as a run. For a sink that joins in input order the calling thread joins, and
/// the others see to the connections, so that a slow consumer holds up no request before
/// [`buffered`](Async::buffered) responses wait for it.
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
    buffered: Option<usize>,
    adaptive: bool,
    retry: Retry,
    keep: Keep,
    pool: Pool,
    cancel: Option<Cancel>,
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
            record_bytes: LONGEST_RECORD,
            buffered: None,
            adaptive: false,
            retry: Retry::NEVER,
            keep: Keep {
                connections: 1000,
                time: Duration::from_secs(30),
            },
            pool: Pool::default(),
            cancel: None,
        }
    }
}

impl Async {
    /// Sets the number of requests under way, 1 to 2^28.
    #[must_use]
    pub fn in_flight(mut self, requests: usize) -> Self {
        self.in_flight = requests.clamp(1, MOST_IN_FLIGHT);
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

    /// Sets the number of threads, 1 to 4,096. Each has a runtime and a share of the connections.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.clamp(1, MOST_WORKERS);
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

    /// Lets the number of requests under way adapt to the service, up to `most`: it grows while
    /// responses come as fast as when there were few, and shrinks when they take longer. Each run
    /// begins with few, so that a short one against a service that bears them all is slower than with
    /// a fixed number, which is why this is not the default.
    ///
    /// The limit follows the gradient of the round-trip time, as in Netflix's concurrency-limits
    /// (2018), after TCP Vegas (Brakmo and Peterson, 1995).
    #[must_use]
    pub fn adaptive(mut self, most: usize) -> Self {
        self.in_flight = most.clamp(1, MOST_IN_FLIGHT);
        self.adaptive = true;
        self
    }

    /// Sets how many responses may wait for their turn, at least 1, where a sink joins them in the order
    /// of the keys: three times the number in flight unless set. While so many wait no further request
    /// goes out; those under way may still be answered.
    #[must_use]
    pub fn buffered(mut self, responses: usize) -> Self {
        self.buffered = Some(responses.max(1));
        self
    }

    /// Allows every request to be issued again up to `times` times when its connection fails or it
    /// takes too long: for requests that may be acted upon more than once. See [`Async::retry`].
    #[must_use]
    pub fn retries(self, times: u32) -> Self {
        self.retry(Retry {
            times,
            ..Retry::default()
        })
    }

    /// Allows requests to be issued again when their connection fails or they take too long, which is
    /// for requests that may be acted upon more than once. A response that has come is never asked for
    /// again, and nothing reaches the sink twice. When nothing is left to be tried, the run fails with
    /// [`Error::Request`].
    ///
    /// Where many requests share a connection, one that is too late costs all their connection; the
    /// others are issued again without its being counted.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Sets how many idle connections are kept from run to run, 1,000 unless set, and for how long, 30
    /// seconds unless set. What is kept too long is closed by the next run, as no thread is there to
    /// do it before. With 0 connections each run opens its own.
    #[must_use]
    pub fn keep(mut self, connections: usize, time: Duration) -> Self {
        self.keep = Keep { connections, time };
        self
    }

    /// Closes all idle connections.
    pub fn disconnect(&self) {
        self.pool.clear();
    }

    /// Ends runs over requests and files early when `cancel` is used, with [`Error::Cancelled`]. No
    /// response is lost: each that had come reached the sink, once. Sinks that join in the order of the
    /// keys get those too that waited for one before them. Other runs are not begun any more, but go
    /// on to their end.
    ///
    /// ```
    /// use engines::{Async, Cancel, Engine, Error, Pipeline, collect};
    ///
    /// let cancel = Cancel::new();
    /// let engine = Async::default().cancelled_by(&cancel);
    /// cancel.cancel();
    /// let result = engine.run(&[1][..], &Pipeline::new(), collect::<i32>());
    /// assert!(matches!(result, Err(Error::Cancelled)));
    /// ```
    #[must_use]
    pub fn cancelled_by(mut self, cancel: &Cancel) -> Self {
        self.cancel = Some(cancel.clone());
        self
    }

    /// Connections for so many keys.
    fn connections_for(&self, keys: usize) -> usize {
        let connections = self.connections.unwrap_or(self.in_flight);
        connections.min(self.in_flight).min(keys.max(1))
    }

    /// Responses that may wait for their turn.
    fn waiting(&self) -> usize {
        self.buffered.unwrap_or(self.in_flight.saturating_mul(3))
    }

    fn check(&self) -> Result<(), Error> {
        match &self.cancel {
            Some(cancel) if cancel.is_cancelled() => Err(Error::Cancelled),
            _ => Ok(()),
        }
    }

    /// Sets how many files are read at the same time, at most and at least 1: 32 unless set. It begins
    /// with one for each processor, which is best for what the page cache has, and grows while reads
    /// have to wait, as a disk needs many to be busy. (Elsewhere than on Linux, where it is not known
    /// what a thread waits for, all begin at once.) Each has three buffers of the size of a chunk.
    #[must_use]
    pub fn file_readers(mut self, files: usize) -> Self {
        self.file_readers = files.clamp(1, MOST_WORKERS);
        self
    }

    /// Sets the bytes of a chunk of text or a batch of files, 1 to 1 GiB: 256 KiB unless set.
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
}

/// This engine has no budget of memory: what is under way bounds what it holds.
const NO_LIMIT: Memory = Memory::new(usize::MAX, 1);

/// Requests under way, at most: sizes derived from it do not overflow.
const MOST_IN_FLIGHT: usize = 1 << 28;

/// Bytes of the read buffer of a connection with one request at a time, and of one with many.
const ONE_BYTES: usize = 4 << 10;
const MANY_BYTES: usize = 64 << 10;

impl Engine for Async {
    fn name(&self) -> &'static str {
        "async"
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
        self.check()?;
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
        self.check()?;
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
        self.check()?;
        let stage = &pipeline.stage;
        let size = self.chunk_bytes;
        let memory = Memory {
            record: self.record_bytes,
            ..NO_LIMIT
        };
        let caller = Threads(1);
        let part = match open(source)? {
            Text::Memory(text) => {
                run_chunks(&caller, &TextChunks::new(text, size), stage, &sink, memory)
            }
            Text::File { file, path, .. } => {
                let cutter = Cutter::new(file, size, memory, true).of(Some(path));
                run_reader(&caller, cutter, stage, &sink, memory)
            }
            Text::Reader(reader, path) => {
                let cutter = Cutter::new(reader, size, memory, false).of(path);
                run_reader(&caller, cutter, stage, &sink, memory)
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
        self.check()?;
        if source.keys.is_empty() {
            let part = sink.part();
            return Ok(sink.finish(part));
        }
        let connections = self.connections_for(usize::MAX);
        let terms = Terms {
            window: self.in_flight.div_ceil(connections),
            timeout: self.timeout,
            buffer_bytes: match self.connections {
                None => ONE_BYTES,
                Some(_) => MANY_BYTES,
            },
            response_bytes: self.response_bytes,
        };
        let plan = Plan {
            connections,
            threads: self.threads,
            terms,
            retry: self.retry,
            adaptive: self.adaptive,
            buffered: self.waiting(),
            keep: self.keep,
            pool: &self.pool,
            cancel: self.cancel.as_ref(),
        };
        let (stage, lent) = (&pipeline.stage, &sink);
        let part = outside_of_runtimes(|| requests::run(&source, stage, lent, plan))?;
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
        self.check()?;
        let part = run_files(
            &Threads(self.threads.min(source.0.len())),
            Readers::up_to(self.file_readers),
            source.0,
            self.chunk_bytes,
            &pipeline.stage,
            &sink,
            NO_LIMIT,
            self.cancel.as_ref(),
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
