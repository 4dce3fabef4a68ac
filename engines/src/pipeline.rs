//! What users write: a chain of stages, built method by method.

use std::marker::PhantomData;

use crate::columns::Columns;
use crate::fallible::{Count, Counter, OnError, TryKeyed, TryMap};
use crate::gather::{Boxed, InBatches};
use crate::item::{Bytes, Item, Keyed, Owned};
use crate::stage::{Identity, Stage, Then};
use crate::stages::{Bodies, Filter, FlatMap, KeyedBy, KeyedWith, Map, MapBytes, MapWith};

/// A chain of stages over items of the family `In`. It holds no data and can be run any number of
/// times, by any engine, from any thread.
///
/// ```
/// use engines::{CacheAware, Engine, Pipeline, collect};
///
/// let evens = Pipeline::new().filter(|n: &u32| n % 2 == 0).map(|n| n * n);
/// let squares = CacheAware::default().run(&[1, 2, 3, 4][..], &evens, collect()).unwrap();
/// assert_eq!(squares, [4, 16]);
/// ```
pub struct Pipeline<In, S> {
    pub(crate) stage: S,
    input: PhantomData<fn(In)>,
}

impl<In, S: Clone> Clone for Pipeline<In, S> {
    fn clone(&self) -> Self {
        chain(self.stage.clone())
    }
}

/// A pipeline and the stage that has been added to it.
type Next<In, S, B> = Pipeline<In, Then<S, B>>;

pub(crate) fn chain<In, S>(stage: S) -> Pipeline<In, S> {
    Pipeline {
        stage,
        input: PhantomData,
    }
}

impl<T> Pipeline<Owned<T>, Identity> {
    /// An empty pipeline over owned items: those of a slice, an iterator or a window.
    #[expect(
        clippy::new_without_default,
        reason = "an empty pipeline is only ever a beginning"
    )]
    pub fn new() -> Self {
        chain(Identity)
    }
}

impl Pipeline<Bytes, Identity> {
    /// An empty pipeline over the records of a text, each without its line end.
    ///
    /// ```
    /// use engines::{Engine, MemoryOptimized, Pipeline, Records, sum};
    ///
    /// let lengths = Pipeline::records().map(|line| line.len() as f64);
    /// let total = MemoryOptimized::default().run(Records::text(b"one\ntwo\r\n"), &lengths, sum());
    /// assert_eq!(total.unwrap(), 6.0);
    /// ```
    pub fn records() -> Self {
        chain(Identity)
    }
}

impl Pipeline<Keyed<usize>, Identity> {
    /// An empty pipeline over responses, each with the position of its request in the source.
    /// [`Protocol`](crate::Protocol) has an example.
    pub fn responses() -> Self {
        chain(Identity)
    }

    /// An empty pipeline over the contents of files, each with the position of its path in the source.
    ///
    /// ```
    /// use engines::{Engine, Files, Pipeline, Streaming, collect};
    ///
    /// let lengths = Pipeline::files().map(|(contents, position)| (position, contents.len()));
    /// let none = Streaming::default().run(Files::at(&[]), &lengths, collect()).unwrap();
    /// assert!(none.is_empty()); // `Files` has a longer example.
    /// ```
    pub fn files() -> Self {
        Self::responses()
    }
}

impl<In: Item, S: Stage<In>> Pipeline<In, S> {
    fn then_stage<B>(self, stage: B) -> Next<In, S, B> {
        chain(Then(self.stage, stage))
    }

    /// Goes on with another pipeline, over what this one emits.
    ///
    /// ```
    /// use engines::{CacheAware, Engine, Pipeline, collect};
    ///
    /// let parse = Pipeline::new().map(|text: &str| text.len());
    /// let double = Pipeline::new().map(|n: usize| 2 * n);
    /// let words = ["a", "abc"];
    /// let twice = CacheAware::default().run(&words[..], &parse.then(double), collect()).unwrap();
    /// assert_eq!(twice, [2, 6]);
    /// ```
    pub fn then<B: Stage<S::Out>>(self, next: Pipeline<S::Out, B>) -> Next<In, S, B> {
        self.then_stage(next.stage)
    }

    /// Takes `N` numbers from each item with `parse`, drops items that have none, and lets `f` compute on
    /// them column by column: it gets `N` slices of the same length, at most 1,024, and adds its results
    /// to the vector. A loop over the slices takes place in vectors, as one over an array of structures
    /// or over text does not. Where a block ends is the engine's choice, so that results should not depend
    /// on it. What a worker holds is 8 KiB for each column, and the results of a block.
    ///
    /// ```
    /// use engines::{CacheAware, Engine, Pipeline, Records, bytes, collect};
    ///
    /// let areas = Pipeline::records().columns(
    ///     |line| {
    ///         let [width, height] = bytes::fields(line, b',')?;
    ///         let number = |text| Some(bytes::fixed_point::<1>(text)? as f64 / 10.0);
    ///         Some([number(width)?, number(height)?])
    ///     },
    ///     |[width, height], areas| areas.extend(width.iter().zip(height).map(|(w, h)| w * h)),
    /// );
    /// let text = Records::text(b"1.5,2.0\nnone\n3.0,3.0\n");
    /// assert_eq!(CacheAware::default().run(text, &areas, collect()).unwrap(), [3.0, 9.0]);
    /// ```
    pub fn columns<const N: usize, O, P, F>(
        self,
        parse: P,
        f: F,
    ) -> Next<In, S, Columns<N, P, F, O>>
    where
        P: for<'a> Fn(<S::Out as Item>::Of<'a>) -> Option<[f64; N]>,
        F: Fn([&[f64]; N], &mut Vec<O>),
    {
        self.then_stage(Columns::new(parse, f))
    }

    /// What the stages are, in words, first to last.
    ///
    /// ```
    /// use engines::Pipeline;
    ///
    /// let pipeline = Pipeline::new().filter(|n: &u32| n % 2 == 0).map(|n| n as f64);
    /// assert_eq!(pipeline.describe(), ["filter", "map to f64"]);
    /// ```
    pub fn describe(&self) -> Vec<String> {
        let mut steps = Vec::new();
        self.stage.describe(&mut steps);
        steps
    }

    /// Turns each item into another, which borrows nothing from the item.
    pub fn map<O, F>(self, f: F) -> Next<In, S, Map<F, O>>
    where
        F: for<'a> Fn(<S::Out as Item>::Of<'a>) -> O,
    {
        self.then_stage(Map::new(f))
    }

    /// As [`Self::map`], with a state that each worker has of its own, made by `init`: a buffer, a
    /// random generator, a cache.
    ///
    /// ```
    /// use engines::{Engine, Parallel, Pipeline, collect};
    ///
    /// let spelled = Pipeline::new().map_with(String::new, |text, n: u32| {
    ///     use std::fmt::Write;
    ///     text.clear();
    ///     write!(text, "{n}").unwrap();
    ///     text.len()
    /// });
    /// let digits = Parallel::default().run(&[7, 70, 700][..], &spelled, collect()).unwrap();
    /// assert_eq!(digits, [1, 2, 3]);
    /// ```
    pub fn map_with<T, O, I, F>(self, init: I, f: F) -> Next<In, S, MapWith<I, F, O>>
    where
        T: Send,
        I: Fn() -> T,
        F: for<'a, 'b> Fn(&'b mut T, <S::Out as Item>::Of<'a>) -> O,
    {
        self.then_stage(MapWith::new(init, f))
    }

    /// As [`Self::map`], where `f` can fail; `on_error` says what becomes of an item on which it does:
    /// [`Stop`](crate::Stop), [`Skip`](crate::Skip) or [`Divert`](crate::Divert).
    ///
    /// ```
    /// use engines::{Engine, Error, MemoryOptimized, Pipeline, Records, Stop, collect};
    ///
    /// let digits = Pipeline::records()
    ///     .try_map(|line| line.first().copied().ok_or("an empty line"), Stop);
    /// let failed = MemoryOptimized::default().run(Records::text(b"a\n\nb"), &digits, collect());
    /// assert!(matches!(failed, Err(Error::Stage(why)) if why.to_string() == "an empty line"));
    /// ```
    pub fn try_map<O, X, P, F>(self, f: F, on_error: P) -> Next<In, S, TryMap<F, P, O, X>>
    where
        F: for<'a> Fn(<S::Out as Item>::Of<'a>) -> Result<O, X>,
        P: OnError<X>,
    {
        self.then_stage(TryMap::new(f, on_error))
    }

    /// Adds the number of items that come by here to `counter`, batch by batch.
    ///
    /// ```
    /// use engines::{Counter, Engine, Parallel, Pipeline, sum};
    ///
    /// let kept = Counter::new();
    /// let positive = Pipeline::new().filter(|x: &f64| *x > 0.0).count(&kept);
    /// Parallel::default().run(&[1.0, -1.0, 2.0][..], &positive, sum()).unwrap();
    /// assert_eq!(kept.get(), 2);
    /// ```
    pub fn count(self, counter: &Counter) -> Next<In, S, Count<'_>> {
        self.then_stage(Count(counter))
    }

    /// Keeps the items for which `f` holds.
    pub fn filter<F>(self, f: F) -> Next<In, S, Filter<F>>
    where
        F: for<'a, 'b> Fn(&'b <S::Out as Item>::Of<'a>) -> bool,
    {
        self.then_stage(Filter(f))
    }

    /// Turns each item into any number of others, which borrow nothing from it. An `Option` makes it
    /// a filter and a map in one.
    ///
    /// ```
    /// use engines::{CacheAware, Engine, Pipeline, collect};
    ///
    /// let repeated = Pipeline::new().flat_map(|n: usize| std::iter::repeat_n(n, n));
    /// let all = CacheAware::default().run(&[2, 0, 3][..], &repeated, collect()).unwrap();
    /// assert_eq!(all, [2, 2, 3, 3, 3]);
    /// ```
    pub fn flat_map<O, F>(self, f: F) -> Next<In, S, FlatMap<F, O>>
    where
        O: IntoIterator,
        F: for<'a> Fn(<S::Out as Item>::Of<'a>) -> O,
    {
        self.then_stage(FlatMap::new(f))
    }

    /// As [`Self::keyed`], for a key that is not in the item as it stands: `f` appends it to an empty
    /// buffer which the engine keeps for it, one for each worker.
    ///
    /// ```
    /// use engines::{Engine, MemoryOptimized, Pipeline, Records, group};
    ///
    /// let count = Pipeline::records().keyed_with(|line, key| {
    ///     key.extend(line.iter().map(u8::to_ascii_lowercase));
    ///     Some(1u64)
    /// });
    /// let sink = group(|| 0, |n: &mut u64, one| *n += one, |n, m| *n += m);
    /// let groups = MemoryOptimized::default().run(Records::text(b"a\nB\nA"), &count, sink).unwrap();
    /// assert_eq!(groups.sorted(), [(&b"a"[..], &2), (b"b", &1)]);
    /// ```
    pub fn keyed_with<V, F>(self, f: F) -> Next<In, S, KeyedWith<F, V>>
    where
        F: for<'a, 'b> Fn(<S::Out as Item>::Of<'a>, &'b mut Vec<u8>) -> Option<V>,
    {
        self.then_stage(KeyedWith::new(f))
    }
}

impl<In: Item, S: Stage<In, Out = Bytes>> Pipeline<In, S> {
    /// Narrows each item to bytes borrowed from it, `<[u8]>::trim_ascii` for instance.
    ///
    /// ```
    /// use engines::{CacheAware, Engine, Pipeline, Records, collect};
    ///
    /// let trimmed = Pipeline::records().map_bytes(<[u8]>::trim_ascii).map(|line| line.len());
    /// let text = Records::text(b"  one \n three");
    /// assert_eq!(CacheAware::default().run(text, &trimmed, collect()).unwrap(), [3, 5]);
    /// ```
    pub fn map_bytes<F>(self, f: F) -> Next<In, S, MapBytes<F>>
    where
        F: for<'a> Fn(&'a [u8]) -> &'a [u8],
    {
        self.then_stage(MapBytes(f))
    }

    /// As [`Self::keyed`], where `f` says why it fails; `on_error` says what becomes of the item.
    ///
    /// ```
    /// use engines::{Divert, Engine, Parallel, Pipeline, Records, group};
    /// use std::sync::Mutex;
    ///
    /// let dead = Mutex::new(Vec::new());
    /// let first = Pipeline::records().try_keyed(
    ///     |line| line.split_at_checked(1).map(|(key, _)| (key, 1u64)).ok_or("an empty line"),
    ///     Divert(|why| dead.lock().unwrap().push(why)),
    /// );
    /// let sink = group(|| 0, |n: &mut u64, one| *n += one, |n, m| *n += m);
    /// let groups = Parallel::default().run(Records::text(b"ab\n\nac"), &first, sink).unwrap();
    /// assert_eq!(groups.sorted(), [(&b"a"[..], &2)]);
    /// assert_eq!(*dead.lock().unwrap(), ["an empty line"]);
    /// ```
    pub fn try_keyed<V, X, P, F>(self, f: F, on_error: P) -> Next<In, S, TryKeyed<F, P, V, X>>
    where
        F: for<'a> Fn(&'a [u8]) -> Result<(&'a [u8], V), X>,
        P: OnError<X>,
    {
        self.then_stage(TryKeyed::new(f, on_error))
    }

    /// Splits each item into a key borrowed from it and a value; `None` drops the item.
    ///
    /// ```
    /// use engines::{Engine, Parallel, Pipeline, Records, bytes, group};
    ///
    /// let readings = Pipeline::records().keyed(|line| {
    ///     let (sensor, value) = bytes::split_first(line, b';')?;
    ///     Some((sensor, bytes::integer(value)?))
    /// });
    /// let total = group(|| 0, |sum: &mut i64, n| *sum += n, |sum, n| *sum += n);
    /// let sums = Parallel::default().run(Records::text(b"a;1\nb;2\na;3\n-"), &readings, total).unwrap();
    /// assert_eq!(sums.sorted(), [(&b"a"[..], &4), (b"b", &2)]);
    /// ```
    pub fn keyed<V, F>(self, f: F) -> Next<In, S, KeyedBy<F, V>>
    where
        F: for<'a> Fn(&'a [u8]) -> Option<(&'a [u8], V)>,
    {
        self.then_stage(KeyedBy::new(f))
    }
}

impl<In: Item, V, S: Stage<In, Out = Keyed<V>>> Pipeline<In, S> {
    /// Keeps the bytes and drops the value that they belong to: the bodies of responses, the contents
    /// of files.
    pub fn bodies(self) -> Next<In, S, Bodies> {
        self.then_stage(Bodies)
    }
}

impl<In: Item, T, S: Stage<In, Out = Owned<T>>> Pipeline<In, S> {
    /// Hands items to `f` in batches of up to `most`, with a state that each worker has of its own: `f`
    /// takes them out of the first vector and puts its results into the second. What it leaves is
    /// dropped. A batch is shorter where the engine's own batch ends, so that results should not depend
    /// on where that is.
    ///
    /// ```
    /// use engines::{CacheAware, Engine, Pipeline, collect};
    ///
    /// // One comparison for each batch instead of one for each item.
    /// let clamped = Pipeline::new().in_batches(256, || (), |_, items: &mut Vec<i32>, out| {
    ///     if items.iter().all(|n| *n <= 9) {
    ///         out.append(items);
    ///     } else {
    ///         out.extend(items.drain(..).map(|n| n.min(9)));
    ///     }
    /// });
    /// let digits = CacheAware::default().run(&[1, 12, 3][..], &clamped, collect()).unwrap();
    /// assert_eq!(digits, [1, 9, 3]);
    /// ```
    pub fn in_batches<W, O, I, F>(
        self,
        most: usize,
        init: I,
        f: F,
    ) -> Next<In, S, InBatches<I, F, O>>
    where
        W: Send,
        I: Fn() -> W,
        F: Fn(&mut W, &mut Vec<T>, &mut Vec<O>),
    {
        self.then_stage(InBatches::new(most, init, f))
    }
}

impl<'p, T, O, S> Pipeline<Owned<T>, S>
where
    T: Send + 'p,
    O: Send + 'p,
    S: Stage<Owned<T>, Out = Owned<O>, Local: 'p> + Send + Sync + 'p,
{
    /// Hides the stages behind a type that only says what goes in and what comes out, so that a
    /// chain can be put together at run time. It is called once for a batch, which costs about a
    /// nanosecond an item; what is inside is as fast as ever.
    ///
    /// ```
    /// use engines::{Engine, Parallel, Pipeline, collect};
    ///
    /// let mut chain = Pipeline::new().map(|x: f64| x).boxed();
    /// for factor in [2.0, 0.5, 3.0] {
    ///     chain = chain.then(Pipeline::new().map(move |x: f64| x * factor)).boxed();
    /// }
    /// let tripled = Parallel::default().run(&[1.0, 2.0][..], &chain, collect()).unwrap();
    /// assert_eq!(tripled, [3.0, 6.0]);
    /// ```
    pub fn boxed(self) -> Pipeline<Owned<T>, Boxed<'p, T, O>> {
        chain(Boxed::new(self.stage))
    }
}
