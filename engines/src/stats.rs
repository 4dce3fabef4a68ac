//! Figures of a run that any thread can read while it goes on: [`Stats`], which
//! [`Engine::observe`](crate::Engine::observe) keeps.
//!
//! The clock is read where a batch begins and ends and around each call of the consumer, never for an
//! item, and blocks vectorise as in a run that nobody observes.

mod sink;
mod stage;

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

pub(crate) use self::sink::ObservedSink;
pub(crate) use self::stage::Observed;

/// What a run has done so far; it can be read at any time, from any thread. Over several runs it adds
/// up.
///
/// ```
/// use engines::{CacheAware, Engine, Pipeline, Stats, collect};
///
/// let stats = Stats::new();
/// let evens = Pipeline::new().filter(|n: &u32| n % 2 == 0);
/// let found = CacheAware::default().observe(&[1, 2, 3, 4][..], &evens, collect(), &stats).unwrap();
/// assert_eq!(found, [2, 4]);
/// let now = stats.snapshot();
/// assert_eq!((now.items_in, now.items_out, now.bytes_in), (4, 2, 16));
/// ```
#[derive(Debug, Default)]
pub struct Stats {
    items_in: AtomicU64,
    items_out: AtomicU64,
    bytes_in: AtomicU64,
    batches: AtomicU64,
    busy: Nanoseconds,
    waiting_for_input: Nanoseconds,
    consumer: Nanoseconds,
    waiting_for_turn: Nanoseconds,
    queued: AtomicUsize,
    held: AtomicUsize,
    peak: AtomicUsize,
    threads: Mutex<Vec<ThreadId>>,
}

/// The figures of a [`Stats`] at one moment.
///
/// Counts and times are added when a batch, a wait or a call of the consumer ends; a batch that panics
/// is not counted. Times of several threads add up, so that they can exceed the time that has passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Items that the first stage has had.
    pub items_in: u64,
    /// Results of the last stage.
    pub items_out: u64,
    /// Bytes of input: of texts with their line ends, of contents and responses, or of the items
    /// themselves as they lie in memory, without what they own elsewhere.
    pub bytes_in: u64,
    /// Batches of input.
    pub batches: u64,
    /// Time in stages, and in adding their results to what the sink holds. Where an engine takes the items
    /// of an iterator one by one, it has the iterator's own time in it.
    pub busy: Duration,
    /// Time in which workers had no batch: they waited for one, or for other workers to end.
    pub waiting_for_input: Duration,
    /// Time in which threads could not go on with the next batch for the sake of the results: because
    /// they were in the [`consumer`](Self::consumer), or because a worker was so far ahead that it waited
    /// for its turn.
    pub waiting_for_output: Duration,
    /// Time in the sink's `flush`, `merge` and `finish`.
    pub consumer: Duration,
    /// The most finished parts that waited for their turn when a worker had to wait for its own; 0 if
    /// none had to.
    pub queued: usize,
    /// The most heap bytes that all parts of the sink held at once, as far as the sink knows them and as
    /// of the ends of batches.
    pub peak_bytes: usize,
    /// Threads that have run a batch.
    pub workers: usize,
}

impl Stats {
    /// All at 0.
    #[must_use]
    pub fn new() -> Self {
        Stats::default()
    }

    /// The figures now. They are read one by one while the run goes on, so that one can be a batch ahead
    /// of another.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let consumer = self.consumer.get();
        Snapshot {
            items_in: self.items_in.load(Ordering::Relaxed),
            items_out: self.items_out.load(Ordering::Relaxed),
            bytes_in: self.bytes_in.load(Ordering::Relaxed),
            batches: self.batches.load(Ordering::Relaxed),
            busy: self.busy.get(),
            waiting_for_input: self.waiting_for_input.get(),
            waiting_for_output: consumer + self.waiting_for_turn.get(),
            consumer,
            queued: self.queued.load(Ordering::Relaxed),
            peak_bytes: self.peak.load(Ordering::Relaxed),
            workers: threads.len(),
        }
    }

    /// Notes that the calling thread works.
    #[cold]
    fn enter(&self) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let thread = std::thread::current().id();
        if !threads.contains(&thread) {
            threads.push(thread);
        }
    }

    /// Notes that a part which held `before` bytes holds `now`.
    fn holds(&self, before: usize, now: usize) {
        if now > before {
            let more = now - before;
            let held = self.held.fetch_add(more, Ordering::Relaxed) + more;
            self.peak.fetch_max(held, Ordering::Relaxed);
        } else if now < before {
            self.held.fetch_sub(before - now, Ordering::Relaxed);
        }
    }
}

/// A sum of times.
#[derive(Debug, Default)]
struct Nanoseconds(AtomicU64);

impl Nanoseconds {
    fn add(&self, time: Duration) {
        // 584 years fit.
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(time, Ordering::Relaxed);
    }

    fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

thread_local! {
    /// Time of this thread that has been put down to anything: what is left between two batches is
    /// waiting.
    static SPENT: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Puts down a time that has just passed on this thread.
fn put_down(time: Duration) {
    SPENT.set(SPENT.get() + time);
}

/// A moment on one thread.
#[derive(Clone, Copy)]
struct Mark {
    at: Instant,
    spent: Duration,
}

impl Mark {
    fn now() -> Self {
        Mark {
            at: Instant::now(),
            spent: SPENT.get(),
        }
    }

    /// Goes on to now, and returns the time since, all of which is put down. What was within it, of a
    /// run that the consumer or a stage started for instance, is not counted twice.
    fn all(&mut self) -> Duration {
        let now = Instant::now();
        let passed = now - self.at;
        self.at = now;
        self.spent += passed;
        SPENT.set(self.spent);
        passed
    }

    /// As [`Mark::all`], but returns only what had not been put down.
    fn rest(&mut self) -> Duration {
        let within = SPENT.get().saturating_sub(self.spent);
        self.all().saturating_sub(within)
    }
}
