//! The stages that look at one item at a time: what [`Pipeline`](crate::Pipeline)'s methods make of closures.

use std::any::type_name;
use std::marker::PhantomData;

use crate::item::{Bytes, Item, Keyed, Owned};
use crate::stage::{Stage, not_one_to_one};

/// See [`Pipeline::map`](crate::Pipeline::map).
#[derive(Clone, Copy)]
pub struct Map<F, O>(F, PhantomData<fn() -> O>);

impl<F, O> Map<F, O> {
    pub(crate) fn new(f: F) -> Self {
        Map(f, PhantomData)
    }
}

impl<In, F, O> Stage<In> for Map<F, O>
where
    In: Item,
    F: for<'a> Fn(In::Of<'a>) -> O,
{
    type Out = Owned<O>;
    type Local = ();
    const ONE_TO_ONE: bool = true;

    fn local(&self) {}

    #[inline(always)]
    fn push<E>(&self, (): &mut (), item: In::Of<'_>, emit: &mut E)
    where
        E: for<'b> FnMut(O),
    {
        emit((self.0)(item));
    }

    #[inline(always)]
    fn one<'a>(&self, (): &mut (), item: In::Of<'a>) -> <Owned<O> as Item>::Of<'a> {
        (self.0)(item)
    }

    fn describe(&self, steps: &mut Vec<String>) {
        steps.push(format!("map to {}", type_name::<O>()));
    }
}

/// See [`Pipeline::map_with`](crate::Pipeline::map_with).
#[derive(Clone, Copy)]
pub struct MapWith<I, F, O>(I, F, PhantomData<fn() -> O>);

impl<I, F, O> MapWith<I, F, O> {
    pub(crate) fn new(init: I, f: F) -> Self {
        MapWith(init, f, PhantomData)
    }
}

impl<In, T, I, F, O> Stage<In> for MapWith<I, F, O>
where
    In: Item,
    T: Send,
    I: Fn() -> T,
    F: for<'a, 'b> Fn(&'b mut T, In::Of<'a>) -> O,
{
    type Out = Owned<O>;
    type Local = T;
    const ONE_TO_ONE: bool = true;

    fn local(&self) -> T {
        (self.0)()
    }

    #[inline(always)]
    fn push<E>(&self, state: &mut T, item: In::Of<'_>, emit: &mut E)
    where
        E: for<'b> FnMut(O),
    {
        emit((self.1)(state, item));
    }

    #[inline(always)]
    fn one<'a>(&self, state: &mut T, item: In::Of<'a>) -> <Owned<O> as Item>::Of<'a> {
        (self.1)(state, item)
    }

    fn describe(&self, steps: &mut Vec<String>) {
        let (state, out) = (type_name::<T>(), type_name::<O>());
        steps.push(format!("map to {out}, with a {state} for each worker"));
    }
}

/// See [`Pipeline::filter`](crate::Pipeline::filter).
#[derive(Clone, Copy)]
pub struct Filter<F>(pub(crate) F);

impl<In, F> Stage<In> for Filter<F>
where
    In: Item,
    F: for<'a, 'b> Fn(&'b In::Of<'a>) -> bool,
{
    type Out = In;
    type Local = ();
    const ONE_TO_ONE: bool = false;

    fn local(&self) {}

    #[inline(always)]
    fn push<E>(&self, (): &mut (), item: In::Of<'_>, emit: &mut E)
    where
        E: for<'b> FnMut(In::Of<'b>),
    {
        if (self.0)(&item) {
            emit(item);
        }
    }

    fn one<'a>(&self, (): &mut (), _: In::Of<'a>) -> In::Of<'a> {
        not_one_to_one()
    }

    fn describe(&self, steps: &mut Vec<String>) {
        steps.push("filter".into());
    }
}

/// See [`Pipeline::flat_map`](crate::Pipeline::flat_map).
#[derive(Clone, Copy)]
pub struct FlatMap<F, O>(F, PhantomData<fn() -> O>);

impl<F, O> FlatMap<F, O> {
    pub(crate) fn new(f: F) -> Self {
        FlatMap(f, PhantomData)
    }
}

impl<In, F, O> Stage<In> for FlatMap<F, O>
where
    In: Item,
    O: IntoIterator,
    F: for<'a> Fn(In::Of<'a>) -> O,
{
    type Out = Owned<O::Item>;
    type Local = ();
    const ONE_TO_ONE: bool = false;

    fn local(&self) {}

    #[inline(always)]
    fn push<E>(&self, (): &mut (), item: In::Of<'_>, emit: &mut E)
    where
        E: for<'b> FnMut(O::Item),
    {
        for y in (self.0)(item) {
            emit(y);
        }
    }

    fn one<'a>(&self, (): &mut (), _: In::Of<'a>) -> <Owned<O::Item> as Item>::Of<'a> {
        not_one_to_one()
    }

    fn describe(&self, steps: &mut Vec<String>) {
        steps.push(format!("flat-map to {}", type_name::<O::Item>()));
    }
}

/// See [`Pipeline::map_bytes`](crate::Pipeline::map_bytes).
#[derive(Clone, Copy)]
pub struct MapBytes<F>(pub(crate) F);

impl<F> Stage<Bytes> for MapBytes<F>
where
    F: for<'a> Fn(&'a [u8]) -> &'a [u8],
{
    type Out = Bytes;
    type Local = ();
    const ONE_TO_ONE: bool = true;

    fn local(&self) {}

    #[inline(always)]
    fn push<E>(&self, (): &mut (), item: &[u8], emit: &mut E)
    where
        E: for<'b> FnMut(&'b [u8]),
    {
        emit((self.0)(item));
    }

    #[inline(always)]
    fn one<'a>(&self, (): &mut (), item: <Bytes as Item>::Of<'a>) -> <Bytes as Item>::Of<'a> {
        (self.0)(item)
    }

    fn describe(&self, steps: &mut Vec<String>) {
        steps.push("narrow the bytes".into());
    }
}

/// See [`Pipeline::bodies`](crate::Pipeline::bodies).
#[derive(Clone, Copy, Debug)]
pub struct Bodies;

impl<V> Stage<Keyed<V>> for Bodies {
    type Out = Bytes;
    type Local = ();
    const ONE_TO_ONE: bool = true;

    fn local(&self) {}

    #[inline(always)]
    fn push<E>(&self, (): &mut (), (bytes, _): (&[u8], V), emit: &mut E)
    where
        E: for<'b> FnMut(&'b [u8]),
    {
        emit(bytes);
    }

    #[inline(always)]
    fn one<'a>(
        &self,
        (): &mut (),
        (bytes, _): <Keyed<V> as Item>::Of<'a>,
    ) -> <Bytes as Item>::Of<'a> {
        bytes
    }

    fn describe(&self, steps: &mut Vec<String>) {
        steps.push("take the bodies".into());
    }
}

/// See [`Pipeline::keyed`](crate::Pipeline::keyed).
#[derive(Clone, Copy)]
pub struct KeyedBy<F, V>(F, PhantomData<fn() -> V>);

impl<F, V> KeyedBy<F, V> {
    pub(crate) fn new(f: F) -> Self {
        KeyedBy(f, PhantomData)
    }
}

impl<F, V> Stage<Bytes> for KeyedBy<F, V>
where
    F: for<'a> Fn(&'a [u8]) -> Option<(&'a [u8], V)>,
{
    type Out = Keyed<V>;
    type Local = ();
    const ONE_TO_ONE: bool = false;

    fn local(&self) {}

    #[inline(always)]
    fn push<E>(&self, (): &mut (), item: &[u8], emit: &mut E)
    where
        E: for<'b> FnMut((&'b [u8], V)),
    {
        if let Some(keyed) = (self.0)(item) {
            emit(keyed);
        }
    }

    fn one<'a>(&self, (): &mut (), _: <Bytes as Item>::Of<'a>) -> <Keyed<V> as Item>::Of<'a> {
        not_one_to_one()
    }

    fn describe(&self, steps: &mut Vec<String>) {
        steps.push(format!("split into a key and a {}", type_name::<V>()));
    }
}

/// See [`Pipeline::keyed_with`](crate::Pipeline::keyed_with).
#[derive(Clone, Copy)]
pub struct KeyedWith<F, V>(F, PhantomData<fn() -> V>);

impl<F, V> KeyedWith<F, V> {
    pub(crate) fn new(f: F) -> Self {
        KeyedWith(f, PhantomData)
    }
}

impl<In, F, V> Stage<In> for KeyedWith<F, V>
where
    In: Item,
    F: for<'a, 'b> Fn(In::Of<'a>, &'b mut Vec<u8>) -> Option<V>,
{
    type Out = Keyed<V>;
    type Local = Vec<u8>;
    const ONE_TO_ONE: bool = false;

    fn local(&self) -> Vec<u8> {
        Vec::new()
    }

    #[inline(always)]
    fn push<E>(&self, key: &mut Vec<u8>, item: In::Of<'_>, emit: &mut E)
    where
        E: for<'b> FnMut((&'b [u8], V)),
    {
        key.clear();
        if let Some(value) = (self.0)(item, key) {
            emit((key, value));
        }
    }

    fn one<'a>(&self, _: &mut Vec<u8>, _: In::Of<'a>) -> (&'a [u8], V) {
        not_one_to_one()
    }

    fn describe(&self, steps: &mut Vec<String>) {
        steps.push(format!("make a key and a {}", type_name::<V>()));
    }
}
