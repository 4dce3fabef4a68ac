//! What every engine can do, and what can go wrong.

use std::io;
use std::path::PathBuf;

use crate::explain::{self, Input, Settings, Work};
use crate::follow::Follow;
use crate::item::{Bytes, Item, Keyed, Owned};
use crate::pipeline::{Pipeline, chain};
use crate::sink::Sink;
use crate::source::{Files, Indexed, Protocol, Records, Requests, Windows};
use crate::stage::{Failure, Stage};
use crate::stats::{Observed, ObservedSink, Stats};

/// A way to run any pipeline. The five methods that engines implement take one kind of source each;
/// callers use [`Engine::run`], which picks among them.
///
/// A panic in a stage or a sink reaches the caller of `run`, whichever thread it happened on.
///
/// ```
/// use engines::{CacheAware, Engine, Error, Parallel, Pipeline, sum};
///
/// fn energy(engine: &impl Engine, signal: &[f64]) -> Result<f64, Error> {
///     engine.run(signal, &Pipeline::new().map(|x: f64| x * x), sum())
/// }
/// assert_eq!(energy(&CacheAware::default(), &[3.0, 4.0]).unwrap(), 25.0);
/// assert_eq!(energy(&Parallel::default(), &[3.0, 4.0]).unwrap(), 25.0);
/// ```
pub trait Engine: Sync {
    /// The engine's name, in lower case with hyphens.
    fn name(&self) -> &'static str;

    /// Runs `pipeline` over `source` into `sink`.
    ///
    /// # Errors
    /// If the source cannot be read, or the engine's memory budget does not suffice.
    fn run<In, Src, S, K>(
        &self,
        source: Src,
        pipeline: &Pipeline<In, S>,
        sink: K,
    ) -> Result<K::Output, Error>
    where
        Self: Sized,
        In: Item,
        Src: Source<In>,
        S: Stage<In> + Sync,
        K: Sink<S::Out>,
    {
        source.drive(self, pipeline, sink)
    }

    /// As [`Engine::run`], while `stats` can be read at any time, from any thread. It costs two looks at
    /// the clock for each batch, and the result is the same bit for bit.
    ///
    /// ```
    /// use std::time::Duration;
    /// use engines::{Engine, Parallel, Pipeline, Records, Stats, batches};
    ///
    /// let stats = Stats::new();
    /// let sink = batches(|_: &[usize]| std::thread::sleep(Duration::from_millis(2)));
    /// let lengths = Pipeline::records().map(|line| line.len());
    /// Parallel::default().observe(Records::text(b"one\nthree"), &lengths, sink, &stats).unwrap();
    /// let now = stats.snapshot();
    /// assert_eq!((now.items_in, now.bytes_in), (2, 9));
    /// assert!(now.waiting_for_output >= Duration::from_millis(2));
    /// ```
    ///
    /// # Errors
    /// See [`Engine::run`].
    fn observe<In, Src, S, K>(
        &self,
        source: Src,
        pipeline: &Pipeline<In, S>,
        sink: K,
        stats: &Stats,
    ) -> Result<K::Output, Error>
    where
        Self: Sized,
        In: Item,
        Src: Source<In>,
        S: Stage<In> + Sync,
        K: Sink<S::Out>,
    {
        let observed = chain(Observed::new(&pipeline.stage, stats));
        self.run(source, &observed, ObservedSink::new(sink, stats))
    }

    /// What this engine would do with `pipeline` over `source`, line by line in plain English: stages,
    /// instruction set, threads, batches, read-ahead, order and memory, with the numbers of its settings.
    /// Nothing is run; of a file the length is looked up.
    ///
    /// ```
    /// use engines::{CacheAware, Engine, Pipeline};
    ///
    /// let evens = Pipeline::new().filter(|n: &u32| n % 2 == 0);
    /// let said = CacheAware::default().block_bytes(16 << 10).explain(&&[1, 2, 3][..], &evens);
    /// assert!(said.contains("threads: 1, the caller's"), "{said}");
    /// assert!(said.contains("batches: 2,048 items, of 8 KiB in"), "{said}");
    /// ```
    fn explain<In, Src, S>(&self, source: &Src, pipeline: &Pipeline<In, S>) -> String
    where
        Self: Sized,
        In: Item,
        Src: Source<In>,
        S: Stage<In>,
    {
        let work = Work::of::<In, S>(source.input());
        explain::text(
            self.name(),
            &work,
            &pipeline.describe(),
            self.settings(&work),
        )
    }

    /// What the engine's settings come to for such work.
    fn settings(&self, work: &Work) -> Settings;

    /// Runs over items that can be had by position.
    ///
    /// # Errors
    /// See [`Engine::run`].
    fn indexed<X, S, K>(
        &self,
        source: X,
        pipeline: &Pipeline<Owned<X::Item>, S>,
        sink: K,
    ) -> Result<K::Output, Error>
    where
        X: Indexed,
        S: Stage<Owned<X::Item>> + Sync,
        K: Sink<S::Out>;

    /// Runs over the items of an iterator.
    ///
    /// # Errors
    /// See [`Engine::run`].
    fn iterate<I, S, K>(
        &self,
        source: I,
        pipeline: &Pipeline<Owned<I::Item>, S>,
        sink: K,
    ) -> Result<K::Output, Error>
    where
        I: Iterator<Item: Send> + Send,
        S: Stage<Owned<I::Item>> + Sync,
        K: Sink<S::Out>;

    /// Runs over the records of a text.
    ///
    /// # Errors
    /// See [`Engine::run`].
    fn records<S, K>(
        &self,
        source: Records<'_>,
        pipeline: &Pipeline<Bytes, S>,
        sink: K,
    ) -> Result<K::Output, Error>
    where
        S: Stage<Bytes> + Sync,
        K: Sink<S::Out>;

    /// Runs over the responses to requests. With a sink that joins in input order the results are in
    /// the order of the keys.
    ///
    /// # Errors
    /// See [`Engine::run`].
    fn requests<P, S, K>(
        &self,
        source: Requests<'_, P>,
        pipeline: &Pipeline<Keyed<usize>, S>,
        sink: K,
    ) -> Result<K::Output, Error>
    where
        P: Protocol,
        S: Stage<Keyed<usize>> + Sync,
        K: Sink<S::Out>;

    /// Runs over the contents of files. With a sink that joins in input order the results are in the
    /// order of the paths.
    ///
    /// # Errors
    /// See [`Engine::run`].
    fn files<S, K>(
        &self,
        source: Files<'_>,
        pipeline: &Pipeline<Keyed<usize>, S>,
        sink: K,
    ) -> Result<K::Output, Error>
    where
        S: Stage<Keyed<usize>> + Sync,
        K: Sink<S::Out>;
}

/// Something that an engine can run a pipeline over. References to slices, vectors and arrays, [`Windows`], [`iter`](crate::iter),
/// [`Records`], [`Requests`] and [`Files`] are sources.
///
/// ```
/// use engines::{Bytes, CacheAware, Engine, Pipeline, Records, Source, sum};
///
/// fn bytes(lines: impl Source<Bytes>) -> f64 {
///     let lengths = Pipeline::records().map(|line| line.len() as f64);
///     CacheAware::default().run(lines, &lengths, sum()).unwrap()
/// }
/// assert_eq!(bytes(Records::text(b"one\ntwo")), 6.0);
/// ```
pub trait Source<In: Item> {
    /// What kind of source it is and how much there is, as far as that is known before the run.
    fn input(&self) -> Input;

    /// Calls the engine's method for this kind of source.
    ///
    /// # Errors
    /// See [`Engine::run`].
    fn drive<E, S, K>(
        self,
        engine: &E,
        pipeline: &Pipeline<In, S>,
        sink: K,
    ) -> Result<K::Output, Error>
    where
        E: Engine,
        S: Stage<In> + Sync,
        K: Sink<S::Out>;
}

/// Implements [`Source`] for a type by naming the engine's method for it.
macro_rules! source {
    ([$($generics:tt)*] $type:ty, $item:ty, $self:ident => $method:ident($argument:expr), $input:expr) => {
        impl<$($generics)*> Source<$item> for $type {
            fn input(&$self) -> Input {
                $input
            }

            fn drive<E, S, K>(
                $self,
                engine: &E,
                pipeline: &Pipeline<$item, S>,
                sink: K,
            ) -> Result<K::Output, Error>
            where
                E: Engine,
                S: Stage<$item> + Sync,
                K: Sink<S::Out>,
            {
                engine.$method($argument, pipeline, sink)
            }
        }
    };
}

source!([T: Copy + Sync] &[T], Owned<T>, self => indexed(self), Input::items(self));
source!([T: Copy + Sync] &Vec<T>, Owned<T>, self => indexed(self.as_slice()), Input::items(&self.as_slice()));
source!([T: Copy + Sync, const N: usize] &[T; N], Owned<T>, self => indexed(self.as_slice()), Input::items(&self.as_slice()));
source!([T: Copy + Sync, const N: usize] Windows<'_, T, N>, Owned<[T; N]>, self => indexed(self), Input::items(self));
source!([I: Iterator<Item: Send> + Send] Iter<I>, Owned<I::Item>, self => iterate(self.0), Input::iterator(&self.0));
source!([] Records<'_>, Bytes, self => records(self), Input::records(self));
source!([] Follow, Bytes, self => records(self.into()), Input::Reader);
source!([P: Protocol] Requests<'_, P>, Keyed<usize>, self => requests(self), Input::Requests(self.keys.len()));
source!([] Files<'_>, Keyed<usize>, self => files(self), Input::Files(self.0.len()));

/// See [`iter`].
pub struct Iter<I>(I);

/// Makes a source of an iterator. An engine with several workers takes items from it in batches,
/// under a lock.
///
/// ```
/// use engines::{Engine, MemoryOptimized, Pipeline, collect, iter};
///
/// let lengths = Pipeline::new().map(|word: String| word.len());
/// let words = ["a", "bc"].into_iter().map(String::from);
/// let lengths = MemoryOptimized::default().run(iter(words), &lengths, collect()).unwrap();
/// assert_eq!(lengths, [1, 2]);
/// ```
pub fn iter<I: IntoIterator>(items: I) -> Iter<I::IntoIter> {
    Iter(items.into_iter())
}

/// Why a run failed.
///
/// ```
/// use engines::{Engine, Error, Pipeline, Records, Streaming, collect};
///
/// let lengths = Pipeline::records().map(|line| line.len());
/// let failed = Streaming::default().run(Records::file("no such file"), &lengths, collect());
/// match failed {
///     Err(Error::File { path, .. }) => assert_eq!(path.to_str(), Some("no such file")),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A reader or a connection failed.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was being done, as a verb with its object.
        action: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// A stage failed whose policy is to [`Stop`](crate::Stop).
    #[error("a stage failed: {0}")]
    Stage(#[source] Failure),
    /// A buffer, a batch or a result does not fit into the engine's memory budget.
    #[error("{needed} bytes needed, but the memory budget is {budget} bytes")]
    Budget {
        /// Bytes that the engine would have had to hold at once.
        needed: usize,
        /// The budget in bytes.
        budget: usize,
    },
    /// A record is longer than the engine's `longest_record` allows.
    #[error("a record is longer than {longest} bytes, the longest that the engine is set to take")]
    Record {
        /// Bytes that a record may have, its line end not counted.
        longest: usize,
    },
    /// A request was issued as often as it may be, each time in vain.
    #[error("request {position} failed, issued {times} times: {cause}")]
    Request {
        /// Position of its key.
        position: usize,
        /// How often it was issued.
        times: u32,
        /// Why it failed the last time.
        #[source]
        cause: Box<Error>,
    },
    /// The run was ended by a [`Cancel`](crate::Cancel). What had been answered until then has reached
    /// the sink.
    #[error("the run was cancelled")]
    Cancelled,
}

impl Error {
    pub(crate) fn io(action: &'static str) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Io { action, source }
    }

    /// What went wrong with a reader, which may be that of a file.
    pub(crate) fn reading(path: Option<std::path::PathBuf>) -> impl FnOnce(io::Error) -> Error {
        move |source| match path {
            Some(path) => Error::File { path, source },
            None => Error::io("read the records")(source),
        }
    }

    /// Copies the path only if there is an error, because this stands behind every read.
    pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::File {
            path: path.to_owned(),
            source,
        }
    }
}
