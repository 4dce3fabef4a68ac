//! Sinks that lend the results to a closure, batch by batch, while the run goes on.

use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};

use super::{Of, Order, Sink};
use crate::item::Owned;

/// See [`batches`].
pub struct Ordered<F>(Mutex<F>);

/// See [`batches_unordered`].
pub struct AsReady<F>(F);

/// Takes batches from workers.
pub trait Lend<O>: Sync {
    /// Whether the batches come in the order of the input.
    const ORDER: Order;

    /// Lends one.
    fn lend(&self, batch: &[O]);
}

impl<O, F: FnMut(&[O]) + Send> Lend<O> for Ordered<F> {
    const ORDER: Order = Order::Input;

    fn lend(&self, batch: &[O]) {
        // A panic in the closure ends the run, so that a poisoned lock is never seen by a later call.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)(batch);
    }
}

impl<O, F: Fn(&[O]) + Sync> Lend<O> for AsReady<F> {
    const ORDER: Order = Order::Any;

    fn lend(&self, batch: &[O]) {
        (self.0)(batch);
    }
}

/// See [`batches`] and [`batches_unordered`].
pub struct Batches<O, L>(L, PhantomData<fn() -> O>);

/// Lends the results to `f`, batch by batch in the order of the input, while the run goes on. The
/// batch is the engine's own buffer and is overwritten once `f` returns.
///
/// ```
/// use engines::{CacheAware, Engine, Pipeline, batches};
///
/// let mut seen = 0;
/// let sink = batches(|batch: &[u32]| seen += batch.len());
/// CacheAware::default().run(&[1, 2, 3][..], &Pipeline::new(), sink).unwrap();
/// assert_eq!(seen, 3);
/// ```
pub fn batches<O, F: FnMut(&[O]) + Send>(f: F) -> Batches<O, Ordered<F>> {
    Batches(Ordered(Mutex::new(f)), PhantomData)
}

/// Lends the results to `f` as soon as they are there: each worker its own batches, several at once
/// and in no order between workers. No batch waits for another, and what `f` does with them is done on
/// all workers. The batch is the worker's own buffer and is overwritten once `f` returns.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use engines::{Engine, Parallel, Pipeline, batches_unordered, iter};
///
/// let seen = AtomicUsize::new(0);
/// let sink = batches_unordered(|batch: &[u32]| {
///     seen.fetch_add(batch.len(), Ordering::Relaxed);
/// });
/// Parallel::default().run(iter(0..100_000), &Pipeline::new(), sink).unwrap();
/// assert_eq!(seen.into_inner(), 100_000);
/// ```
pub fn batches_unordered<O, F: Fn(&[O]) + Sync>(f: F) -> Batches<O, AsReady<F>> {
    Batches(AsReady(f), PhantomData)
}

// SAFETY: `block` walks the positions below `n` once.
unsafe impl<O: Send, L: Lend<O>> Sink<Owned<O>> for Batches<O, L> {
    type Part = Vec<O>;
    type Output = ();
    const ORDER: Order = L::ORDER;
    const SPANS: bool = false;

    fn part(&self) -> Vec<O> {
        Vec::new()
    }

    #[inline(always)]
    fn push(&self, part: &mut Vec<O>, item: O) {
        part.push(item);
    }

    #[inline(always)]
    unsafe fn block<'a>(
        &self,
        part: &mut Vec<O>,
        _: usize,
        n: usize,
        get: impl FnMut(usize) -> Of<'a, O>,
    ) {
        part.extend((0..n).map(get));
    }

    fn flush(&self, part: &mut Vec<O>) {
        if !part.is_empty() {
            self.0.lend(part);
            part.clear();
        }
    }

    fn merge(&self, into: &mut Vec<O>, mut from: Vec<O>) {
        if into.is_empty() {
            *into = from;
        } else {
            into.append(&mut from);
        }
    }

    fn finish(self, mut part: Vec<O>) {
        Sink::<Owned<O>>::flush(&self, &mut part);
    }

    fn bytes(&self, part: &Vec<O>) -> usize {
        part.capacity() * size_of::<O>()
    }
}
