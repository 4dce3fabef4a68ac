//! The chain of stages: closures composed into one nested type, so that a batch runs through all of
//! them without a call, an allocation or a trait object in between.

use std::marker::PhantomData;

use crate::item::{Bytes, Item, Keyed, Owned};

/// One link of a chain, or a whole chain: takes items of the family `In`, emits items of `Out`.
pub trait Stage<In: Item> {
    /// What the stage emits.
    type Out: Item;
    /// What one worker keeps between items: scratch buffers, for instance. Nothing is shared.
    type Local: Default + Send;
    /// Whether every item yields exactly one: then blocks have a known size and vectorise.
    const ONE_TO_ONE: bool;

    /// Takes one item and hands every result to `emit` before it returns.
    fn push<E>(&self, local: &mut Self::Local, item: In::Of<'_>, emit: &mut E)
    where
        E: for<'b> FnMut(<Self::Out as Item>::Of<'b>);

    /// Takes one item and returns its one result. Engines call it only where [`Self::ONE_TO_ONE`].
    fn one<'a>(&self, local: &mut Self::Local, item: In::Of<'a>) -> <Self::Out as Item>::Of<'a>;
}

/// The empty chain.
#[derive(Clone, Copy, Debug, Default)]
pub struct Identity;

impl<In: Item> Stage<In> for Identity {
    type Out = In;
    type Local = ();
    const ONE_TO_ONE: bool = true;

    #[inline(always)]
    fn push<E>(&self, (): &mut (), item: In::Of<'_>, emit: &mut E)
    where
        E: for<'b> FnMut(In::Of<'b>),
    {
        emit(item)
    }

    #[inline(always)]
    fn one<'a>(&self, (): &mut (), item: In::Of<'a>) -> In::Of<'a> {
        item
    }
}

/// See [`Pipeline::map`].
#[derive(Clone, Copy)]
pub struct Map<S, F, O>(S, F, PhantomData<fn() -> O>);

impl<In, S, F, O> Stage<In> for Map<S, F, O>
where
    In: Item,
    S: Stage<In>,
    F: for<'a> Fn(<S::Out as Item>::Of<'a>) -> O,
{
    type Out = Owned<O>;
    type Local = S::Local;
    const ONE_TO_ONE: bool = S::ONE_TO_ONE;

    #[inline(always)]
    fn push<E>(&self, local: &mut Self::Local, item: In::Of<'_>, emit: &mut E)
    where
        E: for<'b> FnMut(O),
    {
        self.0
            .push(local, item, &mut |x: <S::Out as Item>::Of<'_>| {
                emit((self.1)(x))
            });
    }

    #[inline(always)]
    fn one<'a>(&self, local: &mut Self::Local, item: In::Of<'a>) -> <Owned<O> as Item>::Of<'a> {
        (self.1)(self.0.one(local, item))
    }
}

/// See [`Pipeline::filter`].
#[derive(Clone, Copy)]
pub struct Filter<S, F>(S, F);

impl<In, S, F> Stage<In> for Filter<S, F>
where
    In: Item,
    S: Stage<In>,
    F: for<'a, 'b> Fn(&'b <S::Out as Item>::Of<'a>) -> bool,
{
    type Out = S::Out;
    type Local = S::Local;
    const ONE_TO_ONE: bool = false;

    #[inline(always)]
    fn push<E>(&self, local: &mut Self::Local, item: In::Of<'_>, emit: &mut E)
    where
        E: for<'b> FnMut(<S::Out as Item>::Of<'b>),
    {
        self.0
            .push(local, item, &mut |x: <S::Out as Item>::Of<'_>| {
                if (self.1)(&x) {
                    emit(x)
                }
            });
    }

    fn one<'a>(&self, _: &mut Self::Local, _: In::Of<'a>) -> <S::Out as Item>::Of<'a> {
        unreachable!("a filter is not one-to-one")
    }
}

/// See [`Pipeline::flat_map`].
#[derive(Clone, Copy)]
pub struct FlatMap<S, F, O>(S, F, PhantomData<fn() -> O>);

impl<In, S, F, O> Stage<In> for FlatMap<S, F, O>
where
    In: Item,
    S: Stage<In>,
    O: IntoIterator,
    F: for<'a> Fn(<S::Out as Item>::Of<'a>) -> O,
{
    type Out = Owned<O::Item>;
    type Local = S::Local;
    const ONE_TO_ONE: bool = false;

    #[inline(always)]
    fn push<E>(&self, local: &mut Self::Local, item: In::Of<'_>, emit: &mut E)
    where
        E: for<'b> FnMut(O::Item),
    {
        self.0
            .push(local, item, &mut |x: <S::Out as Item>::Of<'_>| {
                for y in (self.1)(x) {
                    emit(y)
                }
            });
    }

    fn one<'a>(&self, _: &mut Self::Local, _: In::Of<'a>) -> <Owned<O::Item> as Item>::Of<'a> {
        unreachable!("a flat map is not one-to-one")
    }
}

/// See [`Pipeline::map_bytes`].
#[derive(Clone, Copy)]
pub struct MapBytes<S, F>(S, F);

impl<In, S, F> Stage<In> for MapBytes<S, F>
where
    In: Item,
    S: Stage<In, Out = Bytes>,
    F: for<'a> Fn(&'a [u8]) -> &'a [u8],
{
    type Out = Bytes;
    type Local = S::Local;
    const ONE_TO_ONE: bool = S::ONE_TO_ONE;

    #[inline(always)]
    fn push<E>(&self, local: &mut Self::Local, item: In::Of<'_>, emit: &mut E)
    where
        E: for<'b> FnMut(&'b [u8]),
    {
        self.0.push(local, item, &mut |x: &[u8]| emit((self.1)(x)));
    }

    #[inline(always)]
    fn one<'a>(&self, local: &mut Self::Local, item: In::Of<'a>) -> &'a [u8] {
        (self.1)(self.0.one(local, item))
    }
}

/// See [`Pipeline::bodies`].
#[derive(Clone, Copy)]
pub struct Bodies<S, V>(S, PhantomData<fn() -> V>);

impl<In, S, V> Stage<In> for Bodies<S, V>
where
    In: Item,
    S: Stage<In, Out = Keyed<V>>,
{
    type Out = Bytes;
    type Local = S::Local;
    const ONE_TO_ONE: bool = S::ONE_TO_ONE;

    #[inline(always)]
    fn push<E>(&self, local: &mut Self::Local, item: In::Of<'_>, emit: &mut E)
    where
        E: for<'b> FnMut(&'b [u8]),
    {
        self.0
            .push(local, item, &mut |(bytes, _): (&[u8], V)| emit(bytes));
    }

    #[inline(always)]
    fn one<'a>(&self, local: &mut Self::Local, item: In::Of<'a>) -> &'a [u8] {
        self.0.one(local, item).0
    }
}

/// See [`Pipeline::keyed`].
#[derive(Clone, Copy)]
pub struct KeyedBy<S, F, V>(S, F, PhantomData<fn() -> V>);

impl<In, S, F, V> Stage<In> for KeyedBy<S, F, V>
where
    In: Item,
    S: Stage<In, Out = Bytes>,
    F: for<'a> Fn(&'a [u8]) -> Option<(&'a [u8], V)>,
{
    type Out = Keyed<V>;
    type Local = S::Local;
    const ONE_TO_ONE: bool = false;

    #[inline(always)]
    fn push<E>(&self, local: &mut Self::Local, item: In::Of<'_>, emit: &mut E)
    where
        E: for<'b> FnMut((&'b [u8], V)),
    {
        self.0.push(local, item, &mut |x: &[u8]| {
            if let Some(keyed) = (self.1)(x) {
                emit(keyed)
            }
        });
    }

    fn one<'a>(&self, _: &mut Self::Local, _: In::Of<'a>) -> (&'a [u8], V) {
        unreachable!("a stage that may drop items is not one-to-one")
    }
}

/// See [`Pipeline::keyed_with`].
#[derive(Clone, Copy)]
pub struct KeyedWith<S, F, V>(S, F, PhantomData<fn() -> V>);

impl<In, S, F, V> Stage<In> for KeyedWith<S, F, V>
where
    In: Item,
    S: Stage<In>,
    F: for<'a, 'b> Fn(<S::Out as Item>::Of<'a>, &'b mut Vec<u8>) -> Option<V>,
{
    type Out = Keyed<V>;
    type Local = (S::Local, Vec<u8>);
    const ONE_TO_ONE: bool = false;

    #[inline(always)]
    fn push<E>(&self, (local, key): &mut Self::Local, item: In::Of<'_>, emit: &mut E)
    where
        E: for<'b> FnMut((&'b [u8], V)),
    {
        self.0
            .push(local, item, &mut |x: <S::Out as Item>::Of<'_>| {
                key.clear();
                if let Some(value) = (self.1)(x, key) {
                    emit((key, value))
                }
            });
    }

    fn one<'a>(&self, _: &mut Self::Local, _: In::Of<'a>) -> (&'a [u8], V) {
        unreachable!("a stage that may drop items is not one-to-one")
    }
}

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

fn chain<In, S>(stage: S) -> Pipeline<In, S> {
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
    /// An empty pipeline over responses or file contents, each with the position of its request or
    /// path in the source.
    pub fn responses() -> Self {
        chain(Identity)
    }
}

impl<In: Item, S: Stage<In>> Pipeline<In, S> {
    /// Turns each item into another, which borrows nothing from the item.
    pub fn map<O, F>(self, f: F) -> Pipeline<In, Map<S, F, O>>
    where
        F: for<'a> Fn(<S::Out as Item>::Of<'a>) -> O,
    {
        chain(Map(self.stage, f, PhantomData))
    }

    /// Keeps the items for which `f` holds.
    pub fn filter<F>(self, f: F) -> Pipeline<In, Filter<S, F>>
    where
        F: for<'a, 'b> Fn(&'b <S::Out as Item>::Of<'a>) -> bool,
    {
        chain(Filter(self.stage, f))
    }

    /// Turns each item into any number of others, which borrow nothing from it. An `Option` makes it
    /// a filter and a map in one.
    pub fn flat_map<O, F>(self, f: F) -> Pipeline<In, FlatMap<S, F, O>>
    where
        O: IntoIterator,
        F: for<'a> Fn(<S::Out as Item>::Of<'a>) -> O,
    {
        chain(FlatMap(self.stage, f, PhantomData))
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
    pub fn keyed_with<V, F>(self, f: F) -> Pipeline<In, KeyedWith<S, F, V>>
    where
        F: for<'a, 'b> Fn(<S::Out as Item>::Of<'a>, &'b mut Vec<u8>) -> Option<V>,
    {
        chain(KeyedWith(self.stage, f, PhantomData))
    }
}

impl<In: Item, S: Stage<In, Out = Bytes>> Pipeline<In, S> {
    /// Narrows each item to bytes borrowed from it, `<[u8]>::trim_ascii` for instance.
    pub fn map_bytes<F>(self, f: F) -> Pipeline<In, MapBytes<S, F>>
    where
        F: for<'a> Fn(&'a [u8]) -> &'a [u8],
    {
        chain(MapBytes(self.stage, f))
    }

    /// Splits each item into a key borrowed from it and a value; `None` drops the item.
    pub fn keyed<V, F>(self, f: F) -> Pipeline<In, KeyedBy<S, F, V>>
    where
        F: for<'a> Fn(&'a [u8]) -> Option<(&'a [u8], V)>,
    {
        chain(KeyedBy(self.stage, f, PhantomData))
    }
}

impl<In: Item, V, S: Stage<In, Out = Keyed<V>>> Pipeline<In, S> {
    /// Keeps the bytes and drops the value that they belong to: the bodies of responses, the contents
    /// of files.
    pub fn bodies(self) -> Pipeline<In, Bodies<S, V>> {
        chain(Bodies(self.stage, PhantomData))
    }
}
